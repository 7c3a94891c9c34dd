//! Boundaries of states and counties: the Census Bureau's of 2017, as `geometry/PROVENANCE.md` says.
//!
//! Read from TopoJSON here, since the crate `topojson` turns shapes into GeoJSON and thereby loses what the format is
//! for: that neighbours share their border. We need the shared lines, to draw each border once, and to simplify a border
//! for a smaller drawing without tearing its two sides apart.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{DrawError, Places};

const BOUNDARIES: &[u8] = include_bytes!("../geometry/counties-albers-10m.json");

/// What is said of the boundaries under a map.
pub(super) const CREDIT: &str = "boundaries: U.S. Census Bureau, cartographic boundaries of 2017";

/// Codes that changed while the area did not: drawn where the new code lies.
const RENAMED: [(&str, &str); 2] = [("46113", "46102"), ("02270", "02158")];

/// A place of less than this, in square units of the boundaries' sheet, is no more than a line.
const SPECK: f64 = 0.3;

/// Coordinates on the sheet of d3's `geoAlbersUsa`, about 975 by 610 units; y grows downwards.
pub(super) type Spot = (f64, f64);

/// A closed line, as its arcs: the arc's number, and whether it is walked backwards.
type Ring = Vec<(usize, bool)>;

/// A state or a county.
pub(super) struct Place {
    /// Its FIPS code.
    pub code: String,
    /// Its name, without the state's.
    pub name: String,
    rings: Vec<Ring>,
}

/// All places of one kind.
pub(super) struct Atlas {
    /// In the order of their codes.
    pub places: Vec<Place>,
    states: Vec<Place>,
    arcs: Vec<Vec<Spot>>,
    /// The same as published.
    fine: Vec<Vec<Spot>>,
    /// Arcs on which a state ends.
    state_lines: Vec<usize>,
}

#[derive(Deserialize)]
struct Topology {
    transform: Transform,
    objects: Objects,
    arcs: Vec<Vec<(i64, i64)>>,
}

#[derive(Deserialize)]
struct Transform {
    scale: Spot,
    translate: Spot,
}

#[derive(Deserialize)]
struct Objects {
    counties: Collection,
    states: Collection,
}

#[derive(Deserialize)]
struct Collection {
    geometries: Vec<Shape>,
}

#[derive(Deserialize)]
struct Shape {
    id: String,
    properties: Properties,
    #[serde(flatten)]
    area: Area,
}

#[derive(Deserialize)]
struct Properties {
    name: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", content = "arcs")]
enum Area {
    Polygon(Vec<Vec<i64>>),
    MultiPolygon(Vec<Vec<Vec<i64>>>),
}

impl Atlas {
    /// The built-in boundaries, with lines that stray from the published ones by at most `tolerance` units.
    pub fn load(of: Places, tolerance: f64) -> Result<Self, DrawError> {
        let topology: Topology =
            serde_json::from_slice(BOUNDARIES).map_err(|error| DrawError::Atlas(error.to_string()))?;
        let Transform { scale, translate } = topology.transform;
        let absolute = |arc: &Vec<(i64, i64)>| {
            let steps = arc.iter().scan((0, 0), |at, step| {
                *at = (at.0 + step.0, at.1 + step.1);
                Some((at.0 as f64 * scale.0 + translate.0, at.1 as f64 * scale.1 + translate.1))
            });
            steps.collect::<Vec<Spot>>()
        };
        let fine: Vec<Vec<Spot>> = topology.arcs.iter().map(absolute).collect();
        let arcs: Vec<Vec<Spot>> = fine.iter().map(|arc| simplify(arc, tolerance)).collect();
        let states: Vec<Place> = topology.objects.states.geometries.iter().map(place).collect();
        let mut state_lines: Vec<usize> = states.iter().flat_map(|s| s.rings.iter().flatten().map(|a| a.0)).collect();
        state_lines.sort_unstable();
        state_lines.dedup();
        let shapes = match of {
            Places::States => &topology.objects.states,
            Places::Counties => &topology.objects.counties,
        };
        let mut places: Vec<Place> = shapes.geometries.iter().map(place).collect();
        places.sort_by(|a, b| a.code.cmp(&b.code));
        let lost = |place: &&Place| place.rings.iter().flatten().any(|&(arc, _)| arc >= arcs.len());
        match places.iter().chain(&states).find(lost) {
            Some(place) => Err(DrawError::Atlas(format!("{} has a line that is not there", place.code))),
            None => Ok(Self { places, states, arcs, fine, state_lines }),
        }
    }

    /// Numbers of places by code.
    pub fn index(&self) -> BTreeMap<&str, usize> {
        self.places.iter().enumerate().map(|(number, place)| (place.code.as_str(), number)).collect()
    }

    /// Whether a place is so small that the boundaries have but a line of it: some of Virginia's cities.
    pub fn is_speck(&self, place: &Place) -> bool {
        place.rings.iter().all(|ring| area(&walk(ring, &self.fine)).abs() < SPECK)
    }

    /// The outlines of a place. A speck is a square, so that it is seen, and has to be drawn over its neighbours. Islands too small to be seen are left out, but never the largest piece.
    pub fn outlines(&self, place: &Place, smallest: f64) -> Vec<Vec<Spot>> {
        let mut rings: Vec<(f64, Vec<Spot>)> = Vec::new();
        let mut largest: (f64, Vec<Spot>) = (-1.0, Vec::new());
        for ring in &place.rings {
            let fine = walk(ring, &self.fine);
            let size = area(&fine).abs();
            let rough = walk(ring, &self.arcs);
            // Two arcs that became straight enclose nothing any more.
            let drawn = if rough.len() < 4 { fine } else { rough };
            if size > largest.0 {
                largest = (size, drawn.clone());
            }
            rings.push((size, drawn));
        }
        if largest.0 < SPECK
            && let Some(&(x, y)) = largest.1.first()
        {
            return vec![
                [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)].map(|(dx, dy)| (x + dx, y + dy)).to_vec(),
            ];
        }
        rings.retain(|(size, _)| *size >= smallest || *size == largest.0);
        rings.sort_by(|a, b| b.0.total_cmp(&a.0));
        rings.into_iter().map(|(_, ring)| ring).collect()
    }

    /// The outlines of all states: land, as against water.
    pub fn land(&self) -> Vec<Vec<Spot>> {
        self.states.iter().flat_map(|state| self.outlines(state, 4.0)).collect()
    }

    /// The lines between states and around the country, each once.
    pub fn state_lines(&self) -> impl Iterator<Item = &[Spot]> {
        self.state_lines.iter().filter_map(|&arc| self.arcs.get(arc)).map(Vec::as_slice)
    }
}

fn walk(ring: &Ring, arcs: &[Vec<Spot>]) -> Vec<Spot> {
    let mut spots: Vec<Spot> = Vec::new();
    for &(arc, backwards) in ring {
        // The first point of an arc is the last of the one before.
        let skip = usize::from(!spots.is_empty());
        if backwards {
            spots.extend(arcs[arc].iter().rev().skip(skip));
        } else {
            spots.extend(arcs[arc].iter().skip(skip));
        }
    }
    spots
}

/// The code under which the boundaries have a place.
pub(super) fn current(code: &str) -> &str {
    RENAMED.iter().find(|(old, _)| *old == code).map_or(code, |(_, new)| new)
}

/// What became of a code that the boundaries do not have, where that is known.
pub(super) fn fate(code: &str) -> Option<&'static str> {
    Some(match code {
        "51515" => "part of Bedford County, 51019, since 2013",
        "02063" | "02066" => "until 2019 Valdez–Cordova, 02261, which is drawn undivided",
        code if code.len() == 5 && code.starts_with("09") => "Connecticut is drawn by its counties of until 2022",
        code if code.starts_with("72") => "Puerto Rico",
        code if code.starts_with("78") => "U.S. Virgin Islands",
        code if code.starts_with("66") => "Guam",
        code if code.starts_with("60") => "American Samoa",
        code if code.starts_with("69") => "Northern Mariana Islands",
        _ => return None,
    })
}

fn place(shape: &Shape) -> Place {
    let rings: Vec<&Vec<i64>> = match &shape.area {
        Area::Polygon(rings) => rings.iter().collect(),
        Area::MultiPolygon(polygons) => polygons.iter().flatten().collect(),
    };
    // A negative number is an arc walked backwards: -1 is arc 0.
    let arc = |arc: &i64| if *arc < 0 { (!arc as usize, true) } else { (*arc as usize, false) };
    let rings = rings.into_iter().map(|ring| ring.iter().map(arc).collect()).collect();
    Place { code: shape.id.clone(), name: shape.properties.name.clone(), rings }
}

/// Whether a ring goes around a spot.
pub(super) fn holds(ring: &[Spot], (x, y): Spot) -> bool {
    let sides = ring.iter().zip(ring.iter().cycle().skip(1));
    let crossed = |(a, b): (&Spot, &Spot)| (a.1 > y) != (b.1 > y) && x < (b.0 - a.0) * (y - a.1) / (b.1 - a.1) + a.0;
    sides.filter(|side| crossed(*side)).count() % 2 == 1
}

/// The signed area inside a ring.
pub(super) fn area(ring: &[Spot]) -> f64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum::<f64>() / 2.0
}

/// The centre of gravity of a ring.
pub(super) fn centre(ring: &[Spot]) -> Spot {
    let sum = ring.iter().zip(ring.iter().cycle().skip(1)).fold((0.0, 0.0), |sum, (a, b)| {
        let cross = a.0 * b.1 - b.0 * a.1;
        (sum.0 + (a.0 + b.0) * cross, sum.1 + (a.1 + b.1) * cross)
    });
    let six = 6.0 * area(ring);
    match ring.first() {
        Some(&first) if six == 0.0 => first,
        _ => (sum.0 / six, sum.1 / six),
    }
}

/// Leaves out points from which the line strays by no more than `tolerance` (Douglas and Peucker). Its ends stay.
fn simplify(line: &[Spot], tolerance: f64) -> Vec<Spot> {
    let (Some(&first), Some(&last)) = (line.first(), line.last()) else { return Vec::new() };
    let mut keep = vec![false; line.len()];
    keep[0] = true;
    keep[line.len() - 1] = true;
    let mut open = vec![(0, line.len() - 1)];
    // A closed line has no direction: it is halved at its farthest point, and kept a triangle at least.
    if first == last && line.len() > 3 {
        let far = farthest(line, 0, line.len() - 1).0;
        keep[far] = true;
        for (from, to) in [(0, far), (far, line.len() - 1)] {
            if to - from > 1 {
                keep[farthest(line, from, to).0] = true;
            }
        }
        open = vec![(0, far), (far, line.len() - 1)];
    }
    while let Some((from, to)) = open.pop() {
        if to - from < 2 {
            continue;
        }
        let (far, distance) = farthest(line, from, to);
        if distance > tolerance {
            keep[far] = true;
            open.extend([(from, far), (far, to)]);
        }
    }
    line.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(spot, _)| *spot).collect()
}

/// The point between two others of a line that lies farthest from the segment between them, and how far.
fn farthest(line: &[Spot], from: usize, to: usize) -> (usize, f64) {
    let segment = super::geometry::Segment { a: line[from], b: line[to] };
    let mut best = (from + 1, -1.0);
    for (i, spot) in line.iter().enumerate().take(to).skip(from + 1) {
        let distance = segment.distance(spot.0, spot.1);
        if distance > best.1 {
            best = (i, distance);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Land area of the Gazetteer files of the Census Bureau, square miles; outlines hold inland water too, so that only
    /// proportions are compared, of places with little water.
    #[test]
    fn areas_are_in_proportion_and_alaska_is_an_inset() {
        let atlas = Atlas::load(Places::States, 0.0).unwrap();
        let index = atlas.index();
        let size = |code: &str| {
            atlas.outlines(&atlas.places[index[code]], 0.0).iter().map(|ring| area(ring)).sum::<f64>().abs()
        };
        // Total areas of the Census Bureau: Wyoming 97,813, Kansas 82,278, Arizona 113,990, West Virginia 24,230.
        let unit = size("56") / 97_813.0;
        for (code, square_miles) in [("20", 82_278.0), ("04", 113_990.0), ("54", 24_230.0)] {
            let ratio = size(code) / unit / square_miles;
            assert!((0.98..1.02).contains(&ratio), "{code}: {ratio}");
        }
        // Alaska has 665,384; its inset is drawn at 0.35 of the scale, without the water that its total counts.
        let alaska = size("02") / unit / 665_384.0 / (0.35 * 0.35);
        assert!((0.8..1.05).contains(&alaska), "{alaska}");
    }

    #[test]
    fn every_place_is_there_under_its_code_of_2017() {
        let counties = Atlas::load(Places::Counties, 0.4).unwrap();
        assert_eq!(counties.places.len(), 3142);
        let index = counties.index();
        for code in ["46102", "02158", "51019", "02261", "09001", "11001", "24510"] {
            assert!(index.contains_key(code), "{code}");
        }
        for code in ["46113", "02270", "51515", "02063", "09110", "72001"] {
            assert!(!index.contains_key(code), "{code}");
        }
        assert_eq!((current("46113"), current("02270"), current("54059")), ("46102", "02158", "54059"));
        assert_eq!(counties.places[index["54059"]].name, "Mingo");
        // The boundaries have no area for three of Virginia's cities.
        let specks = counties.places.iter().filter(|place| counties.is_speck(place)).map(|place| place.code.as_str());
        assert_eq!(specks.collect::<Vec<_>>(), ["51610", "51678", "51685"]);
        for place in &counties.places {
            let size = area(&counties.outlines(place, 1.0)[0]).abs();
            assert!(size > 0.2, "{}: {size}", place.code);
            assert!(counties.outlines(place, 1.0).iter().all(|ring| ring.len() >= 4), "{}", place.code);
        }
    }

    #[test]
    fn a_simplified_line_strays_no_farther_than_it_may() {
        let line: Vec<Spot> = (0..200_i32).map(|i| (f64::from(i), f64::from(i * i % 17) / 10.0)).collect();
        let short = simplify(&line, 0.5);
        assert!(short.len() < line.len() && short[0] == line[0] && short.last() == line.last());
        for &(x, y) in &line {
            let near = short.windows(2).map(|s| super::super::geometry::Segment { a: s[0], b: s[1] }.distance(x, y));
            assert!(near.fold(f64::INFINITY, f64::min) <= 0.5 + 1e-9, "{x} {y}");
        }
    }
}
