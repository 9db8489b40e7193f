//! One play: a story played once on one slot, from the plan to the judged history in its folder.
//!
//! The order: save the plan, begin the history, prove the set-up, play, heal, settle, read the final state, judge. An
//! error of the harness itself is an event of the history like any other and makes the verdict `Broken`.

pub(in crate::run) mod artefacts;
pub(in crate::run) mod background_watchers;
pub(in crate::run) mod final_state;
pub(in crate::run) mod heal;
pub(in crate::run) mod reach;
pub(in crate::run) mod seen_ids;
pub(in crate::run) mod settle;
pub(in crate::run) mod stage;

use std::sync::Arc;
use std::time::Instant;

use tokio_util::task::AbortOnDropHandle;

use super::slot::Slot;
use super::story::Story;
use crate::history::reader::History;
use crate::history::writer::Recorder;
use crate::history::{Began, RunEvent, SCHEMA};
use crate::judge;
use crate::plan::Plan;
use crate::report::{Folder, StoryFigures, StoryReport};
use crate::verdict::Judgement;
use stage::Stage;

/// An order to play a story: the story, its seed and setting, and the folder for its artefacts.
pub(in crate::run) struct Order<'a> {
    /// The story.
    pub(in crate::run) story: &'a Story,
    /// Seed of its plan.
    pub(in crate::run) seed: u64,
    /// Inside design of the system.
    pub(in crate::run) design: &'a str,
    /// Defect switched on in the system, if any.
    pub(in crate::run) defect: Option<&'a str>,
    /// Where its artefacts go.
    pub(in crate::run) folder: &'a Folder,
    /// Command that plays the same plan again.
    pub(in crate::run) again: String,
    /// When the slot was asked for.
    pub(in crate::run) asked_at: Instant,
}

/// Plays a story on a slot and judges it. Whatever goes wrong is in the report.
pub(in crate::run) async fn play(slot: &Arc<Slot>, order: &Order<'_>) -> StoryReport {
    let report = try_play(slot, order)
        .await
        .unwrap_or_else(|reason| unplayed(order.story.name, order.design, order.defect, order.seed, reason));
    if !report.findings.is_empty() {
        // A pod may be broken for good by then, and the next play must not inherit that.
        slot.distrust_pods();
    }
    let again = order.again.clone();
    keep(StoryReport { again, ..report }, order.folder)
}

/// The report of a story that could not be played at all.
pub(in crate::run) fn unplayed(
    story: &str,
    design: &str,
    defect: Option<&str>,
    seed: u64,
    reason: String,
) -> StoryReport {
    StoryReport::new(
        story,
        design,
        defect,
        seed,
        Judgement::broken(reason),
        StoryFigures::default(),
    )
}

async fn try_play(slot: &Arc<Slot>, order: &Order<'_>) -> Result<StoryReport, String> {
    let plan = Plan::draw(order.story.name, order.seed, order.design, order.defect, slot.pods());
    order.folder.write_json("plan.json", &plan).map_err(|e| e.to_string())?;
    let t0 = Instant::now();
    let recorder = Recorder::create(&order.folder.history(), t0)
        .map_err(|e| format!("history {}: {e}", order.folder.history().display()))?;
    recorder.record(RunEvent::Began(Box::new(began(slot, order))));

    let stage = match Stage::set(slot, plan, &recorder).await {
        Ok(stage) => stage,
        Err(why) => {
            stage::record_unset(&recorder, why);
            return Ok(judged(order, &recorder, &StoryFigures::default()));
        }
    };
    let warm_start_ms = order.asked_at.elapsed().as_secs_f64() * 1000.0;
    let begun = Instant::now();
    let (story, folder) = (*order.story, order.folder.clone());
    // As a task of its own: a story that a watcher's frame wakes then goes on where the frame was read, and the way from "seen"
    // to "dead" has no thread to wake up on it. The task ends with its waiter.
    let playing = AbortOnDropHandle::new(tokio::spawn(
        async move { Box::pin(stage.perform(&story, &folder)).await },
    ));
    playing
        .await
        .map_err(|e| format!("the play did not come to its end: {e}"))?;
    let duration_ms = begun.elapsed().as_secs_f64() * 1000.0;
    let figures = StoryFigures {
        warm_start_ms: Some(warm_start_ms),
        duration_ms,
        ..StoryFigures::default()
    };
    Ok(judged(order, &recorder, &figures))
}

fn began(slot: &Slot, order: &Order<'_>) -> Began {
    let system = slot.api.system();
    Began {
        schema: SCHEMA,
        story: order.story.name.to_owned(),
        seed: order.seed,
        design: order.design.to_owned(),
        defect: order.defect.map(str::to_owned),
        evidence: order.story.evidence.iter().map(|mark| (*mark).to_owned()).collect(),
        expected_failures: system.expected_failures(order.story.name),
        pods: slot.pods().to_vec(),
        capabilities: system.capabilities().to_vec(),
        lacks: system.lacks().to_vec(),
        bounds: system.bounds(),
        rules: system.rules(),
    }
}

fn judged(order: &Order<'_>, recorder: &Recorder, measured: &StoryFigures) -> StoryReport {
    let judgement = match recorder.finish() {
        Ok(()) => judge::judge(&History {
            events: recorder.snapshot(),
            cut_off: None,
        }),
        Err(e) => Judgement::broken(format!("the history is not whole: {e}")),
    };
    let events = recorder.snapshot();
    let from_history = StoryFigures::of_history(&events);
    let figures = StoryFigures {
        warm_start_ms: measured.warm_start_ms,
        duration_ms: measured.duration_ms,
        ..from_history
    };
    StoryReport::new(
        order.story.name,
        order.design,
        order.defect,
        order.seed,
        judgement,
        figures,
    )
}

/// Writes a story's verdict beside its history. A report that cannot be kept is still returned.
fn keep(mut report: StoryReport, folder: &Folder) -> StoryReport {
    report.artefacts = folder.path().display().to_string();
    if let Err(e) = folder.write_json("verdict.json", &report) {
        tracing::error!(error = %e, "a verdict could not be kept");
    }
    report
}
