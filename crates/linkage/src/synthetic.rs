//! People who never were, as two agencies may have written them down, and the truth about them.
//!
//! Everybody has one life: a name, a birth, an address, drugs, perhaps a death. Each pharmacy writes the person down once,
//! and again after a marriage or a move; the certificate does once more. Every writing may slip. The truth follows from the
//! lives alone, and by nothing that the linkage uses.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};

use crate::attribute::Window;
use crate::read::{Day, Drug, Group, day_of};

/// How many people, and which.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The same seed gives the same people.
    pub seed: u64,
    /// How many people there are, twins and children apart.
    pub people: usize,
    /// How many of them die of an overdose.
    pub deaths: usize,
    /// How often each field of a writing slips, as a multiple of the usual.
    pub slips: f64,
}

impl Default for Plan {
    fn default() -> Self {
        Self { seed: 1, people: 30_000, deaths: 2_000, slips: 1.0 }
    }
}

/// Two files, and who is who.
pub struct Population {
    /// The dispensing file, as CSV.
    pub dispensing: String,
    /// The death file, as CSV.
    pub deaths: String,
    /// The person of each row of the dispensing file.
    pub patients: Vec<u32>,
    /// The truth about each row of the death file.
    pub dead: Vec<Truth>,
}

/// The truth about a death.
#[derive(Debug, Clone)]
pub struct Truth {
    /// Who died.
    pub person: u32,
    /// What the certificate names.
    pub group: Group,
    /// How the death lies to the person's own opioid prescriptions, at 60 days.
    pub window: Window,
    /// Of an attributed death, how many prescribers there were.
    pub prescribers: usize,
    /// Of an attributed death, the drug dispensed last.
    pub drug: Option<Drug>,
    /// The county of residence.
    pub county: String,
    /// A twin, or a parent or child of the same name and address, who is in the dispensing file.
    pub double: Option<u32>,
}

/// The declaration that fits the files, in a folder with `dispensing.csv` and `deaths.csv`.
pub const DECLARATION: &str = r#"# How two files of persons are linked. docs/linkage.md explains every option.

# On what whoever runs this rests: a sentence each, kept with the results.
[authority]
irb     = "Synthetic records of nobody: no human subjects."
pdmp    = "Synthetic records of nobody: no state's program holds them."
part_2  = "Synthetic records of nobody: no program treated them."
hipaa   = "Synthetic records of nobody: no protected health information."

[dispensing]
file  = "dispensing.csv"
dates = "%m/%d/%Y"

[dispensing.columns]
first_name  = "PAT_FIRST"
last_name   = "PAT_LAST"
birth_date  = "PAT_DOB"
sex         = "PAT_SEX"
zip         = "PAT_ZIP"
county      = "PAT_COUNTY"
dispensed   = "FILLED"
days_supply = "DAYS"
drug        = "DRUG"
mme_per_day = "MME"
prescriber  = "PRESCRIBER"
pharmacy    = "PHARMACY"
hospice     = "HOSPICE"

[deaths]
file = "deaths.csv"

[deaths.columns]
first_name = "given"
last_name  = "surname"
birth_date = "born"
sex        = "sex"
zip        = "zip"
county     = "county"
died       = "died"
causes     = "icd10"

[study]
first_day    = "2013-01-01"
last_day     = "2016-12-31"
days         = 60
link_at      = 0.95
review_at    = 0.1
control_drug = "lisinopril"
"#;

const SURNAMES: &[&str] = &[
    "Smith",
    "Johnson",
    "Williams",
    "Brown",
    "Jones",
    "Garcia",
    "Miller",
    "Davis",
    "Rodriguez",
    "Martinez",
    "Hernandez",
    "Lopez",
    "Gonzalez",
    "Wilson",
    "Anderson",
    "Thomas",
    "Taylor",
    "Moore",
    "Jackson",
    "Martin",
    "Lee",
    "Perez",
    "Thompson",
    "White",
    "Harris",
    "Sanchez",
    "Clark",
    "Ramirez",
    "Lewis",
    "Robinson",
    "Walker",
    "Young",
    "Allen",
    "King",
    "Wright",
    "Scott",
    "Torres",
    "Nguyen",
    "Hill",
    "Flores",
    "Green",
    "Adams",
    "Nelson",
    "Baker",
    "Hall",
    "Rivera",
    "Campbell",
    "Mitchell",
    "Carter",
    "Roberts",
    "O'Brien",
    "O'Neil",
    "McDonald",
    "St. Clair",
];

const HEADS: &[&str] = &[
    "Ash", "Bar", "Black", "Brad", "Bren", "Cald", "Carl", "Ches", "Dal", "Dun", "Ed", "Ell", "Fair", "Farn", "Gal",
    "Gray", "Hart", "Hol", "Ing", "Kel", "Lang", "Lock", "Mal", "Mer", "Nor", "Oak", "Pem", "Quin", "Rad", "Sel",
    "Thorn", "Wal",
];

const TAILS: &[&str] = &[
    "berg", "bert", "bourne", "bridge", "burn", "by", "combe", "croft", "dale", "den", "field", "ford", "gate", "ham",
    "hurst", "ingham", "land", "ley", "low", "man", "mere", "more", "ridge", "sen", "shaw", "stein", "ston", "thorpe",
    "ton", "wick", "wood", "worth",
];

const WOMEN: &[&str] = &[
    "Mary",
    "Patricia",
    "Jennifer",
    "Linda",
    "Elizabeth",
    "Barbara",
    "Susan",
    "Jessica",
    "Sarah",
    "Karen",
    "Lisa",
    "Nancy",
    "Sandra",
    "Betty",
    "Ashley",
    "Emily",
    "Kimberly",
    "Margaret",
    "Donna",
    "Michelle",
    "Carol",
    "Amanda",
    "Melissa",
    "Deborah",
    "Stephanie",
    "Rebecca",
    "Sharon",
    "Laura",
    "Cynthia",
    "Dorothy",
    "Amy",
    "Kathleen",
    "Angela",
    "Shirley",
    "Brenda",
    "Emma",
    "Anna",
    "Pamela",
    "Nicole",
    "Samantha",
    "Katherine",
    "Christine",
    "Helen",
    "Debra",
    "Rachel",
    "Carolyn",
    "Janet",
    "Maria",
    "Catherine",
    "Heather",
    "Diane",
    "Olivia",
    "Julie",
    "Joyce",
    "Victoria",
    "Ruth",
    "Virginia",
    "Lauren",
    "Kelly",
    "Christina",
    "María José",
    "Jacqueline",
    "Theresa",
    "Judith",
];

const MEN: &[&str] = &[
    "James",
    "Robert",
    "John",
    "Michael",
    "David",
    "William",
    "Richard",
    "Joseph",
    "Thomas",
    "Christopher",
    "Charles",
    "Daniel",
    "Matthew",
    "Anthony",
    "Mark",
    "Donald",
    "Steven",
    "Andrew",
    "Paul",
    "Joshua",
    "Kenneth",
    "Kevin",
    "Brian",
    "Timothy",
    "Ronald",
    "Jason",
    "George",
    "Edward",
    "Jeffrey",
    "Ryan",
    "Jacob",
    "Nicholas",
    "Gary",
    "Eric",
    "Jonathan",
    "Stephen",
    "Larry",
    "Justin",
    "Scott",
    "Brandon",
    "Benjamin",
    "Samuel",
    "Gregory",
    "Alexander",
    "Patrick",
    "Frank",
    "Raymond",
    "Jack",
    "Dennis",
    "Jerry",
    "Tyler",
    "Aaron",
    "José",
    "Adam",
    "Nathan",
    "Henry",
    "Zachary",
    "Douglas",
    "Peter",
    "Kyle",
    "Noah",
    "Ethan",
    "Jeremy",
    "Walter",
];

/// What some are called by those who know them.
const CALLED: &[(&str, &str)] = &[
    ("William", "Bill"),
    ("Robert", "Bob"),
    ("James", "Jim"),
    ("Michael", "Mike"),
    ("Richard", "Rick"),
    ("Joseph", "Joe"),
    ("Thomas", "Tom"),
    ("Daniel", "Dan"),
    ("Matthew", "Matt"),
    ("Anthony", "Tony"),
    ("Elizabeth", "Beth"),
    ("Patricia", "Patty"),
    ("Jennifer", "Jenny"),
    ("Susan", "Sue"),
    ("Deborah", "Debbie"),
    ("Rebecca", "Becky"),
    ("Katherine", "Kathy"),
    ("Margaret", "Peggy"),
    ("Steven", "Steve"),
    ("Timothy", "Tim"),
    ("Charles", "Chuck"),
    ("Christopher", "Chris"),
    ("Alexander", "Alex"),
    ("Samantha", "Sam"),
];

const OPIOIDS: &[(&str, Drug, f64)] = &[
    ("HYDROCODONE-ACETAMINOPHEN 5-325", Drug::NaturalSemisynthetic, 30.0),
    ("OXYCODONE HCL 15 MG", Drug::NaturalSemisynthetic, 90.0),
    ("TRAMADOL HCL 50 MG", Drug::Synthetic, 20.0),
    ("FENTANYL 50 MCG/HR PATCH", Drug::Synthetic, 120.0),
    ("METHADONE HCL 10 MG", Drug::Methadone, 80.0),
    ("MORPHINE SULFATE ER 30 MG", Drug::NaturalSemisynthetic, 60.0),
];

const COUNTIES: usize = 12;
const ZIPS: usize = 6;

/// The days that the dispensing file covers, and those of deaths.
const BEGIN: Date = date(2012, 7, 1);
const FIRST: Date = date(2013, 1, 1);
const LAST: Date = date(2016, 12, 31);

#[derive(Clone)]
struct Person {
    first: String,
    last: String,
    female: bool,
    born: Date,
    place: (usize, usize),
    /// A new surname from a day on.
    married: Option<(Day, String)>,
    /// A new address from a day on.
    moved: Option<(Day, (usize, usize))>,
    pharmacies: Vec<u32>,
    prescribers: Vec<u32>,
    fills: Vec<Fill>,
    died: Option<Day>,
    /// Whether this is the twin or namesake of the person before.
    follows: bool,
}

#[derive(Clone, Copy)]
struct Fill {
    day: Day,
    supply: Day,
    /// A place in [`OPIOIDS`]; none is the control drug.
    opioid: Option<usize>,
    prescriber: u32,
    pharmacy: u32,
    hospice: bool,
}

/// Makes a population.
pub fn population(plan: &Plan) -> Population {
    let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
    let mut people = Vec::with_capacity(plan.people);
    for _ in 0..plan.people {
        let person = person(&mut random);
        let relative = relative(&mut random, &person);
        people.push(person);
        people.extend(relative);
    }
    for person in &mut people {
        live(&mut random, person);
    }
    let dead = die(&mut random, &mut people, plan.deaths);
    let (dispensing, patients) = dispensing(&mut random, &people, plan.slips);
    let deaths = deaths(&mut random, &people, &dead, plan.slips);
    let dead = dead.into_iter().map(|(person, group)| truth(&people, person, group)).collect();
    Population { dispensing, deaths, patients, dead }
}

fn pick<'a, T>(random: &mut ChaCha8Rng, all: &'a [T]) -> &'a T {
    &all[random.random_range(0..all.len())]
}

/// Of names that come in order of how common they are: the tenth a tenth as often as the first.
fn pick_common<'a>(random: &mut ChaCha8Rng, all: &'a [&'a str]) -> &'a str {
    let weight: f64 = (1..=all.len()).map(|place| 1.0 / f64::from(u32::try_from(place).unwrap_or(1))).sum();
    let mut at = random.random_range(0.0..weight);
    for (place, name) in (1_u32..).zip(all) {
        at -= 1.0 / f64::from(place);
        if at <= 0.0 {
            return name;
        }
    }
    all[0]
}

fn surname(random: &mut ChaCha8Rng) -> String {
    if random.random_bool(0.45) {
        return pick_common(random, SURNAMES).to_owned();
    }
    format!("{}{}", pick(random, HEADS), pick(random, TAILS))
}

fn person(random: &mut ChaCha8Rng) -> Person {
    let female = random.random_bool(0.5);
    let place = |random: &mut ChaCha8Rng| {
        // Half live in two of the counties; the last two are small.
        let county =
            if random.random_bool(0.5) { random.random_range(0..2) } else { random.random_range(0..COUNTIES - 2) };
        let county = if random.random_bool(0.01) { COUNTIES - 1 - random.random_range(0..2) } else { county };
        (county, random.random_range(0..ZIPS))
    };
    let some_day = |random: &mut ChaCha8Rng| random.random_range(day_of(BEGIN)..day_of(LAST));
    let last = surname(random);
    let married = (female && random.random_bool(0.12)).then(|| {
        let new = surname(random);
        let name = if random.random_bool(0.25) { format!("{last}-{new}") } else { new };
        (some_day(random), name)
    });
    let moved = random.random_bool(0.2).then(|| (some_day(random), place(random)));
    Person {
        first: pick_common(random, if female { WOMEN } else { MEN }).to_owned(),
        last,
        female,
        born: date(1935, 1, 1) + i64::from(random.random_range(0..22_000_i32)).days(),
        place: place(random),
        married,
        moved,
        pharmacies: Vec::new(),
        prescribers: Vec::new(),
        fills: Vec::new(),
        died: None,
        follows: false,
    }
}

/// A twin, or a child of the same name at the same address.
fn relative(random: &mut ChaCha8Rng, person: &Person) -> Option<Person> {
    let mut other = Person { follows: true, ..person.clone() };
    if random.random_bool(0.02) {
        other.female = person.female ^ random.random_bool(0.5);
        other.married = None;
        // Some parents like names that rhyme.
        if other.female == person.female && random.random_bool(0.1) {
            let letter = pick(random, &["B", "D", "K", "T"]);
            other.first = format!("{letter}{}", person.first.chars().skip(1).collect::<String>());
        } else {
            while other.first == person.first {
                other.first = pick_common(random, if other.female { WOMEN } else { MEN }).to_owned();
            }
        }
        return (other.first != person.first).then_some(other);
    }
    if !person.female && random.random_bool(0.03) {
        other.born = person.born - i64::from(random.random_range(7_300..11_000_i32)).days();
        return Some(other);
    }
    None
}

/// What a person is dispensed, as if nobody died.
fn live(random: &mut ChaCha8Rng, person: &mut Person) {
    person.pharmacies = (0..random.random_range(1..=3)).map(|_| random.random_range(0..400)).collect();
    let doctor = |random: &mut ChaCha8Rng| {
        if random.random_bool(0.1) { random.random_range(0..5) } else { random.random_range(5..600) }
    };
    let count = if random.random_bool(0.04) { random.random_range(5..9) } else { random.random_range(1..3) };
    person.prescribers = (0..count).map(|_| doctor(random)).collect();
    if random.random_bool(0.4) {
        refills(random, person, None, (90, 12), 90, false);
    }
    if !random.random_bool(0.45) {
        return;
    }
    let drug = random.random_range(0..OPIOIDS.len());
    match random.random_range(0..20) {
        0..12 => {
            for _ in 0..random.random_range(1..3) {
                let day = random.random_range(day_of(BEGIN)..day_of(LAST));
                let supply = *pick(random, &[3, 5, 7, 10]);
                fill(random, person, day, supply, Some(drug), false);
            }
        }
        12..17 => refills(random, person, Some(drug), (130, 90), 14, false),
        _ => {
            let hospice = random.random_bool(0.12);
            refills(random, person, Some(drug), (29, 4), 28, hospice);
        }
    }
}

/// Fills again and again, from before the beginning to the end, so that no time is like another only by chance.
fn refills(
    random: &mut ChaCha8Rng,
    person: &mut Person,
    opioid: Option<usize>,
    (every, more_or_less): (Day, Day),
    supply: Day,
    hospice: bool,
) {
    let mut day = day_of(BEGIN) - random.random_range(0..every);
    while day < day_of(LAST) {
        if day >= day_of(BEGIN) {
            fill(random, person, day, supply, opioid, hospice);
        }
        day += every + random.random_range(-more_or_less..=more_or_less);
    }
}

fn fill(random: &mut ChaCha8Rng, person: &mut Person, day: Day, supply: Day, opioid: Option<usize>, hospice: bool) {
    let prescriber = *pick(random, &person.prescribers);
    let pharmacy = *pick(random, &person.pharmacies);
    person.fills.push(Fill { day, supply, opioid, prescriber, pharmacy, hospice });
}

/// Who dies, and when: more than half soon after an opioid was dispensed to them, others at any time.
fn die(random: &mut ChaCha8Rng, people: &mut [Person], deaths: usize) -> Vec<(u32, Group)> {
    let study = day_of(FIRST)..=day_of(LAST);
    let mut dead = Vec::new();
    while dead.len() < deaths {
        let number = random.random_range(0..people.len());
        let person = &mut people[number];
        let opioids: Vec<Fill> = person.fills.iter().filter(|fill| fill.opioid.is_some()).copied().collect();
        let way = random.random_range(0..100);
        let day = match (way, opioids.is_empty()) {
            (0..55, false) => pick(random, &opioids).day + random.random_range(0..=60),
            (55..63, false) => {
                let fill = pick(random, &opioids);
                fill.day + 60 + random.random_range(1..=fill.supply)
            }
            (63..80, false) | (80..100, true) => random.random_range(study.clone()),
            _ => continue,
        };
        if person.died.is_some() || !study.contains(&day) {
            continue;
        }
        person.died = Some(day);
        // To a few something is dispensed, or entered, shortly after.
        let late = if random.random_bool(0.01) { 5 } else { 0 };
        person.fills.retain(|fill| fill.day <= day + late);
        let group = match random.random_range(0..100) {
            0..50 => Group::Prescribable,
            50..85 => Group::HeroinOrFentanylAlone,
            _ => Group::NoOpioid,
        };
        dead.push((u32::try_from(number).unwrap_or(u32::MAX), group));
    }
    dead
}

/// The truth, by the definitions, from the life.
fn truth(people: &[Person], person: u32, group: Group) -> Truth {
    let life = &people[person as usize];
    let died = life.died.unwrap_or(Day::MAX);
    let mut within = Vec::new();
    let mut lasting = Vec::new();
    for fill in life.fills.iter().filter(|fill| fill.opioid.is_some() && fill.day <= died) {
        if died - fill.day <= 60 {
            within.push(*fill);
        }
        if died - (fill.day + fill.supply) <= 60 {
            lasting.push(*fill);
        }
    }
    let (window, fills) = match () {
        () if lasting.iter().any(|fill| fill.hospice) => (Window::Hospice, Vec::new()),
        () if !within.is_empty() => (Window::Within, within),
        () if !lasting.is_empty() => (Window::Later, lasting),
        () => (Window::None, Vec::new()),
    };
    let mut prescribers: Vec<u32> = fills.iter().map(|fill| fill.prescriber).collect();
    prescribers.sort_unstable();
    prescribers.dedup();
    let last = fills.iter().max_by_key(|fill| fill.day).and_then(|fill| fill.opioid);
    Truth {
        person,
        group,
        window,
        prescribers: prescribers.len(),
        drug: last.map(|drug| OPIOIDS[drug].1),
        county: county(place_at(life, died).0),
        double: double(people, person),
    }
}

fn double(people: &[Person], person: u32) -> Option<u32> {
    let is_double = |number: &u32| {
        let later = people.get(*number.max(&person) as usize);
        let patient = people.get(*number as usize).is_some_and(|other| !other.fills.is_empty());
        patient && later.is_some_and(|later| later.follows)
    };
    [person.checked_sub(1), person.checked_add(1)].into_iter().flatten().find(is_double)
}

fn place_at(person: &Person, day: Day) -> (usize, usize) {
    person.moved.as_ref().filter(|(from, _)| day >= *from).map_or(person.place, |(_, place)| *place)
}

fn last_at(person: &Person, day: Day) -> &str {
    person.married.as_ref().filter(|(from, _)| day >= *from).map_or(&person.last, |(_, name)| name)
}

fn county(number: usize) -> String {
    format!("{:05}", 54_001 + 2 * number)
}

/// A person as a clerk wrote them down.
#[derive(Clone)]
struct Written {
    first: String,
    last: String,
    born: Option<Date>,
    sex: &'static str,
    zip: String,
    county: String,
}

fn write_down(random: &mut ChaCha8Rng, person: &Person, day: Day, slips: f64) -> Written {
    let slip = |random: &mut ChaCha8Rng, share: f64| random.random_bool((share * slips).min(1.0));
    let mut first = person.first.clone();
    if slip(random, 0.12)
        && let Some((_, called)) = CALLED.iter().find(|(name, _)| *name == person.first)
    {
        first = (*called).to_owned();
    }
    if slip(random, 0.04) {
        first = slipped(random, &first);
    }
    let mut last = last_at(person, day).to_owned();
    if slip(random, 0.04) {
        last = slipped(random, &last);
    }
    if !person.female && slip(random, 0.02) {
        last += " Jr.";
    }
    let mut born = Some(person.born);
    if slip(random, 0.02) {
        born = Some(slipped_date(random, person.born));
    } else if slip(random, 0.003) {
        born = None;
    }
    let (at, zip) = place_at(person, day);
    let mut zip = format!("{}", 25_000 + 10 * at + zip);
    if slip(random, 0.01) {
        zip.replace_range(4..5, &random.random_range(0..10).to_string());
    } else if slip(random, 0.03) {
        zip.clear();
    }
    let sex = if slip(random, 0.02) {
        ""
    } else if person.female ^ slip(random, 0.003) {
        "F"
    } else {
        "M"
    };
    Written { first, last, born, sex, zip, county: county(at) }
}

/// A letter wrong, left out, doubled, or two the other way round.
fn slipped(random: &mut ChaCha8Rng, name: &str) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    let at = random.random_range(1..letters.len());
    match random.random_range(0..4) {
        0 => letters[at] = char::from(random.random_range(b'a'..=b'z')),
        1 => drop(letters.remove(at)),
        2 => letters.insert(at, letters[at]),
        _ => letters.swap(at, at - 1),
    }
    letters.into_iter().collect()
}

/// Day and month swapped where they can be; else a day, a month or a year off.
fn slipped_date(random: &mut ChaCha8Rng, born: Date) -> Date {
    let swapped = Date::new(born.year(), born.day(), born.month()).ok().filter(|swapped| *swapped != born);
    let off = random.random_range(1..=9_i64);
    let wrong = match random.random_range(0..4) {
        0 => swapped,
        1 => born.checked_add(off.days()).ok(),
        2 => born.checked_add(off.months()).ok(),
        _ => born.checked_sub(off.years()).ok(),
    };
    wrong.unwrap_or(born)
}

/// The dispensing file, in order of the days, and the person of each row.
fn dispensing(random: &mut ChaCha8Rng, people: &[Person], slips: f64) -> (String, Vec<u32>) {
    let mut rows: Vec<(Fill, u32)> = (0_u32..)
        .zip(people)
        .flat_map(|(number, person)| person.fills.iter().map(move |fill| (*fill, number)))
        .collect();
    rows.sort_by_key(|(fill, number)| (fill.day, *number));
    let mut text =
        "PAT_FIRST,PAT_LAST,PAT_DOB,PAT_SEX,PAT_ZIP,PAT_COUNTY,FILLED,DAYS,DRUG,MME,PRESCRIBER,PHARMACY,HOSPICE\n"
            .to_owned();
    // A pharmacy writes a customer down once, and again after a marriage or a move.
    let mut known: BTreeMap<(u32, u32, bool, bool), Written> = BTreeMap::new();
    let mut patients = Vec::with_capacity(rows.len());
    for (fill, number) in rows {
        let person = &people[number as usize];
        let since = |from: Option<Day>| from.is_some_and(|from| fill.day >= from);
        let married = since(person.married.as_ref().map(|(day, _)| *day));
        let moved = since(person.moved.as_ref().map(|(day, _)| *day));
        let written = known
            .entry((number, fill.pharmacy, married, moved))
            .or_insert_with(|| write_down(random, person, fill.day, slips));
        let (drug, mme) = fill.opioid.map_or(("LISINOPRIL 10 MG", String::new()), |drug| {
            let (name, _, mme) = OPIOIDS[drug];
            (name, mme.to_string())
        });
        let Written { first, last, born, sex, zip, county } = written;
        let born = born.map(|born| born.strftime("%m/%d/%Y").to_string()).unwrap_or_default();
        let day = (date(1970, 1, 1) + i64::from(fill.day).days()).strftime("%m/%d/%Y").to_string();
        let hospice = if fill.hospice { "Y" } else { "" };
        // Clerks of pharmacies shout.
        let (first, last) = (first.to_uppercase(), last.to_uppercase());
        let _to_a_string = writeln!(
            text,
            "{first},{last},{born},{sex},{zip},{county},{day},{},{drug},{mme},DR{:05},P{:04},{hospice}",
            fill.supply, fill.prescriber, fill.pharmacy
        );
        patients.push(number);
    }
    (text, patients)
}

/// The death file, in the order in which people were found dead.
fn deaths(random: &mut ChaCha8Rng, people: &[Person], dead: &[(u32, Group)], slips: f64) -> String {
    let mut text = "surname,given,born,sex,zip,county,died,icd10\n".to_owned();
    for (number, group) in dead {
        let person = &people[*number as usize];
        let day = person.died.unwrap_or(0);
        let Written { first, last, born, sex, zip, county } = write_down(random, person, day, slips);
        let causes = match group {
            Group::Prescribable => {
                *pick(random, &["X42 T40.2", "X42 T40.2 T40.4", "X42 T40.3", "X44 T40.6 T42.4", "X42 T40.1 T40.2"])
            }
            Group::HeroinOrFentanylAlone => *pick(random, &["X42 T40.1", "X42 T40.4", "X42 T40.1 T40.4 T40.5"]),
            Group::NoOpioid => *pick(random, &["X44 T42.4", "X42 T40.5", "X44 T43.6"]),
        };
        let born = born.map(|born| born.to_string()).unwrap_or_default();
        let died = date(1970, 1, 1) + i64::from(day).days();
        let _to_a_string = writeln!(text, "{last},{first},{born},{sex},{zip},{county},{died},{causes}");
    }
    text
}
