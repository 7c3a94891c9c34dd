//! The recipe in words: what a person enters in WONDER's form.

use super::WonderExport;
use super::recipe::{Cause, Database};

/// The address of a database's form.
fn form(database: &Database) -> &'static str {
    match database.code.as_str() {
        "D76" => "https://wonder.cdc.gov/ucd-icd10.html",
        "D77" => "https://wonder.cdc.gov/mcd-icd10.html",
        "D140" => "https://wonder.cdc.gov/cmf-icd10.html",
        "D157" => "https://wonder.cdc.gov/mcd-icd10-expanded.html",
        "D158" => "https://wonder.cdc.gov/ucd-icd10-expanded.html",
        "D176" => "https://wonder.cdc.gov/mcd-icd10-provisional.html",
        _ => "https://wonder.cdc.gov/",
    }
}

/// Prints the steps, for every database and every set of causes.
pub(super) fn print(recipe: &WonderExport) -> String {
    let mut out =
        String::from("CDC WONDER serves this table only through its form. One export for each set of causes.\n\n");
    out += "1. Open the form of the database, and agree to its data use restrictions:\n";
    for database in &recipe.database {
        let (low, high) = database.withheld;
        out += &format!(
            "     {:<5} {} (withholds {low}-{high} deaths below the national level)\n           {}\n",
            database.code,
            database.title,
            form(database)
        );
    }
    out += &format!("\n2. Group Results By: {}\n", recipe.group_by.join(", then ").replace('|', " (or) "));
    if !recipe.also_by.is_empty() {
        out += &format!("   (also grouping by {} changes nothing)\n", recipe.also_by.join(" or "));
    }
    for dimension in &recipe.dimension {
        out += &format!("   (grouping by {} gives all of its values in one export)\n", dimension.group);
    }
    out += "   Measures: Deaths, Population, Crude Rate; where offered, Age Adjusted Rate, and 95% Confidence Interval and\n   \
            Standard Error of both\n";
    out += "\n3. Location, demographics, weekday, autopsy, place of death: leave at All\n";
    out += "   Year: leave at All, or choose whole years\n";
    out += "\n4. Causes of death, one of these sets:\n";
    for cause in &recipe.cause {
        out += &set(cause);
    }
    out += "\n5. Other options: tick Export Results, Show Totals, Show Zero Values and Show Suppressed Values;\n   \
            Rates per 100,000; standard population 2000 U.S.; decimal places as you like\n";
    out += "\n6. Send, save the file as it comes, and do not open it in another program. Then:\n     tollhouse import FILE\n";
    out
}

fn set(cause: &Cause) -> String {
    let mut out = format!("     {}\n", cause.name());
    let mut line = |name: &str, value: String| out += &format!("       {name}: {value}\n");
    if !cause.ucd.is_empty() {
        line("Underlying cause of death, ICD-10 codes", cause.ucd.to_string());
    }
    if !cause.mcd.is_empty() {
        line("Multiple (contributing) causes of death, any of", cause.mcd.to_string());
    }
    for (name, values) in &cause.named {
        line(name, values.iter().cloned().collect::<Vec<_>>().join(", "));
    }
    out
}
