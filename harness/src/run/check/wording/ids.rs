//! The place of an id in an answer that nobody has described yet.

use serde_json::Value;

use super::pointers::pointers;

/// Names of a turn in the fields of answers, the likeliest first.
pub(in crate::run) const TURN: [&str; 8] = [
    "turn",
    "run",
    "response",
    "task",
    "job",
    "message",
    "completion",
    "request",
];
/// Names of a thread.
pub(in crate::run) const THREAD: [&str; 4] = ["thread", "session", "conversation", "chat"];

/// The likeliest place of an id, by the names of fields, and the id. Values that the client sent are none.
pub(in crate::run) fn place_of_id(answers: &[Value], names: &[&str], sent: &[&str]) -> Option<(String, String)> {
    let is_id = |value: &Value| match value {
        Value::String(text) => !text.is_empty() && !sent.contains(&text.as_str()),
        Value::Number(number) => number.is_u64(),
        _ => false,
    };
    let candidates = answers.iter().flat_map(|answer| {
        let at = pointers(answer, &is_id).into_iter();
        at.filter_map(|at| Some((rank(&at, names)?, at.clone(), answer.pointer(&at)?)))
    });
    // Of several that rank alike the first counts.
    let best = candidates.min_by_key(|(rank, ..)| *rank);
    best.map(|(_, at, id)| (at, id.as_str().map_or_else(|| id.to_string(), str::to_owned)))
}

/// How unlikely a field is to hold the id: by its name, then by its depth. `None` if nothing speaks for it.
fn rank(at: &str, names: &[&str]) -> Option<(usize, usize)> {
    let steps: Vec<String> = at.split('/').skip(1).map(plain).collect();
    let (last, parents) = steps.split_last()?;
    let place_of = |step: &str| names.iter().position(|name| *name == step);
    let parent = parents.last().map(String::as_str).unwrap_or_default();
    let by_name = last.strip_suffix("id").and_then(place_of);
    let by_parent = place_of(parent).filter(|_| last == "id");
    let place = match (by_name, by_parent) {
        (Some(place), _) | (None, Some(place)) => place,
        _ if last == "id" => names.len(),
        _ => return None,
    };
    Some((place, steps.len()))
}

/// A name without separators and case.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place(answers: &[Value]) -> Option<String> {
        place_of_id(answers, &TURN, &["th-1", "m-1"]).map(|(at, _)| at)
    }

    #[test]
    fn an_id_is_found_by_the_names_of_fields() {
        for (answer, at) in [
            (json!({ "id": "a", "run_id": "b" }), "/run_id"),
            (json!({ "thread_id": "th-1", "turnId": "b" }), "/turnId"),
            (json!({ "data": { "run": { "id": "b" } }, "id": "a" }), "/data/run/id"),
            (json!({ "id": 7, "ok": true }), "/id"),
            (json!({ "message_id": "m-1", "id": "b" }), "/id"),
            (json!({ "runs": [{ "id": "x" }], "run": { "id": "b" } }), "/run/id"),
        ] {
            assert_eq!(place(std::slice::from_ref(&answer)).as_deref(), Some(at), "{answer}");
        }
        assert_eq!(place(&[json!({ "status": "ok", "name": "x", "id": "th-1" })]), None);
    }

    #[test]
    fn the_first_event_that_has_it_counts() {
        let events = [
            json!({ "type": "hello" }),
            json!({ "run_id": "b" }),
            json!({ "run_id": "c" }),
        ];
        assert_eq!(
            place_of_id(&events, &TURN, &[]),
            Some(("/run_id".to_owned(), "b".to_owned()))
        );
        let thread = place_of_id(&[json!({ "thread_id": 9 })], &THREAD, &[]);
        assert_eq!(thread, Some(("/thread_id".to_owned(), "9".to_owned())));
    }
}
