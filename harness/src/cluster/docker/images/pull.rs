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
    let (name, tag) = reference.rsplit_once(':').unwrap_or((reference, "latest"));
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
    fn silence_is_told_from_refusal() {
        let silence = "Get \"https://registry.example/v2/\": dial tcp: lookup registry.example: no such host";
        assert!(refusal(silence).starts_with("no registry answers (last: Get"));
        assert!(refusal("manifest unknown").starts_with("the registry refused (last: manifest"));
    }
}
