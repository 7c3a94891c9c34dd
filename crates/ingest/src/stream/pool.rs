//! The threads: one reads, some work, and the calling one puts in order. What waits between them is bounded.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, PoisonError};

use model::{Error, Release, Result};

use super::Streamed;
use super::cut::{Chunk, chunks};
use super::gather::Gather;
use super::parse::{Parsed, Parser};
use super::part::{self, Work, Written};
use super::plan::{Plan, internal};
use super::repeats::Repeats;
use crate::extract::{Page, Slice};
use crate::run::Job;

/// What a worker is given.
enum Task {
    Parse(Chunk),
    Write(Box<Work>),
}

/// What comes back.
enum Done {
    Parsed(Box<Parsed>),
    Written(Written),
    /// The file was cut into so many chunks.
    Ended(usize),
    Failed(Error),
}

/// Reads a page to its end.
pub(super) fn run<'d>(
    job: &Job<'d>,
    slice: &Slice,
    page: &Page,
    release: &Release,
    plan: &Plan,
) -> Result<Streamed<'d>> {
    let workers = job.workers.get();
    // Chunks that are read and not yet in order, and parts that are not yet written.
    let reading = Permits::new(workers + 2);
    let writing = Permits::new(workers);
    let (tasks, queue) = channel::<Task>();
    let queue = Mutex::new(queue);
    let (done, finished) = channel::<Done>();
    std::thread::scope(|scope| {
        {
            let (tasks, done, reading) = (tasks.clone(), done.clone(), &reading);
            scope.spawn(move || read(page, plan.limit, reading, &tasks, &done));
        }
        for _ in 0..workers {
            let (done, queue) = (done.clone(), &queue);
            scope.spawn(move || work(job, slice, page, release, plan, queue, &done));
        }
        drop(done);
        let streamed = order(job, slice, page, release, plan, &reading, &writing, &tasks, &finished);
        // Whatever became of it, nobody waits for more.
        reading.close();
        drop(tasks);
        drop(finished);
        streamed
    })
}

fn read(page: &Page, limit: u64, reading: &Permits, tasks: &Sender<Task>, done: &Sender<Done>) {
    let mut count = 0;
    let read = chunks(page, limit, &mut |chunk: Chunk| {
        count += 1;
        reading.take() && tasks.send(Task::Parse(chunk)).is_ok()
    });
    let said = match read {
        Ok(()) => done.send(Done::Ended(count)),
        Err(error) => done.send(Done::Failed(error)),
    };
    // Nobody listens any more where another error came first.
    said.unwrap_or_default();
}

fn work(
    job: &Job<'_>,
    slice: &Slice,
    page: &Page,
    release: &Release,
    plan: &Plan,
    queue: &Mutex<Receiver<Task>>,
    done: &Sender<Done>,
) {
    let mut parser = Parser::new(plan, job.vocabulary, slice.grade, &page.digest);
    loop {
        let task = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(task) = task else { return };
        let attempt = || match task {
            Task::Parse(chunk) => parser.parse(chunk).map(|parsed| Done::Parsed(Box::new(parsed))),
            Task::Write(work) => part::write(job, release, plan, *work).map(Done::Written),
        };
        // A panic here would leave the calling thread waiting for what never comes.
        let became = catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|_| Err(internal("a worker panicked")));
        if done.send(became.unwrap_or_else(Done::Failed)).is_err() {
            return;
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the calling thread's ends of everything")]
fn order<'d>(
    job: &Job<'d>,
    slice: &Slice,
    page: &Page,
    release: &Release,
    plan: &Plan,
    reading: &Permits,
    writing: &Permits,
    tasks: &Sender<Task>,
    finished: &Receiver<Done>,
) -> Result<Streamed<'d>> {
    let mut gather = Some(Gather::new(job, slice, page, release, plan)?);
    let mut early: BTreeMap<usize, Box<Parsed>> = BTreeMap::new();
    let mut parts: BTreeMap<usize, store::part::Part> = BTreeMap::new();
    let mut repeats = Repeats::new(job.warehouse.spill());
    let (mut next, mut chunks, mut begun, mut open) = (0, None, 0_usize, 0);
    let mut streamed = None;
    let gone = || internal("a worker is gone");
    while gather.is_some() || parts.len() < begun {
        match finished.recv().map_err(|_| gone())? {
            Done::Failed(error) => return Err(error),
            Done::Ended(count) => chunks = Some(count),
            Done::Written(Written { number, part, keys, open: of_part }) => {
                open += of_part;
                writing.give();
                repeats.add(&keys)?;
                parts.insert(number, part);
            }
            Done::Parsed(parsed) => {
                early.insert(parsed.number, parsed);
            }
        }
        // A part is begun only where one of those before is written: the rest waits, and with it the reader.
        let mut cut = |work: Work| {
            begun += 1;
            tasks.send(Task::Write(Box::new(work))).map_err(|_| gone())
        };
        while writing.free()
            && let Some(parsed) = early.remove(&next)
        {
            let gather = gather.as_mut().ok_or_else(gone)?;
            gather.take(*parsed, &mut |work| {
                writing.force();
                cut(work)
            })?;
            next += 1;
            reading.give();
        }
        if chunks == Some(next)
            && let Some(gather) = gather.take()
        {
            streamed = Some(gather.finish(&mut cut)?);
        }
    }
    let mut streamed = streamed.ok_or_else(gone)?;
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by_key(|(number, part)| (part.year, *number));
    streamed.parts = parts.into_iter().map(|(_, part)| part).collect();
    streamed.open = open;
    streamed.repeats = repeats.count()?;
    Ok(streamed)
}

/// So many may be under way at once.
struct Permits {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    left: isize,
    closed: bool,
}

impl Permits {
    fn new(count: usize) -> Self {
        let left = isize::try_from(count).unwrap_or(isize::MAX);
        Self { state: Mutex::new(State { left, closed: false }), changed: Condvar::new() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for one; whether there will be any more.
    fn take(&self) -> bool {
        let mut state = self.state();
        while state.left <= 0 && !state.closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.left -= 1;
        !state.closed
    }

    /// Takes one, whether there is one or not.
    fn force(&self) {
        self.state().left -= 1;
    }

    fn free(&self) -> bool {
        self.state().left > 0
    }

    fn give(&self) {
        self.state().left += 1;
        self.changed.notify_one();
    }

    fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }
}
