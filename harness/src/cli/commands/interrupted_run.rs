//! The report of an interrupted run: the verdicts so far, and the `--seed` that plays the rest.

use std::cell::RefCell;
use std::fmt::Write as _;

use crate::plan::seed_of_repetition;
use crate::report::{Command, RunFigures, RunReport, START, StoryReport};
use crate::verdict::Verdict;

/// The stories of a run as they are done, each with the repetition that it was played in.
#[derive(Debug, Default)]
pub(in crate::cli) struct InterruptedRun(RefCell<Vec<(u32, StoryReport)>>);

impl InterruptedRun {
    /// Keeps one more.
    pub(in crate::cli) fn keep(&self, repetition: u32, story: StoryReport) {
        self.0.borrow_mut().push((repetition, story));
    }

    /// The report so far of a run that was to play `stories` stories `repeat` times from `seed` on. `None` if no story was done.
    /// Stories that were not played prove nothing, so an interrupted run never passes.
    /// `rest` makes the command that plays so many repetitions from a seed on.
    pub(in crate::cli) fn report(
        self,
        stories: usize,
        (seed, repeat): (u64, u32),
        rest: impl FnOnce(u64, u32) -> Command,
    ) -> Option<RunReport> {
        let mut done = self.0.into_inner();
        if done.is_empty() {
            return None;
        }
        done.sort_by_key(|(repetition, _)| *repetition);
        let plays = done.iter().filter(|(_, story)| story.story != START);
        let plays: Vec<u32> = plays.map(|(repetition, _)| *repetition).collect();
        let whole = whole_repetitions(&plays, stories);
        let mut reason = format!(
            "interrupted after {} of {} plays",
            plays.len(),
            stories * repeat as usize
        );
        if let Some(left @ 1..) = repeat.checked_sub(whole) {
            // Writing into a string does not fail.
            let _ = write!(reason, "; the rest: {}", rest(seed_of_repetition(seed, whole), left));
        }
        let done: Vec<StoryReport> = done.into_iter().map(|(_, story)| story).collect();
        let figures = RunFigures::of_stories(done.iter().map(|story| &story.figures), None);
        let report = RunReport::new(seed, done, figures);
        Some(RunReport {
            verdict: report.verdict.max(Verdict::Inconclusive),
            reason: Some(reason),
            ..report
        })
    }
}

/// How many repetitions, from the first on, have all their stories done; `of` are the repetitions of what is done, in order.
fn whole_repetitions(of: &[u32], stories: usize) -> u32 {
    let is_whole = |(n, repetition): &(u32, &[u32])| repetition[0] == *n && repetition.len() == stories;
    (0..).zip(of.chunk_by(|a, b| a == b)).take_while(is_whole).count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Conditions, StoryFigures};
    use crate::system::Choice;
    use crate::verdict::Judgement;

    fn report_of(story: &str, verdict: Verdict) -> StoryReport {
        StoryReport::new(story, "log", None, 7, Judgement::bare(verdict), StoryFigures::default())
    }

    fn rest(seed: u64, repeat: u32) -> Command {
        Command::run(&Conditions::default(), None, &Choice::of_design("log"), None, seed).repeat(repeat)
    }

    #[test]
    fn the_rest_begins_at_the_first_repetition_that_is_not_whole() {
        let whole = |of: &[u32]| whole_repetitions(of, 2);
        assert_eq!(whole(&[]), 0);
        assert_eq!(whole(&[0]), 0);
        assert_eq!(whole(&[0, 0, 1, 1, 2]), 2);
        // A long story of the second is still played while the third has begun.
        assert_eq!(whole(&[0, 0, 1, 2, 2]), 1);
        assert_eq!(whole(&[1, 1]), 0);
    }

    #[test]
    fn an_interrupted_run_tells_what_it_found_and_never_passes() {
        let report = |verdicts: &[Verdict]| {
            let done = InterruptedRun::default();
            for (n, verdict) in verdicts.iter().enumerate().rev() {
                done.keep(n as u32 / 2, report_of("s", *verdict));
            }
            done.report(2, (40, 3), rest)
        };
        assert_eq!(report(&[]), None);
        let passed = report(&[Verdict::Pass; 3]).expect("something was done");
        assert_eq!(passed.verdict, Verdict::Inconclusive);
        let reason = "interrupted after 3 of 6 plays; the rest: cargo crosspod run --design log --seed 41 --repeat 2";
        assert_eq!((passed.reason.as_deref(), passed.stories.len()), (Some(reason), 3));
        let failed = report(&[Verdict::Pass, Verdict::Fail]).expect("something was done");
        assert_eq!(failed.verdict, Verdict::Fail);

        let start = InterruptedRun::default();
        start.keep(0, report_of(START, Verdict::Fail));
        start.keep(0, report_of("s", Verdict::Pass));
        let start = start.report(2, (40, 1), rest).expect("something was done");
        assert_eq!(start.verdict, Verdict::Fail, "what the start has shown is told too");
        let reason = "interrupted after 1 of 2 plays; the rest: cargo crosspod run --design log --seed 40";
        assert_eq!(start.reason.as_deref(), Some(reason));
    }
}
