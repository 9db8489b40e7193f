//! Stories through an edge: how it pins clients to pods, finds out who serves, and leads them on while what is behind it changes.
//!
//! A story goes by what the description says of its edge: an entry is chosen by how it pins, never by its name.

mod affinity_off;
mod affinity_sticks;
mod candidate_beside_a_live_spool;
mod cold_start;
mod each_pod_drained;
mod edge_away_mid_stream;
mod failover_re_pins;
mod health_window;
mod kept_open;
mod killed_inside_spool_recovery;
mod life_of_the_cookie;
mod no_cookie_from_a_redirect;
mod odd_cookies;
mod one_replica_unpinned;
mod pinned_by_address;
mod pinning_ends_while_cookies_live;
mod promoted_and_rolled_back;
mod rolling_upgrade;
mod through;
mod two_browsers_of_one_user;

use crosspod::history::Bound::{Drain, Takeover};
use crosspod::history::Capability::{Cursor, Edge, Owner, Queue};
use crosspod::run::Story;
use crosspod::system::needs::Need::{
    Attach, Bound, Candidate, ColdStart, CookieLifetime, Has, PinsBy, Pods, Redirects, Spool, Survivor, Unpins, Version,
};
use crosspod::system::parts::Affinity::{self, Address, Cookie};

/// A story's entry: the function's name behind `edge::` is the story's.
macro_rules! edge {
    (
        $file:ident::$name:ident: $about:literal,
        needs $needs:expr,
        faults $faults:expr,
        catches $catches:expr,
        evidence $evidence:expr
    ) => {
        Story {
            name: concat!("edge::", stringify!($name)),
            about: $about,
            needs: &$needs,
            faults: &$faults,
            catches: &$catches,
            evidence: &$evidence,
            play: |cast| Box::pin($file::$name(cast)),
        }
    };
}

/// Every story of the edge. Some of those that go straight are played through it too.
pub(crate) fn stories(straight: &[Story]) -> Vec<Story> {
    [
        affinity(),
        pods(),
        releases(),
        the_edge_itself(),
        through::stories(straight),
    ]
    .concat()
}

/// How clients are pinned, and for how long.
fn affinity() -> Vec<Story> {
    vec![
        edge!(affinity_sticks::affinity_sticks: "a pinned client asks on while others come, and outside of its cookie's path",
            needs [Attach, Has(Edge), PinsBy(Cookie), CookieLifetime],
            faults [],
            catches ["cookie-path-too-broad"],
            evidence ["a client asked below the cookie's path and outside of it", "a client asked again after its cookie's life"]),
        edge!(life_of_the_cookie::life_of_the_cookie: "a client asks for twice as long as its cookie lives",
            needs [Has(Edge), PinsBy(Cookie), CookieLifetime],
            faults [],
            catches ["cookie-lifetime-fixed-from-issue", "cookie-outlives-session"],
            evidence ["a client asked for twice as long as its first cookie lived"]),
        edge!(no_cookie_from_a_redirect::no_cookie_from_a_redirect: "a client without a cookie is redirected to the entry that pins",
            needs [Has(Edge), PinsBy(Cookie), Redirects],
            faults [],
            catches ["cookie-on-redirect"],
            evidence ["a client without a cookie was redirected"]),
        edge!(pinning_ends_while_cookies_live::pinning_ends_while_cookies_live: "affinity is taken away while clients hold their cookies",
            needs [Attach, Has(Edge), PinsBy(Cookie), Unpins, Has(Queue)],
            faults [],
            catches [],
            evidence ["a client with a living cookie asked while nobody was pinned"]),
        edge!(two_browsers_of_one_user::two_browsers_of_one_user: "one user writes in two browsers that are pinned to two pods",
            needs [Attach, Has(Edge), PinsBy(Cookie), Pods(2), Has(Queue)],
            faults [],
            catches [],
            evidence ["two browsers of one user were served by two pods"]),
        edge!(affinity_off::affinity_off: "nobody is pinned, and a client comes back on every pod in the middle of an answer",
            needs [Attach, Has(Edge), PinsBy(Affinity::None), Pods(2), Has(Queue)],
            faults [],
            catches [],
            evidence ["a client came back on another pod in the middle of an answer"]),
        edge!(pinned_by_address::pinned_by_address: "clients are pinned by their addresses, and the pod of some of them dies",
            needs [Attach, Has(Edge), PinsBy(Address), Pods(2), Has(Owner), Survivor],
            faults ["kill"],
            catches [],
            evidence ["clients of different addresses were led to different pods", "the clients of a dead pod were led elsewhere"]),
        edge!(cold_start::cold_start: "sessions are built cold, kept warm while they are used, and built again",
            needs [Has(Edge), PinsBy(Cookie), CookieLifetime, ColdStart, Pods(2)],
            faults [],
            catches ["session-idle-from-birth"],
            evidence ["a session was built, and then found warm",
                "a client asked for longer than an idle time, with pauses of a part of it",
                "a session was built again after its idle time"]),
        edge!(odd_cookies::odd_cookies: "clients send cookies that no edge gave",
            needs [Attach, Has(Edge), PinsBy(Cookie)],
            faults [],
            catches [],
            evidence ["clients with cookies of every odd form were served"]),
    ]
}

/// Pods that die, drain or are alone behind the edge.
fn pods() -> Vec<Story> {
    vec![
        edge!(kept_open::kept_open: "the pod of a browser's event source dies, and the browser comes back by itself",
            needs [Attach, Has(Edge), PinsBy(Cookie), Has(Owner), Has(Cursor), Pods(2), Survivor, Bound(Takeover)],
            faults ["kill"],
            catches [],
            evidence ["an event source came back by itself on another pod"]),
        edge!(failover_re_pins::failover_re_pins: "the pod of a pinned client dies in the middle of an answer",
            needs [Attach, Has(Edge), PinsBy(Cookie), Pods(2), Has(Owner), Survivor],
            faults ["kill"],
            catches ["sticky-to-dead-pod"],
            evidence ["a pinned client watched the pod that died", "the client was served by another pod"]),
        edge!(each_pod_drained::each_pod_drained: "each pod in turn is told to stop while it streams to a pinned client",
            needs [Attach, Has(Edge), PinsBy(Cookie), Pods(2), Has(Owner), Bound(Drain)],
            faults ["terminate"],
            catches ["healthz-ignores-drain", "drain-drops-in-flight"],
            evidence ["every pod was told to stop while it streamed to a pinned client",
                "a pod drained for as long as its own turn ran", "every pod left in good order"]),
        edge!(health_window::health_window: "a pod is killed, comes back, and is told to stop, and the edge has to find out each time",
            needs [Has(Edge), PinsBy(Cookie), Pods(2)],
            faults ["kill", "terminate"],
            catches [],
            evidence ["a pod that was killed left the pool and came back", "a pod that drained left the pool and came back"]),
        edge!(one_replica_unpinned::one_replica_unpinned: "one replica is left, and nobody is pinned",
            needs [Attach, Has(Edge), PinsBy(Cookie), Unpins],
            faults ["terminate"],
            catches [],
            evidence ["one pod served without affinity"]),
        edge!(killed_inside_spool_recovery::killed_inside_spool_recovery: "the pod of feedback through the edge dies, and again as it recovers it",
            needs [Has(Edge), PinsBy(Cookie), Pods(2), Spool],
            faults ["hold at", "kill"],
            catches ["spool-recovered-twice", "spool-not-recovered"],
            evidence ["the pod of a client's feedback died inside its recovery of it"]),
    ]
}

/// Other versions behind the edge.
fn releases() -> Vec<Story> {
    vec![
        edge!(rolling_upgrade::rolling_upgrade: "every pod is replaced by another version while clients read and watch through the edge",
            needs [Attach, Has(Edge), PinsBy(Cookie), Pods(2), Bound(Drain), Version],
            faults ["terminate", "other-version"],
            catches [],
            evidence ["2000 requests and 100 streams went through the edge during the upgrade",
                "every pod left in good order and another version took its place"]),
        edge!(promoted_and_rolled_back::promoted_and_rolled_back: "a candidate is verified, promoted and rolled back under load",
        needs [Attach, Has(Edge), PinsBy(Cookie), Candidate, Version],
        faults ["terminate"],
        catches [],
        evidence [
            "the candidate served every new client",
            "clients asked before, during and after the swap",
            "an answer went on through the promotion"
        ]),
        edge!(candidate_beside_a_live_spool::candidate_beside_a_live_spool: "a candidate boots beside a pod that has set feedback aside",
            needs [Has(Edge), Candidate, Spool, Version],
            faults ["hold at", "terminate"],
            catches ["candidate-takes-live-spool"],
            evidence ["a candidate came up while a live pod held feedback"]),
    ]
}

/// The edge goes away.
fn the_edge_itself() -> Vec<Story> {
    vec![
        edge!(edge_away_mid_stream::edge_restarted_mid_stream: "the edge is restarted in the middle of an answer",
            needs [Attach, Has(Edge), PinsBy(Cookie)],
            faults ["stop"],
            catches [],
            evidence ["the edge was restarted while it carried a stream", "the client came back through the edge"]),
        edge!(edge_away_mid_stream::edge_killed_mid_stream: "the edge dies in the middle of an answer",
            needs [Attach, Has(Edge), PinsBy(Cookie)],
            faults ["kill"],
            catches [],
            evidence ["the edge died while it carried a stream", "the client came back through the edge"]),
    ]
}
