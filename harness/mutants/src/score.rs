//! The score: how many of the mutants that a seed draws the stories kill. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::bail;
use serde::Deserialize;

use crate::played::{Outcome, Played};

/// The arguments of those who read mutants, by the mutants' names.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Why one changes nothing that a promise could see.
    equivalent: BTreeMap<String, String>,
    /// The promise, story or fault that is missing to kill one.
    missed: BTreeMap<String, String>,
}

impl Arguments {
    /// The outcome of a mutant that need not be played.
    pub(crate) fn outcome(&self, mutant: &str) -> Option<Outcome> {
        if self.equivalent.contains_key(mutant) {
            Some(Outcome::Argued)
        } else {
            self.missed.contains_key(mutant).then_some(Outcome::Missed)
        }
    }
}

/// Counts of mutants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Score {
    /// A promise broke, or no pod was fit to be judged.
    pub(crate) killed: usize,
    /// Not killed, and argued to change nothing that a promise could see.
    pub(crate) equivalent: usize,
    /// Neither.
    pub(crate) survived: usize,
    /// Did not compile.
    pub(crate) not_viable: usize,
}

impl Score {
    /// Counts.
    pub(crate) fn of(played: &[Played], arguments: &Arguments) -> Self {
        let mut score = Self::default();
        for one in played {
            *match one.outcome {
                Outcome::NotViable => &mut score.not_viable,
                Outcome::Killed { .. } | Outcome::NeverReady { .. } => &mut score.killed,
                _ if arguments.equivalent.contains_key(&one.mutant) => &mut score.equivalent,
                Outcome::Argued | Outcome::Missed | Outcome::Survived | Outcome::Unclear { .. } => &mut score.survived,
            } += 1;
        }
        score
    }

    /// Mutants that compile.
    pub(crate) fn viable(self) -> usize {
        self.killed + self.equivalent + self.survived
    }

    /// Killed or argued, of a hundred.
    pub(crate) fn percent(self) -> f64 {
        100.0 * (self.killed + self.equivalent) as f64 / self.viable().max(1) as f64
    }
}

/// Checks that no argument is about a mutant that was killed, and that each mutant that an argument kept from being played still
/// has its argument.
///
/// # Errors
/// One is, or one has not.
pub(crate) fn check(played: &[Played], arguments: &Arguments) -> anyhow::Result<()> {
    for one in played {
        let argued = arguments.outcome(&one.mutant);
        match &one.outcome {
            Outcome::Killed { .. } | Outcome::NeverReady { .. } | Outcome::NotViable if argued.is_some() => {
                bail!(
                    "arguments.toml names {}, which did not survive: {:?}",
                    one.mutant,
                    one.outcome
                )
            }
            Outcome::Argued | Outcome::Missed if argued.as_ref() != Some(&one.outcome) => bail!(
                "arguments.toml no longer says of {} what kept it from being played: remove its line from played.jsonl, and play it",
                one.mutant
            ),
            _ => {}
        }
    }
    Ok(())
}

/// The score for people, Markdown.
pub(crate) fn markdown(played: &[Played], arguments: &Arguments) -> String {
    let score = Score::of(played, arguments);
    let never_ready = |one: &&Played| matches!(one.outcome, Outcome::NeverReady { .. });
    let unfit = played.iter().filter(never_ready).count();
    let mut text = format!(
        "{} viable mutants so far: {} killed (of {} no pod was fit to be judged), {} equivalent, {} survived: **{:.0} %** killed or \
         argued. {} more did not compile.\n\n\
         | mutant | outcome | by, or why |\n| --- | --- | --- |\n",
        score.viable(),
        score.killed,
        unfit,
        score.equivalent,
        score.survived,
        score.percent(),
        score.not_viable
    );
    for one in played {
        let (outcome, why) = match &one.outcome {
            Outcome::NotViable => continue,
            Outcome::Killed { story, promise } => ("killed", format!("{promise}, `{story}`")),
            Outcome::NeverReady { why } => ("killed", format!("no pod is fit to be judged: {why}")),
            Outcome::Argued | Outcome::Missed | Outcome::Survived | Outcome::Unclear { .. } => {
                let (equivalent, missed) = (arguments.equivalent.get(&one.mutant), arguments.missed.get(&one.mutant));
                match (equivalent, missed, &one.outcome) {
                    (Some(argument), _, Outcome::Argued) => ("equivalent, not played", argument.clone()),
                    (Some(argument), _, _) => ("equivalent", argument.clone()),
                    (None, Some(missing), Outcome::Missed) => ("survived, not played", missing.clone()),
                    (None, Some(missing), _) => ("survived", missing.clone()),
                    (None, None, Outcome::Unclear { why }) => ("survived", format!("unclear: {why}")),
                    (None, None, _) => ("survived", String::new()),
                }
            }
        };
        let cell = |text: &str| text.replace('|', "\\|");
        let _ = writeln!(text, "| `{}` | {outcome} | {} |", cell(&one.mutant), cell(&why));
    }
    text
}

/// A document with another text between two lines.
///
/// # Errors
/// It does not have the lines.
pub(crate) fn put_between(document: &str, begin: &str, end: &str, text: &str) -> anyhow::Result<String> {
    let parts = document.split_once(begin).and_then(|(before, rest)| {
        let (_, behind) = rest.split_once(end)?;
        Some((before, behind))
    });
    match parts {
        Some((before, behind)) => Ok(format!("{before}{begin}\n{text}{end}{behind}")),
        None => bail!("it has no lines `{begin}` and `{end}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(mutant: &str, outcome: Outcome) -> Played {
        Played {
            mutant: mutant.to_owned(),
            place: format!("{mutant}:1:1"),
            commit: "c".to_owned(),
            outcome,
            plays: 1,
            seconds: 1,
        }
    }

    fn arguments(equivalent: &[(&str, &str)], missed: &[(&str, &str)]) -> Arguments {
        let own = |(name, why): &(&str, &str)| ((*name).to_owned(), (*why).to_owned());
        Arguments {
            equivalent: equivalent.iter().map(own).collect(),
            missed: missed.iter().map(own).collect(),
        }
    }

    fn killed() -> Outcome {
        Outcome::Killed {
            story: "s".into(),
            promise: "P".into(),
        }
    }

    #[test]
    fn a_score_counts_what_is_killed_or_argued_of_what_compiles() {
        let all = [
            played("a", killed()),
            played("b", Outcome::NotViable),
            played("c | d", Outcome::Survived),
            played("e", Outcome::Survived),
            played("f", Outcome::NeverReady { why: "w".into() }),
            played("g", Outcome::Unclear { why: "s: x".into() }),
            played("h", Outcome::Argued),
            played("i", Outcome::Missed),
        ];
        let argued = arguments(&[("e", "a log line"), ("h", "a jitter")], &[("i", "a fault")]);
        let score = Score::of(&all, &argued);
        assert_eq!(
            (score.killed, score.equivalent, score.survived, score.not_viable),
            (2, 2, 3, 1)
        );
        assert!((score.percent() - 400.0 / 7.0).abs() < f64::EPSILON);
        let text = markdown(&all, &argued);
        assert!(
            text.starts_with(
                "7 viable mutants so far: 2 killed (of 1 no pod was fit to be judged), 2 equivalent, 3 survived: **57 %**"
            ),
            "{text}"
        );
        for line in [
            "| `a` | killed | P, `s` |",
            "| `c \\| d` | survived |  |",
            "| `e` | equivalent | a log line |",
            "| `h` | equivalent, not played | a jitter |",
            "| `g` | survived | unclear: s: x |",
            "| `i` | survived, not played | a fault |",
        ] {
            assert!(text.lines().any(|one| one == line), "{line}\n{text}");
        }
        assert!(!text.contains("`b`"));
        check(&all, &argued).expect("it is about a survivor");
    }

    #[test]
    fn an_argument_for_a_mutant_that_was_killed_and_one_that_is_missing_are_refused() {
        let (equivalent, missed) = (
            |name| arguments(&[(name, "")], &[]),
            |name| arguments(&[], &[(name, "")]),
        );
        let refused = |outcome, given: Arguments| check(&[played("a", outcome)], &given).map_err(|e| e.to_string());
        refused(Outcome::Argued, equivalent("a")).expect("it is argued");
        refused(Outcome::Missed, missed("a")).expect("it is conceded");
        refused(killed(), equivalent("z")).expect("an argument may come before its mutant's turn");
        for (outcome, given, why) in [
            (killed(), equivalent("a"), "names a, which did not survive"),
            (killed(), missed("a"), "names a, which did not survive"),
            (Outcome::Argued, equivalent("z"), "no longer says of a what kept it"),
            (Outcome::Missed, equivalent("a"), "no longer says of a what kept it"),
        ] {
            let said = refused(outcome, given).expect_err("refused");
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn a_text_is_put_between_its_lines() {
        let document = "a\n<!-- b -->\nold\n<!-- e -->\nz\n";
        let put = put_between(document, "<!-- b -->", "<!-- e -->", "new\n").expect("it has them");
        assert_eq!(put, "a\n<!-- b -->\nnew\n<!-- e -->\nz\n");
        assert!(put_between(document, "<!-- c -->", "<!-- e -->", "").is_err());
    }
}
