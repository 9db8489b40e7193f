//! Pulls an image from a registry, and gives up soon if none answers.

use std::time::Duration;

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;

use crate::cluster::docker::engine::{Engine, root_cause};

/// Longest until a registry answers at all.
const ANSWER_BOUND: Duration = Duration::from_secs(5);
/// Longest silence of a pull that has begun.
const SILENCE_BOUND: Duration = Duration::from_mins(1);

/// Pulls an image. The error is a phrase for the line of progress that names the alternative.
pub(super) async fn pull(engine: &Engine, reference: &str) -> Result<(), String> {
    let (name, tag) = name_and_tag(reference);
    let options = CreateImageOptionsBuilder::default().from_image(name).tag(tag).build();
    let mut signs = Box::pin(engine.docker().create_image(Some(options), None, None));
    let mut bound = ANSWER_BOUND;
    loop {
        match tokio::time::timeout(bound, signs.next()).await {
            Ok(Some(Ok(_))) => bound = SILENCE_BOUND,
            Ok(None) => return Ok(()),
            Ok(Some(Err(error))) => return Err(refusal(&root_cause(&error))),
            Err(_) if bound == ANSWER_BOUND => return Err(format!("no registry answered in {bound:?}")),
            Err(_) => return Err(format!("the registry fell silent for {bound:?}")),
        }
    }
}

/// The two halves of a reference; its tag is `latest` if it says none.
pub(super) fn name_and_tag(reference: &str) -> (&str, &str) {
    match reference.rsplit_once(':') {
        // A colon before a slash is that of a registry's port.
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (reference, "latest"),
    }
}

fn refusal(said: &str) -> String {
    let said = said.trim();
    let unreachable = [
        "no such host",
        "dial tcp",
        "i/o timeout",
        "connection refused",
        "Timeout",
    ];
    if unreachable.iter().any(|sign| said.contains(sign)) {
        format!("no registry answers (last: {said})")
    } else {
        format!("the registry refused (last: {said})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_tag() {
        for (reference, halves) in [
            ("redis", ("redis", "latest")),
            ("redis:7-alpine", ("redis", "7-alpine")),
            ("registry.example:5000/a/b", ("registry.example:5000/a/b", "latest")),
            ("registry.example:5000/a/b:1", ("registry.example:5000/a/b", "1")),
        ] {
            assert_eq!(name_and_tag(reference), halves, "{reference}");
        }
    }

    #[test]
    fn silence_is_told_from_refusal() {
        let silence = "Get \"https://registry.example/v2/\": dial tcp: lookup registry.example: no such host";
        assert!(refusal(silence).starts_with("no registry answers (last: Get"));
        assert!(refusal("manifest unknown").starts_with("the registry refused (last: manifest"));
    }
}
