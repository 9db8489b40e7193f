//! Walks a plan: token after token as each is due, past stalls and gates, up to the end that the plan or somebody at the
//! admin interface wants. What a token looks like on the wire is none of its business.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::{
    script::{Odd, Plan},
    state::{Call, Forced},
    token::{Answer, Texts},
};

pub(super) struct Walk {
    pub(super) call: Call,
    plan: Plan,
    texts: Texts,
    limit: u32,
    sent: u32,
    /// When the next token is due, if they are paced.
    due: Option<Instant>,
}

/// What comes next in an answer.
#[derive(Debug)]
pub(super) enum Step {
    Token(String),
    Finished(Finish),
    Cut(Forced),
}

/// Why an answer is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Length,
}

impl Finish {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}

impl Walk {
    /// `max_tokens` bounds how many tokens are sent; they still say of how many the answer would have had.
    pub(super) fn new(call: Call, plan: Plan, max_tokens: Option<u32>) -> Self {
        let id = &call.live().id;
        let answer = Answer {
            size: plan.size,
            ..Answer::new(&*id.key, id.ordinal, plan.tokens)
        };
        let limit = max_tokens.map_or(plan.tokens, |max| max.min(plan.tokens));
        Self {
            call,
            plan,
            texts: answer.into_texts(),
            limit,
            sent: 0,
            due: None,
        }
    }

    /// Tokens sent so far.
    pub(super) fn sent(&self) -> u32 {
        self.sent
    }

    /// How the answer differs from an ordinary one.
    pub(super) fn odd(&self) -> &Odd {
        &self.plan.odd
    }

    /// `true` once every token is sent.
    pub(super) fn is_through(&self) -> bool {
        self.sent == self.limit
    }

    /// Why the answer stops after its last token.
    pub(super) fn finish(&self) -> Finish {
        if self.limit < self.plan.tokens {
            Finish::Length
        } else {
            Finish::Stop
        }
    }

    /// Says nothing for a while, or until an end is forced.
    pub(super) async fn pause(&self, time: Duration) -> Result<(), Forced> {
        self.pause_until(Instant::now() + time).await
    }

    pub(super) async fn step(&mut self) -> Step {
        if let Err(forced) = self.pass().await {
            return Step::Cut(forced);
        }
        let token = if self.sent < self.limit {
            self.texts.next()
        } else {
            None
        };
        let Some(token) = token else {
            return Step::Finished(self.finish());
        };
        self.sent += 1;
        self.call.token();
        Step::Token(token)
    }

    /// Everything that lies between the last token and what follows it: first the gate, then a stall, then an end, so
    /// that a script can hold a stream and break it off on release.
    async fn pass(&mut self) -> Result<(), Forced> {
        if self.sent == 0 && !self.plan.ttft.is_zero() {
            self.pause_until(Instant::now() + self.plan.ttft).await?;
        }
        let held = self.call.pass_gate(self.sent + 1).await;
        let stall = self
            .plan
            .stall
            .as_ref()
            .filter(|stall| stall.after == self.sent)
            .map(|stall| stall.duration);
        if let Some(duration) = stall {
            self.pause_until(Instant::now() + duration).await?;
        }
        if let Some(end) = self.plan.end.as_ref().filter(|end| end.after == self.sent) {
            return Err(Forced::End(end.mode));
        }
        if let Some(forced) = self.call.live().forced() {
            return Err(forced);
        }
        self.pace(held || stall.is_some()).await
    }

    /// Waits until the next token is due. Being late does not shift the tokens after it; having been held does, or
    /// everything that was held back would come at once.
    async fn pace(&mut self, held: bool) -> Result<(), Forced> {
        if self.plan.interval == Duration::ZERO {
            return Ok(());
        }
        let now = Instant::now();
        let mut due = self.due.unwrap_or(now);
        if held {
            due = due.max(now);
        }
        if due > now && self.sent < self.limit {
            self.pause_until(due).await?;
        }
        self.due = Some(due + self.plan.interval);
        Ok(())
    }

    async fn pause_until(&self, until: Instant) -> Result<(), Forced> {
        match timeout_at(until, self.call.live().until_forced()).await {
            Ok(forced) => Err(forced),
            Err(_elapsed) => Ok(()),
        }
    }
}
