//! The simulation: writers, readers, a collector and somebody who pins, on a disk that loses and tears, in an order that a
//! seed decides. The protocol that runs is the real one, from `Warehouse` down to the calls of [`crate::file::Disk`].
//!
//! [`world`] is the machine: its disk, its locks and whose turn it is; [`weather`], what goes wrong. [`scene`] is who acts on it;
//! [`promised`], what must hold however it went. In [`every_call`] nothing is left to chance: small scenes are struck at each of
//! their calls.
//!
//! A schedule is made of calls: between two of them nobody else acts. That is enough, because processes share nothing but
//! the disk. A library that finds races between threads in memory would see nothing that is not seen here, and knows no
//! crash. What goes around the disk here: a download is written to `tmp/` by the library for temporary files, under a name
//! that nobody else knows, and is simulated as a staged file, from where `adopt` takes it like any other.

mod every_call;
mod promised;
mod scene;
mod weather;
mod world;

use scene::play;
use weather::Flaw;

/// How many seeds to try: `TOLLHOUSE_SEEDS`, and from which on: `TOLLHOUSE_SEED`.
fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let first = number("TOLLHOUSE_SEED");
    let count = number("TOLLHOUSE_SEEDS").unwrap_or(if first.is_some() { 1 } else { 200 });
    first.unwrap_or(0)..first.unwrap_or(0) + count
}

#[test]
fn nothing_is_lost_or_torn_or_blocked_whatever_happens() {
    let mut all = scene::Seen::default();
    for seed in seeds() {
        match play(seed, Flaw::None) {
            Ok(seen) => all.add(&seen),
            Err(why) => panic!("seed {seed}: {why}\nagain: TOLLHOUSE_SEED={seed} cargo test --release -p store sim::"),
        }
    }
    println!("{all:?}");
    // It must have come to what it is there for.
    if seeds().count() >= 200 {
        let troubles = all.troubles;
        assert!(all.commits > 200 && all.reads > 200 && all.pins > 20 && all.removed > 50, "{all:?}");
        assert!(all.lost_races > 10 && all.erasures > 10 && all.repairs > 20, "{all:?}");
        assert!(troubles.crashes > 50 && troubles.kills > 50 && troubles.failures > 200, "{all:?}");
        assert!(troubles.fillings > 50 && troubles.refused > 200, "{all:?}");
    }
}

#[test]
fn a_seed_tells_everything() {
    for seed in 0..5 {
        assert_eq!(play(seed, Flaw::None), play(seed, Flaw::None), "seed {seed}");
    }
}

/// Wants the simulation to see a flaw; how many seeds it takes is printed.
#[track_caller]
fn check_caught(flaw: Flaw) {
    let caught = (0..2000).find_map(|seed| play(seed, flaw).err().map(|why| (seed, why)));
    let (seed, why) = caught.unwrap_or_else(|| panic!("{flaw:?} was not caught"));
    println!("{flaw:?}: seed {seed}: {}", why.lines().next().unwrap_or_default());
}

#[test]
fn bytes_that_are_not_synced_are_caught() {
    check_caught(Flaw::NoSync);
}

#[test]
fn folders_that_are_not_synced_are_caught() {
    check_caught(Flaw::NoFolderSync);
}

#[test]
fn building_on_what_a_rival_has_not_synced_yet_is_caught() {
    check_caught(Flaw::Trusting);
}

#[test]
fn removing_what_was_before_a_head_that_a_crash_can_take_is_caught() {
    check_caught(Flaw::Unsettled);
}

#[test]
fn a_commit_that_ignores_its_rival_is_caught() {
    check_caught(Flaw::Blind);
}

#[test]
fn a_collector_that_ignores_holds_is_caught() {
    check_caught(Flaw::NoHolds);
}

#[test]
fn a_collector_that_tells_only_afterwards_is_caught() {
    check_caught(Flaw::TellsLate);
}
