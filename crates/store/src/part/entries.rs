//! Entries: distinct combinations of values that rows share, such as buyers. A row tells its entry by number.
//!
//! [`Entries`] grows at its end, and every value in it is held once however many entries have it. [`View`] is what it
//! holds at a moment; taking one copies next to nothing, and it stays as it is while the entries grow. Nothing here
//! knows rows.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, Decimal128Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, FieldRef, Int32Type, Int64Type};
use model::{Error, Kind, Result, ResultExt as _};

/// Distinct combinations of values, numbered from 0 in the order in which they were appended.
#[derive(Debug)]
pub struct Entries {
    columns: Vec<Growing>,
    len: usize,
}

/// The entries that there were at a moment.
#[derive(Debug, Clone)]
pub struct View {
    pub(super) columns: Vec<Entry>,
}

#[derive(Debug)]
struct Growing {
    now: Entry,
    known: Known,
}

/// The number that each value has.
#[derive(Debug)]
enum Known {
    Texts(HashMap<Arc<str>, u32>),
    Numbers(HashMap<i128, u32>),
}

/// A column of the entries.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub field: FieldRef,
    /// Of each entry, the number of its value.
    pub ids: Segmented<u32>,
    /// The distinct values.
    pub values: Values,
}

/// In place of the number of a value: null.
pub(super) const NULL: u32 = u32::MAX;

/// Distinct values: texts, or whatever Parquet keeps as a whole number.
#[derive(Debug, Clone)]
pub(super) enum Values {
    Texts(Segmented<Arc<str>>),
    Numbers(Segmented<i128>),
}

impl Entries {
    /// No entries yet, of these columns: texts, numbers, dates and truth values.
    pub fn new(fields: &[FieldRef]) -> Result<Self> {
        let columns = fields.iter().map(|field| {
            let (values, known) = match field.data_type() {
                DataType::Utf8 => (Values::Texts(Segmented::default()), Known::Texts(HashMap::new())),
                DataType::Int32 | DataType::Int64 | DataType::Date32 | DataType::Boolean | DataType::Decimal128(..) => {
                    (Values::Numbers(Segmented::default()), Known::Numbers(HashMap::new()))
                }
                other => return Err(Error::new(Kind::Internal, format!("entries cannot hold {other}"))),
            };
            Ok(Growing { now: Entry { field: Arc::clone(field), ids: Segmented::default(), values }, known })
        });
        Ok(Self { columns: columns.collect::<Result<_>>()?, len: 0 })
    }

    /// Adds the rows of a batch of just these columns as entries; its first row gets the number [`Entries::len`] had.
    pub fn append(&mut self, batch: &RecordBatch) -> Result<()> {
        for (column, array) in self.columns.iter_mut().zip(batch.columns()) {
            column.append(array)?;
        }
        self.len += batch.num_rows();
        Ok(())
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What they are now.
    pub fn view(&self) -> View {
        View { columns: self.columns.iter().map(|column| column.now.clone()).collect() }
    }

    /// A whole number or day of one entry; none where it is null or a text.
    pub fn number(&self, column: usize, entry: u32) -> Option<i128> {
        self.columns.get(column)?.now.number(entry)
    }

    /// The value of one entry as text; none where it is null.
    pub fn text(&self, column: usize, entry: u32) -> Option<String> {
        self.columns.get(column)?.now.text(entry)
    }
}

impl View {
    /// The columns, in the order in which they were declared.
    pub fn fields(&self) -> impl Iterator<Item = &FieldRef> {
        self.columns.iter().map(|column| &column.field)
    }

    /// Of each of these entries, the place of its value among all their values of a column, nulls first: equal values
    /// have equal ranks. How many ranks there are comes with them.
    pub fn ranks(&self, column: usize, entries: &[u32]) -> (Vec<u32>, u32) {
        self.columns[column].ranks(entries)
    }

    /// The number that the value of an entry has among the values of a column; none where it is null.
    pub fn value_number(&self, column: usize, entry: u32) -> Option<u32> {
        Some(*self.columns[column].ids.get(entry)).filter(|id| *id != NULL)
    }

    /// Some columns of all entries, as a batch.
    pub fn batch(&self, names: &[&str]) -> Result<RecordBatch> {
        let columns = self.columns.iter().filter(|column| names.contains(&column.field.name().as_str()));
        let arrays = columns.map(|column| Ok((column.field.name().clone(), column.array()?, true)));
        RecordBatch::try_from_iter_with_nullable(arrays.collect::<Result<Vec<_>>>()?)
            .or_error(Kind::Internal, "entries are no batch")
    }

    /// The value of an entry as text, for hashes and messages.
    pub fn text(&self, column: usize, entry: u32) -> Option<String> {
        self.columns[column].text(entry)
    }
}

impl Entry {
    fn text(&self, entry: u32) -> Option<String> {
        let id = Some(*self.ids.get(entry)).filter(|id| *id != NULL)?;
        Some(match &self.values {
            Values::Texts(texts) => texts.get(id).to_string(),
            Values::Numbers(numbers) => numbers.get(id).to_string(),
        })
    }

    fn number(&self, entry: u32) -> Option<i128> {
        match (&self.values, *self.ids.get(entry)) {
            (Values::Numbers(numbers), id) if id != NULL => Some(*numbers.get(id)),
            _ => None,
        }
    }

    /// The value of every entry.
    fn array(&self) -> Result<ArrayRef> {
        let ids = (0..u32::try_from(self.ids.len()).unwrap_or(u32::MAX)).map(|entry| *self.ids.get(entry));
        let there = |id: u32| (id != NULL).then_some(id);
        let numbers = match &self.values {
            Values::Texts(texts) => {
                let each = ids.map(|id| there(id).map(|id| texts.get(id).as_ref()));
                return Ok(Arc::new(each.collect::<StringArray>()));
            }
            Values::Numbers(numbers) => numbers,
        };
        let numbers = ids.map(|id| there(id).map(|id| *numbers.get(id))).collect::<Decimal128Array>();
        match self.field.data_type() {
            DataType::Decimal128(precision, scale) => {
                let array = numbers.with_precision_and_scale(*precision, *scale);
                Ok(Arc::new(array.or_error(Kind::Internal, "an entry does not fit its column")?))
            }
            other => Err(Error::new(Kind::Internal, format!("entries of {other} are read one by one"))),
        }
    }

    fn ranks(&self, entries: &[u32]) -> (Vec<u32>, u32) {
        let mut used: Vec<u32> = entries.iter().map(|entry| *self.ids.get(*entry)).collect();
        used.sort_unstable();
        used.dedup();
        let has_null = used.last() == Some(&NULL);
        if has_null {
            used.pop();
        }
        match &self.values {
            Values::Texts(texts) => used.sort_by(|a, b| texts.get(*a).cmp(texts.get(*b))),
            Values::Numbers(numbers) => used.sort_by_key(|id| *numbers.get(*id)),
        }
        let first = u32::from(has_null);
        let mut rank_of = vec![0; self.values.len()];
        for (rank, id) in (first..).zip(&used) {
            rank_of[*id as usize] = rank;
        }
        let rank = |entry: &u32| match *self.ids.get(*entry) {
            NULL => 0,
            id => rank_of[id as usize],
        };
        (entries.iter().map(rank).collect(), first + u32::try_from(used.len()).unwrap_or(u32::MAX))
    }
}

impl Values {
    pub fn len(&self) -> usize {
        match self {
            Values::Texts(texts) => texts.len(),
            Values::Numbers(numbers) => numbers.len(),
        }
    }
}

impl Growing {
    fn append(&mut self, array: &ArrayRef) -> Result<()> {
        let ids = &mut self.now.ids;
        match (&mut self.now.values, &mut self.known) {
            (Values::Texts(values), Known::Texts(known)) => {
                for text in array.as_string::<i32>() {
                    let id = match text {
                        None => NULL,
                        Some(text) => match known.get(text) {
                            Some(id) => *id,
                            None => intern(Arc::from(text), values, known)?,
                        },
                    };
                    ids.push(id);
                }
            }
            (Values::Numbers(values), Known::Numbers(known)) => {
                for row in 0..array.len() {
                    let id = match number_at(array, row) {
                        None => NULL,
                        Some(number) => match known.get(&number) {
                            Some(id) => *id,
                            None => intern(number, values, known)?,
                        },
                    };
                    ids.push(id);
                }
            }
            _ => return Err(Error::new(Kind::Internal, "entries of two kinds in one column")),
        }
        Ok(())
    }
}

fn intern<T: Clone + Eq + Hash>(value: T, values: &mut Segmented<T>, known: &mut HashMap<T, u32>) -> Result<u32> {
    let id = u32::try_from(values.len()).ok().filter(|id| *id != NULL);
    let id = id.ok_or_else(|| Error::new(Kind::Internal, "more distinct values than can be numbered"))?;
    values.push(value.clone());
    known.insert(value, id);
    Ok(id)
}

/// A cell as the whole number that Parquet keeps.
pub(super) fn number_at(array: &ArrayRef, row: usize) -> Option<i128> {
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Date32 => array.as_primitive::<Date32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Boolean => array.as_boolean().value(row).into(),
        _ => array.as_primitive::<Decimal128Type>().value(row),
    })
}

/// A list that grows at its end, in segments that whoever has a copy shares.
#[derive(Debug, Clone)]
pub(super) struct Segmented<T> {
    full: Vec<Arc<[T]>>,
    tail: Vec<T>,
}

/// Items of a segment: few enough that copying the last one costs nothing to speak of.
const SEGMENT: usize = 4096;

impl<T> Default for Segmented<T> {
    fn default() -> Self {
        Self { full: Vec::new(), tail: Vec::new() }
    }
}

impl<T> Segmented<T> {
    fn push(&mut self, item: T) {
        self.tail.push(item);
        if self.tail.len() == SEGMENT {
            self.full.push(std::mem::take(&mut self.tail).into());
        }
    }

    pub fn len(&self) -> usize {
        self.full.len() * SEGMENT + self.tail.len()
    }

    /// An item that there is.
    #[inline]
    pub fn get(&self, index: u32) -> &T {
        let index = index as usize;
        match self.full.get(index / SEGMENT) {
            Some(segment) => &segment[index % SEGMENT],
            None => &self.tail[index % SEGMENT],
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn batch(names: &[Option<&str>], counts: &[Option<i64>]) -> RecordBatch {
        let schema =
            Schema::new(vec![Field::new("name", DataType::Utf8, true), Field::new("n", DataType::Int64, true)]);
        RecordBatch::try_new(
            Arc::new(schema),
            vec![Arc::new(StringArray::from(names.to_vec())), Arc::new(Int64Array::from(counts.to_vec()))],
        )
        .unwrap()
    }

    #[test]
    fn a_view_stays_as_it_was_and_ranks_put_nulls_first() {
        let first = batch(&[Some("b"), None, Some("a")], &[Some(7), Some(-1), None]);
        let mut entries = Entries::new(&first.schema().fields().iter().cloned().collect::<Vec<_>>()).unwrap();
        entries.append(&first).unwrap();
        let view = entries.view();
        for _ in 0..SEGMENT {
            entries.append(&batch(&[Some("b")], &[Some(7)])).unwrap();
        }
        assert_eq!(entries.len(), 3 + SEGMENT);
        assert_eq!(view.ranks(0, &[0, 1, 2, 0]), (vec![2, 0, 1, 2], 3));
        assert_eq!(view.ranks(1, &[0, 1]), (vec![1, 0], 2));
        assert_eq!(view.ranks(1, &[2]), (vec![0], 1));
        assert_eq!(view.columns[0].ids.len(), 3);
        assert_eq!(entries.view().columns[0].values.len(), 2, "a value is held once");
        assert_eq!(entries.number(1, 1), Some(-1));
        assert_eq!(entries.number(1, 2), None);
        assert_eq!(view.text(0, 2).as_deref(), Some("a"));
    }
}
