//! The embedded figures against control totals that were counted from the publishers' files independently of this program.

use super::*;
use crate::Edition;
use std::collections::BTreeMap;

fn rows(text: &str, separator: u8) -> Vec<Vec<String>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut csv = csv::ReaderBuilder::new().delimiter(separator).from_reader(text.as_bytes());
    csv.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn mingo_has_its_rows_and_units() {
    let text = String::from_utf8(crate::print::arcos::mingo().unwrap()).unwrap();
    let mut units: BTreeMap<&str, f64> = BTreeMap::new();
    let mut count = 0;
    let mut persons = 0;
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        assert_eq!(fields.len(), 42);
        assert_eq!(fields[22].len(), 11, "NDC");
        *units.entry(&fields[30][4..]).or_default() += fields[32].parse::<f64>().unwrap();
        count += 1;
        if !crate::is_business(fields[11]) {
            persons += 1;
            for at in [10, 12, 13, 14, 15, 16, 18] {
                assert_eq!(fields[at], "null");
            }
        }
    }
    assert_eq!((count, persons), (37_154, 59));
    let want = [
        ("2006", 4_691_980.0),
        ("2007", 7_511_830.0),
        ("2008", 9_795_100.0),
        ("2009", 7_464_630.0),
        ("2010", 3_162_950.0),
        ("2011", 2_863_950.0),
        ("2012", 2_779_190.0),
    ];
    assert_eq!(units.iter().map(|(year, units)| (*year, *units)).collect::<Vec<_>>(), want);
    assert_eq!(units.values().sum::<f64>(), 38_269_630.0);
    // The publisher's 271,661 nulls, and the seven fields of each masked row, 89 of which were null before.
    let nulls = text.split(['\t', '\n']).filter(|field| *field == "null").count();
    assert_eq!(nulls, 271_661 + 59 * 7 - 89);
}

#[test]
fn wonder_has_its_deaths() {
    let replica = replica();
    let text = get(&replica, WONDER_STATE).text();
    let rows = |text: &str| -> Vec<Vec<String>> {
        let lines = text.split("\r\n").skip(1).take_while(|line| *line != "\"---\"");
        lines.map(|line| line.split('\t').map(|field| field.trim_matches('"').to_owned()).collect()).collect()
    };
    let states = rows(&text);
    assert_eq!(states.len(), 918);
    assert_eq!(states.iter().filter(|row| row[5] == "Suppressed").count(), 16);
    let of_2015: Vec<_> = states.iter().filter(|row| row[3] == "2015").collect();
    assert_eq!(of_2015.len(), 51);
    assert_eq!(of_2015.iter().map(|row| row[5].parse::<u64>().unwrap()).sum::<u64>(), 33_091);
    let virginia = of_2015.iter().find(|row| row[1] == "West Virginia").unwrap();
    assert_eq!((virginia[5].as_str(), virginia[8].as_str()), ("629", "36.02344"));

    let years = rows(&get(&replica, WONDER_US).text());
    let total = years.last().unwrap();
    assert_eq!((years.len(), total[0].as_str(), total[3].as_str()), (19, "Total", "351630"));
    let sum: u64 = years[..18].iter().map(|row| row[3].parse::<u64>().unwrap()).sum();
    assert_eq!(sum, 351_630);
}

#[test]
fn vsrr_reads_back_alike_from_csv_and_json() {
    for (edition, columns, count) in [(Edition::V2018, 10, 8_778), (Edition::V2019, 12, 13_320)] {
        let replica = Replica::start_blocking(Options { vsrr_edition: edition, ..Options::default() }).unwrap();
        let portal = rows(&get(&replica, PORTAL).text(), b',');
        assert_eq!((portal.len(), portal[0].len()), (count, columns));
        assert_eq!(
            get(&replica, &format!("{SODA}?$select=count(*)")).json(),
            serde_json::json!([{ "count": count.to_string() }])
        );

        let view = get(&replica, VIEW).json();
        assert_eq!(view["columns"][0]["cachedContents"]["count"], count.to_string());
        let fields: Vec<&str> =
            view["columns"].as_array().unwrap().iter().map(|column| column["fieldName"].as_str().unwrap()).collect();
        assert_eq!(fields.len(), columns);

        let json = get(&replica, &format!("{SODA}?%24limit=50000&$order=:id")).json();
        let json = json.as_array().unwrap();
        assert_eq!(json.len(), count);
        for (row, object) in portal.iter().zip(json) {
            for (value, field) in row.iter().zip(&fields) {
                let plain = if field.ends_with("_value") { value.replace(',', "") } else { value.clone() };
                assert_eq!(object.get(*field).map_or("", |value| value.as_str().unwrap()), plain);
            }
        }
        let opioids = json.iter().find(|row| {
            row["state"] == "US"
                && row["year"] == "2015"
                && row["month"] == "December"
                && row["indicator"].as_str().unwrap().starts_with("Opioids")
        });
        assert_eq!(opioids.unwrap()["data_value"], "33203");
    }
}

#[test]
fn soda_pages_add_up() {
    let replica = replica();
    let mut rows = Vec::new();
    loop {
        let page = get(&replica, &format!("{SODA}?$limit=5000&$offset={}", rows.len()));
        let page = page.json();
        let page = page.as_array().unwrap();
        rows.extend(page.iter().cloned());
        if page.len() < 5000 {
            break;
        }
    }
    assert_eq!(rows.len(), 13_320);
    assert_eq!(get(&replica, SODA).json().as_array().unwrap().len(), 1000);
    let csv = super::figures::rows(&get(&replica, "/data.cdc.gov/resource/xkb8-kh2a.csv?$limit=3").text(), b',');
    assert_eq!((csv.len(), csv[0].len()), (3, 12));
}

#[test]
fn cities_have_their_murders() {
    let replica = replica();
    let portland = [Some("14"), None, Some("14")];
    for ((target, count, murders), portland) in
        [(CITIES_2013, 9_292, 10_247), (CITIES_2015, 9_395, 11_496), (CITIES_2016, 9_579, 12_601)]
            .into_iter()
            .zip(portland)
    {
        let cells = get(&replica, target).cells();
        let cities: Vec<_> = cells[4..].iter().take_while(|row| !row[1].is_empty()).collect();
        assert_eq!(cities.len(), count);
        assert_eq!(cities.iter().map(|row| row[4].parse::<u64>().unwrap()).sum::<u64>(), murders);
        let oregon = cities.iter().skip_while(|row| !row[0].starts_with("OREGON"));
        let oregon = oregon.enumerate().take_while(|(at, row)| *at == 0 || row[0].is_empty());
        let found =
            oregon.map(|(_, row)| row).find(|row| row[1].trim_end_matches(|c: char| c.is_ascii_digit()) == "Portland");
        assert_eq!(found.map(|row| row[4].as_str()), portland);
        assert!(cells[4 + count][0].starts_with("1 The figures shown"));
        assert_eq!(cells[3][11], "Larceny-\ntheft");
    }
}

#[test]
fn alabama_is_above_a_hundred() {
    let replica = replica();
    let early = rows(&get(&replica, EARLY_RATES).text(), b',');
    let alabama: Vec<f64> = early
        .iter()
        .filter(|row| row[2] == "AL" && (2006..=2016).contains(&row[0].parse::<u32>().unwrap()))
        .map(|row| row[4].parse().unwrap())
        .collect();
    assert_eq!(alabama, [115.6, 120.3, 126.1, 131.6, 134.3, 136.6, 143.8, 142.4, 135.2, 125.0, 121.0]);
    let late = rows(&get(&replica, RATES).text(), b',');
    assert_eq!(late.len(), 255);
    for year in ["2019", "2020", "2021", "2022", "2023"] {
        assert_eq!(late.iter().filter(|row| row[0] == year).count(), 51);
    }
}

#[test]
fn county_pages_have_their_counties() {
    let replica = replica();
    for (year, listed, rated, above) in
        [(2012, 3_143, 2_736, 1_093), (2015, 3_143, 2_963, 857), (2016, 3_143, 2_962, 728)]
    {
        let page = get(&replica, &format!("/www.cdc.gov/drugoverdose/rxrate-maps/county{year}.html")).text();
        let rates: Vec<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("<tr><td>")?.strip_suffix("</td></tr>")?.rsplit("<td>").next())
            .collect();
        let numbers: Vec<f64> = rates.iter().filter_map(|rate| rate.parse().ok()).collect();
        assert_eq!((rates.len(), numbers.len()), (listed, rated), "{year}");
        assert_eq!(rates.iter().filter(|rate| **rate == "–").count(), listed - rated);
        assert_eq!(numbers.iter().filter(|rate| **rate > 100.0).count(), above);
    }
}

#[test]
fn populations_sum_to_the_nation() {
    let replica = replica();
    let file = get(
        &replica,
        "/www2.census.gov/programs-surveys/popest/datasets/2010-2016/counties/totals/co-est2016-alldata.csv",
    );
    let text: String = file.body.iter().copied().map(char::from).collect();
    let rows = rows(&text, b',');
    let sum = |level: &str| -> u64 {
        rows.iter().filter(|row| row[0] == level).map(|row| row[15].parse::<u64>().unwrap()).sum()
    };
    assert_eq!((sum("040"), sum("050")), (323_127_513, 323_127_513));
    assert_eq!(rows.iter().filter(|row| row[6] == "Doña Ana County").count(), 1);
}
