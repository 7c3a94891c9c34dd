//! How well two identities agree, field by field, in a few levels.

use crate::identity::{Born, Identity, Name};

/// The fields that are compared.
pub const FIELDS: [&str; 5] = ["first name", "last name", "date of birth", "sex", "place"];

/// How many levels each field has; the highest is full agreement, 0 is none.
pub(crate) const LEVELS: [usize; 5] = [4, 4, 3, 2, 3];

/// Places in [`FIELDS`].
pub(crate) const FIRST: usize = 0;
pub(crate) const LAST: usize = 1;
pub(crate) const BORN: usize = 2;
pub(crate) const PLACE: usize = 4;

/// Two names are alike from this share of common pairs of letters on: a slip in a name of six letters or more leaves as much.
const ALIKE: f64 = 0.6;

/// The level of each field; none where either row left it out.
pub(crate) type Levels = [Option<u8>; 5];

/// Compares two identities.
pub(crate) fn compare(one: &Identity, two: &Identity) -> Levels {
    [
        both(one.first.as_ref(), two.first.as_ref()).map(|(one, two)| first(one, two)),
        both(one.last.as_ref(), two.last.as_ref()).map(|(one, two)| last(one, two)),
        both(one.born.as_ref(), two.born.as_ref()).map(|(one, two)| born(one, two)),
        both(one.sex, two.sex).map(|(one, two)| u8::from(one == two)),
        place(one, two),
    ]
}

fn both<T>(one: Option<T>, two: Option<T>) -> Option<(T, T)> {
    one.zip(two)
}

/// 3 the same, 2 the same behind a nickname, 1 alike in letters or sound.
fn first(one: &Name, two: &Name) -> u8 {
    if one.whole == two.whole {
        3
    } else if one.given == two.given {
        2
    } else {
        u8::from(is_alike(one, two))
    }
}

/// 3 the same, 2 a word of a double name in common, 1 alike in letters or sound.
fn last(one: &Name, two: &Name) -> u8 {
    if one.whole == two.whole {
        3
    } else if one.words.iter().any(|word| two.words.contains(word)) {
        2
    } else {
        u8::from(is_alike(one, two))
    }
}

fn is_alike(one: &Name, two: &Name) -> bool {
    one.sound == two.sound || one.likeness(two) >= ALIKE
}

/// 2 the same, 1 day and month swapped, or two of year, month and day the same.
fn born(one: &Born, two: &Born) -> u8 {
    if one.whole == two.whole {
        return 2;
    }
    let half = one.halves.iter().zip(&two.halves).any(|(one, two)| one == two);
    u8::from(half || one.whole == two.swapped)
}

/// 2 the same ZIP code, 1 the same county.
fn place(one: &Identity, two: &Identity) -> Option<u8> {
    let zip = both(one.zip, two.zip).map(|(one, two)| one == two);
    let county = both(one.county, two.county).map(|(one, two)| one == two);
    match (zip, county) {
        (Some(true), _) => Some(2),
        (_, Some(true)) => Some(1),
        (None, None) => None,
        _ => Some(0),
    }
}
