//! The API of one pod, one request at a time, over the routes of the description.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::answer::{self, KEPT, Trouble, answer};
use super::carried::Carried;
use crate::history::{Accepted, FeedbackId, MessageId, Outcome, PodName, ReadAnswer, Status, TenantId, ThreadId};
use crate::system::{Routes, System, frames};
use crate::wire::http::client as http_client;
use crate::wire::text::cut;

/// A tenant's credential.
#[derive(Debug, Clone)]
pub struct Session {
    /// Bearer token; never written to a history.
    pub(super) token: String,
    /// The tenant.
    pub tenant: TenantId,
}

/// A request that the workload needs for its own set-up and that did not go as the contract says.
#[derive(Debug, thiserror::Error)]
#[error("{what} on {pod}: {got}")]
pub struct ApiError {
    what: String,
    pod: PodName,
    /// HTTP status, where there was an answer.
    pub status: Option<u16>,
    got: String,
}

/// A pod's API.
#[derive(Clone)]
pub struct Api {
    http: Client,
    system: Arc<System>,
}

/// A pod's metrics at one moment, in Prometheus' text format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrape(String);

impl Scrape {
    /// Value of a metric without labels.
    ///
    /// # Errors
    /// There is none of that name that counts whole things.
    pub fn value(&self, name: &str) -> Result<u64, String> {
        let mut values = self.0.lines();
        let value = values.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        // A counter of whole things; some exporters write it as a float.
        let whole = value.and_then(|value| value.split([' ', '.']).next()?.parse().ok());
        whole.ok_or_else(|| format!("no {name} among its metrics"))
    }
}

impl Api {
    /// A client of pods that are described by `system`.
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
        Ok(Self { http, system })
    }

    /// The description of what is talked to.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// Makes a session, for a new tenant where none is named.
    ///
    /// # Errors
    /// No 201 with a token and a tenant.
    pub async fn new_session(
        &self,
        pod: &PodName,
        at: SocketAddr,
        tenant: Option<&TenantId>,
    ) -> Result<Session, ApiError> {
        let asked = tenant.map_or(json!({}), |tenant| json!({ "tenant": tenant }));
        let request = self.http.post(url(at, &self.system.routes.sessions)).json(&asked);
        let body = self.must("make a session", pod, request).await?;
        match (
            body.get("token").and_then(Value::as_str),
            body.get("tenant").and_then(Value::as_str),
        ) {
            (Some(token), Some(tenant)) => Ok(Session {
                token: token.to_owned(),
                tenant: tenant.into(),
            }),
            _ => Err(unfit(
                "make a session",
                pod,
                format!("no token and tenant in {}", excerpt(&body)),
            )),
        }
    }

    /// Revokes a session. The status tells whether it was taken.
    pub async fn revoke(&self, at: SocketAddr, session: &Session) -> Outcome<()> {
        self.outcome_of(
            self.http
                .delete(url(at, &self.system.routes.sessions))
                .bearer_auth(&session.token),
        )
        .await
    }

    /// Makes a thread.
    ///
    /// # Errors
    /// No 201 with an id.
    pub async fn new_thread(&self, pod: &PodName, at: SocketAddr, session: &Session) -> Result<ThreadId, ApiError> {
        let request = self
            .http
            .post(url(at, &self.system.routes.threads))
            .bearer_auth(&session.token)
            .json(&json!({}));
        let body = self.must("make a thread", pod, request).await?;
        let id = body.get("id").or_else(|| body.get("threadId")).and_then(Value::as_str);
        id.map(ThreadId::from)
            .ok_or_else(|| unfit("make a thread", pod, format!("no id in {}", excerpt(&body))))
    }

    /// Posts a message.
    pub async fn post(
        &self,
        at: SocketAddr,
        session: &Session,
        thread: &ThreadId,
        message: &MessageId,
        text: &str,
    ) -> Outcome<Accepted> {
        let path = Routes::of_thread(&self.system.routes.messages, thread);
        let request = self
            .http
            .post(url(at, &path))
            .bearer_auth(&session.token)
            .json(&json!({"id": message, "text": text}));
        let answer = match answer(request).await {
            Ok(answer) => answer,
            Err(Trouble { reason, .. }) => return Outcome::Unknown { reason },
        };
        if answer.status != StatusCode::ACCEPTED {
            return not_done(&answer);
        }
        match answer.json().ok().and_then(|body| frames::read_turn(&body)) {
            Some(turn) => Outcome::Ok(Accepted {
                turn,
                pod: answer.pod.unwrap_or_else(|| PodName::from("")),
                tail: None,
            }),
            None => Outcome::Unknown {
                reason: format!("202 without a turnId: {}", answer.excerpt()),
            },
        }
    }

    /// Cancels the turn in flight.
    pub async fn cancel(&self, at: SocketAddr, session: &Session, thread: &ThreadId) -> Outcome<()> {
        let path = Routes::of_thread(&self.system.routes.cancel, thread);
        self.outcome_of(self.http.post(url(at, &path)).bearer_auth(&session.token))
            .await
    }

    /// Posts a piece of feedback to `route`.
    pub async fn feedback(
        &self,
        at: SocketAddr,
        session: &Session,
        route: &str,
        item: &FeedbackId,
        text: &str,
    ) -> Outcome<()> {
        let body = json!({"id": item, "text": text});
        self.outcome_of(self.http.post(url(at, route)).bearer_auth(&session.token).json(&body))
            .await
    }

    /// How many pieces of feedback of the session's tenant are stored, by what a pod says at `route`.
    ///
    /// # Errors
    /// No 200 with a count.
    pub async fn feedback_count(
        &self,
        pod: &PodName,
        at: SocketAddr,
        session: &Session,
        route: &str,
    ) -> Result<u64, ApiError> {
        let what = "count feedback";
        let request = self.http.get(url(at, route)).bearer_auth(&session.token);
        let body = self.must(what, pod, request).await?;
        let count = body.get("count").and_then(Value::as_u64);
        count.ok_or_else(|| unfit(what, pod, format!("no count in {}", excerpt(&body))))
    }

    /// Asks a pod whether it is alive and not draining.
    pub async fn health(&self, at: SocketAddr) -> Outcome<()> {
        self.outcome_of(self.http.get(url(at, &self.system.routes.health)))
            .await
    }

    /// Asks a pod whether it can serve: its answer's status, and the beginning of the body.
    ///
    /// # Errors
    /// There was no answer; the error says what was seen.
    pub async fn ready(&self, at: SocketAddr) -> Result<(u16, String), String> {
        let answer = answer(self.http.get(url(at, &self.system.routes.ready)))
            .await
            .map_err(|trouble| trouble.reason)?;
        Ok((answer.status.as_u16(), answer.excerpt()))
    }

    /// How often a pod says that it stepped down because another one had taken its turn.
    ///
    /// # Errors
    /// Its metrics cannot be had, or do not hold the counter that the description names.
    pub async fn superseded(&self, at: SocketAddr) -> Result<u64, String> {
        self.counted(at, &self.system.metrics.superseded).await
    }

    /// Value of one of a pod's metrics that has no labels.
    ///
    /// # Errors
    /// The pod's metrics cannot be had, or do not hold one of that name.
    pub async fn counted(&self, at: SocketAddr, name: &str) -> Result<u64, String> {
        self.metrics(at).await?.value(name)
    }

    /// All of a pod's metrics, as of one moment.
    ///
    /// # Errors
    /// They cannot be had.
    pub async fn metrics(&self, at: SocketAddr) -> Result<Scrape, String> {
        let answer = answer(self.http.get(url(at, &self.system.routes.metrics)))
            .await
            .map_err(|trouble| trouble.reason)?;
        Ok(Scrape(answer.text().to_owned()))
    }

    /// Reads a thread: its status and the answers it holds, oldest first.
    ///
    /// # Errors
    /// No 200 with a status and messages.
    pub async fn read(
        &self,
        pod: &PodName,
        at: SocketAddr,
        session: &Session,
        thread: &ThreadId,
    ) -> Result<(Status, Vec<ReadAnswer>), ApiError> {
        let path = Routes::of_thread(&self.system.routes.thread, thread);
        let body = self
            .must(
                "read a thread",
                pod,
                self.http.get(url(at, &path)).bearer_auth(&session.token),
            )
            .await?;
        read_thread(&body).map_err(|got| unfit("read a thread", pod, got))
    }

    /// Makes a request with a credential that should perhaps not be honoured; the answer's status and first bytes. A
    /// stream is read for a moment: what leaks would be in its first frames.
    pub async fn try_access(
        &self,
        at: SocketAddr,
        session: &Session,
        route: &str,
        thread: &ThreadId,
    ) -> (Option<u16>, String) {
        let routes = &self.system.routes;
        let (method, template, body) = match route {
            "attach" => (Method::GET, &routes.attach, None),
            "post" => (
                Method::POST,
                &routes.messages,
                Some(json!({"id": "intruder", "text": "let me in"})),
            ),
            "cancel" => (Method::POST, &routes.cancel, None),
            _ => (Method::GET, &routes.thread, None),
        };
        let mut request = self
            .http
            .request(method, url(at, &Routes::of_thread(template, thread)))
            .bearer_auth(&session.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let Ok(mut response) = answer::head(request).await else {
            return (None, String::new());
        };
        (
            Some(response.status().as_u16()),
            answer::first_bytes(&mut response).await,
        )
    }

    /// Asks for a tail. The answer is whatever the pod says; its body is the stream.
    pub(super) async fn attach(
        &self,
        at: SocketAddr,
        session: &Session,
        thread: &ThreadId,
        cursor: &Carried,
    ) -> Result<Response, Trouble> {
        let path = self.attach_path(thread, cursor);
        let mut request = self
            .http
            .get(url(at, &path))
            .bearer_auth(&session.token)
            .header("accept", "text/event-stream");
        if let Some(header) = &cursor.header {
            request = request.header("last-event-id", header);
        }
        answer::head(request).await
    }

    pub(super) fn attach_path(&self, thread: &ThreadId, cursor: &Carried) -> String {
        cursor.in_address(Routes::of_thread(&self.system.routes.attach, thread))
    }

    async fn outcome_of(&self, request: RequestBuilder) -> Outcome<()> {
        match answer(request).await {
            Ok(answer) if answer.status.is_success() => Outcome::Ok(()),
            Ok(answer) => not_done(&answer),
            Err(Trouble { reason, .. }) => Outcome::Unknown { reason },
        }
    }

    async fn must(&self, what: &str, pod: &PodName, request: RequestBuilder) -> Result<Value, ApiError> {
        let failed = |status, got| ApiError {
            what: what.to_owned(),
            pod: pod.clone(),
            status,
            got,
        };
        let answer = answer(request).await.map_err(|trouble| failed(None, trouble.reason))?;
        let (status, code) = (answer.status, Some(answer.status.as_u16()));
        if !status.is_success() {
            return Err(failed(code, format!("{status}: {}", answer.excerpt())));
        }
        answer
            .json()
            .map_err(|got| failed(code, format!("{status} with {got}")))
    }
}

/// The outcome of a request that was not answered with success.
fn not_done<T>(answer: &answer::Answer) -> Outcome<T> {
    let (status, reason) = (answer.status.as_u16(), answer.excerpt());
    if answer.is_refusal() {
        Outcome::Failed { status, reason }
    } else {
        let reason = format!("{status} is neither the answer nor a refusal: {reason}");
        Outcome::Unknown { reason }
    }
}

/// The beginning of a body, for people.
fn excerpt(body: &Value) -> String {
    cut(&body.to_string(), KEPT)
}

/// The error for an answer that says yes and then not what the contract says.
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

/// Value of a counter without labels in Prometheus' text format.
fn read_thread(body: &Value) -> Result<(Status, Vec<ReadAnswer>), String> {
    let word = body.get("status").and_then(Value::as_str).ok_or("no \"status\"")?;
    let status = frames::read_status(word).ok_or_else(|| format!("unknown status {word:?}"))?;
    let messages = body
        .get("messages")
        .and_then(Value::as_array)
        .ok_or("no \"messages\"")?;
    let answers = messages
        .iter()
        .filter(|m| m.get("role").and_then(Value::as_str) == Some("assistant"));
    Ok((status, answers.map(read_answer).collect::<Result<_, _>>()?))
}

fn read_answer(message: &Value) -> Result<ReadAnswer, String> {
    let field = |name: &str| {
        message
            .get(name)
            .and_then(Value::as_str)
            .ok_or_else(|| format!("an answer without {name:?}: {}", excerpt(message)))
    };
    let word = field("status")?;
    Ok(ReadAnswer {
        turn: Some(
            frames::read_turn(message).ok_or_else(|| format!("an answer without \"turnId\": {}", excerpt(message)))?,
        ),
        key: None,
        status: Some(frames::read_status(word).ok_or_else(|| format!("unknown status {word:?}"))?),
        text: field("text")?.to_owned(),
        error: message.get("error").and_then(Value::as_str).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_found_by_its_whole_name() {
        let text = "# TYPE x counter\nx_total_other 9\nx_total 3\n";
        let scrape = Scrape(text.to_owned());
        assert_eq!(scrape.value("x_total"), Ok(3));
        assert!(scrape.value("y_total").is_err_and(|why| why.contains("y_total")));
    }

    #[test]
    fn a_thread_is_read_as_the_contract_writes_it() {
        let body = json!({"id": "t", "status": "completed", "messages": [
            {"role": "user", "text": "hi"},
            {"role": "assistant", "turnId": "u", "status": "failed", "text": "", "error": "provider answered 429"},
        ]});
        let (status, answers) = read_thread(&body).expect("it is well-formed");
        assert_eq!(status, Status::Completed);
        assert_eq!(answers[0].error.as_deref(), Some("provider answered 429"));
        assert!(read_thread(&json!({"status": "odd", "messages": []})).is_err());
        assert!(read_thread(&json!({"status": "idle", "messages": [{"role": "assistant"}]})).is_err());
    }
}
