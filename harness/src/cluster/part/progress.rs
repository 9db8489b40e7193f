//! How long steps tell where they are. The command line renders it; nothing here prints.

/// Told of each step as it begins. Called from several tasks at once.
pub trait Progress: Send + Sync {
    /// A step begins, or a choice was made: one line, with its reason.
    fn step(&self, text: &str);

    /// A line of output of the step that is running; for those who want to see everything.
    fn detail(&self, _line: &str) {}
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _text: &str) {}
}

impl<F: Fn(&str) + Send + Sync> Progress for F {
    fn step(&self, text: &str) {
        self(text);
    }
}
