//! The place of an answer in what a pod reads back.

use serde_json::Value;

use super::pointers::pointers;
use crate::run::check::proposal::Proposal;
use crate::system::reading::tokens_of;

/// The value of the open `calls.read.answer.text`, by the turn's tokens. `None` if the body does not hold all of them in one text.
pub(in crate::run) fn answer_text(path: &str, body: &Value, key: &str, tokens: usize) -> Option<Proposal> {
    let is_answer = |value: &Value| value.as_str().is_some_and(|text| tokens_of(key, text).len() == tokens);
    let at = pointers(body, &is_answer).into_iter().next()?;
    // A place in a list is another one in the next thread.
    let Some((list, inner)) = in_list(&at, body) else {
        let seen = format!("the answer is at {at} ({tokens} of {tokens} tokens)");
        return Some(Proposal::text(path, &at, seen));
    };
    let seen = format!(
        "the answer is at {at}: say each = {list:?} in [calls.read], answer.text = {inner:?}, and where, which finds answers among messages"
    );
    Some(Proposal::hint(path, seen))
}

/// The list that a place is in, and the place in one of its items.
fn in_list(at: &str, body: &Value) -> Option<(String, String)> {
    let steps: Vec<&str> = at.split('/').skip(1).collect();
    (0..steps.len()).find_map(|n| {
        let (list, inner) = (pointer_of(&steps[..n]), pointer_of(&steps[n + 1..]));
        body.pointer(&list)?.is_array().then_some((list, inner))
    })
}

/// The pointer of some steps.
fn pointer_of(steps: &[&str]) -> String {
    steps.iter().flat_map(|step| ["/", step]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ANSWER: &str = "~k.c1.k1.n2.0000 ~k.c1.k2.n2.0000 ";

    fn proposal(body: &Value) -> Option<(Option<String>, String)> {
        let proposal = answer_text("p", body, "k", 2)?;
        Some((proposal.value, proposal.seen))
    }

    #[test]
    fn the_answer_is_found_by_its_tokens() {
        let (value, seen) = proposal(&json!({ "id": 1, "data": { "text": ANSWER } })).expect("it is there");
        assert_eq!(value.as_deref(), Some("\"/data/text\""));
        assert_eq!(seen, "the answer is at /data/text (2 of 2 tokens)");
        assert_eq!(proposal(&json!({ "text": "~k.c1.k1.n2.0000 " })), None);
    }

    #[test]
    fn a_place_in_a_list_is_no_value() {
        let body = json!({ "messages": [{ "content": "q" }, { "content": [{ "text": ANSWER }] }] });
        let (value, seen) = proposal(&body).expect("it is there");
        assert_eq!(value, None);
        assert!(
            seen.contains("each = \"/messages\" in [calls.read], answer.text = \"/content/0/text\""),
            "{seen}"
        );
    }
}
