//! Systems that are not like the reference pod: what the judge must not accuse them of, and what it must not pass over.
//!
//! Each test is a short history. Its sound form is not accused; its twin, changed in one place, is. The scene that most
//! begin from has no epochs, no rows of text and no tails of threads: a turn has an owner of its own, a tail shows one turn,
//! and what is stored is what every pod reads back.

mod attempts;
mod bounds;
mod calls;
mod claims;
mod cursors;
mod ends;
mod logs;
mod owners;
mod readings;
mod requests;
mod resumes;
mod scene;
mod tails;
mod texts;
