//! Agencies and incidents for the FBI's master files. All are invented: no file of the layout was captured that may be
//! passed on.

use super::Failure;
use super::out::{Folder, Source};
use std::path::Path;

pub fn make(_captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    let mut source = Source {
        publisher: "Federal Bureau of Investigation, Uniform Crime Reporting Program",
        title: "Return A and Supplementary Homicide Reports, master files",
        grade: "invented",
        credit: "hand-made, no capture",
        licence: "public domain (U.S. Government work)",
        kept: "nothing: every agency, every count and every incident is made up",
        masked: "nothing: no persons",
        left_out: "everything: only the layout is the publisher's, from its record descriptions",
        ours: "hand-made, no capture: no agency has an identifier that ends in 999 and two digits",
        ..Source::default()
    };
    let mut folder = Folder::new(tables, "fbi_masters")?;
    let (mut agencies, mut cards) = (Vec::new(), Vec::new());
    for year in [2016, 2018] {
        return_a(year, &mut agencies, &mut cards);
    }
    folder.csv(&mut source, "agencies", AGENCIES, agencies)?;
    let counts: Vec<String> = (1..=28).map(|nth| format!("field_{nth}")).collect();
    let header: Vec<&str> = CARDS.iter().copied().chain(counts.iter().map(String::as_str)).collect();
    folder.csv(&mut source, "cards", &header, cards)?;
    let (incidents, offenders) = homicides();
    folder.csv(&mut source, "incidents", INCIDENTS, incidents)?;
    folder.csv(&mut source, "offenders", OFFENDERS, offenders)?;
    Ok(vec![folder.finish(&source)?])
}

const AGENCIES: &[&str] = &[
    "year",
    "state_code",
    "ori7",
    "group",
    "division",
    "covered_by",
    "covered_by_group",
    "highest_month",
    "agency_count",
    "name",
    "state",
    "population_1",
    "county_1",
    "msa_1",
    "population_2",
    "county_2",
    "msa_2",
    "population_3",
    "county_3",
    "msa_3",
    "record",
];

const CARDS: &[&str] =
    &["year", "ori7", "record", "month", "included_in", "updated", "types", "forms", "officers_assaulted", "card"];

/// How an agency reports.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Every month, with the breakdown.
    Monthly,
    /// Each quarter in its last month.
    Quarterly,
    /// Until a month.
    Until(usize),
    /// Every month, totals only.
    Totals,
    /// Never.
    Never,
}

/// An agency of the invention: identifier, group, covered by, whether it counts as one, name, populations, manner, and
/// murders by month.
type Agency = (&'static str, &'static str, &'static str, bool, &'static str, [Option<u32>; 2], Manner, [i64; 12]);

const INVENTED: [Agency; 7] = [
    (
        "OR99901",
        "2 ",
        "",
        true,
        "INVENTED CITY",
        [Some(120_000), None],
        Manner::Monthly,
        [1, 0, 2, 0, 1, 0, -1, 3, 0, 1, 0, 2],
    ),
    (
        "OR99902",
        "9A",
        "",
        true,
        "INVENTED COUNTY",
        [Some(40_000), Some(2_500)],
        Manner::Quarterly,
        [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2],
    ),
    (
        "OR99903",
        "6 ",
        "",
        true,
        "INVENTED TOWN",
        [Some(8_000), None],
        Manner::Until(5),
        [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ),
    ("OR99904", "2 ", "OR99901", true, "INVENTED CAMPUS", [Some(0), None], Manner::Never, [0; 12]),
    (
        "VT99901",
        "7 ",
        "",
        true,
        "INVENTED VILLAGE",
        [Some(2_000), None],
        Manner::Totals,
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0],
    ),
    ("VT99902", "8C", "", false, "INVENTED STATE POLICE", [None, None], Manner::Never, [0; 12]),
    // Editions are known to repeat an agency.
    (
        "VT99901",
        "7 ",
        "",
        true,
        "INVENTED VILLAGE",
        [Some(2_000), None],
        Manner::Totals,
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0],
    ),
];

fn return_a(year: u16, agencies: &mut Vec<Vec<String>>, cards: &mut Vec<Vec<String>>) {
    // The repetition is in the file of 2018 alone.
    for (nth, agency) in INVENTED.iter().enumerate().take(if year == 2018 { 7 } else { 6 }) {
        let (ori7, group, covered_by, counts, name, populations, manner, murders) = agency;
        let record = if nth == 6 { "2" } else { "1" };
        let (state_code, division, state) = if ori7.starts_with("OR") { ("36", "9", "ORE") } else { ("44", "1", "VT") };
        let highest = match manner {
            Manner::Never => 0,
            Manner::Until(month) => *month,
            _ => 12,
        };
        let people = |nth: usize| populations[nth].map_or_else(String::new, |people: u32| people.to_string());
        let county = |nth: usize| if populations[nth].is_some() { format!("99{nth}") } else { String::new() };
        let row = [
            year.to_string(),
            state_code.to_owned(),
            (*ori7).to_owned(),
            (*group).to_owned(),
            division.to_owned(),
            (*covered_by).to_owned(),
            if covered_by.is_empty() { "" } else { "2" }.to_owned(),
            highest.to_string(),
            u8::from(*counts).to_string(),
            (*name).to_owned(),
            state.to_owned(),
            people(0),
            county(0),
            "   ".to_owned(),
            people(1),
            county(1),
            "   ".to_owned(),
        ];
        agencies.push(row.into_iter().chain(["", "", "", record].map(str::to_owned)).collect());
        for month in 1..=12 {
            let received = match manner {
                Manner::Monthly | Manner::Totals => true,
                Manner::Quarterly => month % 3 == 0,
                Manner::Until(last) => month <= *last,
                Manner::Never => false,
            };
            let included = if *manner == Manner::Quarterly && !received { month.div_ceil(3) * 3 } else { 0 };
            // Since 2018 the flags of the type tell, and before it those of the form.
            let types = if received { "55555" } else { "00000" };
            let forms = match (received && year < 2018, manner) {
                (false, _) => "    ",
                (true, Manner::Totals) => "TTTT",
                (true, _) => "PPPP",
            };
            for card in 0..4 {
                let mut row: Vec<String> = vec![
                    year.to_string(),
                    (*ori7).to_owned(),
                    record.to_owned(),
                    month.to_string(),
                    format!("{included:02}"),
                    format!("{month:02}15{:02}", year % 100),
                    types.to_owned(),
                    forms.to_owned(),
                    if received { month % 2 } else { 0 }.to_string(),
                    card.to_string(),
                ];
                let counts = if received { count(card, murders[month - 1], month as i64, *manner) } else { [0; 28] };
                row.extend(counts.map(|count| count.to_string()));
                cards.push(row);
            }
        }
    }
}

/// The 28 numbers of a card.
fn count(card: usize, murders: i64, month: i64, manner: Manner) -> [i64; 28] {
    let mut fields = [0; 28];
    let size = if manner == Manner::Monthly { 10 } else { 1 };
    let murders = match (card, murders) {
        (0, _) | (3, _) => 0,
        (2, murders) => murders / 2,
        (_, murders) => murders,
    };
    let part = [0, 4, 2, 1][card];
    let (rape, robbery, gun) = (part * size / 4, part * size / 2, part * size / 4);
    let (assault, simple) = (part * (size + month), part * month / 2);
    let (burglary, forced) = (part * size, part * size / 2);
    let (larceny, vehicles) = (part * (size * 3 + month), part * size / 2);
    fields[0] = murders;
    for (nth, value) in [
        (2, rape),
        (3, rape),
        (5, robbery),
        (6, gun),
        (9, robbery - gun),
        (10, assault),
        (14, assault - simple),
        (15, simple),
        (16, burglary),
        (17, forced),
        (18, burglary - forced),
        (20, larceny),
        (21, vehicles),
        (22, vehicles),
    ] {
        fields[nth] = value;
    }
    fields[25] = murders + rape + robbery + assault + burglary + larceny + vehicles;
    if manner == Manner::Totals {
        for nth in [3, 6, 9, 14, 15, 17, 18, 22] {
            fields[nth] = 0;
        }
    }
    fields
}

const INCIDENTS: &[&str] = &[
    "year",
    "id",
    "state_code",
    "ori7",
    "group",
    "division",
    "population",
    "county",
    "msa",
    "name",
    "state",
    "month",
    "type",
    "number",
    "situation",
    "victims",
];

const OFFENDERS: &[&str] = &["id", "person", "weapon", "relationship", "circumstance", "detail"];

/// An incident of the invention: month, type, number, situation, victims, offenders as person, weapon, relationship,
/// circumstance and detail in one text.
type Incident = (u8, &'static str, u16, &'static str, &'static str, &'static [&'static str]);

/// The last two are of another agency. The eleventh repeats the tenth under another number; the thirteenth has the number
/// of the twelfth.
const INVENTED_INCIDENTS: [Incident; 15] = [
    (1, "A", 1, "A", "34MWN", &["31MWN 12 AQ 45 "]),
    (1, "A", 2, "B", "22MBU", &["00UUU 11 UN 99 "]),
    (1, "B", 1, "A", "05FWN", &["40MWN 14 SO 51 "]),
    (2, "A", 1, "D", "45FWH/12FWH/NBMWH", &["47MWH 13 WI 44 "]),
    (3, "A", 1, "A", "29MBN", &["35MWN 12 ST 81 A"]),
    (4, "A", 1, "A", "25MWN", &["50MWN 14 ST 80 C"]),
    (5, "A", 1, "C", "60MIN", &["19MIN 20 ST 03 ", "20MIN 40 ST 03 "]),
    (6, "A", 1, "A", "BBFAU", &["24FAU 40 DA 42 "]),
    (7, "A", 1, "F", "17MBN/18MBN", &["00UUU 15 UN 47 "]),
    (8, "A", 1, "A", "33MWN", &["28MWN 12 AQ 45 "]),
    (8, "A", 2, "A", "33MWN", &["28MWN 12 AQ 45 "]),
    (9, "A", 1, "A", "99FWN", &["70MWN 90 HU 60 "]),
    (9, "A", 1, "A", "21MPN", &["22MPN 50 FR 70 "]),
    (
        10,
        "A",
        1,
        "E",
        "30MWN/31MWN/32MWN/33FWN/34MWN/35MWN/36MWN/37MWN/38FWN/39MWN/40MWN",
        &["25MWN 11 ST 99 ", "26MWN 14 ST 99 "],
    ),
    (12, "A", 1, "B", "00UUU", &["00UUU 90 UN 99 "]),
];

fn homicides() -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let (mut incidents, mut offenders) = (Vec::new(), Vec::new());
    for (nth, (month, kind, number, situation, victims, who)) in INVENTED_INCIDENTS.iter().enumerate() {
        let agency = if nth < 13 {
            ["36", "OR99901", "2 ", "9", "120000", "990", "   ", "INVENTED CITY", "ORE"]
        } else {
            ["44", "VT99901", "7 ", "1", "2000", "990", "   ", "INVENTED VILLAGE", "VT"]
        };
        let id = (nth + 1).to_string();
        let first = ["2015".to_owned(), id.clone()].into_iter().chain(agency.map(str::to_owned));
        let last =
            [month.to_string(), (*kind).to_owned(), number.to_string(), (*situation).to_owned(), (*victims).to_owned()];
        incidents.push(first.chain(last).collect());
        for offender in *who {
            offenders.push([id.as_str()].into_iter().chain(offender.split(' ')).map(str::to_owned).collect());
        }
    }
    (incidents, offenders)
}
