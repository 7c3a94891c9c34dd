//! What part of a dataset a slice holds: the values of some columns, each with its rows.
//!
//! [`relation`] compares two slices of one edition by that alone, so that most need never be read. It errs on one side: what
//! it cannot tell is [`Relation::Unclear`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The values of one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// The column.
    pub column: String,
    /// How many different values it has, null not among them.
    pub values: u64,
    /// The rows of each value, by its text. None where there are more than [`Covered::MOST`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<BTreeMap<String, u64>>,
    /// How many rows have no value.
    #[serde(default, skip_serializing_if = "none")]
    pub null: u64,
}

fn none(count: &u64) -> bool {
    *count == 0
}

impl Covered {
    /// Of how many values at most the rows are told: of all counties of the country, not of all its pharmacies.
    pub const MOST: usize = 4096;

    /// The only value, where every row has the same one.
    pub fn only(&self) -> Option<&str> {
        let rows = self.rows.as_ref().filter(|rows| rows.len() == 1 && self.null == 0)?;
        rows.keys().next().map(String::as_str)
    }

    /// Whether no row of the one can be a row of the other.
    fn is_disjoint(&self, other: &Self) -> bool {
        let (Some(own), Some(theirs)) = (&self.rows, &other.rows) else { return false };
        (self.null == 0 || other.null == 0) && !own.keys().any(|value| theirs.contains_key(value))
    }

    /// Whether every row of the other can be among these: they have as many of each value, where that is told of both.
    fn may_hold(&self, other: &Self) -> Option<bool> {
        let enough = self.null >= other.null && self.values >= other.values;
        match (&self.rows, &other.rows) {
            (Some(own), Some(theirs)) => {
                Some(enough && theirs.iter().all(|(value, rows)| own.get(value).is_some_and(|own| own >= rows)))
            }
            _ if !enough => Some(false),
            _ => None,
        }
    }
}

/// How the rows of two slices lie to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// None is in both.
    Disjoint,
    /// The first holds all of the second.
    Holds,
    /// The second holds all of the first, and more.
    Held,
    /// What they cover does not tell.
    Unclear,
}

/// Compares what two slices of one edition cover. A slice holds another where it covers all of what that does and has at
/// least as many rows of every value: then they are the same rows, for an edition says the same in all its files.
pub fn relation(first: &[Covered], second: &[Covered]) -> Relation {
    let pairs: Vec<(&Covered, &Covered)> =
        first.iter().filter_map(|own| Some((own, second.iter().find(|theirs| theirs.column == own.column)?))).collect();
    if pairs.iter().any(|(own, theirs)| own.is_disjoint(theirs)) {
        return Relation::Disjoint;
    }
    let same_columns = pairs.len() == first.len() && pairs.len() == second.len();
    let holds = |told: Vec<Option<bool>>| {
        same_columns && told.iter().all(|told| *told != Some(false)) && told.contains(&Some(true))
    };
    if holds(pairs.iter().map(|(own, theirs)| own.may_hold(theirs)).collect()) {
        Relation::Holds
    } else if holds(pairs.iter().map(|(own, theirs)| theirs.may_hold(own)).collect()) {
        Relation::Held
    } else {
        Relation::Unclear
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(column: &str, rows: &[(&str, u64)], null: u64) -> Covered {
        let rows: BTreeMap<String, u64> = rows.iter().map(|(value, rows)| ((*value).to_owned(), *rows)).collect();
        Covered { column: column.to_owned(), values: rows.len() as u64, rows: Some(rows), null }
    }

    fn slice(counties: &[(&str, u64)], drugs: &[(&str, u64)]) -> Vec<Covered> {
        vec![covered("county", counties, 0), covered("drug", drugs, 0)]
    }

    #[test]
    fn one_column_without_a_common_value_keeps_slices_apart() {
        let mingo = slice(&[("54059", 9)], &[("HYDROCODONE", 5), ("OXYCODONE", 4)]);
        let other = slice(&[("54045", 9)], &[("HYDROCODONE", 5), ("OXYCODONE", 4)]);
        let methadone = slice(&[("54059", 3)], &[("METHADONE", 3)]);
        assert_eq!(relation(&mingo, &other), Relation::Disjoint);
        assert_eq!(relation(&mingo, &methadone), Relation::Disjoint);
    }

    #[test]
    fn the_broader_holds_the_narrower_where_it_has_as_many_rows_of_each_value() {
        let state = slice(&[("54059", 9), ("54045", 4)], &[("HYDROCODONE", 9), ("OXYCODONE", 4)]);
        let mingo = slice(&[("54059", 9)], &[("HYDROCODONE", 5), ("OXYCODONE", 4)]);
        assert_eq!(relation(&state, &mingo), Relation::Holds);
        assert_eq!(relation(&mingo, &state), Relation::Held);
        assert_eq!(relation(&mingo, &mingo), Relation::Holds);
        let more = slice(&[("54059", 10)], &[("HYDROCODONE", 6), ("OXYCODONE", 4)]);
        assert_eq!(relation(&state, &more), Relation::Unclear, "the state lacks a row of the county");
        let crossing = slice(&[("54059", 9), ("21195", 1)], &[("HYDROCODONE", 6), ("OXYCODONE", 4)]);
        assert_eq!(relation(&state, &crossing), Relation::Unclear);
    }

    #[test]
    fn rows_without_a_value_may_be_the_same_rows() {
        let persons = vec![covered("buyer", &[], 3), covered("drug", &[("OXYCODONE", 3)], 0)];
        let others = vec![covered("buyer", &[("BH6954401", 2)], 1), covered("drug", &[("OXYCODONE", 3)], 0)];
        let pharmacy = vec![covered("buyer", &[("BH6954401", 2)], 0), covered("drug", &[("OXYCODONE", 2)], 0)];
        assert_eq!(relation(&persons, &others), Relation::Unclear);
        assert_eq!(relation(&persons, &pharmacy), Relation::Disjoint);
        assert_eq!(relation(&others, &pharmacy), Relation::Holds);
    }

    #[test]
    fn what_is_not_told_is_not_taken_for_nothing() {
        let mingo = slice(&[("54059", 9)], &[("OXYCODONE", 9)]);
        assert_eq!(relation(&[], &mingo), Relation::Unclear, "a slice of an older program");
        assert_eq!(relation(&mingo, &[]), Relation::Unclear);
        let many = |values| Covered { column: "buyer".to_owned(), values, rows: None, null: 0 };
        let with = |mut slice: Vec<Covered>, buyers| {
            slice.push(buyers);
            slice
        };
        let country = with(slice(&[("54059", 9), ("54045", 4)], &[("OXYCODONE", 13)]), many(5000));
        let county = with(mingo.clone(), covered("buyer", &[("BH6954401", 9)], 0));
        assert_eq!(relation(&country, &county), Relation::Holds);
        assert_eq!(relation(&with(mingo, many(6000)), &country), Relation::Unclear);
    }

    #[test]
    fn the_only_value_is_one_that_every_row_has() {
        assert_eq!(covered("county", &[("54059", 9)], 0).only(), Some("54059"));
        assert_eq!(covered("county", &[("54059", 9)], 1).only(), None);
        assert_eq!(covered("county", &[("54059", 9), ("54045", 1)], 0).only(), None);
    }
}
