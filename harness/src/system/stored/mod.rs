//! What stores hold of turns: rows, statuses, owners.

pub mod asked;
pub mod owner;
pub mod rows;
pub mod statuses;
pub mod tables;

pub use asked::Asked;
pub use owner::{OnDeath, OwnerMap, OwnerRule};
pub use rows::{Column, RowKind, RowRule};
pub use statuses::{Meaning, Statuses};
pub use tables::Tables;
