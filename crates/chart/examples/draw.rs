//! Draws a declaration over a CSV file, without a warehouse: for whoever works on a figure or on a kind of chart.
//!
//!     cargo run --release -p chart --example draw -- figure.toml rows.csv OUT
//!
//! writes OUT.svg, OUT.png, OUT.phone.svg and OUT.phone.png, and fails where words touch or are too small. A column is
//! one of numbers if all of its cells are; a code with leading zeros is not a number.

use std::error::Error;

use chart::{Cell, Chart, Frame, Provenance, Width};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [declaration, rows, out] = arguments.as_slice() else {
        return Err("figure.toml, rows.csv and OUT are needed".into());
    };
    let chart: Chart = toml::from_str(&std::fs::read_to_string(declaration)?)?;
    let frame = frame(rows)?;
    let provenance = Provenance { items: vec![(Provenance::INPUTS.to_owned(), format!("a draft of {rows}"))] };
    let mut faults = Vec::new();
    for (width, ending) in [(Width::Print, ""), (Width::Phone, ".phone")] {
        let svg = chart::svg(&chart, &frame, &provenance, width)?;
        std::fs::write(format!("{out}{ending}.png"), chart::png(&svg, &provenance)?)?;
        faults.extend(chart::faults(&svg)?);
        std::fs::write(format!("{out}{ending}.svg"), svg)?;
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

fn frame(path: &str) -> Result<Frame, Box<dyn Error>> {
    let mut reader = csv::Reader::from_path(path)?;
    let columns: Vec<String> = reader.headers()?.iter().map(ToOwned::to_owned).collect();
    let records = reader.records().collect::<Result<Vec<_>, _>>()?;
    let coded = |text: &str| text.len() > 1 && text.starts_with('0') && !text.starts_with("0.");
    let numeric = |i: usize| {
        records.iter().all(|r| r[i].is_empty() || (r[i].parse::<f64>().is_ok() && !coded(&r[i])))
            && !columns[i].ends_with("fips")
    };
    let numeric: Vec<bool> = (0..columns.len()).map(numeric).collect();
    let cell = |(i, text): (usize, &str)| match text {
        "" => Cell::Null,
        text if numeric[i] => text.parse().map_or_else(|_| Cell::Text(text.to_owned()), Cell::Number),
        text => Cell::Text(text.to_owned()),
    };
    let rows = records.iter().map(|record| record.iter().enumerate().map(cell).collect()).collect();
    Ok(Frame { columns, rows })
}
