//! Addresses: what a publisher's URL is on the wire, what of it may be written down, and where a redirect may lead.
//!
//! Absent: sending anything.

use std::collections::{BTreeMap, BTreeSet};

use model::{Error, Kind, Result, ResultExt as _};
use reqwest::header::HeaderValue;
use url::{Host, Url, form_urlencoded};

use super::Settings;

/// Query parameters that open doors, in lower case.
const SECRET: &[&str] = &[
    "$$app_token",
    "access_token",
    "api-key",
    "api_key",
    "apikey",
    "app_token",
    "auth",
    "auth_token",
    "awsaccesskeyid",
    "client_secret",
    "expires",
    "googleaccessid",
    "key",
    "key-pair-id",
    "password",
    "secret",
    "sig",
    "signature",
    "token",
];

/// Beginnings of such parameters: the signatures of storage services.
const SECRET_PREFIX: &[&str] = &["x-amz-", "x-goog-"];

/// Where hosts really are, and where redirects may lead.
pub(super) struct Addresses {
    bases: BTreeMap<String, Url>,
    only_mapped: bool,
    redirect_hosts: BTreeSet<String>,
}

impl Addresses {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let mut bases = BTreeMap::new();
        for (host, base) in &settings.hosts {
            let base = parse(base).map_err(|error| error.while_doing(format!("the base URL of {host}")))?;
            bases.insert(host.to_ascii_lowercase(), base);
        }
        Ok(Self {
            bases,
            only_mapped: settings.only_mapped,
            redirect_hosts: settings.redirect_hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
        })
    }

    /// Whether anything can be reached that needs root certificates.
    pub(super) fn needs_tls(&self) -> bool {
        !self.only_mapped || self.bases.values().any(|base| base.scheme() == "https")
    }

    /// The URL that is really asked for.
    pub(super) fn wire(&self, url: &Url) -> Result<Url> {
        let host = url.host_str().unwrap_or_default();
        let Some(base) = self.bases.get(host) else {
            if !self.only_mapped {
                return Ok(url.clone());
            }
            return Err(Error::new(
                Kind::Usage,
                format!(
                    "{} was not asked for: no base URL stands for {host}, and only such hosts may be reached",
                    canonical(url)
                ),
            )
            .hint("the replica does not serve this publisher; run without --replica to ask the publisher itself"));
        };
        let mut wire = base.clone();
        wire.set_path(&format!("{}{}", base.path().trim_end_matches('/'), url.path()));
        wire.set_query(url.query());
        Ok(wire)
    }

    /// Where a redirect leads: from `url`, reached as `wire`, within what was first asked for. Only to the same host
    /// or to hosts that the operator named, and never away from HTTPS.
    pub(super) fn follow(&self, asked: &Url, url: &Url, wire: &Url, location: Option<&str>) -> Result<Url> {
        let refused = |what: String| {
            Error::new(Kind::Refused, format!("{} redirects {what}", canonical(asked)))
                .hint("open the address in a browser; if the new place is right, put it into the pipeline, or its host into `redirect_hosts`")
        };
        let Some(location) = location else {
            return Err(refused("without saying where".to_owned()));
        };
        let odd = |_| refused("to something that is not an address".to_owned());
        let next = match wire.join(location).ok().and_then(|target| self.unmapped(url, &target)) {
            Some(next) => next,
            None => url.join(location).map_err(odd)?,
        };
        let host = next.host_str().unwrap_or_default().to_owned();
        if Some(host.as_str()) != asked.host_str() && !self.redirect_hosts.contains(&host) {
            return Err(refused(format!("to another host, {host}, which it may not")));
        }
        if asked.scheme() == "https" && next.scheme() != "https" {
            return Err(refused(format!("to {}, away from HTTPS", canonical(&next))));
        }
        parse(next.as_str()).map_err(|error| refused(format!("to {}", canonical(&next))).caused_by(error))
    }

    /// The publisher's URL for one below a base URL, preferring the host of `like`.
    fn unmapped(&self, like: &Url, target: &Url) -> Option<Url> {
        let own = like.host_str().and_then(|host| self.bases.get_key_value(host));
        own.into_iter().chain(&self.bases).find_map(|(host, base)| {
            let rest = target.path().strip_prefix(base.path().trim_end_matches('/'))?;
            if base.origin() != target.origin() || !rest.starts_with('/') {
                return None;
            }
            let mut url = Url::parse(&format!("{}://{host}{rest}", like.scheme())).ok()?;
            url.set_query(target.query());
            Some(url)
        })
    }
}

/// Whether it is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A URL that we can ask for: HTTP or HTTPS, with a host, without a name and password in it.
pub(super) fn parse(text: &str) -> Result<Url> {
    let mut url = Url::parse(text).or_error(Kind::Usage, format!("`{}` is not a URL", before_query(text)))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(Error::new(Kind::Usage, format!("{} is not an HTTP address", canonical(&url))));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::new(Kind::Usage, format!("the address of {} holds a name or password", canonical(&url))));
    }
    url.set_fragment(None);
    Ok(url)
}

fn before_query(text: &str) -> &str {
    text.split('?').next().unwrap_or_default()
}

/// The address as it is written down: secrets and signatures stripped, everything else as it stands.
pub(super) fn canonical(url: &Url) -> String {
    let mut clean = url.clone();
    clean.set_fragment(None);
    // These two fail only for URLs that cannot have a user.
    let _userless = (clean.set_username(""), clean.set_password(None));
    if let Some(query) = url.query() {
        let kept: Vec<_> = query.split('&').filter(|pair| secret(pair).is_none()).collect();
        let kept = kept.join("&");
        clean.set_query(Some(kept.as_str()).filter(|kept| !kept.is_empty()));
    }
    clean.into()
}

/// The secrets that an address holds, as they stand in it and decoded: whatever else we write down is cleared of them.
pub(super) fn secrets(url: &Url) -> Vec<String> {
    let mut found = Vec::new();
    for pair in url.query().unwrap_or_default().split('&') {
        if let Some(value) = secret(pair) {
            found.extend(pair.split_once('=').map(|(_, raw)| raw.to_owned()));
            found.push(value);
        }
    }
    // What is short, such as a number of seconds, would be found in innocent places.
    found.retain(|value| value.len() >= 6);
    found.sort_by_key(|value| std::cmp::Reverse(value.len()));
    found.dedup();
    found
}

/// Clears a text of these secrets.
pub(super) fn redact(text: &str, secrets: &[String]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
}

/// The value of a query parameter, if it is a secret.
fn secret(pair: &str) -> Option<String> {
    let (name, value) = form_urlencoded::parse(pair.as_bytes()).next()?;
    let name = name.to_ascii_lowercase();
    // `key` also names files in a store (`?key=master_files/reta/reta-2015.zip`): without it two files would share
    // one address, and one would be taken for the other.
    let names_a_file = name == "key" && value.contains('/') && value.contains('.');
    let known = SECRET.contains(&name.as_str()) || SECRET_PREFIX.iter().any(|prefix| name.starts_with(prefix));
    (known && !names_a_file).then(|| value.into_owned())
}

/// The name we go by: one that a publisher can block or write to.
pub(super) fn user_agent(name: &str) -> Result<HeaderValue> {
    let unusable = || Error::new(Kind::Usage, format!("`{name}` is not a usable user agent"));
    let hint = "give the program's name and version, and an address where a publisher can complain";
    if name.trim().is_empty() || name.to_ascii_lowercase().contains("mozilla/") {
        return Err(unusable().hint(hint));
    }
    HeaderValue::from_str(name).map_err(|cause| unusable().caused_by(cause).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, written: &str) {
        assert_eq!(canonical(&parse(url).unwrap()), written);
    }

    #[test]
    fn what_is_written_down_holds_no_secret_and_is_otherwise_as_asked() {
        let soda = "https://data.cdc.gov/resource/xkb8-kh2a.json?$limit=2&%24order=:id";
        check(soda, soda);
        check(&format!("{soda}&$$app_token=s3cr3t"), soda);
        check(&format!("{soda}&%24%24app_token=s3cr3t"), soda);
        check("https://h/a?API_KEY=s3cr3t&from=01-2020", "https://h/a?from=01-2020");
        check("https://h/a.zip?X-Amz-Signature=ab&X-Amz-Expires=900&x-amz-date=1", "https://h/a.zip");
        check("https://h/a.zip?AWSAccessKeyId=a&Signature=b&Expires=1#part", "https://h/a.zip");
        check("https://h/a?token=x&token=y", "https://h/a");
        check("https://h/f?monkey=banana&keys=3", "https://h/f?monkey=banana&keys=3");
    }

    #[test]
    fn a_key_that_names_a_file_tells_addresses_apart() {
        let file = "https://cde.ucr.cjis.gov/LATEST/s3/signedurl?key=master_files/reta/reta-2015.zip";
        check(file, file);
        check("https://h/f?key=AbC123/x+y", "https://h/f");
    }

    #[test]
    fn names_and_passwords_are_no_part_of_an_address() {
        let error = parse("https://me:s3cr3t@h/a").unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
        for text in ["ftp://h/a", "file:///etc/passwd", "no address?key=s3cr3t"] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{text}");
            assert!(!error.to_string().contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn a_browser_disguise_is_refused() {
        assert!(user_agent("tollhouse/0.1.0 (+https://example.org; ops@example.org)").is_ok());
        for name in ["", "Mozilla/5.0 (X11; Linux x86_64)", "toll\nhouse"] {
            assert_eq!(user_agent(name).unwrap_err().kind(), Kind::Usage, "{name}");
        }
    }
}
