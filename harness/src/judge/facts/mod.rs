//! Facts that promises ask for: the difference of two words, growth behind rounds of turns, the oracle's text, takeovers without a reason,
//! provider calls that overlap, the provider's work for a turn, session starts, stops, and pods without work.

pub(in crate::judge) mod difference;
pub(in crate::judge) mod growth;
pub(in crate::judge) mod idle_pods;
pub(in crate::judge) mod oracle;
pub(in crate::judge) mod overlapping_calls;
pub(in crate::judge) mod provider_work;
pub(in crate::judge) mod session_starts;
pub(in crate::judge) mod stops;
pub(in crate::judge) mod unjustified_takeovers;
