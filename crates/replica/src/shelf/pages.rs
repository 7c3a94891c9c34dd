//! CDC's pages on dispensing, its CSV of counties, and the Census Bureau's estimates.

use super::{File, Format, file};
use crate::print::{census, counties};

const CDC: &str = "www.cdc.gov";
const HTML: &str = "text/html; charset=utf-8";
/// 2020-12-07, when the pages say that they were last reviewed.
const REVIEWED: u64 = 1_607_299_200;

pub(super) static FILES: [File; 16] = [
    file((CDC, "/drugoverdose/rxrate-maps/county2006.html"), Format::Html, HTML, REVIEWED, || counties::page("2006")),
    file((CDC, "/drugoverdose/rxrate-maps/county2007.html"), Format::Html, HTML, REVIEWED, || counties::page("2007")),
    file((CDC, "/drugoverdose/rxrate-maps/county2008.html"), Format::Html, HTML, REVIEWED, || counties::page("2008")),
    file((CDC, "/drugoverdose/rxrate-maps/county2009.html"), Format::Html, HTML, REVIEWED, || counties::page("2009")),
    file((CDC, "/drugoverdose/rxrate-maps/county2010.html"), Format::Html, HTML, REVIEWED, || counties::page("2010")),
    file((CDC, "/drugoverdose/rxrate-maps/county2011.html"), Format::Html, HTML, REVIEWED, || counties::page("2011")),
    file((CDC, "/drugoverdose/rxrate-maps/county2012.html"), Format::Html, HTML, REVIEWED, || counties::page("2012")),
    file((CDC, "/drugoverdose/rxrate-maps/county2013.html"), Format::Html, HTML, REVIEWED, || counties::page("2013")),
    file((CDC, "/drugoverdose/rxrate-maps/county2014.html"), Format::Html, HTML, REVIEWED, || counties::page("2014")),
    file((CDC, "/drugoverdose/rxrate-maps/county2015.html"), Format::Html, HTML, REVIEWED, || counties::page("2015")),
    file((CDC, "/drugoverdose/rxrate-maps/county2016.html"), Format::Html, HTML, REVIEWED, || counties::page("2016")),
    file((CDC, "/drugoverdose/rxrate-maps/county2017.html"), Format::Html, HTML, REVIEWED, || counties::page("2017")),
    file((CDC, "/drugoverdose/rxrate-maps/county2018.html"), Format::Html, HTML, REVIEWED, || counties::page("2018")),
    file(
        (CDC, "/overdose-prevention/data-research/facts-stats/County Opioid Dispensing Rates.csv"),
        Format::Csv,
        "text/csv",
        1_730_764_800, // 2024-11-05
        counties::since_2019,
    ),
    file(
        ("www2.census.gov", "/programs-surveys/popest/datasets/2010-2016/counties/totals/co-est2016-alldata.csv"),
        Format::Csv,
        "text/csv",
        1_490_227_200, // 2017-03-23
        census::counties_2016,
    ),
    file(
        ("www2.census.gov", "/geo/docs/reference/codes/files/national_places.txt"),
        Format::Other,
        "text/plain",
        1_325_376_000, // 2012-01-01
        census::places,
    ),
];
