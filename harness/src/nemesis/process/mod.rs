//! Faults of a part's process: it is killed, frozen or asked to end.

mod kill;
mod pause;
mod stop;
mod terminate;
