//! Events of clients: their requests, and the outcomes.

use mock_ai::token::TextMode;
use serde::{Deserialize, Serialize};

use super::{
    FeedbackId, MessageId, OpId, Outcome, PodName, Routed, SessionNo, TenantId, ThreadId, TurnId, TurnKey, WatcherId,
};

/// A request of a client, or its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ClientEvent {
    /// A thread was made for a tenant.
    ThreadMade {
        /// The new thread.
        thread: ThreadId,
        /// Its owner.
        tenant: TenantId,
    },
    /// A message is about to be posted. The same message id may be posted more than once.
    Posted {
        /// Ties this to its [`ClientEvent::PostEnded`].
        op: OpId,
        /// Pod that the request was sent to.
        pod: PodName,
        /// Thread it was posted to.
        thread: ThreadId,
        /// The client's id of the message.
        message: MessageId,
        /// The user's text, with the provider's hints in it.
        text: String,
        /// The answer that was ordered of the provider.
        expect: Box<Expect>,
    },
    /// A post was answered, refused or given up.
    PostEnded {
        /// The post.
        op: OpId,
        /// The outcome, as far as it is known.
        outcome: Outcome<Accepted>,
    },
    /// A message was posted that is larger than the system takes. Its text is not kept.
    PostedTooLarge {
        /// Pod that the request was sent to.
        pod: PodName,
        /// Thread it was posted to.
        thread: ThreadId,
        /// Size of its text in bytes; its body is larger.
        bytes: u64,
        /// When the request was sent, in microseconds since the run began.
        asked_us: u64,
        /// The outcome, as far as it is known.
        outcome: Outcome<()>,
    },
    /// Somebody cancelled a turn through a pod.
    Cancelled {
        /// Pod that the request was sent to.
        pod: PodName,
        /// Thread whose turn was to stop.
        thread: ThreadId,
        /// That turn, where the request names it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<TurnId>,
        /// Status of the answer.
        outcome: Outcome<()>,
    },
    /// One request made to see whether a credential is honoured: after a revocation, or for another tenant's thread.
    Access {
        /// Pod asked.
        pod: PodName,
        /// The owner of the credential.
        credential: Credential,
        /// Thread asked for.
        thread: ThreadId,
        /// `attach`, `read`, `post` or `cancel`.
        route: String,
        /// HTTP status of the answer; none where the request got no answer.
        status: Option<u16>,
        /// First bytes of the answer's body, cut to a readable length.
        body: String,
    },
    /// A session or key was revoked; from here on the bound for its refusal on every pod runs.
    Revoked {
        /// Tenant whose credential it was.
        tenant: TenantId,
        /// Pod that took the revocation.
        pod: PodName,
        /// Which session it was; none in histories of schema 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionNo>,
    },
    /// A piece of feedback is about to be posted. The same item may be posted more than once.
    FeedbackPosted {
        /// Ties this to its [`ClientEvent::FeedbackEnded`].
        op: OpId,
        /// Pod that the request was sent to.
        pod: PodName,
        /// The client's id of it.
        item: FeedbackId,
    },
    /// A post of feedback was acknowledged, refused or given up.
    FeedbackEnded {
        /// The post.
        op: OpId,
        /// The outcome, as far as it is known.
        outcome: Outcome<()>,
    },
    /// A request went through the edge.
    Routed(Box<Routed>),
}

/// The answer that was ordered of the provider for a message: the oracle of a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// Key that the provider counts calls by.
    pub key: TurnKey,
    /// Tokens in the answer.
    pub tokens: u32,
    /// Least size of a token in bytes; 0 for its natural size.
    pub size: usize,
    /// Characters that the provider mixes in behind each token.
    #[serde(default, skip_serializing_if = "TextMode::is_plain")]
    pub text: TextMode,
    /// True if the provider was told to fail every attempt, so that the turn must end as failed.
    pub fails: bool,
    /// True if the provider was told to say something that not every client takes: the turn may end as failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_odd: bool,
}

/// The answer to an accepted post. A post that is answered by a stream is accepted at the frame that names the turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The turn that answers the message.
    pub turn: TurnId,
    /// Pod that answered, by its own word.
    pub pod: PodName,
    /// The tail that the answer itself is, if the post was answered by a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<WatcherId>,
}

/// The owner of the credential that a request uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// The thread's own tenant, in good standing.
    Owner,
    /// Another tenant's, in good standing.
    Foreign,
    /// The thread's own tenant's, revoked before the request.
    Revoked,
}
