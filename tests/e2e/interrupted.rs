//! A run that is killed at any moment leaves only what the next run needs not mind.
//!
//! TOLLHOUSE_KILLS says how many times (6 without). Moments come from a seed, so that a failure can be tried again.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::{command, files, succeed};

/// Moments spread over a run of so many microseconds: a linear congruential walk (Knuth, MMIX).
fn moments(count: u32, whole: Duration) -> impl Iterator<Item = Duration> {
    let whole = u64::try_from(whole.as_micros()).unwrap();
    (0..count).scan(0x7011_0057_u64, move |state, _| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some(Duration::from_micros((*state >> 33) % whole.max(1)))
    })
}

fn content(root: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    files(&root.join("tables"))
}

/// Datasets of every kind of partition and of several extractors, with a model over two of them: what a run does, at a
/// tenth of the time of all datasets.
const FEW: &[&str] = &[
    "run",
    "--replica",
    "arcos_transactions",
    "cdc_opioid_deaths_state",
    "cdc_opioid_dispensing_state",
    "fbi_city_offenses",
];

/// Starts a run at each of these moments anew, kills it, and runs `again` to the end.
#[expect(clippy::disallowed_methods, reason = "how long a run takes decides when it can be killed")]
fn killed_at(kills: u32, first: &[&str], again: &[&str]) {
    let undisturbed = tempfile::tempdir().unwrap();
    let begun = std::time::Instant::now();
    succeed(undisturbed.path(), first);
    let whole = begun.elapsed();
    let wanted = content(undisturbed.path());

    for moment in moments(kills, whole) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let mut run = command(root, first).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(moment);
        // A run that ended before its moment came is a moment after the end.
        let _ended = run.kill();
        run.wait().unwrap();

        succeed(root, again);
        succeed(root, &["snapshot", "verify"]);
        assert!(content(root) == wanted, "{first:?} killed after {moment:?}: other content");
        let rows = "select count(*) from arcos_transactions";
        assert!(succeed(root, &["sql", "--format", "csv", rows]).contains("37154"), "killed after {moment:?}");
    }
}

/// One of twenty-five kills meets a run of everything, the others a run of a few datasets.
#[test]
fn killed_at_any_moment_the_next_run_makes_the_same_warehouse() {
    let kills: u32 = std::env::var("TOLLHOUSE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(6);
    let everything = kills.div_ceil(25);
    killed_at(everything, &["demo"], &["run", "--all", "--replica"]);
    killed_at(kills - everything, FEW, FEW);
}
