//! Promise 37: nobody reads another tenant's thread, in any way, on any pod; a revoked credential opens nothing.
//!
//! A server error or a missing answer says nothing about who may read. Its body is searched all the same.

use std::collections::{BTreeSet, HashMap};

use crate::history::{Bound, Capability, Credential, Outcome, TenantId};
use crate::judge::view::{Access, Breach, Turn, View, Watcher, name, oneline};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 37,
    name: "TenantIsolation",
    statement: "a request for another tenant's thread is refused on every pod and the \
                answer holds nothing of that tenant; no refusal of any request quotes another tenant's names, \
                ids or texts; no stream or reading shows another tenant's thread; once the bound has passed, a \
                revoked credential is refused with 401 or 403 on every pod, and no tail that was opened with it \
                is open",
    needs: &[Need::Can(Capability::Tenants)],
    clauses: &[Clause {
        name: "revoked credentials",
        needs: &[Need::Can(Capability::Revocation), Need::Within(Bound::Revocation)],
    }],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let secrets = Secrets::of(view);
    let mut breaches: Vec<Breach> = view
        .accesses
        .iter()
        .filter_map(|access| match access.credential {
            Credential::Owner => None,
            Credential::Foreign => foreign(view, access, &secrets),
            Credential::Revoked => revoked(view, access),
        })
        .collect();
    breaches.extend(refusals(view).filter_map(|refusal| leaking(view, &refusal, &secrets)));
    breaches.extend(view.watchers.iter().filter_map(|watcher| outlived(view, watcher)));
    let mut reported = BTreeSet::new();
    let shown = view
        .watchers
        .iter()
        .filter_map(|watcher| other_tenants_turn(view, watcher));
    let shown = shown
        .chain(other_tenants_text(view))
        .filter(|breach| reported.insert(breach.subject.clone()));
    breaches.extend(shown);
    breaches
}

/// Names, ids and texts that a stranger must not be shown, each with the tenants that know it.
#[derive(Default)]
struct Secrets<'a> {
    words: HashMap<&'a str, (&'static str, Vec<&'a TenantId>)>,
    /// Texts of several words, by their longest one.
    texts: HashMap<&'a str, Vec<(&'a str, &'a TenantId)>>,
}

impl<'a> Secrets<'a> {
    fn of(view: &View<'a>) -> Self {
        let mut secrets = Self::default();
        for thread in &view.threads {
            secrets.word("the tenant's name", thread.tenant.map(TenantId::as_str), thread.tenant);
            secrets.word("the tenant's thread", Some(thread.id.as_str()), thread.tenant);
        }
        for post in &view.posts {
            let tenant = view.threads[post.thread].tenant;
            secrets.word("the id of the tenant's message", Some(post.message.as_str()), tenant);
            if let (Some(longest), Some(tenant)) = (words(post.text).max_by_key(|word| word.len()), tenant) {
                secrets.texts.entry(longest).or_default().push((post.text, tenant));
            }
        }
        for turn in &view.turns {
            let tenant = turn.thread.and_then(|thread| view.threads[thread].tenant);
            secrets.word("the tenant's turn", Some(turn.id.as_str()), tenant);
            secrets.word(
                "the key of the tenant's turn",
                turn.expect.map(|expect| expect.key.as_str()),
                tenant,
            );
        }
        secrets
    }

    fn word(&mut self, what: &'static str, word: Option<&'a str>, tenant: Option<&'a TenantId>) {
        if let (Some(word), Some(tenant)) = (word.filter(|word| !word.is_empty()), tenant) {
            let (_, tenants) = self.words.entry(word).or_insert((what, Vec::new()));
            if tenants.last() != Some(&tenant) {
                tenants.push(tenant);
            }
        }
    }

    /// The first thing in `body` that only tenants of which `is_foreign` holds can know, `asked` aside, which the request
    /// itself named.
    fn in_body(&self, body: &str, asked: &[&str], is_foreign: impl Fn(&TenantId) -> bool) -> Option<String> {
        let found = words(body).filter(|word| !asked.contains(word)).find_map(|word| {
            let known = self
                .words
                .get(word)
                .filter(|(_, tenants)| tenants.iter().all(|tenant| is_foreign(tenant)));
            let text = || {
                let mut texts = self.texts.get(word)?.iter();
                texts
                    .find(|(text, tenant)| is_foreign(tenant) && body.contains(text))
                    .map(|(text, _)| *text)
            };
            match known {
                Some((what, _)) => Some((*what, word)),
                None => text().map(|text| ("the tenant's message", text)),
            }
        });
        found.map(|(what, secret)| format!("{what}: `{}`", oneline(secret)))
    }
}

/// The words of a text, ids among them: so that a short name is not found inside another word.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_'))
        .filter(|word| !word.is_empty())
}

fn foreign(view: &View<'_>, access: &Access<'_>, secrets: &Secrets<'_>) -> Option<Breach> {
    let thread = &view.threads[access.thread];
    // The history does not say to whom the foreign credential belongs: only what the asked tenant alone knows
    // is secret.
    let is_foreign = |tenant: &TenantId| Some(tenant) == thread.tenant;
    if let Some(secret) = secrets.in_body(access.body, &[thread.id.as_str()], is_foreign) {
        return Some(breach(access, "nothing of the thread's tenant".into(), secret));
    }
    let status = access.status?;
    match status {
        // Whatever a refusal calls its reason, it shows nothing.
        400..=499 | 500.. => None,
        _ => Some(breach(
            access,
            "a refusal".into(),
            format!("{status}: `{}`", oneline(access.body)),
        )),
    }
}

/// A request of a thread's own tenant that was refused.
struct Refusal<'a> {
    subject: String,
    thread: usize,
    n: u64,
    asked: &'a str,
    body: &'a str,
}

fn refusals<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = Refusal<'a>> + 'v {
    let posts = view.posts.iter().filter_map(|post| match post.ended? {
        (at, Outcome::Failed { reason, .. }) => Some(Refusal {
            subject: format!("post through {}", post.pod),
            thread: post.thread,
            n: at.n,
            asked: post.message.as_str(),
            body: reason,
        }),
        _ => None,
    });
    let tails = view.refused.iter().map(|refused| Refusal {
        subject: format!("attach of {} on {}", refused.watcher, refused.pod),
        thread: refused.thread,
        n: refused.at.n,
        asked: "",
        body: refused.reason,
    });
    let accesses = view
        .accesses
        .iter()
        .filter(|access| access.credential != Credential::Foreign && access.status.is_some_and(|status| status >= 400));
    let accesses = accesses.map(|access| Refusal {
        subject: format!(
            "{} through {} with {:?} credential",
            access.route, access.pod, access.credential
        ),
        thread: access.thread,
        n: access.at.n,
        asked: "",
        body: access.body,
    });
    posts.chain(tails).chain(accesses)
}

/// A refusal that quotes a tenant other than the one that asked.
fn leaking(view: &View<'_>, refusal: &Refusal<'_>, secrets: &Secrets<'_>) -> Option<Breach> {
    let own = view.threads[refusal.thread].tenant?;
    let secret = secrets.in_body(refusal.body, &[refusal.asked], |tenant| tenant != own)?;
    Some(Breach {
        subject: refusal.subject.clone(),
        thread: Some(refusal.thread),
        n: refusal.n,
        expected: "a refusal that says nothing of another tenant".into(),
        got: secret,
    })
}

fn revoked(view: &View<'_>, access: &Access<'_>) -> Option<Breach> {
    let tenant = view.threads[access.thread].tenant?;
    let since = view
        .revoked
        .iter()
        .find(|revoked| revoked.tenant == tenant && revoked.at.n < access.at.n)?;
    let after_us = access.at.us.saturating_sub(since.at.us);
    let status = access.status?;
    if matches!(status, 401 | 403 | 500..) || after_us <= view.bounds.revocation_ms * 1000 {
        return None;
    }
    let expected = format!(
        "401 or 403 more than {} ms after the revocation",
        view.bounds.revocation_ms
    );
    Some(breach(
        access,
        expected,
        format!("{status}, {} ms after it: `{}`", after_us / 1000, oneline(access.body)),
    ))
}

/// A tail that is still open when its session has been revoked for longer than the bound.
fn outlived(view: &View<'_>, watcher: &Watcher<'_>) -> Option<Breach> {
    let tenant = view.threads[watcher.thread].tenant?;
    let revoked = view.revoked.iter().find(|revoked| {
        let is_its = watcher.session.is_some_and(|session| revoked.session == Some(session));
        revoked.tenant == tenant && is_its
    })?;
    let (from_us, bound_ms) = (revoked.at.us.max(watcher.opened.us), view.bounds.revocation_ms);
    // A pod that cannot ask, or does nothing at all, cannot know.
    let by_us = view
        .faults
        .deadline(from_us, bound_ms * 1000, Some(watcher.pod.as_str()), &view.pods)?;
    let until_us = watcher.closed.map_or(view.watched_until_us(), |(at, _)| at.us);
    if until_us <= by_us {
        return None;
    }
    let late = watcher.frames().find(|frame| frame.at.us > by_us && frame.is_content());
    let open_ms = until_us.saturating_sub(from_us) / 1000;
    Some(Breach {
        subject: watcher.label(),
        thread: Some(watcher.thread),
        n: late.map_or(revoked.at.n, |frame| frame.at.n),
        expected: format!("the tail's end within {bound_ms} ms of its session's revocation"),
        got: match late {
            Some(frame) => format!("it stayed open for {open_ms} ms more, and showed {}", name(frame.chunk)),
            None => format!("it stayed open for {open_ms} ms more"),
        },
    })
}

fn breach(access: &Access<'_>, expected: String, got: String) -> Breach {
    let subject = format!(
        "{} through {} with {:?} credential",
        access.route, access.pod, access.credential
    );
    Breach {
        subject,
        thread: Some(access.thread),
        n: access.at.n,
        expected,
        got,
    }
}

/// A frame of a turn that belongs to another tenant's thread.
fn other_tenants_turn(view: &View<'_>, watcher: &Watcher<'_>) -> Option<Breach> {
    let foreign = |place: &&usize| {
        view.turns[**place]
            .thread
            .is_some_and(|thread| are_strangers(view, thread, watcher.thread))
    };
    let place = watcher.turns.keys().find(foreign)?;
    let seen = &watcher.turns[place];
    let shown = seen.current().and_then(|showing| showing.text.first_event());
    let n = shown
        .or(seen.finishes.first().map(|finish| finish.at.n))
        .unwrap_or(watcher.opened.n);
    Some(Breach {
        subject: watcher.label(),
        thread: Some(watcher.thread),
        n,
        expected: format!("turns of thread {} only", view.threads[watcher.thread].id),
        got: format!("turn {} of another tenant", view.turns[*place].id),
    })
}

/// Text with tokens of another tenant's turn in it, on a screen, in the store or in a reading.
fn other_tenants_text<'v>(view: &'v View<'_>) -> impl Iterator<Item = Breach> + 'v {
    let of_turn = |turn: &'v Turn<'_>| Some((turn.expect?.key.as_str(), turn.thread?));
    let keys: HashMap<&str, usize> = if view.mixed_texts.is_empty() {
        HashMap::new()
    } else {
        view.turns.iter().filter_map(of_turn).collect()
    };
    view.mixed_texts.iter().filter_map(move |mixed| {
        let thread = mixed.thread?;
        let foreign = |key: &str| keys.get(key).is_some_and(|owner| are_strangers(view, *owner, thread));
        let run = mixed.call_runs.iter().find(|run| foreign(&run.key))?;
        Some(Breach {
            subject: mixed.holder(),
            thread: Some(thread),
            n: run.n,
            expected: "tokens of the thread's own turns".into(),
            got: format!("`{}` of another tenant's turn", run.first),
        })
    })
}

fn are_strangers(view: &View<'_>, a: usize, b: usize) -> bool {
    let tenant = |thread: usize| view.threads[thread].tenant;
    tenant(a).zip(tenant(b)).is_some_and(|(a, b)| a != b)
}

#[cfg(test)]
mod tests {
    use mock_ai::token::Answer;

    use crate::history::{
        ClientEvent, Credential, FaultStep, OpId, Outcome, SessionNo, Status, TailEnd, WatcherEvent, What,
    };
    use crate::judge::testing::{
        Play, accepted, access, aimed, answer, closed, delta, fault, opened, posted, read, takeover, token,
    };

    const NAME: &str = "TenantIsolation";

    fn revoked() -> What {
        What::Client(ClientEvent::Revoked {
            tenant: "tenant-a".into(),
            pod: "pod-1".into(),
            session: Some(number(1)),
        })
    }

    fn number(n: u8) -> SessionNo {
        SessionNo(n.try_into().expect("from 1"))
    }

    #[test]
    fn a_stranger_that_is_refused_everywhere_is_accepted() {
        takeover().keeps(NAME);
    }

    #[test]
    fn a_stranger_that_is_let_in_is_found() {
        let mut play = takeover();
        play.put(1403, access("pod-2", Credential::Foreign, Some(200), ""));
        assert_eq!(play.breaks(NAME).subject, "read through pod-2 with Foreign credential");
    }

    #[test]
    fn a_refusal_that_quotes_the_tenant_is_found() {
        for body in [
            "belongs to tenant-a",
            "busy with `please answer m-1`",
            "holds turn-1",
            &token(2, 1),
        ] {
            let mut play = takeover();
            play.put(1403, access("pod-2", Credential::Foreign, Some(404), body));
            play.breaks(NAME);
        }
        let mut play = takeover();
        play.put(
            1403,
            access("pod-2", Credential::Foreign, Some(404), "no turn-12, no tenant-abc"),
        );
        play.keeps(NAME);
    }

    #[test]
    fn a_refusal_of_an_own_request_that_quotes_another_tenant_is_found() {
        let refused = |reason: &str| {
            let mut play = takeover();
            play.put(1300, posted(2, "t-2", "m-1", "key-b"));
            let (status, reason) = (409, reason.into());
            let outcome = Outcome::Failed { status, reason };
            play.put(1301, What::Client(ClientEvent::PostEnded { op: OpId(2), outcome }));
            play
        };
        for reason in [
            "m-1 is tenant-a's",
            "thread t-1 has it",
            "as part of turn-1",
            "it says ~key-1.c2.k1",
        ] {
            assert_eq!(refused(reason).breaks(NAME).subject, "post through pod-1");
        }
        // The answer may hold what the request named, and what belongs to its tenant.
        refused("m-1 stands for another text, tenant-b").keeps(NAME);
    }

    #[test]
    fn a_request_without_an_answer_or_with_a_server_error_proves_nothing() {
        let mut play = takeover();
        play.put(1403, access("pod-2", Credential::Foreign, None, ""))
            .put(1403, access("pod-2", Credential::Foreign, Some(503), ""));
        play.put(20, revoked())
            .put(1403, access("pod-2", Credential::Revoked, None, ""));
        play.keeps(NAME);
    }

    #[test]
    fn a_revoked_credential_is_refused_once_the_bound_has_passed() {
        let mut play = takeover();
        play.put(1235, revoked())
            .put(2000, access("pod-2", Credential::Revoked, Some(200), ""));
        play.put(2300, access("pod-2", Credential::Revoked, Some(401), ""));
        play.keeps(NAME);
        play.put(2300, access("pod-3", Credential::Revoked, Some(200), ""));
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "read through pod-3 with Revoked credential");
        assert!(finding.got.starts_with("200, 1065 ms after it"), "{}", finding.got);
    }

    /// The good run, in which the session of the fifth watcher, on pod-1, is revoked at 5 s.
    fn revoked_under(session: u8) -> Play {
        let mut play = takeover();
        let mut tail = opened(5, "pod-1", None);
        if let What::Watcher(WatcherEvent::TailOpened { session: shown, .. }) = &mut tail {
            *shown = Some(number(session));
        }
        play.turn_into(&opened(5, "pod-1", None), tail);
        play.put(5_000, revoked());
        play
    }

    #[test]
    fn an_open_tail_ends_once_its_session_is_revoked() {
        let mut play = revoked_under(1);
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "w5 on pod-1");
        assert!(
            finding.got.starts_with("it stayed open for 9900 ms more"),
            "{}",
            finding.got
        );
        let mut shown = play.clone();
        shown.put(7_000, delta(5, 2, 9, "secret "));
        assert!(shown.breaks(NAME).got.ends_with("showed text `secret` of turn turn-1"));
        play.without(|what| *what == closed(5, TailEnd::Left));
        for (ms, is_kept) in [(5_900, true), (6_100, false)] {
            let mut play = play.clone();
            play.put(ms, closed(5, TailEnd::Eof));
            assert_eq!(play.findings(NAME).is_empty(), is_kept, "closed at {ms} ms");
        }
    }

    #[test]
    fn a_tail_of_another_session_or_on_a_pod_that_cannot_know_may_stay() {
        revoked_under(2).keeps(NAME);
        let mut asleep = revoked_under(1);
        asleep.put(4_900, fault(2, "pause", "postgres", aimed()));
        asleep.keeps(NAME);
        asleep.put(8_000, fault(2, "pause", "postgres", FaultStep::Healed));
        asleep.breaks(NAME);
        // An older history does not say whose session it was.
        let mut play = takeover();
        play.put(5_000, revoked());
        play.keeps(NAME);
    }

    #[test]
    fn another_tenants_token_on_a_screen_or_in_a_reading_is_found() {
        let other = Answer::new("key-b", 1, 2).texts().next().expect("a token");
        let mut play = takeover();
        play.put(4, posted(2, "t-2", "m-b", "key-b"))
            .put(4, accepted(2, "turn-b"));
        let good = play.clone();
        play.turn_into(&delta(3, 2, 4, token(2, 4)), delta(3, 2, 4, other.clone()));
        assert_eq!(play.breaks(NAME).subject, "w3 on pod-3");

        let mut play = good;
        play.keeps(NAME);
        let answered = read("pod-2", Status::Completed, answer(2) + &other, None);
        play.turn_into(&read("pod-2", Status::Completed, answer(2), None), answered);
        assert_eq!(play.breaks(NAME).subject, "thread read from pod-2");
    }
}
