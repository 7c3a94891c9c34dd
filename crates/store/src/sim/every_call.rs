//! Small scenes that are struck at each of their calls in turn: the process killed, the machine brought down with what it had
//! not synced, the disk full from there on. What comes after must find all that was promised, and be in nobody's way.

use jiff::Timestamp;
use model::{Error, Kind, Result};

use super::promised::Promised;
use super::scene::{Act, Cast, act, after, erase, open, put_right, run};
use super::weather::{Dice, Flaw, Loss, Strike, Weather};
use super::world::SimDisk;
use crate::Warehouse;
use crate::commit::Manifest;
use crate::gc::Rules;
use crate::hold;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// How many orders of the calls of rivals are tried, each with every strike, or `TOLLHOUSE_SCHEDULES`.
const SCHEDULES: u64 = 1;

/// A scene.
struct Scene {
    /// What was there before, undisturbed.
    before: Act,
    /// Who acts. The order of the calls of several is what a seed says.
    acts: &'static [Act],
    /// What is done after a strike before all is judged, by somebody else.
    again: Option<Act>,
    /// Whether an undisturbed play came to what the scene is there for: each must, unless it depends on the order.
    came: fn(&Promised, &Promised) -> bool,
    depends: bool,
}

/// Writes slices one after the other; a rival's change of one, or a disk that is full, is no failure here.
fn write(cast: &Cast, disk: SimDisk, slices: &[(&str, &str, &str, &str)]) -> Result<()> {
    let staging = disk.another();
    let mut warehouse = open(disk, Flaw::None)?;
    warehouse.writing = Some(hold::writing(warehouse.files(), 0)?);
    for (attempt, dataset, slice, content) in slices {
        run(cast, &warehouse, &staging, attempt, (dataset, slice, content))?;
    }
    Ok(())
}

fn base(cast: &Cast, disk: SimDisk, _: Dice) -> Result<()> {
    write(cast, disk, &[("run a", "own", "a", "of a"), ("run b", "shared", "contested", "as it was")])
}

/// Four snapshots; the oldest is pinned.
fn pinned(cast: &Cast, disk: SimDisk, dice: Dice) -> Result<()> {
    let second = disk.another();
    base(cast, disk, dice)?;
    write(cast, second.another(), &[("run c", "own", "c", "of c"), ("run d", "shared", "contested", "as it is")])?;
    add_pin(cast, &open(second, Flaw::None)?, "old", 1)
}

fn add_pin(cast: &Cast, warehouse: &Warehouse, name: &str, number: u64) -> Result<()> {
    let pin = warehouse.add_pin(name, number, NOW)?;
    cast.promised(|promised| promised.pins.insert(name.to_owned(), (number, pin.sha256)));
    cast.promised(|promised| promised.pinned += 1);
    Ok(())
}

fn commit(cast: &Cast, disk: SimDisk, _: Dice) -> Result<()> {
    write(cast, disk, &[("run one", "shared", "contested", "one")])
}

fn rival(cast: &Cast, disk: SimDisk, _: Dice) -> Result<()> {
    write(cast, disk, &[("run two", "shared", "contested", "two")])
}

fn neighbour(cast: &Cast, disk: SimDisk, _: Dice) -> Result<()> {
    write(cast, disk, &[("run beside", "shared", "beside", "beside")])
}

fn collect(cast: &Cast, disk: SimDisk, _: Dice) -> Result<()> {
    let warehouse = open(disk, Flaw::None)?;
    let report = warehouse.gc(&Rules { newest: Some(1), days: None, captures_days: Some(0) }, true, NOW)?;
    cast.promised(|promised| promised.removed += report.snapshots.len() as u64);
    Ok(())
}

/// Pins the newest, and takes the pin of the oldest away.
fn pin(cast: &Cast, disk: SimDisk, _: Dice) -> Result<()> {
    let warehouse = open(disk, Flaw::None)?;
    add_pin(cast, &warehouse, "new", 4)?;
    cast.promised(|promised| promised.pins.remove("old"));
    warehouse.remove_pin("old").map(|_| ())
}

/// The path of the part of `run a`.
fn part(warehouse: &Warehouse) -> Result<String> {
    let none = || Error::new(Kind::Internal, "there is no part");
    let head = warehouse.head()?.ok_or_else(none)?;
    let manifests: Result<Vec<Manifest>> = head.datasets.values().map(|digest| warehouse.manifest(digest)).collect();
    let mut slices = manifests?.into_iter().flat_map(|manifest| manifest.slices);
    let slice = slices.find(|slice| slice.url == "run a").ok_or_else(none)?;
    Ok(slice.parts[0].path.clone())
}

fn rotten(cast: &Cast, disk: SimDisk, dice: Dice) -> Result<()> {
    let second = disk.another();
    base(cast, disk, dice)?;
    cast.world.rot(&part(&open(second, Flaw::None)?)?);
    Ok(())
}

/// Repairs the part, which must be the damaged one until then, or the whole one already.
fn mend(cast: &Cast, disk: SimDisk, _: Dice) -> Result<()> {
    let staging = disk.another();
    let mut warehouse = open(disk, Flaw::None)?;
    warehouse.writing = Some(hold::writing(warehouse.files(), 0)?);
    let path = part(&warehouse)?;
    let found = warehouse.files().read(&path)?;
    if !found.as_ref().is_some_and(|bytes| bytes.len() == "of a".len() && bytes.ends_with(b"f a")) {
        return Err(Error::new(Kind::Damaged, format!("{path} is {found:?}")));
    }
    put_right(&warehouse, &staging, &path, b"of a")?;
    cast.promised(|promised| promised.repairs += 1);
    Ok(())
}

/// Strikes a scene at each of its calls, in several orders; how many plays that were comes back.
#[track_caller]
fn strike_everywhere(name: &str, scene: &Scene) {
    let more = std::env::var("TOLLHOUSE_SCHEDULES").ok().map(|text| text.parse().unwrap());
    let schedules = if scene.acts.len() > 1 { more.unwrap_or(SCHEDULES) } else { 1 };
    let before = Cast::new(0, Flaw::None);
    act(&before, &[scene.before], Weather::default(), &mut Dice::new(0));
    let (mut plays, mut came) = (0, 0);
    for schedule in 0..schedules {
        let quiet = play(scene, &before, schedule, None);
        let (calls, did) = quiet.unwrap_or_else(|why| panic!("{name}, undisturbed: {why}"));
        came += u64::from(did);
        for call in 1..=calls {
            let crashes = [Loss::All, Loss::Bytes, Loss::Some].map(|loss| (Strike::Crash(loss), false));
            // What a process that was killed had not synced may be lost later.
            let others = [(Strike::Kill, false), (Strike::Kill, true), (Strike::Fill, true)];
            for (strike, later) in others.into_iter().chain(crashes) {
                plays += 1;
                if let Err(why) = play(scene, &before, schedule, Some((call, strike, later))) {
                    panic!("{name}, schedule {schedule}, {strike:?} at call {call}, a crash later: {later}: {why}");
                }
            }
        }
    }
    let enough = if scene.depends { 1 } else { schedules };
    assert!(came >= enough, "{name} came to what it is there for {came} times of {schedules}");
    println!("{name}: {plays} plays");
}

/// Plays a scene from its beginning, struck or not. Says how many calls the actors made, and whether they came to what they are
/// there for.
fn play(
    scene: &Scene,
    before: &Cast,
    schedule: u64,
    strike: Option<(u64, Strike, bool)>,
) -> std::result::Result<(u64, bool), String> {
    let cast = before.fork(schedule);
    let begun = cast.world.calls();
    if let Some((call, strike, _)) = strike {
        cast.world.strike(call, strike);
    }
    act(&cast, scene.acts, Weather::default(), &mut Dice::new(schedule));
    let calls = cast.world.calls() - begun;
    let came = before.promised(|before| cast.promised(|after| (scene.came)(before, after)));
    if let Some(again) = scene.again {
        act(&cast, &[again], Weather::default(), &mut Dice::new(schedule));
    }
    after(&cast, strike.is_some_and(|(.., later)| later))?;
    Ok((calls, came))
}

#[test]
fn a_commit_is_struck_at_every_call() {
    let came = |before: &Promised, after: &Promised| after.commits.len() == before.commits.len() + 1;
    strike_everywhere("a commit", &Scene { before: base, acts: &[commit], again: None, came, depends: false });
}

#[test]
fn the_first_commit_of_all_is_struck_at_every_call() {
    fn nothing(_: &Cast, _: SimDisk, _: Dice) -> Result<()> {
        Ok(())
    }
    let came = |_: &Promised, after: &Promised| after.commits.len() == 1;
    strike_everywhere(
        "the first commit",
        &Scene { before: nothing, acts: &[commit], again: None, came, depends: false },
    );
}

#[test]
fn rivals_for_one_slice_are_struck_at_every_call() {
    let came = |_: &Promised, after: &Promised| after.lost_races > 0;
    strike_everywhere("rivals", &Scene { before: base, acts: &[commit, rival], again: None, came, depends: true });
}

#[test]
fn writers_of_two_slices_are_struck_at_every_call() {
    let came = |before: &Promised, after: &Promised| after.commits.len() == before.commits.len() + 2;
    strike_everywhere(
        "neighbours",
        &Scene { before: base, acts: &[commit, neighbour], again: None, came, depends: false },
    );
}

#[test]
fn a_collection_beside_a_pin_is_struck_at_every_call() {
    let came = |_: &Promised, after: &Promised| after.removed > 0;
    strike_everywhere("a collection", &Scene { before: pinned, acts: &[collect], again: None, came, depends: false });
}

#[test]
fn two_collections_at_once_are_struck_at_every_call() {
    let came = |_: &Promised, after: &Promised| after.removed > 0;
    strike_everywhere(
        "two collections",
        &Scene { before: pinned, acts: &[collect, collect], again: None, came, depends: false },
    );
}

#[test]
fn pins_that_come_and_go_are_struck_at_every_call() {
    let came = |_: &Promised, after: &Promised| after.pins.keys().eq(["new"]);
    strike_everywhere("pins", &Scene { before: pinned, acts: &[pin], again: None, came, depends: false });
}

#[test]
fn an_erasure_is_struck_at_every_call() {
    let came = |_: &Promised, after: &Promised| after.erased.len() == 1;
    strike_everywhere(
        "an erasure",
        &Scene { before: pinned, acts: &[erase], again: Some(collect), came, depends: false },
    );
}

#[test]
fn a_repair_is_struck_at_every_call() {
    let came = |_: &Promised, after: &Promised| after.repairs == 1;
    strike_everywhere("a repair", &Scene { before: rotten, acts: &[mend], again: Some(mend), came, depends: false });
}
