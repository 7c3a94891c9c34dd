//! Models over the unmasked rows of persons, which an operator may switch on: for the operator alone, below `restricted/`, in no
//! snapshot. `warehouse/restricted/` declares them as `warehouse/models/` does others; their SQL reads the schema `restricted`, too.
//!
//! They are made on a connection of their own that is gone with their last row, so that no session ever has that schema, and what
//! DuckDB says of these rows is passed on to nobody.

use std::collections::BTreeSet;

use model::column::Vocabulary;
use model::dataset::{Dataset, Disclosure};
use model::{DatasetId, Digest, Error, Kind, Result, ResultExt as _};
use store::Warehouse;
use store::commit::Snapshot;
use store::restricted::Take;

use super::Model;
use crate::catalogue::{self, Plan};
use crate::session::{self, gate};
use crate::{Answer, sql};

/// The schema of unmasked rows.
const SCHEMA: &str = "restricted";

/// What the rows of a model follow from, as a name; none where no file of persons that it reads is among those `kept`.
pub fn name(
    snapshot: &Snapshot,
    model: &Model,
    kept: &BTreeSet<(DatasetId, String)>,
    program: &str,
) -> Result<Option<String>> {
    let reads = reads(model)?;
    let persons: Vec<_> = kept.iter().filter(|(dataset, _)| reads.contains(dataset.as_str())).collect();
    if persons.is_empty() {
        return Ok(None);
    }
    let mut told = format!("{} {} {program}", model.declaration, Digest::of(&model.sql));
    for (dataset, file) in persons {
        told += &format!(" {dataset}/{file}");
    }
    for (dataset, manifest) in snapshot.datasets.iter().filter(|(dataset, _)| reads.contains(dataset.as_str())) {
        told += &format!(" {dataset} {manifest}");
    }
    Ok(Some(Digest::of(told).as_str()[..32].to_owned()))
}

/// Hands on the rows of a model over a snapshot and the files of unmasked rows that are there.
pub fn rows(
    warehouse: &Warehouse,
    snapshot: &Snapshot,
    datasets: &[Dataset],
    vocabulary: &Vocabulary,
    model: &Model,
    take: Take<'_>,
) -> Result<()> {
    let named = reads(model)?;
    let plan = Plan::of_draft(warehouse, snapshot, datasets, vocabulary)?;
    for table in plan.contents.tables.iter().filter(|table| named.contains(&table.name.to_lowercase())) {
        let parts = table.parts.iter().map(|loaded| &loaded.part);
        warehouse.check_sound(&mut parts.map(|part| (part.path.as_str(), &part.sha256)))?;
    }
    let files = warehouse.restricted()?;
    let connection = session::connect(2).or_error(Kind::Internal, "DuckDB does not start")?;
    plan.apply(&connection)?;
    let hidden = |_| {
        Error::new(
            Kind::Usage,
            format!("warehouse/restricted/{}.sql fails over rows of persons, which are not shown", model.id),
        )
    };
    // A dataset of whose persons there are no rows is an empty table, as one that is not loaded is.
    let missing = datasets.iter().filter(|dataset| {
        let there = files.iter().any(|(held, _)| *held == dataset.id);
        dataset.spec.mask.is_some() && !there && named.contains(dataset.id.as_str())
    });
    let empty = missing.map(|dataset| {
        let name = sql::name(dataset.id.as_str());
        format!("CREATE VIEW {SCHEMA}.{name} AS SELECT * FROM main.{name} LIMIT 0")
    });
    for statement in catalogue::restricted(&files).into_iter().chain(empty) {
        connection.execute_batch(&statement).map_err(hidden)?;
    }
    let folders = ["tables", "restricted"].map(|folder| warehouse.root().join(folder));
    session::lock(&connection, &folders).or_error(Kind::Internal, "DuckDB cannot be locked down")?;
    let mut statement = connection.prepare(&model.sql).map_err(hidden)?;
    let arrow = statement.query_arrow([]).map_err(hidden)?;
    let schema = arrow.get_schema();
    let answer = Answer::new(schema, arrow.collect())?;
    let guarded = datasets
        .iter()
        .any(|dataset| named.contains(dataset.id.as_str()) && !matches!(dataset.spec.disclosure, Disclosure::None));
    let batch = match &model.spec.method {
        Some(method) => model.made(method, &answer, guarded, vocabulary)?,
        None => model.fit(&answer, vocabulary)?,
    };
    if batch.num_rows() == 0 { Ok(()) } else { take(&batch) }
}

/// The names of the tables that it reads, in whatever schema.
fn reads(model: &Model) -> Result<BTreeSet<String>> {
    let connection = session::connect(1).or_error(Kind::Internal, "DuckDB does not start")?;
    gate::check_in(&connection, &model.sql, &[SCHEMA])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

    use super::*;
    use crate::testing::Tiny;

    const TOML: &str = "title = 'Persons'\nrow = 'person'\ncolumns = ['city', 'murder']\nkey = ['city']";
    const SQL: &str =
        "SELECT name AS city, many + murder AS murder FROM restricted.cities AS persons, main.cities AS counted";

    /// A table of two cities, and two invented persons' rows that the operator keeps of it.
    fn kept() -> (Tiny, BTreeSet<(DatasetId, String)>) {
        let tiny = Tiny::new();
        tiny.commit("cities", "r1", "city,year,murder\nPortland,2015,14");
        let names: ArrayRef = Arc::new(StringArray::from(vec!["INVENTED, JOHN", "INVENTED, JANE"]));
        let many: ArrayRef = Arc::new(Int64Array::from(vec![100, 200]));
        let rows = RecordBatch::try_from_iter([("name", names), ("many", many)]).unwrap();
        let cities: DatasetId = "cities".parse().unwrap();
        tiny.warehouse.keep_restricted(&cities, "some", &mut |take| take(&rows)).unwrap();
        (tiny, BTreeSet::from([(cities, "some".to_owned())]))
    }

    fn made(tiny: &Tiny, sql: &str) -> Result<Vec<(String, i64)>> {
        let model = Model::parse("found", TOML, sql, &tiny.vocabulary)?;
        let head = tiny.warehouse.head()?.unwrap();
        let mut found = Vec::new();
        rows(&tiny.warehouse, &head, &tiny.datasets, &tiny.vocabulary, &model, &mut |batch| {
            use arrow::array::AsArray as _;
            let names = batch.column(0).as_string::<i32>();
            let many = batch.column(1).as_primitive::<arrow::datatypes::Int64Type>();
            found.extend((0..batch.num_rows()).map(|row| (names.value(row).to_owned(), many.value(row))));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn rows_of_persons_go_in_and_no_session_sees_them() {
        let (tiny, _) = kept();
        assert_eq!(made(&tiny, SQL).unwrap(), [("INVENTED, JANE".to_owned(), 214), ("INVENTED, JOHN".to_owned(), 114)]);
        assert!(tiny.session().query(SQL).is_err());
    }

    #[test]
    fn what_goes_wrong_is_not_told_in_words_that_quote_a_person() {
        let (tiny, _) = kept();
        let error = made(&tiny, &SQL.replace("many + murder", "CAST(name AS BIGINT)")).unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(said.contains("which are not shown") && !said.contains("JANE") && !said.contains("JOHN"), "{said}");
        // Nor does it do more than read.
        let copy = "SELECT name AS city, 1 AS murder FROM read_csv('x.csv')";
        assert!(made(&tiny, copy).unwrap_err().to_string().contains("is refused"));
    }

    #[test]
    fn its_name_follows_from_all_that_it_reads() {
        let (tiny, kept) = kept();
        let model = |sql: &str| Model::parse("found", TOML, sql, &tiny.vocabulary).unwrap();
        let called = |sql: &str, kept: &BTreeSet<_>, program: &str| {
            name(&tiny.warehouse.head().unwrap().unwrap(), &model(sql), kept, program).unwrap()
        };
        let first = called(SQL, &kept, "1");
        assert!(first.is_some());
        assert_eq!(first, called(SQL, &kept, "1"));
        assert_eq!(called(SQL, &BTreeSet::new(), "1"), None);
        let other = kept.iter().map(|(dataset, _)| (dataset.clone(), "other".to_owned())).collect();
        assert_ne!(first, called(SQL, &other, "1"));
        assert_ne!(first, called(SQL, &kept, "2"));
        assert_ne!(first, called(&SQL.replace("many +", "many -"), &kept, "1"));
        tiny.commit("deaths", "r1", "state_fips,year,deaths\n01,2015,50");
        assert_eq!(first, called(SQL, &kept, "1"));
        tiny.commit("cities", "r2", "city,year,murder\nPortland,2016,15");
        assert_ne!(first, called(SQL, &kept, "1"));
    }
}
