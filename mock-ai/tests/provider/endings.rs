//! Answers that break off, as a client sees it and as the journal tells it.

use mock_ai::{
    journal::Cause,
    script::EndMode,
    token::{Answer, Texts},
};
use reqwest::StatusCode;
use serde_json::json;

use crate::client::{Ending, Provider};

const MODES: [(EndMode, Ending); 3] = [
    (EndMode::Eof, Ending::Eof),
    (EndMode::Abort, Ending::Broken),
    (EndMode::Rst, Ending::Reset),
];

/// The first so many tokens of the key's first answer.
fn first(texts: Texts, count: usize) -> String {
    texts.take(count).collect()
}

#[tokio::test]
async fn a_script_breaks_the_answer_off_after_exactly_so_many_tokens() {
    let provider = Provider::start().await;
    for (mode, seen) in MODES {
        let key = mode.as_str();
        for after in [0, 1, 3] {
            let mut chat = provider
                .open(&format!("[[mock key:{key} many:5 end#{after}:{key}]]"))
                .await;
            let (text, ending) = chat.rest().await;
            assert_eq!(
                (text, &ending),
                (first(Answer::new(key, 1, 5).into_texts(), after), &seen)
            );
            let record = provider.ended(provider.call_of(key).await.id.call).await;
            assert_eq!((record.cause, record.tokens), (Some(Cause::End(mode)), after as u32));
            assert_eq!(record.gone_us, None);
            provider.admin_post(&format!("reset?key={key}"), "").await;
        }
    }
}

#[tokio::test]
async fn a_held_stream_is_ended_from_outside() {
    let provider = Provider::start().await;
    for (mode, seen) in MODES {
        let key = mode.as_str();
        let mut chat = provider.open(&format!("[[mock key:{key} many:5 gate#2:g]]")).await;
        chat.tokens(2).await;
        let call = provider.gate("g?wait=20000").await.held[0].id.call;
        let path = format!("streams/{call}/end");
        let body = json!({"mode": mode}).to_string();
        assert_eq!(provider.admin_post(&path, &body).await.status(), StatusCode::NO_CONTENT);
        assert_eq!(chat.rest().await, (String::new(), seen));
        let record = provider.ended(call).await;
        assert_eq!((record.cause, record.tokens), (Some(Cause::End(mode)), 2));
        assert_eq!(
            provider.admin_post(&path, &body).await.status(),
            StatusCode::NOT_FOUND,
            "it has ended"
        );
    }
    assert_eq!(
        provider
            .admin_post("streams/99/end", r#"{"mode":"eof"}"#)
            .await
            .status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        provider
            .admin_post("streams/1/end", r#"{"mode":"bang"}"#)
            .await
            .status(),
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn a_gate_comes_before_the_end_at_the_same_token() {
    let provider = Provider::start().await;
    let mut chat = provider.open("[[mock key:t many:5 gate#2:g end#2:rst]]").await;
    chat.tokens(2).await;
    assert_eq!(provider.gate("g?wait=20000").await.held[0].after, 2);
    provider.admin_post("gates/g/open", "").await;
    assert_eq!(chat.rest().await, (String::new(), Ending::Reset));
}

#[tokio::test]
async fn a_whole_answer_breaks_off_within_the_document() {
    let provider = Provider::start().await;
    let ask = |mode: &str| {
        let prompt = format!("[[mock key:{mode} many:5 end#2:{mode}]]");
        let body = json!({"model": "m", "messages": [{"role": "user", "content": prompt}]});
        let request = provider.complete(&body);
        async move { request.send().await.unwrap().text().await }
    };
    let half = ask("eof").await.unwrap();
    assert!(
        half.starts_with('{') && serde_json::from_str::<serde_json::Value>(&half).is_err(),
        "{half}"
    );
    assert!(ask("abort").await.is_err());
    assert!(ask("rst").await.is_err());
    let record = provider.ended(provider.call_of("rst").await.id.call).await;
    assert_eq!(record.cause, Some(Cause::End(EndMode::Rst)));
}

#[tokio::test]
async fn a_hanging_request_is_ended_from_outside() {
    let provider = Provider::start().await;
    let request = tokio::spawn(provider.ask("[[mock key:t hang]]").send());
    let call = provider.call_of("t").await.id.call;
    provider
        .admin_post(&format!("streams/{call}/end"), r#"{"mode":"abort"}"#)
        .await;
    let response = request.await.unwrap().unwrap();
    assert!(response.bytes().await.is_err());
    assert_eq!(provider.ended(call).await.cause, Some(Cause::End(EndMode::Abort)));
}
