//! The machine: a disk that keeps only what was synced, locks, and a baton that one actor holds at a time.

use std::collections::BTreeMap;
use std::io::{self, Cursor, ErrorKind};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::weather::{Dice, Flaw, Loss, Strike, Weather};
use crate::file::{Content, Disk, Entry, Hold, Mode, parent};

/// Where the simulated root is said to lie.
pub const ROOT: &str = "/simulated";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    File(usize),
    Folder,
}

#[derive(Debug, Clone)]
struct Bytes {
    all: Vec<u8>,
    synced: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Runs,
    /// It is not given the baton before this call.
    Sleeps(u64),
    Dead,
    Done,
}

#[derive(Debug, Clone)]
struct Lock {
    id: u64,
    actor: usize,
    mode: Mode,
}

/// What an actor that died unwinds with.
pub struct Died;

/// What went wrong so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Troubles {
    pub failures: u64,
    pub kills: u64,
    pub crashes: u64,
    /// How often the disk filled up.
    pub fillings: u64,
    /// How many calls a full disk refused.
    pub refused: u64,
}

#[derive(Clone)]
struct State {
    dice: Dice,
    weather: Weather,
    flaw: Flaw,
    files: Vec<Bytes>,
    /// What processes see.
    view: BTreeMap<String, Item>,
    /// What a crash leaves for certain.
    durable: BTreeMap<String, Item>,
    /// What was done to folders since they were synced.
    pending: Vec<(String, Option<Item>)>,
    /// By the file, not by its name.
    locks: BTreeMap<usize, Vec<Lock>>,
    lives: Vec<Life>,
    /// Whether an actor has had the baton: only then can it hand it on.
    begun: Vec<bool>,
    turn: usize,
    calls: u64,
    made: u64,
    trace: Vec<String>,
    troubles: Troubles,
    /// There is no room before this call.
    full_until: u64,
    /// What happens at which call, where that is not left to the weather.
    strike: Option<(u64, Strike)>,
    /// The snapshots and manifests that were ever given their place, with their bytes: no actor sees these, but whoever judges
    /// them does.
    published: Vec<(String, Vec<u8>)>,
}

/// A machine. Cheap to clone.
#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
    wakes: Arc<Vec<Condvar>>,
}

/// So many actors there may be in the life of a machine.
const ACTORS: usize = 64;

impl World {
    pub fn new(seed: u64, flaw: Flaw) -> Self {
        let state = State {
            dice: Dice::new(seed),
            weather: Weather::default(),
            flaw,
            files: Vec::new(),
            view: BTreeMap::new(),
            durable: BTreeMap::new(),
            pending: Vec::new(),
            locks: BTreeMap::new(),
            lives: Vec::new(),
            begun: Vec::new(),
            turn: 0,
            calls: 0,
            made: 0,
            trace: Vec::new(),
            troubles: Troubles::default(),
            full_until: 0,
            strike: None,
            published: Vec::new(),
        };
        Self::of(state)
    }

    fn of(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)), wakes: Arc::new((0..ACTORS).map(|_| Condvar::new()).collect()) }
    }

    /// Another machine in the same state, which goes on by a seed of its own. Nobody may be at work.
    pub fn fork(&self, seed: u64) -> Self {
        Self::of(State { dice: Dice::new(seed), ..self.state().clone() })
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Lets something happen just before the call of this number from now.
    pub fn strike(&self, call: u64, strike: Strike) {
        let mut state = self.state();
        state.strike = Some((state.calls + call, strike));
    }

    /// Changes a byte of a file, as an old disk does.
    pub fn rot(&self, path: &str) {
        let mut state = self.state();
        let file = state.file(path).unwrap();
        state.files[file].all[0] ^= 1;
    }

    /// What was published since this was last asked: the path and bytes of snapshots and manifests, in order.
    pub fn published(&self) -> Vec<(String, Vec<u8>)> {
        std::mem::take(&mut self.state().published)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for so many actors, who begin once they are threads; their disks come back.
    pub fn actors(&self, count: usize, weather: Weather) -> Vec<SimDisk> {
        let mut state = self.state();
        state.weather = weather;
        // Whatever filled the disk, there is room again for those who come next.
        state.full_until = 0;
        let first = state.lives.len();
        state.lives.extend(std::iter::repeat_n(Life::Runs, count));
        state.begun.extend(std::iter::repeat_n(false, count));
        state.hand_on();
        (first..first + count).map(|actor| SimDisk { world: self.clone(), actor }).collect()
    }

    /// The machine loses what was not synced.
    pub fn crash(&self) {
        self.state().crash(Loss::Some);
        self.wakes.iter().for_each(Condvar::notify_all);
    }

    /// What went wrong so far.
    pub fn troubles(&self) -> Troubles {
        self.state().troubles
    }

    /// The last calls: so many, or `TOLLHOUSE_TRACE`.
    pub fn trace(&self) -> String {
        let told = std::env::var("TOLLHOUSE_TRACE").ok().and_then(|text| text.parse().ok()).unwrap_or(150);
        let state = self.state();
        state.trace[state.trace.len().saturating_sub(told)..].join("\n")
    }
}

impl State {
    /// Chooses who acts next.
    fn hand_on(&mut self) {
        let calls = self.calls;
        let mut ready: Vec<usize> = Vec::new();
        let mut asleep: Vec<(u64, usize)> = Vec::new();
        for (actor, life) in self.lives.iter().enumerate() {
            match life {
                Life::Runs => ready.push(actor),
                Life::Sleeps(until) if *until <= calls => ready.push(actor),
                Life::Sleeps(until) => asleep.push((*until, actor)),
                Life::Dead | Life::Done => {}
            }
        }
        if ready.is_empty() {
            ready.extend(asleep.iter().min().map(|(_, actor)| *actor));
        }
        if !ready.is_empty() {
            self.turn = ready[self.dice.below(ready.len())];
            self.lives[self.turn] = Life::Runs;
        }
    }

    fn kill(&mut self, actor: usize) {
        if matches!(self.lives[actor], Life::Runs | Life::Sleeps(_)) {
            self.lives[actor] = Life::Dead;
        }
        for locks in self.locks.values_mut() {
            locks.retain(|lock| lock.actor != actor);
        }
    }

    fn crash(&mut self, loss: Loss) {
        self.troubles.crashes += 1;
        self.trace.push("-- crash --".to_owned());
        (0..self.lives.len()).for_each(|actor| self.kill(actor));
        self.locks.clear();
        // Of what was done to one name since its folder was synced, a crash keeps as much as it likes from the beginning.
        let mut of_path: BTreeMap<String, Vec<Option<Item>>> = BTreeMap::new();
        for (path, item) in std::mem::take(&mut self.pending) {
            of_path.entry(path).or_default().push(item);
        }
        for (path, changes) in of_path {
            let kept = match loss {
                Loss::Some => self.dice.below(changes.len() + 1),
                Loss::All => 0,
                Loss::Bytes => changes.len(),
            };
            match kept {
                0 => {}
                kept => set(&mut self.durable, &path, changes[kept - 1]),
            }
        }
        let all = std::mem::take(&mut self.durable);
        let whole = |path: &str| {
            let mut folder = parent(path);
            while !folder.is_empty() {
                if all.get(folder) != Some(&Item::Folder) {
                    return false;
                }
                folder = parent(folder);
            }
            true
        };
        self.durable = all.iter().filter(|(path, _)| whole(path)).map(|(path, item)| (path.clone(), *item)).collect();
        self.view = self.durable.clone();
        for file in self.files.iter_mut().filter(|file| !file.synced) {
            let kept = if loss == Loss::Some { self.dice.below(file.all.len() + 1) } else { 0 };
            file.all.truncate(kept);
            if self.dice.once_in(2) {
                file.all.iter_mut().rev().take(3).for_each(|byte| *byte = 0);
            }
            file.synced = true;
        }
    }

    fn change(&mut self, path: &str, item: Option<Item>) {
        set(&mut self.view, path, item);
        self.pending.push((path.to_owned(), item));
    }

    /// Refuses what needs room where there is none.
    fn room(&mut self) -> io::Result<()> {
        if self.calls >= self.full_until {
            return Ok(());
        }
        self.troubles.refused += 1;
        Err(ErrorKind::StorageFull.into())
    }

    fn file(&self, path: &str) -> io::Result<usize> {
        match self.view.get(path) {
            Some(Item::File(file)) => Ok(*file),
            Some(Item::Folder) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    fn free_in_folder(&self, path: &str) -> io::Result<()> {
        if self.view.contains_key(path) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.is_folder(parent(path))
    }

    fn is_folder(&self, path: &str) -> io::Result<()> {
        match path.is_empty() || self.view.get(path) == Some(&Item::Folder) {
            true => Ok(()),
            false => Err(ErrorKind::NotFound.into()),
        }
    }
}

fn set(entries: &mut BTreeMap<String, Item>, path: &str, item: Option<Item>) {
    match item {
        Some(item) => entries.insert(path.to_owned(), item),
        None => entries.remove(path),
    };
}

/// The machine's disk, as one actor has it.
pub struct SimDisk {
    world: World,
    actor: usize,
}

impl SimDisk {
    /// Waits for its turn, and lets happen what happens.
    fn call<T>(&self, what: &str, path: &str, effect: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.world.state();
        if std::mem::replace(&mut state.begun[self.actor], true) {
            state.hand_on();
            self.world.wakes[state.turn].notify_all();
        }
        while state.turn != self.actor && state.lives[self.actor] != Life::Dead {
            state = self.world.wakes[self.actor].wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.lives[self.actor] == Life::Dead {
            drop(state);
            resume_unwind(Box::new(Died));
        }
        state.calls += 1;
        let weather = state.weather;
        if state.dice.once_in(weather.sleep) {
            let until = state.calls + state.dice.below(400) as u64;
            state.lives[self.actor] = Life::Sleeps(until);
        }
        if state.dice.once_in(weather.full) {
            state.full_until = state.calls + 1 + state.dice.below(150) as u64;
            state.troubles.fillings += 1;
        }
        let now = state.calls;
        let struck = state.strike.take_if(|(call, _)| *call == now).map(|(_, strike)| strike);
        if struck == Some(Strike::Fill) {
            state.full_until = u64::MAX;
            state.troubles.fillings += 1;
        }
        let fails = state.dice.once_in(weather.fail);
        let dies = state.dice.once_in(weather.kill) || struck == Some(Strike::Kill);
        let loss = match struck {
            Some(Strike::Crash(loss)) => Some(loss),
            _ => state.dice.once_in(weather.crash).then_some(Loss::Some),
        };
        let crashes = loss.is_some();
        // Whatever it is, it strikes before the call took effect, or after; but a lock that was not got is not had.
        let strikes = fails || dies || crashes;
        let takes_effect = !strikes || (struck.is_none() && what != "lock" && state.dice.once_in(2));
        let result = if takes_effect { effect(&mut state) } else { Err(ErrorKind::Interrupted.into()) };
        let word = result.as_ref().err().map(|error| format!("{:?}", error.kind())).unwrap_or_default();
        let fate = match (dies, crashes, fails) {
            (true, ..) => " DIES",
            (_, true, _) => " CRASH",
            (.., true) => " FAILS",
            _ => "",
        };
        let line = format!("{:>5} actor {:>2} {what} {path} {word}{fate}", state.calls, self.actor);
        state.trace.push(line);
        if let Some(loss) = loss {
            state.crash(loss);
            drop(state);
            self.world.wakes.iter().for_each(Condvar::notify_all);
            resume_unwind(Box::new(Died));
        }
        if dies {
            state.troubles.kills += 1;
            state.kill(self.actor);
            state.hand_on();
            let next = state.turn;
            drop(state);
            self.world.wakes[next].notify_all();
            resume_unwind(Box::new(Died));
        }
        if fails {
            state.troubles.failures += 1;
            return Err(if state.dice.once_in(2) {
                ErrorKind::StorageFull.into()
            } else {
                io::Error::other("simulated")
            });
        }
        result
    }

    /// This actor acts no more.
    pub fn done(world: &World, actor: usize) {
        let mut state = world.state();
        if state.lives[actor] != Life::Dead {
            state.lives[actor] = Life::Done;
            state.hand_on();
            let next = state.turn;
            drop(state);
            world.wakes[next].notify_all();
        }
    }

    /// The same disk for another use by the same actor.
    pub fn another(&self) -> SimDisk {
        SimDisk { world: self.world.clone(), actor: self.actor }
    }

    pub fn actor(&self) -> usize {
        self.actor
    }
}

/// A lock of the simulated machine.
struct Held {
    world: World,
    file: usize,
    id: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(locks) = self.world.state().locks.get_mut(&self.file) {
            locks.retain(|lock| lock.id != self.id);
        }
    }
}

impl Disk for SimDisk {
    fn stage(&self, bytes: &[u8]) -> io::Result<String> {
        self.call("stage", "", |state| {
            if state.is_folder("tmp").is_err() {
                state.room()?;
                state.change("tmp", Some(Item::Folder));
            }
            let room = state.room();
            // Where room ran out in the middle, what was written may stay under a name that its writer does not learn.
            let written = match &room {
                Ok(()) => bytes.len(),
                Err(_) if state.dice.once_in(2) => state.dice.below(bytes.len() + 1),
                Err(_) => return room.map(|()| String::new()),
            };
            state.made += 1;
            let path = format!("tmp/{}", state.made);
            state.files.push(Bytes { all: bytes[..written].to_vec(), synced: false });
            let file = Item::File(state.files.len() - 1);
            state.change(&path, Some(file));
            room.map(|()| path)
        })
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        self.call("sync", path, |state| {
            let file = state.file(path)?;
            // A file system may look for room only when it is told to keep its word.
            if !state.files[file].synced && state.dice.once_in(2) {
                state.room()?;
            }
            if state.flaw != Flaw::NoSync {
                state.files[file].synced = true;
            }
            Ok(())
        })
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.call("link", to, |state| {
            let file = state.file(from)?;
            state.free_in_folder(to)?;
            state.room()?;
            state.change(to, Some(Item::File(file)));
            if to.starts_with("snapshots/") || to.starts_with("manifests/") {
                let bytes = state.files[file].all.clone();
                state.published.push((to.to_owned(), bytes));
            }
            Ok(())
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.call("rename", to, |state| {
            let file = state.file(from)?;
            state.room()?;
            state.change(to, Some(Item::File(file)));
            state.change(from, None);
            Ok(())
        })
    }

    fn unlink(&self, path: &str) -> io::Result<()> {
        self.call("unlink", path, |state| {
            state.file(path)?;
            state.change(path, None);
            Ok(())
        })
    }

    fn make_folder(&self, path: &str) -> io::Result<()> {
        self.call("make", path, |state| {
            state.free_in_folder(path)?;
            state.room()?;
            state.change(path, Some(Item::Folder));
            Ok(())
        })
    }

    fn remove_folder(&self, path: &str) -> io::Result<()> {
        self.call("remove", path, |state| {
            state.is_folder(path)?;
            state.change(path, None);
            Ok(())
        })
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        self.call("sync folder", path, |state| {
            state.is_folder(path)?;
            if state.flaw == Flaw::NoFolderSync {
                return Ok(());
            }
            let (now, later) = std::mem::take(&mut state.pending).into_iter().partition(|(at, _)| parent(at) == path);
            state.pending = later;
            let now: Vec<(String, Option<Item>)> = now;
            now.into_iter().for_each(|(at, item)| set(&mut state.durable, &at, item));
            Ok(())
        })
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Content>> {
        self.call("open", path, |state| {
            let file = state.file(path)?;
            Ok(Box::new(Cursor::new(state.files[file].all.clone())) as Box<dyn Content>)
        })
    }

    fn length(&self, path: &str) -> io::Result<u64> {
        self.call("length", path, |state| Ok(state.files[state.file(path)?].all.len() as u64))
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        self.call("list", path, |state| {
            state.is_folder(path)?;
            let inside = state.view.iter().filter(|(at, _)| parent(at) == path);
            let entry = |(at, item): (&String, &Item)| Entry {
                name: at.rsplit_once('/').map_or(at.as_str(), |(_, name)| name).to_owned(),
                is_folder: *item == Item::Folder,
            };
            Ok(inside.map(entry).collect())
        })
    }

    fn lock(&self, path: &str, mode: Mode) -> io::Result<Option<Hold>> {
        // Opened first and locked then, as it is: what is locked may have lost its name by then.
        let file = self.call("open", path, |state| {
            if state.file(path).is_err() {
                state.room()?;
            }
            if state.is_folder(parent(path)).is_err() {
                state.change(parent(path), Some(Item::Folder));
            }
            if state.file(path).is_err() {
                state.files.push(Bytes { all: Vec::new(), synced: true });
                let file = Item::File(state.files.len() - 1);
                state.change(path, Some(file));
            }
            state.file(path)
        })?;
        let taken = self.call("lock", &format!("{path} {mode:?}"), |state| {
            let flaw = state.flaw;
            state.made += 1;
            let id = state.made;
            let locks = state.locks.entry(file).or_default();
            let shared = |lock: &Lock| lock.mode == Mode::Shared && mode == Mode::Shared;
            if flaw != Flaw::NoHolds && !locks.iter().all(shared) {
                return Ok(None);
            }
            locks.push(Lock { id, actor: self.actor, mode });
            Ok(Some(id))
        })?;
        Ok(taken.map(|id| Hold::new(Held { world: self.world.clone(), file, id })))
    }

    fn within(&self, local: &Path) -> Option<String> {
        local.strip_prefix(ROOT).ok()?.to_str().map(str::to_owned)
    }
}
