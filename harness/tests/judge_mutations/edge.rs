//! Corruptions of requests through the edge: which pod answers, which cookie is set, and what a client is shown.

use crosspod::history::{
    Affinity, ClientEvent, EdgeRules, Event, FaultStep, PodName, Routed, RunEvent, SetCookie, What,
};
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::{Kind, any, insert_behind, places};

/// How long before a request nothing may have happened to any pod: a pin is proven by an answer that is no older.
const CALM_US: u64 = 2_000_000;

pub(crate) const KINDS: &[Kind] = &[
    ("a client leaves its healthy pod", move_client, &["AffinityStickiness"]),
    (
        "an address leaves its healthy pod",
        move_address,
        &["AffinityStickiness"],
    ),
    ("a cookie is not as stated", spoil_cookie, &["AffinityStickiness"]),
    ("a redirect sets a cookie", set_on_redirect, &["AffinityStickiness"]),
    ("a cookie does not slide", let_lapse, &["AffinityStickiness"]),
    ("a client keeps the pin of a lost pod", keep_pin, &["FailoverRepin"]),
    ("the edge fails a client", fail, &["FailoverRepin"]),
    ("a promotion shows an error", fail_in_promotion, &["DrainCompleteness"]),
];

fn rules(events: &[Event]) -> Option<EdgeRules> {
    events.iter().find_map(|event| match &event.what {
        What::Run(RunEvent::Began(began)) => began.rules.edge.clone(),
        _ => None,
    })
}

fn routed(event: &Event) -> Option<&Routed> {
    match &event.what {
        What::Client(ClientEvent::Routed(routed)) => Some(routed),
        _ => None,
    }
}

fn routed_mut(event: &mut Event) -> Option<&mut Routed> {
    match &mut event.what {
        What::Client(ClientEvent::Routed(routed)) => Some(routed),
        _ => None,
    }
}

/// Places of requests by entries of one kind that satisfy `which`.
fn requests(events: &[Event], affinity: Affinity, which: impl Fn(&Routed) -> bool) -> Vec<usize> {
    let Some(rules) = rules(events) else {
        return Vec::new();
    };
    let is_by = |routed: &Routed| {
        let mut entries = rules.entries.iter();
        entries.any(|entry| entry.name == routed.entry && entry.affinity == affinity && !entry.redirects)
    };
    let counts = |place: &usize| routed(&events[*place]).is_some_and(|routed| is_by(routed) && which(routed));
    (0..events.len()).filter(counts).collect()
}

/// True if nothing was the matter with any pod at a place or shortly before, as far as the edge knows.
fn is_calm(events: &[Event], place: usize) -> bool {
    let until_us = events[place].at_us;
    let health_us = rules(events).map_or(0, |rules| rules.health_ms * 1000);
    let from_us = until_us.saturating_sub(CALM_US + health_us);
    events.iter().all(|event| match &event.what {
        What::Fault(fault) if matches!(fault.step, FaultStep::Aimed { .. }) => {
            let healed = events.iter().find(
                |other| matches!(&other.what, What::Fault(of) if of.id == fault.id && of.step == FaultStep::Healed),
            );
            event.at_us > until_us || healed.is_some_and(|healed| healed.at_us < from_us)
        }
        What::Run(RunEvent::Pool { .. }) => event.at_us.saturating_sub(health_us) > until_us || event.at_us < from_us,
        _ => true,
    })
}

/// Another pod than the one that answered.
fn another(events: &[Event], pod: &PodName) -> Option<PodName> {
    events.iter().find_map(|event| match &event.what {
        What::Run(RunEvent::Began(began)) => began.pods.iter().find(|other| *other != pod).cloned(),
        _ => None,
    })
}

fn move_to_another(events: &mut [Event], place: usize) -> Option<()> {
    let pod = another(events, routed(&events[place])?.pod.as_ref()?)?;
    routed_mut(&mut events[place])?.pod = Some(pod);
    Some(())
}

/// True if the answer gives the client the cookie again that it has.
fn is_given_again(routed: &Routed) -> bool {
    let last = routed.set.last().map(|cookie| &cookie.value);
    routed.pod.is_some() && last.is_some() && last == routed.cookie.as_ref()
}

fn move_client(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let mut pinned = requests(events, Affinity::Cookie, is_given_again);
    pinned.retain(|place| is_calm(events, *place));
    let place = any(&pinned, rng)?;
    move_to_another(events, place)
}

fn move_address(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let mut pinned = requests(events, Affinity::Address, |routed| routed.pod.is_some());
    pinned.retain(|place| is_calm(events, *place));
    let address = |place: usize| routed(&events[place]).map(|routed| (&routed.entry, &routed.address));
    let all = pinned.clone();
    // One that came before, in a time as calm, shows where the address belongs.
    pinned.retain(|place| {
        all.iter()
            .any(|other| other < place && address(*other) == address(*place))
    });
    let place = any(&pinned, rng)?;
    let faults = places(&events[..place], |what| {
        matches!(what, What::Fault(_) | What::Run(RunEvent::Pool { .. }))
    });
    let before = all
        .iter()
        .rfind(|other| **other < place && address(**other) == address(place))?;
    if faults.last().is_some_and(|last| last > before) {
        return None;
    }
    move_to_another(events, place)
}

fn spoil_cookie(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let tls: Vec<String> = rules(events)?
        .entries
        .iter()
        .filter(|entry| entry.tls)
        .map(|entry| entry.name.clone())
        .collect();
    let set = requests(events, Affinity::Cookie, |routed| {
        !routed.set.is_empty() && tls.contains(&routed.entry)
    });
    let place = any(&set, rng)?;
    let cookie = routed_mut(&mut events[place])?.set.first_mut()?;
    match rng.random_range(0..5) {
        0 => cookie.path = Some("/somewhere/else".into()),
        1 => cookie.max_age_s = Some(cookie.max_age_s.unwrap_or_default() + 5),
        2 => cookie.secure = false,
        3 => cookie.http_only = false,
        _ => cookie.same_site = None,
    }
    Some(())
}

fn good_cookie(events: &[Event]) -> Option<SetCookie> {
    events
        .iter()
        .filter_map(routed)
        .find_map(|routed| routed.set.first().cloned())
}

fn set_on_redirect(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let cookie = good_cookie(events)?;
    let rules = rules(events)?;
    let redirects = |routed: &Routed| {
        let mut entries = rules.entries.iter();
        entries.any(|entry| entry.name == routed.entry && entry.redirects)
    };
    let is_redirect = |what: &What| matches!(what, What::Client(ClientEvent::Routed(routed)) if redirects(routed));
    let place = any(&places(events, is_redirect), rng)?;
    routed_mut(&mut events[place])?.set.push(cookie);
    Some(())
}

fn let_lapse(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    if !rules(events)?.slides {
        return None;
    }
    let mut again = requests(events, Affinity::Cookie, is_given_again);
    again.retain(|place| is_calm(events, *place));
    let place = any(&again, rng)?;
    routed_mut(&mut events[place])?.set.clear();
    Some(())
}

/// Gives a client that was moved away from a dead pod its old cookie again.
fn keep_pin(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let health_us = rules(events)?.health_ms * 1000;
    let mut moved = requests(events, Affinity::Cookie, |routed| {
        let last = routed.set.last().map(|cookie| &cookie.value);
        routed.cookie.is_some() && last.is_some() && last != routed.cookie.as_ref()
    });
    // The pod died longer ago than the edge takes to notice, and nobody has begun to heal it.
    moved.retain(|place| {
        let asked_us = routed(&events[*place]).map_or(0, |routed| routed.asked_us);
        let of = |step: fn(&FaultStep) -> bool| {
            let faults = events
                .iter()
                .filter(move |event| matches!(&event.what, What::Fault(fault) if step(&fault.step)));
            faults.map(|event| event.at_us)
        };
        let is_known =
            of(|step| matches!(step, FaultStep::Observed { .. })).all(|us| us + health_us + 500_000 < asked_us);
        let is_back = of(|step| matches!(step, FaultStep::Healing | FaultStep::Healed)).any(|us| us <= asked_us);
        is_known && !is_back
    });
    let place = any(&moved, rng)?;
    let routed = routed_mut(&mut events[place])?;
    let old = routed.cookie.clone()?;
    routed.set.last_mut()?.value = old;
    Some(())
}

/// An answer of the edge itself to another request of a client, right behind one that went well.
fn error_behind(events: &mut Vec<Event>, place: usize) -> Option<()> {
    let failed = Routed {
        status: Some(502),
        pod: None,
        set: Vec::new(),
        ..routed(&events[place])?.clone()
    };
    insert_behind(events, place, What::Client(ClientEvent::Routed(Box::new(failed))));
    Some(())
}

fn fail(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let mut well = places(events, |what| matches!(what, What::Client(ClientEvent::Routed(_))));
    well.retain(|place| is_calm(events, *place));
    let place = any(&well, rng)?;
    error_behind(events, place)
}

fn fail_in_promotion(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let mut well = places(events, |what| matches!(what, What::Client(ClientEvent::Routed(_))));
    well.retain(|place| is_calm(events, *place));
    let place = any(&well, rng)?;
    let pods = events.iter().find_map(|event| match &event.what {
        What::Run(RunEvent::Began(began)) => Some(began.pods.clone()),
        _ => None,
    })?;
    error_behind(events, place)?;
    insert_behind(events, place, What::Run(RunEvent::Pool { pods }));
    Some(())
}
