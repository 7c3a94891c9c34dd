//! Who acts, and what must hold however it went.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use model::{DatasetId, Digest, Kind, Release, Result};

use super::world::{Dice, Died, Flaw, ROOT, SimDisk, Weather, World};
use crate::archive::{Archive, Exchange};
use crate::commit::{Capture, Counts, Outcome, Slice, Staged};
use crate::file::{Disk as _, DiskFiles, digest_of};
use crate::gc::Rules;
use crate::hold;
use crate::part::Part;
use crate::{Origin, Warehouse};

/// What a play came to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Seen {
    pub commits: u64,
    pub reads: u64,
    pub pins: u64,
    pub removed: u64,
    pub failures: u64,
    pub kills: u64,
    pub crashes: u64,
}

impl Seen {
    pub fn add(&mut self, other: Seen) {
        self.commits += other.commits;
        self.reads += other.reads;
        self.pins += other.pins;
        self.removed += other.removed;
        self.failures += other.failures;
        self.kills += other.kills;
        self.crashes += other.crashes;
    }
}

/// What was promised to whom.
#[derive(Debug, Default)]
struct Promised {
    /// The file's digest of every snapshot whose commit was acknowledged.
    commits: BTreeMap<u64, Digest>,
    /// The slices of those commits: they are in the head for good, or a later slice of that name is.
    slices: BTreeSet<(DatasetId, String)>,
    /// Pins that were acknowledged, and nobody set out to remove.
    pins: BTreeMap<String, (u64, Digest)>,
    reads: u64,
    pinned: u64,
    removed: u64,
    /// Promises that were seen broken while the others were at work.
    broken: Vec<String>,
}

/// Opens the warehouse on a disk, as a process does.
fn open(disk: SimDisk, flaw: Flaw) -> Result<Warehouse> {
    let mut files = DiskFiles::on(disk);
    files.trusting = flaw == Flaw::Trusting;
    files.unsettled = flaw == Flaw::Unsettled;
    let mut warehouse = Warehouse::make(Arc::new(files), Path::new(ROOT), Origin::Replica, Timestamp::UNIX_EPOCH)?;
    warehouse.tells_late = flaw == Flaw::TellsLate;
    Ok(warehouse)
}

/// One actor's life.
type Act = fn(&Cast, SimDisk, Dice) -> Result<()>;

/// What actors share.
struct Cast {
    flaw: Flaw,
    world: World,
    promised: Mutex<Promised>,
}

impl Cast {
    fn promised<T>(&self, tell: impl FnOnce(&mut Promised) -> T) -> T {
        tell(&mut self.promised.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A staged change of one slice; some of its bytes are what rivals stage too.
fn stage(warehouse: &Warehouse, staging: &SimDisk, dataset: &str, slice: &str, content: &str) -> Result<Staged> {
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
            url: exchange.url.clone(),
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
        let result = stage(&warehouse, &staging, dataset, slice, &content)
            .and_then(|change| warehouse.commit(&[change], "test", Timestamp::UNIX_EPOCH));
        match result {
            Ok(Outcome::Committed(snapshot)) => {
                let digest = Digest::of(crate::warehouse::seal(&snapshot)?);
                cast.promised(|promised| {
                    if promised.commits.insert(snapshot.number, digest).is_some() {
                        promised.broken.push(format!("snapshot {} was committed twice", snapshot.number));
                    }
                    promised.slices.insert((dataset.parse().unwrap(), slice.to_owned()));
                });
            }
            Ok(Outcome::Unchanged(_)) => {}
            Err(error) if matches!(error.kind(), Kind::Io | Kind::LostRace) => {}
            Err(error) => return Err(error.while_doing("a commit")),
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

fn read_whole<'a>(warehouse: &Warehouse, manifests: impl Iterator<Item = &'a Digest>) -> Result<()> {
    for digest in manifests {
        for (path, digest, _) in warehouse.manifest(digest)?.files() {
            match digest_of(warehouse.files(), &path)? {
                Some((found, _)) if found == *digest => {}
                found => return Err(model::Error::new(Kind::Damaged, format!("{path} is {found:?}"))),
            }
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

/// Plays one seed; says what was broken, with the last calls before.
pub fn play(seed: u64, flaw: Flaw) -> Result<Seen, String> {
    let world = World::new(seed, flaw);
    let cast = Cast { flaw, world: world.clone(), promised: Mutex::default() };
    let mut dice = Dice::new(seed ^ 0x5eed);
    for _ in 0..1 + dice.below(3) {
        let rough = Weather { fail: 120, kill: 250, crash: 700, sleep: 150 };
        let calm = Weather { sleep: 60, ..Weather::default() };
        let weather = [rough, rough, calm][dice.below(3)];
        let acts: [Act; 7] = [write, write, write, read, read, pin, collect];
        act(&cast, &acts, weather, &mut dice);
        let result = after(&cast, dice.once_in(2));
        result.map_err(|why| format!("{why}\n{}", world.trace()))?;
    }
    let (failures, kills, crashes) = world.troubles();
    Ok(cast.promised(|promised| Seen {
        commits: promised.commits.len() as u64,
        reads: promised.reads,
        pins: promised.pinned,
        removed: promised.removed,
        failures,
        kills,
        crashes,
    }))
}

/// Lets actors act until each is done or dead.
fn act(cast: &Cast, acts: &[Act], weather: Weather, dice: &mut Dice) {
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
fn after(cast: &Cast, crash: bool) -> Result<(), String> {
    if crash {
        cast.world.crash();
    }
    let disk = cast.world.actors(1, Weather::default()).remove(0);
    let (actor, staging) = (disk.actor(), disk.another());
    let checked = check(cast, disk, &staging);
    SimDisk::done(&cast.world, actor);
    match checked {
        Ok(()) => Ok(()),
        Err(error) => Err(format!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string))),
    }
}

fn check(cast: &Cast, disk: SimDisk, staging: &SimDisk) -> Result<()> {
    let actor = disk.actor();
    let broken = |why: String| model::Error::new(Kind::Damaged, why);
    if let Some(why) = cast.promised(|promised| promised.broken.first().cloned()) {
        return Err(broken(why));
    }
    let warehouse = open(disk, cast.flaw)?;
    kept(cast, &warehouse)?;
    // Whoever died stands in nobody's way.
    let change = stage(&warehouse, staging, "own", &format!("after {actor}"), &format!("after {actor}"))?;
    let Outcome::Committed(snapshot) = warehouse.commit(&[change], "test", Timestamp::UNIX_EPOCH)? else {
        return Err(broken("a commit after all committed nothing".to_owned()));
    };
    let digest = warehouse.snapshot_digest(snapshot.number)?;
    if cast.promised(|promised| promised.commits.insert(snapshot.number, digest)).is_some() {
        return Err(broken(format!("number {} was used again", snapshot.number)));
    }
    let report = warehouse.gc(&RULES, true, Timestamp::UNIX_EPOCH)?;
    if !report.applied || report.at_work || !report.read.is_empty() {
        return Err(broken(format!("the dead stand in the way of a collection: {report:?}")));
    }
    kept(cast, &warehouse)?;
    let again = warehouse.gc(&RULES, true, Timestamp::UNIX_EPOCH)?;
    if !again.files.is_empty() || !again.snapshots.is_empty() {
        return Err(broken(format!("a collection left garbage: {again:?}")));
    }
    cast.promised(|promised| promised.removed = warehouse.history().map_or(0, |history| history.gone.len() as u64));
    Ok(())
}

/// Every promise is kept.
fn kept(cast: &Cast, warehouse: &Warehouse) -> Result<()> {
    let broken = |why: String| Err(model::Error::new(Kind::Damaged, why));
    let damage = warehouse.verify(None)?.damage;
    if !damage.is_empty() {
        return broken(format!("damage: {damage:?}"));
    }
    let history = warehouse.history()?;
    let (commits, slices, pins) =
        cast.promised(|promised| (promised.commits.clone(), promised.slices.clone(), promised.pins.clone()));
    for (number, digest) in &commits {
        let found = match warehouse.gone(*number)? {
            Some(gone) => gone.sha256,
            None if history.live.contains(number) => warehouse.snapshot_digest(*number)?,
            None => return broken(format!("snapshot {number} was committed, and is lost")),
        };
        if found != *digest {
            return broken(format!("snapshot {number} is not what was committed under that number"));
        }
    }
    if history.last() > Some(0) && history.last() != history.live.last().copied() {
        return broken(format!("the newest snapshot is gone: {history:?}"));
    }
    if let Some(head) = warehouse.head()? {
        let mut held = BTreeSet::new();
        for (dataset, digest) in &head.datasets {
            held.extend(warehouse.manifest(digest)?.slices.into_iter().map(|slice| (dataset.clone(), slice.name)));
        }
        if let Some(lost) = slices.difference(&held).next() {
            return broken(format!("{lost:?} was committed, and the newest snapshot does not have it"));
        }
    } else if !commits.is_empty() {
        return broken("all that was committed is lost".to_owned());
    }
    for (name, (number, digest)) in pins {
        if warehouse.pin(&name)?.sha256 != digest || warehouse.snapshot_digest(number)? != digest {
            return broken(format!("pin {name} does not name what it did"));
        }
        let snapshot = warehouse.snapshot(number)?;
        read_whole(warehouse, snapshot.datasets.values())?;
    }
    Ok(())
}
