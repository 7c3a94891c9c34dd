//! How far columns moved, in all rows and by the age of their period.
//!
//! What is not told of a protected column: the largest move, which is one row's; a sum or mean of fewer than eleven moves; what
//! its bounds did, which beside the count's own move would tell the counts that are withheld on one side. By age, moves stand
//! together until each sum is of eleven, so that nothing is left that the whole less the others would tell.

use model::Result;

use super::{Aged, Comparison, Moved, aged};

/// In fewer rows than this a protected column's move is not told.
const FEW: u64 = 11;

pub(super) const WITHHELD: &str = "too few protected counts changed to tell by how much";

const BOUND: &str = "a bound of a protected count: its move beside the count's would tell what is withheld";

impl Comparison<'_> {
    /// How far a column moved, if it did.
    pub(super) fn moved(&self, place: usize, name: &str, number: bool) -> Result<Option<Moved>> {
        let rows = self.rows(&format!("SELECT {} FROM joined WHERE {}", sizes(place, number), differs(place)))?;
        let moved = rows.into_iter().next().map(|row| self.told(name, number, row));
        Ok(moved.filter(|moved| moved.rows > 0))
    }

    /// How far a column of numbers moved by age; of a protected one, ages stand together until each has enough.
    pub(super) fn moved_by_age(&self, place: usize, name: &str, years: bool) -> Result<Vec<Aged>> {
        let (aged, differs) = (aged(years), differs(place));
        let counted = self.rows(&format!(
            "SELECT _lag::VARCHAR, count(b{place} - a{place})::VARCHAR FROM ({aged}) WHERE {differs}
             GROUP BY _lag ORDER BY _lag NULLS LAST"
        ))?;
        let number = |text: Option<&Option<String>>| text?.as_ref()?.parse::<i64>().ok();
        let counted: Vec<(Option<i64>, u64)> = counted
            .iter()
            .map(|row| (number(row.first()), number(row.get(1)).and_then(|count| count.try_into().ok()).unwrap_or(0)))
            .collect();
        let counts: Vec<u64> = counted.iter().map(|(_, count)| *count).collect();
        let groups = together(&counts, if self.is_protected(name) { FEW } else { 0 });
        let ages = |group: &std::ops::Range<usize>| counted[group.clone()].iter().map(|(age, _)| *age);
        let cases: String = groups
            .iter()
            .enumerate()
            .take(groups.len().saturating_sub(1))
            .filter_map(|(nth, group)| Some(format!("WHEN _lag <= {} THEN {nth} ", ages(group).flatten().max()?)))
            .collect();
        let last = groups.len().saturating_sub(1);
        // A number alone would be the place of a column.
        let nth = format!("CASE WHEN false THEN 0 {cases}ELSE {last} END");
        let rows = self.rows(&format!(
            "SELECT {} FROM ({aged}) WHERE {differs} GROUP BY {nth} ORDER BY {nth}",
            sizes(place, true)
        ))?;
        let each = groups.iter().zip(rows).map(|(group, row)| Aged {
            lag: ages(group).flatten().min(),
            lag_to: ages(group).flatten().max(),
            without_period: ages(group).any(|age| age.is_none()),
            moved: self.told(name, true, row),
        });
        Ok(each.collect())
    }

    /// What may be told of a row of [`sizes`].
    fn told(&self, name: &str, number: bool, row: Vec<Option<String>>) -> Moved {
        let mut row = row.into_iter();
        let mut next = || row.next().flatten();
        let count = |text: Option<String>| text.and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        let (rows, pairs) = (count(next()), count(next()));
        let mut moved =
            Moved { column: name.to_owned(), rows, sum: next(), mean: next(), largest: next(), withheld: None };
        if number && self.is_protected(name) {
            moved.largest = None;
            moved.withheld = match name.ends_with("_low") || name.ends_with("_high") {
                _ if pairs < FEW => Some(WITHHELD),
                true => Some(BOUND),
                false => None,
            };
            if moved.withheld.is_some() {
                (moved.sum, moved.mean) = (None, None);
            }
        }
        moved
    }

    /// Whether a column is a protected count or rate, or a bound, an error or a class of one.
    pub(super) fn is_protected(&self, name: &str) -> bool {
        let of = |known: &String| {
            name.strip_prefix(known.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        // A rate by another name is told by its beginning, such as `crude_rate_bin` of `crude_rate_per_100k`.
        let stem = |known: &String| {
            known
                .split_once("_per_")
                .is_some_and(|(stem, _)| name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('_')))
        };
        self.protected.iter().any(|known| of(known) || stem(known))
    }
}

/// In which rows of both sides a column differs, as SQL.
fn differs(place: usize) -> String {
    format!("_class NOT IN ('added', 'withdrawn') AND a{place} IS DISTINCT FROM b{place}")
}

/// What is asked of them: how many, in how many both sides have it, and the sum, mean and largest of what these moved.
fn sizes(place: usize, number: bool) -> String {
    if !number {
        return "count(*)::VARCHAR, '0', NULL, NULL, NULL".to_owned();
    }
    let by = format!("b{place} - a{place}");
    format!(
        "count(*)::VARCHAR, count({by})::VARCHAR, sum({by})::VARCHAR, avg(abs({by}))::DECIMAL(38, 4)::VARCHAR, \
         max(abs({by}))::VARCHAR"
    )
}

/// Puts neighbours together until each group counts so many; what is left over at the end goes with the group before it.
fn together(counts: &[u64], few: u64) -> Vec<std::ops::Range<usize>> {
    let mut groups: Vec<std::ops::Range<usize>> = Vec::new();
    let (mut begin, mut sum) = (0, 0);
    for (place, count) in counts.iter().enumerate() {
        sum += count;
        if sum >= few {
            groups.push(begin..place + 1);
            (begin, sum) = (place + 1, 0);
        }
    }
    if begin < counts.len() {
        match groups.last_mut() {
            Some(last) => last.end = counts.len(),
            None => groups.push(0..counts.len()),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wants groups that end before these places.
    #[track_caller]
    fn check(counts: &[u64], ends: &[usize]) {
        let groups = together(counts, FEW);
        assert_eq!(groups.iter().map(|group| group.end).collect::<Vec<_>>(), ends);
        // Nothing is left out or told twice, and no group is small unless it is all there is.
        assert_eq!(groups.iter().flat_map(Clone::clone).collect::<Vec<_>>(), (0..counts.len()).collect::<Vec<_>>());
        let few = groups.iter().filter(|group| counts[(*group).clone()].iter().sum::<u64>() < FEW).count();
        assert!(few == 0 || groups.len() == 1, "{groups:?}");
    }

    #[test]
    fn ages_stand_together_until_each_has_eleven() {
        check(&[], &[]);
        check(&[11, 12, 13], &[1, 2, 3]);
        check(&[3, 8, 20, 2], &[2, 4]);
        check(&[10, 0, 1, 0, 0, 11], &[3, 6]);
        check(&[30, 10], &[2]);
        check(&[1, 2, 3], &[3]);
        assert_eq!(together(&[1, 0, 2], 0), [0..1, 1..2, 2..3]);
    }
}
