//! The HTTP engine: asks a publisher once, politely and persistently, and archives what comes back.
//!
//! [`Engine::fetch`] is the only door to the network. It answers with a [`Fetched`] page whose body is in the archive,
//! or with an error whose kind says why not; either way the publisher's final answer leaves an exchange behind. A body
//! is let into the archive only when it is whole and looks like the data that were asked for.
//!
//! A query is sent by POST. Its answer belongs to its body, not to its address: it is never conditional, never resumed
//! and never redirected, and the receipt holds what was asked.
//!
//! Where an address serves a signed link to a file ([`Request::link_hosts`]), the file is what is fetched; the link is
//! written down nowhere.
//!
//! Absent: what to ask for and what it means ([`crate::extract`]), the wall clock and configuration files (the
//! program's), cookies, sign-ins, scripts, and any request other than GET and POST.

mod address;
mod answer;
mod body;
mod link;
mod own;
mod pace;
mod peek;
mod secret;
mod visit;

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use futures::future::BoxFuture;
use model::{Error, Kind, Result, ResultExt as _};
use reqwest::Response;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use store::archive::Archive;
use store::state::{self, State};
use url::Url;

use crate::extract::{Page, Request};
use address::Addresses;
use answer::Head;
pub use own::Own;
use pace::Pace;
pub use peek::Peek;
pub use secret::Secret;
use visit::Visit;

/// An address as it may be written down: without keys and signatures. What is no address is left as it stands.
pub fn written(url: &str) -> String {
    address::parse(url).map_or_else(|_| url.to_owned(), |url| address::canonical(&url))
}

/// Tells the time. The program's clock, so that a run can be repeated at any pretended time.
pub type Clock = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;

/// Looks at the beginning of a page before it is let into the archive.
pub type Inspect<'a> = &'a (dyn Fn(&Page) -> Result<()> + Send + Sync);

/// How to reach publishers, and how politely. Read from configuration by the program.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who we say we are: name, version, and where to complain. A browser's name is refused.
    pub user_agent: String,
    /// Publisher hosts, and the base URLs that stand for them: `data.cdc.gov` → `http://127.0.0.1:4000/data.cdc.gov`.
    pub hosts: BTreeMap<String, String>,
    /// Refuse every host that is not in `hosts`. The environment's proxies are then ignored as well, so that a replica
    /// is all that is ever reached.
    pub only_mapped: bool,
    /// `live` or `replica`: recorded in each exchange.
    pub via: String,
    /// Hosts, besides a request's own, to which a publisher may redirect us.
    pub redirect_hosts: Vec<String>,
    /// How many attempts may fail in a row. A resumed body that grew is no failure in this sense.
    pub attempts: u32,
    /// The shortest pause after a first failure; it doubles with every further one, and jitter adds up to as much again.
    pub first_delay: Duration,
    /// The longest pause that we make, and the longest that a publisher may ask for.
    pub longest_delay: Duration,
    /// Headers that open doors, by the publisher host that they are for: no other host ever gets them.
    pub secret_headers: BTreeMap<String, Vec<(String, Secret)>>,
    /// Requests per minute, by publisher host. What is mapped to this machine is not limited.
    pub requests_per_minute: BTreeMap<String, u32>,
    /// Seconds between two requests, by publisher host, for publishers who are asked less than once a minute. A host
    /// stands here or in `requests_per_minute`.
    pub seconds_between_requests: BTreeMap<String, u64>,
    /// Requests within any hour, by publisher host: counted over all processes of a warehouse and over restarts.
    pub requests_per_hour: BTreeMap<String, u32>,
    /// Requests per minute to every other host.
    pub default_per_minute: u32,
    /// How long a connection may take to open.
    pub connect_timeout: Duration,
    /// How long the line may be silent. There is no limit on the whole: a body may take hours.
    pub idle_timeout: Duration,
    /// The largest body that we accept, in bytes as received.
    pub max_bytes: u64,
}

/// What a request came to.
#[derive(Debug)]
pub struct Fetched {
    /// The archived body and its headers.
    pub page: Page,
    /// The name of the exchange that was recorded.
    pub exchange: String,
    /// The publisher said that what we hold is still what it serves.
    pub not_modified: bool,
    /// The length of the body, in bytes as received, now or then.
    pub bytes: u64,
}

/// Fetches from publishers. Cheap to share behind a reference; calls may run side by side.
pub struct Engine {
    settings: Settings,
    addresses: Addresses,
    pace: Pace,
    client: reqwest::Client,
    /// The same, with more patience: a publisher computes the answer to a query before it sends the first byte of it.
    querying: reqwest::Client,
    archive: Archive,
    clock: Clock,
    sleep: Sleep,
    own: Option<Own>,
    state: Option<State>,
}

type Sleep = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// How long a publisher may compute the answer to a query. WONDER's own longest limit is 15 minutes.
const QUERY_TIMEOUT: Duration = Duration::from_secs(900);

/// What requests by the hour are counted over.
const HOUR: Duration = Duration::from_secs(3600);

/// Redirects that we follow before we call it a loop.
const MOST_REDIRECTS: u32 = 5;

/// A body that grew by so many bytes in a resumed attempt shows that persistence pays: failures are counted anew.
const PROGRESS: u64 = 1 << 20;

/// Why an attempt did not end in a page.
enum Setback {
    /// Asking again may help.
    Passing(Box<Passing>),
    /// The publisher's final answer, and it will not do. Recorded, then returned.
    Refused(Head, Error),
    /// Nothing of the publisher's: our own request, disk, or program.
    Ours(Error),
}

/// A failure that the same request may outlive.
#[derive(Default)]
struct Passing {
    /// What happened, in words.
    what: String,
    /// What lies below it.
    cause: Option<Box<dyn StdError + Send + Sync>>,
    /// The answer, if there was one.
    head: Option<Head>,
    /// How long the publisher asks us to wait.
    wait: Option<Duration>,
    /// What an inspection said, if it was one that failed.
    verdict: Option<Error>,
}

impl From<Error> for Setback {
    fn from(error: Error) -> Self {
        Setback::Ours(error)
    }
}

impl From<Passing> for Setback {
    fn from(passing: Passing) -> Self {
        Setback::Passing(Box::new(passing))
    }
}

impl Engine {
    /// An engine that files what it fetches in this archive. Fails where the settings are not usable.
    pub fn new(settings: Settings, archive: Archive, clock: Clock) -> Result<Self> {
        let addresses = Addresses::new(&settings)?;
        for (host, limit) in &settings.requests_per_hour {
            state::check_limit(host, *limit)?;
        }
        Ok(Self {
            pace: Pace::new(&settings)?,
            client: client(&settings, addresses.needs_tls(), settings.idle_timeout)?,
            querying: client(&settings, addresses.needs_tls(), settings.idle_timeout.max(QUERY_TIMEOUT))?,
            addresses,
            settings,
            archive,
            clock,
            sleep: Arc::new(|pause| Box::pin(tokio::time::sleep(pause))),
            own: None,
            state: None,
        })
    }

    /// The same engine, which remembers there how often publishers were asked: without it limits by the hour do not hold.
    pub fn remembering(self, state: State) -> Self {
        Self { state: Some(state), ..self }
    }

    /// Asks once, politely and persistently. What comes back is archived, or is the archived body again if the
    /// publisher says that it has not changed.
    ///
    /// `inspect` decides whether a body is the table that was asked for; what it refuses is not archived. Dropping the
    /// future leaves nothing behind.
    ///
    /// Errors: [`Kind::Usage`] for an address that we must not ask for, [`Kind::Unreachable`] when patience ran out,
    /// [`Kind::Refused`] for a publisher's no, [`Kind::NotData`] for something else than data, [`Kind::Io`] for our own
    /// disk, and whatever `inspect` returns.
    pub async fn fetch(&self, request: &Request, inspect: Inspect<'_>) -> Result<Fetched> {
        if let Some(path) = own::path(request) {
            return self.read_own(path, request, inspect);
        }
        let mut visit = self.visit(request)?;
        let mut delays = self.delays();
        let mut failures = 0;
        loop {
            let reached = visit.received;
            let passing = match self.attempt(&mut visit, inspect).await {
                Ok(fetched) => return Ok(fetched),
                Err(Setback::Passing(passing)) => *passing,
                Err(Setback::Refused(head, error)) => {
                    return Err(self.refuse(&visit, &head, error)?);
                }
                Err(Setback::Ours(error)) => return Err(error),
            };
            if visit.received >= reached + PROGRESS {
                delays = self.delays();
                failures = 0;
            }
            failures += 1;
            let pause = passing.wait.unwrap_or_default().max(delays.next().unwrap_or_default());
            let longest = self.settings.longest_delay;
            if failures >= self.settings.attempts || passing.wait.is_some_and(|asked| asked > longest) {
                return Err(self.give_up(&visit, passing)?);
            }
            let pause = pause.min(longest);
            tracing::warn!(
                url = visit.canonical,
                attempt = visit.attempts,
                pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                reason = passing.reason(),
                "asking again"
            );
            (self.sleep)(pause).await;
        }
    }

    /// What is known before the first attempt.
    fn visit(&self, request: &Request) -> Result<Visit> {
        let url = address::parse(&request.url)?;
        let canonical = address::canonical(&url);
        if request.form.is_some() {
            return Ok(Visit::new(url, canonical, request, None, (self.clock)()));
        }
        let sound = |exchange: &store::archive::Exchange| match &exchange.digest {
            Some(digest) => self.archive.is_sound(digest),
            None => Ok(false),
        };
        // A body that is no longer what was received must not be what a 304 confirms.
        let previous = blocking(|| match self.archive.latest(&canonical)? {
            Some(exchange) if sound(&exchange)? => Ok(Some(exchange)),
            Some(exchange) => {
                tracing::warn!(url = canonical, capture = ?exchange.digest, "the capture held is damaged: asking for it afresh");
                Ok(None)
            }
            None => Ok(None),
        })?
            // Validators of the replica mean nothing to the publisher, nor the other way round.
            .filter(|exchange| exchange.via == self.settings.via);
        Ok(Visit::new(url, canonical, request, previous, (self.clock)()))
    }

    async fn attempt(&self, visit: &mut Visit, inspect: Inspect<'_>) -> Result<Fetched, Setback> {
        visit.attempts += 1;
        visit.prepare();
        let (head, response) = self.send(visit).await?;
        match head.status {
            304 if visit.is_conditional() => self.unchanged(visit, &head, inspect),
            200 => {
                self.begin(visit, &head)?;
                self.receive(visit, &head, response).await?;
                self.admit(visit, inspect)
            }
            206 if visit.is_resuming() => {
                visit.accept_part(&head)?;
                self.receive(visit, &head, response).await?;
                self.admit(visit, inspect)
            }
            416 if visit.is_resuming() => {
                visit.forget_body();
                Err(Passing {
                    what: "the publisher could not resume the body where it was cut".to_owned(),
                    head: Some(head),
                    ..Passing::default()
                }
                .into())
            }
            _ => Err(self.turned_away(visit, head, response).await),
        }
    }

    /// Sends the request, following redirects that stay where they should.
    async fn send(&self, visit: &mut Visit) -> Result<(Head, Response), Setback> {
        let mut url = self.place(visit).await?;
        for _ in 0..=MOST_REDIRECTS {
            let wire = self.addresses.wire(&url)?;
            self.turn(&url, &wire).await?;
            let mut headers = header_map(&visit.sent)?;
            self.add_secrets(&url, &wire, visit, &mut headers)?;
            let request = match &visit.form {
                None => self.client.get(wire.clone()),
                Some(form) => self.querying.post(wire.clone()).body(form.clone()),
            };
            let request = request.headers(headers);
            let response = request.send().await.map_err(|error| self.unanswered(error))?;
            let head = Head::of(&response, &visit.secrets);
            if !matches!(head.status, 301 | 302 | 303 | 307 | 308) {
                return Ok((head, response));
            }
            if visit.form.is_some() {
                return Err(Setback::Refused(head.clone(), answer::moved(&visit.canonical, &head)));
            }
            // The head's own copy of the address has lost its secrets, which the next request needs.
            let location = response.headers().get("location").and_then(|to| to.to_str().ok());
            url = match self.addresses.follow(&visit.url, &url, &wire, location) {
                Ok(url) => url,
                Err(error) => return Err(Setback::Refused(head, error)),
            };
            visit.secrets.extend(address::secrets(&url));
        }
        let error =
            Error::new(Kind::Refused, format!("{} redirects more than {MOST_REDIRECTS} times", visit.canonical))
                .hint("open the address in a browser: the publisher may ask for a sign-in");
        Err(Setback::Refused(Head { status: 302, headers: Vec::new() }, error))
    }

    /// Waits for this host's turn: every request to a publisher does, whatever it is for.
    async fn turn(&self, url: &Url, wire: &Url) -> Result<()> {
        self.spend(url, wire).await?;
        self.pace.turn(url, wire).await;
        // Other processes of the warehouse ask this host too, and one that has ended may have done so a moment ago.
        let (Some(state), Some(apart)) = (&self.state, self.pace.apart(url, wire)) else { return Ok(()) };
        let host = url.host_str().unwrap_or_default();
        while let Some(wait) = blocking(|| state.turn(host, apart, (self.clock)()))? {
            tracing::info!(host, seconds = wait.as_secs(), "waiting for this publisher's turn");
            (self.sleep)(wait).await;
        }
        Ok(())
    }

    /// Waits until one of this host's requests of the hour is free, and takes it. What is mapped to this machine is not
    /// limited.
    async fn spend(&self, url: &Url, wire: &Url) -> Result<()> {
        let host = url.host_str().unwrap_or_default();
        let (Some(state), Some(limit)) = (&self.state, self.settings.requests_per_hour.get(host)) else {
            return Ok(());
        };
        if address::is_loopback(wire) {
            return Ok(());
        }
        while let Some(wait) = blocking(|| state.take(host, *limit, HOUR, (self.clock)()))? {
            tracing::info!(
                host,
                seconds = wait.as_secs(),
                "this publisher has been asked often enough this hour: waiting"
            );
            (self.sleep)(wait).await;
        }
        Ok(())
    }

    /// No answer came at all.
    fn unanswered(&self, error: reqwest::Error) -> Setback {
        let error = error.without_url();
        if error.is_builder() {
            return Setback::Ours(Error::new(Kind::Internal, "cannot form the request").caused_by(error));
        }
        let what = if error.is_timeout() {
            "no answer in time"
        } else if error.is_connect() {
            "could not connect"
        } else {
            "the connection broke before an answer came"
        };
        Passing { what: what.to_owned(), cause: Some(Box::new(error)), ..Passing::default() }.into()
    }

    /// The publisher answered without a body of data: it is busy, or it says no.
    async fn turned_away(&self, visit: &Visit, head: Head, response: Response) -> Setback {
        let words = answer::first_words(response, &visit.secrets).await;
        let said = answer::said(head.status, &words.quoted);
        // A link that came too late is asked for again.
        let late = visit.linked && head.status == 403 && words.say_expired();
        if late || head.is_passing() && !words.are_final(head.status) {
            let wait = head.retry_after((self.clock)());
            return Passing { what: format!("it answered {said}"), head: Some(head), wait, ..Passing::default() }
                .into();
        }
        let error = answer::refusal(&visit.canonical, head.status, &said);
        Setback::Refused(head, error)
    }

    fn delays(&self) -> ExponentialBackoff {
        // Jitter adds up to as much again, so that half of the longest is where doubling must end.
        let longest = self.settings.longest_delay / 2;
        ExponentialBuilder::new()
            .with_min_delay(self.settings.first_delay.min(longest))
            .with_max_delay(longest)
            .without_max_times()
            .with_jitter()
            // Without a seed every machine would wait the same "random" times.
            .with_jitter_seed(RandomState::new().build_hasher().finish())
            .build()
    }

    /// Records what the publisher said last, and says that our patience ended.
    fn give_up(&self, visit: &Visit, passing: Passing) -> Result<Error> {
        let (url, attempts, longest) = (&visit.canonical, visit.attempts, self.settings.longest_delay);
        let tries = if attempts == 1 { "1 attempt".to_owned() } else { format!("{attempts} attempts") };
        let head = passing.head;
        let error = match (passing.verdict, passing.wait.filter(|asked| *asked > longest)) {
            (Some(verdict), _) => verdict.while_doing(format!("after {tries}")),
            (None, Some(asked)) => Error::new(
                Kind::Unreachable,
                format!(
                    "{url}: {}, and asks us to wait {} s, longer than the {} s that we are set to wait",
                    passing.what,
                    asked.as_secs(),
                    longest.as_secs()
                ),
            )
            .hint("run it again after that time; the next scheduled run does")
            .retryable(),
            (None, None) => {
                let error = Error::new(
                    Kind::Unreachable,
                    format!("{url} could not be fetched in {tries}; at last, {}", passing.what),
                )
                .hint("the publisher or the network may be down: run it again later; `tollhouse probe` tries each publisher")
                .retryable();
                match passing.cause {
                    Some(cause) => error.caused_by(cause),
                    None => error,
                }
            }
        };
        match head {
            Some(head) => self.refuse(visit, &head, error),
            None => Ok(error),
        }
    }
}

impl Passing {
    /// What happened and all that lies below it, for the log.
    fn reason(&self) -> String {
        let mut text = self.verdict.as_ref().map_or_else(|| self.what.clone(), ToString::to_string);
        let mut below = self.cause.as_deref().map(|cause| cause as &dyn StdError);
        while let Some(cause) = below {
            text = format!("{text}: {cause}");
            below = cause.source();
        }
        text
    }
}

/// A client that does nothing of its own accord: no redirects, no retries, no unpacking.
fn client(settings: &Settings, tls: bool, silence: Duration) -> Result<reqwest::Client> {
    // Fails if the program has chosen a provider before, which is as good.
    let _chosen_before = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(address::user_agent(&settings.user_agent)?)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(settings.connect_timeout)
        .read_timeout(silence);
    if settings.only_mapped {
        builder = builder.no_proxy();
    }
    if !tls {
        // A machine without root certificates can still ask its own replica.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|cause| {
        Error::new(Kind::Usage, "cannot set up HTTPS")
            .caused_by(cause)
            .hint("the system's root certificates are needed: install the package `ca-certificates`")
    })
}

/// A client for telling others: the same trust, no redirects, and no longer than so long.
pub(crate) fn plain_client(user_agent: &str, patience: Duration) -> Result<reqwest::Client> {
    let _chosen_before = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(address::user_agent(user_agent)?)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(patience)
        .build()
        .map_err(|cause| {
            Error::new(Kind::Usage, "cannot set up HTTPS")
                .caused_by(cause)
                .hint("the system's root certificates are needed: install the package `ca-certificates`")
        })
}

fn header_map(headers: &[(String, String)]) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).or_error(Kind::Internal, "cannot form a header")?;
        map.append(name, HeaderValue::from_str(value).or_error(Kind::Internal, "cannot form a header")?);
    }
    Ok(map)
}

/// Runs something that blocks without holding up the other tasks of the runtime, where the runtime allows it.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests;
