//! Faults that an event sets off: wait for the trigger, settle the pods that the selector means, inject.
//!
//! The trigger reads the whole history, so a condition that already holds fires at once. The fault is timed from the moment in
//! which the trigger fired, or in which the story was ready to inject it, whichever is later.

use std::time::{Duration, Instant};

use super::{LANDING, NemesisSide};
use crate::history::writer::Recorder;
use crate::history::{Landing, PodName, StoreEvent};
use crate::nemesis::{Aim, Link, LinkCut, LinkFault, Shift, Throttled, Way};
use crate::plan::{Known, Selector, Trigger, Watch};
use crate::run::cast::Cast;
use crate::run::cast::turn::Turn;
use crate::run::stopped::Stopped;
use crate::wait;

/// Longest that a story waits until a pod at work lacks memory or CPU time.
const WORK_FELT: Duration = Duration::from_secs(8);

/// A fault that is injected into each pod that a selector means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Its process is killed.
    Kill,
    /// It is frozen.
    Pause,
    /// It gets SIGTERM.
    Terminate,
    /// One of its links is cut or impaired.
    Cut(Link, Way, LinkFault),
    /// Its wall clock is shifted.
    ShiftClock(Shift),
    /// It is left no more memory than it has, so that the kernel ends it when it wants more.
    LimitMemory,
    /// It gets so many hundredths of a CPU.
    ThrottleCpu(u8),
    /// It may open no more descriptors.
    ExhaustDescriptors,
}

/// A fault that was injected into one pod.
#[derive(Debug, Clone)]
pub struct Injected {
    /// The pod.
    pub pod: PodName,
    /// The pod's ownership of the turn's thread, if it was the owner.
    pub aim: Option<Aim>,
    /// Where the fault landed. `None` for a fault that lands only when the pod has work to do: see
    /// [`NemesisSide::have_landed`].
    pub landing: Option<Landing>,
    /// The cut of its link, if the fault is one.
    pub cut: Option<LinkCut>,
    lands_with_work: Option<LandsWithWork>,
}

/// A fault that takes effect only when the pod has work to do.
#[derive(Debug, Clone)]
enum LandsWithWork {
    Memory,
    Cpu(Throttled),
}

impl NemesisSide<'_> {
    /// Waits until `trigger` fires, and injects the fault into every pod that `at` then means for the turn's thread. The owner
    /// is read from the database at that moment.
    ///
    /// # Errors
    /// The trigger does not fire in 8 s, the selector means no pod, or a fault cannot be seen to have taken effect.
    pub async fn inject(
        self,
        trigger: Trigger,
        at: Selector,
        turn: &Turn,
        fault: Fault,
    ) -> Result<Vec<Injected>, Stopped> {
        let cast = self.cast;
        let ready_us = cast.recorder.now_us();
        let fired_us = fires(&cast.recorder, &trigger, cast.begins()).await?.max(ready_us);
        let owner = if at.is_by_owner() {
            owner_now(cast, turn).await?
        } else {
            None
        };
        let known = Known {
            pods: &cast.plan.pods,
            owner: owner.as_ref().map(|aim| &aim.owner),
            accepter: Some(&turn.accepted_by),
            seed: cast.plan.seed,
        };
        let pods = at.settle(&known).map_err(|e| Stopped::GaveUp(e.to_string()))?;
        let fired = instant(&cast.recorder, fired_us);
        let aimed = pods.into_iter().map(|pod| {
            let aim = owner.clone().filter(|aim| aim.owner == pod);
            (pod, aim)
        });
        if fault == Fault::Kill {
            let aimed: Vec<_> = aimed.collect();
            let landings = NemesisSide { cast }.kill_aimed(&aimed, Some(fired)).await?;
            let injected = aimed.into_iter().zip(landings).map(|((pod, aim), landing)| Injected {
                pod,
                aim,
                landing: Some(landing),
                cut: None,
                lands_with_work: None,
            });
            return Ok(injected.collect());
        }
        let mut injected = Vec::new();
        for (pod, aim) in aimed {
            injected.push(
                NemesisSide { cast: &mut *cast }
                    .inject_one(pod, aim, &fault, fired)
                    .await?,
            );
        }
        Ok(injected)
    }

    async fn inject_one(
        self,
        pod: PodName,
        aim: Option<Aim>,
        fault: &Fault,
        fired: Instant,
    ) -> Result<Injected, Stopped> {
        let cast = self.cast;
        let handle = cast.slot.pod(&pod)?;
        // This fault has an event of its own to be measured from.
        cast.last_seen.take();
        let (mut landing, mut cut, mut lands_with_work) = (None, None, None);
        match fault {
            Fault::Kill => unreachable!("whoever is killed is killed at once with the others"),
            Fault::Pause => landing = Some(cast.nemesis.pause(&handle, aim.as_ref(), Some(fired)).await?),
            Fault::Terminate => {
                landing = Some(cast.nemesis.terminate(&handle, aim.as_ref()).await?);
                cast.stopping_since.push((pod.clone(), Instant::now()));
            }
            Fault::ShiftClock(by) => {
                let shifted = cast.nemesis.shift_clock(&handle, *by, aim.as_ref(), Some(fired));
                landing = Some(shifted.await?);
            }
            Fault::LimitMemory => {
                cast.nemesis.limit_memory(&handle, aim.as_ref()).await?;
                lands_with_work = Some(LandsWithWork::Memory);
            }
            Fault::ThrottleCpu(percent) => {
                let throttled = cast.nemesis.throttle_cpu(&handle, *percent, aim.as_ref(), Some(fired));
                lands_with_work = Some(LandsWithWork::Cpu(throttled.await?));
            }
            Fault::ExhaustDescriptors => {
                let exhausted = cast.nemesis.exhaust_descriptors(&handle, aim.as_ref(), Some(fired));
                landing = Some(exhausted.await?);
            }
            Fault::Cut(link, way, fault) => {
                let links = cast.slot.links();
                let what = (*link, *way, fault);
                let set_off = Some(fired);
                cut = Some(
                    cast.nemesis
                        .cut_link(&links, &handle, what, aim.as_ref(), set_off)
                        .await?,
                );
            }
        }
        Ok(Injected {
            pod,
            aim,
            landing,
            cut,
            lands_with_work,
        })
    }

    /// Waits until each fault has landed that waits for data or for its pod to have work. The others have landed already.
    pub async fn have_landed(self, injected: &[Injected]) -> Result<(), Stopped> {
        let links = self.cast.slot.links();
        let waiting = injected
            .iter()
            .filter_map(|one| Some((one, one.cut.as_ref().filter(|cut| cut.waits_for_data())?)));
        for (one, cut) in waiting {
            let nemesis = &self.cast.nemesis;
            nemesis.link_cut_landed(&links, cut, one.aim.as_ref(), LANDING).await?;
        }
        for one in injected {
            let handle = self.cast.slot.pod(&one.pod)?;
            let (nemesis, aim) = (&mut self.cast.nemesis, one.aim.as_ref());
            match &one.lands_with_work {
                None => {}
                Some(LandsWithWork::Memory) => drop(nemesis.runs_out_of_memory(&handle, aim, WORK_FELT).await?),
                Some(LandsWithWork::Cpu(throttled)) => {
                    nemesis.is_throttled(&handle, throttled, aim, WORK_FELT).await?;
                }
            }
        }
        Ok(())
    }

    /// Takes the faults of links off again.
    pub async fn mend_links(self, injected: &[Injected]) -> Result<(), Stopped> {
        self.lift(injected).await.map(drop)
    }

    /// Takes the faults of links off again. Returns true if something was held back, and all of it has arrived by now.
    pub async fn lift(self, injected: &[Injected]) -> Result<bool, Stopped> {
        let links = self.cast.slot.links();
        let mut lifted = Vec::new();
        for cut in injected.iter().filter_map(|one| one.cut.as_ref()) {
            lifted.push(self.cast.nemesis.mend_link(&links, cut).await?);
        }
        Ok(lifted.iter().any(|one| one.held_bytes > 0) && lifted.iter().all(|one| one.all_arrived))
    }
}

/// Returns when the trigger fires: the moment, in microseconds since the run began.
async fn fires(recorder: &Recorder, trigger: &Trigger, bound: Duration) -> Result<u64, Stopped> {
    let mut watch = Watch::new(trigger);
    let firing = async {
        let mut count = recorder.subscribe();
        let mut next = 0;
        loop {
            let have = *count.borrow_and_update();
            recorder.find(next, |event| {
                if event.n < have {
                    watch.take(event);
                }
                None::<()>
            });
            next = next.max(have);
            let fires_us = watch.fires_us();
            match fires_us {
                Some(us) if us <= recorder.now_us() => return us,
                // Its event is there and its time is not; what comes meanwhile may fire it sooner.
                Some(us) => tokio::select! {
                    () = tokio::time::sleep_until(instant(recorder, us).into()) => {}
                    _ = count.changed() => {}
                },
                None => drop(count.changed().await),
            }
        }
    };
    let what = format!("{trigger:?} to fire");
    Ok(wait::within(&what, bound, firing, || {
        format!("{} events", *recorder.subscribe().borrow())
    })
    .await?)
}

/// The instant of a time of the history.
fn instant(recorder: &Recorder, us: u64) -> Instant {
    let (now, now_us) = (Instant::now(), recorder.now_us());
    match us.checked_sub(now_us) {
        Some(ahead_us) => now + Duration::from_micros(ahead_us),
        None => now.checked_sub(Duration::from_micros(now_us - us)).unwrap_or(now),
    }
}

/// The owner of the turn's thread now. The turn may be over.
async fn owner_now(cast: &Cast, turn: &Turn) -> Result<Option<Aim>, Stopped> {
    let read = cast.slot.owners.of(&turn.thread, Some(&turn.id)).await;
    let Some(now) = read.map_err(|e| Stopped::GaveUp(e.to_string()))? else {
        return Ok(None);
    };
    cast.recorder.record(StoreEvent::OwnerRead {
        thread: turn.thread.clone(),
        owner: now.owner.clone(),
        epoch: Some(now.epoch),
        status: now.status,
    });
    Ok(now.owner.map(|owner| Aim {
        thread: turn.thread.clone(),
        turn: Some(turn.id.clone()),
        owner,
        epoch: now.epoch,
        attempt: now.attempt,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{PodEvent, What};
    use crate::run::cast::turn::BEGIN;

    fn line(text: &str) -> What {
        What::Pod(PodEvent::LogLine {
            pod: "pod-1".into(),
            level: "WARN".into(),
            line: text.into(),
        })
    }

    fn on(text: &str) -> Trigger {
        Trigger::LogLine {
            pod: None,
            holds: text.into(),
        }
    }

    fn recorder(folder: &tempfile::TempDir) -> Recorder {
        Recorder::create(&folder.path().join("history.jsonl"), Instant::now()).expect("a history")
    }

    #[tokio::test]
    async fn what_has_happened_fires_at_once_and_what_has_not_is_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let recorder = recorder(&folder);
        recorder.record(line("a"));
        let at_us = recorder.snapshot()[0].at_us;
        assert_eq!(fires(&recorder, &on("a"), BEGIN).await.expect("it fires"), at_us);
        let later = {
            let recorder = recorder.clone();
            tokio::spawn(async move { fires(&recorder, &on("a").then(on("b")), BEGIN).await })
        };
        recorder.record(line("x"));
        recorder.record(line("b"));
        let fired_us = later.await.expect("a task").expect("it fires");
        assert_eq!(fired_us, recorder.snapshot()[2].at_us);
    }

    #[tokio::test]
    async fn a_time_that_lies_ahead_is_waited_for_and_can_be_overtaken() {
        let folder = tempfile::tempdir().expect("a folder");
        let recorder = recorder(&folder);
        recorder.record(line("a"));
        let soon = on("a").after(Duration::from_millis(30));
        let fired_us = fires(&recorder, &soon, BEGIN).await.expect("it fires");
        assert!(recorder.now_us() >= fired_us, "not before its time");
        let overtaken = Trigger::any([on("a").after(Duration::from_hours(1)), on("b")]);
        recorder.record(line("b"));
        let fired_us = fires(&recorder, &overtaken, BEGIN).await.expect("it fires");
        assert_eq!(fired_us, recorder.snapshot()[1].at_us);
    }
}
