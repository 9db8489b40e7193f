//! The reference pod, as this repository describes it.

use super::{Description, load_alone};
use crate::system::file::System;

/// The place of the description below the workspace.
pub const PLACE: &str = "fixtures/systems/reference/system.toml";
const TEXT: &str = include_str!("../../../../fixtures/systems/reference/system.toml");

/// The description of the reference pod, which is part of the program.
pub fn described() -> Description {
    load_alone(PLACE, TEXT).expect("the description in this repository is tested")
}

/// The reference pod in its default design.
pub fn reference() -> System {
    let default = described().designs.into_iter().next();
    default
        .expect("a description has a design, be it one without a name")
        .system
}
