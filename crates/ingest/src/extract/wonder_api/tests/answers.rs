//! What is answered: rows, totals, words, editions and notes, and which answers are refused.

use super::*;

/// The pipeline's recipes, as this repository ships them.
fn shipped() -> WonderApi {
    let text = include_str!("../../../../../../pipelines/cdc_wonder_us.toml");
    let pipeline: toml::Table = toml::from_str(text).unwrap();
    let mut source = pipeline["source"].as_table().unwrap().clone();
    source.remove("kind");
    source.try_into().unwrap()
}

fn captured() -> Option<Page> {
    capture("cdc/wonder_api/D76_response_unescaped.xml")
}

/// The captured table: 20 years of 4 races. The answer itself says how many deaths and persons all of it has: the
/// largest figures "with totals" among its measures.
#[test]
fn the_captured_answer_is_read_to_its_last_row() {
    let Some(page) = captured() else { return };
    let decoded = decode(&shipped(), &[page]).unwrap();
    let edition = decoded.edition.as_ref().unwrap();
    assert_eq!(edition.release.as_ref().unwrap().as_str(), "ucd-1999-2018");
    assert_eq!(edition.slice.as_deref(), Some("digestive_disease_15_44_by_year_race"));
    assert_eq!(decoded.rows.len(), 20 * 4 * 3);
    assert_eq!(decoded.records.iter().max(), Some(&80));

    let (measures, values) = (decoded.column("Measure"), decoded.column("Value"));
    let of = |name: &str| -> Vec<&str> {
        measures.iter().zip(&values).filter(|(measure, _)| **measure == name).map(|(_, value)| *value).collect()
    };
    let sum = |name: &str| of(name).iter().map(|value| value.replace(',', "").parse::<u64>().unwrap()).sum::<u64>();
    assert_eq!((sum("deaths"), sum("population")), (119_387, 2_526_122_982));
    assert_eq!((of("deaths")[0], of("deaths")[79]), ("210", "5,371"));
    assert_eq!(of("crude_rate")[78], "3.685599305");

    let years: BTreeSet<&str> = decoded.column("Year").into_iter().collect();
    assert_eq!((years.len(), years.first(), years.last()), (20, Some(&"1999"), Some(&"2018")));
    let races: BTreeSet<_> = decoded.column("Value 1").into_iter().zip(decoded.column("Value 1 Code")).collect();
    assert_eq!(
        races.into_iter().collect::<Vec<_>>(),
        [
            ("American Indian or Alaska Native", "1002-5"),
            ("Asian or Pacific Islander", "A-PI"),
            ("Black or African American", "2054-5"),
            ("White", "2106-3")
        ]
    );
    assert!(decoded.column("Notes").iter().all(|notes| notes.is_empty()));
    assert!(decoded.column("Dimension 2").iter().all(|name| *name == "∅"));

    assert_eq!(decoded.section("query_date"), [("Query Date", "Dec 17, 2020 11:39:59 AM")]);
    assert!(decoded.section("query").contains(&("ICD-10 Codes", "K00-K92 (Diseases of the digestive system)")));
    assert!(decoded.section("query").contains(&("Group By", "Year; Race")));
    assert!(decoded.section("query").contains(&("Show Zero Values", "True")));
    assert_eq!(decoded.section("caveat").len(), 7);
    assert!(
        decoded.section("missing").contains(&("County 51560", "Month 2001-2018")),
        "{:?}",
        decoded.section("missing")
    );
    assert!(decoded.section("citation")[0].1.contains("Underlying Cause of Death 1999-2018 on CDC WONDER"));
}

#[test]
fn an_answer_that_was_printed_as_source_is_refused_for_what_it_is() {
    let Some(page) = capture("cdc/wonder_api/diegomtzg_sample_response_D76.xml") else { return };
    check_error(shipped().inspect(&page), Kind::NotData, &["wrote its line ends as the signs"]);
}

/// Of the captured answer, with one thing changed.
#[track_caller]
fn check_changed(from: &str, to: &str, kind: Kind, words: &[&str]) {
    let Some(page) = captured() else { return };
    let text = String::from_utf8(page.bytes(1 << 20).unwrap()).unwrap().replace("\r\n", "\n");
    assert!(text.contains(from), "nothing to change: {from}");
    let changed = text.replacen(from, to, 1);
    let page = Page::of_bytes("file:changed.xml", changed.into_bytes());
    check_error(decode(&shipped(), &[page]), kind, words);
}

#[test]
fn an_answer_to_another_query_is_refused_by_parameter() {
    let other = Kind::Changed;
    check_changed(
        "<name>V_D76.V7</name>\n\t\t<value>*All*</value>",
        "<name>V_D76.V7</name>\n\t\t<value>F</value>",
        other,
        &["the nearest is `digestive_disease_15_44_by_year_race`", "`V_D76.V7` is `F`, the recipe asks for `*All*`"],
    );
    check_changed("\t\t<value code=\"44\"/>\n\t</variable>", "\t</variable>", other, &["`F_D76.V52`"]);
    check_changed("<variable code=\"D76.V8\"/>\n</byvariables>", "</byvariables>", other, &["4 figures", "3 measures"]);
    check_changed(
        "<parameter code=\"O_show_zeros\" label=\"Show Zero Values\" display=\"true\">\n\t\t<option value=\"true\" label=\"True\"/>\n\t\t<option value=\"false\" label=\"False\"/>\n\t\t<option value=\"disabled\" label=\"Disabled\"/>\n\t\t<value>true</value>",
        "<parameter code=\"O_show_zeros\"><value>false</value>",
        other,
        &["`O_show_zeros` is `false`, the recipe asks for `true`"],
    );
    check_changed("<dataset code=\"D76\"", "<dataset code=\"D999\"", other, &["D999", "no recipe"]);
}

#[test]
fn an_answer_in_another_shape_is_refused() {
    check_changed("<r><c l=\"2018\" r=\"4\"/>", "<r><c l=\"2018\" r=\"5\"/>", Kind::Changed, &["spans further rows"]);
    check_changed("<r><c l=\"2001\" r=\"4\"/>", "<r><c l=\"2001\" r=\"3\"/>", Kind::Changed, &["figure", "group 2"]);
    check_changed("<c v=\"210\"/>", "", Kind::Changed, &["2 figures", "3 measures"]);
    check_changed("<c v=\"210\"/>", "<c v=\"210\" colour=\"red\"/>", Kind::Changed, &["colour"]);
    check_changed("<c v=\"210\"/>", "<c dt=\"210\"/>", Kind::Changed, &["deaths", "`v`"]);
    check_changed("</data-table>", "", Kind::NotData, &["no sound XML"]);
    check_changed(
        "label=\"Underlying Cause of Death, 1999-2018\"",
        "label=\"All Deaths, 1999-2018\"",
        Kind::Changed,
        &["All Deaths"],
    );
}

/// Totals, colspans, figures under `dt`, intervals within a rate's cell, words: by other people's programs and notes.
#[test]
fn totals_and_intervals_are_read() {
    let extractor = one(
        "database = 'D157'\ngroup_by = ['year', 'sex']\nmeasures = ['age_adjusted_rate', 'age_adjusted_rate_ci', 'percent_of_deaths']\ntotals = true",
    );
    let page = fixture("cdc_wonder_us/totals-colspans-intervals-words.xml");
    let decoded = decode(&extractor, &[page]).unwrap();
    assert_eq!(decoded.edition.as_ref().unwrap().release.as_ref().unwrap().as_str(), "mcd-2018-2023-single-race");
    let columns = ["Notes", "Year", "Value 1", "Value 1 Code", "Measure", "Value", "Low", "High"];
    let columns = columns.map(|name| decoded.column(name));
    let rows: Vec<String> = (0..decoded.rows.len())
        .filter(|row| columns[4][*row] == "deaths")
        .map(|row| columns.iter().map(|column| column[row]).collect::<Vec<_>>().join("|"))
        .collect();
    assert_eq!(
        rows,
        [
            "|2018|Female|F|deaths|1,010|1,010|1,010",
            "|2018|Male|M|deaths|Suppressed|1|9",
            "Total|2018|∅|∅|deaths|1,015|1,015|1,015",
            "|2019|Female|F|deaths|12|12|12",
            "|2019|Male|M|deaths|0|0|0",
            "Total|2019|∅|∅|deaths|12|12|12",
            "Total|∅|∅|∅|deaths|1,027|1,027|1,027",
        ]
    );
    let (measure, value) = (decoded.column("Measure"), decoded.column("Value"));
    let (low, high) = (decoded.column("Lower Confidence Limit"), decoded.column("Upper Confidence Limit"));
    let rates: Vec<_> = (0..measure.len())
        .filter(|row| measure[*row] == "age_adjusted_rate")
        .map(|row| (value[row], low[row], high[row]))
        .collect();
    assert_eq!(rates[0], ("14.6", "14.4", "14.7"));
    assert_eq!(rates[1], ("Suppressed", "Suppressed", "Suppressed"));
    assert_eq!(rates[3], ("Unreliable", "Unreliable", "Unreliable"));
    assert_eq!(rates[6], ("20.2", "20.2", "20.3"));
    let percents = (0..measure.len()).filter(|row| measure[*row] == "percent_of_deaths").map(|row| value[row]);
    assert_eq!(percents.collect::<Vec<_>>()[6], "100.0");
    assert_eq!(decoded.section("footnote"), [("1", "An invented footnote.")]);
}

#[test]
fn a_provisional_edition_is_named_for_the_day_of_its_query() {
    let extractor = one("database = 'D176'\ngroup_by = ['year']\nmcd = ['T40.4']");
    let decoded = decode(&extractor, &[fixture("cdc_wonder_us/provisional-year-labels.xml")]).unwrap();
    let release = decoded.edition.as_ref().unwrap().release.clone().unwrap();
    assert_eq!(release.as_str(), "pms-2018-through-last-week-as-of-2025-09-30");
    assert_eq!(decoded.column("Year")[..9], ["2020", "2020", "2020", "2024", "2024", "2024", "2025", "2025", "2025"]);
    assert_eq!(decoded.column("Value")[..3], ["99", "Not Applicable", "Not Applicable"]);
}

#[test]
fn a_page_without_a_table_is_refused_in_wonders_words() {
    let extractor = one(CAPTURED);
    let check = |body: &str, kind: Kind, words: &[&str]| {
        check_error(extractor.inspect(&Page::of_bytes("file:test", body.as_bytes())), kind, words);
    };
    let message =
        "<?xml version=\"1.0\"?>\n<page><title>Processing Error</title><message>Too many rows.</message></page>";
    check(message, Kind::NotData, &["WONDER says “Too many rows.”"]);
    check("<?xml version=\"1.0\"?>\n<page/>", Kind::Changed, &["no table of figures"]);
    check("<rss/>", Kind::Changed, &["`rss`"]);
    check("\"Notes\"\t\"Year\"\n", Kind::NotData, &["no sound XML", "text outside"]);
    check("<page>&unknown;</page>", Kind::NotData, &["no entity `unknown`"]);
    check("<!DOCTYPE page [<!ENTITY a \"b\">]><page/>", Kind::NotData, &["document type"]);
    check(&"<page>".repeat(100), Kind::NotData, &["nest too deep"]);
    check("<page><dataset>", Kind::NotData, &["ends within `dataset`"]);
}

#[test]
fn an_answer_must_be_to_what_was_asked() {
    let Some(page) = captured() else { return };
    let extractor = shipped();
    let bytes = page.bytes(1 << 20).unwrap();
    let page = Page::of_bytes("https://wonder.cdc.gov/controller/datarequest/D76", bytes);
    let slices = extractor.slices();
    let own = slices.iter().find(|slice| slice.name == "digestive_disease_15_44_by_year_race").unwrap();
    extractor.decode(own, std::slice::from_ref(&page), &mut |_| Ok(())).unwrap();
    let other = slices.iter().find(|slice| slice.name == "overdose_by_year").unwrap();
    let swapped = extractor.decode(other, std::slice::from_ref(&page), &mut |_| Ok(()));
    check_error(swapped, Kind::Changed, &["was asked `overdose_by_year`", "answered `digestive_disease"]);
}

#[test]
fn an_answer_repeats_its_request_in_more_ways_than_one() {
    let recipe = one("database = 'D77'\ngroup_by = ['year']\nmcd = ['T40.1', 'T40.4']\nlimit = { sex = ['F'] }");
    let recipe = &recipe.recipes[0];
    let request = |typed: &str, sex: &str| {
        let text = format!(
            "<request><variable-selections><variable code=\"D77.V13\"><value code=\"T40.1\"/><value code=\"T40.4\"/></variable>\
             <variable code=\"D77.V7\"><value code=\"{sex}\"/></variable></variable-selections>\
             <byvariables><variable code=\"D77.V1-level1\"/></byvariables><measure-selections><measure code=\"D77.M1\"/>\
             <measure code=\"D77.M2\"/><measure code=\"D77.M3\"/></measure-selections><request-parameters>\
             <parameter><name>V_D77.V13</name><value>{typed}</value></parameter>\
             <parameter><name>V_D77.V7</name><value>{sex}</value></parameter></request-parameters></request>"
        );
        Element::parse(&text).unwrap()
    };
    for typed in ["T40.1\nT40.4", "T40.1 (Heroin)\nT40.4 (Other synthetic narcotics)\n", "T40.4 T40.1"] {
        assert_eq!(differences(recipe, &request(typed, "F")), [], "{typed}");
    }
    let found = differences(recipe, &request("T40.1", "M"));
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "`V_D77.V13` is `T40.1`, the recipe asks for `T40.1, T40.4`",
            "`V_D77.V7` is `M`, the recipe asks for `F`",
            "`F_D77.V7` is `M`, the recipe asks for `F`"
        ]
    );
    let xml = to_xml(&recipe.parameters());
    assert!(xml.contains("<name>V_D77.V13</name><value>T40.1\nT40.4</value>"), "{xml}");
}
