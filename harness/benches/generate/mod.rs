//! Makes histories of any size that look like those of a clean run of many threads.

use std::collections::HashMap;

use crosspod::history::reader::History;
use crosspod::history::{
    Accepted, Began, Bounds, Chunk, ClientEvent, Cursor, CursorForm, Effect, Ends, Epoch, Event, EventId, Excuses,
    Expect, FaultEvent, FaultStep, MessageId, OpId, Outcome, PodEvent, PodName, ProviderEvent, ProviderWhat, Raw,
    ReadAnswer, Row, Rules, RunEvent, SCHEMA, Start, Status, StoreEvent, TailEnd, TailMode, ThreadId, TurnId, TurnKey,
    TurnRow, WatcherEvent, WatcherId, What,
};
use crosspod::system::System;
use mock_ai::token::{Answer, TextMode};

const PODS: [&str; 3] = ["pod-1", "pod-2", "pod-3"];
const TURNS_A_THREAD: u32 = 10;
const TOKENS: u32 = 20;
/// Every so many turns the owner dies after its third token, and another pod takes over.
const TAKEOVER_EVERY: u32 = 50;
/// Between two events.
const STEP_US: u64 = 50;

/// A history of about `size` events: whole threads, as many as fit, at least one.
pub(crate) fn history(size: usize) -> History {
    let mut play = Play::new(size);
    play.put(What::Run(RunEvent::Began(Box::new(began()))));
    loop {
        let before = play.events.len();
        play.thread();
        if 2 * play.events.len() - before > size {
            break;
        }
    }
    play.put(What::Run(RunEvent::Played { gave_up: None }));
    play.put(What::Run(RunEvent::Healed));
    play.read_all();
    play.now_us += 20_000_000;
    play.put(What::Run(RunEvent::Quiesced));
    play.put(What::Run(RunEvent::Ended));
    History {
        events: play.events,
        cut_off: None,
    }
}

fn began() -> Began {
    Began {
        schema: SCHEMA,
        story: "generated".into(),
        seed: 1,
        design: "log".into(),
        defect: None,
        evidence: vec![],
        expected_failures: Vec::new(),
        pods: Vec::new(),
        capabilities: System::reference().capabilities().to_vec(),
        lacks: Vec::new(),
        bounds: Bounds {
            lease_ms: Some(1000),
            takeover_ms: Some(2100),
            progress_ms: Some(3000),
            drain_ms: Some(5000),
            terminal_ms: Some(1500),
            revocation_ms: Some(1500),
            ..Bounds::default()
        },
        rules: Rules::default(),
    }
}

/// A turn in the making.
struct Turn {
    id: TurnId,
    thread: ThreadId,
    message: MessageId,
    key: TurnKey,
    epoch: Epoch,
    attempt: u32,
    owner: usize,
}

struct Play {
    events: Vec<Event>,
    now_us: u64,
    pods: [PodName; 3],
    turns: u32,
    threads: u32,
    calls: u64,
    xid: u64,
    faults: u32,
    messages: u32,
    /// Every thread with what its turns answered.
    answered: Vec<(ThreadId, Vec<ReadAnswer>)>,
    ids: HashMap<Cursor, EventId>,
}

impl Play {
    fn new(size: usize) -> Self {
        Self {
            events: Vec::with_capacity(size + size / 50),
            now_us: 0,
            pods: PODS.map(PodName::from),
            turns: 0,
            threads: 0,
            calls: 0,
            xid: 100,
            faults: 0,
            messages: 0,
            answered: Vec::new(),
            ids: HashMap::new(),
        }
    }

    fn put(&mut self, what: What) {
        self.now_us += STEP_US;
        let (n, at_us) = (self.events.len() as u64, self.now_us);
        self.events.push(Event { n, at_us, what });
    }

    fn row(&mut self, row: Row) {
        let (lsn, xid) = (format!("0/{:X}", 0x0199_0000 + 64 * self.xid).into(), self.xid);
        self.put(What::Store(StoreEvent::Row { lsn, xid, row }));
    }

    /// A thread from its making to its watchers' leaving.
    fn thread(&mut self) {
        self.threads += 1;
        let thread = ThreadId::from(format!("th-{:032x}", self.threads));
        let tenant = format!("tenant-{:04}", self.threads % 100).into();
        self.put(What::Client(ClientEvent::ThreadMade {
            thread: thread.clone(),
            tenant,
        }));
        let first = 3 * self.threads;
        let watchers = [first, first + 1, first + 2].map(WatcherId);
        for (watcher, pod) in watchers.into_iter().zip(self.pods.clone()) {
            let asked_us = self.now_us;
            self.put(What::Watcher(WatcherEvent::TailOpened {
                watcher,
                pod,
                thread: thread.clone(),
                turn: None,
                mode: TailMode::Start,
                cursor: None,
                form: CursorForm::default(),
                role: "every-pod".into(),
                asked_us,
                session: None,
            }));
            let (status, turn) = (Status::Idle, None);
            self.frame(watcher, None, Chunk::State { status, turn });
        }
        self.answered.push((thread.clone(), Vec::new()));
        let mut epoch = Epoch(0);
        for _ in 0..TURNS_A_THREAD {
            epoch = self.turn(&thread, epoch, &watchers);
        }
        for watcher in watchers {
            let end = TailEnd::Left;
            self.put(What::Watcher(WatcherEvent::TailClosed { watcher, end }));
        }
    }

    /// A turn from its post to its end; gives the thread's epoch after it.
    fn turn(&mut self, thread: &ThreadId, epoch: Epoch, watchers: &[WatcherId; 3]) -> Epoch {
        self.turns += 1;
        let mut turn = Turn {
            id: TurnId::from(format!("turn-{:032x}", self.turns)),
            thread: thread.clone(),
            message: MessageId::from(format!("m-{:010x}", self.turns)),
            key: TurnKey::from(format!("{:010x}", self.turns)),
            epoch,
            attempt: 0,
            owner: self.turns as usize % 3,
        };
        self.post(&turn);
        let dies = self.turns.is_multiple_of(TAKEOVER_EVERY);
        if dies {
            self.attempt(&mut turn, watchers, 3);
            self.killed(&turn);
            turn.owner = (turn.owner + 1) % 3;
        }
        self.attempt(&mut turn, watchers, TOKENS);
        self.end(&turn, watchers);
        if dies {
            self.fault(&turn, FaultStep::Healed);
        }
        turn.epoch
    }

    fn post(&mut self, turn: &Turn) {
        let (op, pod) = (OpId(self.turns), self.pods[0].clone());
        self.put(What::Client(ClientEvent::Posted {
            op,
            pod: pod.clone(),
            thread: turn.thread.clone(),
            message: turn.message.clone(),
            text: prompt(turn),
            expect: Box::new(Expect {
                key: turn.key.clone(),
                tokens: TOKENS,
                size: 0,
                text: TextMode::Plain,
                fails: false,
                is_odd: false,
            }),
        }));
        self.xid += 1;
        self.thread_row(turn, None, Status::Queued);
        self.turn_row(turn, Epoch(0), Status::Queued);
        let turn = turn.id.clone();
        let outcome = Outcome::Ok(Accepted { turn, pod, tail: None });
        self.put(What::Client(ClientEvent::PostEnded { op, outcome }));
    }

    fn thread_row(&mut self, turn: &Turn, owner: Option<PodName>, status: Status) {
        self.row(Row::Thread {
            thread: turn.thread.clone(),
            status,
            owner,
            attempt: None,
            epoch: Some(turn.epoch),
        });
    }

    fn turn_row(&mut self, turn: &Turn, epoch: Epoch, status: Status) {
        self.row(Row::Turn(Box::new(TurnRow {
            turn: turn.id.clone(),
            thread: turn.thread.clone(),
            message: Some(turn.message.clone()),
            status,
            owner: None,
            attempt: (turn.attempt > 0).then(|| turn.attempt.to_string().into()),
            epoch: (epoch.0 > 0).then_some(epoch),
            error: None,
        })));
    }

    /// A claim, a provider call, and its first `tokens` tokens, stored and shown.
    fn attempt(&mut self, turn: &mut Turn, watchers: &[WatcherId; 3], tokens: u32) {
        turn.epoch.0 += 1;
        turn.attempt += 1;
        self.calls += 1;
        self.xid += 1;
        let owner = self.pods[turn.owner].clone();
        self.thread_row(turn, Some(owner), Status::InProgress);
        self.turn_row(turn, turn.epoch, Status::InProgress);
        self.call(
            turn,
            ProviderWhat::Started {
                messages: self.conversation(turn),
            },
        );
        let epoch = Some(turn.epoch);
        let start = Chunk::Start(Box::new(Start {
            turn: turn.id.clone(),
            epoch,
            reset: turn.attempt > 1,
            answer: Some(format!("{}-answer", turn.id).into()),
        }));
        for watcher in watchers {
            self.frame(*watcher, Some(Cursor { epoch, seq: 0 }), start.clone());
        }
        self.logged(turn, 0, start);
        let answer = Answer::new(turn.key.as_str(), turn.attempt, TOKENS);
        for (seq, text) in (1..).zip(answer.texts().take(tokens as usize).map(exact)) {
            for watcher in watchers {
                let (turn, text) = (turn.id.clone(), text.clone());
                self.frame(*watcher, Some(Cursor { epoch, seq }), Chunk::Delta { turn, text });
            }
            let (id, said) = (turn.id.clone(), text.clone());
            self.logged(turn, seq, Chunk::Delta { turn: id, text: said });
            self.xid += 1;
            let turn = turn.id.clone();
            self.row(Row::Part { turn, epoch, seq, text });
        }
    }

    /// What was said on the thread so far, as a request holds it.
    fn conversation(&self, turn: &Turn) -> Vec<String> {
        let before = self.answered.last().map_or(&[][..], |(_, answers)| answers);
        let first = self.turns - before.len() as u32;
        let mut said = Vec::with_capacity(2 * before.len() + 1);
        for (number, answer) in (first..).zip(before) {
            said.push(format!("user: {}", prompt_of(&format!("{number:010x}"))));
            said.push(exact(format!("assistant: {}", answer.text)));
        }
        said.push(format!("user: {}", prompt(turn)));
        said
    }

    fn call(&mut self, turn: &Turn, what: ProviderWhat) {
        self.put(What::Provider(ProviderEvent {
            call: self.calls,
            key: turn.key.clone(),
            ordinal: turn.attempt,
            pod: Some(self.pods[turn.owner].clone()),
            what,
        }));
    }

    fn killed(&mut self, turn: &Turn) {
        self.faults += 1;
        let (thread, epoch) = (Some(turn.thread.clone()), Some(turn.epoch));
        self.fault(turn, FaultStep::Aimed { thread, epoch });
        let (proof, trigger_to_effect_us) = ("pidfd readable".into(), Some(900));
        self.fault(
            turn,
            FaultStep::Observed {
                proof,
                trigger_to_effect_us,
            },
        );
        let (cause, tokens) = ("client_gone".into(), 3);
        self.call(turn, ProviderWhat::Ended { cause, tokens });
        self.now_us += 1_100_000;
    }

    /// A step of the newest fault. It is told to be on the turn's first owner, whoever has the turn by now.
    fn fault(&mut self, turn: &Turn, step: FaultStep) {
        let first_owner = (turn.owner + 4 - turn.attempt as usize) % 3;
        let target = self.pods[first_owner].to_string();
        let effect = Effect {
            ends: Ends::AtOnce,
            ..Effect::excusing(Excuses::ItsTarget)
        };
        self.put(What::Fault(Box::new(FaultEvent {
            id: self.faults,
            name: "kill".into(),
            target,
            effect,
            step,
        })));
    }

    fn end(&mut self, turn: &Turn, watchers: &[WatcherId; 3]) {
        let (cause, tokens) = ("complete".into(), TOKENS);
        self.call(turn, ProviderWhat::Ended { cause, tokens });
        self.xid += 1;
        self.thread_row(turn, None, Status::Completed);
        self.turn_row(turn, turn.epoch, Status::Completed);
        let status = Status::Completed;
        for watcher in watchers {
            let cursor = Cursor {
                epoch: Some(turn.epoch),
                seq: u64::from(TOKENS) + 1,
            };
            let finish = Chunk::Finish {
                turn: turn.id.clone(),
                status: Some(status),
            };
            self.frame(*watcher, Some(cursor), finish);
            let (watcher, turn, status) = (*watcher, turn.id.clone(), Some(status));
            self.put(What::Store(StoreEvent::TerminalProbe { watcher, turn, status }));
        }
        let id = turn.id.clone();
        self.logged(
            turn,
            u64::from(TOKENS) + 1,
            Chunk::Finish {
                turn: id,
                status: Some(status),
            },
        );
        let text = exact(Answer::new(turn.key.as_str(), turn.attempt, TOKENS).text());
        if let Some((_, answers)) = self.answered.last_mut() {
            let (turn, error) = (turn.id.clone(), None);
            answers.push(ReadAnswer {
                turn: Some(turn),
                key: None,
                status: Some(status),
                text,
                error,
            });
        }
    }

    /// A frame behind the bytes that brought it.
    /// A frame as the stream log holds it.
    fn logged(&mut self, turn: &Turn, seq: u64, chunk: Chunk) {
        let (thread, epoch) = (turn.thread.clone(), Some(turn.epoch));
        self.messages += 1;
        self.put(What::Store(StoreEvent::Logged {
            thread: Some(thread),
            turn: None,
            seq: self.messages,
            cursor: Some(Cursor { epoch, seq }),
            chunk,
        }));
    }

    fn frame(&mut self, watcher: WatcherId, cursor: Option<Cursor>, chunk: Chunk) {
        let id = cursor.map(|at| self.id(at));
        let data = match &chunk {
            Chunk::Delta { turn, text } => format!(r#"{{"type":"text-delta","turnId":"{turn}","delta":"{text}"}}"#),
            other => format!("{other:?}"),
        };
        let id_line = id.as_ref().map_or(String::new(), |id| format!("id: {id}\n"));
        let raw = Raw::Utf8(exact(format!("{id_line}data: {data}\n\n")));
        self.put(What::Watcher(WatcherEvent::Bytes { watcher, raw }));
        self.put(What::Watcher(WatcherEvent::Frame {
            watcher,
            id,
            cursor,
            chunk,
        }));
    }

    /// The one copy of an event's id, as a reader of a saved history keeps it.
    fn id(&mut self, at: Cursor) -> EventId {
        let id = self
            .ids
            .entry(at)
            .or_insert_with(|| format!("{}-{}", at.epoch.map_or(0, |epoch| epoch.0), at.seq).into());
        id.clone()
    }

    fn read_all(&mut self) {
        for (thread, answers) in std::mem::take(&mut self.answered) {
            for pod in self.pods.clone() {
                self.put(What::Pod(PodEvent::ThreadRead {
                    pod,
                    thread: thread.clone(),
                    turn: None,
                    status: Some(Status::Completed),
                    questions: None,
                    answers: answers.clone(),
                }));
            }
        }
    }
}

fn prompt(turn: &Turn) -> String {
    prompt_of(turn.key.as_str())
}

fn prompt_of(key: &str) -> String {
    format!("[[mock key:{key} many:{TOKENS}]]")
}

/// A text that takes no more memory than it needs, as one that was read from a file or a socket does.
fn exact(mut text: String) -> String {
    text.shrink_to_fit();
    text
}
