//! Records of fixed width, one a line: master files as mainframes write them.
//!
//! [`FixedWidth`] is the extractor. The declaration says where each field lies ([`layout`]), and along which axes fields
//! repeat in a record: a month's block, a victim, a card of a month. Each repetition is a row, beside the fields that do
//! not repeat; without axes a record is a row. What a row has under which header is the declaration's; what bytes of a cell
//! say is [`cell`]'s.
//!
//! A file is known by its records, never by its name: by what they begin with, their length, and whether every field of
//! the first of them holds what it should. It may lie in a ZIP archive or a gzip file.
//!
//! Absent: fields that no dataset wants, packed decimals, EBCDIC, records without line ends.

use std::collections::HashMap;
use std::io::Read;

use model::{Error, Kind, Release, Result};
use serde::Deserialize;

use super::delimited::Batches;
use super::pattern::name_of;
use super::{Edition, Emit, Expect, Extractor, Note, Page, Piece, Request, Slice, SourceFile};
use crate::unzip::{Member, Zip};
use cell::{Holds, misfit};
use layout::{Axis, Fields, Layout, Record, Repeats, Status};
use lines::Lines;

mod cell;
mod layout;
mod lines;

/// Files of records of fixed width.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Options")]
pub struct FixedWidth {
    options: Options,
    /// The headers of the rows.
    names: Vec<String>,
}

/// The options as declared.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// What every record begins with.
    begins: String,
    /// The name of a file's edition: `{year}` stands for the year of its records, which is the same in all.
    release: String,
    /// The shortest that a record may be, where blanks at its end were cut off, in bytes.
    least: usize,
    /// The field that holds the year.
    year: String,
    /// The layouts.
    layouts: Vec<Layout>,
    /// The fields.
    fields: Vec<Fields>,
    /// Along which fields repeat.
    #[serde(default)]
    axes: Vec<Axis>,
    /// Whether anything was reported in a repetition.
    status: Option<Status>,
    /// Numbers for records that are equal in some of their bytes.
    #[serde(default)]
    repeats: Vec<Repeats>,
    /// The files, each a slice of one page.
    #[serde(default)]
    files: Vec<SourceFile>,
    /// The largest size of one text, unpacked, in bytes.
    #[serde(default = "default_max_bytes")]
    max_bytes: u64,
}

fn default_max_bytes() -> u64 {
    4 << 30
}

impl TryFrom<Options> for FixedWidth {
    type Error = Error;

    fn try_from(options: Options) -> Result<Self> {
        let axes = options.axes.iter().map(|axis| axis.name.clone());
        let fields = options.fields.iter().flat_map(|fields| fields.names.iter().cloned());
        let status = options.status.iter().map(|status| status.name.clone());
        let repeats = options.repeats.iter().map(|repeats| repeats.name.clone());
        let names: Vec<String> = axes.chain(fields).chain(status).chain(repeats).collect();
        layout::check(&options.layouts, &options.fields, &options.axes, &names)?;
        let named = FixedWidth { options, names };
        let options = &named.options;
        let counts = options.axes.iter().filter_map(|axis| Some(axis.count.as_ref()?.field.as_str()));
        let rules = options.status.iter().flat_map(|status| &status.rules).map(|rule| rule.field.as_str());
        let unknown = options.fields.iter().filter_map(|fields| Some(fields.unknown.as_ref()?.field.as_str()));
        for name in counts.chain(rules).chain(unknown).chain([options.year.as_str()]) {
            named.field(name)?;
        }
        Ok(named)
    }
}

/// The slice that every file is, in an edition of its own.
const SLICE: &str = "master";

/// How many records are looked at to tell a layout.
const LOOKED_AT: usize = 20;

/// The largest archive that is read, packed, in bytes.
const LARGEST_ZIP: u64 = 1 << 30;

impl Extractor for FixedWidth {
    fn has_notes(&self) -> bool {
        true
    }

    fn slices(&self) -> Vec<Slice> {
        self.options.files.iter().map(SourceFile::slice).collect()
    }

    fn next_page(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Request>> {
        Ok(seen.is_empty().then(|| slice.request(Expect::Packed)))
    }

    fn inspect(&self, page: &Page) -> Result<()> {
        let mut text = self.open(page)?;
        self.layout_of(text.reader()?, &page.url).map(|_| ())
    }

    fn decode(&self, _slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        let [page] = pages else {
            return Err(Error::new(Kind::Internal, format!("a master file is one page, not {}", pages.len())));
        };
        let mut text = self.open(page)?;
        let (layout, year) = self.layout_of(text.reader()?, &page.url)?;
        let release: Release = name_of(&self.options.release, (year, year)).parse()?;
        emit(Piece::Edition(Edition { release: Some(release), slice: Some(SLICE.to_owned()) }))?;
        let mut rows = Rows { batches: Batches::new(0, &self.names), seen: HashMap::new() };
        let mut lines = Lines::new(text.reader()?, &page.url);
        while let Some((line, bytes)) = lines.next()? {
            let record = self.record(layout, bytes, line, &page.url)?;
            self.check_year(&record, year, line, &page.url)?;
            self.rows(&record, year, line, &mut rows, emit)
                .map_err(|error| error.while_doing(format!("{}: record {line}", page.url)))?;
        }
        drop(lines);
        rows.batches.finish(emit)?;
        let notes = [("layout", layout.name.clone(), String::new())];
        for (label, text, of) in notes.into_iter().chain(text.notes()) {
            let note =
                Note { page: 0, section: "file".to_owned(), label: label.to_owned(), text: text + &of, record: 1 };
            emit(Piece::Note(note))?;
        }
        Ok(())
    }
}

/// The text of a page.
enum Text<'p> {
    /// It stands there, or under gzip.
    Plain(&'p Page, u64),
    /// In an archive, as one of its members.
    Zipped(Box<Zip>, Member, u64),
}

impl Text<'_> {
    /// The text from its beginning.
    fn reader(&mut self) -> Result<Box<dyn Read + '_>> {
        Ok(match self {
            Text::Plain(page, limit) => page.text(*limit)?,
            Text::Zipped(zip, member, limit) => Box::new(zip.read(member, *limit)?),
        })
    }

    /// What the archive says of the member.
    fn notes(&self) -> Vec<(&'static str, String, String)> {
        match self {
            Text::Plain(..) => Vec::new(),
            Text::Zipped(_, member, _) => vec![(
                "member",
                member.name.clone(),
                format!(", {} bytes, of {}, {}", member.bytes, member.modified, member.method),
            )],
        }
    }
}

impl FixedWidth {
    /// The text of a page; of an archive, the only member, or the only one that is of this layout.
    fn open<'p>(&self, page: &'p Page) -> Result<Text<'p>> {
        let limit = self.options.max_bytes;
        if !crate::content::is_zip(page)? {
            return Ok(Text::Plain(page, limit));
        }
        let mut zip = Zip::open(page, LARGEST_ZIP)?;
        let mut members = zip.members()?;
        if members.len() > 1 {
            let mut fitting = Vec::new();
            for member in &members {
                if self.layout_of(zip.read(member, limit)?, &page.url).is_ok() {
                    fitting.push(member.clone());
                }
            }
            if fitting.len() != 1 {
                let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
                let found = format!("{} of the {} files in it", fitting.len(), names.len());
                let message =
                    format!("{}: {found} ({}) are of this layout, and one must be", page.url, names.join(", "));
                return Err(
                    Error::new(Kind::Changed, message).hint("unpack it and import the one file that it is about")
                );
            }
            members = fitting;
        }
        match members.pop() {
            Some(member) => Ok(Text::Zipped(Box::new(zip), member, limit)),
            None => Err(Error::new(Kind::NotData, format!("{} is an empty archive", page.url)).hint("fetch it again")),
        }
    }

    /// The layout of a text and the year of its records, by the first of them.
    fn layout_of(&self, text: impl Read, url: &str) -> Result<(&Layout, i32)> {
        let mut first: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut lines = Lines::new(text, url);
        while first.len() < LOOKED_AT
            && let Some((line, bytes)) = lines.next()?
        {
            first.push((line, bytes.to_vec()));
        }
        let longest = first.iter().map(|(_, bytes)| bytes.len()).max().unwrap_or_default();
        if longest == 0 {
            return Err(Error::new(Kind::NotData, format!("{url} holds no records")).hint("fetch it again"));
        }
        let mut refusal = None;
        let (same, other): (Vec<_>, Vec<_>) = self.options.layouts.iter().partition(|layout| layout.length == longest);
        for layout in same.into_iter().chain(other) {
            match first.iter().try_for_each(|(line, bytes)| self.look(layout, bytes, *line, url)) {
                Ok(()) => {
                    let record = Record { layout, bytes: &first[0].1 };
                    return Ok((layout, self.year(&record, first[0].0, url)?));
                }
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        let known: Vec<_> = self.options.layouts.iter().map(|layout| layout.name.as_str()).collect();
        let refusal = refusal.unwrap_or_else(|| Error::new(Kind::Internal, "no layout is declared"));
        Err(refusal
            .hint(format!("read here: {}; other editions and re-issues lay their fields otherwise", known.join(", "))))
    }

    /// Whether a record may be of a layout: each of its fields holds what it should.
    fn look(&self, layout: &Layout, bytes: &[u8], line: u64, url: &str) -> Result<()> {
        let record = self.record(layout, bytes, line, url)?;
        let year = self.year(&record, line, url)?;
        if year < layout.since {
            return Err(misfit(url, line, format!("it is of {year}, and {} begins in {}", layout.name, layout.since)));
        }
        for place in self.places() {
            for fields in &self.options.fields {
                for (nth, name) in fields.names.iter().enumerate() {
                    if let Err(text) = record.cell(fields, nth, &place) {
                        return Err(misfit(url, line, format!("{name} is `{text}` ({})", layout.name)));
                    }
                }
            }
        }
        Ok(())
    }

    /// A line as a record, if it begins and ends as it should.
    fn record<'a>(&self, layout: &'a Layout, bytes: &'a [u8], line: u64, url: &str) -> Result<Record<'a>> {
        if !bytes.starts_with(self.options.begins.as_bytes()) {
            let begin: String = cell::latin1(&bytes[..bytes.len().min(20)]).escape_default().to_string();
            return Err(misfit(url, line, format!("it begins with `{begin}`, not with `{}`", self.options.begins)));
        }
        let (length, least) = (bytes.len(), self.options.least);
        if length > layout.length || length < least {
            let wanted =
                if least == layout.length { least.to_string() } else { format!("{least} to {}", layout.length) };
            return Err(misfit(url, line, format!("it has {length} bytes, and one of {} has {wanted}", layout.name))
                .hint("the file is cut or damaged there, or a re-issue in another layout; nothing of it was kept"));
        }
        Ok(Record { layout, bytes })
    }

    fn year(&self, record: &Record<'_>, line: u64, url: &str) -> Result<i32> {
        let (fields, nth) = self.field(&self.options.year)?;
        let (start, width) = record.layout.place(fields.at, fields.width);
        let bytes = record.span(start + nth * fields.width, width);
        cell::year(&bytes).ok_or_else(|| misfit(url, line, format!("its year is `{}`", cell::latin1(&bytes))))
    }

    /// A file is of one year, which its edition is named for.
    fn check_year(&self, record: &Record<'_>, year: i32, line: u64, url: &str) -> Result<()> {
        let found = self.year(record, line, url)?;
        if found == year {
            return Ok(());
        }
        Err(Error::new(Kind::Changed, format!("{url}: record {line} is of {found}, and the first of {year}"))
            .hint("files of several years, glued together, are not read: bring one file for each year"))
    }

    /// Some fields and the place among them of the one with a name.
    fn field(&self, name: &str) -> Result<(&Fields, usize)> {
        let find = |fields: &'_ Fields| fields.names.iter().position(|known| known == name);
        let found = self.options.fields.iter().find_map(|fields| Some((fields, find(fields)?)));
        found.ok_or_else(|| Error::new(Kind::Usage, format!("[source] is not valid: no field is named `{name}`")))
    }

    /// The text of a field, empty where it is blank; what is not what it should be, as it stands.
    fn text(&self, record: &Record<'_>, name: &str, place: &[usize]) -> Result<String> {
        let (fields, nth) = self.field(name)?;
        Ok(record.cell(fields, nth, place).map_or_else(|odd| odd, Option::unwrap_or_default))
    }

    /// Every place on the axes, the last axis running fastest; the one place where there are none.
    fn places(&self) -> Vec<Vec<usize>> {
        let mut places = vec![Vec::new()];
        for axis in &self.options.axes {
            let longer = |place: Vec<usize>| (0..axis.len()).map(move |index| [place.as_slice(), &[index]].concat());
            places = places.into_iter().flat_map(longer).collect();
        }
        places
    }
}

/// Rows on their way out.
struct Rows {
    batches: Batches,
    /// How often each content of a record's spans has come.
    seen: HashMap<(usize, Vec<u8>), u64>,
}

impl FixedWidth {
    /// Hands on the rows of a record.
    fn rows(&self, record: &Record<'_>, year: i32, line: u64, rows: &mut Rows, emit: Emit<'_>) -> Result<()> {
        let numbers = self.repeats(record, &mut rows.seen);
        for place in self.places() {
            if !self.is_row(record, &place)? {
                continue;
            }
            let status = self.status(record, year, &place)?;
            let mut column = 0;
            let mut push = |cell: Option<&str>| {
                rows.batches.cell(column, cell);
                column += 1;
            };
            for (axis, index) in self.options.axes.iter().zip(&place) {
                push(Some(&axis.label(*index)));
            }
            for fields in &self.options.fields {
                let known = self.zeros_are_known(record, fields, status.as_ref(), &place)?;
                for nth in 0..fields.names.len() {
                    // What is not a number is handed on as it stands: normalising rejects the row, with the place.
                    let cell = record.cell(fields, nth, &place).unwrap_or_else(Some);
                    push(cell.as_deref().filter(|cell| known || *cell != "0"));
                }
            }
            if let Some((status, _)) = &status {
                push(Some(status));
            }
            for number in &numbers {
                push(Some(number));
            }
            rows.batches.end_row(line, emit)?;
        }
        Ok(())
    }

    /// Whether a place on the axes is a row: it is within the number that the record says, or holds something beyond it.
    fn is_row(&self, record: &Record<'_>, place: &[usize]) -> Result<bool> {
        for (axis, index) in self.options.axes.iter().zip(place) {
            let Some(count) = &axis.count else { continue };
            let said: usize = self.text(record, &count.field, &[])?.parse().unwrap_or_default();
            if *index >= said + count.plus {
                return Ok(record.holds_anything(&self.options.fields, place));
            }
            if record.ends_before(&self.options.fields, place) {
                let (counted, number) = (said + count.plus, index + 1);
                let message = format!("it counts {counted} of {}, and ends before number {number}", axis.name);
                return Err(Error::new(Kind::NotData, message)
                    .hint("the file is cut or damaged there: fetch it again; nothing of it was kept"));
            }
        }
        Ok(true)
    }

    /// The status of a place, and whether it is the one in which zeros are zeros.
    fn status(&self, record: &Record<'_>, year: i32, place: &[usize]) -> Result<Option<(String, bool)>> {
        let Some(status) = &self.options.status else { return Ok(None) };
        let own: Vec<(String, String)> = (self.options.axes.iter().zip(place))
            .map(|(axis, index)| (format!("{{{}}}", axis.name), axis.label(*index)))
            .collect();
        for rule in &status.rules {
            if rule.since.is_some_and(|since| year < since) || rule.until.is_some_and(|until| year > until) {
                continue;
            }
            let text = self.text(record, &rule.field, place)?;
            let is = |word: &String| own.iter().find(|(name, _)| name == word).map_or(word, |(_, own)| own) == &text;
            if !rule.unless.iter().any(is) {
                return Ok(Some((rule.is.clone(), rule.is == status.reported)));
            }
        }
        Ok(Some((status.otherwise.clone(), status.otherwise == status.reported)))
    }

    /// Whether a zero among these fields is one: the month was reported, and so was this detail of it.
    fn zeros_are_known(
        &self,
        record: &Record<'_>,
        fields: &Fields,
        status: Option<&(String, bool)>,
        place: &[usize],
    ) -> Result<bool> {
        if fields.holds != Holds::Count {
            return Ok(true);
        }
        let unknown = match &fields.unknown {
            Some(condition) => condition.is.contains(&self.text(record, &condition.field, place)?),
            None => false,
        };
        Ok(!unknown && status.is_none_or(|(_, reported)| *reported))
    }

    /// The number of a record among those that are equal to it, for each way to compare.
    fn repeats(&self, record: &Record<'_>, seen: &mut HashMap<(usize, Vec<u8>), u64>) -> Vec<String> {
        let numbered = self.options.repeats.iter().enumerate().map(|(nth, repeats)| {
            let mut bytes = Vec::new();
            for (first, last) in &repeats.spans {
                let (start, width) = record.layout.place(*first, last + 1 - first);
                bytes.extend_from_slice(&record.span(start, width));
            }
            let number = seen.entry((nth, bytes)).or_default();
            *number += 1;
            number.to_string()
        });
        numbered.collect()
    }
}

#[cfg(test)]
mod tests;
