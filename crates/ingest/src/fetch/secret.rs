//! What opens doors at a publisher, and is never written down: keys and tokens.
//!
//! [`Secret`] shows itself nowhere: it has no `Display`, its `Debug` says nothing, and only the engine reads it, into a
//! header of a request to the host that it is for.
//!
//! Absent: where it comes from; that is the program's.

use model::{Error, Kind, Result};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::address::is_loopback;
use super::{Engine, Visit};

/// A text that only its host may see.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A secret without the blanks and line ends around it, as files have them. Fails where nothing is left, or what a
    /// header cannot carry; `name` says where it was to be found.
    pub fn new(name: &str, text: &str) -> Result<Self> {
        let text = text.trim();
        // A word of a few letters would be found, and struck out, in innocent places.
        if text.len() < 6 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::new(Kind::Usage, format!("{name} holds no usable key"))
                .hint("a key is one word of at least six letters, digits and signs"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The value of an `authorization` header: a scheme such as `Bearer`, a blank and a key; or the key alone.
    pub fn authorization(name: &str, text: &str) -> Result<Self> {
        let Some((scheme, key)) = text.trim().split_once(' ') else { return Self::new(name, text) };
        let Self(key) = Self::new(name, key)?;
        if !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(Error::new(Kind::Usage, format!("{name} holds no usable key"))
                .hint("before the key stands a scheme in letters, such as `Bearer`, and one blank"));
        }
        Ok(Self(format!("{scheme} {key}")))
    }

    /// The text, for whoever sends it to the one that it is for.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Engine {
    /// Adds the headers that are for this host alone: over HTTPS, or within this machine. Whatever the answer repeats of
    /// them is struck out like the secrets of an address.
    pub(super) fn add_secrets(&self, url: &Url, wire: &Url, visit: &mut Visit, headers: &mut HeaderMap) -> Result<()> {
        if wire.scheme() != "https" && !is_loopback(wire) {
            return Ok(());
        }
        let for_host = url.host_str().and_then(|host| self.settings.secret_headers.get(host));
        for (name, Secret(text)) in for_host.into_iter().flatten() {
            let cannot = || Error::new(Kind::Internal, format!("cannot form the header {name}"));
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| cannot())?;
            let mut value = HeaderValue::from_str(text).map_err(|_| cannot())?;
            value.set_sensitive(true);
            headers.insert(name, value);
            if !visit.secrets.contains(text) {
                visit.secrets.push(text.clone());
            }
        }
        Ok(())
    }
}
