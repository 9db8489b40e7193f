//! Faults of links: between a pod and a dependency, or between a pod and its clients.
//!
//! Needs: the fault proxy, and data for the faults that wait for data. Observed: the proxy reports on how many live connections
//! the fault works, or how often it had an effect. Healed by [`Nemesis::mend_link`]: the proxy no longer has it. Faults of
//! links compose with each other and with any fault of a pod.

use std::fmt;
use std::time::{Duration, Instant};

use crosspod_links::client::{Client, ClientError};
use crosspod_links::model::{
    Attributes, Bandwidth, CutInside, Effects, HalfOpen, Latency, LimitData, ResetPeer, Slicer, Stream, Timeout,
    ToxicSpec,
};
use futures_util::future::try_join_all;

use crate::cluster::PartHandle;
use crate::history::Landing;
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{Aim, InForce, refused, unseen};
use crate::wait::{self, Look};

/// Longest until a fault that needs no data is seen to work on a live connection.
const AT_ONCE: Duration = Duration::from_secs(2);
/// Pause between two looks at the effects of a fault.
const LOOK: Duration = Duration::from_millis(5);

/// One of a pod's links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// To the database.
    Postgres,
    /// To the broker.
    Nats,
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
}

/// A fault of a link that is in force.
#[derive(Debug, Clone)]
pub struct LinkCut {
    fault: InForce,
    proxy: String,
    toxics: Vec<String>,
    waits_for_data: bool,
    set_off: Option<Instant>,
}

impl LinkCut {
    /// Returns true if the fault lands only on data; otherwise it landed with its injection.
    pub fn waits_for_data(&self) -> bool {
        self.waits_for_data
    }
}

impl Nemesis {
    /// Injects a fault on a link of a pod. A fault that needs no data has landed when this returns; for one that waits for data,
    /// call [`Nemesis::link_cut_landed`] after there was some.
    ///
    /// # Errors
    /// The proxy refuses, or no live connection was hit.
    pub async fn cut_link(
        &mut self,
        links: &Client,
        pod: &PartHandle,
        (link, way, kind): (Link, Way, &LinkFault),
        aim: Option<&Aim>,
        trigger: Option<Instant>,
    ) -> Result<LinkCut, NemesisError> {
        let (mut cut, effects) = self.put_on_link(links, pod, (link, way, kind), aim).await?;
        cut.set_off = trigger;
        if kind.works_at_once() {
            if has_landed(&effects, true) {
                self.record_landing(&cut, &effects);
            } else {
                self.await_landing(links, &cut, true, AT_ONCE).await?;
            }
            self.landed(&cut.fault, aim).await?;
        }
        Ok(cut)
    }

    /// Injects a fault on a link of a pod that does not run yet; its first connection meets the fault. The fault has landed
    /// only when [`Nemesis::link_cut_landed`] returns.
    ///
    /// # Errors
    /// The proxy refuses.
    pub async fn cut_link_ahead(
        &mut self,
        links: &Client,
        pod: &PartHandle,
        (link, way, kind): (Link, Way, &LinkFault),
    ) -> Result<LinkCut, NemesisError> {
        let (cut, _) = self.put_on_link(links, pod, (link, way, kind), None).await?;
        Ok(LinkCut {
            waits_for_data: true,
            ..cut
        })
    }

    /// Aims a fault at a link and injects it. Returns the effects so far.
    async fn put_on_link(
        &mut self,
        links: &Client,
        pod: &PartHandle,
        (link, way, kind): (Link, Way, &LinkFault),
        aim: Option<&Aim>,
    ) -> Result<(LinkCut, Effects), NemesisError> {
        let fault = InForce {
            of_link: true,
            ..self.next(format!("{link}-{}", kind.name()), pod)
        };
        let fault = self.begin(fault, aim);
        let mut cut = LinkCut {
            proxy: format!("{}-{link}", fault.target),
            toxics: Vec::new(),
            waits_for_data: !kind.works_at_once(),
            set_off: None,
            fault,
        };
        let toxics = streams(link, way).into_iter().map(|stream| {
            let name = format!("fault-{}-{}", cut.fault.id, stream.name());
            ToxicSpec::new(stream, kind.toxic()).named(name)
        });
        let toxics: Vec<ToxicSpec> = toxics.collect();
        cut.toxics = toxics.iter().map(|toxic| toxic.name.clone()).collect();
        // Both directions at once.
        let added = try_join_all(toxics.iter().map(|toxic| links.add_toxic(&cut.proxy, toxic))).await;
        let added = added.map_err(refused(&cut.fault))?;
        let effects = added.into_iter().filter_map(|toxic| toxic.effects);
        let effects = effects.fold(Effects::default(), more);
        Ok((cut, effects))
    }

    /// Waits until a fault that waits for data has had an effect.
    ///
    /// # Errors
    /// It had no effect within `bound`.
    pub async fn link_cut_landed(
        &self,
        links: &Client,
        cut: &LinkCut,
        aim: Option<&Aim>,
        bound: Duration,
    ) -> Result<Landing, NemesisError> {
        self.await_landing(links, cut, false, bound).await?;
        self.landed(&cut.fault, aim).await
    }

    /// Removes a fault from its link.
    ///
    /// # Errors
    /// The proxy refuses, or still has it.
    pub async fn mend_link(&mut self, links: &Client, cut: &LinkCut) -> Result<(), NemesisError> {
        self.mending(&cut.fault);
        for toxic in &cut.toxics {
            links
                .remove_toxic(&cut.proxy, toxic)
                .await
                .map_err(refused(&cut.fault))?;
        }
        let left = links.toxics(&cut.proxy).await.map_err(refused(&cut.fault))?;
        if let Some(toxic) = left.iter().find(|toxic| cut.toxics.contains(&toxic.spec.name)) {
            return Err(unseen(&cut.fault, format!("{} is still there", toxic.spec.name)));
        }
        self.mended(&cut.fault);
        Ok(())
    }

    async fn await_landing(
        &self,
        links: &Client,
        cut: &LinkCut,
        at_once: bool,
        bound: Duration,
    ) -> Result<(), NemesisError> {
        let what = format!("{} on {} to have an effect", cut.fault.fault, cut.fault.target);
        let seen = wait::until(&what, bound, LOOK, || async move {
            match effects(links, cut).await {
                Ok(effects) if has_landed(&effects, at_once) => Look::Done(effects),
                Ok(effects) => Look::NotYet(describe(&effects)),
                Err(e) => Look::NotYet(e.to_string()),
            }
        });
        let effects = seen.await.map_err(|expired| unseen(&cut.fault, expired.to_string()))?;
        self.record_landing(cut, &effects);
        Ok(())
    }

    fn record_landing(&self, cut: &LinkCut, effects: &Effects) {
        self.observed(&cut.fault, &describe(effects), cut.set_off);
    }
}

/// Asks the proxy for the effects of a fault, summed over both directions.
async fn effects(links: &Client, cut: &LinkCut) -> Result<Effects, ClientError> {
    let of_proxy = links.effects(&cut.proxy).await?;
    let ours = of_proxy
        .toxics
        .iter()
        .filter(|(name, _)| cut.toxics.contains(name))
        .map(|(_, effects)| *effects);
    Ok(ours.fold(Effects::default(), more))
}

fn more(a: Effects, b: Effects) -> Effects {
    Effects {
        in_force: a.in_force + b.in_force,
        connections: a.connections + b.connections,
        times: a.times + b.times,
        bytes: a.bytes + b.bytes,
        ..a
    }
}

fn has_landed(effects: &Effects, at_once: bool) -> bool {
    effects.times > 0 || (at_once && effects.in_force > 0)
}

fn describe(effects: &Effects) -> String {
    format!(
        "the proxy says: in force on {} connections, {} times, {} bytes",
        effects.in_force, effects.times, effects.bytes
    )
}

/// The proxy's streams for a direction of the pod. The pod is the client of its dependencies.
fn streams(link: Link, way: Way) -> Vec<Stream> {
    match (way, link) {
        (Way::Both, _) => vec![Stream::Upstream, Stream::Downstream],
        (Way::FromPod, Link::Edge) | (Way::ToPod, Link::Postgres | Link::Nats | Link::Provider) => {
            vec![Stream::Downstream]
        }
        (Way::ToPod, Link::Edge) | (Way::FromPod, Link::Postgres | Link::Nats | Link::Provider) => {
            vec![Stream::Upstream]
        }
    }
}

impl LinkFault {
    /// Its name in histories, which follows the link's.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Blackhole => "blackhole",
            Self::Reset => "reset",
            Self::Latency { .. } => "latency",
            Self::Bandwidth { .. } => "bandwidth",
            Self::Slice { .. } => "slice",
            Self::CutAfter { .. } => "cut-after",
            Self::CutInside { .. } => "cut-inside",
            Self::CutInsideCharacter => "cut-inside-character",
            Self::HalfOpen => "half-open",
        }
    }

    /// Returns true if it takes effect on a live connection without data.
    fn works_at_once(&self) -> bool {
        matches!(self, Self::Blackhole | Self::Reset | Self::HalfOpen)
    }

    fn toxic(&self) -> Attributes {
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
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::Nats => "nats",
            Self::Provider => "provider",
            Self::Edge => "edge",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_the_pods_and_a_stream_the_proxys() {
        assert_eq!(streams(Link::Nats, Way::FromPod), [Stream::Upstream]);
        assert_eq!(streams(Link::Edge, Way::FromPod), [Stream::Downstream]);
        assert_eq!(streams(Link::Edge, Way::ToPod), [Stream::Upstream]);
        assert_eq!(streams(Link::Postgres, Way::Both).len(), 2);
    }

    #[test]
    fn a_fault_that_waits_for_data_has_not_landed_by_being_in_force() {
        let in_force = Effects {
            in_force: 2,
            ..Effects::default()
        };
        assert!(has_landed(&in_force, true) && !has_landed(&in_force, false));
        assert!(has_landed(&Effects { times: 1, ..in_force }, false));
        assert!(!has_landed(&Effects::default(), true));
    }
}
