//! The API of one pod, one request at a time, by the calls of the description.

mod access;
mod attach;
mod pods;
mod post;
mod sign_in;
mod threads;
mod unread;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};

pub use attach::TailFrom;
pub use pods::Scrape;
pub(super) use post::Begun;
pub use post::Message;
pub use sign_in::Who;
pub use unread::Unread;

use super::answer::{self, Answer, Trouble, whole};
use super::edge::EdgeClient;
use super::request::Prepared;
use super::session::{Known, Session};
use crate::history::{Outcome, PodName, ThreadId, TurnId};
use crate::system::System;
use crate::system::language::{UnknownName, Values};
use crate::system::reading::FrameRules;
use crate::system::talk::{Patch, Request};
use crate::wire::http::client as http_client;

/// Where the provider is in a pod's network.
const PROVIDER: &str = "http://provider:8080";

/// A request that the workload needs for its own set-up and that did not go as the description says.
#[derive(Debug, thiserror::Error)]
#[error("{what} on {pod}: {got}")]
pub struct ApiError {
    what: String,
    /// Pod that was asked.
    pub pod: PodName,
    /// HTTP status, where there was an answer.
    pub status: Option<u16>,
    got: String,
}

impl ApiError {
    /// True if the pod failed by its own word, an answer of 5xx. Any other answer may be due to the description.
    pub fn is_the_pods(&self) -> bool {
        self.status.is_some_and(|status| (500..600).contains(&status))
    }
}

/// A pod's API.
#[derive(Clone)]
pub struct Api {
    http: Client,
    system: Arc<System>,
    frames: Arc<FrameRules>,
    /// Values of every call.
    given: Values,
    known: Known,
    /// The client of the edge that every request goes through; `None` if each goes straight to the pod that is asked.
    edge: Option<EdgeClient>,
}

impl Api {
    /// A client of the system's pods.
    ///
    /// Connections are never reused: a pod that is started again has another address, and a connection kept from before
    /// its death would make its first answer look like a failure.
    ///
    /// # Errors
    /// The HTTP client cannot be set up on this machine.
    pub fn new(system: Arc<System>) -> Result<Self, reqwest::Error> {
        let http = http_client()
            .pool_max_idle_per_host(0)
            .connect_timeout(Duration::from_secs(2))
            .build()?;
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
            Some((format!("env.{name}"), value))
        });
        let frames = FrameRules {
            stream: system.description.stream.clone(),
            statuses: system.description.statuses.clone(),
        };
        Ok(Self {
            http,
            system,
            frames: Arc::new(frames),
            given: environment.collect::<Values>().with("provider", PROVIDER),
            known: Known::default(),
            edge: None,
        })
    }

    /// The same API through the edge, by one of its clients: whichever pod answers, answers. The address that a call is given is
    /// [`EdgeClient::at`].
    #[must_use]
    pub fn through(&self, client: &EdgeClient) -> Self {
        Self {
            edge: Some(client.clone()),
            ..self.clone()
        }
    }

    /// The system that is talked to.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// The pod that sent an answer's head: through the edge by its own word, where it says one; else the one that was asked.
    pub(super) fn server_of(&self, response: &Response, asked: &PodName) -> PodName {
        let named = self.edge.as_ref().and_then(|client| client.answered_by(response));
        named.unwrap_or_else(|| asked.clone())
    }

    /// The values of a call about a thread and a turn.
    fn values(&self, session: &Session, thread: Option<&ThreadId>, turn: Option<&TurnId>) -> Values {
        session.values.clone().and(&self.known.of(thread, turn))
    }

    /// Renders a call with the headers of every call; during a sign-in only those whose placeholders are known.
    fn prepare(
        &self,
        session: &Session,
        request: &Request,
        added: Option<&Patch>,
        values: &Values,
    ) -> Result<Prepared, UnknownName> {
        let headers = self.system.description.auth.as_ref().map(|auth| &auth.headers);
        let headers = headers.cloned().unwrap_or_default();
        let headers = if session.is_signed_in {
            headers
        } else {
            headers.known(values)
        };
        Prepared::of(request, added, &headers, values)
    }

    /// The request as it is sent to `at`.
    fn builder(&self, at: SocketAddr, prepared: Prepared) -> RequestBuilder {
        let method = prepared.method.parse().unwrap_or(reqwest::Method::GET);
        let http = self.edge.as_ref().map_or_else(|| self.http.clone(), EdgeClient::client);
        let mut request = http.request(method, url(at, &prepared.path));
        for (name, value) in prepared.headers {
            request = request.header(name, value);
        }
        match prepared.body {
            Some(body) => request.body(body),
            None => request,
        }
    }

    /// Sends a call and reads its answer.
    ///
    /// # Errors
    /// A placeholder has no value, or no whole answer came in time.
    async fn call(
        &self,
        at: SocketAddr,
        session: &Session,
        request: &Request,
        values: &Values,
    ) -> Result<Answer, Trouble> {
        let prepared = self
            .prepare(session, request, None, values)
            .map_err(|e| unprepared(&e))?;
        let response = self.head(at, session, prepared).await?;
        whole(response, &request.capture).await
    }

    /// Sends a request with the session's cookies; its answer's body is yet to come. The cookies of the answer are kept by the session,
    /// or by the client of the edge: they are its alone.
    async fn head(&self, at: SocketAddr, session: &Session, prepared: Prepared) -> Result<Response, Trouble> {
        let prepared = session.with_cookies(prepared);
        if self.edge.is_some() {
            return self.sent(at, prepared).await;
        }
        let response = self.sent(at, prepared).await?;
        session.keep_cookies(answer::cookies(response.headers()));
        Ok(response)
    }

    /// Sends a request as it is, but for the cookies of a client of the edge.
    async fn sent(&self, at: SocketAddr, mut prepared: Prepared) -> Result<Response, Trouble> {
        let Some(client) = &self.edge else {
            return answer::head(self.builder(at, prepared)).await;
        };
        let asked = client.ask(&mut prepared);
        client.answered(asked, answer::head(self.builder(at, prepared)).await)
    }

    /// Sends a call that must be accepted, and takes its values out.
    async fn must(
        &self,
        (what, pod, at): (&str, &PodName, SocketAddr),
        session: &Session,
        request: &Request,
        values: &Values,
    ) -> Result<(Answer, Values), ApiError> {
        let failed = |status, got| ApiError {
            what: what.to_owned(),
            pod: pod.clone(),
            status,
            got,
        };
        let answer = self.call(at, session, request, values).await;
        let answer = answer.map_err(|trouble| failed(None, trouble.reason))?;
        let (status, code) = (answer.status, Some(answer.status.as_u16()));
        if !request.accepts(status.as_u16()) {
            return Err(failed(code, format!("{status}: {}", answer.excerpt())));
        }
        let values = answer.captured(&request.capture);
        let values = values.map_err(|got| failed(code, format!("{status} with {got}")))?;
        Ok((answer, values))
    }

    /// The outcome of a call that only has to be accepted.
    async fn outcome_of(&self, at: SocketAddr, session: &Session, request: &Request, values: &Values) -> Outcome<()> {
        match self.call(at, session, request, values).await {
            Ok(answer) if request.accepts(answer.status.as_u16()) => Outcome::Ok(()),
            Ok(answer) => not_done(&answer),
            Err(Trouble { reason, .. }) => Outcome::Unknown { reason },
        }
    }
}

/// The outcome of a request that was not answered with success.
fn not_done<T>(answer: &Answer) -> Outcome<T> {
    let (status, reason) = (answer.status.as_u16(), answer.excerpt());
    if answer.is_refusal() {
        Outcome::Failed { status, reason }
    } else {
        let reason = format!("{status} is neither the answer nor a refusal: {reason}");
        Outcome::Unknown { reason }
    }
}

/// The trouble with a request that cannot be sent, because a placeholder has no value.
fn unprepared(unknown: &UnknownName) -> Trouble {
    Trouble {
        reason: unknown.to_string(),
        garbled: false,
    }
}

/// The error for an answer that says yes and then not what the description says.
fn unfit(what: &str, pod: &PodName, got: String) -> ApiError {
    ApiError {
        what: what.to_owned(),
        pod: pod.clone(),
        status: Some(200),
        got,
    }
}

fn url(at: SocketAddr, path: &str) -> String {
    format!("http://{at}{path}")
}
