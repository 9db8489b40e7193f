//! A story: its name, the defects that it must catch, the evidence that it promises, and its play.

use std::future::Future;
use std::pin::Pin;

use super::cast::Cast;
use super::stopped::Played;

/// A story of the registry.
#[derive(Clone, Copy)]
pub struct Story {
    /// Its name: the play's function, the trial's name, the command line's filter.
    pub name: &'static str,
    /// The failure that the story provokes, and how, in one sentence.
    pub about: &'static str,
    /// Defects that it must catch.
    pub catches: &'static [&'static str],
    /// Marks that it must reach for a pass to mean anything.
    pub evidence: &'static [&'static str],
    /// The play.
    pub play: Play,
}

/// A story's play.
pub type Play = for<'a> fn(&'a mut Cast) -> Pin<Box<dyn Future<Output = Played> + Send + 'a>>;
