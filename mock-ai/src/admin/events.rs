//! The journal's events as they happen, as server-sent events numbered by `id`.

use std::{collections::VecDeque, sync::Arc};

use axum::{
    extract::State,
    response::sse::{self, KeepAlive, Sse},
};
use futures_util::{Stream, stream};
use serde::Deserialize;
use tokio::sync::watch;

use super::query::Query;
use crate::{
    journal::{Event, EventId},
    state::World,
};

/// Events read from the journal at once.
const BATCH: usize = 256;

#[derive(Deserialize)]
pub(super) struct Follow {
    #[serde(default)]
    since: EventId,
}

struct Reader {
    world: Arc<World>,
    latest: watch::Receiver<EventId>,
    since: EventId,
    read: VecDeque<Event>,
}

impl Reader {
    async fn event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.read.pop_front() {
                self.since = event.number;
                return Some(event);
            }
            self.latest.mark_unchanged();
            self.read = self.world.read(|book| book.events_after(self.since, BATCH)).into();
            if self.read.is_empty() {
                self.latest.changed().await.ok()?;
            }
        }
    }
}

pub(super) async fn follow(
    State(world): State<Arc<World>>,
    Query(follow): Query<Follow>,
) -> Sse<impl Stream<Item = Result<sse::Event, axum::Error>>> {
    let reader = Reader {
        latest: world.subscribe(),
        world,
        since: follow.since,
        read: VecDeque::new(),
    };
    let events = stream::unfold(reader, |mut reader| async move {
        let event = reader.event().await?;
        let sent = sse::Event::default()
            .id(event.number.0.to_string())
            .event(event.kind.name())
            .json_data(&event);
        Some((sent, reader))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
