//! The matrix: every defect, played with the stories that must catch it, and the clean pod as control.
//!
//! Each defect gets a cluster of its own; several clusters stand side by side. A long matrix is played in parts: each goes on from the
//! plays that those before have kept.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt as _;
use rand::seq::IndexedRandom as _;

use super::Setting;
use super::live_run::LiveRun;
use super::side_by_side::side_by_side;
use crate::cluster::Progress;
use crate::plan::{rng, seed_of_repetition};
use crate::report::{Command, Conditions, Control, MATRIX_SCHEMA, MatrixReport, Row, TallyPlay};
use crate::run::error::{RunError, unknown};
use crate::run::story::Story;
use crate::system::{Defect, System};

/// Options of a matrix.
#[derive(Debug, Clone, Default)]
pub struct MatrixOptions {
    /// Defects to try; none tries all.
    pub defects: Vec<String>,
    /// How often each story is played with each defect, and on the clean pod.
    pub runs: u32,
    /// Seed of the first of them.
    pub seed: u64,
    /// Clusters that stand side by side.
    pub slots: u16,
    /// Number of rows that the seed draws; all without.
    pub draw: Option<usize>,
    /// File that keeps each play.
    pub tally: Option<PathBuf>,
    /// Time from which no other play begins.
    pub until: Option<Instant>,
}

/// A matrix to be played: defects with the stories that must catch them, and the control's stories.
pub struct Matrix {
    options: MatrixOptions,
    system: Arc<System>,
    cells: Vec<(Defect, Vec<Story>)>,
    control: Vec<Story>,
    /// Plays of the parts before.
    known: Vec<TallyPlay>,
}

/// Progress while a matrix is played.
pub trait MatrixProgress: Progress + Sync {
    /// A play is over.
    fn played(&self, play: &TallyPlay);

    /// A row is done.
    fn row(&self, row: &Row);
}

impl Matrix {
    /// Checks the options and lays the matrix out.
    ///
    /// # Errors
    /// There is no such defect, or a defect that no story is meant to catch.
    pub fn lay_out(options: MatrixOptions, registry: &[Story], system: Arc<System>) -> Result<Self, RunError> {
        let known = || system.defects().iter().map(|defect| defect.name.as_str());
        if let Some(name) = options.defects.iter().find(|name| !known().any(|known| known == *name)) {
            return Err(unknown("defect", name, known()));
        }
        let is_asked = |defect: &&Defect| options.defects.is_empty() || options.defects.contains(&defect.name);
        let catching = |defect: &Defect| -> Vec<Story> {
            let catches = |story: &&Story| story.catches.contains(&defect.name.as_str());
            let played = |story: &&Story| story.available(&system).is_ok();
            registry.iter().filter(catches).filter(played).copied().collect()
        };
        let mut cells: Vec<_> = system
            .defects()
            .iter()
            .filter(is_asked)
            .map(|defect| (defect.clone(), catching(defect)))
            .collect();
        if let Some((defect, _)) = cells.iter().find(|(_, stories)| stories.is_empty()) {
            return Err(RunError::Uncaught(defect.name.clone()));
        }
        if let Some(rows) = options.draw {
            draw(&mut cells, rows, options.seed);
        }
        let is_in = |story: &&Story| {
            cells
                .iter()
                .any(|(_, stories)| stories.iter().any(|other| other.name == story.name))
        };
        let control = registry.iter().filter(is_in).copied().collect();
        Ok(Self {
            options,
            system,
            cells,
            control,
            known: Vec::new(),
        })
    }

    /// The same matrix, with the plays of the parts before.
    #[must_use]
    pub fn going_on_from(self, known: Vec<TallyPlay>) -> Self {
        Self { known, ..self }
    }

    /// True if it is of this project's own reference pod.
    pub fn is_of_the_reference(&self) -> bool {
        self.system.choice.file.is_none()
    }

    /// True if it holds every defect of the system.
    pub fn is_whole(&self) -> bool {
        self.options.defects.is_empty() && self.options.draw.is_none()
    }

    /// Plays it. A defect whose cluster cannot be had makes its rows say so and stops nothing else.
    pub async fn play(&self, run: &LiveRun, progress: &dyn MatrixProgress) -> MatrixReport {
        let control = async { Part::Control(self.control(run, progress).await) };
        let rows = self.cells.iter().map(|(defect, stories)| {
            let part = async move {
                let rows = self.rows(run, defect, stories, progress).await;
                for row in &rows {
                    progress.row(row);
                }
                Part::Rows(rows)
            };
            part.boxed_local()
        });
        let parts = std::iter::once(control.boxed_local()).chain(rows);
        // The table comes out as the catalogue has it, whichever was done first.
        let parts = side_by_side(usize::from(self.options.slots), parts).await;
        let mut report = self.report(run.conditions(), Vec::new());
        for part in parts {
            match part {
                Part::Control(control) => report.control = control,
                Part::Rows(rows) => report.rows.extend(rows),
            }
        }
        report.reason = self.cut_off(run.conditions(), &report);
        report
    }

    /// How far a matrix came whose time is over, and the command for the rest.
    fn cut_off(&self, conditions: &Conditions, report: &MatrixReport) -> Option<String> {
        let sum = |of: fn(&Row) -> u32| report.rows.iter().map(of).sum::<u32>();
        let (done, left) = (sum(|row| row.runs), sum(|row| row.left));
        let control = report.control.runs;
        let whole_control = self.control.iter().fold(0, |plays, _| plays + self.options.runs);
        (self.is_over() && (left > 0 || control < whole_control)).then(|| {
            let rest = self.command(conditions, &self.options.defects);
            let all = done + left;
            format!("the time was over after {done} of {all} plays and {control} of {whole_control} of the control; the rest: {rest}")
        })
    }

    /// The report of a matrix of which these rows are done, and not the control.
    pub fn report(&self, conditions: &Conditions, rows: Vec<Row>) -> MatrixReport {
        MatrixReport {
            schema: MATRIX_SCHEMA,
            design: self.system.design_name().to_owned(),
            seed: self.options.seed,
            again: self.command(conditions, &self.options.defects).to_string(),
            reason: None,
            rows,
            control: Control::default(),
        }
    }

    /// Names of its defects, in the catalogue's order.
    pub fn defects(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().map(|(defect, _)| defect.name.as_str())
    }

    /// The command that plays the defects that have no row among `done`, and their control. Returns the command of the
    /// whole matrix if none has one, or if each has one and only the control is left.
    pub fn rest(&self, conditions: &Conditions, done: &[Row]) -> Command {
        let is_left = |name: &&str| !done.iter().any(|row| row.defect == *name);
        let left: Vec<String> = self.defects().filter(is_left).map(str::to_owned).collect();
        if left.is_empty() || left.len() == self.cells.len() {
            return self.command(conditions, &self.options.defects);
        }
        self.command(conditions, &left)
    }

    async fn rows(&self, run: &LiveRun, defect: &Defect, stories: &[Story], progress: &dyn MatrixProgress) -> Vec<Row> {
        let played = self.on_own_cluster(run, Some(defect), stories, progress).await;
        let row = |story: &Story| {
            let again = Command::run(
                run.conditions(),
                Some(story.name),
                &self.system.choice,
                Some(&defect.name),
                self.options.seed,
            );
            let mut row = Row {
                defect: defect.name.clone(),
                design: self.system.design_name().to_owned(),
                story: story.name.to_owned(),
                promise: defect.promises.join(", "),
                left: self.options.runs,
                again: again.repeat(self.options.runs).to_string(),
                ..Row::default()
            };
            match &played {
                Ok(plays) => plays
                    .iter()
                    .filter(|play| play.story == story.name)
                    .for_each(|play| row.count(play)),
                Err(e) => {
                    (row.runs, row.left) = (self.options.runs, 0);
                    row.troubles.push(e.to_string());
                }
            }
            row
        };
        stories.iter().map(row).collect()
    }

    /// The command that plays the named defects as this matrix does, or all of them if none is named.
    fn command(&self, conditions: &Conditions, defects: &[String]) -> Command {
        let MatrixOptions { runs, seed, slots, .. } = &self.options;
        let command = Command::matrix(conditions, &self.system.choice, defects, *runs, *seed).slots(*slots);
        command.draw(self.options.draw).tally(self.options.tally.as_deref())
    }

    async fn control(&self, run: &LiveRun, progress: &dyn MatrixProgress) -> Control {
        let mut control = Control::default();
        match self.on_own_cluster(run, None, &self.control, progress).await {
            Ok(plays) => plays.iter().for_each(|play| control.count(play)),
            Err(e) => {
                control.broken += 1;
                control.troubles.push(e.to_string());
            }
        }
        control
    }

    /// Plays what no part before has played of some stories, on a cluster with a defect or a clean one, which is gone when this
    /// returns. Returns those plays as well.
    async fn on_own_cluster(
        &self,
        run: &LiveRun,
        defect: Option<&Defect>,
        stories: &[Story],
        progress: &dyn MatrixProgress,
    ) -> Result<Vec<TallyPlay>, RunError> {
        let name = defect.map(|defect| defect.name.as_str());
        let (mut plays, left) = self.known_and_left(name, stories);
        if left.is_empty() || self.is_over() {
            return Ok(plays);
        }
        let setting = Setting {
            system: self.system.clone(),
            defect: name.map(str::to_owned),
            filter: None,
            slots: 1,
        };
        let part = name.unwrap_or("control");
        let session = run.open(&setting, Some(part), progress).await?;
        let mut reports = Vec::new();
        for (n, story) in left {
            if self.is_over() {
                break;
            }
            progress.step(&format!("{part}: {} ({} of {})", story.name, n + 1, self.options.runs));
            // A play without a verdict counts as one here: the tables say how often a defect is caught at the first try.
            let report = session.play_once(story, seed_of_repetition(self.options.seed, n)).await;
            let play = TallyPlay::of(&report, defect.map_or(&[], |defect| &defect.promises));
            progress.played(&play);
            plays.push(play);
            reports.push(report);
        }
        session.report(self.options.seed, reports, &[])?;
        run.close(session).await?;
        Ok(plays)
    }

    /// The plays of some stories with a defect that are known, and those that are left, each with its number from 0.
    fn known_and_left<'s>(
        &self,
        defect: Option<&str>,
        stories: &'s [Story],
    ) -> (Vec<TallyPlay>, Vec<(u32, &'s Story)>) {
        let (mut known, mut left) = (Vec::new(), Vec::new());
        for n in 0..self.options.runs {
            let seed = seed_of_repetition(self.options.seed, n);
            for story in stories {
                let is_this = |play: &&TallyPlay| play.is_of(self.system.design_name(), defect, story.name, seed);
                match self.known.iter().find(is_this) {
                    Some(play) => known.push(play.clone()),
                    None => left.push((n, story)),
                }
            }
        }
        (known, left)
    }

    fn is_over(&self) -> bool {
        self.options.until.is_some_and(|until| Instant::now() >= until)
    }
}

/// Leaves so many rows, drawn by a seed, in the order in which they were.
fn draw(cells: &mut Vec<(Defect, Vec<Story>)>, rows: usize, seed: u64) {
    let all: Vec<(usize, usize)> = cells
        .iter()
        .enumerate()
        .flat_map(|(cell, (_, stories))| (0..stories.len()).map(move |story| (cell, story)))
        .collect();
    let drawn: BTreeSet<_> = all.sample(&mut rng(seed, "rows of a matrix"), rows).copied().collect();
    for (cell, (_, stories)) in cells.iter_mut().enumerate() {
        let mut at = 0..;
        stories.retain(|_| at.next().is_some_and(|story| drawn.contains(&(cell, story))));
    }
    cells.retain(|(_, stories)| !stories.is_empty());
}

/// The result of the plays on one cluster.
enum Part {
    Control(Control),
    Rows(Vec<Row>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(name: &'static str, catches: &'static [&'static str]) -> Story {
        Story {
            name,
            about: "",
            needs: &[],
            faults: &[],
            catches,
            evidence: &[],
            play: |_| Box::pin(async { Ok(()) }),
        }
    }

    fn options(defects: &[&str]) -> MatrixOptions {
        MatrixOptions {
            defects: defects.iter().map(|name| (*name).to_owned()).collect(),
            runs: 5,
            seed: 1,
            slots: 1,
            ..MatrixOptions::default()
        }
    }

    fn row(defect: &str) -> Row {
        Row {
            defect: defect.into(),
            caught: 5,
            runs: 5,
            named: 5,
            ..Row::default()
        }
    }

    #[test]
    fn the_command_for_the_rest_names_the_defects_without_a_row() {
        let registry = [story("a", &["claim-strict-cas", "no-fencing", "no-idempotency"])];
        let system = Arc::new(System::reference());
        let asked = ["claim-strict-cas", "no-fencing", "no-idempotency"];
        let matrix = Matrix::lay_out(options(&asked), &registry, system).expect("a matrix");
        let rest = |done: &[&str]| {
            let rows: Vec<Row> = done.iter().map(|defect| row(defect)).collect();
            let command = matrix.rest(&Conditions::default(), &rows).to_string();
            asked.map(|defect| command.contains(&format!("--defect {defect} ")))
        };
        assert_eq!(rest(&["no-fencing"]), [true, false, true]);
        assert_eq!(rest(&["no-idempotency", "no-fencing"]), [true, false, false]);
        // With nothing done, or nothing but the control left, the whole is played.
        assert_eq!(rest(&[]), [true; 3]);
        assert_eq!(rest(&asked), [true; 3]);
    }

    fn lay_out(defects: &[&str]) -> Result<(usize, Vec<&'static str>), String> {
        let registry = [
            story("a", &["claim-strict-cas", "no-fencing"]),
            story("b", &[]),
            story("c", &["no-fencing"]),
        ];
        let options = options(defects);
        let system = Arc::new(System::reference());
        let matrix = Matrix::lay_out(options, &registry, system).map_err(|e| e.to_string())?;
        let rows = matrix.cells.iter().map(|(_, stories)| stories.len()).sum();
        Ok((rows, matrix.control.iter().map(|story| story.name).collect()))
    }

    #[test]
    fn each_defect_meets_the_stories_that_must_catch_it_and_so_does_the_clean_pod() {
        assert_eq!(lay_out(&["no-fencing"]), Ok((2, vec!["a", "c"])));
        assert_eq!(lay_out(&["claim-strict-cas", "no-fencing"]), Ok((3, vec!["a", "c"])));
    }

    #[test]
    fn a_defect_that_is_not_there_or_that_no_story_catches_is_named() {
        let unknown = lay_out(&["no-fence"]).expect_err("there is none");
        assert!(unknown.starts_with("no defect \"no-fence\"; there are: "), "{unknown}");
        let uncaught = lay_out(&["blank-terminal"]).expect_err("no story catches it here");
        assert_eq!(
            uncaught,
            "no story that the system can play is meant to catch blank-terminal"
        );
    }

    #[test]
    fn a_seed_draws_rows_of_all_that_there_are() {
        let registry = [
            story("a", &["claim-strict-cas", "no-fencing"]),
            story("b", &["claim-strict-cas"]),
            story("c", &["no-fencing"]),
        ];
        let drawn = |rows, seed| {
            let options = MatrixOptions {
                draw: Some(rows),
                seed,
                ..options(&["claim-strict-cas", "no-fencing"])
            };
            let matrix = Matrix::lay_out(options, &registry, Arc::new(System::reference())).expect("a matrix");
            assert!(!matrix.is_whole());
            let row = |(defect, stories): &(Defect, Vec<Story>)| {
                let names = stories.iter().map(|story| (defect.name.clone(), story.name));
                names.collect::<Vec<_>>()
            };
            matrix.cells.iter().flat_map(row).collect::<Vec<_>>()
        };
        let all = drawn(9, 1);
        assert_eq!(all.len(), 4);
        assert_eq!(drawn(2, 1), drawn(2, 1));
        let some: BTreeSet<_> = (0..40).flat_map(|seed| drawn(1, seed)).collect();
        assert_eq!(some, all.into_iter().collect(), "each row is drawn by some seed");
    }

    #[test]
    fn a_part_plays_what_the_parts_before_have_not() {
        let registry = [story("a", &["no-fencing"]), story("b", &["no-fencing"])];
        let system = Arc::new(System::reference());
        let known = |story: &str, seed| TallyPlay {
            design: system.design_name().to_owned(),
            defect: Some("no-fencing".into()),
            story: story.into(),
            seed,
            verdict: crate::verdict::Verdict::Fail,
            findings: 1,
            named: true,
            trouble: None,
        };
        // The seeds of five runs from 1 on; 6 belongs to a longer matrix.
        let before = vec![known("a", 1), known("b", 3), known("a", 6)];
        let matrix = Matrix::lay_out(options(&["no-fencing"]), &registry, system.clone());
        let matrix = matrix.expect("a matrix").going_on_from(before.clone());
        let (counted, left) = matrix.known_and_left(Some("no-fencing"), &registry);
        assert_eq!(counted, before[..2]);
        let left: Vec<_> = left.iter().map(|(n, story)| (*n, story.name)).collect();
        let expected = [
            (0, "b"),
            (1, "a"),
            (1, "b"),
            (2, "a"),
            (3, "a"),
            (3, "b"),
            (4, "a"),
            (4, "b"),
        ];
        assert_eq!(left, expected);
        assert_eq!(
            matrix.known_and_left(None, &registry).1.len(),
            10,
            "the control has plays of its own"
        );
    }

    #[test]
    fn a_matrix_whose_time_is_over_says_how_far_it_came_and_how_it_goes_on() {
        let registry = [story("a", &["no-fencing"])];
        let of = |until| {
            let options = MatrixOptions {
                until,
                tally: Some("plays.jsonl".into()),
                ..options(&["no-fencing"])
            };
            let matrix = Matrix::lay_out(options, &registry, Arc::new(System::reference())).expect("a matrix");
            let mut rows = vec![Row {
                runs: 2,
                left: 3,
                named: 2,
                ..row("no-fencing")
            }];
            let part = matrix.report(&Conditions::default(), rows.clone());
            (rows[0].runs, rows[0].left) = (5, 0);
            let mut whole = matrix.report(&Conditions::default(), rows);
            whole.control.runs = 5;
            [part, whole].map(|report| matrix.cut_off(&Conditions::default(), &report))
        };
        assert_eq!(of(None), [None, None]);
        let [part, whole] = of(Some(Instant::now()));
        let rest =
            "cargo crosspod matrix --design log --defect no-fencing --runs 5 --seed 1 --slots 1 --tally plays.jsonl";
        let words = format!("the time was over after 2 of 5 plays and 0 of 5 of the control; the rest: {rest}");
        assert_eq!((part, whole), (Some(words), None));
    }
}
