//! The matrix: every defect, played with the stories that must catch it, and the clean pod as control.
//!
//! Each defect gets a cluster of its own; several clusters stand side by side.

use std::sync::Arc;

use futures_util::FutureExt as _;

use super::Setting;
use super::live_run::LiveRun;
use super::side_by_side::side_by_side;
use crate::cluster::Progress;
use crate::plan::seed_of_repetition;
use crate::report::{Command, Conditions, Control, MATRIX_SCHEMA, MatrixReport, Row, StoryReport};
use crate::run::error::{RunError, unknown};
use crate::run::story::Story;
use crate::system::{Defect, System};
use crate::verdict::Verdict;

/// Options of a matrix.
#[derive(Debug, Clone)]
pub struct MatrixOptions {
    /// Defects to try; none tries all.
    pub defects: Vec<String>,
    /// How often each story is played with each defect, and on the clean pod.
    pub runs: u32,
    /// Seed of the first of them.
    pub seed: u64,
    /// Clusters that stand side by side.
    pub slots: u16,
}

/// A matrix to be played: defects with the stories that must catch them, and the control's stories.
pub struct Matrix {
    options: MatrixOptions,
    system: Arc<System>,
    cells: Vec<(Defect, Vec<Story>)>,
    control: Vec<Story>,
}

/// Progress while a matrix is played.
pub trait MatrixProgress: Progress + Sync {
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
        let cells: Vec<_> = system
            .defects()
            .iter()
            .filter(is_asked)
            .map(|defect| (defect.clone(), catching(defect)))
            .collect();
        if let Some((defect, _)) = cells.iter().find(|(_, stories)| stories.is_empty()) {
            return Err(RunError::Uncaught(defect.name.clone()));
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
        })
    }

    /// True if it is of this project's own reference pod.
    pub fn is_of_the_reference(&self) -> bool {
        self.system.choice.file.is_none()
    }

    /// True if it holds every defect of the system.
    pub fn is_whole(&self) -> bool {
        self.options.defects.is_empty()
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
        report
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

    async fn rows(&self, run: &LiveRun, defect: &Defect, stories: &[Story], progress: &dyn Progress) -> Vec<Row> {
        let played = self.on_own_cluster(run, Some(&defect.name), stories, progress).await;
        let row = |story: &Story| {
            let mut row = Row {
                defect: defect.name.clone(),
                design: self.system.design_name().to_owned(),
                story: story.name.to_owned(),
                promise: defect.promises.join(", "),
                caught: 0,
                runs: self.options.runs,
                named: 0,
                troubles: Vec::new(),
                again: Command::run(
                    run.conditions(),
                    Some(story.name),
                    &self.system.choice,
                    Some(&defect.name),
                    self.options.seed,
                )
                .repeat(self.options.runs)
                .to_string(),
            };
            match &played {
                Ok(reports) => {
                    let own = reports.iter().filter(|report| report.story == story.name);
                    own.for_each(|report| count(&mut row, report, &defect.promises));
                }
                Err(e) => row.troubles.push(e.to_string()),
            }
            row
        };
        stories.iter().map(row).collect()
    }

    /// The command that plays the named defects as this matrix does, or all of them if none is named.
    fn command(&self, conditions: &Conditions, defects: &[String]) -> Command {
        let MatrixOptions { runs, seed, slots, .. } = &self.options;
        Command::matrix(conditions, &self.system.choice, defects, *runs, *seed).slots(*slots)
    }

    async fn control(&self, run: &LiveRun, progress: &dyn Progress) -> Control {
        let mut control = Control::default();
        match self.on_own_cluster(run, None, &self.control, progress).await {
            Ok(reports) => reports.iter().for_each(|report| count_clean(&mut control, report)),
            Err(e) => {
                control.broken += 1;
                control.troubles.push(e.to_string());
            }
        }
        control
    }

    /// Plays stories on a cluster with a defect, or a clean one, which is gone when this returns.
    async fn on_own_cluster(
        &self,
        run: &LiveRun,
        defect: Option<&str>,
        stories: &[Story],
        progress: &dyn Progress,
    ) -> Result<Vec<StoryReport>, RunError> {
        let setting = Setting {
            system: self.system.clone(),
            defect: defect.map(str::to_owned),
            filter: None,
            slots: 1,
        };
        let part = defect.unwrap_or("control");
        let session = run.open(&setting, Some(part), progress).await?;
        let mut played: Vec<StoryReport> = Vec::new();
        for n in 0..self.options.runs {
            for story in stories {
                progress.step(&format!("{part}: {} ({} of {})", story.name, n + 1, self.options.runs));
                played.push(session.play(story, seed_of_repetition(self.options.seed, n)).await);
            }
        }
        let report = session.report(self.options.seed, played, &[])?;
        run.close(session).await?;
        Ok(report.stories)
    }
}

/// The result of the plays on one cluster.
enum Part {
    Control(Control),
    Rows(Vec<Row>),
}

fn count(row: &mut Row, report: &StoryReport, promises: &[String]) {
    let by_name = report
        .findings
        .iter()
        .any(|finding| promises.contains(&finding.promise));
    let caught = report.verdict == Verdict::Fail;
    row.caught += u32::from(caught);
    row.named += u32::from(caught && by_name);
    if !caught || !by_name {
        row.troubles.push(trouble(report));
    }
}

fn count_clean(control: &mut Control, report: &StoryReport) {
    control.runs += 1;
    control.findings += u32::try_from(report.findings.len()).unwrap_or(u32::MAX);
    control.inconclusive += u32::from(report.verdict == Verdict::Inconclusive);
    control.broken += u32::from(report.verdict == Verdict::Broken);
    if report.verdict != Verdict::Pass {
        control.troubles.push(trouble(report));
    }
}

/// Why a run was not what it should be, in a line.
fn trouble(report: &StoryReport) -> String {
    let mut promises: Vec<&str> = report.findings.iter().map(|finding| finding.promise.as_str()).collect();
    promises.dedup();
    let why = report.reason.clone().unwrap_or_else(|| promises.join(", "));
    format!(
        "{} seed {}: {:?}: {why} ({}); again: {}",
        report.story, report.seed, report.verdict, report.artefacts, report.again
    )
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
        }
    }

    fn row(defect: &str) -> Row {
        Row {
            defect: defect.into(),
            design: "log".into(),
            story: "a".into(),
            promise: String::new(),
            caught: 5,
            runs: 5,
            named: 5,
            troubles: Vec::new(),
            again: String::new(),
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
}
