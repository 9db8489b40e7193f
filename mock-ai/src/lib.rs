//! A mock OpenAI-compatible streaming provider whose every answer is known beforehand, and which can be held at an
//! exact token.
//!
//! Without the `server` feature the crate is the vocabulary that the provider shares with whoever judges what it said:
//! [`token`] (the text of an answer), [`script`] (what a caller asks for) and [`journal`] (what the provider remembers).
//! With it comes `server`: the provider's own endpoints on one address and the admin interface on another.
//!
//! Request flow: `server` reads a request, `script` turns its hints into a plan, `state` gives the call its ordinal and
//! remembers it, `server` walks the plan token by token, and `admin` looks at and steers what `state` holds.

pub mod journal;
pub mod script;
pub mod token;

#[cfg(feature = "server")]
mod admin;
#[cfg(feature = "server")]
mod refusal;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
mod state;
