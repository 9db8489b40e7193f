//! `[statuses]`: the system's words for where a turn or thread stands.

use crate::system::table::{Node, Problem, table, words};

words! {
    /// Where a turn or thread stands.
    pub Meaning {
        /// A thread without a turn in flight.
        Idle = "idle",
        /// Accepted, and claimed by nobody.
        Queued = "queued",
        /// In work.
        Running = "running",
        /// Waiting for a person.
        Waiting = "waiting",
        /// Over, with a whole answer.
        Completed = "completed",
        /// Over, with an error.
        Failed = "failed",
        /// Over, because somebody stopped it.
        Cancelled = "cancelled",
        /// Over, because of a death.
        Lost = "lost",
    }
}

table! {
    /// The system's words for where a turn or thread stands, as rows, frames and API say them. A word in no list is a finding.
    pub Statuses = "[statuses]" {
        /// Words for a thread without a turn in flight.
        idle: Vec<String>,
        /// Words for a turn that is accepted and claimed by nobody.
        queued: Vec<String>,
        /// Words for a turn in work.
        running: Vec<String>,
        /// Words for a turn that waits for a person.
        waiting: Vec<String>,
        /// Words for a turn with a whole answer.
        completed: Vec<String>,
        /// Words for a turn that ended with an error.
        failed: Vec<String>,
        /// Words for a turn that somebody stopped.
        cancelled: Vec<String>,
        /// Words for a turn that ended by a death.
        lost: Vec<String>,
    }
    check check_words
}

/// Words that mislead, with the meanings that they may well have.
const MISLEADING: [(&str, &[Meaning]); 3] = [
    ("interrupted", &[Meaning::Cancelled, Meaning::Lost, Meaning::Waiting]),
    ("error", &[Meaning::Failed]),
    ("idle", &[Meaning::Idle, Meaning::Waiting]),
];

impl Statuses {
    /// The lists, each with its meaning.
    pub fn lists(&self) -> [(Meaning, &[String]); 8] {
        [
            (Meaning::Idle, &self.idle),
            (Meaning::Queued, &self.queued),
            (Meaning::Running, &self.running),
            (Meaning::Waiting, &self.waiting),
            (Meaning::Completed, &self.completed),
            (Meaning::Failed, &self.failed),
            (Meaning::Cancelled, &self.cancelled),
            (Meaning::Lost, &self.lost),
        ]
    }

    /// The meaning of a word. Returns `None` if no list has it, which is a finding.
    pub fn meaning_of(&self, word: &str) -> Option<Meaning> {
        let lists = self.lists();
        let list = lists
            .iter()
            .find(|(_, words)| words.iter().any(|known| known == word))?;
        Some(list.0)
    }

    /// True if no word has a meaning.
    pub fn is_empty(&self) -> bool {
        self.lists().iter().all(|(_, words)| words.is_empty())
    }
}

fn check_words(statuses: &Statuses, node: &Node, found: &mut Vec<Problem>) {
    let mut said: Vec<(&str, Meaning)> = Vec::new();
    for (meaning, words) in statuses.lists() {
        for (n, word) in words.iter().enumerate() {
            let place = node.find(&format!("{}.{meaning}[{n}]", node.path)).unwrap_or(node);
            if let Some((_, first)) = said.iter().find(|(known, first)| known == word && *first != meaning) {
                found.push(Problem::at(place, format!("{word:?} is already listed as {first}")));
            }
            if let Some((_, likely)) = MISLEADING.iter().find(|(known, _)| known == word)
                && !likely.contains(&meaning)
            {
                let likely: Vec<&str> = likely.iter().map(|meaning| meaning.word()).collect();
                let problem = Problem::at(place, format!("{word:?} is an unlikely word for {meaning}"));
                found.push(
                    problem
                        .help(format!("such a word means {} elsewhere", likely.join(" or ")))
                        .warning(),
                );
            }
            said.push((word, meaning));
        }
    }
}
