//! Random tables, printed as WONDER prints them, read back the same.

use proptest::prelude::*;

use super::*;

/// A row to be printed: a label for each group, none for those that a total runs over, and three figures.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    labels: Vec<Option<String>>,
    figures: [String; 3],
}

/// The lines of a table whose groups have so many values each, with a total after each group if there are totals.
fn lines(sizes: &[usize], totals: bool, figures: &mut dyn FnMut() -> [String; 3]) -> Vec<Line> {
    fn under(
        prefix: &[Option<String>],
        sizes: &[usize],
        totals: bool,
        figures: &mut dyn FnMut() -> [String; 3],
    ) -> Vec<Line> {
        let Some((values, deeper)) = sizes.split_first() else {
            return vec![Line { labels: prefix.to_vec(), figures: figures() }];
        };
        let mut lines = Vec::new();
        for value in 0..*values {
            let mut prefix = prefix.to_vec();
            prefix.push(Some(format!("<{}> & {value}", prefix.len())));
            lines.extend(under(&prefix, deeper, totals, figures));
        }
        if totals {
            let mut labels = prefix.to_vec();
            labels.resize(prefix.len() + sizes.len(), None);
            lines.push(Line { labels, figures: figures() });
        }
        lines
    }
    under(&[], sizes, totals, figures)
}

/// WONDER's table: a label spans the rows that it is the label of, totals included, unless all labels are shown.
fn print(lines: &[Line], all_labels: bool) -> String {
    let escape = |text: &str| quick_xml::escape::escape(text).into_owned();
    let mut table = format!("<data-table show-all-labels=\"{all_labels}\">\n");
    for (at, line) in lines.iter().enumerate() {
        table.push_str("<r>");
        let named = line.labels.iter().flatten().count();
        for (group, label) in line.labels.iter().flatten().enumerate() {
            let alike = |other: &&Line| other.labels[..=group] == line.labels[..=group];
            let spans = lines[at..].iter().take_while(alike).count();
            let begins = at == 0 || !alike(&&lines[at - 1]);
            match (all_labels, begins, spans) {
                (true, ..) | (false, true, 1) => table.push_str(&format!("<c l=\"{}\"/>", escape(label))),
                (false, true, _) => table.push_str(&format!("<c l=\"{}\" r=\"{spans}\"/>", escape(label))),
                (false, false, _) => {}
            }
        }
        let over = line.labels.len() - named;
        if over > 0 {
            table.push_str(&format!("<c c=\"{over}\"/>"));
        }
        for figure in &line.figures {
            table.push_str(&format!("<c {}=\"{figure}\"/>", if over > 0 { "dt" } else { "v" }));
        }
        table.push_str("</r>\n");
    }
    table + "</data-table>"
}

/// A page around a table, with what a reader of tables needs.
fn page(groups: usize, table: &str) -> String {
    let variables = ["V1-level1", "V7", "V8"];
    let list: String = variables[..groups].iter().map(|code| format!("<variable code=\"D76.{code}\"/>")).collect();
    let measures = "<measure-selections><measure code=\"D76.M1\"/><measure code=\"D76.M2\"/><measure code=\"D76.M3\"/></measure-selections>";
    format!(
        "<?xml version=\"1.0\"?>\n<page><dataset code=\"D76\" label=\"Underlying Cause of Death, 1999-2018\"/><response>\
         <request query-date=\"Dec 17, 2020 11:39:59 AM\"><byvariables>{list}</byvariables>{measures}</request>{measures}{table}</response></page>"
    )
}

fn thousands(number: u32) -> String {
    let digits = number.to_string();
    let mut printed = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            printed.push(',');
        }
        printed.push(digit);
    }
    printed
}

proptest! {
    #[test]
    fn random_tables_read_back_the_same(
        sizes in prop::collection::vec(1_usize..4, 1..4),
        totals in any::<bool>(),
        all_labels in any::<bool>(),
        seeds in prop::collection::vec((0_u32..40_000_000, any::<u32>(), 0_u32..2_000_000), 1..40),
    ) {
        let mut seeds = seeds.iter().cycle();
        let mut figures = || {
            let (deaths, persons, rate) = *seeds.next().unwrap();
            match deaths % 7 {
                0 => ["Suppressed".to_owned(), thousands(persons), "Suppressed".to_owned()],
                1 => [(deaths % 20).to_string(), "Not Applicable".to_owned(), "Unreliable".to_owned()],
                _ => [thousands(deaths), thousands(persons), format!("{}.{:09}", thousands(rate), deaths)],
            }
        };
        let lines = lines(&sizes, totals, &mut figures);
        let response = Response::parse(&page(sizes.len(), &print(&lines, all_labels)), "file:random").unwrap();
        let read: Vec<Line> = response.rows.iter().map(|row| {
            let figures: Vec<String> = row.figures.values().map(|figure| figure.value.clone()).collect();
            let labels: Vec<Option<String>> =
                row.labels.iter().map(|label| label.as_ref().map(|label| label.text.clone())).collect();
            assert_eq!(row.is_total, labels.contains(&None));
            Line { labels, figures: figures.try_into().unwrap() }
        }).collect();
        prop_assert_eq!(read, lines);
        let records: Vec<u64> = response.rows.iter().map(|row| row.record).collect();
        prop_assert_eq!(records, (1..=response.rows.len() as u64).collect::<Vec<_>>());
    }

    #[test]
    fn a_table_that_lost_a_row_or_a_cell_is_not_read_as_another(
        sizes in prop::collection::vec(2_usize..4, 2..4),
        lost in any::<prop::sample::Index>(),
    ) {
        let mut next = 0;
        let mut figures = || {
            next += 1;
            [next.to_string(), (next + 1000).to_string(), format!("{next}.5")]
        };
        let lines = lines(&sizes, false, &mut figures);
        let table = print(&lines, false);
        let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("<r>")).collect();
        let row = rows[lost.index(rows.len())];
        let shorter = table.replacen(&format!("{row}\n"), "", 1);
        prop_assert!(Response::parse(&page(sizes.len(), &shorter), "file:short").is_err());
        let cell = row.rfind("<c ").unwrap();
        let narrower = table.replacen(row, &format!("{}</r>", &row[..cell]), 1);
        prop_assert!(Response::parse(&page(sizes.len(), &narrower), "file:narrow").is_err());
    }
}
