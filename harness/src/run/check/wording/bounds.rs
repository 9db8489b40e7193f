//! The bounds that a run goes by: those that are assumed, and those that no story outlasts.

use std::time::Duration;

use crate::run::check::places::Places;
use crate::run::check::section::{Line, Section};
use crate::system::System;
use crate::system::judging::Bounds;
use crate::system::language::Timespan;

/// Longest that a story waits for something. A bound beyond it is never seen to be exceeded.
const OUTLASTED: Duration = Duration::from_mins(1);

/// The section about the bounds of the profile.
pub(in crate::run) fn bounds(system: &System, places: &Places) -> Section {
    let mut section = Section::new("BOUNDS");
    let Some(profile) = system.played().profile else {
        section.push(Line::warn("no profile says a bound: nothing is judged by time").at(places.of("profiles")));
        return section;
    };
    let path = format!("profiles.{}.bounds", system.profile.as_deref().unwrap_or_default());
    let assumed = assumed(&profile.bounds, system);
    section.push(match assumed.as_slice() {
        [] => Line::ok("assumed: nothing; every bound with a default is said"),
        assumed => Line::info(format!("assumed: {}", assumed.join(", "))).at(places.of(&path)),
    });
    for (name, bound) in long(&profile.bounds) {
        let text =
            format!("{name} = {bound}: no story lasts so long, so a promise that needs it is not reached, not kept");
        section.push(Line::warn(text).at(places.of(&format!("{path}.{name}"))));
    }
    section
}

fn assumed(bounds: &Bounds, system: &System) -> Vec<String> {
    let derived = bounds.derived(system.grace);
    let can_revoke = system.bounds().revocation_ms.is_some();
    let all = [
        ("drain", derived.drain, true),
        ("terminal", derived.terminal, true),
        ("revocation", derived.revocation, can_revoke),
    ];
    let assumed = all
        .into_iter()
        .filter(|(_, bound, applies)| *applies && !bound.is_said());
    assumed
        .map(|(name, bound, _)| format!("{name} {}", bound.get()))
        .collect()
}

fn long(bounds: &Bounds) -> Vec<(&'static str, Timespan)> {
    let all = [
        ("lease", bounds.lease),
        ("takeover", bounds.takeover),
        ("pickup", bounds.pickup),
        ("progress", bounds.progress),
        ("turn", bounds.turn),
        ("drain", bounds.drain),
        ("terminal", bounds.terminal),
        ("shown", bounds.shown),
        ("stored", bounds.stored),
        ("revocation", bounds.revocation),
        ("silence", bounds.silence),
    ];
    let said = all.into_iter().filter_map(|(name, bound)| Some((name, bound?)));
    said.filter(|(_, bound)| bound.get() > OUTLASTED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::check::section::Mark;
    use crate::system::Choice;
    use crate::system::load::reference::described;
    use std::path::Path;

    fn lines(profile: &str) -> Vec<(Mark, String)> {
        let described = described();
        let choice = Choice {
            profile: Some(profile.to_owned()),
            ..Choice::default()
        };
        let system = System::of(&choice, Path::new("system.toml"), &described).expect("a profile");
        let places = Places::new(described.design(None).expect("a design").clone());
        let section = bounds(&system, &places);
        section.lines.into_iter().map(|line| (line.mark, line.text)).collect()
    }

    #[test]
    fn a_bound_that_no_story_outlasts_is_not_reached() {
        let said = (
            Mark::Ok,
            "assumed: nothing; every bound with a default is said".to_owned(),
        );
        assert_eq!(lines("suite"), [said]);
        let long: Vec<String> = lines("production-like").into_iter().map(|(_, text)| text).collect();
        assert_eq!(long.len(), 3, "{long:?}");
        assert!(
            long[1].starts_with("progress = 10m: no story lasts so long"),
            "{long:?}"
        );
        assert!(long[2].starts_with("drain = 10m"), "{long:?}");
    }
}
