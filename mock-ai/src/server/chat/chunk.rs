//! What a chat completion looks like on the wire, streamed and whole.

use bytes::Bytes;
use serde::Serialize;

use crate::server::{stamp::RequestId, walk::Finish};

/// The stream's last event.
pub(super) const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

const FINGERPRINT: &str = "fp_mock_ai";
/// Stands for a token's text in the template of its chunk. JSON writes it as an escape that no other field behind the
/// model's name can hold.
const BLANK: &str = "\u{1}";
const BLANK_ESCAPED: &str = "\\u0001";

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

/// A chunk's `usage` field.
#[derive(Serialize)]
#[serde(untagged)]
enum UsageField {
    /// Nobody asked for usage.
    Absent,
    /// It was asked for and comes later: `null`.
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

impl UsageField {
    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
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

#[derive(Serialize)]
struct Chunk<'a> {
    #[serde(flatten)]
    head: &'a Head,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "UsageField::is_absent")]
    usage: UsageField,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: Option<()>,
    finish_reason: Option<&'a str>,
}

#[derive(Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

/// Writes the chunks of one answer.
pub(super) struct Chunks {
    head: Head,
    include_usage: bool,
    /// A token's chunk before and after its text. Tokens are ASCII that JSON does not escape, so that a chunk is put
    /// together and not serialised.
    before: String,
    after: String,
}

impl Chunks {
    pub(super) fn new(head: Head, include_usage: bool) -> serde_json::Result<Self> {
        let head = Head {
            object: "chat.completion.chunk",
            ..head
        };
        let mut chunks = Self {
            head,
            include_usage,
            before: String::new(),
            after: String::new(),
        };
        let template = chunks.choice(
            Delta {
                role: None,
                content: Some(BLANK),
            },
            None,
        )?;
        let (before, after) = template.rsplit_once(BLANK_ESCAPED).unwrap_or_default();
        (chunks.before, chunks.after) = (before.to_owned(), after.to_owned());
        Ok(chunks)
    }

    pub(super) fn role(&self) -> serde_json::Result<Bytes> {
        self.choice(
            Delta {
                role: Some("assistant"),
                content: Some(""),
            },
            None,
        )
        .map(Bytes::from)
    }

    pub(super) fn token(&self, text: &str) -> Bytes {
        let mut chunk = String::with_capacity(self.before.len() + text.len() + self.after.len());
        chunk.push_str(&self.before);
        chunk.push_str(text);
        chunk.push_str(&self.after);
        chunk.into()
    }

    pub(super) fn finish(&self, finish: Finish) -> serde_json::Result<Bytes> {
        self.choice(
            Delta {
                role: None,
                content: None,
            },
            Some(finish.as_str()),
        )
        .map(Bytes::from)
    }

    pub(super) fn usage(&self, usage: Usage) -> serde_json::Result<Bytes> {
        event(&Chunk {
            head: &self.head,
            choices: &[],
            usage: UsageField::Now(usage),
        })
        .map(Bytes::from)
    }

    fn choice(&self, delta: Delta<'_>, finish_reason: Option<&str>) -> serde_json::Result<String> {
        let choices = [Choice {
            index: 0,
            delta,
            logprobs: None,
            finish_reason,
        }];
        let usage = if self.include_usage {
            UsageField::Later
        } else {
            UsageField::Absent
        };
        event(&Chunk {
            head: &self.head,
            choices: &choices,
            usage,
        })
    }
}

fn event(chunk: &Chunk<'_>) -> serde_json::Result<String> {
    Ok(format!("data: {}\n\n", serde_json::to_string(chunk)?))
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

    fn value(event: &Bytes) -> Value {
        let text = std::str::from_utf8(event).unwrap();
        serde_json::from_str(text.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap()).unwrap()
    }

    #[test]
    fn a_token_is_put_into_its_chunk_whatever_the_model_is_called() {
        let model = "a \u{1} \"model\" \\u0001";
        let chunks = Chunks::new(Head::new(RequestId(Uuid::nil()), model), true).unwrap();
        let chunk = value(&chunks.token("~k.c1.k1.n2.0000 "));
        assert_eq!(chunk["model"], model);
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(chunk["usage"], Value::Null);
        let choice = json!({"index": 0, "delta": {"content": "~k.c1.k1.n2.0000 "}, "logprobs": null,
            "finish_reason": null});
        assert_eq!(chunk["choices"], json!([choice]));
    }

    #[test]
    fn usage_is_written_only_when_asked_for() {
        let head = Head::new(RequestId(Uuid::nil()), "m");
        let silent = Chunks::new(head.clone(), false).unwrap();
        assert_eq!(value(&silent.role().unwrap()).get("usage"), None);
        let asked = Chunks::new(head, true).unwrap();
        let last = value(&asked.usage(Usage::new(3, 4)).unwrap());
        assert_eq!(last["choices"], json!([]));
        assert_eq!(
            last["usage"],
            json!({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7})
        );
    }
}
