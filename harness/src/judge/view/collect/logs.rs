//! Puts the log of each thread together.

use crate::history::{StoreEvent, What};
use crate::judge::view::View;
use crate::judge::view::at::At;
use crate::judge::view::entities::log::{Log, Logged, Stored};
use crate::judge::view::entities::watcher::{Frame, Watcher};

/// Gathers the logs of all threads.
pub(in crate::judge::view) fn gather<'a>(view: &mut View<'a>) {
    let mut watchers: Vec<Vec<&Watcher<'a>>> = vec![Vec::new(); view.threads.len()];
    for watcher in &view.watchers {
        watchers[watcher.thread].push(watcher);
    }
    let mut stored = std::mem::take(&mut view.stored);
    stored.sort_by_key(|message| message.thread);
    // One thread after the other: what all tails hold together is several times what comes of it.
    let log = |(thread, watchers): (usize, Vec<&Watcher<'a>>)| {
        let begin = stored.partition_point(|message| message.thread < thread);
        let own = stored[begin..].iter().take_while(|message| message.thread == thread);
        let own = own.filter_map(in_the_log);
        let mut frames: Vec<Logged<'a>> = watchers.into_iter().flat_map(content).chain(own).collect();
        frames.sort_unstable_by_key(|there| (there.cursor, there.first.n));
        frames.dedup_by(|later, first| {
            let is_same = later.cursor == first.cursor;
            first.stretch = first.stretch.or(later.stretch.filter(|_| is_same));
            is_same
        });
        frames.shrink_to_fit();
        let is_told = frames.iter().any(|there| there.stretch.is_some());
        Log { frames, is_told }
    };
    view.logs = watchers.into_iter().enumerate().map(log).collect();
}

/// A frame as the stream log holds it; none for what is no part of an answer.
fn in_the_log<'a>(message: &Stored<'a>) -> Option<Logged<'a>> {
    let What::Store(StoreEvent::Logged { chunk, .. }) = &message.event.what else {
        return None;
    };
    chunk.turn()?;
    Some(Logged {
        cursor: message.cursor,
        first: At::of(message.event),
        chunk,
        stretch: Some(message.stretch),
    })
}

fn content<'v, 'a>(watcher: &'v Watcher<'a>) -> impl Iterator<Item = Logged<'a>> + 'v {
    watcher.frames().filter(Frame::is_content).filter_map(|frame| {
        Some(Logged {
            cursor: frame.cursor?,
            first: frame.at,
            chunk: frame.chunk,
            stretch: None,
        })
    })
}
