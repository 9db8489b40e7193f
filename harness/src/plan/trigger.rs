//! Triggers: an event of the history sets a fault off, never a point in time alone.
//!
//! A [`Trigger`] is data. A [`Watch`] reads the history's events in order and says when the trigger fires. Pure: all times are
//! those of the events. `run` waits for events and injects the fault.

use std::time::Duration;

use mock_ai::token::{Piece, scan};
use serde::{Deserialize, Serialize};

use crate::history::{
    Chunk, Epoch, Event, FaultStep, PodEvent, PodName, ProviderWhat, Row, Status, StoreEvent, ThreadId, TurnId,
    TurnKey, WatcherEvent, WatcherId, What,
};

/// A condition on the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "snake_case")]
pub enum Trigger {
    /// A watcher is shown token `index` (from 1) of a turn, or a later one.
    Token {
        /// The watcher; any where there is none.
        watcher: Option<WatcherId>,
        /// The turn.
        turn: TurnId,
        /// The token's position in the answer, from 1.
        index: u32,
    },
    /// The provider is called for a key for the `ordinal`-th time.
    ProviderCall {
        /// Key of the turn.
        key: TurnKey,
        /// Which call, from 1.
        ordinal: u32,
    },
    /// The provider holds a call for a key at a gate.
    GateHeld {
        /// Key of the turn.
        key: TurnKey,
    },
    /// A turn's row has a status.
    TurnIs {
        /// The turn.
        turn: TurnId,
        /// The status.
        status: Status,
    },
    /// A thread's row has an epoch, or a later one.
    EpochIs {
        /// The thread.
        thread: ThreadId,
        /// The epoch.
        epoch: Epoch,
    },
    /// A turn's row has an owner, and it is not this one.
    OwnedByAnother {
        /// The turn.
        turn: TurnId,
        /// The owner before.
        owner: PodName,
    },
    /// A frame with this sequence of an epoch, or a later one of it, is shown to any watcher: the log holds it by then.
    LogHolds {
        /// The epoch.
        epoch: Epoch,
        /// Position in the epoch's frames.
        seq: u64,
    },
    /// A pod logs a line that holds a text.
    LogLine {
        /// The pod; any where there is none.
        pod: Option<PodName>,
        /// The text.
        holds: String,
    },
    /// A fault of this name is seen to have taken effect.
    FaultLanded {
        /// Its name.
        fault: String,
    },
    /// A fault of this name is healed.
    FaultHealed {
        /// Its name.
        fault: String,
    },
    /// A time after another trigger.
    After {
        /// The other one.
        of: Box<Trigger>,
        /// The time, in microseconds.
        delay_us: u64,
    },
    /// Every one has fired, in whatever order.
    All {
        /// The ones.
        of: Vec<Trigger>,
    },
    /// One of them has fired.
    Any {
        /// The ones.
        of: Vec<Trigger>,
    },
    /// The second fires on something that happens after the first has fired.
    Then {
        /// The first.
        first: Box<Trigger>,
        /// The second.
        second: Box<Trigger>,
    },
    /// It has fired so often, each time on something later than the time before.
    Times {
        /// The trigger.
        of: Box<Trigger>,
        /// How often, from 1.
        times: u32,
    },
}

impl Trigger {
    /// Fires `delay` after this one.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self::After {
            of: Box::new(self),
            delay_us: delay.as_micros() as u64,
        }
    }

    /// Fires when `second` does, after this one.
    #[must_use]
    pub fn then(self, second: Self) -> Self {
        Self::Then {
            first: Box::new(self),
            second: Box::new(second),
        }
    }

    /// Fires when this one has so often.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self::Times {
            of: Box::new(self),
            times,
        }
    }

    /// Fires when each of them has.
    pub fn all(of: impl Into<Vec<Self>>) -> Self {
        Self::All { of: of.into() }
    }

    /// Fires when one of them has.
    pub fn any(of: impl Into<Vec<Self>>) -> Self {
        Self::Any { of: of.into() }
    }
}

/// A trigger under way.
#[derive(Debug, Clone)]
pub struct Watch(State);

#[derive(Debug, Clone)]
enum State {
    /// Waits for an event that fits.
    Event {
        on: Trigger,
        fired_us: Option<u64>,
    },
    After {
        of: Box<Watch>,
        delay_us: u64,
    },
    All(Vec<Watch>),
    Any(Vec<Watch>),
    Then {
        first: Box<Watch>,
        second: Box<Watch>,
    },
    Times {
        on: Trigger,
        now: Box<Watch>,
        left: u32,
    },
}

impl Watch {
    /// Begins to watch.
    pub fn new(trigger: &Trigger) -> Self {
        let each = |of: &[Trigger]| of.iter().map(Self::new).collect();
        let state = match trigger {
            Trigger::After { of, delay_us } => State::After {
                of: Box::new(Self::new(of)),
                delay_us: *delay_us,
            },
            Trigger::All { of } => State::All(each(of)),
            Trigger::Any { of } => State::Any(each(of)),
            Trigger::Then { first, second } => State::Then {
                first: Box::new(Self::new(first)),
                second: Box::new(Self::new(second)),
            },
            Trigger::Times { of, times } => State::Times {
                on: (**of).clone(),
                now: Box::new(Self::new(of)),
                left: (*times).max(1),
            },
            simple => State::Event {
                on: simple.clone(),
                fired_us: None,
            },
        };
        Self(state)
    }

    /// Takes the next event of the history.
    pub fn take(&mut self, event: &Event) {
        match &mut self.0 {
            State::Event { on, fired_us } => {
                if fired_us.is_none() && fits(on, &event.what) {
                    *fired_us = Some(event.at_us);
                }
            }
            State::After { of, .. } => of.take(event),
            State::All(of) | State::Any(of) => of.iter_mut().for_each(|watch| watch.take(event)),
            State::Then { first, second } => {
                // The event that fires the first does not fire the second as well.
                if first.fires_us().is_some_and(|us| event.at_us >= us) {
                    second.take(event);
                } else {
                    first.take(event);
                }
            }
            State::Times { on, now, left } => {
                if *left > 1 && now.fires_us().is_some_and(|us| event.at_us >= us) {
                    *left -= 1;
                    **now = Self::new(on);
                }
                now.take(event);
            }
        }
    }

    /// When it fires, in microseconds since the run began: at the event that it waited for, or later where it waits for
    /// time to pass as well. None while something is still to happen.
    pub fn fires_us(&self) -> Option<u64> {
        match &self.0 {
            State::Event { fired_us, .. } => *fired_us,
            State::After { of, delay_us } => of.fires_us().map(|us| us.saturating_add(*delay_us)),
            State::All(of) => of
                .iter()
                .map(Self::fires_us)
                .try_fold(0, |latest, fires| Some(fires?.max(latest))),
            State::Any(of) => of.iter().filter_map(Self::fires_us).min(),
            State::Then { second, .. } => second.fires_us(),
            State::Times { now, left, .. } => now.fires_us().filter(|_| *left == 1),
        }
    }
}

fn fits(trigger: &Trigger, what: &What) -> bool {
    match (trigger, what) {
        (
            Trigger::Token { watcher, turn, index },
            What::Watcher(WatcherEvent::Frame {
                watcher: seen_by,
                chunk,
                ..
            }),
        ) => watcher.is_none_or(|watcher| watcher == *seen_by) && shows(chunk, turn, *index),
        (Trigger::ProviderCall { key, ordinal }, What::Provider(seen)) => {
            seen.key == *key && seen.ordinal == *ordinal && matches!(seen.what, ProviderWhat::Started { .. })
        }
        (Trigger::GateHeld { key }, What::Provider(seen)) => {
            seen.key == *key && matches!(seen.what, ProviderWhat::Held { .. })
        }
        (Trigger::TurnIs { turn, status }, What::Store(StoreEvent::Row { row, .. })) => {
            matches!(row, Row::Turn(now) if now.turn == *turn && now.status == *status)
        }
        (Trigger::EpochIs { thread, epoch }, What::Store(StoreEvent::Row { row, .. })) => {
            matches!(row, Row::Thread { thread: of, epoch: Some(now), .. } if of == thread && now >= epoch)
        }
        (Trigger::OwnedByAnother { turn, owner }, What::Store(StoreEvent::Row { row, .. })) => {
            matches!(row, Row::Turn(now) if now.turn == *turn && now.owner.as_ref().is_some_and(|now| now != owner))
        }
        (
            Trigger::LogHolds { epoch, seq },
            What::Watcher(WatcherEvent::Frame {
                cursor: Some(cursor), ..
            }),
        ) => cursor.epoch == Some(*epoch) && cursor.seq >= *seq,
        (Trigger::LogLine { pod, holds }, What::Pod(PodEvent::LogLine { pod: of, line, .. })) => {
            pod.as_ref().is_none_or(|pod| pod == of) && line.contains(holds.as_str())
        }
        (Trigger::FaultLanded { fault }, What::Fault(event)) => {
            event.name == *fault && matches!(event.step, FaultStep::Observed { .. })
        }
        (Trigger::FaultHealed { fault }, What::Fault(event)) => {
            event.name == *fault && matches!(event.step, FaultStep::Healed)
        }
        _ => false,
    }
}

fn shows(chunk: &Chunk, turn: &TurnId, index: u32) -> bool {
    let Chunk::Delta { turn: of, text } = chunk else {
        return false;
    };
    of == turn
        && scan(text)
            .iter()
            .any(|piece| matches!(piece, Piece::Token(token) if token.index >= index))
}

#[cfg(test)]
mod tests {
    use mock_ai::token::Answer;

    use super::*;

    fn event(at_us: u64, what: What) -> Event {
        Event { n: at_us, at_us, what }
    }

    fn token(at_us: u64, watcher: u32, index: usize) -> Event {
        let text = Answer::new("k", 1, 9).texts().nth(index - 1).expect("a token");
        let chunk = Chunk::Delta { turn: "u".into(), text };
        event(
            at_us,
            What::Watcher(WatcherEvent::Frame {
                watcher: WatcherId(watcher),
                id: None,
                cursor: None,
                chunk,
            }),
        )
    }

    fn line(at_us: u64, text: &str) -> Event {
        event(
            at_us,
            What::Pod(PodEvent::LogLine {
                pod: "pod-1".into(),
                level: "WARN".into(),
                line: text.into(),
            }),
        )
    }

    fn on_token(index: u32) -> Trigger {
        Trigger::Token {
            watcher: None,
            turn: "u".into(),
            index,
        }
    }

    fn on_line(text: &str) -> Trigger {
        Trigger::LogLine {
            pod: None,
            holds: text.into(),
        }
    }

    fn fires(trigger: &Trigger, events: &[Event]) -> Option<u64> {
        let mut watch = Watch::new(trigger);
        for event in events {
            watch.take(event);
        }
        watch.fires_us()
    }

    #[test]
    fn a_token_fires_for_its_watcher_and_turn_alone() {
        let of_second = Trigger::Token {
            watcher: Some(WatcherId(2)),
            turn: "u".into(),
            index: 3,
        };
        let events = [token(10, 1, 3), token(20, 2, 2), token(30, 2, 3), token(40, 2, 4)];
        assert_eq!(fires(&of_second, &events), Some(30));
        assert_eq!(fires(&of_second, &events[..2]), None);
        assert_eq!(
            fires(&on_token(2), &events),
            Some(10),
            "a later token means that the one before was shown"
        );
        let of_another = Trigger::Token {
            watcher: None,
            turn: "v".into(),
            index: 1,
        };
        assert_eq!(fires(&of_another, &events), None);
    }

    #[test]
    fn all_fires_with_the_last_and_any_with_the_first() {
        let events = [line(5, "a"), token(10, 1, 1), line(20, "b")];
        let both = [on_line("b"), on_token(1)];
        assert_eq!(fires(&Trigger::all(both.clone()), &events), Some(20));
        assert_eq!(fires(&Trigger::any(both.clone()), &events), Some(10));
        assert_eq!(fires(&Trigger::all(both), &events[..2]), None);
        assert_eq!(fires(&Trigger::any([]), &events), None);
    }

    #[test]
    fn then_does_not_count_what_came_before() {
        let trigger = on_token(1).then(on_line("a"));
        assert_eq!(fires(&trigger, &[line(5, "a"), token(10, 1, 1)]), None);
        assert_eq!(
            fires(&trigger, &[line(5, "a"), token(10, 1, 1), line(20, "a")]),
            Some(20)
        );
        let twice = on_line("a").then(on_line("a"));
        assert_eq!(fires(&twice, &[line(5, "a")]), None, "one event does not fire both");
        assert_eq!(fires(&twice, &[line(5, "a"), line(6, "a")]), Some(6));
    }

    #[test]
    fn a_delay_is_counted_from_the_event() {
        let trigger = on_token(1).after(Duration::from_micros(15));
        assert_eq!(fires(&trigger, &[token(10, 1, 1)]), Some(25));
        let later = trigger.then(on_line("a"));
        assert_eq!(fires(&later, &[token(10, 1, 1), line(20, "a")]), None);
        assert_eq!(
            fires(&later, &[token(10, 1, 1), line(20, "a"), line(25, "a")]),
            Some(25)
        );
    }

    #[test]
    fn so_often_means_so_many_events() {
        let trigger = on_line("a").times(3);
        let events = [line(1, "a"), line(2, "b"), line(3, "a"), line(4, "a"), line(5, "a")];
        assert_eq!(fires(&trigger, &events), Some(4));
        assert_eq!(fires(&trigger, &events[..3]), None);
        assert_eq!(fires(&on_line("a").times(1), &events), Some(1));
    }

    #[test]
    fn a_trigger_can_be_kept_in_a_plan() {
        let trigger = Trigger::all([on_token(3), on_line("x").times(2)]).after(Duration::from_millis(1));
        let text = serde_json::to_string(&trigger).expect("it serialises");
        assert_eq!(serde_json::from_str::<Trigger>(&text).expect("it reads back"), trigger);
    }
}
