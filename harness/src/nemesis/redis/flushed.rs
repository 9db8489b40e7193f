//! `flushed`: a Redis store loses every key while it runs on.
//!
//! Needs: a running store. Observed: a key that was set just before is gone. Healed at once: the store takes new keys, and
//! what is missing is up to the pods. The stream log is lost with the rest if the store holds it.

use crate::cluster::{PartHandle, Role};
use crate::history::{Effect, Landing};
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{refused, unseen};
use crate::nemesis::kind::{FaultKind, FaultSite, On};
use crate::roles::redis::store::{RedisError, Store};

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "flushed",
    about: "a Redis store loses every key while it runs on",
    on: On::Part(&[Role::Redis]),
    needs: &[],
    effect: loses_log,
};

fn loses_log(site: &FaultSite) -> Effect {
    Effect {
        loses_log: site.stored.holds_log,
        ..site.plain()
    }
}

/// A key of the harness's own, which must be gone with the others.
const MARKER: &str = "crosspod-marker";

impl Nemesis {
    /// Deletes every key of the store at `url`; they are gone when this returns.
    ///
    /// # Errors
    /// The store cannot be reached, refuses, or still has a key that was there before.
    pub async fn flush(&mut self, store: &PartHandle, url: &str) -> Result<Landing, NemesisError> {
        let fault = self.aimed(&FAULT, store, None);
        match flush(url).await.map_err(refused(&fault))? {
            Flushed { keys, is_marked: false } => {
                let proof = format!("of {keys} keys, the one that was set last is gone");
                self.observed(&fault, &proof, None);
            }
            Flushed { keys, is_marked: true } => {
                return Err(unseen(&fault, format!("{MARKER}, one of {keys} keys, is still there")));
            }
        }
        let landing = self.landed(&fault, None).await?;
        self.mending(&fault);
        self.mended(&fault);
        Ok(landing)
    }
}

/// What a flush left.
#[derive(Debug, PartialEq, Eq)]
struct Flushed {
    /// Keys before it, the marker included.
    keys: u64,
    /// True if the marker is still there.
    is_marked: bool,
}

async fn flush(url: &str) -> Result<Flushed, RedisError> {
    let mut store = Store::open(url).await?;
    store.mark(MARKER).await?;
    let keys = store.keys().await?;
    store.delete_all().await?;
    let is_marked = store.holds(MARKER).await?;
    Ok(Flushed { keys, is_marked })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tokio::io::{AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    use super::*;
    use crate::wire::resp_request::command;

    /// A store that takes one connection. It deletes what it is asked to delete, or only says so.
    async fn store(deletes: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let at = listener.local_addr().expect("its address");
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            let mut stream = BufReader::new(stream);
            let mut keys = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
            while let Some(words) = command(&mut stream).await {
                let words = words.iter().map(|word| std::str::from_utf8(word).expect("text"));
                let answer = match words.collect::<Vec<_>>()[..] {
                    ["AUTH", "secret"] | ["SELECT", "2"] => "+OK\r\n".to_owned(),
                    ["SET", key, ..] => {
                        keys.insert(key.to_owned());
                        "+OK\r\n".to_owned()
                    }
                    ["DBSIZE"] => format!(":{}\r\n", keys.len()),
                    ["EXISTS", key] => format!(":{}\r\n", u8::from(keys.contains(key))),
                    ["FLUSHALL"] => {
                        keys.retain(|_| !deletes);
                        "+OK\r\n".to_owned()
                    }
                    _ => "-ERR unknown command\r\n".to_owned(),
                };
                stream
                    .get_mut()
                    .write_all(answer.as_bytes())
                    .await
                    .expect("a client that listens");
            }
        });
        format!("redis://:secret@{at}/2")
    }

    #[tokio::test]
    async fn a_store_that_was_flushed_has_lost_the_key_that_was_set_last() {
        let url = store(true).await;
        let (keys, is_marked) = (3, false);
        assert_eq!(flush(&url).await.expect("flushed"), Flushed { keys, is_marked });
    }

    #[tokio::test]
    async fn a_store_that_only_says_so_is_found_out() {
        let url = store(false).await;
        let (keys, is_marked) = (3, true);
        assert_eq!(flush(&url).await.expect("answers"), Flushed { keys, is_marked });
    }

    #[tokio::test]
    async fn a_store_that_refuses_is_quoted() {
        let url = store(true).await.replace("secret", "other");
        let error = flush(&url).await.expect_err("refused").to_string();
        assert!(error.ends_with("AUTH: refused: ERR unknown command"), "{error}");
        assert!(!error.contains("other"), "{error}");
    }
}
