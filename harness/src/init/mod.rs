//! A first description from the user's own compose files: what they tell, what can be guessed, and what is open.
//!
//! Pure: from what Compose has resolved to a text. Each guess says in a comment why it was made, and what no compose file tells is
//! `"?"`, which the loader names. Rules for a family of servers are texts in `like/`, written into the file. Deliberately absent:
//! hidden presets, and any look at sources, images or running containers, which `check` has.

mod guess;
mod http;
mod image;
mod kinds;
pub mod like;
mod page;
mod parts;
mod pods;
mod seen;
mod sheet;
mod uses;
mod variables;

use crate::cluster::Resolved;
use kinds::Sorted;
use like::Like;
use page::Heading;
use parts::Parts;
use pods::Pods;

/// The wishes that a description is made from, beside the resolved compose files.
#[derive(Debug, Clone)]
pub struct Request<'r> {
    /// File name of the description.
    pub file: &'r str,
    /// The compose files, by their paths from the description's folder.
    pub compose: &'r [String],
    /// Their texts, one behind the other: a password that does not stand in them is not written.
    pub written: &'r str,
    /// The family of servers whose rules are filled in.
    pub like: Option<Like>,
}

/// A first description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its text: `system.toml`.
    pub text: String,
    /// The services that were taken for pods.
    pub pods: Vec<String>,
    /// The services that were taken for parts.
    pub parts: Vec<String>,
}

/// Makes a first description of a system.
pub fn draft(resolved: &Resolved, request: &Request<'_>) -> Draft {
    let sorted = Sorted::of(resolved);
    let pods = Pods::of(&sorted);
    let parts = Parts::of(&sorted, &pods, request.written);
    let heading = Heading {
        file: request.file,
        compose: request.compose,
        like: request.like,
    };
    Draft {
        text: page::write(&heading, &sorted, &pods, &parts),
        pods: pods.services.value.iter().map(|pod| pod.name.to_owned()).collect(),
        parts: parts.parts.iter().map(|part| part.service.name.to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests;
