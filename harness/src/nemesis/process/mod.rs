//! Faults of a part's process: it is killed, frozen or asked to end.

pub(super) mod kill;
pub(super) mod pause;
pub(super) mod stop;
pub(super) mod terminate;
