//! A description with open values, as far as it can be used: without what is open, and with stand-ins where something must be said.
//!
//! Users of it ask [`Described::is_open`](super::Described::is_open) first, so that no stand-in is taken for the user's word.

use crate::system::file::System;
use crate::system::table::node::Value;
use crate::system::table::open::{OPEN, without_open};
use crate::system::table::{Node, Read as _};

/// Values that stand in for open ones, by path.
const STAND_INS: [(&str, &str); 5] = [
    ("name", "system"),
    ("calls.turn.request", "POST /"),
    ("calls.read.answer.text", "/?"),
    ("stream.kind", "event"),
    ("owner.on_death", "nothing"),
];

/// The rule that stands in where every rule of the stream has an open value. It fits no frame.
const RULE: &str = "on = [\"?\"]\nis = \"text\"\ntext = \"/?\"\n";

/// The system as far as it is said. Returns `None` if too little is said to start anything.
///
/// Cross-checks are not made: the whole file was checked before.
pub(super) fn partial(tree: &Node) -> Option<System> {
    let mut tree = tree.clone();
    stand_in(&mut tree);
    without_open_rules(&mut tree);
    without_unread_databases(&mut tree);
    System::read(&without_open(&tree, System::page)?, &mut Vec::new())
}

fn stand_in(node: &mut Node) {
    let known = STAND_INS.iter().find(|(path, _)| *path == node.path);
    match (&mut node.value, known) {
        (Value::Text(text), Some((_, value))) if text == OPEN => (*value).clone_into(text),
        (Value::Table(entries), _) => entries.iter_mut().for_each(|entry| stand_in(&mut entry.node)),
        _ => {}
    }
}

/// A rule of the stream without one of its values would take frames that it is not meant for.
fn without_open_rules(tree: &mut Node) {
    let Some(Value::List(rules)) = find_mut(tree, &["stream", "frames"]).map(|frames| &mut frames.value) else {
        return;
    };
    rules.retain(|rule| !has_open(rule));
    if rules.is_empty() {
        let (rule, _) = Node::parse(RULE);
        rules.push(rule);
    }
}

/// A database whose address is open is started and left alone; its rows are not read.
fn without_unread_databases(tree: &mut Node) {
    let Value::Table(entries) = &mut tree.value else { return };
    let parts = entries.iter_mut().find(|entry| entry.key == "parts");
    let Some(Value::Table(parts)) = parts.map(|parts| &mut parts.node.value) else {
        return;
    };
    let count = parts.len();
    parts.retain(|part| !is_unread_database(&part.node));
    if parts.len() < count {
        entries.retain(|entry| entry.key != "rows");
    }
}

fn is_unread_database(part: &Node) -> bool {
    let is_text = |key: &str, wanted: &str| matches!(part.get(key).map(|node| &node.value), Some(Value::Text(text)) if text == wanted);
    is_text("role", "postgres") && is_text("url", OPEN)
}

fn has_open(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => text == OPEN,
        Value::List(items) => items.iter().any(has_open),
        Value::Table(entries) => entries.iter().any(|entry| has_open(&entry.node)),
        _ => false,
    }
}

fn find_mut<'t>(node: &'t mut Node, keys: &[&str]) -> Option<&'t mut Node> {
    let [key, rest @ ..] = keys else { return Some(node) };
    let Value::Table(entries) = &mut node.value else {
        return None;
    };
    let entry = entries.iter_mut().find(|entry| entry.key == *key)?;
    find_mut(&mut entry.node, rest)
}

#[cfg(test)]
mod tests {
    use crate::system::checks::surroundings::Surroundings;
    use crate::system::load::{Described, load_alone, load_partial};
    use crate::system::stored::OnDeath;

    const WHOLE: &str = include_str!("../../../tests/descriptions/copies-of-one-service.toml");
    /// A description that init has written for a service of no family.
    const OPEN: &str = include_str!("../../../tests/init/copies-of-one-service.toml");

    fn partial(text: &str) -> Described {
        let read = load_partial("system.toml", text, &Surroundings::taken_as_there());
        let description = read.unwrap_or_else(|e| panic!("{:?}", e.lines()));
        assert_eq!(description.warnings.lines(), [""; 0]);
        description.designs.into_iter().next().expect("a design")
    }

    #[test]
    fn a_description_of_init_is_used_as_far_as_it_is_said() {
        let described = partial(OPEN);
        let system = &described.system;
        assert_eq!(system.pods.services.to_vec(), ["chat"]);
        assert_eq!((&system.calls.attach, &system.calls.read), (&None, &None));
        assert!(system.calls.turn.request.capture.is_empty());
        assert_eq!(
            system.owner.as_ref().map(|owner| owner.on_death),
            Some(OnDeath::Nothing)
        );
        assert_eq!(system.stream.frames.len(), 1, "a rule that fits no frame");
        let open: Vec<&str> = described.open.iter().map(|open| open.path.as_str()).collect();
        assert_eq!(
            (open.len(), open[0], open[3]),
            (13, "calls.turn.request", "calls.attach.request")
        );
    }

    #[test]
    fn a_whole_description_is_read_as_ever() {
        let (whole, alone) = (partial(WHOLE), load_alone("system.toml", WHOLE).expect("a description"));
        assert_eq!(whole.system, alone.designs[0].system);
        assert_eq!(whole.open, []);
        assert!(whole.open_at("calls").is_none());
    }

    #[test]
    fn an_open_value_is_found_by_the_table_around_it() {
        let described = partial(OPEN);
        let at = |path: &str| described.open_at(path).map(|open| open.path.as_str());
        assert_eq!(at("calls.turn.capture"), Some("calls.turn.capture.turn"));
        assert_eq!(at("stream.frames"), Some("stream.frames[0].on[0]"));
        assert_eq!((at("calls.tur"), at("pods")), (None, None));
    }

    #[test]
    fn nothing_is_started_before_it_is_said_what() {
        let text = OPEN.replace("services = [\"chat\"]", "services = [\"?\"]");
        let refused = load_partial("system.toml", &text, &Surroundings::taken_as_there());
        let lines = refused.expect_err("no pods").lines();
        assert_eq!(lines.len(), 14, "{lines:?}");
        assert!(
            lines[0].contains("pods.services[0]: crosspod init left this open"),
            "{lines:?}"
        );
    }

    #[test]
    fn other_mistakes_are_mistakes() {
        let text = OPEN.replace("alive = \"/health\"", "alive = \"health\"");
        let refused = load_partial("system.toml", &text, &Surroundings::taken_as_there());
        let lines = refused.expect_err("a path without /").lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
    }

    #[test]
    fn rows_of_a_database_without_an_address_are_left_out() {
        let url = WHOLE
            .lines()
            .find(|line| line.starts_with("url = "))
            .expect("an address");
        let described = partial(&WHOLE.replace(url, "url = \"?\""));
        assert_eq!(
            (described.system.rows.len(), described.system.parts.get("postgres")),
            (0, None)
        );
    }
}
