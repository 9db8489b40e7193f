//! `crosspod`: brings up several pods of a streaming LLM service, breaks them at chosen moments, and judges what every
//! client saw against what every store holds.
//!
//! The modules are the pipeline, in order: a [`plan`] is played on a [`cluster`] by the [`workload`] while the [`nemesis`]
//! breaks things; all of it becomes one [`history`]; [`judge`] makes a [`verdict`] of that, and [`report`] tells it.

pub mod cli;
pub mod cluster;
pub mod history;
pub mod init;
pub mod judge;
pub mod nemesis;
pub mod plan;
pub mod report;
pub mod roles;
pub mod run;
pub mod system;
pub mod verdict;
pub mod wait;
pub mod wire;
pub mod workload;
