//! A mistake in a description: its place, the mistake, and the words to write instead.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// A mistake, or a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Bytes of the text that are wrong.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// False: the description can be used as it is.
    pub is_error: bool,
    /// True: something is missing, and may be so because of a mistake of grammar.
    pub is_absence: bool,
}

impl Problem {
    /// A mistake at a place of the text.
    pub fn new(span: &Range<usize>, message: impl Into<String>) -> Self {
        Self {
            span: span.clone(),
            message: message.into(),
            help: None,
            is_error: true,
            is_absence: false,
        }
    }

    /// The same, with what to write instead.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }

    /// The same, of something that is missing.
    #[must_use]
    pub fn absence(self) -> Self {
        Self {
            is_absence: true,
            ..self
        }
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(self) -> Self {
        Self {
            is_error: false,
            ..self
        }
    }
}

/// A text with its name, for messages that show where something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file, as the user named it.
    pub name: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
}

impl Source {
    /// Line and column of a byte, both from 1; a column counts characters.
    pub fn place(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        let lines = before.bytes().filter(|byte| *byte == b'\n').count();
        (lines + 1, before[line..].chars().count() + 1)
    }
}

/// Every problem of a description, in the order of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    source: Source,
    all: Vec<Problem>,
}

impl Problems {
    /// Puts problems in order. One that was found twice, by two designs say, is kept once.
    pub fn new(source: Source, mut all: Vec<Problem>) -> Self {
        all.sort_by(|one, other| (one.span.start, &one.message).cmp(&(other.span.start, &other.message)));
        all.dedup();
        Self { source, all }
    }

    /// The problems, in the order of the text.
    pub fn all(&self) -> &[Problem] {
        &self.all
    }

    /// True if the description cannot be used.
    pub fn has_errors(&self) -> bool {
        self.all.iter().any(|problem| problem.is_error)
    }

    /// Each problem in one line: `system.toml:12:8 pods.copies: ...`.
    pub fn lines(&self) -> Vec<String> {
        let line = |problem: &Problem| {
            let (line, column) = self.source.place(problem.span.start);
            let help = problem.help.as_ref().map_or(String::new(), |help| format!("; {help}"));
            format!("{}:{line}:{column} {}{help}", self.source.name, problem.message)
        };
        self.all.iter().map(line).collect()
    }

    /// The problems as a person reads them, each with its line of the text.
    ///
    /// `renderer` says whether with colours.
    pub fn render(&self, renderer: &Renderer) -> String {
        let one = |problem: &Problem| {
            let level = if problem.is_error { Level::ERROR } else { Level::WARNING };
            let marked = AnnotationKind::Primary.span(within(&problem.span, &self.source.text));
            let snippet = Snippet::source(&*self.source.text)
                .path(&*self.source.name)
                .annotation(marked);
            let mut group = level.primary_title(&*problem.message).element(snippet);
            if let Some(help) = &problem.help {
                group = group.element(Level::HELP.message(&**help));
            }
            renderer.render(&[group])
        };
        self.all.iter().map(one).collect::<Vec<_>>().join("\n\n")
    }
}

/// A span that lies inside the text, on the borders of characters.
fn within(span: &Range<usize>, text: &str) -> Range<usize> {
    let floor = |byte: usize| text.floor_char_boundary(byte);
    let start = floor(span.start);
    start..floor(span.end).max(start)
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(all: Vec<Problem>) -> Problems {
        let source = Source {
            name: "system.toml".into(),
            text: "name = \"ü\"\nrole = \"pg\"\n".into(),
        };
        Problems::new(source, all)
    }

    #[test]
    fn problems_stand_in_the_order_of_the_text_and_once() {
        let late = Problem::new(&(19..23), "role \"pg\"").help("did you mean \"postgres\"?");
        let early = Problem::new(&(7..11), "odd").warning();
        let found = problems(vec![late.clone(), early, late]);
        assert_eq!(
            found.lines(),
            [
                "system.toml:1:8 odd",
                "system.toml:2:8 role \"pg\"; did you mean \"postgres\"?"
            ]
        );
        assert!(found.has_errors());
        assert!(!problems(vec![Problem::new(&(0..1), "odd").warning()]).has_errors());
    }

    #[test]
    fn a_person_is_shown_the_line() {
        let late = Problem::new(&(19..23), "role \"pg\"").help("did you mean \"postgres\"?");
        let shown = problems(vec![late]).to_string();
        assert_eq!(
            shown,
            "error: role \"pg\"\n --> system.toml:2:8\n  |\n2 | role = \"pg\"\n  |        ^^^^\n  |\n  = help: did you mean \"postgres\"?"
        );
    }

    #[test]
    fn a_span_outside_the_text_is_no_panic() {
        let found = problems(vec![Problem::new(&(90..99), "odd"), Problem::new(&(9..10), "odd")]);
        assert_eq!(found.lines().len(), 2);
        assert!(found.to_string().contains("odd"));
    }
}
