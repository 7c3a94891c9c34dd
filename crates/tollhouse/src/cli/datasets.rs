//! `datasets`: the catalogue. Models are shown by `derived.rs`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ingest::extract::extractor;
use model::dataset::{Bound, Column, Dataset, Partition, Read, Repeats, Rule};
use model::{Error, Kind, Result};
use query::models::Model;
use serde::Serialize;

use super::{At, Context, derived};
use crate::output::{grouped, list, print_json, say, table};
use crate::project::Project;

#[derive(Args)]
pub struct Datasets {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Show everything that is declared of one dataset, and what the warehouse holds of it
    Show {
        /// The dataset or model
        id: String,
        #[command(flatten)]
        at: At,
    },
}

#[derive(Serialize)]
struct Line {
    id: String,
    title: String,
    row: String,
    publisher: String,
    /// Of a model it follows from what it is made of: null here.
    disclosure: Option<&'static str>,
    proven: String,
}

impl Datasets {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let project = context.project()?;
        match self.command {
            None => {
                let derived = project.models.iter().map(derived_line);
                let lines: Vec<_> = project.datasets.iter().map(line).chain(derived).collect();
                list(context.json(), &["dataset", "what it is", "a row is", "proven by"], &lines, |line| {
                    vec![line.id.clone(), line.title.clone(), line.row.clone(), line.proven.clone()]
                })?;
            }
            Some(Command::Show { id, at }) => match project.model(&id) {
                Some(model) => derived::show(context, &project, model, at.at.as_deref())?,
                None => show(context, &project, project.dataset(&id)?, at.at.as_deref())?,
            },
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn line(dataset: &Dataset) -> Line {
    let mut proven: Vec<_> = dataset.spec.evidence.iter().map(|evidence| evidence.proven.as_str()).collect();
    proven.sort_unstable();
    proven.dedup();
    Line {
        id: dataset.id.to_string(),
        title: dataset.spec.title.clone(),
        row: dataset.spec.row.clone(),
        publisher: dataset.spec.publisher.clone(),
        disclosure: Some(dataset.spec.disclosure.as_str()),
        proven: proven.join(" and "),
    }
}

fn derived_line(model: &Model) -> Line {
    Line {
        id: model.id.to_string(),
        title: model.spec.title.clone(),
        row: model.spec.row.clone(),
        publisher: String::new(),
        disclosure: None,
        proven: "derived".to_owned(),
    }
}

#[derive(Serialize)]
struct Shown {
    id: String,
    title: String,
    row: String,
    publisher: String,
    licence: String,
    citation: String,
    disclosure: &'static str,
    schedule: String,
    source: serde_json::Value,
    key: Vec<String>,
    partition: String,
    columns: Vec<ColumnLine>,
    ignored: std::collections::BTreeMap<String, String>,
    caveats: Vec<String>,
    evidence: Vec<[String; 3]>,
    checks: serde_json::Value,
    pipeline_sha256: String,
    held: Vec<Held>,
}

#[derive(Serialize)]
struct ColumnLine {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    unit: String,
    basis: String,
    from: String,
    reads: String,
    about: String,
}

#[derive(Serialize)]
struct Held {
    release: String,
    slice: String,
    grade: String,
    rows: u64,
    note: String,
}

fn show(context: &Context, project: &Project, dataset: &Dataset, at: Option<&str>) -> Result<()> {
    let shown = gather(context, project, dataset, at)?;
    if context.json() {
        return print_json(&shown);
    }
    say(&format!("{}: {}", shown.id, shown.title));
    for (name, value) in [
        ("a row is", &shown.row),
        ("publisher", &shown.publisher),
        ("licence", &shown.licence),
        ("cite as", &shown.citation),
        ("schedule", &shown.schedule),
        ("partition", &shown.partition),
        ("declaration", &format!("sha256 {}", shown.pipeline_sha256)),
    ] {
        say(&format!("  {name:<12} {value}"));
    }
    say(&format!("  {:<12} {}", "disclosure", shown.disclosure));
    say(&format!("  {:<12} {}", "key", shown.key.join(", ")));
    say(&format!("\nSource ({})", dataset.source_kind()));
    let extractor = extractor(dataset)?;
    if extractor.recipe().is_some() {
        say(&format!("  a person's export: `tollhouse recipe show {}` says what to enter", shown.id));
    }
    for slice in extractor.slices() {
        let years = slice.years.map_or_else(String::new, |(first, last)| format!(", {first}-{last}"));
        say(&format!("  {} [{}{years}] {}", slice.name, slice.grade.as_str(), slice.url));
        if !slice.note.is_empty() {
            say(&format!("      {}", slice.note));
        }
    }
    say("\nLayouts accepted, and what they rest on");
    for [layout, proven, note] in &shown.evidence {
        let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
        say(&format!("  {proven:<8} {layout}{note}"));
    }
    say("\nColumns");
    let rows = shown.columns.iter().map(|column| {
        vec![column.name.clone(), column.kind.clone(), column.unit.clone(), column.from.clone(), column.about.clone()]
    });
    say(&table(&["column", "type", "unit", "from", "meaning"], rows));
    say("\nHow cells are read, beside their type");
    for column in shown.columns.iter().filter(|column| !column.reads.is_empty()) {
        say(&format!("  {}: {}", column.name, column.reads));
    }
    for line in rules(dataset) {
        say(&line);
    }
    if !shown.ignored.is_empty() {
        say("\nUpstream headers that are not kept");
        for (header, reason) in &shown.ignored {
            say(&format!("  {header}: {reason}"));
        }
    }
    say("\nWhat to know before using it");
    for caveat in &shown.caveats {
        say(&format!("  - {caveat}"));
    }
    if !shown.held.is_empty() {
        say(&format!("\nIn {}", at.map_or("the newest snapshot".to_owned(), |at| format!("snapshot {at}"))));
        let rows = shown.held.iter().map(|held| {
            vec![held.release.clone(), held.slice.clone(), held.grade.clone(), grouped(held.rows), held.note.clone()]
        });
        say(&table(&["release", "slice", "source", "rows", "note"], rows));
    }
    Ok(())
}

fn gather(context: &Context, project: &Project, dataset: &Dataset, at: Option<&str>) -> Result<Shown> {
    let spec = &dataset.spec;
    let as_json = |value: &toml::Table| {
        serde_json::to_value(value)
            .map_err(|cause| Error::new(Kind::Internal, "a declaration cannot be written as JSON").caused_by(cause))
    };
    let mut columns = Vec::new();
    for name in dataset.columns() {
        let meaning = project.vocabulary.get(&name)?;
        let declared = spec.column.iter().find(|column| column.columns().contains(&name));
        columns.push(ColumnLine {
            kind: meaning.kind.sql(),
            unit: meaning.unit.clone(),
            basis: meaning.basis.clone(),
            from: declared.map(from).unwrap_or_default(),
            reads: declared.filter(|column| column.name == name).map(reads).unwrap_or_default(),
            about: meaning.about.clone(),
            name,
        });
    }
    let mut held = Vec::new();
    for manifest in context.manifests(at)?.into_iter().filter(|manifest| manifest.dataset == dataset.id) {
        held.extend(manifest.slices.into_iter().map(|slice| Held {
            release: slice.release.to_string(),
            slice: slice.name,
            grade: slice.grade,
            rows: slice.counts.kept,
            note: slice.note,
        }));
    }
    let check = &spec.check;
    Ok(Shown {
        id: dataset.id.to_string(),
        title: spec.title.clone(),
        row: spec.row.clone(),
        publisher: spec.publisher.clone(),
        licence: spec.licence.clone(),
        citation: spec.citation.clone(),
        disclosure: spec.disclosure.as_str(),
        schedule: spec.schedule.in_words(),
        source: as_json(&spec.source)?,
        key: check.key.clone(),
        partition: match spec.partition {
            Partition::Release => "one part for each release and slice".to_owned(),
            Partition::Year => "one part for each year".to_owned(),
        },
        columns,
        ignored: spec.ignore.clone(),
        caveats: spec.caveats.clone(),
        evidence: spec
            .evidence
            .iter()
            .map(|evidence| [evidence.layout.clone(), evidence.proven.as_str().to_owned(), evidence.note.clone()])
            .collect(),
        checks: serde_json::json!({
            "rows_min": check.rows.min,
            "may_shrink": check.rows.may_shrink,
            "max_rejected": check.max_rejected,
            "total": check.total,
            "distinct": check.distinct,
            "sum": check.sum.iter().map(|sum| serde_json::json!({
                "column": sum.column, "of": sum.of, "except": sum.except, "looked_at": sum.looked_at,
                "elsewhere": sum.elsewhere,
            })).collect::<Vec<_>>(),
            "filled": check.filled.iter().map(|filled| serde_json::json!({
                "columns": filled.columns, "most": filled.most, "least": filled.least, "least_in": filled.least_in,
                "except": filled.except,
            })).collect::<Vec<_>>(),
            "corrections": spec.correction.iter().map(|correction| serde_json::json!({
                "releases": correction.releases, "where": correction.find, "column": correction.column,
                "expect": correction.expect, "replace": correction.replace, "reason": correction.reason,
            })).collect::<Vec<_>>(),
        }),
        pipeline_sha256: dataset.digest.to_string(),
        held,
    })
}

/// Where a column comes from, in words.
fn from(column: &Column) -> String {
    let Some(rule) = &column.rule else { return column.from.join(" | ") };
    match rule {
        Rule::Constant(value) => format!("always `{value}`"),
        Rule::YearOf(date) => format!("the year of {date}"),
        Rule::MonthEnd { year, month } => {
            format!("the last day of the month in {} and {}", year.join(" | "), month.join(" | "))
        }
        Rule::MonthStart { year, month } => {
            format!("the first day of the month in {} and {}", year.join(" | "), month.join(" | "))
        }
        Rule::PeriodBound { label, months, last } => format!(
            "the {} day of the year in {}, or of the months in {}",
            if *last { "last" } else { "first" },
            label.join(" | "),
            months.join(" | ")
        ),
        Rule::RangeBound { from, upper } => {
            format!("the {} end of the range in {}", if *upper { "upper" } else { "lower" }, from.join(" | "))
        }
        Rule::PeriodStart { end, months } => format!("the first day of the {months} months that end on {end}"),
        Rule::CountyFipsOf { state, county } => format!("looked up by {state} and {county}"),
        Rule::Sum { of, less, plus, .. } => {
            let less: String = less.iter().map(|column| format!(" − {column}")).collect();
            let plus = if *plus == 0 { String::new() } else { format!(" + {plus}") };
            of.join(" + ") + &less + &plus
        }
        Rule::All(conditions) => {
            let each = conditions.iter().map(|when| {
                let not = if when.is.is_empty() { " not" } else { "" };
                let words: Vec<_> = when.is.iter().chain(&when.is_not).map(|word| format!("`{word}`")).collect();
                format!("{} is{not} {}", when.from.join(" | "), words.join(" or "))
            });
            format!("whether {}", each.collect::<Vec<_>>().join(", and "))
        }
        Rule::Product { of, times, unless } => {
            let published = unless.iter().map(|header| format!("{header}, else "));
            let times = if times == "1" { String::new() } else { format!(" × {times}") };
            published.collect::<String>() + &of.join(" × ") + &times
        }
        Rule::ByHeader(words) => {
            let each = words.iter().map(|(header, word)| format!("`{word}` where there is {header}"));
            each.collect::<Vec<_>>().join(", else ")
        }
        Rule::RateBound { count, population, per, .. } => format!("{count} ÷ {population} × {per}"),
        Rule::SourceGrade => "whose file the row stands in".to_owned(),
        Rule::Listed { column, is, word } => format!("`{word}` where {column} is one of {} listed", is.len()),
        Rule::NotLoaded(what) => format!("null: {what} is not loaded"),
    }
}

/// How a column's cells are read, in words: its nulls, sentinels and bounds.
fn reads(column: &Column) -> String {
    let quoted =
        |words: &mut dyn Iterator<Item = &String>| words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let statuses = |words: &std::collections::BTreeMap<String, model::dataset::Status>| {
        let pairs = words.iter().map(|(word, status)| format!("`{word}` is {}", status.as_str()));
        pairs.collect::<Vec<_>>().join(", ")
    };
    let mut said = Vec::new();
    if !column.null.is_empty() {
        said.push(format!("{} is null", quoted(&mut column.null.iter())));
    }
    if let Some(width) = column.pad {
        said.push(format!("zeros restored to {width} characters"));
    }
    if let Some(separator) = &column.thousands {
        said.push(format!("`{separator}` separates thousands"));
    }
    if !column.words.is_empty() {
        let words = column.words.iter().map(|(theirs, ours)| format!("`{theirs}` is `{ours}`"));
        said.push(words.collect::<Vec<_>>().join(", "));
    }
    if let Some(read) = &column.read {
        said.push(match read {
            Read::Usps => "read from the USPS abbreviation".to_owned(),
            Read::FipsOrUsps => "read as the FIPS code or from the USPS abbreviation".to_owned(),
            Read::StateName => "read from the state's name".to_owned(),
            Read::UcrState => "read from the state's number in the Uniform Crime Reporting Program".to_owned(),
            Read::Ori7 => "two zeros follow seven characters".to_owned(),
            Read::Instead(words) => {
                let pairs: Vec<_> = words.iter().map(|(word, other)| format!("`{word}` is `{other}`")).collect();
                pairs.join(", ")
            }
            Read::TradeName => "of a business under its owner's own name the trade name alone".to_owned(),
            Read::Digits(count) => format!("{count} digits, of which a letter behind them is cut off"),
            Read::Date(format) => format!("a date as {format}"),
            Read::Dates(formats) => format!("a date as {}", formats.join(" or ")),
        });
    }
    if column.round {
        said.push("rounded half to even to the column's digits".to_owned());
    }
    if let Some(when) = &column.when {
        let not = if when.is_not.is_empty() { "" } else { " not" };
        let words = quoted(&mut when.is.iter().chain(&when.is_not));
        said.push(format!("only where {} is{not} {words}", when.from.join(" | ")));
    }
    if let Some(withheld) = &column.withheld {
        let bound = |bound: &Bound| match bound {
            Bound::Fixed(bound) => bound.to_string(),
            Bound::Column(_) => "what the source's rule says".to_owned(),
        };
        said.push(format!("a suppressed count is {} to {}", bound(&withheld.low), bound(&withheld.high)));
        if withheld.ranges {
            said.push("a range of counts is suppressed between its ends".to_owned());
        }
        said.push(statuses(&withheld.words));
        if let Some(explained) = &withheld.explained_by {
            said.push(format!(
                "an empty cell is explained by {}: {}",
                explained.from.join(" | "),
                statuses(&explained.contains)
            ));
        }
    }
    if let Some(words) = &column.status {
        said.push(statuses(words));
    }
    if column.optional {
        said.push("layouts may lack it".to_owned());
    }
    said.retain(|words| !words.is_empty());
    said.join("; ")
}

/// Totals, persons and checks, in lines.
fn rules(dataset: &Dataset) -> Vec<String> {
    let spec = &dataset.spec;
    let mut lines = vec!["\nChecks before a commit".to_owned()];
    lines.push(format!(
        "  rows: at least {} in each release and slice, which may lose {} % between runs; {} may be rejected",
        spec.check.rows.min,
        spec.check.rows.may_shrink * 100.0,
        spec.check.max_rejected
    ));
    lines.push(match spec.check.repeats {
        Repeats::Refused => format!("  key: {} is unique and never null", spec.check.key.join(", ")),
        Repeats::Counted => format!("  key: {}; rows that repeat one are kept and counted", spec.check.key.join(", ")),
    });
    for (release, (first, last)) in &spec.check.years {
        lines.push(format!("  years of {release}: {first} to {last}"));
    }
    for product in &spec.check.product {
        let (column, of, times) = (&product.column, product.of.join(" × "), product.times);
        lines.push(format!("  {column} is {of} × {times}, as far as rounding tells; rows that differ are counted"));
    }
    for (column, least) in &spec.check.distinct {
        lines.push(format!("  values: {column} has at least {least} different ones"));
    }
    if !spec.check.total.is_empty() {
        lines.push(format!("  totals: the publisher's total row is the sum of {}", spec.check.total.join(" and of ")));
    }
    for sum in &spec.check.sum {
        lines.push(format!("  sums: {} is {}", sum.column, sum.of.join(" + ")));
        lines.extend(sum.except.iter().map(|(key, why)| format!("    but for {key}: {why}")));
        if !sum.looked_at.is_empty() {
            let releases: Vec<_> = sum.looked_at.iter().map(|release| release.as_str()).collect();
            lines.push(format!("    and for {} rows in editions other than {}", sum.elsewhere, releases.join(", ")));
        }
    }
    for filled in &spec.check.filled {
        lines.push(format!("  filled: at most {} of {}", filled.most, filled.columns.join(", ")));
        if !filled.least_in.is_empty() {
            let releases: Vec<_> = filled.least_in.iter().map(|release| release.as_str()).collect();
            lines.push(format!("    and at least {} in {}", filled.least, releases.join(", ")));
        }
        lines.extend(filled.except.iter().map(|(key, why)| format!("    but for {key}: {why}")));
    }
    if let Some(totals) = &spec.totals {
        lines.push(format!(
            "  rows with {} = {} are totals, kept in {}",
            totals.from.join(" | "),
            totals.is.join(" | "),
            dataset.totals_table()
        ));
    }
    if !spec.correction.is_empty() {
        lines.push("\nCorrections of the publisher's errors".to_owned());
    }
    for correction in &spec.correction {
        let releases: Vec<_> = correction.releases.iter().map(|release| release.as_str()).collect();
        let found: Vec<_> = correction.find.iter().map(|(name, text)| format!("{name} is `{text}`")).collect();
        lines.push(format!(
            "  in {}, where {}: {} is `{}` and should be `{}`. {}",
            releases.join(", "),
            found.join(" and "),
            correction.column,
            correction.expect,
            correction.replace,
            correction.reason
        ));
    }
    if let Some(mask) = &spec.mask {
        lines.push("\nPersons".to_owned());
        lines.push(format!("  lose {}", mask.columns.join(", ")));
        let known: Vec<_> = mask.is.iter().map(String::as_str).collect();
        lines.push(format!("  unless {} is a known business: {}", mask.unless, known.join(", ")));
    }
    lines
}
