//! Plays the stories on mutants of the reference pod, and keeps the score in `TRACK_RECORD.md`.
//!
//! A mutant is a small change that nobody seeded: an operator replaced, a body left out. cargo-mutants lists them, a seed draws some, and
//! each that compiles is built into the pod's image and played. A promise that breaks kills the mutant. A survivor is read by somebody:
//! either it changes nothing that a promise could see, or a promise or a story is missing; `arguments.toml` says which, in a line. A mutant
//! that the file names beforehand is compiled and not played; `play --only` plays it all the same.

mod mutant;
mod played;
mod programs;
mod score;
mod tree;
mod verdict;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};

use crate::mutant::Mutant;
use crate::played::{Outcome, Played};
use crate::programs::{Plays, Set};
use crate::score::{Arguments, Score};
use crate::tree::Tree;

/// Parts in which the stories are played: most mutants die in the first.
const PARTS: usize = 3;
/// Seed of each run of stories.
const STORIES_SEED: u64 = 7;
/// Lines of `TRACK_RECORD.md` around the score.
const BEGIN: &str = "<!-- mutants: written by `cargo pod-mutants report` -->";
const END: &str = "<!-- end of mutants -->";

/// Plays the stories on mutants of the reference pod.
#[derive(Debug, Parser)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Draws mutants and plays those that were not played before
    Play {
        /// Seed of the draw
        #[arg(long, default_value_t = 7)]
        seed: u64,
        /// Viable mutants of the draw
        #[arg(long, default_value_t = 100)]
        count: usize,
        /// Clusters side by side
        #[arg(long, default_value_t = 2)]
        slots: usize,
        /// Begin no other mutant after so many minutes; the next `play` goes on
        #[arg(long)]
        minutes: Option<u64>,
        /// Stories to play before all others on each mutant, with commas between: those that are the likeliest to kill it
        #[arg(long, value_delimiter = ',')]
        first: Vec<String>,
        /// Play those whose names have this in them, drawn or not, and keep nothing of it
        #[arg(long, conflicts_with_all = ["seed", "count", "minutes"])]
        only: Option<String>,
    },
    /// Prints the score and writes it to TRACK_RECORD.md
    Report,
}

fn main() -> anyhow::Result<()> {
    let workspace = workspace();
    match CommandLine::parse().command {
        Command::Play {
            seed,
            count,
            slots,
            minutes,
            first,
            only,
        } => {
            let bench = Bench::set_up(&workspace, slots, first)?;
            if let Some(part) = only {
                return bench.play_only(&part);
            }
            let minutes = minutes.map(|minutes| Duration::from_secs(minutes * 60));
            bench.play_drawn((seed, count), minutes)
        }
        Command::Report => report(&workspace),
    }
}

/// Everything that a mutant is built and played with.
struct Bench {
    workspace: PathBuf,
    tree: Tree,
    crosspod: PathBuf,
    /// Folder for what is compiled of the tree.
    built: PathBuf,
    slots: usize,
    commit: String,
    mutants: Vec<Mutant>,
    /// Names of stories that are played before all others.
    first: Vec<String>,
}

impl Bench {
    fn set_up(workspace: &Path, slots: usize, first: Vec<String>) -> anyhow::Result<Self> {
        Ok(Self {
            workspace: workspace.to_owned(),
            tree: Tree::copied(workspace, &workspace.join("target/mutants/tree"))?,
            crosspod: programs::crosspod(workspace)?,
            built: workspace.join("target/mutants/built"),
            slots,
            commit: programs::commit(workspace)?,
            mutants: mutant::named(programs::listed(workspace)?),
            first,
        })
    }

    /// Plays what a seed draws and was not played before, until so many that compile are played or the time is over.
    fn play_drawn(self, (seed, count): (u64, usize), time: Option<Duration>) -> anyhow::Result<()> {
        let began = Instant::now();
        let (before, arguments) = (played::read(&results(&self.workspace))?, arguments(&self.workspace)?);
        score::check(&before, &arguments)?;
        let mut viable = 0;
        for mutant in mutant::drawn(self.mutants.clone(), seed) {
            if viable == count {
                break;
            }
            if let Some(known) = before.iter().find(|one| one.mutant == mutant.name) {
                viable += usize::from(known.outcome != Outcome::NotViable);
                continue;
            }
            if time.is_some_and(|time| began.elapsed() > time) {
                break;
            }
            let one = self.play_one(&mutant, arguments.outcome(&mutant.name))?;
            viable += usize::from(one.outcome != Outcome::NotViable);
            played::add(&results(&self.workspace), &one)?;
        }
        say(&format!(
            "{viable} of {count} viable mutants of the draw {seed} are played"
        ));
        Ok(())
    }

    fn play_only(self, part: &str) -> anyhow::Result<()> {
        let wanted = self.mutants.iter().filter(|mutant| mutant.name.contains(part));
        let wanted: Vec<&Mutant> = wanted.collect();
        if wanted.is_empty() {
            bail!("none of the {} mutants has {part:?} in its name", self.mutants.len());
        }
        wanted
            .into_iter()
            .try_for_each(|mutant| self.play_one(mutant, None).map(drop))
    }

    /// Plays one mutant, or compiles it alone if its outcome was argued beforehand, and undoes it whatever comes of it.
    fn play_one(&self, mutant: &Mutant, argued: Option<Outcome>) -> anyhow::Result<Played> {
        say(&format!("{} ({})", mutant.name, mutant.place()));
        let (began, images) = (Instant::now(), programs::pod_images());
        self.tree.change(&mutant.listed)?;
        let judged = self.judge(mutant, argued);
        self.tree.restore(&mutant.listed)?;
        let mut made = programs::pod_images();
        made.retain(|tag| !images.contains(tag));
        programs::remove_images(&made);
        let (outcome, plays) = judged.with_context(|| mutant.name.clone())?;
        let seconds = began.elapsed().as_secs();
        say(&format!("  {outcome:?}, {plays} plays, {seconds} s"));
        Ok(Played {
            mutant: mutant.name.clone(),
            place: mutant.place().to_owned(),
            commit: self.commit.clone(),
            outcome,
            plays,
            seconds,
        })
    }

    /// Builds and plays the changed tree. Returns what became of it, and the number of plays.
    fn judge(&self, mutant: &Mutant, argued: Option<Outcome>) -> anyhow::Result<(Outcome, usize)> {
        if !programs::compiles(self.tree.root(), &self.built)? {
            return Ok((Outcome::NotViable, 0));
        }
        if let Some(outcome) = argued {
            return Ok((outcome, 0));
        }
        let plays = Plays {
            crosspod: &self.crosspod,
            tree: self.tree.root(),
            built: &self.built,
            seed: STORIES_SEED,
            slots: self.slots,
        };
        let (mut so_far, mut number) = (Outcome::Survived, 0);
        let designs = mutant.designs().iter();
        let mut sets = Vec::new();
        if !self.first.is_empty() {
            sets.extend(designs.clone().map(|design| (design, Set::Named(&self.first))));
        }
        sets.extend(designs.flat_map(|design| (1..=PARTS).map(move |part| (design, Set::Part(part, PARTS)))));
        for (design, set) in sets {
            let report = plays.of(design, set)?;
            number += report.stories.len();
            match report.says() {
                None => {}
                // A later part may still show a broken promise.
                Some(unclear @ Outcome::Unclear { .. }) => so_far = unclear,
                Some(decided) => return Ok((decided, number)),
            }
        }
        Ok((so_far, number))
    }
}

fn report(workspace: &Path) -> anyhow::Result<()> {
    let (played, arguments) = (played::read(&results(workspace))?, arguments(workspace)?);
    score::check(&played, &arguments)?;
    let path = workspace.join("TRACK_RECORD.md");
    let document = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let text = score::markdown(&played, &arguments);
    let written = score::put_between(&document, BEGIN, END, &text).with_context(|| path.display().to_string())?;
    std::fs::write(&path, written).with_context(|| format!("writing {}", path.display()))?;
    let score = Score::of(&played, &arguments);
    say(&format!(
        "{score:?}: {:.1} % of {} viable",
        score.percent(),
        score.viable()
    ));
    Ok(())
}

/// The lines of what was played.
fn results(workspace: &Path) -> PathBuf {
    workspace.join("harness/mutants/played.jsonl")
}

fn arguments(workspace: &Path) -> anyhow::Result<Arguments> {
    let path = workspace.join("harness/mutants/arguments.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}

/// The workspace that this program was built from.
fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

fn say(text: &str) {
    #[expect(clippy::print_stdout, reason = "it is what the user asked for")]
    {
        println!("{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_score_is_that_of_the_mutants_that_were_played() {
        let workspace = workspace();
        let played = played::read(&results(&workspace)).expect("lines");
        let arguments = arguments(&workspace).expect("arguments");
        score::check(&played, &arguments).expect("arguments for survivors");
        let document = std::fs::read_to_string(workspace.join("TRACK_RECORD.md")).expect("a document");
        let text = score::markdown(&played, &arguments);
        let written = score::put_between(&document, BEGIN, END, &text).expect("its lines");
        assert!(written == document, "stale: run `cargo pod-mutants report`");
    }
}
