//! The provider as a story uses it: wait until it has got somewhere with a turn, let it go on.

use super::Cast;
use super::turn::{LOOK, Turn};
use crate::plan::{Answer, Oddity};
use crate::run::stopped::Stopped;
use crate::wait::{self, Look};

/// The mock provider, as a story uses it.
pub struct ProviderSide<'a> {
    pub(in crate::run) cast: &'a Cast,
}

impl ProviderSide<'_> {
    /// Waits until the provider was called for the turn a second time: somebody took it over.
    pub async fn second_call(&self, turn: &Turn) -> Result<(), Stopped> {
        self.nth_call(turn, 2).await
    }

    /// Waits until the provider was called for the turn `n` times.
    pub async fn nth_call(&self, turn: &Turn, n: u32) -> Result<(), Stopped> {
        Ok(self.cast.slot.provider.called(&turn.key, n, self.cast.begins()).await?)
    }

    /// How often the provider was called for the turn so far.
    pub async fn calls(&self, turn: &Turn) -> Result<usize, Stopped> {
        Ok(self.cast.slot.provider.calls(&turn.key).await?.len())
    }

    /// `true` if a call for the turn was really handed this oddity.
    pub async fn has_sent(&self, turn: &Turn, oddity: &Oddity) -> Result<bool, Stopped> {
        let (calls, directive) = (self.cast.slot.provider.calls(&turn.key).await?, oddity.to_string());
        Ok(calls.iter().any(|call| call.odd.contains(&directive)))
    }

    /// Waits until the `n`-th call for the turn is held at the turn's gate.
    pub async fn held(&self, turn: &Turn, n: u32) -> Result<(), Stopped> {
        Ok(self
            .cast
            .slot
            .provider
            .held(&Answer::gate(&turn.key), &turn.key, n, self.cast.begins())
            .await?)
    }

    /// Opens the turn's gate for every call, now and later.
    pub async fn open_gate(&self, turn: &Turn) -> Result<(), Stopped> {
        Ok(self.cast.slot.provider.open_gate(&Answer::gate(&turn.key)).await?)
    }

    /// Opens the turn's gate for its `n`-th call alone.
    pub async fn open_gate_of_call(&self, turn: &Turn, n: u32) -> Result<(), Stopped> {
        Ok(self
            .cast
            .slot
            .provider
            .open_gate_of_call(&Answer::gate(&turn.key), &turn.key, n)
            .await?)
    }

    /// Waits until the provider has sent at least `tokens` tokens of the turn's `n`-th call.
    pub async fn sent(&self, turn: &Turn, n: u32, tokens: u32) -> Result<(), Stopped> {
        let (provider, key) = (&self.cast.slot.provider, &turn.key);
        let what = format!("{tokens} tokens of provider call {n} for {key} to be sent");
        wait::until(&what, self.cast.begins(), LOOK, || async move {
            match provider.calls(key).await {
                Ok(calls) => match calls.iter().find(|c| c.id.ordinal == n) {
                    Some(call) if call.tokens >= tokens => Look::Done(()),
                    call => Look::NotYet(format!("{:?} tokens", call.map(|c| c.tokens))),
                },
                Err(e) => Look::NotYet(e.to_string()),
            }
        })
        .await?;
        Ok(())
    }

    /// Opens the turn's gate up to and with token `k`, then holds again.
    pub async fn open_gate_through(&self, turn: &Turn, k: u32) -> Result<(), Stopped> {
        Ok(self
            .cast
            .slot
            .provider
            .open_gate_through(&Answer::gate(&turn.key), k)
            .await?)
    }

    /// Waits until the provider has seen the caller of the turn's `n`-th call go away before the answer was whole.
    pub async fn abandoned(&self, turn: &Turn, n: u32) -> Result<(), Stopped> {
        let (provider, key) = (&self.cast.slot.provider, &turn.key);
        wait::until(
            &format!("the caller of provider call {n} for {key} to go away"),
            self.cast.begins(),
            LOOK,
            || async move {
                match provider.is_abandoned(key, n).await {
                    Ok(true) => Look::Done(()),
                    Ok(false) => Look::NotYet("it is still there, or the answer was whole".to_owned()),
                    Err(e) => Look::NotYet(e.to_string()),
                }
            },
        )
        .await?;
        Ok(())
    }
}

impl Cast {
    /// The provider's side of a turn.
    pub fn provider(&self) -> ProviderSide<'_> {
        ProviderSide { cast: self }
    }
}
