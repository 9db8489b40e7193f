//! Rows, owners, statuses and the stream log.

use super::look::{items, keys, read, text};
use crate::system::parts::{Part, Role};
use crate::system::stored::{OwnerMap, OwnerRule, Statuses};
use crate::system::stream::StreamLog;
use crate::system::table::node::Value;
use crate::system::table::{Node, Problem};

pub(super) fn check(tree: &Node, found: &mut Vec<Problem>) {
    check_rows(tree, found);
    check_owner(tree, found);
    check_statuses(tree, found);
    check_log(tree, found);
}

fn check_rows(tree: &Node, found: &mut Vec<Problem>) {
    let rows = items(tree, "rows");
    let parts = tree.find("parts").map_or(&[][..], Node::entries);
    let is_read =
        |part: &Node| text(part, &format!("{}.role", part.path)) == Some("postgres") && part.get("url").is_some();
    if let Some(first) = rows.first().filter(|_| !parts.iter().any(|part| is_read(&part.node))) {
        let problem = Problem::at(
            first,
            "rows are read from a part of role \"postgres\" with a url; there is none",
        );
        found.push(problem.absence().help("say role and url in [parts.SERVICE]"));
    }
    for kind in ["thread", "turn"] {
        let of_kind = || {
            rows.iter()
                .filter(|row| text(tree, &format!("{}.is", row.path)) == Some(kind))
        };
        if let Some(first) = of_kind()
            .next()
            .filter(|_| of_kind().all(|row| row.get("status").is_none()))
        {
            let problem = Problem::at(first, format!("a {kind} needs a column for status")).absence();
            found.push(problem.help("say status = \"status\", for example"));
        }
    }
}

fn check_owner(tree: &Node, found: &mut Vec<Problem>) {
    let column = items(tree, "rows").iter().find_map(|row| row.get("owner"));
    match (tree.find("owner"), column) {
        (None, Some(column)) => {
            let problem = Problem::at(column, "what becomes of a turn whose owner dies?").absence();
            found.push(problem.help("add [owner] with on_death = \"survivor\", \"restart\", \"fails\" or \"nothing\""));
        }
        (Some(owner), None) => {
            let rule = read::<OwnerRule>(tree, "owner");
            let needs_column =
                |rule: &OwnerRule| rule.map() != OwnerMap::Poster && items(tree, "rows").iter().any(is_turn);
            if rule.as_ref().is_some_and(needs_column) {
                let problem = Problem::at(owner, "no [[rows]] says in which column the owner is").absence();
                found.push(problem.help("say owner = the column, or poster = true"));
            }
        }
        _ => {}
    }
}

fn is_turn(row: &Node) -> bool {
    let is = row.get("is").map(|node| &node.value);
    matches!(is, Some(Value::Text(kind)) if kind == "turn" || kind == "thread")
}

/// Keys that lead to a word of `[statuses]`.
fn status_keys(tree: &Node) -> Vec<&Node> {
    let tables = items(tree, "rows").iter().chain(items(tree, "stream.frames"));
    let finders = ["calls.read.answer", "calls.status"]
        .into_iter()
        .filter_map(|path| tree.find(path));
    tables.chain(finders).filter_map(|table| table.get("status")).collect()
}

fn check_statuses(tree: &Node, found: &mut Vec<Problem>) {
    let has_words = match tree.find("statuses") {
        None => false,
        // Mistakes inside it are noted where they are.
        Some(_) => read::<Statuses>(tree, "statuses").is_none_or(|statuses| !statuses.is_empty()),
    };
    if let Some(first) = status_keys(tree).first().filter(|_| !has_words) {
        let problem = Problem::at(first, "no word of it has a meaning").absence();
        found.push(problem.help("add [statuses]: running = [\"...\"], completed = [\"...\"], failed = [\"...\"]"));
    }
}

fn check_log(tree: &Node, found: &mut Vec<Problem>) {
    let (Some(node), Some(log)) = (tree.find("log"), read::<StreamLog>(tree, "log")) else {
        return;
    };
    let parts = keys(tree, "parts");
    let at = |key: &str| node.get(key).unwrap_or(node);
    if !parts.contains(&&*log.part) {
        let problem = Problem::at(
            at("part"),
            format!("{:?} is no part; there are {}", log.part, parts.join(", ")),
        );
        found.push(problem);
        return;
    }
    let role = read::<Part>(tree, &format!("parts.{}", log.part)).map(|part| part.role);
    let (needed, other): (&[&str], &[&str]) = match role {
        Some(Role::Nats) => (&["stream", "subject"], &["key"]),
        Some(Role::Redis) => (&["key"], &["stream", "subject"]),
        Some(role) => {
            let message = format!("a log is read from a part of role \"nats\" or \"redis\", not \"{role}\"");
            found.push(Problem::at(at("part"), message));
            return;
        }
        None => return,
    };
    for key in needed.iter().filter(|key| node.get(key).is_none()) {
        found.push(Problem::at(node, format!("{key} is missing")).absence());
    }
    for key in other.iter().filter(|key| node.get(key).is_some()) {
        let role = role.map_or("", Role::word);
        found.push(Problem::at(
            at(key),
            format!("a log in a part of role \"{role}\" has no {key}"),
        ));
    }
}
