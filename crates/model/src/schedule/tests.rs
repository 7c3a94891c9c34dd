//! Declarations that work and mistakes in them; due times on days of note. `zones` holds the rules against every zone.

use super::*;

mod zones;

fn read(declaration: &str) -> std::result::Result<Schedule, toml::de::Error> {
    #[derive(Deserialize)]
    struct Pipeline {
        schedule: Schedule,
    }
    toml::from_str::<Pipeline>(declaration).map(|pipeline| pipeline.schedule)
}

/// What a declaration says in words, and its first due times after a moment.
#[track_caller]
fn check(declaration: &str, words: &str, after: &str, due: &[&str]) {
    let schedule = read(declaration).unwrap();
    assert_eq!(schedule.in_words(), words);
    let after: Timestamp = after.parse().unwrap();
    let found: Vec<String> =
        schedule.between(after, Timestamp::MAX).take(due.len()).map(|due| due.to_string()).collect();
    assert_eq!(found, due);
}

/// A cron line in a zone, and all its due times after one moment and through another.
#[track_caller]
fn check_line(line: &str, zone: &str, after: &str, through: &str, due: &[&str]) {
    let schedule = Schedule::parse_cron(line, zone).unwrap();
    let (after, through) = (after.parse().unwrap(), through.parse().unwrap());
    let found: Vec<String> = schedule.between(after, through).map(|due| due.to_string()).collect();
    assert_eq!(found, due, "{line} ({zone})");
}

#[track_caller]
fn check_refused(declaration: &str, says: &[&str]) {
    let error = read(declaration).unwrap_err().to_string();
    for word in says {
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn a_string_is_a_line_in_utc_with_the_usual_policies() {
    check(
        "schedule = '0 30 15 * * Wed'",
        "0 30 15 * * Wed (UTC)",
        "2026-01-01T00:00:00Z",
        &["2026-01-07T15:30:00Z", "2026-01-14T15:30:00Z"],
    );
    let schedule = read("schedule = '0 30 15 * * Wed'").unwrap();
    assert_eq!(schedule, Schedule::parse_cron("0 30 15 * * Wed", "UTC").unwrap());
    assert_eq!((schedule.catch_up().as_str(), schedule.overlap().as_str()), ("once", "skip"));
    assert_eq!((schedule.deadline(), schedule.fresh()), (SignedDuration::from_hours(24), None));
    assert_eq!(schedule.delay("x", Timestamp::UNIX_EPOCH), SignedDuration::ZERO);
}

#[test]
fn a_table_says_the_policies_too() {
    let schedule = read(
        "[schedule]
        cron = '0 30 11 * * WED#2'
        zone = 'america/new_york'
        jitter = '10m'
        catch_up = 'all'
        overlap = 'queue'
        deadline = '6h 30m'
        fresh = '60d'",
    )
    .unwrap();
    assert_eq!(schedule.zone(), "America/New_York");
    assert_eq!((schedule.catch_up(), schedule.overlap()), (CatchUp::All, Overlap::Queue));
    assert_eq!(schedule.deadline(), SignedDuration::from_mins(390));
    assert_eq!(schedule.fresh(), Some(SignedDuration::from_hours(60 * 24)));
    assert_eq!(schedule.in_words(), "0 30 11 * * WED#2 (America/New_York)");
}

#[test]
fn several_lines_are_due_together_and_each_time_once() {
    check(
        "schedule.cron = ['0 0 6 * * *', '0 0 */6 1 * *']",
        "0 0 6 * * *; 0 0 */6 1 * * (UTC)",
        "2026-01-31T23:59:59.999Z",
        &[
            "2026-02-01T00:00:00Z",
            "2026-02-01T06:00:00Z",
            "2026-02-01T12:00:00Z",
            "2026-02-01T18:00:00Z",
            "2026-02-02T06:00:00Z",
        ],
    );
}

#[test]
fn a_calendar_is_read_in_words() {
    let check = |calendar: &str, due: &[&str]| {
        let declaration = format!("schedule = {{ calendar = '{calendar}', at = '11:30' }}");
        check(&declaration, &format!("{calendar} at 11:30 (UTC)"), "2026-01-01T00:00:00Z", due);
    };
    check("first Monday", &["2026-01-05T11:30:00Z", "2026-02-02T11:30:00Z"]);
    check("second Wednesday", &["2026-01-14T11:30:00Z", "2026-02-11T11:30:00Z", "2026-03-11T11:30:00Z"]);
    check("THIRD thu of May, Nov", &["2026-05-21T11:30:00Z", "2026-11-19T11:30:00Z", "2027-05-20T11:30:00Z"]);
    check("fourth Sunday of June", &["2026-06-28T11:30:00Z", "2027-06-27T11:30:00Z"]);
    check("last Friday", &["2026-01-30T11:30:00Z", "2026-02-27T11:30:00Z", "2026-03-27T11:30:00Z"]);
    check("last Sunday of May", &["2026-05-31T11:30:00Z", "2027-05-30T11:30:00Z"]);
    check(
        "annual, September",
        &[
            "2026-09-07T11:30:00Z",
            "2026-09-14T11:30:00Z",
            "2026-09-21T11:30:00Z",
            "2026-09-28T11:30:00Z",
            "2027-09-06T11:30:00Z",
        ],
    );
    check("annual, September 15", &["2026-09-15T11:30:00Z", "2027-09-15T11:30:00Z"]);
    check("quarterly, 15", &["2026-01-15T11:30:00Z", "2026-04-15T11:30:00Z", "2026-07-15T11:30:00Z"]);
    check("monthly, 28", &["2026-01-28T11:30:00Z", "2026-02-28T11:30:00Z"]);
    check("last day", &["2026-01-31T11:30:00Z", "2026-02-28T11:30:00Z", "2026-03-31T11:30:00Z"]);
    check("last day of February", &["2026-02-28T11:30:00Z", "2027-02-28T11:30:00Z", "2028-02-29T11:30:00Z"]);
}

#[test]
fn a_calendar_follows_the_clocks_of_its_zone() {
    check(
        "schedule = { calendar = ['second Wednesday', 'annual, July 4'], at = '11:30:15', zone = 'America/New_York' }",
        "second Wednesday; annual, July 4 at 11:30:15 (America/New_York)",
        "2026-02-01T00:00:00Z",
        &[
            "2026-02-11T16:30:15Z",
            "2026-03-11T15:30:15Z",
            "2026-04-08T15:30:15Z",
            "2026-05-13T15:30:15Z",
            "2026-06-10T15:30:15Z",
            "2026-07-04T15:30:15Z",
        ],
    );
}

#[test]
fn mistakes_are_named_with_what_to_do() {
    let check = check_refused;
    check("schedule = 5", &["invalid type: integer", "a cron line, seconds first, or a table"]);
    check("schedule = '30 15 * * Wed'", &["`30 15 * * Wed` is not a cron line", "it has 5", "such as `0 30 15"]);
    check("schedule = '0 30 15 * * Wed 2026'", &["it has 7"]);
    check("schedule = '@daily'", &["it has 1"]);
    check("schedule = ''", &["it has 0"]);
    check("schedule = '0 60 15 * * *'", &["is not a cron line", "out of bounds"]);
    check("schedule = '0 0 0 * * WED#6'", &["is not a cron line", "out of bounds"]);
    check("schedule = '0 0,, 0 * * *'", &["`0,,` has an empty item"]);
    check("schedule = '0 0 MON * * *'", &["`MON` in `MON` is no name that this field knows"]);
    check("schedule = '0 0 0 * Sept *'", &["`SEPT` in `SEPT`"]);
    check("schedule = '0 0 0 * * Wednesday'", &["`WEDNESDAY`"]);
    check("schedule = '0 0 0 * * L'", &["a lone `L` is no weekday", "`FriL`"]);
    check("schedule = '0 0 0 * * 7L'", &["the last Sunday is `SunL`"]);
    check("schedule = '0 0 0 * * ~'", &["illegal character"]);
    check("[schedule]\nzone = 'UTC'", &["neither `cron` nor `calendar`", "add one"]);
    check("schedule = { cron = '0 0 0 * * *', calendar = 'last day', at = '11:30' }", &["both", "keep one"]);
    check("schedule = { cron = '0 0 0 * * *', at = '11:30' }", &["`at` beside `cron`", "remove `at`"]);
    check("schedule = { calendar = 'last day' }", &["a `calendar` without `at`", "add the time"]);
    check("schedule.cron = []", &["empty list"]);
    check("schedule.cron = 5", &["expected a line, or a list of lines"]);
    check("schedule = { cron = '0 0 0 * * *', every = '1h' }", &["unknown field `every`", "`catch_up`"]);
}

#[test]
fn mistakes_in_a_calendar_are_named() {
    let check = |calendar: &str, says: &str| {
        let declaration = format!("schedule = {{ calendar = '{calendar}', at = '11:30' }}");
        check_refused(&declaration, &["is not a release calendar", says, "write `second Wednesday`"]);
    };
    check("", "too short");
    check("Wednesday", "too short");
    check("fifth Wednesday", "`fifth` is not `first`");
    check("second Wotan", "`wotan` is no weekday");
    check("second Wednesday of", "`of` needs a month");
    check("second Wednesday of Mai", "`mai` is no month");
    check("second Wednesday in May", "`in` stands where");
    check("annual, Sept", "`sept` is no month");
    check("annual, September 31", "day 31");
    check("annual, February 29", "not every month that is meant has a day 29");
    check("quarterly, 31", "day 31");
    check("monthly, 0", "day 0");
    check("monthly, 29", "`last day`");
    check("monthly, 15th", "`15th` is not the number of a day");
}

#[test]
fn mistakes_in_times_zones_and_policies_are_named() {
    for at in ["24:00", "11:60", "11:30:60", "11", "1:30", "11:30:00:00", "+1:30", "11.30", ""] {
        let declaration = format!("schedule = {{ calendar = 'last day', at = '{at}' }}");
        check_refused(&declaration, &[&format!("at = \"{at}\""), "no time of the day", "write `11:30`"]);
    }
    let check = |policy: &str, says: &[&str]| {
        check_refused(&format!("[schedule]\ncron = '0 0 0 * * *'\n{policy}"), says);
    };
    check("zone = 'America/Gotham'", &["the zone `America/Gotham`, which is not known", "`America/New_York`"]);
    check("zone = 'Etc/Unknown'", &["not known"]);
    check("zone = ''", &["not known"]);
    check("jitter = '-10m'", &["`jitter = \"-10m\"`, which is negative"]);
    check("jitter = '10m ago'", &["negative"]);
    check("jitter = 'ten'", &["no length of time", "`10m`"]);
    check("jitter = 10", &["invalid type: integer"]);
    check("deadline = '0s'", &["no time at all"]);
    check("deadline = '1 month'", &["no length of time"]);
    check("fresh = '0d'", &["`fresh = \"0d\"`"]);
    check("catch_up = 'twice'", &["unknown variant `twice`", "`skip`, `once`, `all`"]);
    check("overlap = 'all'", &["unknown variant `all`", "`skip` or `queue`"]);
}

#[test]
fn every_pipeline_has_a_schedule_that_comes() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../pipelines");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "toml") {
            let pipeline: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
            let schedule = Schedule::deserialize(pipeline["schedule"].clone()).unwrap();
            assert!(schedule.next_after(Timestamp::UNIX_EPOCH).is_some(), "{}", path.display());
            count += 1;
        }
    }
    assert!(count >= 60, "{count}");
}

#[test]
fn what_the_clocks_skip_is_due_when_they_jump() {
    // New York, 2026-03-08: 01:59:59 is followed by 03:00:00, which is 07:00:00 UTC.
    let check = |line, due: &[&str]| {
        check_line(line, "America/New_York", "2026-03-08T05:00:00Z", "2026-03-08T09:00:00Z", due);
    };
    check("0 30 2 * * *", &["2026-03-08T07:00:00Z"]);
    check("0 */20 2 * * *", &["2026-03-08T07:00:00Z"]);
    check("0 0 2,3 * * *", &["2026-03-08T07:00:00Z"]);
    check("0 0 */2 * * *", &["2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z"]);
    check(
        "0 30 * * * *",
        &["2026-03-08T05:30:00Z", "2026-03-08T06:30:00Z", "2026-03-08T07:30:00Z", "2026-03-08T08:30:00Z"],
    );
    // A line of the local Saturday is not due because the clocks jump on Sunday.
    check("0 30 2 * * Sat", &[]);
    check("0 30 2 * * Sun", &["2026-03-08T07:00:00Z"]);
}

#[test]
fn what_the_clocks_show_twice_is_due_the_first_time_only() {
    // New York, 2026-11-01: 01:59:59 (05:59:59 UTC) is followed by 01:00:00.
    let check = |line: &str, due: &[&str]| {
        check_line(line, "America/New_York", "2026-11-01T04:30:00Z", "2026-11-01T07:30:00Z", due);
    };
    check("0 30 1 * * *", &["2026-11-01T05:30:00Z"]);
    check("0 0 1,2 * * *", &["2026-11-01T05:00:00Z", "2026-11-01T07:00:00Z"]);
    check("0 0 */2 * * *", &["2026-11-01T07:00:00Z"]);
    for hours in ["*", "*/1", "0-23", "0/1"] {
        let due = ["2026-11-01T05:15:00Z", "2026-11-01T06:15:00Z", "2026-11-01T07:15:00Z"];
        check(&format!("0 15 {hours} * * *"), &due);
    }
    // Whoever asks when the clocks show a quarter past one again is not told that half past one is to come.
    let schedule = Schedule::parse_cron("0 30 1 * * *", "America/New_York").unwrap();
    let again = "2026-11-01T06:15:00Z".parse().unwrap();
    assert_eq!(schedule.next_after(again).unwrap().to_string(), "2026-11-02T06:30:00Z");
}

#[test]
fn clocks_that_are_set_by_half_an_hour_or_a_day() {
    // Lord Howe, 2026-10-04: 02:00 becomes 02:30, at 15:30 UTC of the day before.
    let check = |line, after, through, due: &[&str]| check_line(line, "Australia/Lord_Howe", after, through, due);
    let (after, through) = ("2026-10-03T14:30:00Z", "2026-10-03T16:30:00Z");
    check("0 15 2 * * *", after, through, &["2026-10-03T15:30:00Z"]);
    check("0 15 * * * *", after, through, &["2026-10-03T14:45:00Z", "2026-10-03T16:15:00Z"]);
    // 2026-04-05: 02:00 becomes 01:30, at 15:00 UTC of the day before.
    let (after, through) = ("2026-04-04T14:00:00Z", "2026-04-04T16:00:00Z");
    check("0 45 1 * * *", after, through, &["2026-04-04T14:45:00Z"]);
    check("0 45 * * * *", after, through, &["2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z"]);
    // Apia had no 2011-12-30: the whole day was over in a moment.
    let (after, through) = ("2011-12-29T12:00:00Z", "2011-12-31T12:00:00Z");
    let due = ["2011-12-29T16:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T16:00:00Z"];
    check_line("0 0 6 * * *", "Pacific/Apia", after, through, &due);
}

#[test]
fn leap_days_and_the_ends_of_months_and_years() {
    let check =
        |line, after, due: &[&str]| check(&format!("schedule = '{line}'"), &format!("{line} (UTC)"), after, due);
    check("0 0 12 29 2 *", "2026-01-01T00:00:00Z", &["2028-02-29T12:00:00Z", "2032-02-29T12:00:00Z"]);
    check("0 0 12 29 2 *", "2096-03-01T00:00:00Z", &["2104-02-29T12:00:00Z"]);
    check("0 0 * 29 2 *", "2028-02-29T22:30:00Z", &["2028-02-29T23:00:00Z", "2032-02-29T00:00:00Z"]);
    check("59 59 23 31 12 *", "2026-12-31T23:59:58.5Z", &["2026-12-31T23:59:59Z", "2027-12-31T23:59:59Z"]);
    check("0 0 0 1 1 *", "2026-12-31T23:59:59Z", &["2027-01-01T00:00:00Z"]);
    check("0 0 0 31 * *", "2026-03-31T00:00:00Z", &["2026-05-31T00:00:00Z", "2026-07-31T00:00:00Z"]);
    check("0 0 0 L 2 *", "2027-03-01T00:00:00Z", &["2028-02-29T00:00:00Z", "2029-02-28T00:00:00Z"]);
    check("* * * * * *", "2026-12-31T23:59:58Z", &["2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"]);
    check("* * * * * *", "1969-12-31T23:59:57.5Z", &["1969-12-31T23:59:58Z", "1969-12-31T23:59:59Z"]);
}

#[test]
fn days_and_weekdays_are_either_or_both() {
    let check = |line, due: &[&str]| {
        check_line(line, "UTC", "2026-01-31T00:00:00Z", "2026-02-15T00:00:00Z", due);
    };
    check("0 0 12 13 * Mon", &["2026-02-02T12:00:00Z", "2026-02-09T12:00:00Z", "2026-02-13T12:00:00Z"]);
    check("0 0 12 13 * +Fri", &["2026-02-13T12:00:00Z"]);
    check("0 0 12 ? * SUNL", &[]);
    check("0 0 12 ? * Fri-Sun#2", &["2026-02-08T12:00:00Z", "2026-02-13T12:00:00Z", "2026-02-14T12:00:00Z"]);
    check("0 0 12 1W * *", &["2026-02-02T12:00:00Z"]);
}

#[test]
fn a_date_that_never_comes_is_never_due() {
    for line in ["0 0 12 30 2 *", "0 0 * 31 4,6,9,11 *", "0 0 0 31 2 *"] {
        let schedule = Schedule::parse_cron(line, "Europe/Berlin").unwrap();
        for after in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            assert_eq!(schedule.next_after(after), None);
        }
    }
}

#[test]
fn the_ends_of_time_are_no_trouble() {
    for line in ["0 30 1 * * *", "0 30 * * * *", "* * * * * *", "0 0 0 29 2 *"] {
        for zone in ["UTC", "America/New_York", "Pacific/Kiritimati", "Asia/Tehran"] {
            let schedule = Schedule::parse_cron(line, zone).unwrap();
            assert!(schedule.next_after(Timestamp::MIN).is_some());
            assert_eq!(schedule.next_after(Timestamp::MAX), None);
        }
    }
}

#[test]
fn a_line_of_every_second_follows_elapsed_time() {
    let schedule = Schedule::parse_cron("* * * * * *", "America/New_York").unwrap();
    let count = |from: &str, to: &str| schedule.between(from.parse().unwrap(), to.parse().unwrap()).count();
    assert_eq!(count("2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"), 23 * 3600);
    assert_eq!(count("2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"), 25 * 3600);
}

#[test]
fn jitter_is_the_same_for_every_daemon_and_spread_over_jobs() {
    let schedule = read("schedule = { cron = '0 0 12 * * *', jitter = '10m' }").unwrap();
    let again = read("schedule = { cron = '0 0 12 * * *', jitter = '600s' }").unwrap();
    let due: Vec<Timestamp> = schedule.between(Timestamp::UNIX_EPOCH, Timestamp::MAX).take(20).collect();
    let mut tenths = [0; 10];
    for job in 0..200 {
        for due in &due {
            let delay = schedule.delay(&format!("job_{job}"), *due);
            assert_eq!(delay, again.delay(&format!("job_{job}"), *due));
            assert!(SignedDuration::ZERO <= delay && delay < SignedDuration::from_mins(10), "{delay:?}");
            tenths[usize::try_from(delay.as_secs() / 60).unwrap()] += 1;
        }
    }
    assert!(tenths.iter().all(|count| (300..500).contains(count)), "{tenths:?}");
    // What one version of the program came to, the next must come to as well.
    assert_eq!(schedule.delay("job_1", due[0]), SignedDuration::from_millis(530_231));
}
