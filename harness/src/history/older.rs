//! Histories of older schemas, brought into the words of the newest one as they are read.
//!
//! Schemas 1 to 5 knew one kind of system: threads with owners and epochs, tails of threads, every promise judged. What
//! they left unsaid is said here. Deliberately absent: any guess. A value that an old history does not hold stays unknown.

use serde_json::{Map, Value, json};

use super::{Event, SCHEMA, effect_by_name};

/// Capabilities that every system of those histories had without a word for them.
const ALWAYS: &[&str] = &[
    "threads",
    "serial",
    "queue",
    "idempotent",
    "read",
    "thread-tail",
    "frame-turn",
    "message-ids",
    "known-kinds",
    "stored-text",
    "ready",
    "complaint",
    "gauges",
    "stream-log",
    "conversation",
];

/// Reads a line of schema 1 to 5.
///
/// # Errors
/// The line is no event.
pub(super) fn read(line: &[u8]) -> Result<Event, serde_json::Error> {
    let mut event: Value = serde_json::from_slice(line)?;
    if let Some(what) = event.get_mut("what").and_then(Value::as_object_mut) {
        upgrade(what);
    }
    serde_json::from_value(event)
}

fn upgrade(what: &mut Map<String, Value>) {
    match what.get("kind").and_then(Value::as_str) {
        Some("began") => began(what),
        Some("tail_opened") => {
            let mode = if what.get("cursor").is_some_and(Value::is_string) {
                "cursor"
            } else {
                "start"
            };
            what.insert("mode".into(), json!(mode));
        }
        Some("row") => {
            if let Some(row) = what.get_mut("row").and_then(Value::as_object_mut) {
                status(row);
                turn_row(row);
            }
        }
        Some("frame" | "logged") => {
            if let Some(chunk) = what.get_mut("chunk").and_then(Value::as_object_mut) {
                status(chunk);
            }
        }
        Some("thread_read") => {
            status(what);
            for answer in what
                .get_mut("answers")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                if let Some(answer) = answer.as_object_mut() {
                    status(answer);
                }
            }
        }
        Some("terminal_probe" | "owner_read") => status(what),
        Some("fault") => fault(what),
        _ => {}
    }
}

fn began(what: &mut Map<String, Value>) {
    let had = what.remove("capabilities").unwrap_or_default();
    let had = had.as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut now: Vec<&str> = had.flat_map(capability).copied().collect();
    now.extend(ALWAYS);
    let now = json!(now);
    what.insert("capabilities".into(), now);
    what.insert("schema".into(), json!(SCHEMA));
    what.insert("pods".into(), json!([]));
    what.insert("rules".into(), json!({ "on_death": "survivor" }));
}

/// The words of a capability that had one.
fn capability(word: &str) -> &'static [&'static str] {
    match word {
        "ownership" => &["owner", "attempt", "epoch"],
        "every-commit" => &["every-commit"],
        "cursor" => &["cursor", "dense", "resync"],
        "tenants" => &["tenants", "revocation"],
        "cancel" => &["cancel"],
        "provider-journal" => &["provider-journal"],
        "feedback" => &["feedback"],
        _ => &[],
    }
}

/// An end by a pod's death was called `interrupted`.
fn status(of: &mut Map<String, Value>) {
    if of.get("status").and_then(Value::as_str) == Some("interrupted") {
        of.insert("status".into(), json!("lost"));
    }
}

/// A fault was told by its name alone.
fn fault(what: &mut Map<String, Value>) {
    let Some(Value::String(name)) = what.remove("fault") else {
        return;
    };
    let target = what.get("target").and_then(Value::as_str).unwrap_or_default();
    what.insert("effect".into(), json!(effect_by_name(&name, target)));
    what.insert("name".into(), json!(name));
}

/// A turn without an attempt had 0 of them, at epoch 0.
fn turn_row(row: &mut Map<String, Value>) {
    if row.get("table").and_then(Value::as_str) != Some("turn") {
        return;
    }
    if row.get("epoch").and_then(Value::as_u64) == Some(0) {
        row.remove("epoch");
    }
    if let Some(attempt) = row.remove("attempt").and_then(|attempt| attempt.as_u64())
        && attempt > 0
    {
        row.insert("attempt".into(), json!(attempt.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{
        Capability, Epoch, Excuses, OnDeath, Row, RunEvent, Status, StoreEvent, TailMode, WatcherEvent, What,
    };

    fn what(text: &str) -> What {
        let line = format!(r#"{{"n":0,"at_us":1,"what":{text}}}"#);
        read(line.as_bytes()).expect("an event").what
    }

    #[test]
    fn a_begin_has_what_was_judged_then() {
        let began = what(
            r#"{"kind":"began","schema":5,"story":"s","seed":7,"design":"log","defect":null,"evidence":[],"capabilities":["ownership","cursor"],"bounds":{"lease_ms":1,"takeover_ms":2,"progress_ms":3,"drain_ms":4,"terminal_ms":5,"revocation_ms":6}}"#,
        );
        let What::Run(RunEvent::Began(began)) = began else {
            panic!("no begin")
        };
        assert_eq!(
            (began.schema, began.bounds.lease_ms, began.bounds.pickup_ms),
            (SCHEMA, Some(1), None)
        );
        let can = |capability| began.capabilities.contains(&capability);
        assert!(
            [
                Capability::Owner,
                Capability::Epoch,
                Capability::Resync,
                Capability::Idempotent
            ]
            .into_iter()
            .all(can)
        );
        assert!(
            ![Capability::EveryCommit, Capability::Tenants, Capability::Cancel]
                .into_iter()
                .any(can)
        );
        assert_eq!(began.rules.on_death, Some(OnDeath::Survivor));
    }

    #[test]
    fn a_turn_that_nobody_has_claimed_has_no_attempt_and_no_epoch() {
        let row = |text: &str| {
            let row = format!(r#"{{"kind":"row","lsn":"0/1","xid":1,"row":{text}}}"#);
            match what(&row) {
                What::Store(StoreEvent::Row {
                    row: Row::Turn(row), ..
                }) => *row,
                other => panic!("{other:?}"),
            }
        };
        let waits =
            row(r#"{"table":"turn","turn":"u","thread":"t","message":"m","status":"queued","attempt":0,"epoch":0}"#);
        assert_eq!((waits.attempt, waits.epoch), (None, None));
        let ended = row(
            r#"{"table":"turn","turn":"u","thread":"t","message":"m","status":"interrupted","attempt":2,"epoch":4}"#,
        );
        assert_eq!((ended.attempt, ended.epoch), (Some("2".into()), Some(Epoch(4))));
        assert_eq!(ended.status, Status::Lost);
    }

    #[test]
    fn a_tail_says_how_it_was_asked_for() {
        let mode = |cursor: &str| {
            let opened = format!(
                r#"{{"kind":"tail_opened","watcher":1,"pod":"p","thread":"t","cursor":{cursor},"role":"r","asked_us":0}}"#
            );
            match what(&opened) {
                What::Watcher(WatcherEvent::TailOpened { mode, turn: None, .. }) => mode,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((mode("null"), mode("\"1-2\"")), (TailMode::Start, TailMode::Cursor));
    }

    #[test]
    fn a_fault_has_the_effect_of_its_name() {
        let told = what(r#"{"kind":"fault","id":1,"fault":"read-only","target":"postgres","step":{"step":"healed"}}"#);
        let What::Fault(fault) = told else { panic!("no fault") };
        assert_eq!(
            (fault.name.as_str(), fault.effect.excuses),
            ("read-only", Excuses::Everyone)
        );
        assert!(fault.effect.refuses_writes && !fault.effect.refuses_reads);
    }
}
