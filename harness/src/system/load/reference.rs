//! The reference pod, as this repository describes it.

use super::{Beside, Description, Surroundings, load_text};
use crate::system::file::System;

/// The place of the description below the workspace.
pub const PLACE: &str = "fixtures/systems/reference/system.toml";
const TEXT: &str = include_str!("../../../../fixtures/systems/reference/system.toml");

/// The description of the reference pod, which is part of the program.
pub fn described() -> Description {
    let around = Surroundings {
        file: &|_| Beside::There,
        is_set: &|_| true,
        promises: &[],
        stories: &[],
    };
    load_text(PLACE, TEXT, &around).expect("the description in this repository is tested")
}

/// The reference pod in its default design.
pub fn reference() -> System {
    let default = described().designs.into_iter().next();
    default
        .expect("a description has a design, be it one without a name")
        .system
}
