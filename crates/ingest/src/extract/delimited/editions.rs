//! Editions that are told apart by their headers.
//!
//! A publisher may replace what lies at an address by a newer edition, with as many columns as before. [`Told`] says which
//! columns an edition has and which it has not; a header belongs to one edition or ends the run.

use model::{Error, Kind, Release, Result};
use serde::Deserialize;

use crate::extract::{Edition, Emit, Extractor, Page, Piece, Slice};

/// What tells an edition.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The edition.
    pub release: Release,
    /// Headers that it has.
    #[serde(default)]
    pub has: Vec<String>,
    /// Headers that it has not.
    #[serde(default)]
    pub lacks: Vec<String>,
}

impl Told {
    /// In what these headers differ from those of this edition.
    fn differs(&self, headers: &[String]) -> Vec<String> {
        let gone = self.has.iter().filter(|name| !headers.contains(name)).map(|name| format!("there is no `{name}`"));
        let more = self.lacks.iter().filter(|name| headers.contains(name)).map(|name| format!("there is a `{name}`"));
        gone.chain(more).collect()
    }
}

/// The edition of these headers. None where no edition is declared by its headers.
pub(super) fn find(editions: &[Told], headers: &[String], url: &str) -> Result<Option<Release>> {
    let Some(nearest) = editions.iter().min_by_key(|told| told.differs(headers).len()) else { return Ok(None) };
    let mut fitting = editions.iter().filter(|told| told.differs(headers).is_empty());
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(Some(one.release.clone())),
        (Some(one), Some(other)) => Err(Error::new(
            Kind::Usage,
            format!("the headers of {url} are declared for {} and for {}", one.release, other.release),
        )
        .hint("[[source.editions]] must tell them apart: give one a header that the other lacks")),
        (None, _) => Err(Error::new(
            Kind::Changed,
            format!(
                "the headers of {url} are those of no edition that is declared; the nearest is {}, but {}",
                nearest.release,
                nearest.differs(headers).join(", ")
            ),
        )
        .hint("`tollhouse probe` compares the publisher's header with the pipeline's; a new edition needs an entry in [[source.editions]]")),
    }
}

/// Hands on the edition of the pages of a slice, which must be the same for all, and the one that somebody says it is.
pub(super) fn agree(
    extractor: &dyn Extractor,
    slice: &Slice,
    pages: &[Page],
    names: &dyn Fn(&Page) -> Result<Vec<String>>,
    emit: Emit<'_>,
) -> Result<()> {
    let mut told = slice.release.clone();
    for page in pages {
        let found = extractor.edition_of(&names(page)?, &page.url)?;
        if let (Some(told), Some(found)) = (&told, &found)
            && told != found
        {
            return Err(Error::new(
                Kind::Usage,
                format!("{} is of the edition {found} by its headers, not {told}", page.url),
            )
            .hint("leave --release out: the headers tell"));
        }
        told = found.or(told);
    }
    match told {
        Some(release) => emit(Piece::Edition(Edition { release: Some(release), slice: None })),
        None => Ok(()),
    }
}
