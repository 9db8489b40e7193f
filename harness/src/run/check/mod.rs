//! A check of a description: the system is brought up, one turn is played through every call and rule, and what the file claims is
//! tried. The report says how each request, frame and row was read, and what to write where something is missing.
//!
//! Deliberately absent: promises. A check judges the description, a run judges the system.

mod bench;
mod human;
mod places;
mod proposal;
mod section;
mod steps;
mod subject;
mod wording;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use human::text;
pub use places::Places;
pub use section::{Checked, Line, Mark, Section};
pub use subject::Subject;

use super::error::RunError;
use super::session::Session;
use super::slot::Slot;
use crate::history::Status;
use crate::history::writer::Recorder;
use crate::report::Folder;
use crate::run::cast::turn::Turn;
use bench::Bench;
use proposal::Proposal;
use steps::{attempts, busy, conversation, learn, read, start, stop, tails, talk};
use wording::{bounds, open, stores, table};

/// Longest until the turn that was played is over by the store's or a pod's word.
const SETTLED: Duration = Duration::from_secs(5);
/// Longest that the proof of the links may take.
const LINKS: Duration = Duration::from_mins(1);

/// Most looks at the system that open values are learnt from: each tells what the next one needs.
const LOOKS: usize = 4;

/// Tries everything on the first cluster of a session. Values that are open in the description and that a first turn tells are taken as
/// said, and proposed; what needs others is not tried. `told` are the lines that were told while the cluster came up, and `took` is the
/// time that this took.
///
/// # Errors
/// The history cannot be kept.
pub async fn check(
    session: &Session,
    told: &[String],
    took: Duration,
    subject: &Subject,
    progress: &dyn crate::cluster::Progress,
) -> Result<Vec<Section>, RunError> {
    let (slot, folder) = session.for_check()?;
    let mut sections = vec![start::start(&slot, told, took, &subject.places).await];
    progress.step("talking to it");
    let (mut proposals, more) = Box::pin(learnt(&slot, &folder, subject)).await?;
    let (slot, saying) = more.as_ref().map_or((&slot, subject), |(slot, saying)| (slot, saying));
    let recorder = recorder(folder.history())?;
    proposals.extend(talked(slot, &recorder, &saying.places, &mut sections, progress).await);
    sections.push(bounds::bounds(slot.api.system(), &saying.places));
    sections.extend(open::open(&subject.places, &proposals));
    if let Err(e) = recorder.finish() {
        tracing::warn!(error = %e, "the history of the check is not whole");
    }
    Ok(sections)
}

/// The report of a system that did not come up.
pub fn not_up(error: &RunError, told: &[String], subject: &Subject) -> Vec<Section> {
    let Subject { system, places } = subject;
    let up = [
        start::not_up(error, told, system, places),
        bounds::bounds(system, places),
    ];
    up.into_iter().chain(open::open(places, &[])).collect()
}

fn recorder(path: PathBuf) -> Result<Recorder, RunError> {
    Recorder::create(&path, Instant::now()).map_err(|source| RunError::History { path, source })
}

/// Proposals for open values, and the cluster and the subject that go by them if any could be taken.
async fn learnt(
    slot: &Arc<Slot>,
    folder: &Folder,
    subject: &Subject,
) -> Result<(Vec<Proposal>, Option<(Arc<Slot>, Subject)>), RunError> {
    let (mut proposals, mut more) = (Vec::new(), None::<(Arc<Slot>, Subject)>);
    for look in 1..=LOOKS {
        let (slot, saying) = more.as_ref().map_or((slot, subject), |(slot, saying)| (slot, saying));
        if saying.places.open().is_empty() {
            break;
        }
        // Watchers of each look are counted from 1: its history is its own.
        let recorder = recorder(folder.path().join(format!("look-{look}.jsonl")))?;
        let told = learn::learn(slot, &recorder, saying).await;
        drop(recorder.finish());
        let next = saying.saying(&told);
        proposals.extend(told);
        let Some(next) = next else { break };
        let slot = Arc::new(slot.described_anew(next.system.clone()).await?);
        more = Some((slot, next));
    }
    Ok((proposals, more))
}

/// TALK and what follows it. Returns proposals for values that are open still.
async fn talked(
    slot: &Arc<Slot>,
    recorder: &Recorder,
    places: &Places,
    sections: &mut Vec<Section>,
    progress: &dyn crate::cluster::Progress,
) -> Vec<Proposal> {
    let mut talk_section = Section::new("TALK");
    if let Some(why) = places.not_tried(&[&talk::SIGN_IN[..], &["calls.thread"]].concat()) {
        talk_section.push(Line::info(why));
        sections.push(talk_section);
        return Vec::new();
    }
    match Bench::set(slot, recorder, places).await {
        Ok(mut bench) => {
            talk::begun(&bench, &mut talk_section);
            tried(&mut bench, sections, talk_section, progress).await;
            bench.close().await
        }
        Err(why) => {
            talk_section.push(talk::not_begun(&why, slot.api.system(), places));
            sections.push(talk_section);
            Vec::new()
        }
    }
}

/// Everything that is tried once a client has signed in and has a thread.
async fn tried(
    bench: &mut Bench<'_>,
    sections: &mut Vec<Section>,
    mut talk_section: Section,
    progress: &dyn crate::cluster::Progress,
) {
    let turn = talk::turn(bench, &mut talk_section).await;
    sections.push(talk_section);
    let Some((turn, was_called)) = turn else { return };
    one_turn(bench, sections, &turn, was_called).await;
    let slot = bench.cast.slot.clone();
    let links = links(&slot, sections, bench.places).await;
    sections[0].push(links);
    if let Some(why) = unfinished(bench, &turn).await {
        let text = format!("what the file claims is not tried before a turn is seen to be completed: {why}");
        sections.push(Section::of_line("TRIED", Line::info(text)));
        return;
    }
    progress.step("trying what the file claims");
    sections.extend(conversation::conversation(bench, &turn).await);
    sections.extend(busy::busy(bench).await);
    sections.extend(busy::same_twice(bench).await);
    sections.extend(stop::stop(bench).await);
    progress.step("killing an owner");
    sections.extend(attempts::two_attempts(bench).await);
}

/// Why the turn is not seen to be completed. `None` if it is.
async fn unfinished(bench: &Bench<'_>, turn: &Turn) -> Option<String> {
    match bench.cast.settled_within(turn, SETTLED).await {
        Ok(Status::Completed) => None,
        Ok(status) => Some(format!("it is {}", table::word(status))),
        Err(why) => Some(why.to_string()),
    }
}

/// One turn, from the tails that show it to the rows that keep it.
async fn one_turn(bench: &mut Bench<'_>, sections: &mut Vec<Section>, turn: &Turn, was_called: bool) {
    let opened = tails::open(bench, turn).await;
    tails::shows_what_is_held(&opened, turn).await;
    let watcher = opened.watcher();
    talk::let_go(bench, turn).await;
    let (section, screen) = tails::from_the_start(bench, opened, turn, was_called).await;
    sections.push(section);
    if let (Some(watcher), true) = (watcher, was_called) {
        sections.extend(tails::from_a_cursor(bench, watcher, turn).await);
        sections.extend(tails::after_the_end(bench, turn).await);
    }
    let shown = screen.map_or(0, |screen| screen.tokens(turn.key.as_str()).len());
    if was_called {
        // An answer that no tail shows has its time too.
        let _in_words_later = unfinished(bench, turn).await;
        sections.extend(read::read(bench, turn).await);
    }
    sections.extend(read::status(bench, turn).await);
    stores(bench, sections, turn, shown).await;
}

/// ROWS and LOG, once the feeds have had their time.
async fn stores(bench: &Bench<'_>, sections: &mut Vec<Section>, turn: &Turn, shown: usize) {
    let slot = &bench.cast.slot;
    if let Err(e) = slot.record_changes(&bench.cast.recorder).await {
        sections.push(Section::of_line(
            "ROWS",
            Line::bad(e.to_string()).at(bench.place("rows")),
        ));
    }
    if let Err(e) = slot.record_log(&bench.cast.recorder).await {
        sections.push(Section::of_line("LOG", Line::bad(e.to_string()).at(bench.place("log"))));
    }
    let (events, description) = (bench.events(), &bench.system().description);
    if !description.rows.is_empty() {
        sections.push(stores::rows(&events, &turn.thread, &turn.id, bench.places));
    }
    if description.log.is_some() {
        let of = (&turn.thread, &turn.id, turn.key.as_str());
        sections.push(stores::log(&events, of, shown, bench.places));
    }
}

/// Whether each pod reaches each part. Turns must come through for that.
async fn links(slot: &Arc<Slot>, so_far: &[Section], places: &Places) -> Line {
    if so_far.iter().any(Section::is_bad) {
        return Line::info("whether each pod reaches each part is not tried before the turn is read without a mistake");
    }
    match tokio::time::timeout(LINKS, start::links(slot, places)).await {
        Ok(line) => line,
        Err(_) => Line::warn(format!(
            "whether each pod reaches each part was not seen within {LINKS:?}"
        )),
    }
}
