//! Which registrations are one pharmacy.
//!
//! A pharmacy that changes hands gets a new registration, so that its shipments stand under two. They are one where they
//! share a street address, or, where an address is not known, a point on the map *and* a name: places whose street no
//! geocoder finds share the middle of their town with all others there.

/// A registration, as its publisher describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registration {
    /// The name on it.
    pub name: String,
    /// Lines that may hold a street, in any order; post-office boxes are passed over.
    pub addresses: Vec<String>,
    /// City and state, or ZIP code: an address means nothing without.
    pub town: String,
    /// A point, as printed; equal text is the same point.
    pub point: Option<String>,
}

/// The pharmacy of each registration: pharmacies are numbered from 0 in the order in which they first appear.
pub fn merge(registrations: &[Registration]) -> Vec<usize> {
    let mut keys: Vec<(String, usize)> = Vec::new();
    for (row, registration) in registrations.iter().enumerate() {
        let town = registration.town.to_uppercase();
        let streets = registration.addresses.iter().filter_map(|line| street(line));
        keys.extend(streets.map(|street| (format!("street {street}|{town}"), row)));
        if let (Some(point), Some(name)) = (&registration.point, first_word(&registration.name)) {
            keys.push((format!("point {point}|{town}|{name}"), row));
        }
    }
    keys.sort();
    let mut same: Vec<usize> = (0..registrations.len()).collect();
    for pair in keys.windows(2) {
        if pair[0].0 == pair[1].0 {
            let (a, b) = (root(&same, pair[0].1), root(&same, pair[1].1));
            same[a.max(b)] = a.min(b);
        }
    }
    let roots: Vec<usize> = (0..same.len()).map(|row| root(&same, row)).collect();
    let firsts: Vec<usize> = (0..roots.len()).filter(|row| roots[*row] == *row).collect();
    roots.iter().map(|root| firsts.partition_point(|first| first < root)).collect()
}

fn root(same: &[usize], mut row: usize) -> usize {
    while same[row] != row {
        row = same[row];
    }
    row
}

/// A line as a street: a house number and what follows, in capitals, without punctuation and the kind of street, which
/// registrations spell as they like. None for a line without a number or with a box for mail.
fn street(line: &str) -> Option<String> {
    const KINDS: [&str; 20] = [
        "STREET",
        "ST",
        "AVENUE",
        "AVE",
        "ROAD",
        "RD",
        "DRIVE",
        "DR",
        "BOULEVARD",
        "BLVD",
        "LANE",
        "LN",
        "HIGHWAY",
        "HWY",
        "ROUTE",
        "RT",
        "RTE",
        "PLAZA",
        "SUITE",
        "STE",
    ];
    let capital: String =
        line.to_uppercase().chars().map(|c| if c.is_alphanumeric() || c == ' ' { c } else { ' ' }).collect();
    let words: Vec<&str> = capital.split_whitespace().collect();
    let box_for_mail = words.contains(&"BOX");
    let starts_with_number = words.first().is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    if box_for_mail || !starts_with_number || words.len() < 2 {
        return None;
    }
    let kept: Vec<&str> = words.into_iter().filter(|word| !KINDS.contains(word)).collect();
    (kept.len() > 1).then(|| kept.join(" "))
}

/// The first word of a name that tells one business from another.
fn first_word(name: &str) -> Option<String> {
    let capital = name.to_uppercase();
    let words = capital.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 1);
    words.filter(|word| !["THE", "DBA"].contains(word)).map(str::to_owned).next()
}

#[cfg(test)]
mod tests {
    use super::{Registration, merge};

    fn at(name: &str, addresses: &[&str], town: &str, point: Option<&str>) -> Registration {
        let addresses = addresses.iter().map(|line| (*line).to_owned()).collect();
        Registration { name: name.to_owned(), addresses, town: town.to_owned(), point: point.map(str::to_owned) }
    }

    #[test]
    fn one_address_is_one_pharmacy() {
        let merged = merge(&[
            at("OLD OWNER", &["PO BOX 60", "50 LINCOLN STREET"], "KERMIT WV", None),
            at("ELSEWHERE", &["50 LINCOLN ST"], "LOGAN WV", None),
            at("NEW OWNER", &["50 Lincoln St."], "Kermit WV", None),
            at("BOXED A", &["PO BOX 60"], "KERMIT WV", None),
            at("BOXED B", &["PO BOX 60"], "KERMIT WV", None),
        ]);
        assert_eq!(merged, [0, 1, 0, 2, 3]);
    }

    #[test]
    fn a_point_needs_a_name_beside_it() {
        let merged = merge(&[
            at("Hill's Pharmacy, LLC", &[], "MULLENS", Some("37.1,-81.2")),
            at("HILL DRUGS", &[], "MULLENS", Some("37.1,-81.2")),
            at("RIVER PHARMACY", &[], "MULLENS", Some("37.1,-81.2")),
            at("HILL DRUGS", &[], "MULLENS", Some("37.9,-81.2")),
            at("THE RIVER APOTHECARY", &[], "MULLENS", Some("37.1,-81.2")),
        ]);
        assert_eq!(merged, [0, 0, 1, 2, 1]);
    }

    #[test]
    fn sameness_is_passed_on() {
        let merged = merge(&[
            at("A", &["1 MAIN ST"], "X", None),
            at("B", &["2 MAIN ST"], "X", None),
            at("C", &["1 MAIN ST", "2 MAIN ST"], "X", None),
        ]);
        assert_eq!(merged, [0, 0, 0]);
    }
}
