//! Wires the pipeline: clusters as slots, stories played on them, histories judged, reports made.
//!
//! Only `run` and `cli` know all other modules.

mod cast;
pub mod check;
mod collect;
mod error;
mod footprints;
mod leftovers;
mod play;
mod played_log;
mod session;
mod slot;
mod stopped;
mod story;

pub use cast::Cast;
pub use cast::edge::clients::Answered;
pub use cast::edge::kept_open::KeptOpen;
pub use cast::edge::load::{LoadCourse, LoadPlan, SteadyLoad};
pub use cast::edge::rollout::EdgeSide;
pub use cast::faults::NemesisSide;
pub use cast::faults::inject::{Fault, Injected};
pub use cast::faults::stores::LostLog;
pub use cast::feedback::FeedbackBatch;
pub use cast::posts::Posting;
pub use cast::provider::ProviderSide;
pub use cast::turn::{Account, Turn};
pub use cast::watchers::{Tails, Watcher};
pub use error::{HealError, RunError};
pub use session::dry_run::{DryRun, PlannedPlay};
pub use session::live_run::{LiveRun, artefacts, conditions};
pub use session::matrix::{Matrix, MatrixOptions, MatrixProgress};
pub use session::options::{Options, Selected};
pub use session::shard::Shard;
pub use session::side_by_side::side_by_side;
pub use session::{Session, Setting};
pub use stopped::{Played, Stopped};

pub use crate::workload::{EdgeClient, OddCookie};
pub use story::{Play, Story};
