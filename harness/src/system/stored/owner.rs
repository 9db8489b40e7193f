//! `[owner]`: which pod an owner is, and what becomes of a turn whose owner dies.

use crate::system::language::Expression;
use crate::system::table::{Node, Problem, table, words};

words! {
    /// What becomes of a turn whose owner dies.
    pub OnDeath {
        /// Another pod goes on with it.
        Survivor = "survivor",
        /// The owner itself goes on with it once it is started again.
        Restart = "restart",
        /// It fails where a person can read it.
        Fails = "fails",
        /// Nothing is promised.
        Nothing = "nothing",
    }
}

table! {
    /// Which pod owns a turn. If neither `pod`, `log` nor `poster` is said, the owner column holds the pod's name.
    pub OwnerRule = "[owner]" {
        /// Regular expression over the owner column's value, with a group `pod`.
        pod: Option<Expression>,
        /// Regular expression over the pods' logs since their last start, with a group `owner`: the value that the pod owns by.
        log: Option<Expression>,
        /// True: the pod that took the message owns its turn.
        poster: bool = false,
        /// True: the column keeps its last owner after the turn's end.
        kept: bool = false,
        /// What becomes of a turn whose owner dies.
        on_death: OnDeath,
    }
    check check_owner
}

/// How an owner is led back to a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerMap<'o> {
    /// The column holds the pod's name.
    Equal,
    /// The group `pod` of the value.
    Matches(&'o Expression),
    /// The pod whose log says the value, as the group `owner`.
    SaidInLog(&'o Expression),
    /// The pod that took the message.
    Poster,
}

impl OwnerRule {
    /// How an owner is led back to a pod.
    pub fn map(&self) -> OwnerMap<'_> {
        match (&self.pod, &self.log) {
            (Some(pod), _) => OwnerMap::Matches(pod),
            (None, Some(log)) => OwnerMap::SaidInLog(log),
            (None, None) if self.poster => OwnerMap::Poster,
            (None, None) => OwnerMap::Equal,
        }
    }
}

fn check_owner(rule: &OwnerRule, node: &Node, found: &mut Vec<Problem>) {
    for (key, group, expression) in [("pod", "pod", &rule.pod), ("log", "owner", &rule.log)] {
        if expression
            .as_ref()
            .is_some_and(|expression| !expression.has_group(group))
        {
            let node = node.get(key).unwrap_or(node);
            found.push(Problem::at(node, format!("has no group (?<{group}>...)")));
        }
    }
    let said: Vec<&str> = [
        ("pod", rule.pod.is_some()),
        ("log", rule.log.is_some()),
        ("poster", rule.poster),
    ]
    .into_iter()
    .filter_map(|(key, is_said)| is_said.then_some(key))
    .collect();
    if said.len() > 1 {
        let said = said.join(" and ");
        found.push(Problem::at(
            node,
            format!("{said} both say which pod an owner is: leave one out"),
        ));
    }
}
