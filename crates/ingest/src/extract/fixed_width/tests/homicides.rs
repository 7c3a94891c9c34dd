//! The Supplementary Homicide Reports: incidents, victims and offenders of both layouts.

use replica::masters::{Homicide, Layout as Printed, Offender};

use super::*;

const ALL: [&str; 3] = ["fbi_homicides", "fbi_homicide_victims", "fbi_homicide_offenders"];

fn offender(person: &str, weapon: &str, circumstance: &str) -> Offender {
    Offender {
        person: person.to_owned(),
        weapon: weapon.to_owned(),
        relationship: "AQ".to_owned(),
        circumstance: circumstance.to_owned(),
        detail: String::new(),
    }
}

/// A murder with a handgun.
fn murder() -> Homicide {
    Homicide {
        state_code: "36".to_owned(),
        ori7: "OR99901".to_owned(),
        group: ("2".to_owned(), "9".to_owned()),
        year: 2015,
        population: 120_000,
        place: ("990".to_owned(), "644".to_owned(), "0".to_owned()),
        name: ("INVENTED CITY".to_owned(), "ORE".to_owned()),
        month: 2,
        action: ("0".to_owned(), "A".to_owned()),
        number: 1,
        situation: "A".to_owned(),
        victims: vec!["34MWN".to_owned()],
        offenders: vec![offender("31MWN", "12", "45")],
    }
}

fn file(incidents: &[Homicide]) -> Page {
    let records: Vec<Vec<u8>> = incidents.iter().map(|incident| incident.print(Printed::Fbi)).collect();
    page(lines(records.iter().map(Vec::as_slice)))
}

/// What the columns say of one incident.
#[track_caller]
fn check(incident: Homicide, columns: &[&str], values: &str) {
    assert_eq!(ours(ALL[0], &file(&[incident]), columns), [values]);
}

#[test]
fn what_the_publisher_counts_as_murder() {
    let of = |kind: &str, circumstance: &str| Homicide {
        action: ("0".to_owned(), kind.to_owned()),
        offenders: vec![offender("31MWN", "12", circumstance)],
        ..murder()
    };
    let columns = ["is_murder", "is_justifiable"];
    check(of("A", "45"), &columns, "true false");
    check(of("A", "99"), &columns, "true false");
    check(of("A", "80"), &columns, "false true");
    check(of("A", "81"), &columns, "false true");
    check(of("B", "51"), &columns, "false false");
    check(of("B", "80"), &columns, "false false");
}

#[test]
fn a_firearm_is_one_of_the_first_offender() {
    let with = |weapons: &[&str]| Homicide {
        offenders: weapons.iter().map(|weapon| offender("31MWN", weapon, "45")).collect(),
        ..murder()
    };
    for (weapon, firearm) in
        [("10", false), ("11", true), ("12", true), ("13", true), ("14", true), ("15", true), ("20", false)]
    {
        check(with(&[weapon]), &["firearm", "weapon_code"], &format!("{firearm} {weapon}"));
    }
    check(with(&["20", "12"]), &["firearm", "offenders"], "false 2");
    let rows = ours(ALL[2], &file(&[with(&["20", "12"])]), &["offender_number", "weapon_code", "firearm", "is_murder"]);
    assert_eq!(rows, ["1 20 false true", "2 12 true true"]);
}

/// A record with every place for a person filled.
fn crowd() -> Homicide {
    let age = |nth: usize| ["NB", "BB", "00", "99", "01", "98", "17", "18", "40", "41", "42"][nth];
    Homicide {
        situation: "E".to_owned(),
        victims: (0..11).map(|nth| format!("{}{}BU", age(nth), ["M", "F", "U"][nth % 3])).collect(),
        offenders: (0..11)
            .map(|nth| Offender {
                person: format!("{}FI ", age(10 - nth)),
                weapon: ["11", "90"][nth % 2].to_owned(),
                relationship: ["WI", "UN"][nth % 2].to_owned(),
                circumstance: ["03", "99"][nth % 2].to_owned(),
                detail: ["A", ""][nth % 2].to_owned(),
            })
            .collect(),
        ..murder()
    }
}

#[test]
fn every_person_of_a_record_is_read() {
    let page = file(&[murder(), crowd()]);
    assert_eq!(
        ours(ALL[0], &page, &["victims", "additional_victims", "offenders", "additional_offenders"]),
        ["1 0 1 0", "11 10 11 10"]
    );
    let victims = ours(ALL[1], &page, &["victim_number", "age_code", "age_years", "sex", "race", "hispanic_origin"]);
    assert_eq!(victims.len(), 12);
    assert_eq!(victims[0], "1 34 34 M W N");
    assert_eq!(victims[1..5], ["1 NB 0 M B U", "2 BB 0 F B U", "3 00 ∅ U B U", "4 99 99 M B U"]);
    assert_eq!(victims[11], "11 42 42 F B U");
    let columns = [
        "offender_number",
        "age_code",
        "hispanic_origin",
        "weapon_code",
        "relationship_code",
        "circumstance_code",
        "subcircumstance_code",
    ];
    let offenders = ours(ALL[2], &page, &columns);
    assert_eq!(offenders.len(), 12);
    assert_eq!(offenders[1..3], ["1 42 ∅ 11 WI 03 A", "2 41 ∅ 90 UN 99 ∅"]);
    assert_eq!(offenders[11], "11 NB ∅ 11 WI 03 A");
}

#[test]
fn lines_may_have_lost_the_blanks_at_their_ends() {
    let incidents = [murder(), crowd(), Homicide { number: 2, ..murder() }];
    let mut cut: Vec<u8> = incidents
        .iter()
        .flat_map(|incident| [incident.print(Printed::Fbi).trim_ascii_end(), b"\r\n"].concat())
        .collect();
    cut.push(0x1a);
    for id in ALL {
        let (whole, cut) = (read(id, &file(&incidents)).unwrap(), read(id, &page(&cut)).unwrap());
        assert!(whole.rows == cut.rows && whole.records == cut.records, "{id}");
    }
    // A record that breaks off before the last of its victims was not only trimmed.
    let broken = [&crowd().print(Printed::Fbi)[..140], b"\r\n"].concat();
    check_refused(
        &ALL[1..2],
        &page(&broken),
        Kind::NotData,
        "record 1: it counts 11 of victim_number, and ends before number 11",
    );
    check_refused(
        &ALL,
        &page([&murder().print(Printed::Fbi)[..97], b"\r\n"].concat()),
        Kind::Changed,
        "it has 97 bytes",
    );
}

#[test]
fn icpsrs_edition_says_the_same() {
    let incidents = [murder(), crowd(), Homicide { month: 12, number: 12, ..murder() }];
    let records: Vec<Vec<u8>> = incidents.iter().map(|incident| incident.print(Printed::Icpsr)).collect();
    assert!(records.iter().all(|record| record.len() == 270));
    let icpsr = page(lines(records.iter().map(Vec::as_slice)));
    let trimmed: Vec<u8> = records.iter().flat_map(|record| [record.trim_ascii_end(), b"\n"].concat()).collect();
    for id in ALL {
        let (dataset, _) = dataset(id);
        let columns: Vec<String> =
            dataset.columns().into_iter().filter(|name| !matches!(name.as_str(), "release" | "_capture")).collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let fbi = ours(id, &file(&incidents), &columns);
        assert_eq!(fbi, ours(id, &icpsr, &columns));
        assert_eq!(fbi, ours(id, &page(&trimmed), &columns));
    }
    let notes = read(ALL[0], &icpsr).unwrap();
    assert_eq!(notes.section("file"), [("layout", "ICPSR's edition of it, 270 bytes")]);
}

#[test]
fn what_may_be_the_same_incident_again_is_marked() {
    let other_number = |number: u16| Homicide { number, ..murder() };
    let incidents = [
        murder(),
        other_number(2),
        Homicide { month: 3, ..murder() },
        Homicide { ori7: "OR99902".to_owned(), ..murder() },
        Homicide { action: ("0".to_owned(), "B".to_owned()), ..murder() },
        Homicide { victims: vec!["35MWN".to_owned()], ..murder() },
        other_number(4),
        // An adjustment, of a later date, that has the number of the first.
        Homicide { action: ("1".to_owned(), "A".to_owned()), ..murder() },
    ];
    let rows = ours(ALL[0], &file(&incidents), &["incident_number", "incident_record", "possible_resubmission"]);
    let wanted = [
        "001 1 false",
        "002 1 true",
        "001 1 false",
        "001 1 false",
        "001 1 false",
        "001 2 false",
        "004 1 true",
        "001 3 true",
    ];
    assert_eq!(rows, wanted);
}

#[test]
fn what_is_another_file_is_refused_by_what_differs() {
    let record = murder().print(Printed::Fbi);
    let changed = |at: usize, text: &[u8]| {
        let mut record = record.clone();
        record[at - 1..at - 1 + text.len()].copy_from_slice(text);
        page(lines([record.as_slice()]))
    };
    check_refused(&ALL, &changed(1, b"1"), Kind::Changed, "it begins with `136OR99901");
    check_refused(&ALL, &changed(62, b"13"), Kind::Changed, "month is `13`");
    check_refused(&ALL, &changed(14, b"79"), Kind::Changed, "it is of 1979");
    let of_1976 = page(lines([&record[..251], [&record[..251], b"x"].concat().as_slice()]));
    assert!(read(ALL[0], &of_1976).is_ok(), "blanks at the end may be cut: length alone tells nothing");
    check_refused(
        &ALL,
        &page(lines([[record.as_slice(), b"   "].concat().as_slice()])),
        Kind::Changed,
        "it has 271 bytes",
    );
    let return_a = replica::masters::ReturnA { year: 2015, ..Default::default() }.print();
    check_refused(&ALL, &page(lines([return_a.as_slice()])), Kind::Changed, "it begins with `1");
}

/// The published totals of 2015, and what was counted in the file without any of this.
#[test]
fn a_captured_file_has_the_publishers_murders_of_2015() {
    let Some(page) = capture("fbi/shr/derived_FBI268_SHR2015_from_ICPSR36790.txt.gz") else { return };
    crate::content::container(&page, Expect::Packed, 225_817).unwrap();
    let rows = ours(ALL[0], &page, &["is_murder", "firearm", "victims"]);
    let sum = |begins: &str| -> i64 {
        let of = rows.iter().filter_map(|row| row.strip_prefix(begins));
        of.map(|row| row.rsplit(' ').next().unwrap().parse::<i64>().unwrap()).sum()
    };
    assert_eq!((sum("true"), sum("true true")), (13_750, 9_778));
    let victims = ours(ALL[1], &page, &["is_murder", "firearm"]);
    let count = |begins: &str| victims.iter().filter(|row| row.starts_with(begins)).count();
    assert_eq!((count("true"), count("true true")), (13_750, 9_778));
    let incidents = ours(ALL[0], &page, &["ori", "month", "homicide_type", "incident_number", "incident_record"]);
    let distinct: std::collections::BTreeSet<&String> = incidents.iter().collect();
    assert_eq!(distinct.len(), incidents.len(), "the key is unique");
}
