//! A provider within the test's process, and clients of both its interfaces.

use std::{error::Error, io, time::Duration};

use eventsource_stream::{EventStreamError, Eventsource};
use futures_util::{Stream, StreamExt};
use mock_ai::{
    journal::{CallId, CallRecord, Event, EventId, GateState},
    server::{Server, Settings},
    token::{Piece, scan},
};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::timeout};

/// Bound of every wait: far beyond what anything here takes, so that only what never happens is late.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

pub(crate) struct Provider {
    pub(crate) http: reqwest::Client,
    pub(crate) listen: std::net::SocketAddr,
    admin: std::net::SocketAddr,
    serving: JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Waits with the common bound, and names what did not come.
pub(crate) async fn within<T>(what: &str, wait: impl Future<Output = T>) -> T {
    timeout(BOUND, wait)
        .await
        .unwrap_or_else(|_| panic!("waited {BOUND:?} for {what}"))
}

impl Provider {
    pub(crate) async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    pub(crate) async fn start_with(settings: Settings) -> Self {
        let server = Server::bind("127.0.0.1:0", "127.0.0.1:0").await.unwrap();
        Self::serving(server.with(settings))
    }

    pub(crate) fn serving(server: Server) -> Self {
        let (listen, admin) = (server.listen, server.admin);
        let serving = tokio::spawn(server.run(std::future::pending()));
        Self {
            http: reqwest::Client::new(),
            listen,
            admin,
            serving,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listen)
    }

    /// A streamed completion for one user message.
    pub(crate) fn ask(&self, prompt: &str) -> RequestBuilder {
        self.complete(&json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": prompt}]}))
    }

    pub(crate) fn complete(&self, body: &Value) -> RequestBuilder {
        self.http.post(self.url("/v1/chat/completions")).json(body)
    }

    pub(crate) async fn open(&self, prompt: &str) -> Chat {
        let response = within("the response's head", self.ask(prompt).send()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Chat::new(response)
    }

    pub(crate) async fn admin_get(&self, path: &str) -> Response {
        let url = format!("http://{}/__mock/{path}", self.admin);
        within(path, self.http.get(url).send()).await.unwrap()
    }

    pub(crate) async fn admin_post(&self, path: &str, body: &str) -> Response {
        let url = format!("http://{}/__mock/{path}", self.admin);
        within(path, self.http.post(url).body(body.to_owned()).send())
            .await
            .unwrap()
    }

    async fn admin_read<T: DeserializeOwned>(&self, path: &str) -> T {
        let response = self.admin_get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    pub(crate) async fn gate(&self, path: &str) -> GateState {
        self.admin_read(&format!("gates/{path}")).await
    }

    pub(crate) async fn record(&self, call: CallId) -> CallRecord {
        self.admin_read(&format!("calls/{call}")).await
    }

    /// The record of the key's first call, once there is one.
    pub(crate) async fn call_of(&self, key: &str) -> CallRecord {
        let mut records: Vec<CallRecord> = self.admin_read(&format!("calls?key={key}&wait=20000")).await;
        records.remove(0)
    }

    /// The journal from its start, event by event.
    pub(crate) async fn events(&self) -> impl Stream<Item = Event> + Unpin {
        let events = self.admin_get("events").await.bytes_stream().eventsource();
        events.map(|event| {
            let event = event.unwrap();
            let read: Event = serde_json::from_str(&event.data).unwrap();
            assert_eq!(
                (event.id.as_str(), event.event.as_str()),
                (&*read.number.0.to_string(), read.kind.name())
            );
            read
        })
    }

    /// The record of a call, once it has ended.
    pub(crate) async fn ended(&self, call: CallId) -> CallRecord {
        let mut events = self.events().await;
        let ended =
            |event: &Event| event.kind.name() == "ended" && event.call.as_ref().is_some_and(|id| id.call == call);
        let mut last = EventId(0);
        within(&format!("the end of call {call}"), async {
            loop {
                let event = events.next().await.unwrap();
                assert!(event.number > last, "events come in order");
                last = event.number;
                if ended(&event) {
                    break;
                }
            }
        })
        .await;
        self.record(call).await
    }
}

/// How a stream ended, as a client sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// `[DONE]`, then the end of the body.
    Done,
    /// The end of the body without `[DONE]`.
    Eof,
    /// The connection closed within the body.
    Broken,
    /// The connection was reset.
    Reset,
}

/// One streamed answer, read event by event.
pub(crate) struct Chat {
    events: std::pin::Pin<Box<dyn Stream<Item = Result<String, Ending>> + Send>>,
}

impl Chat {
    pub(crate) fn new(response: Response) -> Self {
        let events = response.bytes_stream().eventsource().map(|event| match event {
            Ok(event) => Ok(event.data),
            Err(EventStreamError::Transport(error)) if is_reset(&error) => Err(Ending::Reset),
            Err(_) => Err(Ending::Broken),
        });
        Self {
            events: Box::pin(events),
        }
    }

    /// The next event's data, or how the stream ended.
    pub(crate) async fn data(&mut self) -> Result<String, Ending> {
        within("an event", self.events.next()).await.unwrap_or(Err(Ending::Eof))
    }

    /// The next chunk that holds a token's text, or how the stream ended.
    pub(crate) async fn token(&mut self) -> Result<String, Ending> {
        loop {
            let data = self.data().await?;
            if data == "[DONE]" {
                assert_eq!(self.data().await, Err(Ending::Eof), "nothing follows [DONE]");
                return Err(Ending::Done);
            }
            let chunk: Value = serde_json::from_str(&data).unwrap();
            match chunk["choices"][0]["delta"]["content"].as_str() {
                None | Some("") => {}
                Some(text) => return Ok(text.to_owned()),
            }
        }
    }

    /// Reads exactly so many tokens.
    pub(crate) async fn tokens(&mut self, count: u32) -> String {
        let mut text = String::new();
        for _ in 0..count {
            text += &self.token().await.unwrap();
        }
        text
    }

    /// Reads to the end.
    pub(crate) async fn rest(&mut self) -> (String, Ending) {
        let mut text = String::new();
        loop {
            match self.token().await {
                Ok(token) => text += &token,
                Err(ending) => return (text, ending),
            }
        }
    }
}

fn is_reset(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
        {
            return true;
        }
        next = error.source();
    }
    false
}

/// Call ordinals and indices of the tokens in a text.
pub(crate) fn indices(text: &str) -> Vec<(u32, u32)> {
    let index = |piece| match piece {
        Piece::Token(token) => (token.call, token.index),
        Piece::Other(other) => panic!("not a token: {other:?}"),
    };
    scan(text).into_iter().map(index).collect()
}
