//! `[profiles.NAME]`: variables of the pods, and the bounds that belong to them.

use std::time::Duration;

use crate::history;
use crate::system::language::{Fields, Share, Timespan};
use crate::system::table::{Node, Number, Problem, empty, table};

/// Bound that a terminal or a revocation has if the description is silent, printed with each use.
const SHOWN: Duration = Duration::from_secs(5);
/// Time that Compose lets a service stop in, if neither description nor compose file say another.
const COMPOSE_GRACE: Duration = Duration::from_secs(10);

table! {
    /// Timings to play with: variables of the pods, and the bounds that belong to them. The first profile is the default.
    pub Profile = "[profiles.NAME]" {
        /// Environment of every pod, beside that of `[pods]`.
        variables: Fields,
        /// Values of the variables in the compose files, `${NAME}`.
        compose: Fields,
        /// Timings of the edge with these variables.
        edge: Option<EdgeTimings>,
        /// Bounds that hold with these variables.
        bounds: Bounds = empty() => "{}",
    }
}

table! {
    /// Timings of the edge, in place of those of `[edge]`.
    pub EdgeTimings = "[profiles.NAME.edge]" {
        /// Lifetime of the cookie.
        lifetime: Option<Timespan>,
        /// Longest from a pod's death, drain or return until the edge knows of it.
        health: Option<Timespan>,
    }
}

table! {
    /// What the system promises in time. A bound that is not said is not promised, but for those with a default.
    pub Bounds = "[profiles.NAME.bounds]" {
        /// An owner without a sign of life for so long is presumed dead.
        lease: Option<Timespan>,
        /// From an owner's death, or its restart, to the first new token, call or end.
        takeover: Option<Timespan>,
        /// Longest that an acknowledged turn waits unclaimed, every way back included.
        pickup: Option<Timespan>,
        /// Longest that a turn goes without progress.
        progress: Option<Timespan>,
        /// Longest that a turn takes altogether, also while it moves.
        turn: Option<Timespan>,
        /// From SIGTERM to the end of the process. By default the grace that Compose gives, 10 s.
        drain: Option<Timespan>,
        /// From the end of a turn to its showing on every tail. By default 5 s.
        terminal: Option<Timespan>,
        /// From a word of the provider to its showing on every open tail, though nothing follows it.
        shown: Option<Timespan>,
        /// From a word of the provider to its row, for a system that stores an answer while it grows.
        stored: Option<Timespan>,
        /// From a revocation to its refusal on every pod. By default 5 s.
        revocation: Option<Timespan>,
        /// Longest silence of an open stream.
        silence: Option<Timespan>,
        /// Most attempts of a turn; deaths count. Where nothing is said, a turn with more than 26 is named all the same.
        attempts: Option<Number<1, 1000>>,
        /// Greatest share of a CPU that a pod without work uses. Up to four open tails that are shown nothing but keepalives are no work.
        idle_cpu: Option<Share>,
    }
    check check_bounds
}

/// A bound, and whether the description says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound<T> {
    /// The description says it.
    Said(T),
    /// It has a default; each use is printed.
    Derived(T),
}

/// The bounds with defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Derived {
    /// From SIGTERM to the end of the process.
    pub drain: Bound<Timespan>,
    /// From the end of a turn to its showing on every tail.
    pub terminal: Bound<Timespan>,
    /// From a revocation to its refusal on every pod.
    pub revocation: Bound<Timespan>,
}

impl<T: Copy> Bound<T> {
    /// The bound itself.
    pub fn get(self) -> T {
        match self {
            Self::Said(bound) | Self::Derived(bound) => bound,
        }
    }

    /// True if the description says it.
    pub fn is_said(self) -> bool {
        matches!(self, Self::Said(_))
    }
}

impl Bounds {
    /// The bounds with defaults. `grace` is what the compose file lets a pod stop in, if it says so.
    pub fn derived(&self, grace: Option<Duration>) -> Derived {
        let or = |said: Option<Timespan>, default: Duration| {
            said.map_or_else(|| Bound::Derived(Timespan::from(default)), Bound::Said)
        };
        Derived {
            drain: or(self.drain, grace.unwrap_or(COMPOSE_GRACE)),
            terminal: or(self.terminal, SHOWN),
            revocation: or(self.revocation, SHOWN),
        }
    }
}

impl EdgeTimings {
    /// Replaces those of the description.
    pub fn lay_over(&self, rules: &mut history::EdgeRules) {
        let ms = |span: Timespan| u64::try_from(span.get().as_millis()).unwrap_or(u64::MAX);
        rules.lifetime_ms = self.lifetime.map(ms).or(rules.lifetime_ms);
        rules.health_ms = self.health.map_or(rules.health_ms, ms);
    }
}

fn check_bounds(bounds: &Bounds, node: &Node, found: &mut Vec<Problem>) {
    if let (Some(lease), Some(takeover)) = (bounds.lease, bounds.takeover)
        && takeover < lease
    {
        let node = node.get("takeover").unwrap_or(node);
        let message = format!("{takeover} is shorter than lease, {lease}");
        found
            .push(Problem::at(node, message).help("a takeover begins when the lease is over: say more than the lease"));
    }
    if let (Some(progress), Some(turn)) = (bounds.progress, bounds.turn)
        && turn < progress
    {
        let node = node.get("turn").unwrap_or(node);
        found.push(Problem::at(
            node,
            format!("{turn} is shorter than progress, {progress}"),
        ));
    }
}
