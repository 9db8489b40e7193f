//! Streams that are held, let on, and left by their clients.

use mock_ai::{
    journal::{Cause, GateState},
    token::Answer,
};
use reqwest::StatusCode;

use crate::client::{Ending, Provider, indices, within};

#[tokio::test]
async fn a_gate_holds_a_stream_after_exactly_so_many_tokens() {
    let provider = Provider::start().await;
    let mut chat = provider.open("[[mock key:t many:6 gate#3:g]]").await;
    let before = chat.tokens(3).await;
    let state = provider.gate("g?wait=20000").await;
    assert_eq!((state.open, state.open_through, state.held.len()), (false, None, 1));
    let held = &state.held[0];
    assert_eq!(
        (&*held.id.key, held.id.ordinal, held.after, &held.id.pod),
        ("t", 1, 3, &None)
    );
    let record = provider.record(held.id.call).await;
    assert_eq!(
        (record.held.as_deref(), record.tokens, record.ended_us),
        (Some("g"), 3, None)
    );

    assert_eq!(provider.admin_post("gates/g/open", "").await.status(), 200);
    let (tail, ending) = chat.rest().await;
    assert_eq!((before + &tail, ending), (Answer::new("t", 1, 6).text(), Ending::Done));
    let record = provider.ended(record.id.call).await;
    assert_eq!(
        (record.cause, record.tokens, record.held),
        (Some(Cause::Complete), 6, None)
    );
}

#[tokio::test]
async fn a_gate_that_is_open_before_the_call_does_not_hold_it() {
    let provider = Provider::start().await;
    provider.admin_post("gates/g/open", "").await;
    let (text, ending) = provider.open("[[mock many:3 gate#0:g]]").await.rest().await;
    assert_eq!((indices(&text).len(), ending), (3, Ending::Done));
    let state = provider.gate("g").await;
    assert_eq!(
        state,
        GateState {
            name: "g".into(),
            open: true,
            open_through: None,
            held: Vec::new()
        }
    );
}

#[tokio::test]
async fn a_stream_is_let_on_token_by_token() {
    let provider = Provider::start().await;
    let mut chat = provider.open("[[mock key:t many:3 gate#0:g]]").await;
    let mut text = String::new();
    for through in 1..=3 {
        let state: GateState = provider
            .admin_post(&format!("gates/g/open?through={through}"), "")
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(state.open_through, Some(through));
        text += &chat.tokens(1).await;
        let held = provider.gate("g?wait=20000").await.held;
        assert_eq!(held[0].after, through, "held again, at the end too");
    }
    provider.admin_post("gates/g/open", "").await;
    assert_eq!(chat.rest().await, (String::new(), Ending::Done));
    assert_eq!(text, Answer::new("t", 1, 3).text());
}

#[tokio::test]
async fn a_gate_opens_for_one_call_of_several() {
    let provider = Provider::start().await;
    let prompt = "[[mock key:t many:2 gate#1:g]]";
    let (mut first, mut second) = (provider.open(prompt).await, provider.open(prompt).await);
    let held = provider.gate("g?wait=20000&streams=2").await.held;
    let of_second = provider.gate("g?wait=20000&ordinal=2&key=t").await.held;
    assert_eq!((held.len(), &of_second), (2, &held[1..].to_vec()));
    provider
        .admin_post(&format!("gates/g/open?call={}", of_second[0].id.call), "")
        .await;
    let (text, ending) = second.rest().await;
    assert_eq!((text, ending), (Answer::new("t", 2, 2).text(), Ending::Done));
    assert_eq!(provider.gate("g").await.held, held[..1]);
    provider.admin_post("gates/g/open", "").await;
    assert_eq!(first.rest().await.1, Ending::Done);
    assert_eq!(
        provider.admin_post("gates/g/open?call=1", "").await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn waiting_in_vain_is_answered_with_the_state() {
    let provider = Provider::start().await;
    let mut chat = provider.open("[[mock many:2 gate#1:g]]").await;
    provider.gate("g?wait=20000").await;
    let response = provider.admin_get("gates/g?wait=1&streams=2").await;
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(response.json::<GateState>().await.unwrap().held.len(), 1);
    let response = provider.admin_get("gates/nobody?wait=0").await;
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    let state: GateState = response.json().await.unwrap();
    assert_eq!(
        state,
        GateState {
            name: "nobody".into(),
            open: false,
            open_through: None,
            held: Vec::new()
        }
    );
    assert_eq!(
        provider.admin_get("gates/no%20gate").await.status(),
        StatusCode::BAD_REQUEST
    );
    drop(chat.data().await);
}

#[tokio::test]
async fn a_second_call_for_the_key_says_that_it_is_the_second() {
    let provider = Provider::start().await;
    let prompt = "[[mock key:t many:4 @1 gate#2:g]]";
    let mut first = provider.open(prompt).await;
    first.tokens(2).await;
    let (text, ending) = provider.open(prompt).await.rest().await;
    assert_eq!(indices(&text), [(2, 1), (2, 2), (2, 3), (2, 4)]);
    assert_eq!(ending, Ending::Done);
    let keys = provider.admin_get("keys/t").await.text().await.unwrap();
    assert_eq!(keys, r#"{"calls":2,"live":1,"live_max":2}"#);
}

#[tokio::test]
async fn a_client_that_leaves_a_held_stream_is_missed_at_once() {
    let provider = Provider::start().await;
    for script in ["gate#1:g", "stall#1:20000s", "ttft:20000s"] {
        let mut chat = provider.open(&format!("[[mock key:t {script}]]")).await;
        chat.data().await.unwrap();
        let call = provider.call_of("t").await.id.call;
        drop(chat);
        let record = provider.ended(call).await;
        assert_eq!((record.cause, record.held), (Some(Cause::ClientGone), None), "{script}");
        assert_eq!(record.gone_us, record.ended_us, "{script}");
        provider.admin_post("reset?key=t", "").await;
    }
    assert!(provider.gate("g").await.held.is_empty());
}

#[tokio::test]
async fn a_client_that_gives_up_on_a_hanging_request_is_missed() {
    let provider = Provider::start().await;
    let request = tokio::spawn(provider.ask("[[mock key:t hang]]").send());
    let call = provider.call_of("t").await.id.call;
    request.abort();
    assert!(
        within("the request to be given up", request)
            .await
            .unwrap_err()
            .is_cancelled()
    );
    let record = provider.ended(call).await;
    assert_eq!((record.cause, record.first_byte_us), (Some(Cause::ClientGone), None));
}
