//! Places names beside points so that none overlaps another or hides a mark.
//!
//! Greedy, in two passes. First beside the mark, in one of eight positions,
//! the most hemmed-in point first; then, for points left over, farther out with
//! a leader line. What still has no place is left out and said to be.

use super::geometry::{Rect, Segment};

/// A point that wants a name.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub x: f64,
    pub y: f64,
    /// Radius of its mark.
    pub r: f64,
    /// Size of its name's ink.
    pub w: f64,
    pub h: f64,
    /// Whether it wants a name at all; if not, it is only in the way.
    pub named: bool,
    /// Smaller comes first where two want the same place.
    pub rank: usize,
}

/// Where a name went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub ink: Rect,
    pub leader: Option<Segment>,
}

/// Room kept between a name and its own mark.
const GAP: f64 = 3.0;
/// Room kept between a name and anything else.
const AIR: f64 = 2.0;
/// Distances tried for names on leader lines.
const REACHES: [f64; 8] = [12.0, 18.0, 26.0, 36.0, 48.0, 62.0, 80.0, 100.0];

const DIAGONAL: f64 = std::f64::consts::FRAC_1_SQRT_2;
/// Unit vectors, written out because sines differ between C libraries.
pub(super) const COMPASS: [(f64, f64); 16] = [
    (1.0, 0.0),
    (-1.0, 0.0),
    (0.0, -1.0),
    (0.0, 1.0),
    (DIAGONAL, -DIAGONAL),
    (DIAGONAL, DIAGONAL),
    (-DIAGONAL, -DIAGONAL),
    (-DIAGONAL, DIAGONAL),
    (0.9239, -0.3827),
    (0.9239, 0.3827),
    (-0.9239, -0.3827),
    (-0.9239, 0.3827),
    (0.3827, -0.9239),
    (0.3827, 0.9239),
    (-0.3827, -0.9239),
    (-0.3827, 0.9239),
];

/// What is already on the plot besides the points.
#[derive(Default)]
pub(super) struct Obstacles {
    /// Words that no name may touch.
    pub words: Vec<Rect>,
    /// Lines that names had better not cross.
    pub lines: Vec<Segment>,
}

/// One place per point, in the order given; `None` where there is none.
pub(super) fn place(points: &[Point], obstacles: &Obstacles, bounds: Rect) -> Vec<Option<Place>> {
    let mut board = Board { points, obstacles, bounds, places: vec![None; points.len()] };
    let mut waiting: Vec<usize> = (0..points.len()).filter(|&i| points[i].named).collect();
    waiting.sort_by_key(|&i| points[i].rank);

    let mut crowded = Vec::new();
    while !waiting.is_empty() {
        let choices: Vec<Vec<Place>> = waiting.iter().map(|&i| board.beside(i)).collect();
        let Some(next) = (0..waiting.len()).min_by_key(|&k| (choices[k].len(), k)) else { break };
        let point = waiting.remove(next);
        match board.best(point, &choices[next]) {
            Some(place) => board.places[point] = Some(place),
            None => crowded.push(point),
        }
    }
    crowded.sort_by_key(|&i| points[i].rank);
    for point in crowded {
        for reach in REACHES {
            let choices = board.away(point, reach);
            board.places[point] = board.best(point, &choices);
            if board.places[point].is_some() {
                break;
            }
        }
    }
    board.places
}

struct Board<'a> {
    points: &'a [Point],
    obstacles: &'a Obstacles,
    bounds: Rect,
    places: Vec<Option<Place>>,
}

impl Board<'_> {
    /// Free places that touch the mark, best position first.
    fn beside(&self, i: usize) -> Vec<Place> {
        let p = &self.points[i];
        COMPASS[..8]
            .iter()
            .map(|&direction| Place { ink: ink(p, direction, p.r + GAP), leader: None })
            .filter(|place| self.free(i, place))
            .collect()
    }

    /// Free places at some distance, with the line that leads there.
    fn away(&self, i: usize, reach: f64) -> Vec<Place> {
        let p = &self.points[i];
        COMPASS
            .iter()
            .map(|&direction| {
                let ink = ink(p, direction, p.r + reach);
                let (nx, ny) = ink.nearest(p.x, p.y);
                let d = ink.distance(p.x, p.y).max(1.0);
                let a = (p.x + (nx - p.x) / d * p.r, p.y + (ny - p.y) / d * p.r);
                let b = (nx - (nx - p.x) / d * 1.5, ny - (ny - p.y) / d * 1.5);
                Place { ink, leader: Some(Segment { a, b }) }
            })
            .filter(|place| self.free(i, place))
            .collect()
    }

    fn free(&self, i: usize, place: &Place) -> bool {
        let wide = place.ink.grow(AIR);
        let others = || self.points.iter().enumerate().filter(|&(j, _)| j != i).map(|(_, p)| p);
        self.bounds.contains(&place.ink)
            && !self.obstacles.words.iter().any(|r| r.overlaps(&wide))
            && !others().any(|p| place.ink.distance(p.x, p.y) < p.r + AIR)
            && self
                .places
                .iter()
                .flatten()
                .all(|other| !other.ink.overlaps(&wide) && !other.leader.is_some_and(|l| l.touches(&wide)))
            && place.leader.is_none_or(|line| {
                !self.obstacles.words.iter().any(|r| line.touches(r))
                    && !others().any(|p| line.distance(p.x, p.y) < p.r + AIR)
                    && self.places.iter().flatten().all(|other| {
                        !line.touches(&other.ink.grow(AIR)) && !other.leader.is_some_and(|l| l.crosses(&line))
                    })
            })
    }

    /// The place from which one would least take the name for a neighbour's.
    fn best(&self, i: usize, choices: &[Place]) -> Option<Place> {
        let doubt = |place: &Place| -> f64 {
            let others = self.points.iter().enumerate().filter(|&(j, _)| j != i);
            let marks: f64 = others.map(|(_, p)| (10.0 - (place.ink.distance(p.x, p.y) - p.r)).max(0.0)).sum();
            let wide = place.ink.grow(6.0);
            let names = self.places.iter().flatten().filter(|o| o.ink.overlaps(&wide)).count();
            let lines = self.obstacles.lines.iter().filter(|l| l.touches(&place.ink)).count();
            marks + 5.0 * names as f64 + 6.0 * lines as f64
        };
        let mut best: Option<(f64, Place)> = None;
        for (position, place) in choices.iter().enumerate() {
            let cost = doubt(place) + 1.5 * position as f64;
            if best.is_none_or(|(lowest, _)| cost < lowest) {
                best = Some((cost, *place));
            }
        }
        best.map(|(_, place)| place)
    }
}

/// The name's box in a direction from its point, its nearest edge at the given distance.
pub(super) fn ink(p: &Point, (dx, dy): (f64, f64), reach: f64) -> Rect {
    let x = p.x + dx * reach + (sign(dx) - 1.0) * p.w / 2.0;
    let y = p.y + dy * reach + (sign(dy) - 1.0) * p.h / 2.0;
    Rect::new(x, y, p.w, p.h)
}

/// -1, 0 or 1, with directions close to an axis counted as on it.
fn sign(d: f64) -> f64 {
    if d > 0.5 {
        1.0
    } else if d < -0.5 {
        -1.0
    } else {
        // Between, the box slides along: half-way directions stay distinct.
        d / 0.5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(count: usize) -> Vec<Point> {
        // A dense, lopsided cloud from a small linear congruence: same everywhere.
        let mut seed = 7_u64;
        let mut next = || {
            seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
            (seed % 1000) as f64 / 1000.0
        };
        (0..count)
            .map(|rank| {
                let (x, y) = (next() * 260.0 + 60.0, next() * 260.0 + 60.0);
                Point { x, y, r: 5.0, w: 24.0, h: 13.0, named: true, rank }
            })
            .collect()
    }

    #[test]
    fn names_overlap_neither_names_nor_marks_nor_leaders() {
        let points = cloud(60);
        let bounds = Rect::new(0.0, 0.0, 400.0, 400.0);
        let words = vec![Rect::new(0.0, 0.0, 80.0, 20.0)];
        let obstacles = Obstacles { words, ..Obstacles::default() };
        let places = place(&points, &obstacles, bounds);
        assert!(places.iter().flatten().count() > 30);
        for (i, a) in places.iter().enumerate() {
            let Some(a) = a else { continue };
            assert!(bounds.contains(&a.ink));
            for (j, p) in points.iter().enumerate() {
                assert!(i == j || a.ink.distance(p.x, p.y) >= p.r, "name {i} lies on mark {j}");
            }
            for (j, b) in places.iter().enumerate().filter(|&(j, _)| j != i) {
                let Some(b) = b else { continue };
                assert!(!a.ink.overlaps(&b.ink), "names {i} and {j} overlap");
                assert!(!b.leader.is_some_and(|l| l.touches(&a.ink)), "leader {j} crosses name {i}");
            }
        }
    }

    #[test]
    fn a_lone_point_is_named_beside_its_mark() {
        let points = cloud(1);
        let places = place(&points, &Obstacles::default(), Rect::new(0.0, 0.0, 400.0, 400.0));
        assert!(places[0].is_some_and(|p| p.leader.is_none()));
    }

    #[test]
    fn without_room_a_name_is_left_out() {
        let points = cloud(1);
        let places = place(&points, &Obstacles::default(), Rect::new(0.0, 0.0, 20.0, 10.0));
        assert!(places[0].is_none());
    }
}
