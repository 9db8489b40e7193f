//! READ and STATUS: what each pod reads back of the turn that is over.

use crate::history::{PodName, Status};
use crate::run::cast::turn::Turn;
use crate::run::check::bench::{Bench, TOKENS};
use crate::run::check::section::{Line, Section};
use crate::run::check::wording::open::untried;
use crate::run::check::wording::screen::fault_of;
use crate::run::check::wording::table::word;
use crate::system::reading::tokens_of;
use crate::workload::Reading;

/// READ on each pod.
pub(in crate::run) async fn read(bench: &Bench<'_>, turn: &Turn) -> Option<Section> {
    if let Some(untried) = untried("READ", bench.places, &["calls.read"]) {
        return Some(untried);
    }
    let call = bench.system().description.calls.read.as_ref()?;
    let line = call.request.line.to_string();
    let mut section = Section::new("READ");
    let mut told: Vec<(String, Vec<String>)> = Vec::new();
    for pod in bench.cast.plan.pods.clone() {
        let said = match read_on(bench, &pod, turn).await {
            Ok(Some(reading)) => of_reading(&reading, turn),
            Ok(None) => continue,
            Err(why) => format!("! {why}"),
        };
        match told.iter_mut().find(|(known, _)| *known == said) {
            Some((_, pods)) => pods.push(pod.to_string()),
            None => told.push((said, vec![pod.to_string()])),
        }
    }
    for (said, pods) in told {
        let pods = pods.join(" ");
        let place = bench.place("calls.read");
        section.push(match said.strip_prefix("! ") {
            Some(why) => Line::bad(format!("{pods}  {line}: {why}")).at(place),
            None => Line::ok(format!("{pods}  {line}: {said}")).at(place),
        });
    }
    Some(section)
}

async fn read_on(bench: &Bench<'_>, pod: &PodName, turn: &Turn) -> Result<Option<Reading>, String> {
    let slot = &bench.cast.slot;
    let at = slot.address(pod).map_err(|e| e.to_string())?;
    let one = slot.api.reads_turn_by_turn().then_some(&turn.id);
    let read = slot.api.read((pod, at), &bench.cast.reader, &turn.thread, one).await;
    // Several pods that say the same are told in one line.
    read.map_err(|e| e.to_string().replace(&format!("read a thread on {pod}: "), ""))
}

/// A reading in words; a `!` in front if it is not what was shown.
fn of_reading(reading: &Reading, turn: &Turn) -> String {
    let questions = reading.questions.as_ref();
    let ours = questions.map(|all| all.iter().filter(|one| one.key.as_ref() == Some(&turn.key)).count());
    let key = turn.key.as_str();
    let answer = reading
        .answers
        .iter()
        .find(|answer| answer.turn.as_ref() == Some(&turn.id) || answer.key.as_ref() == Some(&turn.key));
    let asked = match ours {
        None => "the answer".to_owned(),
        Some(0) => {
            return format!(
                "! the question is not among {} messages of the user",
                questions.map_or(0, Vec::len)
            );
        }
        Some(1) => "the question and its answer".to_owned(),
        Some(many) => return format!("! the question came back {many} times"),
    };
    match answer {
        None => format!("! no answer of the turn among {}", reading.answers.len()),
        Some(answer) => {
            let found = tokens_of(key, &answer.text);
            let status = answer
                .status
                .map_or(String::new(), |status| format!(", {}", word(status)));
            match fault_of(&found, 1, TOKENS).as_str() {
                "" => format!("{asked}, {TOKENS} of {TOKENS} tokens{status}"),
                fault => format!("! the answer is not whole: {fault}{status}"),
            }
        }
    }
}

/// STATUS of the turn.
pub(in crate::run) async fn status(bench: &Bench<'_>, turn: &Turn) -> Option<Section> {
    if let Some(untried) = untried("STATUS", bench.places, &["calls.status"]) {
        return Some(untried);
    }
    let call = bench.system().description.calls.status.as_ref()?;
    let (line, pod, slot) = (call.request.line.to_string(), bench.first(), &bench.cast.slot);
    let place = bench.place("calls.status");
    let told = match slot.address(&pod) {
        Ok(at) => {
            let told = slot
                .api
                .status((&pod, at), &bench.cast.reader, &turn.thread, &turn.id)
                .await;
            told.map_err(|e| e.to_string())
        }
        Err(e) => Err(e.to_string()),
    };
    let line = match told {
        Ok(Some((status, error))) => {
            let error = error.map_or_else(|| "no error".to_owned(), |error| format!("error {error:?}"));
            let text = format!("{line}: {}, {error}", word(status));
            if status == Status::Completed {
                Line::ok(text)
            } else {
                Line::bad(text)
            }
        }
        Ok(None) => return None,
        Err(why) => Line::bad(why),
    };
    Some(Section::of_line("STATUS", line.at(place)))
}
