//! Which of our columns comes from which upstream columns, so that each group of them is normalised by itself.
//!
//! [`Plan`] splits a declaration: for each group of upstream columns that repeat together, and for the columns that do
//! not, it makes the same dataset with fewer columns, which [`normalise`] takes like any other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use model::column::Vocabulary;
use model::dataset::{Column, Dataset, Mask, ORIGIN, Partition};
use model::{Digest, Error, Kind, Result, ResultExt as _};

use super::{Lines, unfit};
use crate::check::product::Tally;
use crate::extract::{Grade, RECORD};
use crate::fingerprint;
use crate::normalise::{Normal, check_names, normalise};

/// How a file's columns become ours.
pub(super) struct Plan {
    /// What stands between cells.
    pub separator: u8,
    /// How many cells a line has.
    pub width: usize,
    /// The most bytes that the file may inflate to.
    pub limit: u64,
    /// The groups of upstream columns that repeat together. The last has none: it holds what is the same in all rows.
    pub groups: Vec<Group>,
    /// The upstream columns that do not repeat.
    pub plain: Group,
    /// The columns of a part, in order.
    pub schema: SchemaRef,
    /// Where the year is that rows are filed under, if they are.
    pub year: Option<Place>,
    /// By which columns rows are sorted.
    pub sort: Vec<Place>,
    /// The columns of the key, but for the release.
    pub key: Vec<Source>,
    /// Those of them of which a null leaves a row to be told by every column.
    pub open: Vec<Source>,
    /// The columns that say what the file covers.
    pub coverage: Vec<Place>,
    /// The group of each declared product.
    pub products: Vec<usize>,
    /// The column that tells persons from businesses, with the rule, where there is one.
    pub telling: Option<(Place, Mask)>,
}

/// Upstream columns with ours that are made of them.
pub(super) struct Group {
    /// The places of the cells in a line, ascending.
    pub cells: Vec<usize>,
    /// The same as ranges of neighbours.
    pub spans: Vec<(usize, usize)>,
    /// Our columns.
    pub fields: Vec<FieldRef>,
    names: Vec<String>,
    dataset: Dataset,
}

/// A column of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub group: usize,
    pub column: usize,
}

/// Where a column is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Coded(Place),
    /// A plain column, by name.
    Plain(String),
}

impl Plan {
    pub fn new(dataset: &Dataset, vocabulary: &Vocabulary, lines: &Lines) -> Result<Self> {
        check_names(dataset, &lines.names.iter().map(String::as_str).collect())?;
        if dataset.spec.totals.is_some() || !dataset.spec.correction.is_empty() {
            return Err(unfit(dataset, "a file with totals or corrections cannot be read as a stream"));
        }
        let homes = Homes::new(dataset, lines)?;
        let constant = homes.groups.len();
        let mut ours: Vec<Vec<&Column>> = vec![Vec::new(); constant + 2];
        let mut home_of: BTreeMap<&str, usize> = BTreeMap::new();
        for column in &dataset.spec.column {
            let home = homes.of(dataset, column, lines, &home_of)?;
            for name in column.columns() {
                // The names live as long as the declaration; the first is the column's own.
                if name == column.name {
                    home_of.insert(&column.name, home);
                }
            }
            ours[home].push(column);
        }
        let plain = ours.pop().unwrap_or_default();
        let plain = Group::new(dataset, vocabulary, lines, &homes.plain, &plain)?;
        let mut groups = Vec::new();
        for (cells, columns) in homes.groups.iter().map(Vec::as_slice).chain([&[][..]]).zip(&ours) {
            groups.push(Group::new(dataset, vocabulary, lines, cells, columns)?);
        }
        masked_together(dataset, &groups, &plain)?;

        let fields = dataset.columns().into_iter().map(|name| vocabulary.field(&name)).collect::<Result<Vec<_>>>()?;
        let mut plan = Self {
            separator: lines.separator,
            width: lines.names.len(),
            limit: lines.limit,
            groups,
            plain,
            schema: Arc::new(Schema::new(fields)),
            year: None,
            sort: Vec::new(),
            key: Vec::new(),
            open: Vec::new(),
            coverage: Vec::new(),
            products: Vec::new(),
            telling: None,
        };
        if let Some(mask) = &dataset.spec.mask {
            let place = plan.place(&mask.unless).ok_or_else(|| unfit(dataset, "[mask] must be told by a group"))?;
            plan.telling = Some((place, mask.clone()));
        }
        if dataset.spec.partition == Partition::Year {
            let year = plan.place("year").ok_or_else(|| unfit(dataset, "`year` must be of a group in `together`"))?;
            plan.year = Some(year);
        }
        for name in &dataset.spec.sort {
            let place =
                plan.place(name).ok_or_else(|| unfit(dataset, format!("sorted by `{name}`, which is of no group")))?;
            plan.sort.push(place);
        }
        let key = dataset.spec.check.key.iter().filter(|name| *name != "release");
        plan.key = key.map(|name| plan.source(name)).collect();
        plan.open = fingerprint::nullable(dataset).iter().map(|name| plan.source(name)).collect();
        for name in &dataset.spec.coverage.columns {
            let place = plan
                .place(name)
                .ok_or_else(|| unfit(dataset, format!("[coverage] by `{name}`, which is of no group")))?;
            plan.coverage.push(place);
        }
        for product in &dataset.spec.check.product {
            let groups: BTreeSet<Option<usize>> =
                Tally::new(product).columns().map(|name| plan.place(name).map(|place| place.group)).collect();
            match (groups.len(), groups.first()) {
                (1, Some(Some(group))) => plan.products.push(*group),
                _ => {
                    let what =
                        format!("[[check.product]] of `{}` and its factors must be of one group", product.column);
                    return Err(unfit(dataset, what));
                }
            }
        }
        Ok(plan)
    }

    /// Where a column of a group is.
    pub fn place(&self, name: &str) -> Option<Place> {
        self.groups.iter().enumerate().find_map(|(group, held)| {
            let column = held.fields.iter().position(|field| field.name() == name)?;
            Some(Place { group, column })
        })
    }

    fn source(&self, name: &str) -> Source {
        self.place(name).map_or_else(|| Source::Plain(name.to_owned()), Source::Coded)
    }

    /// The group that holds what is the same in all rows.
    pub fn constant(&self) -> usize {
        self.groups.len() - 1
    }
}

impl Group {
    fn new(
        dataset: &Dataset,
        vocabulary: &Vocabulary,
        lines: &Lines,
        cells: &[usize],
        columns: &[&Column],
    ) -> Result<Self> {
        let mut part = dataset.clone();
        part.spec.column = columns.iter().map(|column| (*column).clone()).collect();
        part.spec.mask = part.spec.mask.filter(|mask| columns.iter().any(|column| column.name == mask.unless));
        // Whether the whole layout is the declared one was looked at before.
        let names: Vec<String> = cells.iter().map(|cell| lines.names[*cell].clone()).collect();
        part.spec.ignore.extend(names.iter().map(|name| (name.clone(), String::new())));
        let ours = part.columns().into_iter().filter(|name| !ORIGIN.contains(&name.as_str()));
        let fields = ours.map(|name| Ok(Arc::new(vocabulary.field(&name)?))).collect::<Result<Vec<_>>>()?;
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for cell in cells {
            match spans.last_mut() {
                Some((_, last)) if *last + 1 == *cell => *last = *cell,
                _ => spans.push((*cell, *cell)),
            }
        }
        Ok(Self { cells: cells.to_vec(), spans, fields, names, dataset: part })
    }

    /// Normalises cells: a text column for each upstream column, and the number of each row.
    pub fn normalise(
        &self,
        vocabulary: &Vocabulary,
        grade: Grade,
        capture: &Digest,
        cells: Vec<StringArray>,
        rows: usize,
    ) -> Result<Normal> {
        let mut fields: Vec<Field> = self.names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
        fields.push(Field::new(RECORD, DataType::UInt64, false));
        let mut arrays: Vec<ArrayRef> = cells.into_iter().map(|cells| Arc::new(cells) as ArrayRef).collect();
        arrays.push(Arc::new(UInt64Array::from_iter_values(0..rows as u64)));
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
            .or_error(Kind::Internal, "the cells of a group differ in number")?;
        normalise(&self.dataset, vocabulary, grade, capture, &batch)
    }

    /// Our columns alone, of what [`Group::normalise`] kept.
    pub fn ours(&self, kept: &RecordBatch) -> Result<RecordBatch> {
        let places: Vec<usize> = (0..self.fields.len()).collect();
        // A batch without columns still says how many rows it has.
        kept.project(&places).or_error(Kind::Internal, "the columns of a group are not those that it makes")
    }
}

/// Which upstream columns are together.
struct Homes {
    groups: Vec<Vec<usize>>,
    plain: Vec<usize>,
    home: Vec<usize>,
}

impl Homes {
    fn new(dataset: &Dataset, lines: &Lines) -> Result<Self> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut home = vec![usize::MAX; lines.names.len()];
        for together in &lines.together {
            let mut cells: Vec<usize> =
                together.iter().filter_map(|name| lines.names.iter().position(|known| known == name)).collect();
            cells.sort_unstable();
            if cells.is_empty() {
                continue;
            }
            for cell in &cells {
                if home[*cell] != usize::MAX {
                    return Err(unfit(dataset, format!("`{}` is in two groups", lines.names[*cell])));
                }
                home[*cell] = groups.len();
            }
            groups.push(cells);
        }
        let plain: Vec<usize> = (0..home.len()).filter(|cell| home[*cell] == usize::MAX).collect();
        for cell in &plain {
            home[*cell] = groups.len() + 1;
        }
        Ok(Self { groups, plain, home })
    }

    /// The group that one of our columns is made of.
    fn of(&self, dataset: &Dataset, column: &Column, lines: &Lines, made: &BTreeMap<&str, usize>) -> Result<usize> {
        let mut homes: BTreeMap<usize, String> = BTreeMap::new();
        for accepted in column.headers() {
            let cell = accepted.iter().find_map(|name| lines.names.iter().position(|known| known == name));
            if let Some(cell) = cell {
                homes.insert(self.home[cell], lines.names[cell].clone());
            }
        }
        for name in column.looks_at() {
            let home = made.get(name);
            let home = home.ok_or_else(|| {
                unfit(dataset, format!("`{}` is made of `{name}`, which comes after it", column.name))
            })?;
            homes.insert(*home, name.to_owned());
        }
        // What is the same in all rows can be beside anything.
        let constant = self.groups.len();
        homes.remove(&constant);
        let mut homes = homes.into_iter();
        match (homes.next(), homes.next()) {
            (None, _) => Ok(constant),
            (Some((home, _)), None) => Ok(home),
            (Some((_, one)), Some((_, other))) => Err(unfit(
                dataset,
                format!("`{}` is made of `{one}` and `{other}`, which must be in one group of `together`", column.name),
            )),
        }
    }
}

/// Whoever is masked must be seen whole: what tells a person from a business stands in the group of the masked columns.
fn masked_together(dataset: &Dataset, groups: &[Group], plain: &Group) -> Result<()> {
    let Some(mask) = &dataset.spec.mask else { return Ok(()) };
    for group in groups.iter().chain([plain]) {
        let names: BTreeSet<&str> = group.fields.iter().map(|field| field.name().as_str()).collect();
        let here = mask.columns.iter().filter(|name| names.contains(name.as_str())).count();
        if here > 0 && (here != mask.columns.len() || !names.contains(mask.unless.as_str())) {
            return Err(unfit(dataset, "the columns of [mask] must all be in one group of `together`"));
        }
    }
    Ok(())
}

/// What cannot be.
pub(super) fn internal(what: &str) -> Error {
    Error::new(Kind::Internal, what)
}
