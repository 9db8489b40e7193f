//! The faults of links: kinds, directions, and the toxics of the fault proxy that make them. Pure.

use std::fmt;

use crosspod_links::model::{
    Attributes, Bandwidth, CutInside, HalfOpen, Hold, Latency, LimitData, PacketLoss, ResetPeer, Slicer, Stream,
    Timeout,
};

use crate::cluster::Role;
use crate::history::{Effect, Excuses};
use crate::nemesis::kind::{FaultKind, FaultSite, On};

/// One of a pod's links. It leads to the first part in its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// To the database.
    Postgres,
    /// To the Redis store.
    Redis,
    /// To the broker.
    Nats,
    /// To a part in the role `other`.
    Other,
    /// To the provider.
    Provider,
    /// From clients that come through the proxy.
    Edge,
}

/// A direction, from the pod's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Bytes that the pod sends.
    FromPod,
    /// Bytes that the pod receives.
    ToPod,
    /// Both directions.
    Both,
}

/// A kind of fault of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkFault {
    /// Bytes vanish, connections stay.
    Blackhole,
    /// Connections are reset.
    Reset,
    /// Bytes arrive late.
    Latency {
        /// The delay, in milliseconds.
        ms: u64,
        /// Random deviation from the delay, in milliseconds.
        jitter_ms: u64,
    },
    /// Bytes arrive slowly.
    Bandwidth {
        /// Kilobytes a second.
        kb_s: u64,
    },
    /// Bytes arrive in small pieces.
    Slice {
        /// Average size of a piece, in bytes.
        bytes: u64,
    },
    /// Connections are closed after a number of bytes.
    CutAfter {
        /// The number of bytes from the injection on.
        bytes: u64,
    },
    /// Connections are closed in the middle of a text.
    CutInside {
        /// The text.
        text: String,
        /// Number of occurrences that pass before.
        skip: u64,
    },
    /// Connections are closed in the middle of a character of several bytes.
    CutInsideCharacter,
    /// One side is gone and the other side is not notified.
    HalfOpen,
    /// Some of what one side says at a time never arrives, and the connection stays.
    PacketLoss {
        /// Losses in a hundred.
        percent: u8,
    },
    /// Silence: bytes are held back, and arrive late and in order, on the same connections, once it is lifted.
    Hold,
}

/// A kind of fault of a link. It excuses the pod that the link belongs to.
const fn of_link(name: &'static str, about: &'static str) -> FaultKind {
    FaultKind {
        name,
        about,
        on: On::Link,
        needs: &[],
        effect: cut_off,
    }
}

fn cut_off(site: &FaultSite) -> Effect {
    Effect {
        cuts_off: site.link.clone(),
        ..Effect::excusing(Excuses::ItsTarget)
    }
}

/// A kind of fault of a link that lets nothing pass, in one direction or in both.
const fn severing(name: &'static str, about: &'static str) -> FaultKind {
    FaultKind {
        effect: severed,
        ..of_link(name, about)
    }
}

/// A pod without its link to the database can renew no lease. The owners that promises go by are read there.
fn severed(site: &FaultSite) -> Effect {
    let database = Link::Postgres.to_string();
    Effect {
        isolates: site.link.as_ref() == Some(&database),
        ..cut_off(site)
    }
}

pub(in crate::nemesis) const BLACKHOLE: FaultKind = severing("blackhole", "bytes vanish, and connections stay");
pub(in crate::nemesis) const RESET: FaultKind = severing("reset", "connections are reset, live and new ones");
pub(in crate::nemesis) const LATENCY: FaultKind = of_link("latency", "bytes arrive late, in order");
pub(in crate::nemesis) const BANDWIDTH: FaultKind = of_link("bandwidth", "bytes arrive at a low rate");
pub(in crate::nemesis) const SLICE: FaultKind = of_link("slice", "bytes arrive in small pieces");
pub(in crate::nemesis) const CUT_AFTER: FaultKind =
    of_link("cut-after", "connections are closed after a number of bytes");
pub(in crate::nemesis) const CUT_INSIDE: FaultKind =
    of_link("cut-inside", "connections are closed in the middle of a text");
pub(in crate::nemesis) const CUT_INSIDE_CHARACTER: FaultKind = of_link(
    "cut-inside-character",
    "connections are closed in the middle of a character of several bytes",
);
pub(in crate::nemesis) const HALF_OPEN: FaultKind =
    severing("half-open", "one side is gone and the other side is not notified");

pub(in crate::nemesis) const PACKET_LOSS: FaultKind =
    of_link("packet-loss", "some chunks never arrive, and connections stay");
pub(in crate::nemesis) const HOLD: FaultKind = severing(
    "hold",
    "silence that is lifted later: what was held then arrives late, in order, on the same connections",
);

/// The proxy's streams for a direction of the pod. The pod is the client of its dependencies.
pub(super) fn streams(link: Link, way: Way) -> Vec<Stream> {
    let (from_pod, to_pod) = match link {
        Link::Edge => (Stream::Downstream, Stream::Upstream),
        Link::Postgres | Link::Redis | Link::Nats | Link::Other | Link::Provider => {
            (Stream::Upstream, Stream::Downstream)
        }
    };
    match way {
        Way::FromPod => vec![from_pod],
        Way::ToPod => vec![to_pod],
        Way::Both => vec![Stream::Upstream, Stream::Downstream],
    }
}

impl LinkFault {
    /// Its entry in the registry.
    pub(super) fn kind(&self) -> &'static FaultKind {
        match self {
            Self::Blackhole => &BLACKHOLE,
            Self::Reset => &RESET,
            Self::Latency { .. } => &LATENCY,
            Self::Bandwidth { .. } => &BANDWIDTH,
            Self::Slice { .. } => &SLICE,
            Self::CutAfter { .. } => &CUT_AFTER,
            Self::CutInside { .. } => &CUT_INSIDE,
            Self::CutInsideCharacter => &CUT_INSIDE_CHARACTER,
            Self::HalfOpen => &HALF_OPEN,
            Self::PacketLoss { .. } => &PACKET_LOSS,
            Self::Hold => &HOLD,
        }
    }

    /// Returns true if it takes effect on a live connection without data.
    pub(super) fn works_at_once(&self) -> bool {
        matches!(self, Self::Blackhole | Self::Reset | Self::HalfOpen)
    }

    pub(super) fn toxic(&self) -> Attributes {
        match self {
            Self::Blackhole => Timeout { timeout: 0 }.into(),
            Self::Reset => ResetPeer { timeout: 0 }.into(),
            Self::Latency { ms, jitter_ms } => Latency {
                latency: *ms,
                jitter: *jitter_ms,
            }
            .into(),
            Self::Bandwidth { kb_s } => Bandwidth { rate: *kb_s }.into(),
            Self::Slice { bytes } => Slicer {
                average_size: *bytes,
                size_variation: bytes / 2,
                delay: 100,
            }
            .into(),
            Self::CutAfter { bytes } => LimitData { bytes: *bytes }.into(),
            Self::CutInside { text, skip } => CutInside {
                pattern: text.clone(),
                skip: *skip,
                ..CutInside::default()
            }
            .into(),
            Self::CutInsideCharacter => CutInside {
                utf8: true,
                ..CutInside::default()
            }
            .into(),
            Self::HalfOpen => HalfOpen::default().into(),
            Self::PacketLoss { percent } => PacketLoss {
                loss_rate: f64::from(*percent) / 100.0,
                correlation: 0.0,
            }
            .into(),
            Self::Hold => Hold {}.into(),
        }
    }
}

impl Link {
    /// The role of the part that it leads to. Returns `None` for a link whose name is crosspod's own.
    pub(super) fn role(self) -> Option<Role> {
        match self {
            Self::Postgres => Some(Role::Postgres),
            Self::Redis => Some(Role::Redis),
            Self::Nats => Some(Role::Nats),
            Self::Other => Some(Role::Other),
            Self::Provider | Self::Edge => None,
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Nats => "nats",
            Self::Other => "other",
            Self::Provider => "provider",
            Self::Edge => "edge",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_isolated_by_a_link_to_the_database_that_lets_nothing_pass() {
        let site = |link: Link| FaultSite {
            role: Role::Pod,
            stored: crate::nemesis::kind::Stored::default(),
            link: Some(link.to_string()),
        };
        for fault in [BLACKHOLE, RESET, HALF_OPEN, HOLD] {
            assert!((fault.effect)(&site(Link::Postgres)).isolates, "{}", fault.name);
            assert!(!(fault.effect)(&site(Link::Provider)).isolates, "{}", fault.name);
        }
        for fault in [
            LATENCY,
            BANDWIDTH,
            SLICE,
            CUT_AFTER,
            CUT_INSIDE,
            CUT_INSIDE_CHARACTER,
            PACKET_LOSS,
        ] {
            assert!(!(fault.effect)(&site(Link::Postgres)).isolates, "{}", fault.name);
        }
    }

    #[test]
    fn a_way_is_the_pods_and_a_stream_the_proxys() {
        assert_eq!(streams(Link::Nats, Way::FromPod), [Stream::Upstream]);
        assert_eq!(streams(Link::Edge, Way::FromPod), [Stream::Downstream]);
        assert_eq!(streams(Link::Edge, Way::ToPod), [Stream::Upstream]);
        assert_eq!(streams(Link::Postgres, Way::Both).len(), 2);
    }
}
