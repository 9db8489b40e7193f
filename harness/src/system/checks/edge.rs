//! The edge: the part that it is, and the files beside the description that change it.

use super::look::{items, keys, read, text};
use super::surroundings::{Beside, BesideFolder, Surroundings};
use crate::system::table::nearest::one_of;
use crate::system::table::node::Value;
use crate::system::table::{Node, Problem};

/// Files of a candidate.
const SPLITS: [&str; 3] = ["rolled_back", "both", "promoted"];

pub(super) fn check(tree: &Node, around: &Surroundings<'_>, found: &mut Vec<Problem>) {
    its_part(tree, found);
    files_of_the_candidate(tree, around, found);
    folders(tree, around, found);
    defects(tree, found);
    unpinned(tree, found);
}

/// The edge is a part of that role.
fn its_part(tree: &Node, found: &mut Vec<Problem>) {
    let (Some(node), Some(part)) = (tree.find("edge.part"), text(tree, "edge.part")) else {
        return;
    };
    match text(tree, &format!("parts.{part}.role")) {
        Some("edge") => {}
        Some(role) => {
            let problem = Problem::at(node, format!("parts.{part} has the role {role:?}, not \"edge\""));
            found.push(problem);
        }
        None => {
            let problem = Problem::at(node, format!("{part:?} is no part"));
            found.push(problem.help(format!("add [parts.{part}] with role = \"edge\" and its ports")));
        }
    }
}

fn files_of_the_candidate(tree: &Node, around: &Surroundings<'_>, found: &mut Vec<Problem>) {
    for path in SPLITS.map(|split| format!("edge.candidate.{split}")) {
        let (Some(node), Some(file)) = (tree.find(&path), text(tree, &path)) else {
            continue;
        };
        if let Beside::Missing(others) = (around.file)(file) {
            let problem = Problem::at(node, format!("no such file: {file}"));
            found.push(match &others[..] {
                [] => problem.help("paths are taken from the folder of this file"),
                others => problem.help(format!("there are {}", others.join(", "))),
            });
        }
    }
}

/// Folders with files for the edge. A story or a defect would use them late in a run.
fn folders(tree: &Node, around: &Surroundings<'_>, found: &mut Vec<Problem>) {
    let of_defects = items(tree, "defects").iter().filter_map(|defect| defect.get("edge"));
    for node in tree.find("edge.unpinned").into_iter().chain(of_defects) {
        let Value::Text(folder) = &node.value else { continue };
        match (around.folder)(folder) {
            BesideFolder::Filled => {}
            BesideFolder::Empty => found.push(Problem::at(node, format!("the folder {folder} has no file"))),
            BesideFolder::Missing(others) => {
                let problem = Problem::at(node, format!("no such folder: {folder}"));
                found.push(match &others[..] {
                    [] => problem.help("paths are taken from the folder of this file"),
                    others => problem.help(format!("there are {}", others.join(", "))),
                });
            }
        }
    }
}

/// A defect names designs of the file.
fn unknown_designs(tree: &Node, number: usize, defect: &Node, found: &mut Vec<Problem>) {
    let said = read::<Vec<String>>(tree, &format!("defects[{number}].designs")).unwrap_or_default();
    let known = keys(tree, "designs");
    for name in said.iter().filter(|name| !known.contains(&name.as_str())) {
        let message = format!("\"{name}\" is no design; there are {}", one_of(known.iter().copied()));
        found.push(Problem::at(defect.get("designs").unwrap_or(defect), message));
    }
}

/// True if the configuration of the edge can be changed while it runs.
fn can_be_changed(tree: &Node) -> bool {
    tree.find("edge.config").is_some() && tree.find("edge.api").is_some()
}

/// An edge that is to pin nobody gets another configuration.
fn unpinned(tree: &Node, found: &mut Vec<Problem>) {
    if let (Some(node), false) = (tree.find("edge.unpinned"), can_be_changed(tree)) {
        let message = "these files replace files of edge.config, and edge.api says that they did";
        found.push(Problem::at(node, message).help("say config and api in [edge]"));
    }
}

/// A defect of the edge changes its configuration.
fn defects(tree: &Node, found: &mut Vec<Problem>) {
    for (number, defect) in items(tree, "defects").iter().enumerate() {
        unknown_designs(tree, number, defect, found);
        let Some(node) = defect.get("edge") else {
            if let (Some(pods), Some(false)) = (
                defect.get("pods"),
                read::<bool>(tree, &format!("defects[{number}].pods")),
            ) {
                found.push(Problem::at(
                    pods,
                    "neither the pods nor the edge have the defect: say edge, its folder",
                ));
            }
            continue;
        };
        if !can_be_changed(tree) {
            let problem = Problem::at(
                node,
                "a defect of the edge replaces files of edge.config, and edge.api says that it did",
            );
            found.push(problem.help("say config and api in [edge]"));
        }
    }
}
