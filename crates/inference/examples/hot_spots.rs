//! Looks for hot spots in a county export of WONDER (opioid deaths 2006–2012, pooled) that `WONDER_COUNTIES` names, over the
//! table of `warehouse/reference/geo_county_adjacency.csv` that `COUNTY_ADJACENCY` names. `DRAWS` imputations, else 50.
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

fn main() -> Result<(), Box<dyn Error>> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(b'\t').flexible(true).from_path(std::env::var("WONDER_COUNTIES")?)?;
    let mut told: BTreeMap<String, (String, f64, Count)> = BTreeMap::new();
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
        let code = RENAMED.iter().find(|(old, _)| *old == code).map_or(code, |(_, new)| new);
        let entry = told.entry(code.to_owned()).or_insert_with(|| (name.to_owned(), 0.0, Count::Known(0)));
        *entry = (entry.0.clone(), entry.1 + people, entry.2.plus(count));
    }
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
    println!("{} counties on the map; withheld {withheld}, missing {missing}, not on the map {unplaced:?}", map.len());
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
