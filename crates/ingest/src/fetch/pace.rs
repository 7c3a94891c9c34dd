//! Politeness: requests to one host are spread evenly over the minute.
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
        let otherwise = apart(settings.default_per_minute, "every other host")?;
        Ok(Self { between, otherwise, limiters: Mutex::default() })
    }

    /// Waits for this host's turn.
    pub(super) async fn turn(&self, url: &Url, wire: &Url) {
        if let Some(limiter) = self.limiter(url, wire) {
            limiter.until_ready().await;
        }
    }

    fn limiter(&self, url: &Url, wire: &Url) -> Option<Arc<DefaultDirectRateLimiter>> {
        if is_loopback(wire) {
            return None;
        }
        let host = url.host_str().unwrap_or_default();
        // A period of nothing is no limit.
        let quota = Quota::with_period(*self.between.get(host).unwrap_or(&self.otherwise))?;
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

    #[test]
    fn zero_requests_per_minute_is_no_setting() {
        assert_eq!(apart(0, "h").unwrap_err().kind(), Kind::Usage);
        assert_eq!(apart(2, "h").unwrap(), Duration::from_secs(30));
    }
}
