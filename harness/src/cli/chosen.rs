//! The options by which a system is chosen.

use std::path::PathBuf;

use clap::Args;

use super::output::notice;
use crate::judge::PROMISES;
use crate::run::Story;
use crate::system::load::Described;
use crate::system::load::open::Known;
use crate::system::{Choice, System};

/// The system under test: its description, and which of its designs and profiles.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct Chosen {
    /// Description of the system under test (`system.toml`). Without one it is that which `CROSSPOD_SYSTEM` names, else this
    /// project's reference pod.
    #[arg(long, value_name = "FILE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    system: Option<String>,
    /// Design of the system, as its description names it; without one, the first.
    #[arg(long, value_name = "NAME")]
    design: Option<String>,
    /// Profile of the system (timings and the bounds that belong to them), as its description names it; without one, the first.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

impl Chosen {
    /// The choice.
    pub(in crate::cli) fn choice(&self) -> Choice {
        Choice {
            file: self
                .system
                .as_ref()
                .map(PathBuf::from)
                .or_else(|| Choice::of_environment().file),
            design: self.design.clone(),
            profile: self.profile.clone(),
        }
    }

    /// The system. What is odd in its description is printed.
    ///
    /// # Errors
    /// Everything that is wrong with the description or the choice.
    pub(in crate::cli) fn system(&self, stories: &[Story]) -> Result<System, String> {
        let opened = known(stories, |known| System::open(&self.choice(), known));
        let (system, warnings) = opened.map_err(|e| e.to_string())?;
        for warning in &warnings {
            notice(warning);
        }
        Ok(system)
    }

    /// The system as far as its description is said, with the description, which knows what is open and the place of each value.
    /// Oddities of the description are printed.
    ///
    /// # Errors
    /// Everything else that is wrong with the description or the choice.
    pub(in crate::cli) fn unfinished(&self, stories: &[Story]) -> Result<(System, Described), String> {
        let opened = known(stories, |known| System::open_unfinished(&self.choice(), known));
        let (system, described, warnings) = opened.map_err(|e| e.to_string())?;
        for warning in &warnings {
            notice(warning);
        }
        Ok((system, described))
    }
}

/// Does something with the names that a description may refer to.
fn known<T>(stories: &[Story], work: impl FnOnce(Known<'_>) -> T) -> T {
    let promises: Vec<&str> = PROMISES.iter().map(|promise| promise.name).collect();
    let stories: Vec<&str> = stories.iter().map(|story| story.name).collect();
    work(Known {
        promises: &promises,
        stories: &stories,
    })
}
