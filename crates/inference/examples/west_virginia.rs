//! Compares West Virginia's pharmacies, from the publisher's files in a folder that `ARCOS_FILES` names: `wv_pharmacy_totals_state`
//! (2006–2012), the two lists of pharmacies, addresses in Mingo County, and populations. `COUNTY_ADJACENCY` names the table of
//! `warehouse/reference/geo_county_adjacency.csv`.
//!
//! It prints pharmacies alone: buyers who are on neither list may be persons.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::File;
use std::path::PathBuf;

use inference::outliers::{Settings, Unit, compare};
use inference::registration::{Registration, merge};

type Row = BTreeMap<String, String>;

fn rows(file: &str, separator: u8) -> Result<Vec<Row>, Box<dyn Error>> {
    let path = PathBuf::from(std::env::var("ARCOS_FILES")?).join(file);
    let opened = File::open(&path)?;
    let text: Box<dyn std::io::Read> =
        if file.ends_with(".gz") { Box::new(flate2::read::GzDecoder::new(opened)) } else { Box::new(opened) };
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).from_reader(text);
    let header = reader.headers()?.clone();
    let row =
        |record: csv::StringRecord| header.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect();
    reader.records().map(|record| Ok(row(record?))).collect()
}

fn get<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).map_or("", String::as_str)
}

fn main() -> Result<(), Box<dyn Error>> {
    let totals = rows("wv_pharmacy_totals_state.decoded.tsv.gz", b'\t')?;
    let mut points = BTreeMap::new();
    for row in rows("pharmacies_latlon12.csv", b',')? {
        points.insert(get(&row, "BUYER_DEA_NO").to_owned(), format!("{},{}", get(&row, "lat"), get(&row, "lon")));
    }
    let later: BTreeSet<String> =
        rows("pharmacies_counties14.csv", b',')?.iter().map(|row| get(row, "BUYER_DEA_NO").to_owned()).collect();
    let other: BTreeSet<String> =
        rows("not_pharms.csv", b',')?.iter().map(|row| get(row, "BUYER_DEA_NO").to_owned()).collect();
    let addresses: BTreeMap<String, Row> = rows("mingo_buyer_addresses.csv", b',')?
        .into_iter()
        .map(|row| (get(&row, "buyer_dea_no").to_owned(), row))
        .collect();
    let mut people: BTreeMap<String, f64> = BTreeMap::new();
    let mut fips = BTreeMap::new();
    for row in rows("pop_counties_20062012.csv", b',')? {
        // Person-years of 2006-2012 become residents; a county without a count has none.
        let Ok(population) = get(&row, "population").parse::<f64>() else { continue };
        *people.entry(get(&row, "countyfips").to_owned()).or_default() += population / 7.0;
        if get(&row, "BUYER_STATE") == "WV" {
            fips.insert(get(&row, "BUYER_COUNTY").to_owned(), get(&row, "countyfips").to_owned());
        }
    }
    let is_pharmacy = |row: &&Row| {
        let number = get(row, "buyer_dea_no");
        (points.contains_key(number) || later.contains(number)) && !other.contains(number)
    };
    let pharmacies: Vec<&Row> = totals.iter().filter(is_pharmacy).collect();
    let registrations: Vec<Registration> = pharmacies
        .iter()
        .map(|row| {
            let number = get(row, "buyer_dea_no");
            let known = addresses.get(number);
            let line = |column: &str| known.map_or("", |row| get(row, column)).to_owned();
            Registration {
                name: get(row, "buyer_name").to_owned(),
                addresses: vec![line("buyer_address1"), line("buyer_address2"), line("buyer_addl_co_info")],
                town: get(row, "buyer_city").to_owned(),
                point: points.get(number).cloned(),
            }
        })
        .collect();
    let merged = merge(&registrations);
    // No file of the state tells chains from independents: five registrations of one first word and more are taken for a chain.
    let word = |row: &Row| get(row, "buyer_name").split([' ', ',']).next().unwrap_or_default().replace('-', "");
    let mut words: BTreeMap<String, u32> = BTreeMap::new();
    pharmacies.iter().for_each(|row| *words.entry(word(row)).or_default() += 1);
    let chains: Vec<&String> = words
        .iter()
        .filter(|(word, count)| {
            **count >= 5 && !["THE", "MEDICAL", "MEDICINE", "CITY", "FAMILY"].contains(&word.as_str())
        })
        .map(|(word, _)| word)
        .collect();
    println!("chains, by the first word of five registrations or more: {chains:?}");

    struct Pharmacy<'a> {
        rows: Vec<&'a Row>,
        units: f64,
        shipments: f64,
    }
    let mut shops: Vec<Pharmacy<'_>> = Vec::new();
    for (row, number) in pharmacies.iter().zip(&merged) {
        if *number == shops.len() {
            shops.push(Pharmacy { rows: Vec::new(), units: 0.0, shipments: 0.0 });
        }
        let shop = &mut shops[*number];
        shop.rows.push(row);
        shop.units += get(row, "total_dosage_unit").parse::<f64>()?;
        shop.shipments += get(row, "total_records").parse::<f64>()?;
    }
    println!("{} buyers, {} registrations of pharmacies, {} pharmacies", totals.len(), pharmacies.len(), shops.len());
    let county = |shop: &Pharmacy<'_>| get(shop.rows[0], "buyer_county").to_owned();
    let mut per_county: BTreeMap<String, f64> = BTreeMap::new();
    shops.iter().for_each(|shop| *per_county.entry(county(shop)).or_default() += 1.0);

    // Residents of the county, or of it and its neighbours in any state, for each pharmacy of West Virginia there: across the
    // border pharmacies are not in the file, so that the people there are counted at the state's mean of pharmacies.
    let mut neighbours: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if let Ok(path) = std::env::var("COUNTY_ADJACENCY") {
        let mut reader = csv::Reader::from_path(path)?;
        for record in reader.deserialize::<(String, String, f64, f64, String)>() {
            let (county, _, _, _, near) = record?;
            neighbours.insert(county, near.split(' ').map(str::to_owned).collect());
        }
    }
    let of_state: f64 = fips.values().filter_map(|fips| people.get(fips)).sum();
    let usual = of_state / shops.len() as f64;
    let by_fips: BTreeMap<&String, f64> =
        fips.iter().map(|(name, fips)| (fips, per_county.get(name).copied().unwrap_or(0.0))).collect();
    let residents = |name: &str, around: bool| {
        let Some(own) = fips.get(name) else { return 0.0 };
        let mut places = vec![own.clone()];
        if around {
            places.extend(neighbours.get(own).cloned().unwrap_or_default());
        }
        let of = |place: &String| people.get(place).copied().unwrap_or(0.0);
        let all: f64 = places.iter().map(of).sum();
        let shops: f64 =
            places.iter().map(|place| by_fips.get(place).copied().unwrap_or_else(|| of(place) / usual)).sum();
        all / shops
    };
    let units = |around: bool| -> Vec<Unit> {
        shops
            .iter()
            .map(|shop| {
                let name = county(shop);
                let people = people.get(fips.get(&name).map_or("", String::as_str)).copied().unwrap_or(0.0);
                let per_shop = residents(&name, around);
                Unit {
                    kind: u32::from(shop.rows.iter().any(|row| chains.contains(&&word(row)))),
                    place: if people < 25_000.0 {
                        0
                    } else if people < 60_000.0 {
                        1
                    } else {
                        2
                    },
                    size: per_shop,
                    residents: per_shop,
                    shipped: shop.units,
                    shipments: shop.shipments,
                }
            })
            .collect()
    };
    let own = compare(&units(false), &Settings::default())?;
    let around = compare(&units(true), &Settings::default())?;
    for (name, found) in [("residents of the county", &own), ("of it and its neighbours", &around)] {
        let out = found.units.iter().filter(|unit| unit.stands_out).count();
        let low = found.units.iter().filter(|unit| unit.q <= 0.05).count();
        println!(
            "{name}: null {:.2} -{:.2} +{:.2} (share {:.2}), α {:.2}, τ {:.2}, {} set aside, {low} with q ≤ 0.05, {out} stand out",
            found.null.mode,
            found.null.below,
            found.null.above,
            found.null.share,
            found.shape,
            found.spread,
            found.set_aside
        );
    }
    let mut order: Vec<usize> = (0..shops.len()).collect();
    order.sort_by(|a, b| own.units[*a].rank.total_cmp(&own.units[*b].rank));
    let raw = {
        let mut raw: Vec<usize> = (0..shops.len()).collect();
        raw.sort_by(|a, b| shops[*b].units.total_cmp(&shops[*a].units));
        raw
    };
    for (place, i) in order.iter().enumerate() {
        let (shop, seen, second) = (&shops[*i], &own.units[*i], &around.units[*i]);
        let mingo = county(shop) == "MINGO";
        if place >= 30 && !mingo && !seen.stands_out {
            continue;
        }
        println!(
            "{:>3} {:<34} {:<12} {:<11} {} units {:>10} expected {:>9.0} ratio {:>5.1} ({:.1}-{:.1}) P {:.3} q {:.4} rank {}-{} {}| around: ratio {:.1} q {:.4} {}| by units {}",
            place + 1,
            shop.rows
                .iter()
                .map(|row| get(row, "buyer_name"))
                .collect::<Vec<_>>()
                .join(" + ")
                .chars()
                .take(34)
                .collect::<String>(),
            get(shop.rows[0], "buyer_city"),
            county(shop),
            if units(false)[*i].kind == 1 { "chain" } else { "indep" },
            shop.units,
            seen.expected,
            seen.ratio,
            seen.ratio_low,
            seen.ratio_high,
            seen.exceeds,
            seen.q,
            seen.rank_low,
            seen.rank_high,
            if seen.stands_out { "OUT " } else { "" },
            second.ratio,
            second.q,
            if second.stands_out { "OUT " } else { "" },
            raw.iter().position(|j| j == i).map_or(0, |at| at + 1),
        );
    }
    Ok(())
}
