//! Pins: which pod each value of the affinity cookie stands for, and how long each client keeps it.
//!
//! A value stands for the pod whose answer set it where the request did not carry it: a pod that gives a carried value back proves
//! nothing. Values are learnt for each entry, since entries have pools of their own.

use std::collections::HashMap;

use crate::history::{ClientNo, EdgeRules, SetCookie};
use crate::judge::view::View;
use crate::judge::view::pool::Request;

/// Browsers and edges count a cookie's life in whole seconds; so much of it is not judged, in microseconds.
const MARGIN_US: u64 = 1_000_000;

/// A pod that a value stands for, as an answer proved it.
#[derive(Debug, Clone, Copy)]
struct Proof<'v> {
    pod: &'v str,
    /// When that answer was asked for, in microseconds since the run began.
    asked_us: u64,
    /// When it came.
    us: u64,
}

/// A cookie as a client was given it.
#[derive(Debug, Clone, Copy)]
struct Issue {
    asked_us: u64,
    us: u64,
    max_age_s: Option<i64>,
}

/// The pin of a request: its cookie stands for this pod, as an answer to something asked at `since_us` proved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pin<'v> {
    pub(crate) pod: &'v str,
    pub(crate) since_us: u64,
}

/// The pods that the cookies of a run stand for.
#[derive(Debug)]
pub(crate) struct Pins<'v> {
    rules: &'v EdgeRules,
    /// By entry and value, in the order of the answers.
    proofs: HashMap<(&'v str, &'v str), Vec<Proof<'v>>>,
    /// By client and value, in the order of the answers.
    issues: HashMap<(ClientNo, &'v str), Vec<Issue>>,
}

impl<'v> Pins<'v> {
    /// Learns them from every request. Returns `None` if no entry of the system pins by a cookie.
    pub(crate) fn of(view: &'v View<'_>) -> Option<Self> {
        let rules = view.rules.edge.as_ref()?;
        rules.cookie.as_ref()?;
        let mut pins = Self {
            rules,
            proofs: HashMap::new(),
            issues: HashMap::new(),
        };
        for request in view.requests().filter(Request::is_pinned_by_cookie) {
            pins.learn(&request);
        }
        Some(pins)
    }

    /// The affinity cookies that an answer set, in their order.
    pub(crate) fn set(&self, request: &Request<'v>) -> impl Iterator<Item = &'v SetCookie> {
        let name = self.rules.cookie.as_deref();
        let set = request.routed.set.iter();
        set.filter(move |cookie| Some(cookie.name.as_str()) == name)
    }

    /// True if the cookie is sent with requests for a path.
    pub(crate) fn covers(&self, path: &str) -> bool {
        let Some(below) = self.rules.path.as_deref() else {
            return true;
        };
        let rest = path.strip_prefix(below);
        rest.is_some_and(|rest| rest.is_empty() || below.ends_with('/') || rest.starts_with('/'))
    }

    /// The pod that the request's cookie stands for, as far as answers before it proved it.
    pub(crate) fn pin(&self, request: &Request<'v>) -> Option<Pin<'v>> {
        let value = request.routed.cookie.as_deref()?;
        let proof = self.proof(request, value)?;
        Some(Pin {
            pod: proof.pod,
            since_us: proof.asked_us,
        })
    }

    /// True if the request was sent within the life of its cookie: a margin before the end that its last issue to this client gave
    /// it. A client that was never given the cookie proves nothing.
    pub(crate) fn is_alive(&self, request: &Request<'v>) -> bool {
        let routed = request.routed;
        let value = routed.cookie.as_deref().unwrap_or_default();
        let issues = self.issues.get(&(routed.client, value)).map_or(&[][..], Vec::as_slice);
        let known = issues.partition_point(|issue| issue.us <= routed.asked_us);
        let Some(last) = issues[..known].last() else {
            return false;
        };
        let given_us = last
            .max_age_s
            .map(|s| u64::try_from(s).unwrap_or(0).saturating_mul(1_000_000));
        let said_us = self.rules.lifetime_ms.map(|ms| ms * 1000);
        let life_us = given_us.into_iter().chain(said_us).min().unwrap_or(u64::MAX);
        routed.asked_us.saturating_add(MARGIN_US) <= last.asked_us.saturating_add(life_us)
    }

    /// The newest proof of a value that was there when a request was sent.
    fn proof(&self, request: &Request<'v>, value: &'v str) -> Option<Proof<'v>> {
        let proofs = self.proofs.get(&(request.routed.entry.as_str(), value))?;
        let known = proofs.partition_point(|proof| proof.us <= request.routed.asked_us);
        proofs[..known].last().copied()
    }

    fn learn(&mut self, request: &Request<'v>) {
        let routed = request.routed;
        let carried = routed.cookie.as_deref();
        let last = self.set(request).last();
        if let Some(cookie) = last {
            let issues = self.issues.entry((routed.client, cookie.value.as_str())).or_default();
            issues.push(Issue {
                asked_us: routed.asked_us,
                us: request.at.us,
                max_age_s: cookie.max_age_s,
            });
        }
        let Some(pod) = routed.pod.as_ref() else { return };
        let issued = last
            .map(|cookie| cookie.value.as_str())
            .filter(|value| Some(*value) != carried);
        let is_kept = |value: &&'v str| {
            self.proof(request, value)
                .is_some_and(|proof| proof.pod == pod.as_str())
        };
        let proven = issued.or_else(|| carried.filter(is_kept));
        if let Some(value) = proven {
            let proofs = self.proofs.entry((routed.entry.as_str(), value)).or_default();
            proofs.push(Proof {
                pod: pod.as_str(),
                asked_us: routed.asked_us,
                us: request.at.us,
            });
        }
    }
}
