//! What an answer shows, and how it differs from world to world: rows are recognised by the columns that name them,
//! numbers are found in whatever a cell holds.

use std::collections::HashMap;

use crate::session::Answer;

/// What a cell of the real answer is in several worlds; `None` where it is null or the row is not there.
pub(super) type Series = Vec<Option<String>>;

/// The answers of several worlds, cell by cell of the real one.
pub(super) struct Seen {
    /// By row and column of the real answer.
    pub(super) series: Vec<Vec<Series>>,
}

/// A number in a cell. One cell may hold several: a text, a struct.
#[derive(Debug, Clone)]
pub(super) struct Number {
    pub(super) row: usize,
    pub(super) column: usize,
    /// In the real answer.
    pub(super) real: f64,
    /// In each world, where it is a number in all of them; with the digits as they stand.
    pub(super) worlds: Vec<(f64, String)>,
}

/// Recognises the rows of the real answer in the others. `None` if nothing names its rows and the others have more or
/// fewer of them.
pub(super) fn align(real: &Answer, others: &[Answer]) -> Option<Seen> {
    let places = places(real, others)?;
    let series = (0..real.rows.len()).map(|row| {
        (0..real.columns.len())
            .map(|column| {
                let cell = |(other, at): (&Answer, &Vec<Option<usize>>)| {
                    at[row].and_then(|place| other.rows[place][column].clone())
                };
                others.iter().zip(&places).map(cell).collect()
            })
            .collect()
    });
    Some(Seen { series: series.collect() })
}

/// For each other answer where each row of the real one is in it.
fn places(real: &Answer, others: &[Answer]) -> Option<Vec<Vec<Option<usize>>>> {
    if real.rows.len() == 1 && others.iter().all(|other| other.rows.len() == 1) {
        return Some(vec![vec![Some(0)]; others.len()]);
    }
    // The names that recognise most rows are the best; words before numbers, few columns before many.
    let mut best: Option<(usize, Vec<Vec<Option<usize>>>)> = None;
    for names in candidates(real) {
        let Some(index) = unique(real, &names) else { continue };
        let mut found = Vec::with_capacity(others.len());
        let mut known = 0;
        for other in others {
            let Some(theirs) = unique(other, &names) else { break };
            let at: Vec<Option<usize>> = {
                let mut at = vec![None; real.rows.len()];
                for (key, row) in &index {
                    at[*row] = theirs.get(key).copied();
                }
                at
            };
            known += at.iter().flatten().count();
            found.push(at);
        }
        if found.len() == others.len() && best.as_ref().is_none_or(|(most, _)| known > *most) {
            best = Some((known, found));
        }
    }
    let all = real.rows.len() * others.len();
    if let Some((known, found)) = best
        && (known == all || 2 * known > all)
    {
        return Some(found);
    }
    // Without names the order has to do.
    others
        .iter()
        .all(|other| other.rows.len() == real.rows.len())
        .then(|| vec![(0..real.rows.len()).map(Some).collect(); others.len()])
}

/// Sets of columns that may name rows: one, two or three, words first.
fn candidates(real: &Answer) -> Vec<Vec<usize>> {
    let whole = |kind: &str| kind.ends_with("INT") || kind.ends_with("INTEGER");
    let word = |kind: &str| matches!(kind, "VARCHAR" | "DATE" | "BOOLEAN");
    let of = |test: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..real.columns.len()).filter(|column| test(&real.types[*column])).collect()
    };
    let mut columns = of(&word);
    columns.extend(of(&whole));
    columns.truncate(8);
    let mut sets: Vec<Vec<usize>> = columns.iter().map(|column| vec![*column]).collect();
    for (place, one) in columns.iter().enumerate() {
        for (next, two) in columns.iter().enumerate().skip(place + 1) {
            sets.push(vec![*one, *two]);
            sets.extend(columns[next + 1..].iter().map(|three| vec![*one, *two, *three]));
        }
    }
    sets.sort_by_key(Vec::len);
    sets
}

type Index<'a> = HashMap<Vec<Option<&'a str>>, usize>;

/// Rows by these columns, if no two are alike.
fn unique<'a>(answer: &'a Answer, names: &[usize]) -> Option<Index<'a>> {
    let mut index = HashMap::with_capacity(answer.rows.len());
    for (place, row) in answer.rows.iter().enumerate() {
        let key: Vec<Option<&str>> = names.iter().map(|name| row[*name].as_deref()).collect();
        if index.insert(key, place).is_some() {
            return None;
        }
    }
    Some(index)
}

/// Whether a cell differs between worlds.
pub(super) fn moves(series: &Series) -> bool {
    series.iter().any(|cell| *cell != series[0])
}

/// The numbers of a real cell that differ in other worlds, where the cell is the same but for its numbers in all of
/// them. Empty where it is not, which is for the caller to tell from a cell that does not move.
pub(super) fn numbers(row: usize, column: usize, real: &str, series: &Series) -> Vec<Number> {
    let (words, values) = split(real);
    let mut found: Vec<Number> =
        values.into_iter().map(|(real, _)| Number { row, column, real, worlds: Vec::new() }).collect();
    for cell in series {
        let Some(cell) = cell else { return Vec::new() };
        let (theirs, values) = split(cell);
        if theirs != words {
            return Vec::new();
        }
        for (number, value) in found.iter_mut().zip(values) {
            number.worlds.push(value);
        }
    }
    found.retain(|number| number.worlds.iter().any(|value| value.1 != number.worlds[0].1 || value.0 != number.real));
    found
}

/// A text as its words, with `#` for each number, and its numbers. Commas between digits set thousands apart.
fn split(text: &str) -> (String, Vec<(f64, String)>) {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let (mut words, mut numbers) = (String::new(), Vec::new());
    let mut at = 0;
    while at < bytes.len() {
        let negative = bytes[at] == b'-' && digit(at + 1) && !(at > 0 && bytes[at - 1].is_ascii_alphanumeric());
        if !digit(at) && !negative {
            // Whole characters, whatever their length.
            let next = (at + 1..=bytes.len()).find(|end| text.is_char_boundary(*end)).unwrap_or(bytes.len());
            words.push_str(&text[at..next]);
            at = next;
            continue;
        }
        let start = at;
        at += usize::from(negative);
        while digit(at) {
            at += 1;
        }
        while bytes.get(at) == Some(&b',') && (1..4).all(|next| digit(at + next)) && !digit(at + 4) {
            at += 4;
        }
        if bytes.get(at) == Some(&b'.') && digit(at + 1) {
            at += 1;
            while digit(at) {
                at += 1;
            }
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(at + 1), Some(b'-' | b'+')));
            if digit(at + 1 + sign) {
                at += 1 + sign;
                while digit(at) {
                    at += 1;
                }
            }
        }
        let digits: String = text[start..at].chars().filter(|c| *c != ',').collect();
        numbers.push((digits.parse().unwrap_or(0.0), digits));
        words.push('#');
    }
    (words, numbers)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn numbers_are_found_in_words() {
        #[track_caller]
        fn check(text: &str, words: &str, numbers: &[f64]) {
            let (found, values) = split(text);
            assert_eq!(
                (found.as_str(), values.iter().map(|value| value.0).collect::<Vec<_>>()),
                (words, numbers.to_vec())
            );
        }
        check("7", "#", &[7.0]);
        check("-7.50", "#", &[-7.5]);
        check("33,091 died, 4.11 times as many", "# died, # times as many", &[33_091.0, 4.11]);
        check("{low: 282, high: 300}", "{low: #, high: #}", &[282.0, 300.0]);
        check("1999-2016", "#-#", &[1999.0, 2016.0]);
        check("1,2", "#,#", &[1.0, 2.0]);
        check("1.5e-3é7", "#é#", &[0.0015, 7.0]);
    }
}
