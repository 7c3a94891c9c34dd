//! What is asked: parameter by parameter as saved requests have it, and nothing that the service refuses.

use super::*;
use crate::extract::wonder_api::database::Dimension;

/// The parameters of a saved request.
fn saved(file: &str) -> Option<Parameters> {
    let page = capture(&format!("cdc/wonder_api/{file}"))?;
    let text = String::from_utf8(page.bytes(1 << 20).unwrap()).unwrap();
    let request = Element::parse(&text).unwrap();
    let pair = |parameter: &Element| {
        let values = parameter.all("value").map(|value| value.text.trim().to_owned()).collect();
        (parameter.child("name").unwrap().text.clone(), values)
    };
    Some(request.all("parameter").map(pair).collect())
}

/// That what a recipe asks differs from a saved request in these parameters and in no others.
#[track_caller]
fn check_saved(file: &str, recipe: &str, but: &[&str]) {
    let Some(saved) = saved(file) else { return };
    let asked = one(recipe).recipes[0].parameters();
    let names: BTreeSet<&String> = saved.keys().chain(asked.keys()).collect();
    let differing: Vec<String> = names
        .into_iter()
        .filter(|name| saved.get(*name) != asked.get(*name))
        .map(|name| name.replace(&format!("{}.", one(recipe).recipes[0].database().code()), ""))
        .collect();
    assert_eq!(differing, but, "{file}: {saved:#?}\n{asked:#?}");
}

/// The saved requests group by state and place as well, which the web service refuses: their third and fourth groups
/// are not ours. They carry what the form adds for itself: how to export, its title, and which edition it showed.
/// They show neither zeros nor suppressed rows, and we ask for both. Codes that were typed have descriptions behind
/// them, and what a finder shows of its choice is a description: neither is read.
#[test]
fn requests_are_as_the_form_saves_them() {
    let recipe = |database: &str, totals: bool| {
        format!(
            "database = '{database}'\ngroup_by = ['year', 'month', 'other_cause']\ndrug_causes = ['D']\n\
             mcd = ['T40.4']\ntotals = {totals}\nprecision = 1"
        )
    };
    let but = [
        "B_3",
        "B_4",
        "I_V25",
        "O_export-format",
        "O_oc-sect1-request",
        "O_show_suppressed",
        "O_show_zeros",
        "O_title",
        "V_V13",
        "dataset_label",
        "dataset_vintage",
        "saved_id",
    ];
    check_saved("D77_req_1999-2020_T40.4.xml", &recipe("D77", true), &but);
    // Where the form's box of totals is not ticked, it sends nothing of it.
    let mut without_totals = but.to_vec();
    without_totals.insert(6, "O_show_totals");
    check_saved("D157_req_2018-2023_T40.4.xml", &recipe("D157", false), &without_totals);
    check_saved("D176_req_provisional.xml", &recipe("D176", true), &but);
}

/// These were written for the web service by hand, and answered. D76's are of an earlier form, in which drug causes were
/// a list; its own answer of 2020 names them a finder, as D77's form does. They limit ages to all that are known.
#[test]
fn requests_are_as_others_send_them() {
    check_saved(
        "socdataR_D76_Defaults.xml",
        "database = 'D76'\ngroup_by = ['year']\nprecision = 1",
        &[
            "F_V25",
            "I_V1",
            "I_V2",
            "I_V25",
            "O_V25_fmode",
            "O_show_suppressed",
            "O_show_zeros",
            "O_timeout",
            "O_title",
            "V_V25",
            "V_V5",
            "accept_datause_restrictions",
            "dataset_code",
            "finder-stage-V25",
        ],
    );
    check_saved(
        "socdataR_D176_Defaults.xml",
        "database = 'D176'\ngroup_by = ['year']\nprecision = 1\ntotals = true",
        &[
            "I_V2",
            "O_oc-sect1-request",
            "O_show_suppressed",
            "O_show_zeros",
            "O_title",
            "accept_datause_restrictions",
            "dataset_label",
            "dataset_vintage",
            "saved_id",
        ],
    );
}

#[test]
fn a_query_is_posted_to_its_database_with_the_terms_accepted() {
    let extractor = one("database = 'D158'\ngroup_by = ['year']\nmechanisms = ['GRINJ-006']");
    let slice = extractor.slices().remove(0);
    assert_eq!(slice.url, "https://wonder.cdc.gov/controller/datarequest/D158");
    let request = extractor.next_page(&slice, &[]).unwrap().unwrap();
    assert_eq!((request.url, request.expect), (slice.url.clone(), Expect::Xml));
    let form = request.form.unwrap();
    let fields: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    let [xml, terms] = fields.as_slice() else { panic!("{fields:?}") };
    assert_eq!((terms.0.as_str(), terms.1.as_str()), ("accept_datause_restrictions", "true"));
    assert_eq!(xml.0, "request_xml");
    let root = Element::parse(&xml.1).unwrap();
    assert_eq!(root.all("parameter").count(), extractor.recipes[0].parameters().len());
    assert_eq!(extractor.next_page(&slice, &[Page::of_bytes("u", *b"")]).unwrap(), None);
}

#[test]
fn sets_of_causes_choose_the_variable_that_is_read() {
    #[track_caller]
    fn check(recipe: &str, expected: &[(&str, &str)]) {
        let asked = one(recipe).recipes[0].parameters();
        for (name, value) in expected {
            assert_eq!(asked.get(*name).map(|values| values.join("|")).as_deref(), Some(*value), "{name} of {recipe}");
        }
    }
    check(
        "database = 'D77'\ngroup_by = ['year']\nucd = ['X40-X42', 'Y35.0']\nmcd = ['T40.1', 'T40.4']\nmcd_and = ['T43.6']",
        &[
            ("O_ucd", "D77.V2"),
            ("F_D77.V2", "X40|X41|X42|Y35.0"),
            ("O_mcd", "D77.V13"),
            ("O_V13_fmode", "fadv"),
            ("V_D77.V13", "T40.1\nT40.4"),
            ("V_D77.V13_AND", "T43.6"),
        ],
    );
    check(
        "database = 'D77'\ngroup_by = ['year']\ndrug_causes = ['D1', 'D2']",
        &[("O_ucd", "D77.V25"), ("F_D77.V25", "D1|D2"), ("F_D77.V2", "*All*")],
    );
    check(
        "database = 'D76'\ngroup_by = ['year', 'intent']\nintents = ['1', '2', '3', '4', '5']\nmechanisms = ['GRINJ-006']",
        &[("O_ucd", "D76.V22"), ("V_D76.V22", "1|2|3|4|5"), ("V_D76.V23", "GRINJ-006"), ("B_2", "D76.V22")],
    );
    check(
        "database = 'D157'\ngroup_by = ['month', 'race_15', 'age_5_years']\nlimit = { year = ['2020'], sex = ['F'] }",
        &[
            ("B_1", "D157.V1-level2"),
            ("O_race", "D157.V43"),
            ("O_age", "D157.V51"),
            ("F_D157.V1", "2020"),
            ("V_D157.V1", ""),
            ("V_D157.V7", "F"),
        ],
    );
    check(
        "database = 'D76'\ngroup_by = ['year']\nmeasures = ['crude_rate_se', 'crude_rate_ci', 'age_adjusted_rate', 'age_adjusted_rate_se', 'age_adjusted_rate_ci']",
        &[
            ("M_1", "D76.M1"),
            ("M_2", "D76.M2"),
            ("M_3", "D76.M3"),
            ("M_31", "D76.M31"),
            ("M_32", "D76.M32"),
            ("M_41", "D76.M41"),
            ("M_42", "D76.M42"),
            ("O_aar", "aar_std"),
            ("O_aar_enable", "true"),
        ],
    );
}

#[test]
fn places_are_refused_before_anything_is_sent_in_the_publishers_words() {
    for place in ["region", "division", "hhs_region", "state", "county", "urbanization"] {
        for recipe in [
            format!("database = 'D77'\ngroup_by = ['year', '{place}']"),
            format!("database = 'D77'\ngroup_by = ['year']\nlimit = {{ {place} = ['01'] }}"),
        ] {
            refuse_recipe(
                &recipe,
                &[
                    "recipe `r`",
                    place,
                    "Only national data are available for this dataset when using the WONDER web service. Please check that your query does not group results by region, division, state, county or urbanization, (B_1 through B_5), nor limit these location variables to any specific values.",
                ],
            );
        }
    }
    // No other word leads to a variable of places, in any database.
    let places = ["V9", "V10", "V11", "V19", "V27", "V30", "V31", "V77", "V79", "V80", "V81", "V89"];
    for database in ["D76", "D77", "D157", "D158", "D176"] {
        let asked = one(&format!("database = '{database}'\ngroup_by = ['year']"));
        let recipe = &asked.recipes[0];
        let error = Dimension::of("nowhere", recipe.database()).unwrap_err().to_string();
        let words = error.rsplit("it has ").next().unwrap().split(", ");
        for word in words {
            assert!(!places.contains(&Dimension::of(word, recipe.database()).unwrap().base()), "{word} in {database}");
        }
        for (name, values) in recipe.parameters() {
            let place = name.split('.').next_back().is_some_and(|variable| places.contains(&variable));
            if place && (name.starts_with("F_") || name.starts_with("V_")) {
                assert!(values.iter().all(|value| value.is_empty() || value == "*All*"), "{name} = {values:?}");
            }
        }
    }
}

#[test]
fn what_cannot_be_asked_is_no_recipe() {
    let year = "group_by = ['year']\n";
    refuse_recipe("database = 'D77'\ngroup_by = []", &["grouped by something"]);
    refuse_recipe("database = 'D77'\ngroup_by = ['sex', 'race', 'intent', 'month', 'year']", &["3 beside the year"]);
    refuse_recipe("database = 'D77'\ngroup_by = ['year', 'year']", &["same twice"]);
    refuse_recipe("database = 'D77'\ngroup_by = ['race_6']", &["D77 has no `race_6`", "race"]);
    refuse_recipe("database = 'D176'\ngroup_by = ['weekday']", &["D176 has no `weekday`"]);
    refuse_recipe("database = 'D140'\ngroup_by = ['year']", &["D140"]);
    refuse_recipe(&format!("database = 'D76'\n{year}mcd = ['T40.1']"), &["underlying causes only"]);
    refuse_recipe(&format!("database = 'D77'\n{year}mcd_and = ['T40.1']"), &["`mcd_and` adds to `mcd`"]);
    refuse_recipe(&format!("database = 'D77'\n{year}ucd = ['X40']\ndrug_causes = ['D1']"), &["several sets"]);
    refuse_recipe(&format!("database = 'D77'\n{year}ucd = ['X4']"), &["`X4` is no ICD-10 code"]);
    refuse_recipe(&format!("database = 'D77'\n{year}limit = {{ cause = ['X40'] }}"), &["is a cause"]);
    refuse_recipe(&format!("database = 'D77'\n{year}limit = {{ sex = [] }}"), &["no codes"]);
    refuse_recipe(&format!("database = 'D77'\n{year}limit = {{ age_1_year = ['1'], age_5_years = ['1'] }}"), &["ages"]);
    refuse_recipe(
        &format!("database = 'D77'\n{year}limit = {{ year = ['2015'], month = ['2015/01'] }}"),
        &["one variable"],
    );
    refuse_recipe(&format!("database = 'D77'\n{year}measures = ['age_adjusted_rate_ci']"), &["`age_adjusted_rate`"]);
    refuse_recipe(&format!("database = 'D77'\n{year}precision = 10"), &["nine decimal places"]);
    refuse_recipe(&format!("database = 'D77'\n{year}colour = 'red'"), &["colour"]);
    refuse_recipe(
        &format!("database = 'D77'\n{year}\n[[recipe]]\nname = 'other'\nabout = 'the same'\ndatabase = 'D77'\n{year}"),
        &["`r` and `other`", "ask the same"],
    );
}

#[test]
fn a_recipe_is_told_in_full() {
    let text = one(CAPTURED).recipe().unwrap();
    for words in
        ["POST https://wonder.cdc.gov/controller/datarequest/D76", "B_2 = D76.V8", "V_D76.V52 = 15 | 16", NATIONAL]
    {
        assert!(text.contains(words), "{words}\n{text}");
    }
}
