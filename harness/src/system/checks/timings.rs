//! Bounds, and the variables that they belong to.

use std::collections::BTreeMap;
use std::time::Duration;

use super::look::{read, text};
use crate::system::judging::{Bounds, Profile};
use crate::system::language::{Fields, Template, Timespan, Values};
use crate::system::table::{Named, Node, Problem};

/// Endings of variables with the milliseconds of their unit.
const UNITS: [(&str, u64); 6] = [
    ("_MS", 1),
    ("_MILLIS", 1),
    ("_SECONDS", 1000),
    ("_SECS", 1000),
    ("_MINUTES", 60_000),
    ("_S", 1000),
];

pub(super) fn check(tree: &Node, found: &mut Vec<Problem>) {
    on_death_has_bounds(tree, found);
    let Some(profiles) = read::<Named<Profile>>(tree, "profiles") else {
        return;
    };
    for (name, profile) in profiles.iter() {
        let mut variables = literals(read(tree, "pods.variables"));
        variables.extend(literals(Some(profile.variables.clone())));
        bounds_fit(tree, name, &profile.bounds, &variables, "the pods", found);
    }
}

/// Variables that hold no placeholder.
fn literals(fields: Option<Fields>) -> BTreeMap<String, String> {
    let fields = fields.unwrap_or_default();
    let literal =
        |(name, template): (&str, &Template)| Some((name.to_owned(), template.text(&Values::default()).ok()?));
    fields.iter().filter_map(literal).collect()
}

fn on_death_has_bounds(tree: &Node, found: &mut Vec<Problem>) {
    let needed: &[&str] = match text(tree, "owner.on_death") {
        Some("survivor") => &["lease", "takeover"],
        Some("restart") => &["takeover"],
        _ => return,
    };
    let Some(node) = tree.find("owner.on_death") else {
        return;
    };
    let word = text(tree, "owner.on_death").unwrap_or_default();
    let profiles = tree.find("profiles").map_or(&[][..], Node::entries);
    if profiles.is_empty() {
        let needed: Vec<String> = needed.iter().map(|bound| format!("bounds.{bound}")).collect();
        let problem = Problem::at(node, format!("\"{word}\" needs {} in a profile", needed.join(" and ")));
        found.push(problem.absence().help("add [profiles.suite.bounds]"));
    }
    for profile in profiles {
        let bounds = profile.node.get("bounds");
        let missing: Vec<String> = needed
            .iter()
            .filter(|bound| bounds.is_none_or(|bounds| bounds.get(bound).is_none()))
            .map(|bound| format!("bounds.{bound}"))
            .collect();
        if !missing.is_empty() {
            let message = format!("\"{word}\" needs {} in profile {}", missing.join(" and "), profile.key);
            found.push(Problem::at(node, message).absence());
        }
    }
}

/// Warns of a variable that lets the pods take longer than the bound that it seems to belong to.
///
/// `place` says whose environment it is.
pub(crate) fn bounds_fit(
    tree: &Node,
    profile: &str,
    bounds: &Bounds,
    variables: &BTreeMap<String, String>,
    place: &str,
    found: &mut Vec<Problem>,
) {
    let pairs = [
        ("LEASE", "lease", bounds.lease),
        ("DRAIN", "drain", bounds.drain),
        ("PROGRESS", "progress", bounds.progress),
    ];
    for (word, key, bound) in pairs {
        let Some(bound) = bound else { continue };
        let Some(node) = tree.find(&format!("profiles.{profile}.bounds.{key}")) else {
            continue;
        };
        for (variable, value) in variables.iter().filter(|(variable, _)| variable.contains(word)) {
            if duration(variable, value).is_some_and(|long| long > bound.get()) {
                let problem = Problem::at(node, format!("{variable} is {value} in {place}, {key} is {bound}"));
                let help =
                    format!("set the variable in profiles.{profile}.variables, or say the bound that belongs to it");
                found.push(problem.help(help).warning());
            }
        }
    }
}

/// The duration that a variable says, by the ending of its name or the unit of its value.
fn duration(variable: &str, value: &str) -> Option<Duration> {
    if let Ok(timespan) = Timespan::parse(value) {
        return Some(timespan.get());
    }
    let number: u64 = value.parse().ok()?;
    let (_, unit) = UNITS.iter().find(|(ending, _)| variable.ends_with(ending))?;
    Some(Duration::from_millis(number.checked_mul(*unit)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_says_its_unit_in_its_name_or_value() {
        for (variable, value, millis) in [
            ("LEASE_MS", "1000", Some(1000)),
            ("LEASE_DURATION_SECONDS", "30", Some(30_000)),
            ("LEASE", "45s", Some(45_000)),
            ("LEASE", "45", None),
            ("LEASE_MS", "soon", None),
            ("LEASE_MINUTES", "18446744073709551615", None),
        ] {
            assert_eq!(
                duration(variable, value),
                millis.map(Duration::from_millis),
                "{variable}"
            );
        }
    }
}
