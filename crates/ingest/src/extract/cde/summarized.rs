//! Offenses by month, of the nation, a state or an agency: `/summarized/{scope}/{offense}`.
//!
//! An answer holds series by display name: `actuals` those of the scope alone, `rates` and the populations those of larger
//! places too. A month is a key such as `01-2020`, and keys are sorted as text: their order is not that of time. An agency
//! that the FBI does not know gets 200 and no actuals.
//!
//! Nothing in an answer tells a month in which nothing happened from one of which nobody reported: that is left open
//! (`reported` is null), but where the count itself is null. The share of the population covered is the state's or the
//! nation's, and says nothing of an agency.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::Date;
use model::kind::{Ori, StateFips};
use model::{Error, Kind, Release, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::{Edition, Emit, Expect, Extractor, Page, Piece, Request, Slice, delimited};
use super::{cell, changed, object};

/// Offenses by month.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CdeSummarized {
    /// The address before the scope.
    url: String,
    /// What is asked.
    ask: Vec<Ask>,
    /// Months in one request at most.
    months_per_request: u16,
}

/// One question: a scope, an offense and a span of months.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    scope: Scope,
    offense: Offense,
    /// The first month.
    from: Month,
    /// The last month; by default the newest for which the FBI has data.
    to: Option<Month>,
}

/// Whose offenses: `national`, `state/VT` or `agency/VT0040100`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Scope {
    National,
    State(StateFips),
    Agency(Ori),
}

impl TryFrom<String> for Scope {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        match text.split_once('/') {
            None if text == "national" => Ok(Scope::National),
            Some(("state", usps)) => Ok(Scope::State(StateFips::from_usps(usps)?)),
            Some(("agency", ori)) => Ok(Scope::Agency(ori.parse()?)),
            _ => Err(Error::new(Kind::Usage, format!("`{text}` is no scope of the Crime Data Explorer"))
                .hint("scopes are national, state/VT and agency/VT0040100")),
        }
    }
}

impl Scope {
    fn path(&self) -> String {
        match self {
            Scope::National => "national".to_owned(),
            Scope::State(state) => format!("state/{}", state.usps()),
            Scope::Agency(ori) => format!("agency/{ori}"),
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Scope::National => "national",
            Scope::State(_) => "state",
            Scope::Agency(_) => "agency",
        }
    }
}

/// An offense by its code: a wrong one costs a request, and too many wrong ones the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Offense {
    /// Violent crime.
    V,
    /// Property crime.
    P,
    Hom,
    Rpe,
    Rob,
    Ass,
    Bur,
    Lar,
    Mvt,
    Ars,
}

impl Offense {
    fn code(self) -> &'static str {
        match self {
            Offense::V => "V",
            Offense::P => "P",
            Offense::Hom => "HOM",
            Offense::Rpe => "RPE",
            Offense::Rob => "ROB",
            Offense::Ass => "ASS",
            Offense::Bur => "BUR",
            Offense::Lar => "LAR",
            Offense::Mvt => "MVT",
            Offense::Ars => "ARS",
        }
    }

    /// Our word, which is the one of the FBI's other tables.
    fn word(self) -> &'static str {
        match self {
            Offense::V => "violent_crime",
            Offense::P => "property_crime",
            Offense::Hom => "murder",
            Offense::Rpe => "rape_revised",
            Offense::Rob => "robbery",
            Offense::Ass => "aggravated_assault",
            Offense::Bur => "burglary",
            Offense::Lar => "larceny",
            Offense::Mvt => "motor_vehicle_theft",
            Offense::Ars => "arson",
        }
    }
}

/// A month, as the API writes it: `01-2020`; the first day of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct Month(Date);

impl TryFrom<String> for Month {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Month::read(&text, '-')
            .ok_or_else(|| Error::new(Kind::Usage, format!("`{text}` is no month")).hint("write it as 01-2020"))
    }
}

impl Month {
    fn read(text: &str, separator: char) -> Option<Self> {
        let (month, year) = text.split_once(separator)?;
        let plain = month.len() == 2 && year.len() == 4;
        Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok().filter(|_| plain).map(Self)
    }

    fn plus(self, months: u16) -> Result<Self> {
        let next = self.0.checked_add(i64::from(months).months());
        next.map(Self).map_err(|cause| Error::new(Kind::Usage, "a span of months has no end").caused_by(cause))
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}-{:04}", self.0.month(), self.0.year())
    }
}

/// A series by month.
type Series = BTreeMap<Month, Option<String>>;

impl Extractor for CdeSummarized {
    fn slices(&self) -> Vec<Slice> {
        self.ask.iter().map(|ask| Slice::new(&ask.name(), format!("{}{}", self.url, ask.path()))).collect()
    }

    fn next_page(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Request>> {
        let ask = self.asked(slice)?;
        let last = match (ask.to, seen.last()) {
            (Some(to), _) => to,
            (None, None) => ask.from.plus(self.months_per_request - 1)?,
            // The first answer says up to when there are data.
            (None, Some(page)) => Answer::of(page)?.newest,
        };
        let from = ask.from.plus(self.months_per_request * u16::try_from(seen.len()).unwrap_or(u16::MAX))?;
        if !seen.is_empty() && from > last {
            return Ok(None);
        }
        let to = from.plus(self.months_per_request - 1)?;
        let to = if seen.is_empty() && ask.to.is_none() { to } else { to.min(last) };
        Ok(Some(Request::get(format!("{}?from={from}&to={to}", slice.url), Expect::Json)))
    }

    fn inspect(&self, page: &Page) -> Result<()> {
        Answer::of(page).map(|_| ())
    }

    fn recognise(&self, page: &Page) -> Result<Option<Slice>> {
        Answer::of(page)?;
        Err(Error::new(Kind::Changed, format!("{} does not say of which offense it is", page.url))
            .hint(
                "fetch it: `tollhouse run` asks the Crime Data Explorer and records what it asked; or, where you know it, say \
                 it: `tollhouse import DATASET FILE --slice \"national HOM\"`",
            ))
    }

    fn decode(&self, slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        let ask = self.asked(slice)?;
        let answers = pages.iter().map(Answer::of).collect::<Result<Vec<_>>>()?;
        let Some(first) = answers.first() else { return Ok(()) };
        let revised = answers.iter().zip(pages).find(|(answer, _)| answer.refreshed != first.refreshed);
        if let Some((_, page)) = revised {
            let message = format!("{} was refreshed after the pages before it were asked for", page.url);
            return Err(Error::new(Kind::NotData, message).hint("run it again: all pages must be of one edition"));
        }
        let release: Release = format!("refreshed-{}", first.refreshed).parse()?;
        emit(Piece::Edition(Edition { release: Some(release), slice: None }))?;
        for (page, answer) in answers.iter().enumerate() {
            let rows = answer.rows(ask, &pages[page])?;
            let batch = super::super::batch(rows.columns, rows.records)?;
            delimited::in_batches(page, &batch, emit)?;
        }
        Ok(())
    }
}

impl CdeSummarized {
    fn asked(&self, slice: &Slice) -> Result<&Ask> {
        if self.months_per_request == 0 {
            return Err(Error::new(Kind::Usage, "no month is asked for in one request").hint("allow at least one"));
        }
        let of = self.ask.iter().find(|ask| ask.name() == slice.name);
        of.ok_or_else(|| Error::new(Kind::Internal, format!("nothing is asked under the name `{}`", slice.name)))
    }
}

impl Ask {
    fn name(&self) -> String {
        format!("{} {}", self.scope.path().replace('/', " "), self.offense.code())
    }

    fn path(&self) -> String {
        format!("{}/{}", self.scope.path(), self.offense.code())
    }
}

/// An answer, looked through.
struct Answer {
    /// The day of the edition.
    refreshed: Date,
    /// The newest month for which there are data.
    newest: Month,
    body: Map<String, Value>,
}

/// What a column has for a month.
type Cell<'a> = &'a dyn Fn(&Month) -> Option<String>;

/// Rows on their way.
struct Rows {
    columns: Vec<(String, Vec<Option<String>>)>,
    records: Vec<u64>,
}

impl Answer {
    fn of(page: &Page) -> Result<Self> {
        let body = object(page)?;
        let property = |name: &str| body.get("cde_properties")?.get(name)?.get("UCR")?.as_str().map(str::to_owned);
        let refreshed = property("last_refresh_date")
            .and_then(|day| jiff::fmt::strtime::parse("%m/%d/%Y", day).ok()?.to_date().ok())
            .ok_or_else(|| changed(page, "does not say when it was refreshed"))?;
        let newest = property("max_data_date")
            .and_then(|month| Month::read(&month, '/'))
            .ok_or_else(|| changed(page, "does not say up to when there are data"))?;
        if body.get("offenses").and_then(Value::as_object).is_none() {
            return Err(changed(page, "has no offenses"));
        }
        Ok(Self { refreshed, newest, body })
    }

    fn at(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.body.get(*first)?, |value, name| value.get(name))
    }

    /// A series by month, in the order of time.
    fn series(&self, page: &Page, path: &[&str]) -> Result<Option<Series>> {
        let Some(Value::Object(months)) = self.at(path) else { return Ok(None) };
        let read = months.iter().map(|(month, value)| {
            let month = Month::read(month, '-').ok_or_else(|| changed(page, &format!("has `{month}` for a month")))?;
            Ok((month, cell(Some(value))))
        });
        read.collect::<Result<Series>>().map(Some)
    }

    /// A row for each month of the scope, in the order of time.
    fn rows(&self, ask: &Ask, page: &Page) -> Result<Rows> {
        let name = self.subject(ask, page)?;
        let series = |path: &[&str]| self.series(page, path).map(Option::unwrap_or_default);
        let (offenses, clearances) = (format!("{name} Offenses"), format!("{name} Clearances"));
        let actual = series(&["offenses", "actuals", &offenses])?;
        let cleared = series(&["offenses", "actuals", &clearances])?;
        let rate = series(&["offenses", "rates", &offenses])?;
        let people = series(&["populations", "population", &name])?;
        let participated = series(&["populations", "participated_population", &name])?;
        let covered = match ask.scope {
            // It is the state's, not the agency's.
            Scope::Agency(_) => Series::new(),
            _ => series(&["tooltips", "Percent of Population Coverage", &name])?,
        };
        let of = |series: &Series, month: &Month| series.get(month).cloned().flatten();
        let (state, ori) = match &ask.scope {
            Scope::National => (None, None),
            Scope::State(state) => (Some(state.to_string()), None),
            Scope::Agency(ori) => (None, Some(ori.to_string())),
        };
        let columns: [(&str, Cell<'_>); 13] = [
            ("scope", &|_| Some(ask.scope.word().to_owned())),
            ("state_fips", &|_| state.clone()),
            ("ori", &|_| ori.clone()),
            ("name", &|_| Some(name.clone())),
            ("offense", &|_| Some(ask.offense.word().to_owned())),
            ("month", &|month| Some(month.0.to_string())),
            ("offenses", &|month| of(&actual, month)),
            ("clearances", &|month| of(&cleared, month)),
            ("rate", &|month| of(&rate, month)),
            ("population", &|month| of(&people, month)),
            ("participated_population", &|month| of(&participated, month)),
            ("coverage", &|month| of(&covered, month)),
            ("reported", &|month| of(&actual, month).is_none().then(|| "false".to_owned())),
        ];
        let months: Vec<Month> = actual.keys().copied().collect();
        let columns = columns.iter().map(|(name, cell)| ((*name).to_owned(), months.iter().map(cell).collect()));
        // A row's place is the month's among those of the answer, in the order in which they stand there.
        let places = self.at(&["offenses", "actuals", &offenses]).and_then(Value::as_object);
        let place = |month: &Month| {
            let at = places.and_then(|places| places.keys().position(|key| Month::read(key, '-') == Some(*month)));
            at.map_or(0, |at| at as u64 + 1)
        };
        Ok(Rows { columns: columns.collect(), records: months.iter().map(place).collect() })
    }

    /// The display name of the scope.
    fn subject(&self, ask: &Ask, page: &Page) -> Result<String> {
        let actuals = match self.at(&["offenses", "actuals"]) {
            Some(Value::Object(actuals)) if !actuals.is_empty() => actuals,
            _ => {
                let message = format!("{}: the FBI has no figures of {}", page.url, ask.scope.path());
                return Err(Error::new(Kind::NotData, message)
                    .hint("an agency that it does not know is answered so: look for its ORI in fbi_agencies"));
            }
        };
        let names: Vec<&str> = actuals.keys().filter_map(|name| name.strip_suffix(" Offenses")).collect();
        let expected = match &ask.scope {
            Scope::National => Some("United States"),
            Scope::State(state) => Some(state.name()),
            Scope::Agency(_) => None,
        };
        match (names.as_slice(), expected) {
            ([one], None) => Ok((*one).to_owned()),
            ([one], Some(expected)) if *one == expected => Ok((*one).to_owned()),
            _ => Err(changed(page, &format!("has the figures of {}, not of {}", names.join(", "), ask.scope.path()))),
        }
    }
}
