//! The stage: the cast and the feeds of one play, from before it begins until its final state is read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::artefacts;
use super::background_watchers::BackgroundWatchers;
use super::final_state::{self, Baseline, read_final_state};
use super::heal::heal;
use super::reach;
use super::settle::{quiesce, settle_feedback};
use crate::history::writer::Recorder;
use crate::history::{ClientEvent, PodEvent, PodName, RunEvent};
use crate::nemesis::{Nemesis, Stored};
use crate::plan::Plan;
use crate::report::Folder;
use crate::roles::provider::Journal;
use crate::run::cast::Cast;
use crate::run::cast::answer_tails::AnswerTails;
use crate::run::cast::last_seen::LastSeen;
use crate::run::cast::waits::poll_readiness;
use crate::run::collect::changes::feed;
use crate::run::collect::cpu;
use crate::run::collect::engine::engine_events;
use crate::run::collect::stream_log::log;
use crate::run::slot::Slot;
use crate::run::stopped::{Played, Stopped, Unset};
use crate::run::story::Story;
use crate::workload::{Tail, Who};

/// Longest that a whole play may take: beyond every wait that a story can hold, so that a hang in the harness itself
/// ends as `Broken` and not never.
const ONE_PLAY: Duration = Duration::from_mins(2);
/// The same for a long story.
const ONE_LONG_PLAY: Duration = Duration::from_mins(20);

/// Everything that runs beside the play.
pub(in crate::run) struct Stage {
    cast: Cast,
    before: Baseline,
    journal: Journal,
    // Each ends with the stage: one that outlived a play that broke off would take the next play's events for itself.
    feed: AbortOnDropHandle<()>,
    log: AbortOnDropHandle<()>,
    engine: AbortOnDropHandle<()>,
    starvation: AbortOnDropHandle<()>,
    stop: CancellationToken,
}

impl Stage {
    /// Proves the set-up, signs the clients in and starts the feeds. A pod that says that it is ready and fails what every client asks
    /// first has failed a client's work: the history says so.
    ///
    /// # Errors
    /// The harness could not do its part, or a pod did not do its own.
    pub(in crate::run) async fn set(slot: &Arc<Slot>, plan: Plan, recorder: &Recorder) -> Result<Self, Stopped> {
        slot.heal()
            .await
            .map_err(|e| Stopped::Harness(format!("the cluster is not healthy before the play: {e}")))?;
        for pod in slot.pods() {
            poll_readiness(slot, recorder, pod).await?;
        }
        match Self::set_up(slot, plan, recorder).await {
            Ok(stage) => Ok(stage),
            Err(Unset::Harness(reason)) => Err(Stopped::Harness(reason)),
            Err(Unset::ByPod(failed)) => {
                let detail = failed.to_string();
                recorder.record(PodEvent::Served {
                    pod: failed.pod.clone(),
                    ok: false,
                    detail: detail.clone(),
                });
                // Its word again, so that the judge knows that it stands by it.
                poll_readiness(slot, recorder, &failed.pod).await?;
                Err(Stopped::GaveUp(detail))
            }
        }
    }

    async fn set_up(slot: &Arc<Slot>, plan: Plan, recorder: &Recorder) -> Result<Self, Unset> {
        reach::prove(slot).await?;
        let (nonce, journal) = begin(slot, recorder).await?;
        let before = Baseline::look(slot).await;
        let cast = make_cast(slot, plan, recorder, nonce, &before).await?;
        slot.owners.learn_names().await;
        // This opens the connection before an owner is aimed at: opening one takes ten times as long as asking.
        slot.owners.of(&cast.thread, None).await.map_err(|e| e.to_string())?;
        let stop = CancellationToken::new();
        let feed = beside(feed(slot.clone(), recorder.clone(), stop.clone()));
        let log = beside(log(slot.clone(), recorder.clone(), stop.clone()));
        let engine = beside(engine_events(slot.cluster.events(), recorder.clone()));
        let starvation = beside(cpu::watch(slot.clone(), recorder.clone(), stop.clone()));
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
    pub(in crate::run) async fn perform(mut self, story: &Story, folder: &Folder) {
        let since = SystemTime::now();
        let recorder = self.cast.recorder.clone();
        let background = BackgroundWatchers::begin(&self.cast);
        let longest = if story.is_long() { ONE_LONG_PLAY } else { ONE_PLAY };
        let ended = match tokio::time::timeout(longest, (story.play)(&mut self.cast)).await {
            Ok(ended) => ended,
            Err(_) => Err(Stopped::Harness(format!("the play was not over after {longest:?}"))),
        };
        record_end(&recorder, ended);
        if let Err(reason) = self.finish(background, folder, since).await {
            recorder.record(RunEvent::HarnessFailed { reason });
        }
        recorder.record(RunEvent::Ended);
    }

    async fn finish(self, background: BackgroundWatchers, folder: &Folder, since: SystemTime) -> Result<(), String> {
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
        // The final state is read from each pod, not from whom the edge chooses.
        cast.door = None;
        let quiet = match heal(&mut cast).await {
            Ok(()) => quiesce(&cast).await,
            hurt => hurt,
        };
        background.end().await?;
        quiet?;
        settle_feedback(&cast).await;
        final_state::try_every_pod(&mut cast).await?;
        final_state::ask_readiness(&cast).await;
        read_final_state(&cast).await?;
        for source in cast.sources.drain(..) {
            source.leave().await;
        }
        let answers = cast.answers.drain();
        for tail in cast.tails.drain(..).chain(answers) {
            leave(tail).await;
        }
        final_state::count_leftovers(&cast, &before).await;
        final_state::record_complaints(&cast, &before).await?;
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
        cast.recorder.record(RunEvent::Quiesced);
        journal.stop();
        engine.abort();
        artefacts::keep(&cast, folder, since).await;
        Ok(())
    }
}

/// Records how a play ended.
fn record_end(recorder: &Recorder, ended: Played) {
    match ended {
        Ok(()) => drop(recorder.record(RunEvent::Played { gave_up: None })),
        Err(Stopped::GaveUp(what)) => drop(recorder.record(RunEvent::Played { gave_up: Some(what) })),
        Err(Stopped::Harness(reason)) => drop(recorder.record(RunEvent::HarnessFailed { reason })),
    }
}

/// Records that a play did not begin. Nothing was posted, so nothing has to settle.
pub(super) fn record_unset(recorder: &Recorder, why: Stopped) {
    record_end(recorder, Err(why));
    recorder.record(RunEvent::Quiesced);
    recorder.record(RunEvent::Ended);
}

/// Starts something that runs beside the play.
fn beside(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

/// Lets whatever was until now belong to plays that are over, and follows the provider's journal. Returns a word that makes the keys of
/// the play unlike those of any other on the cluster, with the journal of their calls.
pub(in crate::run) async fn begin(slot: &Slot, recorder: &Recorder) -> Result<(String, Journal), String> {
    slot.provider.reset().await.map_err(|e| e.to_string())?;
    slot.forget_changes().await.map_err(|e| e.to_string())?;
    slot.forget_log().await;
    let nonce = uuid::Uuid::new_v4().simple().to_string()[..10].to_owned();
    let journal = Journal::follow(&slot.provider, nonce.clone(), recorder.clone()).await;
    Ok((nonce, journal.map_err(|e| e.to_string())?))
}

pub(in crate::run) async fn make_cast(
    slot: &Arc<Slot>,
    plan: Plan,
    recorder: &Recorder,
    nonce: String,
    baseline: &Baseline,
) -> Result<Cast, Unset> {
    let pod = plan.pods[0].clone();
    let at = slot.address(&pod).map_err(|e| e.to_string())?;
    let session = slot.api.sign_in(&pod, at, Who::Own).await?;
    let reader = slot.api.another_device(&pod, at, &session).await?;
    let stranger = slot.api.sign_in(&pod, at, Who::Stranger).await?;
    let thread = slot.api.new_thread(&pod, at, &session).await?;
    recorder.record(ClientEvent::ThreadMade {
        thread: thread.clone(),
        tenant: session.tenant.clone(),
    });
    // Another tenant's thread is what a leak could show to this one.
    recorder.record(ClientEvent::ThreadMade {
        thread: slot.api.new_thread(&pod, at, &stranger).await?,
        tenant: stranger.tenant.clone(),
    });
    Ok(Cast {
        slot: slot.clone(),
        plan,
        recorder: recorder.clone(),
        nemesis: Nemesis::new(
            slot.owners.clone(),
            recorder.clone(),
            stored(slot),
            slot.cluster.parts().map(|part| part.part().clone()).collect(),
        ),
        session,
        reader,
        stranger,
        revoked: false,
        thread,
        others: Vec::new(),
        turns: Vec::new(),
        feedback: Vec::new(),
        tails: Vec::new(),
        sources: Vec::new(),
        answers: AnswerTails::default(),
        last_seen: LastSeen::default(),
        nonce,
        messages: 0,
        ops: 0,
        watchers: 0,
        door: None,
        edge_clients: Vec::new(),
        superseded_before: baseline.stepped_down.clone(),
        counted_before: baseline.counts.clone(),
        visits: Arc::default(),
        stopping_since: Vec::new(),
    })
}

/// The data that the system's parts store.
fn stored(slot: &Slot) -> BTreeMap<PodName, Stored> {
    let description = &slot.api.system().description;
    let log = description.log.as_ref().map(|log| log.part.as_str());
    let parts = description.parts.iter().map(|(name, part)| {
        let stored = Stored {
            keeps: part.kept(),
            holds_log: log == Some(name.as_str()),
        };
        (PodName::from(name.as_str()), stored)
    });
    parts.collect()
}

pub(in crate::run) async fn leave(tail: Arc<Tail>) {
    match Arc::try_unwrap(tail) {
        Ok(tail) => tail.leave().await,
        // A story that kept a watcher to itself has returned, so this cannot be; if it is, the history says so.
        Err(tail) => tracing::error!(watcher = %tail.watcher, "a watcher is still held after its play"),
    }
}
