//! Waits of a story: conditions in the database, at the pods and on watchers, each with a name and a bound.

use std::time::Duration;

use futures_util::future::join_all;

use super::Cast;
use super::turn::{BACKGROUND_IDS_FROM, BEGIN, LOOK, Turn};
use crate::history::{Outcome, PodEvent, PodName, Row, Status, StoreEvent, WatcherEvent, What};
use crate::nemesis::Aim;
use crate::plan::Answer;
use crate::run::stopped::Stopped;
use crate::wait::{self, Look};

/// Longest that a story waits for a turn to end that nothing holds up but what the story has broken.
const END: Duration = Duration::from_secs(12);

impl Cast {
    /// Waits until the turn runs, and reads who owns it.
    pub async fn owner_of(&self, turn: &Turn) -> Result<Aim, Stopped> {
        let (owners, thread) = (&self.slot.owners, &turn.thread);
        let what = format!("an owner of thread {thread}");
        let aim = wait::until(&what, BEGIN, LOOK, || async move {
            match owners.of(thread).await {
                Ok(Some(now)) => match now.owner {
                    Some(owner) if now.status == Status::InProgress => Look::Done((
                        Aim {
                            thread: thread.clone(),
                            owner,
                            epoch: now.epoch,
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

    /// Waits until a pod has claimed the turn's thread at a higher epoch. Told from the database's changes, of which none is
    /// missed: the claimer may be done with the turn between two looks at the row itself.
    pub async fn taken_over(&self, turn: &Turn, from: &Aim, bound: Duration) -> Result<Aim, Stopped> {
        let recorder = &self.recorder;
        let what = format!(
            "an owner of thread {} after {} at epoch {}",
            turn.thread, from.owner, from.epoch
        );
        let heir = wait::until(&what, bound, LOOK, || async move {
            let claimed = recorder.find(0, |event| match &event.what {
                What::Store(StoreEvent::Row {
                    row:
                        Row::Thread {
                            thread,
                            owner: Some(owner),
                            epoch: Some(epoch),
                            ..
                        },
                    ..
                }) if *thread == turn.thread && *epoch > from.epoch => Some(Aim {
                    thread: thread.clone(),
                    owner: owner.clone(),
                    epoch: *epoch,
                }),
                _ => None,
            });
            claimed.map_or_else(|| Look::NotYet("no such change".to_owned()), Look::Done)
        });
        Ok(heir.await?)
    }

    /// A turn's status in the database. Returns `None` if it has no row.
    pub async fn status_of(&self, turn: &Turn) -> Result<Option<Status>, Stopped> {
        self.slot
            .owners
            .turn(&turn.id)
            .await
            .map_err(|e| Stopped::GaveUp(e.to_string()))
    }

    /// Waits until the history holds that the turn is where `status` says: rows reach it a little after their commit, and
    /// what is to be judged by what came first needs this one before what follows.
    pub async fn on_record(&self, turn: &Turn, status: Status) -> Result<(), Stopped> {
        let (recorder, id) = (&self.recorder, &turn.id);
        wait::until(
            &format!("turn {id} as {status:?} in the history"),
            BEGIN,
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
        self.settled_within(turn, END).await
    }

    /// As [`Cast::settled`], for a turn that takes longer by order.
    pub async fn settled_within(&self, turn: &Turn, bound: Duration) -> Result<Status, Stopped> {
        let status = self.ended_within(turn, bound).await?;
        self.watchers_learn_the_end(turn).await;
        Ok(status)
    }

    /// Waits until the turn is over in the database, even if no watcher was shown its end.
    pub async fn ended(&self, turn: &Turn) -> Result<Status, Stopped> {
        self.ended_within(turn, END).await
    }

    async fn ended_within(&self, turn: &Turn, bound: Duration) -> Result<Status, Stopped> {
        let (owners, id) = (&self.slot.owners, &turn.id);
        let what = format!("the end of turn {id} in the database");
        let status = wait::until(&what, bound, LOOK, || async move {
            match owners.turn(id).await {
                Ok(Some(status)) if status.is_terminal() => Look::Done(status),
                Ok(status) => Look::NotYet(format!("{status:?}")),
                Err(e) => Look::NotYet(e.to_string()),
            }
        });
        Ok(status.await?)
    }

    /// Gives every open watcher of the turn's thread the time that the system claims for showing an end. One that does not
    /// see it is the judge's business.
    async fn watchers_learn_the_end(&self, turn: &Turn) {
        // The judge counts from when the row's change was read, which is a little after it was committed.
        let bound = Duration::from_millis(self.slot.api.system().bounds.terminal_ms) + Duration::from_millis(300);
        let end = tokio::time::Instant::now() + bound;
        for tail in self.tails.iter().filter(|t| t.thread == turn.thread) {
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

    /// Waits until a terminated pod says that it drains.
    pub async fn drains(&self, pod: &PodName) -> Result<(), Stopped> {
        let at = self.slot.address(pod)?;
        let api = &self.slot.api;
        wait::until(
            &format!("{pod} to say that it drains"),
            Duration::from_secs(3),
            LOOK,
            || async move {
                match api.health(at).await {
                    Outcome::Failed { status: 503, .. } => Look::Done(()),
                    other => Look::NotYet(format!("{other:?}")),
                }
            },
        )
        .await?;
        Ok(())
    }

    /// Waits until an owner that was taken over has shown what it does about that: it says that it stepped down, or a
    /// watcher is shown something of its epoch after its successor's. What it should have done is for the judge.
    pub async fn acts_on_its_loss(&self, owner: &Aim, since: u64) -> Result<(), Stopped> {
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
        let bound = Duration::from_millis(self.slot.api.system().bounds.progress_ms);
        tokio::time::sleep(bound + Duration::from_millis(200)).await;
    }

    /// Lets the time pass after which an owner that does not say that it lives is taken for dead: time itself is what is
    /// waited for.
    pub async fn lease_passes(&self) {
        let lease = Duration::from_millis(self.slot.api.system().bounds.lease_ms);
        tokio::time::sleep(lease + Duration::from_millis(200)).await;
    }

    /// Lets the system's bound for refusing a revoked credential everywhere pass: time itself is what is waited for.
    pub async fn revocation_bound_passes(&self) {
        tokio::time::sleep(Duration::from_millis(self.slot.api.system().bounds.revocation_ms)).await;
    }
}

impl Cast {
    /// Waits until a terminated pod says that it drains, then posts to it: whether it refuses with 503.
    pub async fn refuses_posts(&mut self, pod: &PodName) -> Result<bool, Stopped> {
        self.drains(pod).await?;
        let outcome = self.try_post(pod, &Answer::tokens(1)).await?;
        Ok(matches!(outcome, Outcome::Failed { status: 503, .. }))
    }
}

impl Cast {
    /// Asks a pod whether it can serve. The answer is kept in the history.
    pub async fn is_ready(&self, pod: &PodName) -> Result<bool, Stopped> {
        let at = self.slot.address(pod)?;
        let (status, detail) = match self.slot.api.ready(at).await {
            Ok((status, body)) => (Some(status), body),
            Err(seen) => (None, seen),
        };
        let ready = status == Some(200);
        self.recorder.record(PodEvent::ReadyPolled {
            pod: pod.clone(),
            ready,
            status,
            detail,
        });
        Ok(ready)
    }

    /// Asks every pod that nothing is wrong with whether it can serve; the others may not answer at all.
    pub(in crate::run) async fn poll_healthy_pods(&self) {
        let under_fault: Vec<&PodName> = self.nemesis.under_fault().collect();
        let healthy = self.plan.pods.iter().filter(|pod| !under_fault.contains(pod));
        join_all(healthy.map(|pod| self.is_ready(pod))).await;
    }
}
