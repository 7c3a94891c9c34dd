//! Whether this process was asked to stop: a process of the daemon's looks between pages, slices and stages, and never stops
//! inside a commit.

use std::sync::atomic::{AtomicBool, Ordering};

use model::{Error, Kind, Result};
use tokio::sync::Notify;

static ASKED: AtomicBool = AtomicBool::new(false);
static TOLD: Notify = Notify::const_new();

/// Asks this process to stop.
pub fn ask() {
    ASKED.store(true, Ordering::SeqCst);
    TOLD.notify_waiters();
}

/// Whether it was asked to.
pub fn is_asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Fails where it was asked to.
pub fn check() -> Result<()> {
    if is_asked() { Err(stopped()) } else { Ok(()) }
}

/// Waits until it is asked to.
pub async fn asked() -> Error {
    loop {
        let told = TOLD.notified();
        tokio::pin!(told);
        // From here on no word is missed.
        told.as_mut().enable();
        if is_asked() {
            return stopped();
        }
        told.await;
    }
}

fn stopped() -> Error {
    Error::new(Kind::LostRace, "this run was asked to stop")
        .hint("nothing of it was committed; run it again")
        .retryable()
}
