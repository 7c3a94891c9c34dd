//! The subset of SQL that claims, figures and models are written in: what DuckDB and Spark both run, with the same result.
//!
//! A lint on words, not a parser: strings, quoted names and comments are taken out first, and what remains is searched
//! for what only one of them knows.

use model::{Error, Kind, Result};

/// What is not portable, and what to write instead. A space stands for any white space.
const FOREIGN: &[(&str, &str)] = &[
    ("::", "CAST(… AS …)"),
    ("//", "CAST(a / b AS BIGINT)"),
    ("->", "a function without a lambda"),
    ("QUALIFY", "a subquery with a window function and WHERE"),
    ("GROUP BY ALL", "the columns themselves"),
    ("ORDER BY ALL", "the columns themselves"),
    ("EXCLUDE", "the columns themselves"),
    ("PIVOT", "CASE inside an aggregate"),
    ("UNPIVOT", "UNION ALL"),
    ("STRFTIME", "EXTRACT(… FROM …)"),
    ("STRPTIME", "a column that is a date"),
    ("LAMBDA", "a function without a lambda"),
    ("USING SAMPLE", "all rows"),
    ("SUMMARIZE", "aggregates"),
    ("DESCRIBE", "meta.columns"),
];

/// What may give another answer to the same question over the same data, and what to write instead.
const CHANGING: &[(&str, &str)] = &[
    ("NOW", "a date in full"),
    ("TODAY", "a date in full"),
    ("CURRENT_DATE", "a date in full"),
    ("CURRENT_TIME", "a date in full"),
    ("CURRENT_TIMESTAMP", "a date in full"),
    ("RANDOM", "what follows from the data"),
    ("RAND", "what follows from the data"),
    ("UUID", "what follows from the data"),
    ("GEN_RANDOM_UUID", "what follows from the data"),
    ("ANY_VALUE", "MIN or MAX"),
    ("ARBITRARY", "MIN or MAX"),
    ("INFORMATION_SCHEMA", "the columns themselves"),
    ("PG_CATALOG", "the columns themselves"),
    // Sums of doubles change in their last digits with the number of threads.
    ("AVG", "SUM of decimals, divided"),
    ("MEAN", "SUM of decimals, divided"),
    ("FSUM", "SUM of decimals"),
    ("DOUBLE", "DECIMAL"),
    ("FLOAT", "DECIMAL"),
    ("REAL", "DECIMAL"),
];

/// Refuses SQL outside the subset, and SQL whose answer may change though the data do not. `what` says whose it is.
pub(crate) fn lint_repeatable(what: &str, sql: &str) -> Result<()> {
    lint(what, sql)?;
    let words = bare(sql);
    match CHANGING.iter().find(|(word, _)| contains(&words, word)) {
        None => Ok(()),
        Some((word, instead)) => {
            Err(Error::new(Kind::Usage, format!("{what}: `{word}` may give another answer the next time"))
                .hint(format!("write {instead}")))
        }
    }
}

/// Refuses SQL outside the subset, naming the word. `what` says whose SQL it is.
pub(crate) fn lint(what: &str, sql: &str) -> Result<()> {
    let words = bare(sql);
    let refuse = |word: &str, instead: &str| {
        Err(Error::new(Kind::Usage, format!("{what}: `{word}` is not portable SQL")).hint(format!("write {instead}")))
    };
    for (word, instead) in FOREIGN {
        if contains(&words, word) {
            return refuse(word, instead);
        }
    }
    if words.starts_with("FROM ") || words.contains("( FROM ") {
        return refuse("FROM …", "SELECT … FROM …");
    }
    // Without it the order of nulls differs between engines.
    let orders = words.matches("ORDER BY ").count();
    let nulls = words.matches("NULLS FIRST").count() + words.matches("NULLS LAST").count();
    if orders > nulls {
        return refuse("ORDER BY", "ORDER BY … NULLS LAST");
    }
    Ok(())
}

/// Whether the words have this one, not as a part of a longer word.
fn contains(words: &str, word: &str) -> bool {
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let symbol = !word.starts_with(|c: char| c.is_ascii_alphabetic());
    words.match_indices(word).any(|(at, _)| {
        let (before, after) = (words[..at].chars().next_back(), words[at + word.len()..].chars().next());
        symbol || (!joins(before) && !joins(after))
    })
}

/// The SQL in capitals, with single spaces, brackets set apart, and without strings, quoted names and comments.
fn bare(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let end = |mark: &str, from: usize| rest[from..].find(mark).map_or(rest.len(), |at| from + at + mark.len());
        let skip = match first {
            '\'' => end("'", 1),
            '"' => end("\"", 1),
            '-' if rest.starts_with("--") => end("\n", 2),
            '/' if rest.starts_with("/*") => end("*/", 2),
            _ => 0,
        };
        if skip > 0 {
            text.push_str(if first == '\'' || first == '"' { " _ " } else { " " });
            rest = &rest[skip..];
            continue;
        }
        match first {
            '(' => text.push_str(" ( "),
            ')' => text.push_str(" ) "),
            other => text.push(other.to_ascii_uppercase()),
        }
        rest = &rest[first.len_utf8()..];
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ") + " "
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, word: Option<&str>) {
        let found = lint("x", sql).err().map(|error| error.to_string());
        assert_eq!(found, word.map(|word| format!("x: `{word}` is not portable SQL")), "{sql}");
    }

    #[test]
    fn what_only_one_engine_knows_is_refused() {
        check("SELECT a::INTEGER FROM t", Some("::"));
        check("SELECT a // 2 FROM t", Some("//"));
        check("SELECT a FROM t QUALIFY row_number() OVER () = 1", Some("QUALIFY"));
        check("SELECT a, count(*) FROM t group  by\nall", Some("GROUP BY ALL"));
        check("SELECT * EXCLUDE (a) FROM t", Some("EXCLUDE"));
        check("SELECT * EXCLUDE(a) FROM t", Some("EXCLUDE"));
        check("SELECT strftime(a, '%Y') FROM t", Some("STRFTIME"));
        check("FROM t SELECT a", Some("FROM …"));
        check("SELECT (FROM t)", Some("FROM …"));
        check("PIVOT t ON a", Some("PIVOT"));
        check("SELECT list_transform(a, x -> x + 1) FROM t", Some("->"));
        check("SELECT a FROM t ORDER BY a", Some("ORDER BY"));
    }

    #[test]
    fn what_may_answer_differently_is_refused() {
        for (sql, word) in [
            ("SELECT now() AS a FROM t", "NOW"),
            ("SELECT current_date FROM t", "CURRENT_DATE"),
            ("SELECT avg(a) FROM t", "AVG"),
            ("SELECT sum(CAST(a AS DOUBLE)) FROM t", "DOUBLE"),
        ] {
            let error = lint_repeatable("x", sql).unwrap_err().to_string();
            assert_eq!(error, format!("x: `{word}` may give another answer the next time"));
        }
        lint_repeatable("x", "SELECT sum(a) AS known, nowhere FROM t -- now()").unwrap();
        assert!(lint_repeatable("x", "SELECT a::INTEGER FROM t").is_err());
    }

    #[test]
    fn words_in_strings_names_and_comments_are_not_sql() {
        check("SELECT 'it''s a::b' AS \"PIVOT\" -- QUALIFY\n/* // */ FROM t ORDER BY a NULLS LAST", None);
        check("SELECT excluded, pivotal, a / b FROM t", None);
    }
}
