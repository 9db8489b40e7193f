//! The system that is checked, with its description; and the same once open values are said.

use std::sync::Arc;

use super::places::Places;
use super::proposal::Proposal;
use crate::system::System;
use crate::system::load::{Described, Surroundings, load_partial};

/// The system that is checked, as far as its description is said.
#[derive(Debug)]
pub struct Subject {
    /// The system.
    pub system: Arc<System>,
    /// The places of its description.
    pub places: Places,
}

impl Subject {
    /// The subject of a check.
    pub fn new(system: System, described: Described) -> Self {
        Self {
            system: Arc::new(system),
            places: Places::new(described),
        }
    }

    /// The same with the proposed values in open places. Returns `None` if none of them has a value for an open place, or if the
    /// description could not be read with them.
    pub(in crate::run) fn saying(&self, proposals: &[Proposal]) -> Option<Self> {
        let described = self.places.described();
        let said = described.open.iter().filter_map(|open| {
            let proposal = proposals.iter().find(|proposal| proposal.path == open.path)?;
            Some((open.span.clone(), proposal.value.as_ref()?))
        });
        let mut said: Vec<_> = said.collect();
        if said.is_empty() {
            return None;
        }
        // From the end to the beginning, so that the places before stay where they are.
        said.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
        let mut text = described.source.text.to_string();
        for (span, value) in said {
            text.replace_range(span, value);
        }
        let description = load_partial(&described.source.name, &text, &Surroundings::taken_as_there()).ok()?;
        let system = self.system.described_anew(&description).ok()?;
        let described = description.design(system.design.as_deref())?.clone();
        Some(Self::new(system, described))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::system::Choice;

    const OPEN: &str = include_str!("../../../tests/init/copies-of-one-service.toml");

    fn subject() -> Subject {
        let description = load_partial("system.toml", OPEN, &Surroundings::taken_as_there()).expect("a description");
        let choice = Choice::default();
        let system = System::of(&choice, Path::new("system.toml"), &description).expect("a system");
        Subject::new(system, description.designs[0].clone())
    }

    #[test]
    fn what_is_proposed_is_said_and_the_rest_stays_open() {
        let subject = subject();
        let told = [
            Proposal::text("calls.turn.capture.turn", "/run/\"id\"", "seen"),
            Proposal::text("calls.turn.busy", "queues", "seen"),
            Proposal::hint("calls.turn.request", "it is the user's"),
        ];
        let next = subject.saying(&told).expect("two are said");
        let capture = &next.system.description.calls.turn.request.capture;
        assert_eq!(capture["turn"].to_string(), "/run/\"id\"");
        assert_eq!(next.places.open().len(), subject.places.open().len() - 2);
        assert_eq!(
            next.places.of("calls.read.request"),
            subject.places.of("calls.read.request")
        );
        assert!(next.saying(&told).is_none(), "nothing of it is open any longer");
    }

    #[test]
    fn a_proposal_that_cannot_be_read_is_not_taken() {
        assert!(
            subject()
                .saying(&[Proposal::text("calls.turn.busy", "sometimes", "")])
                .is_none()
        );
    }
}
