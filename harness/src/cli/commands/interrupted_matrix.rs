//! Rows of a matrix, kept while it is played for the report of an interrupted one, and its plays, kept in a file.

use std::sync::{Mutex, PoisonError};

use super::tally::Tally;
use crate::cli::progress::Shown;
use crate::cluster::Progress;
use crate::report::{self, Conditions, MatrixReport, Row, TallyPlay};
use crate::run::{Matrix, MatrixProgress};

/// Progress of a matrix that also keeps each row as it is done, and each play in a file.
pub(in crate::cli) struct InterruptedMatrix<'s> {
    shown: &'s Shown,
    rows: Mutex<Vec<Row>>,
    tally: Option<Tally>,
}

impl<'s> InterruptedMatrix<'s> {
    pub(super) fn new(shown: &'s Shown, tally: Option<Tally>) -> Self {
        Self {
            shown,
            rows: Mutex::default(),
            tally,
        }
    }

    /// Why a play was not kept, if one was not.
    pub(super) fn refused(&self) -> Option<String> {
        self.tally.as_ref().and_then(Tally::refused)
    }

    /// The report so far of `matrix`. Returns `None` if no defect was done.
    pub(in crate::cli) fn report(self, matrix: &Matrix, conditions: &Conditions) -> Option<MatrixReport> {
        let rows = self.rows.into_inner().unwrap_or_else(PoisonError::into_inner);
        so_far(matrix, conditions, rows)
    }
}

fn so_far(matrix: &Matrix, conditions: &Conditions, rows: Vec<Row>) -> Option<MatrixReport> {
    if rows.is_empty() {
        return None;
    }
    let all = matrix.defects().count();
    let done = matrix
        .defects()
        .filter(|name| rows.iter().any(|row| row.defect == *name))
        .count();
    let left = if done == all {
        "the control is left; the whole"
    } else {
        "the rest"
    };
    let reason = format!(
        "interrupted after {done} of {all} defects; {left}: {}",
        matrix.rest(conditions, &rows)
    );
    Some(MatrixReport {
        reason: Some(reason),
        ..matrix.report(conditions, rows)
    })
}

impl Progress for InterruptedMatrix<'_> {
    fn step(&self, text: &str) {
        self.shown.step(text);
    }

    fn detail(&self, line: &str) {
        self.shown.detail(line);
    }
}

impl MatrixProgress for InterruptedMatrix<'_> {
    fn played(&self, play: &TallyPlay) {
        if let Some(tally) = &self.tally {
            tally.keep(play);
        }
    }

    fn row(&self, row: &Row) {
        self.shown.line(&report::row_line(row));
        self.rows
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(row.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::run::{MatrixOptions, Story};
    use crate::system::System;

    fn row(defect: &str) -> Row {
        Row {
            defect: defect.into(),
            caught: 2,
            runs: 2,
            named: 2,
            ..Row::default()
        }
    }

    #[test]
    fn an_interrupted_matrix_tells_its_rows_and_how_to_play_the_rest() {
        let story = Story {
            name: "a",
            about: "",
            needs: &[],
            faults: &[],
            catches: &["claim-strict-cas", "no-fencing"],
            evidence: &[],
            play: |_| Box::pin(async { Ok(()) }),
        };
        let options = MatrixOptions {
            defects: vec!["claim-strict-cas".into(), "no-fencing".into()],
            runs: 2,
            seed: 9,
            slots: 3,
            ..MatrixOptions::default()
        };
        let system = Arc::new(System::reference());
        let matrix = Matrix::lay_out(options, &[story], system).expect("a matrix");
        let report = |defects: &[&str]| {
            let rows = defects.iter().map(|defect| row(defect)).collect();
            so_far(&matrix, &Conditions::default(), rows)
        };
        assert_eq!(report(&[]), None);
        let one = report(&["no-fencing"]).expect("a row is done");
        assert_eq!(one.rows, [row("no-fencing")]);
        assert!(!one.is_full(), "an interrupted matrix proves nothing");
        let rest = "cargo crosspod matrix --design log --defect claim-strict-cas --runs 2 --seed 9 --slots 3";
        assert_eq!(
            one.reason,
            Some(format!("interrupted after 1 of 2 defects; the rest: {rest}"))
        );
        let both = report(&["claim-strict-cas", "no-fencing"]).expect("rows are done");
        let reason = both.reason.expect("a reason");
        assert!(
            reason.starts_with(
                "interrupted after 2 of 2 defects; the control is left; the whole: cargo crosspod matrix "
            ),
            "{reason}"
        );
    }
}
