//! Cells: from text to the type that the vocabulary gives, with the words that a publisher uses for what is not there.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, StringArray};
use arrow::compute::kernels::cast_utils::parse_decimal;
use arrow::datatypes::Decimal128Type;
use jiff::ToSpan as _;
use model::column::{Type, Vocabulary};
use model::dataset::{Bound, Column, Read, Status, Withheld};
use model::kind::{CountyFips, DeaNumber, Ndc, Ori, StateFips, Zip};
use model::{Kind, Result, ResultExt as _};

use super::{Fault, Faults, Headers, find, text};

/// Days from the Unix epoch, as Arrow's dates count.
pub(super) fn days(date: jiff::civil::Date) -> i32 {
    let epoch = jiff::civil::date(1970, 1, 1);
    // A civil date is at most some millions of days from the epoch.
    date.since(epoch).map(|span| span.get_days()).unwrap_or_default()
}

/// The date of so many days from the Unix epoch.
pub(crate) fn date(day: i32) -> Option<jiff::civil::Date> {
    jiff::civil::date(1970, 1, 1).checked_add(day.days()).ok()
}

/// Reads a declared column: one array, or those of a count that can be withheld, or of a rate with a status.
pub(super) fn read(
    column: &Column,
    vocabulary: &Vocabulary,
    headers: &Headers<'_>,
    rows: usize,
    faults: &mut Faults,
) -> Result<Vec<ArrayRef>> {
    let cells = Cells::new(column, headers, rows);
    if let Some(withheld) = &column.withheld {
        return Ok(withheld_count(&cells, withheld, headers, faults));
    }
    let kind = vocabulary.get(&column.name)?.kind;
    let Some(words) = &column.status else {
        if kind == Type::Text && column.words.is_empty() && cells.stands_as_it_is() {
            return Ok(vec![Arc::new((0..rows).map(|row| cells.raw(row)).collect::<StringArray>())]);
        }
        let texts = (0..rows).map(|row| cells.word(row, faults)).collect();
        return Ok(vec![typed(column, kind, texts, faults)?]);
    };
    let mut texts = Vec::with_capacity(rows);
    let mut statuses = Vec::with_capacity(rows);
    for row in 0..rows {
        let cell = cells.value(row);
        let (text, status) = match cell {
            _ if !cells.applies(row) => (None, Status::NotApplicable),
            None => (None, words.get("").copied().unwrap_or(Status::Missing)),
            Some(text) => match (words.get(&text), remarked(&text)) {
                (Some(status), _) => (None, *status),
                // Some databases print the number and its remark, as `12.7 (Unreliable)`.
                (None, Some((number, word))) if words.contains_key(word) => {
                    (Some(number.to_owned()), words.get(word).copied().unwrap_or(Status::Reported))
                }
                (None, _) => (Some(text), Status::Reported),
            },
        };
        statuses.push(status.as_str());
        texts.push(text);
    }
    Ok(vec![typed(column, kind, texts, faults)?, Arc::new(StringArray::from(statuses))])
}

/// Words of a company's name, which no person has.
const COMPANY: &[&str] = &[
    "INC",
    "LLC",
    "LP",
    "LLP",
    "LTD",
    "CORP",
    "CORPORATION",
    "CO",
    "COMPANY",
    "CLINIC",
    "HEALTH",
    "HEALTHCARE",
    "HOSPITAL",
    "PHARMACY",
    "PHARMACIES",
    "DRUG",
    "DRUGS",
    "STORE",
    "STORES",
    "CENTER",
    "MANAGEMENT",
];

/// A business's name without the person who runs it under their own.
pub(super) fn trade_name(name: &str) -> Option<String> {
    let words =
        |text: &str| text.split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
    let is_company = |text: &str| words(text).iter().any(|word| COMPANY.contains(&word.as_str()));
    // `DOE JOHN DBA` has lost what would follow.
    let stated = name.split_once(" DBA ").or_else(|| name.strip_suffix(" DBA").map(|owner| (owner, "")));
    match stated {
        Some((owner, trade)) if !is_company(owner) => {
            let trade = trade.trim();
            (!trade.is_empty()).then(|| trade.to_owned())
        }
        None if words(name).iter().any(|word| word == "PROP" || word == "PROPRIETOR") => None,
        _ => Some(name.to_owned()),
    }
}

/// A number and the word that follows it in parentheses.
fn remarked(text: &str) -> Option<(&str, &str)> {
    text.strip_suffix(')')?.split_once(" (")
}

/// One declared column's cells in a batch.
struct Cells<'a> {
    column: &'a Column,
    array: Option<&'a StringArray>,
    when: Option<&'a StringArray>,
    rows: usize,
}

impl<'a> Cells<'a> {
    fn new(column: &'a Column, headers: &Headers<'a>, rows: usize) -> Self {
        let when = column.when.as_ref().and_then(|when| find(headers, &when.from));
        Self { column, array: find(headers, &column.from), when, rows }
    }

    /// Whether the column means anything in this row.
    fn applies(&self, row: usize) -> bool {
        self.column.when.as_ref().is_none_or(|when| when.holds(text(self.when, row)))
    }

    /// Whether no cell is changed by how it is read.
    fn stands_as_it_is(&self) -> bool {
        self.column.thousands.is_none() && self.column.pad.is_none() && self.column.read.is_none()
    }

    /// The text of the cell as it stands; `None` for null.
    fn raw(&self, row: usize) -> Option<&'a str> {
        let raw = text(self.array, row);
        let raw = if self.column.trim { raw.trim() } else { raw };
        let null = raw.is_empty() || !self.applies(row) || self.column.null.iter().any(|word| word == raw);
        (!null).then_some(raw)
    }

    /// The text of the cell, zeros restored and separators removed; `None` for null.
    fn value(&self, row: usize) -> Option<String> {
        let raw = self.raw(row)?;
        let mut value = match &self.column.thousands {
            Some(separator) => raw.replace(separator.as_str(), ""),
            None => raw.to_owned(),
        };
        if let Some(width) = self.column.pad
            && value.bytes().all(|byte| byte.is_ascii_digit())
        {
            value = format!("{value:0>width$}");
        }
        match &self.column.read {
            Some(Read::Ori7) if value.len() == 7 => value.push_str("00"),
            Some(Read::Digits(count)) => {
                let letter = value.strip_suffix(|last: char| last.is_ascii_uppercase());
                if let Some(digits) = letter.filter(|digits| digits.len() == *count) {
                    value.truncate(digits.len());
                }
            }
            Some(Read::TradeName) => return trade_name(&value),
            Some(Read::Instead(words)) => value = words.get(&value).cloned().unwrap_or(value),
            _ => {}
        }
        Some(value)
    }
}

impl Cells<'_> {
    /// The text of the cell in our words, where the declaration has any. Another word rejects the row.
    fn word(&self, row: usize, faults: &mut Faults) -> Option<String> {
        let value = self.value(row)?;
        if self.column.words.is_empty() {
            return Some(value);
        }
        let word = self.column.words.get(&value).cloned();
        if word.is_none() {
            reject(faults, row, self.column, "not one of the declared words", &value);
        }
        word
    }
}

/// The four columns of a count that can be withheld.
fn withheld_count(cells: &Cells<'_>, withheld: &Withheld, headers: &Headers<'_>, faults: &mut Faults) -> Vec<ArrayRef> {
    let remarks = withheld.explained_by.as_ref().and_then(|explained| find(headers, &explained.from));
    let mut counts = Vec::with_capacity(cells.rows);
    let mut lows = Vec::with_capacity(cells.rows);
    let mut highs = Vec::with_capacity(cells.rows);
    let mut statuses = Vec::with_capacity(cells.rows);
    for row in 0..cells.rows {
        let mut range = None;
        let (count, status) = match cells.value(row) {
            _ if !cells.applies(row) => (None, Status::NotApplicable),
            None => (None, explained(withheld, text(remarks, row))),
            Some(word) => match withheld.words.get(&word) {
                Some(status) => (None, *status),
                None => match (word.parse::<i64>(), count_range(&word)) {
                    (Ok(count), _) if count >= 0 => (Some(count), Status::Reported),
                    (_, Some(ends)) if withheld.ranges => {
                        range = Some(ends);
                        (None, Status::Suppressed)
                    }
                    _ => {
                        reject(faults, row, cells.column, "a count is a whole number or a declared word", &word);
                        (None, Status::Missing)
                    }
                },
            },
        };
        let bound = |bound: &Bound, end: Option<i64>| match (bound, status) {
            (_, Status::Suppressed) if end.is_some() => end,
            (Bound::Fixed(bound), Status::Suppressed) => Some(*bound),
            (Bound::Column(header), Status::Suppressed | Status::NotShown) => {
                text(headers.get(header.as_str()).copied(), row).parse().ok()
            }
            _ => None,
        };
        counts.push(count);
        lows.push(count.or_else(|| bound(&withheld.low, range.map(|(low, _)| low))));
        highs.push(count.or_else(|| bound(&withheld.high, range.map(|(_, high)| high))));
        statuses.push(status.as_str());
    }
    vec![
        Arc::new(Int64Array::from(counts)),
        Arc::new(Int64Array::from(lows)),
        Arc::new(Int64Array::from(highs)),
        Arc::new(StringArray::from(statuses)),
    ]
}

/// The ends of a range of counts, such as `1-9`.
fn count_range(word: &str) -> Option<(i64, i64)> {
    let (low, high) = word.split_once('-')?;
    let ends = (low.parse::<u32>().ok()?, high.parse::<u32>().ok()?);
    (ends.0 < ends.1).then_some((ends.0.into(), ends.1.into()))
}

/// Why an empty cell is empty, by the publisher's remark.
fn explained(withheld: &Withheld, remark: &str) -> Status {
    withheld
        .explained_by
        .iter()
        .flat_map(|explained| &explained.contains)
        .find(|(words, _)| remark.contains(words.as_str()))
        .map_or(Status::Missing, |(_, status)| *status)
}

/// Texts as an array of the vocabulary's type. A text that is not such a value rejects its row.
fn typed(column: &Column, kind: Type, texts: Vec<Option<String>>, faults: &mut Faults) -> Result<ArrayRef> {
    let mut read = Reader { column, faults };
    Ok(match kind {
        Type::Text => Arc::new(StringArray::from(texts)),
        Type::StateFips => Arc::new(read.codes(texts, "a two-digit FIPS state code", state(column))),
        Type::CountyFips => Arc::new(read.codes(texts, "a five-digit FIPS county code", valid(CountyFips::is_valid))),
        Type::Ndc => Arc::new(read.codes(texts, "a National Drug Code of eleven digits", valid(Ndc::is_valid))),
        Type::Zip => Arc::new(read.codes(texts, "a five-digit ZIP code", valid(Zip::is_valid))),
        Type::DeaNumber => Arc::new(read.codes(texts, "a DEA registration number", valid(DeaNumber::is_valid))),
        Type::Ori => Arc::new(read.codes(texts, "an agency's code (ORI) of nine characters", valid(Ori::is_valid))),
        Type::Integer => {
            Arc::new(Int64Array::from(read.values(texts, "a whole number", |text| text.parse::<i64>().ok())))
        }
        Type::Year => Arc::new(Int32Array::from(
            read.values(texts, "a year", |text| text.parse::<i32>().ok().filter(|year| (1800..2200).contains(year))),
        )),
        Type::Boolean => Arc::new(BooleanArray::from(
            read.values(texts, "true or false", |text| text.to_ascii_lowercase().parse().ok()),
        )),
        Type::Date => {
            let formats: Vec<&str> = match &column.read {
                Some(Read::Date(format)) => vec![format],
                Some(Read::Dates(formats)) => formats.iter().map(String::as_str).collect(),
                _ => vec!["%Y-%m-%d"],
            };
            let day = |text: &str| formats.iter().find_map(|format| jiff::civil::Date::strptime(format, text).ok());
            Arc::new(Date32Array::from(read.values(texts, "a date", |text| day(text).map(days))))
        }
        Type::Decimal { precision, scale } => {
            let round = column.round;
            let values = read.values(texts, "a decimal number", |text| decimal(text, precision, scale, round));
            Arc::new(
                Decimal128Array::from(values)
                    .with_precision_and_scale(precision, scale)
                    .or_error(Kind::Internal, "the vocabulary has an impossible decimal")?,
            )
        }
    })
}

/// How a state's code is read.
fn state(column: &Column) -> fn(&str) -> Option<String> {
    match column.read {
        Some(Read::Usps) => |text| StateFips::from_usps(text).ok().map(|state| state.to_string()),
        Some(Read::FipsOrUsps) => {
            |text| text.parse().or_else(|_| StateFips::from_usps(text)).ok().map(|state| state.to_string())
        }
        Some(Read::StateName) => |text| StateFips::from_name(text).ok().map(|state| state.to_string()),
        Some(Read::UcrState) => |text| StateFips::from_ucr(text).ok().map(|state| state.to_string()),
        _ => |text| text.parse::<StateFips>().ok().map(|state| state.to_string()),
    }
}

/// A code that is kept as it stands, where it is valid.
fn valid(is_valid: fn(&str) -> bool) -> impl Fn(&str) -> Option<String> {
    move |text| is_valid(text).then(|| text.to_owned())
}

/// An exact decimal. Digits beyond the scale are an error unless they are zeros, or the column says that it rounds.
pub(super) fn decimal(text: &str, precision: u8, scale: i8, round: bool) -> Option<i128> {
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    let plain = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let (kept, beyond) = fraction.split_at_checked(usize::try_from(scale).ok()?).unwrap_or((fraction, ""));
    if plain && beyond.bytes().any(|byte| byte != b'0') {
        if !round {
            return None;
        }
        let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
        let floor = parse_decimal::<Decimal128Type>(&format!("{whole}.{kept}"), precision, scale).ok()?;
        // Half to even, away from the sign: the first digit beyond decides, then whether anything follows it.
        let half = beyond.as_bytes()[0].cmp(&b'5').then(if beyond[1..].bytes().any(|byte| byte != b'0') {
            std::cmp::Ordering::Greater
        } else {
            std::cmp::Ordering::Equal
        });
        let up = half.is_gt() || (half.is_eq() && floor % 2 != 0);
        let step = if text.starts_with('-') { -1 } else { 1 };
        return Some(if up { floor + step } else { floor });
    }
    parse_decimal::<Decimal128Type>(text, precision, scale).ok()
}

/// Notes the first fault of a row.
fn reject(faults: &mut Faults, row: usize, column: &Column, rule: &str, raw: &str) {
    faults.entry(row).or_insert_with(|| Fault {
        column: column.name.clone(),
        rule: rule.to_owned(),
        raw: raw.to_owned(),
    });
}

/// Reads the texts of one column, noting faults.
struct Reader<'a> {
    column: &'a Column,
    faults: &'a mut Faults,
}

impl Reader<'_> {
    fn values<T>(
        &mut self,
        texts: Vec<Option<String>>,
        what: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<Option<T>> {
        let mut values = Vec::with_capacity(texts.len());
        for (row, text) in texts.into_iter().enumerate() {
            let value = text.as_deref().and_then(&parse);
            if let (Some(text), None) = (&text, &value) {
                reject(self.faults, row, self.column, &format!("not {what}"), text);
            }
            values.push(value);
        }
        values
    }

    fn codes(&mut self, texts: Vec<Option<String>>, what: &str, parse: impl Fn(&str) -> Option<String>) -> StringArray {
        StringArray::from(self.values(texts, what, parse))
    }
}
