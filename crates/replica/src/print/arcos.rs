//! The Washington Post's itemized TSV of 2006-2012: 42 columns, no quotes, `null` for nothing, dates as MMDDYYYY.
//!
//! Absent: persons. The tables hold no name, address or DEA number of a buyer that is not a business.

use crate::Result;
use crate::table::{Table, at};

pub const HEADER: &str = "REPORTER_DEA_NO\tREPORTER_BUS_ACT\tREPORTER_NAME\tREPORTER_ADDL_CO_INFO\tREPORTER_ADDRESS1\tREPORTER_ADDRESS2\tREPORTER_CITY\tREPORTER_STATE\tREPORTER_ZIP\tREPORTER_COUNTY\tBUYER_DEA_NO\tBUYER_BUS_ACT\tBUYER_NAME\tBUYER_ADDL_CO_INFO\tBUYER_ADDRESS1\tBUYER_ADDRESS2\tBUYER_CITY\tBUYER_STATE\tBUYER_ZIP\tBUYER_COUNTY\tTRANSACTION_CODE\tDRUG_CODE\tNDC_NO\tDRUG_NAME\tQUANTITY\tUNIT\tACTION_INDICATOR\tORDER_FORM_NO\tCORRECTION_NO\tSTRENGTH\tTRANSACTION_DATE\tCALC_BASE_WT_IN_GM\tDOSAGE_UNIT\tTRANSACTION_ID\tProduct_Name\tIngredient_Name\tMeasure\tMME_Conversion_Factor\tCombined_Labeler_Name\tRevised_Company_Name\tReporter_family\tdos_str";

/// Business activities whose registrants are businesses or institutions. Everyone else is, or may be, a person.
const BUSINESSES: [&str; 31] = [
    "ANALYTICAL LAB",
    "AUTOMATED DISPENSING SYSTEM",
    "CENTRAL FILL PHARMACY",
    "CHAIN HOSP/CLINIC",
    "CHAIN PHARMACY",
    "CHEMICAL DISTRIBUTOR",
    "CHEMICAL EXPORTER",
    "CHEMICAL MANUFACTURER",
    "CHEMPACK/SNS DISTRIBUTOR",
    "COMP/MAINT/DETOX",
    "COMPOUND/DETOX",
    "COMPOUND/MAINT",
    "DETOXIFICATION",
    "DISTRIBUTOR",
    "EXPORTER",
    "HOSP/CLINIC FED",
    "HOSP/CLINIC- MIL",
    "HOSP/CLINIC-VA",
    "HOSPITAL/CLINIC",
    "IMPORTER",
    "IMPORTER (C I,II)",
    "M/O PHARMACY",
    "MAINT & DETOX",
    "MAINTENANCE",
    "MANUF (BULK)",
    "MANUFACTURER",
    "PHARMACY - FED",
    "PHARMACY- MIL",
    "RETAIL PHARMACY",
    "REVERSE DISTRIB",
    "TEACHING INSTITUTION",
];

/// Whether a registrant of this DEA business activity is a business or an institution, so that its name, address and DEA number
/// may be shown. Anything not listed counts as a person. Source: the activities of the Post's `buyer_list14.csv`.
pub fn is_business(activity: &str) -> bool {
    BUSINESSES.contains(&activity)
}

/// `arcos-wv-mingo-54059-itemized.tsv`: a header and 37,154 rows, LF, in the source's order.
pub fn mingo() -> Result<Vec<u8>> {
    let reporters = Table::read("arcos_mingo/reporters")?;
    let buyers = Table::read("arcos_mingo/buyers")?;
    let products = Table::read("arcos_mingo/products")?;
    let transactions = Table::read("arcos_mingo/transactions")?;
    let mut out = String::with_capacity(18_000_000);
    out.push_str(HEADER);
    for row in &transactions.rows {
        let reporter = reporters.numbered(at(row, 0))?;
        let buyer = buyers.numbered(at(row, 1))?;
        let product = products.numbered(at(row, 2))?;
        out.push('\n');
        for column in 1..=10 {
            field(&mut out, at(reporter, column));
        }
        for column in 1..=10 {
            field(&mut out, at(buyer, column));
        }
        field(&mut out, at(row, 3)); // transaction code
        field(&mut out, at(product, 2)); // drug code
        field(&mut out, at(product, 1)); // NDC
        field(&mut out, at(product, 3)); // drug
        for column in 4..=9 {
            field(&mut out, at(row, column)); // quantity to strength
        }
        let date = at(row, 10);
        for part in [date.get(5..7), date.get(8..10)] {
            out.push_str(part.unwrap_or(""));
        }
        field(&mut out, date.get(..4).unwrap_or(""));
        for column in 11..=13 {
            field(&mut out, at(row, column)); // base weight, dosage units, transaction
        }
        for column in 4..=9 {
            field(&mut out, at(product, column)); // product to company
        }
        field(&mut out, at(reporter, 11)); // family
        field(&mut out, at(product, 10)); // strength
        out.pop();
    }
    out.push('\n');
    Ok(out.into_bytes())
}

fn field(out: &mut String, text: &str) {
    out.push_str(if text.is_empty() { "null" } else { text });
    out.push('\t');
}
