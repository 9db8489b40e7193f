//! The reason why a need is not met.

use std::fmt;

/// The missing thing, and the key that would say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// What is missing, in words.
    pub missing: String,
    /// The key of the description that would say it, if one would.
    pub key: Option<String>,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{} ({key})", self.missing),
            None => f.write_str(&self.missing),
        }
    }
}

impl std::error::Error for Why {}

fn missing(missing: &str, key: &str) -> Why {
    Why {
        missing: missing.to_owned(),
        key: Some(key.to_owned()),
    }
}

/// `Ok` if a thing is so; otherwise the missing thing, in words, and the key that would say it.
pub(super) fn held(is_so: bool, words: &str, key: &str) -> Result<(), Why> {
    if is_so { Ok(()) } else { Err(missing(words, key)) }
}
