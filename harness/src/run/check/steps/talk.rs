//! TALK: sign-in, thread, and one turn whose answer the provider holds; who called the provider, and who owns the turn.

use std::time::Duration;

use crate::history::{Capability, PodName, ProviderWhat, What};
use crate::run::cast::turn::Turn;
use crate::run::check::bench::{Bench, HELD_AFTER};
use crate::run::check::places::Places;
use crate::run::check::section::{Line, Section};
use crate::run::check::wording::table::cut;
use crate::system::System;
use crate::system::talk::Request;
use crate::wait::{self, Look};

/// Values without which no client can sign in.
pub(in crate::run) const SIGN_IN: [&str; 3] = ["auth.headers", "auth.accounts", "auth.steps"];
/// Values without which no message is posted.
pub(in crate::run) const TURN_REQUEST: [&str; 6] = [
    "calls.turn.request",
    "calls.turn.headers",
    "calls.turn.query",
    "calls.turn.json",
    "calls.turn.form",
    "calls.turn.multipart",
];
/// Longest that the provider's journal is behind.
const JOURNAL: Duration = Duration::from_secs(2);
/// Lines of a log that are quoted.
const LOG_LINES: usize = 3;
/// Longest quotation of one, in characters.
const LOG_CHARS: usize = 240;
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Lines about the sign-in and the first thread, which are made before anything else is tried.
pub(in crate::run) fn begun(bench: &Bench<'_>, section: &mut Section) {
    let description = &bench.system().description;
    let pod = bench.first();
    if let Some(auth) = &description.auth {
        let steps: Vec<String> = auth.steps.iter().map(|step| step.request.line.to_string()).collect();
        let said = match steps.len() {
            0 => "by headers alone".to_owned(),
            _ => steps.join(", "),
        };
        let whom = match &auth.accounts.stranger {
            Some(_) => "own and stranger",
            None => "own",
        };
        let text = format!("sign in  {pod}  {whom}: {said}");
        section.push(Line::ok(text).at(bench.place("auth")));
    }
    let thread = &bench.cast.thread;
    section.push(match &description.calls.thread {
        Some(request) => {
            Line::ok(format!("thread   {pod}  {}   thread = {thread}", request.line)).at(bench.place("calls.thread"))
        }
        None => Line::info(format!("thread   the client makes the id: {thread}")),
    });
}

/// A sign-in or thread that was not answered as the description says.
pub(in crate::run) fn not_begun(why: &str, system: &System, places: &Places) -> Line {
    let path = if why.starts_with("sign in") {
        let step = why.split("step ").nth(1).and_then(|rest| rest.split(' ').next());
        let step = step.and_then(|step| step.parse::<usize>().ok()).unwrap_or(1);
        format!("auth.steps[{}]", step.saturating_sub(1))
    } else if system.description.calls.thread.is_some() {
        "calls.thread".to_owned()
    } else {
        "auth".to_owned()
    };
    Line::bad(why).at(places.of(&path))
}

/// Posts the turn, and waits until the provider holds its answer. Returns the turn if one was accepted, and whether the provider was
/// called for it.
pub(in crate::run) async fn turn(bench: &mut Bench<'_>, section: &mut Section) -> Option<(Turn, bool)> {
    if let Some(why) = bench
        .places
        .not_tried(&[&TURN_REQUEST[..], &["calls.turn.capture"]].concat())
    {
        section.push(Line::info(format!("turn     {why}")).at(bench.place("calls.turn")));
        return None;
    }
    let (pod, thread) = (bench.first(), bench.cast.thread.clone());
    let request = line_of(&bench.system().description.calls.turn.request);
    let (turn, took) = match bench.post(&thread, &pod, &Bench::held_answer()).await {
        Ok(accepted) => accepted,
        Err(why) => {
            let log = if is_own_failure(&why) {
                log_of(bench, &pod).await
            } else {
                String::new()
            };
            section.push(not_accepted(bench, &format!("turn     {pod}  {request}   {why}{log}")));
            return None;
        }
    };
    let text = format!(
        "turn     {pod}  {request}   turn = {}   {} ms",
        turn.id,
        took.as_millis()
    );
    section.push(Line::ok(text).at(bench.place("calls.turn")));
    let was_called = called(bench, &turn, section).await;
    if was_called {
        owned(bench, &turn, section).await;
    }
    Some((turn, was_called))
}

fn line_of(request: &Request) -> String {
    request.line.to_string()
}

/// True if a request was answered with a status by which a service says that it failed itself: `500: ...`.
fn is_own_failure(why: &str) -> bool {
    let status = why.split(':').next().unwrap_or_default();
    status.parse().is_ok_and(|status: u16| (500..600).contains(&status))
}

/// The last lines of a pod's log, as the end of a message.
async fn log_of(bench: &Bench<'_>, pod: &PodName) -> String {
    let begin = "\n       that is a failure of the service itself, not of the description";
    let lines = match bench.cast.slot.pod(pod) {
        Ok(part) => part.logs_since_start().await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let lines = lines
        .iter()
        .map(|line| line.text.trim())
        .filter(|text| !text.is_empty());
    let last: Vec<String> = lines
        .map(|text| format!("\n         {}", cut(text, LOG_CHARS)))
        .collect();
    if last.is_empty() {
        return format!("{begin}; its log is empty");
    }
    format!(
        "{begin}; its log ends with{}",
        last[last.len().saturating_sub(LOG_LINES)..].concat()
    )
}

fn not_accepted(bench: &Bench<'_>, text: &str) -> Line {
    let path = if text.contains("no value at") {
        "calls.turn.capture"
    } else {
        "calls.turn.request"
    };
    Line::bad(text).at(bench.place(path))
}

/// True if the provider was called for the turn.
async fn called(bench: &Bench<'_>, turn: &Turn, section: &mut Section) -> bool {
    let held = bench.cast.provider().held(turn, 1).await;
    let calls = calls(bench, turn, held.is_ok()).await;
    let Some((pod, messages)) = calls.first() else {
        section.push(
            Line::bad(
                "call     no pod called the provider: which variable of the pods holds the base URL of its API? \
                 pods.variables sets it to \"{provider}/v1\"",
            )
            .at(bench.place("pods.variables")),
        );
        return false;
    };
    let by = pod.as_ref().map_or("a pod", |pod| pod.as_str());
    let messages = if *messages == 1 {
        "1 message".to_owned()
    } else {
        format!("{messages} messages")
    };
    let text = format!("call     the provider was called by {by} with {messages}");
    section.push(match held {
        Ok(()) => Line::ok(format!("{text}; it holds after token {HELD_AFTER}")),
        Err(why) => Line::bad(format!("{text}, and does not hold: {why}")),
    });
    if calls.len() > 1 {
        let text = format!(
            "call     the provider was called {} times for one turn: is one of them an aside?",
            calls.len()
        );
        section.push(Line::warn(text).at(bench.place("provider.asides")));
    }
    true
}

/// The provider's calls for a turn: the pod that made each, and how many messages it sent. The journal is a little behind.
pub(in crate::run) async fn calls(bench: &Bench<'_>, turn: &Turn, was_called: bool) -> Vec<(Option<PodName>, usize)> {
    let started = || {
        let calls = bench.events().into_iter().filter_map(|event| match event.what {
            What::Provider(call) if call.key == turn.key => match call.what {
                ProviderWhat::Started { messages } => Some((call.pod, messages.len())),
                _ => None,
            },
            _ => None,
        });
        calls.collect::<Vec<_>>()
    };
    if !was_called {
        return started();
    }
    let told = wait::until("the provider's journal to tell the call", JOURNAL, LOOK, || async {
        match started() {
            calls if calls.is_empty() => Look::NotYet("no call".to_owned()),
            calls => Look::Done(calls),
        }
    });
    told.await.unwrap_or_default()
}

async fn owned(bench: &Bench<'_>, turn: &Turn, section: &mut Section) {
    if !bench.system().has(Capability::Owner) {
        let lacks = bench.system().lacks().iter();
        let why = lacks.into_iter().find(|lack| lack.capability == Capability::Owner);
        let why = why.map_or("nothing says who owns a turn", |lack| lack.why.as_str());
        section.push(Line::info(format!("owner    {why}")));
        return;
    }
    let place = bench.place("owner");
    section.push(match bench.cast.owner_of(turn).await {
        Ok(aim) if bench.cast.plan.pods.contains(&aim.owner) => {
            let attempt = aim
                .attempt
                .as_ref()
                .map_or(String::new(), |attempt| format!(", attempt {attempt}"));
            let epoch = if aim.epoch.0 > 0 {
                format!(", epoch {}", aim.epoch)
            } else {
                String::new()
            };
            Line::ok(format!("owner    {}{epoch}{attempt}", aim.owner)).at(place)
        }
        Ok(aim) => {
            let pods: Vec<&str> = bench.cast.plan.pods.iter().map(PodName::as_str).collect();
            let text = format!(
                "owner    {:?} leads to no pod ({}); say owner.pod, a regular expression with a group (?<pod>...)",
                aim.owner.as_str(),
                pods.join(", ")
            );
            Line::bad(text).at(place)
        }
        Err(why) => Line::bad(format!("owner    {why}")).at(place),
    });
}

/// Opens the turn's gate. Returns false if the provider refuses.
pub(in crate::run) async fn let_go(bench: &Bench<'_>, turn: &Turn) -> bool {
    let opened = tokio::time::timeout(Duration::from_secs(3), bench.cast.provider().open_gate(turn)).await;
    matches!(opened, Ok(Ok(())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_500_and_above_is_the_service_s_own_failure() {
        assert!(is_own_failure("500: {\"error\":1}") && is_own_failure("503: "));
        assert!(!is_own_failure("404: no such thread") && !is_own_failure("no whole answer within 5s"));
    }
}
