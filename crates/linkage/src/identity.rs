//! A person as keyed hashes. From here on nobody has a name.
//!
//! Two spellings must still be found alike, which one hash of the whole name does not allow. So a name becomes several
//! hashes: of the whole, of the given name behind a nickname, of its sound, of each word, and of each pair of neighbouring
//! letters. The share of hashed pairs that two names have in common is the very Dice coefficient of their letters, so
//! that nothing is lost against comparing in clear. `docs/linkage.md` says what that costs in privacy, and why none of
//! it is ever written.
//!
//! What is absent: `Debug` and `Serialize`, and any way back.

use std::collections::HashMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::civil::Date;
use model::{Error, Kind, Result};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::standard;

/// The key to the hashes. It has no text form, and is wiped from memory when it is dropped.
#[derive(Clone)]
pub struct Key(SecretString);

impl Key {
    /// A key without the blanks and line ends around it, as files have them. Fails where it is too short to resist
    /// guessing; `name` says where it was to be found.
    pub fn new(name: &str, text: &str) -> Result<Self> {
        let text = text.trim();
        // 32 digits of a random hexadecimal number are 128 bits.
        if text.len() < 32 {
            return Err(Error::new(Kind::Usage, format!("{name} holds no usable key"))
                .hint("make one of 64 digits: openssl rand -hex 32"));
        }
        Ok(Self(SecretString::from(text)))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// A keyed hash, cut to 64 bits. That any two of a million distinct values share one has a chance of 1 in 37 million.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tag(u64);

/// What a row says of who it is about, in clear: held for one row, wiped when it is dropped.
#[derive(Default)]
pub(crate) struct Clear {
    pub first: Zeroizing<String>,
    pub last: Zeroizing<String>,
    pub born: Option<Date>,
    pub sex: Zeroizing<String>,
    pub zip: Zeroizing<String>,
    pub county: Zeroizing<String>,
}

/// A name.
pub(crate) struct Name {
    pub whole: Tag,
    /// The given name that a nickname stands for; of surnames the same as the whole.
    pub given: Tag,
    pub sound: Tag,
    /// The whole, and each of its words where there are several.
    pub words: Vec<Tag>,
    /// Pairs of neighbouring letters, sorted, each once.
    pairs: Vec<Tag>,
}

impl Name {
    /// The Dice coefficient of the pairs of letters, 0 to 1.
    pub fn likeness(&self, other: &Self) -> f64 {
        let (mut left, mut right, mut common) = (0, 0, 0_u32);
        while let (Some(one), Some(two)) = (self.pairs.get(left), other.pairs.get(right)) {
            common += u32::from(one == two);
            left += usize::from(one <= two);
            right += usize::from(two <= one);
        }
        let all = u32::try_from(self.pairs.len() + other.pairs.len()).unwrap_or(u32::MAX).max(1);
        2.0 * f64::from(common) / f64::from(all)
    }
}

/// A date of birth.
pub(crate) struct Born {
    pub whole: Tag,
    /// Day and month the other way round.
    pub swapped: Tag,
    /// Each two of year, month and day.
    pub halves: [Tag; 3],
    pub year: Tag,
}

/// A person, as one row described it. What the row left out is none.
pub(crate) struct Identity {
    pub first: Option<Name>,
    pub last: Option<Name>,
    pub born: Option<Born>,
    pub sex: Option<Tag>,
    pub zip: Option<Tag>,
    pub county: Option<Tag>,
}

/// Makes hashes with one key.
pub(crate) struct Encoder {
    keyed: Hmac<Sha256>,
    /// There are few pairs of letters: their hashes are kept.
    pairs: HashMap<(&'static str, [char; 2]), Tag>,
}

impl Encoder {
    pub fn new(key: &Key) -> Result<Self> {
        let keyed = Hmac::<Sha256>::new_from_slice(key.0.expose_secret().as_bytes())
            .map_err(|_| Error::new(Kind::Internal, "the key fits no hash"))?;
        Ok(Self { keyed, pairs: HashMap::new() })
    }

    /// The hash of words under a label, so that equal texts of two kinds have nothing in common.
    pub fn tag(&self, label: &str, words: &[&str]) -> Tag {
        let mut mac = self.keyed.clone();
        mac.update(label.as_bytes());
        for word in words {
            mac.update(&[0]);
            mac.update(word.as_bytes());
        }
        let bytes: [u8; 32] = mac.finalize().into_bytes().into();
        let mut head = [0; 8];
        head.copy_from_slice(&bytes[..8]);
        Tag(u64::from_be_bytes(head))
    }

    /// The hash of several hashes.
    pub fn joined(&self, label: &str, tags: &[Tag]) -> Tag {
        let mut mac = self.keyed.clone();
        mac.update(label.as_bytes());
        for Tag(number) in tags {
            mac.update(&number.to_be_bytes());
        }
        let bytes: [u8; 32] = mac.finalize().into_bytes().into();
        let mut head = [0; 8];
        head.copy_from_slice(&bytes[..8]);
        Tag(u64::from_be_bytes(head))
    }

    /// All that a row says, as one hash: rows of one spelling are one identity.
    pub fn row(&self, clear: &Clear) -> Tag {
        let born = Zeroizing::new(clear.born.map(|date| date.to_string()).unwrap_or_default());
        self.tag("row", &[&clear.first, &clear.last, &born, &clear.sex, &clear.zip, &clear.county])
    }

    /// The hashes of what a row says.
    pub fn identity(&mut self, clear: &Clear) -> Identity {
        let first = standard::first_name(&clear.first).map(Zeroizing::new);
        let last = standard::last_name(&clear.last).map(Zeroizing::new);
        let sex = clear.sex.trim().chars().next().map(|letter| letter.to_ascii_lowercase());
        let zip: Zeroizing<String> = Zeroizing::new(clear.zip.chars().filter(char::is_ascii_digit).take(5).collect());
        let county = Zeroizing::new(clear.county.trim().to_lowercase());
        Identity {
            first: first.map(|first| {
                let given = Zeroizing::new(standard::given_name(&first).to_owned());
                self.name("first", &first, &given, &[])
            }),
            last: last.map(|words| {
                let whole = Zeroizing::new(words.concat());
                self.name("last", &whole, &whole, &words)
            }),
            born: clear.born.map(|date| self.born(date)),
            sex: sex.filter(|letter| matches!(letter, 'f' | 'm')).map(|letter| self.tag("sex", &[&letter.to_string()])),
            zip: (zip.len() == 5).then(|| self.tag("zip", &[&zip])),
            county: (!county.is_empty()).then(|| self.tag("county", &[&county])),
        }
    }

    fn name(&mut self, label: &'static str, whole: &str, given: &str, words: &[String]) -> Name {
        let several = if words.len() > 1 { words } else { &[] };
        // Of an only word the whole stands for it, so that Garcia is found in Garcia Lopez.
        let mut tags: Vec<Tag> =
            several.iter().filter(|word| word.len() > 2).map(|word| self.tag(label, &[word])).collect();
        let whole_tag = self.tag(label, &[whole]);
        tags.push(whole_tag);
        let mut pairs: Vec<Tag> = standard::pairs(whole).into_iter().map(|pair| self.pair(label, pair)).collect();
        pairs.sort_unstable();
        Name {
            whole: whole_tag,
            given: self.tag(label, &[given]),
            sound: self.tag(label, &["sound", &standard::sound(whole)]),
            words: tags,
            pairs,
        }
    }

    fn pair(&mut self, label: &'static str, pair: [char; 2]) -> Tag {
        if let Some(tag) = self.pairs.get(&(label, pair)) {
            return *tag;
        }
        let tag = self.tag(label, &["pair", &String::from_iter(pair)]);
        self.pairs.insert((label, pair), tag);
        tag
    }

    fn born(&self, date: Date) -> Born {
        let (year, month, day) = (date.year().to_string(), date.month().to_string(), date.day().to_string());
        Born {
            whole: self.tag("born", &[&year, &month, &day]),
            swapped: self.tag("born", &[&year, &day, &month]),
            halves: [
                self.tag("born ym", &[&year, &month]),
                self.tag("born yd", &[&year, &day]),
                self.tag("born md", &[&month, &day]),
            ],
            year: self.tag("born y", &[&year]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoder(key: &str) -> Encoder {
        Encoder::new(&Key::new("KEY", key).unwrap()).unwrap()
    }

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_key_is_long_and_shows_nothing() {
        assert!(Key::new("KEY", "short").unwrap_err().to_string().contains("KEY holds no usable key"));
        assert_eq!(format!("{:?}", Key::new("KEY", KEY).unwrap()), "Key(…)");
    }

    /// RFC 4231, test case 2: key `Jefe`, data `what do ya want for nothing?`. The key is too short for us, so the hash is
    /// asked for directly.
    #[test]
    fn the_hash_is_hmac_sha_256() {
        let keyed = Hmac::<Sha256>::new_from_slice(b"Jefe").unwrap();
        let encoder = Encoder { keyed, pairs: HashMap::new() };
        assert!(encoder.tag("what do ya want for nothing?", &[]) == Tag(0x5bdc_c146_bf60_754e));
    }

    #[test]
    fn another_key_gives_other_hashes_and_equal_texts_of_two_kinds_differ() {
        let (one, two) = (encoder(KEY), encoder(&KEY.replace('0', "f")));
        assert!(one.tag("first", &["kelly"]) == one.tag("first", &["kelly"]));
        assert!(one.tag("first", &["kelly"]) != two.tag("first", &["kelly"]));
        assert!(one.tag("first", &["kelly"]) != one.tag("last", &["kelly"]));
        assert!(one.tag("row", &["ab", "c"]) != one.tag("row", &["a", "bc"]));
    }

    proptest! {
        /// Comparing hashes loses nothing against comparing letters: another crate's Dice coefficient, in clear. (It counts
        /// pairs as often as they stand there, so names in which none repeats are compared.)
        #[test]
        fn likeness_is_that_of_the_letters(one in "[a-z]{2,9}", two in "[a-z]{2,9}") {
            let distinct = |name: &str| standard::pairs(name).len() == name.len() + 1;
            prop_assume!(distinct(&one) && distinct(&two));
            let mut encoder = encoder(KEY);
            let names = [&one, &two].map(|name| encoder.name("first", name, name, &[]));
            let clear = strsim::sorensen_dice(&format!("^{one}$"), &format!("^{two}$"));
            prop_assert!((names[0].likeness(&names[1]) - clear).abs() < 1e-12);
        }
    }
}
