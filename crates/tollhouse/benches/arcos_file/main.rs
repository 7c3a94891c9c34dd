//! Writes a file like the Post's ARCOS release of 2006-2012, of any size: its 42 columns, its words for what is not
//! there, its numbers as Python prints them; and beside it the totals that any reader must find.
//!
//!     cargo bench --bench arcos_file -- --rows 20000000 --seed 1 --out FILE.tsv.gz
//!
//! The same rows and seed give the same bytes. Every firm, drug and number in it is invented; its shape is that of the
//! captured county file (Mingo County, 37,154 rows): a buyer has one to eight reporters (4.75 there) and 30 to 79 products (55
//! there); rows come in runs of one
//! reporter and buyer, some twenty long (95 of 100 rows there have the buyer of the row before), and go on in time within a
//! run; oxycodone has order forms, each of some three rows, and hydrocodone none; some reporters number their transactions one
//! by one, others with nine digits. `--shuffled` makes every run one row long, which is harder than any file that was seen.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a tool for measuring: it says what it does and stops where it cannot"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;

use flate2::Compression;
use flate2::write::GzEncoder;
use model::kind::StateFips;

/// The header of the release.
const HEADER: &str = "REPORTER_DEA_NO\tREPORTER_BUS_ACT\tREPORTER_NAME\tREPORTER_ADDL_CO_INFO\tREPORTER_ADDRESS1\t\
    REPORTER_ADDRESS2\tREPORTER_CITY\tREPORTER_STATE\tREPORTER_ZIP\tREPORTER_COUNTY\tBUYER_DEA_NO\tBUYER_BUS_ACT\tBUYER_NAME\t\
    BUYER_ADDL_CO_INFO\tBUYER_ADDRESS1\tBUYER_ADDRESS2\tBUYER_CITY\tBUYER_STATE\tBUYER_ZIP\tBUYER_COUNTY\tTRANSACTION_CODE\t\
    DRUG_CODE\tNDC_NO\tDRUG_NAME\tQUANTITY\tUNIT\tACTION_INDICATOR\tORDER_FORM_NO\tCORRECTION_NO\tSTRENGTH\tTRANSACTION_DATE\t\
    CALC_BASE_WT_IN_GM\tDOSAGE_UNIT\tTRANSACTION_ID\tProduct_Name\tIngredient_Name\tMeasure\tMME_Conversion_Factor\t\
    Combined_Labeler_Name\tRevised_Company_Name\tReporter_family\tdos_str\n";

const COUNTIES: &str = include_str!("../../../model/src/kind/county.csv");

fn main() {
    let mut args = std::env::args().skip(1);
    let (mut rows, mut out) = (0_u64, None);
    let mut kind = Sort { seed: 1, bad_every: 0, shuffled: false };
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap_or_else(|| panic!("{arg} needs a value"));
        match arg.as_str() {
            "--rows" => rows = value().parse().unwrap(),
            "--seed" => kind.seed = value().parse().unwrap(),
            "--out" => out = Some(value()),
            "--bad-every" => kind.bad_every = value().parse().unwrap(),
            "--shuffled" => kind.shuffled = true,
            // What cargo says to whatever it benches.
            "--bench" => {}
            other => panic!("{other} is not --rows, --seed, --bad-every, --shuffled or --out"),
        }
    }
    let Some(out) = out else {
        println!("arcos_file: nothing to write without --out FILE.tsv.gz");
        return;
    };
    let mut file = GzEncoder::new(File::create(&out).unwrap(), Compression::new(6));
    let totals = write(&mut file, rows, &kind);
    file.finish().unwrap().sync_all().unwrap();
    println!("{}", totals.json());
}

/// What sort of file.
struct Sort {
    seed: u64,
    /// Every so many rows one has a day that there is not; none where it is 0.
    bad_every: u64,
    /// Whether every row has a reporter and a buyer of its own.
    shuffled: bool,
}

/// What the file holds.
#[derive(Default)]
struct Totals {
    rows: u64,
    bad: u64,
    bytes: u64,
    /// By year: rows and dosage units.
    years: BTreeMap<u16, (u64, u64)>,
}

impl Totals {
    fn json(&self) -> String {
        let years: Vec<String> = self
            .years
            .iter()
            .map(|(year, (rows, units))| format!("\"{year}\": {{\"rows\": {rows}, \"dosage_units\": {units}}}"))
            .collect();
        let units: u64 = self.years.values().map(|(_, units)| units).sum();
        format!(
            "{{\"rows\": {}, \"bad\": {}, \"text_bytes\": {}, \"dosage_units\": {units}, \"years\": {{{}}}}}",
            self.rows,
            self.bad,
            self.bytes,
            years.join(", ")
        )
    }
}

/// Numbers that look like chance and are the same every time: SplitMix64, public domain.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below a bound, each as likely.
    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// Below a bound, the first far likelier than the last.
    fn skewed(&mut self, bound: usize) -> usize {
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        ((unit * unit * unit) * bound as f64) as usize
    }
}

struct Buyer {
    cells: String,
    reporters: Vec<usize>,
    products: Vec<usize>,
}

struct Reporter {
    cells: String,
    family: String,
    /// Transactions numbered so far, where it numbers them one by one.
    numbered: Option<u64>,
}

struct Product {
    /// From the drug's code to its name.
    cells: String,
    /// From the product's name to its maker's.
    tail: String,
    package: u64,
    strength: f64,
    /// The base's share of the weight.
    share: f64,
    has_form: bool,
}

fn write(out: &mut impl std::io::Write, rows: u64, kind: &Sort) -> Totals {
    let mut chance = Chance(kind.seed);
    let counties: Vec<(String, &str)> = counties();
    let mut reporters: Vec<Reporter> = (0..600).map(|number| reporter(&mut chance, number, &counties)).collect();
    let products: Vec<Product> = (0..4200).map(|number| product(&mut chance, number)).collect();
    // A buyer for some 1,300 rows, as in the release, and no fewer than a town has.
    let buyers: Vec<Buyer> = (0..(rows / 1300).clamp(50, 140_000))
        .map(|number| buyer(&mut chance, number, &counties, reporters.len(), products.len()))
        .collect();
    let days: Vec<(u16, String)> = days();

    let mut totals = Totals { bytes: HEADER.len() as u64, ..Totals::default() };
    let mut text = String::from(HEADER);
    let (mut left, mut buyer, mut seller, mut day, mut form) = (0, 0, 0, 0, 0);
    for row in 0..rows {
        if left == 0 {
            left = if kind.shuffled { 1 } else { 1 + chance.below(40) };
            buyer = chance.skewed(buyers.len());
            seller = buyers[buyer].reporters[chance.skewed(buyers[buyer].reporters.len())];
            day = chance.below(days.len());
        }
        left -= 1;
        day = (day + chance.below(20)) % days.len();
        let product = &products[buyers[buyer].products[chance.skewed(buyers[buyer].products.len())]];
        let (year, printed) = &days[day];
        let quantity = [1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 5, 6, 10, 12, 24][chance.below(17)];
        let units = quantity * product.package;
        let grams = units as f64 * product.strength / 1000.0 * product.share;
        let reporter = &mut reporters[seller];
        let id = match &mut reporter.numbered {
            Some(last) => {
                *last += 1;
                *last
            }
            // Each number below the prime comes once.
            None => row.wrapping_mul(7_919_317) % 999_999_937,
        };
        let begin = text.len();
        let buyer = &buyers[buyer].cells;
        write!(text, "{}\t{buyer}\tS\t{}\t{quantity}.0\tnull\t", reporter.cells, product.cells).unwrap();
        text.push_str(if chance.below(2000) == 0 { "I" } else { "null" });
        if product.has_form {
            form += u64::from(chance.below(3) == 0);
            write!(text, "\t{:02}X{:06}", year % 100, form % 1_000_000).unwrap();
        } else {
            text.push_str("\tnull");
        }
        // The day is spoilt where a bad row is wanted.
        let spoilt = kind.bad_every > 0 && row % kind.bad_every == kind.bad_every / 2;
        let printed = if spoilt { "13452006" } else { printed };
        write!(text, "\tnull\t0000\t{printed}\t{grams:?}\t{units}.0\t{id}\t").unwrap();
        writeln!(text, "{}\t{}\t{:?}", product.tail, reporter.family, product.strength).unwrap();
        totals.bytes += (text.len() - begin) as u64;
        totals.rows += 1;
        if spoilt {
            totals.bad += 1;
        } else {
            let year = totals.years.entry(*year).or_default();
            year.0 += 1;
            year.1 += units;
        }
        if text.len() > 1 << 20 {
            out.write_all(text.as_bytes()).unwrap();
            text.clear();
        }
    }
    out.write_all(text.as_bytes()).unwrap();
    totals
}

/// State and county, by name.
fn counties() -> Vec<(String, &'static str)> {
    let rows = COUNTIES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(','));
    let named = rows.filter_map(|(fips, name)| {
        let state: StateFips = fips.get(..2)?.parse().ok()?;
        Some((state.usps().to_owned(), name))
    });
    named.collect()
}

/// A registration number with its check digit.
fn dea_number(letter: char, number: u64) -> String {
    let digits: Vec<u64> = (0..6).rev().map(|place| number / 10_u64.pow(place) % 10).collect();
    let check = (digits[0] + digits[2] + digits[4] + 2 * (digits[1] + digits[3] + digits[5])) % 10;
    format!("{letter}{}{:06}{check}", char::from(b'A' + (number % 26) as u8), number % 1_000_000)
}

fn place(chance: &mut Chance, counties: &[(String, &str)]) -> (String, usize) {
    let county = chance.skewed(counties.len());
    // Zeros at the front are lost, as in the release.
    (format!("{}", 501 + chance.below(99_000)), county)
}

fn buyer(chance: &mut Chance, number: u64, counties: &[(String, &str)], reporters: usize, products: usize) -> Buyer {
    let (zip, county) = place(chance, counties);
    let (state, name) = &counties[county];
    let kind =
        ["RETAIL PHARMACY", "CHAIN PHARMACY", "CHAIN PHARMACY", "RETAIL PHARMACY", "PRACTITIONER"][chance.below(5)];
    let more = if chance.below(3) == 0 { format!("STORE {:04}", chance.below(9000)) } else { "null".to_owned() };
    let second = if chance.below(4) == 0 { format!("SUITE {}", chance.below(900)) } else { "null".to_owned() };
    let cells = format!(
        "{}\t{kind}\tINVENTED PHARMACY {number:06}\t{more}\t{} EXAMPLE AVENUE\t{second}\tTOWN {:05}\t{state}\t{zip}\t{}",
        dea_number('B', number + 100_000),
        chance.below(20_000),
        chance.below(9_000),
        name.to_uppercase()
    );
    let reporters = (0..1 + chance.below(8)).map(|_| chance.skewed(reporters)).collect();
    let products = (0..30 + chance.below(50)).map(|_| chance.skewed(products)).collect();
    Buyer { cells, reporters, products }
}

fn reporter(chance: &mut Chance, number: u64, counties: &[(String, &str)]) -> Reporter {
    let (zip, county) = place(chance, counties);
    let (state, name) = &counties[county];
    let kind = if chance.below(12) == 0 { "MANUFACTURER" } else { "DISTRIBUTOR" };
    let cells = format!(
        "{}\t{kind}\tINVENTED DISTRIBUTOR {number:04} INC\tnull\t{} EXAMPLE PARKWAY\tnull\tTOWN {:05}\t{state}\t{zip}\t{}",
        dea_number('R', number),
        chance.below(20_000),
        chance.below(9_000),
        name.to_uppercase()
    );
    let numbered = number.is_multiple_of(2).then_some(0);
    Reporter { cells, family: format!("Invented Family {:03}", number / 3), numbered }
}

fn product(chance: &mut Chance, number: u64) -> Product {
    let hydrocodone = chance.below(3) > 0;
    let (code, drug, ingredient, factor, share) = if hydrocodone {
        ("9193", "HYDROCODONE", "HYDROCODONE BITARTRATE HEMIPENTAHYDRATE", "1.0", 0.6054)
    } else {
        ("9143", "OXYCODONE", "OXYCODONE HYDROCHLORIDE", "1.5", 0.8965)
    };
    let strength = [2.5, 5.0, 5.0, 7.5, 10.0, 10.0, 15.0, 30.0, 80.0][chance.below(9)];
    let package = [30, 100, 100, 100, 500, 500, 1000][chance.below(7)];
    let firm = chance.skewed(120);
    Product {
        cells: format!("{code}\t{:011}\t{drug}", 10_000_000_000 + number * 7919),
        tail: format!(
            "{drug} {strength:?}MG/ACETAMINOPHEN {}M\t{ingredient}\tTAB\t{factor}\tInvented Labeler {firm:03}, Inc.\tInvented \
             Company {:03}",
            325 + 25 * chance.below(8),
            firm / 2
        ),
        package,
        strength,
        share,
        has_form: !hydrocodone,
    }
}

/// The days of 2006 to 2012, as the release prints them.
fn days() -> Vec<(u16, String)> {
    let lengths =
        |year: u16| [31, if year.is_multiple_of(4) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months =
        (2006..=2012).flat_map(move |year| (1..).zip(lengths(year)).map(move |(month, days)| (year, month, days)));
    months
        .flat_map(|(year, month, days): (u16, u8, u8)| {
            (1..=days).map(move |day| (year, format!("{month:02}{day:02}{year}")))
        })
        .collect()
}
