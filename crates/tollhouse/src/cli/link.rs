//! `link`: deaths within 60 days of a prescription, from files that the operator holds; aggregates come out, and stay below
//! `restricted/`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use linkage::declare::{Authority, DUTIES, Declaration, PrescriberRule};
use linkage::read::Group;
use linkage::synthetic::{self, Plan};
use linkage::{Files, LEAST, LeftOut, Outcome};
use model::{Digest, Error, Kind, Result, ResultExt as _};
use serde::{Deserialize, Serialize};
use store::{Origin, Warehouse};

use super::Context;
use crate::config::{VERSION, linkage_key, now};
use crate::output::{grouped, print_json, save, say, table, to_json};

/// The version of what is written.
const FORMAT: u32 = 1;

#[derive(Subcommand)]
pub enum Command {
    /// Link the files that a declaration names, and keep the aggregates below restricted/ of the warehouse
    Run(Run),
    /// What the law asks of whoever links records of persons
    Duties,
    /// Make two files about people who never were, with a declaration, to try it with
    Invent(Invent),
}

/// Reads both files where they lie, links them by keyed hashes, attributes deaths to prescriptions, and writes counts of at
/// least eleven. No name, date of birth or hash is written or shown. The key comes from TOLLHOUSE_LINKAGE_KEY, or from the
/// file that TOLLHOUSE_LINKAGE_KEY_FILE names. docs/linkage.md has the definitions.
#[derive(Args)]
pub struct Run {
    /// The declaration: whose authority, which files and columns, which definitions
    #[arg(value_name = "DECLARATION.toml")]
    declaration: PathBuf,
}

/// Writes dispensing.csv, deaths.csv, linkage.toml, linkage.key, tollhouse.toml and truth.json.
#[derive(Args)]
pub struct Invent {
    /// Where to; it must not have such files yet
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Which people: the same seed makes the same
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many people
    #[arg(long, default_value_t = 30_000)]
    people: u32,
    /// How many overdose deaths
    #[arg(long, default_value_t = 2_000)]
    deaths: u32,
}

impl Command {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        match self {
            Self::Run(command) => command.run(context),
            Self::Duties => duties(context),
            Self::Invent(command) => command.run(),
        }
    }
}

fn duties(context: &Context) -> Result<ExitCode> {
    if context.json() {
        print_json(&DUTIES)?;
        return Ok(ExitCode::SUCCESS);
    }
    for (name, duty) in DUTIES {
        say(&format!("{name}: {duty}\n"));
    }
    say("This is no legal advice. The declaration asks for a sentence on each, which is kept with the results; \
         accept_terms = [\"person-level\"] in tollhouse.toml says that you meet them.");
    Ok(ExitCode::SUCCESS)
}

/// The file with what is kept beside the counts.
const ACCOUNT: &str = "linkage.json";

/// What is kept beside the counts: how they came about, on whose authority, and what must not be done with them.
#[derive(Serialize)]
struct Account<'a> {
    format: u32,
    program: &'static str,
    authority: &'a Authority,
    first_day: String,
    last_day: String,
    days: u16,
    link_at: f64,
    review_at: f64,
    prescriber_rule: PrescriberRule,
    least_count: i64,
    cells: usize,
    withheld: usize,
    left_out: LeftOut,
    bits: &'a [(&'static str, Vec<f64>)],
    controls: &'a [linkage::Control],
    note: &'static str,
}

const NOTE: &str = "Counts of linked records, not of causes: a death within so many days of a prescription is no evidence that the \
    prescription, or whoever wrote it, brought it about. Counts below eleven, and others from which they would follow, are \
    withheld. Release the tables of one run only: two runs over the same deaths together can give away what each withholds.";

impl Run {
    fn run(self, context: &Context) -> Result<ExitCode> {
        let config = context.config()?;
        config.check_person_level()?;
        let path = &self.declaration;
        let text = std::fs::read_to_string(path).or_error(Kind::Usage, format!("cannot read {}", path.display()))?;
        let declared = Declaration::parse(&text).map_err(|error| error.while_doing(path.display()))?;
        let key = linkage_key()?;
        no_core_dump()?;
        // Everything is looked at before a warehouse is touched or made.
        let folder = path.parent().unwrap_or(Path::new("."));
        let open = |file: &Path| {
            let file = folder.join(file);
            File::open(&file).or_error(Kind::Usage, format!("cannot read {}", file.display()))
        };
        let files = Files {
            deaths: open(&declared.deaths.file)?,
            dispensing: open(&declared.dispensing.file)?,
            ndc_drugs: declared.dispensing.ndc_drugs.as_deref().map(open).transpose()?,
        };
        let progress = context.progress();
        let outcome = linkage::run(&declared, &key, files, &|step| progress.now(step));
        progress.finish();
        let outcome = outcome?;
        if outcome.tables.is_empty() {
            return Err(Error::new(
                Kind::CheckFailed,
                format!("there are fewer than {LEAST} deaths in the study's days"),
            )
            .hint("nothing can be shown of so few; see whether `study.first_day` and `last_day` are right"));
        }

        let withheld = outcome.tables.iter().filter(|cell| cell.deaths.is_none()).count();
        let study = &declared.study;
        let account = Account {
            format: FORMAT,
            program: VERSION,
            authority: &declared.authority,
            first_day: study.first_day.to_string(),
            last_day: study.last_day.to_string(),
            days: study.days,
            link_at: study.link_at,
            review_at: study.review_at,
            prescriber_rule: study.prescriber_rule,
            least_count: LEAST,
            cells: outcome.tables.len(),
            withheld,
            left_out: outcome.left_out,
            bits: &outcome.bits,
            controls: &outcome.controls,
            note: NOTE,
        };
        let (csv, json) = (csv_of(&outcome), to_json(&account)?);
        let digest = Digest::of(format!("{csv}{json}"));
        let name = &digest.as_str()[..16];
        let warehouse = Warehouse::open_or_create(context.root(), Origin::Live, now())?;
        refuse_another(&warehouse, name, &account)?;
        let kept = warehouse.keep_linkage(name, &[("deaths.csv", csv.as_bytes()), (ACCOUNT, json.as_bytes())])?;
        if context.json() {
            print_json(&account)?;
            return Ok(ExitCode::SUCCESS);
        }
        let controls = outcome.controls.iter().map(|control| {
            let excess = match &control.excess {
                Some(excess) => format!("{} ({} to {})", excess.points, excess.low, excess.high),
                None => "too few persons".to_owned(),
            };
            vec![control.what.to_owned(), excess, if control.negative { "zero" } else { "" }.to_owned()]
        });
        say(&table(&["exposed more often than earlier", "points of 100 persons", "should include"], controls));
        let LeftOut { dispensing, deaths, deaths_on_other_days } = outcome.left_out;
        let left_out = [
            (dispensing, "rows of the dispensing file without a day or supply that can be read"),
            (deaths, "deaths without a day that can be read"),
            (deaths_on_other_days, "deaths on other days than the study's"),
        ];
        for (count, what) in left_out.into_iter().filter_map(|(count, what)| Some((count?, what))) {
            say(&format!("Left out: {} {what}.", grouped(count)));
        }
        let shown = outcome.tables.len() - withheld;
        say(&format!("{shown} counts, {withheld} withheld: {}", kept.display()));
        say(NOTE);
        Ok(ExitCode::SUCCESS)
    }
}

/// The days that an earlier account is of.
#[derive(Deserialize)]
struct Days {
    first_day: String,
    last_day: String,
}

/// Refuses a second, other result over any of the same days: what one withholds is often the difference of the two.
fn refuse_another(warehouse: &Warehouse, name: &str, account: &Account<'_>) -> Result<()> {
    for (folder, bytes) in warehouse.linkages(ACCOUNT)? {
        // One that cannot be read is taken for one of the same days.
        let apart = serde_json::from_slice::<Days>(&bytes)
            .is_ok_and(|days| days.last_day < account.first_day || days.first_day > account.last_day);
        if !apart && !folder.ends_with(name) {
            let message = format!("{} has another result over the same days", folder.display());
            return Err(Error::new(Kind::CheckFailed, message).hint(
                "of two results over the same deaths the difference can be a count that each withholds. If nobody was shown that \
                 one, remove its folder, and run this again",
            ));
        }
    }
    Ok(())
}

/// Has the system write nothing of our memory to the disk, should we crash.
fn no_core_dump() -> Result<()> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        setrlimit(Resource::Core, none)
            .or_error(Kind::Io, "cannot forbid the system to write our memory to the disk")?;
    }
    Ok(())
}

/// The counts as CSV, by a status that tells withheld ones from zeros.
fn csv_of(outcome: &Outcome) -> String {
    let mut text = "table,value,group,window,deaths,deaths_status\n".to_owned();
    for cell in &outcome.tables {
        let (deaths, status) = match cell.deaths {
            Some(deaths) => (deaths.to_string(), "reported"),
            None => (String::new(), "suppressed"),
        };
        // A county is written as in the operator's file.
        let value = cell.value.replace('"', "\"\"");
        let _to_a_string =
            writeln!(text, "{},\"{value}\",{},{},{deaths},{status}", cell.table, cell.group, cell.window);
    }
    text
}

/// How many deaths there are in truth, by what is named and how they lie.
#[derive(Serialize)]
struct Truth {
    group: &'static str,
    window: &'static str,
    deaths: usize,
}

impl Invent {
    fn run(self) -> Result<ExitCode> {
        if self.deaths > self.people / 4 {
            return Err(Error::new(Kind::Usage, "more than a quarter of the people would die")
                .hint("give --people four times as many as --deaths, or more"));
        }
        let plan =
            Plan { seed: self.seed, people: self.people as usize, deaths: self.deaths as usize, ..Plan::default() };
        let key = || -> Result<String> {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).or_error(Kind::Io, "the system gives no random numbers")?;
            Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
        };
        let people = synthetic::population(&plan);
        let mut truth: Vec<Truth> = Vec::new();
        for group in Group::ALL {
            let windows: BTreeSet<_> = people.dead.iter().map(|dead| dead.window).collect();
            for window in windows {
                let counted = people.dead.iter().filter(|dead| dead.group == group && dead.window == window);
                truth.push(Truth { group: group.as_str(), window: window.as_str(), deaths: counted.count() });
            }
        }
        let config = "# People who never were are held lawfully by anyone.\naccept_terms = [\"person-level\"]\n";
        let files = [
            ("dispensing.csv", people.dispensing),
            ("deaths.csv", people.deaths),
            ("linkage.toml", synthetic::DECLARATION.to_owned()),
            ("linkage.key", key()?),
            ("tollhouse.toml", config.to_owned()),
            ("truth.json", to_json(&truth)?),
        ];
        if let Some((name, _)) = files.iter().find(|(name, _)| self.folder.join(name).exists()) {
            return Err(Error::new(Kind::Usage, format!("{} is there already", self.folder.join(name).display()))
                .hint("name a folder of its own"));
        }
        for (name, text) in &files {
            save(&self.folder.join(name), text.as_bytes())?;
        }
        let folder = self.folder.display();
        say(&format!(
            "Made {} people who never were in {folder}. Link them:\n  \
             TOLLHOUSE_LINKAGE_KEY_FILE={folder}/linkage.key tollhouse --config {folder}/tollhouse.toml --root {folder}/warehouse link run {folder}/linkage.toml",
            self.people
        ));
        Ok(ExitCode::SUCCESS)
    }
}
