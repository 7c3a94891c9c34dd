//! What the program says: results on stdout, everything else on stderr. The only file that prints.
#![expect(clippy::print_stderr, reason = "this is where the program prints")]

use std::io::Write as _;
use std::path::Path;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, TableStyle, presets};
use model::{Kind, Result, ResultExt as _};
use serde::Serialize;

/// A line of result. A reader that stopped reading, such as `head`, is no error; nor is there anyone to tell of others.
pub fn say(line: &str) {
    let _nobody_listens = writeln!(std::io::stdout(), "{line}");
}

/// A line for the person at the terminal, beside the result.
pub fn complain(line: &str) {
    eprintln!("{line}");
}

/// A list, as a table or as JSON.
pub fn list<T: Serialize>(json: bool, header: &[&str], items: &[T], row: impl Fn(&T) -> Vec<String>) -> Result<()> {
    if json {
        return print_json(&items);
    }
    say(&table(header, items.iter().map(row)));
    Ok(())
}

/// Bytes of result, as they are. A reader that stopped reading is no error.
pub fn write(bytes: &[u8]) -> Result<()> {
    match std::io::stdout().write_all(bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.or_error(Kind::Io, "cannot write to standard output"),
    }
}

/// Writes a file for the user, whole or not at all.
pub fn save(path: &Path, bytes: &[u8]) -> Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).or_error(Kind::Io, cannot())?;
    let mut builder = tempfile::Builder::new();
    // Temporary files are for their owner alone; this one is for whoever the user's umask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).or_error(Kind::Io, cannot())?;
    file.write_all(bytes).or_error(Kind::Io, cannot())?;
    file.persist(path).or_error(Kind::Io, cannot())?;
    Ok(())
}

/// One value as JSON.
pub fn to_json<T: Serialize>(value: &T) -> Result<String> {
    let text = serde_json::to_string_pretty(value).or_error(Kind::Internal, "a result cannot be written as JSON")?;
    Ok(text + "\n")
}

/// Prints one value as JSON.
pub fn print_json<T: Serialize>(value: &T) -> Result<()> {
    write(to_json(value)?.as_bytes())
}

/// How wide a table may be where no terminal tells.
const WIDTH: u16 = 120;

/// A plain table that fits the terminal, a line for each row where it can.
pub fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    laid_out(presets::UTF8_FULL_CONDENSED, true, header, rows)
}

/// Rows of an answer: a table where the names of its columns have room beside each other, else each row by itself, a line for
/// each of its columns.
pub fn answer(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let beside: usize = header.iter().map(|name| name.chars().count() + 3).sum();
    if beside < usize::from(WIDTH) {
        return table(header, rows);
    }
    let width = header.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let record = |(place, row): (usize, Vec<String>)| {
        let lines =
            header.iter().zip(row).map(|(name, value)| format!("{name:<width$}  {value}").trim_end().to_owned());
        format!("-- row {} --\n{}", place + 1, lines.collect::<Vec<_>>().join("\n"))
    };
    let records: Vec<String> = rows.enumerate().map(record).collect();
    if records.is_empty() { format!("no rows of {}", header.join(", ")) } else { records.join("\n") }
}

/// A table of long texts, with a rule between rows.
pub fn paragraphs(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    laid_out(presets::UTF8_HORIZONTAL_ONLY, false, header, rows)
}

fn laid_out(style: TableStyle, keeps_names: bool, header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(style).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    if !table.is_tty() {
        table.set_width(WIDTH);
    }
    for row in rows {
        table.add_row(row);
    }
    // Names are for copying: they are never broken.
    if keeps_names && let Some(names) = table.column_mut(0) {
        names.set_constraint(ColumnConstraint::ContentWidth);
    }
    table.to_string()
}

/// A whole number with thousands separators.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The last day of what ends at a time.
pub fn last_day(end: jiff::Timestamp) -> String {
    let last = end.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap_or(end);
    last.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_many_columns_are_told_row_by_row() {
        let names: Vec<String> = (0..15).map(|number| format!("column_{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let row = || names.iter().map(|name| name[7..].to_owned()).collect::<Vec<_>>();
        let told = answer(&names, [row(), row()].into_iter());
        assert!(told.starts_with("-- row 1 --\ncolumn_0   0\n") && told.ends_with("column_14  14"), "{told}");
        assert!(answer(&names, std::iter::empty()).starts_with("no rows of column_0, "));
        let few = &names[6..];
        assert!(answer(few, [vec!["x".to_owned(); few.len()]].into_iter()).contains("┆ column_14 │"));
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(37_154), "37,154");
        assert_eq!(grouped(38_269_630), "38,269,630");
    }
}
