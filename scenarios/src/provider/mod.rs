//! A story for each way in which providers differ: nothing that one sends may end a pod or leave a thread in progress.
//!
//! Each plays on every pod beside a healthy turn in another thread, which must neither wait nor suffer, and ends with one more
//! turn in the same thread. None has a defect to catch.

mod beside;
mod fields;
mod lines;
mod refused;
mod text;

use crosspod::history::Capability;
use crosspod::run::Story;
use crosspod::system::needs::Need;

use self::beside::{BESIDE, FAILED, SENT, WHOLE};

/// A story's entry: the function's name behind `provider::` is the story's.
macro_rules! odd {
    ($family:ident::$name:ident: $about:literal, $end:expr) => {
        odd!($family::$name: $about, $end, &[Need::Attach])
    };
    ($family:ident::$name:ident: $about:literal, $end:expr, $needs:expr) => {
        Story {
            name: concat!("provider::", stringify!($name)),
            about: $about,
            needs: $needs,
            faults: &[],
            catches: &[],
            evidence: &[SENT, $end, BESIDE],
            play: |cast| Box::pin($family::$name(cast)),
        }
    };
}

/// Every story about odd input from the provider.
pub(crate) fn oddities() -> Vec<Story> {
    vec![
        odd!(lines::byte_order_mark: "the provider's stream begins with a byte order mark", WHOLE),
        odd!(lines::line_ends: "the provider's lines end with CR LF, or with CR alone", WHOLE),
        odd!(lines::pings: "the provider keeps its connection open with comments, events, empty data and retry lines", WHOLE),
        odd!(fields::finish_reasons: "the provider's reasons to stop are empty, no words, or on every chunk", WHOLE),
        odd!(fields::closing_text: "the last text stands in the chunk that closes the answer", WHOLE),
        odd!(fields::usage_after_a_pause: "the provider counts tokens after a pause, or never says that it is done", WHOLE),
        odd!(fields::reasoning: "the model's reasoning comes before, among and beside its answer", WHOLE),
        odd!(fields::fields_that_say_nothing: "the provider's chunks have missing, null and empty fields", WHOLE),
        odd!(
            text::nul: "the model says a NUL, which Postgres cannot store",
            WHOLE,
            // The form in which it is shown is that in which it is stored.
            &[Need::Attach, Need::Has(Capability::StoredText)]
        ),
        odd!(text::surrogate_halves: "a character's halves come in two deltas, or one never comes", WHOLE),
        odd!(text::scripts: "the model says emoji, text from right to left, markup, marks and control characters", WHOLE),
        odd!(refused::pages: "the provider answers with a page, a document, an encoded body or nothing", FAILED),
        odd!(refused::unreadable: "the provider says something in the middle of an answer that nobody can read", FAILED),
    ]
}
