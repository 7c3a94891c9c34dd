//! Pages as served: the table among their elements.

use model::{Error, Kind, Result};
use scraper::{ElementRef, Html, Selector};

use super::{IsOurs, Table, changed, check_distinct, uneven};

/// The table that is wanted. The publisher has set it first on the page, and in a panel of an accordion: it is told by
/// its header, not by where it stands. The header is sometimes the first row of the body.
pub(super) fn table(text: &str, url: &str, is_ours: IsOurs<'_>) -> Result<Table> {
    let page = Html::parse_document(text);
    let mut tables = 0;
    for table in page.select(&selector("table")?) {
        tables += 1;
        let mut rows = Vec::new();
        for (place, row) in (1_u64..).zip(table.select(&selector("tr")?)) {
            let cells: Vec<String> = row.select(&selector("th, td")?).map(words).collect();
            rows.push((place, cells));
        }
        // Rows without a cell are the markup's, not the table's.
        rows.retain(|(_, cells)| !cells.is_empty());
        let Some((_, names)) = rows.first().cloned() else { continue };
        if !is_ours(&names).map_err(|why| changed(url, &why))? {
            continue;
        }
        check_distinct(&names, url)?;
        rows.remove(0);
        if let Some((place, cells)) = rows.iter().find(|(_, cells)| cells.len() != names.len()) {
            return Err(uneven(url, "row", *place, cells.len(), names.len()));
        }
        let headings = page.select(&selector("title, h1, h2, h3, h4, caption")?).map(words).collect();
        return Ok(Table { names, rows, headings });
    }
    let what = match tables {
        0 => "without a table".to_owned(),
        1 => "whose table is another".to_owned(),
        several => format!("whose {several} tables are others"),
    };
    Err(Error::new(Kind::NotData, format!("{url} is an HTML page {what}, not the data"))
        .hint("open the address in a browser: the publisher may have moved the page or ask for a sign-in"))
}

/// The text of an element, with single blanks between its words.
fn words(element: ElementRef<'_>) -> String {
    let text: String = element.text().collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn selector(css: &str) -> Result<Selector> {
    Selector::parse(css).map_err(|error| Error::new(Kind::Internal, format!("`{css}` selects nothing: {error}")))
}
