//! The one place that writes a command line by which something can be played again. Pure.
//!
//! A command carries all that decides what is played and where: variables of the environment, hosts that were allowed,
//! filter, description, design, profile, defect, seed. It can be pasted into a shell: each word is quoted where it has to be.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use crate::system::Choice;

/// Variables of the environment that change what a run plays with.
pub const VARIABLES: [&str; 11] = [
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "CROSSPOD_COMPOSE",
    "CROSSPOD_WORKSPACE",
    "CROSSPOD_IMAGE_POSTGRES",
    "CROSSPOD_IMAGE_NATS",
    "CROSSPOD_IMAGE_TRAEFIK",
    "CROSSPOD_IMAGE_MOCK_AI",
    "CROSSPOD_IMAGE_POD",
    "CROSSPOD_IMAGE_LINKS",
];

/// Settings of a run beside its options; they hold for each of its commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Those of [`VARIABLES`] that are set, with their values.
    pub environment: Vec<(String, String)>,
    /// Hosts that were allowed.
    pub hosts: Vec<String>,
}

/// A command line. `Display` writes it as a shell reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    environment: Vec<(String, String)>,
    words: Vec<String>,
    options: Vec<String>,
    hosts: Vec<String>,
}

impl Command {
    /// `run` of the stories that `filter` selects, each once.
    pub fn run(
        conditions: &Conditions,
        filter: Option<&str>,
        choice: &Choice,
        defect: Option<&str>,
        seed: u64,
    ) -> Self {
        let mut command = Self::new(conditions, "run", choice);
        command.words.extend(filter.map(str::to_owned));
        command.with("--defect", defect).with("--seed", Some(seed))
    }

    /// `run` of every story, with a seed of its own.
    pub fn run_all(conditions: &Conditions, choice: &Choice) -> Self {
        Self::new(conditions, "run", choice)
    }

    /// `list` of stories and promises. It asks no engine, so no host is allowed.
    pub fn list(conditions: &Conditions, choice: &Choice) -> Self {
        Self {
            hosts: Vec::new(),
            ..Self::new(conditions, "list", choice)
        }
    }

    /// `matrix` of the named defects, each once, or of all if none is named.
    pub fn matrix(conditions: &Conditions, choice: &Choice, defects: &[String], runs: u32, seed: u64) -> Self {
        let command = Self::new(conditions, "matrix", choice);
        let mut known = BTreeSet::new();
        let command = defects
            .iter()
            .filter(|defect| known.insert(*defect))
            .fold(command, |command, defect| command.with("--defect", Some(defect)));
        command.with("--runs", Some(runs)).with("--seed", Some(seed))
    }

    fn new(conditions: &Conditions, verb: &str, choice: &Choice) -> Self {
        let command = Self {
            environment: conditions.environment.clone(),
            words: vec![verb.to_owned()],
            options: Vec::new(),
            hosts: conditions.hosts.clone(),
        };
        let command = command.with("--system", choice.file.as_ref().map(|file| file.display()));
        let command = command.with("--design", choice.design.as_deref());
        command.with("--profile", choice.profile.as_deref())
    }

    /// Plays each story so often, with seeds counted up from the first.
    #[must_use]
    pub fn repeat(self, times: u32) -> Self {
        self.with("--repeat", (times != 1).then_some(times))
    }

    /// Plays a part of the stories only.
    #[must_use]
    pub fn shard(self, shard: Option<impl ToString>) -> Self {
        self.with("--shard", shard)
    }

    /// Begins no further play once a promise was broken.
    #[must_use]
    pub fn fail_fast(mut self, is_asked: bool) -> Self {
        self.options.extend(is_asked.then(|| "--fail-fast".to_owned()));
        self
    }

    /// Plays on so many clusters side by side.
    #[must_use]
    pub fn slots(self, slots: u16) -> Self {
        self.with("--slots", Some(slots))
    }

    /// Draws so many rows of a matrix.
    #[must_use]
    pub fn draw(self, rows: Option<usize>) -> Self {
        self.with("--draw", rows)
    }

    /// Keeps the plays of a matrix in a file, and goes on from those that it holds.
    #[must_use]
    pub fn tally(self, file: Option<&Path>) -> Self {
        self.with("--tally", file.map(Path::display))
    }

    fn with(mut self, option: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.options.extend([option.to_owned(), value.to_string()]);
        }
        self
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str("cargo crosspod")?;
        // A filter that looks like an option has to stand behind `--`.
        let (first, last): (Vec<&String>, Vec<&String>) = self.words.iter().partition(|word| !word.starts_with('-'));
        for word in first.into_iter().chain(&self.options) {
            write!(f, " {}", quoted(word))?;
        }
        for host in &self.hosts {
            write!(f, " --allow-host {}", quoted(host))?;
        }
        for word in last {
            write!(f, " -- {}", quoted(word))?;
        }
        Ok(())
    }
}

/// A word as a POSIX shell reads it: as it stands where nothing in it means anything to a shell, else in quotes.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-+=:,./@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Choice {
        Choice::of_design("log")
    }

    #[test]
    fn a_command_names_the_description_the_design_and_the_profile() {
        let choice = Choice {
            file: Some("my systems/system.toml".into()),
            design: None,
            profile: Some("slow".into()),
        };
        let command = Command::run(&Conditions::default(), None, &choice, None, 7);
        assert_eq!(
            command.to_string(),
            "cargo crosspod run --system 'my systems/system.toml' --profile slow --seed 7"
        );
    }

    #[test]
    fn a_command_carries_design_defect_seed_and_whatever_the_run_was_given() {
        let none = Conditions::default();
        let plain = Command::run(&none, Some("fault::kill_owner"), &log(), None, 7);
        assert_eq!(
            plain.to_string(),
            "cargo crosspod run fault::kill_owner --design log --seed 7"
        );
        let conditions = Conditions {
            environment: vec![("CROSSPOD_IMAGE_POD".into(), "my pod:1".into())],
            hosts: vec!["engine.example".into()],
        };
        let full = Command::run(&conditions, Some("owner_*"), &log(), Some("no-fencing"), 7);
        assert_eq!(
            full.repeat(5).slots(4).to_string(),
            "CROSSPOD_IMAGE_POD='my pod:1' cargo crosspod run 'owner_*' --design log --defect no-fencing --seed 7 \
             --repeat 5 --slots 4 --allow-host engine.example"
        );
        let whole = Command::run(&none, None, &log(), None, 7).repeat(1);
        assert_eq!(whole.to_string(), "cargo crosspod run --design log --seed 7");
        let defects = ["a", "b", "a"].map(str::to_owned);
        assert_eq!(
            Command::matrix(&none, &log(), &defects, 5, 9).slots(2).to_string(),
            "cargo crosspod matrix --design log --defect a --defect b --runs 5 --seed 9 --slots 2"
        );
    }

    #[test]
    fn what_follows_a_check_carries_the_choice_and_no_seed() {
        let conditions = Conditions {
            environment: vec![("CROSSPOD_WORKSPACE".into(), "/w".into())],
            hosts: vec!["engine.example".into()],
        };
        assert_eq!(
            Command::run_all(&conditions, &log()).to_string(),
            "CROSSPOD_WORKSPACE=/w cargo crosspod run --design log --allow-host engine.example"
        );
        assert_eq!(
            Command::list(&conditions, &log()).to_string(),
            "CROSSPOD_WORKSPACE=/w cargo crosspod list --design log"
        );
    }

    #[test]
    fn a_filter_is_one_word_to_a_shell_and_no_option_to_the_command() {
        let of = |filter| Command::run(&Conditions::default(), Some(filter), &log(), None, 1).to_string();
        assert_eq!(of("it's"), r"cargo crosspod run 'it'\''s' --design log --seed 1");
        assert_eq!(of(""), "cargo crosspod run '' --design log --seed 1");
        assert_eq!(of("$(x)"), "cargo crosspod run '$(x)' --design log --seed 1");
        assert_eq!(of("--x"), "cargo crosspod run --design log --seed 1 -- --x");
    }
}
