//! Names as two clerks may have written them, brought to one form: letters, nicknames, sound.
//!
//! Plain text in, plain text out: [`crate::identity`] makes keyed hashes of it before anything is kept.

use rphonetic::DoubleMetaphone;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// What stands in a name's place where nobody knew it.
const NO_NAMES: &[&str] = &["unknown", "unk", "none", "na", "baby", "infant", "doe", "refused", "test"];

/// What follows a surname and is no part of it.
const SUFFIXES: &[&str] = &["jr", "sr", "ii", "iii", "iv", "md", "esq"];

/// Given names, each followed by what its bearers are called. Names that are short for several (Chris, Pat, Alex) are left
/// out: what they stand for is not known.
const NICKNAMES: &[&[&str]] = &[
    &["abigail", "abby", "gail"],
    &["albert", "al", "bert"],
    &["andrew", "andy", "drew"],
    &["anthony", "tony"],
    &["barbara", "barb", "barbie"],
    &["benjamin", "ben", "benny"],
    &["catherine", "cathy", "katherine", "kathryn", "kathy", "kate", "katie", "kay"],
    &["charles", "charlie", "chuck"],
    &["cynthia", "cindy"],
    &["daniel", "dan", "danny"],
    &["david", "dave", "davy"],
    &["deborah", "debra", "deb", "debbie"],
    &["donald", "don", "donnie"],
    &["dorothy", "dot", "dottie"],
    &["edward", "ed", "eddie", "ted"],
    &["elizabeth", "beth", "betty", "eliza", "liz", "lizzie"],
    &["eugene", "gene"],
    &["francis", "frank"],
    &["gregory", "greg"],
    &["jacqueline", "jackie"],
    &["james", "jim", "jimmy", "jamie"],
    &["jeffrey", "jeff"],
    &["jennifer", "jen", "jenny"],
    &["john", "johnny", "jack"],
    &["joseph", "joe", "joey"],
    &["judith", "judy"],
    &["kenneth", "ken", "kenny"],
    &["kimberly", "kim"],
    &["lawrence", "larry"],
    &["leonard", "len", "lenny"],
    &["margaret", "maggie", "meg", "peggy"],
    &["matthew", "matt"],
    &["michael", "mike", "mickey"],
    &["nancy", "nan"],
    &["nicholas", "nick"],
    &["pamela", "pam"],
    &["patricia", "patty", "tricia", "trish"],
    &["peter", "pete"],
    &["philip", "phillip", "phil"],
    &["rebecca", "becky"],
    &["richard", "dick", "rich", "rick", "ricky"],
    &["robert", "bob", "bobby", "rob", "robbie"],
    &["ronald", "ron", "ronnie"],
    &["samuel", "sam", "sammy"],
    &["sandra", "sandy"],
    &["stephen", "steven", "steve"],
    &["susan", "sue", "susie"],
    &["theresa", "teresa", "terri"],
    &["thomas", "tom", "tommy"],
    &["timothy", "tim"],
    &["victoria", "vicky"],
    &["virginia", "ginny"],
    &["walter", "walt"],
    &["william", "bill", "billy", "will", "willie"],
];

/// The words of a name: letters alone, without accents, small.
fn words(text: &str) -> Vec<String> {
    let mut bare = String::with_capacity(text.len());
    for letter in text.nfkd().filter(|letter| !is_combining_mark(*letter)) {
        match letter {
            // O'Brien, and St. John: what is left out leaves no gap.
            '\'' | '’' | '`' | '.' => {}
            _ if letter.is_alphabetic() => bare.extend(letter.to_lowercase()),
            _ => bare.push(' '),
        }
    }
    bare.split(' ').filter(|word| !word.is_empty()).map(ToOwned::to_owned).collect()
}

/// The first given name; none where it is unknown, or an initial alone.
pub fn first_name(text: &str) -> Option<String> {
    let words = words(text);
    let first = words.into_iter().find(|word| word.chars().nth(1).is_some())?;
    (!NO_NAMES.contains(&first.as_str())).then_some(first)
}

/// The words of a surname, without what follows it; none where it is unknown.
pub fn last_name(text: &str) -> Option<Vec<String>> {
    let mut words = words(text);
    words.retain(|word| !SUFFIXES.contains(&word.as_str()));
    let known = !words.is_empty() && !words.iter().all(|word| NO_NAMES.contains(&word.as_str()));
    known.then_some(words)
}

/// The given name that a nickname stands for; others stay as they are.
pub fn given_name(first: &str) -> &str {
    NICKNAMES.iter().find(|names| names.contains(&first)).and_then(|names| names.first()).copied().unwrap_or(first)
}

/// How a name sounds: Lawrence Philips' Double Metaphone, the first of the two codes, six letters at most. What has no
/// letters of the Latin alphabet sounds like itself.
pub fn sound(name: &str) -> String {
    let code = DoubleMetaphone::new(Some(6)).double_metaphone(name).primary();
    if code.is_empty() { name.to_owned() } else { code }
}

/// Pairs of neighbouring letters, ends marked, each once.
pub fn pairs(name: &str) -> Vec<[char; 2]> {
    let letters: Vec<char> = std::iter::once('^').chain(name.chars()).chain(std::iter::once('$')).collect();
    let mut pairs: Vec<[char; 2]> = letters.windows(2).filter_map(|pair| pair.try_into().ok()).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clerks_write_names_in_many_ways() {
        for text in ["O'Brien", "OBRIEN", " o’brien, Jr.", "O.Brien III"] {
            assert_eq!(last_name(text).unwrap(), ["obrien"], "{text}");
        }
        assert_eq!(last_name("Núñez-García").unwrap(), ["nunez", "garcia"]);
        assert_eq!(first_name("José Luis").as_deref(), Some("jose"));
        assert_eq!(first_name("J. Robert").as_deref(), Some("robert"));
        for nobody in ["", "J", "Unknown", "BABY", "--"] {
            assert_eq!(first_name(nobody), None, "{nobody}");
        }
        assert_eq!(last_name("UNKNOWN"), None);
        assert_eq!(last_name("Jr."), None);
    }

    #[test]
    fn nicknames_stand_for_one_name_only() {
        assert_eq!(given_name("bill"), "william");
        assert_eq!(given_name("kathryn"), given_name("katie"));
        assert_eq!(given_name("zebulon"), "zebulon");
        let mut all: Vec<&str> = NICKNAMES.iter().flat_map(|names| names.iter().copied()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn sounds_are_the_published_ones() {
        // Philips' own example: both spellings share XMT.
        assert_eq!(sound("smith"), "SM0");
        assert_eq!(sound("schmidt"), "XMT");
        assert_eq!(sound("catherine"), sound("katherine"));
        assert_eq!(sound("李"), "李");
    }
}
