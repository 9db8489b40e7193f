//! Promise 4: the streamed text, the text that each pod returns afterwards and the stored text are one.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Capability, Credential, PodName, ReadAnswer, Status, TailEnd, TurnId};
use crate::judge::facts::difference::instead_of;
use crate::judge::view::{
    Access, Against, Anchor, At, Breach, Due, Read, StatusRead, Text, Turn, TurnRow, View, oneline,
};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 4,
    name: "LiveDurableAgreement",
    statement: "the text of a completed turn is the same as streamed (to its finish, or to an end of the stream \
                that no fault excuses), as read from every pod and as stored; for a turn that ended otherwise \
                the streamed text of its last attempt is stored; every pod returns every finished turn, once, \
                with its status, from the bound of an end after it on, and in the end with one text and in one order",
    needs: &[],
    clauses: &[
        Clause {
            name: "the rows",
            needs: &[Need::Can(Capability::StoredText)],
        },
        Clause {
            name: "the reading on every pod",
            needs: &[Need::Can(Capability::Read)],
        },
    ],
    has_more: false,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches: Vec<Breach> = view.reads.iter().flat_map(|read| misread(view, read)).collect();
    // The final readings begin once everything is healed. A row may reach the history after the database was
    // asked for it.
    let begun = view
        .ending
        .healed
        .or(view.ending.played.map(|(at, _)| at))
        .map_or(0, |at| at.n);
    let probes = view
        .probes
        .iter()
        .filter(|probe| probe.at.n < begun && probe.status.is_some_and(Status::is_terminal));
    let known: BTreeSet<&TurnId> = probes.map(|probe| probe.turn).collect();
    let over = |turn: &Turn<'_>, row: &TurnRow<'_>| row.at.n < begun || known.contains(turn.id);
    breaches.extend(view.final_reads().flat_map(|read| missing(view, read, over)));
    breaches.extend(out_of_order(view));
    breaches.extend(of_two_texts(view, over));
    breaches.extend(long_after(view));
    breaches.extend(status_misread(view, over));
    breaches.extend(final_readings(view).filter_map(refused));
    breaches.extend(streamed_otherwise(view));
    breaches.extend(ended_before(view));
    breaches
}

/// Readings of the final state by the thread's own tenant that were not answered with the thread.
pub(crate) fn final_readings<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = &'v Access<'a>> {
    let played = view.ending.played.map(|(at, _)| at.n);
    view.accesses.iter().filter(move |access| {
        access.credential == Credential::Owner && access.route == "read" && played.is_some_and(|n| access.at.n > n)
    })
}

fn refused(access: &Access<'_>) -> Option<Breach> {
    // A successful reading has an event of its own; this one was not successful, whatever its status says.
    let status = access.status?;
    Some(Breach {
        subject: format!("thread read from {}", access.pod),
        thread: Some(access.thread),
        n: access.at.n,
        expected: "the thread, for its own tenant".into(),
        got: format!("{status}: {}", oneline(access.body)),
    })
}

/// Answers that a pod returned as completed and that differ from the stored text.
fn misread(view: &View<'_>, read: &Read<'_>) -> Vec<Breach> {
    let check = |answer: &ReadAnswer| {
        let turn = &view.turns[view.answered(answer)?];
        if answer.status.is_some_and(|status| status != Status::Completed) || !turn.is_completed() {
            return None;
        }
        let durable = turn.durable.as_ref()?;
        let answered = Text::of(read.at.n, &answer.text);
        if answered.same_as(durable) {
            return None;
        }
        let at = match answered.against(durable, 0) {
            Against::Apart(at) => at,
            Against::Prefix => answered.len(),
        };
        let due = durable.word_at(at);
        let got = instead_of(answered.word_at(at), &due);
        Some(breach(read, turn, due, got))
    };
    read.answers.iter().filter_map(check).collect()
}

/// Turns that had ended before the reading began, and that are missing from it or have another status.
fn missing(view: &View<'_>, read: &Read<'_>, is_over: impl Fn(&Turn<'_>, &TurnRow<'_>) -> bool) -> Vec<Breach> {
    let turns = view.threads[read.thread].turns.iter().map(|place| &view.turns[*place]);
    turns
        .filter(|turn| read.turn.is_none_or(|asked| asked == turn.id))
        .filter_map(|turn| {
            let terminal = turn.terminal().filter(|row| is_over(turn, row))?;
            let is_its = |answer: &&ReadAnswer| {
                view.answered(answer)
                    .is_some_and(|place| view.turns[place].id == turn.id)
            };
            let answer = read.answers.iter().find(is_its);
            match answer {
                None if may_be_left_out(view, turn, terminal) => None,
                None => Some(breach(
                    read,
                    turn,
                    format!("turn {} as {:?}", turn.id, terminal.status),
                    "no such turn".into(),
                )),
                Some(answer) => {
                    let got = answer.status.filter(|status| *status != terminal.status)?;
                    Some(breach(read, turn, format!("{:?}", terminal.status), format!("{got:?}")))
                }
            }
        })
        .collect()
}

/// True if a reading may leave out a turn that ended so. A service that returns answers only may leave out one that ended without
/// any text; one whose messages have no statuses, any that did not complete: the turn's own status is then read apart.
fn may_be_left_out(view: &View<'_>, turn: &Turn<'_>, terminal: &TurnRow<'_>) -> bool {
    let mut answers = view.reads.iter().flat_map(|read| read.answers);
    if !turn.is_completed() && !answers.any(|answer| answer.status.is_some()) {
        return true;
    }
    match &turn.durable {
        _ if terminal.status == Status::Failed => false,
        Some(durable) => durable.is_empty(),
        None if turn.is_completed() => turn.expect.is_none_or(|expect| expect.tokens == 0),
        None => true,
    }
}

/// Turns that were over before a pod was asked for their status in the end, and that it gave another one.
fn status_misread<'v>(
    view: &'v View<'_>,
    is_over: impl Fn(&Turn<'_>, &TurnRow<'_>) -> bool + 'v,
) -> impl Iterator<Item = Breach> + 'v {
    let played = view.ending.played.map_or(u64::MAX, |(at, _)| at.n);
    let asked = view.statuses.iter().filter(move |read| read.at.n > played);
    asked.filter_map(move |read| other_status(view, read, &is_over))
}

fn other_status(
    view: &View<'_>,
    read: &StatusRead<'_>,
    is_over: impl Fn(&Turn<'_>, &TurnRow<'_>) -> bool,
) -> Option<Breach> {
    let turn = &view.turns[read.turn];
    let terminal = turn.terminal().filter(|row| is_over(turn, row))?;
    (read.status != terminal.status).then(|| Breach {
        subject: format!("status read from {}, turn {}", read.pod, turn.id),
        thread: Some(read.thread),
        n: read.at.n,
        expected: format!("{:?}", terminal.status),
        got: format!("{:?}", read.status),
    })
}

/// Turns that a pod lacked, or called otherwise than they were, in the course of the run, though they had been over for longer than an end
/// may take to reach a client of that pod.
fn long_after(view: &View<'_>) -> Vec<Breach> {
    let played = view.ending.played.map_or(u64::MAX, |(at, _)| at.n);
    let since = |pod: &PodName, at: At| {
        let pod = pod.as_str().to_owned();
        move |_: &Turn<'_>, row: &TurnRow<'_>| {
            let bound_us = view.bounds.terminal_ms * 1000;
            let by_us = view.faults.deadline(row.at.us, bound_us, Some(&pod), &view.pods);
            by_us.is_some_and(|by_us| at.us > by_us)
        }
    };
    let reads = view.reads.iter().filter(|read| read.at.n < played);
    let mut breaches: Vec<Breach> = reads
        .flat_map(|read| missing(view, read, since(read.pod, read.at)))
        .collect();
    // Another end than the turn's is told by `TerminalExactlyOne`.
    let asked = view
        .statuses
        .iter()
        .filter(|read| read.at.n < played && !read.status.is_terminal());
    breaches.extend(asked.filter_map(|read| other_status(view, read, since(read.pod, read.at))));
    breaches
}

/// Final readings that return two turns of a thread in another order than the first reading does, though one of them was acknowledged before
/// the other one's message was posted.
fn out_of_order(view: &View<'_>) -> Vec<Breach> {
    let mut first: BTreeMap<usize, (&Read<'_>, Vec<usize>)> = BTreeMap::new();
    let mut breaches = Vec::new();
    for read in view.final_reads() {
        let turns: Vec<usize> = read.answers.iter().filter_map(|answer| view.answered(answer)).collect();
        let Some((before, known)) = first.get(&read.thread) else {
            first.insert(read.thread, (read, turns));
            continue;
        };
        let Some((one, two)) = turned_round(view, known, &turns) else {
            continue;
        };
        let name = |turn: usize| view.turns[turn].id;
        breaches.push(Breach {
            subject: format!("thread read from {}", read.pod),
            thread: Some(read.thread),
            n: read.at.n,
            expected: format!(
                "turn {} before turn {}, as read from {}",
                name(one),
                name(two),
                before.pod
            ),
            got: format!("turn {} first", name(two)),
        });
    }
    breaches
}

/// Two turns that have an order, one behind the other in one list and the other way round in another.
fn turned_round(view: &View<'_>, known: &[usize], turns: &[usize]) -> Option<(usize, usize)> {
    let places: BTreeMap<usize, usize> = known.iter().copied().zip(0..).collect();
    let common: Vec<usize> = turns.iter().copied().filter(|turn| places.contains_key(turn)).collect();
    if common.is_sorted_by_key(|turn| places[turn]) {
        return None;
    }
    let is_before = |one: usize, two: usize| {
        let (accepted, posted) = (view.turns[one].accepted, view.turns[two].posted);
        accepted
            .zip(posted)
            .is_some_and(|(accepted, posted)| accepted.n < posted.n)
    };
    let pairs = common
        .iter()
        .enumerate()
        .flat_map(|(place, two)| common[place + 1..].iter().map(move |one| (*one, *two)));
    let mut turned = pairs.filter(|(one, two)| places[one] < places[two]);
    turned.find(|(one, two)| is_before(*one, *two) || is_before(*two, *one))
}

/// Final readings of a turn that did not complete which differ in its text, where nobody knows the stored text.
fn of_two_texts(view: &View<'_>, is_over: impl Fn(&Turn<'_>, &TurnRow<'_>) -> bool) -> Vec<Breach> {
    let mut first: BTreeMap<usize, (&Read<'_>, &str)> = BTreeMap::new();
    let answers = view
        .final_reads()
        .flat_map(|read| read.answers.iter().map(move |answer| (read, answer)));
    // A reading may hold several answers of a turn: the first one is compared.
    let mut met = BTreeSet::new();
    let found = answers.filter_map(|(read, answer)| {
        let place = view.answered(answer).filter(|place| met.insert((read.at.n, *place)))?;
        let turn = &view.turns[place];
        turn.terminal()
            .filter(|row| turn.durable.is_none() && is_over(turn, row))?;
        let (before, known) = *first.entry(place).or_insert((read, &answer.text));
        let (known, got) = (Text::of(before.at.n, known), Text::of(read.at.n, &answer.text));
        let Against::Apart(at) = got.against(&known, 0) else {
            let at = got.len();
            return (at < known.len()).then(|| breach(read, turn, known.word_at(at), got.word_at(at)));
        };
        Some(breach(read, turn, known.word_at(at), got.word_at(at)))
    });
    found.collect()
}

fn streamed_otherwise<'v>(view: &'v View<'_>) -> impl Iterator<Item = Breach> + 'v {
    view.dues().filter_map(|(watcher, turn, seen, due)| {
        let Due::Finished { finish, .. } = due else { return None };
        let (showing, durable) = (view.stands(watcher, seen?)?, turn.durable.as_ref()?);
        if !turn.settles(showing) || showing.anchor != Anchor::Start || showing.text.same_as(durable) {
            return None;
        }
        let at = match showing.text.against(durable, 0) {
            Against::Apart(at) => at,
            Against::Prefix => showing.text.len(),
        };
        Some(Breach {
            subject: format!("{}, turn {}", watcher.label(), turn.id),
            thread: turn.thread,
            n: finish.at.n,
            expected: format!("the stored text at the finish: {}", durable.word_at(at)),
            got: instead_of(showing.text.word_at(at), &durable.word_at(at)),
        })
    })
}

/// Turns that are missing from a stream that the service ended in good order while nothing was broken: the client
/// takes that for all there is.
fn ended_before<'v>(view: &'v View<'_>) -> impl Iterator<Item = Breach> + 'v {
    view.dues().filter_map(|(watcher, turn, seen, due)| {
        let Due::BrokeOff { at } = due else { return None };
        let in_good_order = matches!(watcher.closed, Some((_, TailEnd::Eof | TailEnd::Done)));
        let durable = turn.durable.as_ref()?;
        if !in_good_order || !turn.is_completed() || durable.is_empty() {
            return None;
        }
        let shown = seen
            .and_then(|seen| seen.current())
            .map_or(0, |showing| showing.text.len());
        (shown < durable.len()).then(|| Breach {
            subject: format!("{}, turn {}", watcher.label(), turn.id),
            thread: turn.thread,
            n: at.n,
            expected: format!("the stored text: {}", durable.word_at(shown)),
            got: "the end of the stream".into(),
        })
    })
}

fn breach(read: &Read<'_>, turn: &Turn<'_>, expected: String, got: String) -> Breach {
    let subject = format!("thread read from {}, turn {}", read.pod, turn.id);
    Breach {
        subject,
        thread: Some(read.thread),
        n: read.at.n,
        expected,
        got,
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Chunk, Credential, Epoch, PodEvent, Row, Status, StoreEvent, TailEnd, WatcherEvent, What};
    use crate::judge::testing::{
        access, aimed, answer, closed, delta, failed, fault, is_frame_of, part, read, takeover, token,
    };
    use crate::verdict::Verdict;

    const NAME: &str = "LiveDurableAgreement";

    #[test]
    fn one_text_everywhere_is_accepted() {
        takeover().keeps(NAME);
    }

    #[test]
    fn a_pod_that_tells_another_text_is_found() {
        let mut play = takeover();
        play.turn_into(
            &read("pod-3", Status::Completed, answer(2), None),
            read("pod-3", Status::Completed, answer(1), None),
        );
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "thread read from pod-3, turn turn-1");
        assert!(finding.got.contains("~key-1.c1.k1."), "{}", finding.got);
    }

    #[test]
    fn a_pod_that_tells_no_or_another_end_is_found() {
        let mut play = takeover();
        play.turn_into(
            &read("pod-3", Status::Completed, answer(2), None),
            read("pod-3", Status::InProgress, "", None),
        );
        assert_eq!(play.breaks(NAME).got, "InProgress");

        let mut play = takeover();
        let nothing = What::Pod(PodEvent::ThreadRead {
            pod: "pod-3".into(),
            thread: "t-1".into(),
            turn: None,
            status: Some(Status::Idle),
            questions: None,
            answers: vec![],
        });
        play.turn_into(&read("pod-3", Status::Completed, answer(2), None), nothing);
        assert_eq!(play.breaks(NAME).got, "no such turn");
    }

    #[test]
    fn a_stream_that_ends_with_another_text_is_found() {
        let mut play = takeover();
        play.without(|what| *what == delta(2, 2, 6, token(2, 6)));
        let finding = play.breaks(NAME);
        assert_eq!(
            (finding.subject.as_str(), finding.got.as_str()),
            ("w2 on pod-2, turn turn-1", "the end of the text")
        );
    }

    #[test]
    fn what_a_turn_has_left_that_did_not_complete_is_stored_as_it_was_streamed() {
        failed("").keeps(NAME);
        let mut play = failed("");
        play.without(|what| *what == part(44, 2, 4, token(2, 4)));
        let finding = play.breaks(NAME);
        assert!(finding.expected.contains("~key-1.c2.k5."), "{}", finding.expected);
        assert!(finding.got.starts_with("`~key-1.c2.k4."), "{}", finding.got);
        // A pod that ended it in the owner's place has streamed and stored nothing.
        let mut play = failed("");
        play.without_from(1202, |what| {
            matches!(
                what,
                What::Watcher(WatcherEvent::Frame {
                    chunk: Chunk::Start(_) | Chunk::Delta { .. },
                    ..
                })
            )
        })
        .without(
            |what| matches!(what, What::Store(StoreEvent::Row { row: Row::Part { epoch, .. }, .. }) if *epoch == Some(Epoch(2))),
        );
        play.keeps(NAME);
    }

    #[test]
    fn a_stream_that_the_service_ends_before_the_text_does_is_found() {
        let ends = |end: TailEnd| {
            let mut play = takeover();
            play.without_from(1204, is_frame_of(3));
            play.without_from(1234, |what| *what == closed(3, TailEnd::Left))
                .put(1204, closed(3, end));
            play
        };
        for end in [TailEnd::Eof, TailEnd::Done] {
            let finding = ends(end).breaks(NAME);
            assert_eq!(
                (finding.subject.as_str(), finding.got.as_str()),
                ("w3 on pod-3, turn turn-1", "the end of the stream")
            );
        }
        ends(TailEnd::Left).keeps(NAME);
        let mut play = ends(TailEnd::Done);
        play.put(1203, fault(2, "terminate", "pod-3", aimed()));
        play.keeps(NAME);
    }

    #[test]
    fn a_reading_from_before_the_end_is_not_judged() {
        let mut play = takeover();
        play.put(1210, read("pod-3", Status::InProgress, token(2, 1), None));
        play.passes();
    }

    #[test]
    fn a_final_reading_that_is_refused_is_found_and_one_without_answer_is_inconclusive() {
        let mut play = takeover();
        play.put(1405, access("pod-2", Credential::Owner, Some(500), "oops"));
        assert_eq!(play.breaks(NAME).got, "500: oops");

        let mut play = takeover();
        play.put(
            1405,
            access("pod-2", Credential::Owner, Some(200), "a body that is not JSON"),
        );
        assert_eq!(play.breaks(NAME).got, "200: a body that is not JSON");

        let mut play = takeover();
        play.put(1405, access("pod-2", Credential::Owner, None, "connection refused"));
        let judgement = play.judged();
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert!(
            judgement
                .reason
                .expect("a reason")
                .starts_with("pod-2 did not answer the final reading")
        );
    }
}
