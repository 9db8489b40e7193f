//! Facts that several promises ask for: the difference of two words, the oracle's text, takeovers without a reason, provider calls that overlap.

pub(in crate::judge) mod difference;
pub(in crate::judge) mod oracle;
pub(in crate::judge) mod overlapping_calls;
pub(in crate::judge) mod unjustified_takeovers;
