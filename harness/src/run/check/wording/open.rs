//! OPEN: the values that the description does not say yet, each with what a check proposes.

use crate::run::check::places::Places;
use crate::run::check::proposal::Proposal;
use crate::run::check::section::{Line, Section};

/// The section about open values. `None` if all are said.
pub(in crate::run) fn open(places: &Places, proposals: &[Proposal]) -> Option<Section> {
    let lines = places.open().iter().map(|open| {
        let proposal = proposals.iter().find(|proposal| proposal.path == open.path);
        let words = proposal.map_or_else(
            || {
                format!(
                    "{}; {}",
                    open.wanted,
                    open.meaning.as_deref().unwrap_or("nothing is known of this key")
                )
            },
            Proposal::words,
        );
        Line::open(format!("{}: {words}", open.path)).at(places.of(&open.path))
    });
    let lines: Vec<Line> = lines.collect();
    (!lines.is_empty()).then(|| Section {
        name: "OPEN".to_owned(),
        lines,
    })
}

/// The section of a step that needs a value which is open. `None` if all of them are said.
pub(in crate::run) fn untried(name: &str, places: &Places, needed: &[&str]) -> Option<Section> {
    let why = places.not_tried(needed)?;
    Some(Section::of_line(name, Line::info(why).at(places.of(needed[0]))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::check::section::Mark;
    use crate::system::load::{Surroundings, load_alone, load_partial};

    const OPEN: &str = include_str!("../../../../tests/init/copies-of-one-service.toml");
    const WHOLE: &str = include_str!("../../../../tests/descriptions/copies-of-one-service.toml");

    #[test]
    fn each_open_value_stands_with_its_line_and_what_is_known_of_it() {
        let description = load_partial("system.toml", OPEN, &Surroundings::taken_as_there()).expect("a description");
        let places = Places::new(description.designs[0].clone());
        let told = [Proposal::text(
            "stream.kind",
            "event",
            "18 of 18 frames have a name of their own",
        )];
        let section = open(&places, &told).expect("values are open");
        assert_eq!(section.lines.len(), places.open().len());
        assert!(
            section
                .lines
                .iter()
                .all(|line| line.mark == Mark::Open && line.line.is_some())
        );
        let texts: Vec<&str> = section.lines.iter().map(|line| line.text.as_str()).collect();
        assert!(
            texts.contains(&"stream.kind: say \"event\": 18 of 18 frames have a name of their own"),
            "{texts:?}"
        );
        assert!(
            texts[0].starts_with("calls.turn.request: METHOD /path, with placeholders; "),
            "{texts:?}"
        );
    }

    #[test]
    fn a_whole_description_has_no_such_section() {
        let description = load_alone("system.toml", WHOLE).expect("a description");
        assert_eq!(open(&Places::new(description.designs[0].clone()), &[]), None);
    }
}
