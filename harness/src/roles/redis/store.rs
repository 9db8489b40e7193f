//! A connection to a Redis store, and the few commands that faults need.
//!
//! Deliberately absent: TLS.

use std::time::Duration;

use reqwest::Url;
use tokio::io::{AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;

use crate::wire::resp::{self, Limits, Reply, Unfit};
use crate::wire::text::cut;

/// Longest that one question may take.
const ONE_QUESTION: Duration = Duration::from_secs(2);
/// Longest that a store may take to delete everything: it does nothing else meanwhile.
const DELETION: Duration = Duration::from_secs(30);
/// As much of one answer as is held. A text has as much room as an event of a tail.
pub(super) const LIMITS: Limits = Limits {
    text_bytes: 4 << 20,
    reply_bytes: 32 << 20,
};
/// Longest text of an unfit answer that is quoted, in bytes.
const QUOTED_BYTES: usize = 100;
const PORT: u16 = 6379;

/// A store did not answer as it should.
#[derive(Debug, thiserror::Error)]
#[error("redis at {at}: {command}: {what}")]
pub struct RedisError {
    /// Host and port.
    at: String,
    /// The command, without its arguments: one of them may be a password.
    command: &'static str,
    /// The answer, or the reason for its absence.
    what: String,
    kind: Kind,
}

/// The state of a connection after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The store has answered in good order.
    Refused,
    /// The answer is larger than what is held.
    TooLarge,
    /// There was no answer in time.
    Late,
    /// Anything else.
    Broken,
}

impl RedisError {
    /// True if the store has answered in good order, with a refusal. The connection is of no use after any other error.
    pub fn is_refusal(&self) -> bool {
        self.kind == Kind::Refused
    }

    /// The error for a store that is too slow for something that takes several commands.
    pub(super) fn late(url: &str, doing: &'static str, bound: Duration) -> Self {
        Self {
            at: Place::of(url).map_or_else(|unread| unread.at, |place| place.at),
            command: doing,
            what: format!("not done within {bound:?}"),
            kind: Kind::Late,
        }
    }

    /// True if the key holds a value of another type than the command is for.
    pub(super) fn is_wrong_type(&self) -> bool {
        self.is_refusal() && self.what.contains("WRONGTYPE")
    }

    /// True if the store does not know the command.
    pub(super) fn is_unknown_command(&self) -> bool {
        self.is_refusal() && self.what.contains("unknown command")
    }

    /// True if the answer is larger than what is held of one, or took too long. The answer to a smaller question may be neither.
    pub(super) fn is_too_large(&self) -> bool {
        matches!(self.kind, Kind::TooLarge | Kind::Late)
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Store {
    at: String,
    stream: BufStream<TcpStream>,
    limits: Limits,
}

impl Store {
    /// Connects to `redis://[[user]:password@]host[:port][/number]`.
    ///
    /// # Errors
    /// The address is not of that form, or the store cannot be reached or refuses.
    pub async fn open(url: &str) -> Result<Self, RedisError> {
        Self::open_within(url, LIMITS).await
    }

    /// The same, with limits of an answer.
    pub(super) async fn open_within(url: &str, limits: Limits) -> Result<Self, RedisError> {
        let place = Place::of(url)?;
        let failed = |what: String| RedisError {
            at: place.at.clone(),
            command: "connect",
            what,
            kind: Kind::Broken,
        };
        let dialled = tokio::time::timeout(ONE_QUESTION, TcpStream::connect(&place.at)).await;
        let dialled = dialled.map_err(|_| failed(format!("no connection within {ONE_QUESTION:?}")))?;
        let stream = BufStream::new(dialled.map_err(|e| failed(e.to_string()))?);
        let mut store = Self {
            at: place.at.clone(),
            stream,
            limits,
        };
        match (place.user.as_deref(), place.password.as_deref()) {
            (None, Some(password)) => drop(store.ask("AUTH", &[password.as_bytes()]).await?),
            (Some(user), Some(password)) => drop(store.ask("AUTH", &[user.as_bytes(), password.as_bytes()]).await?),
            (_, None) => {}
        }
        if let Some(number) = place.number.as_deref() {
            store.ask("SELECT", &[number.as_bytes()]).await?;
        }
        Ok(store)
    }

    /// Stores a key that goes by itself after a minute.
    ///
    /// # Errors
    /// The store refuses, or does not answer.
    pub async fn mark(&mut self, key: &str) -> Result<(), RedisError> {
        let words = [key, "1", "EX", "60"].map(str::as_bytes);
        self.ask("SET", &words).await.map(drop)
    }

    /// Returns true if the store holds a key.
    ///
    /// # Errors
    /// The store refuses, or does not answer.
    pub async fn holds(&mut self, key: &str) -> Result<bool, RedisError> {
        Ok(self.number("EXISTS", &[key.as_bytes()]).await? > 0)
    }

    /// Number of keys in the selected database.
    ///
    /// # Errors
    /// The store refuses, or does not answer.
    pub async fn keys(&mut self) -> Result<u64, RedisError> {
        self.number("DBSIZE", &[]).await
    }

    /// Deletes every key of every database of the store.
    ///
    /// # Errors
    /// The store refuses, or does not answer.
    pub async fn delete_all(&mut self) -> Result<(), RedisError> {
        self.ask_within(DELETION, "FLUSHALL", &[]).await.map(drop)
    }

    pub(super) async fn number(&mut self, command: &'static str, words: &[&[u8]]) -> Result<u64, RedisError> {
        match self.ask(command, words).await? {
            Reply::Number(number) if number >= 0 => Ok(number.unsigned_abs()),
            other => Err(self.unfit(command, "a number", &other)),
        }
    }

    /// Sends a command and reads the answer.
    ///
    /// # Errors
    /// The store refuses, does not answer in time, or answers with anything that is no reply.
    pub(super) async fn ask(&mut self, command: &'static str, words: &[&[u8]]) -> Result<Reply, RedisError> {
        self.ask_within(ONE_QUESTION, command, words).await
    }

    async fn ask_within(
        &mut self,
        bound: Duration,
        command: &'static str,
        words: &[&[u8]],
    ) -> Result<Reply, RedisError> {
        let asking = async {
            self.stream.write_all(&request(command, words)).await?;
            self.stream.flush().await?;
            resp::read(&mut self.stream, self.limits).await
        };
        let asked = tokio::time::timeout(bound, asking).await;
        match asked {
            Err(_) => Err(self.late(command, bound)),
            Ok(Err(unfit @ Unfit::TooLarge(_))) => Err(self.failed(Kind::TooLarge, command, unfit.to_string())),
            Ok(Err(unfit)) => Err(self.failed(Kind::Broken, command, unfit.to_string())),
            Ok(Ok(Reply::Refused(why))) => Err(self.failed(Kind::Refused, command, format!("refused: {why}"))),
            Ok(Ok(reply)) => Ok(reply),
        }
    }

    /// The error for a reply of another kind than the command has.
    pub(super) fn unfit(&self, command: &'static str, expected: &str, got: &Reply) -> RedisError {
        let got = match got {
            Reply::List(values) => format!("a list of {}", values.len()),
            Reply::Text(text) => format!("{:?}", cut(&String::from_utf8_lossy(text), QUOTED_BYTES)),
            other => format!("{other:?}"),
        };
        self.failed(Kind::Broken, command, format!("expected {expected}, got {got}"))
    }

    /// The error for an answer that did not come in time.
    pub(super) fn late(&self, command: &'static str, bound: Duration) -> RedisError {
        self.failed(Kind::Late, command, format!("no answer within {bound:?}"))
    }

    fn failed(&self, kind: Kind, command: &'static str, what: String) -> RedisError {
        RedisError {
            at: self.at.clone(),
            command,
            what,
            kind,
        }
    }
}

/// An address, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    at: String,
    user: Option<String>,
    password: Option<String>,
    number: Option<String>,
}

impl Place {
    fn of(url: &str) -> Result<Self, RedisError> {
        let wrong = |what: &str| RedisError {
            at: "an address that cannot be read".to_owned(),
            command: "connect",
            what: format!("{what}; expected redis://[[user]:password@]host[:port][/number]"),
            kind: Kind::Broken,
        };
        let url: Url = url.parse().map_err(|_| wrong("it is no URL"))?;
        if url.scheme() != "redis" {
            return Err(wrong("its scheme is not redis"));
        }
        let host = url.host_str().ok_or_else(|| wrong("it names no host"))?;
        let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(Self {
            at: format!("{host}:{}", url.port().unwrap_or(PORT)),
            user: said(url.username()),
            password: url.password().map(str::to_owned),
            number: said(url.path().trim_start_matches('/')),
        })
    }
}

/// A command in RESP: an array of texts, each with its length in bytes.
fn request(command: &str, words: &[&[u8]]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", words.len() + 1).into_bytes();
    for word in std::iter::once(command.as_bytes()).chain(words.iter().copied()) {
        request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        request.extend_from_slice(word);
        request.extend_from_slice(b"\r\n");
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_texts_with_their_lengths_in_bytes() {
        assert_eq!(
            request("SET", &["ä".as_bytes(), b""]),
            "*3\r\n$3\r\nSET\r\n$2\r\nä\r\n$0\r\n\r\n".as_bytes()
        );
    }

    #[test]
    fn an_address_is_taken_apart_and_errors_print_no_password() {
        let place = Place::of("redis://:secret@127.0.0.1:6380/3").expect("an address");
        assert_eq!((place.at.as_str(), place.user), ("127.0.0.1:6380", None));
        assert_eq!(
            (place.password.as_deref(), place.number.as_deref()),
            (Some("secret"), Some("3"))
        );
        assert_eq!(Place::of("redis://cache").expect("an address").at, "cache:6379");
        for url in ["secret", "rediss://:secret@host", "redis:secret"] {
            let error = Place::of(url).expect_err("no address").to_string();
            assert!(
                error.contains("expected redis://") && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
