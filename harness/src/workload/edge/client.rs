//! A browser at one entry of the edge: what each of its requests carries, and the record of it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Response;

use super::browser::Browser;
use super::relay::{Destination, HOST, Relay, Trust};
use crate::history::writer::Recorder;
use crate::history::{ClientEvent, PodName, Routed, SetCookie};
use crate::wire::http::client as http_client;
use crate::workload::answer::{self, Trouble};
use crate::workload::request::{Page, Prepared};

/// Longest name of a pod that an answer may say, in bytes.
const POD_MAX: usize = 256;
/// Longest until the relay has taken a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// An entry of the edge, as a client needs to know it.
#[derive(Debug, Clone)]
pub struct EntryPlace {
    /// The entry's name.
    pub name: String,
    /// Where it listens now.
    pub at: SocketAddr,
    /// The certificate to trust; `None` if clients speak plain HTTP.
    pub trust: Option<Trust>,
    /// True if a connection may begin with a PROXY line.
    pub takes_address: bool,
    /// Header by which a pod names itself in its answers.
    pub answered_by: Option<String>,
    /// Header by which an answer says how long its session took to be built, in milliseconds.
    pub cold_start: Option<String>,
}

/// How a client's connections are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// A connection serves one request after the other, as a browser's does.
    Kept,
    /// Each request has a connection of its own.
    Fresh,
}

/// A browser at one entry of the edge. Clones are the same client.
#[derive(Clone)]
pub struct EdgeClient(Arc<Shared>);

struct Shared {
    browser: Browser,
    entry: EntryPlace,
    relay: Relay,
    http: Mutex<Http>,
    recorder: Recorder,
}

struct Http {
    connections: Connections,
    client: reqwest::Client,
}

/// A request that is on its way.
pub(in crate::workload) struct Asked {
    method: &'static str,
    /// Path with its query.
    path: String,
    cookie: Option<String>,
    since_us: u64,
}

impl EdgeClient {
    /// A client that connects when it is first used. Its connections are kept. Call it on a runtime.
    ///
    /// # Errors
    /// The relay or the HTTP client cannot be set up on this machine, in words.
    pub fn open(browser: Browser, entry: EntryPlace, recorder: Recorder) -> Result<Self, String> {
        let destination = Destination {
            at: entry.at,
            address: browser.address().filter(|_| entry.takes_address),
            trust: entry.trust.clone(),
        };
        let relay = Relay::start(destination);
        let relay = relay.map_err(|e: io::Error| format!("a relay to the edge: {e}"))?;
        let http = Http::new(Connections::Kept).map_err(|e| format!("a client of the edge: {e}"))?;
        Ok(Self(Arc::new(Shared {
            browser,
            entry,
            relay,
            http: Mutex::new(http),
            recorder,
        })))
    }

    /// Whose cookies and address it uses.
    pub fn browser(&self) -> &Browser {
        &self.0.browser
    }

    /// The entry's name.
    pub fn entry(&self) -> &str {
        &self.0.entry.name
    }

    /// Where its requests are sent: the relay, which leads to the entry.
    pub fn at(&self) -> SocketAddr {
        self.0.relay.at
    }

    /// Leads connections that come from now on to another address: an edge that is started again listens elsewhere.
    pub fn moved(&self, at: SocketAddr) {
        self.0.relay.lead(|destination| destination.at = at);
    }

    /// Has this address in the edge's eyes from now on, on fresh connections.
    ///
    /// # Errors
    /// The entry does not take a client's word for its address.
    pub fn at_address(&self, address: Ipv4Addr) -> Result<(), String> {
        if !self.0.entry.takes_address {
            return Err(format!("entry {} speaks no PROXY protocol", self.entry()));
        }
        self.0.browser.set_address(address);
        self.0.relay.lead(|destination| destination.address = Some(address));
        self.reconnect();
        Ok(())
    }

    /// Drops the connections that wait for a request, so that the next request begins another. Streams go on.
    pub fn reconnect(&self) {
        let connections = self.http().connections;
        self.use_connections(connections);
    }

    /// Uses its connections so from now on, beginning with a fresh one.
    pub fn use_connections(&self, connections: Connections) {
        match Http::new(connections) {
            Ok(http) => *self.http() = http,
            Err(error) => tracing::error!(%error, "a client of the edge keeps its connections"),
        }
    }

    /// The affinity cookie that it would send with a request for a path.
    pub fn cookie_for(&self, path: &str) -> Option<String> {
        self.0.browser.held(self.page(path), self.0.recorder.now_us())
    }

    /// The HTTP client that its requests are sent with.
    pub(in crate::workload) fn client(&self) -> reqwest::Client {
        self.http().client.clone()
    }

    /// Puts the client's cookies into a request that is about to be sent. Cookies that the request has already are sent too.
    pub(in crate::workload) fn ask(&self, prepared: &mut Prepared) -> Asked {
        let asked_us = self.0.recorder.now_us();
        let others = prepared.header("cookie").map(str::to_owned);
        let sent = self
            .0
            .browser
            .cookies_for(self.page(&prepared.path), others.as_deref(), asked_us);
        if let Some(header) = sent.header {
            prepared.set_header("cookie", header);
        }
        prepared.set_header("host", HOST.to_owned());
        // The trouble of an earlier request is not this one's.
        drop(self.0.relay.take_trouble());
        Asked {
            method: prepared.method,
            path: prepared.path.clone(),
            cookie: sent.affinity,
            since_us: asked_us,
        }
    }

    /// Keeps the cookies of an answer, and records the request with it.
    pub(in crate::workload) fn answered(
        &self,
        asked: Asked,
        got: Result<Response, Trouble>,
    ) -> Result<Response, Trouble> {
        let got = got.map_err(|trouble| self.explained(trouble));
        let set = match &got {
            Ok(response) => self.keep(&asked, response),
            Err(_) => Vec::new(),
        };
        let path = asked.path.split(['?', '#']).next().unwrap_or_default().to_owned();
        let routed = Routed {
            client: self.0.browser.no(),
            entry: self.0.entry.name.clone(),
            address: self.address().map(|address| address.to_string()),
            method: asked.method.to_owned(),
            path,
            cookie: asked.cookie,
            asked_us: asked.since_us,
            set,
            ..Routed::default()
        };
        let routed = match &got {
            Ok(response) => Routed {
                status: Some(response.status().as_u16()),
                pod: self.answered_by(response),
                stream: response.status().is_success() && answer::is_stream(response.headers()),
                cold_start_ms: self.cold_start(response),
                ..routed
            },
            Err(trouble) => Routed {
                trouble: Some(trouble.reason.clone()),
                ..routed
            },
        };
        self.0.recorder.record(ClientEvent::Routed(Box::new(routed)));
        got
    }

    /// The pod that answered, by its own word. Returns `None` if it was the edge itself.
    pub(in crate::workload) fn answered_by(&self, response: &Response) -> Option<PodName> {
        let named = answer::header(response, self.0.entry.answered_by.as_deref()?)?;
        (!named.is_empty() && named.len() <= POD_MAX).then(|| named.into())
    }

    fn cold_start(&self, response: &Response) -> Option<u64> {
        let said = answer::header(response, self.0.entry.cold_start.as_deref()?)?;
        said.trim().parse().ok()
    }

    fn keep(&self, asked: &Asked, response: &Response) -> Vec<SetCookie> {
        let (page, now_us) = (self.page(&asked.path), self.0.recorder.now_us());
        self.0.browser.keep(page, answer::cookies(response.headers()), now_us)
    }

    /// A trouble with what the relay knows of it.
    fn explained(&self, trouble: Trouble) -> Trouble {
        match self.0.relay.take_trouble() {
            Some(of_relay) => Trouble {
                reason: format!("{}; {of_relay}", trouble.reason),
                ..trouble
            },
            None => trouble,
        }
    }

    fn address(&self) -> Option<Ipv4Addr> {
        self.0.browser.address().filter(|_| self.0.entry.takes_address)
    }

    fn page<'p>(&self, path: &'p str) -> Page<'p> {
        Page {
            host: HOST,
            path,
            is_tls: self.0.entry.trust.is_some(),
        }
    }

    fn http(&self) -> std::sync::MutexGuard<'_, Http> {
        self.0.http.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for EdgeClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EdgeClient")
            .field("client", &self.0.browser.no())
            .field("entry", &self.0.entry.name)
            .finish_non_exhaustive()
    }
}

impl Http {
    fn new(connections: Connections) -> Result<Self, reqwest::Error> {
        let builder = http_client().connect_timeout(CONNECT);
        let builder = match connections {
            Connections::Kept => builder,
            Connections::Fresh => builder.pool_max_idle_per_host(0),
        };
        Ok(Self {
            connections,
            client: builder.build()?,
        })
    }
}
