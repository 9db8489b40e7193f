//! Posts of clients, and the provider's calls.

use crate::history::{Accepted, Expect, MessageId, Outcome, PodName, TurnKey};
use crate::judge::view::at::At;

/// A message on its way to a pod, and what came of it.
#[derive(Debug)]
pub(crate) struct Post<'a> {
    pub(crate) at: At,
    pub(crate) pod: &'a PodName,
    pub(crate) thread: usize,
    pub(crate) message: &'a MessageId,
    pub(crate) text: &'a str,
    pub(crate) expect: &'a Expect,
    pub(crate) ended: Option<(At, &'a Outcome<Accepted>)>,
}

/// One call of the provider.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) key: &'a TurnKey,
    pub(crate) ordinal: u32,
    pub(crate) pod: Option<&'a PodName>,
    pub(crate) started: Option<At>,
    pub(crate) ended: Option<At>,
    /// When it was held at a gate, each time with the number of tokens that it had sent.
    pub(crate) held: Vec<(At, u32)>,
    /// Why it ended, in the provider's words.
    pub(crate) cause: Option<&'a str>,
    /// How many tokens it had sent by then.
    pub(crate) tokens: u32,
    /// The request's messages, oldest first, as `role: text`.
    pub(crate) messages: &'a [String],
}

impl Call<'_> {
    /// True if the provider by itself ended it before it had sent `ordered` tokens, as it was told to. A
    /// complete answer may be an empty one.
    pub(crate) fn is_cut_short(&self, ordered: u32) -> bool {
        match self.cause {
            None | Some("client_gone") => false,
            Some("complete") => self.tokens < ordered,
            Some(_) => true,
        }
    }
}
