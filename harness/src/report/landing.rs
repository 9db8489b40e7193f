//! Landing precision: the share of a run's faults that landed on the step that they were aimed at. Pure.
//!
//! A gate holds the provider while a fault is injected, so that the stream stays at the step that the story waited for. A
//! fault misses where the owner changed or the turn ended before it took effect.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::history::{Chunk, Event, FaultStep, Landing, ThreadId, WatcherEvent, WatcherId, What};

/// One fault, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Firing {
    /// Its name.
    pub fault: String,
    /// Pod or dependency it was aimed at.
    pub target: String,
    /// The link that it cut or impaired, if it is a fault of a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Its landing. `None` if that was not judged.
    pub landing: Option<Landing>,
    /// True if it was seen to take effect.
    pub observed: bool,
    /// True if it was seen healed.
    pub healed: bool,
    /// From the event that set it off to its effect, in milliseconds, where an event did.
    pub trigger_to_effect_ms: Option<f64>,
    /// For a fault that missed: the step of the stream that it was aimed at, and the one at which it landed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// How many faults landed where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landings {
    /// On what they were aimed at.
    pub hit: usize,
    /// On a pod that was no longer the owner.
    pub moved: usize,
    /// After the turn was over.
    pub too_late: usize,
    /// Anywhere: their landing was not judged, or they were not seen to take effect.
    pub unclear: usize,
}

/// Share of the faults that landed on the step that they were aimed at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LandingPrecision {
    /// Faults that landed on the step that they were aimed at.
    pub hit: usize,
    /// Faults that landed on a pod that no longer owned the thread.
    pub moved: usize,
    /// Faults that landed after the end of the turn.
    pub too_late: usize,
    /// Faults that were not seen to take effect, or were not judged.
    pub unclear: usize,
    /// `hit / (hit + moved + too_late)`; `None` if no landing was judged.
    pub share: Option<f64>,
    /// Each fault that missed.
    pub missed: Vec<Missed>,
}

/// A fault that missed the step that it was aimed at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// Name of the fault.
    pub fault: String,
    /// Pod or dependency that it was aimed at.
    pub target: String,
    /// How it missed.
    pub landing: Landing,
    /// Step of the stream that it was aimed at, and the one at which it landed.
    pub step: String,
}

impl Landings {
    pub(super) fn of(&mut self, firing: &Firing) -> &mut usize {
        match firing.landing.filter(|_| firing.observed) {
            Some(Landing::Hit) => &mut self.hit,
            Some(Landing::Moved) => &mut self.moved,
            Some(Landing::TooLate) => &mut self.too_late,
            None => &mut self.unclear,
        }
    }
}

impl LandingPrecision {
    /// Landing precision of some faults, with the counts of their landings.
    pub(super) fn new<'a>(counts: Landings, firings: impl Iterator<Item = &'a Firing>) -> Self {
        let Landings {
            hit,
            moved,
            too_late,
            unclear,
        } = counts;
        let judged = hit + moved + too_late;
        let missed = firings.filter(|firing| firing.observed).filter_map(|firing| {
            let landing = firing.landing.filter(|landing| *landing != Landing::Hit)?;
            Some(Missed {
                fault: firing.fault.clone(),
                target: firing.target.clone(),
                landing,
                step: firing.step.clone().unwrap_or_default(),
            })
        });
        Self {
            hit,
            moved,
            too_late,
            unclear,
            share: (judged > 0).then(|| hit as f64 / judged as f64),
            missed: missed.collect(),
        }
    }

    /// The headline of a run, with a line for each of the first `lines` faults that missed.
    pub(super) fn describe(&self, lines: usize) -> String {
        let judged = self.hit + self.moved + self.too_late;
        let share = self.share.map_or_else(
            || "no fault was judged".to_owned(),
            |share| {
                format!(
                    "{} of {judged} faults landed on the intended step ({:.1} %)",
                    self.hit,
                    share * 100.0
                )
            },
        );
        let mut text = format!(
            "{share}: {} moved, {} too late, {} unclear",
            self.moved, self.too_late, self.unclear
        );
        for missed in self.missed.iter().take(lines) {
            let how = landing_word(missed.landing);
            // Writing into a string does not fail.
            let _ = write!(
                text,
                "\n    {} on {} {how}: {}",
                missed.fault, missed.target, missed.step
            );
        }
        if let Some(more @ 1..) = self.missed.len().checked_sub(lines) {
            let _ = write!(text, "\n    and {more} more, in verdict.json");
        }
        text
    }
}

/// A landing in words.
pub(super) fn landing_word(landing: Landing) -> &'static str {
    match landing {
        Landing::Hit => "hit",
        Landing::Moved => "moved",
        Landing::TooLate => "too late",
    }
}

/// The step that fault `id` was aimed at, and the one at which it landed, by what watchers of its thread had been shown.
pub(super) fn miss(events: &[Event], id: u32, judged: &Event) -> String {
    let aimed = events.iter().find_map(|event| match &event.what {
        What::Fault(fault) if fault.id == id => match &fault.step {
            FaultStep::Aimed { thread, .. } => Some((event.n, thread.as_ref())),
            _ => None,
        },
        _ => None,
    });
    let Some((aimed_at, Some(thread))) = aimed else {
        return "not aimed at a turn".to_owned();
    };
    format!(
        "aimed {}, landed {}",
        step_before(events, aimed_at, thread),
        step_before(events, judged.n, thread)
    )
}

/// The newest frame of the thread that any watcher had been shown before event `n`.
fn step_before(events: &[Event], n: u64, thread: &ThreadId) -> String {
    let mut watchers: Vec<WatcherId> = Vec::new();
    let mut step = "before the first frame".to_owned();
    for event in events.iter().take_while(|event| event.n < n) {
        match &event.what {
            What::Watcher(WatcherEvent::TailOpened {
                watcher, thread: of, ..
            }) if of == thread => watchers.push(*watcher),
            What::Watcher(WatcherEvent::Frame {
                watcher, cursor, chunk, ..
            }) if watchers.contains(watcher) => {
                let at = cursor.map_or(String::new(), |at| format!(" {}", place(at)));
                step = match chunk {
                    Chunk::Start(start) => match start.epoch {
                        Some(epoch) => format!("after the start of epoch {epoch}"),
                        None => format!("after a start{at}"),
                    },
                    Chunk::Delta { .. } | Chunk::Whole { .. } => format!("after text{at}"),
                    Chunk::Error { .. } => format!("after error{at}"),
                    Chunk::Finish {
                        status: Some(status), ..
                    } => format!("after finish{at} ({status:?})"),
                    Chunk::Finish { status: None, .. } => format!("after finish{at}"),
                    Chunk::Part { .. }
                    | Chunk::State { .. }
                    | Chunk::Resync { .. }
                    | Chunk::Handover { .. }
                    | Chunk::Broken { .. }
                    | Chunk::Done
                    | Chunk::Unreadable { .. } => continue,
                };
            }
            _ => {}
        }
    }
    step
}

/// `4-17`, or `17` for a cursor without an epoch.
fn place(cursor: crate::history::Cursor) -> String {
    match cursor.epoch {
        Some(epoch) => format!("{epoch}-{}", cursor.seq),
        None => cursor.seq.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Cursor, Effect, Epoch, Excuses, FaultEvent, Status};

    fn fault(step: FaultStep) -> What {
        What::Fault(Box::new(FaultEvent {
            id: 1,
            name: "kill".into(),
            target: "pod-1".into(),
            effect: Effect::excusing(Excuses::ItsTarget),
            step,
        }))
    }

    fn opened(watcher: u32, thread: &str) -> What {
        What::Watcher(WatcherEvent::TailOpened {
            watcher: WatcherId(watcher),
            pod: "pod-1".into(),
            thread: thread.into(),
            turn: None,
            mode: crate::history::TailMode::Start,
            cursor: None,
            form: crate::history::CursorForm::default(),
            role: "start".into(),
            asked_us: 0,
            session: None,
        })
    }

    fn frame(watcher: u32, seq: u64, chunk: Chunk) -> What {
        let cursor = Cursor {
            epoch: Some(Epoch(1)),
            seq,
        };
        What::Watcher(WatcherEvent::Frame {
            watcher: WatcherId(watcher),
            id: None,
            cursor: Some(cursor),
            chunk,
        })
    }

    fn text() -> Chunk {
        Chunk::Delta {
            turn: "u".into(),
            text: "x".into(),
        }
    }

    fn finish() -> Chunk {
        Chunk::Finish {
            turn: "u".into(),
            status: Some(Status::Completed),
        }
    }

    #[test]
    fn a_miss_names_the_step_aimed_at_and_the_step_of_the_landing() {
        let aimed = |thread: Option<&str>| {
            fault(FaultStep::Aimed {
                thread: thread.map(Into::into),
                epoch: Some(Epoch(1)),
            })
        };
        let judged = fault(FaultStep::Judged {
            landing: Landing::TooLate,
        });
        let of = |what: Vec<What>| {
            let events: Vec<Event> = (0..).zip(what).map(|(n, what)| Event { n, at_us: n, what }).collect();
            miss(&events, 1, events.last().expect("there are some"))
        };
        let text = of(vec![
            opened(1, "t"),
            opened(2, "other"),
            frame(1, 2, text()),
            frame(2, 9, text()),
            aimed(Some("t")),
            frame(1, 3, text()),
            frame(1, 4, finish()),
            frame(1, 5, Chunk::Done),
            judged.clone(),
        ]);
        assert_eq!(text, "aimed after text 1-2, landed after finish 1-4 (Completed)");
        let text = of(vec![aimed(Some("t")), judged.clone()]);
        assert_eq!(text, "aimed before the first frame, landed before the first frame");
        assert_eq!(of(vec![aimed(None), judged]), "not aimed at a turn");
    }

    #[test]
    fn the_headline_is_the_share_and_names_the_first_misses() {
        let missed = |n: u32| Missed {
            fault: "kill".into(),
            target: format!("pod-{n}"),
            landing: Landing::TooLate,
            step: "aimed after text 1-2, landed after finish 1-4 (Completed)".into(),
        };
        let precision = LandingPrecision {
            hit: 998,
            too_late: 2,
            unclear: 1,
            share: Some(0.998),
            missed: vec![missed(1), missed(2)],
            ..LandingPrecision::default()
        };
        let expected = "998 of 1000 faults landed on the intended step (99.8 %): 0 moved, 2 too late, 1 unclear
    kill on pod-1 too late: aimed after text 1-2, landed after finish 1-4 (Completed)
    and 1 more, in verdict.json";
        assert_eq!(precision.describe(1), expected);
        let none = LandingPrecision::default().describe(1);
        assert_eq!(none, "no fault was judged: 0 moved, 0 too late, 0 unclear");
    }
}
