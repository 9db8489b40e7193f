//! A connection to a Redis store. Every answer to its commands is one line of RESP: `+text`, `:number` or `-error`.
//!
//! Deliberately absent: TLS, answers of several lines, and reading what the system keeps there.

use std::time::Duration;

use reqwest::Url;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;

/// Longest that one question may take.
const ONE_QUESTION: Duration = Duration::from_secs(2);
/// Longest that a store may take to delete everything: it does nothing else meanwhile.
const DELETION: Duration = Duration::from_secs(30);
/// Longest line of an answer that is read, in bytes.
const LINE_MAX_BYTES: u64 = 64 << 10;
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
}

/// An open connection.
#[derive(Debug)]
pub struct Store {
    at: String,
    stream: BufStream<TcpStream>,
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Text(String),
    Number(u64),
}

impl Store {
    /// Connects to `redis://[[user]:password@]host[:port][/number]`.
    ///
    /// # Errors
    /// The address is not of that form, or the store cannot be reached or refuses.
    pub async fn open(url: &str) -> Result<Self, RedisError> {
        let place = Place::of(url)?;
        let failed = |what: String| RedisError {
            at: place.at.clone(),
            command: "connect",
            what,
        };
        let dialled = tokio::time::timeout(ONE_QUESTION, TcpStream::connect(&place.at)).await;
        let dialled = dialled.map_err(|_| failed(format!("no connection within {ONE_QUESTION:?}")))?;
        let stream = BufStream::new(dialled.map_err(|e| failed(e.to_string()))?);
        let mut store = Self {
            at: place.at.clone(),
            stream,
        };
        match (place.user.as_deref(), place.password.as_deref()) {
            (None, Some(password)) => drop(store.ask("AUTH", &[password], ONE_QUESTION).await?),
            (Some(user), Some(password)) => drop(store.ask("AUTH", &[user, password], ONE_QUESTION).await?),
            (_, None) => {}
        }
        if let Some(number) = place.number.as_deref() {
            store.ask("SELECT", &[number], ONE_QUESTION).await?;
        }
        Ok(store)
    }

    /// Stores a key that goes by itself after a minute.
    ///
    /// # Errors
    /// The store refuses, or does not answer.
    pub async fn mark(&mut self, key: &str) -> Result<(), RedisError> {
        self.ask("SET", &[key, "1", "EX", "60"], ONE_QUESTION).await.map(drop)
    }

    /// Returns true if the store holds a key.
    ///
    /// # Errors
    /// The store refuses, or does not answer.
    pub async fn holds(&mut self, key: &str) -> Result<bool, RedisError> {
        Ok(self.number("EXISTS", &[key]).await? > 0)
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
        self.ask("FLUSHALL", &[], DELETION).await.map(drop)
    }

    async fn number(&mut self, command: &'static str, words: &[&str]) -> Result<u64, RedisError> {
        match self.ask(command, words, ONE_QUESTION).await? {
            Answer::Number(number) => Ok(number),
            Answer::Text(text) => Err(self.failed(command, format!("expected a number, got {text:?}"))),
        }
    }

    async fn ask(&mut self, command: &'static str, words: &[&str], bound: Duration) -> Result<Answer, RedisError> {
        let asking = async {
            self.stream.write_all(&request(command, words)).await?;
            self.stream.flush().await?;
            let mut line = Vec::new();
            let mut bounded = (&mut self.stream).take(LINE_MAX_BYTES);
            bounded.read_until(b'\n', &mut line).await?;
            Ok::<_, std::io::Error>(line)
        };
        let asked = tokio::time::timeout(bound, asking).await;
        let answer = match asked {
            Err(_) => Err(format!("no answer within {bound:?}")),
            Ok(Err(broken)) => Err(broken.to_string()),
            Ok(Ok(line)) => read(&line),
        };
        answer.map_err(|what| self.failed(command, what))
    }

    fn failed(&self, command: &'static str, what: String) -> RedisError {
        RedisError {
            at: self.at.clone(),
            command,
            what,
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
fn request(command: &str, words: &[&str]) -> Vec<u8> {
    let words: Vec<&str> = std::iter::once(command).chain(words.iter().copied()).collect();
    let text = |word: &&str| [format!("${}", word.len()), (*word).to_owned()];
    let mut lines = vec![format!("*{}", words.len())];
    lines.extend(words.iter().flat_map(text));
    lines.push(String::new());
    lines.join("\r\n").into_bytes()
}

/// An answer of one line, or what is wrong with it.
fn read(line: &[u8]) -> Result<Answer, String> {
    let text = String::from_utf8_lossy(line);
    let Some(text) = text.strip_suffix("\r\n") else {
        return Err(format!("the answer broke off after {} bytes", line.len()));
    };
    match (text.get(..1), text.get(1..)) {
        (Some("+"), Some(rest)) => Ok(Answer::Text(rest.to_owned())),
        (Some("-"), Some(rest)) => Err(format!("refused: {rest}")),
        (Some(":"), Some(rest)) => match rest.parse() {
            Ok(number) => Ok(Answer::Number(number)),
            Err(_) => Err(format!("expected a number, got {rest:?}")),
        },
        _ => Err(format!("an answer of another kind: {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_texts_with_their_lengths_in_bytes() {
        assert_eq!(
            request("SET", &["ä", ""]),
            "*3\r\n$3\r\nSET\r\n$2\r\nä\r\n$0\r\n\r\n".as_bytes()
        );
    }

    #[test]
    fn answers_of_one_line_are_read_and_others_are_quoted() {
        assert_eq!(read(b"+OK\r\n"), Ok(Answer::Text("OK".to_owned())));
        assert_eq!(read(b":42\r\n"), Ok(Answer::Number(42)));
        for (line, what) in [
            (&b"-READONLY a replica\r\n"[..], "refused: READONLY a replica"),
            (b":-1\r\n", "expected a number, got \"-1\""),
            (b"$3\r\n", "an answer of another kind: \"$3\""),
            (b"\r\n", "an answer of another kind: \"\""),
            (b"+O", "the answer broke off after 2 bytes"),
            (b"", "the answer broke off after 0 bytes"),
        ] {
            assert_eq!(read(line), Err(what.to_owned()));
        }
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
