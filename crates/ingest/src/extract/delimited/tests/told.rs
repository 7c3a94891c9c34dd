//! Editions told by headers, and tables that R has saved.

use std::sync::Arc;

use rds2rust::{DataFrameData, Logical, RObject, VectorData, write_rds};

use super::*;

/// The transactions as their pipeline declares them.
fn transactions() -> Delimited {
    let declared = include_str!("../../../../../../pipelines/arcos_transactions.toml");
    let mut source = toml::from_str::<toml::Table>(declared).unwrap().remove("source").unwrap();
    let options = source.as_table_mut().unwrap();
    options.remove("kind");
    options.remove("service");
    source.try_into().unwrap()
}

fn release(decoded: &Decoded) -> &str {
    decoded.edition.as_ref().unwrap().release.as_ref().unwrap().as_str()
}

#[test]
fn headers_tell_the_edition_whatever_the_number_of_columns() {
    for (name, told) in [
        ("r1-2006-2012-42-columns-stray-quote-word-null", "2006-2012"),
        ("r2-2006-2014-42-columns-with-mme", "2006-2014"),
        ("r3-2006-2019-33-columns-iso-dates", "2006-2019"),
    ] {
        let decoded = decode(&transactions(), &[fixture(&format!("arcos_transactions/{name}.tsv"))]).unwrap();
        assert_eq!((release(&decoded), decoded.rows.len()), (told, 4), "{name}");
    }
}

#[test]
fn headers_of_no_edition_and_a_wrong_word_are_refused() {
    let extractor = transactions();
    let r1 = fixture("arcos_transactions/r1-2006-2012-42-columns-stray-quote-word-null.tsv");
    let text = String::from_utf8(r1.bytes(1 << 20).unwrap()).unwrap();
    let without = text.replacen("\tQUANTITY\t", "\tAMOUNT\t", 1);
    let error = decode(&extractor, &[of(without)]).unwrap_err();
    assert_eq!(error.kind(), Kind::Changed);
    assert!(error.to_string().contains("the nearest is 2006-2012, but there is no `QUANTITY`"), "{error}");
    let mixed = text.replacen("\tQUANTITY\t", "\tMME\t", 1);
    assert_eq!(decode(&extractor, &[of(mixed)]).unwrap_err().kind(), Kind::Changed);

    let said = Slice { release: Some("2006-2014".parse().unwrap()), ..Slice::new("s", "file:r1.tsv".to_owned()) };
    let error = decode_slice(&extractor, &said, std::slice::from_ref(&r1)).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().contains("of the edition 2006-2012 by its headers, not 2006-2014"), "{error}");
    let said = Slice { release: Some("2006-2012".parse().unwrap()), ..said };
    decode_slice(&extractor, &said, &[r1]).unwrap();
}

/// Options for a table of any columns.
fn any() -> Delimited {
    toml::from_str("separator = 'tab'\nbulk = true").unwrap()
}

fn text(cells: &[Option<&str>]) -> RObject {
    RObject::Character(VectorData::Owned(cells.iter().map(|cell| cell.map(Arc::from)).collect()))
}

fn saved(columns: Vec<(&str, RObject)>) -> Vec<u8> {
    let columns = columns.into_iter().map(|(name, values)| (Arc::from(name), values)).collect();
    write_rds(&RObject::DataFrame(Box::new(DataFrameData { columns, row_names: Vec::new() }))).unwrap()
}

#[test]
fn a_table_that_r_has_saved_is_read_with_its_missing_values() {
    let body = saved(vec![
        ("NAME", text(&[Some("null"), None, Some("")])),
        ("N", RObject::Integer(VectorData::Owned(vec![200, i32::MIN, 0]))),
        ("X", RObject::Real(VectorData::Owned(vec![3.0269999999999997, f64::NAN, 1e-7]))),
        ("NONE", RObject::Logical(VectorData::Owned(vec![Logical::Na, Logical::True, Logical::False]))),
    ]);
    let plain = content::plain(Box::new(std::io::Cursor::new(body.clone())), 1 << 20, "u").unwrap();
    let mut inflated = Vec::new();
    std::io::BufReader::new(plain).read_to_end(&mut inflated).unwrap();
    for body in [body, inflated] {
        let decoded = decode(&any(), &[Page::of_bytes("file:any.name", body)]).unwrap();
        assert_eq!(decoded.names, ["NAME", "N", "X", "NONE"]);
        assert_eq!(decoded.column("NAME"), ["null", "∅", ""]);
        assert_eq!(decoded.column("N"), ["200", "∅", "0"]);
        assert_eq!(decoded.column("X"), ["3.0269999999999997", "∅", "0.0000001"]);
        assert_eq!(decoded.column("NONE"), ["∅", "TRUE", "FALSE"]);
        assert_eq!(decoded.records, [1, 2, 3]);
    }
}

#[test]
fn what_r_saves_besides_tables_and_cut_files_are_refused() {
    let list = write_rds(&text(&[Some("a"), Some("b")])).unwrap();
    let error = decode(&any(), &[Page::of_bytes("file:list.RDS", list)]).unwrap_err();
    assert!(error.kind() == Kind::Changed && error.to_string().contains("holds no data frame"), "{error}");

    let whole = saved(vec![("A", text(&[Some("1"), Some("2")])), ("B", text(&[Some("3"), Some("4")]))]);
    let plain = content::plain(Box::new(std::io::Cursor::new(whole)), 1 << 20, "u").unwrap();
    let mut bytes = Vec::new();
    std::io::BufReader::new(plain).read_to_end(&mut bytes).unwrap();
    for length in [8, 14, 40, bytes.len() / 2, bytes.len() - 30] {
        let error = decode(&any(), &[Page::of_bytes("file:cut.RDS", &bytes[..length])]).unwrap_err();
        assert!(matches!(error.kind(), Kind::NotData | Kind::Changed), "{length}: {error}");
    }
    // Without the option it is not even looked into.
    let request = any_tab().next_page(&Slice::new("s", "u".to_owned()), &[]).unwrap().unwrap();
    assert_eq!(request.expect, Expect::Text);
}

#[test]
fn captured_tables_of_r_hold_what_was_counted_in_them() {
    let Some(pharmacy) = capture("arcos/washpost_raw_2006_2012/pharmacy_raw-BW8487438.RDS") else { return };
    let decoded = decode(&transactions(), &[pharmacy]).unwrap();
    assert_eq!((release(&decoded), decoded.names.len(), decoded.rows.len()), ("2006-2012", 42, 4_102));
    assert_eq!(decoded.sum("DOSAGE_UNIT", &[]), 2_916_000);

    let Some(saved) = capture("arcos/washpost_raw_2006_2014_drug/ARCOS-METHADONE-MA-SUFFOLK-25025.RDS") else { return };
    let suffolk = decode(&transactions(), &[saved]).unwrap();
    assert_eq!((release(&suffolk), suffolk.names.len(), suffolk.rows.len()), ("2006-2014", 43, 37_214));
    let sold = suffolk.column("TRANSACTION_CODE").into_iter().filter(|code| *code == "S").count();
    assert_eq!(sold, 34_834);
    // Somebody's decoding of the same file, by another program: blank where R has none.
    let decoded = "arcos/washpost_raw_2006_2014_drug/ARCOS-METHADONE-MA-SUFFOLK-25025.decoded.tsv.gz";
    let Some(by_another) = capture(decoded) else { return };
    let by_another = decode(&transactions(), &[by_another]).unwrap();
    assert_eq!(by_another.names, suffolk.names);
    let blank = |cell: &Option<String>| cell.clone().unwrap_or_default();
    let differing = suffolk
        .rows
        .iter()
        .zip(&by_another.rows)
        .filter(|(own, theirs)| !own.iter().map(blank).eq(theirs.iter().map(blank)));
    assert_eq!(differing.count(), 0);
}
