//! The description of a fault: its name, its places, its needs and its effect. Each fault's file states one, and the registry lists
//! them.

use crate::cluster::Role;
use crate::history::{Effect, Ends, Excuses};
use crate::system::System;
use crate::system::needs::{Need, Why};
use crate::system::parts::{Keeps, Role as Described};

/// A fault that the nemesis can inject.
#[derive(Debug)]
pub struct FaultKind {
    /// Its name in histories. A fault of a link has the link's name in front of it, and a hold its failpoint's behind it.
    pub name: &'static str,
    /// One sentence for users.
    pub about: &'static str,
    /// The places that it can be aimed at.
    pub on: On,
    /// The needs of its injection, beside one of its places.
    pub needs: &'static [Need],
    /// Its effect at a place.
    pub effect: fn(&FaultSite) -> Effect,
}

impl FaultKind {
    /// Decides whether it can be injected into a system.
    ///
    /// # Errors
    /// The system has none of its places, or the first need that is not met.
    pub fn available(&self, system: &System) -> Result<(), Why> {
        self.on.available(system)?;
        system.available(self.needs)
    }
}

/// The places that a fault can be aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// A part in one of these roles.
    Part(&'static [Role]),
    /// A link of a pod.
    Link,
}

/// The roles of parts that every pod depends on.
pub(super) const DEPENDENCIES: &[Role] = &[
    Role::Postgres,
    Role::Redis,
    Role::Nats,
    Role::Edge,
    Role::Provider,
    Role::Other,
];
/// The roles of parts that run as long as the system does.
pub(super) const EVERY_PART: &[Role] = &[
    Role::Pod,
    Role::Postgres,
    Role::Redis,
    Role::Nats,
    Role::Edge,
    Role::Provider,
    Role::Other,
];

impl On {
    /// The names of the places for users.
    pub fn places(self) -> Vec<String> {
        match self {
            Self::Part(roles) => roles.iter().map(Role::to_string).collect(),
            Self::Link => vec!["link".to_owned()],
        }
    }

    fn available(self, system: &System) -> Result<(), Why> {
        let roles = match self {
            Self::Part(roles) => roles,
            Self::Link => return Ok(()),
        };
        let lacks = |role: &Role| system.available(&described(*role)?).err();
        let lacking: Vec<Why> = roles.iter().filter_map(lacks).collect();
        if lacking.len() < roles.len() {
            return Ok(());
        }
        let words: Vec<String> = lacking.iter().map(|why| why.missing.clone()).collect();
        Err(Why {
            missing: words.join(", "),
            key: lacking.into_iter().find_map(|why| why.key),
        })
    }
}

/// The need of a part in a role. Returns `None` for a role that every system has.
fn described(role: Role) -> Option<[Need; 1]> {
    let role = match role {
        Role::Pod | Role::Provider | Role::Links => return None,
        Role::Postgres => Described::Postgres,
        Role::Redis => Described::Redis,
        Role::Nats => Described::Nats,
        Role::Edge => Described::Edge,
        Role::Job => Described::Job,
        Role::Other => Described::Other,
    };
    Some([Need::Part(role)])
}

/// What a part stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// What is left of it after an end.
    pub keeps: Keeps,
    /// True if the stream log is kept there.
    pub holds_log: bool,
}

impl Default for Stored {
    /// Nothing that a fault could take.
    fn default() -> Self {
        Self {
            keeps: Keeps::Always,
            holds_log: false,
        }
    }
}

/// Where a fault is aimed: what its effect depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultSite {
    /// Role of the part.
    pub role: Role,
    /// What the part stores.
    pub stored: Stored,
    /// The link of the part, for a fault of a link.
    pub link: Option<String>,
}

impl FaultSite {
    /// A fault there that keeps its part from work and does nothing else. One of a pod excuses the pod. Every other part is
    /// one that all pods depend on.
    pub fn plain(&self) -> Effect {
        Effect::excusing(match self.role {
            Role::Pod => Excuses::ItsTarget,
            _ => Excuses::Everyone,
        })
    }

    /// A fault there that ends the part's process. A part that forgets loses the stream log with it, if it holds that.
    pub fn ended(&self, ends: Ends) -> Effect {
        let forgets = match self.stored.keeps {
            Keeps::Always => false,
            Keeps::OnStop => ends == Ends::AtOnce,
            Keeps::Never => true,
        };
        Effect {
            ends,
            loses_log: forgets && self.stored.holds_log,
            ..self.plain()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_forgets_loses_the_log_if_it_holds_it() {
        let lost = |keeps, holds_log, ends| {
            let site = FaultSite {
                role: Role::Redis,
                stored: Stored { keeps, holds_log },
                link: None,
            };
            site.ended(ends).loses_log
        };
        for (keeps, at_a_kill, at_a_stop) in [
            (Keeps::Always, false, false),
            (Keeps::OnStop, true, false),
            (Keeps::Never, true, true),
        ] {
            assert_eq!(lost(keeps, true, Ends::AtOnce), at_a_kill, "{keeps:?}, killed");
            assert_eq!(lost(keeps, true, Ends::InGoodOrder), at_a_stop, "{keeps:?}, stopped");
            assert!(!lost(keeps, false, Ends::AtOnce), "{keeps:?}: the log is elsewhere");
        }
    }

    #[test]
    fn a_fault_without_one_of_its_places_or_needs_says_what_is_missing() {
        const STORES: &[Role] = &[Role::Redis, Role::Other];
        let fault = |on, needs| FaultKind {
            name: "f",
            about: "",
            on,
            needs,
            effect: FaultSite::plain,
        };
        let reference = System::reference();
        let why = |fault: FaultKind| fault.available(&reference).map_err(|why| why.to_string());
        assert_eq!(why(fault(On::Link, &[])), Ok(()));
        assert_eq!(why(fault(On::Part(EVERY_PART), &[Need::Admin])), Ok(()));
        assert_eq!(
            why(fault(On::Part(STORES), &[])),
            Err("no part has role \"redis\", no part has role \"other\" ([parts.SERVICE] role)".to_owned())
        );
        let lacking = why(fault(On::Part(&[Role::Pod]), &[Need::Pods(9)]));
        assert_eq!(lacking, Err("9 pods are needed, there are 3 (pods.copies)".to_owned()));
    }
}
