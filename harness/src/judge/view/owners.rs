//! Owners: of threads, or of single turns where each turn has an owner of its own.

use crate::history::PodName;
use crate::judge::view::View;
use crate::judge::view::entities::thread::Owned;
use crate::judge::view::entities::turn::Turn;

/// The owners of one thread, or of one turn, in commit order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'v, 'a> {
    /// Place of the thread.
    pub(crate) thread: usize,
    /// Place of the turn, where each turn has owners of its own.
    pub(crate) turn: Option<usize>,
    pub(crate) owners: &'v [Owned<'a>],
}

impl<'a> View<'a> {
    /// The owners that a turn goes by: its own, or its thread's.
    pub(crate) fn owners<'v>(&'v self, turn: &'v Turn<'a>) -> &'v [Owned<'a>] {
        if self.owned_by_turns {
            return &turn.owners;
        }
        turn.thread.map_or(&[], |thread| &self.threads[thread].owners)
    }

    /// Every line of owners.
    pub(crate) fn lines(&self) -> Vec<Line<'_, 'a>> {
        if !self.owned_by_turns {
            let threads = self.threads.iter().enumerate();
            return threads
                .map(|(thread, of)| Line {
                    thread,
                    turn: None,
                    owners: &of.owners,
                })
                .collect();
        }
        let turns = self.turns.iter().enumerate();
        turns
            .filter_map(|(place, turn)| {
                Some(Line {
                    thread: turn.thread?,
                    turn: Some(place),
                    owners: &turn.owners,
                })
            })
            .collect()
    }

    /// A line in words.
    pub(crate) fn line_name(&self, line: &Line<'_, '_>) -> String {
        match line.turn {
            Some(turn) => format!("turn {}", self.turns[turn].id),
            None => format!("thread {}", self.threads[line.thread].id),
        }
    }

    /// The newest owner row of a thread, or of any of its turns, at a moment.
    pub(crate) fn newest_owned(&self, thread: usize, until_us: u64) -> Option<&Owned<'a>> {
        let newest = |owners: &'_ [Owned<'a>]| owners.partition_point(|owned| owned.at.us <= until_us).checked_sub(1);
        if !self.owned_by_turns {
            let owners = &self.threads[thread].owners;
            return newest(owners).map(|place| &owners[place]);
        }
        let turns = self.threads[thread].turns.iter().map(|turn| &self.turns[*turn].owners);
        turns
            .filter_map(|owners| newest(owners).map(|place| &owners[place]))
            .max_by_key(|owned| owned.at)
    }

    /// The first owner that is none of the system's pods and no candidate beside them, in words: the description does not lead from it to a pod.
    pub(crate) fn stray_owner(&self) -> Option<String> {
        if self.known_pods.is_empty() {
            return None;
        }
        let lines = self.lines();
        let mut owners = lines
            .iter()
            .flat_map(|line| line.owners)
            .filter_map(|owned| owned.owner);
        let candidate = self.rules.edge.as_ref().and_then(|edge| edge.candidate.as_ref());
        let stray = owners.find(|owner| !self.known_pods.contains(owner) && candidate != Some(*owner))?;
        let pods: Vec<&str> = self.known_pods.iter().map(PodName::as_str).collect();
        Some(format!(
            "owner {:?} leads to no pod ({})",
            stray.as_str(),
            pods.join(", ")
        ))
    }
}
