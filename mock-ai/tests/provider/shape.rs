//! What a completion looks like to a client of the OpenAI interface.

use mock_ai::{journal::Cause, server::Settings, token::Answer};
use serde_json::{Value, json};

use crate::client::{Chat, Ending, Provider, indices};

async fn chunks(provider: &Provider, body: &Value) -> Vec<Value> {
    let mut chat = Chat::new(provider.complete(body).send().await.unwrap());
    let mut chunks = Vec::new();
    loop {
        let data = chat.data().await.unwrap();
        if data == "[DONE]" {
            assert_eq!(chat.data().await, Err(Ending::Eof));
            return chunks;
        }
        chunks.push(serde_json::from_str(&data).unwrap());
    }
}

fn body(prompt: &str) -> Value {
    json!({"model": "gpt-x", "stream": true, "messages": [{"role": "user", "content": prompt}]})
}

#[tokio::test]
async fn a_stream_starts_with_the_role_and_ends_with_the_reason() {
    let provider = Provider::start().await;
    let chunks = chunks(&provider, &body("hi [[mock key:t many:2]]")).await;
    let answer: Vec<_> = Answer::new("t", 1, 2).texts().collect();
    let choices: Vec<_> = chunks.iter().map(|chunk| chunk["choices"].clone()).collect();
    let choice = |delta: Value, reason: Option<&str>| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason}]);
    assert_eq!(
        choices,
        [
            choice(json!({"role": "assistant", "content": ""}), None),
            choice(json!({"content": answer[0]}), None),
            choice(json!({"content": answer[1]}), None),
            choice(json!({}), Some("stop")),
        ]
    );
    for chunk in &chunks {
        let keys: Vec<_> = chunk.as_object().unwrap().keys().cloned().collect();
        assert_eq!(
            keys,
            ["choices", "created", "id", "model", "object", "system_fingerprint"]
        );
        assert_eq!(
            (&chunk["id"], &chunk["created"]),
            (&chunks[0]["id"], &chunks[0]["created"])
        );
        assert_eq!(
            (&chunk["object"], &chunk["model"]),
            (&json!("chat.completion.chunk"), &json!("gpt-x"))
        );
    }
    assert!(chunks[0]["id"].as_str().unwrap().starts_with("chatcmpl-"));
}

#[tokio::test]
async fn usage_comes_last_when_asked_for() {
    let provider = Provider::start().await;
    let mut body = body("three words many:5");
    body["stream_options"] = json!({"include_usage": true});
    let chunks = chunks(&provider, &body).await;
    let (last, others) = chunks.split_last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(
        last["usage"],
        json!({"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8})
    );
    assert!(others.iter().all(|chunk| chunk.get("usage") == Some(&Value::Null)));
}

#[tokio::test]
async fn a_whole_answer_is_one_document() {
    let provider = Provider::start().await;
    let mut body = body("[[mock key:t many:3 size:60]]");
    body["stream"] = json!(false);
    let response = provider.complete(&body).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(response.headers()["x-request-id"].to_str().unwrap().starts_with("req_"));
    assert!(response.headers().contains_key("openai-processing-ms"));
    let length = response.content_length();
    let answer: Value = response.json().await.unwrap();
    let content = Answer {
        size: 60,
        ..Answer::new("t", 1, 3)
    }
    .text();
    let message = json!({"role": "assistant", "content": content, "refusal": null});
    assert_eq!(
        answer["choices"],
        json!([{"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"}])
    );
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(
        answer["usage"],
        json!({"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": 7})
    );

    let record = provider.call_of("t").await;
    assert_eq!(
        (record.stream, record.cause, record.tokens),
        (false, Some(Cause::Complete), 3)
    );
    assert_eq!(Some(record.bytes), length);
}

#[tokio::test]
async fn a_bound_on_tokens_cuts_the_answer_and_says_so() {
    let provider = Provider::start().await;
    for name in ["max_tokens", "max_completion_tokens"] {
        let mut body = body("[[mock key:t many:9]]");
        body[name] = json!(2);
        let chunks = chunks(&provider, &body).await;
        assert_eq!(chunks.len(), 4);
        assert_eq!(chunks[3]["choices"][0]["finish_reason"], "length");
        assert!(
            chunks[2]["choices"][0]["delta"]["content"]
                .as_str()
                .unwrap()
                .contains(".k2.n9.")
        );
    }
}

#[tokio::test]
async fn only_the_last_user_message_is_searched_for_hints() {
    let provider = Provider::start().await;
    let body = json!({"model": "m", "stream": true, "future_option": {"x": [1]}, "messages": [
        {"role": "system", "content": "[[mock many:2]]"},
        {"role": "user", "content": "[[mock many:3 nonsense]]"},
        {"role": "assistant", "content": "~k.c1.k1.n1.0000 "},
        {"role": "user", "content": [{"type": "text", "text": "go on"}, {"type": "text", "text": "many:4"}]},
        {"role": "assistant", "content": null, "tool_calls": []}]});
    let mut chat = Chat::new(provider.complete(&body).send().await.unwrap());
    let (text, ending) = chat.rest().await;
    assert_eq!((indices(&text).len(), ending), (4, Ending::Done));
}

#[tokio::test]
async fn the_header_overrides_the_prompt() {
    let provider = Provider::start().await;
    let request = provider
        .ask("[[mock many:3 key:a]]")
        .header("x-mock", "many:5 key:b")
        .header("x-mock-key", "c");
    let (text, _) = Chat::new(request.send().await.unwrap()).rest().await;
    assert_eq!(text, Answer::new("c", 1, 5).text());
}

#[tokio::test]
async fn the_key_comes_from_the_api_key_or_from_the_request_itself() {
    let provider = Provider::start().await;
    let (text, _) = Chat::new(provider.ask("x").bearer_auth("sk-mock-t9").send().await.unwrap())
        .rest()
        .await;
    assert_eq!(text, Answer::new("t9", 1, 8).text());

    let first = provider.open("the same").await.rest().await.0;
    let again = provider.open("the same").await.rest().await.0;
    let other = provider.open("another").await.rest().await.0;
    let key = |text: &str| text.split('.').next().unwrap().to_owned();
    assert_eq!(
        (indices(&first)[0], indices(&again)[0], indices(&other)[0]),
        ((1, 1), (2, 1), (1, 1))
    );
    assert_eq!(key(&first), key(&again));
    assert_ne!(key(&first), key(&other));
}

#[tokio::test]
async fn models_are_listed_and_looking_at_them_is_no_call() {
    let provider = Provider::start_with(Settings {
        models: vec!["a/b".into(), "c".into()],
        require_key: false,
    })
    .await;
    let get = |path: &str| provider.http.get(provider.url(path)).send();
    let list: Value = get("/v1/models").await.unwrap().json().await.unwrap();
    let ids: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["id"].clone())
        .collect();
    assert_eq!(
        (list["object"].as_str(), ids),
        (Some("list"), vec![json!("a/b"), json!("c")])
    );
    let one: Value = get("/v1/models/a%2Fb").await.unwrap().json().await.unwrap();
    assert_eq!(one, list["data"][0]);
    assert_eq!(get("/v1/models/d").await.unwrap().status(), 404);
    assert_eq!(get("/health").await.unwrap().status(), 200);
    assert_eq!(provider.admin_get("calls").await.text().await.unwrap(), "[]");
}
