//! The description of a fault: its name, its needs and its effect. Each fault's file states one, and the registry lists them.

use crate::cluster::Role as PartRole;
use crate::history::{Effect, Ends, Excuses};

/// A fault that the nemesis can inject.
#[derive(Debug)]
pub struct FaultKind {
    /// Its name in histories. A fault of a link has the link's name in front of it, and a hold its failpoint's behind it.
    pub name: &'static str,
    /// One sentence for users.
    pub about: &'static str,
    /// What must be there to inject it.
    pub needs: Needs,
    /// Its effect at a place.
    pub effect: fn(&FaultSite) -> Effect,
}

/// What must be there to inject a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// The places that it can be aimed at.
    pub on: On,
    /// Powers of the driver that runs the parts.
    pub powers: &'static [Power],
    /// True if the pod needs an admin interface.
    pub admin: bool,
}

impl Needs {
    /// Any of these parts, and no power of the driver.
    pub const fn part(roles: &'static [Role]) -> Self {
        Self {
            on: On::Part(roles),
            powers: &[],
            admin: false,
        }
    }

    /// The same, and these powers of the driver.
    #[must_use]
    pub const fn with(self, powers: &'static [Power]) -> Self {
        Self { powers, ..self }
    }

    /// The same, and an admin interface in the pod.
    #[must_use]
    pub const fn with_admin(self) -> Self {
        Self { admin: true, ..self }
    }
}

/// The places that a fault can be aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// A part of one of these roles.
    Part(&'static [Role]),
    /// A link of a pod.
    Link,
}

/// The role of a part in a system under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A replica of the system.
    Pod,
    /// A Postgres database.
    Postgres,
    /// A Redis store.
    Redis,
    /// A NATS broker.
    Nats,
    /// The provider of answers.
    Provider,
    /// Any other part.
    Other,
}

impl Role {
    /// Every role that a pod depends on.
    pub const DEPENDENCIES: &'static [Self] = &[Self::Postgres, Self::Redis, Self::Nats, Self::Provider, Self::Other];
    /// Every role.
    pub const ALL: &'static [Self] = &[
        Self::Pod,
        Self::Postgres,
        Self::Redis,
        Self::Nats,
        Self::Provider,
        Self::Other,
    ];

    pub(super) fn of(part: PartRole) -> Self {
        match part {
            PartRole::Pod => Self::Pod,
            PartRole::Postgres => Self::Postgres,
            PartRole::Redis => Self::Redis,
            PartRole::Nats => Self::Nats,
            PartRole::Provider => Self::Provider,
            PartRole::Links | PartRole::Edge | PartRole::Job | PartRole::Other => Self::Other,
        }
    }

    /// The same as a description says it.
    pub(crate) fn in_clusters(self) -> PartRole {
        match self {
            Self::Pod => PartRole::Pod,
            Self::Postgres => PartRole::Postgres,
            Self::Redis => PartRole::Redis,
            Self::Nats => PartRole::Nats,
            Self::Provider => PartRole::Provider,
            Self::Other => PartRole::Other,
        }
    }

    /// Its name for users.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Nats => "nats",
            Self::Provider => "provider",
            Self::Other => "other",
        }
    }
}

/// Something that a driver can do with the parts that it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Power {
    /// Freeze every process of a part.
    Freeze,
    /// End a process and prove that it is gone.
    ProofOfDeath,
    /// Limit memory and CPU of a running part.
    Limits,
    /// Limit the descriptors of a running process.
    Descriptors,
    /// Write into and empty the volumes of a part.
    Volumes,
    /// Start a part again with other variables.
    Replace,
}

impl Power {
    /// Its name for users.
    pub fn name(self) -> &'static str {
        match self {
            Self::Freeze => "FREEZE",
            Self::ProofOfDeath => "PROOF_OF_DEATH",
            Self::Limits => "LIMITS",
            Self::Descriptors => "DESCRIPTORS",
            Self::Volumes => "VOLUMES",
            Self::Replace => "REPLACE",
        }
    }
}

/// What is left of a part's data after its process has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Keeps {
    /// All of it, however it ended.
    #[default]
    Always,
    /// All of it after an end in good order, and nothing certain after a kill.
    OnStop,
    /// Nothing.
    Never,
}

/// What a part stores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// What is left of it after an end.
    pub keeps: Keeps,
    /// True if the stream log is kept there.
    pub holds_log: bool,
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
}
