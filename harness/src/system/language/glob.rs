//! Texts in which `*` stands for anything.

use std::fmt;

use serde::Deserialize;

/// A text in which `*` stands for any text, the empty one too.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Glob {
    /// The texts between the stars: one more than there are stars.
    parts: Vec<String>,
}

impl Glob {
    /// Reads a glob; every text is one.
    pub fn new(text: &str) -> Self {
        Self {
            parts: text.split('*').map(str::to_owned).collect(),
        }
    }

    /// True if `text`, all of it, fits.
    pub fn fits(&self, text: &str) -> bool {
        let [first, middle @ .., last] = &self.parts[..] else {
            return self.parts.first().is_none_or(|only| only == text);
        };
        let rest = text.strip_prefix(first.as_str());
        let Some(mut rest) = rest.and_then(|rest| rest.strip_suffix(last.as_str())) else {
            return false;
        };
        for part in middle {
            let Some((_, behind)) = rest.split_once(part.as_str()) else {
                return false;
            };
            rest = behind;
        }
        true
    }
}

impl From<String> for Glob {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("*"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (glob, text, fits) in [
            ("data-*", "data-thread", true),
            ("data-*", "data-", true),
            ("data-*", "x-data-thread", false),
            ("messages|*", "messages|agent:1", true),
            ("messages|*", "messages", false),
            ("*title*", "Generate a title for this", true),
            ("*title*", "Generate a name", false),
            ("*", "", true),
            ("**", "x", true),
            ("", "", true),
            ("", "x", false),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("é*", "éa", true),
        ] {
            assert_eq!(Glob::new(glob).fits(text), fits, "{glob} and {text}");
            assert_eq!(Glob::new(glob).to_string(), glob);
        }
    }
}
