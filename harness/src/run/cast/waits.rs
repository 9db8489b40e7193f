//! Waits of a story: conditions in the database, at the pods and on watchers, each with a name and a bound.

use std::time::Duration;

use futures_util::future::join_all;

use super::Cast;
use super::promised::is_yes;
use super::turn::{BACKGROUND_IDS_FROM, BEGIN, LOOK, Turn};
use crate::history::writer::Recorder;
use crate::history::{
    Attempt, Bound, Capability, Epoch, Event, MachineEvent, Outcome, PodEvent, PodName, Row, Status, StoreEvent,
    WatcherEvent, What,
};
use crate::nemesis::Aim;
use crate::plan::Answer;
use crate::run::slot::Slot;
use crate::run::stopped::Stopped;
use crate::system::needs::Need;
use crate::wait::{self, Look};

/// How often a pod is asked where a turn stands, if no row tells it.
const LOOK_OVER_HTTP: Duration = Duration::from_millis(100);
/// Longest that a story waits for a turn to end that nothing holds up but what the story has broken, if a takeover is quick.
const END: Duration = Duration::from_secs(12);
/// How much longer than a bound a word is awaited: its row, and the provider's own word, reach the history a little later.
const BEYOND_A_WORD: Duration = Duration::from_millis(1200);
/// How much longer than a takeover may take a story waits for what it must bring.
const SLACK: Duration = Duration::from_secs(3);

impl Cast {
    /// Longest that a story waits for a turn to begin, be it again after its owner's death.
    pub(in crate::run) fn begins(&self) -> Duration {
        BEGIN.max(self.bound(Bound::Takeover) + SLACK)
    }

    /// Longest that a story waits for a turn to end that nothing holds up but what the story has broken.
    fn ends(&self) -> Duration {
        let pickup = self.slot.api.system().bounds().of(Bound::Pickup);
        END.max(self.begins() + Duration::from_millis(pickup.unwrap_or(0)) + SLACK)
    }

    /// Waits until the turn runs, and reads who owns it.
    pub async fn owner_of(&self, turn: &Turn) -> Result<Aim, Stopped> {
        let (owners, thread, id) = (&self.slot.owners, &turn.thread, &turn.id);
        let what = format!("an owner of turn {id}");
        let aim = wait::until(&what, self.begins(), LOOK, || async move {
            match owners.of(thread, Some(id)).await {
                Ok(Some(now)) => match now.owner {
                    Some(owner) if now.status == Status::InProgress => Look::Done((
                        Aim {
                            thread: thread.clone(),
                            turn: Some(id.clone()),
                            owner,
                            epoch: now.epoch,
                            attempt: now.attempt,
                        },
                        now.status,
                    )),
                    owner => Look::NotYet(format!("owner {owner:?}, epoch {}, {:?}", now.epoch, now.status)),
                },
                Ok(None) => Look::NotYet("no such row".to_owned()),
                Err(e) => Look::NotYet(e.to_string()),
            }
        });
        let (aim, status) = aim.await?;
        let (thread, owner, epoch) = (aim.thread.clone(), Some(aim.owner.clone()), aim.epoch);
        self.recorder.record(StoreEvent::OwnerRead {
            thread,
            owner,
            epoch: Some(epoch),
            status,
        });
        Ok(aim)
    }

    /// Waits until a pod has claimed the turn after an owner: at a higher epoch, or where rows have none, as another owner or by
    /// another claim. Told from the database's changes, of which none is
    /// missed: the claimer may be done with the turn between two looks at the row itself.
    pub async fn taken_over(&self, turn: &Turn, from: &Aim, bound: Duration) -> Result<Aim, Stopped> {
        let recorder = &self.recorder;
        let what = format!(
            "an owner of thread {} after {} at epoch {}",
            turn.thread, from.owner, from.epoch
        );
        let heir = wait::until(&what, bound, LOOK, || async move {
            let mut is_past = false;
            let claimed = recorder.find(0, |event| match &event.what {
                What::Store(StoreEvent::Row { row, .. }) => {
                    let claim = claim_of(row, turn)?;
                    let is_own =
                        claim.owner == from.owner && claim.attempt == from.attempt && claim.epoch == from.epoch;
                    let is_after = claim.epoch > from.epoch || (is_past && !is_own && claim.epoch == from.epoch);
                    is_past |= is_own;
                    is_after.then_some(claim)
                }
                _ => None,
            });
            claimed.map_or_else(|| Look::NotYet("no such change".to_owned()), Look::Done)
        });
        Ok(heir.await?)
    }

    /// A turn's status in the database. Returns `None` if it has no row.
    pub async fn status_of(&self, turn: &Turn) -> Result<Option<Status>, Stopped> {
        self.told_of(turn).await.map_err(Stopped::GaveUp)
    }

    /// Where a turn stands, by the word of whoever tells that in this system: the database, a pod that runs, or a watcher that was
    /// shown the end.
    async fn told_of(&self, turn: &Turn) -> Result<Option<Status>, String> {
        if self.slot.owners.tells_turns() {
            return self.slot.owners.turn(&turn.id).await.map_err(|e| e.to_string());
        }
        let session = self.session_of(self.whose(&turn.thread));
        let pods = self.slot.pods().iter();
        let mut running = pods.filter_map(|pod| Some((pod, self.slot.cluster.pod(pod).ok()?.address()?)));
        let told = match running.next() {
            Some(at) => self.slot.status_of(at, session, &turn.thread, &turn.id).await?,
            None => None,
        };
        let tails = self.tails.iter().cloned().chain(self.answers.until_now());
        let shown = || tails.clone().find_map(|tail| tail.seen().end_of(&turn.id));
        Ok(told.or_else(shown))
    }

    /// Waits until the history holds that the turn is where `status` says: rows reach it a little after their commit, and
    /// what is to be judged by what came first needs this one before what follows.
    pub async fn on_record(&self, turn: &Turn, status: Status) -> Result<(), Stopped> {
        let (recorder, id) = (&self.recorder, &turn.id);
        wait::until(
            &format!("turn {id} as {status:?} in the history"),
            self.begins(),
            LOOK,
            || async move {
                let held = recorder.find(0, |event| match &event.what {
                    What::Store(StoreEvent::Row {
                        row: Row::Turn(row), ..
                    }) if row.turn == *id && row.status == status => Some(()),
                    _ => None,
                });
                held.map_or_else(|| Look::NotYet("no such row".to_owned()), Look::Done)
            },
        )
        .await?;
        Ok(())
    }

    /// Waits until the turn is over in the database and every watcher that can still see that has seen it.
    pub async fn settled(&self, turn: &Turn) -> Result<Status, Stopped> {
        self.settled_within(turn, self.ends()).await
    }

    /// As [`Cast::settled`], for a turn that takes longer by order.
    pub async fn settled_within(&self, turn: &Turn, bound: Duration) -> Result<Status, Stopped> {
        let status = self.ended_within(turn, bound).await?;
        self.watchers_learn_the_end(turn).await;
        Ok(status)
    }

    /// Waits until the turn is over in the database, even if no watcher was shown its end.
    pub async fn ended(&self, turn: &Turn) -> Result<Status, Stopped> {
        self.ended_within(turn, self.ends()).await
    }

    pub(in crate::run) async fn ended_within(&self, turn: &Turn, bound: Duration) -> Result<Status, Stopped> {
        let what = format!("the end of turn {}", turn.id);
        let look = if self.slot.owners.tells_turns() {
            LOOK
        } else {
            LOOK_OVER_HTTP
        };
        let status = wait::until(&what, bound, look, || async move {
            match self.told_of(turn).await {
                Ok(Some(status)) if status.is_terminal() => Look::Done(status),
                Ok(status) => Look::NotYet(format!("{status:?}")),
                Err(e) => Look::NotYet(e),
            }
        });
        Ok(status.await?)
    }

    /// Gives every open watcher of the turn's thread the time that the system claims for showing an end. One that does not
    /// see it is the judge's business.
    async fn watchers_learn_the_end(&self, turn: &Turn) {
        // The judge counts from when the row's change was read, which is a little after it was committed.
        let bound = self.slot.api.system().within(Bound::Terminal) + Duration::from_millis(300);
        let end = tokio::time::Instant::now() + bound;
        let tails = self.tails.iter().cloned().chain(self.answers.until_now());
        for tail in tails.filter(|tail| tail.thread == turn.thread) {
            let left = end.saturating_duration_since(tokio::time::Instant::now());
            if let Err(e) = tail
                .until("the end of the turn", left, |s| s.knows_the_end(&turn.id))
                .await
            {
                tracing::debug!(error = %e, "a watcher has not seen the end");
            }
        }
    }

    /// True if the turn is over in the database.
    pub async fn is_over(&self, turn: &Turn) -> Result<bool, Stopped> {
        Ok(self.status_of(turn).await?.is_some_and(Status::is_terminal))
    }

    /// Waits until a terminated pod says that it drains, or does not answer any more: some stop listening at once, or are gone. A
    /// request that is only slow outlasts the wait. A story goes on behind a pod that does neither.
    pub async fn drains(&self, pod: &PodName) -> Result<(), Stopped> {
        let Some(at) = self.slot.pod(pod)?.address() else {
            return Ok(());
        };
        let api = &self.slot.api;
        let what = format!("{pod} to say that it drains");
        let drains = wait::until(&what, Duration::from_secs(3), LOOK, || async move {
            match api.health(at).await {
                Outcome::Ok(()) => Look::NotYet("it says that it lives".to_owned()),
                Outcome::Failed { .. } | Outcome::Unknown { .. } => Look::Done(()),
            }
        });
        if let Err(late) = drains.await {
            // A pod that takes no notice is for the judge: it is still there when its time to drain is over.
            tracing::info!(error = %late, "the story goes on");
        }
        Ok(())
    }

    /// Waits until an owner that was taken over has shown what it does about that: it says that it stepped down, or a
    /// watcher is shown something of its epoch after its successor's. What it should have done is for the judge. Returns at once if
    /// the system shows neither.
    pub async fn acts_on_its_loss(&self, owner: &Aim, since: u64) -> Result<(), Stopped> {
        if !self.shows_its_loss() {
            return Ok(());
        }
        let at = self.slot.address(&owner.owner)?;
        let (api, recorder, epoch) = (&self.slot.api, &self.recorder, owner.epoch);
        let before = self.superseded_before.get(&owner.owner).copied().unwrap_or(0);
        let what = format!("{} to step down or to write at epoch {epoch}", owner.owner);
        wait::until(&what, Duration::from_secs(3), LOOK, || async move {
            let wrote = recorder.find(since, |e| match &e.what {
                // One that comes later may be shown what was there before.
                What::Watcher(WatcherEvent::Frame {
                    watcher,
                    cursor: Some(c),
                    ..
                }) if c.epoch <= Some(epoch) && watcher.0 < BACKGROUND_IDS_FROM => Some(()),
                What::Store(StoreEvent::Row {
                    row: Row::Part { epoch: e, .. },
                    ..
                }) if *e <= Some(epoch) => Some(()),
                _ => None,
            });
            match (wrote, api.superseded(at).await) {
                (Some(()), _) => Look::Done(()),
                (None, Ok(count)) if count > before => Look::Done(()),
                (None, Ok(_)) => Look::NotYet("it has done neither".to_owned()),
                (None, Err(e)) => Look::NotYet(e),
            }
        })
        .await?;
        Ok(())
    }

    /// Position in the history that the next event will get.
    pub fn now(&self) -> u64 {
        *self.recorder.subscribe().borrow()
    }

    /// Lets the time pass after which a turn without progress is taken from its owner: time itself is what is waited for.
    pub async fn progress_bound_passes(&self) {
        let bound = self.slot.api.system().within(Bound::Progress);
        tokio::time::sleep(bound + Duration::from_millis(200)).await;
    }

    /// Lets the time pass after which an owner that does not say that it lives is taken for dead: time itself is what is
    /// waited for.
    pub async fn lease_passes(&self) {
        let lease = self.slot.api.system().within(Bound::Lease);
        tokio::time::sleep(lease + Duration::from_millis(200)).await;
    }

    /// Lets the time pass within which a word of the provider must be shown and stored: time itself is what is waited for.
    pub async fn word_bounds_pass(&self) {
        let system = self.slot.api.system();
        let stored = system.bounds().of(Bound::Stored).map(Duration::from_millis);
        let longest = system.within(Bound::Shown).max(stored.unwrap_or_default());
        tokio::time::sleep(longest + BEYOND_A_WORD).await;
    }

    /// Lets `span` pass in which nobody asks anything of any pod, background watchers included: time itself is what is waited for.
    /// Returns true if the use of a CPU was read of every pod meanwhile.
    pub async fn nobody_asks_for(&self, span: Duration) -> bool {
        let quiet = self.visits.write().await;
        let from = self.now();
        tokio::time::sleep(span).await;
        drop(quiet);
        let is_of_all = |event: &Event| match &event.what {
            What::Machine(MachineEvent::Cpu(load)) => {
                let mut pods = self.plan.pods.iter();
                pods.all(|pod| load.parts.contains_key(pod.as_str())).then_some(())
            }
            _ => None,
        };
        self.recorder.find(from, is_of_all).is_some()
    }

    /// Lets the time pass within which every pod must serve again once what it needs is back: time itself is what is waited for.
    pub async fn takeover_bound_passes(&self) {
        tokio::time::sleep(self.slot.api.system().within(Bound::Takeover)).await;
    }

    /// Lets the system's bound for refusing a revoked credential everywhere pass: time itself is what is waited for.
    pub async fn revocation_bound_passes(&self) {
        tokio::time::sleep(self.slot.api.system().within(Bound::Revocation)).await;
    }
}

impl Cast {
    /// Waits until a terminated pod says that it drains, then posts to it: whether it refuses with 503, or by not listening any more.
    pub async fn refuses_posts(&mut self, pod: &PodName) -> Result<bool, Stopped> {
        self.drains(pod).await?;
        match self.try_post(pod, &Answer::tokens(1)).await? {
            Outcome::Ok(_) => Ok(false),
            Outcome::Failed { status, .. } => Ok(status == 503),
            Outcome::Unknown { .. } => {
                let at = self.slot.pod(pod)?.address();
                let health = match at {
                    Some(at) => Some(self.slot.api.health(at).await),
                    None => None,
                };
                Ok(matches!(health, None | Some(Outcome::Unknown { .. })))
            }
        }
    }
}

impl Cast {
    /// Asks a pod whether it can serve. The answer is kept in the history. A system whose pods do not say that is not asked, and taken at
    /// its work.
    pub async fn is_ready(&self, pod: &PodName) -> Result<bool, Stopped> {
        poll_readiness(&self.slot, &self.recorder, pod).await
    }

    /// Asks every pod that nothing is wrong with whether it can serve; the others may not answer at all. Asks none if no pod says that.
    pub(in crate::run) async fn poll_healthy_pods(&self) {
        if !self.can(&[Need::Has(Capability::Ready)]) {
            return;
        }
        let under_fault: Vec<&PodName> = self.nemesis.under_fault().collect();
        let healthy = self.plan.pods.iter().filter(|pod| !under_fault.contains(pod));
        join_all(healthy.map(|pod| self.is_ready(pod))).await;
    }
}

/// Asks a pod whether it can serve, and records its word. Returns true, and records nothing, if no pod says that.
pub(in crate::run) async fn poll_readiness(slot: &Slot, recorder: &Recorder, pod: &PodName) -> Result<bool, Stopped> {
    let at = slot.address(pod)?;
    if !slot.api.system().has(Capability::Ready) {
        return Ok(true);
    }
    let (status, detail) = match slot.api.ready(at).await {
        Ok((status, body)) => (Some(status), body),
        Err(seen) => (None, seen),
    };
    let ready = status.is_some_and(is_yes);
    recorder.record(PodEvent::ReadyPolled {
        pod: pod.clone(),
        ready,
        status,
        detail,
    });
    Ok(ready)
}

/// The claim of a turn that a row tells. Returns `None` if it tells none of the turn, or if the turn is over.
fn claim_of(row: &Row, turn: &Turn) -> Option<Aim> {
    let claim = |owner: &PodName, epoch: Option<Epoch>, attempt: Option<&Attempt>| Aim {
        thread: turn.thread.clone(),
        turn: Some(turn.id.clone()),
        owner: owner.clone(),
        epoch: epoch.unwrap_or(Epoch(0)),
        attempt: attempt.cloned(),
    };
    match row {
        Row::Thread {
            thread,
            owner: Some(owner),
            epoch: Some(epoch),
            ..
        } if *thread == turn.thread => Some(claim(owner, Some(*epoch), None)),
        Row::Turn(row) if row.turn == turn.id && !row.status.is_terminal() => {
            Some(claim(row.owner.as_ref()?, row.epoch, row.attempt.as_ref()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::TurnRow;

    fn turn() -> Turn {
        Turn {
            id: "u1".into(),
            thread: "t1".into(),
            message: "m1".into(),
            key: "k1".into(),
            accepted_by: "chat-1".into(),
        }
    }

    fn row(turn: &str, owner: Option<&str>, status: Status) -> Row {
        Row::Turn(Box::new(TurnRow {
            turn: turn.into(),
            thread: "t1".into(),
            message: None,
            status,
            owner: owner.map(PodName::from),
            attempt: None,
            epoch: None,
            error: None,
        }))
    }

    #[test]
    fn a_claim_is_told_by_the_turn_s_own_row_while_it_runs() {
        let told = |row| claim_of(&row, &turn()).map(|claim| claim.owner.to_string());
        let running = Status::InProgress;
        assert_eq!(told(row("u1", Some("chat-2"), running)).as_deref(), Some("chat-2"));
        for none in [
            row("u2", Some("chat-2"), running),
            row("u1", None, running),
            row("u1", Some("chat-2"), Status::Completed),
        ] {
            assert_eq!(told(none), None);
        }
    }
}
