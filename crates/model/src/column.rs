//! The one vocabulary of columns: `warehouse/columns.toml`.
//!
//! The same quantity in the same unit has the same name in every dataset, and one permanent field id, which Parquet
//! files carry. A pipeline may only use columns that stand here.

use std::collections::BTreeMap;

use arrow_schema::{DataType, Field};
use serde::{Deserialize, Serialize};

use crate::{Error, Kind, Result};

/// The key under which Parquet keeps a field's id.
pub const FIELD_ID: &str = "PARQUET:field_id";

/// What a column holds. Decides the Arrow type and what a valid cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// Free text.
    Text,
    /// A whole number.
    Integer,
    /// An exact decimal number of at most `precision` digits, `scale` of them after the point.
    Decimal {
        /// All digits.
        precision: u8,
        /// Digits after the decimal point.
        scale: i8,
    },
    /// A calendar date.
    Date,
    /// True or false.
    Boolean,
    /// A calendar year.
    Year,
    /// A two-digit FIPS state code.
    StateFips,
    /// A five-digit FIPS county code.
    CountyFips,
    /// An eleven-character National Drug Code.
    Ndc,
    /// A five-digit ZIP code.
    Zip,
    /// A nine-character DEA registration number.
    DeaNumber,
    /// A nine-character originating agency identifier of the FBI.
    Ori,
}

impl Type {
    /// The Arrow type that holds it.
    pub fn data_type(self) -> DataType {
        match self {
            Type::Integer => DataType::Int64,
            Type::Year => DataType::Int32,
            Type::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
            Type::Date => DataType::Date32,
            Type::Boolean => DataType::Boolean,
            Type::Text | Type::StateFips | Type::CountyFips | Type::Ndc | Type::Zip | Type::DeaNumber | Type::Ori => {
                DataType::Utf8
            }
        }
    }

    /// The type as SQL would write it.
    pub fn sql(self) -> String {
        match self {
            Type::Integer => "BIGINT".to_owned(),
            Type::Year => "INTEGER".to_owned(),
            Type::Decimal { precision, scale } => format!("DECIMAL({precision},{scale})"),
            Type::Date => "DATE".to_owned(),
            Type::Boolean => "BOOLEAN".to_owned(),
            _ => "VARCHAR".to_owned(),
        }
    }
}

/// One entry of the vocabulary.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    /// The permanent field id.
    pub id: i32,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: Type,
    /// The unit of a quantity, in words; empty where there is none.
    #[serde(default)]
    pub unit: String,
    /// What it means, in a sentence.
    pub about: String,
    /// What place a count or code refers to: residence, occurrence, agency, buyer, pharmacy or prescriber.
    #[serde(default)]
    pub basis: String,
}

/// Every column that any dataset may have.
#[derive(Debug, Clone)]
pub struct Vocabulary(BTreeMap<String, Meaning>);

impl Vocabulary {
    /// Reads `warehouse/columns.toml`. Fails where two columns share an id.
    pub fn parse(text: &str) -> Result<Self> {
        let columns: BTreeMap<String, Meaning> = toml::from_str(text)
            .map_err(|error| Error::new(Kind::Usage, "the column vocabulary cannot be read").caused_by(error))?;
        let mut ids = BTreeMap::new();
        for (name, meaning) in &columns {
            if let Some(other) = ids.insert(meaning.id, name) {
                return Err(Error::new(
                    Kind::Usage,
                    format!("columns `{other}` and `{name}` share the field id {}", meaning.id),
                )
                .hint("give the newer one an id that no column ever had"));
            }
        }
        Ok(Self(columns))
    }

    /// The meaning of a column.
    pub fn get(&self, name: &str) -> Result<&Meaning> {
        self.0.get(name).ok_or_else(|| {
            Error::new(Kind::Usage, format!("no column `{name}` in the vocabulary"))
                .hint("add a line to warehouse/columns.toml with an id that no column ever had")
        })
    }

    /// The Arrow field of a column, with its permanent id.
    pub fn field(&self, name: &str) -> Result<Field> {
        let meaning = self.get(name)?;
        Ok(Field::new(name, meaning.kind.data_type(), true)
            .with_metadata([(FIELD_ID.to_owned(), meaning.id.to_string())].into()))
    }

    /// All columns, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Meaning)> {
        self.0.iter().map(|(name, meaning)| (name.as_str(), meaning))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_columns_never_share_an_id() {
        let text = "a = { id = 1, type = 'text', about = 'A.' }\nb = { id = 1, type = 'year', about = 'B.' }";
        let error = Vocabulary::parse(text).unwrap_err();
        assert_eq!(error.to_string(), "columns `a` and `b` share the field id 1");
    }

    #[test]
    fn a_field_carries_its_id_and_type() {
        let text = "g = { id = 7, type = { decimal = { precision = 18, scale = 5 } }, about = 'G.' }";
        let field = Vocabulary::parse(text).unwrap().field("g").unwrap();
        assert_eq!(field.data_type(), &DataType::Decimal128(18, 5));
        assert_eq!(field.metadata()[FIELD_ID], "7");
    }
}
