//! An answer that is none: the turn fails at once and in words, and no part of it passes for the whole.

use crosspod::plan::{Bad, BadKind, Oddity, Page};
use crosspod::run::{Cast, Played};

use super::beside::unsound;

pub(super) async fn pages(c: &mut Cast) -> Played {
    let pages = Page::WORDS.iter().map(|(_, page)| vec![Oddity::Page(*page)]);
    unsound(c, pages.collect()).await
}

pub(super) async fn unreadable(c: &mut Cast) -> Played {
    let kinds = BadKind::WORDS.iter().map(|(_, kind)| {
        let bad = Bad { after: 3, kind: *kind };
        vec![Oddity::Bad(bad)]
    });
    unsound(c, kinds.collect()).await
}
