//! `report`: a set of claims with its figures and what they rest on, as one page that needs nothing else.
//!
//! The page says the same wherever and whenever it is made from the same snapshot: there is no clock in it. Figures are
//! pictures within it, so that it can be mailed, kept and printed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use model::{Digest, Error, Kind, Result};
use query::Session;
use query::bundle::citation;
use query::claim::{ClaimSet, Judgement, Tested, judge};
use query::figures::{self, Attempt, Spec};
use store::commit::Snapshot;

use super::snapshot::name_of;
use super::{At, Context};
use crate::config::VERSION;
use crate::output::{print_json, save, say};
use crate::report::in_a_line;

#[derive(Args)]
pub struct Report {
    /// The set of claims
    #[arg(value_name = "SET")]
    set: String,
    /// Where the page goes; SET.html here without
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    at: At,
}

/// A figure of the report, drawn or not.
struct Picture<'a> {
    spec: &'a Spec,
    drawn: Attempt,
}

/// What the page shows.
struct Shown<'a> {
    set: &'a ClaimSet,
    judgements: &'a [Judgement],
    pictures: &'a [Picture<'a>],
    session: &'a Session,
    /// What the snapshot is called.
    name: String,
    snapshot: &'a Snapshot,
    citation: String,
    /// How its tables compare with those that the claims were written from.
    pinned: Option<String>,
}

impl Report {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let project = context.project()?;
        let set = project.claims.iter().find(|set| set.id == self.set).ok_or_else(|| {
            let names: Vec<_> = project.claims.iter().map(|set| set.id.as_str()).collect();
            Error::new(Kind::Usage, format!("there is no set of claims `{}`", self.set))
                .hint(format!("the sets are {}", names.join(", ")))
        })?;
        let specs = figures_of(set, &project.figures)?;
        let warehouse = context.warehouse()?;
        let snapshot = warehouse.resolve(self.at.at.as_deref())?;
        let manifests =
            snapshot.datasets.values().map(|digest| warehouse.manifest(digest)).collect::<Result<Vec<_>>>()?;
        let session = context.session(self.at.at.as_deref())?;
        let pictures = specs
            .into_iter()
            .map(|spec| Ok(Picture { spec, drawn: figures::attempt(&session, spec, project.declared())? }));
        let pictures = pictures.collect::<Result<Vec<_>>>()?;
        let judgements = judge(&session, set)?;
        let name = name_of(self.at.at.as_deref(), &snapshot);
        let shown = Shown {
            set,
            judgements: &judgements,
            pictures: &pictures,
            session: &session,
            citation: citation(&name, &snapshot, &manifests, &project.datasets),
            name,
            snapshot: &snapshot,
            pinned: super::pin::compared(&project, &session, set)?,
        };
        let text = page(&shown).into_string();
        let out = self.out.unwrap_or_else(|| PathBuf::from(format!("{}.html", set.id)));
        save(&out, text.as_bytes())?;
        if context.json() {
            print_json(&serde_json::json!({
                "report": out, "snapshot": snapshot.number, "sha256": Digest::of(&text), "claims": judgements.len(),
            }))?;
        } else {
            say(&out.display().to_string());
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The figures that the set names, in its order; all of them where it names none.
fn figures_of<'a>(set: &ClaimSet, all: &'a [Spec]) -> Result<Vec<&'a Spec>> {
    if set.figures.is_empty() {
        return Ok(all.iter().collect());
    }
    let find = |id: &String| {
        all.iter().find(|spec| spec.id == *id).ok_or_else(|| {
            Error::new(Kind::Usage, format!("warehouse/claims/{}.toml names a figure `{id}` that there is not", set.id))
                .hint("`tollhouse figure list` shows those that there are")
        })
    };
    set.figures.iter().map(find).collect()
}

fn page(shown: &Shown<'_>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="content-security-policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'";
                meta name="generator" content=(format!("tollhouse {VERSION}"));
                title { (shown.set.title) ", judged" }
                style { (PreEscaped(include_str!("report/style.css"))) }
            }
            body {
                (head(shown))
                main {
                    (verdicts(shown.judgements))
                    (pictures(shown.pictures))
                    (claims(shown.judgements))
                    (provenance(shown))
                }
                footer { p { "Made by tollhouse " (VERSION) ". Made again from the same snapshot, it is the same page." } }
            }
        }
    }
}

fn head(shown: &Shown<'_>) -> Markup {
    let count = |verdict: &str| shown.judgements.iter().filter(|one| one.verdict.as_str() == verdict).count();
    let (all, holds, part, refuted, open) =
        (shown.judgements.len(), count("holds"), count("holds in part"), count("refuted"), count("not checkable"));
    html! {
        header {
            p.quiet { "Published claims, judged from public data" }
            h1 { (shown.set.title) }
            p {
                "Of " (all) " statements " (holds) " hold, " (part) " hold in part, " (refuted) " are refuted and "
                (open) " cannot be checked. Each was put into our own words, and tried under every definition that is named with it. "
                "What the article means by its words only its author knows."
            }
            p.quiet {
                "From snapshot " (shown.snapshot.number) " (" (shown.name) "), committed "
                time datetime=(shown.snapshot.created) { (shown.snapshot.created.strftime("%Y-%m-%d")) } "."
                @if shown.session.origin() == store::Origin::Replica {
                    " Its data come from the program's own replica of the publishers, which serves their real figures in their formats, but not all of them."
                }
            }
        }
    }
}

fn verdicts(judgements: &[Judgement]) -> Markup {
    html! {
        section aria-labelledby="verdicts" {
            h2 #verdicts { "Verdicts" }
            table.summary {
                thead { tr { th scope="col" { "No." } th scope="col" { "Statement" } th scope="col" { "Verdict" } } }
                tbody { @for one in judgements {
                    tr {
                        td.number { (one.number) }
                        td { a href=(format!("#{}", one.id)) { (one.statement) } }
                        td class=(format!("verdict {}", class(one.verdict.as_str()))) { (one.verdict_words()) }
                    }
                } }
            }
        }
    }
}

fn class(words: &str) -> String {
    words.replace(' ', "-")
}

fn pictures(pictures: &[Picture<'_>]) -> Markup {
    html! {
        section aria-labelledby="figures" {
            h2 #figures { "Figures" }
            @for picture in pictures {
                @match &picture.drawn {
                    Attempt::Drawn(drawn) => figure id=(format!("figure-{}", drawn.id)) {
                        picture {
                            source media="(max-width: 40rem)" srcset=(in_line(&drawn.phone));
                            img src=(in_line(&drawn.svg)) alt=(picture.spec.chart.alt);
                        }
                        figcaption {
                            "Figure " code { (drawn.id) } ", inputs " code { "sha256:" (drawn.inputs) }
                            ", rows " code { "sha256:" (drawn.receipt.result_digest) } "."
                        }
                    },
                    Attempt::Waits(tables) => p {
                        strong { (picture.spec.chart.title) } ": not drawn. Not loaded: " (tables.join(", ")) "."
                    },
                    Attempt::Failed(error) => p { strong { (picture.spec.chart.title) } ": not drawn. " (in_a_line(error)) "." },
                }
            }
        }
    }
}

/// A drawing as an address, so that it needs no file beside the page.
fn in_line(svg: &str) -> String {
    format!("data:image/svg+xml;base64,{}", BASE64_STANDARD.encode(svg))
}

fn claims(judgements: &[Judgement]) -> Markup {
    html! {
        section aria-labelledby="claims" {
            h2 #claims { "Statement by statement" }
            @for one in judgements {
                article id=(one.id) {
                    h3 { (one.number) ". " (one.statement) }
                    p class=(format!("verdict {}", class(one.verdict.as_str()))) { (one.verdict_words()) }
                    p { (one.reason) }
                    @if !one.tests.is_empty() { (tests(&one.tests)) }
                    p.quiet { (one.citation) }
                }
            }
        }
    }
}

fn tests(tests: &[Tested]) -> Markup {
    html! {
        div.wide { table.tests {
            thead { tr { th scope="col" { "By this definition" } th scope="col" { "Outcome" } th scope="col" { "Because" } } }
            tbody { @for test in tests {
                tr {
                    td { (test.definition) @if test.context { " (told beside, without weight)" } }
                    td.outcome { (test.outcome.as_str()) }
                    td {
                        (test.reason)
                        @if !test.numbers.is_empty() { (numbers(test)) }
                    }
                }
            } }
        } }
    }
}

fn numbers(test: &Tested) -> Markup {
    html! {
        details {
            summary { "numbers" }
            @for number in &test.numbers {
                code { (number.column) " = " (number.value.as_deref().unwrap_or("no value")) } br;
            }
            @if let Some(receipt) = &test.receipt {
                "Query " code { "sha256:" (receipt.sql_digest) } ", answer " code { "sha256:" (receipt.result_digest) } "."
            }
        }
    }
}

fn provenance(shown: &Shown<'_>) -> Markup {
    let receipts = shown.judgements.iter().flat_map(|one| &one.tests).filter_map(|test| test.receipt.as_ref()).chain(
        shown.pictures.iter().filter_map(|picture| match &picture.drawn {
            Attempt::Drawn(drawn) => Some(&drawn.receipt),
            Attempt::Waits(_) | Attempt::Failed(_) => None,
        }),
    );
    let mut captures: BTreeMap<&str, &str> = BTreeMap::new();
    for capture in receipts.flat_map(|receipt| &receipt.captures) {
        captures.insert(capture.sha256.as_str(), capture.url.as_str());
    }
    let set = &shown.set.id;
    html! {
        section aria-labelledby="provenance" {
            h2 #provenance { "What it rests on" }
            p {
                @if shown.session.origin() == store::Origin::Replica {
                    "Every number here follows from files that the replica served under their publishers' addresses, of which "
                } @else {
                    "Every number here follows from files as their publishers sent them, of which "
                }
                (captures.len()) " are behind this page. "
                code { "tollhouse explain" } " leads from a claim or a figure to each of them; "
                code { "tollhouse claims " (set) " --at " (shown.name) } " judges again."
            }
            @if let Some(pinned) = &shown.pinned { p { (pinned) } }
            details {
                summary { "The files" }
                table {
                    thead { tr { th scope="col" { "Address" } th scope="col" { "SHA-256" } } }
                    tbody { @for (sha256, url) in &captures { tr { td { (url) } td { code { (sha256) } } } } }
                }
            }
            pre { (shown.citation.trim_end()) }
        }
    }
}
