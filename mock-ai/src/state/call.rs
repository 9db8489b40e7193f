//! A call in the hands of whoever answers it. Dropping it unfinished is how the provider learns that the client is gone:
//! the connection drops the response, and the response owns this.

use std::sync::{Arc, atomic::Ordering};

use super::{
    World,
    live::{Arrival, Forced, Live},
};
use crate::{
    journal::Cause,
    script::{Gate, Plan, Script},
};

pub(crate) struct Call {
    world: Arc<World>,
    live: Arc<Live>,
    gate: Option<Gate>,
    begun: bool,
    finished: bool,
}

impl Call {
    /// Enters a call; what it does on this attempt comes with it.
    pub(crate) fn begin(world: &Arc<World>, arrival: Arrival, script: &Script) -> (Self, Plan) {
        let (live, plan) = world.write(|book, now_us| book.begin(arrival, script, now_us));
        let call = Self {
            world: Arc::clone(world),
            live,
            gate: plan.gate.clone(),
            begun: false,
            finished: false,
        };
        (call, plan)
    }

    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Counts bytes of body that are handed to the connection now.
    pub(crate) fn sent(&mut self, bytes: usize) {
        if !self.begun {
            self.begun = true;
            self.world.write(|book, now_us| book.first_byte(&self.live, now_us));
        }
        self.live.with_progress(|progress| progress.bytes += bytes as u64);
    }

    /// Notes an oddity that was handed to the connection, by its directive.
    pub(crate) fn odd(&self, directive: &str) {
        self.live.with_progress(|progress| {
            if !progress.odd.contains(directive) {
                progress.odd.insert(directive.to_owned());
            }
        });
    }

    /// Counts a token that is due now.
    pub(crate) fn token(&self) {
        let now_us = self.world.now_us();
        self.live.with_progress(|progress| progress.token_us.push(now_us));
    }

    /// Waits until the gate, if it is reached, lets the call send its token `index`. `true` if it had to wait; an end
    /// that is forced meanwhile ends the wait too.
    pub(crate) async fn pass_gate(&self, index: u32) -> bool {
        let Some(gate) = self.gate.as_ref().filter(|gate| index > gate.after) else {
            return false;
        };
        let mut waited = false;
        while self.live.forced().is_none() {
            if self
                .world
                .write(|book, now_us| book.ask_gate(&self.live, &gate.name, index, now_us))
            {
                return waited;
            }
            waited = true;
            self.live.wake.notified().await;
        }
        waited
    }

    pub(crate) fn finish(&mut self, cause: Cause) {
        if !self.finished {
            self.finished = true;
            let gate = self.gate.as_ref().map(|gate| gate.name.as_str());
            self.world
                .write(|book, now_us| book.end(&self.live, gate, cause, now_us));
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let stopped = self.world.stopping.load(Ordering::Relaxed);
        let cause = if stopped {
            Cause::Stopped
        } else {
            self.live.forced().map_or(Cause::ClientGone, Forced::cause)
        };
        self.finish(cause);
    }
}
