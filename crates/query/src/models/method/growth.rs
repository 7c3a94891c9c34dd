//! How shipments to pharmacies grew from one period to another: who was open when, and what [`inference::outliers::growth`] makes
//! of it.

use std::collections::BTreeMap;

use inference::outliers::{self, Change, Unit};
use jiff::civil::Date;
use model::Result;
use serde::{Deserialize, Serialize};

use super::{PeerOutliers, Row, Shop, enough, wrong};

/// Two periods of whole years, each by its first year and its last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Periods {
    first: [i16; 2],
    second: [i16; 2],
}

/// What is known of a pharmacy's years.
struct Known {
    /// What was shipped, year by year from the first period's first.
    units: Vec<f64>,
    /// The days of its first shipment and its last, where transactions tell them.
    days: Option<[Date; 2]>,
}

/// Cells of a row, by column.
type Cells = BTreeMap<String, Option<String>>;

impl Periods {
    /// The columns of growth for each pharmacy: null where its years are not known, or fewer can be compared than a null is
    /// fitted to.
    pub(super) fn apply(
        &self,
        method: &PeerOutliers,
        rows: &[Row<'_>],
        shops: &[Shop],
        units: &[Unit],
        typical: f64,
    ) -> Result<Vec<Cells>> {
        let ([from, to], [again, end]) = (self.first, self.second);
        if !(from <= to && to < again && again <= end) {
            return Err(wrong("growth is from one period of years to a later one"));
        }
        let known = shops.iter().map(|shop| self.known(rows, shop)).collect::<Result<Vec<_>>>()?;
        let changes: Vec<Change> = known
            .iter()
            .zip(units)
            .map(|(known, unit)| {
                let [first, second] = known.as_ref().map_or([(0.0, 0.0); 2], |known| self.shipped(known));
                // Kinds are few: no two groups of peers share a number.
                let peers = unit.place * 1_000 + unit.kind;
                Change { peers, first: first.0, second: second.0, open: [first.1, second.1] }
            })
            .collect();
        let none = || vec![None; changes.len()];
        let grown = enough(outliers::growth(&changes, typical))?.unwrap_or_else(none);
        let cells = known.iter().zip(&changes).zip(&grown).map(|((known, change), grown)| {
            let days = known.as_ref().and_then(|known| known.days);
            let [from, to] = change.open;
            let own = change.second / to / (change.first / from);
            let basis = if days.is_some() { "dates" } else { "years" };
            let of = |value: &dyn Fn(&outliers::Growth) -> String| grown.as_ref().map(value);
            let says = |grown: &outliers::Growth| grown.q <= method.false_discoveries && grown.ratio > method.times;
            [
                ("first_shipment_date", days.map(|[first, _]| first.to_string())),
                ("last_shipment_date", days.map(|[_, last]| last.to_string())),
                ("months_open", days.map(|[first, last]| (month(last) - month(first) + 1).to_string())),
                ("growth_basis", of(&|_| basis.to_owned())),
                ("growth_ratio", of(&|_| format!("{own:.3}"))),
                ("growth_peers_ratio", of(&|grown| format!("{:.3}", grown.ratio))),
                ("growth_z", of(&|grown| format!("{:.3}", grown.z))),
                ("growth_false_discovery_rate", of(&|grown| format!("{:.6}", grown.q))),
                ("has_grown", of(&|grown| says(grown).to_string())),
            ]
            .map(|(name, cell)| (name.to_owned(), cell))
            .into()
        });
        Ok(cells.collect())
    }

    /// The years that have to be known: of both periods, and between.
    fn years(&self) -> std::ops::RangeInclusive<i16> {
        self.first[0]..=self.second[1]
    }

    /// What is known of a pharmacy: nothing unless it is known of each of its registrations, for what one of them lacks
    /// would look like growth.
    fn known(&self, rows: &[Row<'_>], shop: &Shop) -> Result<Option<Known>> {
        let mut units = vec![0.0; self.years().count()];
        let mut days: Vec<Option<[Date; 2]>> = Vec::new();
        for row in shop.rows.iter().map(|at| &rows[*at]) {
            for (year, sum) in self.years().zip(&mut units) {
                let name = format!("dosage_units_{year}");
                if row.text(&name)?.is_none() {
                    return Ok(None);
                }
                *sum += row.number(&name)?;
            }
            let day = |name: &str| -> Result<Option<Date>> {
                let cell = row.text(name)?;
                cell.map(|cell| cell.parse().map_err(|_| wrong(&format!("`{name}` is no date")))).transpose()
            };
            let both = day("first_shipment_date")?.zip(day("last_shipment_date")?);
            days.push(both.map(|(first, last)| [first, last]));
        }
        let days: Option<Vec<[Date; 2]>> = days.into_iter().collect();
        let days = days.and_then(|days| {
            let first = days.iter().map(|[first, _]| *first).min()?;
            Some([first, days.iter().map(|[_, last]| *last).max()?])
        });
        Ok(Some(Known { units, days }))
    }

    /// What was shipped in either period, and the share of it in which the pharmacy was open. Without days the first and the last
    /// year with shipments may be parts of years, and are left out, units and time, but for those in which everything starts
    /// and ends.
    fn shipped(&self, known: &Known) -> [(f64, f64); 2] {
        let with: Vec<i16> = self.years().zip(&known.units).filter(|(_, units)| **units > 0.0).map(|it| it.0).collect();
        let (Some(first), Some(last)) = (with.first(), with.last()) else { return [(0.0, 0.0); 2] };
        // Open from one month to another, both counted, and which years' units count.
        let (open, whole) = match known.days {
            Some([first, last]) => ((month(first), month(last)), self.years()),
            None => {
                let from = first + i16::from(*first > self.first[0]);
                let to = last - i16::from(*last < self.second[1]);
                ((12 * i32::from(from), 12 * i32::from(to) + 11), from..=to)
            }
        };
        [self.first, self.second].map(|[from, to]| {
            let counts = |year: &i16| (from..=to).contains(year) && whole.contains(year);
            let units = self.years().zip(&known.units).filter(|(year, _)| counts(year)).map(|(_, units)| units).sum();
            let (start, end) = (12 * i32::from(from), 12 * i32::from(to) + 11);
            let months = (open.1.min(end) - open.0.max(start) + 1).max(0);
            (units, f64::from(months) / f64::from(end - start + 1))
        })
    }
}

/// The month of a day, counted from the year 0.
fn month(day: Date) -> i32 {
    12 * i32::from(day.year()) + i32::from(day.month()) - 1
}
