//! A first turn's word on values that are open: ids in answers, the rules of the stream, the place of the stored text.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::history::writer::Recorder;
use crate::history::{MessageId, TurnKey};
use crate::plan::Answer;
use crate::run::cast::turn::Turn;
use crate::run::check::bench::{Bench, TOKENS};
use crate::run::check::proposal::Proposal;
use crate::run::check::steps::tails;
use crate::run::check::steps::talk::{SIGN_IN, TURN_REQUEST, let_go};
use crate::run::check::subject::Subject;
use crate::run::check::wording::frames::bytes_of;
use crate::run::check::wording::ids::{THREAD, TURN, place_of_id};
use crate::run::check::wording::stored_text::answer_text;
use crate::run::check::wording::stream_keys::Told;
use crate::run::slot::Slot;
use crate::wait::{self, Look};
use crate::workload::{Message, Tail, Unread, Who};

/// Values without which no thread is made.
const THREAD_REQUEST: [&str; 6] = [
    "calls.thread.request",
    "calls.thread.headers",
    "calls.thread.query",
    "calls.thread.json",
    "calls.thread.form",
    "calls.thread.multipart",
];
/// Values that the answer to a message tells.
const OF_ANSWERS: [&str; 3] = ["calls.thread.capture", "calls.turn.capture", "calls.turn.streams"];

/// Longest that a tail is read for.
const READ: Duration = Duration::from_secs(10);
/// A tail that has shown every token and then nothing for so long has shown everything.
const QUIET: Duration = Duration::from_millis(800);
/// Longest until the answer is stored.
const STORED: Duration = Duration::from_secs(3);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Proposals for open values, from one look at the system. None if everything that one could tell is said.
pub(in crate::run) async fn learn(slot: &Arc<Slot>, recorder: &Recorder, subject: &Subject) -> Vec<Proposal> {
    let places = &subject.places;
    let is_open = |paths: &[&str]| paths.iter().any(|path| places.is_open(path));
    if is_open(&SIGN_IN) || is_open(&THREAD_REQUEST) || is_open(&TURN_REQUEST) {
        return Vec::new();
    }
    if is_open(&OF_ANSWERS) {
        return answers(slot, subject).await.unwrap_or_default();
    }
    if is_open(&["stream", "calls.read.answer.text"]) {
        return shown(slot, recorder, subject).await.unwrap_or_default();
    }
    Vec::new()
}

/// Values in the answers to a request for a thread and to a message. `None` if one could not be asked: the steps that follow say why.
async fn answers(slot: &Slot, subject: &Subject) -> Option<Vec<Proposal>> {
    let pod = slot.pods().first()?;
    let at = slot.address(pod).ok()?;
    let session = slot.api.sign_in(pod, at, Who::Own).await.ok()?;
    let path = "calls.thread.capture.thread";
    if subject.places.is_open(path) {
        let answer = slot.api.unread_thread(at, &session).await.transpose()?;
        return Some(vec![id_of(path, &answer, &THREAD, &[])]);
    }
    let thread = slot.api.new_thread(pod, at, &session).await.ok()?;
    let key = TurnKey::from(uuid::Uuid::new_v4().simple().to_string()[..10].to_owned());
    let id = MessageId::from(format!("m-{key}"));
    let text = Answer::tokens(2).prompt(&key);
    let message = Message {
        thread: &thread,
        id: &id,
        text: &text,
    };
    let answer = slot.api.unread_turn(at, &session, message).await;
    let mut proposals = vec![id_of(
        "calls.turn.capture.turn",
        &answer,
        &TURN,
        &[thread.as_str(), id.as_str(), &text],
    )];
    if let Ok(answer) = &answer {
        let seen = if answer.is_stream {
            "the answer is a stream of events"
        } else {
            "the answer is no stream of events"
        };
        proposals.push(Proposal::toml("calls.turn.streams", answer.is_stream.to_string(), seen));
    }
    Some(proposals)
}

/// The place of an id in an answer, or why there is none.
fn id_of(path: &str, answer: &Result<Unread, String>, names: &[&str], sent: &[&str]) -> Proposal {
    match answer {
        Err(why) => Proposal::hint(path, format!("the request was not answered: {why}")),
        Ok(answer) if !(200..300).contains(&answer.status) => Proposal::hint(
            path,
            format!("the request was answered {}: {}", answer.status, answer.excerpt),
        ),
        Ok(answer) => match place_of_id(&answer.values, names, sent) {
            Some((at, id)) => Proposal::text(path, &at, format!("the answer has {id:?} there")),
            None => Proposal::hint(
                path,
                format!("no field of the answer looks like an id: {}", answer.excerpt),
            ),
        },
    }
}

/// Values in a turn that is shown from its start. `None` if no turn could be played: the steps that follow say why.
async fn shown(slot: &Arc<Slot>, recorder: &Recorder, subject: &Subject) -> Option<Vec<Proposal>> {
    let mut bench = Bench::set(slot, recorder, &subject.places).await.ok()?;
    let proposals = of_one_turn(&mut bench).await;
    bench.close().await;
    proposals
}

async fn of_one_turn(bench: &mut Bench<'_>) -> Option<Vec<Proposal>> {
    let pod = bench.first();
    let turn = bench.held_turn(&pod).await.ok()?;
    let opened = tails::open(bench, &turn).await;
    let_go(bench, &turn).await;
    let mut proposals = Vec::new();
    if let Some(tail) = opened.tail() {
        is_quiet(bench, tail, &turn).await;
        let frames = bench.frames_of(tail.watcher, &turn);
        let told = Told {
            frames: &frames,
            key: turn.key.as_str(),
            turn: turn.id.as_str(),
            tokens: TOKENS as usize,
        };
        proposals = told.proposals(bench.places);
    }
    if bench.places.is_open("calls.read.answer.text") {
        proposals.extend(stored(bench, &turn).await);
    }
    Some(proposals)
}

/// Waits until a tail has shown every token and what follows them, or has had its time.
async fn is_quiet(bench: &Bench<'_>, tail: &Tail, turn: &Turn) {
    let last = format!("~{}.c1.k{TOKENS}.", turn.key);
    let seen = std::sync::Mutex::new((0, Instant::now()));
    let quiet = wait::until("a tail to be quiet", READ, LOOK, || async {
        let bytes = bytes_of(&bench.events(), tail.watcher);
        let mut seen = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if seen.0 != bytes.len() {
            *seen = (bytes.len(), Instant::now());
        }
        let has_all = String::from_utf8_lossy(&bytes).contains(&last);
        if tail.seen().end.is_some() || has_all && seen.1.elapsed() >= QUIET {
            Look::Done(())
        } else {
            Look::NotYet(format!("{} bytes", bytes.len()))
        }
    });
    if let Err(e) = quiet.await {
        tracing::debug!(error = %e, "what a tail has shown by now is looked at");
    }
}

/// The place of the answer in what a pod reads back.
async fn stored(bench: &Bench<'_>, turn: &Turn) -> Option<Proposal> {
    let path = "calls.read.answer.text";
    let (slot, pod) = (&bench.cast.slot, bench.first());
    let at = slot.address(&pod).ok()?;
    let found = wait::until("the answer to be read back", STORED, LOOK, || async {
        match slot
            .api
            .unread_reading(at, &bench.cast.reader, &turn.thread, &turn.id)
            .await
        {
            Ok(Some(answer)) => {
                let body = answer.values.first().unwrap_or(&Value::Null);
                let proposal = answer_text(path, body, turn.key.as_str(), TOKENS as usize);
                proposal.map_or_else(
                    || Look::NotYet(format!("{}: {}", answer.status, answer.excerpt)),
                    Look::Done,
                )
            }
            Ok(None) => Look::NotYet("nothing says how it is read".to_owned()),
            Err(why) => Look::NotYet(why),
        }
    });
    Some(found.await.unwrap_or_else(|e| Proposal::hint(path, e.to_string())))
}
