//! Progress on standard error: one line that is rewritten on a terminal, plain lines elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cluster::Progress;
use crate::wire::text::visible;

/// Shows steps as they begin.
pub(super) struct Shown {
    bar: ProgressBar,
    plain: bool,
    begun: Instant,
}

impl Shown {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        let plain = bar.is_hidden();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self {
            bar,
            plain,
            begun: Instant::now(),
        }
    }

    /// A line that stays.
    pub(super) fn line(&self, text: &str) {
        let text = visible(text);
        if self.plain {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "{text}");
        } else {
            self.bar.println(text.as_ref());
        }
    }

    pub(super) fn done(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Shown {
    fn step(&self, text: &str) {
        if self.plain {
            self.line(&format!("[{:6.1} s] {text}", self.begun.elapsed().as_secs_f64()));
        } else {
            self.bar.set_message(visible(text).into_owned());
        }
    }

    fn detail(&self, line: &str) {
        self.step(line);
    }
}
