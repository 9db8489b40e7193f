//! Steady load: clients in the background that read and attach through the edge while a story changes what is behind it.
//!
//! Each client is a browser of its own. Its requests and streams are recorded and judged like any other's; what is counted here only
//! tells a story when there was enough of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::history::writer::Recorder;
use crate::history::{SessionNo, ThreadId, TurnId, WatcherId};
use crate::plan::Manner;
use crate::run::cast::turn::Turn;
use crate::run::cast::{Cast, READER_SESSION};
use crate::run::slot::Slot;
use crate::run::stopped::Stopped;
use crate::wait::within;
use crate::workload::{Attach, Session, Tail, TailFrom, Way};

/// Watchers of a load have ids from here on.
const IDS_FROM: u32 = 100_000;
/// Most requests of one load, so that a history stays bounded.
const REQUESTS_MAX: u32 = 20_000;
/// Most streams of one load.
const STREAMS_MAX: u32 = 400;
/// Longest that a story waits for a load to get somewhere.
const REACHED: Duration = Duration::from_mins(1);

/// How much clients ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadPlan {
    /// Number of clients.
    pub clients: u32,
    /// Each request in so many is a stream.
    pub stream_each: u32,
    /// Pause of a client between two requests.
    pub pause: Duration,
    /// How long a client stays on a stream.
    pub stay: Duration,
}

impl LoadPlan {
    /// Enough for 2,000 requests and 100 streams while three pods are restarted one after the other.
    pub const STEADY: Self = Self {
        clients: 8,
        stream_each: 12,
        pause: Duration::from_millis(25),
        stay: Duration::from_millis(250),
    };
}

/// The course of a load so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoadCourse {
    /// Requests that were answered, or not, streams included.
    pub requests: u32,
    /// Streams among them that opened.
    pub streams: u32,
    /// Requests with an answer of 5xx, or none.
    pub failed: u32,
}

/// A load that goes on in the background.
pub struct SteadyLoad {
    course: watch::Receiver<LoadCourse>,
    stop: CancellationToken,
    clients: JoinSet<()>,
}

struct Shared {
    slot: Arc<Slot>,
    recorder: Recorder,
    session: Session,
    session_no: SessionNo,
    thread: ThreadId,
    turn: Option<TurnId>,
    plan: LoadPlan,
    course: watch::Sender<LoadCourse>,
    watchers: AtomicU32,
    stop: CancellationToken,
}

impl Cast {
    /// Begins a steady load on the play's thread through an entry of the edge. Its streams are tails of `turn`.
    pub fn steady_load(&mut self, entry: &str, turn: &Turn, plan: LoadPlan) -> Result<SteadyLoad, Stopped> {
        let (shown, course) = watch::channel(LoadCourse::default());
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            slot: self.slot.clone(),
            recorder: self.recorder.clone(),
            session: self.reader.clone(),
            session_no: READER_SESSION,
            thread: turn.thread.clone(),
            turn: Some(turn.id.clone()),
            plan,
            course: shown,
            watchers: AtomicU32::new(IDS_FROM),
            stop: stop.clone(),
        });
        let mut clients = JoinSet::new();
        for _ in 0..plan.clients {
            let client = self.edge_client(entry)?;
            let way = self.way_of(&client)?;
            clients.spawn(goes_on(shared.clone(), way));
        }
        Ok(SteadyLoad { course, stop, clients })
    }
}

impl SteadyLoad {
    /// The load's course so far.
    pub fn course(&self) -> LoadCourse {
        *self.course.borrow()
    }

    /// Waits until it has made at least so many requests, and opened so many streams.
    pub async fn reaches(&self, requests: u32, streams: u32) -> Result<LoadCourse, Stopped> {
        let mut course = self.course.clone();
        let what = format!("{requests} requests and {streams} streams through the edge");
        let enough = |course: &LoadCourse| course.requests >= requests && course.streams >= streams;
        let reached = within(&what, REACHED, course.wait_for(enough), || {
            format!("{:?}", self.course())
        })
        .await?;
        let reached = reached.map(|course| *course);
        reached.map_err(|_| Stopped::GaveUp(format!("{what}: the load ended before: {:?}", self.course())))
    }

    /// Ends it, and waits until each client has left. Returns all that it has done.
    pub async fn end(mut self) -> Result<LoadCourse, Stopped> {
        self.stop.cancel();
        while let Some(ended) = self.clients.join_next().await {
            ended.map_err(|e| Stopped::Harness(format!("a client of the load did not come to its end: {e}")))?;
        }
        Ok(self.course())
    }
}

async fn goes_on(shared: Arc<Shared>, way: Way) {
    for number in 1_u32.. {
        if shared.stop.is_cancelled() || shared.course.borrow().requests >= REQUESTS_MAX {
            return;
        }
        let is_stream = number.is_multiple_of(shared.plan.stream_each) && shared.course.borrow().streams < STREAMS_MAX;
        let (opened, failed) = if is_stream {
            shared.stream(&way).await
        } else {
            shared.read(&way).await
        };
        shared.course.send_modify(|course| {
            course.requests += 1;
            course.streams += u32::from(opened);
            course.failed += u32::from(failed);
        });
        tokio::select! {
            () = tokio::time::sleep(shared.plan.pause) => {}
            () = shared.stop.cancelled() => return,
        }
    }
}

impl Shared {
    /// Reads the thread. Returns whether a stream was opened, which it is not, and whether the request failed.
    async fn read(&self, way: &Way) -> (bool, bool) {
        let read = way
            .api
            .who_reads(way.at, &self.session, &self.thread, self.turn.as_ref());
        let is_answered = read.await.is_ok_and(|(status, _)| status < 500);
        (false, !is_answered)
    }

    /// Attaches for a while. Returns whether a stream was opened, and whether the request failed.
    async fn stream(&self, way: &Way) -> (bool, bool) {
        let attach = Attach {
            watcher: WatcherId(self.watchers.fetch_add(1, Ordering::Relaxed)),
            pod: way.asked.clone(),
            at: way.at,
            session: self.session.clone(),
            session_no: self.session_no,
            thread: self.thread.clone(),
            turn: self.turn.clone(),
            from: TailFrom::Start,
            role: "load".to_owned(),
            patience: None,
            manner: Manner::Eager,
        };
        let tail = Tail::open(&way.api, attach, self.slot.owners.clone(), self.recorder.clone());
        tail.stay(self.plan.stay, None).await;
        let seen = tail.seen();
        tail.leave().await;
        let failed = seen.refused.is_some() && seen.refused_with.is_none_or(|status| status >= 500);
        (seen.open, failed)
    }
}
