//! NATS JetStream: the stream that holds the system's log, and its messages as they come.

mod dump;
pub mod feed;
mod monitor;
pub mod stream;
