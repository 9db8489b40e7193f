//! A client of the edge that keeps a stream open by itself, as a browser's event source does.

use std::time::Duration;

use tokio::sync::watch;

use crate::history::{CursorForm, PodName, Status, TurnId, WatcherId};
use crate::run::cast::Cast;
use crate::run::cast::turn::Turn;
use crate::run::stopped::Stopped;
use crate::wait::{Expired, within};
use crate::workload::{Attach, Course, EdgeClient, EventSource, Order, Tail, TailFrom};

/// Most connections of one event source.
const CONNECTIONS_MAX: u32 = 40;

/// An event source that goes on in the background until the play ends.
pub struct KeptOpen {
    course: watch::Receiver<Course>,
    turn: TurnId,
    /// Longest that the source waits for what nothing but the edge holds up.
    soon: Duration,
}

impl Cast {
    /// Keeps a turn's stream open as a client of the edge: whenever the stream ends, the client waits for as long as the server said and
    /// comes back with the id of the last event. Each connection is a watcher of its own.
    pub fn keep_open(&mut self, client: &EdgeClient, turn: &Turn) -> Result<KeptOpen, Stopped> {
        let way = self.way_of(client)?;
        let soon = self.patience_of(&way);
        let (owners, recorder, api) = (self.slot.owners.clone(), self.recorder.clone(), way.api.clone());
        let order = self.attach_order(&way, turn, "event-source");
        let mut watcher = self.watchers;
        self.watchers += CONNECTIONS_MAX;
        let opens = move |cursor: Option<String>| {
            watcher += 1;
            let attach = Attach {
                watcher: WatcherId(watcher),
                from: cursor.map_or(TailFrom::Start, |id| TailFrom::Cursor(id, CursorForm::default())),
                ..order.clone()
            };
            Tail::open(&api, attach, owners.clone(), recorder.clone())
        };
        let source = EventSource::open(Order {
            opens: Box::new(opens),
            connections_max: CONNECTIONS_MAX,
        });
        let course = source.watch();
        self.sources.push(source);
        Ok(KeptOpen {
            course,
            turn: turn.id.clone(),
            soon,
        })
    }
}

impl KeptOpen {
    /// Waits until the connection that is open renders at least `tokens` of the turn's tokens. Returns the pod that serves it.
    pub async fn reaches(&self, tokens: u32) -> Result<PodName, Stopped> {
        let is_shown = |course: &Course| self.turn_of(course).is_some_and(|(shown, _)| shown >= tokens);
        let course = self
            .until(&format!("{tokens} tokens of turn {}", self.turn), is_shown)
            .await?;
        let pod = course.served_by.last().cloned();
        pod.ok_or_else(|| Stopped::GaveUp("the edge's answer names no pod".to_owned()))
    }

    /// Waits until a pod other than this one serves it. Returns that pod.
    pub async fn is_served_elsewhere(&self, than: &PodName) -> Result<PodName, Stopped> {
        let is_elsewhere = |course: &Course| course.seen.open && course.served_by.last().is_some_and(|pod| pod != than);
        let course = self.until(&format!("a pod other than {than}"), is_elsewhere).await?;
        Ok(course.served_by.last().cloned().unwrap_or_else(|| than.clone()))
    }

    /// Waits until it has been shown the turn's end.
    pub async fn sees_the_end(&self) -> Result<(), Stopped> {
        let is_over = |course: &Course| self.turn_of(course).is_some_and(|(_, end)| end.is_some());
        self.until(&format!("the end of turn {}", self.turn), is_over)
            .await
            .map(drop)
    }

    /// The tokens of the turn that the newest connection was shown, and the end.
    fn turn_of(&self, course: &Course) -> Option<(u32, Option<Status>)> {
        let turn = course.seen.turns.get(&self.turn)?;
        Some((turn.tokens, turn.finished))
    }

    async fn until(&self, what: &str, holds: impl FnMut(&Course) -> bool) -> Result<Course, Stopped> {
        let mut course = self.course.clone();
        let what = format!("an event source to see {what}");
        let seen = within(&what, self.soon, course.wait_for(holds), || self.last_seen()).await?;
        let seen = seen.map(|course| course.clone());
        seen.map_err(|_| {
            Stopped::from(Expired {
                what: format!("{what}: it has ended"),
                bound: self.soon,
                last: self.last_seen(),
            })
        })
    }

    fn last_seen(&self) -> String {
        self.course.borrow().to_string()
    }
}
