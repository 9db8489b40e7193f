//! The matrix: which story caught which defect, by which promise and how often. It fills the track record. Pure.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::reproduce::{Command, Conditions};
use crate::system::Choice;

/// Version of the matrix's document.
pub const MATRIX_SCHEMA: u32 = 1;
/// Line behind which the track record's table of a design stands, and the line that ends it.
fn begin(design: &str) -> String {
    format!("<!-- matrix of {design}: written by `cargo crosspod matrix` -->")
}
const END: &str = "<!-- end of matrix -->";
/// Standard normal quantile of a two-sided interval of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// A whole matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixReport {
    /// [`MATRIX_SCHEMA`] of the writer.
    pub schema: u32,
    /// Inside design of the system; empty in documents that do not name it.
    #[serde(default)]
    pub design: String,
    /// Seed of the first run of each row.
    pub seed: u64,
    /// Command that plays the whole matrix again.
    #[serde(default)]
    pub again: String,
    /// How far an interrupted matrix came, and the command that plays the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// One row a defect and story.
    pub rows: Vec<Row>,
    /// The clean pod.
    pub control: Control,
}

/// A defect and a story that is meant to catch it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The defect.
    pub defect: String,
    /// Inside design of the system.
    pub design: String,
    /// The story.
    pub story: String,
    /// Promises of the catalogue, any of which names the defect.
    pub promise: String,
    /// Runs that had a finding.
    pub caught: u32,
    /// Runs.
    pub runs: u32,
    /// Runs that are still to be played.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left: u32,
    /// Runs whose findings hold a promise of the catalogue.
    pub named: u32,
    /// Why runs are missing or proved nothing, where they did not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<String>,
    /// Command that plays the row's runs again.
    #[serde(default)]
    pub again: String,
}

/// The same stories on the clean pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Runs.
    pub runs: u32,
    /// Findings in all of them: false alarms.
    pub findings: u32,
    /// Runs without the evidence that their story needs.
    pub inconclusive: u32,
    /// Runs that proved nothing because the harness could not do its part.
    pub broken: u32,
    /// Findings, and reasons why runs proved nothing, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<String>,
}

impl Row {
    /// True if every run was played, and was caught by name.
    pub fn is_full(&self) -> bool {
        self.left == 0 && self.runs > 0 && self.misses_none()
    }

    /// True if no run that was played went uncaught.
    pub fn misses_none(&self) -> bool {
        self.named == self.runs
    }
}

impl Control {
    /// True if the clean pod gave no alarm, and every run of it proved that.
    pub fn is_clean(&self) -> bool {
        self.findings == 0 && self.inconclusive == 0 && self.broken == 0
    }
}

/// True for a count that is left out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to a field")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl MatrixReport {
    /// True if every run that was played came out as it should, all of them or the first part.
    pub fn misses_none(&self) -> bool {
        self.rows.iter().all(Row::misses_none) && self.control.is_clean()
    }

    /// True if it was not interrupted, every row is full, and the control is clean.
    pub fn is_full(&self) -> bool {
        self.reason.is_none() && !self.rows.is_empty() && self.rows.iter().all(Row::is_full) && self.control.is_clean()
    }
}

/// One line of a row, for people.
pub fn row_line(row: &Row) -> String {
    let mut line = format!(
        "{} {:<34} {:<30} {:>3}/{:<3} by {}",
        match (row.misses_none(), row.left) {
            (true, 0) => "full",
            (true, _) => "part",
            (false, _) => "LESS",
        },
        row.defect,
        row.story,
        row.named,
        row.runs,
        row.promise
    );
    if row.caught != row.named {
        let _ = write!(line, "; {} caught by whatever promise", row.caught);
    }
    if row.left > 0 {
        let _ = write!(line, "; {} to be played", row.left);
    }
    for trouble in &row.troubles {
        let _ = write!(line, "\n     {trouble}");
    }
    if !row.misses_none() {
        let _ = write!(line, "\n     again {}", row.again);
    }
    line
}

/// The last lines of a matrix.
pub fn matrix_summary(report: &MatrixReport) -> String {
    let full = report.rows.iter().filter(|row| row.is_full()).count();
    let control = &report.control;
    let mut text = format!(
        "{full} of {} rows full; clean control: {} runs, {} findings, {} inconclusive, {} broken; seed {}\n",
        report.rows.len(),
        control.runs,
        control.findings,
        control.inconclusive,
        control.broken,
        report.seed
    );
    for trouble in &control.troubles {
        let _ = writeln!(text, "  {trouble}");
    }
    let _ = writeln!(text, "  again {}", report.again);
    text
}

/// The track record with the table of the matrix's design made anew; all else in it stays. `None` if it has no place for one.
pub fn track_record(old: &str, report: &MatrixReport) -> Option<String> {
    let begin = begin(&report.design);
    let (before, rest) = old.split_once(&begin)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{begin}\n{}{END}{after}", table(report)))
}

fn table(report: &MatrixReport) -> String {
    let runs = report.rows.iter().map(|row| row.runs).max().unwrap_or(0);
    // Commands of a table that is read elsewhere: nothing of this machine is in them.
    let anywhere = Conditions::default();
    let whole = Command::matrix(&anywhere, &Choice::of_design(&report.design), &[], runs, report.seed);
    let mut text = format!(
        "Command of the whole table: `{whole}`.\n\n\
         | defect | story | promise | caught / runs | 95 % interval | command |\n\
         | --- | --- | --- | --- | --- | --- |\n"
    );
    for row in &report.rows {
        let (low, high) = interval(row.named, row.runs);
        let command = Command::run(
            &anywhere,
            Some(&row.story),
            &Choice::of_design(&row.design),
            Some(&row.defect),
            report.seed,
        );
        let _ = writeln!(
            text,
            "| `{defect}` | `{story}` | {promise} | {named} / {runs} | {low:.0} to {high:.0} % | `{command}` |",
            command = command.repeat(row.runs),
            defect = row.defect,
            story = row.story,
            promise = row.promise,
            named = row.named,
            runs = row.runs,
        );
    }
    let control = &report.control;
    let _ = writeln!(
        text,
        "\nControl, the same stories on the clean pod: {} runs, {} findings, {} inconclusive.",
        control.runs, control.findings, control.inconclusive
    );
    text
}

/// Wilson's score interval of a rate, in per cent: unlike the normal one it says something of 5 out of 5.
fn interval(caught: u32, runs: u32) -> (f64, f64) {
    if runs == 0 {
        return (0.0, 100.0);
    }
    let n = f64::from(runs);
    let rate = f64::from(caught) / n;
    let spread = Z * (rate * (1.0 - rate) / n + Z * Z / (4.0 * n * n)).sqrt();
    let (centre, scale) = (rate + Z * Z / (2.0 * n), 1.0 + Z * Z / n);
    let bound = |value: f64| (100.0 * value / scale).clamp(0.0, 100.0);
    (bound(centre - spread), bound(centre + spread))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(named: u32) -> Row {
        Row {
            defect: "claim-strict-cas".into(),
            design: "log".into(),
            story: "owner_killed_mid_answer".into(),
            promise: "BoundedTakeover".into(),
            caught: 5,
            runs: 5,
            left: 0,
            named,
            troubles: vec![],
            again: "cargo crosspod run owner_killed_mid_answer --design log".into(),
        }
    }

    fn report(named: u32, control: Control) -> MatrixReport {
        MatrixReport {
            schema: MATRIX_SCHEMA,
            design: "log".into(),
            seed: 7,
            again: "cargo crosspod matrix --design log".into(),
            reason: None,
            rows: vec![row(named)],
            control,
        }
    }

    #[test]
    fn only_a_full_matrix_with_a_clean_control_is_full() {
        assert!(report(5, Control::default()).is_full());
        assert!(!report(4, Control::default()).is_full());
        let unclean = |control: Control| !report(5, control).is_full();
        assert!(unclean(Control {
            findings: 1,
            ..Control::default()
        }));
        assert!(unclean(Control {
            inconclusive: 1,
            ..Control::default()
        }));
        assert!(unclean(Control {
            broken: 1,
            ..Control::default()
        }));
        let none = MatrixReport {
            rows: vec![],
            ..report(5, Control::default())
        };
        assert!(!none.is_full());
        let interrupted = MatrixReport {
            reason: Some("interrupted after 1 of 2 defects".into()),
            ..report(5, Control::default())
        };
        assert!(!interrupted.is_full());
    }

    #[test]
    fn a_row_that_is_not_full_says_how_to_play_it_again() {
        let again = "\n     again cargo crosspod run owner_killed_mid_answer --design log";
        assert!(row_line(&row(4)).ends_with(again));
        assert!(!row_line(&row(5)).contains("again"));
        let part = row_line(&Row { left: 54, ..row(5) });
        assert!(
            part.starts_with("part ") && part.ends_with("by BoundedTakeover; 54 to be played"),
            "{part}"
        );
        let summary = matrix_summary(&report(5, Control::default()));
        assert!(
            summary.ends_with("  again cargo crosspod matrix --design log\n"),
            "{summary}"
        );
    }

    #[test]
    fn the_interval_is_wilsons() {
        // Wilson, 1927; 5 of 5 and 19 of 20 as published tables have them.
        let (low, high) = interval(5, 5);
        assert!(
            (low - 56.55).abs() < 0.01 && (high - 100.0).abs() < 1e-9,
            "{low} {high}"
        );
        let (low, high) = interval(19, 20);
        assert!(
            (low - 76.39).abs() < 0.01 && (high - 99.11).abs() < 0.01,
            "{low} {high}"
        );
        assert_eq!(interval(0, 0), (0.0, 100.0));
    }

    #[test]
    fn the_track_record_keeps_what_is_around_its_table() {
        let begin = begin("log");
        let other = begin.replace("log", "sticky");
        let old = format!("# Track record\n\n{begin}\nold\n{END}\n\n{other}\nkept\n{END}\n\n## More\n");
        let new = track_record(
            &old,
            &report(
                5,
                Control {
                    runs: 150,
                    ..Control::default()
                },
            ),
        )
        .expect("it has a place");
        assert!(new.starts_with("# Track record\n\n") && new.ends_with("\n\n## More\n") && !new.contains("old"));
        assert!(
            new.contains(&format!("{other}\nkept\n{END}")),
            "another design's table stays"
        );
        assert!(new.contains(
            "| `claim-strict-cas` | `owner_killed_mid_answer` | BoundedTakeover | 5 / 5 | 57 to 100 % | `cargo crosspod run \
             owner_killed_mid_answer --design log --defect claim-strict-cas --seed 7 --repeat 5` |"
        ));
        assert!(new.contains("`cargo crosspod matrix --design log --runs 5 --seed 7`"));
        assert!(new.contains("150 runs, 0 findings, 0 inconclusive."));
        assert_eq!(
            track_record(
                &new,
                &report(
                    5,
                    Control {
                        runs: 150,
                        ..Control::default()
                    }
                )
            ),
            Some(new)
        );
        assert_eq!(track_record("# Track record\n", &report(5, Control::default())), None);
    }

    #[test]
    fn the_document_has_the_published_shape() {
        let value = serde_json::to_value(report(5, Control::default())).expect("it serialises");
        assert_eq!(value["rows"][0]["named"], 5);
        assert_eq!(value["control"]["inconclusive"], 0);
    }
}
