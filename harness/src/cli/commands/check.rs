//! `check`: brings a system up, plays one turn through its description, tries what the description claims, and prints what it saw.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use clap::Args as ClapArgs;

use super::list::Listed;
use crate::cli::allowed::Allowed;
use crate::cli::chosen::Chosen;
use crate::cli::output::{BROKEN, Format, fail, say, say_json};
use crate::cli::progress::Shown;
use crate::cli::staged::staged;
use crate::cluster::Progress;
use crate::report::{Command, Conditions};
use crate::run::check::{self, Checked, Line, Section, Subject};
use crate::run::{LiveRun, RunError, Setting, Story, conditions};
use crate::system::System;
use crate::system::load::reference::PLACE;

/// Most promises that are named of those that are not judged, and of those that are judged in part.
const NAMED: usize = 6;

/// Options of `check`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    allowed: Allowed,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Progress that is shown, and kept for the report.
struct Told<'s> {
    shown: &'s Shown,
    lines: Mutex<Vec<String>>,
}

impl Progress for Told<'_> {
    fn step(&self, text: &str) {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(text.to_owned());
        self.shown.step(text);
    }

    fn detail(&self, line: &str) {
        self.shown.detail(line);
    }
}

pub(in crate::cli) async fn check(stories: &[Story], args: &Args) -> u8 {
    let (system, described) = match args.chosen.unfinished(stories) {
        Ok(opened) => opened,
        Err(e) => return fail(&e),
    };
    let subject = Subject::new(system, described);
    let shown = Shown::new();
    let work = async |live: &LiveRun| Box::pin(sections(live, &subject, &shown)).await;
    let done = Box::pin(staged(&args.allowed, &shown, work)).await.into_result();
    shown.done();
    let sections = match done {
        Ok(Ok(sections)) => sections,
        Ok(Err(reason)) => return fail(&reason),
        Err(code) => return code,
    };
    let checked = report(stories, &subject.system, sections, &conditions(&args.allowed.hosts()));
    match args.format {
        Format::Human => say(&check::text(&checked)),
        Format::Json => say_json(&checked),
    }
    if checked.mistakes() + checked.open() > 0 {
        BROKEN
    } else {
        0
    }
}

/// Brings the system up on one slot and tries everything on it. A system that does not come up is a finding of the check.
async fn sections(live: &LiveRun, subject: &Subject, shown: &Shown) -> Result<Vec<Section>, RunError> {
    let setting = Setting {
        system: subject.system.clone(),
        defect: None,
        filter: None,
        slots: 1,
    };
    let told = Told {
        shown,
        lines: Mutex::default(),
    };
    let begun = Instant::now();
    let opened = live.open(&setting, None, &told).await;
    let (took, lines) = (
        begun.elapsed(),
        told.lines.lock().unwrap_or_else(PoisonError::into_inner).clone(),
    );
    match opened {
        Ok(session) => Box::pin(check::check(&session, &lines, took, subject, shown)).await,
        Err(error) => Ok(check::not_up(&error, &lines, subject)),
    }
}

fn report(stories: &[Story], system: &System, mut sections: Vec<Section>, conditions: &Conditions) -> Checked {
    let file = system.choice.file.as_deref().unwrap_or(Path::new(PLACE));
    sections.push(judged(&Listed::of(stories, system), system, conditions));
    let pods = system.description.pods.names().into_iter();
    let parts = system.description.parts.iter().map(|(name, _)| name.to_owned());
    Checked {
        system: system.name().to_owned(),
        file: file.display().to_string(),
        run: Command::run_all(conditions, &system.choice).to_string(),
        design: system.design.clone(),
        profile: system.profile.clone(),
        parts: pods.chain(parts).collect(),
        sections,
    }
}

/// The stories, faults and promises by which the system can be tried and judged, in the words of `list`.
fn judged(listed: &Listed, system: &System, conditions: &Conditions) -> Section {
    let mut section = Section::new("CAN BE JUDGED");
    section.push(Line::info(listed.sum(system)));
    let not: Vec<Line> = listed
        .promises
        .iter()
        .filter_map(|promise| {
            Some(Line::info(format!(
                "not      {}: {}",
                promise.promise,
                promise.not_applicable.as_ref()?
            )))
        })
        .collect();
    let part: Vec<Line> = listed
        .promises
        .iter()
        .filter_map(|promise| {
            let (clause, why) = promise.lacking().next()?;
            Some(Line::info(format!(
                "in part  {}: not \"{clause}\": {why}",
                promise.promise
            )))
        })
        .collect();
    for lines in [not, part] {
        let more = lines.len().saturating_sub(NAMED);
        section.lines.extend(lines.into_iter().take(NAMED));
        if more > 0 {
            let list = Command::list(conditions, &system.choice);
            section.push(Line::info(format!("         {more} more: {list}")));
        }
    }
    section.lines.extend(expected(system));
    section
}

/// How many bugs the description expects to be found.
fn expected(system: &System) -> Option<Line> {
    let known = &system.description.expected;
    let sometimes = known.iter().filter(|known| known.sometimes).count();
    let bugs = if known.len() == 1 { "bug is" } else { "bugs are" };
    (!known.is_empty()).then(|| {
        Line::info(format!(
            "{} known {bugs} expected, {sometimes} of them sometimes",
            known.len()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::check::Mark;
    use crate::system::Choice;
    use crate::system::load::load_alone;

    #[test]
    fn what_is_not_judged_is_named_with_the_reason() {
        let text = include_str!("../../../tests/descriptions/copies-of-one-service.toml");
        let described = load_alone("system.toml", text).expect("a description");
        let choice = Choice {
            file: Some("system.toml".into()),
            ..Choice::default()
        };
        let system = System::of(&choice, Path::new("system.toml"), &described).expect("its first profile");
        let checked = report(&[], &system, vec![Section::new("START")], &Conditions::default());
        let section = checked.sections.last().expect("a section");
        assert_eq!(section.name, "CAN BE JUDGED");
        let lines: Vec<&str> = section.lines.iter().map(|line| line.text.as_str()).collect();
        assert!(lines[0].contains(": 0 of 0 stories can be played"), "{lines:?}");
        let second = "not      TenantIsolation: no second account (auth.accounts.stranger)";
        assert!(lines.contains(&second), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("in part  ")), "{lines:?}");
        assert!(section.lines.iter().all(|line| line.mark == Mark::Info));
        let more = " more: cargo crosspod list --system system.toml";
        assert!(lines.iter().any(|line| line.contains(more)), "{lines:?}");
        assert!(
            checked.run.starts_with("cargo crosspod run --system system.toml"),
            "{}",
            checked.run
        );
    }
}
