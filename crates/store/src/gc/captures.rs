//! Which captures and receipts are old enough to go, where the operator asks for that.
//!
//! Kept, however old: every body and receipt that a kept snapshot names; of every address, the newest exchange whose body
//! we hold, with that body, because the next request asks with its conditions; and every receipt of a body that is kept.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::{Digest, Result};

use super::name_of;
use crate::Warehouse;
use crate::archive::{Archive, Exchange};

/// The paths of receipts and bodies that go, bodies last; nothing where there is no such time.
pub(super) fn old(warehouse: &Warehouse, since: Option<Timestamp>, named: &BTreeSet<String>) -> Result<Vec<String>> {
    let Some(since) = since else { return Ok(Vec::new()) };
    let archive = warehouse.archive();
    let mut exchanges = Vec::new();
    for name in warehouse.files().list("exchanges")? {
        if let Some(id) = name.strip_suffix(".json") {
            exchanges.push(archive.exchange(id)?);
        }
    }
    let held: BTreeSet<String> = warehouse.below("raw", false)?.into_iter().collect();
    let body = |exchange: &Exchange| exchange.digest.as_ref().map(Archive::path).filter(|path| held.contains(path));

    // By address and what was sent to it, the newest answer whose body is here.
    let mut newest: BTreeMap<(&str, Option<&str>), &Exchange> = BTreeMap::new();
    for exchange in exchanges.iter().filter(|exchange| body(exchange).is_some()) {
        let of_address = newest.entry((&exchange.url, exchange.body.as_deref())).or_insert(exchange);
        if (exchange.started, &exchange.id) > (of_address.started, &of_address.id) {
            *of_address = exchange;
        }
    }
    let mut kept_bodies: BTreeSet<String> = newest.values().filter_map(|exchange| body(exchange)).collect();
    kept_bodies.extend(held.iter().filter(|path| named.contains(*path)).cloned());
    let stays = |exchange: &Exchange| {
        exchange.finished > since
            || named.contains(&Archive::receipt_path(&exchange.id))
            || body(exchange).is_some_and(|path| kept_bodies.contains(&path))
    };
    let (stay, go): (Vec<_>, Vec<_>) = exchanges.iter().partition(|exchange| stays(exchange));
    let mut bodies = kept_bodies.clone();
    bodies.extend(stay.into_iter().filter_map(body));
    let mut paths: Vec<String> = go.into_iter().map(|exchange| Archive::receipt_path(&exchange.id)).collect();
    // One without any receipt is of a run that died before it wrote one: nothing can ever find it.
    let ours = |path: &String| name_of(path).parse::<Digest>().is_ok();
    paths.extend(held.iter().filter(|path| ours(path) && !bodies.contains(*path)).cloned());
    Ok(paths)
}
