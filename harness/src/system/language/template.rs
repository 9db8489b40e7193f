//! Texts with placeholders: `{name}`, `{env.NAME}`.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;

use super::values::{Mistake, UnknownName, Values, as_text, begins_name, is_name};

/// A text with placeholders. A brace in front of anything but a name is a brace; `{{` is a brace in front of a name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Name(String),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A placeholder is not closed, or its name has other characters than letters, digits, `_` and `-`.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        pieces(text).map(|pieces| Self { pieces })
    }

    /// A text without placeholders.
    pub fn literal(text: &str) -> Self {
        let pieces = (!text.is_empty()).then(|| Piece::Text(text.to_owned()));
        Self {
            pieces: pieces.into_iter().collect(),
        }
    }

    /// True for the text without a character.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The names of its placeholders, in their order; those of the environment as `env.NAME`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Name(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The text with its placeholders filled in. A template that is one placeholder gives the value with its own JSON type.
    ///
    /// # Errors
    /// A placeholder has no value.
    pub fn render(&self, values: &Values) -> Result<Value, UnknownName> {
        match &self.pieces[..] {
            [Piece::Name(name)] => values.require(name).cloned(),
            _ => self.text(values).map(Value::from),
        }
    }

    /// The text with its placeholders filled in; values that are no texts stand in it as JSON.
    ///
    /// # Errors
    /// A placeholder has no value.
    pub fn text(&self, values: &Values) -> Result<String, UnknownName> {
        self.text_with(values, |value| value)
    }

    /// The same, with each filled-in value (not the text around it) passed through `encode`.
    ///
    /// # Errors
    /// A placeholder has no value.
    pub fn text_with(&self, values: &Values, encode: impl Fn(String) -> String) -> Result<String, UnknownName> {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => Ok(text.clone()),
            Piece::Name(name) => values.require(name).map(|value| encode(as_text(value))),
        };
        self.pieces.iter().map(piece).collect()
    }

    /// True if every placeholder has a value.
    pub fn is_known(&self, values: &Values) -> bool {
        self.names().all(|name| values.get(name).is_some())
    }
}

impl FromStr for Template {
    type Err = Mistake;

    fn from_str(text: &str) -> Result<Self, Mistake> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Template {
    type Error = Mistake;

    fn try_from(text: String) -> Result<Self, Mistake> {
        Self::parse(&text)
    }
}

/// Writes the template as a file says it.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_pieces(&self.pieces, f)
    }
}

/// Writes pieces as a file says them.
pub(crate) fn write_pieces(pieces: &[Piece], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for piece in pieces {
        match piece {
            Piece::Name(name) => write!(f, "{{{name}}}")?,
            Piece::Text(text) => f.write_str(&escaped(text))?,
        }
    }
    Ok(())
}

/// A text in which no brace begins a placeholder.
fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        written.push_str(before);
        let begins = behind
            .bytes()
            .next()
            .is_none_or(|byte| byte == b'{' || begins_name(byte));
        written.push_str(if begins { "{{" } else { "{" });
        rest = behind;
    }
    written + rest
}

/// The pieces of a text with placeholders.
pub(crate) fn pieces(text: &str) -> Result<Vec<Piece>, Mistake> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        literal.push_str(before);
        rest = behind;
        if let Some(escaped) = behind.strip_prefix('{') {
            literal.push('{');
            rest = escaped;
        } else if behind.bytes().next().is_some_and(begins_name) {
            let (name, after) = placeholder(behind)?;
            push_text(&mut pieces, &mut literal);
            pieces.push(Piece::Name(name.to_owned()));
            rest = after;
        } else {
            literal.push('{');
        }
    }
    literal.push_str(rest);
    push_text(&mut pieces, &mut literal);
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, literal: &mut String) {
    if !literal.is_empty() {
        pieces.push(Piece::Text(std::mem::take(literal)));
    }
}

/// The name of the placeholder that begins here, behind its brace, and the text behind it.
fn placeholder(text: &str) -> Result<(&str, &str), Mistake> {
    let Some((name, after)) = text.split_once('}') else {
        let begun: String = text.chars().take(20).collect();
        return Err(Mistake::new(format!(
            "\"{{{begun}\" has no closing brace; write {{{{ for a brace"
        )));
    };
    if is_name(name.strip_prefix("env.").unwrap_or(name)) {
        return Ok((name, after));
    }
    let name: String = name.chars().take(40).collect();
    Err(Mistake::new(format!(
        "{{{name}}} is no placeholder: a name has letters, digits, \"_\" and \"-\"; write {{{{ for a brace"
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(text: &str) -> Template {
        Template::parse(text).expect("a template")
    }

    #[test]
    fn placeholders_are_filled_in() {
        let values = Values::default()
            .with("turn", "7b1e")
            .with("n", 3)
            .with("env.TOKEN", "secret");
        for (text, expected) in [
            ("{turn}_event_0", json!("7b1e_event_0")),
            ("a {n} b", json!("a 3 b")),
            ("Bearer {env.TOKEN}", json!("Bearer secret")),
            ("plain", json!("plain")),
            ("", json!("")),
        ] {
            assert_eq!(template(text).render(&values), Ok(expected), "{text}");
        }
    }

    #[test]
    fn one_placeholder_keeps_its_type() {
        let values = Values::default().with("cursor", 7).with("list", json!([1, 2]));
        assert_eq!(template("{cursor}").render(&values), Ok(json!(7)));
        assert_eq!(template("{list}").render(&values), Ok(json!([1, 2])));
        assert_eq!(template("{cursor}").text(&values).as_deref(), Ok("7"));
        assert_eq!(template("{list} ").render(&values), Ok(json!("[1,2] ")));
    }

    #[test]
    fn a_brace_in_front_of_no_name_is_a_brace() {
        let values = Values::default().with("provider", "http://p");
        let json = r#"{"baseUrl":"{provider}/v1","a":{}}"#;
        let rendered = template(json).text(&values).expect("rendered");
        assert_eq!(rendered, r#"{"baseUrl":"http://p/v1","a":{}}"#);
        assert_eq!(
            template("query { me {{id} }").text(&values).as_deref(),
            Ok("query { me {id} }")
        );
    }

    #[test]
    fn a_template_is_written_as_it_was_read() {
        for text in ["{turn}_event_0", "a {{id} {n}", r#"{"a":{}}"#, "{env.A}", "{{{a}"] {
            assert_eq!(template(&template(text).to_string()), template(text), "{text}");
        }
        assert_eq!(template("{{id} {n}").to_string(), "{{id} {n}");
    }

    #[test]
    fn its_names_are_listed() {
        let template = template("{org}_self?{env.A}={org}");
        assert_eq!(template.names().collect::<Vec<_>>(), ["org", "env.A", "org"]);
        assert!(!template.is_known(&Values::default().with("org", 1)));
        assert!(template.is_known(&Values::default().with("org", 1).with("env.A", "")));
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        let values = Values::default().with("pod", "chat-1");
        for text in ["{pods}", "x {pods}"] {
            let error = template(text).render(&values).expect_err("unknown").to_string();
            assert_eq!(error, "{pods} is no placeholder here; {pod} is");
        }
    }

    #[test]
    fn values_alone_are_encoded() {
        let values = Values::default().with("a", "x/y");
        let text = template("/a/{a}").text_with(&values, |value| value.replace('/', "%2F"));
        assert_eq!(text.as_deref(), Ok("/a/x%2Fy"));
    }

    #[test]
    fn a_broken_placeholder_says_so() {
        for (text, message) in [
            ("{turn", "\"{turn\" has no closing brace"),
            ("{turn id}", "{turn id} is no placeholder"),
            ("{env.}", "{env.} is no placeholder"),
            ("{a.b}", "{a.b} is no placeholder"),
        ] {
            let error = Template::parse(text).expect_err("broken").to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
