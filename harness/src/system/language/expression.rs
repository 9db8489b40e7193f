//! Regular expressions.

use std::fmt;

use regex::Regex;

use super::values::Mistake;

/// A regular expression. It looks anywhere in a text unless it says `^` or `$`; its time is linear in the text.
#[derive(Debug, Clone)]
pub struct Expression(Regex);

impl Expression {
    /// Reads a regular expression.
    ///
    /// # Errors
    /// It is none: the message shows the place.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let read = Regex::new(text).map(Self);
        read.map_err(|e| {
            Mistake::new(format!(
                "'{text}' is no regular expression: {}",
                last_line(&e.to_string())
            ))
        })
    }

    /// True if it finds something in a text.
    pub fn finds(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// The text of a named group, in the first place that fits.
    pub fn group<'t>(&self, name: &str, text: &'t str) -> Option<&'t str> {
        Some(self.0.captures(text)?.name(name)?.as_str())
    }

    /// True if it has a group of that name.
    pub fn has_group(&self, name: &str) -> bool {
        self.0.capture_names().flatten().any(|known| known == name)
    }
}

/// The last line of a message of several: the error itself, without the drawing of its place.
fn last_line(message: &str) -> &str {
    let line = message.lines().last().unwrap_or_default();
    line.trim_start_matches("error: ")
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Expression {}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_group_is_taken_out() {
        let pod = Expression::parse(r"^(?<pod>.+)-\d+-worker-\d+$").expect("an expression");
        assert_eq!(pod.group("pod", "chat-3-7-worker-1"), Some("chat-3"));
        assert_eq!(pod.group("pod", "chat-3"), None);
        assert!(pod.has_group("pod") && !pod.has_group("owner"));
        assert!(pod.finds("a-1-worker-2"));
    }

    #[test]
    fn a_broken_one_says_why() {
        let error = Expression::parse("(a").expect_err("it is broken").to_string();
        assert_eq!(error, "'(a' is no regular expression: unclosed group");
    }
}
