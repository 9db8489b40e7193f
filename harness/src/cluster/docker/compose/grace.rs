//! The time that a compose file lets a pod stop in, against the time that the pod may drain for. A pod whose drain is longer is killed
//! in the middle of it by `docker stop`, by a rolling update, or by a machine that goes down.

use std::fmt;
use std::time::Duration;

use crate::cluster::docker::compose::resolved::{Resolved, Service};
use crate::cluster::wanted::Wanted;

/// Compose's grace for a service that says none.
const DEFAULT: Duration = Duration::from_secs(10);
/// Units of a compose file's durations, in microseconds. Longer names stand before those that they end in.
const UNITS_US: [(&str, u64); 5] = [
    ("us", 1),
    ("ms", 1000),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("h", 3_600_000_000),
];

/// A pod that is killed before its drain has to be over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortGrace {
    /// The service.
    pub service: String,
    /// The time that the compose file lets it stop in.
    pub grace: Duration,
    /// True if the compose file says it; else it is Compose's default.
    pub is_said: bool,
    /// The longest drain, as the description says it.
    pub drain: Duration,
}

impl fmt::Display for ShortGrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            service, grace, drain, ..
        } = self;
        let whose = if self.is_said { "" } else { " (Compose's default)" };
        write!(
            f,
            "{service}: stop_grace_period is {grace:?}{whose}, and its drain may take {drain:?} (bounds.drain): whoever stops it kills \
             it in the middle of its drain; say a longer stop_grace_period in the compose file"
        )
    }
}

/// The pods, and the candidate, whose grace is shorter than their drain. Empty if the description says no bound for a drain.
pub(in crate::cluster) fn short_graces(resolved: &Resolved, wanted: &Wanted) -> Vec<ShortGrace> {
    let Some(drain) = wanted.drain else { return Vec::new() };
    let candidate = wanted.edge.as_ref().and_then(|edge| edge.candidate.as_ref());
    let services = wanted
        .pods
        .services
        .iter()
        .chain(candidate.map(|candidate| &candidate.service));
    let short = services.filter_map(|name| {
        let said = grace(resolved.services.get(name)?);
        let grace = said.unwrap_or(DEFAULT);
        (grace < drain).then(|| ShortGrace {
            service: name.clone(),
            grace,
            is_said: said.is_some(),
            drain,
        })
    });
    short.collect()
}

/// The grace that a service says.
fn grace(service: &Service) -> Option<Duration> {
    duration(service.text("stop_grace_period")?)
}

/// Reads a duration as compose files write it: `1m30s`, `1.5s`.
fn duration(text: &str) -> Option<Duration> {
    let (mut rest, mut sum) = (text.trim(), Duration::ZERO);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (_, unit_us) = UNITS_US.iter().find(|(unit, _)| *unit == &rest[..unit_end])?;
        sum += Duration::try_from_secs_f64(number * (*unit_us as f64) / 1e6).ok()?;
        rest = &rest[unit_end..];
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_compose_writes_them() {
        for (text, millis) in [
            ("15s", Some(15_000)),
            ("10m10s", Some(610_000)),
            ("1.5s", Some(1500)),
            ("1h0m0s", Some(3_600_000)),
            ("500ms", Some(500)),
            ("soon", None),
            ("7", None),
        ] {
            assert_eq!(duration(text), millis.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn a_short_grace_is_named_with_both_figures() {
        let text = ShortGrace {
            service: "chat".into(),
            grace: Duration::from_secs(10),
            is_said: false,
            drain: Duration::from_mins(10),
        }
        .to_string();
        let expected = "chat: stop_grace_period is 10s (Compose's default), and its drain may take 600s (bounds.drain)";
        assert!(text.starts_with(expected), "{text}");
    }
}
