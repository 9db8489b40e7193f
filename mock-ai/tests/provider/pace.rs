//! When tokens come: each by itself, when it is due, on a connection's later requests as on its first.

use mock_ai::journal::CallRecord;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::client::{Provider, within};

/// Sends one streamed request over the connection; returns what each read of the response brought.
async fn reads(connection: &mut TcpStream, prompt: &str) -> Vec<String> {
    let body = format!(r#"{{"model":"m","stream":true,"messages":[{{"role":"user","content":"{prompt}"}}]}}"#);
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\ncontent-type: application/json\r\n";
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut reads = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = within("more of the response", connection.read(&mut buffer))
            .await
            .unwrap();
        assert_ne!(length, 0, "the connection is kept");
        let read = String::from_utf8(buffer[..length].to_vec()).unwrap();
        let last = read.ends_with("0\r\n\r\n");
        reads.push(read);
        if last {
            return reads;
        }
    }
}

#[tokio::test]
async fn paced_tokens_come_one_by_one_on_a_kept_connection() {
    let provider = Provider::start().await;
    let mut connection = TcpStream::connect(provider.listen).await.unwrap();
    let mut alone = 0;
    for _ in 0..12 {
        let reads = reads(&mut connection, "[[mock key:t slow:4x10]]").await;
        alone += reads.iter().filter(|read| read.matches("~t.c").count() == 1).count();
    }
    // A chunk that waited for the one before it to be acknowledged, 40 ms later, would wait together with the rest of
    // its answer: 12 of 48. A busy machine may join a few, but never most of them.
    assert!(alone >= 30, "{alone} of 48 tokens came by themselves");
}

#[tokio::test]
async fn the_journal_has_the_time_of_each_token() {
    let provider = Provider::start().await;
    provider.open("[[mock key:t slow:6x20 ttft:50]]").await.rest().await;
    let record = provider.ended(provider.call_of("t").await.id.call).await;
    let first_byte_us = record.first_byte_us.unwrap();
    assert_eq!(record.token_us.len(), 6);
    assert!(record.started_us <= first_byte_us && first_byte_us <= record.token_us[0]);
    assert!(record.token_us[0] - record.started_us >= 50_000, "{record:?}");
    // Paced from the first token on: being late does not add up, but nothing comes early either.
    for (n, at_us) in (0_u64..).zip(&record.token_us) {
        assert!(
            at_us - record.token_us[0] + 5_000 >= n * 20_000,
            "token {n}: {:?}",
            record.token_us
        );
    }
    assert!(record.ended_us.unwrap() >= record.token_us[5]);
}

#[tokio::test]
async fn what_a_gate_held_back_does_not_come_in_a_burst() {
    let provider = Provider::start().await;
    let mut chat = provider.open("[[mock key:t slow:4x100 gate#1:g]]").await;
    chat.tokens(1).await;
    let call = provider.gate("g?wait=20000").await.held[0].id.call;
    // Held for longer than the whole answer takes; the record says when it ended up being let on.
    let held_until_us = 500_000 + provider.record(call).await.token_us[0];
    let up_us = || async {
        provider
            .admin_get("health")
            .await
            .json::<serde_json::Value>()
            .await
            .unwrap()["up_us"]
            .as_u64()
    };
    while up_us().await.unwrap() < held_until_us {
        provider.admin_get("gates/g?wait=50&streams=2").await;
    }
    provider.admin_post("gates/g/open", "").await;
    chat.rest().await;
    let CallRecord { token_us, .. } = provider.ended(call).await;
    assert!(token_us[3] - token_us[1] >= 190_000, "{token_us:?}");
}
