//! Measures both methods on populations and maps whose truth is known: `validate pharmacies|prescribers|maps SEEDS [FIRST]`.
//!
//! What it prints stands in `docs/outliers-and-hot-spots.md`.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::error::Error;
use std::ops::Range;

use inference::hotspots::{self, Method};
use inference::outliers::{self, growth};
use inference::simulate::pharmacies::{self, Exposure, Truth};
use inference::simulate::{map, prescribers};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |place: usize, without: u64| arguments.get(place).map_or(Ok(without), |text| text.parse());
    let (seeds, first) = (number(2, 20)?, number(3, 0)?);
    let seeds = first..first + seeds;
    match arguments.get(1).map(String::as_str) {
        Some("pharmacies") => of_pharmacies(seeds),
        Some("prescribers") => of_prescribers(seeds),
        Some("maps") => of_maps(seeds),
        _ => Err("validate pharmacies|prescribers|maps SEEDS [FIRST]".into()),
    }
}

/// A measure taken for each seed: its mean, and the 5th and 95th percentile over seeds.
fn tell(name: &str, mut values: Vec<f64>) {
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values.get((share * (values.len().saturating_sub(1)) as f64).round() as usize);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    if let (Some(low), Some(high)) = (at(0.05), at(0.95)) {
        println!("  {name:<58} {mean:7.3}  ({low:.3} to {high:.3})");
    }
}

const TRUTHS: [Truth; 8] = [
    Truth::Ordinary,
    Truth::Outlier,
    Truth::Surge,
    Truth::MailOrder,
    Truth::LongTermCare,
    Truth::Hospice,
    Truth::Border,
    Truth::ChangedOwner,
];

fn of_pharmacies(seeds: Range<u64>) -> Result<(), Box<dyn Error>> {
    let populations = [
        ("outliers and decoys", pharmacies::Settings::default()),
        ("outliers of 10 to 30 times", pharmacies::Settings { times: (10.0, 30.0), ..Default::default() }),
        ("outliers, no decoys", pharmacies::Settings { decoys: false, ..Default::default() }),
        (
            "outliers and decoys, and nobody knows who was open when",
            pharmacies::Settings { open_is_known: false, ..Default::default() },
        ),
        ("nobody stands out", pharmacies::Settings { outliers: 0, ..Default::default() }),
    ];
    for (name, settings) in populations {
        println!("{name}, seeds {seeds:?}");
        let mut units_per_seed = vec![];
        let (mut precision, mut strict, mut recall, mut false_at_20, mut ordinary_at_20, mut said) =
            (vec![], vec![], vec![], vec![], vec![], vec![]);
        let (mut both_precision, mut both_recall, mut covered) = (vec![], vec![], vec![]);
        let mut by_truth = vec![(0u32, 0u32, 0u32); TRUTHS.len()];
        let (mut grown, mut surges, mut growth_said) = (0, 0, 0);
        for seed in seeds.clone() {
            let population = pharmacies::generate(&settings, seed);
            let (units, changes, truths) = pharmacies::units(&population, Exposure::County);
            let (around, _, _) = pharmacies::units(&population, Exposure::Around);
            units_per_seed.push(units.len() as f64);
            let own = outliers::Settings { seed, draws: 400, ..Default::default() };
            let compared = outliers::compare(&units, &own)?.units;
            let second = outliers::compare(&around, &own)?.units;
            let mut order: Vec<usize> = (0..units.len()).collect();
            order.sort_by(|a, b| compared[*a].rank.total_cmp(&compared[*b].rank));
            let is = |i: &usize, truth: Truth| truths[*i] == truth;
            let guilty = |i: &usize| is(i, Truth::Outlier) || is(i, Truth::Surge);
            let out: Vec<usize> = (0..units.len()).filter(|i| compared[*i].stands_out).collect();
            let in_both: Vec<usize> = out.iter().copied().filter(|i| second[*i].stands_out).collect();
            let planted = truths.iter().filter(|truth| **truth == Truth::Outlier).count() as f64;
            let share = |of: &[usize], test: &dyn Fn(&usize) -> bool| {
                of.iter().filter(|i| test(i)).count() as f64 / of.len() as f64
            };
            let count = |of: &[usize], test: &dyn Fn(&usize) -> bool| of.iter().filter(|i| test(i)).count() as f64;
            let innocent = |i: &usize| is(i, Truth::Ordinary) || is(i, Truth::ChangedOwner);
            said.push(out.len() as f64);
            precision.push(share(&out, &guilty));
            strict.push(1.0 - share(&out, &innocent));
            recall.push(count(&out, &|i| is(i, Truth::Outlier)) / planted);
            both_precision.push(share(&in_both, &guilty));
            both_recall.push(count(&in_both, &|i| is(i, Truth::Outlier)) / planted);
            false_at_20.push(count(&order[..20], &|i| !guilty(i)));
            ordinary_at_20.push(count(&order[..20], &innocent));
            for (at, truth) in TRUTHS.iter().enumerate() {
                let of = |i: &usize| is(i, *truth);
                by_truth[at].0 += count(&order, &of) as u32;
                by_truth[at].1 += count(&out, &of) as u32;
                by_truth[at].2 += count(&order[..20], &of) as u32;
            }
            // Ranks among all, by the seed's own second half of draws, are not known; ranks of the second exposure are compared.
            covered.push(share(&order[..20], &|i| {
                let (a, b) = (&compared[*i], &second[*i]);
                a.rank_low <= b.rank_high && b.rank_low <= a.rank_high
            }));
            for (change, truth) in growth(&changes, 900.0)?.iter().zip(&truths) {
                let says = change.as_ref().is_some_and(|change| change.q <= 0.05 && change.ratio > 2.0);
                growth_said += u32::from(says);
                surges += u32::from(*truth == Truth::Surge);
                grown += u32::from(says && *truth == Truth::Surge);
            }
        }
        tell("pharmacies", units_per_seed);
        tell("said to stand out", said);
        tell("precision (planted)", precision);
        tell("precision (neither ordinary nor sold)", strict);
        tell("recall of planted outliers", recall);
        tell("precision where both exposures agree", both_precision);
        tell("recall where both exposures agree", both_recall);
        tell("of the first 20: not planted", false_at_20);
        tell("of the first 20: ordinary or sold", ordinary_at_20);
        tell("of the first 20: rank intervals of both exposures meet", covered);
        println!("  growth: {grown} of {surges} surges, of {growth_said} that are said to have grown");
        for (truth, (there, out, first)) in TRUTHS.iter().zip(&by_truth) {
            println!("  {truth:?}: {there} there, {out} said to stand out, {first} among the first 20");
        }
    }
    Ok(())
}

fn of_prescribers(seeds: Range<u64>) -> Result<(), Box<dyn Error>> {
    println!("prescribers, seeds {seeds:?}");
    let (mut precision, mut recall, mut ordinary_at_20, mut misfiled_at_20) = (vec![], vec![], vec![], vec![]);
    for seed in seeds.clone() {
        let (units, truths) = prescribers::generate(3_000, 30, seed);
        let own = outliers::Settings { seed, draws: 400, ..Default::default() };
        let compared = outliers::compare(&units, &own)?.units;
        let mut order: Vec<usize> = (0..units.len()).collect();
        order.sort_by(|a, b| compared[*a].rank.total_cmp(&compared[*b].rank));
        let out: Vec<usize> = (0..units.len()).filter(|i| compared[*i].stands_out).collect();
        let count = |of: &[usize], truth| of.iter().filter(|i| truths[**i] == truth).count() as f64;
        precision.push(count(&out, prescribers::Truth::Outlier) / out.len() as f64);
        recall.push(count(&out, prescribers::Truth::Outlier) / 30.0);
        ordinary_at_20.push(count(&order[..20], prescribers::Truth::Ordinary));
        misfiled_at_20.push(count(&order[..20], prescribers::Truth::Misfiled));
    }
    tell("precision (planted)", precision);
    tell("recall", recall);
    tell("of the first 20: ordinary", ordinary_at_20);
    tell("of the first 20: of another specialty in truth", misfiled_at_20);
    Ok(())
}

fn of_maps(seeds: Range<u64>) -> Result<(), Box<dyn Error>> {
    let maps = [
        ("clusters of 2.5 times", map::Settings::default()),
        ("clusters of 4 times", map::Settings { risk: 4.0, ..Default::default() }),
        ("counties and states that differ, no clusters", map::Settings { clusters: 0, ..Default::default() }),
        ("counties that differ, no clusters", map::Settings { clusters: 0, state_spread: 0.0, ..Default::default() }),
        (
            "counties that are alike, no clusters",
            map::Settings { clusters: 0, state_spread: 0.0, spread: 0.0, ..Default::default() },
        ),
    ];
    for (name, of) in maps {
        let mut own = hotspots::Settings { imputations: 20, ..Default::default() };
        // A map of 900 counties, not 3,100: windows of as many counties hold a larger share.
        for method in &mut own.methods {
            if let Method::Scan(limits) = method {
                limits.people *= 4.0;
            }
        }
        let Some(Method::Scan(widest)) = own.methods.get(2).copied() else { return Err("the third is a scan".into()) };
        println!("{name}, seeds {seeds:?}");
        let mut found = vec![];
        let (mut named, mut false_places, mut half, mut precise) = (vec![], vec![], vec![], vec![]);
        let (mut withheld, mut plain, mut by_scan, mut by_local) = (vec![], vec![], vec![], vec![]);
        for seed in seeds.clone() {
            let made = map::generate(&of, seed);
            let held = made.places.iter().filter(|place| matches!(place.count, inference::place::Count::Within { .. }));
            withheld.push(held.count() as f64 / made.places.len() as f64);
            own.seed = seed;
            let places = hotspots::find(&made.places, &own)?.places;
            let share = |members: &[usize]| members.iter().map(|i| places[*i].share).fold(0.0, f64::max);
            let hits = made.planted.iter().filter(|members| share(members) >= 0.5).count();
            found.push(hits as f64 / made.planted.len() as f64);
            let by = |how: &dyn Fn(usize) -> f64| {
                let hit = |members: &&Vec<usize>| members.iter().map(|i| how(*i)).fold(0.0, f64::max) >= 0.5;
                made.planted.iter().filter(hit).count() as f64 / made.planted.len() as f64
            };
            by_scan.push(by(&|i| places[i].scan));
            by_local.push(by(&|i| places[i].local));
            let near =
                |i: usize| made.planted.iter().flatten().any(|j| *j == i || made.places[*j].neighbours.contains(&i));
            let half_or_more: Vec<usize> = (0..places.len()).filter(|i| places[*i].share >= 0.5).collect();
            precise.push(half_or_more.iter().filter(|i| near(**i)).count() as f64 / half_or_more.len() as f64);
            half.push(half_or_more.len() as f64);
            false_places.push(f64::from(u8::from(half_or_more.iter().any(|i| !near(*i)))));
            named.push(f64::from(u8::from(places.iter().any(|place| place.share > 0.25))));
            let simple = hotspots::Settings { methods: vec![Method::PlainScan(widest)], ..own.clone() };
            let plainly = hotspots::find(&made.places, &simple)?;
            plain.push(plainly.sets[0]);
        }
        tell("counties withheld", withheld);
        tell("planted clusters found (half of the runs or more)", found);
        tell("  by half of the scans", by_scan);
        tell("  by half of the local statistics", by_local);
        tell("counties named by half of the runs or more", half);
        tell("of these, in a planted cluster or beside it", precise);
        tell("maps on which such a county lies elsewhere", false_places);
        tell("maps on which a quarter of the runs name any county", named);
        tell("sets that Kulldorff's own scan names, of 12", plain);
    }
    Ok(())
}
