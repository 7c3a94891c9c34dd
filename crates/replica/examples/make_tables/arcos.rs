//! Mingo County's transactions, split by what depends on what; persons masked.

use super::Failure;
use super::out::{Distinct, Folder, Source};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

const FILE: &str = "arcos/washpost_raw_2006_2012/arcos-wv-mingo-54059-itemized.tsv.gz";

pub fn make(captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    let mut source = Source {
        publisher: "The Washington Post",
        title: "Drug Enforcement Administration's ARCOS database: Mingo County, West Virginia, 2006-2012, itemized",
        grade: "publisher",
        credit: "The Washington Post: https://github.com/wpinvestigative/arcos-api",
        licence: "ODbL-1.0",
        kept: "every transaction and all 42 fields; numbers keep their text",
        left_out: "nothing",
        masked: "buyers whose business activity is not that of a business (practitioners, mid-level practitioners, researchers, unknown): DEA number, name, company information, addresses, city and ZIP; those alike in activity, state and county are one",
        ours: "split into reporters, buyers, products and transactions; an empty field stands for the word null; dates are ISO 8601",
        ..Source::default()
    };
    let packed = source.read(captures, FILE)?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text)?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().ok_or("no header")?.split('\t').collect();
    source.check("columns", header.len(), 42)?;

    let (mut reporters, mut buyers, mut products) = (Distinct::default(), Distinct::default(), Distinct::default());
    let mut transactions = Vec::new();
    let mut units: BTreeMap<String, u64> = BTreeMap::new();
    let mut masked = 0;
    for line in lines {
        let raw: Vec<&str> = line.split('\t').collect();
        if raw.len() != 42 {
            return Err(format!("a row has {} fields", raw.len()).into());
        }
        let field = |at: usize| if raw[at] == "null" { String::new() } else { raw[at].to_owned() };
        let fields = |at: &[usize]| at.iter().map(|&at| field(at)).collect::<Vec<_>>();

        let reporter = reporters.number(fields(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 40]));
        let mut buyer = fields(&[10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
        if !replica::is_business(&buyer[1]) {
            masked += 1;
            for at in [0, 2, 3, 4, 5, 6, 8] {
                buyer[at].clear();
            }
        }
        let buyer = buyers.number(buyer);
        let product = products.number(fields(&[22, 21, 23, 34, 35, 36, 37, 38, 39, 41]));

        let date = field(30);
        let (month, day, year) = match (date.get(..2), date.get(2..4), date.get(4..8)) {
            (Some(month), Some(day), Some(year)) if date.len() == 8 => (month, day, year),
            _ => return Err(format!("date {date}").into()),
        };
        let whole = field(32).strip_suffix(".0").ok_or("a fraction of a dosage unit")?.parse::<u64>()?;
        *units.entry(year.to_owned()).or_default() += whole;
        let mut row = vec![reporter, buyer, product];
        row.extend(fields(&[20, 24, 25, 26, 27, 28, 29]));
        row.push(format!("{year}-{month}-{day}"));
        row.extend(fields(&[31, 32, 33]));
        transactions.push(row);
    }
    source.check("transactions", transactions.len(), 37_154)?;
    source.check("dosage units", units.values().sum(), 38_269_630)?;
    let years = [
        ("2006", 4_691_980),
        ("2007", 7_511_830),
        ("2008", 9_795_100),
        ("2009", 7_464_630),
        ("2010", 3_162_950),
        ("2011", 2_863_950),
        ("2012", 2_779_190),
    ];
    for (year, want) in years {
        source.check(&format!("dosage units {year}"), units.get(year).copied().unwrap_or(0), want)?;
    }
    source.check("transactions of masked buyers", masked, 59)?;

    let mut folder = Folder::new(tables, "arcos_mingo")?;
    let place = ["address_1", "address_2", "city", "state", "zip", "county"];
    let party = ["number", "dea_number", "activity", "name", "company"];
    let reporter: Vec<&str> = party.iter().chain(&place).chain(&["family"]).copied().collect();
    let buyer: Vec<&str> = party.iter().chain(&place).copied().collect();
    folder.csv(&mut source, "reporters", &reporter, reporters.numbered())?;
    folder.csv(&mut source, "buyers", &buyer, buyers.numbered())?;
    folder.csv(
        &mut source,
        "products",
        &[
            "number",
            "ndc",
            "drug_code",
            "drug",
            "product",
            "ingredient",
            "measure",
            "mme_factor",
            "labeler",
            "company",
            "strength_mg",
        ],
        products.numbered(),
    )?;
    folder.csv(
        &mut source,
        "transactions",
        &[
            "reporter",
            "buyer",
            "product",
            "code",
            "packages",
            "unit",
            "action",
            "order_form",
            "correction",
            "package_factor",
            "date",
            "base_weight_grams",
            "dosage_units",
            "transaction",
        ],
        transactions,
    )?;
    Ok(vec![folder.finish(&source)?])
}
