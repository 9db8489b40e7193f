//! The language in which a description says things: placeholders, pointers, patterns, predicates, durations. Pure.
//!
//! Each type is read from text with `parse`, and from a file with `serde` through the same `parse`. Errors are messages for the
//! person who writes the description; file, line and column are the loader's to add.

mod duration;
mod expression;
mod glob;
mod json_template;
mod pattern;
mod pointer;
mod pointer_list;
mod predicate;
mod template;
mod values;

pub use duration::{Share, Timespan};
pub use expression::Expression;
pub use glob::Glob;
pub use json_template::{Fields, JsonTemplate};
pub use pattern::Pattern;
pub use pointer::Pointer;
pub use pointer_list::{Lookup, PointerList};
pub use predicate::Predicate;
pub use template::Template;
pub use values::{Mistake, UnknownName, Values};
