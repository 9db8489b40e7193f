//! Figures of a story, derived from its history, and their spread over a run. Pure.

use serde::{Deserialize, Serialize};

use crate::history::{Chunk, Event, FaultStep, What};

/// One story's figures, in milliseconds; none where the story has no such moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StoryFigures {
    /// From "the token was seen by a watcher" to "the owner is dead".
    pub seen_to_dead_ms: Option<f64>,
    /// From the owner's death (or pause) to the first frame of a new attempt that a watcher saw.
    pub takeover_ms: Option<f64>,
    /// From the cluster being handed out to the story's first step.
    pub warm_start_ms: Option<f64>,
    /// From the story's first step to its verdict, healing included.
    pub duration_ms: f64,
}

/// A run's figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunFigures {
    /// Spread of [`StoryFigures::seen_to_dead_ms`].
    pub seen_to_dead_ms: Spread,
    /// Spread of [`StoryFigures::warm_start_ms`].
    pub warm_start_ms: Spread,
    /// Spread of [`StoryFigures::takeover_ms`].
    pub takeover_ms: Spread,
    /// From nothing running to every pod ready.
    pub cold_start_ms: Option<f64>,
    /// Faults that landed and whose recovery was judged, an hour of playing.
    pub faults_judged_per_hour: Option<f64>,
}

/// Nearest-rank percentiles.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Median.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Number of values.
    pub n: usize,
}

impl Spread {
    /// Spread of some values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let rank = |p: f64| {
            // The rank is the first that leaves no more than `1 - p` of the values above it.
            let at = (1..=sorted.len()).find(|rank| *rank as f64 >= p * sorted.len() as f64)?;
            sorted.get(at - 1).copied()
        };
        Self {
            p50: rank(0.50),
            p95: rank(0.95),
            p99: rank(0.99),
            n: sorted.len(),
        }
    }
}

impl StoryFigures {
    /// Figures that the history itself holds.
    pub fn of_history(events: &[Event]) -> Self {
        Self {
            seen_to_dead_ms: seen_to_dead(events),
            takeover_ms: takeover(events),
            ..Self::default()
        }
    }
}

impl RunFigures {
    /// Figures of a run from those of its stories; `faults` landed and were judged in them.
    pub fn of_stories<'a>(
        stories: impl Iterator<Item = &'a StoryFigures> + Clone,
        faults: usize,
        cold_start_ms: Option<f64>,
    ) -> Self {
        let played_ms: f64 = stories.clone().map(|s| s.duration_ms).sum();
        Self {
            seen_to_dead_ms: Spread::of(stories.clone().filter_map(|s| s.seen_to_dead_ms)),
            warm_start_ms: Spread::of(stories.clone().filter_map(|s| s.warm_start_ms)),
            takeover_ms: Spread::of(stories.filter_map(|s| s.takeover_ms)),
            cold_start_ms,
            faults_judged_per_hour: (faults > 0 && played_ms > 0.0).then(|| faults as f64 * 3_600_000.0 / played_ms),
        }
    }
}

/// Faults of a history that were seen to take effect.
pub(crate) fn faults_observed(events: &[Event]) -> usize {
    events
        .iter()
        .filter(|e| matches!(&e.what, What::Fault(f) if matches!(f.step, FaultStep::Observed { .. })))
        .count()
}

fn seen_to_dead(events: &[Event]) -> Option<f64> {
    events.iter().find_map(|e| match &e.what {
        What::Fault(f) if f.fault == "kill" => match f.step {
            FaultStep::Observed {
                trigger_to_effect_us, ..
            } => trigger_to_effect_us.map(|us| us as f64 / 1000.0),
            _ => None,
        },
        _ => None,
    })
}

/// From the first kill or pause of an owner that took effect to the first frame of a higher epoch. A graceful stop is no
/// loss until its grace is over, and is not counted here.
fn takeover(events: &[Event]) -> Option<f64> {
    let (fault, epoch) = events.iter().find_map(|e| match &e.what {
        What::Fault(f) if matches!(f.fault.as_str(), "kill" | "pause") => match f.step {
            FaultStep::Aimed { epoch: Some(epoch), .. } => Some((f.id, epoch)),
            _ => None,
        },
        _ => None,
    })?;
    let lost = events
        .iter()
        .find(|e| matches!(&e.what, What::Fault(f) if f.id == fault && matches!(f.step, FaultStep::Observed { .. })))?;
    let begun = events
        .iter()
        .find(|e| matches!(&e.what, What::Frame { chunk: Chunk::Start { epoch: new, .. }, .. } if *new > epoch))?;
    Some(begun.at_us.saturating_sub(lost.at_us) as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Epoch, FaultEvent, WatcherId};

    fn event(at_us: u64, what: What) -> Event {
        Event { n: at_us, at_us, what }
    }

    fn start(epoch: u64) -> What {
        let chunk = Chunk::Start {
            turn: "u".into(),
            epoch: Epoch(epoch),
            reset: epoch > 1,
        };
        What::Frame {
            watcher: WatcherId(1),
            id: None,
            cursor: None,
            chunk,
        }
    }

    #[test]
    fn takeover_is_counted_from_the_death_to_the_first_frame_of_a_higher_epoch() {
        let kill = |step| {
            What::Fault(
                FaultEvent {
                    id: 1,
                    fault: "kill".into(),
                    target: "pod-1".into(),
                    step,
                }
                .into(),
            )
        };
        let aimed = kill(FaultStep::Aimed {
            thread: Some("t".into()),
            epoch: Some(Epoch(1)),
        });
        let dead = kill(FaultStep::Observed {
            proof: "dead".into(),
            trigger_to_effect_us: Some(1500),
        });
        let events = [
            event(0, start(1)),
            event(1000, aimed),
            event(2000, dead),
            event(2500, start(1)),
            event(1_202_000, start(2)),
        ];
        let figures = StoryFigures::of_history(&events);
        assert_eq!(figures.seen_to_dead_ms, Some(1.5));
        assert_eq!(figures.takeover_ms, Some(1200.0));
        assert_eq!(faults_observed(&events), 1);
    }

    #[test]
    fn percentiles_are_nearest_rank() {
        let spread = Spread::of((1..=100).map(f64::from));
        assert_eq!(
            (spread.p50, spread.p95, spread.p99, spread.n),
            (Some(50.0), Some(95.0), Some(99.0), 100)
        );
        assert_eq!(Spread::of([3.0]).p99, Some(3.0));
        assert_eq!(Spread::of([]).p50, None);
    }
}
