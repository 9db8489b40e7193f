//! Lists of pointers, of which the first that leads somewhere counts.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::pattern::Pattern;
use super::pointer::Pointer;
use super::values::{Mistake, Values};

/// Pointers in order: the first that leads somewhere counts. A file says one, or a list. An entry may be `{ at, reads }` with a
/// pattern that takes the value out of a text: `{ at = "/id", reads = "{turn}.*" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "OneOrMore")]
pub struct PointerList(Vec<Lookup>);

/// A pointer, and how the value is taken out of the text there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    at: Pointer,
    /// The pattern, and the name in it that is the value.
    reads: Option<(Pattern, String)>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a pointer, { at, reads }, or a list of such")]
enum OneOrMore {
    // Before `One`, because `serde` would take a list of two for the fields of `InFull`.
    More(Vec<Entry>),
    One(Entry),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Plain(String),
    Full(InFull),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InFull {
    at: String,
    reads: String,
}

impl Lookup {
    /// The value that `at` leads to.
    pub fn at(at: Pointer) -> Self {
        Self { at, reads: None }
    }

    /// The value that the first name of `reads` stands for, in the text that `at` leads to.
    ///
    /// # Errors
    /// There is no name in the pattern: nothing is taken out.
    pub fn reading(at: Pointer, reads: Pattern) -> Result<Self, Mistake> {
        let name = reads.names().next().map(str::to_owned);
        let name = name.ok_or_else(|| Mistake(format!("\"{reads}\" takes nothing out: it has no placeholder")))?;
        Ok(Self {
            at,
            reads: Some((reads, name)),
        })
    }

    fn find(&self, value: &Value) -> Option<Value> {
        let found = self.at.find(value)?;
        match &self.reads {
            None => Some(found),
            Some((pattern, name)) => pattern.reads(found.as_str()?, &Values::default())?.get(name).cloned(),
        }
    }
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reads {
            None if self.at == Pointer::default() => f.write_str("the whole value"),
            None => self.at.fmt(f),
            Some((pattern, _)) => write!(f, "{} as \"{pattern}\"", self.at),
        }
    }
}

impl PointerList {
    /// Reads pointers.
    ///
    /// # Errors
    /// There is none, or one is no pointer.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, Mistake> {
        let pointers = texts.iter().map(|text| Pointer::parse(text.as_ref()).map(Lookup::at));
        Self::of(pointers.collect::<Result<_, _>>()?)
    }

    /// These places, in their order.
    ///
    /// # Errors
    /// There is none.
    pub fn of(places: Vec<Lookup>) -> Result<Self, Mistake> {
        if places.is_empty() {
            return Err(Mistake::new("an empty list of pointers leads nowhere"));
        }
        Ok(Self(places))
    }

    /// The value at the first place that has one.
    pub fn find(&self, value: &Value) -> Option<Value> {
        self.0.iter().find_map(|place| place.find(value))
    }

    /// True if a place is a field of an object that is there, and none of the places has a value.
    pub fn is_absent(&self, value: &Value) -> bool {
        self.find(value).is_none() && self.0.iter().any(|place| place.at.is_absent(value))
    }

    /// The text at the first place that has one.
    pub fn text(&self, value: &Value) -> Option<String> {
        self.0.iter().find_map(|place| match place.find(value)? {
            Value::String(text) => Some(text),
            _ => None,
        })
    }
}

impl TryFrom<OneOrMore> for PointerList {
    type Error = Mistake;

    fn try_from(said: OneOrMore) -> Result<Self, Mistake> {
        let entries = match said {
            OneOrMore::One(entry) => vec![entry],
            OneOrMore::More(entries) => entries,
        };
        let place = |entry| match entry {
            Entry::Plain(at) => Pointer::parse(&at).map(Lookup::at),
            Entry::Full(InFull { at, reads }) => Lookup::reading(Pointer::parse(&at)?, Pattern::parse(&reads)?),
        };
        Self::of(entries.into_iter().map(place).collect::<Result<_, _>>()?)
    }
}

impl fmt::Display for PointerList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&places.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct File {
        at: PointerList,
    }

    fn read(text: &str) -> Result<PointerList, String> {
        toml::from_str::<File>(text)
            .map(|file| file.at)
            .map_err(|e| e.to_string())
    }

    #[test]
    fn the_first_that_leads_somewhere_counts() {
        let list = PointerList::parse(&["/result", "/nothing", "/text", "/n"]).expect("pointers");
        let value = json!({ "result": null, "text": "x", "n": 1 });
        assert_eq!(list.find(&value), Some(json!("x")));
        assert_eq!(list.find(&json!({ "n": 1 })), Some(json!(1)));
        assert_eq!(list.text(&json!({ "n": 1 })), None);
        assert_eq!(list.find(&json!({})), None);
    }

    #[test]
    fn a_value_may_be_a_piece_of_a_text() {
        let list = read("at = [\"/turnId\", { at = \"/id\", reads = \"{turn}.{epoch}\" }]").expect("places");
        assert_eq!(list.find(&json!({ "id": "a.b.3" })), Some(json!("a.b")));
        assert_eq!(list.find(&json!({ "id": "a.b.3", "turnId": "t" })), Some(json!("t")));
        for other in [json!({ "id": "a.b" }), json!({ "id": 3 }), json!({ "id": ".3" })] {
            assert_eq!(list.find(&other), None, "{other}");
        }
        let piece = read("at = { at = \"/id\", reads = \"*.{epoch}\" }").expect("a place");
        assert_eq!(piece.find(&json!({ "id": "a.b.3" })), Some(json!("3")));
    }

    #[test]
    fn a_file_says_one_pointer_or_a_list() {
        let written = |text: &str| read(text).map(|list| list.to_string());
        assert_eq!(written("at = \"/id\"").as_deref(), Ok("/id"));
        assert_eq!(written("at = \"\"").as_deref(), Ok("the whole value"));
        assert_eq!(written("at = [\"/a\", \"/b\"]").as_deref(), Ok("/a or /b"));
        let full = written("at = [\"/a\", { at = \"/b\", reads = \"{turn}.*\" }]");
        assert_eq!(full.as_deref(), Ok("/a or /b as \"{turn}.*\""));
        for (text, message) in [
            ("at = []", "an empty list of pointers"),
            ("at = [\"a\"]", "\"a\" is no pointer"),
            ("at = 1", "expected a pointer, { at, reads }, or a list"),
            ("at = { at = \"/id\", reads = \"*\" }", "\"*\" takes nothing out"),
        ] {
            let error = read(text).expect_err("no pointers");
            assert!(error.contains(message), "{error}");
        }
    }
}
