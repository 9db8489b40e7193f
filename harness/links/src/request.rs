//! The bodies of requests, checked. Each mistake is answered with Toxiproxy's words and status.
//!
//! As in Toxiproxy, the content type is not looked at, unknown fields are ignored, and `null` is the same as absent.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::model::{ApiError, Attributes, CutInside, PacketLoss, ProxyChange, ProxySpec, Stream, ToxicSpec};

pub(crate) fn proxy_not_found() -> ApiError {
    error("proxy not found", 404)
}

pub(crate) fn proxy_already_exists() -> ApiError {
    error("proxy already exists", 409)
}

pub(crate) fn toxic_not_found() -> ApiError {
    error("toxic not found", 404)
}

pub(crate) fn toxic_already_exists() -> ApiError {
    error("toxic already exists", 409)
}

pub(crate) fn error(error: impl Into<String>, status: u16) -> ApiError {
    ApiError {
        error: error.into(),
        status,
    }
}

fn bad_body(why: impl std::fmt::Display) -> ApiError {
    error(format!("bad request body: {why}"), 400)
}

fn missing(field: &str) -> ApiError {
    error(format!("missing required field: {field}"), 400)
}

/// Null as the default.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[derive(Deserialize)]
struct RawProxy {
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    listen: String,
    #[serde(default, deserialize_with = "or_default")]
    upstream: String,
    enabled: Option<bool>,
    from: Option<String>,
}

impl RawProxy {
    /// `place` follows the name of a field that is missing.
    fn checked(self, place: &str) -> Result<ProxySpec, ApiError> {
        if self.name.is_empty() {
            return Err(missing(&format!("name{place}")));
        }
        if self.upstream.is_empty() {
            return Err(missing(&format!("upstream{place}")));
        }
        Ok(ProxySpec {
            name: self.name,
            listen: self.listen,
            upstream: self.upstream,
            enabled: self.enabled.unwrap_or(true),
            from: self.from.filter(|from| !from.is_empty()),
        })
    }
}

/// Body of `POST /proxies`.
pub(crate) fn new_proxy(body: &[u8]) -> Result<ProxySpec, ApiError> {
    read::<RawProxy>(body)?.checked("")
}

/// Body of `POST /populate`, and content of the configuration file.
pub(crate) fn population(body: &[u8]) -> Result<Vec<ProxySpec>, ApiError> {
    let proxies: Vec<RawProxy> = read(body)?;
    proxies
        .into_iter()
        .enumerate()
        .map(|(at, proxy)| proxy.checked(&format!(" at proxy {}", at + 1)))
        .collect()
}

/// Body of `PATCH /proxies/{proxy}`.
pub(crate) fn proxy_change(body: &[u8]) -> Result<ProxyChange, ApiError> {
    read(body)
}

#[derive(Deserialize)]
struct RawToxic {
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, rename = "type", deserialize_with = "or_default")]
    kind: String,
    stream: Option<String>,
    toxicity: Option<f32>,
    attributes: Option<Value>,
}

/// Body of `POST /proxies/{proxy}/toxics`; `taken` is true for the name of another toxic.
pub(crate) fn new_toxic(body: &[u8], taken: impl Fn(&str) -> bool) -> Result<ToxicSpec, ApiError> {
    let raw: RawToxic = read(body)?;
    let stream = match &raw.stream {
        Some(stream) => stream.parse()?,
        None => Stream::default(),
    };
    if !Attributes::TYPES.contains(&raw.kind.as_str()) {
        return Err(error("invalid toxic type", 400));
    }
    let name = if raw.name.is_empty() {
        format!("{}_{}", raw.kind, stream.name())
    } else {
        raw.name
    };
    if taken(&name) {
        return Err(toxic_already_exists());
    }
    Ok(ToxicSpec {
        name,
        attributes: attributes(&raw.kind, Map::new(), raw.attributes)?,
        stream,
        toxicity: raw.toxicity.unwrap_or(1.0),
    })
}

/// Body of `PATCH /proxies/{proxy}/toxics/{toxic}`: attributes and toxicity may change; an absent field stays as it is.
pub(crate) fn changed_toxic(toxic: &ToxicSpec, body: &[u8]) -> Result<ToxicSpec, ApiError> {
    let raw: RawToxic = read(body)?;
    let kind = toxic.attributes.type_name();
    let now = serde_json::to_value(&toxic.attributes).map_err(bad_body)?;
    let now = now["attributes"].as_object().cloned().unwrap_or_default();
    Ok(ToxicSpec {
        attributes: attributes(kind, now, raw.attributes)?,
        toxicity: raw.toxicity.unwrap_or(toxic.toxicity),
        ..toxic.clone()
    })
}

fn attributes(kind: &str, mut now: Map<String, Value>, given: Option<Value>) -> Result<Attributes, ApiError> {
    match given {
        None | Some(Value::Null) => {}
        Some(Value::Object(given)) => now.extend(given.into_iter().filter(|(_, value)| !value.is_null())),
        Some(other) => return Err(bad_body(format!("attributes are an object, not {other}"))),
    }
    let attributes: Attributes = serde_json::from_value(json!({"type": kind, "attributes": now})).map_err(bad_body)?;
    match &attributes {
        Attributes::Slicer(slicer) if slicer.average_size == 0 => Err(bad_body("average_size is 0")),
        Attributes::CutInside(cut) => check_cut(cut).map(|()| attributes),
        Attributes::PacketLoss(loss) => check_loss(loss).map(|()| attributes),
        _ => Ok(attributes),
    }
}

fn check_cut(cut: &CutInside) -> Result<(), ApiError> {
    let given = [!cut.pattern.is_empty(), !cut.bytes.is_empty(), cut.utf8];
    if given.iter().filter(|given| **given).count() != 1 {
        return Err(bad_body("exactly one of pattern, bytes and utf8 must be given"));
    }
    let length = if cut.utf8 {
        2
    } else {
        cut.pattern.len().max(cut.bytes.len()) as u64
    };
    match cut.keep {
        None if length < 2 => Err(bad_body("one byte has no inside, give keep")),
        Some(keep) if keep > length => Err(bad_body(format!("keep is at most {length}"))),
        _ => Ok(()),
    }
}

fn check_loss(loss: &PacketLoss) -> Result<(), ApiError> {
    for (name, value) in [("loss_rate", loss.loss_rate), ("correlation", loss.correlation)] {
        if !(0.0..=1.0).contains(&value) {
            return Err(bad_body(format!("{name} is from 0 to 1, not {value}")));
        }
    }
    Ok(())
}

impl FromStr for Stream {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        match text.to_ascii_lowercase().as_str() {
            "upstream" => Ok(Self::Upstream),
            "downstream" => Ok(Self::Downstream),
            _ => Err(error("stream was invalid, can be either upstream or downstream", 400)),
        }
    }
}

/// The first JSON value of a body, as Toxiproxy reads it.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut values = serde_json::Deserializer::from_slice(body).into_iter::<T>();
    values.next().ok_or_else(|| bad_body("EOF"))?.map_err(bad_body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Latency;

    fn toxic(body: &str) -> Result<ToxicSpec, ApiError> {
        new_toxic(body.as_bytes(), |name| name == "taken")
    }

    fn refused<T: std::fmt::Debug>(done: Result<T, ApiError>, status: u16, words: &str) {
        let refusal = done.expect_err("refused");
        assert_eq!(refusal.status, status, "{refusal}");
        assert!(refusal.error.contains(words), "{refusal}");
    }

    #[test]
    fn a_toxic_has_toxiproxys_defaults() {
        let read = toxic(r#"{"type": "latency", "attributes": {"latency": 5}}"#).expect("accepted");
        assert_eq!(read, ToxicSpec::downstream(Latency { latency: 5, jitter: 0 }));
        let bare = toxic(r#"{"type": "latency", "stream": "UPSTREAM", "toxicity": null}"#).expect("accepted");
        assert_eq!(bare, ToxicSpec::upstream(Latency::default()));
    }

    #[test]
    fn mistakes_in_a_toxic_are_answered_in_toxiproxys_words_and_order() {
        refused(toxic(""), 400, "bad request body: EOF");
        refused(toxic("{"), 400, "bad request body: ");
        refused(
            toxic(r#"{"stream": "sideways", "type": "no"}"#),
            400,
            "stream was invalid, can be either upstream or downstream",
        );
        refused(toxic(r#"{"type": "no", "name": "taken"}"#), 400, "invalid toxic type");
        refused(toxic("{}"), 400, "invalid toxic type");
        refused(
            toxic(r#"{"type": "noop", "name": "taken"}"#),
            409,
            "toxic already exists",
        );
        refused(
            toxic(r#"{"type": "latency", "attributes": {"latency": "soon"}}"#),
            400,
            "bad request body: ",
        );
        refused(
            toxic(r#"{"type": "latency", "attributes": {"latency": -1}}"#),
            400,
            "bad request body: ",
        );
        refused(
            toxic(r#"{"type": "latency", "attributes": [1]}"#),
            400,
            "attributes are an object",
        );
    }

    #[test]
    fn what_could_never_work_is_refused() {
        refused(toxic(r#"{"type": "slicer"}"#), 400, "average_size is 0");
        refused(toxic(r#"{"type": "cut_inside"}"#), 400, "exactly one");
        refused(
            toxic(r#"{"type": "cut_inside", "attributes": {"pattern": "ab", "utf8": true}}"#),
            400,
            "exactly one",
        );
        refused(
            toxic(r#"{"type": "cut_inside", "attributes": {"pattern": "a"}}"#),
            400,
            "has no inside",
        );
        refused(
            toxic(r#"{"type": "cut_inside", "attributes": {"bytes": [1, 2], "keep": 3}}"#),
            400,
            "at most 2",
        );
        refused(
            toxic(r#"{"type": "packet_loss", "attributes": {"loss_rate": 1.5}}"#),
            400,
            "loss_rate is from 0 to 1, not 1.5",
        );
        refused(
            toxic(r#"{"type": "packet_loss", "attributes": {"correlation": -0.1}}"#),
            400,
            "correlation is from 0 to 1",
        );
    }

    #[test]
    fn a_change_of_a_toxic_keeps_what_it_does_not_name() {
        let before = ToxicSpec::upstream(Latency { latency: 5, jitter: 2 }).with_toxicity(0.5);
        let change = br#"{"name": "other", "stream": "downstream", "attributes": {"latency": 7}}"#;
        let after = changed_toxic(&before, change).expect("accepted");
        assert_eq!(after.attributes, Latency { latency: 7, jitter: 2 }.into());
        assert_eq!(
            (after.name.as_str(), after.stream, after.toxicity),
            ("latency_upstream", Stream::Upstream, 0.5)
        );
        let after = changed_toxic(&before, br#"{"toxicity": 1}"#).expect("accepted");
        assert_eq!((after.attributes, after.toxicity), (before.attributes, 1.0));
    }

    #[test]
    fn proxies_need_a_name_and_an_upstream() {
        let proxy = new_proxy(br#"{"name": "p", "upstream": "u:1", "unknown": 1}"#).expect("accepted");
        assert_eq!(proxy, ProxySpec::new("p", "", "u:1"));
        let own = new_proxy(br#"{"name": "p", "upstream": "u:1", "from": "h"}"#).expect("accepted");
        assert_eq!(own, ProxySpec::new("p", "", "u:1").serving("h"));
        refused(
            new_proxy(br#"{"upstream": "u:1"}"#),
            400,
            "missing required field: name",
        );
        refused(new_proxy(br#"{"name": "p"}"#), 400, "missing required field: upstream");
        refused(new_proxy(br#"{"name": 1}"#), 400, "bad request body: ");
        let second = br#"[{"name": "p", "upstream": "u:1", "enabled": false}, {"name": "q"}]"#;
        refused(population(second), 400, "missing required field: upstream at proxy 2");
    }
}
