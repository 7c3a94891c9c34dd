//! Telling others: alarms to a webhook, signs of life to a dead-man's switch, lineage as OpenLineage's events, traces as OTLP.
//!
//! Alarms are told until somebody was: what is not told yet stands in the ledger. The rest is told once, and a failure is logged.

use std::collections::BTreeMap;
use std::sync::Arc;

use ingest::fetch::Secret;
use ingest::notify::{Address, Notifier};
use jiff::Timestamp;
use model::{Digest, Result};
use serde_json::{Value, json};
use store::ledger::{Alarm, Run, State, Step};

use crate::config::{Config, VERSION};

/// Whoever is told.
pub struct Told {
    notifier: Notifier,
    webhook: Option<Address>,
    deadman: Option<Address>,
    openlineage: Option<Address>,
    otlp: Option<Address>,
    /// Under which name this warehouse is known to others.
    root: String,
}

impl Told {
    /// As the operator says.
    pub fn new(config: &Config, root: &str) -> Result<Self> {
        let contact = config.contact.as_deref().unwrap_or("no contact configured");
        let secret = |name: &'static str, url: Option<&Secret>, authorization: Option<&Secret>| {
            url.map(|url| Address::new(name, url, authorization.cloned())).transpose()
        };
        let open = |name: &'static str, url: &Option<String>, authorization: Option<&Secret>| {
            let url = url.as_deref().map(|url| Secret::new(name, url)).transpose()?;
            secret(name, url.as_ref(), authorization)
        };
        let key = config.otlp_authorization.as_ref();
        Ok(Self {
            notifier: Notifier::new(&format!("tollhouse/{VERSION} (data archive; {contact})"))?,
            webhook: secret("the webhook", config.webhook.as_ref(), None)?,
            deadman: secret("the dead-man's switch", config.deadman.as_ref(), None)?,
            openlineage: open("the collector of lineage", &config.daemon.openlineage_url, None)?,
            otlp: open("the collector of traces", &config.daemon.otlp_url, key)?,
            root: root.to_owned(),
        })
    }

    /// Whether alarms are told to anybody.
    pub fn has_webhook(&self) -> bool {
        self.webhook.is_some()
    }

    /// Tells an alarm as it stands: raised, or cleared.
    pub async fn alarm(&self, alarm: &Alarm) -> Result<()> {
        let Some(webhook) = &self.webhook else { return Ok(()) };
        let body = json!({
            "alarm": alarm.name,
            "subject": alarm.subject,
            "state": if alarm.cleared.is_some() { "cleared" } else { "raised" },
            "at": alarm.cleared.unwrap_or(alarm.raised).to_string(),
            "text": alarm.text,
            "next": alarm.next,
            "root": self.root,
            "program": format!("tollhouse/{VERSION}"),
        });
        self.notifier.tell(webhook, Some(body.to_string())).await
    }

    /// Says that the daemon is well.
    pub fn alive(self: &Arc<Self>) {
        let told = Arc::clone(self);
        tokio::spawn(async move {
            if let Some(deadman) = &told.deadman
                && let Err(error) = told.notifier.tell(deadman, None).await
            {
                tracing::warn!(%error, "a sign of life was not heard");
            }
        });
    }

    /// Tells of an attempt at a run that begins.
    pub fn begun(self: &Arc<Self>, run: &Run, attempt: u32, now: Timestamp) {
        if let Some(address) = &self.openlineage {
            self.send(address.clone(), self.lineage("START", run, attempt, &[], now));
        }
    }

    /// Tells of a run that ended, or whose attempt did.
    pub fn ended(self: &Arc<Self>, run: &Run, attempt: u32, began: Timestamp, steps: &[Step], now: Timestamp) {
        if let Some(address) = &self.openlineage {
            let kind = match run.state {
                State::Succeeded | State::Unchanged => "COMPLETE",
                State::Cancelled => "ABORT",
                // It is tried again: that attempt begins anew.
                State::Queued | State::Running | State::Failed => "FAIL",
            };
            self.send(address.clone(), self.lineage(kind, run, attempt, steps, now));
        }
        if let Some(address) = &self.otlp {
            self.send(address.clone(), trace(run, attempt, began, steps, now));
        }
    }

    fn send(self: &Arc<Self>, to: Address, body: Value) {
        let told = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = told.notifier.tell(&to, Some(body.to_string())).await {
                tracing::warn!(%error, "an event was not told");
            }
        });
    }

    /// An event of OpenLineage 1: what an attempt at a run read, and what it wrote. Each attempt is a run of theirs, because a
    /// run of theirs that failed cannot begin again.
    fn lineage(&self, kind: &str, run: &Run, attempt: u32, steps: &[Step], now: Timestamp) -> Value {
        let mut inputs: BTreeMap<(String, String), Value> = BTreeMap::new();
        for step in steps.iter().filter(|step| step.stage == "fetch" && step.attempt == attempt) {
            let what: Value = serde_json::from_str(&step.what).unwrap_or_default();
            let url = what.get("url").and_then(Value::as_str).unwrap_or_default();
            let (scheme, rest) = url.split_once("://").unwrap_or(("file", url));
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let (namespace, name) = (format!("{scheme}://{host}"), format!("/{path}"));
            let value = json!({ "namespace": namespace, "name": name });
            inputs.insert((namespace, name), value);
        }
        let namespace = format!("tollhouse:{}", self.root);
        let outputs = match run.snapshot {
            Some(snapshot) => json!([{
                "namespace": namespace, "name": run.job,
                "facets": { "version": {
                    "_producer": PRODUCER,
                    "_schemaURL": "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json",
                    "datasetVersion": snapshot.to_string() } } }]),
            None => json!([]),
        };
        let mut facets = serde_json::Map::new();
        if let (Some(message), "FAIL" | "ABORT") = (&run.message, kind) {
            let facet = json!({
                "_producer": PRODUCER,
                "_schemaURL": "https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json",
                "message": message, "programmingLanguage": "RUST" });
            facets.insert("errorMessage".to_owned(), facet);
        }
        json!({
            "eventType": kind,
            "eventTime": now.to_string(),
            "run": { "runId": uuid(&format!("{} {attempt}", run.id)), "facets": facets },
            "job": { "namespace": namespace, "name": run.job },
            "inputs": inputs.into_values().collect::<Vec<_>>(),
            "outputs": outputs,
            "producer": PRODUCER,
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        })
    }
}

const PRODUCER: &str = concat!("urn:tollhouse:", env!("CARGO_PKG_VERSION"));

/// The name of a run as a UUID, which others want: the same for all events of a run.
fn uuid(run: &str) -> String {
    let digest = Digest::of(run);
    let hex = digest.as_str();
    // Version 8: made by a rule of our own; variant 1.
    format!("{}-{}-8{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// An attempt as a trace in OTLP's JSON: a span for it, and one for each step, from the end of the one before to its own.
fn trace(run: &Run, attempt: u32, began: Timestamp, steps: &[Step], now: Timestamp) -> Value {
    let trace = Digest::of(&run.id).as_str()[..32].to_owned();
    let id = |what: &str| Digest::of(format!("{} {attempt} {what}", run.id)).as_str()[..16].to_owned();
    let nanos = |at: Timestamp| at.as_nanosecond().to_string();
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let root = id("attempt");
    let failed = run.kind.is_some();
    let mut attributes = vec![
        text("tollhouse.run", &run.id),
        text("tollhouse.job", &run.job),
        text("tollhouse.state", run.state.as_str()),
        text("tollhouse.attempt", &attempt.to_string()),
    ];
    attributes.extend(run.snapshot.map(|number| text("tollhouse.snapshot", &number.to_string())));
    let mut spans = vec![json!({
        "traceId": trace, "spanId": root, "name": run.job, "kind": 1,
        "startTimeUnixNano": nanos(began), "endTimeUnixNano": nanos(now), "attributes": attributes,
        "status": { "code": if failed { 2 } else { 1 }, "message": run.message.clone().unwrap_or_default() } })];
    let mut from = began;
    for (place, step) in steps.iter().filter(|step| step.attempt == attempt).enumerate() {
        let at = step.at.max(from);
        spans.push(json!({
            "traceId": trace, "spanId": id(&place.to_string()), "parentSpanId": root, "name": step.stage, "kind": 1,
            "startTimeUnixNano": nanos(from), "endTimeUnixNano": nanos(at),
            "attributes": [text("tollhouse.what", &step.what)] }));
        from = at;
    }
    json!({ "resourceSpans": [{
        "resource": { "attributes": [text("service.name", "tollhouse"), text("service.version", VERSION)] },
        "scopeSpans": [{ "scope": { "name": "tollhouse", "version": VERSION }, "spans": spans }] }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_uuid() {
        let uuid = uuid("a@20260101T000000Z");
        let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
        assert_eq!((uuid.as_bytes()[14], uuid.as_bytes()[19]), (b'8', b'a'));
    }
}
