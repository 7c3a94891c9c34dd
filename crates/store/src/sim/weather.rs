//! What can go wrong, how often or when, and the dice that decide the rest.

/// What is done wrongly on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    NoSync,
    NoFolderSync,
    NoHolds,
    TellsLate,
    Trusting,
    Unsettled,
    Blind,
}

/// Numbers that a seed decides.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below another.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        times > 0 && self.below(times) == 0
    }
}

/// How often what goes wrong, once in so many calls; 0 is never.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    pub fail: usize,
    pub kill: usize,
    pub crash: usize,
    pub sleep: usize,
    /// The disk fills up, and stays full for a while.
    pub full: usize,
}

/// What a crash takes of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// What the dice say, and some of what stays is torn.
    Some,
    /// Names and bytes.
    All,
    /// Every byte, while every name stays: files that are there and empty.
    Bytes,
}

/// What happens at one call, before it takes effect. After it is before the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// The process that calls is no more.
    Kill,
    /// The machine goes down.
    Crash(Loss),
    /// The disk is full from here on, until others come.
    Fill,
}
