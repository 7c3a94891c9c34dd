//! A dataset as one file in `pipelines/` declares it.
//!
//! The file says who publishes the data and under what terms, how to get it, which upstream headers become which of
//! our columns, what makes a row unique, and what must hold before a commit. `[source]` belongs to the extractor that
//! its `kind` names; everything else is read here. An unknown key is an error, so that a typing mistake never passes
//! for a default.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::column::Vocabulary;
use crate::schedule::Schedule;
use crate::{DatasetId, Digest, Error, Kind, Release, Result};

mod correction;
mod coverage;
mod ratio;
mod repeats;

pub use correction::{Correction, FilledCheck};
pub use coverage::{CoverageRule, Part};
pub use ratio::{ProductCheck, RatioCheck, Unless};
pub use repeats::Repeats;

/// One dataset: a table that we publish, with its companions.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Its name: the file's name without `.toml`.
    pub id: DatasetId,
    /// The digest of the declaration, so that a snapshot can name it.
    pub digest: Digest,
    /// The declaration as it stands, so that what was made by it can be made again.
    pub text: Arc<str>,
    /// Everything the file says.
    pub spec: Spec,
}

/// The contents of a pipeline file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// What it is, in a line.
    pub title: String,
    /// What one row is.
    pub row: String,
    /// Who publishes it.
    pub publisher: String,
    /// Under what licence.
    pub licence: String,
    /// How the publisher, or the law, asks to be cited.
    pub citation: String,
    /// Which rule protects small counts in what we derive from it.
    pub disclosure: Disclosure,
    /// When the publisher should be asked.
    pub schedule: Schedule,
    /// How parts are cut below a release.
    #[serde(default)]
    pub partition: Partition,
    /// The column that says which period a row covers: the newest release of each period is what `main` shows.
    pub period: String,
    /// The columns that say which series a row belongs to, such as `drug`: the newest release of each period is found for
    /// each series by itself, so that a newer release of one does not hide the others.
    #[serde(default)]
    pub series: Vec<Series>,
    /// By which columns the rows of a part are sorted, where a file is read as a stream; then as they stand in the file.
    #[serde(default)]
    pub sort: Vec<String>,
    /// Releases that `main` shows only where no other is loaded, not even a copy: those of a publication that has ended.
    #[serde(default)]
    pub outdated: Vec<Release>,
    /// What a reader must know before using it.
    #[serde(default)]
    pub caveats: Vec<String>,
    /// What each accepted layout rests on.
    pub evidence: Vec<Evidence>,
    /// How to get it: `kind` names the extractor, the rest are its options.
    pub source: toml::Table,
    /// How the name of an edition is found.
    #[serde(default)]
    pub release: ReleaseRule,
    /// Our columns, in order.
    pub column: Vec<Column>,
    /// Upstream headers that we know and do not keep, each with its reason.
    #[serde(default)]
    pub ignore: BTreeMap<String, String>,
    /// Rows that are totals, not data: kept in the companion table `<dataset>_totals`.
    pub totals: Option<Totals>,
    /// Persons lose these columns.
    pub mask: Option<Mask>,
    /// What part of the dataset a file holds, where a person may bring any part of it.
    #[serde(default)]
    pub coverage: CoverageRule,
    /// Errors of the publisher that are put right.
    #[serde(default)]
    pub correction: Vec<Correction>,
    /// What must hold before a commit.
    pub check: Check,
}

/// The rule that protects small counts in what we derive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Disclosure {
    /// No sub-national count of 1–9 (42 U.S.C. 242m(d)).
    Nchs,
    /// No count of 1–10.
    Cms,
    /// The publisher withholds nothing.
    None,
}

impl Disclosure {
    /// The word in the declaration.
    pub fn as_str(self) -> &'static str {
        match self {
            Disclosure::Nchs => "nchs",
            Disclosure::Cms => "cms",
            Disclosure::None => "none",
        }
    }
}

/// How the parts of one release are cut.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Partition {
    /// One part for each release and slice.
    #[default]
    Release,
    /// One part for each year.
    Year,
}

/// What a layout that we accept rests on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The layout, such as `portal CSV of 2018, 10 columns`.
    pub layout: String,
    /// Whether real bytes of the publisher prove it.
    pub proven: Proven,
    /// A word on it.
    #[serde(default)]
    pub note: String,
}

/// What a format rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proven {
    /// Bytes that the publisher served.
    Capture,
    /// Documentation or other people's code.
    Spec,
}

impl Proven {
    /// The word in the catalogue.
    pub fn as_str(self) -> &'static str {
        match self {
            Proven::Capture => "capture",
            Proven::Spec => "spec",
        }
    }
}

/// How the name of an edition is found.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseRule {
    /// The extractor finds it in the content or is told in its options.
    #[default]
    Content,
    /// The newest value of a date column: `through-2018-09`.
    Through(String),
    /// The first and the last value of a year column: `1999-2016`. A release that the declaration of a file names must
    /// be the same.
    Years(String),
    /// The newest value of a year column: `2019`.
    Newest(String),
}

/// One of our columns: where it comes from and how its cells are read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name in the vocabulary.
    pub name: String,
    /// Every upstream header that it has had over the years; the first that a layout has is used.
    #[serde(default)]
    pub from: Vec<String>,
    /// Layouts may lack it; then it is null.
    #[serde(default)]
    pub optional: bool,
    /// Words that mean null. The empty cell always does.
    #[serde(default)]
    pub null: Vec<String>,
    /// How the text is to be read, where its type does not say.
    pub read: Option<Read>,
    /// Restores leading zeros up to this many characters, which the publisher lost.
    pub pad: Option<usize>,
    /// A thousands separator to be removed from numbers.
    pub thousands: Option<String>,
    /// Whether blanks around the text are the layout's and not its own.
    #[serde(default)]
    pub trim: bool,
    /// The publisher's words and ours for them. Where there are any, a cell must hold one of them.
    #[serde(default)]
    pub words: BTreeMap<String, String>,
    /// For decimals with more digits than the column keeps: round half to even instead of refusing the row.
    #[serde(default)]
    pub round: bool,
    /// It is a count that can be withheld: makes `_low`, `_high` and `_status` beside it.
    pub withheld: Option<Withheld>,
    /// It is a rate with a status of its own: words in its cells and the statuses they stand for.
    pub status: Option<BTreeMap<String, Status>>,
    /// Only where another upstream column has, or has not, certain values; elsewhere it is not applicable.
    pub when: Option<When>,
    /// Computed from other columns of ours instead of read.
    pub rule: Option<Rule>,
}

/// Special readings of a text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Read {
    /// A state's FIPS code from its USPS abbreviation.
    Usps,
    /// A state's FIPS code from itself or from its USPS abbreviation, whichever a layout has.
    FipsOrUsps,
    /// A state's FIPS code from its name.
    StateName,
    /// A state's FIPS code from its number in the Uniform Crime Reporting Program, which is another.
    UcrState,
    /// An originating agency identifier of nine characters from its first seven; of an agency's own, the last two are `00`.
    Ori7,
    /// These words stand for those; any other is as it stands.
    Instead(BTreeMap<String, String>),
    /// A business's name without the person who runs it in their own: of `… DBA …` what follows, unless a company stands before,
    /// and nothing of a proprietor.
    TradeName,
    /// So many digits, of which a letter that follows them is cut off: `9250B` is `9250`.
    Digits(usize),
    /// A date in this `strptime` format.
    Date(String),
    /// A date in one of these `strptime` formats, where layouts differ.
    Dates(Vec<String>),
}

/// How a cell that holds no number of deaths is to be understood. Bounds come from the publisher's rule, never from
/// arithmetic on other cells.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withheld {
    /// The smallest count that the publisher withholds.
    pub low: Bound,
    /// The largest count that the publisher withholds.
    pub high: Bound,
    /// Words in the cell itself, and the statuses that they stand for.
    #[serde(default)]
    pub words: BTreeMap<String, Status>,
    /// A cell that is a range of counts, such as `1-9`, is suppressed, and its ends are the bounds.
    #[serde(default)]
    pub ranges: bool,
    /// Where the cell is empty: an upstream column whose text, if it contains one of these, tells why.
    pub explained_by: Option<Explained>,
}

/// A bound of what is withheld, by the publisher's rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Bound {
    /// The same in every row.
    Fixed(i64),
    /// In an upstream column, where files of one dataset have different rules; rows that were not shown have it too.
    Column(String),
}

/// An upstream column of remarks that says why a cell is empty.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explained {
    /// Its accepted headers.
    pub from: Vec<String>,
    /// What its text may contain, and the status that it stands for.
    pub contains: BTreeMap<String, Status>,
}

/// Why a value is there, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Published.
    Reported,
    /// Withheld because it is small.
    Suppressed,
    /// The export hid the row or cell.
    NotShown,
    /// The publisher has none.
    Missing,
    /// It cannot exist for this row.
    NotApplicable,
    /// Nobody reported it.
    NotReported,
    /// It was published once, and no longer is.
    Withdrawn,
    /// A rate that rests on fewer than 20 deaths.
    Unreliable,
}

impl Status {
    /// The word in `_status` columns.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Reported => "reported",
            Status::Suppressed => "suppressed",
            Status::NotShown => "not_shown",
            Status::Missing => "missing",
            Status::NotApplicable => "not_applicable",
            Status::NotReported => "not_reported",
            Status::Withdrawn => "withdrawn",
            Status::Unreliable => "unreliable",
        }
    }
}

/// A condition on another upstream column.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Its accepted headers.
    pub from: Vec<String>,
    /// The values for which the column applies.
    #[serde(default)]
    pub is: Vec<String>,
    /// The values for which it does not.
    #[serde(default)]
    pub is_not: Vec<String>,
}

impl When {
    /// Whether a text fulfils it.
    pub fn holds(&self, value: &str) -> bool {
        (self.is.is_empty() || self.is.iter().any(|word| word == value))
            && !self.is_not.iter().any(|word| word == value)
    }
}

/// How a column is computed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The same text in every row.
    Constant(String),
    /// The year of a date column.
    YearOf(String),
    /// The last day of a month, from upstream columns of a year and of a month's English name.
    MonthEnd {
        /// Accepted headers of the year.
        year: Vec<String>,
        /// Accepted headers of the month.
        month: Vec<String>,
    },
    /// The first day of a month, from upstream columns of a year and of a month's number.
    MonthStart {
        /// Accepted headers of the year.
        year: Vec<String>,
        /// Accepted headers of the month.
        month: Vec<String>,
    },
    /// The first day of a period of so many months that ends on a date column.
    PeriodStart {
        /// The column of ours with the last day.
        end: String,
        /// Its length.
        months: i32,
    },
    /// The first or the last day of a period that is printed as a year or, where the label is no year, as two months in
    /// another upstream column: `February, 2025 to January, 2026`.
    PeriodBound {
        /// Accepted headers of the label.
        label: Vec<String>,
        /// Accepted headers of the two months.
        months: Vec<String>,
        /// Whether it is the last day.
        #[serde(default)]
        last: bool,
    },
    /// A bound of a range that is printed in an upstream column: `2-3.9`, `1.8–7.1`, `<2` (from zero to below 2), `30+`
    /// and `>30` (no upper bound).
    RangeBound {
        /// Its accepted headers.
        from: Vec<String>,
        /// Whether it is the upper bound.
        #[serde(default)]
        upper: bool,
    },
    /// The FIPS code of a county, from columns of ours with the state's USPS abbreviation and the county's name.
    CountyFipsOf {
        /// The state.
        state: String,
        /// The county.
        county: String,
    },
    /// The exact product of decimal columns of ours and a factor.
    Product {
        /// The columns.
        of: Vec<String>,
        /// The factor, as text.
        times: String,
        /// Upstream columns with the product as the publisher computed it: where a layout has one of them, its cells are taken
        /// instead, but for those that are null.
        #[serde(default)]
        unless: Vec<String>,
    },
    /// The word beside the first of these upstream columns that a layout has; null where it has none.
    ByHeader(Vec<(String, String)>),
    /// A sum of whole-number columns of ours, less others, and a number more. Null where one of them is.
    Sum {
        /// The columns that are added.
        of: Vec<String>,
        /// The columns that are subtracted.
        #[serde(default)]
        less: Vec<String>,
        /// What is added to them.
        #[serde(default)]
        plus: i64,
        /// Columns that are null add nothing; the sum is null where all are.
        #[serde(default)]
        present: bool,
    },
    /// True where all of these conditions on upstream columns hold, else false. A cell that is not there is empty.
    All(Vec<When>),
    /// A bound of a crude rate: a count of ours, by a population of ours, rounded away from the middle. Where the rate is
    /// published, both bounds are the published rate.
    RateBound {
        /// The bound of the count.
        count: String,
        /// The population.
        population: String,
        /// Per how many persons.
        per: i64,
        /// The published rate.
        published: String,
        /// Whether it is the upper bound, which is rounded up; the lower is rounded down.
        upper: bool,
    },
    /// What the declaration of the file that a row came from says: `publisher` or `secondary`.
    SourceGrade,
    /// A word where a column of ours has one of the listed values; null elsewhere.
    Listed {
        /// The column.
        column: String,
        /// The values.
        is: BTreeSet<String>,
        /// The word.
        word: String,
    },
    /// Null in every row, because what it needs is not loaded; says what.
    NotLoaded(String),
}

/// Which rows are totals.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// An upstream column.
    pub from: Vec<String>,
    /// Its values in total rows.
    pub is: Vec<String>,
}

/// A column that says which series a row belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Series {
    /// It does, in every row.
    Column(String),
    /// It does in rows where another is null.
    Without {
        /// The column.
        column: String,
        /// The other.
        without: String,
    },
}

impl Series {
    /// The columns that it looks at.
    pub fn columns(&self) -> impl Iterator<Item = &String> {
        let (column, without) = match self {
            Series::Column(column) => (column, None),
            Series::Without { column, without } => (column, Some(without)),
        };
        [column].into_iter().chain(without)
    }
}

/// Which columns persons lose, and who is not a person.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    /// The columns of ours that become null.
    pub columns: Vec<String>,
    /// The column of ours that tells.
    pub unless: String,
    /// Its values that are businesses. Any other value, and null, is taken for a person.
    pub is: BTreeSet<String>,
    /// How its values begin that are persons. One that is in neither list is not a kind of buyer that anybody knows: in a
    /// damaged row it may be somebody's name, and becomes null with the rest.
    #[serde(default)]
    pub persons: Vec<String>,
}

impl Mask {
    /// Whether a value of the telling column is a business's.
    pub fn is_business(&self, kind: Option<&str>) -> bool {
        kind.is_some_and(|kind| self.is.contains(kind))
    }

    /// Whether a value of the telling column may be shown: it is a known kind, and no text that slipped into its place.
    pub fn is_known(&self, kind: &str) -> bool {
        let ends = |rest: &str| !rest.starts_with(char::is_alphanumeric);
        self.is.contains(kind) || self.persons.iter().any(|known| kind.strip_prefix(known.as_str()).is_some_and(ends))
    }
}

/// What must hold before a commit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The columns that together are unique and never null, `release` first.
    pub key: Vec<String>,
    /// Columns that may be null although they are in the key.
    #[serde(default)]
    pub nullable: Vec<String>,
    /// Whether rows of persons may have the same key: what tells persons apart is taken from them.
    #[serde(default)]
    pub persons_may_repeat: bool,
    /// Whether files of one edition may hold different rows, so that none may stand in two of them.
    #[serde(default)]
    pub disjoint: bool,
    /// Whether rows may have the key of another.
    #[serde(default)]
    pub repeats: Repeats,
    /// The first and the last year that rows of an edition may have, in the column `year`.
    #[serde(default)]
    pub years: BTreeMap<Release, (i32, i32)>,
    /// How many rows a release may have.
    pub rows: Rows,
    /// How many rows may be rejected into quarantine before nothing is committed.
    #[serde(default)]
    pub max_rejected: u64,
    /// The same for files of many rows: how many of each million may, beside those. A fraction of a row is none.
    #[serde(default)]
    pub max_rejected_per_million: u64,
    /// Columns whose sum over the rows must equal the publisher's total row, where nothing is withheld.
    #[serde(default)]
    pub total: Vec<String>,
    /// How many different values columns must have at least, so that an extract does not pass for the table.
    #[serde(default)]
    pub distinct: BTreeMap<String, u64>,
    /// Sums that must hold within each row, such as violent crime and its four parts.
    #[serde(default)]
    pub sum: Vec<SumCheck>,
    /// Quotients that must hold within each row, as far as printed digits tell.
    #[serde(default)]
    pub ratio: Vec<RatioCheck>,
    /// Products that the publisher prints beside their factors.
    #[serde(default)]
    pub product: Vec<ProductCheck>,
    /// How many of several columns must be filled in each row, such as one of two definitions of rape.
    #[serde(default)]
    pub filled: Vec<FilledCheck>,
}

/// Bounds on the number of rows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// At least so many in each release and slice.
    pub min: u64,
    /// The share by which a release and slice may shrink between two runs.
    #[serde(default)]
    pub may_shrink: f64,
}

/// A column that is the sum of others, where all are present.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SumCheck {
    /// The sum.
    pub column: String,
    /// Its parts; a part written `a|b` is whichever of the two is present.
    pub of: Vec<String>,
    /// Rows known to break it, as published: the values of the key, joined by ` / `, and why.
    #[serde(default)]
    pub except: BTreeMap<String, String>,
    /// The editions whose rows were looked at: only those of `except` may break it. None means every edition.
    #[serde(default)]
    pub looked_at: BTreeSet<Release>,
    /// How many rows may break it in another edition, where the publisher is known to slip; the certificate names them.
    #[serde(default)]
    pub elsewhere: usize,
}

/// Columns that every table has beside its own.
pub const ORIGIN: &[&str] = &["release", "_capture", "_record"];

impl Dataset {
    /// Reads a pipeline file. `id` is its name without `.toml`.
    pub fn parse(id: &str, text: &str, vocabulary: &Vocabulary) -> Result<Self> {
        let id: DatasetId = id.parse()?;
        let bad = |message: String| {
            Error::new(Kind::Usage, format!("pipelines/{id}.toml: {message}"))
                .hint("`tollhouse datasets show` prints a declaration that works")
        };
        let spec: Spec =
            toml::from_str(text).map_err(|error| bad("the declaration cannot be read".to_owned()).caused_by(error))?;
        let dataset = Self { digest: Digest::of(text), text: text.into(), id: id.clone(), spec };
        let columns = dataset.columns();
        let mut seen = BTreeSet::new();
        for name in &columns {
            vocabulary.get(name).map_err(|error| error.while_doing(format!("pipelines/{id}.toml")))?;
            if !seen.insert(name) {
                return Err(bad(format!("column `{name}` is declared twice")));
            }
        }
        for column in &dataset.spec.column {
            if column.from.is_empty() == column.rule.is_none() {
                return Err(bad(format!("column `{}` needs either `from` or `rule`", column.name)));
            }
        }
        let known = |name: &String| columns.contains(name);
        let check = &dataset.spec.check;
        if check.key.first().is_none_or(|first| first != "release") {
            return Err(bad("the key must begin with `release`: editions coexist".to_owned()));
        }
        let columns_named = check.key.iter().chain(&check.total).chain(check.distinct.keys());
        let series = dataset.spec.series.iter().flat_map(Series::columns);
        for name in columns_named.chain([&dataset.spec.period]).chain(series) {
            if !known(name) {
                return Err(bad(format!("`{name}` is not a column of this dataset")));
            }
        }
        for name in &dataset.spec.sort {
            if !known(name) {
                return Err(bad(format!("sorted by `{name}`, which is not a column of this dataset")));
            }
        }
        for name in check.filled.iter().flat_map(|filled| &filled.columns) {
            if !known(name) {
                return Err(bad(format!("[[check.filled]]: `{name}` is not a column of this dataset")));
            }
        }
        dataset.spec.coverage.check(&columns).map_err(|what| bad(format!("[coverage]: {what}")))?;
        if check.repeats == Repeats::Counted && check.persons_may_repeat {
            return Err(bad(
                "[check]: repeats that are counted may be anybody's, so `persons_may_repeat` says nothing".to_owned(),
            ));
        }
        for correction in &dataset.spec.correction {
            correction.check().map_err(|what| bad(format!("[[correction]] of `{}`: {what}", correction.column)))?;
        }
        if dataset.spec.partition == Partition::Year && !known(&"year".to_owned()) {
            return Err(bad("partitioned by year, but there is no column `year`".to_owned()));
        }
        if !dataset.spec.source.contains_key("kind") {
            return Err(bad("[source] needs a `kind`".to_owned()));
        }
        Ok(dataset)
    }

    /// The names of all columns of the main table, in order: those declared, what they imply, and their origin.
    pub fn columns(&self) -> Vec<String> {
        let mut names = vec!["release".to_owned()];
        for column in &self.spec.column {
            names.extend(column.columns());
        }
        names.extend(ORIGIN[1..].iter().map(|name| (*name).to_owned()));
        names
    }

    /// The extractor's kind.
    pub fn source_kind(&self) -> &str {
        self.spec.source.get("kind").and_then(toml::Value::as_str).unwrap_or_default()
    }

    /// The companion table of totals.
    pub fn totals_table(&self) -> String {
        format!("{}_totals", self.id)
    }

    /// The companion table of notes: titles, footnotes, query parameters, caveats.
    pub fn notes_table(&self) -> String {
        format!("{}_notes", self.id)
    }
}

impl Column {
    /// The upstream columns that it is made of, each under the headers that are accepted for it.
    pub fn headers(&self) -> Vec<&[String]> {
        let mut headers: Vec<&[String]> = vec![&self.from];
        headers.extend(self.when.iter().map(|when| when.from.as_slice()));
        if let Some(withheld) = &self.withheld {
            headers.extend(withheld.explained_by.iter().map(|explained| explained.from.as_slice()));
            for bound in [&withheld.low, &withheld.high] {
                if let Bound::Column(header) = bound {
                    headers.push(std::slice::from_ref(header));
                }
            }
        }
        match &self.rule {
            Some(Rule::MonthEnd { year, month } | Rule::MonthStart { year, month }) => {
                headers.extend([year.as_slice(), month]);
            }
            Some(Rule::PeriodBound { label, months, .. }) => headers.extend([label.as_slice(), months]),
            Some(Rule::RangeBound { from, .. }) => headers.push(from),
            Some(Rule::All(conditions)) => headers.extend(conditions.iter().map(|when| when.from.as_slice())),
            Some(Rule::Product { unless, .. }) => headers.push(unless),
            Some(Rule::ByHeader(words)) => headers.extend(words.iter().map(|(header, _)| std::slice::from_ref(header))),
            _ => {}
        }
        headers
    }

    /// The columns of ours that it is computed from.
    pub fn looks_at(&self) -> Vec<&str> {
        let Some(rule) = &self.rule else { return Vec::new() };
        let names: Vec<&String> = match rule {
            Rule::YearOf(of) => vec![of],
            Rule::PeriodStart { end, .. } => vec![end],
            Rule::CountyFipsOf { state, county } => vec![state, county],
            Rule::Product { of, .. } => of.iter().collect(),
            Rule::Sum { of, less, .. } => of.iter().chain(less).collect(),
            Rule::RateBound { count, population, published, .. } => vec![count, population, published],
            Rule::Listed { column, .. } => vec![column],
            Rule::Constant(_)
            | Rule::MonthEnd { .. }
            | Rule::MonthStart { .. }
            | Rule::PeriodBound { .. }
            | Rule::RangeBound { .. }
            | Rule::All(_)
            | Rule::SourceGrade
            | Rule::ByHeader(_)
            | Rule::NotLoaded(_) => Vec::new(),
        };
        names.into_iter().map(String::as_str).collect()
    }

    /// The names of the columns that this declaration makes.
    pub fn columns(&self) -> Vec<String> {
        let mut names = vec![self.name.clone()];
        if self.withheld.is_some() {
            names.extend(["low", "high", "status"].map(|end| format!("{}_{end}", self.name)));
        } else if self.status.is_some() {
            names.push(format!("{}_status", self.name));
        }
        names
    }
}

#[cfg(test)]
mod tests;
