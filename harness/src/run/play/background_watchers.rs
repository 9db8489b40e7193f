//! Background watchers of a play: they open and close attaches on every pod, at cursors around the head, as planned.
//!
//! Their frames are recorded and judged like any other watcher's.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::RwLock;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::seen_ids::SeenIds;
use crate::history::writer::Recorder;
use crate::history::{Bound, Capability, PodName, ThreadId, TurnId, WatcherId};
use crate::plan::{Place, Visit};
use crate::run::cast::last_seen::LastSeen;
use crate::run::cast::turn::BACKGROUND_IDS_FROM;
use crate::run::cast::{Cast, READER_SESSION};
use crate::run::slot::Slot;
use crate::workload::{Attach, Session, Tail, TailFrom};

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
    visits: Arc<RwLock<()>>,
    stop: CancellationToken,
}

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
            seen_ids: SeenIds::new(cast.slot.api.system()).into(),
            visits: cast.visits.clone(),
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
            context.visits.read().await
        };
        tokio::select! {
            _visits = resting => context.visit(visit).await,
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
        let system = self.slot.api.system();
        if visit.from.is_made_up() && !system.has(Capability::Resync) {
            // The system says nothing of such a cursor.
            return;
        }
        let (turn, cursor) = self.turn_and_cursor(visit.from);
        if turn.is_none() && self.slot.api.shows_one_turn() {
            // There is no turn yet that a tail could show.
            return;
        }
        let answer_within = answer_within(visit.from, cursor.as_deref(), system.within(Bound::Terminal));
        let form = system.cursor_form(visit.form);
        let attach = Attach {
            watcher: WatcherId(self.watchers.fetch_add(1, Ordering::Relaxed)),
            pod: pod.clone(),
            at,
            session: self.session.clone(),
            session_no: READER_SESSION,
            thread: self.thread.clone(),
            turn,
            from: cursor.map_or(TailFrom::Start, |cursor| TailFrom::Cursor(cursor, form)),
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

    /// The newest turn of the thread, and the cursor of a place in its stream.
    fn turn_and_cursor(&self, place: Place) -> (Option<TurnId>, Option<String>) {
        let mut seen_ids = self.seen_ids.lock().unwrap_or_else(PoisonError::into_inner);
        seen_ids.look(&self.recorder, &self.thread);
        (seen_ids.turn().cloned(), seen_ids.at(place))
    }
}

/// The longest wait for the answer to `cursor`, which lies at `place`. Returns `None` if none must come.
fn answer_within(place: Place, cursor: Option<&str>, shown_within: Duration) -> Option<Duration> {
    let is_due = cursor.is_some() && place.is_due_a_resync();
    is_due.then(|| shown_within + PAST_BOUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_that_is_due_a_resync_outstays_the_bound_and_no_other_does() {
        let bound = Duration::from_millis(1500);
        let within = |place, cursor| answer_within(place, cursor, bound);
        for place in [Place::Foreign, Place::NeverWas, Place::FarFuture] {
            assert_eq!(within(place, Some("7779-1")), Some(bound + PAST_BOUND), "{place:?}");
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
}
