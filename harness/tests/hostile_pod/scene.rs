//! A history around a hostile pod: one turn that is over and stored as it should be, and what the real watcher makes of
//! whatever the pod sends. Everything but the watcher's part is sound, so that a finding is the pod's.

use std::num::NonZeroU8;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crosspod::history::reader::{self, History};
use crosspod::history::writer::Recorder;
use crosspod::history::{
    Accepted, Began, Capability, Chunk, ClientEvent, CursorForm, Epoch, Expect, OpId, Outcome, PodName, Row, Rules,
    RunEvent, SCHEMA, SessionNo, Status, StoreEvent, TailEnd, ThreadId, TurnRow, WatcherEvent, WatcherId, What,
};
use crosspod::judge;
use crosspod::plan::Manner;
use crosspod::roles::owner_names::OwnerNames;
use crosspod::roles::postgres::owners::Owners;
use crosspod::system::System;
use crosspod::verdict::{Judgement, Verdict};
use crosspod::workload::{Api, Attach, Seen, Session, Tail, TailFrom, Who};
use mock_ai::token::{Answer, TextMode};

use super::server::{HostilePod, Step};

/// Longest that a test waits for a watcher.
const SOON: Duration = Duration::from_secs(20);

pub(crate) struct Scene {
    pub(crate) pod: HostilePod,
    pub(crate) api: Api,
    pub(crate) session: Session,
    recorder: Recorder,
    system: Arc<System>,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

/// What became of a scene.
pub(crate) struct Outcomes {
    pub(crate) history: History,
    pub(crate) judgement: Judgement,
    /// Size of the saved history, in bytes.
    pub(crate) saved_bytes: u64,
}

/// The answer of the turn.
pub(crate) fn answer() -> Answer {
    Answer::new("key-1", 1, 3)
}

/// The frames of the turn as the contract writes them, each with its id: `(id, data)`.
pub(crate) fn frames() -> Vec<(Option<String>, String)> {
    let mut frames = vec![
        (
            None,
            r#"{"type":"data-thread","status":"completed","turnId":"turn-1"}"#.to_owned(),
        ),
        (
            Some("1-0-0123abcd".to_owned()),
            r#"{"type":"start","turnId":"turn-1","epoch":1}"#.to_owned(),
        ),
    ];
    for (seq, text) in (1..).zip(answer().texts()) {
        let data = format!(r#"{{"type":"text-delta","turnId":"turn-1","delta":"{text}"}}"#);
        frames.push((Some(format!("1-{seq}-0123abcd")), data));
    }
    let finish = r#"{"type":"finish","turnId":"turn-1","status":"completed"}"#;
    frames.push((Some("1-4-0123abcd".to_owned()), finish.to_owned()));
    frames
}

/// Those frames as a stream, with the given end of a line.
pub(crate) fn tail_of(frames: &[(Option<String>, String)], end: &str) -> String {
    let one = |(id, data): &(Option<String>, String)| {
        let id = id.as_ref().map_or(String::new(), |id| format!("id: {id}{end}"));
        format!("{id}data: {data}{end}{end}")
    };
    frames.iter().map(one).collect()
}

impl Scene {
    pub(crate) async fn begin(steps: Vec<Step>) -> Self {
        Self::begin_with(vec![steps]).await
    }

    /// As [`Scene::begin`], with a pod that answers one request after the other.
    pub(crate) async fn begin_with(answers: Vec<Vec<Step>>) -> Self {
        let pod = HostilePod::start(answers).await;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("history.jsonl");
        let recorder = Recorder::create(&path, Instant::now()).expect("a history");
        let system = Arc::new(System::reference());
        let api = Api::new(system.clone()).expect("a client");
        let session = api.sign_in(&"pod-1".into(), pod.at, Who::Own).await.expect("a session");
        sound_turn(&recorder, &system);
        Self {
            pod,
            api,
            session,
            recorder,
            system,
            path,
            _folder: folder,
        }
    }

    /// Attaches a watcher to the pod.
    pub(crate) fn attach(&self) -> Tail {
        self.attach_from(WatcherId(1), None)
    }

    /// Attaches a watcher to the pod, with a cursor and the form of it.
    pub(crate) fn attach_from(&self, watcher: WatcherId, cursor: Option<(&str, CursorForm)>) -> Tail {
        // Nothing listens there: what the database would say of a terminal is not what is tried here.
        let owners = Owners::new(
            "postgres://nobody@127.0.0.1:1/none",
            &self.system.tables(),
            OwnerNames::plain(),
        );
        let attach = Attach {
            watcher,
            pod: "pod-1".into(),
            at: self.pod.at,
            session: self.session.clone(),
            session_no: SessionNo(NonZeroU8::MIN),
            thread: "t-1".into(),
            turn: None,
            from: cursor.map_or(TailFrom::Start, |(cursor, form)| {
                TailFrom::Cursor(cursor.to_owned(), form)
            }),
            role: "start".into(),
            patience: None,
            manner: Manner::Eager,
        };
        Tail::open(&self.api, attach, Arc::new(owners), self.recorder.clone())
    }

    /// Ends the play, and judges its history as it was saved.
    pub(crate) fn judged(self) -> Outcomes {
        self.recorder.record(RunEvent::Played { gave_up: None });
        for what in [
            What::Run(RunEvent::Healed),
            What::Run(RunEvent::Quiesced),
            What::Run(RunEvent::Ended),
        ] {
            self.recorder.record(what);
        }
        self.recorder.finish().expect("a saved history");
        let history = reader::read(&self.path).expect("a readable history");
        Outcomes {
            judgement: judge::judge(&history),
            saved_bytes: std::fs::metadata(&self.path).expect("the history").len(),
            history,
        }
    }
}

/// Has a watcher attach and stay until the tail is over.
pub(crate) async fn watch(steps: Vec<Step>) -> Outcomes {
    let scene = Scene::begin(steps).await;
    let tail = scene.attach();
    let over = |s: &Seen| s.end.is_some() || s.refused.is_some();
    tail.until("the end", SOON, over).await.expect("a tail that ends");
    tail.leave().await;
    scene.judged()
}

/// As [`watch`], but leaves as soon as `enough` holds of what was seen.
pub(crate) async fn watch_until(steps: Vec<Step>, enough: impl Fn(&Seen) -> bool) -> Outcomes {
    let scene = Scene::begin(steps).await;
    let tail = scene.attach();
    tail.until("enough", SOON, enough)
        .await
        .expect("frames that say enough");
    tokio::time::timeout(SOON, tail.leave())
        .await
        .expect("a watcher that can leave");
    scene.judged()
}

impl Outcomes {
    /// The promises that are broken, by name, and what the first finding of each says.
    pub(crate) fn finding(&self, promise: &str) -> (&str, &str) {
        assert_eq!(self.judgement.verdict, Verdict::Fail, "{:?}", self.judgement);
        let mut findings = self.judgement.findings.iter();
        let finding = findings.find(|finding| finding.promise == promise);
        let finding = finding.unwrap_or_else(|| panic!("no finding of {promise}: {:#?}", self.judgement.findings));
        (&finding.subject, &finding.got)
    }

    pub(crate) fn end(&self) -> Option<&TailEnd> {
        self.history.events.iter().find_map(|event| match &event.what {
            What::Watcher(WatcherEvent::TailClosed { end, .. }) => Some(end),
            _ => None,
        })
    }

    pub(crate) fn chunks(&self) -> Vec<&Chunk> {
        let events = self.history.events.iter();
        let chunks = events.filter_map(|event| match &event.what {
            What::Watcher(WatcherEvent::Frame { chunk, .. }) => Some(chunk),
            _ => None,
        });
        chunks.collect()
    }

    /// The whole turn was shown, and nothing is found.
    pub(crate) fn is_sound(&self) {
        assert_eq!(self.judgement.verdict, Verdict::Pass, "{:#?}", self.judgement);
        let texts = self.chunks().into_iter().filter_map(|chunk| match chunk {
            Chunk::Delta { text, .. } => Some(text.as_str()),
            _ => None,
        });
        assert_eq!(texts.collect::<String>(), answer().text());
        assert!(matches!(self.chunks().last(), Some(Chunk::Finish { .. })));
    }
}

/// Capabilities that the recorded scenes are judged by.
const CAPABILITIES: &[Capability] = &[
    Capability::Threads,
    Capability::Serial,
    Capability::Queue,
    Capability::Idempotent,
    Capability::Read,
    Capability::Cursor,
    Capability::Dense,
    Capability::ThreadTail,
    Capability::Resync,
    Capability::FrameTurn,
    Capability::MessageIds,
    Capability::KnownKinds,
];

/// A message that asks for an answer of three tokens.
fn posted(pod: &PodName, thread: &ThreadId) -> ClientEvent {
    ClientEvent::Posted {
        op: OpId(1),
        pod: pod.clone(),
        thread: thread.clone(),
        message: "m-1".into(),
        text: "hello".into(),
        expect: Box::new(Expect {
            key: "key-1".into(),
            tokens: 3,
            size: 0,
            text: TextMode::Plain,
            fails: false,
            is_odd: false,
        }),
    }
}

/// A thread with one turn, over and stored.
fn sound_turn(recorder: &Recorder, system: &System) {
    recorder.record(RunEvent::Began(Box::new(Began {
        schema: SCHEMA,
        story: "hostile_pod".into(),
        seed: 1,
        design: "log".into(),
        defect: None,
        evidence: Vec::new(),
        expected_failures: Vec::new(),
        pods: vec!["pod-1".into()],
        capabilities: CAPABILITIES.to_vec(),
        lacks: Vec::new(),
        bounds: system.bounds(),
        rules: Rules::default(),
    })));
    let (thread, pod): (ThreadId, PodName) = ("t-1".into(), "pod-1".into());
    recorder.record(ClientEvent::ThreadMade {
        thread: thread.clone(),
        tenant: "tenant-a".into(),
    });
    recorder.record(posted(&pod, &thread));
    let accepted = Outcome::Ok(Accepted {
        turn: "turn-1".into(),
        pod,
        tail: None,
    });
    recorder.record(ClientEvent::PostEnded {
        op: OpId(1),
        outcome: accepted,
    });
    let turn = |status, epoch: Option<Epoch>| {
        Row::Turn(Box::new(TurnRow {
            turn: "turn-1".into(),
            thread: thread.clone(),
            message: Some("m-1".into()),
            status,
            owner: None,
            attempt: epoch.map(|_| "1".into()),
            epoch,
            error: None,
        }))
    };
    let first = Some(Epoch(1));
    let parts = (1..).zip(answer().into_texts()).map(|(seq, text)| Row::Part {
        turn: "turn-1".into(),
        epoch: first,
        seq,
        text,
    });
    let mut rows = vec![turn(Status::Queued, None), turn(Status::InProgress, first)];
    rows.extend(parts);
    rows.push(turn(Status::Completed, first));
    for (xid, row) in (1..).zip(rows) {
        let lsn = format!("0/{xid}").into();
        recorder.record(StoreEvent::Row { lsn, xid, row });
    }
}
