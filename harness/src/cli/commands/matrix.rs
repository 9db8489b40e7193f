//! `matrix`: plays each defect's stories, and the same stories on the clean pod as control.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;

use super::interrupted_matrix::InterruptedMatrix;
use super::tally::Tally;
use crate::cli::allowed::Allowed;
use crate::cli::chosen::Chosen;
use crate::cli::output::{BROKEN, Format, fail, notice, say, say_json};
use crate::cli::progress::Shown;
use crate::cli::staged::staged;
use crate::report::{self, MatrixReport};
use crate::run::{Matrix, MatrixOptions, Story, conditions};
use crate::system::load::workspace::workspace_root;

/// Where the table is kept.
const TRACK_RECORD: &str = "TRACK_RECORD.md";

/// Options of `matrix`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    chosen: Chosen,
    /// Number of plays of each story with each defect, and on the clean pod.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Try this defect alone; may be given more than once. TRACK_RECORD.md is then left as it is.
    #[arg(long = "defect", value_name = "NAME")]
    defects: Vec<String>,
    /// Seed of the first run of each row; if absent, one is drawn and printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Number of clusters that stand side by side, one defect on each.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=8))]
    slots: u16,
    /// Play so many rows, drawn by the seed, in place of all. TRACK_RECORD.md is then left as it is.
    #[arg(long, value_name = "N")]
    draw: Option<usize>,
    /// Keep each play in this file, a line each, and go on from those that it holds: the parts of a long matrix add up. It is for one
    /// state of the pods and the stories.
    #[arg(long, value_name = "FILE")]
    tally: Option<PathBuf>,
    /// Begin no other play after so many minutes; with `--tally` the same command goes on.
    #[arg(long, value_name = "N")]
    minutes: Option<u64>,
    #[command(flatten)]
    allowed: Allowed,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(in crate::cli) async fn matrix(stories: &[Story], args: Args) -> u8 {
    let options = MatrixOptions {
        defects: args.defects,
        runs: args.runs,
        seed: args.seed.unwrap_or_else(|| rand::random::<u32>().into()),
        slots: args.slots,
        draw: args.draw,
        tally: args.tally.clone(),
        until: args
            .minutes
            .map(|minutes| Instant::now() + Duration::from_secs(60 * minutes)),
    };
    let (tally, known) = match args.tally.map(Tally::open).transpose() {
        Ok(opened) => opened.unzip(),
        Err(e) => return fail(&e),
    };
    let allowed = args.allowed;
    let system = match args.chosen.system(stories) {
        Ok(system) => Arc::new(system),
        Err(e) => return fail(&e),
    };
    let matrix = match Matrix::lay_out(options, stories, system) {
        Ok(matrix) => matrix.going_on_from(known.unwrap_or_default()),
        Err(e) => return fail(&e.to_string()),
    };
    let shown = Shown::new();
    let done = InterruptedMatrix::new(&shown, tally);
    let ended = staged(
        &allowed,
        &shown,
        async |run| Ok(Box::pin(matrix.play(run, &done)).await),
    )
    .await;
    shown.done();
    // An interrupted matrix goes on from its file too.
    let is_kept = done.refused().inspect(|why| notice(why)).is_none();
    let report = match ended.into_result() {
        Ok(Ok(report)) => report,
        Ok(Err(reason)) => return fail(&reason),
        Err(code) => {
            if let Some(report) = done.report(&matrix, &conditions(&allowed.hosts())) {
                print(&report, args.format);
            }
            return code;
        }
    };
    print(&report, args.format);
    if !is_kept {
        return BROKEN;
    }
    if matrix.is_whole()
        && matrix.is_of_the_reference()
        && report.reason.is_none()
        && let Err(reason) = keep(&report)
    {
        return fail(&reason);
    }
    // A part proves what it played.
    let is_part = report.reason.is_some() && report.misses_none();
    u8::from(!report.is_full() && !is_part)
}

/// Prints the rows, and their summary or how far an interrupted matrix came.
fn print(report: &MatrixReport, format: Format) {
    match format {
        Format::Json => say_json(report),
        Format::Human => {
            report.rows.iter().for_each(|row| say(&report::row_line(row)));
            match &report.reason {
                None => say(&report::matrix_summary(report)),
                Some(reason) => say(reason),
            }
        }
    }
}

/// Writes the table into the track record.
fn keep(report: &MatrixReport) -> Result<(), String> {
    let path = workspace_root().join(TRACK_RECORD);
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    let old = std::fs::read_to_string(&path).map_err(failed)?;
    let new = report::track_record(&old, report)
        .ok_or_else(|| format!("{}: it has no lines that its table stands between", path.display()))?;
    std::fs::write(&path, new).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::cli;
    use crate::report::{Command, Conditions};
    use crate::system::Choice;

    #[test]
    fn the_command_of_a_matrix_gives_the_program_its_options() {
        let conditions = Conditions {
            environment: vec![("DOCKER_HOST".into(), "tcp://192.0.2.7:2375".into())],
            hosts: vec!["192.0.2.7".into()],
        };
        let defects = ["no-fencing".to_owned(), "claim-strict-cas".to_owned()];
        let command = Command::matrix(&conditions, &Choice::of_design("log"), &defects, 3, 9)
            .slots(4)
            .draw(Some(10))
            .tally(Some(Path::new("my plays.jsonl")))
            .to_string();
        let cli::Command::Matrix(args) = cli::tests::parse_as_a_shell_gives_it(&command) else {
            panic!("{command} is no matrix");
        };
        let hosts: Vec<String> = args.allowed.hosts().names().map(ToString::to_string).collect();
        assert_eq!(args.chosen.choice(), Choice::of_design("log"));
        assert_eq!((args.defects, args.runs), (defects.to_vec(), 3));
        assert_eq!((args.draw, args.tally), (Some(10), Some("my plays.jsonl".into())));
        assert_eq!(
            (args.seed, args.slots, hosts),
            (Some(9), 4, vec!["192.0.2.7".to_owned()])
        );
    }
}
