//! Puts chunks back in order: numbers what is new, deals rows to years, and cuts a part off when enough have gathered.
//!
//! Everything here happens in the order of the file, on one thread, so that numbers and parts are the same whoever
//! parsed the chunks and when.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{FieldRef, Int64Type, Schema};
use model::{Error, Kind, Release, Result, ResultExt as _};
use store::commit::Counts;
use store::part::{Entries, View};
use store::quarantine::Rejected;

use super::Streamed;
use super::parse::{Known, Parsed, Refused, Script, cells, mixed};
use super::part::{Buffer, Work};
use super::plan::{Group, Plan, internal};
use crate::check::product::Tally;
use crate::coverage::Coverage;
use crate::extract::{Page, RECORD, Slice};
use crate::normalise::MASKED;
use crate::run::Job;

/// Rows of a part, to which the rest of a chunk is added.
const PART: usize = if cfg!(test) { 5_000 } else { 1 << 19 };

/// Rows that wait in memory at most, over all years. Above it the fullest year is cut.
const WAITING: usize = if cfg!(test) { 12_000 } else { 2 << 20 };

/// Distinct combinations of one group at most. Above it everything is cut, and numbering begins anew.
const ENTRIES: usize = if cfg!(test) { 3_000 } else { 1 << 20 };

/// Rejected rows at most: of a file with more, something else is wrong.
const REJECTED: usize = 100_000;

/// The rows of a file, as far as it was read.
pub(super) struct Gather<'a, 'd> {
    job: &'a Job<'d>,
    slice: &'a Slice,
    page: &'a Page,
    release: &'a Release,
    plan: &'a Plan,
    groups: Vec<Numbered>,
    waiting: BTreeMap<Option<i32>, Buffer>,
    rows: usize,
    parts: usize,
    lines: u64,
    script: Script,
    coverage: Coverage<'d>,
    streamed: Streamed<'d>,
}

/// The entries of a group, with the numbers that their identities have.
struct Numbered {
    entries: Entries,
    numbers: Known,
    /// Entries that break a rule, each with what is said of the first row that has it.
    faults: HashMap<u32, Rejected>,
    /// Of each entry, how many rows have it.
    rows: Vec<u64>,
}

impl<'a, 'd> Gather<'a, 'd> {
    pub fn new(
        job: &'a Job<'d>,
        slice: &'a Slice,
        page: &'a Page,
        release: &'a Release,
        plan: &'a Plan,
    ) -> Result<Self> {
        let mut gather = Self {
            job,
            slice,
            page,
            release,
            plan,
            groups: Vec::new(),
            waiting: BTreeMap::new(),
            rows: 0,
            parts: 0,
            lines: 0,
            script: Script::Ascii,
            coverage: Coverage::new(job.dataset),
            streamed: Streamed {
                counts: Counts::default(),
                rejected: Vec::new(),
                parts: Vec::new(),
                years: BTreeSet::new(),
                repeats: 0,
                open: 0,
                covered: Vec::new(),
                products: job.dataset.spec.check.product.iter().map(Tally::new).collect(),
            },
        };
        gather.begin()?;
        Ok(gather)
    }

    /// Begins to number anew.
    fn begin(&mut self) -> Result<()> {
        self.groups.clear();
        for (place, group) in self.plan.groups.iter().enumerate() {
            let mut fields = group.fields.clone();
            let constant = place == self.plan.constant();
            if constant {
                for name in ["release", "_capture"] {
                    fields.push(Arc::new(self.job.vocabulary.field(name)?));
                }
            }
            let mut entries = Entries::new(&fields)?;
            if constant {
                entries.append(&self.constant(fields)?)?;
            }
            let rows = vec![0; entries.len()];
            self.groups.push(Numbered { entries, numbers: Known::default(), faults: HashMap::new(), rows });
        }
        Ok(())
    }

    /// What is the same in all rows, as one row.
    fn constant(&self, fields: Vec<FieldRef>) -> Result<RecordBatch> {
        let group = &self.plan.groups[self.plan.constant()];
        let normal = group.normalise(self.job.vocabulary, self.slice.grade, &self.page.digest, Vec::new(), 1)?;
        let mut columns = group.ours(&normal.kept)?.columns().to_vec();
        for text in [self.release.as_str(), self.page.digest.as_str()] {
            columns.push(Arc::new(StringArray::from(vec![text])) as ArrayRef);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
            .or_error(Kind::Internal, "what is the same in all rows is not one row")
    }

    /// Takes the next chunk, and hands on the parts that are full.
    pub fn take(&mut self, mut parsed: Parsed, cut: &mut dyn FnMut(Work) -> Result<()>) -> Result<()> {
        self.read_as(parsed.script)?;
        if let Some((line, cells)) = parsed.torn {
            return Err(torn(&self.page.url, self.lines + line, cells, self.plan.width));
        }
        let numbers = self.number(&parsed)?;
        let refused = std::mem::take(&mut parsed.rejected).into_iter();
        let mut rejected: Vec<Rejected> = refused.map(|refused| self.masked(refused, &numbers)).collect();
        self.streamed.counts.read += (parsed.line.len() + rejected.len()) as u64;
        let rows = self.by_year(&parsed, &numbers, &mut rejected)?;
        self.reject(rejected)?;

        let records = parsed.line.iter().map(|line| i64::try_from(self.lines + u64::from(*line)).ok());
        let plain = self.with_records(&parsed.plain, records.collect())?;
        for (year, rows) in rows {
            self.deal(year, &rows, &parsed, &numbers, &plain)?;
        }
        self.lines += parsed.lines;
        self.cut_full(cut)
    }

    /// Hands on whatever waits, and tells what the file has become.
    pub fn finish(mut self, cut: &mut dyn FnMut(Work) -> Result<()>) -> Result<Streamed<'d>> {
        self.cut_all(cut)?;
        self.tell()?;
        self.streamed.covered = self.coverage.covered();
        Ok(self.streamed)
    }

    /// Takes from the entries what is told of the whole file, before they are numbered anew.
    fn tell(&mut self) -> Result<()> {
        let views: Vec<View> = self.groups.iter().map(|group| group.entries.view()).collect();
        for (column, place) in self.plan.coverage.iter().enumerate() {
            let (rows, view) = (&self.groups[place.group].rows, &views[place.group]);
            let mut of_value: HashMap<Option<u32>, (u32, u64)> = HashMap::new();
            for (entry, rows) in (0..).zip(rows) {
                of_value.entry(view.value_number(place.column, entry)).or_insert((entry, 0)).1 += rows;
            }
            for (entry, rows) in of_value.into_values() {
                self.coverage.count(column, view.text(place.column, entry).as_deref(), rows);
            }
        }
        for (tally, group) in self.streamed.products.iter_mut().zip(&self.plan.products) {
            let rows = &self.groups[*group].rows;
            let names: Vec<&str> = tally.columns().map(String::as_str).collect();
            let batch = views[*group].batch(&names)?;
            let place = |row: usize| Ok(told(&names, &views[*group], row));
            tally.see(&batch, &|row| rows[row], &place)?;
        }
        Ok(())
    }

    /// A text is UTF-8 or Latin-1 throughout.
    fn read_as(&mut self, script: Script) -> Result<()> {
        match (self.script, script) {
            (_, Script::Ascii) => {}
            (Script::Ascii, other) => self.script = other,
            (before, now) if before == now => {}
            _ => return Err(mixed(&self.page.url, self.lines)),
        }
        Ok(())
    }

    /// The numbers that a chunk's entries have in the file. What is new is normalised.
    fn number(&mut self, parsed: &Parsed) -> Result<Vec<Vec<u32>>> {
        let Self { job, slice, page, plan, groups, .. } = self;
        let mut numbers = Vec::with_capacity(groups.len());
        for ((numbered, group), told) in groups.iter_mut().zip(&plan.groups).zip(&parsed.groups) {
            let (mut next, mut new) = (numbered.entries.len(), Vec::new());
            let mut of_chunk = Vec::with_capacity(told.keys.len());
            for (identity, first) in told.keys.iter().zip(&told.first) {
                let number = *numbered.numbers.entry(*identity).or_insert_with(|| {
                    new.push(*first);
                    next += 1;
                    next as u32 - 1
                });
                of_chunk.push(number);
            }
            if !new.is_empty() {
                let cells = cells(plan, group, &parsed.text, &new)?;
                numbered.append(group, job, slice, page, cells, new.len())?;
            }
            numbers.push(of_chunk);
        }
        Ok(numbers)
    }

    /// The rows of a chunk by their years; those of an entry that breaks a rule go to the rejected.
    fn by_year(
        &self,
        parsed: &Parsed,
        numbers: &[Vec<u32>],
        rejected: &mut Vec<Rejected>,
    ) -> Result<Vec<(Option<i32>, Vec<u32>)>> {
        let faulty = self.groups.iter().any(|group| !group.faults.is_empty());
        let mut years: Vec<(Option<i32>, Vec<u32>)> = Vec::new();
        let mut last = 0;
        for row in 0..parsed.line.len() {
            if faulty && let Some(fault) = self.fault(parsed, numbers, row) {
                let telling = self.plan.telling.as_ref().and_then(|(place, _)| parsed.groups.get(place.group));
                let telling = telling.and_then(|told| told.entry.get(row).copied());
                let row = Rejected { record: parsed.line[row].into(), ..fault.clone() };
                rejected.push(self.masked(Refused { row, telling }, numbers));
                continue;
            }
            let year = self.year(parsed, numbers, row)?;
            if years.get(last).is_none_or(|(known, _)| *known != year) {
                last = years.iter().position(|(known, _)| *known == year).unwrap_or(years.len());
                if last == years.len() {
                    years.push((year, Vec::new()));
                }
            }
            years[last].1.push(row as u32);
        }
        Ok(years)
    }

    /// The first entry of a row that breaks a rule.
    fn fault(&self, parsed: &Parsed, numbers: &[Vec<u32>], row: usize) -> Option<&Rejected> {
        let groups = self.groups.iter().zip(&parsed.groups).zip(numbers);
        groups.filter(|((group, _), _)| !group.faults.is_empty()).find_map(|((group, told), numbers)| {
            let entry = *told.entry.get(row)?;
            group.faults.get(numbers.get(entry as usize)?)
        })
    }

    /// A rejected row, of which nothing is shown where it may be a person's.
    fn masked(&self, refused: Refused, numbers: &[Vec<u32>]) -> Rejected {
        let Refused { row, telling } = refused;
        let Some((place, mask)) = &self.plan.telling else { return row };
        let group = &self.groups[place.group];
        let entry = telling.and_then(|entry| numbers[place.group].get(entry as usize));
        let may_be_shown = entry.is_some_and(|entry| match group.faults.get(entry) {
            // What is wrong with the buyer itself was masked when it was looked at.
            Some(fault) => fault.column == row.column,
            None => mask.is_business(group.entries.text(place.column, *entry).as_deref()),
        });
        if may_be_shown || row.raw.is_empty() { row } else { Rejected { raw: MASKED.to_owned(), ..row } }
    }

    fn year(&self, parsed: &Parsed, numbers: &[Vec<u32>], row: usize) -> Result<Option<i32>> {
        let Some(place) = self.plan.year else { return Ok(None) };
        let entry = numbers[place.group][parsed.groups[place.group].entry[row] as usize];
        match self.groups[place.group].entries.number(place.column, entry).map(i32::try_from) {
            Some(Ok(year)) => Ok(Some(year)),
            _ => {
                let line = self.lines + u64::from(parsed.line[row]);
                let (dataset, release) = (&self.job.dataset.id, self.release);
                let what = format!("{dataset} {release}: the row of line {line} has no year to be filed under");
                Err(Error::new(Kind::CheckFailed, what))
            }
        }
    }

    /// Takes rejected rows of a chunk, whose lines count from its beginning.
    fn reject(&mut self, mut rejected: Vec<Rejected>) -> Result<()> {
        rejected.sort_by_key(|row| row.record);
        self.streamed.counts.rejected += rejected.len() as u64;
        let before = self.lines;
        self.streamed.rejected.extend(rejected.into_iter().map(|row| Rejected { record: before + row.record, ..row }));
        match self.streamed.rejected.first() {
            Some(first) if self.streamed.rejected.len() > REJECTED => Err(Error::new(
                Kind::CheckFailed,
                format!(
                    "{} {}: more than {REJECTED} rows broke a rule; the first is record {}: {} `{}` is {}",
                    self.job.dataset.id, self.release, first.record, first.column, first.raw, first.rule
                ),
            )
            .hint("nothing was committed; the capture is in the archive to look at")),
            _ => Ok(()),
        }
    }

    fn with_records(&self, plain: &RecordBatch, records: Int64Array) -> Result<RecordBatch> {
        let mut fields: Vec<FieldRef> = plain.schema_ref().fields().iter().cloned().collect();
        fields.push(Arc::new(self.job.vocabulary.field(RECORD)?));
        let mut columns = plain.columns().to_vec();
        columns.push(Arc::new(records));
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
            .or_error(Kind::Internal, "the rows of a chunk and their places differ in number")
    }

    /// Adds rows of a chunk to those that wait for their year's next part.
    fn deal(
        &mut self,
        year: Option<i32>,
        rows: &[u32],
        parsed: &Parsed,
        numbers: &[Vec<u32>],
        plain: &RecordBatch,
    ) -> Result<()> {
        let constant = self.plan.constant();
        let buffer = self.waiting.entry(year).or_default();
        buffer.entry.resize(self.groups.len(), Vec::new());
        for (group, entry) in buffer.entry.iter_mut().enumerate() {
            let of = &mut self.groups[group].rows;
            if group == constant {
                entry.resize(entry.len() + rows.len(), 0);
                of[0] += rows.len() as u64;
                continue;
            }
            let (told, numbers) = (&parsed.groups[group].entry, &numbers[group]);
            for row in rows {
                let number = numbers[told[*row as usize] as usize];
                entry.push(number);
                of[number as usize] += 1;
            }
        }
        let rows = UInt32Array::from(rows.to_vec());
        let taken = take_record_batch(plain, &rows).or_error(Kind::Internal, "rows cannot be dealt to their years")?;
        buffer.plain.push(taken);
        buffer.rows += rows.len();
        self.rows += rows.len();
        self.streamed.counts.kept += rows.len() as u64;
        self.streamed.years.extend(year);
        Ok(())
    }

    /// Cuts what has gathered enough.
    fn cut_full(&mut self, cut: &mut dyn FnMut(Work) -> Result<()>) -> Result<()> {
        let full: Vec<Option<i32>> =
            self.waiting.iter().filter(|(_, buffer)| buffer.rows >= PART).map(|(year, _)| *year).collect();
        for year in full {
            self.cut(year, cut)?;
        }
        while self.rows >= WAITING {
            // Of those that are equally full, the last.
            let fullest = self.waiting.iter().max_by_key(|(_, buffer)| buffer.rows).map(|(year, _)| *year);
            self.cut(fullest.ok_or_else(|| internal("rows wait nowhere"))?, cut)?;
        }
        if self.groups.iter().any(|group| group.entries.len() >= ENTRIES) {
            self.cut_all(cut)?;
            self.tell()?;
            self.begin()?;
        }
        Ok(())
    }

    fn cut_all(&mut self, cut: &mut dyn FnMut(Work) -> Result<()>) -> Result<()> {
        while let Some(year) = self.waiting.keys().next().copied() {
            self.cut(year, cut)?;
        }
        Ok(())
    }

    fn cut(&mut self, year: Option<i32>, cut: &mut dyn FnMut(Work) -> Result<()>) -> Result<()> {
        let Some(rows) = self.waiting.remove(&year) else { return Ok(()) };
        self.rows -= rows.rows;
        let entries = self.groups.iter().map(|group| group.entries.view()).collect();
        self.parts += 1;
        cut(Work { number: self.parts - 1, year, rows, entries })
    }
}

impl Numbered {
    /// Normalises new combinations. One that breaks a rule has a number too, and no row is kept with it.
    fn append(
        &mut self,
        group: &Group,
        job: &Job<'_>,
        slice: &Slice,
        page: &Page,
        cells: Vec<StringArray>,
        count: usize,
    ) -> Result<()> {
        let first = self.entries.len() as u32;
        self.rows.resize(self.entries.len() + count, 0);
        let normal = group.normalise(job.vocabulary, slice.grade, &page.digest, cells, count)?;
        let ours = group.ours(&normal.kept)?;
        if normal.rejected.is_empty() {
            return self.entries.append(&ours);
        }
        let kept = normal.kept.column_by_name(RECORD).and_then(|kept| kept.as_primitive_opt::<Int64Type>());
        let kept = kept.ok_or_else(|| internal("kept entries have lost their places"))?;
        // In the place of each that is not kept stands a row of nulls.
        let mut place: Vec<Option<u32>> = vec![None; count];
        for (row, entry) in kept.values().iter().enumerate() {
            place[*entry as usize] = Some(row as u32);
        }
        let filled = take_record_batch(&ours, &UInt32Array::from(place));
        self.entries.append(&filled.or_error(Kind::Internal, "entries cannot be numbered")?)?;
        self.faults.extend(normal.rejected.into_iter().map(|fault| (first + fault.record as u32, fault)));
        Ok(())
    }
}

/// An entry, by some of its columns.
fn told(names: &[&str], view: &View, entry: usize) -> String {
    let each = view.fields().enumerate().filter(|(_, field)| names.contains(&field.name().as_str()));
    let each = each.map(|(column, field)| {
        let value = view.text(column, entry as u32).unwrap_or_default();
        format!("{} {value}", field.name())
    });
    each.collect::<Vec<_>>().join(", ")
}

fn torn(url: &str, line: u64, cells: usize, width: usize) -> Error {
    Error::new(
        Kind::NotData,
        format!("{url}: line {line} has {cells} fields where the header has {width}, and the file ends in it"),
    )
    .hint("the file is cut short: fetch it again; nothing of it was kept")
}
