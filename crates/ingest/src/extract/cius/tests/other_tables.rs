//! Tables without cities: weapons by state, weapons by year, the nation by year.

use super::*;

fn weapons_by_state() -> Cius {
    declared(include_str!("../../../../../../pipelines/fbi_homicide_weapons_state.toml"))
}

fn weapons_by_year() -> Cius {
    declared(include_str!("../../../../../../pipelines/fbi_homicide_weapons_us.toml"))
}

fn nation() -> Cius {
    declared(include_str!("../../../../../../pipelines/fbi_crime_us.toml"))
}

#[test]
fn headings_that_are_values_become_rows() {
    let page = workbook(&[&[
        &["Table 20"],
        &["Murder"],
        &["by State, Types of Weapons, 2014"],
        &["State", "Total\nmurders1", "Handguns", "Hands, fists,\nfeet, etc.2"],
        &["Alabama3", "#2", "#1", "#1"],
        &["Guam", "#3", "", "#3"],
        &["1 One."],
        &["2  Two."],
        &["3 Three."],
    ]]);
    let decoded = decode(&weapons_by_state(), &[page]).unwrap();
    assert_eq!(decoded.edition.as_ref().unwrap().release.as_ref().unwrap().as_str(), "cius-2014");
    assert_eq!(decoded.names, ["State", "Weapon", "Murders", "State footnotes", "State as printed", "Year"]);
    assert_eq!(decoded.column("State"), ["Alabama", "Alabama", "Alabama", "Guam", "Guam", "Guam"]);
    assert_eq!(decoded.column("Weapon")[..3], ["Total murders", "Handguns", "Hands, fists, feet, etc."]);
    assert_eq!(decoded.column("Murders"), ["2", "1", "1", "3", "", "3"]);
    assert_eq!(decoded.column("State footnotes")[..4], ["3", "3", "3", ""]);
    assert_eq!(decoded.column("Year")[0], "2014");
    assert_eq!(decoded.records, [5, 5, 5, 6, 6, 6]);
    assert_eq!(decoded.section("footnote"), [("1", "One."), ("2", "Two."), ("3", "Three.")]);
}

const NATION: [&[&str]; 4] = [
    &["Table 1"],
    &["Crime in the United States"],
    &["by Volume and Rate per 100,000 Inhabitants, 2012–2014"],
    &["Year", "Population1", "Violent\ncrime", "Violent \ncrime \nrate "],
];

#[test]
fn footnotes_are_split_off_years_by_the_years_of_the_title() {
    let rows: &[&[&str]] =
        &[&["#2012", "#10", "#5", "#1.5"], &["20132, 3", "#10", "#5", "#1.5"], &["20143", "#10", "#5", "#1.5"]];
    let below: &[&[&str]] = &[
        &["1 One."],
        &["2 Two."],
        &["3 Three."],
        &["NOTE:  No arson."],
        &["Table 1A"],
        &["Years", "", "Violent\ncrime"],
        &["2013/2012", "", "#-4.4"],
    ];
    let decoded = decode(&nation(), &[workbook(&[&[&NATION[..], rows, below].concat()])]).unwrap();
    assert_eq!(decoded.column("Year"), ["2012", "2013", "2014"]);
    assert_eq!(decoded.column("Year footnotes"), ["", "2, 3", "3"]);
    assert_eq!(decoded.column("Year as printed"), ["2012", "20132, 3", "20143"]);
    assert_eq!(decoded.column("Violent crime rate"), ["1.5", "1.5", "1.5"]);
    assert_eq!(decoded.section("footnote").last(), Some(&("", "NOTE: No arson.")));
    assert_eq!(decoded.section("message"), [("", "Table 1A stands below, and is not read.")]);
}

#[test]
fn what_is_no_year_of_the_title_is_refused() {
    for year in ["2011", "20151", "All years", "201"] {
        let rows: &[&[&str]] = &[&[year, "#10", "#5", "#1.5"], &["1 One."]];
        let result = decode(&nation(), &[workbook(&[&[&NATION[..], rows].concat()])]);
        check_error(result, Kind::Changed, &["row 5 begins with", year, "which is no year of 2012-2014"]);
    }
    let page = workbook(&[&[
        &["Expanded Homicide Data Table 8"],
        &["Murder Victims"],
        &["by Weapon, 2012–2014"],
        &["Weapons", "#2012", "20141", "Change"],
    ]]);
    check_error(weapons_by_year().inspect(&page), Kind::Changed, &["a column is named `Change`, which is no year"]);
}

#[test]
fn figures_below_a_footnote_are_refused() {
    let rows: &[&[&str]] = &[&["#2012", "#10", "#5", "#1.5"], &["1 One."], &["#2013", "#10", "#5", "#1.5"]];
    let result = decode(&nation(), &[workbook(&[&[&NATION[..], rows].concat()])]);
    check_error(result, Kind::Changed, &["row 7 stands below a footnote and holds `10` in column 2"]);
}

fn captured(cius: &Cius, file: &str) -> Option<Decoded> {
    Some(decode(cius, &[capture(&format!("fbi/cius/{file}.xls"))?]).unwrap())
}

/// The sum of a column's numbers in the rows where another has a text.
fn sum(decoded: &Decoded, of: &str, column: &str, is: &str) -> i64 {
    let cells = decoded.column(of).into_iter().zip(decoded.column(column));
    cells.filter(|(_, text)| *text == is).map(|(number, _)| number.parse::<i64>().unwrap()).sum()
}

#[test]
fn captured_tables_of_weapons_hold_what_was_counted_in_them() {
    for (year, murders, firearms, rifles) in [("2013", 12_253, 8_454, 285), ("2015", 13_455, 9_616, 252)] {
        let file = format!("{year}/Table_20_Murder_by_State_Types_of_Weapons_{year}");
        let Some(states) = captured(&weapons_by_state(), &file) else { return };
        // 49 states, the District of Columbia, Guam and the Virgin Islands; nine headings.
        assert_eq!(states.rows.len(), 52 * 9);
        assert_eq!(sum(&states, "Murders", "Weapon", "Total murders"), murders);
        assert_eq!(sum(&states, "Murders", "Weapon", "Total firearms"), firearms);
        assert_eq!(sum(&states, "Murders", "Weapon", "Rifles"), rifles);
        let limited = states.column("State footnotes").iter().filter(|numbers| **numbers == "3").count();
        assert_eq!((limited, states.section("footnote").len()), (2 * 9, 3));

        let years = if year == "2013" { "2009-2013" } else { "2011-2015" };
        let file = format!("{year}/Expanded_Homicide_Data_Table_8_Murder_Victims_by_Weapon_{years}");
        let Some(nation) = captured(&weapons_by_year(), &file) else { return };
        assert_eq!(nation.rows.len(), 18 * 5);
        let of_year = |weapon: &str| {
            let rows = nation.column("Weapons").into_iter().zip(nation.column("Year")).zip(nation.column("Victims"));
            let mut found = rows.filter(|((name, of), _)| *name == weapon && *of == year).map(|(_, victims)| victims);
            found.next().unwrap().parse::<i64>().unwrap()
        };
        assert_eq!((of_year("Total"), of_year("Total firearms:"), of_year("Rifles")), (murders, firearms, rifles));
        assert_eq!(nation.section("footnote"), [("1", "Pushed is included in personal weapons.")]);
    }
}

#[test]
fn captured_tables_of_the_nation_hold_what_was_counted_in_them() {
    for (file, first, murders, footnotes) in [
        (
            "2013/Table_1_Crime_in_the_United_States_by_Volume_and_Rate_per_100000_Inhabitants_1994-2013",
            1994,
            14_196,
            5,
        ),
        (
            "2015/Table_1_Crime_in_the_United_States_by_Volume_and_Rate_per_100000_Inhabitants_1996-2015",
            1996,
            15_696,
            7,
        ),
    ] {
        let Some(nation) = captured(&nation(), file) else { return };
        let years: Vec<i32> = nation.column("Year").iter().map(|year| year.parse().unwrap()).collect();
        assert_eq!(years, (first..first + 20).collect::<Vec<_>>());
        let name = "Murder and nonnegligent manslaughter";
        assert_eq!(nation.column(name).last(), Some(&murders.to_string().as_str()));
        assert_eq!(nation.section("footnote").len(), footnotes);
        let footnoted: Vec<_> =
            years.iter().zip(nation.column("Year footnotes")).filter(|(_, n)| !n.is_empty()).collect();
        let expected: &[(&i32, &str)] =
            if first == 1994 { &[(&2001, "3"), (&2012, "4")] } else { &[(&2001, "5"), (&2014, "6")] };
        assert_eq!(footnoted, expected);
    }
}
