//! Medicare Part D by prescriber and by place. All rows are invented: none was captured. The identifiers of the years are the
//! publisher's.

use super::Failure;
use super::out::{Folder, Source};
use std::path::Path;

pub fn make(_captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    let mut source = Source {
        publisher: "Centers for Medicare & Medicaid Services",
        title: "Medicare Part D Prescribers, by Provider and Drug and by Geography and Drug, 2013-2024",
        grade: "invented",
        credit: "hand-made, no capture",
        licence: "public domain (U.S. Government work)",
        kept: "the identifiers under which the publisher has each year, as many programs name them; no figure",
        left_out: "everything: only the shape is the publisher's, from other people's programs",
        masked: "nothing: no persons",
        ours: "hand-made, no capture: no drug is called so, and no National Provider Identifier begins with 0",
        ..Source::default()
    };
    let ids: Vec<Vec<String>> = IDS
        .iter()
        .flat_map(|(table, ids)| ids.iter().zip(2013..).map(move |(id, year)| (table, id, year)))
        .map(|(table, id, year)| vec![(*table).to_owned(), year.to_string(), (*id).to_owned()])
        .chain(LATEST.map(|(table, id)| vec![table.to_owned(), "latest".to_owned(), id.to_owned()]))
        .collect();
    let mut folder = Folder::new(tables, "cms_partd")?;
    folder.csv(&mut source, "ids", &["table", "year", "id"], ids)?;
    folder.csv(&mut source, "prescriber_drug", PRESCRIBER_DRUG, YEARS.flat_map(prescribers))?;
    folder.csv(&mut source, "geography_drug", GEOGRAPHY_DRUG, YEARS.flat_map(places))?;
    Ok(vec![folder.finish(&source)?])
}

const YEARS: std::ops::RangeInclusive<u32> = 2013..=2024;

const IDS: [(&str, [&str; 12]); 2] = [
    (
        "prescriber_drug",
        [
            "c6905d43-45de-470d-897c-9ed8e75e256d",
            "0779bc8d-18dd-40b8-9d61-7addc8b0daf1",
            "1d650894-8afe-4056-ba31-a85cb0e3cee6",
            "25106f9d-0eb8-4ba7-b237-486ee87d910a",
            "05f108dd-76c4-49f4-9fdc-788d8f4251ec",
            "802fe556-311f-4962-8d75-d5f4ff405884",
            "2a6705e6-7a1e-460c-ba22-35249a531918",
            "7795fe20-e80e-435a-a9ed-d2d65e05feeb",
            "f68114ed-f854-4ffc-9c6e-ed78b5e2f8d0",
            "b101b457-ffa4-49bb-8fd9-27c1266086e2",
            "e54db557-cd82-4e91-a0fe-61aad5865d69",
            "d5aa71a8-dcc0-4570-8bcf-bd39deac69fe",
        ],
    ),
    (
        "geography_drug",
        [
            "9aec2a70-4ef2-438a-bc35-1747fe2492c9",
            "63099eb4-6c9e-4fec-8c9e-b6b132f1b7f4",
            "73748d0b-2acb-420a-ac66-27d8e238fdc8",
            "c5b3c840-5eb2-4e4c-ac35-c30995dcb051",
            "7863e41c-3f6f-4889-93a8-be65e9f3d073",
            "b083c9b6-b841-4676-8d0a-fb03ee1431a1",
            "73a6335e-f16f-4c81-a84b-6b5a986e2bf8",
            "83891e77-99cf-4865-b60a-97703b916e09",
            "7dda2a9d-034a-446a-b4b3-e1254e0127b2",
            "1fc57194-a51d-4864-aee6-de0889488151",
            "3463648b-1971-478d-84ca-80cadc758153",
            "9b4c142c-69cc-4a96-a09a-7cf2ba7f5816",
        ],
    ),
];

const LATEST: [(&str, &str); 2] = [
    ("prescriber_drug", "9552739e-3d05-4c1b-8eff-ecabf391e2e5"),
    ("geography_drug", "c8ea3f8e-3a09-4fea-86f2-8902fb4b0920"),
];

const PRESCRIBER_DRUG: &[&str] = &[
    "year",
    "npi",
    "last_name",
    "first_name",
    "city",
    "usps",
    "fips",
    "type",
    "type_source",
    "brand",
    "generic",
    "claims",
    "fills",
    "days",
    "cost",
    "persons",
    "flag_65",
    "claims_65",
    "fills_65",
    "cost_65",
    "days_65",
    "persons_flag_65",
    "persons_65",
];

const GEOGRAPHY_DRUG: &[&str] = &[
    "year",
    "level",
    "code",
    "place",
    "brand",
    "generic",
    "prescribers",
    "claims",
    "fills",
    "cost",
    "persons",
    "flag_65",
    "claims_65",
    "fills_65",
    "cost_65",
    "persons_flag_65",
    "persons_65",
    "low_income_share",
    "other_share",
    "opioid",
    "opioid_long",
    "antibiotic",
    "antipsychotic",
];

/// A drug of the invention: brand and generic name, and whether it is an opioid and a long-acting one.
type Drug = (&'static str, &'static str, bool, bool);

const DRUGS: [Drug; 3] = [
    ("Fictol", "Fictodone", true, false),
    ("Fictol Er", "Fictodone", true, true),
    ("Inventine", "Inventine", false, false),
];

/// The rows of a year: in West Virginia nine, each with another kind of withholding, and elsewhere three.
fn prescribers(year: u32) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for prescriber in 0..4_u32 {
        let (usps, fips) = [("WV", "54"), ("WV", "54"), ("WV", "54"), ("XX", "9D")][prescriber as usize];
        for (nth, (brand, generic, ..)) in DRUGS.iter().enumerate() {
            let nth = nth as u32;
            let claims = 11 + (year * 7 + prescriber * 31 + nth * 13) % 90;
            let who = [
                year.to_string(),
                format!("000000000{prescriber}"),
                format!("Nobody{prescriber}"),
                "Invented".to_owned(),
                "Nowhere".to_owned(),
            ];
            let told = ["Invented Practice".to_owned(), "Claim-Specialty".to_owned()];
            let all = amounts(claims, (claims > 40).then_some(claims / 3));
            let old = match nth {
                0 => ["", &claims.to_string(), &decimal(claims * 12), &cents(claims * 900), "600", "*", ""]
                    .map(str::to_owned),
                1 => ["#", "", "", "", "", "#", ""].map(str::to_owned),
                _ => ["*", "", "", "", "", "*", ""].map(str::to_owned),
            };
            let place = [usps, fips].map(str::to_owned);
            let drug = [brand, generic].map(|name| (*name).to_owned());
            rows.push([&who[..], &place, &told, &drug, &all, &old].concat());
        }
    }
    rows
}

/// Claims, fills, days, cost and persons; the last are left blank where they are few.
fn amounts(claims: u32, persons: Option<u32>) -> [String; 5] {
    let persons = persons.map(|persons| persons.to_string()).unwrap_or_default();
    [claims.to_string(), decimal(claims * 12), (claims * 29).to_string(), cents(claims * 1_234), persons]
}

fn decimal(tenths: u32) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn cents(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// The rows of a year: the nation's and those of places, of which one is no state.
fn places(year: u32) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (brand, generic, opioid, long) in DRUGS {
        let claims = |place: u32| 11 + (year * 3 + place * 17 + brand.len() as u32) % 60;
        let parts = [("State", "01", "Alabama"), ("State", "54", "West Virginia"), ("State", "9E", "Foreign Country")];
        // Places with too few claims are in the nation, and not in the file.
        let nation: u32 = (0..3).map(claims).sum::<u32>() + 10;
        let nation = (("National", "", "National"), nation, 3);
        let parts = parts.into_iter().zip(0..).map(|(part, place)| (part, claims(place), place));
        for ((level, code, place), claims, nth) in [nation].into_iter().chain(parts) {
            let place = [year.to_string(), level.to_owned(), code.to_owned(), place.to_owned()];
            let drug = [brand.to_owned(), generic.to_owned(), (claims / 10 + 1).to_string()];
            let [claimed, fills, _, cost, persons] = amounts(claims, (claims > 40).then_some(claims / 2));
            let old = match nth {
                3 => {
                    ["", &claims.to_string(), &decimal(claims * 12), &cents(claims * 900), "", "20"].map(str::to_owned)
                }
                2 => ["", "0", "0", "0", "", "0"].map(str::to_owned),
                1 => ["#", "", "", "", "#", ""].map(str::to_owned),
                _ => ["*", "", "", "", "*", ""].map(str::to_owned),
            };
            let shares = [cents(claims * 33), cents(claims * 44)];
            let flags = [opioid, long, false, false].map(|flag| if flag { "Y" } else { "N" }.to_owned());
            rows.push([&place[..], &drug, &[claimed, fills, cost, persons], &old, &shares, &flags].concat());
        }
    }
    rows
}
