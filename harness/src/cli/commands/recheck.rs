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
    let stories = with_plays_before(stories);
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

/// Puts each play that CPU starvation excuses before the one that was played in its place, as the run itself did. A folder's number does
/// not tell which came first once there are a thousand.
fn with_plays_before(stories: Vec<StoryReport>) -> Vec<StoryReport> {
    let run = |play: &StoryReport| Path::new(&play.artefacts).parent().map(Path::to_owned);
    let is_same = |one: &StoryReport, other: &StoryReport| {
        one.seed == other.seed
            && (&one.story, &one.design, &one.defect) == (&other.story, &other.design, &other.defect)
            && run(one) == run(other)
    };
    let is_replaced = |place: usize| {
        let play = &stories[place];
        let mut others = stories.iter().enumerate().filter(|(other, _)| *other != place);
        play.is_excused()
            && others.any(|(other, report)| is_same(play, report) && (!report.is_excused() || other > place))
    };
    let replaced: Vec<bool> = (0..stories.len()).map(is_replaced).collect();
    let (before, last): (Vec<_>, Vec<_>) = stories.into_iter().zip(replaced).partition(|(_, replaced)| *replaced);
    let last = last.into_iter().map(|(report, _)| {
        let own = before
            .iter()
            .map(|(play, _)| play)
            .filter(|play| is_same(play, &report));
        let own: Vec<StoryReport> = own.cloned().collect();
        report.after(&own)
    });
    last.collect()
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
    use crate::verdict::{Finding, Verdict};

    #[test]
    fn an_excused_play_stands_before_the_one_that_was_played_in_its_place() {
        use Verdict::{Fail, Inconclusive, Pass};
        let play = |number: &str, verdict, seed| {
            let starved = (verdict == Inconclusive).then(|| Finding::bare("ShownInTime"));
            let judgement = Judgement {
                starved: starved.into_iter().collect(),
                ..Judgement::bare(verdict)
            };
            let figures = StoryFigures::default();
            let mut report = StoryReport::new("s", "log", None, seed, judgement, figures);
            report.artefacts = format!("run/{number}-s");
            report
        };
        for (plays, expected) in [
            (vec![("1", Inconclusive, 7), ("2", Pass, 7)], vec![(Pass, 1)]),
            (vec![("1000", Fail, 7), ("999", Inconclusive, 7)], vec![(Fail, 1)]),
            (
                vec![("1", Inconclusive, 7), ("2", Inconclusive, 7), ("3", Inconclusive, 7)],
                vec![(Inconclusive, 2)],
            ),
            (
                vec![("1", Inconclusive, 7), ("2", Pass, 8)],
                vec![(Inconclusive, 0), (Pass, 0)],
            ),
            (vec![("1", Pass, 7), ("2", Fail, 8)], vec![(Pass, 0), (Fail, 0)]),
        ] {
            let plays = plays
                .into_iter()
                .map(|(number, verdict, seed)| play(number, verdict, seed));
            let told = with_plays_before(plays.collect());
            let told: Vec<_> = told
                .iter()
                .map(|play| (play.verdict, play.excused_before.len()))
                .collect();
            assert_eq!(told, expected);
        }
    }

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
