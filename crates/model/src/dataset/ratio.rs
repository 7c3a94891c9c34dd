//! Quotients and products that a publisher prints beside what they are of, such as grams by persons.

use serde::Deserialize;

use crate::Release;

/// A decimal column that is the quotient of two others, where all are present.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatioCheck {
    /// The quotient, a decimal.
    pub column: String,
    /// What is divided, a decimal.
    pub of: String,
    /// What it is divided by, a whole number.
    pub by: String,
    /// What the quotient is multiplied with.
    pub times: i64,
    /// How many decimals the publisher prints of both decimals: more cannot be told from rounding.
    #[serde(default = "default_decimals")]
    pub decimals: u32,
    /// Rows of one edition that are known to break it, of which not every one was seen.
    pub unless: Option<Unless>,
}

/// A decimal column that the publisher computed as the product of others, where all are present.
///
/// What is printed of a factor may be rounded, and the product not: rows within that are counted, and so are those beyond.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductCheck {
    /// The product.
    pub column: String,
    /// The factors, decimals, the first of which may be rounded.
    pub of: Vec<String>,
    /// What their product is multiplied with.
    pub times: i64,
    /// To how many digits behind the point the first factor may be rounded.
    pub digits: u32,
    /// The column of ours by whose values the certificate tells the rows that differ apart.
    pub by: Option<String>,
    /// The share of rows that may differ by more than rounding explains.
    #[serde(default)]
    pub beyond: f64,
}

fn default_decimals() -> u32 {
    2
}

/// Rows that may break a rule in one edition. Where there are such rows and none breaks it, the run ends.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unless {
    /// The edition.
    pub release: Release,
    /// The column of ours that tells the rows.
    pub column: String,
    /// Its value in them.
    pub is: String,
    /// How we know.
    pub why: String,
}
