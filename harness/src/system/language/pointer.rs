//! Pointers into JSON: RFC 6901, and two steps more.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;

use super::values::Mistake;
use crate::wire::json;

/// A pointer into a JSON value: `/0/content`, `""` for the value itself.
///
/// The step `*` joins the texts of a list (`/content/*/text`), and `#` enters a text that holds JSON (`/content/0/text#/id`). In
/// a field's name `~0` stands for `~`, `~1` for `/`, `~2` for `#` and `~3` for `*`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Pointer {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// A field of an object, or a place in a list.
    Field(String),
    /// The texts of a list, joined.
    Each,
    /// The JSON inside a text.
    Inside,
}

impl Pointer {
    /// Reads a pointer.
    ///
    /// # Errors
    /// A part does not begin with `/`, or a `~` stands before anything but 0 to 3.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let mut steps = Vec::new();
        for (n, part) in text.split('#').enumerate() {
            if n > 0 {
                steps.push(Step::Inside);
            }
            let Some(path) = part.strip_prefix('/') else {
                if part.is_empty() {
                    continue;
                }
                return Err(Mistake::new(format!(
                    "\"{text}\" is no pointer: it begins with \"/\"; write \"/{text}\""
                )));
            };
            for step in path.split('/') {
                steps.push(read_step(step, text)?);
            }
        }
        Ok(Self { steps })
    }

    /// The value that the pointer leads to. Returns `None` if it leads nowhere, or to `null`.
    pub fn find(&self, value: &Value) -> Option<Value> {
        find(&self.steps, value).filter(|found| !found.is_null())
    }

    /// True if the object that would hold the pointer's field is there, and the field is not, or is `null`.
    pub fn is_absent(&self, value: &Value) -> bool {
        let Some((Step::Field(_), holder)) = self.steps.split_last() else {
            return false;
        };
        self.find(value).is_none() && find(holder, value).is_some_and(|holder| holder.is_object())
    }

    /// The text that the pointer leads to. Returns `None` if it leads nowhere, or to a value that is no text.
    pub fn text(&self, value: &Value) -> Option<String> {
        match self.find(value)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

fn read_step(step: &str, pointer: &str) -> Result<Step, Mistake> {
    if step == "*" {
        return Ok(Step::Each);
    }
    let mut parts = step.split('~');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut behind = part.chars();
        name.push(match behind.next() {
            Some('0') => '~',
            Some('1') => '/',
            Some('2') => '#',
            Some('3') => '*',
            _ => {
                let message = format!("\"{pointer}\" is no pointer: write ~0 for \"~\" and ~1 for \"/\" in a name");
                return Err(Mistake(message));
            }
        });
        name.push_str(behind.as_str());
    }
    Ok(Step::Field(name))
}

fn find(steps: &[Step], value: &Value) -> Option<Value> {
    let mut value = value;
    for (n, step) in steps.iter().enumerate() {
        let rest = &steps[n + 1..];
        match step {
            Step::Field(name) => value = field(value, name)?,
            Step::Each => {
                let texts = value.as_array()?.iter().filter_map(|item| match find(rest, item)? {
                    Value::String(text) => Some(text),
                    _ => None,
                });
                return Some(Value::String(texts.collect()));
            }
            Step::Inside => {
                let inside = json::read(value.as_str()?.as_bytes()).ok()?;
                return find(rest, &inside);
            }
        }
    }
    Some(value.clone())
}

fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(fields) => fields.get(name),
        Value::Array(items) => {
            let is_number = name == "0" || !name.starts_with('0') && name.bytes().all(|byte| byte.is_ascii_digit());
            items.get(name.parse::<usize>().ok().filter(|_| is_number)?)
        }
        _ => None,
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            match step {
                Step::Each => f.write_str("/*")?,
                Step::Inside => f.write_str("#")?,
                Step::Field(name) => {
                    let name = name.replace('~', "~0").replace('/', "~1").replace('#', "~2");
                    let name = if name == "*" { "~3".to_owned() } else { name };
                    write!(f, "/{name}")?;
                }
            }
        }
        Ok(())
    }
}

impl FromStr for Pointer {
    type Err = Mistake;

    fn from_str(text: &str) -> Result<Self, Mistake> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Pointer {
    type Error = Mistake;

    fn try_from(text: String) -> Result<Self, Mistake> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointer(text: &str) -> Pointer {
        Pointer::parse(text).expect("a pointer")
    }

    #[test]
    fn pointers_of_the_rfc_lead_where_it_says() {
        let value = json!({
            "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "k\"l": 6, " ": 7, "m~n": 8,
        });
        for (text, expected) in [
            ("/foo", json!(["bar", "baz"])),
            ("/foo/0", json!("bar")),
            ("/", json!(0)),
            ("/a~1b", json!(1)),
            ("/c%d", json!(2)),
            ("/e^f", json!(3)),
            ("/g|h", json!(4)),
            ("/k\"l", json!(6)),
            ("/ ", json!(7)),
            ("/m~0n", json!(8)),
            ("", value.clone()),
        ] {
            assert_eq!(pointer(text).find(&value), Some(expected), "{text}");
        }
        for text in [
            "/bar",
            "/foo/2",
            "/foo/-",
            "/foo/01",
            "/foo/+1",
            "/foo/0/0",
            "/foo/99999999999999999999",
        ] {
            assert_eq!(pointer(text).find(&value), None, "{text}");
        }
    }

    #[test]
    fn a_star_joins_the_texts_of_a_list() {
        let value = json!({ "content": [{ "text": "a" }, { "image": 1 }, { "text": "b" }, { "text": 3 }], "parts": ["c", "d"] });
        assert_eq!(pointer("/content/*/text").find(&value), Some(json!("ab")));
        assert_eq!(pointer("/parts/*").find(&value), Some(json!("cd")));
        assert_eq!(pointer("/content/*/nothing").find(&value), Some(json!("")));
        assert_eq!(pointer("/content/0/text/*").find(&value), None);
        let nested = json!([{ "parts": ["a", "b"] }, { "parts": ["c"] }]);
        assert_eq!(pointer("/*/parts/*").find(&nested), Some(json!("abc")));
    }

    #[test]
    fn a_hash_enters_a_text_that_holds_json() {
        let value = json!({ "content": [{ "text": r#"{"id":"k1","in":"[1,{\"x\":2}]"}"# }], "bad": "{" });
        assert_eq!(pointer("/content/0/text#/id").find(&value), Some(json!("k1")));
        assert_eq!(pointer("/content/0/text#/in#/1/x").find(&value), Some(json!(2)));
        assert_eq!(
            pointer("/content/0/text#/in#").find(&value),
            Some(json!([1, { "x": 2 }]))
        );
        assert_eq!(pointer("#/x").find(&json!("{\"x\":1}")), Some(json!(1)));
        assert_eq!(pointer("/bad#/id").find(&value), None);
        assert_eq!(pointer("/content#/id").find(&value), None);
    }

    #[test]
    fn null_is_nowhere() {
        let value = json!({ "result": null, "text": "x" });
        assert_eq!(pointer("/result").find(&value), None);
        assert_eq!(pointer("/text").find(&value), Some(json!("x")));
    }

    #[test]
    fn names_may_hold_the_signs_of_the_language() {
        let value = json!({ "#text": "x", "*": "y", "a*": "z" });
        for (text, expected) in [("/~2text", "x"), ("/~3", "y"), ("/a*", "z")] {
            assert_eq!(pointer(text).text(&value).as_deref(), Some(expected), "{text}");
            assert_eq!(pointer(text).to_string(), text);
        }
    }

    #[test]
    fn pointers_are_written_as_they_were_read() {
        for text in [
            "",
            "/",
            "/0/content",
            "/a~1b/m~0n",
            "/content/*/text",
            "/content/0/text#/id",
            "#",
            "/a#",
        ] {
            assert_eq!(pointer(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_pointer_says_what_to_write() {
        for (text, message) in [
            (
                "run_id",
                "\"run_id\" is no pointer: it begins with \"/\"; write \"/run_id\"",
            ),
            ("/a#b", "\"/a#b\" is no pointer: it begins with \"/\""),
            ("/a~4", "\"/a~4\" is no pointer: write ~0"),
            ("/a~", "\"/a~\" is no pointer: write ~0"),
        ] {
            let error = Pointer::parse(text).expect_err("no pointer").to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
