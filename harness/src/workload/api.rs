//! One request at a time against one pod, over the target's published routes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::history::{Accepted, MessageId, Outcome, PodName, ReadAnswer, Status, TenantId, ThreadId, TurnId};
use crate::target::{Routes, Target, frames};

/// Longest that a request may go without its whole answer.
const ONE_REQUEST: Duration = Duration::from_secs(5);
/// Longest piece of an answer's body that is kept, in bytes.
const KEPT: usize = 600;
/// Header by which a pod names itself.
const POD_HEADER: &str = "x-pod";

/// A tenant's credential.
#[derive(Debug, Clone)]
pub struct Session {
    /// Bearer token; never written to a history.
    pub(super) token: String,
    /// Whose it is.
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
    target: Arc<Target>,
}

impl Api {
    /// A client of pods that are described by `target`.
    ///
    /// Connections are never reused: a pod that is started again has another address, and a connection kept from before
    /// its death would make its first answer look like a failure.
    ///
    /// # Errors
    /// The HTTP client cannot be set up on this machine.
    pub fn new(target: Arc<Target>) -> Result<Self, reqwest::Error> {
        let http = Client::builder()
            .pool_max_idle_per_host(0)
            .connect_timeout(Duration::from_secs(2))
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .no_proxy()
            .build()?;
        Ok(Self { http, target })
    }

    /// The description of what is talked to.
    pub fn target(&self) -> &Target {
        &self.target
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
        let request = self.http.post(url(at, &self.target.routes.sessions)).json(&asked);
        let body = self.must("make a session", pod, request).await?;
        match (
            body.get("token").and_then(Value::as_str),
            body.get("tenant").and_then(Value::as_str),
        ) {
            (Some(token), Some(tenant)) => Ok(Session {
                token: token.to_owned(),
                tenant: tenant.into(),
            }),
            _ => Err(unfit("make a session", pod, format!("no token and tenant in {body}"))),
        }
    }

    /// Revokes a session. The status tells whether it was taken.
    pub async fn revoke(&self, at: SocketAddr, session: &Session) -> Outcome<()> {
        self.told(
            self.http
                .delete(url(at, &self.target.routes.sessions))
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
            .post(url(at, &self.target.routes.threads))
            .bearer_auth(&session.token)
            .json(&json!({}));
        let body = self.must("make a thread", pod, request).await?;
        let id = body.get("id").or_else(|| body.get("threadId")).and_then(Value::as_str);
        id.map(ThreadId::from)
            .ok_or_else(|| unfit("make a thread", pod, format!("no id in {body}")))
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
        let path = Routes::of_thread(&self.target.routes.messages, thread);
        let request = self
            .http
            .post(url(at, &path))
            .bearer_auth(&session.token)
            .json(&json!({"id": message, "text": text}));
        let (status, pod, body) = match answer(request).await {
            Ok(answer) => answer,
            Err(reason) => return Outcome::Unknown { reason },
        };
        if status != StatusCode::ACCEPTED {
            return Outcome::Failed {
                status: status.as_u16(),
                reason: frames::cut(&body, KEPT),
            };
        }
        let turn = serde_json::from_str::<Value>(&body)
            .ok()
            .and_then(|v| Some(TurnId::from(v.get("turnId")?.as_str()?)));
        match turn {
            Some(turn) => Outcome::Ok(Accepted {
                turn,
                pod: pod.unwrap_or_else(|| PodName::from("")),
            }),
            None => Outcome::Unknown {
                reason: format!("202 without a turnId: {}", frames::cut(&body, KEPT)),
            },
        }
    }

    /// Cancels the turn in flight.
    pub async fn cancel(&self, at: SocketAddr, session: &Session, thread: &ThreadId) -> Outcome<()> {
        let path = Routes::of_thread(&self.target.routes.cancel, thread);
        self.told(self.http.post(url(at, &path)).bearer_auth(&session.token))
            .await
    }

    /// Asks a pod whether it is alive and not draining.
    pub async fn health(&self, at: SocketAddr) -> Outcome<()> {
        self.told(self.http.get(url(at, &self.target.routes.health))).await
    }

    /// Asks a pod whether it can serve: its answer's status, and the beginning of the body.
    ///
    /// # Errors
    /// What was seen where there was no answer.
    pub async fn ready(&self, at: SocketAddr) -> Result<(u16, String), String> {
        let (status, _, body) = answer(self.http.get(url(at, &self.target.routes.ready))).await?;
        Ok((status.as_u16(), frames::cut(&body, KEPT)))
    }

    /// How often a pod says that it stepped down because another one had taken its turn.
    ///
    /// # Errors
    /// Its metrics cannot be had, or do not hold the counter that the description names.
    pub async fn superseded(&self, at: SocketAddr) -> Result<u64, String> {
        let name = &self.target.metrics.superseded;
        let (_, _, body) = answer(self.http.get(url(at, &self.target.routes.metrics))).await?;
        counter(&body, name).ok_or_else(|| format!("no counter {name} among its metrics"))
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
        let path = Routes::of_thread(&self.target.routes.thread, thread);
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
        let routes = &self.target.routes;
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
        let Ok(Ok(mut response)) = tokio::time::timeout(ONE_REQUEST, request.send()).await else {
            return (None, String::new());
        };
        let status = response.status().as_u16();
        let mut seen = Vec::new();
        let moment = tokio::time::Instant::now() + Duration::from_millis(100);
        while seen.len() < KEPT {
            match tokio::time::timeout_at(moment, response.chunk()).await {
                Ok(Ok(Some(chunk))) => seen.extend_from_slice(&chunk),
                _ => break,
            }
        }
        (Some(status), frames::cut(&String::from_utf8_lossy(&seen), KEPT))
    }

    /// Asks for a tail. The answer is whatever the pod says; its body is the stream.
    pub(super) async fn attach(
        &self,
        at: SocketAddr,
        session: &Session,
        thread: &ThreadId,
        cursor: Option<&str>,
    ) -> Result<Response, String> {
        let path = Routes::of_thread(&self.target.routes.attach, thread);
        let mut request = self
            .http
            .get(url(at, &path))
            .bearer_auth(&session.token)
            .header("accept", "text/event-stream");
        if let Some(cursor) = cursor {
            request = request.header("last-event-id", cursor);
        }
        match tokio::time::timeout(ONE_REQUEST, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(e)) => Err(chain(&e)),
            Err(_) => Err(format!("no response headers within {ONE_REQUEST:?}")),
        }
    }

    async fn told(&self, request: RequestBuilder) -> Outcome<()> {
        match answer(request).await {
            Ok((status, _, _)) if status.is_success() => Outcome::Ok(()),
            Ok((status, _, body)) => Outcome::Failed {
                status: status.as_u16(),
                reason: frames::cut(&body, KEPT),
            },
            Err(reason) => Outcome::Unknown { reason },
        }
    }

    async fn must(&self, what: &str, pod: &PodName, request: RequestBuilder) -> Result<Value, ApiError> {
        let failed = |status, got| ApiError {
            what: what.to_owned(),
            pod: pod.clone(),
            status,
            got,
        };
        let (status, _, body) = answer(request).await.map_err(|got| failed(None, got))?;
        let code = Some(status.as_u16());
        if !status.is_success() {
            return Err(failed(code, format!("{status}: {}", frames::cut(&body, KEPT))));
        }
        serde_json::from_str(&body).map_err(|e| failed(code, format!("{status} with a body that is not JSON: {e}")))
    }
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

async fn answer(request: RequestBuilder) -> Result<(StatusCode, Option<PodName>, String), String> {
    let whole = async {
        let response = request.send().await?;
        let status = response.status();
        let pod = response
            .headers()
            .get(POD_HEADER)
            .and_then(|v| v.to_str().ok())
            .map(PodName::from);
        Ok::<_, reqwest::Error>((status, pod, response.text().await?))
    };
    match tokio::time::timeout(ONE_REQUEST, whole).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(e)) => Err(chain(&e)),
        Err(_) => Err(format!("no whole answer within {ONE_REQUEST:?}")),
    }
}

/// An error with its causes: the outermost alone ("error sending request") says nothing.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        text.push_str(": ");
        text.push_str(&e.to_string());
        cause = e.source();
    }
    text
}

/// Value of a counter without labels in Prometheus' text format.
fn counter(text: &str, name: &str) -> Option<u64> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    // A counter of whole things; some exporters write it as a float.
    value.split([' ', '.']).next()?.parse().ok()
}

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
            .ok_or_else(|| format!("an answer without {name:?}: {message}"))
    };
    let word = field("status")?;
    Ok(ReadAnswer {
        turn: field("turnId")?.into(),
        status: frames::read_status(word).ok_or_else(|| format!("unknown status {word:?}"))?,
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
        assert_eq!(counter(text, "x_total"), Some(3));
        assert_eq!(counter(text, "y_total"), None);
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
