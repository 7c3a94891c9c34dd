//! Files read as streams beside the same files read whole, at any number of workers, and files that are not as they should be.

use std::num::NonZeroUsize;

use arrow::array::RecordBatch;
use arrow::compute::{SortColumn, SortOptions};
use arrow::compute::{concat_batches, lexsort_to_indices, take_record_batch};
use jiff::Timestamp;
use model::column::Vocabulary;
use model::dataset::Dataset;
use store::commit::Staged;
use store::{Origin, Warehouse};

use super::*;
use crate::run::{self, Fetched};

const COLUMNS: &str = "
    release = { id = 1, type = 'text', about = 'R.' }
    _capture = { id = 2, type = 'text', about = 'C.' }
    _record = { id = 3, type = 'integer', about = 'R.' }
    buyer = { id = 4, type = 'text', about = 'B.' }
    activity = { id = 5, type = 'text', about = 'A.' }
    zip = { id = 6, type = 'zip', about = 'Z.' }
    day = { id = 7, type = 'date', about = 'D.' }
    year = { id = 8, type = 'year', about = 'Y.' }
    units = { id = 9, type = { decimal = { precision = 18, scale = 5 } }, about = 'U.' }
    strength = { id = 10, type = { decimal = { precision = 18, scale = 5 } }, about = 'S.' }
    mass = { id = 11, type = { decimal = { precision = 38, scale = 18 } }, about = 'M.' }
    transaction = { id = 12, type = 'text', about = 'T.' }
    form = { id = 13, type = 'integer', about = 'F.' }
    source = { id = 14, type = 'text', about = 'S.' }
    note_section = { id = 16, type = 'text', about = 'N.' }
    note_label = { id = 17, type = 'text', about = 'N.' }
    note_text = { id = 18, type = 'text', about = 'N.' }
    large = { id = 15, type = 'boolean', about = 'L.' }
";

const PIPELINE: &str = "
    title = 'T'
    row = 'row'
    publisher = 'P'
    licence = 'L'
    citation = 'C'
    disclosure = 'none'
    schedule = '0 0 12 1 * *'
    period = 'year'
    partition = 'year'
    sort = ['buyer', 'day']
    evidence = [{ layout = 'x', proven = 'spec' }]
    column = [
      { name = 'buyer', from = ['BUYER'], null = ['null'] },
      { name = 'activity', from = ['ACT'], null = ['null'] },
      { name = 'zip', from = ['ZIP'], pad = 5, null = ['null'] },
      { name = 'large', rule = { all = [{ from = ['BUYER'], is = ['B1', 'B2'] }] } },
      { name = 'day', from = ['DAY'], read = { date = '%m%d%Y' } },
      { name = 'year', rule = { year_of = 'day' } },
      { name = 'units', from = ['UNITS'], null = ['null'] },
      { name = 'strength', from = ['STRENGTH'], null = ['null'] },
      { name = 'mass', rule = { product = { of = ['units', 'strength'], times = '1' } } },
      { name = 'transaction', from = ['ID'] },
      { name = 'form', from = ['FORM'], null = ['null'] },
      { name = 'source', rule = { constant = 'told' } },
    ]
    [source]
    kind = 'delimited'
    separator = 'tab'
    together = [['BUYER', 'ACT', 'ZIP'], ['DAY'], ['UNITS', 'STRENGTH']]
    [[source.files]]
    url = 'https://example.org/file.tsv'
    release = 'r'
    [mask]
    columns = ['buyer', 'zip']
    unless = 'activity'
    is = ['CHAIN PHARMACY']
    persons = ['PRACTITIONER']
    [check]
    key = ['release', 'transaction']
    rows = { min = 1 }
    max_rejected_per_million = 1000
";

const HEADER: &str = "BUYER\tUNITS\tID\tACT\tZIP\tDAY\tFORM\tSTRENGTH\n";

/// A row of which everything follows from its number.
fn row(number: usize) -> String {
    let activity = if number.is_multiple_of(7) { "PRACTITIONER" } else { "CHAIN PHARMACY" };
    let day = format!("{:02}{:02}{}", 1 + number % 12, 1 + number / 5 % 28, 2006 + number / 3 % 4);
    let form = if number.is_multiple_of(3) { "null".to_owned() } else { number.to_string() };
    let units = ["100.0", "500.0", "null", "12.5"][number % 4];
    format!(
        "B{}\t{units}\tT{number}\t{activity}\t{}\t{day}\t{form}\t{}.5\n",
        number / 11 % 40,
        1000 + number % 90,
        number % 6
    )
}

fn file(rows: usize) -> String {
    (0..rows).fold(HEADER.to_owned(), |text, number| text + &row(number))
}

struct Bench {
    folder: tempfile::TempDir,
    warehouse: Warehouse,
    vocabulary: Vocabulary,
    dataset: Dataset,
}

impl Bench {
    fn new(pipeline: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = Warehouse::open_or_create(folder.path(), Origin::Replica, Timestamp::UNIX_EPOCH).unwrap();
        let vocabulary = Vocabulary::parse(COLUMNS).unwrap();
        let dataset = Dataset::parse("x", pipeline, &vocabulary).unwrap();
        Self { folder, warehouse, vocabulary, dataset }
    }

    fn stage(&self, bytes: impl Into<Vec<u8>>, workers: usize) -> Result<Staged> {
        let job = Job {
            dataset: &self.dataset,
            vocabulary: &self.vocabulary,
            warehouse: &self.warehouse,
            only: None,
            workers: NonZeroUsize::new(workers).unwrap(),
            program: "test",
            progress: &|_| Ok(()),
        };
        let slice = crate::extract::extractor(&self.dataset)?.slices().remove(0);
        let page = Page::of_bytes(&slice.url, bytes.into());
        let fetched = Fetched { slice, pages: vec![page], exchanges: Vec::new(), detour: None };
        run::stage(&job, &None, &[fetched])
    }

    /// All rows that were staged, in the order of the file.
    fn rows(&self, staged: &Staged) -> RecordBatch {
        let parts: Vec<RecordBatch> =
            staged.slices[0].parts.iter().map(|part| store::part::read(&self.warehouse, part).unwrap()).collect();
        let all = concat_batches(&parts[0].schema(), &parts).unwrap();
        let records = SortColumn {
            values: all.column_by_name("_record").unwrap().clone(),
            options: Some(SortOptions::default()),
        };
        take_record_batch(&all, &lexsort_to_indices(&[records], None).unwrap()).unwrap()
    }
}

fn whole() -> String {
    PIPELINE.replace("together = [['BUYER', 'ACT', 'ZIP'], ['DAY'], ['UNITS', 'STRENGTH']]", "")
}

#[test]
fn a_stream_gives_the_rows_that_the_whole_file_gives() {
    let text = file(70_000);
    let (streaming, at_once) = (Bench::new(PIPELINE), Bench::new(&whole()));
    let (streamed, read) = (streaming.stage(text.as_str(), 3).unwrap(), at_once.stage(text.as_str(), 1).unwrap());
    assert_eq!(streaming.rows(&streamed).columns(), at_once.rows(&read).columns());
    assert_eq!(streamed.slices[0].counts, read.slices[0].counts);
    let years: BTreeSet<Option<i32>> = streamed.slices[0].parts.iter().map(|part| part.year).collect();
    assert_eq!(years.len(), 4);
    let windows = text.replace('\n', "\r\n");
    let again = streaming.stage(windows.as_str(), 2).unwrap();
    assert_eq!(streaming.rows(&again).column_by_name("buyer"), streaming.rows(&streamed).column_by_name("buyer"));
    drop((streaming.folder, at_once.folder));
}

#[test]
fn any_number_of_workers_makes_the_same_bytes() {
    // Many chunks and parts, more entries than are numbered at once, and a row longer than a chunk.
    let mut text = file(60_000);
    text += &row(60_004).replace("PRACTITIONER", &"P".repeat(20_000));
    text += &(60_010..61_000).map(row).collect::<String>();
    let digests = [1, 2, 5].map(|workers| {
        let bench = Bench::new(PIPELINE);
        let staged = bench.stage(text.as_str(), workers).unwrap();
        assert_eq!(staged.slices[0].counts.kept, 60_991);
        assert!(staged.slices[0].parts.len() > 12);
        staged.slices[0].parts.iter().map(|part| part.sha256.clone()).collect::<Vec<_>>()
    });
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
}

#[test]
fn bad_rows_are_set_aside_with_their_places_and_the_others_kept() {
    let mut lines: Vec<String> = file(30_000).lines().map(ToOwned::to_owned).collect();
    // In a group, in a plain column, and in the number of cells; the same wrong day in two rows.
    let spoil = |line: &str, cell: usize, with: &str| {
        let mut cells: Vec<&str> = line.split('\t').collect();
        cells[cell] = with;
        cells.join("\t")
    };
    lines[100] = spoil(&row(99), 5, "13012006").trim_end().to_owned();
    lines[20_000] = spoil(&row(19_999), 5, "13012006").trim_end().to_owned();
    lines[200] = spoil(&row(199), 6, "many").trim_end().to_owned();
    lines[300] = "B1\t2\t3".to_owned();
    lines[400] = String::new();
    let bench = Bench::new(PIPELINE);
    let staged = bench.stage(lines.join("\n") + "\n", 2).unwrap();
    let counts = staged.slices[0].counts;
    assert_eq!((counts.read, counts.kept, counts.rejected), (30_000, 29_995, 5));
    let records = bench.rows(&staged);
    let records = arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(
        records.column_by_name("_record").unwrap().as_ref(),
    )
    .values()
    .to_vec();
    assert!([101, 201, 301, 401, 20_001].iter().all(|bad| !records.contains(bad)));
    let named = |name: &str| {
        let folder = bench.folder.path().join("quarantine/x");
        let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
        let bytes = bytes::Bytes::from(std::fs::read(file).unwrap());
        store::part::decode(bytes).unwrap().column_by_name(name).unwrap().clone()
    };
    let places = named("record");
    let places = arrow::array::AsArray::as_primitive::<arrow::datatypes::UInt64Type>(places.as_ref()).values().to_vec();
    assert_eq!(places, [101, 201, 301, 401, 20_001]);
    let raw = named("raw");
    let raw = arrow::array::AsArray::as_string::<i32>(raw.as_ref());
    assert_eq!((raw.value(0), raw.value(1), raw.value(4)), ("13012006", "many", "(masked)"));
    assert_eq!(19_999 % 7, 0, "the last is a person's");
}

#[test]
fn of_a_persons_row_quarantine_shows_nothing_whatever_is_wrong_in_it() {
    let spoiled = |number: usize, changes: &[(usize, &str)]| {
        let line = row(number);
        let mut cells: Vec<&str> = line.trim_end().split('\t').collect();
        for (cell, with) in changes {
            cells[*cell] = with;
        }
        cells.join("\t") + "\n"
    };
    let name = "JANE DOE";
    // A person's row (of every seventh), a shop's, one whose cells have shifted, and one at fault in two groups.
    let text = file(10_000)
        + &spoiled(10_003, &[(5, name)])
        + &spoiled(10_003, &[(6, name)])
        + &spoiled(10_004, &[(5, "a day")])
        + &spoiled(10_004, &[(6, "a form")])
        + &spoiled(10_004, &[(3, name), (5, "a day")])
        + &spoiled(10_004, &[(4, name), (3, "PRACTITIONER"), (1, "many")]);
    let bench = Bench::new(PIPELINE);
    let staged = bench.stage(text, 2).unwrap();
    assert_eq!((10_003 % 7, staged.slices[0].counts.rejected), (0, 6));
    let folder = bench.folder.path().join("quarantine/x");
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let rows = store::part::decode(bytes::Bytes::from(std::fs::read(file).unwrap())).unwrap();
    let raw = arrow::array::AsArray::as_string::<i32>(rows.column_by_name("raw").unwrap().as_ref());
    let raw: Vec<&str> = raw.iter().flatten().collect();
    assert_eq!(raw, ["(masked)", "(masked)", "a day", "a form", "(masked)", "(masked)"]);
    let rows = bench.rows(&staged);
    let activities = arrow::array::AsArray::as_string::<i32>(rows.column_by_name("activity").unwrap().as_ref());
    assert!(activities.iter().flatten().all(|activity| ["CHAIN PHARMACY", "PRACTITIONER"].contains(&activity)));
}

#[test]
fn blank_lines_may_only_end_a_file() {
    let bench = Bench::new(PIPELINE);
    let staged = bench.stage(file(2000) + "\n\r\n\n", 2).unwrap();
    assert_eq!((staged.slices[0].counts.read, staged.slices[0].counts.rejected), (2000, 0));
    let staged = bench.stage(file(2000) + "\n\n" + &row(2000), 2).unwrap();
    assert_eq!((staged.slices[0].counts.read, staged.slices[0].counts.rejected), (2003, 2));
}

#[test]
fn too_many_bad_rows_commit_nothing() {
    let text = file(1000) + &"B1\t2\n".repeat(2);
    let error = Bench::new(PIPELINE).stage(text.as_str(), 2).unwrap_err();
    assert_eq!(error.kind(), Kind::CheckFailed);
    assert!(error.to_string().contains("2 of 1002 rows broke a rule, and 1 may"), "{error}");
    assert!(error.to_string().contains("2 cells where the header has 8"), "{error}");
}

#[test]
fn a_file_that_is_cut_or_damaged_is_named() {
    let text = file(2000);
    let cut = &text[..text.len() - 20];
    let error = Bench::new(PIPELINE).stage(cut, 2).unwrap_err();
    assert_eq!(error.kind(), Kind::NotData);
    assert!(error.to_string().contains("line 2001 has"), "{error}");

    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, file(40_000).as_bytes()).unwrap();
    let whole = gz.finish().unwrap();
    assert!(Bench::new(PIPELINE).stage(whole.clone(), 2).is_ok());
    let mut broken = whole.clone();
    broken[whole.len() / 2] ^= 0x55;
    for bytes in [whole[..whole.len() / 2].to_vec(), broken] {
        let error = Bench::new(PIPELINE).stage(bytes, 2).unwrap_err();
        assert_eq!(error.kind(), Kind::NotData, "{error}");
    }
}

#[test]
fn a_key_that_comes_twice_is_counted() {
    let text = file(1000) + &row(7) + &row(8);
    let error = Bench::new(PIPELINE).stage(text.as_str(), 2).unwrap_err();
    assert!(error.to_string().contains("2 rows have the key"), "{error}");
}

#[test]
fn a_text_of_two_encodings_is_refused_and_latin1_is_read() {
    let (accented, latin1) =
        (row(1).replace("B0", "Bé"), b"B\xe9\t1\tT-1\tCHAIN PHARMACY\t1000\t01012006\tnull\t1.5\n");
    let bench = Bench::new(PIPELINE);
    let mut bytes = HEADER.as_bytes().to_vec();
    bytes.extend_from_slice(latin1);
    let rows = bench.rows(&bench.stage(bytes.clone(), 1).unwrap());
    let buyers = arrow::array::AsArray::as_string::<i32>(rows.column_by_name("buyer").unwrap().as_ref());
    assert_eq!(buyers.value(0), "Bé");
    // Far enough apart to stand in different chunks.
    let mut mixed = file(30_000).into_bytes();
    mixed.extend_from_slice(latin1);
    let mut begin = HEADER.as_bytes().to_vec();
    begin.extend_from_slice(accented.as_bytes());
    begin.extend_from_slice(&mixed[HEADER.len()..]);
    let error = Bench::new(PIPELINE).stage(begin, 2).unwrap_err();
    assert_eq!(error.kind(), Kind::NotData, "{error}");
}

#[test]
fn columns_that_are_made_of_two_groups_are_named() {
    let pipeline = PIPELINE.replace("['UNITS', 'STRENGTH']", "['UNITS'], ['STRENGTH']");
    let error = Bench::new(&pipeline).stage(file(10), 1).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().contains("`mass` is made of `units` and `strength`"), "{error}");
    let pipeline = PIPELINE.replace("['BUYER', 'ACT', 'ZIP']", "['BUYER'], ['ACT', 'ZIP']");
    let error = Bench::new(&pipeline).stage(file(10), 1).unwrap_err();
    assert!(error.to_string().contains("[mask]"), "{error}");
}
