//! Units, such as pharmacies, whose shipments exceed what their peers received.
//!
//! Peers are alike in kind (chain, independent), place (a class of places, in a state) and size; [`crate::peers`] says what
//! they would have received in a unit's place. A county is on purpose no peer group: where most of a county's pharmacies
//! stand out, they would be each other's measure.
//!
//! 1. Shipped units are counted in typical shipments, so that the spread of a count is that of orders, not of tablets.
//! 2. The regression is fitted; each count becomes a z-value; the empirical null ([`crate::null`]) says how ordinary ones spread.
//! 3. Units found to stand out no longer say what is usual, and the fit is made again, at most [`ROUNDS`] times.
//! 4. The posterior is drawn from: how each unit's rate compares with its peers', and its rank.
//!
//! A unit *stands out* where its false-discovery rate is low *and* its rate is likely above twice its peers'. That is said
//! of shipments in a period. It is no evidence of wrongdoing: a pharmacy that serves a hospice, a nursing home or the county
//! across the border stands out as well, unless a column says so.

use crate::draw::Draws;
use crate::null::{FEWEST, Null, q_values};
use crate::peers::{self, Design, log_mean};
use crate::{Error, normal};

/// A pharmacy in a period, as it is compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// Its kind, as a number: chain, independent…
    pub kind: u32,
    /// The class of its place, as a number: a state's rural counties…
    pub place: u32,
    /// How large the business is that it could do, in any unit, above 0; a covariate, by its logarithm.
    pub size: f64,
    /// The residents that it would serve if all its neighbours did their share, times the share of the period in which it
    /// was open where that is known; above 0.
    pub residents: f64,
    /// What was shipped to it in the period: dosage units, or milligrams of label MME.
    pub shipped: f64,
    /// In how many shipments, at least 0.
    pub shipments: f64,
}

/// How units are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Decides the posterior's draws.
    pub seed: u64,
    /// How many draws.
    pub draws: usize,
    /// How often peers' rate is too much: 2.
    pub times: f64,
    /// How likely a rate must be above that.
    pub certainty: f64,
    /// The rate of false discoveries that is allowed.
    pub false_discoveries: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { seed: 2017, draws: 1_000, times: 2.0, certainty: 0.9, false_discoveries: 0.05 }
    }
}

/// How a unit compares with its peers.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// What its peers would have been shipped in its place: the fit's mean.
    pub expected: f64,
    /// Its rate as a multiple of its peers', the posterior's mean, and the ends of its 90 % interval.
    pub ratio: f64,
    /// The lower end.
    pub ratio_low: f64,
    /// The upper end.
    pub ratio_high: f64,
    /// How likely its rate is above [`Settings::times`] its peers'.
    pub exceeds: f64,
    /// Its z-value, by the empirical null.
    pub z: f64,
    /// One-sided p-value by the empirical null.
    pub p: f64,
    /// The lowest rate of false discoveries at which it is one.
    pub q: f64,
    /// Its place from the top by the ratio: the posterior's mean rank, and the ends of its 90 % interval.
    pub rank: f64,
    /// The best rank of the interval.
    pub rank_low: u32,
    /// The worst rank of the interval.
    pub rank_high: u32,
    /// Whether it stands out.
    pub stands_out: bool,
}

/// What was learnt of all units together.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// A row for each unit, in their order.
    pub units: Vec<Compared>,
    /// The null of the last round.
    pub null: Null,
    /// The shape α of the most likely fit: 1/√α is how much peers differ among themselves.
    pub shape: f64,
    /// The spread τ of peer groups there.
    pub spread: f64,
    /// How many units do not say what is usual, because they stood out in the round before.
    pub set_aside: usize,
    /// What a typical shipment holds, as [`growth`] takes it.
    pub typical: f64,
}

/// How often the fit is made at most.
pub const ROUNDS: usize = 4;

/// A typical shipment holds so many times the mean: lines of one order vary, so that they count for fewer.
const LUMPS: f64 = 2.0;

/// Compares units with their peers.
///
/// Fails where there are fewer than [`FEWEST`], or a number cannot be.
pub fn compare(units: &[Unit], settings: &Settings) -> Result<Comparison, Error> {
    let table = Table::of(units)?;
    if settings.draws == 0 {
        return Err(Error::Setting("no draws"));
    }
    let mut usual = vec![true; units.len()];
    for _ in 1..ROUNDS {
        let design = table.design(&usual);
        let judged = Judged::of(&design, &peers::grid(&design, true))?;
        let next: Vec<bool> = judged.q.iter().map(|q| *q > settings.false_discoveries).collect();
        if next == usual {
            break;
        }
        usual = next;
    }
    let design = table.design(&usual);
    let points = peers::grid(&design, false);
    let judged = Judged::of(&design, &points)?;
    let seen = posterior(&design, &points, settings);
    let rows = seen.into_iter().enumerate().map(|(unit, seen)| Compared {
        expected: judged.means[unit] * table.typical,
        ratio: seen.ratio,
        ratio_low: seen.ratio_low,
        ratio_high: seen.ratio_high,
        exceeds: seen.exceeds,
        z: judged.null.standardise(judged.z[unit]),
        p: judged.p[unit],
        q: judged.q[unit],
        rank: seen.rank,
        rank_low: seen.rank_low,
        rank_high: seen.rank_high,
        stands_out: judged.q[unit] <= settings.false_discoveries && seen.exceeds >= settings.certainty,
    });
    Ok(Comparison {
        units: rows.collect(),
        null: judged.null,
        shape: judged.shape,
        spread: judged.spread,
        set_aside: usual.iter().filter(|usual| !**usual).count(),
        typical: table.typical,
    })
}

/// Every unit against the most likely fit.
struct Judged {
    means: Vec<f64>,
    z: Vec<f64>,
    p: Vec<f64>,
    q: Vec<f64>,
    null: Null,
    shape: f64,
    spread: f64,
}

impl Judged {
    fn of(design: &Design<'_>, points: &[peers::Point]) -> Result<Self, Error> {
        let best = peers::best(points).ok_or(Error::Setting("no grid"))?;
        let means: Vec<f64> = (0..design.y.len()).map(|unit| libm::exp(best.log_mean(design, unit))).collect();
        let z: Vec<f64> =
            design.y.iter().zip(&means).map(|(y, mean)| normal::z_of_count(*y, *mean, best.alpha)).collect();
        let null = Null::fit(&z)?;
        let p: Vec<f64> = z.iter().map(|z| null.p_value(*z)).collect();
        let q = q_values(&p);
        Ok(Self { means, z, p, q, null, shape: best.alpha, spread: best.tau })
    }
}

/// Units as the regression takes them.
struct Table {
    y: Vec<f64>,
    offset: Vec<f64>,
    x: Vec<f64>,
    width: usize,
    group: Vec<usize>,
    groups: usize,
    /// What one count stands for.
    typical: f64,
}

impl Table {
    fn of(units: &[Unit]) -> Result<Self, Error> {
        if units.len() < FEWEST {
            return Err(Error::TooFew { has: units.len(), wants: FEWEST });
        }
        for (row, unit) in units.iter().enumerate() {
            let positive = |number: f64| number.is_finite() && number > 0.0;
            let at_least_zero = |number: f64| number.is_finite() && number >= 0.0;
            if !positive(unit.size) || !positive(unit.residents) {
                return Err(Error::Row { row, what: "size and residents must be above 0" });
            }
            if !at_least_zero(unit.shipped) || !at_least_zero(unit.shipments) {
                return Err(Error::Row { row, what: "shipments must be at least 0" });
            }
        }
        let shipped: f64 = units.iter().map(|unit| unit.shipped).sum();
        let shipments: f64 = units.iter().map(|unit| unit.shipments).sum();
        if shipped <= 0.0 || shipments <= 0.0 {
            return Err(Error::Setting("nothing was shipped to anyone"));
        }
        let typical = LUMPS * shipped / shipments;
        let mut kinds: Vec<u32> = units.iter().map(|unit| unit.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut peers: Vec<(u32, u32)> = units.iter().map(|unit| (unit.kind, unit.place)).collect();
        peers.sort_unstable();
        peers.dedup();
        let middle = units.iter().map(|unit| libm::log(unit.size)).sum::<f64>() / units.len() as f64;
        // Intercept, size, and each kind but the first.
        let width = 1 + kinds.len();
        let mut x = Vec::with_capacity(units.len() * width);
        for unit in units {
            x.extend([1.0, libm::log(unit.size) - middle]);
            x.extend(kinds.iter().skip(1).map(|kind| f64::from(u8::from(*kind == unit.kind))));
        }
        // The first guess stands near the answer: what was shipped per resident.
        let residents: f64 = units.iter().map(|unit| unit.residents).sum();
        let level = libm::log(shipped / typical / residents);
        let group = units.iter().map(|unit| peers.partition_point(|peer| *peer < (unit.kind, unit.place)));
        Ok(Self {
            y: units.iter().map(|unit| unit.shipped / typical).collect(),
            offset: units.iter().map(|unit| libm::log(unit.residents) + level).collect(),
            x,
            width,
            group: group.collect(),
            groups: peers.len(),
            typical,
        })
    }

    fn design<'a>(&'a self, counts: &'a [bool]) -> Design<'a> {
        Design {
            y: &self.y,
            offset: &self.offset,
            x: &self.x,
            width: self.width,
            group: &self.group,
            groups: self.groups,
            counts,
        }
    }
}

/// What the draws say of one unit.
struct Seen {
    ratio: f64,
    ratio_low: f64,
    ratio_high: f64,
    exceeds: f64,
    rank: f64,
    rank_low: u32,
    rank_high: u32,
}

fn posterior(design: &Design<'_>, points: &[peers::Point], settings: &Settings) -> Vec<Seen> {
    let n = design.y.len();
    let weights = peers::weights(points);
    let mut draws = Draws::new(settings.seed, 0);
    let mut ratios = vec![Vec::with_capacity(settings.draws); n];
    let mut ranks = vec![Vec::with_capacity(settings.draws); n];
    for _ in 0..settings.draws {
        let point = &points[draws.among(&weights)];
        let (beta, u) = point.draw(&mut draws);
        let mut ratio = |unit| {
            let mean = libm::exp(log_mean(design, unit, &beta, &u));
            draws.gamma(point.alpha + design.y[unit], point.alpha + mean)
        };
        let theta: Vec<f64> = (0..n).map(&mut ratio).collect();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|a, b| theta[*b].total_cmp(&theta[*a]).then(a.cmp(b)));
        for (rank, unit) in order.iter().enumerate() {
            ranks[*unit].push((rank + 1) as f64);
            ratios[*unit].push(theta[*unit]);
        }
    }
    let count = settings.draws as f64;
    let seen = ratios.iter_mut().zip(&mut ranks).map(|(ratios, ranks)| {
        ratios.sort_by(f64::total_cmp);
        ranks.sort_by(f64::total_cmp);
        Seen {
            ratio: ratios.iter().sum::<f64>() / count,
            ratio_low: normal::quantile(ratios, 0.05),
            ratio_high: normal::quantile(ratios, 0.95),
            exceeds: ratios.iter().filter(|ratio| **ratio > settings.times).count() as f64 / count,
            rank: ranks.iter().sum::<f64>() / count,
            rank_low: libm::floor(normal::quantile(ranks, 0.05)) as u32,
            rank_high: libm::ceil(normal::quantile(ranks, 0.95)) as u32,
        }
    });
    seen.collect()
}

/// Shipments to a unit in two periods.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its peers, as a number.
    pub peers: u32,
    /// Shipped in the first period.
    pub first: f64,
    /// Shipped in the second.
    pub second: f64,
    /// The share of either period in which it was open, from its first shipment to its last.
    pub open: [f64; 2],
}

/// How a unit's shipments grew against its peers'.
#[derive(Debug, Clone, PartialEq)]
pub struct Growth {
    /// Second period over first, as a multiple of the peers' median.
    pub ratio: f64,
    /// Its z-value, by the empirical null.
    pub z: f64,
    /// The lowest rate of false discoveries at which it is one.
    pub q: f64,
}

/// How shipments changed from one period to the next, per time that a unit was open, against peers' median change; none
/// for a unit that was open for less than half of either: to open or to close is no growth. `typical` is what a typical
/// shipment holds.
///
/// Fails where fewer than [`FEWEST`] units have shipments in both periods.
pub fn growth(changes: &[Change], typical: f64) -> Result<Vec<Option<Growth>>, Error> {
    if !(typical.is_finite() && typical > 0.0) {
        return Err(Error::Setting("a typical shipment holds something"));
    }
    let open = |change: &Change| {
        change.first > 0.0 && change.second > 0.0 && change.open.iter().all(|open| (0.5..=1.0).contains(open))
    };
    let both: Vec<usize> = (0..changes.len()).filter(|i| open(&changes[*i])).collect();
    if both.len() < FEWEST {
        return Err(Error::TooFew { has: both.len(), wants: FEWEST });
    }
    let log_of = |i: usize| {
        let [first, second] = changes[i].open;
        libm::log(changes[i].second / second / (changes[i].first / first))
    };
    let mut groups: Vec<u32> = both.iter().map(|i| changes[*i].peers).collect();
    groups.sort_unstable();
    groups.dedup();
    let overall = normal::median(&both.iter().map(|i| log_of(*i)).collect::<Vec<_>>());
    // A small group's median is drawn toward that of all, as if five of all stood in it.
    let medians: Vec<f64> = groups
        .iter()
        .map(|group| {
            let own: Vec<f64> = both.iter().filter(|i| changes[**i].peers == *group).map(|i| log_of(*i)).collect();
            let n = own.len() as f64;
            (n * normal::median(&own) + 5.0 * overall) / (n + 5.0)
        })
        .collect();
    let beyond: Vec<f64> =
        both.iter().map(|i| log_of(*i) - medians[groups.partition_point(|group| *group < changes[*i].peers)]).collect();
    let spread = 1.4826 * normal::median(&beyond.iter().map(|beyond| beyond.abs()).collect::<Vec<_>>());
    let z: Vec<f64> = both
        .iter()
        .zip(&beyond)
        .map(|(i, beyond)| {
            let by_chance = typical / changes[*i].first + typical / changes[*i].second;
            beyond / libm::sqrt(spread * spread + by_chance)
        })
        .collect();
    let null = Null::fit(&z)?;
    let q = q_values(&z.iter().map(|z| null.p_value(*z)).collect::<Vec<_>>());
    let mut grown = vec![None; changes.len()];
    for (at, i) in both.iter().enumerate() {
        let ratio = libm::exp(beyond[at]);
        grown[*i] = Some(Growth { ratio, z: null.standardise(z[at]), q: q[at] });
    }
    Ok(grown)
}

#[cfg(test)]
mod tests;
