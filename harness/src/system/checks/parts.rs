//! Compose files, pods and parts.

use super::look::{items, keys, read, text};
use super::surroundings::{Beside, Surroundings};
use crate::system::table::nearest::nearest;
use crate::system::table::node::Value;
use crate::system::table::{Filled, Node, Number, Problem};

/// Most pods of a system.
const PODS_MAX: usize = 9;
/// Keys that hold a path of a pod's.
const PATHS: [&str; 4] = ["pods.alive", "pods.ready", "pods.version.path", "metrics.path"];

pub(super) fn check(tree: &Node, around: &Surroundings<'_>, found: &mut Vec<Problem>) {
    compose_files(tree, around, found);
    number_of_pods(tree, found);
    ready_needs(tree, found);
    for path in PATHS {
        if let (Some(node), Some(said)) = (tree.find(path), text(tree, path))
            && !said.starts_with('/')
        {
            found.push(Problem::at(node, format!("the path {said:?} does not begin with /")));
        }
    }
}

fn compose_files(tree: &Node, around: &Surroundings<'_>, found: &mut Vec<Problem>) {
    for node in items(tree, "compose") {
        let Value::Text(file) = &node.value else { continue };
        if let Beside::Missing(others) = (around.file)(file) {
            let problem = Problem::at(node, format!("no such file: {file}"));
            let near = nearest(file, others.iter().map(String::as_str));
            let help = match (near, &others[..]) {
                (Some(near), _) => format!("there is {near}"),
                (None, []) => "paths are taken from the folder of this file".to_owned(),
                (None, others) => format!("there are {}", others.join(", ")),
            };
            found.push(problem.help(help));
        }
    }
}

fn number_of_pods(tree: &Node, found: &mut Vec<Problem>) {
    let Some(services) = read::<Filled<String>>(tree, "pods.services") else {
        return;
    };
    let copies = read::<Number<1, 9>>(tree, "pods.copies").map_or(1, Number::get);
    if let Some(node) = tree.find("pods.copies")
        && copies > 1
        && services.len() > 1
    {
        let message = format!("copies needs exactly one service; there are {}", services.len());
        found.push(Problem::at(node, message).help("leave copies out, or name one service"));
    }
    if let Some(node) = tree.find("pods.services")
        && services.len() > PODS_MAX
    {
        let message = format!("at most {PODS_MAX} pods are played with; there are {}", services.len());
        found.push(Problem::at(node, message));
    }
}

fn ready_needs(tree: &Node, found: &mut Vec<Problem>) {
    let parts = keys(tree, "parts");
    for node in items(tree, "pods.ready_needs") {
        let Value::Text(part) = &node.value else { continue };
        if !parts.contains(&&**part) {
            let there = match &parts[..] {
                [] => "there is none".to_owned(),
                parts => format!("there are {}", parts.join(", ")),
            };
            let problem = Problem::at(node, format!("{part:?} is no part; {there}"));
            found.push(match nearest(part, parts.iter().copied()) {
                Some(near) => problem.help(format!("did you mean {near:?}?")),
                None => problem.help(format!("add [parts.{part}]")),
            });
        }
    }
    if let (Some(node), None) = (tree.find("pods.ready_needs"), tree.find("pods.ready")) {
        let problem = Problem::at(node, "no pod says that it is ready: ready is missing");
        found.push(problem.help("say ready = \"/ready\", or leave ready_needs out"));
    }
}
