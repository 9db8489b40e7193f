//! Reads the body of a chat completion request: what matters here is checked, everything else is accepted unread.

use serde_json::{Map, Value};

use crate::{journal::Message, refusal::Refusal};

const ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];

/// What the provider acts on of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ChatRequest {
    pub(super) model: String,
    pub(super) messages: Vec<Message>,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    pub(super) max_tokens: Option<u32>,
}

impl ChatRequest {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| Refusal::bad_request(format!("the body is not JSON: {error}")))?;
        let Value::Object(body) = body else {
            return Err(Refusal::bad_request(format!(
                "the body must be an object, not {}",
                kind(&body)
            )));
        };
        let model = string(required(&body, "model")?, "model")?.to_owned();
        let messages = messages(required(&body, "messages")?)?;
        let stream = flag(&body, "stream", "stream")?;
        let choices = count(&body, "n")?;
        if choices.is_some_and(|n| n > 1) {
            return Err(Refusal::bad_request("more than one choice is not supported")
                .param("n")
                .code("unsupported"));
        }
        let max_tokens = match count(&body, "max_completion_tokens")? {
            None => count(&body, "max_tokens")?,
            some => some,
        };
        let include_usage = include_usage(&body, stream)?;
        Ok(Self {
            model,
            messages,
            stream,
            include_usage,
            max_tokens,
        })
    }

    /// Size of the prompt: its words.
    pub(super) fn prompt_tokens(&self) -> u32 {
        self.messages
            .iter()
            .map(|message| message.text.split_whitespace().count() as u32)
            .sum()
    }
}

fn include_usage(body: &Map<String, Value>, stream: bool) -> Result<bool, Refusal> {
    match field(body, "stream_options") {
        None => Ok(false),
        Some(_) if !stream => {
            Err(Refusal::bad_request("'stream_options' needs 'stream' to be true").param("stream_options"))
        }
        Some(Value::Object(options)) => flag(options, "include_usage", "stream_options.include_usage"),
        Some(other) => Err(wrong_type("stream_options", "an object", other)),
    }
}

fn messages(value: &Value) -> Result<Vec<Message>, Refusal> {
    let Value::Array(messages) = value else {
        return Err(wrong_type("messages", "an array", value));
    };
    if messages.is_empty() {
        return Err(Refusal::bad_request("'messages' must hold at least one message").param("messages"));
    }
    messages
        .iter()
        .enumerate()
        .map(|(index, message)| read_message(message, &format!("messages[{index}]")))
        .collect()
}

fn read_message(value: &Value, path: &str) -> Result<Message, Refusal> {
    let Value::Object(message) = value else {
        return Err(wrong_type(path, "an object", value));
    };
    let role_path = format!("{path}.role");
    let role = field(message, "role").ok_or_else(|| missing(&role_path))?;
    let role = string(role, &role_path)?;
    if !ROLES.contains(&role) {
        let message = format!("'{role_path}' is '{role}', expected one of {}", ROLES.join(", "));
        return Err(Refusal::bad_request(message).param(role_path).code("invalid_value"));
    }
    let path = format!("{path}.content");
    let text = match field(message, "content") {
        // An assistant's message that only calls tools has none.
        None if matches!(role, "assistant" | "function") => String::new(),
        None => return Err(missing(&path)),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts_text(parts, &path)?,
        Some(other) => return Err(wrong_type(&path, "a string or an array of parts", other)),
    };
    Ok(Message {
        role: role.to_owned(),
        text,
    })
}

fn parts_text(parts: &[Value], path: &str) -> Result<String, Refusal> {
    let mut texts = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let Value::Object(part) = part else {
            return Err(wrong_type(&path, "an object", part));
        };
        let type_path = format!("{path}.type");
        let kind = field(part, "type").ok_or_else(|| missing(&type_path))?;
        if string(kind, &type_path)? == "text" {
            let path = format!("{path}.text");
            texts.push(string(field(part, "text").ok_or_else(|| missing(&path))?, &path)?);
        }
    }
    Ok(texts.join("\n"))
}

/// A field that is there and not null.
fn field<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    object.get(name).filter(|value| !value.is_null())
}

fn required<'v>(object: &'v Map<String, Value>, name: &str) -> Result<&'v Value, Refusal> {
    field(object, name).ok_or_else(|| missing(name))
}

fn flag(object: &Map<String, Value>, name: &str, path: &str) -> Result<bool, Refusal> {
    match field(object, name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(wrong_type(path, "a boolean", other)),
    }
}

/// A number from 1; one beyond 32 bits bounds nothing and reads as the largest.
fn count(object: &Map<String, Value>, name: &str) -> Result<Option<u32>, Refusal> {
    let Some(value) = field(object, name) else {
        return Ok(None);
    };
    match value.as_u64() {
        Some(0) => {
            let message = format!("'{name}' is 0, expected at least 1");
            Err(Refusal::bad_request(message)
                .param(name)
                .code("integer_below_min_value"))
        }
        Some(count) => Ok(Some(u32::try_from(count).unwrap_or(u32::MAX))),
        None => Err(wrong_type(name, "a positive integer", value)),
    }
}

fn string<'v>(value: &'v Value, path: &str) -> Result<&'v str, Refusal> {
    value.as_str().ok_or_else(|| wrong_type(path, "a string", value))
}

fn missing(path: &str) -> Refusal {
    Refusal::bad_request(format!("'{path}' is missing"))
        .param(path)
        .code("missing_required_parameter")
}

fn wrong_type(path: &str, expected: &str, got: &Value) -> Refusal {
    Refusal::bad_request(format!("'{path}' must be {expected}, not {}", kind(got)))
        .param(path)
        .code("invalid_type")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<ChatRequest, Refusal> {
        ChatRequest::parse(body.to_string().as_bytes())
    }

    #[track_caller]
    fn refused(body: &Value, expected: &Refusal) {
        assert_eq!(parse(body).unwrap_err(), *expected);
    }

    #[test]
    fn what_matters_is_read_and_the_rest_accepted() {
        let request = parse(
            &json!({"model": "m", "stream": true, "stream_options": {"include_usage": true, "x": 1},
            "max_tokens": 5, "n": 1, "temperature": 0.3, "no_such_field": {"a": [1]}, "tools": null, "messages": [
                {"role": "system", "content": "be  brief"},
                {"role": "assistant", "content": null, "tool_calls": []},
                {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "image_url", "image_url": {}},
                    {"type": "text", "text": "two"}]}]}),
        )
        .unwrap();
        let texts: Vec<_> = request
            .messages
            .iter()
            .map(|m| (m.role.as_str(), m.text.as_str()))
            .collect();
        assert_eq!(
            texts,
            [("system", "be  brief"), ("assistant", ""), ("user", "one\ntwo")]
        );
        assert_eq!(
            (request.stream, request.include_usage, request.max_tokens),
            (true, true, Some(5))
        );
        assert_eq!(request.prompt_tokens(), 4);
    }

    #[test]
    fn a_bad_field_is_named_with_what_was_expected() {
        let user = json!([{"role": "user", "content": "x"}]);
        let bad = Refusal::bad_request;
        refused(&json!([]), &bad("the body must be an object, not an array"));
        refused(&json!({"messages": user}), &missing("model"));
        refused(&json!({"model": "m"}), &missing("messages"));
        refused(
            &json!({"model": "m", "messages": "x"}),
            &bad("'messages' must be an array, not a string")
                .param("messages")
                .code("invalid_type"),
        );
        refused(
            &json!({"model": "m", "messages": []}),
            &bad("'messages' must hold at least one message").param("messages"),
        );
        refused(
            &json!({"model": "m", "messages": [{"role": "bard", "content": "x"}]}),
            &bad("'messages[0].role' is 'bard', expected one of system, developer, user, assistant, tool, function")
                .param("messages[0].role")
                .code("invalid_value"),
        );
        refused(
            &json!({"model": "m", "messages": [{"role": "user"}]}),
            &missing("messages[0].content"),
        );
        refused(
            &json!({"model": "m", "messages": user, "n": 2}),
            &bad("more than one choice is not supported")
                .param("n")
                .code("unsupported"),
        );
        refused(
            &json!({"model": "m", "messages": user, "max_tokens": 0}),
            &bad("'max_tokens' is 0, expected at least 1")
                .param("max_tokens")
                .code("integer_below_min_value"),
        );
        refused(
            &json!({"model": "m", "messages": user, "stream_options": {}}),
            &bad("'stream_options' needs 'stream' to be true").param("stream_options"),
        );
        refused(
            &json!({"model": "m", "messages": user, "stream": "yes"}),
            &bad("'stream' must be a boolean, not a string")
                .param("stream")
                .code("invalid_type"),
        );
    }
}
