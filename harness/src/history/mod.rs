//! The history of a run: one append-only list of events, from every source, in one order.
//!
//! Everything after this module is a pure function of it. A run writes its history as it goes ([`writer`]), a
//! judge reads it ([`reader`]), today or a year later. Deliberately absent: any clock that is not the harness's
//! own. The time of another machine is kept inside the event as a remark and never compared.

mod began;
mod client;
mod edge;
mod event;
mod fault;
mod ids;
mod older;
mod outcome;
mod provider;
pub mod reader;
mod stores;
mod stream;
mod watcher;
pub mod writer;

pub use began::*;
pub use client::*;
pub use edge::*;
pub use event::*;
pub use fault::*;
pub use ids::*;
pub use outcome::Outcome;
pub use provider::*;
pub use stores::*;
pub use stream::*;
pub use watcher::*;
