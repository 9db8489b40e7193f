//! TOML as a person would write it: comments stand in one column.

use std::fmt::Write as _;

/// Column in which comments begin, from 0.
const COLUMN: usize = 51;

/// A text of TOML that grows line by line.
#[derive(Debug, Default)]
pub(super) struct Sheet(String);

impl Sheet {
    /// Adds a line with a comment beside it.
    pub(super) fn line(&mut self, said: &str, comment: &str) {
        self.0.push_str(said);
        if !comment.is_empty() {
            let length = said.chars().count();
            let gap = COLUMN.saturating_sub(length).max(2);
            self.0.push_str(&" ".repeat(gap));
            self.0.push_str("# ");
            // A comment is one line, whatever the compose file holds.
            self.0.push_str(&comment.replace(char::is_control, " "));
        }
        self.0.push('\n');
    }

    /// Adds a comment that is a line of its own.
    pub(super) fn comment(&mut self, text: &str) {
        self.0.push_str("# ");
        self.0.push_str(&text.replace(char::is_control, " "));
        self.0.push('\n');
    }

    /// Adds text that is TOML already.
    pub(super) fn text(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// Adds an empty line and the header of a table.
    pub(super) fn header(&mut self, name: &str) {
        self.0.push_str("\n[");
        self.0.push_str(name);
        self.0.push_str("]\n");
    }

    /// The text.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// A text in double quotes, as TOML wants it.
pub(super) fn quoted(text: &str) -> String {
    let mut written = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => written.extend(['\\', c]),
            c if c.is_control() => {
                // Writing to a text does not fail.
                let _ = write!(written, "\\u{:04X}", u32::from(c));
            }
            c => written.push(c),
        }
    }
    written.push('"');
    written
}

/// A list of texts.
pub(super) fn list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let texts: Vec<String> = texts.into_iter().map(quoted).collect();
    format!("[{}]", texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_stand_in_one_column_and_are_one_line() {
        let mut sheet = Sheet::default();
        sheet.line("port = 1", "from\nports");
        sheet.line(&"x".repeat(60), "far");
        sheet.comment("a\tb");
        sheet.header("pods");
        let text = sheet.into_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("port = 1{}# from ports", " ".repeat(43)));
        assert_eq!(lines[1], format!("{}  # far", "x".repeat(60)));
        assert_eq!(lines[2..], ["# a b", "", "[pods]"]);
    }

    #[test]
    fn any_text_is_read_back_as_it_was() {
        for text in ["", "a \"b\" \\d", "tab\tand\nline", "\u{7f}\u{1b}ü"] {
            let table: toml::Table = format!("k = {}", quoted(text)).parse().expect("TOML");
            assert_eq!(table["k"].as_str(), Some(text));
        }
        assert_eq!(list(["a", "b\""]), r#"["a", "b\""]"#);
    }
}
