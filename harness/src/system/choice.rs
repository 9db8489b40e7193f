//! The choice of a system: which description, which of its designs, with which of its profiles.

use std::path::PathBuf;

use super::table::Problems;

/// The choice of a system under test.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// The file of its description. Without one it is the reference pod.
    pub file: Option<PathBuf>,
    /// The design. Without one it is the first.
    pub design: Option<String>,
    /// The profile. Without one it is the first.
    pub profile: Option<String>,
}

/// Variable of the environment that names a description.
pub const VARIABLE: &str = "CROSSPOD_SYSTEM";

impl Choice {
    /// The system whose description the environment names, in its first design with its first profile.
    pub fn of_environment() -> Self {
        let named = std::env::var_os(VARIABLE).filter(|file| !file.is_empty());
        Self {
            file: named.map(PathBuf::from),
            ..Self::default()
        }
    }

    /// The reference pod in a design; in its first if the name is empty.
    pub fn of_design(design: &str) -> Self {
        Self {
            design: (!design.is_empty()).then(|| design.to_owned()),
            ..Self::default()
        }
    }
}

/// A choice that cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The description has mistakes.
    #[error("{0}")]
    Mistakes(Problems),
    /// The description has no such design or profile.
    #[error("no {kind} {name:?}; {there_are}")]
    None {
        /// `design` or `profile`.
        kind: &'static str,
        /// The name that was asked for.
        name: String,
        /// The names that there are, in words.
        there_are: String,
    },
}

impl Unfit {
    /// The error for a name that the description does not have.
    pub(super) fn none(kind: &'static str, name: Option<&str>, known: &[String]) -> Self {
        let there_are = match known {
            [] => format!("the description has no {kind}s"),
            known => format!("there are: {}", known.join(", ")),
        };
        Self::None {
            kind,
            name: name.unwrap_or_default().to_owned(),
            there_are,
        }
    }
}
