//! A map of counties with planted clusters.

use crate::draw::Draws;
use crate::place::{Count, Place};

/// What map is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Counties in a row, and rows.
    pub side: usize,
    /// Deaths per person-year.
    pub rate: f64,
    /// How much counties' rates differ, as a deviation of logarithms.
    pub spread: f64,
    /// How much states' rates differ, likewise.
    pub state_spread: f64,
    /// How many clusters are planted.
    pub clusters: usize,
    /// How many times as many deaths there are in one.
    pub risk: f64,
    /// The counts that are withheld: 0 or 1 up to 9.
    pub withheld_from: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { side: 30, rate: 7e-5, spread: 0.35, state_spread: 0.2, clusters: 6, risk: 2.5, withheld_from: 0 }
    }
}

/// A map, and what is true of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// What is told.
    pub places: Vec<Place>,
    /// The deaths, withheld ones too.
    pub truth: Vec<f64>,
    /// The planted clusters: a county and those that touch it.
    pub planted: Vec<Vec<usize>>,
}

/// Makes a map: a square of counties, each with up to four neighbours, half a degree apart.
pub fn generate(settings: &Settings, seed: u64) -> Map {
    let mut draws = Draws::new(seed, 2);
    let side = settings.side;
    let n = side * side;
    let neighbours = |i: usize| {
        let (row, column) = (i / side, i % side);
        let mut near = Vec::new();
        if row > 0 {
            near.push(i - side);
        }
        if column > 0 {
            near.push(i - 1);
        }
        if column + 1 < side {
            near.push(i + 1);
        }
        if row + 1 < side {
            near.push(i + side);
        }
        near
    };
    let mut planted: Vec<Vec<usize>> = Vec::new();
    for _ in 0..10_000 {
        if planted.len() == settings.clusters {
            break;
        }
        let centre = draws.below(n);
        let mut members = vec![centre];
        members.extend(neighbours(centre));
        let far = |other: &Vec<usize>| {
            let (a, b) = (other[0], centre);
            (a / side).abs_diff(b / side) + (a % side).abs_diff(b % side) > 5
        };
        if members.len() == 5 && planted.iter().all(far) {
            planted.push(members);
        }
    }
    let state_of = |i: usize| ((i / side / 6) * 100 + i % side / 6) as u32;
    let mut states = vec![f64::NAN; 100 * side];
    let mut map = Map { places: Vec::with_capacity(n), truth: Vec::with_capacity(n), planted };
    for i in 0..n {
        let state = state_of(i);
        let level = &mut states[state as usize];
        if level.is_nan() {
            *level = libm::exp(settings.state_spread * draws.normal());
        }
        // Seven years of counties from a few thousand to a million, as America's are.
        let exposure = 7.0 * libm::exp(10.2 + 1.3 * draws.normal()).clamp(1_000.0, 3e6);
        let hot = map.planted.iter().any(|members| members.contains(&i));
        let own = libm::exp(settings.spread * draws.normal()) * *level * if hot { settings.risk } else { 1.0 };
        let deaths = draws.poisson(settings.rate * own * exposure);
        let withheld = deaths >= f64::from(settings.withheld_from) && deaths < 10.0;
        map.truth.push(deaths);
        map.places.push(Place {
            state,
            longitude: -100.0 + 0.5 * (i % side) as f64,
            latitude: 30.0 + 0.4 * (i / side) as f64,
            exposure,
            count: if withheld {
                Count::Within { low: settings.withheld_from, high: 9 }
            } else {
                Count::Known(deaths as u32)
            },
            neighbours: neighbours(i),
        });
    }
    map
}
