//! Who acts, and what must hold however it went.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use model::{Digest, Kind, Release, Result};

use super::promised::{Attempt, Promised, read_whole};
use super::weather::{Dice, Flaw, Weather};
use super::world::{Died, ROOT, SimDisk, Troubles, World};
use crate::archive::{Archive, Exchange};
use crate::commit::{Capture, Counts, Outcome, Slice, Staged};
use crate::erasure::Erasure;
use crate::file::{Disk as _, DiskFiles};
use crate::gc::Rules;
use crate::hold;
use crate::part::Part;
use crate::{Origin, Warehouse};

/// What a play came to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Seen {
    pub commits: u64,
    pub lost_races: u64,
    pub reads: u64,
    pub pins: u64,
    pub removed: u64,
    pub erasures: u64,
    pub repairs: u64,
    pub troubles: Troubles,
}

impl Seen {
    pub fn add(&mut self, other: &Seen) {
        self.commits += other.commits;
        self.lost_races += other.lost_races;
        self.reads += other.reads;
        self.pins += other.pins;
        self.removed += other.removed;
        self.erasures += other.erasures;
        self.repairs += other.repairs;
        let (troubles, more) = (&mut self.troubles, other.troubles);
        troubles.failures += more.failures;
        troubles.kills += more.kills;
        troubles.crashes += more.crashes;
        troubles.fillings += more.fillings;
        troubles.refused += more.refused;
    }
}

/// Opens the warehouse on a disk, as a process does.
pub fn open(disk: SimDisk, flaw: Flaw) -> Result<Warehouse> {
    let mut files = DiskFiles::on(disk);
    files.trusting = flaw == Flaw::Trusting;
    files.unsettled = flaw == Flaw::Unsettled;
    let mut warehouse = Warehouse::make(Arc::new(files), Path::new(ROOT), Origin::Replica, Timestamp::UNIX_EPOCH)?;
    warehouse.tells_late = flaw == Flaw::TellsLate;
    warehouse.blind = flaw == Flaw::Blind;
    Ok(warehouse)
}

/// One actor's life.
pub type Act = fn(&Cast, SimDisk, Dice) -> Result<()>;

/// What actors share.
pub struct Cast {
    flaw: Flaw,
    pub world: World,
    promised: Mutex<Promised>,
}

impl Cast {
    pub fn new(seed: u64, flaw: Flaw) -> Self {
        Self { flaw, world: World::new(seed, flaw), promised: Mutex::default() }
    }

    /// Others in the same state, on a machine of their own.
    pub fn fork(&self, seed: u64) -> Self {
        let promised = self.promised(|promised| promised.clone());
        Self { flaw: self.flaw, world: self.world.fork(seed), promised: Mutex::new(promised) }
    }

    /// What it came to.
    pub fn seen(&self) -> Seen {
        let troubles = self.world.troubles();
        self.promised(|promised| Seen {
            commits: promised.commits.len() as u64,
            lost_races: promised.lost_races,
            reads: promised.reads,
            pins: promised.pinned,
            removed: promised.removed,
            erasures: promised.erased.len() as u64,
            repairs: promised.repairs,
            troubles,
        })
    }

    /// Wants every promise to be kept. Nobody else may be at work: they are all kept waiting for it.
    fn kept(&self, warehouse: &Warehouse, unfinished: bool) -> Result<()> {
        self.promised(|promised| promised.kept(warehouse, unfinished))
    }

    pub fn promised<T>(&self, tell: impl FnOnce(&mut Promised) -> T) -> T {
        tell(&mut self.promised.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A staged change of one slice; some of its bytes are what rivals stage too.
fn stage(
    warehouse: &Warehouse,
    staging: &SimDisk,
    attempt: &str,
    (dataset, slice, content): (&str, &str, &str),
) -> Result<Staged> {
    let io = |cause: std::io::Error| model::Error::new(Kind::Io, "cannot stage").caused_by(cause);
    let release: Release = "r".parse()?;
    let sha256 = Digest::of(content);
    let path = format!("tables/{dataset}/release=r/{sha256}.parquet");
    warehouse.files().create(&path, content.to_owned().into())?;
    // A download: written and synced under a name of its own, then taken in.
    let body = format!("body of {content}");
    let local = staging.stage(body.as_bytes()).map_err(io)?;
    staging.sync(&local).map_err(io)?;
    let body = Digest::of(body);
    warehouse.files().adopt(&Path::new(ROOT).join(local), &Archive::path(&body))?;
    let exchange = Exchange {
        format: Exchange::FORMAT,
        id: format!("x-{dataset}-{slice}-{}", &sha256.as_str()[..8]),
        url: format!("https://publisher.example/{slice}"),
        via: "replica".to_owned(),
        method: "GET".to_owned(),
        body: None,
        sent: Vec::new(),
        status: 200,
        headers: Vec::new(),
        started: Timestamp::UNIX_EPOCH,
        finished: Timestamp::UNIX_EPOCH,
        attempts: 1,
        digest: Some(body.clone()),
        bytes: content.len() as u64,
        refused: None,
    };
    let archive = warehouse.archive();
    archive.record(&exchange)?;
    let receipt = archive.receipt_digest(&exchange.id)?;
    Ok(Staged {
        dataset: dataset.parse()?,
        pipeline: Digest::of("p"),
        tables: Vec::new(),
        slices: vec![Slice {
            release,
            name: slice.to_owned(),
            grade: "publisher".to_owned(),
            note: String::new(),
            url: attempt.to_owned(),
            captures: vec![Capture { sha256: body, exchange: exchange.id, receipt, url: exchange.url, erased: None }],
            since: None,
            counts: Counts::default(),
            coverage: Vec::new(),
            parts: vec![Part {
                table: dataset.to_owned(),
                path,
                sha256,
                content: None,
                bytes: content.len() as u64,
                rows: 1,
                year: None,
            }],
            pipeline: Digest::of("p"),
            program: "test".to_owned(),
        }],
        superseded: Vec::new(),
        base: warehouse.head()?.and_then(|head| head.datasets.get(&dataset.parse().ok()?).cloned()),
        certificates: Vec::new(),
    })
}

/// Stages and commits one slice, and writes down what was promised.
pub fn run(
    cast: &Cast,
    warehouse: &Warehouse,
    staging: &SimDisk,
    attempt: &str,
    what: (&str, &str, &str),
) -> Result<Outcome> {
    let change = stage(warehouse, staging, attempt, what)?;
    let made = &change.slices[0];
    let known = change.base.as_ref().map(|base| warehouse.manifest(base)).transpose()?;
    let known = known.and_then(|known| known.slices.into_iter().find(|slice| slice.name == made.name));
    let erasable = made.parts.iter().map(|part| part.path.clone());
    let attempted = Attempt {
        key: (change.dataset.clone(), made.name.clone()),
        parts: made.parts.clone(),
        base: known.map(|slice| slice.url),
        erasable: erasable.chain([Archive::path(&made.captures[0].sha256)]).collect(),
    };
    cast.promised(|promised| promised.attempts.insert(attempt.to_owned(), attempted));
    let outcome = warehouse.commit(&[change], "test", Timestamp::UNIX_EPOCH);
    match &outcome {
        Ok(Outcome::Committed(snapshot)) => {
            let digest = Digest::of(crate::warehouse::seal(snapshot)?);
            cast.promised(|promised| {
                if promised.commits.insert(snapshot.number, digest).is_some() {
                    promised.broken.push(format!("snapshot {} was committed twice", snapshot.number));
                }
                promised.told.push((snapshot.number, attempt.to_owned()));
            });
        }
        Ok(Outcome::Unchanged(Some(head))) => {
            cast.promised(|promised| promised.told.push((head.number, attempt.to_owned())));
        }
        Ok(Outcome::Unchanged(None)) => {
            cast.promised(|promised| promised.broken.push(format!("{attempt} was in a warehouse without snapshots")));
        }
        Err(error) if error.kind() == Kind::LostRace => cast.promised(|promised| promised.lost_races += 1),
        Err(_) => {}
    }
    outcome
}

/// A run: stages and commits a few times. Some slices are written by several, with bytes that they have in common.
fn write(cast: &Cast, disk: SimDisk, mut dice: Dice) -> Result<()> {
    let actor = disk.actor();
    let staging = disk.another();
    let mut warehouse = open(disk, cast.flaw)?;
    warehouse.writing = Some(hold::writing(warehouse.files(), 0)?);
    for round in 0..=dice.below(3) {
        let own = format!("s{actor}-{round}");
        let (dataset, slice, content) = match dice.below(3) {
            0 => ("own", own.as_str(), format!("{actor} {round}")),
            1 => ("shared", own.as_str(), format!("the same {round}")),
            _ => ("shared", "contested", format!("take {}", dice.below(3))),
        };
        match run(cast, &warehouse, &staging, &format!("run {actor}-{round}"), (dataset, slice, &content)) {
            Err(error) if !matches!(error.kind(), Kind::Io | Kind::LostRace) => {
                return Err(error.while_doing("a commit"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Reads a snapshot, file by file; every one must be what it was committed as.
fn read(cast: &Cast, disk: SimDisk, mut dice: Dice) -> Result<()> {
    let warehouse = open(disk, cast.flaw)?;
    for _ in 0..=dice.below(3) {
        let numbers = warehouse.numbers()?;
        let at = match dice.below(2) {
            _ if numbers.is_empty() => continue,
            0 => None,
            _ => Some(numbers[dice.below(numbers.len())].to_string()),
        };
        let reading = match warehouse.resolve(at.as_deref()) {
            Ok(reading) => reading,
            // It went, or is going.
            Err(error) if error.to_string().contains("was removed") || error.kind() == Kind::Io => continue,
            Err(error) => return Err(error.while_doing("a reader that opens a snapshot")),
        };
        let whole = read_whole(&warehouse, reading.datasets.values());
        match whole {
            Ok(()) => cast.promised(|promised| promised.reads += 1),
            Err(error) if error.kind() == Kind::Io => {}
            Err(error) => return Err(error.while_doing(format!("a reader of snapshot {}", reading.number))),
        }
    }
    Ok(())
}

/// Pins a snapshot, and takes some pins away.
fn pin(cast: &Cast, disk: SimDisk, mut dice: Dice) -> Result<()> {
    let actor = disk.actor();
    let warehouse = open(disk, cast.flaw)?;
    for round in 0..2 {
        let numbers = warehouse.numbers()?;
        if numbers.is_empty() {
            continue;
        }
        let number = numbers[dice.below(numbers.len())];
        let name = format!("p{actor}-{round}");
        match warehouse.add_pin(&name, number, Timestamp::UNIX_EPOCH) {
            Ok(pin) => cast.promised(|promised| {
                promised.pinned += 1;
                promised.pins.insert(name.clone(), (number, pin.sha256));
            }),
            Err(error) if matches!(error.kind(), Kind::Io | Kind::LostRace | Kind::Usage) => continue,
            Err(error) => return Err(error.while_doing("a pin")),
        }
        if dice.once_in(3) {
            cast.promised(|promised| promised.pins.remove(&name));
            match warehouse.remove_pin(&name) {
                Err(error) if !matches!(error.kind(), Kind::Io | Kind::LostRace) => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

const RULES: Rules = Rules { newest: Some(2), days: None, captures_days: Some(0) };

/// Collects garbage.
fn collect(cast: &Cast, disk: SimDisk, mut dice: Dice) -> Result<()> {
    let warehouse = open(disk, cast.flaw)?;
    for _ in 0..3 {
        let rules = Rules { newest: Some(1 + dice.below(3)), captures_days: dice.once_in(2).then_some(0), ..RULES };
        match warehouse.gc(&rules, true, Timestamp::UNIX_EPOCH) {
            Err(error) if error.kind() != Kind::Io => return Err(error.while_doing("a collection")),
            _ => {}
        }
    }
    Ok(())
}

/// Erases one slice, with what it was made from, from every snapshot. Only slices that nobody makes again: a publisher who still
/// has what was erased is refused before anything is staged, above this layer.
pub fn erase(cast: &Cast, disk: SimDisk, mut dice: Dice) -> Result<()> {
    let warehouse = open(disk, cast.flaw)?;
    // Whoever erases waits for the runs.
    let mut tries = (0..60).map(|_| warehouse.erasing());
    let Some(erasing) = tries.find_map(Result::ok) else { return Ok(()) };
    erasing.clear()?;
    let named = erasing.named()?;
    let slices = named.iter().flat_map(|one| &one.manifest.slices);
    let mut whole: Vec<&str> = slices
        .filter(|slice| slice.url.starts_with("run ") && !slice.parts.is_empty())
        .map(|slice| slice.url.as_str())
        .filter(|url| cast.promised(|promised| promised.attempts[*url].key.0.as_str() == "own"))
        .collect();
    whole.sort_unstable();
    whole.dedup();
    if whole.is_empty() {
        return Ok(());
    }
    let url = whole[dice.below(whole.len())];
    let mut erasure = Erasure {
        format: crate::FORMAT,
        number: erasing.number()?,
        dataset: "own".parse()?,
        reason: "withdrawn".to_owned(),
        erased: Timestamp::UNIX_EPOCH,
        program: "test".to_owned(),
        rows: [("own".to_owned(), 1)].into(),
        manifests: Default::default(),
        captures: Default::default(),
        parts: Default::default(),
    };
    let mut snapshots = std::collections::BTreeSet::new();
    for one in &named {
        let mut left = one.manifest.clone();
        let Some(slice) = left.slices.iter_mut().find(|slice| slice.url == url) else { continue };
        erasure.parts.extend(slice.parts.drain(..).map(|part| part.path));
        for capture in &mut slice.captures {
            capture.erased = Some(erasure.number);
            erasure.captures.insert(capture.sha256.clone());
        }
        let put = erasing.put(&left)?;
        let standing = warehouse.standing(&one.digest)?;
        let replaced = [one.digest.clone(), standing].into_iter().filter(|old| *old != put);
        erasure.manifests.extend(replaced.map(|old| (old, put.clone())));
        snapshots.extend(&one.snapshots);
    }
    cast.promised(|promised| promised.erasing.insert(url.to_owned()));
    erasing.apply(&erasure, &snapshots)?;
    cast.promised(|promised| promised.erased.insert(url.to_owned()));
    Ok(())
}

/// Puts a file of the newest snapshot in the place of itself, as `verify --repair` does where it is damaged.
pub fn repair(cast: &Cast, disk: SimDisk, mut dice: Dice) -> Result<()> {
    let staging = disk.another();
    let mut warehouse = open(disk, cast.flaw)?;
    warehouse.writing = Some(hold::writing(warehouse.files(), 0)?);
    let Some(head) = warehouse.head()? else { return Ok(()) };
    let mut paths = Vec::new();
    for digest in head.datasets.values() {
        paths.extend(warehouse.manifest(digest)?.files().map(|(path, ..)| path));
    }
    if paths.is_empty() {
        return Ok(());
    }
    let path = &paths[dice.below(paths.len())];
    let Some(bytes) = warehouse.files().read(path)? else { return Ok(()) };
    put_right(&warehouse, &staging, path, &bytes)?;
    cast.promised(|promised| promised.repairs += 1);
    Ok(())
}

/// Repairs a file with these bytes.
pub fn put_right(warehouse: &Warehouse, staging: &SimDisk, path: &str, bytes: &[u8]) -> Result<()> {
    let staged = staging.stage(bytes);
    let staged = staged.map_err(|cause| model::Error::new(Kind::Io, "cannot stage").caused_by(cause))?;
    warehouse.files().repair(&Path::new(ROOT).join(staged), path)
}

/// Plays one seed; says what was broken, with the last calls before.
pub fn play(seed: u64, flaw: Flaw) -> Result<Seen, String> {
    let cast = Cast::new(seed, flaw);
    let mut dice = Dice::new(seed ^ 0x5eed);
    for _ in 0..1 + dice.below(3) {
        let rough = Weather { fail: 120, kill: 250, crash: 700, sleep: 150, full: 600 };
        let calm = Weather { sleep: 60, ..Weather::default() };
        let weather = [rough, rough, calm][dice.below(3)];
        let mut acts: Vec<Act> = vec![write, write, write, read, read, pin, collect];
        if dice.once_in(3) {
            // Few write, so that who erases finds a moment in which nobody does.
            acts = vec![write, read, read, pin, collect, erase, erase];
        }
        for more in [collect, erase, repair] {
            acts.extend(dice.once_in(2).then_some(more));
        }
        act(&cast, &acts, weather, &mut dice);
        after(&cast, dice.once_in(2))?;
    }
    Ok(cast.seen())
}

/// Lets actors act until each is done or dead.
pub fn act(cast: &Cast, acts: &[Act], weather: Weather, dice: &mut Dice) {
    let disks = cast.world.actors(acts.len(), weather);
    std::thread::scope(|scope| {
        for (act, disk) in acts.iter().zip(disks) {
            let dice = Dice::new(dice.below(usize::MAX) as u64);
            scope.spawn(move || {
                let actor = disk.actor();
                match catch_unwind(AssertUnwindSafe(|| act(cast, disk, dice))) {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) if matches!(error.kind(), Kind::Io | Kind::LostRace) => {}
                    Ok(Err(error)) => cast.promised(|promised| promised.broken.push(format!("actor {actor}: {error}"))),
                    Err(payload) if payload.is::<Died>() => return,
                    Err(_) => cast.promised(|promised| promised.broken.push(format!("actor {actor} panicked"))),
                }
                SimDisk::done(&cast.world, actor);
            });
        }
    });
}

/// What must hold once all are done or dead: looked at as those see it who come next, after a crash or without.
pub fn after(cast: &Cast, crash: bool) -> Result<(), String> {
    if crash {
        cast.world.crash();
    }
    let disk = cast.world.actors(1, Weather::default()).remove(0);
    let (actor, staging) = (disk.actor(), disk.another());
    let checked = check(cast, disk, &staging);
    SimDisk::done(&cast.world, actor);
    match checked {
        Ok(()) => Ok(()),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            Err(format!("{error}: {cause:?}\n{}", cast.world.trace()))
        }
    }
}

fn check(cast: &Cast, disk: SimDisk, staging: &SimDisk) -> Result<()> {
    let actor = disk.actor();
    let broken = |why: String| model::Error::new(Kind::Damaged, why);
    if let Some(why) = cast.promised(|promised| promised.broken.first().cloned()) {
        return Err(broken(why));
    }
    let warehouse = open(disk, cast.flaw)?;
    cast.promised(|promised| promised.follow(&cast.world))?;
    cast.kept(&warehouse, true)?;
    // Whoever died stands in nobody's way.
    let name = format!("after {actor}");
    let Outcome::Committed(_) = run(cast, &warehouse, staging, &name, ("own", &name, &name))? else {
        return Err(broken("a commit after all committed nothing".to_owned()));
    };
    cast.promised(|promised| promised.follow(&cast.world))?;
    if let Some(why) = cast.promised(|promised| promised.broken.first().cloned()) {
        return Err(broken(why));
    }
    let report = warehouse.gc(&RULES, true, Timestamp::UNIX_EPOCH)?;
    if !report.applied || report.at_work || !report.read.is_empty() {
        return Err(broken(format!("the dead stand in the way of a collection: {report:?}")));
    }
    cast.kept(&warehouse, false)?;
    let again = warehouse.gc(&RULES, true, Timestamp::UNIX_EPOCH)?;
    if !again.files.is_empty() || !again.snapshots.is_empty() {
        return Err(broken(format!("a collection left garbage: {again:?}")));
    }
    cast.promised(|promised| promised.removed = warehouse.history().map_or(0, |history| history.gone.len() as u64));
    Ok(())
}
