//! Has a publisher moved? The smallest useful answer, read as a run would read it.

use model::column::Vocabulary;
use model::dataset::Dataset;
use model::{Error, Kind, Result};

use crate::content;
use crate::extract::{Expect, Extractor, Page, Piece, Slice};
use crate::fetch::Engine;
use crate::normalise::normalise;

/// How much of a text is enough to see its header and some rows.
const HEAD: u64 = 256 * 1024;
/// Workbooks and JSON documents can only be read whole.
const WHOLE: u64 = 64 << 20;

/// Asks for the beginning of a slice and compares its shape with the declaration; says what it saw.
pub async fn probe(
    dataset: &Dataset,
    vocabulary: &Vocabulary,
    extractor: &dyn Extractor,
    slice: &Slice,
    engine: &Engine,
) -> Result<String> {
    let mut pages = Vec::new();
    let mut whole = true;
    for request in extractor.probe_pages(slice)? {
        // What a person exports by a recipe says at its end what was asked.
        let most = if request.expect == Expect::Text && extractor.recipe().is_none() { HEAD } else { WHOLE };
        let peek = engine.peek(&request, most).await?;
        whole &= peek.whole;
        let cut = !peek.whole && request.expect == Expect::Text;
        let page = if cut { without_cut_line(&peek.page)? } else { peek.page };
        let head = page.bytes(WHOLE)?;
        content::sniff(&head[..head.len().min(4096)], request.expect, &request.url)?;
        content::fits(dataset, extractor, slice, &page)?;
        pages.push(page);
    }

    // The beginning of a file ends in the middle: what matters is that the rows before that fit the declaration.
    let mut rows = 0;
    let mut misfit = None;
    let read = extractor.decode(slice, &pages, &mut |piece| {
        if let Piece::Rows { page, batch } = piece {
            rows += batch.num_rows();
            let digest = pages.get(page).map_or_else(|| model::Digest::of([]), |page| page.digest.clone());
            if let Err(error) = normalise(dataset, vocabulary, slice.grade, &digest, &batch) {
                misfit = Some(error);
                return Err(Error::new(Kind::Changed, "the first rows do not fit"));
            }
        }
        Ok(())
    });
    match (misfit, read) {
        (Some(error), _) => Err(error),
        (None, Err(error)) if whole || rows == 0 && error.kind() == Kind::Changed => Err(error),
        (None, _) => Ok(match rows {
            0 => "its description is as declared".to_owned(),
            rows => format!("{rows} rows looked at, all columns as declared"),
        }),
    }
}

/// The page up to its last whole line.
fn without_cut_line(page: &Page) -> Result<Page> {
    let mut bytes = page.bytes(WHOLE)?;
    if let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') {
        bytes.truncate(end + 1);
    }
    let mut whole = Page::of_bytes(&page.url, bytes);
    whole.headers.clone_from(&page.headers);
    Ok(whole)
}
