//! The events of a history. This is the format of `history.jsonl`: change it only with [`SCHEMA`].
//!
//! [`What`] groups events by their source, so that a reader can take up one source after the other and the compiler names the kind
//! that it forgot. The file has no groups: each event is one object, and its `kind` comes first.

mod machine;
mod pod;
mod run;

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error as _, IntoDeserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

pub use machine::*;
pub use pod::*;
pub use run::*;

use super::{ClientEvent, FaultEvent, ProviderEvent, StoreEvent, WatcherEvent};

/// Version of the history's format.
pub const SCHEMA: u32 = 6;

/// One thing that happened, as the harness saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the history, from 0, without gaps.
    pub n: u64,
    /// Microseconds since the run began, by the harness's one monotonic clock.
    pub at_us: u64,
    /// The event itself.
    pub what: What,
}

/// Everything that can happen, by its source. A history has many of few kinds: what is large and rare is boxed, so that the others
/// do not pay for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum What {
    /// The harness records the course of the run.
    Run(RunEvent),
    /// A client asked something, or was answered.
    Client(ClientEvent),
    /// A watcher saw something of its tail.
    Watcher(WatcherEvent),
    /// A store changed, or answered.
    Store(StoreEvent),
    /// A pod answered, was looked at, or logged a line.
    Pod(PodEvent),
    /// The engine or the kernel reported something.
    Machine(MachineEvent),
    /// The provider's journal grew.
    Provider(ProviderEvent),
    /// A fault began, was seen, or ended.
    Fault(Box<FaultEvent>),
}

/// Ties each kind, as the file names it, to its variant. A variant that is missing here does not compile.
macro_rules! kinds {
    ($($source:ident($event:ident) { $($variant:ident = $kind:literal),+ })+) => {
        /// Every kind, as the file names it.
        const KINDS: &[&str] = &[$($($kind,)+)+ "provider", "fault"];

        impl What {
            /// The event's kind, as the file names it.
            pub fn kind(&self) -> &'static str {
                match self {
                    $($(Self::$source($event::$variant { .. }) => $kind,)+)+
                    Self::Provider(_) => "provider",
                    Self::Fault(_) => "fault",
                }
            }

            fn of_kind<'de, D: Deserializer<'de>>(kind: &str, fields: D) -> Result<Self, D::Error> {
                match kind {
                    $($($kind)|+ => $event::deserialize(fields).map(Self::$source),)+
                    "provider" => ProviderEvent::deserialize(fields).map(Self::Provider),
                    "fault" => Box::deserialize(fields).map(Self::Fault),
                    _ => Err(D::Error::unknown_variant(kind, KINDS)),
                }
            }
        }

        $(impl From<$event> for What {
            fn from(event: $event) -> Self {
                Self::$source(event)
            }
        })+
    };
}

kinds! {
    Run(RunEvent) {
        Began = "began", Evidence = "evidence", Healed = "healed", Played = "played", Quiesced = "quiesced", Ended = "ended",
        Pool = "pool", Pinning = "pinning", HarnessFailed = "harness_failed"
    }
    Client(ClientEvent) {
        ThreadMade = "thread_made", Posted = "posted", PostEnded = "post_ended", PostedTooLarge = "posted_too_large",
        Cancelled = "cancelled", Access = "access", Revoked = "revoked", FeedbackPosted = "feedback_posted",
        FeedbackEnded = "feedback_ended", Routed = "routed"
    }
    Watcher(WatcherEvent) {
        TailOpened = "tail_opened", TailRefused = "tail_refused", Bytes = "bytes", Frame = "frame", TailClosed = "tail_closed"
    }
    Store(StoreEvent) {
        Row = "row", Logged = "logged", TerminalProbe = "terminal_probe", OwnerRead = "owner_read"
    }
    Pod(PodEvent) {
        ThreadRead = "thread_read", StatusRead = "status_read", FeedbackCounted = "feedback_counted", ReadyPolled = "ready_polled", Served = "served",
        LeftAfter = "left_after", Footprint = "footprint", LogLine = "log_line"
    }
    Machine(MachineEvent) {
        Engine = "engine", Starved = "starved", Cpu = "cpu"
    }
}

impl From<ProviderEvent> for What {
    fn from(event: ProviderEvent) -> Self {
        Self::Provider(event)
    }
}

impl From<FaultEvent> for What {
    fn from(event: FaultEvent) -> Self {
        Self::Fault(Box::new(event))
    }
}

impl<'de> Deserialize<'de> for What {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WhatVisitor)
    }
}

struct WhatVisitor;

impl<'de> Visitor<'de> for WhatVisitor {
    type Value = What;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event with its `kind`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<What, A::Error> {
        let Some(first) = map.next_key::<String>()? else {
            return Err(A::Error::missing_field("kind"));
        };
        if first == "kind" {
            let kind: String = map.next_value()?;
            return What::of_kind(
                &kind,
                MapAccessDeserializer::new(Tagged {
                    kind: &kind,
                    next: Next::Key,
                    fields: map,
                }),
            );
        }
        // Somebody has sorted the fields: all of them are read before the kind is known.
        let mut fields = serde_json::Map::from_iter([(first, map.next_value()?)]);
        while let Some((name, value)) = map.next_entry()? {
            fields.insert(name, value);
        }
        let Some(Value::String(kind)) = fields.get("kind").cloned() else {
            return Err(A::Error::missing_field("kind"));
        };
        What::of_kind(&kind, Value::Object(fields)).map_err(A::Error::custom)
    }
}

/// The fields of an event, with the `kind` that was read already put in front again.
struct Tagged<'k, A> {
    kind: &'k str,
    next: Next,
    fields: A,
}

enum Next {
    Key,
    Kind,
    Fields,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Tagged<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        if matches!(self.next, Next::Key) {
            self.next = Next::Kind;
            return seed.deserialize("kind".into_deserializer()).map(Some);
        }
        self.fields.next_key_seed(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        if matches!(self.next, Next::Kind) {
            self.next = Next::Fields;
            return seed.deserialize(self.kind.into_deserializer());
        }
        self.fields.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// One event of each kind, as histories have them.
    const LINES: &[&str] = &[
        r#"{"kind":"began","schema":6,"story":"s","seed":7,"design":"log","defect":null,"evidence":["e"],"pods":["pod-1"],"capabilities":["every-commit"],"lacks":[{"capability":"tenants","why":"no second account"}],"bounds":{"lease_ms":1,"attempts":4},"rules":{"client_retries":2,"on_death":"survivor"}}"#,
        r#"{"kind":"evidence","mark":"m","reached":true}"#,
        r#"{"kind":"healed"}"#,
        r#"{"kind":"played","gave_up":null}"#,
        r#"{"kind":"quiesced"}"#,
        r#"{"kind":"ended"}"#,
        r#"{"kind":"harness_failed","reason":"r"}"#,
        r#"{"kind":"thread_made","thread":"t-1","tenant":"tenant-a"}"#,
        r#"{"kind":"posted","op":1,"pod":"pod-1","thread":"t-1","message":"m-1","text":"hello","expect":{"key":"k","tokens":3,"size":0,"fails":false}}"#,
        r#"{"kind":"post_ended","op":1,"outcome":{"ok":{"turn":"turn-1","pod":"pod-1"}}}"#,
        r#"{"kind":"posted_too_large","pod":"pod-1","thread":"t-1","bytes":2097152,"asked_us":7,"outcome":{"failed":{"status":413,"reason":"too large"}}}"#,
        r#"{"kind":"cancelled","pod":"pod-1","thread":"t-1","outcome":{"failed":{"status":409,"reason":"over"}}}"#,
        r#"{"kind":"access","pod":"pod-1","credential":"foreign","thread":"t-1","route":"read","status":404,"body":"no"}"#,
        r#"{"kind":"revoked","tenant":"tenant-a","pod":"pod-1","session":1}"#,
        r#"{"kind":"feedback_posted","op":2,"pod":"pod-1","item":"f-1"}"#,
        r#"{"kind":"feedback_ended","op":2,"outcome":{"unknown":{"reason":"reset"}}}"#,
        r#"{"kind":"routed","client":1,"entry":"secure","method":"GET","path":"/v1/threads","cookie":"c","asked_us":9,"status":200,"pod":"pod-1","stream":true,"cold_start_ms":7,"set":[{"name":"a","value":"c","max_age_s":3,"path":"/v1","secure":true,"http_only":true,"same_site":"Lax"}]}"#,
        r#"{"kind":"pool","pods":["pod-1"]}"#,
        r#"{"kind":"pinning","on":false}"#,
        r#"{"kind":"tail_opened","watcher":1,"pod":"pod-1","thread":"t-1","turn":"turn-1","mode":"start","cursor":null,"role":"start","asked_us":9}"#,
        r#"{"kind":"tail_refused","watcher":1,"pod":"pod-1","thread":"t-1","status":503,"reason":"r","garbled":false}"#,
        r#"{"kind":"bytes","watcher":1,"raw":{"utf8":"data: x\n\n"}}"#,
        r#"{"kind":"frame","watcher":1,"id":"1-2","cursor":{"epoch":1,"seq":2},"chunk":{"says":"delta","turn":"turn-1","text":"x"}}"#,
        r#"{"kind":"tail_closed","watcher":1,"end":"eof"}"#,
        r#"{"kind":"row","lsn":"0/1","xid":7,"row":{"table":"thread","thread":"t-1","status":"idle","owner":null,"epoch":0}}"#,
        r#"{"kind":"logged","thread":"t-1","seq":1,"cursor":null,"chunk":{"says":"done"}}"#,
        r#"{"kind":"logged","turn":"turn-1","seq":1,"cursor":null,"chunk":{"says":"done"}}"#,
        r#"{"kind":"terminal_probe","watcher":1,"turn":"turn-1","status":"completed"}"#,
        r#"{"kind":"owner_read","thread":"t-1","owner":"pod-1","epoch":1,"status":"in_progress"}"#,
        r#"{"kind":"thread_read","pod":"pod-1","thread":"t-1","status":"completed","questions":[{"key":"k","text":"hello"}],"answers":[{"turn":"turn-1","status":"completed","text":"x","error":null}]}"#,
        r#"{"kind":"status_read","pod":"pod-1","thread":"t-1","turn":"turn-1","status":"failed","error":"no"}"#,
        r#"{"kind":"feedback_counted","pod":"pod-1","count":1}"#,
        r#"{"kind":"ready_polled","pod":"pod-1","ready":true,"status":200,"detail":"d"}"#,
        r#"{"kind":"served","pod":"pod-1","ok":true,"detail":"d"}"#,
        r#"{"kind":"left_after","pod":null,"what":"consumers","count":0}"#,
        r#"{"kind":"footprint","pod":"pod-1","process":4711,"round":3,"turns":12,"descriptors":31,"memory_kib":5120}"#,
        r#"{"kind":"log_line","pod":"pod-1","level":"WARN","line":"l"}"#,
        r#"{"kind":"engine","service":"pod-1","action":"die","exit_code":137}"#,
        r#"{"kind":"starved","over_us":250000,"waited_us":{"pod-1":100}}"#,
        r#"{"kind":"cpu","over_us":250000,"processors":2,"idle_us":90000,"stolen_us":0,"parts":{"nats":{"ran_us":7},"pod-1":{"ran_us":9,"waited_us":8,"greedy_us":17}}}"#,
        r#"{"kind":"provider","call":101,"key":"k","ordinal":1,"pod":"pod-1","what":{"seen":"held","gate":"g","after":3}}"#,
        r#"{"kind":"fault","id":1,"name":"kill","target":"pod-1","effect":{"ends":"at_once","excuses":"its_target"},"step":{"step":"healed"}}"#,
    ];

    #[test]
    fn an_event_is_small_since_a_history_has_many() {
        assert!(size_of::<Event>() <= 120, "{} bytes", size_of::<Event>());
    }

    #[test]
    fn each_kind_is_read_and_written_back_as_it_was() {
        let mut seen = BTreeSet::new();
        for line in LINES {
            let what: What = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(serde_json::to_string(&what).expect("JSON"), *line);
            assert!(line.starts_with(&format!("{{\"kind\":\"{}\"", what.kind())), "{line}");
            seen.insert(what.kind());
        }
        assert_eq!(seen, KINDS.iter().copied().collect());
    }

    #[test]
    fn the_order_of_an_events_fields_does_not_matter() {
        for line in LINES {
            let fields: Value = serde_json::from_str(line).expect("JSON");
            let sorted = fields.as_object().expect("an object").iter().rev();
            let sorted: Vec<String> = sorted.map(|(name, value)| format!("{name:?}:{value}")).collect();
            let sorted: What = serde_json::from_str(&format!("{{{}}}", sorted.join(","))).expect("an event");
            assert_eq!(sorted, serde_json::from_str(line).expect("an event"), "{line}");
        }
    }

    #[test]
    fn an_unknown_or_missing_kind_is_named() {
        let error = |text: &str| serde_json::from_str::<What>(text).expect_err("no event").to_string();
        assert!(error(r#"{"kind":"begun"}"#).starts_with("unknown variant `begun`, expected one of `began`"));
        assert!(error(r#"{"mark":"m","reached":true}"#).starts_with("missing field `kind`"));
        assert!(error("{}").starts_with("missing field `kind`"));
        assert!(error(r#"{"kind":"evidence","mark":"m"}"#).starts_with("missing field `reached`"));
        assert!(error("7").contains("expected an event with its `kind`"));
    }
}
