//! A dozen places where deaths gather, and how sure that is.
//!
//! Withheld counts are drawn many times ([`crate::impute`]), and each drawing goes through several methods: the spatial scan
//! ([`crate::scan`]) with windows of several sizes, and Gi* ([`crate::local`]) on rates shrunken in several ways. Each run names at most a
//! dozen sets of places; how often a place is in one is what is told, and of the runs together a dozen sets that do not overlap,
//! each with how often it was among them ([`HotSpot`]).
//!
//! A set counts only where its score is above what chance gives: the critical score is the 95th percentile of the best score
//! on maps made under the null. In that null counties differ from each other as they do within states, but without
//! regard to where they lie. Under Kulldorff's own, by which all counties share one rate, nearly every large county
//! is a hot spot; it is there to be compared with ([`Method::PlainScan`]).

use std::collections::BTreeSet;

use crate::draw::Draws;
use crate::impute::{Imputations, impute};
use crate::local::{self, Shrink, Stars};
use crate::normal::quantile;
use crate::place::Place;
use crate::scan::{Cluster, Limits, Windows};
use crate::{Error, scan};

/// A way to find hot spots.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// The spatial scan, with windows so large, for counties that differ.
    Scan(Limits),
    /// Kulldorff's own: counties share one rate, and the null is that they do.
    PlainScan(Limits),
    /// Gi*, on rates shrunken so, over stars of first or second order.
    Local {
        /// What rates are drawn toward.
        shrink: Shrink,
        /// Whether neighbours of neighbours count.
        second_order: bool,
    },
}

impl Method {
    fn scans(self) -> bool {
        matches!(self, Self::Scan(_) | Self::PlainScan(_))
    }
}

/// How hot spots are looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Decides imputations and maps of the null.
    pub seed: u64,
    /// How often withheld counts are drawn.
    pub imputations: usize,
    /// How many maps of the null give the critical score.
    pub replicates: usize,
    /// How likely the null gives a better score than the critical one.
    pub level: f64,
    /// How many sets a run names at most.
    pub most: usize,
    /// The methods; scans and local statistics count for a half each.
    pub methods: Vec<Method>,
}

impl Default for Settings {
    fn default() -> Self {
        let scan = |people| Method::Scan(Limits { people, kilometres: 200.0 });
        let local = |shrink, second_order| Method::Local { shrink, second_order };
        Self {
            seed: 2017,
            imputations: 50,
            replicates: 199,
            level: 0.05,
            most: 12,
            methods: vec![
                scan(0.0025),
                scan(0.005),
                scan(0.01),
                local(Shrink::Global, false),
                local(Shrink::Global, true),
                local(Shrink::Local, false),
                local(Shrink::Local, true),
            ],
        }
    }
}

/// How often a place is in one of the dozen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frequency {
    /// The mean of the two that follow.
    pub share: f64,
    /// The share of scans.
    pub scan: f64,
    /// The share of local statistics.
    pub local: f64,
    /// The share of all runs in which it is the middle of one; scans and local statistics count for a half each.
    pub centre: f64,
}

/// One of the dozen, over all runs: a set that some run named.
#[derive(Debug, Clone, PartialEq)]
pub struct HotSpot {
    /// The places in it, in order.
    pub members: Vec<usize>,
    /// The share of runs that name it: in which at least half of its places lie in what the run named. Scans and local statistics
    /// count for a half each.
    pub share: f64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// A row for each place, in their order.
    pub places: Vec<Frequency>,
    /// The dozen, those named oftenest first.
    pub dozen: Vec<HotSpot>,
    /// For each method its critical score.
    pub critical: Vec<f64>,
    /// For each method how many sets a run named, on average.
    pub sets: Vec<f64>,
    /// How alike counties of a state are: the shape α.
    pub shape: f64,
}

/// Looks for hot spots.
pub fn find(places: &[Place], settings: &Settings) -> Result<Found, Error> {
    let of_kind = |scan: bool| settings.methods.iter().filter(|method| method.scans() == scan).count();
    let (scans, locals) = (of_kind(true) as f64, of_kind(false) as f64);
    if settings.methods.is_empty() {
        return Err(Error::Setting("no methods"));
    }
    // Where only one kind is asked for, its share is the whole.
    let half = if scans > 0.0 && locals > 0.0 { 0.5 } else { 1.0 };
    if settings.replicates < 19 {
        return Err(Error::Setting("at least 19 maps of the null"));
    }
    let imputed = impute(places, settings.imputations, settings.seed)?;
    let exposure: Vec<f64> = places.iter().map(|place| place.exposure).collect();
    let nulls = maps_of_the_null(&exposure, &imputed, true, settings);
    let plain = settings.methods.iter().any(|method| matches!(method, Method::PlainScan(_)));
    let plain = if plain { maps_of_the_null(&exposure, &imputed, false, settings) } else { Vec::new() };
    let none = Frequency { share: 0.0, scan: 0.0, local: 0.0, centre: 0.0 };
    let mut found = Found {
        places: vec![none; places.len()],
        dozen: Vec::new(),
        critical: Vec::new(),
        sets: Vec::new(),
        shape: imputed.shape,
    };
    let mut runs = Vec::new();
    for method in &settings.methods {
        let prepared = Prepared::of(*method, places, imputed.shape);
        let nulls = if matches!(method, Method::PlainScan(_)) { &plain } else { &nulls };
        let mut tops: Vec<f64> = nulls.iter().map(|counts| prepared.top(counts, &exposure)).collect();
        tops.sort_by(f64::total_cmp);
        let critical = quantile(&tops, 1.0 - settings.level);
        let mut sets = 0;
        let kind = if method.scans() { scans } else { locals };
        let part = 1.0 / (kind * settings.imputations as f64);
        for counts in &imputed.counts {
            let clusters = prepared.clusters(counts, &exposure, critical, settings.most);
            runs.push(Run::of(&clusters, part * half, places.len()));
            for cluster in clusters {
                sets += 1;
                found.places[cluster.centre].centre += part * half;
                for i in cluster.members {
                    let place = &mut found.places[i];
                    place.share += part * half;
                    *(if method.scans() { &mut place.scan } else { &mut place.local }) += part;
                }
            }
        }
        found.critical.push(critical);
        found.sets.push(f64::from(sets) / settings.imputations as f64);
    }
    found.dozen = dozen(&runs, &exposure, settings.most);
    Ok(found)
}

/// What one run named.
struct Run {
    sets: Vec<Vec<usize>>,
    /// For each place whether it is in one of them.
    is_named: Vec<bool>,
    /// What the run counts for, of 1.
    part: f64,
}

impl Run {
    fn of(clusters: &[Cluster], part: f64, places: usize) -> Self {
        let mut is_named = vec![false; places];
        clusters.iter().flat_map(|cluster| &cluster.members).for_each(|place| is_named[*place] = true);
        let sets = clusters.iter().map(|cluster| {
            let mut members = cluster.members.clone();
            members.sort_unstable();
            members
        });
        Self { sets: sets.collect(), is_named, part }
    }

    fn names(&self, members: &[usize]) -> bool {
        2 * members.iter().filter(|place| self.is_named[**place]).count() >= members.len()
    }
}

/// Of all sets that any run named the one that most runs name, then the one of those that do not overlap with it, and so on. Of sets
/// that are named alike the one of more people comes first: it says more.
fn dozen(runs: &[Run], exposure: &[f64], most: usize) -> Vec<HotSpot> {
    let every: BTreeSet<&Vec<usize>> = runs.iter().flat_map(|run| &run.sets).collect();
    let people = |members: &[usize]| members.iter().map(|place| exposure[*place]).sum::<f64>();
    let named = |members: &Vec<usize>| runs.iter().filter(|run| run.names(members)).map(|run| run.part).sum::<f64>();
    let mut candidates: Vec<(HotSpot, f64)> = every
        .into_iter()
        .map(|members| (HotSpot { members: members.clone(), share: named(members) }, people(members)))
        .collect();
    // Shares are sums of equal parts, which floats add up differently: alike is alike to a thousandth.
    let thousandths = |spot: &HotSpot| (spot.share * 1_000.0).round();
    candidates.sort_by(|(a, many), (b, more)| {
        let by_share = thousandths(b).total_cmp(&thousandths(a));
        by_share.then(more.total_cmp(many)).then_with(|| a.members.cmp(&b.members))
    });
    let mut chosen: Vec<HotSpot> = Vec::new();
    let mut is_taken = vec![false; exposure.len()];
    for (spot, _) in candidates {
        if chosen.len() == most {
            break;
        }
        if spot.members.iter().all(|place| !is_taken[*place]) {
            spot.members.iter().for_each(|place| is_taken[*place] = true);
            chosen.push(spot);
        }
    }
    chosen
}

/// Maps on which counties differ as they do within states, or not at all, wherever they lie.
fn maps_of_the_null(exposure: &[f64], imputed: &Imputations, differ: bool, settings: &Settings) -> Vec<Vec<f64>> {
    let people: f64 = exposure.iter().sum();
    let deaths = imputed.counts.iter().map(|counts| counts.iter().sum::<f64>()).sum::<f64>();
    let rate = deaths / imputed.counts.len() as f64 / people;
    // A log-normal of the gamma's mean and variance: its longer tail makes more that looks like a hot spot by chance.
    let spread = libm::log(1.0 + 1.0 / imputed.shape);
    (0..settings.replicates)
        .map(|map| {
            let mut draws = Draws::new(settings.seed, 1_000 + map as u64);
            let count = |people: &f64| {
                let own = if differ { libm::exp(libm::sqrt(spread) * draws.normal() - spread / 2.0) } else { 1.0 };
                draws.poisson(own * rate * people)
            };
            exposure.iter().map(count).collect()
        })
        .collect()
}

/// A method with what it needs of the map.
enum Prepared {
    Scan(scan::Windows),
    Local(Shrink, Stars, Stars),
}

impl Prepared {
    fn of(method: Method, places: &[Place], shape: f64) -> Self {
        match method {
            Method::Scan(limits) => Self::Scan(Windows::over(places, limits, Some(shape))),
            Method::PlainScan(limits) => Self::Scan(Windows::over(places, limits, None)),
            Method::Local { shrink, second_order } => {
                Self::Local(shrink, Stars::of(places, false), Stars::of(places, second_order))
            }
        }
    }

    fn values(&self, counts: &[f64], exposure: &[f64]) -> Vec<f64> {
        match self {
            Self::Scan(_) => Vec::new(),
            Self::Local(shrink, near, stars) => {
                local::statistic(&local::shrink(counts, exposure, *shrink, near), stars)
            }
        }
    }

    fn top(&self, counts: &[f64], exposure: &[f64]) -> f64 {
        match self {
            Self::Scan(windows) => windows.top(counts),
            Self::Local(..) => self.values(counts, exposure).into_iter().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    fn clusters(&self, counts: &[f64], exposure: &[f64], critical: f64, most: usize) -> Vec<Cluster> {
        match self {
            Self::Scan(windows) => windows.clusters(counts, critical, most),
            Self::Local(_, _, stars) => local::clusters(&self.values(counts, exposure), stars, critical, most),
        }
    }
}

#[cfg(test)]
mod tests;
