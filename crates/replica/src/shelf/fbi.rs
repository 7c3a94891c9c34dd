//! The FBI's small workbooks.

use super::{EXCEL, FBI, File, Format, file};
use crate::print::cius;

const UNTIL_2013: u64 = 1_415_577_600; // 2014-11-10
const UNTIL_2015: u64 = 1_474_848_000; // 2016-09-26

const fn table(path: &'static str, modified: u64, print: fn() -> crate::Result<Vec<u8>>) -> File {
    file((FBI, path), Format::Other, EXCEL, modified, print)
}

pub static FILES: [File; 6] = [
    table(
        "/crime-in-the-u.s/2013/crime-in-the-u.s.-2013/tables/table-20/table_20_murder_by_state_types_of_weapons_2013.xls",
        UNTIL_2013,
        || cius::small("weapons_state_2013")?.xlsx(),
    ),
    table(
        "/crime-in-the-u.s/2015/crime-in-the-u.s.-2015/tables/table-20/table_20_murder_by_state_types_of_weapons_2015.xls",
        UNTIL_2015,
        || cius::small("weapons_state_2015")?.xlsx(),
    ),
    table(
        "/crime-in-the-u.s/2013/crime-in-the-u.s.-2013/offenses-known-to-law-enforcement/expanded-homicide/expanded_homicide_data_table_8_murder_victims_by_weapon_2009-2013.xls",
        UNTIL_2013,
        || cius::small("weapons_us_2013")?.xlsx(),
    ),
    table(
        "/crime-in-the-u.s/2015/crime-in-the-u.s.-2015/tables/expanded_homicide_data_table_8_murder_victims_by_weapon_2011-2015.xls",
        UNTIL_2015,
        || cius::small("weapons_us_2015")?.xlsx(),
    ),
    table(
        "/crime-in-the-u.s/2013/crime-in-the-u.s.-2013/tables/1tabledatadecoverviewpdf/table_1_crime_in_the_united_states_by_volume_and_rate_per_100000_inhabitants_1994-2013.xls",
        UNTIL_2013,
        || cius::small("us_2013")?.xlsx(),
    ),
    table(
        "/crime-in-the-u.s/2015/crime-in-the-u.s.-2015/tables/table-1/table_1_crime_in_the_united_states_by_volume_and_rate_per_100000_inhabitants_1996-2015.xls",
        UNTIL_2015,
        || cius::small("us_2015")?.xlsx(),
    ),
];
