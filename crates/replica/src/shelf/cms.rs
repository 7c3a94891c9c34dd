//! An analyst's copies of the sheets of CMS's mapping tool.

use super::{File, Format, GITHUB, TEXT, file};
use crate::print::cms;

/// 2019-05-01; no capture holds it.
const PUSHED: u64 = 1_556_668_800;

macro_rules! input {
    ($name:literal) => {
        concat!("/KirosG/Predicting-prescriber-induced-ovedoses/f844d4daa6ec/inputs/", $name)
    };
}

pub(super) static FILES: [File; 2] = [
    file((GITHUB, input!("Prescriber_state.csv")), Format::Csv, TEXT, PUSHED, cms::opioids_by_state),
    file((GITHUB, input!("Prescriber_county.csv")), Format::Csv, TEXT, PUSHED, cms::opioids_by_county),
];
