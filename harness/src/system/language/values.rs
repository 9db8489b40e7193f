//! Values of placeholders, and the mistakes of a description.

use std::collections::BTreeMap;

use serde_json::Value;

/// A text of a description that cannot be read: a lowercase message that says what is wrong and what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mistake(pub String);

impl Mistake {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// A placeholder without a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct UnknownName {
    /// The name between the braces.
    pub name: String,
    /// Names that have a value at this place, in alphabetical order, without those of the environment.
    pub known: Vec<String>,
}

impl UnknownName {
    /// The error for `name` where only `known` names have a value.
    pub fn new<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known: Vec<String> = known
            .into_iter()
            .filter(|name| is_sayable(name))
            .map(str::to_owned)
            .collect();
        known.sort();
        known.dedup();
        Self {
            name: name.to_owned(),
            known,
        }
    }
}

impl std::fmt::Display for UnknownName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = &self.name;
        if name.starts_with("env.") {
            return write!(f, "{{{name}}} is not set");
        }
        write!(f, "{{{name}}} is no placeholder here; ")?;
        let known: Vec<String> = self.known.iter().map(|name| format!("{{{name}}}")).collect();
        match &known[..] {
            [] => f.write_str("there is none"),
            [only] => write!(f, "{only} is"),
            all => write!(f, "there are {}", all.join(", ")),
        }
    }
}

/// True for a name that an error may list: neither the environment's nor a pattern's own.
fn is_sayable(name: &str) -> bool {
    !name.starts_with("env.") && !name.starts_with('*')
}

/// Values of placeholders by name. A value keeps the JSON type that it was captured with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<String, Value>);

impl Values {
    /// Sets a value, in place of an earlier one of that name.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(name.into(), value.into());
    }

    /// These values, and one more.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// These values and those of `others`, which win.
    #[must_use]
    pub fn and(mut self, others: &Self) -> Self {
        self.add(others);
        self
    }

    /// Adds the values of `others`, which win.
    pub fn add(&mut self, others: &Self) {
        self.0
            .extend(others.0.iter().map(|(name, value)| (name.clone(), value.clone())));
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The value of a name as text; see `as_text`.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(as_text)
    }

    /// The value of a name as a whole number, from a JSON number or from digits.
    pub fn number(&self, name: &str) -> Option<u64> {
        let value = self.get(name)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }

    /// The names that have a value, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The value of a name.
    ///
    /// # Errors
    /// It has none.
    pub(crate) fn require(&self, name: &str) -> Result<&Value, UnknownName> {
        self.get(name).ok_or_else(|| UnknownName::new(name, self.names()))
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Values {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(all: I) -> Self {
        let all = all.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self(all.collect())
    }
}

/// A value inside a longer text: a text as it is, `null` as nothing, everything else as JSON.
pub(crate) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// True for a name of a placeholder: letters, digits, `_` and `-`, no digit at its beginning.
pub(crate) fn is_name(text: &str) -> bool {
    let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text.bytes().next().is_some_and(begins_name) && text.bytes().all(is_inside)
}

/// True for a byte that a name may begin with.
pub(crate) fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = |name: &str, known: &[&str]| UnknownName::new(name, known.iter().copied()).to_string();
        assert_eq!(error("pods", &["pod"]), "{pods} is no placeholder here; {pod} is");
        assert_eq!(
            error("pods", &["provider", "pod", "*1", "env.A", "pod"]),
            "{pods} is no placeholder here; there are {pod}, {provider}"
        );
        assert_eq!(error("pods", &[]), "{pods} is no placeholder here; there is none");
        assert_eq!(error("env.TOKEN_A", &["pod"]), "{env.TOKEN_A} is not set");
    }

    #[test]
    fn values_are_read_as_text_and_as_numbers() {
        let values: Values = [
            ("n", Value::from(7)),
            ("text", "7".into()),
            ("none", Value::Null),
            ("flag", true.into()),
        ]
        .into_iter()
        .collect();
        assert_eq!(values.number("n"), Some(7));
        assert_eq!(values.number("text"), Some(7));
        assert_eq!(values.number("flag"), None);
        assert_eq!(values.text("none").as_deref(), Some(""));
        assert_eq!(values.text("flag").as_deref(), Some("true"));
        assert_eq!(values.text("other"), None);
    }

    #[test]
    fn later_values_win() {
        let first = Values::default().with("a", 1).with("b", 1);
        let both = first.and(&Values::default().with("b", 2));
        assert_eq!(both, Values::default().with("a", 1).with("b", 2));
    }
}
