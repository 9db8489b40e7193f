//! NATS JetStream, as the harness reads and disturbs it: the stream that holds the system's log, and its messages as they come.

mod dump;
pub mod feed;
pub mod stream;
