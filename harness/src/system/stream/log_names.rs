//! Names of subjects and keys: which of them are stream logs, and the thread or turn that each is the log of.

use crate::history::{ThreadId, TurnId};
use crate::system::language::{Pattern, Values};

/// One stream log: a subject of a broker, or a key of a store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OneLog {
    /// Its name in the store.
    pub name: String,
    /// The thread that its name holds.
    pub thread: Option<ThreadId>,
    /// The turn that its name holds.
    pub turn: Option<TurnId>,
}

impl OneLog {
    /// True if all of its entries are of one thread or turn.
    pub fn is_of_one(&self) -> bool {
        self.thread.is_some() || self.turn.is_some()
    }
}

/// The names of all stream logs of a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogNames(Pattern);

impl LogNames {
    /// The names that fit a pattern with `{thread}`, `{turn}`, both, or neither.
    pub fn new(pattern: Pattern) -> Self {
        Self(pattern)
    }

    /// The log of that name. Returns `None` if the name is none of a log.
    pub fn read(&self, name: &str) -> Option<OneLog> {
        let values = self.0.reads(name, &Values::default())?;
        Some(OneLog {
            name: name.to_owned(),
            thread: values.text("thread").map(ThreadId::from),
            turn: values.text("turn").map(TurnId::from),
        })
    }

    /// True if each log is of one thread or turn.
    pub fn are_of_one(&self) -> bool {
        self.0.names().any(|name| name == "thread" || name == "turn")
    }

    /// A glob of Redis that every name fits. Other keys may fit it too.
    pub fn glob(&self) -> String {
        let literals = self.0.literals().into_iter().map(escaped);
        literals.collect::<Vec<_>>().join("*")
    }

    /// A subject of NATS with wildcards that every name fits in which a placeholder stands for a text without a dot. A
    /// wildcard is a whole token, so other subjects may fit it too.
    pub fn subjects(&self) -> String {
        let name = self.0.literals().join("*");
        let tokens = name
            .split('.')
            .map(|token| if token.contains('*') { "*" } else { token });
        tokens.collect::<Vec<_>>().join(".")
    }
}

/// A text in which no character is a wildcard of Redis.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str) -> LogNames {
        LogNames::new(Pattern::parse(pattern).expect("a pattern"))
    }

    #[test]
    fn a_name_is_read_back_to_its_thread_and_turn() {
        for (pattern, name, thread, turn) in [
            ("chunks.{thread}", "chunks.t-1", Some("t-1"), None),
            ("run:cache:{turn}", "run:cache:u1", None, Some("u1")),
            ("{thread}:gen-*:{turn}", "t:gen-2:u", Some("t"), Some("u")),
            ("events", "events", None, None),
        ] {
            let log = names(pattern).read(name).expect(pattern);
            assert_eq!(log.name, name);
            assert_eq!(log.thread.as_ref().map(ThreadId::as_str), thread, "{pattern}");
            assert_eq!(log.turn.as_ref().map(TurnId::as_str), turn, "{pattern}");
            assert_eq!(log.is_of_one(), names(pattern).are_of_one(), "{pattern}");
        }
        assert_eq!(names("run:cache:{turn}").read("run:cache:"), None);
        assert_eq!(names("run:cache:{turn}").read("run:counter:u1"), None);
    }

    #[test]
    fn globs_and_subjects_leave_placeholders_open() {
        for (pattern, glob, subjects) in [
            ("chunks.{thread}", "chunks.*", "chunks.*"),
            ("chat.{thread}.turn-{turn}.out", "chat.*.turn-*.out", "chat.*.*.out"),
            ("q[a]?:{turn}", "q\\[a\\]\\?:*", "*"),
            ("run:*:{turn}", "run:*:*", "*"),
            ("events", "events", "events"),
        ] {
            assert_eq!(names(pattern).glob(), glob);
            assert_eq!(names(pattern).subjects(), subjects);
        }
    }
}
