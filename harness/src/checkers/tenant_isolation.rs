//! Promise 37: nobody reads another tenant's thread, in any way, on any pod; a revoked credential opens nothing.
//!
//! A server error or a missing answer proves nothing about who may read, but what its body says is read all the same.

use std::collections::{BTreeMap, BTreeSet};

use mock_ai::token::MARK;

use super::Promise;
use super::view::{Access, Breach, Text, View, Watcher, oneline};
use crate::history::{Capability, Credential, Outcome};

pub(crate) const PROMISE: Promise = Promise {
    number: 37,
    name: "TenantIsolation",
    statement: "a request for another tenant's thread is refused as 401, 403 or 404 on every pod and its answer holds nothing \
                of that tenant; no stream or reading shows another thread's tenant; a revoked credential is refused as 401 \
                or 403 on every pod once the bound has passed",
    needs: &[Capability::Tenants],
    judge,
};

/// What must not be told to a stranger, by thread.
type Secrets<'a> = BTreeMap<usize, Vec<(&'static str, String)>>;

fn judge(view: &View<'_>) -> Vec<Breach> {
    let secrets = secrets(view);
    let mut breaches: Vec<Breach> = view
        .accesses
        .iter()
        .filter_map(|access| match access.credential {
            Credential::Owner => None,
            Credential::Foreign => foreign(access, &secrets),
            Credential::Revoked => revoked(view, access),
        })
        .collect();
    let mut told = BTreeSet::new();
    let shown = view
        .watchers
        .iter()
        .filter_map(|watcher| other_tenants_turn(view, watcher));
    let shown = shown
        .chain(other_tenants_text(view))
        .filter(|breach| told.insert(breach.subject.clone()));
    breaches.extend(shown);
    breaches
}

fn secrets<'a>(view: &View<'a>) -> Secrets<'a> {
    let mut secrets = Secrets::new();
    for (place, thread) in view.threads.iter().enumerate() {
        secrets
            .entry(place)
            .or_default()
            .extend(thread.tenant.map(|tenant| ("the tenant's name", tenant.to_string())));
    }
    for post in &view.posts {
        let of_thread = secrets.entry(post.thread).or_default();
        of_thread.push(("the tenant's message", post.text.to_owned()));
        if let Some((_, Outcome::Ok(accepted))) = post.ended {
            of_thread.push(("the tenant's turn", accepted.turn.to_string()));
        }
    }
    for turn in &view.turns {
        if let (Some(thread), Some(expect)) = (turn.thread, turn.expect) {
            secrets
                .entry(thread)
                .or_default()
                .push(("a token", format!("{MARK}{}.c", expect.key)));
        }
    }
    secrets
}

fn foreign(access: &Access<'_>, secrets: &Secrets<'_>) -> Option<Breach> {
    let known = secrets.get(&access.thread).map_or(&[][..], Vec::as_slice);
    if let Some((what, secret)) = known.iter().find(|(_, secret)| tells(access.body, secret)) {
        return Some(breach(
            access,
            "nothing of the thread's tenant".into(),
            format!("{what}: `{}`", oneline(secret)),
        ));
    }
    let status = access.status?;
    match status {
        401 | 403 | 404 | 500.. => None,
        _ => Some(breach(
            access,
            "401, 403 or 404".into(),
            format!("{status}: `{}`", oneline(access.body)),
        )),
    }
}

/// Whether `body` holds `secret` as a word of its own, so that a short name is not found inside another word.
fn tells(body: &str, secret: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let open_end = secret.starts_with(MARK);
    !secret.trim().is_empty()
        && body.match_indices(secret).any(|(at, found)| {
            let before = body[..at].chars().next_back().is_none_or(|c| !is_word(c));
            let after = body[at + found.len()..].chars().next().is_none_or(|c| !is_word(c));
            open_end || (before && after)
        })
}

fn revoked(view: &View<'_>, access: &Access<'_>) -> Option<Breach> {
    let tenant = view.threads[access.thread].tenant?;
    let (since, _) = view
        .revoked
        .iter()
        .find(|(at, whose)| *whose == tenant && at.n < access.at.n)?;
    let after_us = access.at.us.saturating_sub(since.us);
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
    let keys: BTreeMap<&str, usize> = view
        .turns
        .iter()
        .filter_map(|turn| Some((turn.expect?.key.as_str(), turn.thread?)))
        .collect();
    let check = move |subject: String, thread: usize, text: &Text<'_>| {
        let voices = text.voices();
        let foreign = |key: &str| keys.get(key).is_some_and(|owner| are_strangers(view, *owner, thread));
        let voice = voices.iter().find(|voice| foreign(&voice.key))?;
        Some(Breach {
            subject,
            thread: Some(thread),
            n: voice.n,
            expected: "tokens of the thread's own turns".into(),
            got: format!("`{}` of another tenant's turn", voice.first),
        })
    };
    let held = view
        .held_texts()
        .filter_map(|(subject, place, text)| Some((subject, view.turns[place].thread?, text)));
    let check_read = check.clone();
    let read = view
        .reads
        .iter()
        .flat_map(|read| read.answers.iter().map(move |answer| (read, answer)));
    let read = read.filter_map(move |(read, answer)| {
        check_read(
            format!("thread read from {}", read.pod),
            read.thread,
            &Text::of(read.at.n, &answer.text),
        )
    });
    held.filter_map(move |(subject, thread, text)| check(subject, thread, text))
        .chain(read)
}

fn are_strangers(view: &View<'_>, a: usize, b: usize) -> bool {
    let tenant = |thread: usize| view.threads[thread].tenant;
    tenant(a).zip(tenant(b)).is_some_and(|(a, b)| a != b)
}

#[cfg(test)]
mod tests {
    use mock_ai::token::Answer;

    use crate::checkers::testing::{accepted, access, answer, delta, posted, read, takeover, token};
    use crate::history::{Credential, Status, What};

    const NAME: &str = "TenantIsolation";

    fn revoked() -> What {
        What::Revoked {
            tenant: "tenant-a".into(),
            pod: "pod-1".into(),
        }
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
        let told = read("pod-2", Status::Completed, answer(2) + &other, None);
        play.turn_into(&read("pod-2", Status::Completed, answer(2), None), told);
        assert_eq!(play.breaks(NAME).subject, "thread read from pod-2");
    }
}
