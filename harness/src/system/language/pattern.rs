//! Patterns: texts that are taken apart, and put together again.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;

use super::template::{Piece, pieces, write_pieces};
use super::values::{Mistake, UnknownName, Values};

/// Longest text that a pattern takes apart, in bytes.
const READ_MAX: usize = 1024;
/// Names whose values are whole numbers.
const NUMBERS: [&str; 3] = ["n", "epoch", "seq"];

/// A pattern of literal text, `*` for anything, and names: `"{turn}_event_{n}"`, `"*:*:{seq}"`.
///
/// A name that is known stands for its value. A name that is not is taken out: it stands for at least one character, and for
/// digits alone where it is `n`, `epoch` or `seq`. Where several readings are possible, the first names are the shortest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern {
    pieces: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String),
    /// The star of this number: it is taken out under the name `*1`, which no file can say.
    Any(String),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// It is empty, a placeholder is broken, or a name stands twice.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let mut parts = Vec::new();
        let mut stars = 0;
        for piece in pieces(text)? {
            match piece {
                Piece::Name(name) if parts.contains(&Part::Name(name.clone())) => {
                    return Err(Mistake(format!("{{{name}}} stands twice in \"{text}\"")));
                }
                Piece::Name(name) => parts.push(Part::Name(name)),
                Piece::Text(literal) => push_literal(&mut parts, &literal, &mut stars),
            }
        }
        if parts.is_empty() {
            return Err(Mistake::new("an empty pattern reads nothing; write \"*\" for anything"));
        }
        Ok(Self { pieces: parts })
    }

    /// The names in it, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The texts between its names and stars, in their order: one more than there are names and stars.
    pub fn literals(&self) -> Vec<&str> {
        let mut literals = vec![""];
        for part in &self.pieces {
            match (part, literals.last_mut()) {
                (Part::Text(text), Some(last)) => *last = text,
                _ => literals.push(""),
            }
        }
        literals
    }

    /// What `text` holds for the names that are not `known`. Returns `None` if `text` does not fit, or is over 1024 bytes.
    ///
    /// With the known values, [`writes`](Self::writes) makes `text` of it again.
    pub fn reads(&self, text: &str, known: &Values) -> Option<Values> {
        if text.len() > READ_MAX {
            return None;
        }
        let mut reading = Reading {
            parts: &self.pieces,
            known,
            text,
            dead_ends: vec![false; (self.pieces.len() + 1) * (text.len() + 1)],
            taken: Vec::new(),
        };
        reading.goes_on(0, 0).then(|| reading.taken.into_iter().collect())
    }

    /// The text of these values: the inverse of [`reads`](Self::reads).
    ///
    /// # Errors
    /// A name has no value, or a `*` has none because the values come from elsewhere.
    pub fn writes(&self, values: &Values) -> Result<String, UnknownName> {
        let part = |part: &Part| match part {
            Part::Text(text) => Ok(text.clone()),
            Part::Name(name) | Part::Any(name) => values.require(name).map(super::values::as_text),
        };
        self.pieces.iter().map(part).collect()
    }
}

fn push_literal(parts: &mut Vec<Part>, literal: &str, stars: &mut usize) {
    for (n, text) in literal.split('*').enumerate() {
        if n > 0 {
            *stars += 1;
            parts.push(Part::Any(format!("*{stars}")));
        }
        if !text.is_empty() {
            parts.push(Part::Text(text.to_owned()));
        }
    }
}

/// A search for a reading, the shortest captures first.
struct Reading<'a> {
    parts: &'a [Part],
    known: &'a Values,
    text: &'a str,
    /// Places (part, byte) from which no reading goes on to the end.
    dead_ends: Vec<bool>,
    taken: Vec<(String, Value)>,
}

impl Reading<'_> {
    /// True if the parts from `part` on read the text from `at` on; `taken` then holds their captures.
    fn goes_on(&mut self, part: usize, at: usize) -> bool {
        let place = part * (self.text.len() + 1) + at;
        if self.dead_ends[place] {
            return false;
        }
        let goes_on = match self.parts.get(part) {
            None => at == self.text.len(),
            Some(Part::Text(literal)) => self.literal(literal, part, at),
            Some(Part::Any(name)) => self.takes(name, 0, part, at),
            Some(Part::Name(name)) => match self.known.text(name) {
                Some(value) => self.literal(&value, part, at),
                None => self.takes(name, 1, part, at),
            },
        };
        self.dead_ends[place] = !goes_on;
        goes_on
    }

    fn literal(&mut self, literal: &str, part: usize, at: usize) -> bool {
        self.text[at..].starts_with(literal) && self.goes_on(part + 1, at + literal.len())
    }

    /// Takes a text of at least `least` bytes for `name`.
    fn takes(&mut self, name: &str, least: usize, part: usize, at: usize) -> bool {
        let rest = &self.text[at..];
        for length in least..=rest.len() {
            if !rest.is_char_boundary(length) {
                continue;
            }
            let value = &rest[..length];
            if NUMBERS.contains(&name) && !value.bytes().all(|byte| byte.is_ascii_digit()) {
                return false;
            }
            self.taken.push((name.to_owned(), value.into()));
            if self.goes_on(part + 1, at + length) {
                return true;
            }
            self.taken.pop();
        }
        false
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces = self.pieces.iter().map(|part| match part {
            Part::Text(text) => Piece::Text(text.clone()),
            Part::Name(name) => Piece::Name(name.clone()),
            Part::Any(_) => Piece::Text("*".to_owned()),
        });
        write_pieces(&pieces.collect::<Vec<_>>(), f)
    }
}

impl FromStr for Pattern {
    type Err = Mistake;

    fn from_str(text: &str) -> Result<Self, Mistake> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Pattern {
    type Error = Mistake;

    fn try_from(text: String) -> Result<Self, Mistake> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).expect("a pattern")
    }

    /// The captures of a reading, stars left out.
    fn reads(text: &str, read: &str, known: &Values) -> Option<Vec<(String, String)>> {
        let values = pattern(text).reads(read, known)?;
        let names = values.names().filter(|name| !name.starts_with('*'));
        let all = names.map(|name| (name.to_owned(), values.text(name).expect("a value")));
        Some(all.collect())
    }

    #[test]
    fn a_known_name_is_a_literal_and_a_new_one_is_taken_out() {
        let known = Values::default().with("turn", "7b1e");
        let n = |n: &str| Some(vec![("n".to_owned(), n.to_owned())]);
        assert_eq!(reads("{turn}_event_{n}", "7b1e_event_13", &known), n("13"));
        assert_eq!(reads("{turn}_event_{n}", "0d5c_event_13", &known), None);
        assert_eq!(reads("{turn}_event_{n}", "7b1e_event_", &known), None);
        assert_eq!(reads("{turn}_event_{n}", "7b1e_event_x", &known), None);
        assert_eq!(reads("{n}", "17", &known), n("17"));
        assert_eq!(reads("{n}", "-1", &known), None);
    }

    #[test]
    fn a_star_is_anything() {
        let seq = Some(vec![("seq".to_owned(), "12".to_owned())]);
        assert_eq!(reads("*:*:{seq}", "turn-1:part:12", &Values::default()), seq);
        assert_eq!(reads("*:*:{seq}", "a:b:c:12", &Values::default()), seq);
        assert_eq!(
            reads("*-{n}", "a-b-5", &Values::default()).map(|all| all.len()),
            Some(1)
        );
        assert_eq!(reads("{turn}:*", ":x", &Values::default()), None);
        let turn = Some(vec![("turn".to_owned(), "t1".to_owned())]);
        assert_eq!(reads("{turn}:*", "t1:x:y", &Values::default()), turn);
        assert_eq!(reads("{turn}:*", "t1:", &Values::default()), turn);
    }

    #[test]
    fn several_names_are_taken_out() {
        let both = |epoch: &str, n: &str| {
            Some(vec![
                ("epoch".to_owned(), epoch.to_owned()),
                ("n".to_owned(), n.to_owned()),
            ])
        };
        assert_eq!(reads("{epoch}-{n}", "4-17", &Values::default()), both("4", "17"));
        assert_eq!(reads("{epoch}-{n}", "4-17-0123abcd", &Values::default()), None);
        assert_eq!(
            reads("{epoch}-{n}-*", "4-17-0123abcd", &Values::default()),
            both("4", "17")
        );
        assert_eq!(
            reads("{turn}.{epoch}", "a.b.3", &Values::default()).expect("read")[1].1,
            "a.b"
        );
    }

    #[test]
    fn a_reading_is_written_back() {
        let known = Values::default().with("turn", "é-1");
        for (text, read) in [
            ("{turn}_event_{n}", "é-1_event_13"),
            ("{epoch}-{n}-*", "4-17-0123abcd"),
            ("*:*:{seq}", "a:b:c:12"),
            ("**{x}", "abc"),
            ("{n}", "007"),
        ] {
            let pattern = pattern(text);
            let values = pattern.reads(read, &known).expect("read");
            assert_eq!(pattern.writes(&known.clone().and(&values)).as_deref(), Ok(read));
            assert_eq!(pattern.to_string(), text);
        }
        let next = pattern("{epoch}-{n}-*")
            .reads("4-17-ab", &known)
            .expect("read")
            .with("n", 18);
        assert_eq!(pattern("{epoch}-{n}-*").writes(&next).as_deref(), Ok("4-18-ab"));
        let error = pattern("{turn}-{n}").writes(&known).expect_err("no n").to_string();
        assert_eq!(error, "{n} is no placeholder here; {turn} is");
    }

    #[test]
    fn literals_stand_between_names_and_stars() {
        for (text, literals) in [
            ("run:{turn}", &["run:", ""][..]),
            ("{thread}.*.x{turn}y", &["", ".", ".x", "y"]),
            ("{a}{b}", &["", "", ""]),
            ("plain", &["plain"]),
        ] {
            assert_eq!(pattern(text).literals(), literals, "{text}");
        }
    }

    #[test]
    fn hostile_texts_are_read_in_bounded_time() {
        let text = "a:".repeat(READ_MAX / 2);
        assert_eq!(reads("*:*:*:*:*:*:*:*:{seq}", &text, &Values::default()), None);
        assert_eq!(reads("*", &"a".repeat(READ_MAX + 1), &Values::default()), None);
    }

    #[test]
    fn what_is_no_pattern_says_so() {
        for (text, message) in [
            ("", "an empty pattern"),
            ("{n}-{n}", "{n} stands twice in \"{n}-{n}\""),
            ("{n", "\"{n\" has no closing brace"),
        ] {
            let error = Pattern::parse(text).expect_err("no pattern").to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
