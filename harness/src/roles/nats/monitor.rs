//! The word of the broker's monitor on its clients: how many subscriptions to the stream log they have.
//!
//! A subscription of core NATS is no consumer. A pod that has lost track of one does not count it either, so only the broker knows.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use crate::wire::http::{body_up_to, client};

/// Name of the harness's own connections.
pub(super) const HARNESS: &str = "crosspod-harness";
/// Longest answer that is read, in bytes.
const ANSWER_MAX: usize = 8 << 20;
/// Longest that the monitor may take to answer.
const ONE_QUESTION: Duration = Duration::from_secs(1);

/// The monitor's list of connections, as far as it is read.
#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    connections: Vec<Connection>,
}

#[derive(Deserialize)]
struct Connection {
    #[serde(default)]
    name: String,
    #[serde(default)]
    subscriptions_list: Vec<String>,
}

/// Number of subscriptions to subjects that `is_of_log`, by the monitor at `at`; those of the harness are left out.
///
/// # Errors
/// The monitor cannot be asked, or says nothing that can be read.
pub(super) async fn subscriptions(at: SocketAddr, is_of_log: impl Fn(&str) -> bool) -> Result<u64, String> {
    let http = client().timeout(ONE_QUESTION).build().map_err(|e| e.to_string())?;
    let url = format!("http://{at}/connz?subs=1&limit=4096");
    let mut answer = http.get(url).send().await.map_err(|e| e.to_string())?;
    let (body, is_cut) = body_up_to(&mut answer, ANSWER_MAX).await.map_err(|e| e.to_string())?;
    if is_cut {
        return Err(format!("the monitor's answer is longer than {ANSWER_MAX} bytes"));
    }
    count(&body, is_of_log)
}

fn count(body: &[u8], is_of_log: impl Fn(&str) -> bool) -> Result<u64, String> {
    let told: Told = serde_json::from_slice(body).map_err(|e| format!("the monitor's answer: {e}"))?;
    let others = told.connections.iter().filter(|connection| connection.name != HARNESS);
    let subjects = others.flat_map(|connection| &connection.subscriptions_list);
    Ok(subjects.filter(|subject| is_of_log(subject)).count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_of_others_to_the_log_are_counted_and_nothing_else() {
        let told = format!(
            r#"{{"server_id":"N","num_connections":3,"connections":[
                {{"cid":5,"name":"pod-1","subscriptions":3,"subscriptions_list":["_INBOX.a.*","chunks.t1","chunks.t1"]}},
                {{"cid":6,"subscriptions":1,"subscriptions_list":["chunks.t2"]}},
                {{"cid":7,"name":"{HARNESS}","subscriptions":1,"subscriptions_list":["chunks.*"]}},
                {{"cid":8,"name":"pod-2"}}]}}"#
        );
        let is_of_log = |subject: &str| subject.starts_with("chunks.");
        assert_eq!(count(told.as_bytes(), is_of_log), Ok(3));
        assert_eq!(count(b"{}", is_of_log), Ok(0));
        assert!(count(b"<html>", is_of_log).is_err_and(|why| why.contains("monitor")));
    }
}
