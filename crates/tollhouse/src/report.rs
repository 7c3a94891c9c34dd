//! Errors at the edge: one place prints them and turns their kinds into exit codes.

use std::error::Error as _;
use std::process::ExitCode;

use model::{Error, Kind};

use crate::output::complain;

/// The exit codes, for scripts. They never change their meaning.
pub const EXIT_CODES: &str = "\
Exit codes:
   0  done, or nothing to do
   1  a verdict: damage found by `snapshot verify`, a `replay` that differs, a probe whose publisher has moved
   2  bad usage: a command, the configuration or a declaration is wrong
  10  a publisher could not be reached, or kept failing
  11  a publisher refused: not found, forbidden, throttled for good
  12  what came is not the data: an HTML page, a Git-LFS pointer, a cut or corrupt file
  13  a publisher changed its format, or the file is another table
  14  a check that a commit needs failed
  15  lost a race: another run committed the same slice first
  16  committed bytes are damaged
  17  the local disk or file system failed
  70  a bug of ours";

/// The exit code of a kind of failure.
pub fn exit_code(kind: Kind) -> u8 {
    match kind {
        Kind::Usage => 2,
        Kind::Unreachable => 10,
        Kind::Refused => 11,
        Kind::NotData => 12,
        Kind::Changed => 13,
        Kind::CheckFailed => 14,
        Kind::LostRace => 15,
        Kind::Damaged => 16,
        Kind::Io => 17,
        Kind::Internal => 70,
    }
}

/// The kinds and the words for them, in the ledger and wherever a script reads them.
const WORDS: &[(Kind, &str)] = &[
    (Kind::Usage, "usage"),
    (Kind::Unreachable, "unreachable"),
    (Kind::Refused, "refused"),
    (Kind::NotData, "not-data"),
    (Kind::Changed, "changed"),
    (Kind::CheckFailed, "check-failed"),
    (Kind::LostRace, "lost-race"),
    (Kind::Damaged, "damaged"),
    (Kind::Io, "io"),
    (Kind::Internal, "internal"),
];

/// A kind of failure in a word.
pub fn word(kind: Kind) -> &'static str {
    WORDS.iter().find(|(known, _)| *known == kind).map_or("internal", |(_, word)| word)
}

/// The kind that a word stands for.
pub fn kind(word: &str) -> Kind {
    WORDS.iter().find(|(_, known)| *known == word).map_or(Kind::Internal, |(kind, _)| *kind)
}

/// An error and all that lies below it, in a line.
pub fn in_a_line(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {}", cause.to_string().replace('\n', "; "));
        source = cause.source();
    }
    text
}

/// Prints an error with its chain and its hint.
pub fn print(error: &Error) {
    complain(&format!("error: {error}"));
    let mut source = error.source();
    while let Some(cause) = source {
        for (place, line) in cause.to_string().lines().enumerate() {
            complain(&format!("  {} {line}", if place == 0 { "because:" } else { "        " }));
        }
        source = cause.source();
    }
    if let Some(hint) = error.hint_text() {
        complain(&format!("  what next: {hint}"));
    }
    if error.kind() == Kind::Internal {
        complain("  this is a bug of ours: please report it, with the command and this text");
    }
}

/// Prints an error and gives its exit code.
pub fn fail(error: &Error) -> ExitCode {
    print(error);
    ExitCode::from(exit_code(error.kind()))
}
