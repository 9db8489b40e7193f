//! Background watchers of a play: they open and close attaches on every pod, at cursors around the head, as planned.
//!
//! Their frames are recorded and judged like any other watcher's.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::history::writer::Recorder;
use crate::history::{Cursor, Epoch, PodName, ThreadId, WatcherEvent, WatcherId, What};
use crate::plan::{Place, Visit};
use crate::run::cast::last_seen::LastSeen;
use crate::run::cast::turn::BACKGROUND_IDS_FROM;
use crate::run::cast::{Cast, READER_SESSION};
use crate::run::slot::Slot;
use crate::system::{Bounds, frames};
use crate::workload::{Attach, Session, Tail};

/// How long no visit begins after an event that a fault may follow: an attach would disturb the time that is measured.
const HOLD_OFF: Duration = Duration::from_millis(30);
/// How often the lane checks whether that time is over.
const LOOK: Duration = Duration::from_millis(5);
/// How long a visit outstays the bound within which it must be answered, so that silence is past it.
const PAST_BOUND: Duration = Duration::from_secs(1);

/// The background watchers of a play that is on.
pub(in crate::run) struct BackgroundWatchers {
    stop: CancellationToken,
    lanes: Vec<JoinHandle<()>>,
}

/// Everything that a lane needs.
struct LaneContext {
    slot: Arc<Slot>,
    recorder: Recorder,
    session: Session,
    thread: ThreadId,
    pods: Vec<PodName>,
    last_seen: LastSeen,
    watchers: AtomicU32,
    seen_ids: Mutex<SeenIds>,
    stop: CancellationToken,
}

/// The ids that watchers of the thread were shown, read out of the history as it grows.
#[derive(Default)]
struct SeenIds {
    next: u64,
    tails: HashSet<WatcherId>,
    ids: BTreeMap<Cursor, String>,
    /// The last id of another thread.
    elsewhere: Option<String>,
}

/// How many attempts behind the newest one lies one that never was.
const NEVER_WAS: u64 = 7777;
/// A text that clients send for a cursor that they do not have.
const NONSENSE: &str = "undefined";

impl BackgroundWatchers {
    /// Lets them loose on the play's own thread.
    pub(in crate::run) fn begin(cast: &Cast) -> Self {
        let stop = CancellationToken::new();
        let context = Arc::new(LaneContext {
            slot: cast.slot.clone(),
            recorder: cast.recorder.clone(),
            session: cast.reader.clone(),
            thread: cast.thread.clone(),
            pods: cast.plan.pods.clone(),
            last_seen: cast.last_seen.clone(),
            watchers: AtomicU32::new(BACKGROUND_IDS_FROM),
            seen_ids: Mutex::default(),
            stop: stop.clone(),
        });
        let lanes = cast.plan.background_visits.lanes.iter();
        let lanes = lanes.map(|visits| tokio::spawn(lane(context.clone(), visits.clone())));
        Self {
            stop,
            lanes: lanes.collect(),
        }
    }

    /// Lets them leave, and waits until all have left.
    ///
    /// # Errors
    /// One of them failed, in words.
    pub(in crate::run) async fn end(self) -> Result<(), String> {
        self.stop.cancel();
        for lane in self.lanes {
            lane.await.map_err(|e| format!("a background watcher failed: {e}"))?;
        }
        Ok(())
    }
}

async fn lane(context: Arc<LaneContext>, visits: Vec<Visit>) {
    for visit in visits {
        let resting = async {
            tokio::time::sleep(Duration::from_millis(visit.rest_ms.into())).await;
            while context.last_seen.within(HOLD_OFF) {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! {
            () = resting => context.visit(visit).await,
            () = context.stop.cancelled() => return,
        }
    }
}

impl LaneContext {
    /// One visit. A pod that does not listen is not visited.
    async fn visit(&self, visit: Visit) {
        let pod = &self.pods[visit.pod % self.pods.len()];
        let Some(at) = self.slot.cluster.pod(pod).ok().and_then(|part| part.address()) else {
            return;
        };
        let cursor = self.cursor(visit.from);
        let answer_within = answer_within(visit.from, cursor.as_deref(), &self.slot.api.system().bounds);
        let attach = Attach {
            watcher: WatcherId(self.watchers.fetch_add(1, Ordering::Relaxed)),
            pod: pod.clone(),
            at,
            session: self.session.clone(),
            session_no: READER_SESSION,
            thread: self.thread.clone(),
            cursor,
            form: self.slot.api.system().cursor_form(visit.form),
            role: format!("restless {:?}", visit.from).to_lowercase(),
            patience: None,
            manner: visit.manner,
        };
        let tail = Tail::open(&self.slot.api, attach, self.slot.owners.clone(), self.recorder.clone());
        let stay = Duration::from_millis(visit.stay_ms.into());
        tokio::select! {
            () = tail.stay(stay, answer_within) => {}
            // A visit that the end of the play cuts short is due nothing.
            () = self.stop.cancelled() => {}
        }
        tail.leave().await;
    }

    fn cursor(&self, place: Place) -> Option<String> {
        let mut seen_ids = self.seen_ids.lock().unwrap_or_else(PoisonError::into_inner);
        seen_ids.look(&self.recorder, &self.thread);
        seen_ids.at(place)
    }
}

/// The longest wait for the answer to `cursor`, which lies at `place`. Returns `None` if none must come.
fn answer_within(place: Place, cursor: Option<&str>, bounds: &Bounds) -> Option<Duration> {
    let is_due = cursor.is_some() && place.is_due_a_resync();
    is_due.then(|| Duration::from_millis(bounds.terminal_ms) + PAST_BOUND)
}

impl SeenIds {
    fn look(&mut self, recorder: &Recorder, thread: &ThreadId) {
        recorder.find(self.next, |event| {
            self.next = event.n + 1;
            match &event.what {
                What::Watcher(WatcherEvent::TailOpened {
                    watcher, thread: of, ..
                }) if of == thread => drop(self.tails.insert(*watcher)),
                What::Watcher(WatcherEvent::Frame {
                    watcher,
                    id: Some(id),
                    cursor: Some(cursor),
                    ..
                }) => {
                    if self.tails.contains(watcher) {
                        self.ids.insert(*cursor, id.to_string());
                    } else {
                        self.elsewhere = Some(id.to_string());
                    }
                }
                _ => {}
            }
            None::<()>
        });
    }

    fn at(&self, place: Place) -> Option<String> {
        match place {
            Place::Anew => None,
            // Nearer to the beginning than that there is only the beginning.
            Place::Behind(frames) => self.ids.values().rev().nth(frames.into()).cloned(),
            Place::Head => self.ids.values().next_back().cloned(),
            Place::PastHead => self.near_head(|head| Cursor {
                seq: head.seq + 1,
                ..head
            }),
            Place::Foreign => self.foreign(),
            Place::NeverWas => self.near_head(|head| Cursor {
                epoch: head.epoch.map(|epoch| Epoch(epoch.0 + NEVER_WAS)),
                seq: 1,
            }),
            Place::FarFuture => self.near_head(|_| Cursor {
                epoch: Some(Epoch(u64::MAX)),
                seq: u64::MAX,
            }),
            Place::Nonsense => Some(NONSENSE.to_owned()),
        }
    }

    /// An id of the thread, at the place that lies so to the head.
    fn near_head(&self, place: impl Fn(Cursor) -> Cursor) -> Option<String> {
        let (head, id) = self.ids.last_key_value()?;
        Some(frames::write_cursor(place(*head), id))
    }

    /// The head's numbers as another thread's id has them. Returns `None` if ids do not tell their thread.
    fn foreign(&self) -> Option<String> {
        let (head, own) = self.ids.last_key_value()?;
        let made = frames::of_another_thread(own)?;
        let seen = self.elsewhere.as_deref().map(|id| frames::write_cursor(*head, id));
        Some(seen.filter(|seen| seen != own).unwrap_or(made))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::System;

    #[test]
    fn a_visit_that_is_due_a_resync_outstays_the_bound_and_no_other_does() {
        let bounds = System::reference().bounds;
        let within = |place, cursor| answer_within(place, cursor, &bounds);
        let most = Duration::from_millis(bounds.terminal_ms + 1000);
        for place in [Place::Foreign, Place::NeverWas, Place::FarFuture] {
            assert_eq!(within(place, Some("7779-1")), Some(most), "{place:?}");
            // Before any frame was shown there is no such cursor, and the attach gives none.
            assert_eq!(within(place, None), None, "{place:?}");
        }
        for place in [
            Place::Anew,
            Place::Behind(2),
            Place::Head,
            Place::PastHead,
            Place::Nonsense,
        ] {
            assert_eq!(within(place, Some("2-3")), None, "{place:?}");
        }
    }

    #[test]
    fn places_are_counted_from_the_newest_frame_of_the_newest_attempt() {
        let mut seen_ids = SeenIds::default();
        assert_eq!(seen_ids.at(Place::PastHead), None);
        for (epoch, seq) in [(2, 0), (1, 9), (2, 1)] {
            let epoch = Some(Epoch(epoch));
            let cursor = Cursor { epoch, seq };
            seen_ids
                .ids
                .insert(cursor, frames::write_cursor(cursor, "0-0-0123abcd"));
        }
        let at = |place| seen_ids.at(place);
        assert_eq!(at(Place::Head).as_deref(), Some("2-1-0123abcd"));
        assert_eq!(at(Place::Behind(2)).as_deref(), Some("1-9-0123abcd"));
        assert_eq!(at(Place::Behind(3)), None);
        assert_eq!(at(Place::PastHead).as_deref(), Some("2-2-0123abcd"));
        assert_eq!(at(Place::NeverWas).as_deref(), Some("7779-1-0123abcd"));
        let far = format!("{0}-{0}-0123abcd", u64::MAX);
        assert_eq!(at(Place::FarFuture), Some(far));
        assert_eq!(at(Place::Nonsense).as_deref(), Some("undefined"));
        assert_eq!(at(Place::Foreign).as_deref(), Some("2-1-1123abcd"));
        seen_ids.elsewhere = Some("9-9-89abcdef".to_owned());
        assert_eq!(seen_ids.at(Place::Foreign).as_deref(), Some("2-1-89abcdef"));
    }
}
