//! Editions of WONDER's databases, by what WONDER prints of them.
//!
//! Exports and answers of the web service name a database alike, so that both name its editions alike.

use std::fmt::Write as _;

use jiff::civil::Date;

/// A database with its years: `Multiple Cause of Death, 2018-2023, Single Race`.
pub(in crate::extract) struct Label<'a> {
    /// What stands around the years, in order.
    titles: Vec<&'a str>,
    /// The years: `1999-2016`, or `2018 through Last Week`.
    period: &'a str,
}

impl<'a> Label<'a> {
    /// Nothing where the text names no years.
    pub fn read(text: &'a str) -> Option<Self> {
        let (periods, titles): (Vec<_>, Vec<_>) = text.split(", ").partition(|part| leading_year(part).is_some());
        Some(Self { titles, period: periods.first()? })
    }

    /// The database's title without its years.
    pub fn title(&self) -> String {
        self.titles.join(", ")
    }

    /// The first year.
    pub fn first(&self) -> Option<i32> {
        leading_year(self.period)
    }

    /// The last year; none of a database that goes on.
    pub fn last(&self) -> Option<i32> {
        leading_year(self.period.get(4..)?.strip_prefix('-')?)
    }

    /// The name of an edition that is final: `Multiple Cause of Death, 1999-2016` makes `mcd-1999-2016`.
    pub fn edition(&self) -> String {
        let words = self.titles.first().into_iter().flat_map(|title| title.split(' '));
        let mut name: String = words
            .filter_map(|word| word.chars().next().filter(char::is_ascii_uppercase))
            .collect::<String>()
            .to_lowercase();
        for part in [self.period].iter().chain(self.titles.iter().skip(1)) {
            let slug: String =
                part.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
            // Writing to a String cannot fail.
            let _infallible = write!(name, "-{slug}");
        }
        name
    }

    /// The name of a provisional edition: it changes every week under one label, so that the day of the query is part
    /// of it.
    pub fn edition_as_of(&self, day: Date) -> String {
        format!("{}-as-of-{day}", self.edition())
    }
}

/// The year that a text begins with.
pub(super) fn leading_year(text: &str) -> Option<i32> {
    text.get(..4).filter(|year| year.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

/// The day of `Oct 24, 2019 5:20:09 PM`.
pub(in crate::extract) fn day_of(text: &str) -> Result<Date, jiff::Error> {
    jiff::fmt::strtime::parse("%b %d, %Y %I:%M:%S %p", text).and_then(|time| time.to_date())
}
