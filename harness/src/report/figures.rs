//! Figures of a story, derived from its history, and their spread over a run. Pure.
//!
//! The headline is landing precision: the share of faults that landed on the step that they were aimed at. A kill's
//! milliseconds are kept for programs that read them; no verdict depends on them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::edge::{EdgeFigures, EdgeSpreads, drains_ms};
use super::landing::{Firing, LandingPrecision, Landings, miss};
use super::spread::Spread;
use crate::history::{Chunk, Ends, Event, FaultStep, Landing, WatcherEvent, What};

/// One story's figures, in milliseconds. `None` if the story has no such moment.
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
    /// Its faults, in the order in which they were aimed.
    #[serde(default)]
    pub firings: Vec<Firing>,
    /// From SIGTERM to the end of the pod's process, of each pod that was told to stop and ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drains_ms: Vec<f64>,
    /// Figures of the story's clients through the edge. `None` if no request went through one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<EdgeFigures>,
}

/// Common name of the link faults that take effect at once.
const LINK_CUT: &str = "link-cut";

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
    /// Spread of [`Firing::trigger_to_effect_ms`], by fault; `link-cut` is those of links together that need no data.
    #[serde(default)]
    pub trigger_to_effect_ms: BTreeMap<String, Spread>,
    /// Share of the faults that landed on the step that they were aimed at, and those that did not.
    #[serde(default)]
    pub landing: LandingPrecision,
    /// How many faults landed where: the counts of `landing`, under the name that they had first.
    #[serde(default)]
    pub landings: Landings,
    /// Faults that landed and whose recovery was judged, an hour of playing.
    pub faults_judged_per_hour: Option<f64>,
    /// Spread of [`StoryFigures::drains_ms`].
    #[serde(default, skip_serializing_if = "Spread::is_empty")]
    pub drain_ms: Spread,
    /// Figures of the clients through the edge. `None` if no request went through one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<EdgeSpreads>,
}

impl StoryFigures {
    /// Figures that the history itself holds.
    pub fn of_history(events: &[Event]) -> Self {
        Self {
            seen_to_dead_ms: seen_to_dead(events),
            takeover_ms: takeover(events),
            firings: firings(events),
            drains_ms: drains_ms(events),
            edge: EdgeFigures::of_history(events),
            ..Self::default()
        }
    }
}

impl RunFigures {
    /// Figures of a run from those of its stories.
    pub fn of_stories<'a>(stories: impl Iterator<Item = &'a StoryFigures> + Clone, cold_start_ms: Option<f64>) -> Self {
        let played_ms: f64 = stories.clone().map(|s| s.duration_ms).sum();
        let mut landings = Landings::default();
        let mut precise: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for firing in stories.clone().flat_map(|s| &s.firings) {
            *landings.of(firing) += 1;
            if let Some(ms) = firing.trigger_to_effect_ms {
                precise.entry(firing.fault.clone()).or_default().push(ms);
                if firing.link.is_some() {
                    precise.entry(LINK_CUT.to_owned()).or_default().push(ms);
                }
            }
        }
        let faults = stories
            .clone()
            .flat_map(|s| &s.firings)
            .filter(|firing| firing.observed)
            .count();
        Self {
            seen_to_dead_ms: Spread::of(stories.clone().filter_map(|s| s.seen_to_dead_ms)),
            warm_start_ms: Spread::of(stories.clone().filter_map(|s| s.warm_start_ms)),
            takeover_ms: Spread::of(stories.clone().filter_map(|s| s.takeover_ms)),
            cold_start_ms,
            trigger_to_effect_ms: precise
                .into_iter()
                .map(|(fault, values)| (fault, Spread::of(values)))
                .collect(),
            drain_ms: Spread::of(stories.clone().flat_map(|s| s.drains_ms.iter().copied())),
            edge: EdgeSpreads::of_stories(&stories.clone().filter_map(|s| s.edge.as_ref()).collect::<Vec<_>>()),
            landing: LandingPrecision::new(landings, stories.flat_map(|s| &s.firings)),
            landings,
            faults_judged_per_hour: (faults > 0 && played_ms > 0.0).then(|| faults as f64 * 3_600_000.0 / played_ms),
        }
    }
}

/// Every fault of a history, in the order in which they were aimed.
fn firings(events: &[Event]) -> Vec<Firing> {
    let mut firings: BTreeMap<u32, Firing> = BTreeMap::new();
    let faults = events.iter().filter_map(|event| match &event.what {
        What::Fault(fault) => Some((event, fault)),
        _ => None,
    });
    for (event, fault) in faults {
        let firing = firings.entry(fault.id).or_insert_with(|| Firing {
            fault: fault.name.clone(),
            target: fault.target.clone(),
            link: fault.effect.cuts_off.clone(),
            landing: None,
            observed: false,
            healed: false,
            trigger_to_effect_ms: None,
            step: None,
        });
        match &fault.step {
            FaultStep::Observed {
                trigger_to_effect_us, ..
            } => {
                firing.observed = true;
                firing.trigger_to_effect_ms = trigger_to_effect_us.map(|us| us as f64 / 1000.0);
            }
            FaultStep::Judged { landing } => {
                firing.landing = Some(*landing);
                firing.step = (*landing != Landing::Hit).then(|| miss(events, fault.id, event));
            }
            FaultStep::Healed => firing.healed = true,
            FaultStep::Aimed { .. } | FaultStep::Healing => {}
        }
    }
    firings.into_values().collect()
}

fn seen_to_dead(events: &[Event]) -> Option<f64> {
    events.iter().find_map(|e| match &e.what {
        What::Fault(f) if f.effect.ends == Ends::AtOnce => match f.step {
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
        What::Fault(f) if f.effect.freezes || f.effect.ends == Ends::AtOnce => match f.step {
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
        .find(|e| matches!(&e.what, What::Watcher(WatcherEvent::Frame { chunk: Chunk::Start(start), .. }) if start.epoch.is_some_and(|begun| begun > epoch)))?;
    Some(begun.at_us.saturating_sub(lost.at_us) as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::effect_by_name;
    use crate::history::{Epoch, FaultEvent, Start, WatcherId};

    fn event(at_us: u64, what: What) -> Event {
        Event { n: at_us, at_us, what }
    }

    fn start(epoch: u64) -> What {
        let chunk = Chunk::Start(Box::new(Start {
            turn: "u".into(),
            epoch: Some(Epoch(epoch)),
            reset: epoch > 1,
            answer: None,
        }));
        What::Watcher(WatcherEvent::Frame {
            watcher: WatcherId(1),
            id: None,
            cursor: None,
            chunk,
        })
    }

    #[test]
    fn takeover_is_counted_from_the_death_to_the_first_frame_of_a_higher_epoch() {
        let kill = |step| {
            What::Fault(
                FaultEvent {
                    id: 1,
                    name: "kill".into(),
                    target: "pod-1".into(),
                    effect: effect_by_name("kill", "pod-1"),
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
        let firing = Firing {
            fault: "kill".into(),
            target: "pod-1".into(),
            link: None,
            landing: None,
            observed: true,
            healed: false,
            trigger_to_effect_ms: Some(1.5),
            step: None,
        };
        assert_eq!(figures.firings, [firing]);
    }

    #[test]
    fn a_run_tells_where_its_faults_landed_and_how_precisely() {
        let firing = |fault: &str, landing, ms| Firing {
            fault: fault.into(),
            target: "pod-1".into(),
            link: effect_by_name(fault, "pod-1").cuts_off,
            landing,
            observed: true,
            healed: true,
            trigger_to_effect_ms: ms,
            step: landing
                .filter(|landing| *landing != Landing::Hit)
                .map(|_| "aimed after text 1-3".to_owned()),
        };
        let story = StoryFigures {
            duration_ms: 1800.0,
            firings: vec![
                firing("kill", Some(Landing::Hit), Some(1.0)),
                firing("kill", Some(Landing::Moved), Some(3.0)),
                firing("pause", Some(Landing::TooLate), None),
                Firing {
                    observed: false,
                    ..firing("stop", Some(Landing::Hit), None)
                },
            ],
            ..StoryFigures::default()
        };
        let run = RunFigures::of_stories([story].iter(), None);
        let landings = Landings {
            hit: 1,
            moved: 1,
            too_late: 1,
            unclear: 1,
        };
        assert_eq!((run.landings, run.faults_judged_per_hour), (landings, Some(6000.0)));
        assert_eq!(run.trigger_to_effect_ms["kill"].p50, Some(1.0));
        let landing = run.landing;
        assert_eq!(
            (landing.hit, landing.moved, landing.too_late, landing.unclear),
            (1, 1, 1, 1)
        );
        assert_eq!(
            landing.share,
            Some(1.0 / 3.0),
            "one without a known landing is no part of it"
        );
        let missed: Vec<_> = landing
            .missed
            .iter()
            .map(|m| (&*m.fault, m.landing, &*m.step))
            .collect();
        let step = "aimed after text 1-3";
        assert_eq!(
            missed,
            [("kill", Landing::Moved, step), ("pause", Landing::TooLate, step)]
        );
        assert!(!run.trigger_to_effect_ms.contains_key("pause"));
    }

    #[test]
    fn faults_of_links_that_need_no_data_are_told_together_too() {
        let firing = |fault: &str, ms: Option<f64>| Firing {
            fault: fault.into(),
            target: "pod-1".into(),
            link: effect_by_name(fault, "pod-1").cuts_off,
            landing: Some(Landing::Hit),
            observed: true,
            healed: true,
            trigger_to_effect_ms: ms,
            step: None,
        };
        let story = StoryFigures {
            firings: vec![
                firing("nats-blackhole", Some(1.0)),
                firing("postgres-half-open", Some(3.0)),
                firing("edge-reset", Some(2.0)),
                firing("edge-latency", None),
            ],
            ..StoryFigures::default()
        };
        let spread = RunFigures::of_stories([story].iter(), None).trigger_to_effect_ms;
        assert_eq!((spread[LINK_CUT].p50, spread[LINK_CUT].n), (Some(2.0), 3));
        assert_eq!(spread["nats-blackhole"].n, 1);
    }
}
