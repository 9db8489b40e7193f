//! A store for tests: lists, streams and keys of another type, behind a socket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::place::StreamId;
use crate::system::language::Glob;
use crate::wire::resp_request::command;

/// The value of a key.
#[derive(Debug, Clone)]
pub(super) enum Value {
    List(Vec<Vec<u8>>),
    /// Entries with the names and values of their fields, in turn.
    Stream(Vec<(StreamId, Vec<String>)>),
    Hash,
}

#[derive(Debug, Default)]
struct Held {
    keys: BTreeMap<String, Value>,
    commands: Vec<String>,
    /// Commands that the store is too old to know.
    unknown: &'static str,
}

/// A store that tests change and look at while it serves.
#[derive(Debug, Clone, Default)]
pub(super) struct Fake(Arc<Mutex<Held>>);

impl Fake {
    /// Serves every client; returns the address.
    pub(super) async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let at = listener.local_addr().expect("its address");
        let fake = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(fake.clone().answer(BufReader::new(stream)));
            }
        });
        format!("redis://{at}")
    }

    pub(super) fn set(&self, key: &str, value: Value) {
        self.with(|held| held.keys.insert(key.to_owned(), value));
    }

    pub(super) fn remove(&self, key: &str) {
        self.with(|held| held.keys.remove(key));
    }

    /// Appends to a list, which begins with that.
    pub(super) fn push(&self, key: &str, entries: &[&str]) {
        self.with(|held| {
            let value = held
                .keys
                .entry(key.to_owned())
                .or_insert_with(|| Value::List(Vec::new()));
            let Value::List(list) = value else {
                panic!("{key} is no list")
            };
            list.extend(entries.iter().map(|entry| entry.as_bytes().to_vec()));
        });
    }

    /// Trims a list or stream to its last entries.
    pub(super) fn trim(&self, key: &str, keep: usize) {
        self.with(|held| match held.keys.get_mut(key) {
            Some(Value::List(list)) => drop(list.drain(..list.len() - keep)),
            Some(Value::Stream(entries)) => drop(entries.drain(..entries.len() - keep)),
            other => panic!("{other:?}"),
        });
    }

    pub(super) fn add(&self, key: &str, id: &str, fields: &[&str]) {
        let id = StreamId::parse(id).expect("an id");
        self.with(|held| {
            let value = held
                .keys
                .entry(key.to_owned())
                .or_insert_with(|| Value::Stream(Vec::new()));
            let Value::Stream(entries) = value else {
                panic!("{key} is no stream")
            };
            entries.push((id, fields.iter().map(|field| (*field).to_owned()).collect()));
        });
    }

    pub(super) fn is_too_old_for(&self, command: &'static str) {
        self.with(|held| held.unknown = command);
    }

    /// The commands since the last call.
    pub(super) fn commands(&self) -> Vec<String> {
        self.with(|held| std::mem::take(&mut held.commands))
    }

    fn with<T>(&self, change: impl FnOnce(&mut Held) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn answer(self, mut stream: BufReader<TcpStream>) {
        while let Some(words) = command(&mut stream).await {
            let text: Vec<String> = words
                .iter()
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect();
            let reply = self.with(|held| {
                held.commands.push(text.join(" "));
                held.reply(&text.iter().map(String::as_str).collect::<Vec<_>>(), &words)
            });
            if stream.get_mut().write_all(&reply).await.is_err() {
                return;
            }
        }
    }
}

impl Held {
    fn reply(&self, words: &[&str], raw: &[Vec<u8>]) -> Vec<u8> {
        if words[0] == self.unknown {
            return format!("-ERR unknown command '{}'\r\n", words[0]).into_bytes();
        }
        match (words, words.get(1).and_then(|key| self.keys.get(*key))) {
            (["SCAN", cursor, "MATCH", glob, "COUNT", "1000"], _) => self.scan(cursor, glob),
            (["TYPE", _], value) => {
                let name = match value {
                    None => "none",
                    Some(Value::List(_)) => "list",
                    Some(Value::Stream(_)) => "stream",
                    Some(Value::Hash) => "hash",
                };
                format!("+{name}\r\n").into_bytes()
            }
            (["LLEN", _], Some(Value::List(list))) => number(list.len()),
            (["LLEN", _], None) => number(0),
            (["LRANGE", _, first, last], Some(Value::List(entries))) => {
                let (first, last): (usize, usize) = (first.parse().expect("an index"), last.parse().expect("an index"));
                let within = entries.iter().take(last + 1).skip(first);
                array(within.map(|entry| text(entry)).collect())
            }
            (["LPOS", _, _, "RANK", "-1"], Some(Value::List(list))) => {
                let found = list.iter().rposition(|entry| *entry == raw[2]);
                found.map_or_else(|| b"$-1\r\n".to_vec(), number)
            }
            (["LPOS", ..], None) => b"$-1\r\n".to_vec(),
            (["XRANGE", _, from, "+", "COUNT", count], Some(Value::Stream(entries))) => {
                let from = StreamId::parse(from);
                let within = entries.iter().filter(|(id, _)| from.is_none_or(|from| *id >= from));
                array(within.take(count.parse().expect("a count")).map(entry).collect())
            }
            (["XREVRANGE", _, "+", "-", "COUNT", "1"], Some(Value::Stream(entries))) => {
                array(entries.iter().rev().take(1).map(entry).collect())
            }
            (["LRANGE" | "XRANGE" | "XREVRANGE", ..], None) => array(Vec::new()),
            (_, Some(_)) => b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n".to_vec(),
            _ => b"-ERR unknown command\r\n".to_vec(),
        }
    }

    /// Two keys at a time, so that a round takes several answers.
    fn scan(&self, cursor: &str, glob: &str) -> Vec<u8> {
        let (from, glob) = (cursor.parse().expect("a cursor"), Glob::new(glob));
        let keys = self.keys.keys().skip(from).take(2);
        let fitting = keys.filter(|key| glob.fits(key)).map(|key| text(key.as_bytes()));
        let next = if from + 2 < self.keys.len() { from + 2 } else { 0 };
        array(vec![text(next.to_string().as_bytes()), array(fitting.collect())])
    }
}

fn entry((id, fields): &(StreamId, Vec<String>)) -> Vec<u8> {
    let fields = fields.iter().map(|field| text(field.as_bytes())).collect();
    array(vec![text(id.to_string().as_bytes()), array(fields)])
}

fn number(number: usize) -> Vec<u8> {
    format!(":{number}\r\n").into_bytes()
}

fn text(text: &[u8]) -> Vec<u8> {
    let head = format!("${}\r\n", text.len());
    [head.as_bytes(), text, b"\r\n"].concat()
}

fn array(values: Vec<Vec<u8>>) -> Vec<u8> {
    let head = format!("*{}\r\n", values.len()).into_bytes();
    std::iter::once(head).chain(values).flatten().collect()
}
