//! A daemon that does nothing: some seventy jobs, and texts that would break a page or a label that does not escape them.

use std::collections::BTreeSet;
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

use crate::web::metrics::{Budget, JobMetrics, Metrics, Reach, Rows, RunsEnded};
use crate::web::types::*;
use crate::web::{Operator, Refusal};

/// The time that it is here.
pub const NOW: &str = "2026-10-27T03:12:45Z";

/// Texts that break what does not escape them.
pub const ODD: [&str; 5] = [
    "\"><script>alert('job')</script>",
    "line one\nline two\ttabbed \\ back",
    "Ünïcødé – 麻薬統計 – \u{202e}reversed",
    "a&b=c?d#e/f%2f..",
    "javascript:alert(1)//' onmouseover='x",
];

/// The jobs of the real program, so that the page is tried with names as long as there are.
const NAMES: &str = "arcos_buyer_activities arcos_buyer_addresses arcos_buyer_totals arcos_buyer_year arcos_county_fips \
    arcos_county_year arcos_not_pharmacies arcos_pharmacies arcos_population_county arcos_population_state \
    arcos_reporter_addresses arcos_transactions cdc_drug_deaths_county cdc_drug_poisoning_county_binned \
    cdc_drug_poisoning_county_modelled cdc_drug_poisoning_state cdc_firearm_deaths_county \
    cdc_firearm_deaths_county_secondary cdc_firearm_deaths_state cdc_injury_county cdc_leading_causes_state \
    cdc_opioid_deaths_county cdc_opioid_deaths_state cdc_opioid_deaths_state_age cdc_opioid_deaths_state_race \
    cdc_opioid_deaths_state_sex cdc_opioid_deaths_state_sex_secondary cdc_opioid_deaths_us cdc_opioid_deaths_us_race \
    cdc_opioid_dispensing_county cdc_opioid_dispensing_state cdc_opioid_dispensing_us cdc_overdose_deaths_state \
    cdc_vsrr_county cdc_vsrr_state cdc_wonder_us cms_opioid_prescribing_county cms_opioid_prescribing_state \
    cms_opioid_prescribing_zip cms_partd_geography_drug cms_partd_prescriber_drug dea_retail_buyers_state \
    dea_retail_buyers_us dea_retail_state_quarter dea_retail_state_year dea_retail_zip3_quarter fbi_agencies \
    fbi_city_offenses fbi_crime_us fbi_estimated_offenses_state fbi_homicide_offenders fbi_homicide_victims \
    fbi_homicide_weapons_state fbi_homicide_weapons_us fbi_homicides fbi_offenses_month fbi_return_a_cards \
    fbi_return_a_month geo_counties geo_county_adjacency geo_county_changes geo_places geo_population_county geo_zip_county mme_factors \
    _gc _publish _verify";

/// The daemon.
pub struct Fake {
    /// Its jobs.
    pub jobs: Vec<Job>,
    /// The alarms that are up.
    pub alarms: Vec<Alarm>,
    /// What became of statements.
    pub verdicts: Vec<Verdict>,
    /// What was drawn.
    pub figures: Vec<Figure>,
    /// Who was paused since.
    pub paused: Mutex<BTreeSet<String>>,
    /// What it says to `/readyz`.
    pub ready: bool,
    /// Called whenever its status is asked for; may block, or panic.
    pub on_status: Box<dyn Fn() + Send + Sync>,
}

/// A time so many hours from now.
pub fn hours(from_now: i64) -> Timestamp {
    NOW.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(from_now)
}

impl Fake {
    /// Nothing is wrong.
    pub fn calm() -> Self {
        let jobs = NAMES.split_whitespace().zip(0..).map(|(name, place)| well(name, place)).collect();
        Self {
            jobs,
            alarms: Vec::new(),
            verdicts: verdicts(),
            figures: figures(),
            paused: Mutex::default(),
            ready: true,
            on_status: Box::new(|| ()),
        }
    }

    /// A night that an operator remembers.
    pub fn troubled() -> Self {
        let mut fake = Self::calm();
        let at = |name: &str, jobs: &[Job]| jobs.iter().position(|job| job.name == name).unwrap();
        let place = at("cdc_vsrr_county", &fake.jobs);
        fake.jobs[place].last = Some(failed("cdc_vsrr_county", 5));
        let place = at("fbi_agencies", &fake.jobs);
        fake.jobs[place].open = vec![open("fbi_agencies", State::Queued, true)];
        let place = at("arcos_transactions", &fake.jobs);
        fake.jobs[place].open = vec![open("arcos_transactions", State::Running, false)];
        fake.jobs[place].last = None;
        let place = at("cdc_wonder_us", &fake.jobs);
        fake.jobs[place].paused = Some(hours(-70));
        fake.jobs[place].paused_why = Some("CDC WONDER is closed for maintenance until Monday".to_owned());
        let place = at("dea_retail_state_quarter", &fake.jobs);
        fake.jobs[place].stale = true;
        fake.jobs[place].newest = Some(hours(-24 * 700));
        fake.alarms = vec![
            alarm(
                "breaker-open",
                "cde.ucr.cjis.gov",
                -1,
                "3 runs in a row could not reach cde.ucr.cjis.gov: connection refused. It is left alone until 03:40 UTC.",
                "tollhouse runs --state failed --limit 5",
            ),
            alarm(
                "run-failed",
                "cdc_vsrr_county",
                -5,
                "The publisher changed its format: a column `Month Ending Date` that no pipeline names.",
                "tollhouse probe cdc_vsrr_county && tollhouse run --queue cdc_vsrr_county",
            ),
            alarm(
                "stale",
                "dea_retail_state_quarter",
                -200,
                "Its newest data are of 2024-11-26, and 400 days are promised.",
                "tollhouse datasets dea_retail_state_quarter",
            ),
        ];
        fake
    }

    /// Texts that break what does not escape them, wherever a text can be.
    pub fn odd() -> Self {
        let mut fake = Self::troubled();
        let long = "x".repeat(3_000);
        for (text, place) in ODD.iter().copied().chain([long.as_str()]).zip(0..) {
            let mut job = well(text, place);
            job.schedule = Some(text.to_owned());
            job.host = Some(text.to_owned());
            job.paused = Some(hours(-2));
            job.paused_why = Some(text.to_owned());
            let mut last = failed(text, 5);
            last.kind = Some(text.to_owned());
            last.message = Some(text.to_owned());
            job.last = Some(last);
            let mut next = open(text, State::Queued, true);
            next.message = Some(text.to_owned());
            job.open = vec![next];
            fake.jobs.push(job);
            fake.alarms.push(alarm(text, text, -3, text, text));
            fake.figures.push(Figure { id: text.to_owned(), title: text.to_owned(), snapshot: 1, failed: None });
            let failed = Some(text.to_owned());
            fake.figures.push(Figure { id: "odd".to_owned(), title: text.to_owned(), snapshot: 1, failed });
            let text = text.to_owned();
            let verdict = Verdict {
                set: text.clone(),
                claim: text.clone(),
                statement: text.clone(),
                verdict: text.clone(),
                reason: text,
                snapshot: 1,
            };
            fake.verdicts.push(verdict);
        }
        fake
    }

    fn known(&self, name: &str) -> Result<&Job, Refusal> {
        self.jobs.iter().find(|job| job.name == name).ok_or_else(|| Refusal::NotFound {
            what: format!("there is no job `{name}`"),
            next: "tollhouse status".to_owned(),
        })
    }
}

fn run(job: &str, state: State) -> Run {
    Run {
        id: format!("{job}@20261026T113000Z"),
        job: job.to_owned(),
        trigger: Trigger::Schedule,
        what: None,
        due: Some(hours(-9)),
        not_before: hours(-9),
        deadline: hours(39),
        state,
        holder: None,
        attempts: 1,
        created: hours(-9),
        started: None,
        ended: None,
        kind: None,
        message: None,
        hint: None,
        snapshot: None,
        cancel: None,
    }
}

fn well(name: &str, place: i64) -> Job {
    let state = if place % 3 == 0 { State::Succeeded } else { State::Unchanged };
    let mut last = run(name, state);
    last.started = Some(hours(-place - 1));
    last.ended = Some(hours(-place));
    last.snapshot = (place % 3 == 0).then_some(40);
    let follows = name.starts_with('_');
    Job {
        name: name.to_owned(),
        schedule: (!follows).then(|| "second Wednesday of the month at 11:30 (America/New_York)".to_owned()),
        zone: (!follows).then(|| "America/New_York".to_owned()),
        next_due: (!follows).then(|| hours((place * 37) % 500 + 1)),
        paused: None,
        paused_why: None,
        host: (!follows).then(|| "data.cdc.gov".to_owned()),
        last: Some(last),
        open: Vec::new(),
        promise_seconds: (!follows).then_some(400 * 86_400),
        newest: (!follows).then(|| hours(-24 * (30 + place * 5))),
        stale: false,
    }
}

fn failed(job: &str, hours_ago: i64) -> Run {
    Run {
        started: Some(hours(-hours_ago - 1)),
        ended: Some(hours(-hours_ago)),
        kind: Some("publisher changed".to_owned()),
        message: Some("a column `Month Ending Date` that no pipeline names".to_owned()),
        hint: Some("look at what came, and name the column in the pipeline".to_owned()),
        ..run(job, State::Failed)
    }
}

fn open(job: &str, state: State, again: bool) -> Run {
    Run {
        id: format!("{job}@20261027T030000Z"),
        not_before: hours(if again { 1 } else { -1 }),
        started: Some(hours(-1)),
        holder: (state == State::Running).then(|| "tollhouse-1/4711".to_owned()),
        attempts: if again { 3 } else { 1 },
        kind: again.then(|| "unreachable".to_owned()),
        message: again.then(|| "connection refused".to_owned()),
        ..run(job, state)
    }
}

fn alarm(name: &str, subject: &str, raised: i64, text: &str, next: &str) -> Alarm {
    Alarm {
        name: name.to_owned(),
        subject: subject.to_owned(),
        raised: hours(raised),
        cleared: None,
        text: text.to_owned(),
        next: next.to_owned(),
    }
}

fn verdicts() -> Vec<Verdict> {
    let of = |statement: &str, verdict: &str, reason: &str| Verdict {
        set: "citylab-2017".to_owned(),
        claim: "one".to_owned(),
        statement: statement.to_owned(),
        verdict: verdict.to_owned(),
        reason: reason.to_owned(),
        snapshot: 41,
    };
    vec![
        of(
            "In 2015 West Virginia had the highest rate of deaths by opioid overdose of any state.",
            "holds",
            "Age-adjusted rate per 100,000 residents, 2015, any opioid (CDC WONDER D77): West Virginia is first of 51 areas \
             with 36.00, before New Hampshire with 31.31",
        ),
        of("Homicides in Portland doubled.", "refuted", "There were 26 in 2014 and 27 in 2015"),
        of("Prescribing fell everywhere.", "holds in part", "By county it rose in 212 of 2,963"),
        of("Pharmacists were charged.", "not checkable", "No release that is loaded has such a table"),
    ]
}

fn figures() -> Vec<Figure> {
    let of = |id: &str, title: &str, failed: Option<&str>| Figure {
        id: id.to_owned(),
        title: title.to_owned(),
        snapshot: 41,
        failed: failed.map(str::to_owned),
    };
    vec![
        of("opioid-deaths-vs-dispensing-2015", "Deaths by opioids and opioids dispensed, by state, 2015", None),
        of("portland-homicides", "Homicides in Portland", Some("no release that is loaded has 2016")),
    ]
}

const SVG: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="720" height="360" viewBox="0 0 720 360"><rect width="720" height="360" fill="#fff"/><path d="M40 320 L200 240 L360 260 L520 120 L680 60" stroke="#0b4fb3" stroke-width="3" fill="none"/></svg>"##;

impl Operator for Fake {
    fn status(&self) -> Result<Status, Refusal> {
        (self.on_status)();
        Ok(Status {
            version: "0.1.0".to_owned(),
            holder: "tollhouse-1/4711".to_owned(),
            root: "/var/lib/tollhouse".to_owned(),
            origin: if self.alarms.len() == 3 { "live" } else { "replica" }.to_owned(),
            now: NOW.parse().unwrap(),
            started: hours(-100),
            uptime_seconds: 360_000,
            draining: false,
            held: (self.alarms.len() > 3).then(|| ODD[0].to_owned()),
            newest: Some(SnapshotMark { number: 41, at: hours(-5) }),
            verified: Some(SnapshotMark { number: 40, at: hours(-48) }),
            disk_free_bytes: 12_345_678_901,
            alarms: self.alarms.len() as u64,
        })
    }

    fn jobs(&self) -> Result<Vec<Job>, Refusal> {
        Ok(self.jobs.clone())
    }

    fn job(&self, name: &str) -> Result<Job, Refusal> {
        let mut job = self.known(name)?.clone();
        if self.paused.lock().unwrap().contains(name) {
            job.paused = Some(hours(0));
        }
        Ok(job)
    }

    fn due(&self, job: &str, limit: u32) -> Result<Vec<DueLine>, Refusal> {
        self.known(job)?;
        let line = DueLine {
            job: job.to_owned(),
            due: hours(-9),
            through: hours(-9),
            count: 1,
            decision: Decision::Run,
            run: Some(format!("{job}@20261026T113000Z")),
            decided: hours(-9),
        };
        Ok(vec![line; limit.min(3) as usize])
    }

    fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, Refusal> {
        let all = self.jobs.iter().flat_map(|job| job.open.iter().chain(&job.last));
        let wanted = all
            .filter(|run| filter.job.as_ref().is_none_or(|job| run.job == *job))
            .filter(|run| filter.state.is_none_or(|state| run.state == state));
        let wanted: Vec<Run> = match &filter.before {
            Some(before) => wanted.skip_while(|run| run.id != *before).skip(1).cloned().collect(),
            None => wanted.cloned().collect(),
        };
        Ok(wanted.into_iter().take(filter.limit.get() as usize).collect())
    }

    fn run(&self, id: &str) -> Result<RunDetail, Refusal> {
        let found = self.jobs.iter().flat_map(|job| job.open.iter().chain(&job.last)).find(|run| run.id == id);
        let run = found.cloned().ok_or_else(|| Refusal::NotFound {
            what: format!("there is no run `{id}`"),
            next: "tollhouse runs".to_owned(),
        })?;
        let attempt = Attempt {
            number: 1,
            holder: "tollhouse-1/4711".to_owned(),
            started: hours(-2),
            ended: Some(hours(-1)),
            outcome: Some(Outcome::Died),
            kind: None,
            message: None,
        };
        let what = serde_json::json!({"url": "https://data.cdc.gov/x", "bytes": 12});
        let step = Step { attempt: 1, at: hours(-2), stage: "fetch".to_owned(), what };
        Ok(RunDetail { run, log: vec![attempt], steps: vec![step] })
    }

    fn snapshots(&self, before: Option<u64>, limit: u32) -> Result<Vec<Snapshot>, Refusal> {
        let of = |number: u64| Snapshot {
            number,
            parent: number.checked_sub(1).filter(|parent| *parent > 0),
            created: hours(-5 - 24 * (41 - number as i64)),
            origin: "live".to_owned(),
            program: Some("0.1.0".to_owned()),
            datasets: Some(64),
            pins: Vec::new(),
            removed: None,
        };
        let first = before.unwrap_or(u64::MAX).min(42);
        Ok((1..first).rev().take(limit as usize).map(of).collect())
    }

    fn freshness(&self) -> Result<Vec<Freshness>, Refusal> {
        let of = |job: &Job| Freshness {
            dataset: job.name.clone(),
            newest: job.newest,
            snapshot: 41,
            looked: hours(-5),
            promise_seconds: job.promise_seconds,
            late: job.stale,
        };
        Ok(self.jobs.iter().map(of).collect())
    }

    fn alarms(&self, cleared: bool) -> Result<Vec<Alarm>, Refusal> {
        let mut alarms = self.alarms.clone();
        if cleared {
            let mut over = alarm("disk-low", "/var/lib/tollhouse", -500, "It was low.", "df -h /var/lib/tollhouse");
            over.cleared = Some(hours(-499));
            alarms.push(over);
        }
        Ok(alarms)
    }

    fn breakers(&self) -> Result<Vec<Breaker>, Refusal> {
        let why = "connection refused".to_owned();
        Ok(vec![Breaker { host: "cde.ucr.cjis.gov".to_owned(), failures: 3, until: Some(hours(1)), why }])
    }

    fn verdicts(&self) -> Result<Vec<Verdict>, Refusal> {
        Ok(self.verdicts.clone())
    }

    fn figures(&self) -> Result<Vec<Figure>, Refusal> {
        Ok(self.figures.clone())
    }

    fn figure_file(&self, id: &str, ending: Ending) -> Result<Vec<u8>, Refusal> {
        if id != "opioid-deaths-vs-dispensing-2015" {
            let what = format!("there is no figure `{id}`");
            return Err(Refusal::NotFound { what, next: "tollhouse figure --help".to_owned() });
        }
        Ok(match ending {
            Ending::Svg | Ending::Phone => SVG.into(),
            Ending::Png => b"\x89PNG\r\n\x1a\n".to_vec(),
            Ending::Csv => b"usps\nWV\n".to_vec(),
            Ending::Parquet => b"PAR1".to_vec(),
        })
    }

    fn alive(&self) -> bool {
        self.ready
    }

    fn ready(&self) -> Result<Readiness, Refusal> {
        let check = |name: &str, ok: bool, text: &str| Check { name: name.to_owned(), ok, text: text.to_owned() };
        let checks = vec![
            check("snapshot", true, "snapshot 40 was verified 2 days ago"),
            check("disk", self.ready, "12 GB are left"),
            check("scheduler", true, "it ticked 1 s ago"),
        ];
        Ok(Readiness { ready: self.ready, checks })
    }

    fn metrics(&self) -> Result<Metrics, Refusal> {
        let names: Vec<&str> = self.jobs.iter().map(|job| job.name.as_str()).collect();
        let states = [State::Succeeded, State::Failed];
        let ended = |job: &str, state| RunsEnded { job: job.to_owned(), state, runs: 12, seconds: 345.625 };
        let of_job = |job: &Job| JobMetrics {
            job: job.name.clone(),
            last_success: job.last.as_ref().and_then(|run| run.ended),
            last_duration: Some(12.5),
            queued: job.open.len() as u64,
            running: 0,
            paused: job.paused.is_some(),
            next_due: job.next_due,
            fetched_bytes: 5_000_000_000_000,
            requests: 77,
        };
        let rows = |name: &&str| Rows {
            dataset: (*name).to_owned(),
            kept: 178_598_026,
            rejected: 3,
            totals: 0,
            read: 178_598_029,
        };
        Ok(Metrics {
            version: "0.1.0".to_owned(),
            holder: "tollhouse-1/4711".to_owned(),
            runs: names.iter().flat_map(|name| states.map(|state| ended(name, state))).collect(),
            jobs: self.jobs.iter().map(of_job).collect(),
            rows: names.iter().map(rows).collect(),
            data: self
                .jobs
                .iter()
                .map(|job| Reach {
                    dataset: job.name.clone(),
                    newest: job.newest,
                    promise_seconds: job.promise_seconds,
                })
                .collect(),
            breakers: vec![("cde.ucr.cjis.gov".to_owned(), true)],
            budgets: vec![Budget { host: "wonder.cdc.gov".to_owned(), used: 10, limit: 500 }],
            disk_free_bytes: 12_345_678_901,
            disk_used_bytes: 98_765_432_101,
            snapshot_newest: Some(41),
            snapshot_verified: Some(40),
            alarms: self.alarms.iter().map(|alarm| (alarm.name.clone(), alarm.subject.clone())).collect(),
            last_tick: Some(NOW.parse().unwrap()),
        })
    }

    fn order(&self, job: &str) -> Result<Run, Refusal> {
        let job = self.known(job)?;
        if let Some(run) = job.open.first() {
            return Err(Refusal::Conflict {
                what: format!("run {} is {} already", run.id, run.state.as_str()),
                next: format!("tollhouse runs {}", run.id),
            });
        }
        Ok(run(&job.name, State::Queued))
    }

    fn pause(&self, job: &str, _why: &str) -> Result<(), Refusal> {
        self.known(job)?;
        self.paused.lock().unwrap().insert(job.to_owned());
        Ok(())
    }

    fn resume(&self, job: &str) -> Result<(), Refusal> {
        self.known(job)?;
        self.paused.lock().unwrap().remove(job);
        Ok(())
    }

    fn backfill(&self, job: &str, from_year: i16, to_year: i16) -> Result<Vec<Run>, Refusal> {
        let job = self.known(job)?;
        let of = |year: i16| Run { what: Some(format!("year={year}")), ..run(&job.name, State::Queued) };
        Ok((from_year..=to_year).map(of).collect())
    }

    fn cancel(&self, run: &str, _why: &str) -> Result<(), Refusal> {
        let found = self.run(run)?.run;
        if found.ended.is_some() {
            let what = format!("run {run} is over");
            return Err(Refusal::Conflict { what, next: format!("tollhouse runs {run}") });
        }
        Ok(())
    }

    fn reload(&self) -> Result<(), Refusal> {
        Ok(())
    }
}
