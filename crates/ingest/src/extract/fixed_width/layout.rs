//! Layouts: where each field lies in a record, along which axes fields repeat, and what makes a repetition a row.

use model::{Error, Kind, Result};
use serde::Deserialize;

use super::cell::{self, Holds};

/// One layout of a record. Layouts of one dataset have the same fields.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Layout {
    /// What it is called.
    pub name: String,
    /// The length of a record without its line end, in bytes.
    pub length: usize,
    /// The first year of which files have it.
    pub since: i32,
    /// A field that is wider here than `[[source.fields]]` says, so that what follows lies further on.
    pub widened: Option<Widened>,
}

/// A field that is wider in one layout.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Widened {
    /// Where it begins, counted from 1.
    pub at: usize,
    /// By how many bytes it is wider.
    pub by: usize,
}

impl Layout {
    /// Where a span of the fields' own layout lies in this one: its 0-based beginning, and its width.
    pub fn place(&self, at: usize, width: usize) -> (usize, usize) {
        match &self.widened {
            Some(widened) if at == widened.at => (at - 1, width + widened.by),
            Some(widened) if at > widened.at => (at - 1 + widened.by, width),
            _ => (at - 1, width),
        }
    }
}

/// Fields of the same kind and width, one behind the other.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    /// Their names, which become the headers.
    pub names: Vec<String>,
    /// Where the first begins, counted from 1.
    pub at: usize,
    /// How wide each is, in bytes.
    pub width: usize,
    /// What they hold.
    #[serde(default)]
    pub holds: Holds,
    /// How far each repetition lies behind the one before, axis by axis. Fields that do not repeat have none.
    #[serde(default)]
    pub step: Vec<usize>,
    /// Where the second repetition begins, counted from 1, if it does not follow the first. Of one axis only.
    pub then: Option<usize>,
    /// A zero here is not known where another field has one of these texts.
    pub unknown: Option<Is>,
}

/// A condition on a field: its text is one of these.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Is {
    /// The field's name.
    pub field: String,
    /// Its texts; the empty one stands for a blank field.
    pub is: Vec<String>,
}

/// Along which fields repeat: a row is made of each repetition.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Axis {
    /// The header under which the repetition stands.
    pub name: String,
    /// How often fields repeat, at most; the repetitions are then numbered from 1.
    #[serde(default)]
    pub times: usize,
    /// Or what the repetitions are called.
    #[serde(default)]
    pub labels: Vec<String>,
    /// How many there are, where a field says it. One beyond that still makes a row if it holds anything.
    pub count: Option<Count>,
}

/// A number of repetitions that a field says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Count {
    /// The field's name.
    pub field: String,
    /// How many more there are than it says.
    #[serde(default)]
    pub plus: usize,
}

impl Axis {
    pub fn len(&self) -> usize {
        self.times.max(self.labels.len())
    }

    /// What a repetition is called.
    pub fn label(&self, index: usize) -> String {
        self.labels.get(index).cloned().unwrap_or_else(|| (index + 1).to_string())
    }
}

/// Whether anything was reported in a repetition: the first rule that fits says so.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {
    /// The header under which it stands.
    pub name: String,
    /// The rules, in order.
    pub rules: Vec<StatusRule>,
    /// What it is where no rule fits.
    pub otherwise: String,
    /// The status in which a zero is a zero. In any other, counts that are zero are blank.
    pub reported: String,
}

/// One rule of a status.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusRule {
    /// The status.
    pub is: String,
    /// The first year to which it applies.
    pub since: Option<i32>,
    /// The last year to which it applies.
    pub until: Option<i32>,
    /// The field that is looked at.
    pub field: String,
    /// It fits unless the field has one of these texts; the empty one stands for a blank field, `{month}` for the place on
    /// an axis of this name.
    pub unless: Vec<String>,
}

/// Records that are equal in some of their bytes are numbered from 1 in the order of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Repeats {
    /// The header under which the number stands.
    pub name: String,
    /// The spans that are compared: first and last byte, counted from 1.
    pub spans: Vec<(usize, usize)>,
}

/// A record, and how it is cut.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub layout: &'a Layout,
    pub bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// The bytes of a span. Blanks at the end of a record may be cut off, and are then still blanks.
    pub fn span(&self, start: usize, width: usize) -> std::borrow::Cow<'a, [u8]> {
        let cut =
            self.bytes.get(start.min(self.bytes.len())..(start + width).min(self.bytes.len())).unwrap_or_default();
        if cut.len() == width {
            return cut.into();
        }
        let mut padded = cut.to_vec();
        padded.resize(width, b' ');
        padded.into()
    }

    /// The n-th of some fields, at a place on the axes.
    pub fn cell(&self, fields: &Fields, nth: usize, place: &[usize]) -> Result<Option<String>, String> {
        let (start, width) = self.start(fields, nth, place);
        cell::read(fields.holds, &self.span(start, width))
    }

    fn start(&self, fields: &Fields, nth: usize, place: &[usize]) -> (usize, usize) {
        let mut at = fields.at;
        match (fields.then, place.first(), fields.step.first()) {
            (Some(then), Some(index @ 1..), Some(step)) => at = then + step * (index - 1),
            (Some(_), ..) => {}
            (None, ..) => at += fields.step.iter().zip(place).map(|(step, index)| step * index).sum::<usize>(),
        }
        let (start, width) = self.layout.place(at, fields.width);
        (start + nth * fields.width, width)
    }

    /// Whether fields that repeat along the axes hold anything at a place: more than blanks and zeros.
    pub fn holds_anything(&self, fields: &[Fields], place: &[usize]) -> bool {
        fields.iter().filter(|fields| !fields.step.is_empty()).any(|fields| {
            (0..fields.names.len()).any(|nth| {
                let (start, width) = self.start(fields, nth, place);
                self.span(start, width).iter().any(|byte| !matches!(byte, b' ' | b'0'))
            })
        })
    }

    /// Whether the record ends before the fields of a place begin.
    pub fn ends_before(&self, fields: &[Fields], place: &[usize]) -> bool {
        let starts =
            fields.iter().filter(|fields| !fields.step.is_empty()).map(|fields| self.start(fields, 0, place).0);
        starts.min().is_some_and(|start| start >= self.bytes.len())
    }
}

/// Whether the declaration can be followed: names that are named exist, and steps have their axes.
pub(super) fn check(layouts: &[Layout], fields: &[Fields], axes: &[Axis], names: &[String]) -> Result<()> {
    let wrong = |what: String| Err(Error::new(Kind::Usage, format!("[source] is not valid: {what}")));
    if layouts.is_empty() {
        return wrong("no layout is declared".to_owned());
    }
    for group in fields {
        if group.at == 0 || group.width == 0 || group.step.len() > axes.len() {
            return wrong(format!("the fields at {} lie nowhere, or have more steps than there are axes", group.at));
        }
        if group.then.is_some() && group.step.len() != 1 {
            return wrong(format!("the fields at {} have `then`, which is for one step", group.at));
        }
        let last: Vec<usize> = axes.iter().map(|axis| axis.len().saturating_sub(1)).collect();
        for layout in layouts {
            let record = Record { layout, bytes: &[] };
            let (start, width) = record.start(group, group.names.len() - 1, &last);
            if start + width > layout.length {
                return wrong(format!("the fields at {} lie beyond {} bytes", group.at, layout.length));
            }
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(twice) => wrong(format!("two headers are `{twice}`")),
        None => Ok(()),
    }
}
