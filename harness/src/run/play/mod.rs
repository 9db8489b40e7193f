//! One story, played once on one slot: from the plan to the judged history in its folder.
//!
//! The order is that of the pipeline: plan saved, history begun, play, heal, quiesce, final state, judgement. A failure of
//! the harness's own part is an event of the history like any other, and makes the verdict `Broken`.

pub(in crate::run) mod artefacts;
pub(in crate::run) mod background_watchers;
pub(in crate::run) mod final_state;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::cast::watchers::parking::Trigger;
use super::cast::{Cast, Whose, feedback};
use super::collect::cpu;
use super::slot::Slot;
use super::story::{Stopped, Story};
use crate::cluster::{EngineEvent, Events};
use crate::history::reader::History;
use crate::history::writer::Recorder;
use crate::history::{Began, Credential, PodName, SCHEMA, ThreadId, What};
use crate::judge;
use crate::nemesis::Nemesis;
use crate::plan::{Answer, Plan};
use crate::report::{Folder, StoryFigures, StoryReport};
use crate::roles::provider::Journal;
use crate::verdict::Judgement;
use crate::workload::Tail;
use background_watchers::Restless;
use final_state::Before;

/// How often the database's changes are moved into the history. Each look costs the database as much as a pod's own work does
/// in that time, and nothing is lost between two.
const CHANGES_EVERY: Duration = Duration::from_millis(40);
/// How often the stream log's messages are while something is published: what is cleared between two looks is not told.
const LOG_EVERY: Duration = Duration::from_millis(20);
/// How long it counts as being published to, after something was heard of it: what is heard may be stored a moment later.
const LOG_BUSY: Duration = Duration::from_millis(100);
/// How often the stream log is looked at though nothing is heard of it.
const LOG_AT_LEAST_EVERY: Duration = Duration::from_millis(250);
/// Longest that a whole play may take: beyond every wait that a story can hold, so that a hang in the harness itself
/// ends as `Broken` and not never.
const ONE_PLAY: Duration = Duration::from_mins(2);

/// How often a turn's end is awaited for its whole bound, as long as parts wait for processors meanwhile.
const AWAITED_STARVED: u32 = 3;

/// What is played, where and with what.
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
    /// When the slot was asked for.
    pub(in crate::run) asked_at: Instant,
}

/// Plays a story on a slot and judges it. Whatever goes wrong is in the report.
pub(in crate::run) async fn play(slot: &Arc<Slot>, order: &Order<'_>) -> StoryReport {
    let report = try_play(slot, order)
        .await
        .unwrap_or_else(|reason| unplayed(order.story.name, order.design, order.defect, order.seed, reason));
    keep(report, order.folder)
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
    recorder.record(What::Began(Box::new(began(slot, order))));

    let stage = match Stage::set(slot, plan, &recorder).await {
        Ok(stage) => stage,
        Err(reason) => {
            recorder.record(What::HarnessFailed { reason });
            return Ok(judged(order, &recorder, &StoryFigures::default()));
        }
    };
    let warm_start_ms = order.asked_at.elapsed().as_secs_f64() * 1000.0;
    let begun = Instant::now();
    let (story, folder) = (*order.story, order.folder.clone());
    // As a task of its own: a story that a watcher's frame wakes then goes on where the frame was read, and the way from "seen"
    // to "dead" has no thread to wake up on it. It ends with whoever waits for it.
    let playing = AbortOnDropHandle::new(tokio::spawn(async move { stage.perform(&story, &folder).await }));
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
        capabilities: system.capabilities().to_vec(),
        bounds: system.bounds,
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

/// Writes a story's verdict beside its history. A report that cannot be kept is still told.
fn keep(mut report: StoryReport, folder: &Folder) -> StoryReport {
    report.artefacts = folder.path().display().to_string();
    if let Err(e) = folder.write_json("verdict.json", &report) {
        tracing::error!(error = %e, "a verdict could not be kept");
    }
    report
}

/// Everything that runs beside the play.
struct Stage {
    cast: Cast,
    before: Before,
    journal: Journal,
    feed: JoinHandle<()>,
    log: JoinHandle<()>,
    engine: JoinHandle<()>,
    starvation: JoinHandle<()>,
    stop: CancellationToken,
}

impl Stage {
    async fn set(slot: &Arc<Slot>, plan: Plan, recorder: &Recorder) -> Result<Self, String> {
        slot.heal()
            .await
            .map_err(|e| format!("the cluster is not healthy before the play: {e}"))?;
        slot.provider.reset().await.map_err(|e| e.to_string())?;
        slot.forget_changes().await.map_err(|e| e.to_string())?;
        slot.forget_log().await;
        let nonce = uuid::Uuid::new_v4().simple().to_string()[..10].to_owned();
        let journal = Journal::follow(&slot.provider, nonce.clone(), recorder.clone())
            .await
            .map_err(|e| e.to_string())?;
        let before = Before::look(slot).await;
        let cast = make_cast(slot, plan, recorder, nonce, &before).await?;
        // So that the connection is there when an owner is aimed at: making one takes ten times as long as asking.
        slot.owners.of(&cast.thread).await.map_err(|e| e.to_string())?;
        let stop = CancellationToken::new();
        let feed = tokio::spawn(feed(slot.clone(), recorder.clone(), stop.clone()));
        let log = tokio::spawn(log(slot.clone(), recorder.clone(), stop.clone()));
        let engine = tokio::spawn(engine_events(slot.cluster.events(), recorder.clone()));
        let starvation = tokio::spawn(cpu::watch(slot.clone(), recorder.clone(), stop.clone()));
        Ok(Self {
            cast,
            before,
            journal,
            feed,
            log,
            engine,
            starvation,
            stop,
        })
    }

    /// Plays, heals, quiesces, and reads the final state.
    async fn perform(mut self, story: &Story, folder: &Folder) {
        let since = SystemTime::now();
        let recorder = self.cast.recorder.clone();
        let restless = Restless::begin(&self.cast);
        let ended = match tokio::time::timeout(ONE_PLAY, (story.play)(&mut self.cast)).await {
            Ok(ended) => ended,
            Err(_) => Err(Stopped::Harness(format!("the play was not over after {ONE_PLAY:?}"))),
        };
        match ended {
            Ok(()) => drop(recorder.record(What::Played { gave_up: None })),
            Err(Stopped::GaveUp(what)) => drop(recorder.record(What::Played { gave_up: Some(what) })),
            Err(Stopped::Harness(reason)) => drop(recorder.record(What::HarnessFailed { reason })),
        }
        if let Err(reason) = self.finish(restless, folder, since).await {
            recorder.record(What::HarnessFailed { reason });
        }
        recorder.record(What::Ended);
    }

    async fn finish(self, restless: Restless, folder: &Folder, since: SystemTime) -> Result<(), String> {
        let Self {
            mut cast,
            before,
            journal,
            feed,
            log,
            engine,
            starvation,
            stop,
        } = self;
        let quiet = match heal(&mut cast).await {
            Ok(()) => quiesce(&cast).await,
            hurt => hurt,
        };
        restless.end().await?;
        quiet?;
        feedback::settle(&cast).await;
        final_state::serve(&mut cast).await?;
        final_state::poll(&cast).await;
        read_final_state(&cast).await?;
        for tail in cast.tails.drain(..) {
            leave(tail).await;
        }
        final_state::count_left(&cast, &before).await;
        final_state::tell_complaints(&cast, &before).await?;
        stop.cancel();
        starvation
            .await
            .map_err(|e| format!("the look at who waits for a processor failed: {e}"))?;
        feed.await
            .map_err(|e| format!("the feed of database changes failed: {e}"))?;
        cast.slot
            .record_changes(&cast.recorder)
            .await
            .map_err(|e| e.to_string())?;
        log.await
            .map_err(|e| format!("the feed of the stream log failed: {e}"))?;
        if let Err(e) = cast.slot.record_log(&cast.recorder).await {
            // A pod may have lost its log; what was read of it until now is judged.
            tracing::info!(error = %e, "the stream log cannot be read to its end");
        }
        cast.recorder.record(What::Quiesced);
        journal.stop();
        engine.abort();
        artefacts::keep(&cast, folder, since).await;
        Ok(())
    }
}

async fn make_cast(
    slot: &Arc<Slot>,
    plan: Plan,
    recorder: &Recorder,
    nonce: String,
    before: &Before,
) -> Result<Cast, String> {
    let pod = plan.pods[0].clone();
    let at = slot.address(&pod).map_err(|e| e.to_string())?;
    let session = slot.api.new_session(&pod, at, None).await.map_err(|e| e.to_string())?;
    let witness = slot
        .api
        .new_session(&pod, at, Some(&session.tenant))
        .await
        .map_err(|e| e.to_string())?;
    let intruder = slot.api.new_session(&pod, at, None).await.map_err(|e| e.to_string())?;
    let thread = slot
        .api
        .new_thread(&pod, at, &session)
        .await
        .map_err(|e| e.to_string())?;
    recorder.record(What::ThreadMade {
        thread: thread.clone(),
        tenant: session.tenant.clone(),
    });
    // So that there is something of another tenant's that could be told to this one.
    let strangers = slot.api.new_thread(&pod, at, &intruder).await;
    recorder.record(What::ThreadMade {
        thread: strangers.map_err(|e| e.to_string())?,
        tenant: intruder.tenant.clone(),
    });
    Ok(Cast {
        slot: slot.clone(),
        plan,
        recorder: recorder.clone(),
        nemesis: Nemesis::new(slot.owners.clone(), recorder.clone()),
        session,
        witness,
        intruder,
        revoked: false,
        thread,
        others: Vec::new(),
        turns: Vec::new(),
        feedback: Vec::new(),
        tails: Vec::new(),
        trigger: Trigger::default(),
        nonce,
        messages: 0,
        ops: 0,
        watchers: 0,
        superseded_before: before.stepped_down.clone(),
        told_to_stop: Vec::new(),
    })
}

/// Moves the database's changes into the history until told to stop. The database may be broken by a story: what cannot be
/// read now is read later, and the last reading of all is not allowed to fail.
async fn feed(slot: Arc<Slot>, recorder: Recorder, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(e) = slot.record_changes(&recorder).await {
            tracing::info!(error = %e, "the database's changes cannot be read just now");
        }
        tokio::select! {
            () = tokio::time::sleep(CHANGES_EVERY) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Moves the stream log's messages into the history until told to stop; as with the database, what cannot be read now is read
/// later.
async fn log(slot: Arc<Slot>, recorder: Recorder, stop: CancellationToken) {
    let mut heard = Instant::now();
    while !stop.is_cancelled() {
        if let Err(e) = slot.record_log(&recorder).await {
            tracing::info!(error = %e, "the stream log cannot be read just now");
        }
        let quiet = heard.elapsed() >= LOG_BUSY;
        tokio::select! {
            () = slot.log_heard(), if quiet => heard = Instant::now(),
            () = tokio::time::sleep(if quiet { LOG_AT_LEAST_EVERY } else { LOG_EVERY }) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Moves what the engine says of the cluster's containers into the history. Slower than the proofs that faults rest on, but
/// the engine's own record.
async fn engine_events(mut events: Events, recorder: Recorder) {
    while let Some(event) = events.next().await {
        match event {
            Ok(EngineEvent {
                service,
                action,
                exit_code,
                ..
            }) if !action.starts_with("exec_") => {
                recorder.record(What::Engine {
                    service: service.to_string(),
                    action,
                    exit_code,
                });
            }
            Ok(_) => {}
            Err(e) => return tracing::info!(error = %e, "the engine's events broke off"),
        }
    }
}

async fn heal(cast: &mut Cast) -> Result<(), String> {
    if cast.nemesis.holds_a_database_empty() {
        let refilled = cast.nemesis().refill_database().await;
        refilled.map_err(|e| format!("healing: {e}"))?;
    }
    let freed = cast.nemesis.free_disks().await;
    freed.map_err(|e| format!("healing: {e}"))?;
    let mended = cast.nemesis().mend_database().await;
    mended.map_err(|e| format!("healing: {e}"))?;
    let undone = cast.nemesis().undo_roll_outs().await;
    undone.map_err(|e| format!("healing: {e}"))?;
    let wounded: BTreeSet<PodName> = cast.nemesis.under_fault().cloned().collect();
    for part in &wounded {
        cast.nemesis.healing(part);
    }
    // One that is held in its drain is healed only once it is let go; one that is frozen can be told only once it is not.
    if let Err(e) = cast.nemesis.disarm_all().await {
        tracing::debug!(error = %e, "not disarmed yet");
    }
    cast.slot.heal().await.map_err(|e| format!("healing: {e}"))?;
    let disarmed = cast.nemesis.disarm_all().await;
    disarmed.map_err(|e| format!("healing: {e}"))?;
    let right = cast.nemesis.set_clocks_right().await;
    right.map_err(|e| format!("healing: {e}"))?;
    for part in &wounded {
        cast.nemesis.healed(part);
    }
    cast.recorder.record(What::Healed);
    if !wounded.is_empty() {
        final_state::poll(cast).await;
    }
    Ok(())
}

/// Lets every turn come to its end: nothing is held by the provider any more, and every pod serves.
async fn quiesce(cast: &Cast) -> Result<(), String> {
    let bounds = cast.slot.api.system().bounds;
    for turn in &cast.turns {
        cast.slot
            .provider
            .open_gate(&Answer::gate(&turn.key))
            .await
            .map_err(|e| e.to_string())?;
    }
    let bound = Duration::from_millis(bounds.takeover_ms + bounds.progress_ms) + Duration::from_secs(2);
    for turn in &cast.turns {
        let mut awaited = 0;
        loop {
            let from = cast.now();
            awaited += 1;
            match cast.settled_within(turn, bound).await {
                Ok(_) => break,
                // The judge does not count that time: were it all, nothing could be held against anybody.
                Err(_) if awaited < AWAITED_STARVED && cpu::told_since(&cast.recorder, from) => {}
                Err(e) => {
                    // Not an error of the harness: the judge finds a turn without an end.
                    tracing::debug!(error = %e, "a turn does not end");
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Reads the play's threads on every pod, as their owner and as a stranger.
async fn read_final_state(cast: &Cast) -> Result<(), String> {
    let others = cast.others.iter().map(|(thread, whose)| (thread, *whose));
    for (thread, whose) in std::iter::once((&cast.thread, Whose::Own)).chain(others) {
        for pod in cast.pods() {
            read_on(cast, &pod, thread, whose).await?;
        }
    }
    Ok(())
}

async fn read_on(cast: &Cast, pod: &PodName, thread: &ThreadId, whose: Whose) -> Result<(), String> {
    let at = cast.slot.address(pod).map_err(|e| e.to_string())?;
    let access = |credential, route: &str, status, body| {
        let (pod, thread, route) = (pod.clone(), thread.clone(), route.to_owned());
        cast.recorder.record(What::Access {
            pod,
            credential,
            thread,
            route,
            status,
            body,
        });
    };
    let owner = if whose == Whose::Own {
        &cast.witness
    } else {
        &cast.intruder
    };
    match cast.slot.api.read(pod, at, owner, thread).await {
        Ok((status, answers)) => {
            cast.recorder.record(What::ThreadRead {
                pod: pod.clone(),
                thread: thread.clone(),
                status,
                answers,
            });
        }
        // A pod that does not let its own tenant read is the judge's business.
        Err(e) => access(Credential::Owner, "read", e.status, e.to_string()),
    }
    for route in ["read", "attach"] {
        let (status, body) = cast
            .slot
            .api
            .try_access(at, cast.strangers_session(whose), route, thread)
            .await;
        access(Credential::Foreign, route, status, body);
    }
    Ok(())
}

async fn leave(tail: Arc<Tail>) {
    match Arc::try_unwrap(tail) {
        Ok(tail) => tail.leave().await,
        // A story that kept a watcher to itself has returned, so this cannot be; if it is, the history says so.
        Err(tail) => tracing::error!(watcher = %tail.watcher, "a watcher is still held after its play"),
    }
}
