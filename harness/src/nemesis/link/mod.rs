//! Faults of links: between a pod and a dependency, or between a pod and its clients.
//!
//! Needs: the fault proxy, and data for the faults that wait for data. Observed: the proxy reports on how many live connections
//! the fault works, or how often it had an effect. Healed by [`Nemesis::mend_link`]: the proxy no longer has it. Faults of
//! links compose with each other and with any fault of a pod.

pub(super) mod fault;

use std::time::{Duration, Instant};

use crosspod_links::client::{Client, ClientError};
use crosspod_links::model::{Effects, ProxyEffects, ToxicSpec};
use futures_util::future::try_join_all;

use crate::cluster::PartHandle;
use crate::history::Landing;
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{Aim, InForce, refused, unseen};
use crate::wait::{self, Look};

use fault::streams;
pub use fault::{Link, LinkFault, Way};

/// Longest until a fault that needs no data is seen to work on a live connection.
const AT_ONCE: Duration = Duration::from_secs(2);
/// Pause between two looks at the effects of a fault.
const LOOK: Duration = Duration::from_millis(5);

/// A fault of a link that is in force.
#[derive(Debug, Clone)]
pub struct LinkCut {
    fault: InForce,
    /// One for each port of the part that the link leads to.
    proxies: Vec<String>,
    toxics: Vec<String>,
    waits_for_data: bool,
    holds_back: bool,
    set_off: Option<Instant>,
}

/// What a fault of a link has held back, once it is lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifted {
    /// Bytes that it had held back; 0 for a fault that holds nothing back.
    pub held_bytes: u64,
    /// True if the proxy has passed on as many since then.
    pub all_arrived: bool,
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
        // The time until a fault that waits for data has an effect is the traffic's.
        cut.set_off = trigger.filter(|_| kind.works_at_once());
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
        let (to, further) = self.leads_to(link);
        let fault = self.next_of_link(kind.kind(), pod, to.clone());
        let fault = self.begin(fault, aim);
        let first = format!("{}-{to}", fault.target);
        let further = further.into_iter().map(|port| format!("{first}-{port}"));
        let mut cut = LinkCut {
            proxies: std::iter::once(first.clone()).chain(further).collect(),
            toxics: Vec::new(),
            waits_for_data: !kind.works_at_once(),
            holds_back: *kind == LinkFault::Hold,
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
        let places = cut
            .proxies
            .iter()
            .flat_map(|proxy| toxics.iter().map(move |toxic| (proxy, toxic)));
        let added = try_join_all(places.map(|(proxy, toxic)| links.add_toxic(proxy, toxic))).await;
        let added = added.map_err(refused(&cut.fault))?;
        let effects = added.into_iter().filter_map(|toxic| toxic.effects);
        let effects = effects.fold(Effects::default(), more);
        Ok((cut, effects))
    }

    /// The name of the part that a link leads to, and the ports of the part beside its main one.
    fn leads_to(&self, link: Link) -> (String, Vec<u16>) {
        let part = link
            .role()
            .and_then(|role| self.parts.iter().find(|part| part.role == role));
        match part {
            Some(part) => (part.service.clone(), part.ports.iter().skip(1).copied().collect()),
            None => (link.to_string(), Vec::new()),
        }
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

    /// Removes a fault from its link. Bytes that it held back arrive now.
    ///
    /// # Errors
    /// The proxy refuses, or still has it.
    pub async fn mend_link(&mut self, links: &Client, cut: &LinkCut) -> Result<Lifted, NemesisError> {
        self.mending(&cut.fault);
        let before = accounts(links, cut).await.map_err(refused(&cut.fault))?;
        for proxy in &cut.proxies {
            for toxic in &cut.toxics {
                links.remove_toxic(proxy, toxic).await.map_err(refused(&cut.fault))?;
            }
            let left = links.toxics(proxy).await.map_err(refused(&cut.fault))?;
            if let Some(toxic) = left.iter().find(|toxic| cut.toxics.contains(&toxic.spec.name)) {
                return Err(unseen(&cut.fault, format!("{} is still there", toxic.spec.name)));
            }
        }
        let lifted = lifted(links, cut, &before).await;
        self.mended(&cut.fault);
        Ok(lifted)
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
        let effects = seen.await.map_err(|expired| NemesisError::NoTraffic {
            fault: cut.fault.fault.clone(),
            target: cut.fault.target.clone(),
            seen: expired.to_string(),
        })?;
        self.record_landing(cut, &effects);
        Ok(())
    }

    fn record_landing(&self, cut: &LinkCut, effects: &Effects) {
        self.observed(&cut.fault, &describe(effects), cut.set_off);
    }
}

/// Waits until the proxy has written as many bytes as a fault had held back. A receiver that is gone takes none.
async fn lifted(links: &Client, cut: &LinkCut, before: &[ProxyEffects]) -> Lifted {
    let held_bytes = if cut.holds_back { of_cut(before, cut).bytes } else { 0 };
    let written_before = written(before);
    let arrived = wait::until("what was held to arrive", AT_ONCE, LOOK, || async move {
        let now = match accounts(links, cut).await {
            Ok(now) => written(&now) - written_before,
            Err(e) => return Look::NotYet(e.to_string()),
        };
        if now >= held_bytes {
            Look::Done(now)
        } else {
            Look::NotYet(format!("{now} of {held_bytes} bytes"))
        }
    });
    let arrived = arrived
        .await
        .inspect_err(|expired| tracing::debug!(%expired, "not all that was held has arrived"));
    Lifted {
        held_bytes,
        all_arrived: arrived.is_ok(),
    }
}

/// Bytes that the proxies have passed on, in both directions.
fn written(effects: &[ProxyEffects]) -> u64 {
    effects.iter().map(|of| of.upstream_bytes + of.downstream_bytes).sum()
}

/// Asks the proxies of a link for their accounts.
async fn accounts(links: &Client, cut: &LinkCut) -> Result<Vec<ProxyEffects>, ClientError> {
    try_join_all(cut.proxies.iter().map(|proxy| links.effects(proxy))).await
}

/// Asks for the effects of a fault, summed over proxies and directions.
async fn effects(links: &Client, cut: &LinkCut) -> Result<Effects, ClientError> {
    Ok(of_cut(&accounts(links, cut).await?, cut))
}

fn of_cut(of_proxies: &[ProxyEffects], cut: &LinkCut) -> Effects {
    let toxics = of_proxies.iter().flat_map(|of| &of.toxics);
    let ours = toxics.filter(|(name, _)| cut.toxics.contains(name));
    ours.map(|(_, effects)| *effects).fold(Effects::default(), more)
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

#[cfg(test)]
mod tests {
    use super::*;

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
