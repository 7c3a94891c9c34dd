//! Tiny warehouses for tests, made through `store` as a run would make them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::Schema;
use jiff::Timestamp;
use model::column::Vocabulary;
use model::dataset::{Dataset, Partition};
use model::{DatasetId, Digest, Release, Result};
use store::archive::Exchange;
use store::commit::{Capture, ColumnType, Counts, Outcome, Slice, Snapshot, Staged, Table};
use store::part::{self, Place};
use store::{Origin, Warehouse};
use tempfile::TempDir;

use crate::Session;
use crate::models::{Became, Maker, Model};

/// Counts of deaths by state and year: guarded, cut by release only.
const DEATHS: &str = r#"
    title = 'Deaths'
    row = 'state, year'
    publisher = 'CDC'
    licence = 'U.S. Government work'
    citation = 'CDC, Deaths'
    disclosure = 'nchs'
    schedule = '0 0 12 1 * *'
    period = 'year'
    outdated = ['ended']
    caveats = ['Read this.', "It's not all."]
    evidence = [{ layout = 'x', proven = 'spec' }]
    [source]
    kind = 'delimited'
    [[column]]
    name = 'state_fips'
    from = ['FIPS']
    [[column]]
    name = 'year'
    from = ['Year']
    [[column]]
    name = 'deaths'
    from = ['Deaths']
    [[column]]
    name = 'crude_rate_per_100k'
    from = ['Rate']
    [totals]
    from = ['Notes']
    is = ['Total']
    [check]
    key = ['release', 'state_fips', 'year']
    rows = { min = 1 }
"#;

/// Murders by city and year: cut by year.
const CITIES: &str = "
    title = 'Cities'
    row = 'city, year'
    publisher = 'FBI'
    licence = 'U.S. Government work'
    citation = 'FBI, Cities'
    disclosure = 'none'
    schedule = '0 0 12 1 * *'
    partition = 'year'
    period = 'year'
    outdated = ['ended']
    evidence = [{ layout = 'x', proven = 'spec' }]
    [source]
    kind = 'delimited'
    [[column]]
    name = 'city'
    from = ['City']
    [[column]]
    name = 'year'
    from = ['Year']
    [[column]]
    name = 'murder'
    from = ['Murder']
    [check]
    key = ['release', 'city', 'year']
    rows = { min = 1 }
";

/// A national count of deaths: not guarded.
const NATION: &str = "
    title = 'Deaths, United States'
    row = 'year'
    publisher = 'CDC'
    licence = 'U.S. Government work'
    citation = 'CDC, Deaths'
    disclosure = 'nchs'
    schedule = '0 0 12 1 * *'
    period = 'year'
    evidence = [{ layout = 'x', proven = 'spec' }]
    [source]
    kind = 'delimited'
    [[column]]
    name = 'year'
    from = ['Year']
    [[column]]
    name = 'deaths'
    from = ['Deaths']
    [check]
    key = ['release', 'year']
    rows = { min = 1 }
";

/// Deaths by county over several years together.
const COUNTY: &str = r#"
    title = 'Opioid deaths by county'
    row = 'county, period, drug class'
    publisher = 'CDC'
    licence = 'U.S. Government work'
    citation = 'CDC'
    disclosure = 'nchs'
    schedule = '0 0 12 1 * *'
    period = 'period_end'
    series = ['drug']
    evidence = [{ layout = 'x', proven = 'spec' }]
    [source]
    kind = 'delimited'
    [[column]]
    name = 'county_fips'
    from = ['County Code']
    [[column]]
    name = 'year'
    from = ['Year']
    [[column]]
    name = 'period_start'
    from = ['From']
    [[column]]
    name = 'period_end'
    from = ['To']
    [[column]]
    name = 'drug'
    from = ['drug']
    [[column]]
    name = 'deaths'
    from = ['Deaths']
    withheld = { low = 0, high = 9, words = { Suppressed = 'suppressed', Missing = 'missing' } }
    [check]
    key = ['release', 'county_fips', 'period_start', 'period_end', 'drug']
    rows = { min = 1 }
"#;

/// A warehouse in a folder that vanishes, with the datasets `deaths`, `cities` and `nation` declared.
pub(crate) struct Tiny {
    pub(crate) folder: TempDir,
    pub(crate) warehouse: Warehouse,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) datasets: Vec<Dataset>,
    pub(crate) models: Vec<Model>,
}

impl Tiny {
    pub(crate) fn new() -> Self {
        Self::of(&[("cities", CITIES), ("deaths", DEATHS), ("nation", NATION)])
    }

    /// The opioid tables of nation, state and county, as the project declares them, but for the county's.
    pub(crate) fn opioids() -> Self {
        Self::of(&[
            ("cdc_opioid_deaths_county", COUNTY),
            ("cdc_opioid_deaths_state", include_str!("../../../pipelines/cdc_opioid_deaths_state.toml")),
            ("cdc_opioid_deaths_state_sex", include_str!("../../../pipelines/cdc_opioid_deaths_state_sex.toml")),
            ("cdc_opioid_deaths_us", include_str!("../../../pipelines/cdc_opioid_deaths_us.toml")),
        ])
    }

    /// Medicare Part D, as the project declares it, beside the opioid deaths of states.
    pub(crate) fn medicare() -> Self {
        Self::of(&[
            ("cdc_opioid_deaths_state", include_str!("../../../pipelines/cdc_opioid_deaths_state.toml")),
            ("cms_opioid_prescribing_county", include_str!("../../../pipelines/cms_opioid_prescribing_county.toml")),
            ("cms_opioid_prescribing_state", include_str!("../../../pipelines/cms_opioid_prescribing_state.toml")),
            ("cms_partd_geography_drug", include_str!("../../../pipelines/cms_partd_geography_drug.toml")),
            ("cms_partd_prescriber_drug", include_str!("../../../pipelines/cms_partd_prescriber_drug.toml")),
        ])
    }

    fn of(datasets: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("it's a root");
        let vocabulary = Vocabulary::parse(include_str!("../../../warehouse/columns.toml")).unwrap();
        let parse = |(id, text): &(&str, &str)| Dataset::parse(id, text, &vocabulary).unwrap();
        let datasets = datasets.iter().map(parse).collect();
        Warehouse::open_or_create(&root, Origin::Replica, Timestamp::UNIX_EPOCH).unwrap();
        // Whoever was handed the first may collect and erase nothing while it lives.
        let warehouse = Warehouse::open(&root).unwrap();
        Self { folder, warehouse, vocabulary, datasets, models: Vec::new() }
    }

    /// Commits one slice of a dataset: a header of column names and rows, separated by commas; empty is null.
    pub(crate) fn commit(&self, dataset: &str, release: &str, rows: &str) -> Snapshot {
        self.commit_as(dataset, release, rows, "publisher")
    }

    /// The same, with the grade of its source.
    pub(crate) fn commit_as(&self, dataset: &str, release: &str, rows: &str, grade: &str) -> Snapshot {
        let change = self.stage(dataset, release, rows, grade);
        match self.warehouse.commit(&[change], "test", Timestamp::UNIX_EPOCH).unwrap() {
            Outcome::Committed(snapshot) => snapshot,
            Outcome::Unchanged(_) => panic!("nothing was committed"),
        }
    }

    /// Declares a model, in the place of one of the same name.
    pub(crate) fn declare(&mut self, id: &str, toml: &str, sql: &str) {
        self.models.retain(|model| model.id.as_str() != id);
        self.models.push(Model::parse(id, toml, sql, &self.vocabulary).unwrap());
    }

    /// A maker of the models that are declared.
    pub(crate) fn maker(&self) -> Maker<'_> {
        Maker::new(&self.warehouse, &self.models, &self.datasets, &self.vocabulary, "test")
    }

    /// Commits slices, each a dataset and its rows under the release `r1`, with the models over them, as a run would.
    pub(crate) fn run(&self, slices: &[(&str, &str)]) -> Result<(Outcome, BTreeMap<DatasetId, Became>)> {
        let staged: Vec<_> =
            slices.iter().map(|(dataset, rows)| self.stage(dataset, "r1", rows, "publisher")).collect();
        let (mut maker, mut made) = (self.maker(), BTreeMap::new());
        let outcome = self.warehouse.commit_with(&staged, "test", Timestamp::UNIX_EPOCH, &mut |draft| {
            made = maker.make(draft)?;
            Ok(())
        })?;
        Ok((outcome, made))
    }

    /// Keeps rows as what was fetched, with a receipt that tells so.
    fn capture(&self, name: &str, dataset: &str, rows: &str) -> Capture {
        let archive = self.warehouse.archive();
        let mut spool = archive.spool().unwrap();
        std::io::Write::write_all(&mut spool, rows.as_bytes()).unwrap();
        let sha256 = archive.keep(spool).unwrap();
        let exchange = format!("exchange-{name}");
        let url = format!("https://publisher.example/{dataset}");
        let receipt = Exchange {
            format: Exchange::FORMAT,
            id: exchange.clone(),
            url: url.clone(),
            via: "replica".to_owned(),
            method: "GET".to_owned(),
            body: None,
            sent: Vec::new(),
            status: 200,
            headers: Vec::new(),
            started: Timestamp::UNIX_EPOCH,
            finished: Timestamp::UNIX_EPOCH,
            attempts: 1,
            digest: Some(sha256.clone()),
            bytes: rows.len() as u64,
            refused: None,
        };
        archive.record(&receipt).unwrap();
        let receipt = archive.receipt_digest(&exchange).unwrap();
        Capture { sha256, exchange, receipt, url, erased: None }
    }

    /// Stages one slice over the newest snapshot.
    pub(crate) fn stage(&self, dataset: &str, release: &str, rows: &str, grade: &str) -> Staged {
        let declared = self.datasets.iter().find(|known| known.id.as_str() == dataset).unwrap();
        let release: Release = release.parse().unwrap();
        let (header, lines) = rows.split_once('\n').unwrap();
        let header: Vec<&str> = header.trim().split(',').chain(["_capture", "_record"]).collect();
        let capture = Digest::of(rows).to_string();
        let lines = lines.lines().zip(1..).map(|(line, record): (_, u64)| {
            let cells = line.trim().split(',').map(ToOwned::to_owned);
            cells.chain([capture.clone(), record.to_string()]).collect::<Vec<String>>()
        });
        let mut by_year: Vec<(Option<i32>, Vec<Vec<String>>)> = Vec::new();
        let mut kept = 0;
        for line in lines {
            kept += 1;
            let place = header.iter().position(|name| *name == "year" && declared.spec.partition == Partition::Year);
            let year = place.map(|place| line[place].parse().unwrap());
            match by_year.iter_mut().find(|(known, _)| *known == year) {
                Some((_, rows)) => rows.push(line),
                None => by_year.push((year, vec![line])),
            }
        }
        let write = |(year, rows): &(Option<i32>, Vec<Vec<String>>)| {
            let batch = self.batch(declared, &release, &header, rows);
            part::write(&self.warehouse, Place { table: dataset, release: &release, year: *year }, &batch).unwrap()
        };
        let slice = Slice {
            release: release.clone(),
            name: "all".to_owned(),
            grade: grade.to_owned(),
            note: format!("the note of {dataset}"),
            url: format!("https://publisher.example/{dataset}"),
            captures: vec![self.capture(&format!("{dataset}-{release}"), dataset, rows)],
            since: None,
            counts: Counts { read: kept, kept, ..Counts::default() },
            coverage: Vec::new(),
            parts: by_year.iter().map(write).collect(),
            pipeline: declared.digest.clone(),
            program: "test".to_owned(),
        };
        let head = self.warehouse.head().unwrap();
        Staged {
            superseded: Vec::new(),
            dataset: declared.id.clone(),
            pipeline: declared.digest.clone(),
            tables: self.tables(declared),
            slices: vec![slice],
            base: head.and_then(|head| head.datasets.get(&declared.id).cloned()),
            certificates: Vec::new(),
        }
    }

    fn tables(&self, dataset: &Dataset) -> Vec<Table> {
        let columns: Vec<ColumnType> = dataset
            .columns()
            .into_iter()
            .map(|name| {
                let meaning = self.vocabulary.get(&name).unwrap();
                ColumnType { kind: meaning.kind.sql(), id: meaning.id, name }
            })
            .collect();
        let period = Some(dataset.spec.period.clone());
        let mut tables = vec![Table {
            name: dataset.id.to_string(),
            columns: columns.clone(),
            period: period.clone(),
            series: dataset.spec.series.clone(),
            outdated: dataset.spec.outdated.clone(),
        }];
        if dataset.spec.totals.is_some() {
            tables.push(Table { name: dataset.totals_table(), columns, ..tables[0].clone() });
        }
        tables
    }

    fn batch(&self, dataset: &Dataset, release: &Release, header: &[&str], rows: &[Vec<String>]) -> RecordBatch {
        let names = dataset.columns();
        let fields: Vec<_> = names.iter().map(|name| self.vocabulary.field(name).unwrap()).collect();
        let columns = names.iter().zip(&fields).map(|(name, field)| {
            let place = header.iter().position(|known| known == name);
            let cells = rows.iter().map(|row| match (name.as_str(), place) {
                ("release", _) => Some(release.as_str()),
                (_, place) => place.map(|place| row[place].as_str()).filter(|cell| !cell.is_empty()),
            });
            let text: ArrayRef = Arc::new(StringArray::from_iter(cells));
            cast(&text, field.data_type()).unwrap()
        });
        RecordBatch::try_new(Arc::new(Schema::new(fields.clone())), columns.collect()).unwrap()
    }

    /// A session over the newest snapshot.
    pub(crate) fn session(&self) -> Session {
        let head = self.warehouse.resolve(None).unwrap();
        Session::open(&self.warehouse, head, &self.datasets, &self.vocabulary).unwrap()
    }
}

/// The rows of an answer as lines of CSV without the header.
#[track_caller]
pub(crate) fn lines(session: &Session, sql: &str) -> Vec<String> {
    let csv = String::from_utf8(session.query(sql).unwrap().to_csv().unwrap()).unwrap();
    csv.lines().skip(1).map(ToOwned::to_owned).collect()
}
