//! Exports of the recipe, of other queries, and random ones printed as WONDER prints them.

use proptest::prelude::*;

use super::*;
use crate::extract::delimited::tests::{Decoded, capture, check_error, decode, decode_only, fixture};

fn recipe(group_by: &str) -> WonderExport {
    toml::from_str(&format!(
        r#"
        {group_by}
        [[database]]
        code = "D77"
        title = "Multiple Cause of Death"
        withheld = [0, 9]
        [[database]]
        code = "D157"
        title = "Multiple Cause of Death, Single Race"
        withheld = [1, 9]
        [[database]]
        code = "D176"
        title = "Provisional Mortality Statistics"
        withheld = [1, 9]
        [[cause]]
        values = {{ drug = "any_opioid" }}
        ucd = ["X40-X44", "X60-X64", "X85", "Y10-Y14"]
        mcd = ["T40.0", "T40.1", "T40.2", "T40.3", "T40.4", "T40.6"]
        [[cause]]
        values = {{ drug = "heroin" }}
        ucd = ["X40-X44", "X60-X64", "X85", "Y10-Y14"]
        mcd = ["T40.1"]
        [[cause]]
        values = {{ drug = "synthetic" }}
        ucd = ["X40-X44", "X60-X64", "X85", "Y10-Y14"]
        mcd = ["T40.4"]
        "#
    ))
    .unwrap()
}

fn state() -> WonderExport {
    recipe("group_by = ['State', 'Year']")
}

fn us() -> WonderExport {
    recipe("group_by = ['Year']")
}

#[track_caller]
fn check_edition(decoded: &Decoded, release: &str, slice: &str) {
    let edition = decoded.edition.as_ref().unwrap();
    assert_eq!(edition.release.as_ref().unwrap().as_str(), release);
    assert_eq!(edition.slice.as_deref(), Some(slice));
    let drug = slice.split(' ').next().unwrap();
    assert!(decoded.column("drug").iter().all(|cell| *cell == drug));
}

#[track_caller]
fn refuse(extractor: &WonderExport, page: &Page, words: &[&str]) {
    check_error(extractor.inspect(page), Kind::Changed, words);
    check_error(decode_only(extractor, std::slice::from_ref(page)), Kind::Changed, words);
}

#[test]
fn an_export_of_the_recipe_is_read_with_its_footer() {
    let page = fixture("cdc_opioid_deaths_state/any-opioid-1999-2016-suppressed-unreliable-comma-lists.txt");
    let decoded = decode(&state(), &[page]).unwrap();
    check_edition(&decoded, "mcd-1999-2016", "any_opioid 2015-2016");
    assert_eq!(decoded.names[..6], ["Notes", "State", "State Code", "Year", "Year Code", "Deaths"]);
    assert_eq!((decoded.rows.len(), decoded.hidden.len()), (102, 0));
    assert_eq!(decoded.column("Deaths")[..2], ["282", "343"]);
    assert_eq!(decoded.column("Deaths")[100..], ["Suppressed", "10"]);
    assert_eq!(decoded.column("Crude Rate")[100..], ["Suppressed", "Unreliable"]);
    assert_eq!(decoded.column("State Code")[0], "01");
    assert_eq!(decoded.column("year")[..2], ["2015", "2016"]);
    assert_eq!(decoded.records, (2..104).collect::<Vec<_>>());
    assert_eq!(decoded.section("dataset"), [("Dataset", "Multiple Cause of Death, 1999-2016")]);
    assert_eq!(decoded.section("query_date"), [("Query Date", "Apr 4, 2018 11:52:23 AM")]);
    let query = decoded.section("query");
    assert!(query.contains(&("Group By", "State, Year")) && query.contains(&("Title", "")), "{query:?}");
    let ucd = query.iter().find(|(name, _)| *name == "UCD - ICD-10 Codes").unwrap().1;
    assert!(ucd.ends_with("and biological substances, undetermined intent)"), "{ucd}");
    let caveats = decoded.section("caveat");
    assert_eq!(caveats.iter().map(|(number, _)| *number).collect::<Vec<_>>(), ["1", "2", "3"]);
    assert!(caveats[0].1.contains("R99, \"Other ill-defined and unspecified causes of mortality.\" Caution"));
    assert!(caveats[2].1.contains("October 26, 2012. Population figures for 2010"));
    assert_eq!(decoded.section("message").len(), 1);
    assert_eq!(decoded.section("citation").len(), 1);
}

#[test]
fn lists_by_semicolons_and_defaults_left_out_are_the_same_recipe() {
    let page = fixture("cdc_opioid_deaths_state/heroin-1999-2017-semicolon-lists-defaults-left-out.txt");
    let decoded = decode(&state(), &[page]).unwrap();
    check_edition(&decoded, "mcd-1999-2017", "heroin 2015-2016");
    assert!(decoded.section("query").contains(&("Year/Month", "2015; 2016")));
}

#[test]
fn total_rows_stay_among_the_rows() {
    for (file, drug, total) in [("any-opioid", "any_opioid", "70300"), ("heroin", "heroin", "26400")] {
        let page = fixture(&format!("cdc_opioid_deaths_us/{file}-1999-2016-total-row.txt"));
        let decoded = decode(&us(), &[page]).unwrap();
        check_edition(&decoded, "mcd-1999-2016", &format!("{drug} 2015-2016"));
        assert_eq!(decoded.column("Notes"), ["", "", "Total"]);
        assert_eq!(decoded.column("Deaths")[2], total);
        assert_eq!(decoded.column("Year")[2], "");
    }
}

#[test]
fn a_file_of_another_query_is_refused_by_what_differs() {
    for (file, words) in [
        ("footer-cut-off", &["has no footer", "the only record of the query"][..]),
        (
            "ages-restricted",
            &["`Ten-Year Age Groups` is `15-24 years, 25-34 years, 35-44 years`, the recipe asks for `All`"],
        ),
        ("alcohol-among-underlying-causes", &["`UCD - ICD-10 Codes` has X65 besides"]),
        ("drug-without-a-name", &["`MCD - ICD-10 Codes` has T40.5 besides (`any_opioid`)"]),
        ("grouped-by-race", &["`Group By` is `State, Race, Year`, the recipe asks for `State, Year`"]),
        ("saved-again-without-quotes", &["another program has saved it again"]),
    ] {
        refuse(&state(), &fixture(&format!("cdc_opioid_deaths_state/refused/{file}.txt")), words);
    }
    let page = fixture("cdc_opioid_deaths_state/any-opioid-1999-2016-suppressed-unreliable-comma-lists.txt");
    refuse(&us(), &page, &["`Group By` is `State, Year`, the recipe asks for `Year`"]);
}

const ANY_OPIOID: &str = "cdc_opioid_deaths_state/any-opioid-1999-2016-suppressed-unreliable-comma-lists.txt";

/// The fixture with one piece of its text replaced.
fn edited(from: &str, to: &str) -> Page {
    let text = String::from_utf8(fixture(ANY_OPIOID).bytes(1 << 20).unwrap()).unwrap();
    assert!(text.contains(from), "{from}");
    Page::of_bytes("file:edited.txt", text.replace(from, to).into_bytes())
}

#[test]
fn every_parameter_counts() {
    for (from, to, words) in [
        (
            "Death, 1999-2016\"\r\n\"Query",
            "Death, 1999-2016, Border Regions\"\r\n\"Query",
            "`Dataset` is `Multiple Cause of Death, 1999-2016, Border Regions`",
        ),
        ("Gender: All", "Gender: Female", "`Gender` is `Female`"),
        ("States: All", "States: West Virginia (54)", "`States` is `West Virginia (54)`"),
        ("Weekday: All", "Weekday: Sunday", "`Weekday` is `Sunday`"),
        ("Year/Month: 2015, 2016", "Year/Month: Jan., 2015; Feb., 2015", "`Year/Month` is `Jan., 2015; Feb., 2015`"),
        ("\"Show Suppressed: True\"\r\n", "", "does not say `Show Suppressed`"),
        ("\"Group By: State, Year\"\r\n", "", "does not say `Group By`"),
        ("Group By: State, Year", "Group By: Year, State", "and should begin with `Notes, Year, Year Code, State"),
        ("100,000", "1,000,000", "`Calculate Rates Per` is `1,000,000`"),
        ("Population: 2000", "Population: 2010", "`Standard Population` is `2010 U.S. Std. Population`"),
        ("UCD - ICD-10 Codes: X40", "UCD - ICD-10 Codes: All X40", "which is no code"),
        ("T40.6 (Other", "T40.6 (a) And T40.5 (Other", "which is no code"),
        ("Autopsy: All", "A New Parameter: Yes", "`A New Parameter` is `Yes`"),
    ] {
        refuse(&state(), &edited(from, to), &[words]);
    }
    // A title is free text.
    let titled = edited("\"Title:\"", "\"Title: for the second pull\"");
    assert_eq!(decode(&state(), &[titled]).unwrap().rows.len(), 102);
}

#[test]
fn rows_that_are_not_there_are_hidden_or_cut_off_and_never_zero() {
    let cut = edited(
        "\t\"Wyoming\"\t\"56\"\t\"2016\"\t\"2016\"\t10\t585501\tUnreliable\tUnreliable\tUnreliable\tUnreliable\tUnreliable\r\n",
        "",
    );
    check_error(
        decode(&state(), std::slice::from_ref(&cut)),
        Kind::NotData,
        &["1 of 102 rows are not there", "cut or edited"],
    );
    for (flag, low) in [("Show Suppressed", "0"), ("Show Zero Values", "0")] {
        let text = String::from_utf8(cut.bytes(1 << 20).unwrap()).unwrap();
        let text = text.replace(&format!("{flag}: True"), &format!("{flag}: False"));
        let line = text.lines().position(|line| line.starts_with(&format!("\"{flag}"))).unwrap() as u64 + 1;
        let decoded = decode(&state(), &[Page::of_bytes("file:hidden.txt", text.into_bytes())]).unwrap();
        assert_eq!((decoded.rows.len(), decoded.hidden.len()), (101, 1));
        let hidden = |name: &str| decoded.hidden_cell(0, name);
        assert_eq!((hidden("State Code"), hidden("year"), hidden("drug")), ("56", "2016", "any_opioid"));
        assert_eq!((hidden("State"), hidden("Deaths"), hidden("Crude Rate")), ("Wyoming", NOT_SHOWN, NOT_SHOWN));
        assert_eq!((hidden("withheld_low"), hidden("withheld_high")), (low, "9"));
        assert_eq!(decoded.hidden_records, [line], "a hidden row stands where the footer says that it is hidden");
    }
}

#[test]
fn an_export_that_prints_zeros_withholds_none() {
    let decoded = decode(&state(), &[edited("\t98\t672228\t14.57839", "\t0\t672228\t0.00000")]).unwrap();
    assert!(decoded.column("withheld_low").iter().all(|low| *low == "1"));
    let decoded = decode(&state(), &[edited("\t98\t672228\t14.57839", "\t11\t672228\t0.00000")]).unwrap();
    assert!(decoded.column("withheld_low").iter().all(|low| *low == "0"));
}

#[test]
fn a_row_that_the_query_cannot_have_given_is_refused() {
    for (from, to, words) in [
        (
            "Year/Month: 2015, 2016",
            "Year/Month: 2016",
            "line 2 is of 2015, and the footer says that 2016 was asked for",
        ),
        ("\t98\t672228", "\t5\t672228", "prints a count below 10, which the database withholds"),
    ] {
        check_error(decode_only(&state(), &[edited(from, to)]), Kind::Changed, &[words]);
    }
    let text = String::from_utf8(fixture(ANY_OPIOID).bytes(1 << 20).unwrap()).unwrap();
    let old = Page::of_bytes("file:old.txt", text.replace("\r\n", "\r").into_bytes());
    refuse(&state(), &old, &["carriage returns for line ends"]);
}

#[test]
fn a_place_of_residence_is_the_place() {
    let text = String::from_utf8(fixture(ANY_OPIOID).bytes(1 << 20).unwrap()).unwrap();
    let of = |place: &str| {
        let text = text.replace("Group By: State", &format!("Group By: {place} State"));
        let text = text.replace("\"State\"\t\"State Code\"", &format!("\"{place} State\"\t\"{place} State Code\""));
        Page::of_bytes("file:place.txt", text.into_bytes())
    };
    let decoded = decode(&state(), &[of("Residence")]).unwrap();
    assert_eq!(decoded.names[..3], ["Notes", "State", "State Code"]);
    assert_eq!(decoded.rows, decode(&state(), &[fixture(ANY_OPIOID)]).unwrap().rows);
    refuse(&state(), &of("Occurrence"), &["`Group By` is `Occurrence State, Year`"]);
}

/// The fixture as if it had been asked for by sex, of some sexes, with the rows of one.
fn by_sex(asked: &str, sex: &str) -> Page {
    let text = String::from_utf8(fixture(ANY_OPIOID).bytes(1 << 20).unwrap()).unwrap();
    let text = text.replace("Group By: State, Year", "Group By: State, Gender, Year");
    let text = text.replace("Gender: All", &format!("Gender: {asked}"));
    let text = text.replace("\t\"State Code\"", "\t\"State Code\"\t\"Gender\"\t\"Gender Code\"");
    let rows = text.lines().map(|line| match line.match_indices('\t').nth(2) {
        Some((at, _)) if line.starts_with('\t') => {
            format!("{}\t\"{sex}\"\t\"{}\"{}\r\n", &line[..at], &sex[..1], &line[at..])
        }
        _ => format!("{line}\r\n"),
    });
    Page::of_bytes("file:sex.txt", rows.collect::<String>().into_bytes())
}

#[test]
fn an_export_of_some_groups_is_a_part_of_its_own() {
    let extractor = recipe("group_by = ['State', 'Gender|Sex', 'Year']");
    check_edition(&decode(&extractor, &[by_sex("All", "Female")]).unwrap(), "mcd-1999-2016", "any_opioid 2015-2016");
    let female = decode(&extractor, &[by_sex("Female", "Female")]).unwrap();
    check_edition(&female, "mcd-1999-2016", "any_opioid 2015-2016 of gender Female");
    let male = decode(&extractor, &[by_sex("Male", "Male")]).unwrap();
    check_edition(&male, "mcd-1999-2016", "any_opioid 2015-2016 of gender Male");
}

#[test]
fn rows_of_named_groups_are_hidden_or_cut_off_too() {
    let extractor = recipe("group_by = ['State', 'Gender|Sex', 'Year']");
    let both = by_sex("Female; Male", "Female");
    check_error(decode(&extractor, std::slice::from_ref(&both)), Kind::NotData, &["102 of 204 rows are not there"]);
    let text =
        String::from_utf8(both.bytes(1 << 20).unwrap()).unwrap().replace("Suppressed: True", "Suppressed: False");
    let decoded = decode(&extractor, &[Page::of_bytes("file:both.txt", text.clone().into_bytes())]).unwrap();
    assert_eq!((decoded.rows.len(), decoded.hidden.len()), (102, 102));
    let hidden = |name: &str| decoded.hidden_cell(0, name);
    assert_eq!((hidden("State"), hidden("year"), hidden("Gender")), ("Alabama", "2015", "Male"));
    assert_eq!(
        (hidden("Gender Code"), hidden("Deaths")),
        ("∅", NOT_SHOWN),
        "no row that is shown has the code of Male"
    );
    // All of a group are not named, so that nobody knows which rows are hidden.
    let all = text.replace("Gender: Female; Male", "Gender: All");
    refuse(&extractor, &Page::of_bytes("file:all.txt", all.into_bytes()), &["cannot be told which rows are hidden"]);
    let other = by_sex("Male", "Female");
    check_error(
        decode_only(&extractor, &[other]),
        Kind::Changed,
        &["line 2 is of gender `Female`", "not say was asked for"],
    );
}

#[test]
fn a_cause_that_rows_are_grouped_by_is_one_code_and_its_label() {
    let one = |item: &str| codes::one(item);
    let label = "Rifle, shotgun and larger firearm discharge";
    assert_eq!(one(&format!("W33 ({label})")), Some(("W33".to_owned(), label.to_owned())));
    for many in ["X40-X44 (Poisonings)", "Drug poisonings (overdose) Suicide (X60-X64)", "X72", "X72 (a) and (b)"] {
        assert_eq!(one(many), None, "{many}");
    }
}

#[test]
fn the_nearest_recipe_is_the_one_that_least_differs_from_the_query() {
    let far = |extractor: &WonderExport, page: &Page| extractor.misfit(page).unwrap().unwrap().distance;
    let with_alcohol = fixture("cdc_opioid_deaths_state/refused/alcohol-among-underlying-causes.txt");
    assert!(far(&state(), &with_alcohol) < far(&us(), &with_alcohol));
    let mut firearms = state();
    firearms.cause =
        vec![Cause { ucd: codes::read("W32-W34, X72-X74, X93-X95, Y22-Y24, Y35.0").unwrap(), ..Cause::default() }];
    assert!(far(&state(), &with_alcohol) < far(&firearms, &with_alcohol));
    assert_eq!(far(&state(), &fixture(ANY_OPIOID)), 0);
}

#[test]
fn databases_since_2018_have_names_and_bounds_of_their_own() {
    let single = edited("Death, 1999-2016\"\r\n\"Query", "Death, 2018-2022, Single Race\"\r\n\"Query");
    let decoded = decode(&state(), &[single]).unwrap();
    check_edition(&decoded, "mcd-2018-2022-single-race", "any_opioid 2015-2016");
    assert_eq!(decoded.column("withheld_low")[0], "1");
    // A provisional edition changes weekly under one name: the day of the query tells it.
    let provisional = edited(
        "Multiple Cause of Death, 1999-2016\"\r\n\"Query",
        "Provisional Mortality Statistics, 2018 through Last Week\"\r\n\"Query",
    );
    let decoded = decode(&state(), &[provisional]).unwrap();
    check_edition(&decoded, "pms-2018-through-last-week-as-of-2018-04-04", "any_opioid 2015-2016");
}

#[test]
fn a_table_without_years_is_of_the_years_that_the_query_asks_for() {
    let pooled = recipe("group_by = ['State']\nalso_by = ['Year']");
    let by_year = decode(&pooled, &[fixture(ANY_OPIOID)]).unwrap();
    check_edition(&by_year, "mcd-1999-2016", "any_opioid 2015-2016");
    assert_eq!(by_year.column("period_start")[..2], ["2015-01-01", "2016-01-01"]);

    let text = String::from_utf8(fixture(ANY_OPIOID).bytes(1 << 20).unwrap()).unwrap();
    let text = text.replace("\t\"Year\"\t\"Year Code\"", "").replace("Group By: State, Year", "Group By: State");
    let of = |years: &str| {
        let text = text.replace("Year/Month: 2015, 2016", &format!("Year/Month: {years}"));
        let rows = text.lines().filter(|line| !line.contains("\t\"2016\"\t"));
        let text = rows.map(|line| line.replace("\t\"2015\"\t\"2015\"", "") + "\r\n").collect::<String>();
        Page::of_bytes("file:pooled.txt", text.into_bytes())
    };
    let decoded = decode(&pooled, &[of("2015, 2016")]).unwrap();
    check_edition(&decoded, "mcd-1999-2016", "any_opioid 2015-2016 pooled");
    assert_eq!((decoded.column("period_start")[0], decoded.column("period_end")[0]), ("2015-01-01", "2016-12-31"));
    assert_eq!(decoded.column("year")[0], "∅");
    refuse(&pooled, &of("2012, 2016"), &["no period without gaps"]);
    // One year is that year, whether or not rows are grouped by it.
    let decoded = decode(&state(), &[of("2015")]).unwrap();
    check_edition(&decoded, "mcd-1999-2016", "any_opioid 2015");
    assert_eq!(decoded.column("year")[50], "2015");
    refuse(&state(), &of("2015, 2016"), &["`Group By` is `State`, the recipe asks for `State, Year`"]);
}

#[test]
fn all_differences_are_told_at_once() {
    let text = edited("Gender: All", "Gender: Female").bytes(1 << 20).unwrap();
    let text = String::from_utf8(text).unwrap().replace("Race: All", "Race: White");
    refuse(&state(), &Page::of_bytes("file:two.txt", text.into_bytes()), &["`Gender` is", "`Race` is"]);
}

#[test]
fn a_damaged_line_is_named() {
    let result = decode_only(&state(), &[edited("\t98\t672228", "\t98")]);
    check_error(result, Kind::NotData, &["has 11 cells where the header has 12"]);
    let result = decode_only(
        &state(),
        &[edited("\"District of Columbia\"\t\"11\"\t\"2015\"", "\"District of Columbia\t11\t2015")],
    );
    check_error(result, Kind::NotData, &["quoted label"]);
    refuse(&state(), &edited("\"Gender: All\"", "Gender: All"), &["of the footer cannot be read"]);
    refuse(&state(), &edited("\"Gender: All\"", "\"all genders\""), &["of the footer cannot be read"]);
}

#[test]
fn groups_of_causes_are_their_codes() {
    let read = |text: &str| codes::read(text).map(|codes| codes.to_string());
    assert_eq!(
        read("Drug poisonings (overdose) Suicide (X60-X62); Drug poisonings (overdose) Homicide (X85)").unwrap(),
        "X60-X62, X85"
    );
    assert_eq!(read("X40-X41 (Accidental, or so), T40.1 (a [b, c], d)").unwrap(), "T40.1, X40-X41");
    assert_eq!(read("Drug-Induced Causes").unwrap(), "drug-induced causes");
    assert_eq!(read("Terrorism (*U01.4); X93-X95 (Assault)").unwrap(), "U01.4, X93-X95");
    assert_eq!(read("Diseases of heart, Malignant neoplasms").unwrap_err(), "Diseases of heart");
}

#[test]
fn an_option_that_is_not_valid_is_an_error() {
    let base = "group_by = ['Year']\n[[database]]\ncode = 'D76'\ntitle = 'x'\nwithheld = [0, 9]\n[[cause]]\n";
    assert!(toml::from_str::<WonderExport>(&format!("{base}ucd = ['X40-X44', 'Drug-induced causes']")).is_ok());
    for options in ["ucd = ['x40']", "ucd = ['X44-X40']", "ucd = ['X40-Y10']", "year = 2015", "mcd = ['T401']"] {
        assert!(toml::from_str::<WonderExport>(&format!("{base}{options}")).is_err(), "{options}");
    }
}

#[test]
fn captured_exports_of_the_recipe_hold_what_was_counted_in_them() {
    let folder = "cdc/wonder_mcd_state/cdc_wonder_pull_total";
    let withheld = &["Suppressed"];
    for (file, extractor, drug, rows, deaths, suppressed) in [
        ("_all_opioids", state(), "any_opioid", 918, 351_529, 16),
        ("_heroin", state(), "heroin", 918, 84_036, 337),
        ("_natl_all_opioids", us(), "any_opioid", 19, 2 * 351_630, 0),
        ("_natl_heroin", us(), "heroin", 19, 2 * 85_090, 0),
    ] {
        let Some(page) = capture(&format!("{folder}{file}.txt")) else { return };
        let decoded = decode(&extractor, &[page]).unwrap();
        check_edition(&decoded, "mcd-1999-2016", drug);
        assert_eq!((decoded.rows.len(), decoded.sum("Deaths", withheld)), (rows, deaths), "{file}");
        assert_eq!(decoded.column("Deaths").iter().filter(|cell| **cell == "Suppressed").count(), suppressed);
        assert_eq!(decoded.column("Notes").iter().filter(|cell| **cell == "Total").count(), usize::from(rows == 19));
        assert_eq!(decoded.section("query").iter().filter(|(name, _)| *name == "Group By").count(), 1);
        assert_eq!(decoded.section("caveat").len(), if rows == 918 { 14 } else { 12 });
        if (drug, rows) == ("any_opioid", 918) {
            let in_2015 = decoded.rows.iter().zip(decoded.column("Year")).filter(|(_, year)| *year == "2015");
            let of_2015: Vec<i64> = in_2015.map(|(row, _)| row[5].as_ref().unwrap().parse().unwrap()).collect();
            assert_eq!((of_2015.len(), of_2015.iter().sum::<i64>()), (51, 33_091));
        }
    }
}

#[test]
fn captured_exports_of_other_queries_are_refused() {
    for (file, extractor, words) in [
        (
            "wonder_mcd_state/goodkind_MCD_1999-2016_state-year_drug+alcohol",
            state(),
            "`Ten-Year Age Groups` is `5-14 years",
        ),
        ("wonder_mcd_state/cdc_wonder_pull_all_opioids", state(), "`Group By` is"),
        ("wonder_mcd_state/cdc_wonder_pull_natl_all_opioids", us(), "`Group By` is"),
        ("wonder_mcd_state/cdc_wonder_pull_total_all_opioids", us(), "`Group By` is"),
        (
            "wonder_firearm/xinbian_UCD_1999-2015_county_pooled_no_footer",
            state(),
            "not a WONDER export as WONDER writes it",
        ),
        (
            "wonder_firearm/akiokaki_UCD_2015_state_firearm_excl_suicide",
            state(),
            "underlying causes are not restricted",
        ),
        ("wonder_firearm/lettergram_UCD_2013-2016_state-race-year-cause_firearm", state(), "`Group By` is"),
        ("wonder_mcd_county/smussenden_MCD_2006-2012_county_pooled_opioid", state(), "`Group By` is"),
        ("wonder_mcd_county/goodkind_MCD_1999-2016_WV_county-year_drug+alcohol", state(), "`Group By` is"),
        (
            "wonder_ucd_state_drug/cagrimmett_UCD_1999-2015_state-year_overdose",
            state(),
            "`Dataset` is `Underlying Cause of Death, 1999-2015`",
        ),
        ("wonder_ucd_county_drug/dblakev_UCD_1999-2015_year-state-county_drug-induced", state(), "`Group By` is"),
        ("wonder_ucd_county_drug/harrisjb_CMF_2012_county_overdose_incl_suppressed", state(), "`Group By` is"),
        ("wonder_ucd_county_drug/mids_UCD_2015_county_drugalcohol", state(), "another program has saved it again"),
        ("wonder_api/diegomtzg_export_test2_not_applicable", us(), "`Group By` is"),
    ] {
        let Some(page) = capture(&format!("cdc/{file}.txt")) else { return };
        refuse(&extractor, &page, &[words]);
    }
}

#[test]
fn a_captured_county_export_fits_a_recipe_by_county() {
    let Some(page) = capture("cdc/wonder_mcd_county/smussenden_MCD_2006-2012_county_pooled_opioid.txt") else { return };
    let decoded = decode(&recipe("group_by = ['County']"), &[page]).unwrap();
    check_edition(&decoded, "mcd-1999-2017", "any_opioid 2006-2012 pooled");
    assert_eq!((decoded.rows.len(), decoded.hidden.len()), (3148, 0));
    assert_eq!((decoded.column("period_start")[0], decoded.column("period_end")[0]), ("2006-01-01", "2012-12-31"));
    assert_eq!(decoded.column("Deaths").last(), Some(&"143104"));
    assert_eq!(decoded.rows.iter().flatten().filter(|cell| cell.as_deref() == Some("Suppressed")).count(), 15_840);
    assert_eq!(decoded.rows.iter().flatten().filter(|cell| cell.as_deref() == Some("Unreliable")).count(), 982);
    assert_eq!(decoded.rows.iter().flatten().filter(|cell| cell.as_deref() == Some("Missing")).count(), 66);
    assert_eq!(decoded.section("footnote").len(), 2);
}

/// Prints text as WONDER does: wrapped at 128 characters, each line in quotes.
fn print(out: &mut Vec<String>, text: &str) {
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.len() + 1 + word.len() > 128 {
            out.push(format!("\"{}\"", line.replace('"', "\"\"")));
            line.clear();
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push(format!("\"{}\"", line.replace('"', "\"\"")));
}

/// Sentences of words that may hold quotes, years and the beginnings of other items.
fn sentence() -> impl Strategy<Value = String> {
    let word = prop_oneof![6 => "[A-Za-z\"(),;]{1,14}", 1 => "(19|20)[0-9]{2}\\.", 1 => "More: [a-z]{3}", 1 => "\"[a-z]{1,5}\""];
    proptest::collection::vec(word, 1..60).prop_map(|words| words.join(" "))
}

fn label() -> impl Strategy<Value = String> {
    "[A-Za-z\" ,.'()-]{1,30}"
}

fn measure() -> impl Strategy<Value = String> {
    prop_oneof![Just("Suppressed".to_owned()), Just("Unreliable".to_owned()), "[0-9]{1,6}", "[0-9]{1,3}\\.[0-9]{1,9}"]
}

/// A count as WONDER prints it of a state: never one that it withholds.
fn deaths() -> impl Strategy<Value = String> {
    prop_oneof![Just("Suppressed".to_owned()), Just("0".to_owned()), "[1-9][0-9]{1,5}"]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_as_wonder_prints_is_read_back_the_same(
        rows in proptest::collection::vec((label(), deaths(), measure()), 51),
        year in 1999..2017_i32,
        caveats in proptest::collection::vec(sentence(), 0..6),
        title in "[A-Za-z, ]{0,300}",
        separator in prop_oneof![Just(", "), Just("; ")],
        line_end in prop_oneof![Just("\r\n"), Just("\n")],
        codes in proptest::sample::subsequence(vec!["T40.1", "T40.4"], 1..=1),
    ) {
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut lines = vec!["\"Notes\"\t\"State\"\t\"State Code\"\t\"Year\"\t\"Year Code\"\tDeaths\tPopulation".to_owned()];
        let codes_of_states: Vec<String> = places::states().map(|state| state.to_string()).collect();
        for ((name, deaths, population), code) in rows.iter().zip(&codes_of_states) {
            let name = name.replace('"', "\"\"");
            lines.push(format!("\t\"{name}\"\t\"{code}\"\t\"{year}\"\t\"{year}\"\t{deaths}\t{population}"));
        }
        let described: Vec<String> = codes.iter().map(|code| format!("{code} (Some [drug, or so], and more; of it)")).collect();
        let causes: Vec<String> = ["X40-X44", "X60-X64", "X85", "Y10-Y14"].iter().map(|code| format!("Poisoning, a kind ({code})")).collect();
        let ucd = if separator == "; " { causes.join("; ") } else { "X40-X44, X60-X64, X85, Y10-Y14".to_owned() };
        lines.push(footer::RULE.to_owned());
        print(&mut lines, "Dataset: Multiple Cause of Death, 1999-2016");
        print(&mut lines, "Query Parameters:");
        print(&mut lines, format!("Title: {title}").trim_end());
        print(&mut lines, &format!("MCD - ICD-10 Codes: {}", described.join(separator)));
        print(&mut lines, &format!("UCD - {}: {ucd}", if separator == "; " { "Drug/Alcohol Induced Causes" } else { "ICD-10 Codes" }));
        print(&mut lines, &format!("Year/Month: {year}"));
        print(&mut lines, &format!("Group By: State{separator}Year"));
        print(&mut lines, "Show Zero Values: True");
        print(&mut lines, "Show Suppressed: True");
        lines.push(footer::RULE.to_owned());
        lines.push("Caveats:".to_owned());
        for (index, caveat) in caveats.iter().enumerate() {
            print(&mut lines, &format!("{}. {caveat}", index + 1));
        }

        let decoded = decode(&state(), &[Page::of_bytes("file:random.txt", lines.join(line_end).into_bytes())]).unwrap();
        let drug = if codes == ["T40.1"] { "heroin" } else { "synthetic" };
        check_edition(&decoded, "mcd-1999-2016", &format!("{drug} {year}"));
        prop_assert_eq!(decoded.rows.len(), rows.len());
        let year = year.to_string();
        for ((read, (name, deaths, population)), code) in decoded.rows.iter().zip(&rows).zip(&codes_of_states) {
            let read: Vec<&str> = read.iter().take(7).map(|cell| cell.as_deref().unwrap()).collect();
            prop_assert_eq!(read, ["", name, code, &year, &year, deaths, population]);
        }
        let read: Vec<String> = decoded.section("caveat").into_iter().map(|(_, text)| text.to_owned()).collect();
        prop_assert_eq!(read, caveats);
        let query = decoded.section("query");
        prop_assert_eq!(query[0], ("Title", title.as_str()));
        prop_assert_eq!(query[2].1, ucd.as_str());
    }
}
