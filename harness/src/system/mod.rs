//! The description of the system under test: its routes, frames, tables and log, its capabilities, bounds and defects.
//!
//! A [`System`] is data (`fixtures/systems/*.toml`); [`frames`] knows what a frame of its stream means. Nothing here opens a
//! socket: `cluster` starts the system, `roles` ask its parts, `workload` talks to its pods.

pub mod checks;
pub mod file;
pub mod frames;
pub mod judging;
pub mod language;
pub mod load;
pub mod needs;
pub mod parts;
pub mod reading;
pub mod stored;
pub mod stream;
pub mod table;
pub mod talk;

use serde::Deserialize;

use crate::history::{self, Capability, CursorForm, ExpectedFailure, ThreadId};

/// A system under test, described.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// Its name.
    pub name: String,
    /// Inside designs that it can be started with.
    pub designs: Vec<String>,
    /// Format of its stream's frames; `ui-message-stream` is the one known.
    pub frames: FrameFormat,
    /// The places of an attach that it takes a cursor from.
    #[serde(default = "header_only")]
    pub cursors: Vec<CursorPlace>,
    /// Its routes.
    pub routes: Routes,
    /// Its metrics that stories look at.
    pub metrics: Metrics,
    /// Its version, if it reports one.
    pub release: Option<Release>,
    /// Its database.
    pub database: Database,
    /// Its stream log, where it has one.
    pub log: Option<Log>,
    /// How it takes feedback, where it does.
    #[serde(default)]
    pub feedback: Option<Feedback>,
    capabilities: Capabilities,
    /// Proxies between it and its clients.
    pub proxies: Proxies,
    /// Its bounds.
    pub bounds: Bounds,
    /// Promises that it is known to break, by story.
    #[serde(default)]
    pub expected_failures: Vec<KnownFailure>,
    /// Defects that it can be started with.
    #[serde(default)]
    pub defects: Vec<Defect>,
}

/// Its bounds, in milliseconds. Each is what the history's bound of that name says.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "`history::Bounds` says what each is")]
pub struct Bounds {
    pub lease_ms: u64,
    pub takeover_ms: u64,
    pub progress_ms: u64,
    pub drain_ms: u64,
    pub terminal_ms: u64,
    pub revocation_ms: u64,
}

impl From<Bounds> for history::Bounds {
    fn from(bounds: Bounds) -> Self {
        Self {
            lease_ms: Some(bounds.lease_ms),
            takeover_ms: Some(bounds.takeover_ms),
            progress_ms: Some(bounds.progress_ms),
            drain_ms: Some(bounds.drain_ms),
            terminal_ms: Some(bounds.terminal_ms),
            revocation_ms: Some(bounds.revocation_ms),
            ..Self::default()
        }
    }
}

/// A named defect of a system, for proving that the harness catches it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defect {
    /// Its name.
    pub name: String,
    /// Promises that it breaks; any of them names it.
    pub promises: Vec<String>,
}

/// A promise that a system is known to break in a story.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownFailure {
    /// The story.
    pub story: String,
    /// The promise.
    pub promise: String,
    /// Why it is broken and borne: an issue, a decision.
    pub why: String,
}

/// Formats of stream frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrameFormat {
    /// The AI SDK's UI message stream, with cursors `<epoch>-<seq>`.
    UiMessageStream,
}

/// A place of an attach that a cursor may stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CursorPlace {
    /// The header `Last-Event-ID`.
    LastEventId,
    /// The parameter `after` of the address.
    After,
}

fn header_only() -> Vec<CursorPlace> {
    vec![CursorPlace::LastEventId]
}

/// Paths of a system's routes; `{thread}` stands for a thread's id.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Routes {
    /// `POST` makes a session, `DELETE` revokes the one shown.
    pub sessions: String,
    /// `POST` makes a thread.
    pub threads: String,
    /// `GET` reads a thread.
    pub thread: String,
    /// `POST` sends a message.
    pub messages: String,
    /// `GET` tails the thread as SSE.
    pub attach: String,
    /// `POST` cancels the turn in flight.
    pub cancel: String,
    /// `GET` says whether the pod can serve.
    pub ready: String,
    /// `GET` says whether the pod lives: 503 once it drains.
    pub health: String,
    /// `GET` gives the pod's metrics in Prometheus' text format.
    pub metrics: String,
}

impl Routes {
    /// A route's path for one thread.
    pub fn of_thread(route: &str, thread: &ThreadId) -> String {
        route.replace("{thread}", thread.as_str())
    }
}

/// Names of a system's metrics.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Counter of attempts that a pod gave up because another one had taken the turn.
    pub superseded: String,
    /// Gauge of tails that are open.
    pub tails_open: String,
    /// Gauge of turns that are running.
    pub turns_running: String,
}

/// Where a system's version is set and reported.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// `GET` gives an object in JSON.
    pub route: String,
    /// The field of that object that holds the version, a text.
    pub field: String,
    /// Variable of a pod's environment that makes it say that it is another version.
    pub variable: String,
}

/// How a system's database is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Statement that reads a thread's owner, epoch and status.
    pub owner: String,
    /// Statement that reads a turn's status.
    pub turn: String,
    /// Table of threads.
    pub threads: String,
    /// Table of turns.
    pub turns: String,
    /// Table of an answer's parts.
    pub parts: String,
    /// Table of feedback, where it takes any.
    #[serde(default)]
    pub feedback: Option<String>,
}

/// Where a system's stream log is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Name of the JetStream stream.
    pub stream: String,
    /// Subject of a thread's messages; `{thread}` stands for the thread's id.
    pub subject: String,
    /// Header of a message that carries the id under which clients are shown its frame.
    pub id_header: String,
}

/// How a system takes feedback.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feedback {
    /// `POST` takes an item: `{id, text}`.
    pub post: String,
    /// `GET` tells how many items of the tenant's are stored, as `{count}`.
    pub count: String,
    /// Gauge of the items that a pod has acknowledged and not stored yet.
    pub spooled: String,
    /// Folder of a pod's container where those are kept, a volume of its own.
    pub spool: String,
    /// Text in the body of a refusal for want of room there.
    pub no_room: String,
}

/// The proxies that a system's streams must get through.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxies {
    /// How long they let a stream be silent before they cut it, in milliseconds.
    pub patience_ms: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Capabilities {
    have: Vec<Capability>,
}

/// A system description that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("system description {name}: {reason}")]
pub struct BadDescription {
    name: String,
    reason: String,
}

impl System {
    /// The reference pod.
    pub fn reference() -> Self {
        Self::parse(
            "reference.toml",
            include_str!("../../../fixtures/systems/reference.toml"),
        )
        .expect("the description in this repository is tested")
    }

    /// Reads a description; `name` is used in errors.
    ///
    /// # Errors
    /// A field is missing, unknown or not of its type.
    pub fn parse(name: &str, text: &str) -> Result<Self, BadDescription> {
        toml::from_str(text).map_err(|e| BadDescription {
            name: name.to_owned(),
            reason: e.to_string(),
        })
    }

    /// The promises that it is known to break in a story.
    pub fn expected_failures(&self, story: &str) -> Vec<ExpectedFailure> {
        let of_story = self.expected_failures.iter().filter(|known| known.story == story);
        of_story
            .map(|known| ExpectedFailure {
                promise: known.promise.clone(),
                finding: None,
                sometimes: false,
                why: known.why.clone(),
            })
            .collect()
    }

    /// The form that a cursor is sent in: the one that is wanted where the system takes it, else the one that it takes.
    pub fn cursor_form(&self, wanted: CursorForm) -> CursorForm {
        let takes = |place| self.cursors.contains(&place);
        match (takes(CursorPlace::LastEventId), takes(CursorPlace::After)) {
            (true, true) => wanted,
            (false, true) => CursorForm::After,
            (_, false) => CursorForm::LastEventId,
        }
    }

    /// Its capabilities.
    pub fn capabilities(&self) -> &[Capability] {
        &self.capabilities.have
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_pod_is_described() {
        let system = System::reference();
        assert_eq!(system.designs, ["log"]);
        assert_eq!(
            Routes::of_thread(&system.routes.attach, &ThreadId::from("t9")),
            "/v1/threads/t9/attach"
        );
        assert_eq!(system.bounds.takeover_ms, system.bounds.lease_ms + 100 + 1000);
    }

    #[test]
    fn a_cursor_is_sent_in_a_form_that_the_system_takes() {
        use CursorForm::{After, AfterBesideEmptyHeader, LastEventId};
        let mut system = System::reference();
        assert_eq!(system.cursor_form(AfterBesideEmptyHeader), AfterBesideEmptyHeader);
        system.cursors = vec![CursorPlace::After];
        assert_eq!(system.cursor_form(LastEventId), After);
        let text = include_str!("../../../fixtures/systems/reference.toml");
        let without: String = text
            .lines()
            .filter(|line| !line.starts_with("cursors = "))
            .collect::<Vec<_>>()
            .join("\n");
        let silent = System::parse("silent.toml", &without).expect("the field has a default");
        assert_eq!(silent.cursor_form(After), LastEventId);
    }

    #[test]
    fn an_unknown_field_is_named() {
        let text = include_str!("../../../fixtures/systems/reference.toml").replace("attach = ", "atach = ");
        let error = System::parse("mine.toml", &text).expect_err("a typo is no bound");
        assert!(
            error.to_string().starts_with("system description mine.toml: "),
            "{error}"
        );
        assert!(error.to_string().contains("atach"), "{error}");
    }
}
