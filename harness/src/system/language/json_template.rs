//! JSON values and fields (headers, queries, forms) with placeholders in their texts.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::template::Template;
use super::values::{Mistake, UnknownName, Values};

/// A JSON value with placeholders in its texts. Names of fields are taken as they are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub enum JsonTemplate {
    /// A number, a flag or `null`.
    Plain(Value),
    /// A text.
    Text(Template),
    /// A list.
    List(Vec<JsonTemplate>),
    /// An object.
    Object(BTreeMap<String, JsonTemplate>),
}

impl JsonTemplate {
    /// Reads a JSON value with placeholders.
    ///
    /// # Errors
    /// A text in it is no template; the message begins with the pointer to it.
    pub fn parse(value: Value) -> Result<Self, Mistake> {
        parse_at(value, "")
    }

    /// The names of its placeholders, in their order.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Plain(_) => Vec::new(),
            Self::Text(template) => template.names().collect(),
            Self::List(items) => items.iter().flat_map(Self::names).collect(),
            Self::Object(fields) => fields.values().flat_map(Self::names).collect(),
        }
    }

    /// The value with its placeholders filled in.
    ///
    /// # Errors
    /// A placeholder has no value.
    pub fn render(&self, values: &Values) -> Result<Value, UnknownName> {
        match self {
            Self::Plain(value) => Ok(value.clone()),
            Self::Text(template) => template.render(values),
            Self::List(items) => items.iter().map(|item| item.render(values)).collect(),
            Self::Object(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, field)| Ok((name.clone(), field.render(values)?)));
                fields.collect::<Result<Map<_, _>, _>>().map(Value::Object)
            }
        }
    }

    /// This value with `other` laid over it: objects merge field by field, everything else is replaced.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Object(under), Self::Object(over)) => {
                let mut fields = under.clone();
                for (name, field) in over {
                    let merged = under
                        .get(name)
                        .map_or_else(|| field.clone(), |under| under.merged(field));
                    fields.insert(name.clone(), merged);
                }
                Self::Object(fields)
            }
            _ => other.clone(),
        }
    }
}

impl TryFrom<Value> for JsonTemplate {
    type Error = Mistake;

    fn try_from(value: Value) -> Result<Self, Mistake> {
        Self::parse(value)
    }
}

fn parse_at(value: Value, place: &str) -> Result<JsonTemplate, Mistake> {
    match value {
        Value::String(text) => {
            let template = Template::parse(&text);
            let at = |mistake: Mistake| match place {
                "" => mistake,
                place => Mistake::new(format!("{place}: {mistake}")),
            };
            template.map(JsonTemplate::Text).map_err(at)
        }
        Value::Array(items) => {
            let items = items.into_iter().enumerate();
            let items = items.map(|(n, item)| parse_at(item, &format!("{place}/{n}")));
            items.collect::<Result<_, _>>().map(JsonTemplate::List)
        }
        Value::Object(fields) => {
            let field = |(name, field): (String, Value)| {
                let place = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
                parse_at(field, &place).map(|field| (name, field))
            };
            let fields = fields.into_iter().map(field);
            fields.collect::<Result<_, _>>().map(JsonTemplate::Object)
        }
        plain => Ok(JsonTemplate::Plain(plain)),
    }
}

/// Named texts with placeholders: headers, a query, a form. Numbers and flags stand for their texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>")]
pub struct Fields(BTreeMap<String, Template>);

impl Fields {
    /// True if there is no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Template)> {
        self.0.iter().map(|(name, template)| (name.as_str(), template))
    }

    /// One field.
    pub fn get(&self, name: &str) -> Option<&Template> {
        self.0.get(name)
    }

    /// The names of all placeholders.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.values().flat_map(Template::names)
    }

    /// The fields with their placeholders filled in.
    ///
    /// # Errors
    /// A placeholder has no value.
    pub fn render(&self, values: &Values) -> Result<Vec<(String, String)>, UnknownName> {
        let fields = self
            .iter()
            .map(|(name, field)| Ok((name.to_owned(), field.text(values)?)));
        fields.collect()
    }

    /// These fields without those that have a placeholder without a value.
    #[must_use]
    pub fn known(&self, values: &Values) -> Self {
        let known = self.0.iter().filter(|(_, field)| field.is_known(values));
        Self(known.map(|(name, field)| (name.clone(), field.clone())).collect())
    }

    /// These fields and those of `others`, which win.
    #[must_use]
    pub fn merged(&self, others: &Self) -> Self {
        let mut fields = self.0.clone();
        fields.extend(others.0.clone());
        Self(fields)
    }
}

impl FromIterator<(String, Template)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, Template)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

impl TryFrom<BTreeMap<String, Value>> for Fields {
    type Error = Mistake;

    fn try_from(fields: BTreeMap<String, Value>) -> Result<Self, Mistake> {
        let field = |(name, value): (String, Value)| {
            let template = match &value {
                Value::String(text) => Template::parse(text),
                Value::Bool(_) | Value::Number(_) => Ok(Template::literal(&value.to_string())),
                _ => Err(Mistake::new(format!(
                    "expected a text, a number or a flag, not {value}"
                ))),
            };
            let template = template.map_err(|mistake| Mistake::new(format!("{name}: {mistake}")));
            template.map(|template| (name, template))
        };
        fields.into_iter().map(field).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values() -> Values {
        Values::default()
            .with("thread", "t1")
            .with("cursor", 7)
            .with("text", "hello")
    }

    #[test]
    fn texts_inside_json_are_filled_in() {
        let template = JsonTemplate::parse(json!({
            "input": { "messages": [{ "role": "user", "content": "{text}" }] },
            "after": "{cursor}",
            "name": "at {cursor}",
            "n": 1, "flag": true, "nothing": null,
        }));
        let template = template.expect("a template");
        assert_eq!(template.names(), ["cursor", "text", "cursor"]);
        assert_eq!(
            template.render(&values()),
            Ok(json!({
                "input": { "messages": [{ "role": "user", "content": "hello" }] },
                "after": 7,
                "name": "at 7",
                "n": 1, "flag": true, "nothing": null,
            }))
        );
        let error = template.render(&Values::default()).expect_err("unknown").to_string();
        assert_eq!(error, "{cursor} is no placeholder here; there is none");
    }

    #[test]
    fn a_broken_text_is_named_by_its_place() {
        let error = JsonTemplate::parse(json!({ "a/b": ["x", "{y"] })).expect_err("broken");
        assert!(
            error.to_string().starts_with("/a~1b/1: \"{y\" has no closing"),
            "{error}"
        );
        let error = JsonTemplate::parse(json!("{y")).expect_err("broken");
        assert!(error.to_string().starts_with("\"{y\" has no closing"), "{error}");
    }

    #[test]
    fn objects_merge() {
        let parse = |value| JsonTemplate::parse(value).expect("a template");
        let merged = parse(json!({ "a": { "b": 1, "c": [1] } })).merged(&parse(json!({ "a": { "c": [2] }, "d": 3 })));
        assert_eq!(merged, parse(json!({ "a": { "b": 1, "c": [2] }, "d": 3 })));
    }

    #[test]
    fn fields_take_texts_numbers_and_flags() {
        let fields: Fields = toml::from_str("b = \"{thread}\"\na = -1\nc = true\nd = 0.5").expect("fields");
        let rendered = fields.render(&values()).expect("known");
        let expected = [("a", "-1"), ("b", "t1"), ("c", "true"), ("d", "0.5")];
        assert_eq!(
            rendered,
            expected.map(|(name, text)| (name.to_owned(), text.to_owned()))
        );
        let error = toml::from_str::<Fields>("a = [1]").expect_err("a list is no field");
        assert!(
            error.to_string().contains("expected a text, a number or a flag"),
            "{error}"
        );
    }

    #[test]
    fn fields_without_their_values_are_left_out() {
        let fields: Fields = toml::from_str("a = \"Bearer {token}\"\nb = \"{thread}\"").expect("fields");
        let known = fields.known(&values());
        assert_eq!(known.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["b"]);
        assert!(fields.render(&values()).is_err());
    }
}
