//! Probes: questions that only find out whether pods say that they can serve, whether they can, and what they hold at rest.

use std::time::Duration;

use super::Cast;
use super::turn::{Account, Turn};
use crate::history::{Bound, Capability, Footprint, Outcome, PodEvent, PodName, Status, ThreadId};
use crate::plan::Answer;
use crate::run::footprints;
use crate::run::leftovers::{GONE, Left};
use crate::run::stopped::Stopped;
use crate::system::needs::Need;
use crate::wait::{self, Look};

/// How often a pod is asked whether it can serve while a story waits for its word.
const ASK: Duration = Duration::from_millis(50);
/// How much longer than the system's bound a story waits for what should be there by then, so that a pod that is late is
/// asked once more after its time.
const BEYOND: Duration = Duration::from_millis(600);
/// Longest that a client's small piece of work may take on a pod that can serve.
const WORK: Duration = Duration::from_secs(3);

impl Cast {
    /// Waits until every pod says that it cannot serve: something that they need is gone.
    pub async fn every_pod_says_it_cannot_serve(&self) -> Result<(), Stopped> {
        let bound = self.slot.api.system().within(Bound::Lease) + BEYOND;
        self.every_pod_says(false, bound).await
    }

    /// Waits until every pod says that it can serve, and lets each do a client's small piece of work: a thread, a message,
    /// and its answer watched to the end.
    pub async fn every_pod_serves(&mut self) -> Result<(), Stopped> {
        let bound = self.slot.api.system().within(Bound::Takeover) + BEYOND;
        // A system whose pods say nothing is tried by work alone.
        let says = self.can(&[Need::Has(Capability::Ready)]);
        if says && let Err(late) = self.every_pod_says(true, bound).await {
            self.restart_unready().await?;
            return Err(late);
        }
        self.every_pod_works().await
    }

    /// Lets each pod do a client's small piece of work; the first that fails ends it.
    pub(in crate::run) async fn every_pod_works(&mut self) -> Result<(), Stopped> {
        for pod in self.pods() {
            let done = self.small_work(&pod).await;
            let (ok, detail) = match done {
                Ok(()) => (
                    true,
                    "a message was answered and watched, and another one stopped where that can be".to_owned(),
                ),
                Err(Stopped::GaveUp(seen)) => (false, seen),
                Err(broken @ Stopped::Harness(_)) => return Err(broken),
            };
            self.recorder.record(PodEvent::Served {
                pod: pod.clone(),
                ok,
                detail: detail.clone(),
            });
            if !ok {
                // Its word again, so that the judge knows that it stands by it.
                self.is_ready(&pod).await?;
                return Err(Stopped::GaveUp(format!("{pod} to serve: {detail}")));
            }
        }
        Ok(())
    }

    /// Starts anew each pod that does not find back by itself: the judge has its word, and the state that the play leaves
    /// must be readable on every pod.
    async fn restart_unready(&mut self) -> Result<(), Stopped> {
        for pod in self.pods() {
            if !self.is_ready(&pod).await? {
                self.nemesis().kill_pod(&pod, None).await?;
                self.nemesis().start(&pod).await?;
            }
        }
        Ok(())
    }

    async fn every_pod_says(&self, ready: bool, bound: Duration) -> Result<(), Stopped> {
        for pod in self.pods() {
            let what = format!("{pod} to say that it {} serve", if ready { "can" } else { "cannot" });
            let pod = &pod;
            wait::until(&what, bound, ASK, || async move {
                match self.is_ready(pod).await {
                    Ok(answer) if answer == ready => Look::Done(()),
                    Ok(_) => Look::NotYet("it says otherwise".to_owned()),
                    Err(e) => Look::NotYet(e.to_string()),
                }
            })
            .await?;
        }
        Ok(())
    }

    async fn small_work(&mut self, pod: &PodName) -> Result<(), Stopped> {
        let thread = self.another_thread_on(pod, Account::Own).await?;
        let turn = match self.try_post_to(&thread, pod, &Answer::tokens(2).gate_after(0)).await? {
            Outcome::Ok(turn) => turn,
            refused => return Err(Stopped::GaveUp(format!("a post was not accepted: {refused:?}"))),
        };
        let watcher = self.attach(pod, &turn, "small-work").await;
        // The turn must end, whatever its client was answered.
        self.provider().open_gate(&turn).await?;
        let watcher = watcher?;
        match watcher.finishes(WORK).await? {
            Status::Completed => {}
            other => return Err(Stopped::GaveUp(format!("the answer ended as {other:?}"))),
        }
        if self.can(&[Need::Has(Capability::Cancel), Need::Has(Capability::Queue)]) {
            self.stop_answer(pod, &thread).await?;
        }
        Ok(())
    }

    /// Stops an answer that only a stop can end. What is stopped must end however it was lost track of before.
    async fn stop_answer(&mut self, pod: &PodName, thread: &ThreadId) -> Result<(), Stopped> {
        let turn = match self.try_post_to(thread, pod, &Answer::tokens(4).gate_after(1)).await? {
            Outcome::Ok(turn) => turn,
            refused => return Err(Stopped::GaveUp(format!("a post was not accepted: {refused:?}"))),
        };
        let stopped = self.stopped_by_a_client(pod, &turn).await;
        if stopped.is_err() {
            // The turn must end, though no stop ended it: the judge waits for it.
            self.provider().open_gate(&turn).await?;
        }
        stopped
    }

    async fn stopped_by_a_client(&mut self, pod: &PodName, turn: &Turn) -> Result<(), Stopped> {
        let watcher = self.attach(pod, turn, "to-be-stopped").await?;
        watcher.reaches(1).await?;
        self.cancel(pod, turn).await?;
        self.ended_within(turn, WORK).await?;
        Ok(())
    }
}

impl Cast {
    /// Rests behind a round of `turns` that are over, until nothing of it is left on any pod, background watchers included. Records what
    /// each pod's process holds then. Returns true if that was read of every pod: of a process on another machine it cannot be.
    pub async fn rest_after_round(&self, round: u32, turns: u32) -> bool {
        let quiet = self.visits.write().await;
        let mut left = Left::default();
        left.comes_to_nothing(&self.slot, &self.counted_before, GONE).await;
        let footprints = footprints::steady(&self.slot).await;
        drop(quiet);
        for (pod, footprint) in &footprints {
            self.recorder.record(PodEvent::Footprint(Footprint {
                pod: pod.clone(),
                process: footprint.process,
                round,
                turns,
                descriptors: footprint.descriptors,
                memory_kib: footprint.memory_kib,
            }));
        }
        self.plan.pods.iter().all(|pod| footprints.contains_key(pod))
    }
}
