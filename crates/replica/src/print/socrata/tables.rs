//! Which tables the portal has: their columns, and how their rows are put together from the embedded tables.
//!
//! Names of the portal are the captured files' own; names of SODA and types are from documentation and other people's
//! programs. The dates of the editions are ours.

use super::{Column, Kind};
use crate::soda::Edition;
use crate::table::{Table, at};
use crate::{Error, Result};
use std::sync::OnceLock;

/// VSRR's id.
const VSRR: &str = "xkb8-kh2a";

const fn table(
    (id, title): (&'static str, &'static str),
    edition: Option<Edition>,
    updated: u64,
    mark: bool,
    columns: &'static [Column],
    rows: fn() -> Result<Vec<Vec<String>>>,
) -> super::Table {
    super::Table { id, title, edition, updated, mark, columns, rows, printed: OnceLock::new() }
}

const VSRR_TITLE: &str = "VSRR Provisional Drug Overdose Death Counts";
const BY_STATE: &str = "NCHS - Drug Poisoning Mortality by State: United States";
const BY_COUNTY: &str = "NCHS - Drug Poisoning Mortality by County: United States";

/// Every table, in every edition.
pub static ALL: [super::Table; 11] = [
    table((VSRR, VSRR_TITLE), Some(Edition::V2018), 1_523_404_800, true, &VSRR_2018, || vsrr("2018", &VSRR_2018)),
    table((VSRR, VSRR_TITLE), Some(Edition::V2019), 1_555_459_200, true, &VSRR_2019, || vsrr("2019", &VSRR_2019)),
    // The captured files of 2015 and 2017 were saved again without their marks.
    table(("jx6g-fdh6", BY_STATE), None, 1_452_124_800, false, &STATE_2015, || by_state("2015", &STATE_2015)),
    table(("xbxb-epbu", BY_STATE), None, 1_512_518_400, true, &STATE_2016, || by_state("2016", &STATE_2016)),
    table(("44rk-q6r2", BY_STATE), None, 1_556_236_800, false, &STATE_2017, || by_state("2017", &STATE_2017)),
    table(("p56q-jrxg", BY_COUNTY), None, 1_512_518_400, true, &COUNTY_2016, by_county),
    table(("pbkm-d27e", BY_COUNTY), None, 1_452_124_800, true, &COUNTY_2015, || plain("poisoning_county_2015")),
    table(("rpvx-m2md", BY_COUNTY), None, 1_556_496_000, true, &COUNTY_2017, || plain("poisoning_county_2017")),
    table(
        ("bi63-dtpu", "NCHS - Leading Causes of Death: United States"),
        None,
        1_530_144_000,
        false,
        &CAUSES,
        leading_causes,
    ),
    table(
        ("gb4e-yj24", "VSRR Provisional County-Level Drug Overdose Death Counts"),
        None,
        1_728_432_000,
        true,
        &VSRR_COUNTY,
        || plain("vsrr_county"),
    ),
    table(("psx4-wq38", "Mapping Injury, Overdose, and Violence - County"), None, 1_782_086_400, true, &INJURY, || {
        plain("injury_county")
    }),
];

const fn text(display: &'static str, field: &'static str) -> Column {
    Column { display, field, kind: Kind::Text }
}

const fn number(display: &'static str, field: &'static str) -> Column {
    Column { display, field, kind: Kind::Number }
}

const fn bare(display: &'static str, field: &'static str) -> Column {
    Column { display, field, kind: Kind::Plain }
}

const fn date(display: &'static str, field: &'static str) -> Column {
    Column { display, field, kind: Kind::Date }
}

const STATE: Column = text("State", "state");
const YEAR: Column = bare("Year", "year");
const COUNTY: Column = text("County", "county");
const FIPS: Column = bare("FIPS", "fips");
const POPULATION: Column = number("Population", "population");

const VSRR_2018: [Column; 10] =
    [STATE, STATE_NAME, VSRR_YEAR, MONTH, PERIOD, INDICATOR, VALUE, COMPLETE, PENDING, FOOTNOTE];
const VSRR_2019: [Column; 12] = [
    STATE,
    VSRR_YEAR,
    MONTH,
    PERIOD,
    INDICATOR,
    VALUE,
    COMPLETE,
    PENDING,
    STATE_NAME,
    FOOTNOTE,
    text("Footnote Symbol", "footnote_symbol"),
    number("Predicted Value", "predicted_value"),
];
const STATE_NAME: Column = text("State Name", "state_name");
const VSRR_YEAR: Column = text("Year", "year");
const MONTH: Column = text("Month", "month");
const PERIOD: Column = text("Period", "period");
const INDICATOR: Column = text("Indicator", "indicator");
const VALUE: Column = number("Data Value", "data_value");
const COMPLETE: Column = text("Percent Complete", "percent_complete");
const PENDING: Column = number("Percent Pending Investigation", "percent_pending_investigation");
const FOOTNOTE: Column = text("Footnote", "footnote");

const SEX: Column = text("Sex", "sex");
const RACE: Column = text("Race and Hispanic Origin", "race_and_hispanic_origin");
const DEATHS: Column = bare("Deaths", "deaths");
const PEOPLE: Column = bare("Population", "population");
const CRUDE: Column = bare("Crude Death Rate", "crude_death_rate");
const CRUDE_SE: Column = bare("Standard Error for Crude Rate", "standard_error_for_crude_rate");
const CRUDE_LOW: Column = bare("Low Confidence Limit for Crude Rate", "low_confidence_limit_for_crude_rate");
const CRUDE_HIGH: Column = bare("Upper Confidence Limit for Crude Rate", "upper_confidence_limit_for_crude_rate");
const ADJUSTED: Column = bare("Age-adjusted Rate", "age_adjusted_rate");
const ADJUSTED_SE: Column = bare("Standard Error Age-adjusted Rate", "standard_error_age_adjusted_rate");
const ADJUSTED_LOW: Column =
    bare("Lower Confidence Limit for Age-adjusted Rate", "lower_confidence_limit_for_age_adjusted_rate");
const ADJUSTED_HIGH: Column =
    bare("Upper Confidence Limit for Age-adjusted Rate", "upper_confidence_limit_for_age_adjusted_rate");
const RANGE: Column = text("State Crude Rate in Range", "state_crude_rate_in_range");
const US_CRUDE: Column = bare("US Crude Rate", "us_crude_rate");
const US_ADJUSTED: Column = bare("US Age-adjusted Rate", "us_age_adjusted_rate");
const UNIT: Column = text("Unit", "unit");

const STATE_2015: [Column; 18] = [
    YEAR,
    SEX,
    text("Age", "age"),
    RACE,
    STATE,
    DEATHS,
    PEOPLE,
    CRUDE,
    CRUDE_SE,
    CRUDE_LOW,
    CRUDE_HIGH,
    ADJUSTED,
    ADJUSTED_SE,
    bare("Lower Confidence Limit for Age-adjusted rate", "lower_confidence_limit_for_age_adjusted_rate"),
    ADJUSTED_HIGH,
    RANGE,
    US_CRUDE,
    US_ADJUSTED,
];
const STATE_2016: [Column; 19] = [
    STATE,
    YEAR,
    SEX,
    AGE_GROUP,
    RACE,
    DEATHS,
    PEOPLE,
    CRUDE,
    CRUDE_SE,
    bare("Lower Confidence Limit for Crude Rate", "lower_confidence_limit_for_crude_rate"),
    CRUDE_HIGH,
    ADJUSTED,
    bare("Standard Error for Age-adjusted Rate", "standard_error_for_age_adjusted_rate"),
    ADJUSTED_LOW,
    ADJUSTED_HIGH,
    RANGE,
    US_CRUDE,
    US_ADJUSTED,
    UNIT,
];
const STATE_2017: [Column; 19] = [
    STATE,
    YEAR,
    SEX,
    AGE_GROUP,
    RACE,
    DEATHS,
    PEOPLE,
    CRUDE,
    CRUDE_SE,
    CRUDE_LOW,
    CRUDE_HIGH,
    ADJUSTED,
    ADJUSTED_SE,
    ADJUSTED_LOW,
    bare("Upper Confidence for Age-adjusted Rate", "upper_confidence_for_age_adjusted_rate"),
    RANGE,
    US_CRUDE,
    US_ADJUSTED,
    UNIT,
];
const AGE_GROUP: Column = text("Age Group", "age_group");

const COUNTY_2015: [Column; 8] = [
    FIPS,
    YEAR,
    STATE,
    text("ST", "st"),
    FIPS_STATE,
    COUNTY,
    POPULATION,
    text(
        "Estimated Age-adjusted Death Rate, 11 Categories (in ranges)",
        "estimated_age_adjusted_death_rate_11_categories_in_ranges",
    ),
];
const COUNTY_2016: [Column; 7] = [
    FIPS,
    YEAR,
    STATE,
    FIPS_STATE,
    COUNTY,
    POPULATION,
    text("Estimated_Age_Adjusted_Death_Rate", "estimated_age_adjusted_death_rate_16_categories_in_ranges"),
];
const COUNTY_2017: [Column; 12] = [
    FIPS,
    YEAR,
    STATE,
    bare("FIPS State", "fipsstate"),
    COUNTY,
    POPULATION,
    bare("Model-based Death Rate", "model_based_death_rate"),
    bare("Standard Deviation", "standard_deviation"),
    bare("Lower Confidence Limit", "lower95ci"),
    bare("Upper Confidence Limit", "upper95ci"),
    text("Urban/Rural Category", "urbanrural"),
    text("Census Division", "censusdivision"),
];
const FIPS_STATE: Column = bare("FIPS State", "fips_state");

const CAUSES: [Column; 6] = [
    YEAR,
    text("113 Cause Name", "_113_cause_name"),
    text("Cause Name", "cause_name"),
    STATE,
    DEATHS,
    bare("Age-adjusted Death Rate", "aadr"),
];

const VSRR_COUNTY: [Column; 17] = [
    date("Data as of", "data_as_of"),
    YEAR,
    bare("Month", "month"),
    text("ST_ABBREV", "st_abbrev"),
    text("STATE_NAME", "state_name"),
    text("COUNTYNAME", "countyname"),
    bare("FIPS", "fips"),
    bare("STATEFIPS", "statefips"),
    bare("COUNTYFIPS", "countyfips"),
    text("CODE2013", "code2013"),
    number("Provisional Drug Overdose Deaths", "provisional_drug_overdose"),
    text("Footnote", "footnote"),
    bare("Percentage Of Records Pending Investigation", "percentage_of_records_pending"),
    text("HistoricalDataCompletenessNote", "historicaldatacompletenessnote"),
    date("MonthEndingDate", "monthendingdate"),
    date("Start Date", "start_date"),
    date("End Date", "end_date"),
];

const INJURY: [Column; 12] = [
    text("GEOID", "geoid"),
    text("NAME", "name"),
    text("ST_GEOID", "st_geoid"),
    text("ST_NAME", "st_name"),
    text("Intent", "intent"),
    text("Period", "period"),
    text("Count_Sup", "count_sup"),
    bare("Rate", "rate"),
    bare("Rate_M", "rate_m"),
    text("Rate_M_CI", "rate_m_ci"),
    date("Data_As_Of", "data_as_of"),
    text("TTM_Date_Range", "ttm_date_range"),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// An edition of VSRR, with states, indicators and footnotes from the tables beside.
fn vsrr(edition: &str, columns: &[Column]) -> Result<Vec<Vec<String>>> {
    let states = Table::read("vsrr/states")?;
    let indicators = Table::read("vsrr/indicators")?;
    let remarks = Table::read("vsrr/remarks")?;
    let figures = Table::read(&format!("vsrr/rows_{edition}"))?;
    let mut all = Vec::with_capacity(figures.rows.len());
    for row in &figures.rows {
        let state = states.numbered(at(row, 0))?;
        let remark = remarks.numbered(at(row, 7))?;
        let month = at(row, 2).parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?));
        let month = month.ok_or_else(|| Error::table("vsrr/rows", format!("month {}", at(row, 2))))?;
        let mut values = Vec::with_capacity(columns.len());
        for column in columns {
            values.push(match column.field {
                "state" => at(state, 1),
                "state_name" => at(state, 2),
                "year" => at(row, 1),
                "month" => month,
                "period" => "12 month-ending",
                "indicator" => at(indicators.numbered(at(row, 3))?, 1),
                "data_value" => at(row, 4),
                "percent_complete" => at(row, 5),
                "percent_pending_investigation" => at(row, 6),
                "footnote" => at(remark, 2),
                "footnote_symbol" => at(remark, 1),
                _ => at(row, 8),
            });
        }
        all.push(values.into_iter().map(str::to_owned).collect());
    }
    Ok(all)
}

/// An edition of drug poisoning by state: groups (sex, age, race), ranges and the country's yearly rates lie beside.
fn by_state(edition: &str, columns: &[Column]) -> Result<Vec<Vec<String>>> {
    let states = Table::read("poisoning_state/states")?;
    let groups = Table::read("poisoning_state/groups")?;
    let ranges = Table::read("poisoning_state/ranges")?;
    let years = Table::read(&format!("poisoning_state/years_{edition}"))?;
    let figures = Table::read(&format!("poisoning_state/rows_{edition}"))?;
    let mut all = Vec::with_capacity(figures.rows.len());
    for row in &figures.rows {
        let group = groups.numbered(at(row, 2))?;
        let year = years.of(at(row, 1)).next();
        let year = year.ok_or_else(|| Error::table("poisoning_state/years", format!("no year {}", at(row, 1))))?;
        let mut rates = (5..13).map(|column| at(row, column));
        let mut values = Vec::with_capacity(columns.len());
        for column in columns {
            values.push(match column.field {
                "state" => at(states.numbered(at(row, 0))?, 1),
                "year" => at(row, 1),
                "sex" => at(group, 1),
                "age" | "age_group" => at(group, 2),
                "race_and_hispanic_origin" => at(group, 3),
                "deaths" => at(row, 3),
                "population" => at(row, 4),
                "state_crude_rate_in_range" => at(ranges.numbered(at(row, 13))?, 1),
                "us_crude_rate" => at(year, 1),
                "us_age_adjusted_rate" => at(year, 2),
                "unit" => "per 100,000 population",
                // The eight rates stand in one order in every edition.
                _ => rates.next().unwrap_or(""),
            });
        }
        all.push(values.into_iter().map(str::to_owned).collect());
    }
    Ok(all)
}

/// Drug poisoning by county in ranges, 1999–2016.
fn by_county() -> Result<Vec<Vec<String>>> {
    let counties = Table::read("poisoning_county_2016/counties")?;
    let states = Table::read("poisoning_county_2016/states")?;
    let ranges = Table::read("poisoning_county_2016/ranges")?;
    let figures = Table::read("poisoning_county_2016/rows")?;
    let row = |row| {
        let county = counties.numbered(at(row, 0))?;
        let state = states.numbered(at(county, 3))?;
        let values = [
            at(county, 1),
            at(row, 1),
            at(state, 2),
            at(state, 1),
            at(county, 2),
            at(row, 2),
            at(ranges.numbered(at(row, 3))?, 1),
        ];
        Ok(values.map(str::to_owned).to_vec())
    };
    figures.rows.iter().map(row).collect()
}

/// Leading causes of death by state, 1999–2016.
fn leading_causes() -> Result<Vec<Vec<String>>> {
    let causes = Table::read("leading_causes/causes")?;
    let states = Table::read("leading_causes/states")?;
    let figures = Table::read("leading_causes/rows")?;
    let row = |row| {
        let cause = causes.numbered(at(row, 1))?;
        let state = states.numbered(at(row, 2))?;
        let values = [at(row, 0), at(cause, 1), at(cause, 2), at(state, 1), at(row, 3), at(row, 4)];
        Ok(values.map(str::to_owned).to_vec())
    };
    figures.rows.iter().map(row).collect()
}

/// A small table that stands as it is served.
fn plain(name: &str) -> Result<Vec<Vec<String>>> {
    let rows = Table::read(&format!("{name}/rows"))?.rows;
    Ok(rows.iter().map(|row| row.iter().map(str::to_owned).collect()).collect())
}
