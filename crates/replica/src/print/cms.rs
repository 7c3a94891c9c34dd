//! Medicare Part D: the catalogue and the rows of data.cms.gov, and an analyst's copy of the mapping tool's sheets.
//!
//! Rows and figures of the former are invented; the sheets are the captured ones, byte for byte. Absent: paging, which is
//! `crate::cms`'s.

use crate::table::{Table, at};
use crate::{Error, Result};
use csv::StringRecord;
use serde_json::{Map, Value, json};

/// A table of data.cms.gov.
pub struct Dataset {
    /// Its name here.
    pub name: &'static str,
    /// Its title there.
    pub title: &'static str,
    /// How its CSV files end.
    file: &'static str,
    /// The columns, in the order of the embedded table's, after the year.
    columns: &'static [&'static str],
}

pub static DATASETS: [Dataset; 2] = [
    Dataset {
        name: "prescriber_drug",
        title: "Medicare Part D Prescribers - by Provider and Drug",
        file: "NPIBN",
        columns: &[
            "Prscrbr_NPI",
            "Prscrbr_Last_Org_Name",
            "Prscrbr_First_Name",
            "Prscrbr_City",
            "Prscrbr_State_Abrvtn",
            "Prscrbr_State_FIPS",
            "Prscrbr_Type",
            "Prscrbr_Type_Src",
            "Brnd_Name",
            "Gnrc_Name",
            "Tot_Clms",
            "Tot_30day_Fills",
            "Tot_Day_Suply",
            "Tot_Drug_Cst",
            "Tot_Benes",
            "GE65_Sprsn_Flag",
            "GE65_Tot_Clms",
            "GE65_Tot_30day_Fills",
            "GE65_Tot_Drug_Cst",
            "GE65_Tot_Day_Suply",
            "GE65_Bene_Sprsn_Flag",
            "GE65_Tot_Benes",
        ],
    },
    Dataset {
        name: "geography_drug",
        title: "Medicare Part D Prescribers - by Geography and Drug",
        file: "Geo",
        columns: &[
            "Prscrbr_Geo_Lvl",
            "Prscrbr_Geo_Cd",
            "Prscrbr_Geo_Desc",
            "Brnd_Name",
            "Gnrc_Name",
            "Tot_Prscrbrs",
            "Tot_Clms",
            "Tot_30day_Fills",
            "Tot_Drug_Cst",
            "Tot_Benes",
            "GE65_Sprsn_Flag",
            "GE65_Tot_Clms",
            "GE65_Tot_30day_Fills",
            "GE65_Tot_Drug_Cst",
            "GE65_Bene_Sprsn_Flag",
            "GE65_Tot_Benes",
            "LIS_Bene_Cst_Shr",
            "NonLIS_Bene_Cst_Shr",
            "Opioid_Drug_Flag",
            "Opioid_LA_Drug_Flag",
            "Antbtc_Drug_Flag",
            "Antpsyct_Drug_Flag",
        ],
    },
];

impl Dataset {
    /// The rows of a year, as the API has them: strings, whatever they are.
    pub fn rows(&self, year: &str) -> Result<Vec<Map<String, Value>>> {
        let table = Table::read(&format!("cms_partd/{}", self.name))?;
        let named = |row: &StringRecord| {
            self.columns.iter().zip(row.iter().skip(1)).map(|(name, cell)| ((*name).to_owned(), json!(cell))).collect()
        };
        Ok(table.of(year).map(named).collect())
    }
}

/// The dataset and the year that an identifier stands for; the latest is the newest year.
pub fn find(id: &str) -> Result<Option<(&'static Dataset, String)>> {
    let ids = Table::read("cms_partd/ids")?;
    let Some(row) = ids.rows.iter().find(|row| at(row, 2) == id) else { return Ok(None) };
    let dataset = DATASETS.iter().find(|dataset| dataset.name == at(row, 0));
    let year = if at(row, 1) == "latest" { NEWEST } else { at(row, 1) };
    Ok(dataset.map(|dataset| (dataset, year.to_owned())))
}

const NEWEST: &str = "2024";

/// The catalogue, changed so many times.
pub fn catalogue(changes: u64) -> Result<Value> {
    let ids = Table::read("cms_partd/ids")?;
    let modified = format!("2026-05-{:02}", 21 + changes % 10);
    let entry = |dataset: &Dataset| {
        let api = |year: &str| {
            let row = ids.rows.iter().find(|row| at(row, 0) == dataset.name && at(row, 1) == year);
            row.map_or_else(String::new, |row| format!("https://data.cms.gov/data-api/v1/dataset/{}/data", at(row, 2)))
        };
        let of = |year: &str, more: Value| {
            let title = format!("{} : {year}-12-31", dataset.title);
            let temporal = format!("{year}-01-01/{year}-12-31");
            let mut found =
                json!({ "@type": "dcat:Distribution", "modified": modified, "temporal": temporal, "title": title });
            if let (Value::Object(found), Value::Object(more)) = (&mut found, more) {
                found.extend(more);
            }
            found
        };
        let latest = of(NEWEST, json!({ "format": "API", "description": "latest", "accessURL": api("latest") }));
        let years = (2013..=2024).rev().map(|year| year.to_string()).flat_map(|year| {
            let file = format!(
                "https://data.cms.gov/sites/default/files/invented/MUP_DPR_P04_V10_DY{}_{}.csv",
                &year[2..],
                dataset.file
            );
            let csv = of(&year, json!({ "mediaType": "text/csv", "downloadURL": file }));
            [csv, of(&year, json!({ "format": "API", "accessURL": api(&year) }))]
        });
        let distributions: Vec<Value> = [latest].into_iter().chain(years).collect();
        json!({
            "@type": "dcat:Dataset",
            "accessLevel": "public",
            "accrualPeriodicity": "R/P1Y",
            "license": "https://www.usa.gov/government-works",
            "modified": modified,
            "temporal": "2013-01-01/2024-12-31",
            "title": dataset.title,
            "distribution": distributions,
        })
    };
    Ok(json!({
        "@type": "dcat:Catalog",
        "conformsTo": "https://project-open-data.cio.gov/v1.1/schema",
        "dataset": DATASETS.iter().map(entry).collect::<Vec<_>>(),
    }))
}

/// The mapping tool's sheet of states, 2013-2016, as its copyist saved it.
pub fn opioids_by_state() -> Result<Vec<u8>> {
    let years = [FIRST, SECOND, THIRD, FOURTH].concat();
    let header = format!("State_Name,State_Abbreviation,State_FIPS,{years}{CHANGE_TO_2016}{CHANGE_TO_2015}");
    // The nation's figures of 2016 are typed in without their commas.
    let bare = |row: usize, column: usize| row == 0 && column >= 24;
    Ok(sheet("state", &header, 3, &bare)?
        .into_iter()
        .fold(String::new(), |all, line| all + &line + "\r\n")
        .into_bytes())
}

/// The sheet of counties, 2013-2015: lines end in carriage returns, and the last one in none.
pub fn opioids_by_county() -> Result<Vec<u8>> {
    let years = [FIRST, SECOND, THIRD].concat();
    let header = format!("State_Name,State_Abbreviation,County Name,State_FIPS,{years}{CHANGE_TO_2015}");
    Ok(sheet("county", &header, 4, &|_, _| false)?.join("\r").into_bytes())
}

const FIRST: &str = "2013_Part_ D_Prescribers,2013_Part_Opioid_Prescribers,2013_Opioid Claims,2013_Extended_Release_Opioid_Claims,2013_Overall_Claims,2013_Opioid_Prescribing_Rate,2013_Extended_Release_Opioid_Prescribing_Rate,";
const SECOND: &str = "2014_Part_ D_Prescribers,2014_Part D_Opioid_Prescribers,2014_Opioid_Claims,2014_Extended_Release_Opioid_Claims,2014_Overall_Claims,2014_Opioid_Prescribing_Rate,2014_Extended_Release_Opioid_Prescribing_Rate,";
const THIRD: &str = "2015_Part D Prescribers,2015_Part D Opioid Prescribers,2015_Opioid Claims,2015_Extended Release Opioid Claims,2015_Overall_Claims,2015_Opioid_Prescribing_Rate,2015_Extended_Release_Opioid_Prescribing_ Rate,";
const FOURTH: &str = "2016_Part D Prescribers,2016_Part D Opioid Prescribers,2016_Opioid Claims,2016_Extended Release Opioid Claims,2016_Overall_Claims,2016_Opioid_Prescribing_Rate,2016_Extended_Release_Opioid_Prescribing_ Rate,";
const CHANGE_TO_2016: &str =
    "2013_2016_Change in Opioid Prescribing Rate,2013_2016_Change in Extended Release Opioid Prescribing Rate ,";
const CHANGE_TO_2015: &str =
    "2013_2015_Change_in_Opioid_Prescribing_Rate,2013_2015_Change_in_Extended_Release_Opioid_Prescribing_Rate ";

/// The lines of a sheet: whole numbers from a column on have their commas, and stand in quotes with them.
fn sheet(part: &str, header: &str, first: usize, bare: &dyn Fn(usize, usize) -> bool) -> Result<Vec<String>> {
    let table = Table::read(&format!("cms_opioid_mapping/{part}"))?;
    let mut lines = vec![header.to_owned()];
    for (number, row) in table.rows.iter().enumerate() {
        let cell = |(column, cell): (usize, &str)| {
            let whole = column >= first && cell.bytes().all(|byte| byte.is_ascii_digit());
            if whole && cell.len() > 3 && !bare(number, column) {
                format!("\"{}\"", grouped(cell))
            } else {
                cell.to_owned()
            }
        };
        lines.push(row.iter().enumerate().map(cell).collect::<Vec<_>>().join(","));
    }
    match lines.len() {
        1 => Err(Error::table(part, "has no rows")),
        _ => Ok(lines),
    }
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}
