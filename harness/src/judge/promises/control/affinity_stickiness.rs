//! Promise 29: a client stays on its healthy pod for as long as its pin lives.
//!
//! The pod that a cookie stands for is learnt from the answers that set it. A request is judged if that pod was surely in the pool from
//! the proof to the answer, and if the request was sent a second or more before its cookie's end. Clients pinned by address move for two
//! reasons only: their pod is lost, or the pod that they move to has come back. That is what rendezvous hashing does; a plain
//! remainder moves clients of healthy pods too. Two clients of one user may be pinned apart. Entries without affinity pin nothing, nor
//! does an edge that was told to pin nobody for a while.

use std::collections::{BTreeSet, HashMap};

use crate::history::{Affinity, Capability, EdgeRules, SetCookie};
use crate::judge::view::{Breach, Pins, Request, View};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 29,
    name: "AffinityStickiness",
    statement: "a client with the affinity cookie, or of one address, is answered by its pod while that pod is healthy and the cookie \
                lives; the cookie has the stated path and lifetime, over TLS `Secure`, `HttpOnly` and `SameSite`, and is set below \
                its path only, never by an entry that redirects; one that slides is given anew with each answer",
    needs: &[Need::Can(Capability::Edge)],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if let Some((pins, rules)) = Pins::of(view).zip(view.rules.edge.as_ref()) {
        for request in view.requests() {
            breaches.extend(wrong_cookie(rules, &pins, &request));
            if view.pins_clients(request.routed.asked_us, request.at.us) {
                breaches.extend(not_issued(&pins, &request));
                breaches.extend(moved(view, &pins, &request));
                breaches.extend(not_issued_again(view, rules, &pins, &request));
            }
        }
    }
    breaches.extend(moved_by_address(view));
    breaches.sort_by_key(|breach| breach.n);
    let mut reported = BTreeSet::new();
    breaches.retain(|breach| reported.insert((breach.subject.clone(), breach.expected.clone())));
    breaches
}

/// The kind of answer that proves that nobody can tell which pod answers: clients were answered through the edge, and no answer
/// names its pod.
pub(in crate::judge) fn names_no_pod(view: &View<'_>) -> bool {
    let is_served = |request: &Request<'_>| !request.entry.redirects && request.routed.status.is_some_and(|s| s < 300);
    let mut served = view.requests().filter(is_served).peekable();
    served.peek().is_some() && served.all(|request| request.routed.pod.is_none())
}

/// A cookie that is set where none may be, or with something else than is stated.
fn wrong_cookie<'v>(rules: &EdgeRules, pins: &Pins<'v>, request: &Request<'v>) -> Option<Breach> {
    let path = &request.routed.path;
    let mut set = pins.set(request);
    if request.entry.redirects {
        let cookie = set.next()?;
        return Some(request.breach("no cookie from an entry that redirects".into(), describe(cookie)));
    }
    if request.entry.affinity != Affinity::Cookie {
        return None;
    }
    if !pins.covers(path) {
        let cookie = set.next()?;
        let below = rules.path.as_deref().unwrap_or("/");
        return Some(request.breach(format!("no cookie for {path}, outside {below}"), describe(cookie)));
    }
    set.find_map(|cookie| {
        let expected = fault_of(rules, request.entry.tls, cookie)?;
        Some(request.breach(expected, describe(cookie)))
    })
}

/// The first attribute of a cookie that is not as stated, as it should be.
fn fault_of(rules: &EdgeRules, tls: bool, cookie: &SetCookie) -> Option<String> {
    let path = rules.path.as_deref().unwrap_or("/");
    if cookie.path.as_deref().unwrap_or("/") != path {
        return Some(format!("a cookie with Path={path}"));
    }
    if let Some(lifetime_ms) = rules.lifetime_ms
        && !lasts(cookie, lifetime_ms)
    {
        return Some(format!(
            "a cookie with the lifetime of {lifetime_ms} ms, in whole seconds"
        ));
    }
    if !cookie.secure && (tls || cookie.name.starts_with("__Secure-")) {
        return Some("a cookie with Secure".into());
    }
    if tls && !cookie.http_only {
        return Some("a cookie with HttpOnly, since no script needs it".into());
    }
    let same_site = cookie.same_site.as_deref().unwrap_or("None");
    let is_sent_across = same_site.eq_ignore_ascii_case("none");
    (tls && is_sent_across).then(|| "a cookie with SameSite=Lax or Strict".into())
}

/// True if the cookie's `Max-Age` is the lifetime in whole seconds, rounded either way, and one second at least.
fn lasts(cookie: &SetCookie, lifetime_ms: u64) -> bool {
    let max_age_s = cookie.max_age_s.and_then(|s| u64::try_from(s).ok());
    let rounded = [lifetime_ms / 1000, lifetime_ms.div_ceil(1000)];
    max_age_s.is_some_and(|s| rounded.map(|whole| whole.max(1)).contains(&s))
}

/// The cookie as its header has it.
fn describe(cookie: &SetCookie) -> String {
    let flag = |is_there: bool, word: &str| is_there.then(|| word.to_owned());
    let parts = [
        Some(format!("{}={}", cookie.name, cookie.value)),
        cookie.max_age_s.map(|s| format!("Max-Age={s}")),
        cookie.path.as_ref().map(|path| format!("Path={path}")),
        flag(cookie.secure, "Secure"),
        flag(cookie.http_only, "HttpOnly"),
        cookie.same_site.as_ref().map(|site| format!("SameSite={site}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// A client without the cookie that a pod answers and that is given none.
fn not_issued<'v>(pins: &Pins<'v>, request: &Request<'v>) -> Option<Breach> {
    let routed = request.routed;
    let is_due = request.is_pinned_by_cookie() && pins.covers(&routed.path) && routed.cookie.is_none();
    let is_answered = routed.pod.is_some() && !request.failed();
    (is_due && is_answered && pins.set(request).next().is_none())
        .then(|| request.breach("a cookie, for the client has none".into(), "none".into()))
}

/// A client that is answered by another pod than its cookie stands for.
fn moved<'v>(view: &View<'_>, pins: &Pins<'v>, request: &Request<'v>) -> Option<Breach> {
    if !request.is_pinned_by_cookie() || !pins.is_alive(request) {
        return None;
    }
    let pin = pins.pin(request)?;
    let by = request.routed.pod.as_ref()?;
    let is_moved = by.as_str() != pin.pod && view.is_in_pool(pin.pod, pin.since_us, request.at.us);
    is_moved.then(|| {
        let expected = format!(
            "an answer of {}, which the cookie stands for and which is healthy",
            pin.pod
        );
        request.breach(expected, request.answer())
    })
}

/// A client that is not given its cookie anew, where its life is to slide.
fn not_issued_again<'v>(view: &View<'_>, rules: &EdgeRules, pins: &Pins<'v>, request: &Request<'v>) -> Option<Breach> {
    let is_due = rules.slides && request.is_pinned_by_cookie() && pins.covers(&request.routed.path);
    if !is_due || request.failed() || !pins.is_alive(request) {
        return None;
    }
    let pin = pins.pin(request)?;
    let by = request.routed.pod.as_ref()?;
    let value = request.routed.cookie.as_deref()?;
    if by.as_str() != pin.pod || !view.is_in_pool(pin.pod, pin.since_us, request.at.us) {
        return None;
    }
    let got = match pins.set(request).last() {
        Some(cookie) if cookie.value == value => return None,
        Some(cookie) => describe(cookie),
        None => "none".to_owned(),
    };
    Some(request.breach(format!("the cookie {value} again, with its life anew"), got))
}

/// Clients of one address that are answered by another pod than before, though nothing happened to either.
fn moved_by_address(view: &View<'_>) -> Vec<Breach> {
    let mut last: HashMap<(&str, Option<&str>), Request<'_>> = HashMap::new();
    let mut breaches = Vec::new();
    for request in view.requests() {
        let routed = request.routed;
        let Some(by) = routed
            .pod
            .as_ref()
            .filter(|_| request.entry.affinity == Affinity::Address)
        else {
            continue;
        };
        let address = routed.address.as_deref();
        let before = last.insert((routed.entry.as_str(), address), request);
        let Some((before, pod)) = before.and_then(|before| Some((before.routed, before.routed.pod.as_ref()?))) else {
            continue;
        };
        let from_us = before.asked_us.min(routed.asked_us);
        let is_still = |pod: &str| view.is_in_pool(pod, from_us, request.at.us);
        if by != pod && is_still(pod.as_str()) && is_still(by.as_str()) {
            let subject = format!(
                "address {} at entry {}",
                address.unwrap_or("of the harness"),
                routed.entry
            );
            breaches.push(Breach {
                subject,
                thread: None,
                n: request.at.n,
                expected: format!("an answer of {pod}, which answered this address before and is healthy"),
                got: request.answer(),
            });
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use crate::history::{EdgeRules, FaultStep, Routed, RunEvent, SetCookie, What};
    use crate::judge::testing::edge::{answered, cookie, edge_play, edge_play_by, edge_rules, failed, pool};
    use crate::judge::testing::{Play, aimed, fault, observed};
    use crate::verdict::Verdict;

    const NAME: &str = "AffinityStickiness";

    /// Client 1 is pinned to pod-1 at 3 s.
    fn pinned(mut play: Play) -> Play {
        play.ask(3_000, answered("secure", "pod-1").setting(cookie("a")));
        play
    }

    fn carrying(pod: &str) -> Routed {
        answered("secure", pod).carrying("a")
    }

    fn put_kill(play: &mut Play, pod: &str, from_ms: u64, until_ms: u64) {
        play.put(from_ms, fault(2, "kill", pod, aimed()))
            .put(from_ms, fault(2, "kill", pod, observed()))
            .put(until_ms, fault(2, "kill", pod, FaultStep::Healed));
    }

    #[test]
    fn clients_that_stay_on_their_pods_are_accepted() {
        let mut play = pinned(edge_play());
        play.ask(3_100, carrying("pod-1"))
            .ask(3_200, answered("secure", "pod-2").of(2).setting(cookie("b")))
            .ask(4_500, carrying("pod-1"))
            .ask(4_600, answered("secure", "pod-2").of(2).carrying("b"))
            .ask(5_000, answered("plain", "").to("/v1/threads"))
            .ask(5_100, answered("free", "pod-1"))
            .ask(5_200, answered("free", "pod-2"));
        play.passes();
    }

    #[test]
    fn a_client_that_leaves_its_healthy_pod_is_found_once() {
        let mut play = pinned(edge_play());
        play.ask(3_500, carrying("pod-2")).ask(3_600, carrying("pod-3"));
        assert_eq!(play.findings(NAME).len(), 1);
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "client 1 at entry secure");
        assert_eq!(
            finding.expected,
            "an answer of pod-1, which the cookie stands for and which is healthy"
        );
        assert_eq!(finding.got, "200 by pod-2");
    }

    #[test]
    fn a_pin_holds_for_the_life_of_its_cookie_less_a_second() {
        for (ms, is_alive) in [(4_900, true), (5_100, false)] {
            let mut play = pinned(edge_play());
            play.ask(ms, carrying("pod-2"));
            assert_eq!(play.findings(NAME).len(), usize::from(is_alive), "{ms}");
        }
        // A cookie that was given anew lives from there.
        let mut play = pinned(edge_play());
        play.ask(4_500, carrying("pod-1").setting(cookie("a")))
            .ask(6_000, carrying("pod-2"));
        play.breaks(NAME);
    }

    #[test]
    fn a_pod_that_something_happens_to_keeps_nobody() {
        let mut play = pinned(edge_play());
        put_kill(&mut play, "pod-1", 3_500, 4_000);
        play.ask(4_800, carrying("pod-2").setting(cookie("b")));
        play.keeps(NAME);
        let mut play = pinned(edge_play());
        put_kill(&mut play, "pod-2", 3_500, 4_000);
        play.ask(4_800, carrying("pod-2"));
        play.breaks(NAME);
        let mut play = pinned(edge_play());
        play.put(4_000, pool(&["pod-2", "pod-3"]))
            .ask(4_800, carrying("pod-2").setting(cookie("b")));
        play.keeps(NAME);
        let mut play = pinned(edge_play());
        play.put(3_200, fault(2, "kill", "postgres", aimed()))
            .ask(4_800, carrying("pod-2").setting(cookie("b")));
        play.keeps(NAME);
    }

    #[test]
    fn nobody_is_pinned_while_the_edge_is_told_not_to() {
        let unpinned = |ms| {
            let mut play = pinned(edge_play());
            play.put(3_200, What::Run(RunEvent::Pinning { on: false }))
                .put(3_700, What::Run(RunEvent::Pinning { on: true }))
                .ask(ms, carrying("pod-2"))
                .ask(ms, answered("secure", "pod-2").of(2));
            play
        };
        assert_eq!(unpinned(3_100).findings(NAME).len(), 2);
        unpinned(3_500).keeps(NAME);
        unpinned(4_600).keeps(NAME);
        assert_eq!(unpinned(4_800).findings(NAME).len(), 2);
    }

    #[test]
    fn a_value_that_nothing_is_known_of_is_not_judged() {
        let mut play = edge_play();
        play.ask(3_000, carrying("pod-1")).ask(3_500, carrying("pod-2"));
        play.keeps(NAME);
        // Given to another client, it says which pod it stands for, and not how long it lives in this one.
        let mut play = edge_play();
        play.ask(3_000, answered("secure", "pod-1").of(2).setting(cookie("a")))
            .ask(3_500, carrying("pod-2"));
        play.keeps(NAME);
        // An answer of nobody is another promise's.
        let mut play = pinned(edge_play());
        play.ask(3_500, failed("secure", 502).carrying("a"));
        play.keeps(NAME);
    }

    #[test]
    fn answers_that_name_no_pod_prove_nothing() {
        let mut play = edge_play();
        let nameless = |routed: Routed| Routed { pod: None, ..routed };
        play.ask(3_000, nameless(answered("secure", "").setting(cookie("a"))))
            .ask(3_500, nameless(answered("secure", "").carrying("a")));
        let judged = play.judged();
        assert_eq!((judged.verdict, judged.findings), (Verdict::Inconclusive, vec![]));
        assert!(
            judged
                .reason
                .expect("a reason")
                .starts_with("no answer through the edge names its pod")
        );
    }

    #[test]
    fn a_cookie_with_other_attributes_than_stated_is_found() {
        let set = |bad: SetCookie| {
            let mut play = edge_play();
            play.ask(3_000, answered("secure", "pod-1").setting(bad));
            play.breaks(NAME).expected
        };
        let good = || cookie("a");
        let path = |path: Option<&str>| SetCookie {
            path: path.map(Into::into),
            ..good()
        };
        assert_eq!(set(path(Some("/"))), "a cookie with Path=/v1");
        assert_eq!(set(path(None)), "a cookie with Path=/v1");
        for max_age_s in [Some(2), Some(4), Some(0), Some(-1), None] {
            let expected = "a cookie with the lifetime of 3000 ms, in whole seconds";
            assert_eq!(set(SetCookie { max_age_s, ..good() }), expected);
        }
        assert_eq!(
            set(SetCookie {
                secure: false,
                ..good()
            }),
            "a cookie with Secure"
        );
        let http_only = false;
        assert!(set(SetCookie { http_only, ..good() }).starts_with("a cookie with HttpOnly"));
        for same_site in [None, Some("None".into())] {
            assert_eq!(
                set(SetCookie { same_site, ..good() }),
                "a cookie with SameSite=Lax or Strict"
            );
        }
    }

    #[test]
    fn a_lifetime_between_two_seconds_may_be_rounded_either_way() {
        let rules = |ms| EdgeRules {
            lifetime_ms: Some(ms),
            ..edge_rules()
        };
        for (lifetime_ms, max_age_s, is_kept) in [(2_500, 3, true), (3_500, 3, true), (1_500, 3, false), (400, 1, true)]
        {
            let mut play = edge_play_by(rules(lifetime_ms));
            let max_age_s = Some(max_age_s);
            play.ask(
                3_000,
                answered("secure", "pod-1").setting(SetCookie {
                    max_age_s,
                    ..cookie("a")
                }),
            );
            assert_eq!(play.findings(NAME).is_empty(), is_kept, "{lifetime_ms}");
        }
    }

    #[test]
    fn a_cookie_where_none_may_be_and_none_where_one_is_due_are_found() {
        let found = |routed: Routed| edge_play().ask(3_000, routed).breaks(NAME).expected;
        assert_eq!(
            found(answered("plain", "").setting(cookie("a"))),
            "no cookie from an entry that redirects"
        );
        for path in ["/healthz", "/v10/threads"] {
            let outside = answered("secure", "pod-1").to(path);
            edge_play().ask(3_000, outside.clone()).keeps(NAME);
            assert_eq!(
                found(outside.setting(cookie("a"))),
                format!("no cookie for {path}, outside /v1")
            );
        }
        assert_eq!(found(answered("secure", "pod-1")), "a cookie, for the client has none");
        edge_play().ask(3_000, failed("secure", 503)).keeps(NAME);
    }

    #[test]
    fn a_cookie_that_slides_is_given_anew_with_each_answer() {
        let slides = || {
            let rules = EdgeRules {
                slides: true,
                ..edge_rules()
            };
            pinned(edge_play_by(rules))
        };
        let mut play = slides();
        play.ask(3_500, carrying("pod-1").setting(cookie("a")))
            .ask(5_500, carrying("pod-1").setting(cookie("a")));
        play.passes();
        let expected = "the cookie a again, with its life anew";
        let mut play = slides();
        play.ask(3_500, carrying("pod-1"));
        assert_eq!(play.breaks(NAME).expected, expected);
        let mut play = slides();
        play.ask(3_500, carrying("pod-1").setting(cookie("b")));
        assert_eq!(play.breaks(NAME).expected, expected);
        let mut play = slides();
        put_kill(&mut play, "pod-1", 3_200, 3_600);
        play.ask(3_500, carrying("pod-1"));
        play.keeps(NAME);
    }

    #[test]
    fn an_address_moves_with_the_loss_of_its_pod_or_to_one_that_came_back() {
        let from = |pod: &str| answered("by-address", pod).at_address("10.0.0.1");
        let first = || {
            let mut play = edge_play();
            play.ask(3_000, from("pod-1"))
                .ask(3_100, answered("by-address", "pod-2").at_address("10.0.0.2"));
            play
        };
        first().ask(9_000, from("pod-1")).passes();
        let finding = first().ask(9_000, from("pod-2")).breaks(NAME);
        assert_eq!(finding.subject, "address 10.0.0.1 at entry by-address");
        let with_kill = |pod: &str, to: &str| {
            let mut play = first();
            put_kill(&mut play, pod, 4_000, 5_000);
            play.ask(9_000, from(to));
            play
        };
        with_kill("pod-1", "pod-2").keeps(NAME);
        with_kill("pod-2", "pod-2").keeps(NAME);
        // The loss of a third pod moves nobody else.
        with_kill("pod-3", "pod-2").breaks(NAME);
        let mut play = first();
        play.put(6_000, pool(&["pod-1", "pod-2", "pod-3", "pod-candidate"]))
            .ask(9_000, from("pod-candidate"));
        play.keeps(NAME);
    }
}
