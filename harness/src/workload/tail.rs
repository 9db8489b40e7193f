//! A watcher: one attach on one pod, from its request to its end.
//!
//! The bytes go into the history as they are read, before any parsing; then come the frames that [`Intake`] finds in them.
//! [`Seen`] sums the frames up for a story that waits.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use reqwest::StatusCode;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::answer::{self, KEPT, Trouble};
use super::api::{Api, Begun, Message, TailFrom};
use super::intake::{Frame, Intake, Limits};
use super::manner;
use super::seen::{Seen, describe, take};
use super::session::Session;
use crate::history::writer::Recorder;
use crate::history::{
    Accepted, Chunk, EventId, MessageId, Outcome, PodEvent, PodName, Raw, SessionNo, StoreEvent, TailEnd, ThreadId,
    TurnId, WatcherEvent, WatcherId,
};
use crate::plan::Manner;
use crate::roles::postgres::owners::Owners;
use crate::wait::{Expired, within};
use crate::wire::text::cut;

/// Longest piece of raw bytes in one event of the history: escaped at its worst it is still a line that is read back.
const PIECE: usize = 1 << 20;
/// Longest that a watcher takes to stop reading.
const GOES_SILENT: Duration = Duration::from_secs(3);
/// Most finishes of a tail that the database is asked about, each of which may take seconds.
const PROBES_MAX: u32 = 1000;

/// An order to attach.
#[derive(Clone)]
pub struct Attach {
    /// Identity in the history.
    pub watcher: WatcherId,
    /// Pod to attach to; the edge, by its name, if a client of it attaches.
    pub pod: PodName,
    /// Where it listens now.
    pub at: SocketAddr,
    /// Credential to show.
    pub session: Session,
    /// The same session's number in the history.
    pub session_no: SessionNo,
    /// Thread to watch.
    pub thread: ThreadId,
    /// The turn to watch, where tails show one turn.
    pub turn: Option<TurnId>,
    /// The place from which it is to show the stream.
    pub from: TailFrom,
    /// Why it is opened, for reports.
    pub role: String,
    /// How long what stands between pod and client lets the stream be silent before it cuts it; for ever without.
    pub patience: Option<Duration>,
    /// How it reads.
    pub manner: Manner,
}

/// A running watcher.
pub struct Tail {
    /// Identity in the history.
    pub watcher: WatcherId,
    /// Pod or edge that was asked; [`Seen::served_by`] says who answered.
    pub pod: PodName,
    /// Thread it watches.
    pub thread: ThreadId,
    seen: watch::Receiver<Seen>,
    leave: Leave,
    task: tokio::task::JoinHandle<()>,
}

/// The orders by which a watcher stops reading.
#[derive(Clone, Default)]
struct Leave {
    /// It closes its connection.
    close: CancellationToken,
    /// It reads no more; its connection stays open, and its peer is told nothing.
    go_silent: CancellationToken,
}

impl Leave {
    /// Completes once it is to stop reading.
    async fn is_due(&self) {
        tokio::select! {
            () = self.close.cancelled() => {}
            () = self.go_silent.cancelled() => {}
        }
    }

    fn is_ordered(&self) -> bool {
        self.close.is_cancelled() || self.go_silent.is_cancelled()
    }
}

impl Tail {
    /// Opens a tail; returns at once, the attach goes on in the background.
    pub fn open(api: &Api, mut attach: Attach, owners: Arc<Owners>, recorder: Recorder) -> Self {
        attach.turn = attach.turn.filter(|_| api.shows_one_turn());
        Self::start(api, attach, owners, recorder, None)
    }

    /// Posts a message whose answer is itself a tail. The message is accepted with the first event that names its turn; the
    /// tail then goes on in the background. The session, the pod and the thread are those of `attach`.
    pub async fn post(
        api: &Api,
        mut attach: Attach,
        message: (&MessageId, &str),
        owners: Arc<Owners>,
        recorder: Recorder,
    ) -> (Outcome<Accepted>, Option<Self>) {
        let asked_us = recorder.now_us();
        let (id, text) = message;
        let message = Message {
            thread: &attach.thread,
            id,
            text,
        };
        match api
            .post_streaming(&attach.pod, attach.at, &attach.session, message)
            .await
        {
            (Outcome::Ok(mut accepted), Some(begun)) => {
                accepted.tail = Some(attach.watcher);
                attach.turn = Some(accepted.turn.clone());
                let begun = Some(Begun { asked_us, ..begun });
                let tail = Self::start(api, attach, owners, recorder, begun);
                (Outcome::Ok(accepted), Some(tail))
            }
            (outcome, _) => (outcome, None),
        }
    }

    fn start(api: &Api, attach: Attach, owners: Arc<Owners>, recorder: Recorder, begun: Option<Begun>) -> Self {
        let (shown, seen) = watch::channel(Seen::default());
        let leave = Leave::default();
        let (watcher, pod, thread) = (attach.watcher, attach.pod.clone(), attach.thread.clone());
        let tailing = Tailing {
            api: api.clone(),
            attach,
            owners,
            recorder,
            shown,
        };
        let task = tokio::spawn(tailing.run(leave.clone(), begun));
        Self {
            watcher,
            pod,
            thread,
            seen,
            leave,
            task,
        }
    }

    /// Everything that it has seen so far.
    pub fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// A view of what it sees that can be waited on.
    pub(super) fn watch(&self) -> watch::Receiver<Seen> {
        self.seen.clone()
    }

    /// Waits until `enough` holds of what was seen.
    ///
    /// # Errors
    /// The bound is over, or the tail ended or was refused before.
    pub async fn until(&self, what: &str, bound: Duration, enough: impl Fn(&Seen) -> bool) -> Result<Seen, Expired> {
        let mut seen = self.seen.clone();
        let named = format!("watcher {} on {} to see {what}", self.watcher, self.pod);
        let over = |s: &Seen| enough(s) || s.end.is_some() || s.refused.is_some();
        let got = within(&named, bound, seen.wait_for(over), || describe(&self.seen.borrow())).await?;
        match got {
            Ok(seen) if enough(&seen) => Ok(seen.clone()),
            _ => Err(Expired {
                what: named,
                bound,
                last: describe(&self.seen.borrow()),
            }),
        }
    }

    /// Stays for `least`; and then, if an answer is awaited, until it was shown a resync or a frame of an answer, at most
    /// `answer_within` in all. Returns at once when the tail ends or is refused.
    pub async fn stay(&self, least: Duration, answer_within: Option<Duration>) {
        let mut seen = self.seen.clone();
        let is_over = |seen: &Seen| seen.end.is_some() || seen.refused.is_some();
        // The end of the time is as good an end of the stay as the end of the tail.
        drop(tokio::time::timeout(least, seen.wait_for(is_over)).await);
        if let Some(most) = answer_within {
            let rest = most.saturating_sub(least);
            let answered = seen.wait_for(|seen| is_over(seen) || seen.answered);
            drop(tokio::time::timeout(rest, answered).await);
        }
    }

    /// Reads no more, and waits until the end is in the history. The connection stays open until [`Tail::leave`]: the pod is not told,
    /// as if the client's machine had lost its network.
    ///
    /// # Errors
    /// The tail's end is not in the history in time.
    pub async fn go_silent(&self) -> Result<(), Expired> {
        self.leave.go_silent.cancel();
        let mut seen = self.seen.clone();
        let named = format!("watcher {} on {} to read no more", self.watcher, self.pod);
        let is_over = |seen: &Seen| seen.end.is_some() || seen.refused.is_some();
        let silent = within(&named, GOES_SILENT, seen.wait_for(is_over), || {
            describe(&self.seen.borrow())
        });
        silent.await.map(drop)
    }

    /// Leaves on purpose and waits until the end is in the history.
    pub async fn leave(self) {
        self.leave.close.cancel();
        if let Err(e) = self.task.await {
            tracing::error!(watcher = %self.watcher, error = %e, "a watcher's task failed");
        }
    }
}

struct Tailing {
    api: Api,
    attach: Attach,
    owners: Arc<Owners>,
    recorder: Recorder,
    shown: watch::Sender<Seen>,
}

impl Tailing {
    async fn run(mut self, leave: Leave, begun: Option<Begun>) {
        let begun = match begun {
            Some(begun) => begun,
            None => match self.opened(&leave).await {
                Some(begun) => begun,
                None => return,
            },
        };
        self.attach.pod = self.api.server_of(&begun.response, &self.attach.pod);
        let attach = &self.attach;
        let (cursor, form) = attach.from.cursor();
        self.recorder.record(WatcherEvent::TailOpened {
            watcher: attach.watcher,
            pod: attach.pod.clone(),
            thread: attach.thread.clone(),
            turn: attach.turn.clone(),
            mode: attach.from.mode(),
            cursor: cursor.map(Into::into),
            form,
            role: attach.role.as_str().into(),
            asked_us: begun.asked_us,
            session: Some(attach.session_no),
        });
        self.shown.send_modify(|seen| {
            seen.open = true;
            seen.opened_at = Some(Instant::now());
            seen.served_by = Some(attach.pod.clone());
        });
        let first = futures_util::stream::iter((!begun.bytes.is_empty()).then_some(Ok(begun.bytes)));
        let mut body = std::pin::pin!(first.chain(begun.response.bytes_stream()));
        let end = self.read(body.as_mut(), &leave).await;
        self.recorder.record(WatcherEvent::TailClosed {
            watcher: attach.watcher,
            end: end.clone(),
        });
        let is_silent = end == TailEnd::Left && !leave.close.is_cancelled();
        self.shown.send_modify(|seen| seen.end = Some(end));
        if is_silent && leave.go_silent.is_cancelled() {
            // The connection goes with its body.
            leave.close.cancelled().await;
        }
    }

    /// Attaches. Returns `None` if that was refused, which is recorded.
    async fn opened(&mut self, leave: &Leave) -> Option<Begun> {
        let asked_us = self.recorder.now_us();
        let answer = tokio::select! {
            answer = self.ask() => answer,
            () = leave.is_due() => {
                let reason = "the watcher left before it was answered".to_owned();
                Err(Trouble { reason, garbled: false })
            }
        };
        let mut response = match answer {
            Ok(response) => response,
            Err(trouble) => {
                self.refuse(asked_us, None, trouble);
                return None;
            }
        };
        if let Some(garbled) = self.refusal(&response) {
            let kind = answer::header(&response, "content-type").unwrap_or("none");
            let reason = format!(
                "status {}, content type {}",
                response.status().as_u16(),
                cut(kind, KEPT)
            );
            let reason = match answer::first_bytes(&mut response).await {
                body if body.is_empty() => reason,
                body => format!("{reason}: {body}"),
            };
            let trouble = Trouble { reason, garbled };
            self.attach.pod = self.api.server_of(&response, &self.attach.pod);
            self.refuse(asked_us, Some(response.status().as_u16()), trouble);
            return None;
        }
        Some(Begun {
            asked_us,
            response,
            bytes: Bytes::new(),
        })
    }

    async fn ask(&self) -> Result<reqwest::Response, Trouble> {
        let Attach {
            at,
            session,
            thread,
            turn,
            from,
            manner,
            ..
        } = &self.attach;
        let prepared = self.api.attach_request(session, thread, turn.as_ref(), from)?;
        match manner {
            Manner::Slow { bytes, pause_ms } => {
                let pace = (usize::from(*bytes), Duration::from_millis((*pause_ms).into()));
                let asked = manner::attach_slowly(*at, session.with_cookies(prepared), pace).await;
                asked.map_err(|reason| Trouble { reason, garbled: false })
            }
            Manner::Eager | Manner::Vanishing { .. } => self.api.stream(*at, session, prepared).await,
        }
    }

    /// Whether an answer to an attach is anything but a stream: none where it is one, else whether it is nonsense, neither a
    /// stream nor a refusal.
    fn refusal(&self, response: &reqwest::Response) -> Option<bool> {
        let status = response.status();
        let is_stream = status == StatusCode::OK && answer::is_stream(response.headers());
        let is_answer = status.is_client_error() || status.is_server_error() || self.api.means_nothing(status);
        (!is_stream).then_some(!is_answer)
    }

    fn refuse(&self, asked_us: u64, status: Option<u16>, Trouble { reason, garbled }: Trouble) {
        let attach = &self.attach;
        let (cursor, form) = attach.from.cursor();
        self.recorder.record(WatcherEvent::TailRefused {
            watcher: attach.watcher,
            pod: attach.pod.clone(),
            thread: attach.thread.clone(),
            turn: attach.turn.clone().map(Box::new),
            cursor: cursor.map(Into::into),
            form,
            asked_us,
            session: Some(attach.session_no),
            status,
            reason: reason.as_str().into(),
            garbled,
        });
        self.shown.send_modify(|seen| {
            (seen.refused, seen.refused_with) = (Some(reason), status);
        });
    }

    async fn read(&self, body: impl Stream<Item = reqwest::Result<Bytes>>, leave: &Leave) -> TailEnd {
        let reader = self.api.reader(self.attach.turn.clone());
        let mut intake = Intake::new(Limits::OF_A_WATCHER, reader);
        let bytes_max = match self.attach.manner {
            Manner::Vanishing { after_bytes } => Some(after_bytes.into()),
            Manner::Eager | Manner::Slow { .. } => None,
        };
        let vanished = AtomicBool::new(false);
        let body = manner::until_gone(body, bytes_max, &vanished);
        let end = self.read_on(&mut intake, body, leave).await;
        if vanished.load(Ordering::Relaxed) {
            // It left in the middle of a frame on purpose.
            return TailEnd::Left;
        }
        if let Some(frame) = intake.garbled_rest() {
            self.record(frame);
        }
        if end == TailEnd::Eof && intake.is_no_stream() {
            return TailEnd::NoStream {
                why: "no line of an event stream".to_owned(),
                seen_bytes: intake.seen_bytes(),
            };
        }
        end
    }

    async fn read_on(
        &self,
        intake: &mut Intake,
        body: impl Stream<Item = reqwest::Result<Bytes>>,
        leave: &Leave,
    ) -> TailEnd {
        let body = body.map(|read| read.map_err(|e| Trouble::from(&e)));
        let mut body = std::pin::pin!(patient(body, self.attach.patience));
        let (mut frames, mut probes) = (Vec::new(), 0);
        loop {
            // A stream that always has more to read must not keep a watcher that wants to leave.
            let next = tokio::select! {
                biased;
                () = leave.is_due() => return TailEnd::Left,
                next = body.next() => next,
            };
            let bytes = match next {
                None => return TailEnd::Eof,
                Some(Err(Trouble { reason, garbled: false })) => return TailEnd::Broken { reason },
                Some(Err(Trouble { reason: why, .. })) => {
                    let seen_bytes = intake.seen_bytes();
                    return TailEnd::NoStream { why, seen_bytes };
                }
                Some(Ok(bytes)) => bytes,
            };
            for piece in intake.admit(&bytes).chunks(PIECE) {
                self.recorder.record(WatcherEvent::Bytes {
                    watcher: self.attach.watcher,
                    raw: raw(piece),
                });
            }
            let read = intake.read(&bytes, &mut frames);
            self.shown
                .send_if_modified(|seen| std::mem::replace(&mut seen.retry, intake.retry()) != intake.retry());
            for frame in frames.drain(..) {
                if self.frame(frame, &mut probes).await {
                    return TailEnd::Done;
                }
                if leave.is_ordered() {
                    return TailEnd::Left;
                }
            }
            if let Err(why) = read {
                let seen_bytes = intake.seen_bytes();
                return TailEnd::NoStream { why, seen_bytes };
            }
        }
    }

    /// Takes one frame; true when it is the last by its own word.
    async fn frame(&self, frame: Frame, probes: &mut u32) -> bool {
        let chunk = self.record(frame);
        if let Chunk::Finish { turn, .. } = &chunk
            && *probes < PROBES_MAX
        {
            *probes += 1;
            self.ask_status(turn).await;
            // The proof of "committed before announced": this question is put after the frame was seen.
            match self.owners.turn(turn).await {
                Ok(status) => drop(self.recorder.record(StoreEvent::TerminalProbe {
                    watcher: self.attach.watcher,
                    turn: turn.clone(),
                    status,
                })),
                Err(e) => tracing::info!(%turn, error = %e, "the database could not be asked for a terminal's row"),
            }
        }
        chunk == Chunk::Done
    }

    /// Asks the pod where a turn stands, after its end was shown: rows may be a queue's ticket, which settles later.
    async fn ask_status(&self, turn: &TurnId) {
        let Attach {
            pod,
            at,
            session,
            thread,
            ..
        } = &self.attach;
        match self.api.status((pod, *at), session, thread, turn).await {
            Ok(None) => {}
            Ok(Some((status, error))) => drop(self.recorder.record(PodEvent::StatusRead {
                pod: pod.clone(),
                thread: thread.clone(),
                turn: turn.clone(),
                status,
                error,
            })),
            Err(e) => tracing::info!(%turn, error = %e, "the pod could not be asked where a turn stands"),
        }
    }

    /// Puts a frame into the history and into what was seen.
    fn record(&self, Frame { id, cursor, chunk }: Frame) -> Chunk {
        let watcher = self.attach.watcher;
        let recorded = id.as_deref().map(EventId::from);
        self.recorder.record(WatcherEvent::Frame {
            watcher,
            id: recorded,
            cursor,
            chunk: chunk.clone(),
        });
        let at = Instant::now();
        self.shown.send_modify(|seen| {
            if id.is_some() {
                seen.last_id = id;
            }
            take(seen, &chunk, at);
        });
        chunk
    }
}

/// A stream that breaks where it is silent for longer than `patience`: what a client gets to see through a proxy.
fn patient<S>(stream: S, patience: Option<Duration>) -> impl Stream<Item = Result<Bytes, Trouble>>
where
    S: Stream<Item = Result<Bytes, Trouble>>,
{
    futures_util::stream::unfold((Box::pin(stream), false), move |(mut stream, cut)| async move {
        if cut {
            return None;
        }
        let next = match patience {
            None => stream.next().await,
            Some(patience) => match tokio::time::timeout(patience, stream.next()).await {
                Ok(next) => next,
                Err(_) => Some(Err(Trouble {
                    reason: format!("cut by a proxy after {patience:?} without a byte"),
                    garbled: false,
                })),
            },
        }?;
        let cut = next.is_err();
        Some((next, (stream, cut)))
    })
}

fn raw(bytes: &[u8]) -> Raw {
    match std::str::from_utf8(bytes) {
        Ok(text) => Raw::Utf8(text.to_owned()),
        Err(_) => Raw::Base64(STANDARD.encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_is_cut_by_a_proxy_and_a_talkative_one_is_not() {
        let talk = futures_util::stream::unfold(0, |n| async move {
            tokio::time::sleep(Duration::from_millis(if n < 3 { 900 } else { 1100 })).await;
            Some((Ok(Bytes::from_static(b": keepalive\n\n")), n + 1))
        });
        let read: Vec<_> = patient(talk, Some(Duration::from_secs(1))).collect().await;
        assert_eq!(read.iter().filter(|r| r.is_ok()).count(), 3);
        let reason = "cut by a proxy after 1s without a byte".to_owned();
        assert_eq!(read.last(), Some(&Err(Trouble { reason, garbled: false })));
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_whole() {
        assert_eq!(raw(b"ok"), Raw::Utf8("ok".into()));
        assert_eq!(raw(&[0xff, 0x00]), Raw::Base64("/wA=".into()));
    }
}
