//! Pages as a person copied them from a browser: prose, then the table with tabs between its cells, then prose.

use model::{Error, Kind, Result};

use super::{IsOurs, Table, changed, check_distinct, uneven};

/// The table in the text of a page: the lines with tabs from its header on, without a gap.
pub(super) fn table(text: &str, url: &str, is_ours: IsOurs<'_>) -> Result<Table> {
    let cells = |line: &str| -> Vec<String> { line.split('\t').map(|cell| cell.trim().to_owned()).collect() };
    let mut headings = Vec::new();
    let mut lines = (1_u64..).zip(text.lines());
    let mut others = None;
    let names = loop {
        let Some((_, line)) = lines.next() else { return Err(no_table(url, others)) };
        if !line.contains('\t') {
            headings.push(line.trim().to_owned());
            continue;
        }
        let names = cells(line);
        if is_ours(&names).map_err(|why| changed(url, &why))? {
            break names;
        }
        others.get_or_insert(names);
    };
    check_distinct(&names, url)?;
    let mut rows = Vec::new();
    let mut end = None;
    for (place, line) in lines {
        if !line.contains('\t') {
            end.get_or_insert(place);
            continue;
        }
        if let Some(end) = end {
            return Err(Error::new(
                Kind::NotData,
                format!("{url}: the table ends at line {end}, and line {place} is a row again"),
            )
            .hint("the copy is damaged there: copy the page again; nothing of it was kept"));
        }
        let cells = cells(line);
        if cells.len() != names.len() {
            return Err(uneven(url, "line", place, cells.len(), names.len()));
        }
        rows.push((place, cells));
    }
    Ok(Table { names, rows, headings })
}

/// The error for a text in which nobody finds the table. `others` is the header of another, if there is one.
fn no_table(url: &str, others: Option<Vec<String>>) -> Error {
    match others {
        Some(names) => {
            let first: String = names[0].chars().take(60).collect();
            Error::new(Kind::Changed, format!("{url} is another table: its first column is `{first}`"))
                .hint("`first_header` in the pipeline lists the first columns that are known")
        }
        None => Error::new(Kind::NotData, format!("{url} is text without a table, not the data"))
            .hint("copy the whole page from the browser, so that tabs stand between the cells"),
    }
}
