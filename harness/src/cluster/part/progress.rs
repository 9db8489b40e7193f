//! Progress of long steps. The command line renders it; nothing here prints.

/// A receiver of progress. Called from several tasks at once.
pub trait Progress: Send + Sync {
    /// A step begins, or a choice was made: one line, with the reason.
    fn step(&self, text: &str);

    /// One line of a program that a step runs (a compiler, a package manager), with the step's name in front.
    fn detail(&self, _line: &str) {}
}

/// Drops all progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _text: &str) {}
}

impl<F: Fn(&str) + Send + Sync> Progress for F {
    fn step(&self, text: &str) {
        self(text);
    }

    fn detail(&self, line: &str) {
        self(line);
    }
}
