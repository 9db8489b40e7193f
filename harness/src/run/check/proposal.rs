//! Proposals of a check of what to say for an open value.

/// A value for an open place of the description, or what was seen there that leads to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::run) struct Proposal {
    /// Path of the open value.
    pub(in crate::run) path: String,
    /// The value as TOML. `None` if it is the user's to choose.
    pub(in crate::run) value: Option<String>,
    /// The observation, in words.
    pub(in crate::run) seen: String,
}

impl Proposal {
    /// A text for an open value.
    pub(in crate::run) fn text(path: impl Into<String>, text: &str, seen: impl Into<String>) -> Self {
        // A JSON text is a TOML text too: both escape quotes, backslashes and control characters alike.
        Self::toml(path, serde_json::Value::from(text).to_string(), seen)
    }

    /// A value for an open value, as TOML.
    pub(in crate::run) fn toml(path: impl Into<String>, value: String, seen: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            value: Some(value),
            seen: seen.into(),
        }
    }

    /// The observation, where the value is the user's to choose.
    pub(in crate::run) fn hint(path: impl Into<String>, seen: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            value: None,
            seen: seen.into(),
        }
    }

    /// The proposal in words.
    pub(in crate::run) fn words(&self) -> String {
        match &self.value {
            Some(value) => format!("say {value}: {}", self.seen),
            None => self.seen.clone(),
        }
    }
}
