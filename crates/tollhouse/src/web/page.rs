//! `/`: the page that an operator opens at night. What is wrong and what to do about it comes first.
//!
//! It is HTML that reads without its style sheet and needs no script; it asks for itself anew every minute. Every text is
//! escaped where it is put in, and the policy of the page lets a browser load the figures and apply this very style, no more.

mod text;

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::text::{breakable, bytes, cut, last_day, link, span, time};
use super::Web;
use super::problem::{Plain, Problem};
use super::types::{Alarm, Figure, Job, Run, State as RunState, Status, Verdict};

const STYLE: &str = include_str!("page/style.css");

static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; img-src 'self'; style-src 'sha256-{hash}'; \
         frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
});

/// All that the page shows.
struct Shown {
    status: Status,
    alarms: Vec<Alarm>,
    jobs: Vec<Job>,
    figures: Vec<Figure>,
    verdicts: Vec<Verdict>,
}

/// The pages of this file.
pub fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(page))
}

/// How everything fares, for people.
#[utoipa::path(get, path = "/", tag = "pages", responses(
    (status = 200, description = "A page of HTML.", body = String, content_type = "text/html"),
    Plain,
))]
async fn page(State(web): State<Web>) -> Result<Response, Problem> {
    let shown = web
        .ask(|operator| {
            Ok(Shown {
                status: operator.status()?,
                alarms: operator.alarms(false)?,
                jobs: operator.jobs()?,
                figures: operator.figures()?,
                verdicts: operator.verdicts()?,
            })
        })
        .await?;
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY.as_str())];
    Ok((headers, draw(&shown).into_string()).into_response())
}

fn draw(shown: &Shown) -> Markup {
    let headline = headline(shown.alarms.len());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content="60";
                title { (headline) " · Tollhouse" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (top(shown, &headline))
                main {
                    (alarms(shown.status.now, &shown.alarms))
                    (jobs(shown))
                    (warehouse(&shown.status))
                    (figures(&shown.figures))
                    (verdicts(&shown.verdicts))
                }
                footer {
                    p {
                        "This page asks for itself anew every minute. The same for programs: "
                        a href="/api/v1/openapi.json" { "/api/v1" } ", " a href="/metrics" { "/metrics" } "."
                    }
                }
            }
        }
    }
}

fn headline(alarms: usize) -> String {
    match alarms {
        0 => "All is well".to_owned(),
        1 => "1 alarm".to_owned(),
        many => format!("{many} alarms"),
    }
}

fn top(shown: &Shown, headline: &str) -> Markup {
    let status = &shown.status;
    let running = shown.jobs.iter().flat_map(|job| &job.open).filter(|run| run.state == RunState::Running).count();
    let queued = shown.jobs.iter().map(|job| job.open.len()).sum::<usize>() - running;
    let paused = shown.jobs.iter().filter(|job| job.paused.is_some()).count();
    html! {
        header {
            p.name { "Tollhouse " (status.version) }
            h1 class=(if shown.alarms.is_empty() { "good" } else { "bad" }) { (headline) }
            @if status.origin != "live" {
                p.warn { strong { "These data are not real:" } " they come from the " (status.origin) "." }
            }
            @if status.draining { p.warn { strong { "The daemon is about to end." } " No run begins." } }
            @if let Some(held) = &status.held { p.warn { strong { "No run begins:" } " " (held) } }
            p {
                (shown.jobs.len()) " jobs: " (running) " running, " (queued) " queued, " (paused) " paused. As of "
                time datetime=(status.now) { (status.now.strftime("%Y-%m-%d %H:%M:%S UTC")) } "."
            }
        }
    }
}

fn alarms(now: Timestamp, alarms: &[Alarm]) -> Markup {
    html! {
        section aria-labelledby="alarms" {
            h2 #alarms { "Alarms" }
            @if alarms.is_empty() { p { "None." } }
            @for alarm in alarms {
                article.alarm {
                    h3 { span { (cut(&alarm.name, 80)) } " " span.subject { (cut(&alarm.subject, 160)) } }
                    // The command below is what is needed; it must not be out of sight because of a long text.
                    p.text { (cut(&alarm.text, 800)) }
                    p.quiet { "Raised " (time(now, alarm.raised)) ". Next:" }
                    pre { code { (alarm.next) } }
                }
            }
        }
    }
}

/// Whether an operator should look at a job.
fn needs_attention(job: &Job, alarms: &[Alarm]) -> bool {
    let failed = job.last.as_ref().is_some_and(|run| run.state == RunState::Failed);
    let again = job.open.iter().any(|run| run.kind.is_some());
    failed || again || job.stale || job.paused.is_some() || alarms.iter().any(|alarm| alarm.subject == job.name)
}

fn jobs(shown: &Shown) -> Markup {
    let mut sorted: Vec<&Job> = shown.jobs.iter().collect();
    // A job that is never due comes after those that are.
    sorted.sort_by_key(|job| (job.next_due.is_none(), job.next_due, &job.name));
    let (look, others): (Vec<&Job>, Vec<&Job>) =
        sorted.into_iter().partition(|job| needs_attention(job, &shown.alarms));
    let (going, rest): (Vec<&Job>, Vec<&Job>) = others.into_iter().partition(|job| !job.open.is_empty());
    let groups = [("Look at these", look), ("Queued or running", going), ("The others, by next due time", rest)];
    html! {
        section aria-labelledby="jobs" {
            h2 #jobs { "Jobs" }
            div.wide role="region" aria-labelledby="jobs" tabindex="0" {
                table {
                    caption { span { "What last came of each job, and when it is due. Names lead to all that is known of them." } }
                    thead { tr {
                        @for title in ["Job", "Last run", "Now", "Next due", "Newest data", "Schedule"] {
                            th scope="col" { (title) }
                        }
                    } }
                    @for (title, group) in groups.iter().filter(|(_, group)| !group.is_empty()) {
                        tbody {
                            tr.group { th scope="rowgroup" colspan="6" { (title) " (" (group.len()) ")" } }
                            @for job in group { (job_row(shown.status.now, job)) }
                        }
                    }
                }
            }
        }
    }
}

fn job_row(now: Timestamp, job: &Job) -> Markup {
    html! {
        tr {
            th scope="row" { a href=(link("/api/v1/jobs/", &job.name)) { (breakable(&cut(&job.name, 80))) } }
            td { (last_run(now, job.last.as_ref())) }
            td { (doing(now, job)) }
            td { @match job.next_due { Some(due) => (time(now, due)), None => "–" } }
            td.reach { (reach(now, job)) }
            td.schedule { (cut(job.schedule.as_deref().unwrap_or("follows others"), 160)) }
        }
    }
}

fn last_run(now: Timestamp, last: Option<&Run>) -> Markup {
    let Some(run) = last else {
        return html! { "never" };
    };
    let class = match run.state {
        RunState::Failed => "bad",
        RunState::Cancelled => "warn",
        _ => "good",
    };
    html! {
        a class=(class) href=(link("/api/v1/runs/", &run.id)) { (run.state.as_str()) } " "
        (time(now, run.ended.unwrap_or(run.created)))
        @if run.state == RunState::Failed { (failure(run)) }
    }
}

fn failure(run: &Run) -> Markup {
    html! {
        @if let Some(kind) = &run.kind {
            br;
            span.why { (cut(kind, 40)) @if let Some(message) = &run.message { ": " (cut(message, 160)) } }
        }
    }
}

fn doing(now: Timestamp, job: &Job) -> Markup {
    html! {
        @if let Some(since) = job.paused {
            span.warn { "paused" } " " (time(now, since))
            @if let Some(why) = &job.paused_why { br; span.why { (cut(why, 160)) } }
        }
        @for (place, run) in job.open.iter().enumerate() {
            @if place > 0 || job.paused.is_some() { br; }
            a href=(link("/api/v1/runs/", &run.id)) { (run.state.as_str()) }
            @match run.state {
                RunState::Running => { ", begun " (time(now, run.started.unwrap_or(run.created))) },
                _ => { ", begins " (time(now, run.not_before.max(now))) },
            }
            @if run.attempts > 1 || run.kind.is_some() { ", " (run.attempts) " attempts" }
            (failure(run))
        }
        @if job.paused.is_none() && job.open.is_empty() { "–" }
    }
}

fn reach(now: Timestamp, job: &Job) -> Markup {
    let promise = job.promise_seconds.map(|seconds| span(i64::try_from(seconds).unwrap_or(i64::MAX)));
    html! {
        @if job.stale { span.bad { "late" } " " }
        @match job.newest {
            Some(newest) => {
                (last_day(newest)) br;
                span.why { (span(now.as_second() - newest.as_second())) " old" @if let Some(promise) = promise { ", promised " (promise) } }
            },
            None => { "–" @if let Some(promise) = promise { br; span.why { "promised " (promise) } } },
        }
    }
}

fn warehouse(status: &Status) -> Markup {
    let now = status.now;
    html! {
        section aria-labelledby="warehouse" {
            h2 #warehouse { "Warehouse" }
            dl {
                dt { "Newest snapshot" }
                dd { @match &status.newest {
                    Some(mark) => { (mark.number) ", committed " (time(now, mark.at)) },
                    None => "none yet",
                } }
                dt { "Verified" }
                dd { @match &status.verified {
                    Some(mark) => { "snapshot " (mark.number) ", " (time(now, mark.at)) },
                    None => { span.warn { "never" } },
                } }
                dt { "Disk" } dd { (bytes(status.disk_free_bytes)) " free" }
                dt { "Root" } dd { (status.root) }
                dt { "Daemon" }
                dd { (status.holder) ", up for " (span(i64::try_from(status.uptime_seconds).unwrap_or(i64::MAX))) }
            }
        }
    }
}

fn figures(figures: &[Figure]) -> Markup {
    html! {
        section aria-labelledby="figures" {
            h2 #figures { "Figures" }
            @if figures.is_empty() { p { "None was drawn yet." } }
            @for figure in figures {
                figure {
                    @if let Some(why) = &figure.failed {
                        p { span.bad { "Not drawn:" } " " (why) }
                    } @else {
                        a href={ (link("/figures/", &figure.id)) ".svg" } {
                            picture {
                                source media="(max-width: 640px)" srcset={ (link("/figures/", &figure.id)) ".phone.svg" };
                                img src={ (link("/figures/", &figure.id)) ".svg" } alt=(figure.title) loading="lazy";
                            }
                        }
                    }
                    figcaption {
                        (figure.title) span.quiet { " (snapshot " (figure.snapshot) ")" }
                        @if figure.failed.is_none() {
                            ", numbers: "
                            a href={ (link("/figures/", &figure.id)) ".csv" } { "CSV" }
                            ", "
                            a href={ (link("/figures/", &figure.id)) ".parquet" } { "Parquet" }
                        }
                    }
                }
            }
        }
    }
}

fn verdicts(verdicts: &[Verdict]) -> Markup {
    html! {
        section aria-labelledby="verdicts" {
            h2 #verdicts { "Verdicts" }
            @if verdicts.is_empty() { p { "None was given yet." } } @else {
                div.wide role="region" aria-labelledby="verdicts" tabindex="0" {
                    table.verdicts {
                        caption { span { "What was published, and what these data say about it." } }
                        thead { tr {
                            th scope="col" { "Statement" } th scope="col" { "Verdict" } th scope="col" { "Reason" }
                        } }
                        tbody { @for one in verdicts {
                            tr {
                                th scope="row" { (one.statement) }
                                td class=(verdict_class(&one.verdict)) { (one.verdict) }
                                td { (one.reason) span.quiet { " (" (one.set) ", snapshot " (one.snapshot) ")" } }
                            }
                        } }
                    }
                }
            }
        }
    }
}

/// That a statement is refuted is news and no fault: red is for what an operator has to mend.
fn verdict_class(verdict: &str) -> &'static str {
    match verdict {
        "holds" => "good",
        "refuted" => "warn",
        _ => "quiet",
    }
}
