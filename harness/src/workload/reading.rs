//! Questions and answers, found in what a pod reads back. Pure.

use serde_json::Value;

use super::answer::KEPT;
use crate::history::{ReadAnswer, ReadQuestion, Status, TurnId, TurnKey};
use crate::plan::key_in;
use crate::system::language::PointerList;
use crate::system::reading::status_of;
use crate::system::stored::Statuses;
use crate::system::talk::{Finder, ReadCall};
use crate::wire::text::cut;

/// The messages that a pod reads back of a thread, or of one turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The thread's status, if the answer tells it.
    pub status: Option<Status>,
    /// The user's messages, oldest first. `None` if the description does not say where they are.
    pub questions: Option<Vec<ReadQuestion>>,
    /// The answers, oldest first.
    pub answers: Vec<ReadAnswer>,
}

/// Finds questions and answers in the body of a reading, which was asked for `turn` if for one turn.
///
/// # Errors
/// There is no list of messages, an answer has no text or no turn, or a word has no meaning.
pub(super) fn reading(
    call: &ReadCall,
    statuses: &Statuses,
    turn: Option<&TurnId>,
    body: &Value,
) -> Result<Reading, String> {
    let whole = std::slice::from_ref(body);
    let list = call.each.as_ref().map(|each| {
        // Where nothing was stored, some leave the list out.
        let list = each
            .find(body)
            .or_else(|| each.is_absent(body).then(|| Value::Array(Vec::new())));
        list.ok_or_else(|| format!("no list of messages at {each} in {}", excerpt(body)))
    });
    let list = list.transpose()?;
    let messages = match &list {
        None => whole,
        Some(Value::Array(messages)) => messages,
        Some(other) => return Err(format!("no list of messages, but {}", excerpt(other))),
    };
    let mut reading = Reading {
        status: status(call.status.as_ref(), statuses, body)?,
        questions: call.question.as_ref().map(|_| Vec::new()),
        answers: Vec::new(),
    };
    let mut key: Option<TurnKey> = None;
    for message in messages {
        let question = call.question.as_ref().filter(|finder| is_found(finder, message));
        if let (Some(finder), Some(questions)) = (question, &mut reading.questions) {
            let text = text(Some(&finder.text), message).unwrap_or_default();
            key = key_in(&text);
            questions.push(ReadQuestion { key: key.clone(), text });
        } else if is_found(&call.answer, message) {
            let of_question = if call.answer.turn.is_none() { key.clone() } else { None };
            reading
                .answers
                .push(read_answer(call, statuses, turn, of_question, message)?);
        }
    }
    Ok(reading)
}

/// The status that a body tells at a pointer.
///
/// # Errors
/// There is none, or its word has no meaning.
pub(super) fn status(at: Option<&PointerList>, statuses: &Statuses, body: &Value) -> Result<Option<Status>, String> {
    let Some(at) = at else { return Ok(None) };
    let word = text(Some(at), body).ok_or_else(|| format!("no status at {at} in {}", excerpt(body)))?;
    let meaning = statuses.meaning_of(&word);
    let meaning = meaning.ok_or_else(|| format!("unknown status {:?}", cut(&word, KEPT)))?;
    Ok(Some(status_of(meaning)))
}

/// The text at a pointer; a number or a flag stands for its text.
pub(super) fn text(at: Option<&PointerList>, value: &Value) -> Option<String> {
    match at?.find(value)? {
        Value::String(text) => Some(text),
        plain @ (Value::Number(_) | Value::Bool(_)) => Some(plain.to_string()),
        _ => None,
    }
}

fn read_answer(
    call: &ReadCall,
    statuses: &Statuses,
    asked_for: Option<&TurnId>,
    key: Option<TurnKey>,
    message: &Value,
) -> Result<ReadAnswer, String> {
    let finder = &call.answer;
    let turn = match &finder.turn {
        Some(at) => {
            let turn = text(Some(at), message);
            let turn = turn.ok_or_else(|| format!("an answer without a turn at {at}: {}", excerpt(message)))?;
            Some(TurnId::from(turn))
        }
        None if call.each.is_none() => asked_for.cloned(),
        None => None,
    };
    let status = status(finder.status.as_ref(), statuses, message)?;
    let shown = match text(Some(&finder.text), message) {
        Some(text) => text,
        // An answer that never came to be need not have a text.
        None if status.is_some_and(|status| status != Status::Completed) => String::new(),
        None => return Err(format!("an answer without its text: {}", excerpt(message))),
    };
    Ok(ReadAnswer {
        turn,
        key,
        status,
        text: shown,
        error: text(finder.error.as_ref(), message),
    })
}

fn is_found(finder: &Finder, message: &Value) -> bool {
    finder.predicate.as_ref().is_none_or(|wanted| wanted.holds(message))
}

/// The beginning of a body, for people.
fn excerpt(body: &Value) -> String {
    cut(&body.to_string(), KEPT)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::system::table::{Node, Read as _};

    fn call(text: &str) -> ReadCall {
        let (root, mut found) = Node::parse(&format!("request = \"GET /x\"\n{text}"));
        let call = ReadCall::read(&root, &mut found);
        assert!(found.is_empty(), "{found:?}");
        call.expect("a call")
    }

    fn statuses() -> Statuses {
        let (root, mut found) = Node::parse("completed = [\"done\"]\nfailed = [\"error\"]\nidle = [\"idle\"]");
        Statuses::read(&root, &mut found).expect("statuses")
    }

    fn read(call: &ReadCall, body: &Value) -> Result<Reading, String> {
        reading(call, &statuses(), Some(&"u".into()), body)
    }

    fn answer(text: &str) -> ReadAnswer {
        ReadAnswer {
            turn: None,
            key: None,
            status: None,
            text: text.to_owned(),
            error: None,
        }
    }

    #[test]
    fn an_answer_belongs_to_the_question_in_front_of_it() {
        let call = call(
            "each = \"/values/messages\"\n\
             question = { where = { \"/type\" = \"human\" }, text = \"/content\" }\n\
             answer = { where = { \"/type\" = \"ai\" }, text = [\"/content/*/text\", \"/content\"] }",
        );
        let body = json!({ "values": { "messages": [
            { "type": "human", "content": "[[mock key:a1 many:2]]" },
            { "type": "ai", "content": "one " },
            { "type": "tool", "content": "x" },
            { "type": "human", "content": "plain" },
            { "type": "ai", "content": [{ "text": "two " }] },
        ] } });
        let reading = read(&call, &body).expect("a reading");
        let question = |key: Option<&str>, text: &str| ReadQuestion {
            key: key.map(TurnKey::from),
            text: text.to_owned(),
        };
        let questions = vec![question(Some("a1"), "[[mock key:a1 many:2]]"), question(None, "plain")];
        assert_eq!(reading.questions, Some(questions));
        let first = ReadAnswer {
            key: Some("a1".into()),
            ..answer("one ")
        };
        assert_eq!(reading.answers, [first, answer("two ")]);
        assert_eq!(reading.status, None);
        let nothing = read(&call, &json!({ "values": {} })).expect("nothing was stored");
        assert_eq!((nothing.questions, nothing.answers), (Some(Vec::new()), Vec::new()));
        let error = read(&call, &json!({ "value": {} })).expect_err("no list");
        assert_eq!(error, "no list of messages at /values/messages in {\"value\":{}}");
    }

    #[test]
    fn one_turn_is_read_at_a_time_where_there_is_no_list() {
        let call = call("answer = { text = \"/content\", status = \"/status\", error = \"/error\" }");
        let done = read(&call, &json!({ "content": "a ", "status": "done", "error": null }));
        let expected = ReadAnswer {
            turn: Some("u".into()),
            status: Some(Status::Completed),
            ..answer("a ")
        };
        assert_eq!(done.map(|reading| reading.answers), Ok(vec![expected]));
        let failed = read(&call, &json!({ "content": null, "status": "error", "error": "no" }));
        let expected = ReadAnswer {
            turn: Some("u".into()),
            status: Some(Status::Failed),
            error: Some("no".to_owned()),
            ..answer("")
        };
        assert_eq!(failed.map(|reading| reading.answers), Ok(vec![expected]));
    }

    #[test]
    fn a_reading_that_lacks_something_says_what() {
        let call = call(
            "each = \"\"\nstatus = \"/status\"\nanswer = { turn = \"/turn\", text = \"/text\", status = \"/status\" }",
        );
        let call_of_list = ReadCall {
            status: None,
            ..call.clone()
        };
        let error = |body: Value| read(&call_of_list, &body).expect_err("no reading");
        assert_eq!(error(json!({})), "no list of messages, but {}");
        assert!(error(json!([{ "text": "a", "status": "done" }])).starts_with("an answer without a turn at /turn"));
        assert!(error(json!([{ "turn": 1, "status": "done" }])).starts_with("an answer without its text"));
        assert_eq!(
            error(json!([{ "turn": 1, "text": "a", "status": "odd" }])),
            "unknown status \"odd\""
        );
        let status = read(&call, &json!([])).expect_err("no status");
        assert_eq!(status, "no status at /status in []");
    }
}
