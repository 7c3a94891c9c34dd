//! A population of pharmacies with planted outliers, and with others that look like them and are not.

use crate::draw::Draws;
use crate::outliers::{Change, Unit};
use crate::registration::{Registration, merge};

/// What a pharmacy is in truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// Like its peers.
    Ordinary,
    /// Shipments many times its peers', in both periods.
    Outlier,
    /// An ordinary pharmacy at first, whose shipments multiply in the second period.
    Surge,
    /// It ships by mail to people far away.
    MailOrder,
    /// It serves nursing homes.
    LongTermCare,
    /// It serves the dying.
    Hospice,
    /// It serves people from across the county's border.
    Border,
    /// It was sold between the periods, and has a registration for each owner.
    ChangedOwner,
}

/// What population is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Counties in a row, and rows.
    pub side: usize,
    /// Outliers; decoys are there in proportion.
    pub outliers: usize,
    /// How many times their peers' an outlier's shipments are: from, to.
    pub times: (f64, f64),
    /// Whether there are decoys.
    pub decoys: bool,
    /// How much pharmacies differ among peers, as a deviation of logarithms.
    pub spread: f64,
    /// The share of pharmacies that were open for a part of one period alone.
    pub part_time: f64,
    /// Whether it is known who was open when; else all seem to have been, always.
    pub open_is_known: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            side: 12,
            outliers: 25,
            times: (5.0, 15.0),
            decoys: true,
            spread: 0.55,
            part_time: 0.15,
            open_is_known: true,
        }
    }
}

/// A registration, and what is true of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulated {
    /// As it is registered.
    pub registration: Registration,
    /// What it is.
    pub truth: Truth,
    /// Whether a public list says that it is no pharmacy for the public around it.
    pub listed: bool,
    /// Chain (1) or independent (0).
    pub kind: u32,
    /// The class of its county.
    pub place: u32,
    /// Residents of its county for each pharmacy there.
    pub residents: f64,
    /// Residents of its county and of those around it for each pharmacy in all of them.
    pub around: f64,
    /// Dosage units shipped in either period.
    pub shipped: [f64; 2],
    /// Shipments in either period.
    pub shipments: [f64; 2],
    /// The share of either period in which it was open.
    pub open: [f64; 2],
}

/// How far residents are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// Those of the county.
    County,
    /// Those of the county and of those around it.
    Around,
}

/// Makes a population.
pub fn generate(settings: &Settings, seed: u64) -> Vec<Simulated> {
    let mut draws = Draws::new(seed, 3);
    let side = settings.side;
    let counties: Vec<(f64, usize, f64)> = (0..side * side)
        .map(|i| {
            let people = libm::exp(10.3 + 1.1 * draws.normal()).clamp(3_000.0, 800_000.0);
            let pharmacies = libm::floor(people / 4_000.0).max(1.0) as usize;
            let state_level = 0.25 * f64::from((i % side / 4) as u32);
            (people, pharmacies.min(60), libm::exp(state_level + 0.25 * draws.normal()))
        })
        .collect();
    let around = |i: usize| {
        let (row, column) = (i / side, i % side);
        let near = (0..side * side).filter(|j| row.abs_diff(j / side) <= 1 && column.abs_diff(j % side) <= 1);
        let (people, pharmacies) = near.fold((0.0, 0), |sum, j| (sum.0 + counties[j].0, sum.1 + counties[j].1));
        people / pharmacies as f64
    };
    let mut pharmacies = Vec::new();
    for (i, (people, count, demand)) in counties.iter().enumerate() {
        let class = if *people < 25_000.0 {
            0
        } else if *people < 100_000.0 {
            1
        } else {
            2
        };
        for shop in 0..*count {
            let chain = draws.uniform() < 0.45;
            let share = libm::exp(settings.spread * draws.normal()) * if chain { 1.3 } else { 1.0 };
            let yearly = people / *count as f64 * demand * share * 40.0;
            let street = format!("{} MAIN STREET", 1 + shop);
            pharmacies.push((
                yearly,
                Simulated {
                    registration: Registration {
                        name: format!("PHARMACY {shop}"),
                        addresses: vec![street],
                        town: format!("COUNTY {i}"),
                        point: None,
                    },
                    truth: Truth::Ordinary,
                    listed: false,
                    kind: u32::from(chain),
                    place: class + 10 * (i % side / 4) as u32,
                    residents: people / *count as f64,
                    around: around(i),
                    shipped: [0.0; 2],
                    shipments: [0.0; 2],
                    open: [1.0; 2],
                },
            ));
        }
    }
    plant(&mut draws, &mut pharmacies, settings);
    let mut registrations = Vec::new();
    for (yearly, mut pharmacy) in pharmacies {
        let own_change = libm::exp(0.15 * draws.normal());
        let surge = if pharmacy.truth == Truth::Surge { draws.between(5.0, 10.0) } else { 1.0 };
        if pharmacy.truth == Truth::Ordinary && draws.uniform() < settings.part_time {
            // Opened late, or closed early; the shortest were open for a few weeks of six years.
            let open = draws.between(0.02, 2.0);
            let opened = draws.uniform() < 0.5;
            pharmacy.open = [open.min(1.0), (open - 1.0).max(0.0)];
            if opened {
                pharmacy.open.reverse();
            }
        }
        let [first, second] = pharmacy.open;
        let means = [3.0 * yearly * first, 3.3 * yearly * own_change * surge * second];
        if !settings.open_is_known {
            pharmacy.open = [1.0; 2];
        }
        // Orders of some 450 tablets, which vary as much as they are large.
        for (period, mean) in means.into_iter().enumerate() {
            let shipments = draws.poisson(mean / 450.0);
            pharmacy.shipments[period] = shipments;
            pharmacy.shipped[period] =
                if shipments > 0.0 { libm::rint(450.0 * draws.gamma(shipments, 1.0)) } else { 0.0 };
        }
        if pharmacy.truth == Truth::ChangedOwner {
            let mut sold = pharmacy.clone();
            pharmacy.shipped[1] = 0.0;
            pharmacy.shipments[1] = 0.0;
            sold.shipped[0] = 0.0;
            sold.shipments[0] = 0.0;
            pharmacy.open[1] = 0.0;
            sold.open[0] = 0.0;
            "NEW OWNER".clone_into(&mut sold.registration.name);
            // One in ten is registered by a box for mail, and cannot be told to be the same.
            if draws.uniform() < 0.1 {
                sold.registration.addresses = vec!["PO BOX 7".to_owned()];
            }
            registrations.push(sold);
        }
        registrations.push(pharmacy);
    }
    registrations
}

/// Makes some of them what they are. Lists know nine of ten mail-order pharmacies, and fewer of the others.
fn plant(draws: &mut Draws, pharmacies: &mut [(f64, Simulated)], settings: &Settings) {
    let n = settings.outliers;
    let decoys = |share: usize| if settings.decoys { n * share / 25 } else { 0 };
    let planted = [
        (Truth::Outlier, n, settings.times, 0.0),
        (Truth::Surge, n / 5, (1.0, 1.0), 0.0),
        (Truth::MailOrder, decoys(6), (20.0, 60.0), 0.9),
        (Truth::LongTermCare, decoys(10), (2.0, 5.0), 0.6),
        (Truth::Hospice, decoys(6), (1.5, 4.0), 0.5),
        (Truth::Border, decoys(12), (1.0, 1.0), 0.0),
        (Truth::ChangedOwner, decoys(25), (1.0, 1.0), 0.0),
    ];
    for (truth, count, (low, high), listed) in planted {
        let mut left = count;
        for _ in 0..100_000 {
            if left == 0 {
                break;
            }
            let (yearly, pharmacy) = &mut pharmacies[draws.below(pharmacies.len())];
            let border = truth == Truth::Border;
            if pharmacy.truth != Truth::Ordinary || (border && pharmacy.around < 1.2 * pharmacy.residents) {
                continue;
            }
            pharmacy.truth = truth;
            pharmacy.listed = draws.uniform() < listed;
            *yearly *= if border { pharmacy.around / pharmacy.residents * 1.5 } else { draws.between(low, high) };
            left -= 1;
        }
    }
}

/// Pharmacies as they would be compared: what is listed is left out, registrations of one address are one.
pub fn units(population: &[Simulated], exposure: Exposure) -> (Vec<Unit>, Vec<Change>, Vec<Truth>) {
    let kept: Vec<&Simulated> = population.iter().filter(|pharmacy| !pharmacy.listed).collect();
    let registrations: Vec<Registration> = kept.iter().map(|pharmacy| pharmacy.registration.clone()).collect();
    let (mut units, mut changes, mut truths) = (Vec::<Unit>::new(), Vec::<Change>::new(), Vec::new());
    for (pharmacy, number) in kept.iter().zip(merge(&registrations)) {
        let shipped: f64 = pharmacy.shipped.iter().sum();
        let shipments: f64 = pharmacy.shipments.iter().sum();
        if number == units.len() {
            let residents = if exposure == Exposure::County { pharmacy.residents } else { pharmacy.around };
            let (kind, place) = (pharmacy.kind, pharmacy.place);
            units.push(Unit { kind, place, size: residents, residents, shipped, shipments });
            let [first, second] = pharmacy.shipped;
            changes.push(Change { peers: place, first, second, open: pharmacy.open });
            truths.push(pharmacy.truth);
        } else {
            for (open, more) in changes[number].open.iter_mut().zip(pharmacy.open) {
                *open = (*open + more).min(1.0);
            }
            units[number].shipped += shipped;
            units[number].shipments += shipments;
            changes[number].first += pharmacy.shipped[0];
            changes[number].second += pharmacy.shipped[1];
        }
    }
    for (unit, change) in units.iter_mut().zip(&changes) {
        unit.residents *= ((change.open[0] + change.open[1]) / 2.0).max(0.01);
    }
    (units, changes, truths)
}
