//! What the system is judged by: bounds, known bugs, defects; and what only some systems have: metrics, feedback.

pub mod bounds;
pub mod designs;
pub mod expected;
pub mod feedback;
pub mod metrics;

pub use bounds::{Bound, Bounds, Derived, EdgeTimings, Profile};
pub use designs::Design;
pub use expected::{Defect, Expected};
pub use feedback::{Count, Feedback};
pub use metrics::Metrics;
