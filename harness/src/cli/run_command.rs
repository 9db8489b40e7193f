//! `run`: stories on a cluster of their own, verdicts as they come, nothing left behind.

use clap::Args as ClapArgs;

use super::interrupt::{Interrupt, interrupted};
use super::progress::Shown;
use super::{Format, fail, say, say_json};
use crate::cluster::Progress as _;
use crate::plan::seed_of_repetition;
use crate::report::{self, RunReport};
use crate::run::{Options, RunError, Selected, Session, Setting, Site, Story, StoryDone};
use crate::target::Target;
use crate::verdict::Verdict;

/// What `run` takes.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// Story to play: its name, a part of it, or a pattern with `*`. Without one: every story, or with `--defect` those
    /// that must catch it.
    filter: Option<String>,
    /// Switch a named defect on in every pod; `list` shows them.
    #[arg(long, value_name = "NAME")]
    defect: Option<String>,
    /// Inside design of the pods.
    #[arg(long, default_value = "log")]
    design: String,
    /// Seed of the plans; a fresh one is drawn and printed without it.
    #[arg(long)]
    seed: Option<u64>,
    /// Play each story so often, with seeds counted up from the first.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Clusters that stories are played on side by side.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=8))]
    slots: u16,
    /// Stop the world at the first story that does not pass, with the cluster alive, until Enter or Ctrl-C.
    #[arg(long)]
    hold: bool,
    /// How to print results.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(super) async fn run(stories: &[Story], args: Args) -> u8 {
    let seed = args.seed.unwrap_or_else(|| rand::random::<u32>().into());
    let shown = Shown::new();
    let ended = carry_out(stories, &args, seed, &shown).await;
    shown.done();
    let report = match ended {
        Ended::Reported(report) => *report,
        Ended::Failed(reason) => RunReport::broken(seed, reason),
        Ended::Interrupted => return interrupted("what the run had brought up is removed"),
    };
    match (args.format, &report.reason) {
        (Format::Json, _) => say_json(&report),
        (Format::Human, None) => say(&report::summary(&report)),
        (Format::Human, Some(reason)) => return fail(reason),
    }
    report.verdict.exit_code()
}

enum Ended {
    Reported(Box<RunReport>),
    Failed(String),
    Interrupted,
}

async fn carry_out(stories: &[Story], args: &Args, seed: u64, shown: &Shown) -> Ended {
    let selected = match options(args, seed).select(stories, &Target::reference()) {
        Ok(selected) => selected,
        Err(e) => return Ended::Failed(e.to_string()),
    };
    let setting = Setting {
        design: args.design.clone(),
        defect: args.defect.clone(),
        slots: args.slots,
    };
    let mut interrupt = Interrupt::listen();
    let found = tokio::select! {
        biased;
        () = interrupt.came() => return Ended::Interrupted,
        found = Site::find(setting, shown) => found,
    };
    let site = match found {
        Ok(site) => site,
        Err(e) => return Ended::Failed(e.to_string()),
    };
    shown.step("bringing the cluster up");
    // From here on something may be there to be removed, however this ends.
    let ended = tokio::select! {
        biased;
        () = interrupt.came() => Ended::Interrupted,
        played = play_all(&site, &selected, args, seed, shown) => match played {
            Ok(report) => Ended::Reported(Box::new(report)),
            Err(e) => Ended::Failed(e.to_string()),
        },
    };
    shown.step("removing the cluster");
    match site.clear().await {
        Ok(()) => ended,
        Err(e) => Ended::Failed(format!("the cluster could not be removed: {e}")),
    }
}

fn options(args: &Args, seed: u64) -> Options {
    Options {
        filter: args.filter.clone(),
        defect: args.defect.clone(),
        design: args.design.clone(),
        seed,
        repeat: args.repeat,
    }
}

async fn play_all(
    site: &Site,
    selected: &Selected,
    args: &Args,
    seed: u64,
    shown: &Shown,
) -> Result<RunReport, RunError> {
    let session = site.open(shown).await?;
    let session = &session;
    let plays = (0..args.repeat).flat_map(|n| selected.0.iter().map(move |story| (story, seed_of_repetition(seed, n))));
    let plays = plays.map(|(story, seed)| async move {
        let done = session.play(story, seed).await;
        tell(&done, args, shown);
        if args.hold && done.report.verdict != Verdict::Pass {
            hold(session, shown).await?;
        }
        Ok::<StoryDone, RunError>(done)
    });
    let played: Vec<Result<StoryDone, RunError>> = futures_util::StreamExt::collect(futures_util::StreamExt::buffered(
        futures_util::stream::iter(plays),
        session.slots(),
    ))
    .await;
    session.report(seed, played.into_iter().collect::<Result<_, _>>()?)
}

/// Tells one story's verdict as it comes.
fn tell(done: &StoryDone, args: &Args, shown: &Shown) {
    let line = report::story_line(&done.report);
    let screen = report::first_screen(&done.report);
    let text = format!("{line}\n{screen}");
    if args.format == Format::Human && !std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        say(&text);
    } else {
        shown.line(text.trim_end());
    }
}

/// Stops the world at a failure, with the cluster alive.
async fn hold(session: &Session, shown: &Shown) -> Result<(), RunError> {
    shown.line(
        "held at a story that did not pass; the cluster is alive. Press Enter to go on, Ctrl-C to remove it and end.",
    );
    for way in session.ways_to_look()? {
        shown.line(&format!("  {way}"));
    }
    let mut line = String::new();
    let enter = tokio::task::spawn_blocking(move || std::io::stdin().read_line(&mut line));
    // Where there is no terminal to press Enter on, reading ends at once and the run goes on.
    let _ = enter.await;
    Ok(())
}
