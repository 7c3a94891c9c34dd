//! Three queries of CDC WONDER's web service: one from a captured answer of it, two from exports of the same figures.

use super::Failure;
use super::out::{Folder, Source};
use std::collections::BTreeMap;
use std::path::Path;

const ANSWER: &str = "cdc/wonder_api/D76_response_unescaped.xml";
const OPIOIDS: &str = "cdc/wonder_mcd_state/cdc_wonder_pull_total_natl_all_opioids.txt";
const OVERDOSE: &str = "cdc/wonder_ucd_state_drug/cagrimmett_UCD_1999-2015_state-year_overdose.txt";
const UCD: &str = "V2=X40,X41,X42,X43,X44,X60,X61,X62,X63,X64,X85,Y10,Y11,Y12,Y13,Y14";

pub fn make(captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    let mut source = Source {
        publisher: "Centers for Disease Control and Prevention, National Center for Health Statistics",
        title: "Answers of WONDER's web service: deaths by digestive disease at ages 15 to 44 by year and race (D76), by drug overdose by year (D76), by drug overdose with any opioid by year (D77)",
        grade: "publisher",
        credit: "Centers for Disease Control and Prevention, National Center for Health Statistics. Underlying Cause of Death 1999-2018 and 1999-2015, Multiple Cause of Death 1999-2016 on CDC WONDER Online Database; accessed on Dec 17, 2020, Nov 16, 2017 and Apr 14, 2018",
        licence: "public domain; CDC WONDER data use restrictions apply",
        kept: "every figure, the caveats of the captured answer, what it says is missing, the codes of its races",
        masked: "nothing: no persons",
        left_out: "the answer's description of its database and of its form; the age-adjusted rates of overdose by state",
        ours: "overdose by year is the sum of the 51 areas of the export, none of them suppressed, and its rate is deaths by population to nine places; WONDER never printed it so",
        ..Source::default()
    };
    let answer = String::from_utf8(source.read(captures, ANSWER)?)?;
    let opioids = String::from_utf8(source.read(captures, OPIOIDS)?)?;
    let overdose = String::from_utf8(source.read(captures, OVERDOSE)?)?;

    let digestive = digestive(&answer)?;
    let sum = |rows: &[Vec<String>], at: usize| rows.iter().filter_map(|row| row[at].parse::<u64>().ok()).sum::<u64>();
    source.check("digestive rows", digestive.len(), 80)?;
    // The answer's own largest figures "with totals": those of the whole table.
    source.check("digestive deaths 1999-2018", sum(&digestive, 2), 119_387)?;
    source.check("digestive population 1999-2018", sum(&digestive, 3), 2_526_122_982)?;

    let opioids: Vec<Vec<String>> = export(&opioids).map(|row| row[2..].to_vec()).collect();
    source.check("opioid rows, one of them Total", opioids.len(), 19)?;
    source.check("opioid deaths, by year", sum(&opioids[..18], 1), 351_630)?;
    source.check("opioid deaths, Total row", opioids[18][1].clone(), "351630".to_owned())?;

    let (overdose, total) = overdose_by_year(&overdose)?;
    source.check("overdose deaths 2015", overdose[16][1].clone(), "52404".to_owned())?;
    source.check("overdose deaths, by year against the grand total row", sum(&overdose, 1).to_string(), total.0)?;
    source.check("overdose population, by year against the grand total row", sum(&overdose, 2).to_string(), total.1)?;

    let ages: Vec<String> = (15..45).map(|age: u32| age.to_string()).collect();
    let ages = format!("V2=K00-K92;V52={}", ages.join(","));
    let drugs = format!("{UCD};V13=T40.0,T40.1,T40.2,T40.3,T40.4,T40.6");
    let queries = [
        [
            "digestive",
            "D76",
            "Underlying Cause of Death, 1999-2018",
            "2018",
            "Dec 17, 2020 11:39:59 AM",
            "V1-level1|V8",
            "M1|M2|M3",
            &ages,
        ],
        [
            "any_opioid",
            "D77",
            "Multiple Cause of Death, 1999-2016",
            "2016",
            "Apr 14, 2018 9:40:48 PM",
            "V1-level1",
            "M1|M2|M3|M4|M42|M43|M41",
            &drugs,
        ],
        [
            "overdose",
            "D76",
            "Underlying Cause of Death, 1999-2015",
            "2015",
            "Nov 16, 2017 10:14:27 AM",
            "V1-level1",
            "M1|M2|M3",
            UCD,
        ],
    ];
    let mut folder = Folder::new(tables, "wonder_api")?;
    let header = ["query", "database", "label", "vintage", "date", "groups", "measures", "chosen"];
    folder.csv(&mut source, "queries", &header, queries.map(|row| row.map(str::to_owned).to_vec()))?;
    folder.csv(&mut source, "digestive", &["year", "race", "deaths", "population", "crude_rate"], digestive)?;
    let measures = ["year", "deaths", "population", "crude_rate", "age_adjusted_rate", "low", "high", "se"];
    folder.csv(&mut source, "any_opioid", &measures, opioids)?;
    folder.csv(&mut source, "overdose", &measures[..4], overdose)?;
    folder.csv(&mut source, "values", &["variable", "code", "label"], values(&answer))?;
    folder.csv(&mut source, "notes", &["query", "section", "code", "text"], notes(&answer)?)?;
    Ok(vec![folder.finish(&source)?])
}

type Rows = Vec<Vec<String>>;

/// What stands between two texts, each time.
fn between<'a>(text: &'a str, from: &'a str, to: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(from).skip(1).filter_map(move |rest| rest.split_once(to).map(|(found, _)| found))
}

fn digestive(answer: &str) -> Result<Rows, Failure> {
    let table = between(answer, "<data-table", "</data-table>").next().ok_or("no table")?;
    let mut year = "";
    let mut rows = Vec::new();
    for row in between(table, "<r>", "</r>") {
        let labels: Vec<&str> = between(row, " l=\"", "\"").collect();
        let [.., race] = labels.as_slice() else { return Err("a row without a label".into()) };
        if labels.len() == 2 {
            year = labels[0];
        }
        let mut fields = vec![year.to_owned(), (*race).to_owned()];
        fields.extend(between(row, " v=\"", "\"").map(|figure| figure.replace(',', "")));
        rows.push(fields);
    }
    Ok(rows)
}

/// An export's rows, all fields, unquoted.
fn export(text: &str) -> impl Iterator<Item = Vec<String>> {
    text.lines().skip(1).take_while(|line| *line != "\"---\"").map(super::wonder::fields)
}

/// Deaths, population and rate by year, and the deaths and population of the grand total row.
fn overdose_by_year(text: &str) -> Result<(Rows, (String, String)), Failure> {
    let mut years: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut total = None;
    for row in export(text) {
        if row[0].is_empty() {
            let sums = years.entry(row[4].clone()).or_default();
            // A suppressed cell would stop here: then there would be no sum.
            sums.0 += row[5].parse::<u64>()?;
            sums.1 += row[6].parse::<u64>()?;
        } else if row[1].is_empty() {
            total = Some((row[5].clone(), row[6].clone()));
        }
    }
    let row = |(year, (deaths, population)): (String, (u64, u64))| {
        vec![year, deaths.to_string(), population.to_string(), rate(deaths, population)]
    };
    Ok((years.into_iter().map(row).collect(), total.ok_or("no grand total")?))
}

/// Deaths per 100,000 persons to nine places, rounded half up.
fn rate(deaths: u64, population: u64) -> String {
    let (deaths, population) = (u128::from(deaths), u128::from(population));
    let units = (deaths * 100_000 * 1_000_000_000 * 2 + population) / (population * 2);
    format!("{}.{:09}", units / 1_000_000_000, units % 1_000_000_000)
}

/// The codes of the races, and what the one chapter of causes is called.
fn values(answer: &str) -> Rows {
    let races = between(answer, "<variable code=\"D76.V8\"", "</variable>").next().unwrap_or("");
    let mut values: Rows = between(races, "<value code=\"", "\"/>")
        .filter_map(|value| value.split_once("\" label=\""))
        .map(|(code, label)| vec!["V8".to_owned(), code.to_owned(), label.to_owned()])
        .collect();
    values.push(["V2", "K00-K92", "Diseases of the digestive system"].map(str::to_owned).to_vec());
    values
}

fn notes(answer: &str) -> Result<Rows, Failure> {
    let (_, response) = answer.split_once("<caveats>").ok_or("no caveats")?;
    let note = |section: &str, code: &str, text: &str| ["digestive", section, code, text].map(str::to_owned).to_vec();
    let mut notes: Rows =
        between(response, "<caveat><![CDATA[", "]]></caveat>").map(|text| note("caveat", "", text)).collect();
    let missing = between(answer, "<missing var1=\"D76.V10-level4\"", "</missing>").next().ok_or("nothing missing")?;
    for instance in between(missing, "<instance code=\"", "</instance>") {
        let code = instance.split('"').next().unwrap_or("");
        notes.extend(between(instance, "<hier-range>", "</hier-range>").map(|range| note("missing", code, range)));
    }
    Ok(notes)
}
