//! Requests that get no answer: the status, the envelope, and that they are no calls unless a script refused them.

use mock_ai::{journal::Cause, server::Settings};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use crate::client::Provider;

async fn error(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["error"].clone())
}

async fn refused(request: RequestBuilder) -> (u16, Value) {
    error(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_bad_request_is_told_what_was_wrong_with_it() {
    let provider = Provider::start().await;
    let (status, error) = refused(provider.complete(&json!({"model": "m"}))).await;
    assert_eq!(status, 400);
    assert_eq!(
        error,
        json!({"message": "'messages' is missing", "type": "invalid_request_error", "param": "messages",
            "code": "missing_required_parameter"})
    );
    let (status, error) = refused(provider.ask("x").body("{")).await;
    assert_eq!((status, &error["param"]), (400, &Value::Null));
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .starts_with("the body is not JSON: EOF"),
        "{error}"
    );
    let (status, error) = refused(
        provider
            .http
            .post(provider.url("/v1/chat/completions"))
            .header("content-type", "text/plain"),
    )
    .await;
    assert_eq!(status, 415);
    assert!(error["message"].as_str().unwrap().contains("text/plain"), "{error}");
    let metrics = provider.admin_get("metrics").await.text().await.unwrap();
    assert!(metrics.contains("\nmock_ai_rejected_total 3\n") && metrics.contains("\nmock_ai_calls_total 0\n"));
}

#[tokio::test]
async fn a_bad_script_names_the_word_and_its_place() {
    let provider = Provider::start().await;
    let (status, error) = refused(provider.ask("[[mock many:2 explode]]")).await;
    let message = "in the last user message: `explode` at byte 14: unknown verb `explode`, expected key, slow, many, \
        size, ttft, gate, stall, end, err, hang or one of the oddities: \
        bom, crlf, cr, bare, closing, nodone, nofinish, ping, extra, reasoning, usage, text, page, bad, finish, \
        unfinished, linger";
    assert_eq!((status, error["message"].as_str()), (400, Some(message)));
    let (status, error) = refused(provider.ask("x").header("x-mock", "many:2 many:x")).await;
    let message = "in the header x-mock: `many:x` at byte 7: expected many:N, a number of tokens";
    assert_eq!((status, error["message"].as_str()), (400, Some(message)));
    assert_eq!(refused(provider.ask("x").header("x-mock-key", "a b")).await.0, 400);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let provider = Provider::start_with(Settings {
        models: vec!["known".into()],
        require_key: false,
    })
    .await;
    let (status, error) = refused(provider.ask("x")).await;
    assert_eq!(
        (status, &error["code"], &error["param"]),
        (404, &json!("model_not_found"), &json!("model"))
    );
    let (status, error) = refused(provider.http.get(provider.url("/v1/nothing"))).await;
    assert_eq!(
        (status, &error["message"]),
        (404, &json!("no endpoint at GET /v1/nothing"))
    );
    let (status, error) = refused(provider.http.get(provider.url("/v1/chat/completions"))).await;
    assert_eq!((status, &error["code"]), (405, &json!("method_not_supported")));
}

#[tokio::test]
async fn an_api_key_can_be_required() {
    let provider = Provider::start_with(Settings {
        models: Vec::new(),
        require_key: true,
    })
    .await;
    let (status, error) = refused(provider.ask("x")).await;
    assert_eq!((status, &error["code"]), (401, &json!("invalid_api_key")));
    assert_eq!(provider.ask("x").bearer_auth("any").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_script_refuses_the_attempts_it_names() {
    let provider = Provider::start().await;
    let ask = || {
        provider
            .ask("[[mock key:t @1 err:429,ra=1500ms,code=slow_down]]")
            .send()
    };
    let response = ask().await.unwrap();
    assert_eq!(
        (
            &response.headers()["retry-after"],
            &response.headers()["retry-after-ms"]
        ),
        (
            &reqwest::header::HeaderValue::from(2),
            &reqwest::header::HeaderValue::from(1500)
        )
    );
    let (status, error) = error(response).await;
    assert_eq!(
        (status, &error["code"], &error["type"]),
        (429, &json!("slow_down"), &json!("requests"))
    );
    assert_eq!(ask().await.unwrap().status(), 200);
    let record = provider.call_of("t").await;
    assert_eq!(
        (record.cause, record.tokens, record.id.ordinal),
        (Some(Cause::Error(429)), 0, 1)
    );
}

#[tokio::test]
async fn a_whole_answer_beyond_reason_is_refused() {
    let provider = Provider::start().await;
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "[[mock many:65 size:1048576]]"}]});
    let (status, error) = refused(provider.complete(&body)).await;
    assert_eq!(status, 400);
    assert!(
        error["message"].as_str().unwrap().contains("ask for a stream"),
        "{error}"
    );
}
