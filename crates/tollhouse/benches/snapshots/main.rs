//! What a commit and a question cost where there are 10 snapshots, and where there are 10,000.
//!
//!     cargo bench --bench snapshots -- --snapshots 10000 --times 15
//!
//! Two warehouses hold the same newest snapshot, of several datasets as the replica prints them, and unlike many before it. Each
//! of these is like a real one: it holds every dataset with its slices, parts and captures, and another manifest of one of them;
//! one in a hundred is pinned. In both, in turn, the program imports a file that differs in one number, answers a question and
//! lists: so many times, and the median of each is printed.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a tool for measuring: it says what it does and stops where it cannot"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use jiff::Timestamp;
use store::commit::Staged;
use store::{Origin, Warehouse};

/// The dataset that is imported and asked about.
const ESTIMATES: &str = "fbi_estimated_offenses_state";

/// Those that change in the snapshots before.
const OTHERS: [&str; 7] = [
    "arcos_transactions",
    "cdc_drug_poisoning_state",
    "cdc_leading_causes_state",
    "cdc_opioid_deaths_state",
    "cdc_opioid_dispensing_state",
    "cdc_vsrr_state",
    "fbi_city_offenses",
];

/// Files below a folder, into another.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Commits so many snapshots of what was printed. Each but the first changes one dataset, and the last are the same however many
/// there were.
fn fill(printed: &Path, root: &Path, snapshots: u64) {
    for folder in ["tables", "raw", "exchanges", "declarations"] {
        copy(&printed.join(folder), &root.join(folder));
    }
    let from = Warehouse::open(printed).unwrap();
    let head = from.head().unwrap().unwrap();
    let staged = |name: &str, note: String| {
        let manifest = from.manifest(&head.datasets[&name.parse().unwrap()]).unwrap();
        let mut slices = manifest.slices;
        slices.iter_mut().for_each(|slice| slice.since = None);
        slices.last_mut().unwrap().note += &note;
        Staged {
            dataset: manifest.dataset,
            pipeline: manifest.pipeline,
            tables: manifest.tables,
            slices,
            superseded: Vec::new(),
            base: None,
            certificates: Vec::new(),
        }
    };
    let warehouse = Warehouse::open_or_create(root, Origin::Live, Timestamp::UNIX_EPOCH).unwrap();
    let all: Vec<Staged> = OTHERS.iter().chain(&[ESTIMATES]).map(|name| staged(name, String::new())).collect();
    warehouse.commit(&all, "bench", Timestamp::UNIX_EPOCH).unwrap();
    for number in 2..=snapshots {
        let left = snapshots - number;
        let name = OTHERS[usize::try_from(left).unwrap() % OTHERS.len()];
        let change = staged(name, format!(", {left} before the last"));
        warehouse.commit(&[change], "bench", Timestamp::UNIX_EPOCH).unwrap();
        if left % 100 == 1 {
            warehouse.add_pin(&format!("article-{number}"), number, Timestamp::UNIX_EPOCH).unwrap();
        }
    }
}

fn run(root: &Path, words: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_tollhouse")).args(["--quiet", "--root"]).arg(root).args(words).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The file with another number in its last row.
fn revised(text: &str, time: usize, path: &Path) {
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    let place = lines[0].split(',').position(|name| name == "larceny").unwrap();
    let last = lines.last_mut().unwrap();
    let mut cells: Vec<String> = last.split(',').map(ToOwned::to_owned).collect();
    cells[place] = (10_000 + time).to_string();
    *last = cells.join(",");
    std::fs::write(path, lines.join("\n") + "\n").unwrap();
}

fn main() {
    let (mut snapshots, mut times, mut bench) = (0_u64, 15_usize, false);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--snapshots" => snapshots = args.next().unwrap().parse().unwrap(),
            "--times" => times = args.next().unwrap().parse().unwrap(),
            _ => bench = true,
        }
    }
    if snapshots == 0 {
        println!("snapshots: nothing to measure without --snapshots N{}", if bench { "" } else { " (cargo bench)" });
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let roots: [(u64, PathBuf); 2] = [(10, folder.path().join("few")), (snapshots, folder.path().join("many"))];
    let printed = folder.path().join("printed");
    run(&printed, &[&["run", "--replica", ESTIMATES], &OTHERS[..]].concat());
    let sql = "select sha256 from meta.captures where dataset = 'fbi_estimated_offenses_state' order by sha256 limit 1";
    let digest = run(&printed, &["sql", "--format", "csv", sql]);
    let digest = digest.lines().nth(1).unwrap();
    let text = std::fs::read_to_string(printed.join("raw").join(&digest[..2]).join(digest)).unwrap();
    roots.iter().for_each(|(count, root)| fill(&printed, root, *count));
    let file = folder.path().join("estimated_crimes.csv");
    let question = "select year, sum(murder) from fbi_estimated_offenses_state group by 1 order by 1";
    let commands: [(&str, Vec<&str>); 3] = [
        ("import and commit", vec!["import", ESTIMATES, file.to_str().unwrap()]),
        ("sql on the newest", vec!["sql", question]),
        ("snapshot list", vec!["snapshot", "list"]),
    ];
    // The first import also makes the models over what is there; that is no question of how many snapshots there are.
    revised(&text, times, &file);
    roots.iter().for_each(|(_, root)| drop(run(root, &commands[0].1)));
    let mut took = vec![[Vec::new(), Vec::new()]; commands.len()];
    for time in 0..times {
        revised(&text, time, &file);
        for (place, (_, words)) in commands.iter().enumerate() {
            for (which, (_, root)) in roots.iter().enumerate() {
                let begun = Instant::now();
                run(root, words);
                took[place][which].push(begun.elapsed().as_secs_f64() * 1000.0);
            }
        }
    }
    for ((what, _), mut took) in commands.iter().zip(took) {
        let medians = [0, 1].map(|which: usize| {
            took[which].sort_by(f64::total_cmp);
            took[which][times / 2]
        });
        println!(
            "{what}: {:.0} ms with 10 snapshots, {:.0} ms with {snapshots}: {:.2}",
            medians[0],
            medians[1],
            medians[1] / medians[0]
        );
    }
}
