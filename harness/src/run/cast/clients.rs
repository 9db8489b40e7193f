//! Clients that attach to a thread, come back, leave, and cancel.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Cast;
use super::turn::{COMES_BACK, Turn};
use super::watchers::{Tails, Watcher};
use crate::history::{Bound, ClientEvent, CursorForm, Outcome, PodName};
use crate::run::stopped::Stopped;
use crate::workload::{Attach, EdgeClient, Tail, TailFrom, Way};

impl Cast {
    /// Cancels a thread's turn in flight through a pod; the play ends if that is not taken.
    pub async fn cancel(&mut self, pod: &PodName, turn: &Turn) -> Result<(), Stopped> {
        let way = self.way_to(pod)?;
        let outcome = way
            .api
            .cancel(
                way.at,
                self.session_of(self.whose(&turn.thread)),
                &turn.thread,
                Some(&turn.id),
            )
            .await;
        let named = way.api.cancels_by_turn().then(|| turn.id.clone());
        let (pod, thread) = (pod.clone(), turn.thread.clone());
        self.recorder.record(ClientEvent::Cancelled {
            pod: pod.clone(),
            thread,
            turn: named,
            outcome: outcome.clone(),
        });
        match outcome {
            Outcome::Ok(()) => Ok(()),
            refused => Err(Stopped::GaveUp(format!(
                "the cancel on {pod} was not taken: {refused:?}"
            ))),
        }
    }

    /// Attaches to a turn's thread on one pod, and waits until the pod has answered.
    pub async fn attach(&mut self, pod: &PodName, turn: &Turn, role: &str) -> Result<Watcher, Stopped> {
        let way = self.way_to(pod)?;
        self.attach_way(way, turn, role, None).await
    }

    /// Attaches to a turn's thread as a client of the edge, and waits until somebody has answered.
    pub async fn attach_by(&mut self, client: &EdgeClient, turn: &Turn, role: &str) -> Result<Watcher, Stopped> {
        let way = self.way_of(client)?;
        self.attach_way(way, turn, role, None).await
    }

    /// Attaches again as the client of a watcher, from where it got to.
    pub async fn come_back_by(&mut self, from: &Watcher, turn: &Turn) -> Result<Watcher, Stopped> {
        let cursor = from.seen().last_id;
        self.attach_way(from.way.clone(), turn, "reconnect", cursor).await
    }

    /// Attaches to a turn's thread from behind a cursor, and waits until somebody has answered. A client of the edge that gets a server's
    /// error, or no answer, tries again for as long as the edge may take to find out who serves.
    pub(in crate::run) async fn attach_way(
        &mut self,
        way: Way,
        turn: &Turn,
        role: &str,
        cursor: Option<String>,
    ) -> Result<Watcher, Stopped> {
        let end = Instant::now() + self.patience_of(&way);
        loop {
            let what = (role, cursor.clone(), None);
            let watcher = self.open_at(way.clone(), turn, what);
            match watcher.opens().await {
                Err(_) if watcher.may_come_back() && Instant::now() < end => tokio::time::sleep(COMES_BACK).await,
                opened => return Ok(opened.map(|()| watcher)?),
            }
        }
    }

    /// Attaches to a turn's thread on every pod, and waits until all have answered.
    pub async fn attach_on_every_pod(&mut self, turn: &Turn) -> Result<Tails, Stopped> {
        let mut watchers = Vec::new();
        for pod in self.pods() {
            let way = self.way_of_another(&pod)?;
            if way.client.is_some() {
                watchers.push(self.attach_way(way, turn, "every-pod", None).await?);
            } else {
                watchers.push(self.open_at(way, turn, ("every-pod", None, None)));
            }
        }
        for watcher in &watchers {
            watcher.opens().await?;
        }
        Ok(Tails::new(watchers))
    }

    /// Attaches again, on another pod, from where a watcher got to. A client of the edge comes back the way it took.
    pub async fn reconnect(&mut self, from: &Watcher, pod: &PodName, turn: &Turn) -> Result<Watcher, Stopped> {
        let cursor = from.seen().last_id;
        let way = match &from.way {
            way if way.client.is_some() => way.clone(),
            _ => self.way_to(pod)?,
        };
        self.attach_way(way, turn, "reconnect", cursor).await
    }

    /// Attaches to a turn's thread on one pod with a cursor that is given so, and waits until the pod has answered, be it with a
    /// refusal.
    pub async fn attach_with(
        &mut self,
        (cursor, form): (String, CursorForm),
        pod: &PodName,
        turn: &Turn,
    ) -> Result<Watcher, Stopped> {
        let way = self.way_to(pod)?;
        let form = self.slot.api.system().cursor_form(form);
        let watcher = self.open_with(way, turn, ("cursor", Some(cursor), None), form);
        watcher.is_answered().await?;
        Ok(watcher)
    }

    /// Attaches to a turn's thread on one pod through the fault proxy, from a cursor, as a client that comes back.
    pub async fn come_back_through_link(
        &mut self,
        cursor: Option<String>,
        pod: &PodName,
        turn: &Turn,
    ) -> Result<Watcher, Stopped> {
        let way = self.way_through_link(pod)?;
        let watcher = self.open_at(way, turn, ("reconnect", cursor, None));
        watcher.opens().await?;
        Ok(watcher)
    }

    /// Lets a watcher go away, as a client does that has lost its patience; where it got to.
    pub async fn leave(&mut self, watcher: Watcher) -> Result<Option<String>, Stopped> {
        let cursor = watcher.seen().last_id;
        self.tails.retain(|tail| !Arc::ptr_eq(tail, &watcher.tail));
        let tail = Arc::try_unwrap(watcher.tail);
        let tail = tail.map_err(|tail| Stopped::Harness(format!("watcher {} is held by others", tail.watcher)))?;
        tail.leave().await;
        Ok(cursor)
    }

    /// Lets a watcher fall silent, as a client does whose machine loses its network: it reads no more, and its connection stays open as far
    /// as the pod can tell.
    pub async fn loses_its_network(&self, watcher: &Watcher) -> Result<(), Stopped> {
        Ok(watcher.tail.go_silent().await?)
    }

    /// Attaches to a turn's thread on every pod through a proxy that cuts a stream which is silent for longer than the
    /// system's proxies allow, and waits until all have answered.
    pub async fn attach_through_proxies(&mut self, turn: &Turn) -> Result<Tails, Stopped> {
        let patience = self.slot.api.system().within(Bound::Silence);
        let mut watchers = Vec::new();
        for pod in self.pods() {
            let way = self.way_of_another(&pod)?;
            watchers.push(self.open_at(way, turn, ("through-proxy", None, Some(patience))));
        }
        for watcher in &watchers {
            watcher.opens().await?;
        }
        Ok(Tails::new(watchers))
    }

    /// Attaches to a turn's thread on one pod through the fault proxy, and waits until the pod has answered.
    pub async fn attach_through_link(&mut self, pod: &PodName, turn: &Turn, role: &str) -> Result<Watcher, Stopped> {
        let way = self.way_through_link(pod)?;
        let watcher = self.open_at(way, turn, (role, None, None));
        watcher.opens().await?;
        Ok(watcher)
    }

    fn way_through_link(&self, pod: &PodName) -> Result<Way, Stopped> {
        let at = self.slot.address_through_link(pod)?;
        Ok(Way::to(&self.slot.api, pod, at))
    }

    fn open_at(&mut self, way: Way, turn: &Turn, what: (&str, Option<String>, Option<Duration>)) -> Watcher {
        self.open_with(way, turn, what, CursorForm::default())
    }

    fn open_with(
        &mut self,
        way: Way,
        turn: &Turn,
        (role, cursor, patience): (&str, Option<String>, Option<Duration>),
        form: CursorForm,
    ) -> Watcher {
        self.watchers += 1;
        let attach = Attach {
            from: cursor.map_or(TailFrom::Start, |cursor| TailFrom::Cursor(cursor, form)),
            patience,
            ..self.attach_order(&way, turn, role)
        };
        let (owners, recorder) = (self.slot.owners.clone(), self.recorder.clone());
        let tail = Arc::new(Tail::open(&way.api, attach, owners, recorder));
        self.tails.push(tail.clone());
        let patience = self.patience_of(&way);
        Watcher::new(tail, turn.id.clone(), self.last_seen.clone(), (way, patience))
    }
}
