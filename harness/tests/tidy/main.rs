//! The rules of this repository that a reader would otherwise have to trust: allowed imports, lengths, and names that must
//! agree.
//!
//! Sources are read as text, formatted by rustfmt. Each rule counts the files that it saw: a rule that saw too few is red.

mod arrows;
mod documents;
mod fault_names;
mod floors;
mod imports;
mod lengths;
mod modules;
mod names;
mod sources;
mod tokens;
