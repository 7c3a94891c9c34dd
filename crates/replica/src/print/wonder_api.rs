//! CDC WONDER's web service: an answer as a page of XML, with the request as it was understood, and a table whose labels
//! span rows.

use std::collections::HashMap;

use crate::Result;
use crate::table::{Table, at};
use crate::wonder_service::{Asked, Query};

/// What WONDER calls a variable or a measure.
const NAMES: &[(&str, &str)] = &[
    ("V1-level1", "Year"),
    ("V2", "ICD-10 Codes"),
    ("V8", "Race"),
    ("V13", "MCD - ICD-10 Codes"),
    ("V52", "Single-Year Ages"),
    ("M1", "Deaths"),
    ("M2", "Population"),
    ("M3", "Crude Rate"),
    ("M4", "Age Adjusted Rate"),
    ("M41", "Age Adjusted Rate Standard Error"),
    ("M42", "Age Adjusted Rate Lower 95% Confidence Interval"),
    ("M43", "Age Adjusted Rate Upper 95% Confidence Interval"),
];

fn name(code: &str) -> &str {
    NAMES.iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| name)
}

/// A text as XML has it.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The page that answers a query, as it was asked.
pub fn answer(query: &Query, asked: &Asked) -> Result<Vec<u8>> {
    let values = Table::read("wonder_api/values")?;
    let label: HashMap<(&str, &str), &str> =
        values.rows.iter().map(|row| ((at(row, 0), at(row, 1)), at(row, 2))).collect();
    let mut out = format!(
        "<?xml version=\"1.0\"?>\n<page>\n<platform>prod</platform>\n<title>{0} Results Form</title>\n\
         <default-map/>\n<agreement-signed>true</agreement-signed>\n<dataset code=\"{1}\" label=\"{0}\" vintage=\"{2}\">\n",
        query.label, query.database, query.vintage
    );
    dataset(&mut out, query, asked, &values)?;
    out.push_str("</dataset>\n<response>\n");
    request(&mut out, query, asked, &label);
    let code = &query.database;
    out.push_str("<measure-selections>\n");
    for measure in &asked.measures {
        out.push_str(&format!("\t<measure code=\"{code}.{measure}\"/>\n"));
    }
    out.push_str("</measure-selections>\n");
    table(&mut out, query, asked)?;
    out.push_str("<footnotes>\n</footnotes>\n<caveats>\n");
    for note in notes(&query.id, "caveat")? {
        out.push_str(&format!("<caveat><![CDATA[{}]]></caveat>\n", note.1));
    }
    out.push_str("</caveats>\n</response>\n</page>\n");
    // Caveats hold line ends of both kinds.
    Ok(out.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes())
}

/// The notes of a section: codes and texts.
fn notes(query: &str, section: &str) -> Result<Vec<(String, String)>> {
    let notes = Table::read("wonder_api/notes")?;
    let of = notes.of(query).filter(|note| at(note, 1) == section);
    Ok(of.map(|note| (at(note, 2).to_owned(), at(note, 3).to_owned())).collect())
}

fn dataset(out: &mut String, query: &Query, asked: &Asked, values: &Table) -> Result<()> {
    let code = &query.database;
    for group in &query.groups {
        let variable = group.split('-').next().unwrap_or(group);
        out.push_str(&format!("\t<variable code=\"{code}.{variable}\" label=\"{}\">\n", name(group)));
        if variable != group {
            out.push_str(&format!("\t\t<hier-level code=\"{code}.{group}\" label=\"{}\"/>\n", name(group)));
        }
        for value in values.of(variable) {
            let (of, label) = (at(value, 1), at(value, 2));
            out.push_str(&format!("\t\t<value code=\"{of}\" label=\"{label}\"/>\n"));
        }
        out.push_str("\t</variable>\n");
    }
    for chosen in query.chosen.keys() {
        out.push_str(&format!("\t<variable code=\"{code}.{chosen}\" label=\"{}\"/>\n", name(chosen)));
    }
    for measure in &asked.measures {
        out.push_str(&format!("\t<measure code=\"{code}.{measure}\" label=\"{}\"/>\n", name(measure)));
    }
    let missing = notes(&query.id, "missing")?;
    if !missing.is_empty() {
        out.push_str(&format!("<missing var1=\"{code}.V10-level4\" var2=\"{code}.V1-level2\">\n"));
        for (county, range) in missing {
            out.push_str(&format!(
                "\t<instance code=\"{county}\">\n\t\t<hier-range>{range}</hier-range>\n\t</instance>\n"
            ));
        }
        out.push_str("</missing>\n");
    }
    Ok(())
}

/// The request, repeated: what was chosen, groups, measures, options, and most parameters as they were sent.
fn request(out: &mut String, query: &Query, asked: &Asked, label: &HashMap<(&str, &str), &str>) {
    let code = &query.database;
    out.push_str(&format!("<request query-date=\"{}\">\n<variable-selections>\n", query.date));
    for (variable, chosen) in &query.chosen {
        let finder = matches!(variable.as_str(), "V2" | "V13");
        out.push_str(&format!("\t<variable code=\"{code}.{variable}\" from-finder=\"{finder}\">\n"));
        for value in chosen {
            let label = label.get(&(variable.as_str(), value.as_str()));
            let label = label.map_or_else(String::new, |label| format!(" label=\"{label}\""));
            out.push_str(&format!("\t\t<value code=\"{value}\"{label}/>\n"));
        }
        out.push_str("\t</variable>\n");
    }
    out.push_str("</variable-selections>\n<byvariables>\n");
    for group in &query.groups {
        out.push_str(&format!("\t<variable code=\"{code}.{group}\"/>\n"));
    }
    out.push_str("</byvariables>\n<measure-selections>\n");
    for measure in &asked.measures {
        out.push_str(&format!("\t<measure code=\"{code}.{measure}\"/>\n"));
    }
    out.push_str("</measure-selections>\n<other-parameters>\n");
    for (option, values) in asked.parameters.iter().filter(|(name, _)| name.starts_with("O_")) {
        let value = values.first().map(String::as_str).unwrap_or_default();
        out.push_str(&format!(
            "\t<parameter code=\"{option}\" display=\"false\">\n\t\t<value>{}</value>\n\t</parameter>\n",
            escaped(value)
        ));
    }
    out.push_str("</other-parameters>\n<request-parameters>\n");
    let repeated = |name: &&String| ["B_", "M_", "V_", "VM_"].iter().any(|begin| name.starts_with(begin));
    for name in asked.parameters.keys().filter(repeated) {
        out.push_str(&format!("\t<parameter>\n\t\t<name>{name}</name>\n"));
        for value in &asked.parameters[name] {
            out.push_str(&format!("\t\t<value>{}</value>\n", escaped(value)));
        }
        out.push_str("\t</parameter>\n");
    }
    out.push_str("</request-parameters>\n</request>\n");
}

/// The table. A label spans the rows that it is the label of; the total row, if it is asked for, has no label, and its
/// figures have a name of their own.
fn table(out: &mut String, query: &Query, asked: &Asked) -> Result<()> {
    let figures = Table::read(&format!("wonder_api/{}", query.id))?;
    let groups = query.groups.len();
    out.push_str("<data-table show-all-labels=\"false\">\n");
    for (index, row) in figures.rows.iter().enumerate() {
        let is_total = at(row, 0).is_empty();
        if is_total && !asked.totals {
            continue;
        }
        out.push_str("<r>");
        if is_total {
            out.push_str(&format!("<c c=\"{groups}\"/>"));
        }
        for group in (0..groups).filter(|_| !is_total) {
            let same = |other: &csv::StringRecord| (0..=group).all(|place| at(other, place) == at(row, place));
            if index > 0 && same(&figures.rows[index - 1]) {
                continue;
            }
            let rows = figures.rows[index..].iter().take_while(|other| same(other)).count();
            let spans = if rows > 1 { format!(" r=\"{rows}\"") } else { String::new() };
            out.push_str(&format!("<c l=\"{}\"{spans}/>", escaped(at(row, group))));
        }
        let value = if is_total { "dt" } else { "v" };
        let figure = |measure: &str| {
            let place = query.measures.iter().position(|known| known == measure);
            place.map_or_else(String::new, |place| printed(at(row, groups + place)))
        };
        // Confidence limits stand within the rate's own cell.
        for measure in asked.measures.iter().filter(|measure| !matches!(measure.as_str(), "M42" | "M43")) {
            let number = figure(measure);
            if measure == "M4" && asked.measures.iter().any(|other| other == "M42") {
                let (low, high) = (figure("M42"), figure("M43"));
                out.push_str(&format!("<c {value}=\"{number}\" a=\"c\"><l v=\"({low} - {high})\"/></c>"));
            } else {
                out.push_str(&format!("<c {value}=\"{number}\"/>"));
            }
        }
        out.push_str("</r>\n");
    }
    out.push_str("</data-table>\n");
    Ok(())
}

/// A number with commas between thousands; a word as it is.
fn printed(text: &str) -> String {
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.to_owned();
    }
    let mut out = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}
