//! Politeness: requests to one host are spread evenly over time.
//!
//! Absent: waiting after failures, which is the engine's.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use model::{Error, Kind, Result};
use url::Url;

use super::Settings;
use super::address::is_loopback;

pub(super) struct Pace {
    between: BTreeMap<String, Duration>,
    otherwise: Duration,
    limiters: Mutex<HashMap<String, Arc<DefaultDirectRateLimiter>>>,
}

impl Pace {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let mut between = BTreeMap::new();
        for (host, per_minute) in &settings.requests_per_minute {
            between.insert(host.to_ascii_lowercase(), apart(*per_minute, host)?);
        }
        for (host, seconds) in &settings.seconds_between_requests {
            if *seconds == 0 {
                return Err(Error::new(Kind::Usage, format!("no time at all is set between two requests to {host}"))
                    .hint("say how many seconds shall lie between them"));
            }
            if between.insert(host.to_ascii_lowercase(), Duration::from_secs(*seconds)).is_some() {
                return Err(Error::new(
                    Kind::Usage,
                    format!("{host} has a pace in requests_per_minute and another in seconds_between_requests"),
                )
                .hint("keep one of the two"));
            }
        }
        let otherwise = apart(settings.default_per_minute, "every other host")?;
        Ok(Self { between, otherwise, limiters: Mutex::default() })
    }

    /// Waits for this host's turn.
    pub(super) async fn turn(&self, url: &Url, wire: &Url) {
        if let Some(limiter) = self.limiter(url, wire)
            && limiter.check().is_err()
        {
            tracing::info!(host = url.host_str(), "waiting for this publisher's turn");
            limiter.until_ready().await;
        }
    }

    /// The time between two requests to the host at an address; this machine is asked as often as we like.
    pub(super) fn apart(&self, url: &Url, wire: &Url) -> Option<Duration> {
        let host = url.host_str().unwrap_or_default();
        Some(*self.between.get(host).unwrap_or(&self.otherwise)).filter(|_| !is_loopback(wire))
    }

    /// How often the host at an address may be asked.
    fn quota(&self, url: &Url, wire: &Url) -> Option<Quota> {
        // A period of nothing is no limit.
        Quota::with_period(self.apart(url, wire)?)
    }

    fn limiter(&self, url: &Url, wire: &Url) -> Option<Arc<DefaultDirectRateLimiter>> {
        let quota = self.quota(url, wire)?;
        let host = url.host_str().unwrap_or_default();
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        let limiter = limiters.entry(host.to_owned()).or_insert_with(|| Arc::new(RateLimiter::direct(quota)));
        Some(limiter.clone())
    }
}

/// The time between two requests.
fn apart(per_minute: u32, host: &str) -> Result<Duration> {
    Duration::from_secs(60).checked_div(per_minute).ok_or_else(|| {
        Error::new(Kind::Usage, format!("no request per minute is allowed to {host}")).hint("allow at least one")
    })
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn pace() -> Pace {
        let between = BTreeMap::from([("slow.example".to_owned(), apart(2, "").unwrap())]);
        Pace { between, otherwise: apart(60, "").unwrap(), limiters: Mutex::default() }
    }

    #[track_caller]
    fn check(wire: &str, free: usize) {
        let (pace, wire) = (pace(), Url::parse(wire).unwrap());
        let passed = (0..3).filter(|_| pace.limiter(&wire, &wire).is_none_or(|limiter| limiter.check().is_ok()));
        assert_eq!(passed.count(), free, "{wire}");
    }

    #[test]
    fn a_second_request_in_a_row_waits_but_on_this_machine() {
        check("https://slow.example/a", 1);
        check("https://other.example/a", 1);
        check("http://127.0.0.1:4000/slow.example/a", 3);
        check("http://[::1]:4000/slow.example/a", 3);
        check("http://localhost:4000/slow.example/a", 3);
    }

    #[test]
    fn hosts_wait_for_themselves_only() {
        let pace = pace();
        for host in ["https://a.example/", "https://b.example/", "https://slow.example/"] {
            let url = Url::parse(host).unwrap();
            assert!(pace.limiter(&url, &url).unwrap().check().is_ok());
        }
    }

    /// That a host may be asked again after so many seconds, and not a second before.
    #[track_caller]
    fn check_apart(pace: &Pace, host: &str, seconds: u64) {
        let url = Url::parse(&format!("https://{host}/")).unwrap();
        let clock = FakeRelativeClock::default();
        let limiter = RateLimiter::direct_with_clock(pace.quota(&url, &url).unwrap(), clock.clone());
        assert!(limiter.check().is_ok());
        clock.advance(Duration::from_secs(seconds - 1));
        assert!(limiter.check().is_err(), "{host} before {seconds} s");
        clock.advance(Duration::from_secs(1));
        assert!(limiter.check().is_ok(), "{host} after {seconds} s");
        assert!(limiter.check().is_err(), "{host} twice after {seconds} s");
    }

    fn set(per_minute: &[(&str, u32)], seconds: &[(&str, u64)]) -> Result<Pace> {
        let mut settings = super::super::tests::settings();
        settings.requests_per_minute = per_minute.iter().map(|(host, n)| ((*host).to_owned(), *n)).collect();
        settings.seconds_between_requests = seconds.iter().map(|(host, s)| ((*host).to_owned(), *s)).collect();
        settings.default_per_minute = 30;
        Pace::new(&settings)
    }

    #[test]
    fn a_pace_is_told_in_requests_per_minute_or_in_seconds_between_them() {
        let pace = set(&[("fast.example", 60)], &[("Slow.example", 120)]).unwrap();
        check_apart(&pace, "slow.example", 120);
        check_apart(&pace, "fast.example", 1);
        check_apart(&pace, "other.example", 2);
    }

    #[test]
    fn a_pace_that_is_none_or_two_is_refused() {
        assert_eq!(set(&[], &[("h", 0)]).err().unwrap().kind(), Kind::Usage);
        let both = set(&[("h", 2)], &[("h", 120)]).err().unwrap();
        assert_eq!(both.kind(), Kind::Usage);
        assert!(both.to_string().contains("requests_per_minute"), "{both}");
    }

    #[test]
    fn zero_requests_per_minute_is_no_setting() {
        assert_eq!(apart(0, "h").unwrap_err().kind(), Kind::Usage);
        assert_eq!(apart(2, "h").unwrap(), Duration::from_secs(30));
    }
}
