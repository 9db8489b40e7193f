//! The words of the admin interface, as JSON has them. Names and units of fields are Toxiproxy's, whose times are
//! milliseconds unless a field says otherwise; what is ours is marked so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A direction of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// From the client to the upstream.
    Upstream,
    /// From the upstream to the client.
    #[default]
    Downstream,
}

impl Stream {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }
}

/// The description of a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxySpec {
    /// Its name, unique within the process.
    pub name: String,
    /// `host:port` to listen on. Port 0 or an empty text picks a free port; answers give the real address.
    #[serde(default)]
    pub listen: String,
    /// `host:port` to connect to. The name is looked up for each connection anew.
    pub upstream: String,
    /// True if it listens. A disabled proxy refuses connections and has none.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Ours: host name of the only clients that it serves. Proxies with different ones may listen on one address; a client that
    /// none of them names is served by the proxy there that has none, or reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

fn yes() -> bool {
    true
}

impl ProxySpec {
    /// An enabled proxy.
    pub fn new(name: impl Into<String>, listen: impl Into<String>, upstream: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            listen: listen.into(),
            upstream: upstream.into(),
            enabled: true,
            from: None,
        }
    }

    /// The same for clients on that host alone.
    #[must_use]
    pub fn serving(mut self, from: impl Into<String>) -> Self {
        self.from = Some(from.into());
        self
    }
}

/// A change of a proxy; an absent field stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProxyChange {
    /// Another address to listen on: the proxy starts anew, its connections are closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Another upstream: the proxy starts anew, its connections are closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// True if it listens from now on. Disabling closes its connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// A proxy in an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proxy {
    /// Its description, with the real address that it listens on.
    #[serde(flatten)]
    pub spec: ProxySpec,
    /// Its toxics: those of the upstream direction, then those of the downstream one, each in their order.
    pub toxics: Vec<Toxic>,
}

/// The description of a toxic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToxicSpec {
    /// Its name, unique within the proxy. Left empty in a request it becomes `<type>_<stream>`.
    #[serde(default)]
    pub name: String,
    /// Type and attributes: the fields `type` and `attributes` of the JSON.
    #[serde(flatten)]
    pub attributes: Attributes,
    /// The direction that it works on.
    #[serde(default)]
    pub stream: Stream,
    /// Probability that it works on a connection, drawn once for each: 0 for none, 1 for all.
    #[serde(default = "certain")]
    pub toxicity: f32,
}

fn certain() -> f32 {
    1.0
}

impl ToxicSpec {
    /// A toxic on what the client sends.
    pub fn upstream(attributes: impl Into<Attributes>) -> Self {
        Self::new(Stream::Upstream, attributes)
    }

    /// A toxic on what the client receives.
    pub fn downstream(attributes: impl Into<Attributes>) -> Self {
        Self::new(Stream::Downstream, attributes)
    }

    /// A toxic that works on every connection, named by its type and stream.
    pub fn new(stream: Stream, attributes: impl Into<Attributes>) -> Self {
        let attributes = attributes.into();
        Self {
            name: format!("{}_{}", attributes.type_name(), stream.name()),
            attributes,
            stream,
            toxicity: certain(),
        }
    }

    /// The same by another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same on a share of the connections.
    #[must_use]
    pub fn with_toxicity(mut self, toxicity: f32) -> Self {
        self.toxicity = toxicity;
        self
    }
}

/// A toxic in an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Toxic {
    /// Its description.
    #[serde(flatten)]
    pub spec: ToxicSpec,
    /// Ours: its effects so far. Toxiproxy's answers have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effects: Option<Effects>,
}

/// The type of a toxic with its attributes. An attribute that a request leaves out is 0, false or empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "attributes", rename_all = "snake_case")]
pub enum Attributes {
    /// Does nothing.
    Noop(Noop),
    /// Delays data.
    Latency(Latency),
    /// Limits the rate of data.
    Bandwidth(Bandwidth),
    /// Delays the end of the stream.
    SlowClose(SlowClose),
    /// Drops data, and closes the connection after a time.
    Timeout(Timeout),
    /// Resets the connection.
    ResetPeer(ResetPeer),
    /// Splits data into small pieces.
    Slicer(Slicer),
    /// Closes the connection after a number of bytes.
    LimitData(LimitData),
    /// Drops some chunks.
    PacketLoss(PacketLoss),
    /// Ours: cuts the connection in the middle of something.
    CutInside(CutInside),
    /// Ours: a side is gone without a word.
    HalfOpen(HalfOpen),
    /// Ours: one direction has ended, the other goes on.
    Down(Down),
    /// Ours: silence that can be lifted, with all data delivered late.
    Hold(Hold),
}

macro_rules! types {
    ($($variant:ident = $name:literal),* $(,)?) => {
        impl Attributes {
            /// Every type, by its name in JSON.
            pub const TYPES: &'static [&'static str] = &[$($name),*];

            /// The name of its type in JSON.
            pub fn type_name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name),* }
            }
        }
        $(impl From<$variant> for Attributes {
            fn from(attributes: $variant) -> Self { Self::$variant(attributes) }
        })*
    };
}

types! {
    Noop = "noop", Latency = "latency", Bandwidth = "bandwidth", SlowClose = "slow_close", Timeout = "timeout",
    ResetPeer = "reset_peer", Slicer = "slicer", LimitData = "limit_data", PacketLoss = "packet_loss",
    CutInside = "cut_inside", HalfOpen = "half_open", Down = "down", Hold = "hold",
}

/// Passes everything as it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Noop {}

/// Delays all data by `latency` +/- `jitter`; order is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Latency {
    /// Milliseconds.
    pub latency: u64,
    /// Milliseconds, drawn evenly for each chunk.
    pub jitter: u64,
}

/// Limits a connection's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Bandwidth {
    /// Kilobytes (1000 bytes) a second; with 0 nothing passes.
    pub rate: u64,
}

/// Holds back the end of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SlowClose {
    /// Milliseconds.
    pub delay: u64,
}

/// A black hole: data is taken and dropped. The end of the stream passes. Removing it closes the connections that it
/// worked on, for bytes are missing in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeout {
    /// Milliseconds until the connection is closed; with 0 it stays.
    pub timeout: u64,
}

/// Resets both sides of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ResetPeer {
    /// Milliseconds until the reset, in which data is dropped; with 0 it comes at once.
    pub timeout: u64,
}

/// Splits data into pieces that are sent one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Slicer {
    /// Bytes of a piece, on average; at least 1.
    pub average_size: u64,
    /// Bytes by which a piece may be smaller or larger; less than `average_size`.
    pub size_variation: u64,
    /// Microseconds between two pieces.
    pub delay: u64,
}

/// Closes the connection when so much has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitData {
    /// Bytes, counted for each connection from when the toxic works on it.
    pub bytes: u64,
}

/// Drops chunks by chance: what one read of the proxy has taken passes whole or not at all. The end of the stream passes, and removing
/// it closes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PacketLoss {
    /// Probability that a chunk is dropped: 0 for none, 1 for all.
    pub loss_rate: f64,
    /// Probability that is added for a chunk behind one that was dropped: losses come in bursts.
    pub correlation: f64,
}

/// Ends the connection in the middle of the next occurrence of a pattern, or of the next multi-byte UTF-8 sequence.
/// Exactly one of `pattern`, `bytes` and `utf8` is given.
///
/// The beginning of a possible occurrence is held back beyond its first `keep` bytes until more data decides it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CutInside {
    /// A text.
    pub pattern: String,
    /// Any bytes.
    pub bytes: Vec<u8>,
    /// A multi-byte UTF-8 sequence, known by its first byte.
    pub utf8: bool,
    /// Bytes of the occurrence that still pass; half of them if absent.
    pub keep: Option<u64>,
    /// Occurrences that pass whole before.
    pub skip: u64,
    /// True if the connection is reset instead of closed.
    pub reset: bool,
}

/// A side that is gone without a word: nothing is read or written in this direction and no end or reset is passed on,
/// while the sockets stay. Removing it lets the stream go on where it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HalfOpen {
    /// The fate of connections that are made meanwhile.
    pub new_connections: NewConnections,
}

/// The fate of new connections under half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NewConnections {
    /// They are accepted and not served until the toxic goes.
    #[default]
    Hold,
    /// Nothing listens.
    Refuse,
}

/// The direction has ended: its receiver sees the end of the stream, what its sender still sends is dropped, and the
/// other direction goes on. Removing it closes the connections that it worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Down {}

/// Silence: data and the end of the stream are taken and held back, up to 32 MiB. Removing it delivers all of that, late
/// and in order, on the same connection. The data is delivered even if its sender has closed or reset the connection
/// meanwhile; its receiver then sees the end of the stream behind the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Hold {}

/// The effects of a toxic. Ours. Times are microseconds of the process's monotonic clock, 0 when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Effects {
    /// The time from which it was in force on every connection of its proxy; set when the answer to its request is sent.
    pub since_us: u64,
    /// Live connections that it works on: those that its toxicity hit.
    pub in_force: u64,
    /// Connections on which it had an effect.
    pub connections: u64,
    /// Number of effects: a chunk delayed, held back or dropped, a piece cut off, a stream ended, a connection cut.
    pub times: u64,
    /// Bytes that were delayed, held back, split or dropped.
    pub bytes: u64,
    /// Time of the first effect.
    pub first_us: Option<u64>,
    /// Time of the last effect.
    pub last_us: Option<u64>,
}

/// Answer of `GET /proxies/{name}/effects`. Ours.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProxyEffects {
    /// The clock at this moment, microseconds.
    pub now_us: u64,
    /// Connections accepted since the proxy was made.
    pub accepted: u64,
    /// Connections that live now.
    pub live: u64,
    /// Connections whose upstream could not be reached.
    pub unreachable: u64,
    /// Bytes written towards the upstream.
    pub upstream_bytes: u64,
    /// Bytes written towards the client.
    pub downstream_bytes: u64,
    /// Toxics by name.
    pub toxics: BTreeMap<String, Effects>,
}

/// Every refusal: `{"error": "...", "status": 404}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{error} (status {status})")]
pub struct ApiError {
    /// The reason.
    pub error: String,
    /// The HTTP status.
    pub status: u16,
}

/// Answer of `GET /version`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Version of Toxiproxy, or of Toxiproxy whose interface is spoken.
    pub version: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_toxic_has_toxiproxys_fields() {
        let toxic = ToxicSpec::downstream(Latency {
            latency: 1000,
            jitter: 10,
        })
        .with_toxicity(0.3);
        let text = serde_json::to_string(&toxic).expect("it is JSON");
        assert_eq!(
            text,
            r#"{"name":"latency_downstream","type":"latency","attributes":{"latency":1000,"jitter":10},"stream":"downstream","toxicity":0.3}"#
        );
        assert_eq!(serde_json::from_str::<ToxicSpec>(&text).expect("it reads"), toxic);
    }

    #[test]
    fn answers_with_and_without_effects_are_read() {
        let stock = json!({
            "name": "p", "listen": "127.0.0.1:1", "upstream": "u:2", "enabled": true,
            "toxics": [{"name": "t", "type": "timeout", "stream": "upstream", "toxicity": 1, "attributes": {"timeout": 0}}],
        });
        let proxy: Proxy = serde_json::from_value(stock).expect("it reads");
        assert_eq!(proxy.toxics[0].effects, None);
        assert_eq!(proxy.toxics[0].spec.attributes, Timeout::default().into());
        let mut ours = proxy.clone();
        ours.toxics[0].effects = Some(Effects::default());
        let text = serde_json::to_string(&ours).expect("it is JSON");
        assert_eq!(serde_json::from_str::<Proxy>(&text).expect("it reads"), ours);
    }

    #[test]
    fn every_type_is_known_by_its_name() {
        for name in Attributes::TYPES {
            let read: Attributes =
                serde_json::from_value(json!({"type": name, "attributes": {}})).expect("a type with no attributes");
            assert_eq!(read.type_name(), *name);
        }
    }
}
