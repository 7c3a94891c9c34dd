//! Rows that have the key of another.

use serde::Deserialize;

/// What becomes of rows that have the key of another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Repeats {
    /// They end the run: one of them is a slip.
    #[default]
    Refused,
    /// They are kept, and the certificate says how many there are: the publisher's own records repeat, and which of two is
    /// meant is not for a program to say. A row of which a nullable column of the key is null, such as one of an edition
    /// without numbers, is the repeat of another only where they agree in every column.
    Counted,
}
