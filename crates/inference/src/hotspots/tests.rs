//! Maps whose truth is known. `examples/validate` prints the same measures over more seeds.

use super::{Settings, find};
use crate::simulate::map;

fn quick(seed: u64) -> Settings {
    Settings { seed, imputations: 8, replicates: 99, ..Settings::default() }
}

/// Wider windows than the nation's: a share of nine hundred counties is fewer counties.
fn on_a_small_map(seed: u64) -> Settings {
    let mut settings = quick(seed);
    for method in &mut settings.methods {
        if let super::Method::Scan(limits) = method {
            limits.people *= 4.0;
        }
    }
    settings
}

/// Planted clusters of five counties with four times the deaths are found in at least half of the runs, six of ten of them, and
/// nine of ten counties that are named so often lie in one or beside one.
#[test]
fn planted_clusters_are_found() {
    let (mut planted, mut found, mut named, mut rightly) = (0, 0, 0, 0);
    for seed in 0..4 {
        let map = map::generate(&map::Settings { risk: 4.0, ..map::Settings::default() }, seed);
        let places = find(&map.places, &on_a_small_map(seed)).unwrap().places;
        for members in &map.planted {
            planted += 1;
            let best = members.iter().map(|i| places[*i].share).fold(0.0, f64::max);
            found += u32::from(best >= 0.5);
        }
        for i in (0..places.len()).filter(|i| places[*i].share >= 0.5) {
            let beside = |j: &usize| *j == i || map.places[*j].neighbours.contains(&i);
            named += 1;
            rightly += u32::from(map.planted.iter().flatten().any(beside));
        }
    }
    assert!(f64::from(found) >= 0.6 * f64::from(planted), "{found} of {planted}");
    assert!(f64::from(rightly) >= 0.9 * f64::from(named), "{rightly} of {named}");
}

/// The dozen that runs name together are sets that do not overlap, the oftenest named first, and each planted cluster of those that are
/// found by place is among them.
#[test]
fn a_dozen_of_all_runs_holds_what_was_planted() {
    let map = map::generate(&map::Settings { risk: 4.0, ..map::Settings::default() }, 2);
    let found = find(&map.places, &on_a_small_map(2)).unwrap();
    assert!(!found.dozen.is_empty() && found.dozen.len() <= 12);
    let mut seen = vec![false; map.places.len()];
    for spot in &found.dozen {
        assert!((0.0..=1.0 + 1e-9).contains(&spot.share) && spot.members.is_sorted());
        assert!(spot.members.iter().all(|place| !std::mem::replace(&mut seen[*place], true)), "two overlap");
        // At least half of its places in a run that names it: no place can be in fewer runs than half of that.
        let mean = spot.members.iter().map(|place| found.places[*place].share).sum::<f64>() / spot.members.len() as f64;
        assert!(mean >= spot.share / 2.0 - 1e-9, "{mean} {spot:?}");
    }
    assert!(found.dozen.windows(2).all(|pair| pair[0].share >= pair[1].share - 0.001));
    for members in &map.planted {
        if members.iter().any(|place| found.places[*place].share >= 0.5) {
            let is_in =
                |spot: &super::HotSpot| spot.share >= 0.4 && spot.members.iter().any(|place| members.contains(place));
            assert!(found.dozen.iter().any(is_in), "{members:?}");
        }
    }
}

/// On maps without clusters, few places are named.
#[test]
fn chance_alone_names_few() {
    let quiet = map::Settings { clusters: 0, state_spread: 0.0, ..map::Settings::default() };
    let runs = 6;
    let named = (0..runs)
        .filter(|seed| {
            let map = map::generate(&quiet, 100 + seed);
            let places = find(&map.places, &on_a_small_map(*seed)).unwrap().places;
            places.iter().any(|place| place.share >= 0.5)
        })
        .count();
    assert!(named <= 2, "{named} of {runs}");
}

#[test]
fn the_same_question_has_the_same_answer() {
    let map = map::generate(&map::Settings { side: 12, clusters: 2, ..map::Settings::default() }, 3);
    let once = find(&map.places, &on_a_small_map(5)).unwrap();
    assert_eq!(find(&map.places, &on_a_small_map(5)).unwrap(), once);
    for place in &once.places {
        assert!((0.0..=1.0 + 1e-9).contains(&place.share) && place.centre <= place.share + 1e-9);
        assert!((place.share - (place.scan + place.local) / 2.0).abs() < 1e-9);
    }
}

/// What was withheld has no influence: maps that are told alike are judged alike, whatever is true.
#[test]
fn what_is_withheld_does_not_show() {
    let map = map::generate(&map::Settings { side: 12, clusters: 2, ..map::Settings::default() }, 3);
    let told = find(&map.places, &on_a_small_map(5)).unwrap();
    let mut other = map;
    other.truth.iter_mut().filter(|deaths| **deaths < 10.0).for_each(|deaths| *deaths = 9.0 - *deaths);
    assert_eq!(find(&other.places, &on_a_small_map(5)).unwrap(), told);
}

#[test]
fn what_cannot_be_is_refused() {
    let map = map::generate(&map::Settings { side: 12, ..map::Settings::default() }, 3);
    let mut places = map.places.clone();
    places[4].neighbours.pop();
    assert!(find(&places, &quick(1)).unwrap_err().to_string().contains("neighbours"));
    let mut places = map.places.clone();
    places[4].exposure = 0.0;
    assert!(find(&places, &quick(1)).is_err());
    assert!(find(&map.places, &Settings { methods: Vec::new(), ..quick(1) }).is_err());
}
