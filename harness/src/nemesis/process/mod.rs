//! Faults of a part's process: it is killed, frozen or told to stop.

mod kill;
mod pause;
mod stop;
mod terminate;
