//! The DEA's addresses: a year's reports in one file, or each in one of its own.

use super::{Format, Page, not_found};
use crate::Result;
use crate::print::dea;

pub const HOST: &str = "www.deadiversion.usdoj.gov";

/// What lies at a path; the publisher answers others with a web page.
pub fn page(path: &str) -> Result<Page> {
    let Some((year, report)) = path.strip_prefix("/arcos/retail_drug_summary/").and_then(file) else {
        return Ok(Page::plain(404, "text/html; charset=utf-8", not_found(path)));
    };
    let mut page = Page::new(Format::Other, "application/pdf", dea::served(year, report)?);
    // The end of April of the year after.
    page.modified = Some(u64::try_from(year - 1969).unwrap_or_default() * 31_556_952 + 10_300_000);
    page.ranges = true;
    Ok(page)
}

/// The year of a file and its report, if it is of one.
fn file(name: &str) -> Option<(i32, Option<u8>)> {
    let (folder, name) = name.rsplit_once('/').unwrap_or(("", name));
    let name = name.strip_suffix(".pdf")?;
    if let Some(year) = name.strip_prefix("report_yr_") {
        let year: i32 = year.parse().ok()?;
        let lies = match folder {
            "archive" => 2000..=2005,
            "" => 2016..=2025,
            _ => return None,
        };
        return lies.contains(&year).then_some((year, None));
    }
    let year: i32 = folder.parse().ok()?;
    let report = name.strip_prefix(&format!("{year}{}rpt", if year == 2011 { '-' } else { '_' }))?.parse().ok()?;
    ((2006..=2015).contains(&year) && matches!(report, 1..=5 | 7)).then_some((year, Some(report)))
}
