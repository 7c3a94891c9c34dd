//! Methods of models: where SQL gives the rows that go in, and a function of `inference` those that come out.
//!
//! `method = { name = "…", … }` in a model's TOML names it, with its parameters and seed. The columns that a method reads
//! are below; those that it makes are the model's to choose from, and every other column of the model comes from the SQL. Numbers come out as
//! decimals of the vocabulary's digits.
//!
//! The guard of [`crate::disclosure`] judges SQL by running it again over other counts, which a method of minutes forbids. So
//! methods keep the rule by what they are: [`PeerOutliers`] refuses data that have one, and [`HotSpots`] takes published
//! counts and the publisher's bounds, and gives nothing but how often a place was named. [`Distribution`] takes published counts, and
//! gives rounded means of several.

mod distribution;
mod growth;

use std::collections::BTreeMap;

use inference::hotspots::{self, Method as Way};
use inference::local::Shrink;
use inference::outliers::{self, Unit};
use inference::place::{Count, Place};
use inference::registration::{Registration, merge};
use inference::scan::Limits;
use model::{Error, Kind, Result};
use serde::{Deserialize, Serialize};

use self::distribution::Distribution;
use self::growth::Periods;
use crate::Answer;

/// A method, with its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Method {
    /// Units that exceed what their peers received.
    PeerOutliers(PeerOutliers),
    /// Places where counts gather.
    HotSpots(HotSpots),
    /// Figures of persons, of whom nobody's own is seen.
    Distribution(Distribution),
}

/// Reads `peer_kind`, `peer_place`, `buyer_county_fips`, the county's `person_years`, `dosage_units` and `transactions`; to tell
/// which registrations are one pharmacy also `buyer_name`, `buyer_city`, and where they are there `buyer_address1`, `buyer_address2`,
/// `buyer_additional_info`, `latitude`, `longitude`. A county's person-years are divided evenly among its pharmacies, which is
/// exposure and size at once. Makes a row for each pharmacy, under the registration that was shipped most: `registrations`,
/// `pharmacies`, `dosage_units`, `transactions`, `dosage_units_per_person_year` and what [`inference::outliers::Compared`] has. No
/// rows where there are too few to compare.
///
/// Where it is there, it reads `label_mme_mg` with `dosage_units_without_strength`, null for a registration of which they are not
/// known, and makes both of the pharmacy, and `label_mme_mg_per_person_year`.
///
/// With `growth` it reads `dosage_units_<year>` of every year from the first period's to the second's, null where a registration's
/// are not known, and `first_shipment_date` and `last_shipment_date`, null where nothing is known by day. It makes those two of the
/// pharmacy, `months_open`, and the columns that start with `growth_`, and `has_grown`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerOutliers {
    seed: u64,
    draws: usize,
    times: f64,
    certainty: f64,
    false_discoveries: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    growth: Option<Periods>,
}

/// Reads `county_fips`, `state_fips`, `longitude`, `latitude`, `neighbours` (codes with blanks between), `person_years`, `deaths`,
/// `deaths_low` and `deaths_high`. Makes a row for each county: `hot_spot_share`, `hot_spot_share_scan`, `hot_spot_share_local`,
/// `hot_spot_share_centre`, and of those in one of the dozen of all runs its number, `hot_spot`, and how often that was named,
/// `hot_spot_named`. No rows where there are too few to compare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HotSpots {
    seed: u64,
    imputations: usize,
    replicates: usize,
    level: f64,
    most: usize,
    /// The share of all people that windows of the scan hold at most; one scan for each.
    windows: Vec<f64>,
    kilometres: f64,
}

/// Rows by column name.
pub(super) type Rows = Vec<BTreeMap<String, Option<String>>>;

impl Method {
    /// The rows that it makes of an answer. `guarded` says whether the SQL reads counts that are protected.
    pub(super) fn apply(&self, answer: &Answer, guarded: bool) -> Result<Rows> {
        let mut rows: Vec<Row<'_>> = (0..answer.rows.len()).map(|row| Row { answer, row }).collect();
        // The order of rows is SQL's to choose; that of draws, and of what is added up, is not.
        rows.sort_by(|a, b| answer.rows[a.row].cmp(&answer.rows[b.row]));
        match self {
            Self::PeerOutliers(_) if guarded => Err(wrong(
                "what peers received would tell counts that their publisher protects: this method is for data without such a rule",
            )),
            Self::PeerOutliers(method) => method.apply(&rows),
            Self::HotSpots(method) => method.apply(&rows),
            Self::Distribution(method) => method.apply(&rows, guarded),
        }
    }
}

impl PeerOutliers {
    fn apply(&self, rows: &[Row<'_>]) -> Result<Rows> {
        let registrations = rows.iter().map(|row| {
            let line = |name: &str| row.optional(name).unwrap_or_default().to_owned();
            let point = row.optional("latitude").zip(row.optional("longitude"));
            Ok(Registration {
                name: row.text("buyer_name")?.unwrap_or_default().to_owned(),
                addresses: ["buyer_address1", "buyer_address2", "buyer_additional_info"].map(line).to_vec(),
                town: row.text("buyer_city")?.unwrap_or_default().to_owned(),
                point: point.map(|(latitude, longitude)| format!("{latitude},{longitude}")),
            })
        });
        let merged = merge(&registrations.collect::<Result<Vec<_>>>()?);
        let mut shops: Vec<Shop> = Vec::new();
        for (at, number) in merged.into_iter().enumerate() {
            let (shipped, shipments) = (rows[at].number("dosage_units")?, rows[at].number("transactions")?);
            if number == shops.len() {
                shops.push(Shop { first: at, most: shipped, rows: Vec::new(), shipped: 0.0, shipments: 0.0 });
            }
            let shop = &mut shops[number];
            if shipped > shop.most {
                (shop.first, shop.most) = (at, shipped);
            }
            shop.rows.push(at);
            shop.shipped += shipped;
            shop.shipments += shipments;
        }
        let mut in_county: BTreeMap<&str, f64> = BTreeMap::new();
        for shop in &shops {
            *in_county.entry(rows[shop.first].known("buyer_county_fips")?).or_default() += 1.0;
        }
        let (kinds, places) = (Numbers::of(rows, "peer_kind")?, Numbers::of(rows, "peer_place")?);
        let units = shops.iter().map(|shop| {
            let row = &rows[shop.first];
            let residents = row.number("person_years")? / in_county[row.known("buyer_county_fips")?];
            Ok(Unit {
                kind: kinds.get(row)?,
                place: places.get(row)?,
                size: residents,
                residents,
                shipped: shop.shipped,
                shipments: shop.shipments,
            })
        });
        let units = units.collect::<Result<Vec<_>>>()?;
        let settings = outliers::Settings {
            seed: self.seed,
            draws: self.draws,
            times: self.times,
            certainty: self.certainty,
            false_discoveries: self.false_discoveries,
        };
        let Some(compared) = enough(outliers::compare(&units, &settings))? else { return Ok(Vec::new()) };
        let grown = match &self.growth {
            Some(periods) => periods.apply(self, rows, &shops, &units, compared.typical)?,
            None => vec![BTreeMap::new(); shops.len()],
        };
        let made = shops.iter().zip(&compared.units).zip(grown).map(|((shop, seen), grown)| {
            let mut made = rows[shop.first].all();
            let person_years = rows[shop.first].number("person_years")?;
            made.extend(grown);
            let mut put = |name: &str, value: String| made.insert(name.to_owned(), Some(value));
            put("registrations", shop.rows.len().to_string());
            put("pharmacies", units.len().to_string());
            put("dosage_units", format!("{:.5}", shop.shipped));
            put("transactions", format!("{:.0}", shop.shipments));
            put("dosage_units_per_person_year", format!("{:.3}", shop.shipped / person_years));
            put("dosage_units_expected", format!("{:.0}", seen.expected));
            put("peers_ratio", format!("{:.3}", seen.ratio));
            put("peers_ratio_low", format!("{:.3}", seen.ratio_low));
            put("peers_ratio_high", format!("{:.3}", seen.ratio_high));
            put("exceeds_peers_probability", format!("{:.3}", seen.exceeds));
            put("peers_z", format!("{:.3}", seen.z));
            put("false_discovery_rate", format!("{:.6}", seen.q));
            put("rank_mean", format!("{:.1}", seen.rank));
            put("rank_low", seen.rank_low.to_string());
            put("rank_high", seen.rank_high.to_string());
            put("stands_out", seen.stands_out.to_string());
            made.extend(shop.label_mme(rows, person_years)?);
            Ok(made)
        });
        made.collect()
    }
}

/// A pharmacy, of one registration or more.
struct Shop {
    /// The registration that was shipped most, and how much.
    first: usize,
    most: f64,
    /// All its registrations.
    rows: Vec<usize>,
    shipped: f64,
    shipments: f64,
}

/// The share of units without a strength at which label MME is not told.
const WITHOUT_STRENGTH: f64 = 0.01;

impl Shop {
    /// Its label MME: none where it is not known of each of its registrations, or too many units have no strength.
    fn label_mme(&self, rows: &[Row<'_>], person_years: f64) -> Result<BTreeMap<String, Option<String>>> {
        let sum = |name: &str| -> Result<Option<f64>> {
            let known = self.rows.iter().map(|at| rows[*at].optional(name).map(|_| rows[*at].number(name)).transpose());
            Ok(known.collect::<Result<Vec<_>>>()?.into_iter().sum())
        };
        let without = sum("dosage_units_without_strength")?;
        let enough = without.is_some_and(|without| without <= WITHOUT_STRENGTH * self.shipped);
        let mme = sum("label_mme_mg")?.filter(|_| enough);
        let cells = [
            ("dosage_units_without_strength", without.map(|units| format!("{units:.5}"))),
            ("label_mme_mg", mme.map(|mme| format!("{mme:.3}"))),
            ("label_mme_mg_per_person_year", mme.map(|mme| format!("{:.3}", mme / person_years))),
        ];
        Ok(cells.map(|(name, cell)| (name.to_owned(), cell)).into())
    }
}

impl HotSpots {
    fn apply(&self, rows: &[Row<'_>]) -> Result<Rows> {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        let codes = rows.iter().map(|row| row.known("county_fips")).collect::<Result<Vec<_>>>()?;
        order.sort_by_key(|at| codes[*at]);
        if order.windows(2).any(|pair| codes[pair[0]] == codes[pair[1]]) {
            return Err(wrong("a county has two rows"));
        }
        let at: BTreeMap<&str, usize> = order.iter().enumerate().map(|(place, row)| (codes[*row], place)).collect();
        let states = Numbers::of(rows, "state_fips")?;
        let place = |row: &usize| {
            let row = &rows[*row];
            let near = row.text("neighbours")?.unwrap_or_default();
            Ok(Place {
                state: states.get(row)?,
                longitude: row.number("longitude")?,
                latitude: row.number("latitude")?,
                exposure: row.number("person_years")?,
                count: count(row)?,
                neighbours: near.split_whitespace().filter_map(|code| at.get(code).copied()).collect(),
            })
        };
        let places = order.iter().map(place).collect::<Result<Vec<_>>>()?;
        let limits = |people: &f64| Way::Scan(Limits { people: *people, kilometres: self.kilometres });
        let ways = [Shrink::Global, Shrink::Local]
            .into_iter()
            .flat_map(|shrink| [false, true].map(|second_order| Way::Local { shrink, second_order }));
        let settings = hotspots::Settings {
            seed: self.seed,
            imputations: self.imputations,
            replicates: self.replicates,
            level: self.level,
            most: self.most,
            methods: self.windows.iter().map(limits).chain(ways).collect(),
        };
        let Some(found) = enough(hotspots::find(&places, &settings))? else { return Ok(Vec::new()) };
        let mut spot_of: BTreeMap<usize, (usize, f64)> = BTreeMap::new();
        for (number, spot) in found.dozen.iter().enumerate() {
            spot_of.extend(spot.members.iter().map(|place| (*place, (number + 1, spot.share))));
        }
        let made = order.iter().zip(&found.places).enumerate().map(|(place, (row, seen))| {
            let mut made = rows[*row].all();
            let spot = spot_of.get(&place);
            made.insert("hot_spot".to_owned(), spot.map(|(number, _)| number.to_string()));
            made.insert("hot_spot_named".to_owned(), spot.map(|(_, share)| format!("{share:.2}")));
            // Hundredths: a share says that a place is often or seldom among them, and no more.
            let mut put = |name: &str, share: f64| made.insert(name.to_owned(), Some(format!("{share:.2}")));
            put("hot_spot_share", seen.share);
            put("hot_spot_share_scan", seen.scan);
            put("hot_spot_share_local", seen.local);
            put("hot_spot_share_centre", seen.centre);
            made
        });
        Ok(made.collect())
    }
}

/// A published count, or the publisher's bounds. Tighter bounds than a publisher gives would come from other cells, and a small
/// count can only be one that should have been withheld.
fn count(row: &Row<'_>) -> Result<Count> {
    let whole = |name: &str| -> Result<Option<u32>> {
        let cell = row.text(name)?;
        cell.map(|cell| cell.parse().map_err(|_| wrong(&format!("`{name}` is no count")))).transpose()
    };
    match whole("deaths")? {
        Some(1..=9) => Err(wrong("a count of 1-9 is among what goes in")),
        Some(count) => Ok(Count::Known(count)),
        None => match (whole("deaths_low")?, whole("deaths_high")?) {
            // More than nine where counties were put together.
            (Some(low), Some(high)) if high >= low && high - low >= 8 => Ok(Count::Within { low, high }),
            _ => Err(wrong("a count that is withheld lacks its publisher's bounds")),
        },
    }
}

/// What there is too little of to be compared is no error: the model has no rows until there is more.
fn enough<T>(outcome: Result<T, inference::Error>) -> Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(inference::Error::TooFew { .. }) => Ok(None),
        Err(error) => Err(Error::new(Kind::CheckFailed, "the method cannot be applied").caused_by(error)),
    }
}

fn wrong(what: &str) -> Error {
    Error::new(Kind::CheckFailed, what)
}

/// A row of an answer.
#[derive(Clone, Copy)]
struct Row<'a> {
    answer: &'a Answer,
    row: usize,
}

impl<'a> Row<'a> {
    fn optional(&self, name: &str) -> Option<&'a str> {
        let column = self.answer.columns.iter().position(|column| column == name)?;
        self.answer.rows[self.row][column].as_deref()
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>> {
        if !self.answer.columns.iter().any(|column| column == name) {
            return Err(Error::new(Kind::Usage, format!("the SQL returns no `{name}`, which the method reads")));
        }
        Ok(self.optional(name))
    }

    fn known(&self, name: &str) -> Result<&'a str> {
        self.text(name)?.ok_or_else(|| wrong(&format!("`{name}` is null, which the method reads")))
    }

    fn number(&self, name: &str) -> Result<f64> {
        self.known(name)?.parse().map_err(|_| wrong(&format!("`{name}` is no number")))
    }

    fn all(&self) -> BTreeMap<String, Option<String>> {
        self.answer.columns.iter().cloned().zip(self.answer.rows[self.row].iter().cloned()).collect()
    }
}

/// Words of a column as numbers, in the order of the alphabet.
struct Numbers<'a> {
    column: &'static str,
    words: Vec<&'a str>,
}

impl<'a> Numbers<'a> {
    fn of(rows: &[Row<'a>], column: &'static str) -> Result<Self> {
        let mut words = rows.iter().map(|row| row.known(column)).collect::<Result<Vec<_>>>()?;
        words.sort_unstable();
        words.dedup();
        Ok(Self { column, words })
    }

    fn get(&self, row: &Row<'_>) -> Result<u32> {
        let word = row.known(self.column)?;
        Ok(self.words.partition_point(|other| *other < word) as u32)
    }
}

#[cfg(test)]
mod tests;
