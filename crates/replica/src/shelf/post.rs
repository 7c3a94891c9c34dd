//! The files behind the Post's API, in its repository, and its sums of a state and of a county by pharmacy.

use super::{File, Format, GITHUB, S3, TEXT, file};
use crate::print::arcos_sums as sums;

/// 2020-05-13; no capture holds it.
const PUSHED: u64 = 1_589_328_000;

macro_rules! data {
    ($name:literal) => {
        concat!("/wpinvestigative/arcos-api/3a8bc220c382/data/", $name)
    };
}

pub(super) static FILES: [File; 13] = [
    of(data!("20062012/county_annual.csv"), || sums::csv(&sums::counties("2006_2012")?, "NA")),
    of(data!("county_annual14.csv"), || sums::csv(&sums::counties("2006_2014")?, "")),
    of(data!("20062012/pop_counties_20062012.csv"), || sums::csv(&sums::county_populations("2006_2012")?, "NA")),
    of(data!("pop_counties_20062014.csv"), || sums::csv(&sums::county_populations("2006_2014")?, "NA")),
    of(data!("20062012/pop_states_20062012.csv"), || sums::csv(&sums::state_populations("2006_2012")?, "NA")),
    of(data!("pop_states_20062014.csv"), || sums::saved_csv(&sums::state_populations("2006_2014")?)),
    of(data!("county_fips.csv"), || sums::saved_csv(&sums::county_fips()?)),
    of(data!("not_pharms.csv"), || sums::saved_csv(&sums::not_pharmacies()?)),
    of(data!("buyer_list14.csv"), || sums::csv(&sums::activities()?, "")),
    of(data!("20062012/pharmacies_latlon12.csv"), || sums::csv(&sums::pharmacies_2012()?, "NA")),
    of(data!("pharmacies_counties14.csv"), || sums::csv(&sums::pharmacies_2014()?, "NA")),
    of(data!("20062012/detail_list_reporters.csv"), || sums::quoted_csv(&sums::reporters("2006_2012")?)),
    of(data!("detail_list_reporters14.csv"), || sums::csv(&sums::reporters("2006_2014")?, "")),
];

pub(super) static SUMMARIES: [File; 2] = [
    summary("/dea-pain-pill-database/summary/arcos-wv-county-pharmacy.tsv", || Ok(sums::tsv(&sums::buyer_totals()?))),
    summary("/dea-pain-pill-database/summary/arcos-wv-mingo-54059-pharmacy.tsv", || {
        Ok(sums::tsv(&sums::county_totals("MINGO")?))
    }),
];

/// Dated 2019-07-18.
const fn summary(path: &'static str, print: fn() -> crate::Result<Vec<u8>>) -> File {
    file((S3, path), Format::Tsv, "binary/octet-stream", 1_563_408_000, print)
}

const fn of(path: &'static str, print: fn() -> crate::Result<Vec<u8>>) -> File {
    file((GITHUB, path), Format::Csv, TEXT, PUSHED, print)
}
