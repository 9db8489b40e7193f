//! The report of a check: sections of lines, each with a mark and, where the description says it, the place to look at.

use serde::Serialize;

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// It is as the description says.
    Ok,
    /// It is not: the description, or the system, must change before a run means anything.
    Bad,
    /// It may be meant otherwise: worth a look.
    Warn,
    /// The description does not say it yet.
    Open,
    /// An observation.
    Info,
}

/// One line of a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// How it is meant.
    pub mark: Mark,
    /// The observation, and what to write where something is wrong.
    pub text: String,
    /// Line and column of the description that it is about, both from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<(usize, usize)>,
}

/// One step of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Name of the step, in capitals.
    pub name: String,
    /// Its lines, in the order of what happened.
    pub lines: Vec<Line>,
}

/// All that a check saw of a system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The system's name.
    pub system: String,
    /// The file of its description.
    pub file: String,
    /// The command that runs stories on it.
    pub run: String,
    /// The design, if the description has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub design: Option<String>,
    /// The profile, if the description has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The pods, and the parts that can be broken.
    pub parts: Vec<String>,
    /// The steps, in their order.
    pub sections: Vec<Section>,
}

impl Line {
    /// A line that is as the description says.
    pub fn ok(text: impl Into<String>) -> Self {
        Self::of(Mark::Ok, text)
    }

    /// A line about a mistake.
    pub fn bad(text: impl Into<String>) -> Self {
        Self::of(Mark::Bad, text)
    }

    /// A line about something that may be meant otherwise.
    pub fn warn(text: impl Into<String>) -> Self {
        Self::of(Mark::Warn, text)
    }

    /// A line about a value that is still to be said.
    pub fn open(text: impl Into<String>) -> Self {
        Self::of(Mark::Open, text)
    }

    /// A line that is an observation.
    pub fn info(text: impl Into<String>) -> Self {
        Self::of(Mark::Info, text)
    }

    /// The same line about a place of the description.
    #[must_use]
    pub fn at(self, line: Option<(usize, usize)>) -> Self {
        Self { line, ..self }
    }

    fn of(mark: Mark, text: impl Into<String>) -> Self {
        Self {
            mark,
            text: text.into(),
            line: None,
        }
    }
}

impl Section {
    /// A section without lines.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            lines: Vec::new(),
        }
    }

    /// The section of one line.
    pub fn of_line(name: impl Into<String>, line: Line) -> Self {
        Self {
            lines: vec![line],
            ..Self::new(name)
        }
    }

    /// Adds a line.
    pub fn push(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// True if a line of it is about a mistake.
    pub fn is_bad(&self) -> bool {
        self.lines.iter().any(|line| line.mark == Mark::Bad)
    }
}

impl Checked {
    /// How many lines are about mistakes.
    pub fn mistakes(&self) -> usize {
        self.lines_of(Mark::Bad)
    }

    /// How many values are still to be said.
    pub fn open(&self) -> usize {
        self.lines_of(Mark::Open)
    }

    fn lines_of(&self, mark: Mark) -> usize {
        let lines = self.sections.iter().flat_map(|section| &section.lines);
        lines.filter(|line| line.mark == mark).count()
    }
}
