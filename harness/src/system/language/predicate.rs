//! Predicates: what must hold of a JSON value.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::glob::Glob;
use super::pointer::Pointer;
use super::values::Mistake;

/// Pointers and what they must lead to: all must hold. In a text `*` stands for anything; a list that is found holds what one of
/// its members holds; of a list that is said, one member must fit.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>")]
pub struct Predicate {
    all: Vec<(Pointer, Wanted)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Wanted {
    Text(Glob),
    Same(Value),
    OneOf(Vec<Wanted>),
}

impl Predicate {
    /// Reads a predicate from pointers and values.
    ///
    /// # Errors
    /// A key is no pointer; a value is an object, `null` or an empty list.
    pub fn parse(said: &BTreeMap<String, Value>) -> Result<Self, Mistake> {
        let all = said
            .iter()
            .map(|(pointer, value)| Ok((Pointer::parse(pointer)?, wanted(pointer, value)?)));
        all.collect::<Result<_, _>>().map(|all| Self { all })
    }

    /// True if all of it holds of `value`.
    pub fn holds(&self, value: &Value) -> bool {
        let mut clauses = self.all.iter();
        clauses.all(|(pointer, wanted)| pointer.find(value).is_some_and(|found| wanted.fits(&found)))
    }

    /// True if nothing is asked: it holds of everything.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

impl TryFrom<BTreeMap<String, Value>> for Predicate {
    type Error = Mistake;

    fn try_from(said: BTreeMap<String, Value>) -> Result<Self, Mistake> {
        Self::parse(&said)
    }
}

fn wanted(pointer: &str, value: &Value) -> Result<Wanted, Mistake> {
    match value {
        Value::String(text) => Ok(Wanted::Text(Glob::new(text))),
        Value::Array(items) if !items.is_empty() => {
            let items = items.iter().map(|item| wanted(pointer, item));
            items.collect::<Result<_, _>>().map(Wanted::OneOf)
        }
        Value::Object(fields) => {
            let field = fields.keys().next().map_or("field", String::as_str);
            let message = format!("\"{pointer}\" cannot be compared with a table; write \"{pointer}/{field}\" = ...");
            Err(Mistake(message))
        }
        Value::Array(_) | Value::Null => Err(Mistake(format!("\"{pointer}\": nothing fits an empty list"))),
        plain => Ok(Wanted::Same(plain.clone())),
    }
}

impl Wanted {
    fn fits(&self, found: &Value) -> bool {
        if let Value::Array(members) = found {
            return members.iter().any(|member| self.fits(member));
        }
        match self {
            Self::Text(glob) => found.as_str().is_some_and(|text| glob.fits(text)),
            Self::Same(value) => is_same(value, found),
            Self::OneOf(all) => all.iter().any(|wanted| wanted.fits(found)),
        }
    }
}

/// Equality in which 1 and 1.0 are the same number.
fn is_same(value: &Value, found: &Value) -> bool {
    value == found || value.as_f64().is_some_and(|number| found.as_f64() == Some(number))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn predicate(text: &str) -> Predicate {
        toml::from_str(text).expect("a predicate")
    }

    #[test]
    fn all_must_hold() {
        let predicate = predicate("\"/0/type\" = \"AIMessageChunk\"\n\"/1/n\" = 2\n\"/1/last\" = true");
        assert!(predicate.holds(&json!([{ "type": "AIMessageChunk" }, { "n": 2, "last": true }])));
        assert!(predicate.holds(&json!([{ "type": "AIMessageChunk" }, { "n": 2.0, "last": true }])));
        for other in [
            json!([{ "type": "AIMessage" }, { "n": 2, "last": true }]),
            json!([{ "type": "AIMessageChunk" }, { "n": "2", "last": true }]),
            json!([{ "type": "AIMessageChunk" }, { "n": 2 }]),
            json!([{ "type": 1 }, { "n": 2, "last": true }]),
            json!(null),
        ] {
            assert!(!predicate.holds(&other), "{other}");
        }
    }

    #[test]
    fn a_star_stands_for_anything_and_a_list_holds_its_members() {
        assert!(
            predicate("\"/messages/0/content\" = \"*title*\"")
                .holds(&json!({ "messages": [{ "content": "a title!" }] }))
        );
        let stop = predicate("\"/types\" = \"StopEvent\"");
        assert!(stop.holds(&json!({ "types": ["Event", "StopEvent"] })));
        assert!(stop.holds(&json!({ "types": "StopEvent" })));
        assert!(!stop.holds(&json!({ "types": ["Event"] })));
        assert!(!stop.holds(&json!({ "types": [] })));
    }

    #[test]
    fn one_of_a_list_that_is_said_must_fit() {
        let predicate = predicate("\"/role\" = [\"user\", \"hum*\"]");
        assert!(predicate.holds(&json!({ "role": "human" })));
        assert!(predicate.holds(&json!({ "role": ["x", "user"] })));
        assert!(!predicate.holds(&json!({ "role": "assistant" })));
    }

    #[test]
    fn nothing_asked_holds_of_everything() {
        assert!(predicate("").is_empty());
        assert!(predicate("").holds(&json!(null)));
    }

    #[test]
    fn what_is_no_predicate_says_so() {
        for (text, message) in [
            ("type = \"x\"", "\"type\" is no pointer"),
            ("\"/data\" = { kind = 1 }", "write \"/data/kind\" = ..."),
            ("\"/data\" = []", "nothing fits an empty list"),
        ] {
            let error = toml::from_str::<Predicate>(text).expect_err("no predicate").to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
