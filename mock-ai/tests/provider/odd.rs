//! Oddities as they stand on the wire, and that the journal tells which were sent.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use mock_ai::{
    journal::{CallRecord, Cause},
    token::{Answer, TextMode},
};
use serde_json::{Value, json};

use crate::client::{Provider, within};

/// A streamed answer byte for byte, and its call's record.
async fn body(provider: &Provider, key: &str, directives: &str) -> (Vec<u8>, CallRecord) {
    let prompt = format!("[[mock key:{key} many:2 {directives}]]");
    let response = within("the response's head", provider.ask(&prompt).send())
        .await
        .unwrap();
    let body = within("the body", response.bytes()).await.unwrap().to_vec();
    let record = provider.ended(provider.call_of(key).await.id.call).await;
    (body, record)
}

async fn text(provider: &Provider, key: &str, directives: &str) -> String {
    let (body, record) = body(provider, key, directives).await;
    let asked: Vec<&str> = directives.split(' ').collect();
    assert!(
        asked.iter().all(|word| record.odd.contains(*word)),
        "{directives}: {:?}",
        record.odd
    );
    assert_eq!(record.cause, Some(Cause::Complete));
    String::from_utf8(body).unwrap()
}

/// The data of a body's events whose lines end with LF.
fn data(body: &str) -> Vec<&str> {
    body.split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .collect()
}

fn chunks(body: &str) -> Vec<Value> {
    data(body)
        .into_iter()
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}

fn choice(chunk: &Value) -> &Value {
    &chunk["choices"][0]
}

#[tokio::test]
async fn a_body_begins_with_a_mark_and_lines_end_as_asked() {
    let provider = Provider::start().await;
    let (plain, record) = body(&provider, "plain", "").await;
    assert!(record.odd.is_empty());
    let (events, plain) = (
        data(std::str::from_utf8(&plain).unwrap()).len(),
        plain.starts_with(b"data: {"),
    );
    assert!(plain && events == 5, "role, two tokens, the closing chunk and the end");
    let marked = text(&provider, "bom", "bom").await;
    assert!(marked.starts_with("\u{feff}data: {") && marked.matches('\u{feff}').count() == 1);
    let crlf = text(&provider, "crlf", "crlf").await;
    assert_eq!(crlf.matches("\r\n\r\n").count(), events);
    assert!(!crlf.replace("\r\n", "").contains(['\r', '\n']));
    let cr = text(&provider, "cr", "cr bom").await;
    assert_eq!((cr.matches("\r\r").count(), cr.contains('\n')), (events, false));
}

#[tokio::test]
async fn pings_come_before_each_event() {
    let provider = Provider::start().await;
    for (form, written) in [
        ("comment", ": ping\n\n"),
        ("event", "event: ping\ndata: {\"type\":\"ping\"}\n\n"),
        ("data", "data:\n\n"),
        ("retry", "retry: 3000\n\n"),
    ] {
        let body = text(&provider, form, &format!("ping:{form}")).await;
        assert!(body.starts_with(written), "{body}");
        assert_eq!(body.matches(written).count(), 5, "{form}");
    }
    let all = text(&provider, "all", "ping:all").await;
    assert!(all.contains(": ping\n\nevent: ping\n") && all.contains("data:\n\ndata: \n\nretry: 3000\n\ndata: {"));
}

#[tokio::test]
async fn reasons_are_any_json() {
    let provider = Provider::start().await;
    let odd = text(&provider, "a", "finish:{\"a\":[1]} unfinished:\"\"").await;
    let reasons: Vec<Value> = chunks(&odd)
        .iter()
        .map(|chunk| choice(chunk)["finish_reason"].clone())
        .collect();
    assert_eq!(reasons, [json!(""), json!(""), json!(""), json!({"a": [1]})]);
    let half = text(&provider, "b", "finish:\"\\ud83d\"").await;
    assert!(half.contains(r#""finish_reason":"\ud83d"}]"#));
    let none = text(&provider, "c", "nofinish").await;
    assert!(
        chunks(&none)
            .iter()
            .all(|chunk| choice(chunk)["finish_reason"].is_null())
    );
    assert_eq!(data(&none).last(), Some(&"[DONE]"));
}

#[tokio::test]
async fn the_last_token_may_stand_in_the_closing_chunk() {
    let provider = Provider::start().await;
    let body = text(&provider, "t", "closing bare").await;
    let last = Answer::new("t", 1, 2).texts().last().unwrap();
    let closing = json!({"choices": [{"delta": {"content": last}, "finish_reason": "stop"}]});
    assert_eq!(chunks(&body).last(), Some(&closing));
}

#[tokio::test]
async fn usage_comes_where_it_is_told_to_and_after_a_pause() {
    let provider = Provider::start().await;
    let begun = Instant::now();
    let body = text(&provider, "a", "usage:final linger:300ms").await;
    assert!(begun.elapsed() >= Duration::from_millis(300));
    let last = chunks(&body).last().unwrap().clone();
    assert_eq!(
        (&last["choices"], &last["usage"]["completion_tokens"]),
        (&json!([]), &json!(2))
    );
    let each = text(&provider, "b", "usage:each nodone").await;
    assert!(
        chunks(&each)
            .iter()
            .all(|chunk| chunk["usage"]["total_tokens"].is_number())
    );
    assert!(!each.contains("[DONE]"));
}

#[tokio::test]
async fn chunks_without_text_and_reasoning_come_between_the_tokens() {
    let provider = Provider::start().await;
    for (form, written) in [
        ("no-choices", r#""choices":[]}"#),
        ("null-choices", r#""choices":null}"#),
        ("missing-choices", r#""note":"nothing"}"#),
        ("null-delta", r#""choices":[{"index":0,"delta":null}]}"#),
        ("list-delta", r#""choices":[{"index":0,"delta":[]}]}"#),
        ("missing-delta", r#""choices":[{"index":0}]}"#),
        ("null-content", r#""delta":{"content":null}"#),
        ("empty-content", r#""delta":{"content":""}"#),
        ("role", r#""delta":{"role":"assistant","content":""}"#),
        ("null-error", r#""choices":[],"error":null}"#),
        ("empty-error", r#""choices":[],"error":{}}"#),
    ] {
        let body = text(&provider, form, &format!("extra:{form}")).await;
        let expected = if form == "role" { 3 } else { 2 };
        assert_eq!(body.matches(written).count(), expected, "{form}: {body}");
    }
    for (place, expected) in [("before", 3), ("mixed", 2), ("same", 2)] {
        let body = text(&provider, place, &format!("reasoning:{place}")).await;
        assert_eq!(body.matches("reasoning_content").count(), expected, "{place}");
        let contents = chunks(&body);
        let contents = contents
            .iter()
            .filter_map(|chunk| choice(chunk)["delta"]["content"].as_str());
        assert_eq!(contents.collect::<String>(), Answer::new(place, 1, 2).text());
    }
}

#[tokio::test]
async fn text_is_mixed_in_as_it_is_written() {
    let provider = Provider::start().await;
    for (word, mode) in TextMode::WORDS.iter().filter(|(_, mode)| !mode.is_plain()) {
        let (body, record) = body(&provider, word, &format!("text:{word}")).await;
        let body = String::from_utf8(body).unwrap();
        assert!(record.odd.contains(&format!("text:{word}")));
        for written in mode.written() {
            assert_eq!(
                body.matches(&format!("{written}\"}},\"logprobs\"")).count(),
                2,
                "{word}: {body}"
            );
        }
        if *mode != TextMode::Lone {
            let answer = Answer {
                mode: *mode,
                ..Answer::new(*word, 1, 2)
            };
            let body = body.replace("\\ud83d\"", "\"").replace("\"\\uDE00", "\"\\ud83d\\ude00");
            let texts = chunks(&body);
            let texts = texts
                .iter()
                .filter_map(|chunk| choice(chunk)["delta"]["content"].as_str());
            assert_eq!(
                texts.collect::<String>().replace('\0', "\u{fffd}"),
                answer.text(),
                "{word}"
            );
        }
    }
}

#[tokio::test]
async fn what_nobody_can_read_comes_in_place_of_a_token() {
    let provider = Provider::start().await;
    for (kind, written) in [
        ("json", &b"data: {\"choices\":[{\"delta\":{\"content\":\"cut\n\n"[..]),
        ("utf8", b"\"content\":\"\xff\xfe\""),
        ("nul", b"\"content\":\"\0\""),
        ("content", b"\"content\":7"),
        ("choices", b"\"choices\":{\"a\":1}"),
        ("huge", &[b'x'; 4096]),
        (
            "error",
            b"data: {\"error\":{\"message\":\"broken \\u0000 on \\ud83d purpose\"",
        ),
    ] {
        let (body, record) = body(&provider, kind, &format!("bad#1:{kind}")).await;
        assert!(record.odd.contains(&format!("bad#1:{kind}")), "{:?}", record.odd);
        let length = written.len();
        let first = written[0];
        let found = (0..=body.len() - length).any(|at| body[at] == first && &body[at..at + length] == written);
        assert!(found, "{kind}");
    }
}

#[tokio::test]
async fn a_page_comes_in_place_of_a_stream() {
    let provider = Provider::start().await;
    for (form, kind, status) in [
        ("html", "text/html", 200),
        ("html-stream", "text/event-stream", 200),
        ("json", "application/json", 503),
        ("text", "text/plain", 200),
        ("gzip", "text/event-stream", 200),
        ("gzip-stream", "text/event-stream", 200),
        ("empty", "text/event-stream", 502),
    ] {
        let failure = if status == 200 {
            String::new()
        } else {
            format!(" err:{status}")
        };
        let prompt = format!("[[mock key:{form} page:{form}{failure}]]");
        let response = provider.ask(&prompt).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{form}");
        assert_eq!(response.headers()["content-type"], kind, "{form}");
        assert_eq!(response.headers().contains_key("content-encoding"), form == "gzip");
        let length = response.bytes().await.unwrap().len();
        assert_eq!(length == 0, form == "empty");
        let record = provider.ended(provider.call_of(form).await.id.call).await;
        assert!(record.odd.contains(&format!("page:{form}")));
        let cause = if status == 200 {
            Cause::Complete
        } else {
            Cause::Error(status)
        };
        assert_eq!(record.cause, Some(cause));
    }
}

#[tokio::test]
async fn an_endless_page_ends_with_its_client() {
    let provider = Provider::start().await;
    let response = provider.ask("[[mock key:t page:endless]]").send().await.unwrap();
    let mut body = response.bytes_stream();
    for _ in 0..3 {
        assert!(
            within("a piece", body.next())
                .await
                .unwrap()
                .unwrap()
                .starts_with(b"<html>")
        );
    }
    drop(body);
    let record = provider.ended(provider.call_of("t").await.id.call).await;
    assert_eq!(record.cause, Some(Cause::ClientGone));
}

#[tokio::test]
async fn an_answer_that_is_given_whole_holds_the_text_in_its_agreed_form() {
    let provider = Provider::start().await;
    let prompt = "[[mock key:w many:2 text:nul]]";
    let body = json!({"model": "m", "messages": [{"role": "user", "content": prompt}]});
    let answer: Value = provider.complete(&body).send().await.unwrap().json().await.unwrap();
    let expected = Answer {
        mode: TextMode::Nul,
        ..Answer::new("w", 1, 2)
    };
    assert_eq!(answer["choices"][0]["message"]["content"], expected.text());
}
