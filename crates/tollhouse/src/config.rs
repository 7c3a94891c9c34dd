//! What an operator configures, read once: who we say we are, which terms are accepted, where hosts really are.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ingest::fetch::{Clock, Engine, Secret, Settings};
use jiff::SignedDuration;
use model::dataset::{Dataset, Disclosure};
use model::schedule::Schedule;
use model::{Error, Kind, Result, ResultExt as _};
use serde::Deserialize;
use store::state::State;
use store::{Origin, Warehouse};

use crate::work::is_fetched;

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Publishers that limit requests by the hour: api.data.gov's gateway gives each key so many, whatever they are for.
const REQUESTS_PER_HOUR: &[(&str, u32)] = &[("api.usa.gov", 1_000)];

/// Publishers that ask for long pauses. CDC WONDER's web service asks for one query in two minutes.
const SECONDS_BETWEEN_REQUESTS: &[(&str, u64)] = &[("wonder.cdc.gov", 120)];

/// `tollhouse.toml`; `ops/tollhouse.toml` explains every option.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How a publisher can reach the operator; part of the user agent.
    pub contact: Option<String>,
    /// Data-use terms that the operator accepts, such as `nchs`. There is no default.
    pub accept_terms: BTreeSet<String>,
    /// Publisher hosts and the base addresses that stand for them.
    pub hosts: BTreeMap<String, String>,
    /// Hosts to which publishers may redirect.
    pub redirect_hosts: Vec<String>,
    /// Requests per minute, by publisher host.
    pub requests_per_minute: BTreeMap<String, u32>,
    /// Seconds between two requests, by publisher host, for those that are asked less often than once a minute.
    pub seconds_between_requests: BTreeMap<String, u64>,
    /// Requests within any hour, by publisher host.
    pub requests_per_hour: BTreeMap<String, u32>,
    /// The largest body that is accepted, in bytes.
    pub max_bytes: Option<u64>,
    /// Whether the unmasked rows of persons are kept below `restricted/`, for the operator's own eyes.
    pub restricted: bool,
    /// Threads that work on a file that is read as a stream.
    workers: Option<NonZeroUsize>,
    /// What the daemon is told.
    pub daemon: DaemonConfig,
    /// Schedules that stand for those of pipelines, by dataset.
    pub schedules: BTreeMap<String, Schedule>,
    /// The key to Socrata portals: from the environment, never from the file.
    #[serde(skip)]
    socrata_app_token: Option<Secret>,
    /// The key to the FBI's Crime Data Explorer: from the environment, never from the file.
    #[serde(skip)]
    fbi_api_key: Option<Secret>,
    /// Where alarms are told: from the environment, because such addresses hold keys.
    #[serde(skip)]
    pub webhook: Option<Secret>,
    /// What is asked again and again while the daemon is well: from the environment likewise.
    #[serde(skip)]
    pub deadman: Option<Secret>,
    /// The key to the collector of traces, as the value of its `authorization` header.
    #[serde(skip)]
    pub otlp_authorization: Option<Secret>,
}

/// The section `[daemon]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DaemonConfig {
    /// Runs at once.
    pub slots: NonZeroUsize,
    /// How long runs may take to end once the daemon is asked to.
    pub drain_seconds: u64,
    /// A due time that is older than this was missed.
    #[serde(deserialize_with = "length")]
    pub grace: SignedDuration,
    /// The pause before a second attempt.
    #[serde(deserialize_with = "length")]
    pub retry_first: SignedDuration,
    /// Runs in a row that a publisher may fail before it is left alone.
    pub breaker_failures: u32,
    /// For how long, at first.
    #[serde(deserialize_with = "length")]
    pub breaker_pause: SignedDuration,
    /// Ended runs and decisions that are older are forgotten.
    #[serde(deserialize_with = "length")]
    pub keep_runs: SignedDuration,
    /// With less room on the disk no run begins.
    pub min_free_bytes: u64,
    /// When every file of the newest snapshot is hashed.
    pub verify: Option<Schedule>,
    /// When garbage is collected; never without.
    pub gc: Option<Schedule>,
    /// The newest so many snapshots are kept then.
    pub gc_keep: Option<usize>,
    /// Snapshots younger than so many days are kept then.
    pub gc_days: Option<u32>,
    /// Where OpenLineage's events are sent.
    pub openlineage_url: Option<String>,
    /// Where traces are sent, as OTLP in JSON over HTTP.
    pub otlp_url: Option<String>,
    /// How often the dead-man's address is asked.
    pub deadman_seconds: u64,
}

impl Default for DaemonConfig {
    fn default() -> Self {
        let weekly = "verify = \"0 30 4 * * Sun\"";
        // The words above are ours: a test reads them.
        let verify = toml::from_str::<BTreeMap<String, Schedule>>(weekly).ok().and_then(|mut all| all.remove("verify"));
        Self {
            slots: NonZeroUsize::MIN.saturating_add(1),
            drain_seconds: 60,
            grace: SignedDuration::from_secs(60),
            retry_first: SignedDuration::from_mins(5),
            breaker_failures: 3,
            breaker_pause: SignedDuration::from_mins(15),
            keep_runs: SignedDuration::from_hours(400 * 24),
            min_free_bytes: 1_000_000_000,
            verify,
            gc: None,
            gc_keep: None,
            gc_days: None,
            openlineage_url: None,
            otlp_url: None,
            deadman_seconds: 60,
        }
    }
}

/// A length of time in words.
fn length<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<SignedDuration, D::Error> {
    let text = String::deserialize(deserializer)?;
    model::schedule::duration("it", &text).map_err(serde::de::Error::custom)
}

/// The environment's name for the application token of Socrata portals. With `_FILE` after it, a file that holds it.
const SOCRATA_APP_TOKEN: &str = "TOLLHOUSE_SOCRATA_APP_TOKEN";

/// The same for the address that is told of alarms, for the one that is asked while the daemon is well, and for the header
/// `authorization` of the collector of traces.
const WEBHOOK_URL: &str = "TOLLHOUSE_WEBHOOK_URL";
const DEADMAN_URL: &str = "TOLLHOUSE_DEADMAN_URL";
const OTLP_AUTHORIZATION: &str = "TOLLHOUSE_OTLP_AUTHORIZATION";

/// The same for the key to the gateway of api.data.gov, by which the Crime Data Explorer is asked.
const FBI_API_KEY: &str = "TOLLHOUSE_FBI_API_KEY";

/// The same for the key by which names become hashes in a linkage.
const LINKAGE_KEY: &str = "TOLLHOUSE_LINKAGE_KEY";

/// What `accept_terms` says of whoever links records of persons.
const PERSON_LEVEL: &str = "person-level";

impl Config {
    /// Reads the file named, or `tollhouse.toml` here if there is one, and the keys in the environment.
    pub fn load(path: Option<&Path>) -> Result<Self> {
        let mut config = Self::read(path)?;
        config.socrata_app_token = key(SOCRATA_APP_TOKEN, &|name| std::env::var_os(name))?;
        config.fbi_api_key = key(FBI_API_KEY, &|name| std::env::var_os(name))?;
        config.webhook = key(WEBHOOK_URL, &|name| std::env::var_os(name))?;
        config.deadman = key(DEADMAN_URL, &|name| std::env::var_os(name))?;
        config.otlp_authorization = key(OTLP_AUTHORIZATION, &|name| std::env::var_os(name))?;
        Ok(config)
    }

    /// The file that [`Self::load`] reads, if there is one: what is handed on to other processes of ours.
    pub fn text(path: Option<&Path>) -> Result<Option<String>> {
        let default = Path::new("tollhouse.toml");
        let Some(path) = path.or(Some(default).filter(|path| path.is_file())) else { return Ok(None) };
        std::fs::read_to_string(path).map(Some).or_error(Kind::Usage, format!("cannot read {}", path.display()))
    }

    /// When a dataset is due: as the operator says, else as its pipeline does.
    pub fn schedule(&self, dataset: &Dataset) -> Schedule {
        self.schedules.get(dataset.id.as_str()).unwrap_or(&dataset.spec.schedule).clone()
    }

    fn read(path: Option<&Path>) -> Result<Self> {
        let default = Path::new("tollhouse.toml");
        let path = match path {
            Some(path) => path,
            None if default.is_file() => default,
            None => return Ok(Self::default()),
        };
        let text = std::fs::read_to_string(path).or_error(Kind::Usage, format!("cannot read {}", path.display()))?;
        toml::from_str(&text)
            .map_err(|cause| Error::new(Kind::Usage, format!("{} is not valid", path.display())).caused_by(cause))
    }

    /// How many threads work on a file that is read as a stream: as many as the machine has cores, unless it is said.
    pub fn workers(&self) -> NonZeroUsize {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.workers.unwrap_or_else(cores)
    }

    /// Refuses a dataset whose publisher's terms the operator has not accepted.
    pub fn check_terms(&self, dataset: &Dataset) -> Result<()> {
        let terms = dataset.spec.disclosure;
        if terms == Disclosure::None || self.accept_terms.contains(terms.as_str()) {
            return Ok(());
        }
        Err(Error::new(
            Kind::Usage,
            format!("{} comes under the `{}` data-use terms, which are not accepted", dataset.id, terms.as_str()),
        )
        .hint(format!(
            "read them ({}); if you accept, say accept_terms = [\"{}\"] in tollhouse.toml",
            dataset.spec.licence,
            terms.as_str()
        )))
    }

    /// Refuses to link records of persons unless the operator has said that they are held lawfully.
    pub fn check_person_level(&self) -> Result<()> {
        if self.accept_terms.contains(PERSON_LEVEL) {
            return Ok(());
        }
        Err(Error::new(Kind::Usage, "records of persons are linked only by those who hold them lawfully, and say so").hint(
            format!("read `tollhouse link duties`; if you meet them, say accept_terms = [\"{PERSON_LEVEL}\"] in tollhouse.toml"),
        ))
    }

    /// The engine for a warehouse: real publishers, or a replica at `replica`.
    pub fn engine(&self, warehouse: &Warehouse, datasets: &[&Dataset], replica: Option<&str>) -> Result<Engine> {
        let contact = self.contact.as_deref().unwrap_or("no contact configured");
        let mut settings = Settings {
            user_agent: format!("tollhouse/{VERSION} (data archive; {contact})"),
            hosts: self.hosts.clone(),
            only_mapped: false,
            via: Origin::Live.as_str().to_owned(),
            redirect_hosts: self.redirect_hosts.clone(),
            secret_headers: self.secret_headers(datasets)?,
            attempts: 6,
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_secs(120),
            requests_per_minute: self.requests_per_minute.clone(),
            seconds_between_requests: self.seconds_between_requests(),
            requests_per_hour: self.requests_per_hour(),
            default_per_minute: 30,
            connect_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(120),
            max_bytes: self.max_bytes.unwrap_or(1 << 40),
        };
        if let Some(base) = replica {
            check_loopback(base)?;
            settings.only_mapped = true;
            // A replica needs no key.
            settings.secret_headers.clear();
            Origin::Replica.as_str().clone_into(&mut settings.via);
            settings.hosts = hosts(datasets)?
                .into_iter()
                .map(|host| (host.clone(), format!("{}/{host}", base.trim_end_matches('/'))))
                .collect();
            settings.attempts = 4;
            settings.first_delay = Duration::from_millis(20);
            settings.longest_delay = Duration::from_secs(2);
        }
        Ok(Engine::new(settings, warehouse.archive(), clock())?.remembering(State::of(warehouse.root())))
    }

    /// The keys that each publisher host gets: Socrata's portals their application token, the FBI's gateway its key.
    fn secret_headers(&self, datasets: &[&Dataset]) -> Result<BTreeMap<String, Vec<(String, Secret)>>> {
        let mut headers = BTreeMap::new();
        for (kinds, name, secret) in [
            (&["socrata"][..], "x-app-token", &self.socrata_app_token),
            (&["cde_agencies", "cde_summarized"], "x-api-key", &self.fbi_api_key),
        ] {
            let Some(secret) = secret else { continue };
            let asked = datasets.iter().copied().filter(|dataset| kinds.contains(&dataset.source_kind()));
            for host in hosts(&asked.collect::<Vec<_>>())? {
                headers.insert(host, vec![(name.to_owned(), secret.clone())]);
            }
        }
        Ok(headers)
    }

    /// The limits by the hour that hold, by host.
    pub fn hourly(&self) -> BTreeMap<String, u32> {
        self.requests_per_hour()
    }

    /// The operator's limits, and the publisher's own of which the operator says nothing.
    fn requests_per_hour(&self) -> BTreeMap<String, u32> {
        let mut limits: BTreeMap<String, u32> =
            self.requests_per_hour.iter().map(|(host, limit)| (host.to_ascii_lowercase(), *limit)).collect();
        for (host, limit) in REQUESTS_PER_HOUR {
            limits.entry((*host).to_owned()).or_insert(*limit);
        }
        limits
    }

    /// The operator's pauses, and ours for hosts of which the operator says nothing.
    fn seconds_between_requests(&self) -> BTreeMap<String, u64> {
        let mut seconds = self.seconds_between_requests.clone();
        for (host, default) in SECONDS_BETWEEN_REQUESTS {
            let said = |known: &String| known.eq_ignore_ascii_case(host);
            if !seconds.keys().chain(self.requests_per_minute.keys()).any(said) {
                seconds.insert((*host).to_owned(), *default);
            }
        }
        seconds
    }

    /// Why a dataset cannot be fetched by a program, if it cannot: its publisher serves it only to a person.
    pub fn needs_person(&self, dataset: &Dataset) -> Result<bool> {
        let hosts = hosts(&[dataset])?;
        Ok(!is_fetched(dataset)?
            || hosts.iter().any(|host| host.ends_with(".invalid") && !self.hosts.contains_key(host)))
    }
}

/// A key from the environment, or from the file that the environment names.
fn key(name: &str, environment: &dyn Fn(&str) -> Option<OsString>) -> Result<Option<Secret>> {
    told(name, environment)?.map(|(name, text)| Secret::new(&name, &text)).transpose()
}

/// What the environment, or the file that it names, has under a name; and under which of the two names that is.
fn told(name: &str, environment: &dyn Fn(&str) -> Option<OsString>) -> Result<Option<(String, String)>> {
    let of_file = format!("{name}_FILE");
    match (environment(name), environment(&of_file)) {
        (Some(_), Some(_)) => {
            Err(Error::new(Kind::Usage, format!("both {name} and {of_file} are set")).hint("keep one of the two"))
        }
        (Some(text), None) => Ok(Some((name.to_owned(), text.to_string_lossy().into_owned()))),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(&path)
                .or_error(Kind::Usage, format!("cannot read the file that {of_file} names"))?;
            Ok(Some((of_file, text)))
        }
        (None, None) => Ok(None),
    }
}

/// A replica is on this machine, or it is none.
fn check_loopback(base: &str) -> Result<()> {
    let host = base.strip_prefix("http://").unwrap_or_default().split(['/', ':']).next().unwrap_or_default();
    if matches!(host, "127.0.0.1" | "localhost") {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, format!("`{base}` is not an address on this machine"))
        .hint("a replica's address looks like http://127.0.0.1:PORT"))
}

/// The hosts that datasets are fetched from.
pub fn hosts(datasets: &[&Dataset]) -> Result<BTreeSet<String>> {
    let mut hosts = BTreeSet::new();
    for dataset in datasets {
        let extractor = ingest::extract::extractor(dataset)?;
        hosts.extend(extractor.other_hosts());
        for slice in extractor.slices() {
            // The project's own tables have no host.
            let host = slice.url.split("//").nth(1).and_then(|rest| rest.split('/').next());
            hosts.extend(host.map(ToOwned::to_owned));
            hosts.extend(slice.link_hosts);
        }
    }
    Ok(hosts)
}

/// The key to the hashes of a linkage, which no other command needs in its memory.
pub fn linkage_key() -> Result<linkage::Key> {
    match told(LINKAGE_KEY, &|name| std::env::var_os(name))? {
        Some((name, text)) => linkage::Key::new(&name, &text),
        None => Err(Error::new(
            Kind::Usage,
            format!("there is no key to the hashes: neither {LINKAGE_KEY} nor {LINKAGE_KEY}_FILE is set"),
        )
        .hint("make a file that only you can read: (umask 077; openssl rand -hex 32 > linkage.key)")),
    }
}

/// The time. Only the program reads the clock.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// The time that never jumps, since the program began to look.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn uptime() -> Duration {
    static BEGUN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    BEGUN.get_or_init(std::time::Instant::now).elapsed()
}

fn clock() -> Clock {
    Arc::new(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variables: &[(&str, &str)], found: std::result::Result<bool, &str>) {
        let environment =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        match (key("KEY", &environment), found) {
            (Ok(key), Ok(some)) => assert_eq!(key.is_some(), some),
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (key, _) => panic!("{key:?}"),
        }
    }

    #[test]
    fn a_key_comes_from_the_environment_or_from_a_file_that_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let path = file.to_str().unwrap();
        check(&[], Ok(false));
        check(&[("KEY", "c4n4ry-t0ken")], Ok(true));
        check(&[("KEY_FILE", path)], Err("cannot read the file that KEY_FILE names"));
        std::fs::write(&file, "c4n4ry-t0ken\n").unwrap();
        check(&[("KEY_FILE", path)], Ok(true));
        check(&[("KEY", "c4n4ry-t0ken"), ("KEY_FILE", path)], Err("both KEY and KEY_FILE are set"));
        check(&[("KEY", " ")], Err("KEY holds no usable key"));
        check(&[("KEY", "two words here")], Err("KEY holds no usable key"));
    }

    #[test]
    fn only_portals_of_a_declared_source_get_the_token() {
        let config =
            Config { socrata_app_token: Some(Secret::new("KEY", "c4n4ry-t0ken").unwrap()), ..Config::default() };
        let project = crate::project::Project::load(None).unwrap();
        let datasets: Vec<&Dataset> = project.datasets.iter().collect();
        let headers = config.secret_headers(&datasets).unwrap();
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["data.cdc.gov"]);
        assert!(!format!("{config:?} {headers:?}").contains("c4n4ry"));
    }

    #[track_caller]
    fn check_pauses(toml: &str, expected: &[(&str, u64)]) {
        let config: Config = toml::from_str(toml).unwrap();
        let seconds = config.seconds_between_requests();
        let seconds: Vec<_> = seconds.iter().map(|(host, seconds)| (host.as_str(), *seconds)).collect();
        assert_eq!(seconds, expected, "{toml}");
    }

    #[test]
    fn wonder_is_asked_once_in_two_minutes_unless_the_operator_says_otherwise() {
        check_pauses("", &[("wonder.cdc.gov", 120)]);
        check_pauses("[seconds_between_requests]\n\"wonder.cdc.gov\" = 300", &[("wonder.cdc.gov", 300)]);
        check_pauses("[seconds_between_requests]\n\"WONDER.cdc.gov\" = 300", &[("WONDER.cdc.gov", 300)]);
        check_pauses("[requests_per_minute]\n\"wonder.cdc.gov\" = 1", &[]);
        check_pauses("[seconds_between_requests]\n\"a.example\" = 90", &[("a.example", 90), ("wonder.cdc.gov", 120)]);
    }
}
