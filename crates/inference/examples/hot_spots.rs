//! Looks for hot spots in a county export of WONDER (opioid deaths 2006–2012, pooled) that `WONDER_COUNTIES` names, or in the page of
//! counties' dispensing rates of 2016 that `DISPENSING` names (with `POPULATION`, the Census Bureau's estimates), over the table of
//! `warehouse/reference/geo_county_adjacency.csv` that `COUNTY_ADJACENCY` names. `DRAWS` imputations, else 50.
//!
//! It prints places and how often they are among the dozen, and no count.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::collections::BTreeMap;
use std::error::Error;

use inference::hotspots::{Method, Settings, find};
use inference::place::{Count, Place};
use inference::scan::Limits;

/// Codes that changed without the county changing, or by a merger, so that counts may be added under the new one.
const RENAMED: [(&str, &str); 3] = [("46113", "46102"), ("02270", "02158"), ("51515", "51019")];

/// Counties by code: name, person-years, count.
type Told = BTreeMap<String, (String, f64, Count)>;

fn add(told: &mut Told, code: &str, name: &str, people: f64, count: Count) {
    let code = RENAMED.iter().find(|(old, _)| *old == code).map_or(code, |(_, new)| new);
    let entry = told.entry(code.to_owned()).or_insert_with(|| (name.to_owned(), 0.0, Count::Known(0)));
    *entry = (entry.0.clone(), entry.1 + people, entry.2.plus(count));
}

fn deaths(file: &str) -> Result<Told, Box<dyn Error>> {
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').flexible(true).from_path(file)?;
    let mut told = Told::new();
    let (mut withheld, mut missing) = (0, 0);
    for record in reader.records() {
        let record = record?;
        let get = |at: usize| record.get(at).unwrap_or_default();
        let (notes, name, code) = (get(0), get(1), get(2));
        if !notes.is_empty() || code.len() != 5 {
            continue;
        }
        let Ok(people) = get(4).parse::<f64>() else {
            missing += 1;
            continue;
        };
        let count = if get(3) == "Suppressed" {
            withheld += 1;
            // The export prints no zeros.
            Count::Within { low: 0, high: 9 }
        } else {
            Count::Known(get(3).parse()?)
        };
        add(&mut told, code, name, people, count);
    }
    println!("withheld {withheld}, missing {missing}");
    Ok(told)
}

/// Prescriptions, in hundreds, as rate and population give them; counties without a sampled pharmacy are left out.
fn dispensing(file: &str) -> Result<Told, Box<dyn Error>> {
    let mut people = BTreeMap::new();
    // The Bureau's file is not UTF-8, and only its numbers are read.
    let census = std::fs::read(std::env::var("POPULATION")?)?;
    let mut reader = csv::Reader::from_reader(census.as_slice());
    let header = reader.byte_headers()?.clone();
    let at = |name: &str| header.iter().position(|column| column == name.as_bytes()).ok_or("a column is missing");
    let (state, county, estimate) = (at("STATE")?, at("COUNTY")?, at("POPESTIMATE2016")?);
    for record in reader.byte_records() {
        let record = record?;
        let get = |at: usize| String::from_utf8_lossy(record.get(at).unwrap_or_default()).into_owned();
        people.insert(format!("{:0>2}{:0>3}", get(state), get(county)), get(estimate).parse::<f64>()?);
    }
    let mut told = Told::new();
    for line in std::fs::read_to_string(file)?.lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        let [name, _, code, rate] = cells.as_slice() else { continue };
        let now = RENAMED.iter().find(|(old, _)| old == code).map_or(*code, |(_, new)| new);
        if let (Ok(rate), Some(people)) = (rate.parse::<f64>(), people.get(now)) {
            add(&mut told, code, name, *people, Count::Known((rate * people / 10_000.0).round() as u32));
        }
    }
    Ok(told)
}

fn main() -> Result<(), Box<dyn Error>> {
    let told = match std::env::var("DISPENSING") {
        Ok(file) => dispensing(&file)?,
        Err(_) => deaths(&std::env::var("WONDER_COUNTIES")?)?,
    };
    let mut map: Vec<(String, f64, f64, Vec<String>)> = Vec::new();
    let mut reader = csv::Reader::from_path(std::env::var("COUNTY_ADJACENCY")?)?;
    for record in reader.deserialize::<(String, String, f64, f64, String)>() {
        let (code, _, longitude, latitude, near) = record?;
        if told.contains_key(&code) {
            map.push((code, longitude, latitude, near.split(' ').map(str::to_owned).collect()));
        }
    }
    let at: BTreeMap<&String, usize> = map.iter().enumerate().map(|(i, (code, ..))| (code, i)).collect();
    let unplaced: Vec<&String> = told.keys().filter(|code| !at.contains_key(code)).collect();
    println!("{} counties on the map; not on it {unplaced:?}", map.len());
    let mut places = Vec::new();
    for (code, longitude, latitude, near) in &map {
        let Some((_, exposure, count)) = told.get(code) else { continue };
        let neighbours = near.iter().filter_map(|code| at.get(code).copied()).collect();
        let state = code[..2].parse()?;
        places.push(Place {
            state,
            longitude: *longitude,
            latitude: *latitude,
            exposure: *exposure,
            count: *count,
            neighbours,
        });
    }
    let imputations = std::env::var("DRAWS").map_or(Ok(50), |draws| draws.parse())?;
    let settings = Settings { imputations, ..Settings::default() };
    let found = find(&places, &settings)?;
    println!("α {:.2}", found.shape);
    for ((method, critical), sets) in settings.methods.iter().zip(&found.critical).zip(&found.sets) {
        println!("  {method:?}: critical {critical:.2}, {sets:.2} sets a run");
    }
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| found.places[*b].centre.total_cmp(&found.places[*a].centre).then(a.cmp(b)));
    let name = |i: usize| told.get(&map[i].0).map_or("", |(name, ..)| name);
    let is_withheld = |i: usize| matches!(places[i].count, Count::Within { .. });
    let among = found.places.iter().filter(|place| place.share >= 0.5).count();
    println!("{among} counties among the dozen in half of the runs or more; by how often they are the middle of one:");
    for i in order.iter().take(20) {
        let place = found.places[*i];
        println!(
            "  {} {:<28} middle {:.2}  in {:.2}  scans {:.2}  local {:.2}{}",
            map[*i].0,
            name(*i),
            place.centre,
            place.share,
            place.scan,
            place.local,
            if is_withheld(*i) { "  (withheld)" } else { "" }
        );
    }
    order.sort_by(|a, b| found.places[*b].share.total_cmp(&found.places[*a].share).then(a.cmp(b)));
    println!("by how often they lie in one:");
    for i in order.iter().take(45) {
        let place = found.places[*i];
        println!("  {} {:<28} {:.2} ({:.2} / {:.2})", map[*i].0, name(*i), place.share, place.scan, place.local);
    }
    let doubtful = (0..places.len()).filter(|i| is_withheld(*i) && found.places[*i].share > 0.0).count();
    println!("{doubtful} withheld counties are in a set at all");

    let plain = Settings {
        methods: [0.0025, 0.005, 0.01].map(|people| Method::PlainScan(Limits { people, kilometres: 200.0 })).to_vec(),
        ..settings
    };
    let found = find(&places, &plain)?;
    println!("Kulldorff's own scan, critical {:?}:", found.critical);
    order.sort_by(|a, b| found.places[*b].centre.total_cmp(&found.places[*a].centre).then(a.cmp(b)));
    for i in order.iter().take(24) {
        println!(
            "  {} {:<28} middle {:.2}  in {:.2}",
            map[*i].0,
            name(*i),
            found.places[*i].centre,
            found.places[*i].share
        );
    }
    Ok(())
}
