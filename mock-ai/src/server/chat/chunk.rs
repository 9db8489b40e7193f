//! What a chat completion looks like on the wire, streamed and whole.

use serde::Serialize;

use crate::{
    script::{Flag, Odd},
    server::{stamp::RequestId, walk::Finish},
};

/// The stream's last event.
pub(super) const DONE: &str = "data: [DONE]\n\n";

const FINGERPRINT: &str = "fp_mock_ai";
/// Stands for a token's text in the template of its chunk. No JSON holds it: a control character is escaped there.
const BLANK: &str = "\u{1}";

/// The fields that every chunk of an answer, or the whole answer, starts with.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Head {
    id: String,
    object: &'static str,
    created: u64,
    model: String,
    system_fingerprint: &'static str,
}

/// Token counts. Tokens of the prompt are counted as its words.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Usage {
    #[serde(rename = "prompt_tokens")]
    prompt: u32,
    #[serde(rename = "completion_tokens")]
    completion: u32,
    #[serde(rename = "total_tokens")]
    total: u32,
}

/// The `usage` field of a chunk with a choice.
#[derive(Debug, Clone, Copy)]
pub(super) enum UsageField {
    /// There is none.
    Absent,
    /// `null`: the counts come in a chunk of their own.
    Later,
    Now(Usage),
}

impl Usage {
    pub(super) fn new(prompt: u32, completion: u32) -> Self {
        Self {
            prompt,
            completion,
            total: prompt.saturating_add(completion),
        }
    }
}

impl Head {
    pub(super) fn new(id: RequestId, model: &str) -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self {
            id: format!("chatcmpl-{}", id.0.simple()),
            object: "chat.completion",
            created: now.map_or(0, |since| since.as_secs()),
            model: model.to_owned(),
            system_fingerprint: FINGERPRINT,
        }
    }
}

/// Writes the events of one answer's stream.
pub(super) struct Chunks {
    /// The fields that every chunk starts with, as they stand within the object, with a comma behind them.
    head: String,
    /// The rest behind the choices: the usage field, if there is one.
    tail: String,
    /// Whether a choice has its index and logprobs.
    is_bare: bool,
    /// Every chunk's reason but the closing one's, as JSON.
    unfinished: String,
    /// A token's chunk before and after its text. Tokens are ASCII that JSON does not escape, so that a chunk is put
    /// together and not serialised.
    before: String,
    after: String,
}

impl Chunks {
    pub(super) fn new(head: Head, usage: UsageField, odd: &Odd) -> serde_json::Result<Self> {
        let is_bare = odd.has(Flag::Bare);
        let fields = serde_json::to_string(&Head {
            object: "chat.completion.chunk",
            ..head
        })?;
        let fields = fields.trim_start_matches('{').trim_end_matches('}');
        let mut chunks = Self {
            head: if is_bare { String::new() } else { format!("{fields},") },
            tail: match usage {
                UsageField::Absent => String::new(),
                UsageField::Later => r#","usage":null"#.to_owned(),
                UsageField::Now(usage) => format!(r#","usage":{}"#, serde_json::to_string(&usage)?),
            },
            is_bare,
            unfinished: odd.unfinished.clone().unwrap_or_else(|| "null".to_owned()),
            before: String::new(),
            after: String::new(),
        };
        let template = chunks.delta(&format!(r#""content":"{BLANK}""#));
        let (before, after) = template.split_once(BLANK).unwrap_or_default();
        (chunks.before, chunks.after) = (before.to_owned(), after.to_owned());
        Ok(chunks)
    }

    pub(super) fn role(&self) -> String {
        self.delta(r#""role":"assistant","content":"""#)
    }

    /// The chunk of a text, given as the inside of a JSON string.
    pub(super) fn text(&self, text: &str) -> String {
        [&self.before, text, &self.after].concat()
    }

    /// A chunk that does not close the answer; `delta` is the inside of a JSON object.
    pub(super) fn delta(&self, delta: &str) -> String {
        self.choice(delta, &self.unfinished)
    }

    /// A chunk with one choice; `delta` is the inside of a JSON object, `reason` is JSON.
    pub(super) fn choice(&self, delta: &str, reason: &str) -> String {
        let (index, logprobs) = if self.is_bare {
            ("", "")
        } else {
            (r#""index":0,"#, r#""logprobs":null,"#)
        };
        self.fields(&format!(
            r#""choices":[{{{index}"delta":{{{delta}}},{logprobs}"finish_reason":{reason}}}]"#
        ))
    }

    /// A chunk with these fields; `fields` is the inside of a JSON object.
    pub(super) fn fields(&self, fields: &str) -> String {
        format!("data: {{{}{fields}{}}}\n\n", self.head, self.tail)
    }

    pub(super) fn usage(&self, usage: Usage) -> serde_json::Result<String> {
        let usage = serde_json::to_string(&usage)?;
        Ok(format!("data: {{{}\"choices\":[],\"usage\":{usage}}}\n\n", self.head))
    }
}

/// An answer that is given whole.
#[derive(Serialize)]
pub(super) struct Completion<'a> {
    #[serde(flatten)]
    head: Head,
    choices: [WholeChoice<'a>; 1],
    usage: Usage,
}

#[derive(Serialize)]
struct WholeChoice<'a> {
    index: u32,
    message: WholeMessage<'a>,
    logprobs: Option<()>,
    finish_reason: &'a str,
}

#[derive(Serialize)]
struct WholeMessage<'a> {
    role: &'a str,
    content: &'a str,
    refusal: Option<()>,
}

impl<'a> Completion<'a> {
    pub(super) fn new(head: Head, content: &'a str, finish: Finish, usage: Usage) -> Self {
        let message = WholeMessage {
            role: "assistant",
            content,
            refusal: None,
        };
        let choice = WholeChoice {
            index: 0,
            message,
            logprobs: None,
            finish_reason: finish.as_str(),
        };
        Self {
            head,
            choices: [choice],
            usage,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    fn value(event: &str) -> Value {
        serde_json::from_str(event.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap()).unwrap()
    }

    fn chunks(usage: UsageField, odd: &Odd) -> Chunks {
        Chunks::new(Head::new(RequestId(Uuid::nil()), "m"), usage, odd).unwrap()
    }

    #[test]
    fn a_token_is_put_into_its_chunk_whatever_the_model_is_called() {
        let model = "a \u{1} \"model\" \\u0001 }";
        let head = Head::new(RequestId(Uuid::nil()), model);
        let chunks = Chunks::new(head, UsageField::Later, &Odd::default()).unwrap();
        let chunk = value(&chunks.text("~k.c1.k1.n2.0000 "));
        assert_eq!(chunk["model"], model);
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(chunk["usage"], Value::Null);
        let choice = json!({"index": 0, "delta": {"content": "~k.c1.k1.n2.0000 "}, "logprobs": null,
            "finish_reason": null});
        assert_eq!(chunk["choices"], json!([choice]));
    }

    #[test]
    fn usage_is_written_only_when_asked_for() {
        assert_eq!(
            value(&chunks(UsageField::Absent, &Odd::default()).role()).get("usage"),
            None
        );
        let last = value(
            &chunks(UsageField::Later, &Odd::default())
                .usage(Usage::new(3, 4))
                .unwrap(),
        );
        let counts = json!({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7});
        assert_eq!((&last["choices"], &last["usage"]), (&json!([]), &counts));
        let each = chunks(UsageField::Now(Usage::new(3, 4)), &Odd::default());
        assert_eq!(value(&each.role())["usage"], counts);
    }

    #[test]
    fn a_bare_chunk_holds_choices_alone_and_the_reason_that_was_asked_for() {
        let mut odd = Odd {
            unfinished: Some("\"\"".to_owned()),
            ..Odd::default()
        };
        odd.flags.insert(Flag::Bare);
        let chunks = chunks(UsageField::Absent, &odd);
        let choice = json!({"delta": {"content": "x"}, "finish_reason": ""});
        assert_eq!(value(&chunks.text("x")), json!({"choices": [choice]}));
        let closing = json!({"delta": {}, "finish_reason": {"a": 1}});
        assert_eq!(value(&chunks.choice("", "{\"a\":1}")), json!({"choices": [closing]}));
    }
}
