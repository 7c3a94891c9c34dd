//! What a commit and a question cost where there are 10 snapshots, and where there are 10,000.
//!
//!     cargo bench --bench snapshots -- --snapshots 10000 --times 15
//!
//! Two warehouses hold the same newest snapshot, of the states' estimated offenses as the replica prints them, and unlike many
//! before it. In both, in turn, the program imports a file that differs in one number, answers a question and lists: so many
//! times, and the median of each is printed.

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
use model::Digest;
use store::commit::Staged;
use store::{Origin, Warehouse};

/// Commits that change one small dataset.
fn fill(root: &Path, snapshots: u64) {
    let warehouse = Warehouse::open_or_create(root, Origin::Live, Timestamp::UNIX_EPOCH).unwrap();
    for number in 0..snapshots {
        let change = Staged {
            dataset: "padding".parse().unwrap(),
            pipeline: Digest::of(number.to_string()),
            tables: Vec::new(),
            slices: Vec::new(),
            superseded: Vec::new(),
            base: None,
            certificates: Vec::new(),
        };
        warehouse.commit(&[change], "bench", Timestamp::UNIX_EPOCH).unwrap();
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
    run(&printed, &["run", "--replica", "fbi_estimated_offenses_state"]);
    let sql = "select sha256 from meta.captures where dataset = 'fbi_estimated_offenses_state' limit 1";
    let digest = run(&printed, &["sql", "--format", "csv", sql]);
    let digest = digest.lines().nth(1).unwrap();
    let text = std::fs::read_to_string(printed.join("raw").join(&digest[..2]).join(digest)).unwrap();
    roots.iter().for_each(|(count, root)| fill(root, *count));
    let file = folder.path().join("estimated_crimes.csv");
    let question = "select year, sum(murder) from fbi_estimated_offenses_state group by 1 order by 1";
    let commands: [(&str, Vec<&str>); 3] = [
        ("import and commit", vec!["import", "fbi_estimated_offenses_state", file.to_str().unwrap()]),
        ("sql on the newest", vec!["sql", question]),
        ("snapshot list", vec!["snapshot", "list"]),
    ];
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
