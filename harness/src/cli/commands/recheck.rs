//! `recheck`: judges saved histories again, without a cluster.

use std::path::{Path, PathBuf};

use crate::cli::output::{Format, fail, say, say_json};
use crate::history::{Began, RunEvent, What, reader};
use crate::judge;
use crate::report::{self, Command, Conditions, RunFigures, RunReport, StoryFigures, StoryReport};
use crate::system::Choice;
use crate::verdict::Judgement;
use crate::wire::file::read_text;

/// Largest saved verdict, in bytes.
const VERDICT_BYTES_MAX: u64 = 64 << 20;

pub(in crate::cli) fn recheck(folder: &Path, format: Format) -> u8 {
    let folders = match histories(folder) {
        Ok(folders) if folders.is_empty() => {
            return fail(&format!(
                "{}: no history.jsonl in it or in the folders below it; give the folder of a run or of one story",
                folder.display()
            ));
        }
        Ok(folders) => folders,
        Err(e) => {
            return fail(&format!(
                "{}: {e}; give the folder of a run or of one story",
                folder.display()
            ));
        }
    };
    let mut stories = Vec::new();
    for folder in &folders {
        match judge_again(folder) {
            Ok(report) => stories.push(report),
            Err(e) if folders.len() == 1 => return fail(&e),
            Err(e) => stories.push(unreadable(folder, e)),
        }
    }
    let seed = stories.first().map_or(0, |s| s.seed);
    let figures = RunFigures::of_stories(stories.iter().map(|s| &s.figures), None);
    let report = RunReport::new(seed, stories, figures);
    if format == Format::Json {
        say_json(&report);
    } else {
        for story in &report.stories {
            say(&format!(
                "{}\n{}",
                report::story_line(story),
                report::first_screen(story)
            ));
        }
        say(&report::summary(&report));
    }
    report.verdict.exit_code()
}

/// The folders that hold a history: this one, or those below it, however deep. A link to another run is not followed.
fn histories(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let (mut found, mut looked_at) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = looked_at.pop() {
        if folder.join("history.jsonl").is_file() {
            found.push(folder);
            continue;
        }
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                looked_at.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The command that the run itself wrote beside the history: it knows hosts and variables, which the history does not.
fn saved_command(folder: &Path) -> Option<String> {
    let text = read_text(&folder.join("verdict.json"), VERDICT_BYTES_MAX).ok()?;
    let saved: StoryReport = serde_json::from_str(&text).ok()?;
    Some(saved.again).filter(|again| !again.is_empty())
}

/// The report of a story whose history cannot be read: it must not hide the others' verdicts.
fn unreadable(folder: &Path, why: String) -> StoryReport {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let story = name.split_once('-').map_or(&*name, |(_number, story)| story);
    let mut report = StoryReport::new(story, "?", None, 0, Judgement::broken(why), StoryFigures::default());
    report.artefacts = folder.display().to_string();
    report.again = saved_command(folder).unwrap_or_default();
    report
}

fn judge_again(folder: &Path) -> Result<StoryReport, String> {
    let history = reader::read(&folder.join("history.jsonl")).map_err(|e| e.to_string())?;
    let began = history.events.iter().find_map(|e| match &e.what {
        What::Run(RunEvent::Began(began)) => Some((**began).clone()),
        _ => None,
    });
    let Began {
        story,
        seed,
        design,
        defect,
        ..
    } = began.ok_or_else(|| format!("{}: the history does not say what it is of", folder.display()))?;
    let judgement = judge::judge(&history);
    let last_us = history.events.last().map_or(0, |e| e.at_us);
    let figures = StoryFigures {
        duration_ms: last_us as f64 / 1000.0,
        ..StoryFigures::of_history(&history.events)
    };
    let mut report = StoryReport::new(&story, &design, defect.as_deref(), seed, judgement, figures);
    report.artefacts = folder.display().to_string();
    report.again = saved_command(folder).unwrap_or_else(|| {
        Command::run(
            &Conditions::default(),
            Some(&story),
            &Choice::of_design(&design),
            defect.as_deref(),
            seed,
        )
        .to_string()
    });
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Verdict;

    #[test]
    fn a_story_that_cannot_be_read_is_broken_under_its_own_name() {
        let report = unreadable(Path::new("run/002-owner_killed_mid_answer"), "it is empty".to_owned());
        assert_eq!(
            (report.story.as_str(), report.verdict),
            ("owner_killed_mid_answer", Verdict::Broken)
        );
        assert_eq!(report.reason.as_deref(), Some("it is empty"));
        assert_eq!(report.artefacts, "run/002-owner_killed_mid_answer");
        assert_eq!(unreadable(Path::new("/"), String::new()).story, "");
    }
}
