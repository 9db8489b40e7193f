//! Totals in the Prometheus text format.

use std::{fmt::Write, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderName, header},
};

use crate::state::{Book, World};

pub(super) async fn render(State(world): State<Arc<World>>) -> ([(HeaderName, &'static str); 1], String) {
    let totals = world.read(Book::totals);
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, samples: &[(String, u64)]| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP mock_ai_{name} {help}\n# TYPE mock_ai_{name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(text, "mock_ai_{name}{labels} {value}");
        }
    };
    let one = |value| [(String::new(), value)];
    let ended: Vec<_> = totals
        .ended
        .iter()
        .map(|(cause, count)| (format!("{{cause=\"{cause}\"}}"), *count))
        .collect();
    metric("calls_total", "counter", "Calls accepted.", &one(totals.calls));
    metric("calls_ended_total", "counter", "Calls ended, by cause.", &ended);
    metric("calls_live", "gauge", "Calls live now.", &one(totals.live));
    metric("calls_held", "gauge", "Calls held at a gate now.", &one(totals.held));
    metric("tokens_total", "counter", "Tokens sent.", &one(totals.tokens));
    metric(
        "body_bytes_total",
        "counter",
        "Bytes of response bodies sent.",
        &one(totals.bytes),
    );
    metric(
        "rejected_total",
        "counter",
        "Requests refused before they became calls.",
        &one(world.rejected()),
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}
