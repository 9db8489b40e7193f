//! Histories of requests through an edge: a quiet run on three pods, and requests in short form.

use super::{Play, began, count_nothing};
use crate::history::{Affinity, ClientEvent, ClientNo, EdgeEntry, EdgeRules, Routed, RunEvent, SetCookie, What};

/// Longest from a change of a pod until the edge knows of it, in the quiet run.
pub(crate) const HEALTH_MS: u64 = 1_000;

/// The edge of the quiet run; its cookie lives for 3 s and does not slide.
pub(crate) fn edge_rules() -> EdgeRules {
    let entry = |name: &str, affinity, tls, redirects| EdgeEntry {
        name: name.into(),
        affinity,
        tls,
        redirects,
    };
    EdgeRules {
        cookie: Some("__Secure-crosspod".into()),
        path: Some("/v1".into()),
        lifetime_ms: Some(3_000),
        slides: false,
        health_ms: HEALTH_MS,
        entries: vec![
            entry("secure", Affinity::Cookie, true, false),
            entry("plain", Affinity::None, false, true),
            entry("by-address", Affinity::Address, false, false),
            entry("free", Affinity::None, false, false),
        ],
        candidate: None,
    }
}

/// A run behind an edge in which nothing happens.
pub(crate) fn edge_play() -> Play {
    edge_play_by(edge_rules())
}

/// The same, by other rules.
pub(crate) fn edge_play_by(rules: EdgeRules) -> Play {
    let mut begins = began();
    begins.evidence.clear();
    begins.rules.edge = Some(rules);
    let mut play = Play::default();
    play.at(0, What::Run(RunEvent::Began(begins.into())))
        .at(14_000, What::Run(RunEvent::Played { gave_up: None }))
        .at(14_001, What::Run(RunEvent::Healed));
    count_nothing(&mut play);
    play.at(15_000, What::Run(RunEvent::Quiesced))
        .at(15_000, What::Run(RunEvent::Ended));
    play
}

/// The pods that get clients from here on.
pub(crate) fn pool(pods: &[&str]) -> What {
    let pods = pods.iter().map(|pod| (*pod).into()).collect();
    What::Run(RunEvent::Pool { pods })
}

/// A request of client 1 that a pod answers well.
pub(crate) fn answered(entry: &str, pod: &str) -> Routed {
    Routed {
        client: ClientNo(1),
        entry: entry.into(),
        method: "GET".into(),
        path: "/v1/threads/t-1".into(),
        status: Some(200),
        pod: Some(pod.into()),
        ..Routed::default()
    }
}

/// A request of client 1 that the edge itself answers with an error.
pub(crate) fn failed(entry: &str, status: u16) -> Routed {
    Routed {
        status: Some(status),
        pod: None,
        ..answered(entry, "")
    }
}

/// A request of client 1 that gets no answer.
pub(crate) fn broken_off(entry: &str) -> Routed {
    Routed {
        status: None,
        pod: None,
        trouble: Some("connection reset".into()),
        ..answered(entry, "")
    }
}

/// A good cookie of the entry `secure`.
pub(crate) fn cookie(value: &str) -> SetCookie {
    SetCookie {
        name: "__Secure-crosspod".into(),
        value: value.into(),
        max_age_s: Some(3),
        path: Some("/v1".into()),
        secure: true,
        http_only: true,
        same_site: Some("Lax".into()),
    }
}

impl Routed {
    /// The same request with a cookie.
    pub(crate) fn carrying(self, value: &str) -> Self {
        let cookie = Some(value.into());
        Self { cookie, ..self }
    }

    /// The same request, whose answer sets a cookie.
    pub(crate) fn setting(mut self, cookie: SetCookie) -> Self {
        self.set.push(cookie);
        self
    }

    /// The same request of another client.
    pub(crate) fn of(self, client: u32) -> Self {
        let client = ClientNo(client);
        Self { client, ..self }
    }

    /// The same request for another path.
    pub(crate) fn to(self, path: &str) -> Self {
        let path = path.into();
        Self { path, ..self }
    }

    /// The same request from an address of the client's choice.
    pub(crate) fn at_address(self, address: &str) -> Self {
        let address = Some(address.into());
        Self { address, ..self }
    }
}

impl Play {
    /// Puts a request in that is answered at `ms`, and was asked 2 ms before.
    pub(crate) fn ask(&mut self, ms: u64, routed: Routed) -> &mut Self {
        let asked_us = ms.saturating_sub(2) * 1000;
        let routed = Routed { asked_us, ..routed };
        self.put(ms, What::Client(ClientEvent::Routed(Box::new(routed))))
    }
}
