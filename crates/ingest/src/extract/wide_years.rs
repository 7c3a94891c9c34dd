//! Wide tables: a line for each place and a column for each year, as the Census Bureau ships its population estimates.
//!
//! Each line becomes a row for each year and measure, or for each year with its measures side by side. Which headers hold
//! measures is declared with `{year}` in them, so that a later edition, with other years, is read as it is. The newest year
//! among them names the edition. A copy in which somebody's program put U+FFFD for letters is told from the publisher's
//! file: a name in it is not what was published. Lines may end as an old spreadsheet's do, in carriage returns alone.
//! Every header is declared or the file is refused.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use model::{Error, Kind, Release, Result, ResultExt as _};
use serde::Deserialize;

use super::delimited::{self, Layout, Separator};
use super::pattern::{YearPattern, name_of};
use super::{Emit, Expect, Extractor, Grade, Page, Piece, RECORD, Request, Slice, SourceFile};

/// The columns that take the place of the years': of which year a row is, what it measures, and the figure.
const YEAR: &str = "(year)";
const MEASURE: &str = "(measure)";
const FIGURE: &str = "(figure)";

/// Wide tables, comma separated.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WideYears {
    /// The files, each a slice of one page; none where they come by import only.
    #[serde(default)]
    files: Vec<SourceFile>,
    /// The release of a file, in which `{last}` stands for its newest year.
    release: Template,
    /// The release of a copy with replaced letters, where such a one is taken at all.
    damaged_release: Option<Template>,
    /// The first and the last year of the only edition, where files with other years are other tables.
    years: Option<(i32, i32)>,
    /// What a row is.
    #[serde(default)]
    a_row: Fold,
    /// The slice of a file that is imported.
    name: String,
    /// Whose an imported file is.
    #[serde(default)]
    grade: Grade,
    /// A word on an imported file.
    #[serde(default)]
    note: String,
    /// The columns that say what a line is of, handed on in each of its rows.
    keep: Vec<String>,
    /// Codes that are printed in pieces, by the name that they get: the columns of the pieces.
    #[serde(default)]
    joined: BTreeMap<String, Vec<String>>,
    /// The columns of measures, and the word for each, in which `{year}` stands for the year too.
    measures: Vec<Measure>,
    /// Columns that are known and left, each with its reason.
    #[serde(default)]
    leave: Vec<Left>,
    /// The largest size of one file, inflated, in bytes.
    #[serde(default = "default_max_bytes")]
    max_bytes: u64,
}

fn default_max_bytes() -> u64 {
    256 << 20
}

/// What a line's cells become.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fold {
    /// A row for each year and measure.
    #[default]
    YearAndMeasure,
    /// A row for each year: a column for each measure, under its word.
    Year,
}

/// A name made from years, which is a release whatever the year.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Template(String);

impl TryFrom<String> for Template {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        let template = Self(text);
        template.of(2000)?;
        Ok(template)
    }
}

impl Template {
    fn of(&self, year: i32) -> Result<Release> {
        name_of(&self.0, (year, year)).parse()
    }
}

/// A measure: a column for each year.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Measure {
    header: YearPattern,
    word: String,
}

/// Columns that are left.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Left {
    headers: Vec<YearPattern>,
    #[expect(dead_code, reason = "written for those who read the declaration")]
    why: String,
}

/// What the header of a file says.
struct Shape {
    /// The place of each measure's column, its year and its word.
    measures: Vec<(usize, i32, String)>,
    /// The newest year.
    last: i32,
}

impl Extractor for WideYears {
    fn slices(&self) -> Vec<Slice> {
        self.files.iter().map(SourceFile::slice).collect()
    }

    fn next_page(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Request>> {
        Ok(seen.is_empty().then(|| slice.request(Expect::Text)))
    }

    fn recognise(&self, page: &Page) -> Result<Option<Slice>> {
        let page = &*lined(page, self.max_bytes)?;
        let last = self.shape(&delimited::header(self.layout(), page)?, &page.url)?.last;
        let declared =
            |release: &Release| self.slices().into_iter().find(|slice| slice.release.as_ref() == Some(release));
        let is_damaged = self.is_damaged(page)?;
        let template = if is_damaged { self.damaged_release.as_ref() } else { Some(&self.release) };
        let template = template.ok_or_else(|| {
            Error::new(Kind::NotData, format!("{} is a copy in which letters were replaced by U+FFFD", page.url))
                .hint("bring the file as its publisher served it")
        })?;
        let release = template.of(last)?;
        let slice = declared(&release).unwrap_or_else(|| Slice {
            grade: if is_damaged { Grade::Secondary } else { self.grade },
            note: if is_damaged { "a copy in which letters were replaced by U+FFFD" } else { &self.note }.to_owned(),
            ..Slice::new(&name_of(&self.name, (last, last)), page.url.clone())
        });
        Ok(Some(Slice { release: Some(release), ..slice }))
    }

    fn inspect(&self, page: &Page) -> Result<()> {
        let page = lined(page, self.max_bytes)?;
        self.shape(&delimited::header(self.layout(), &page)?, &page.url).map(drop)
    }

    fn headers(&self, slice: &Slice, page: &Page) -> Result<Option<Vec<String>>> {
        let found = self.recognise(page)?.and_then(|found| found.release);
        if slice.release.is_some() && found != slice.release {
            let words = |release: &Option<Release>| release.as_ref().map(ToString::to_string).unwrap_or_default();
            return Err(Error::new(
                Kind::Changed,
                format!(
                    "{} is of the edition {}, and {} is of {}",
                    page.url,
                    words(&found),
                    slice.name,
                    words(&slice.release)
                ),
            )
            .hint("editions are kept apart: import the file without --slice, or declare the publisher's new file"));
        }
        let own: Vec<String> = match self.a_row {
            Fold::YearAndMeasure => [YEAR, MEASURE, FIGURE].map(str::to_owned).to_vec(),
            Fold::Year => [YEAR.to_owned()].into_iter().chain(self.words()).collect(),
        };
        Ok(Some(self.keep.iter().chain(self.joined.keys()).cloned().chain(own).collect()))
    }

    fn decode(&self, _slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        for (index, page) in pages.iter().enumerate() {
            let page = lined(page, self.max_bytes)?;
            let shape = self.shape(&delimited::header(self.layout(), &page)?, &page.url)?;
            delimited::rows(self.layout(), index, &page, &|_| Ok(()), &mut |piece| match piece {
                Piece::Rows { page, batch } => self.unfold(&shape, page, &batch, emit),
                other => emit(other),
            })?;
        }
        Ok(())
    }
}

impl WideYears {
    fn layout(&self) -> Layout {
        Layout { separator: Separator::Comma, quoting: true, limit: self.max_bytes }
    }

    /// Reads a header. Fails where it is of another table, or has a column that nothing declares.
    fn shape(&self, names: &[String], url: &str) -> Result<Shape> {
        let missing: Vec<_> =
            self.keep.iter().chain(self.joined.values().flatten()).filter(|name| !names.contains(name)).collect();
        if let Some(first) = missing.first() {
            return Err(Error::new(Kind::Changed, format!("{url} is another table: it has no column `{first}`"))
                .hint("`tollhouse probe` compares the publisher's header with the pipeline's"));
        }
        let mut measures = Vec::new();
        let mut unknown = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let measure = self.measures.iter().find_map(|measure| Some((measure, measure.header.fits(name)??)));
            if let Some((measure, year)) = measure {
                measures.push((place, year, name_of(&measure.word, (year, year))));
            } else if !self.is_known(name) {
                unknown.push(name.as_str());
            }
        }
        if !unknown.is_empty() {
            return Err(Error::new(
                Kind::Changed,
                format!("{url} has columns that nothing declares: `{}`", unknown.join("`, `")),
            )
            .hint("if the publisher added a column, declare it under `measures`, or under `leave` with a reason"));
        }
        let years: BTreeSet<i32> = measures.iter().map(|(_, year, _)| *year).collect();
        let changed = |what: String| {
            Error::new(Kind::Changed, format!("{url} is another table: {what}"))
                .hint("`tollhouse probe` compares the publisher's header with the pipeline's")
        };
        let (Some(first), Some(last)) = (years.first().copied(), years.last().copied()) else {
            return Err(changed("it has a column for no year".to_owned()));
        };
        if let Some(wanted) = self.years.filter(|wanted| *wanted != (first, last)) {
            return Err(changed(format!("it covers {first}-{last}, and not {}-{}", wanted.0, wanted.1)));
        }
        if self.a_row == Fold::Year {
            for year in years {
                let columns =
                    |word: &str| measures.iter().filter(|(_, of, found)| *of == year && found == word).count();
                if let Some(word) = self.words().into_iter().find(|word| columns(word) != 1) {
                    return Err(changed(format!("it has {} columns of {year} for `{word}`", columns(&word))));
                }
            }
        }
        Ok(Shape { measures, last })
    }

    /// The words of the measures, each once.
    fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        for measure in &self.measures {
            if !words.contains(&measure.word) {
                words.push(measure.word.clone());
            }
        }
        words
    }

    fn is_known(&self, name: &String) -> bool {
        let left = self.leave.iter().flat_map(|left| &left.headers).any(|header| header.fits(name).is_some());
        left || self.keep.contains(name) || self.joined.values().any(|pieces| pieces.contains(name))
    }

    /// Whether a program that could not read a letter wrote U+FFFD in its place.
    fn is_damaged(&self, page: &Page) -> Result<bool> {
        const REPLACED: [u8; 3] = [0xef, 0xbf, 0xbd];
        let bytes = delimited::whole(page, self.max_bytes)?;
        Ok(bytes.windows(REPLACED.len()).any(|three| three == REPLACED))
    }

    /// A batch of lines as a batch for each measure and year.
    fn unfold(&self, shape: &Shape, page: usize, lines: &RecordBatch, emit: Emit<'_>) -> Result<()> {
        let column = |name: &str| {
            lines.column_by_name(name).ok_or_else(|| Error::new(Kind::Internal, format!("column `{name}` was lost")))
        };
        let mut fields = Vec::new();
        let mut arrays: Vec<ArrayRef> = Vec::new();
        let mut add = |name: &str, array: ArrayRef| {
            fields.push(Field::new(name, DataType::Utf8, true));
            arrays.push(array);
        };
        for name in &self.keep {
            add(name, Arc::clone(column(name)?));
        }
        for (name, pieces) in &self.joined {
            let pieces =
                pieces.iter().map(|piece| Ok(column(piece)?.as_string::<i32>())).collect::<Result<Vec<_>>>()?;
            let code = |line: usize| -> String { pieces.iter().map(|piece| piece.value(line)).collect() };
            add(name, Arc::new(StringArray::from_iter_values((0..lines.num_rows()).map(code))));
        }
        let kept = fields.len();
        for (year, figures) in self.figures(shape, lines) {
            fields.truncate(kept);
            arrays.truncate(kept);
            let mut add = |name: &str, array: ArrayRef| {
                fields.push(Field::new(name, array.data_type().clone(), true));
                arrays.push(array);
            };
            add(YEAR, same(&year.to_string(), lines.num_rows()));
            for (name, array) in figures {
                add(&name, array);
            }
            add(RECORD, Arc::clone(column(RECORD)?));
            let batch = RecordBatch::try_new(Arc::new(Schema::new(fields.clone())), arrays.clone())
                .or_error(Kind::Internal, "unfolded columns differ in length")?;
            emit(Piece::Rows { page, batch })?;
        }
        Ok(())
    }

    /// The columns of each batch that is made of a batch of lines, beside those of the line, and its year.
    fn figures(&self, shape: &Shape, lines: &RecordBatch) -> Vec<(i32, Vec<(String, ArrayRef)>)> {
        let figure = |place: usize| Arc::clone(lines.column(place));
        let long = |(place, year, word): &(usize, i32, String)| {
            let word = same(word, lines.num_rows());
            (*year, vec![(MEASURE.to_owned(), word), (FIGURE.to_owned(), figure(*place))])
        };
        match self.a_row {
            Fold::YearAndMeasure => shape.measures.iter().map(long).collect(),
            Fold::Year => {
                let mut years: BTreeMap<i32, Vec<_>> = BTreeMap::new();
                for (place, year, word) in &shape.measures {
                    years.entry(*year).or_default().push((word.clone(), figure(*place)));
                }
                years.into_iter().collect()
            }
        }
    }
}

/// A column of one text.
fn same(text: &str, rows: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows)))
}

/// The page with line feeds, where its lines end in carriage returns alone. Its beginning tells, so that another publisher's
/// large file is not read whole.
fn lined(page: &Page, limit: u64) -> Result<Cow<'_, Page>> {
    let mut head = Vec::new();
    let read = page.text(limit)?.take(HEAD).read_to_end(&mut head);
    read.map_err(|cause| crate::content::broken(&page.url, cause))?;
    if head.contains(&b'\n') || !head.contains(&b'\r') {
        return Ok(Cow::Borrowed(page));
    }
    let bytes = delimited::whole(page, limit)?;
    let bytes: Vec<u8> = bytes.into_iter().map(|byte| if byte == b'\r' { b'\n' } else { byte }).collect();
    Ok(Cow::Owned(Page::of_bytes(&page.url, bytes)))
}

/// How much of a file tells how its lines end: more than any header.
const HEAD: u64 = 64 << 10;

#[cfg(test)]
mod tests;
