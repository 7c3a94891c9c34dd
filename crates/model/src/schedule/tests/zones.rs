//! Due times held against every zone, by an oracle that walks over instants and reads the clocks at each.
//!
//! It knows a few lines by matchers of its own, so that it shares neither croner nor the search with what it judges.

use std::collections::BTreeSet;

use jiff::civil::{DateTime, Weekday};
use proptest::prelude::*;

use super::*;

/// Between two looks at the clocks. All lines here fire on multiples of it, and all clocks are set on such.
const STEP: i64 = 30;
const HOUR: i64 = 60 * 60;

/// A line, and which civil times it names.
struct Known {
    line: &'static str,
    hourly: bool,
    names: fn(DateTime) -> bool,
}

const KNOWN: &[Known] = &[
    Known { line: "0 */15 * * * *", hourly: true, names: |at| at.second() == 0 && at.minute() % 15 == 0 },
    Known { line: "30 59 0-23 * * *", hourly: true, names: |at| at.second() == 30 && at.minute() == 59 },
    Known {
        line: "0 10 * * * Sun",
        hourly: true,
        names: |at| is(at, at.hour(), 10, 0) && at.weekday() == Weekday::Sunday,
    },
    Known { line: "0 30 1 * * *", hourly: false, names: |at| is(at, 1, 30, 0) },
    Known { line: "0 30 2 * * *", hourly: false, names: |at| is(at, 2, 30, 0) },
    Known { line: "0 0 0 * * *", hourly: false, names: |at| is(at, 0, 0, 0) },
    Known { line: "0 45 23 * * *", hourly: false, names: |at| is(at, 23, 45, 0) },
    Known { line: "30 10 3 * * Sun", hourly: false, names: |at| is(at, 3, 10, 30) && at.weekday() == Weekday::Sunday },
    Known { line: "0 0 */2 * * *", hourly: false, names: |at| is(at, at.hour(), 0, 0) && at.hour() % 2 == 0 },
    Known { line: "0/30 */10 0-3 * * *", hourly: false, names: |at| at.minute() % 10 == 0 && at.hour() < 4 },
    Known { line: "0 20 2 L * *", hourly: false, names: |at| is(at, 2, 20, 0) && at.day() == at.days_in_month() },
];

fn is(at: DateTime, hour: i8, minute: i8, second: i8) -> bool {
    (at.hour(), at.minute(), at.second()) == (hour, minute, second)
}

fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// When each line is due after one second and through another, as the rules say.
fn oracle(known: &[&Known], zone: &TimeZone, after: i64, through: i64) -> Vec<Vec<i64>> {
    assert_eq!((after % STEP, through % STEP), (0, 0));
    let mut due = vec![Vec::new(); known.len()];
    let mut offset = zone.to_offset(instant(after));
    let mut second = after + STEP;
    while second <= through {
        let before = std::mem::replace(&mut offset, zone.to_offset(instant(second)));
        let shown = offset.to_datetime(instant(second));
        let jump = i64::from(offset.seconds() - before.seconds());
        assert_eq!(jump % STEP, 0);
        for (known, due) in known.iter().zip(&mut due) {
            let named = (known.names)(shown);
            // Clocks that were not set would show what these skip.
            let skipped = || (0..jump / STEP).any(|at| (known.names)(before.to_datetime(instant(second + at * STEP))));
            let first = || zone.to_ambiguous_timestamp(shown).earlier().unwrap() == instant(second);
            if if known.hourly { named } else { named && first() || skipped() } {
                due.push(second);
            }
        }
        second += STEP;
    }
    due
}

/// The transitions of a zone that change its offset: when, from what and to what.
fn transitions(zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<(i64, i32, i32)> {
    let set = zone.following(from).map(|set| set.timestamp()).take_while(|set| *set < to);
    set.map(|set| {
        let second = set.as_second();
        (second, zone.to_offset(instant(second - 1)).seconds(), zone.to_offset(set).seconds())
    })
    .filter(|(_, before, after)| before != after)
    .collect()
}

#[test]
fn every_zone_keeps_the_rules_whenever_its_clocks_are_set() {
    let database = jiff::tz::TimeZoneDatabase::bundled();
    let (from, to) = ("1975-01-01T00:00:00Z".parse().unwrap(), "2036-01-01T00:00:00Z".parse().unwrap());
    let known: Vec<&Known> = KNOWN.iter().collect();
    let (mut zones, mut all, mut recent) = (0, 0, 0);
    let mut walked = BTreeSet::new();
    for name in database.available() {
        let zone = database.get(name.as_str()).unwrap();
        let schedules: Vec<Schedule> =
            KNOWN.iter().map(|known| Schedule::parse_cron(known.line, name.as_str()).unwrap()).collect();
        let sets = transitions(&zone, from, to);
        zones += 1;
        all += sets.len();
        recent += sets.iter().filter(|(second, ..)| *second >= 1_577_836_800).count();
        for (set, ..) in &sets {
            let (after, through) = (set - 26 * HOUR, set + 26 * HOUR);
            // Zones whose clocks are set alike around it differ in nothing that is looked at.
            let around: Vec<_> =
                sets.iter().filter(|(at, ..)| (after - 52 * HOUR..=through).contains(at)).copied().collect();
            if !walked.insert((*set, around)) {
                continue;
            }
            let expected = oracle(&known, &zone, after, through);
            for (schedule, expected) in schedules.iter().zip(expected) {
                let due = schedule.between(instant(after), instant(through));
                let due: Vec<i64> = due.map(|due| due.as_second()).collect();
                assert_eq!(due, expected, "{} around {}", schedule.in_words(), instant(*set));
                // Who asks first while the clocks show an hour again must be told the same.
                for asked in (set - HOUR..set + 3 * HOUR).step_by(600) {
                    let next = schedule.next_after(instant(asked)).map(|due| due.as_second());
                    let expected = expected.iter().copied().find(|due| *due > asked);
                    let next = next.filter(|due| *due <= through);
                    assert_eq!(next, expected, "{} after {}", schedule.in_words(), instant(asked));
                }
            }
        }
    }
    println!("{zones} zones, {all} transitions ({recent} since 2020), {} of them different", walked.len());
    assert!(zones > 500 && recent > 5000, "{zones} zones, {recent} transitions since 2020");
}

/// The names of all zones.
fn names() -> Vec<String> {
    jiff::tz::TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect()
}

proptest! {
    /// At any moment, half of them within hours of one at which the clocks are set.
    #[test]
    fn nothing_is_due_before_what_is_due_next(
        zone in prop::sample::select(names()),
        known in 0..KNOWN.len(),
        second in 200_000_000_i64..4_000_000_000,
        near in prop::option::of(-3 * HOUR..3 * HOUR),
        nanosecond in 0..1_000_000_000_i32,
        later in 0..3 * 24 * HOUR,
    ) {
        let known = &KNOWN[known];
        let schedule = Schedule::parse_cron(known.line, &zone).unwrap();
        let set = schedule.zone.following(instant(second)).next().map(|set| set.timestamp().as_second());
        let second = set.zip(near).map_or(second, |(set, near)| set + near);
        let after = Timestamp::new(second, nanosecond).unwrap();
        let next = schedule.next_after(after).unwrap();
        prop_assert!(next > after);
        prop_assert!(next <= schedule.next_after(instant(second + 1 + later)).unwrap());
        let start = second - second.rem_euclid(STEP) - STEP;
        let walked = &oracle(&[known], &schedule.zone, start, next.as_second())[0];
        let walked: Vec<Timestamp> = walked.iter().map(|due| instant(*due)).filter(|due| *due > after).collect();
        prop_assert_eq!(walked, vec![next]);
    }
}
