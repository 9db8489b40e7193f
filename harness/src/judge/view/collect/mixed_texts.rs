//! Texts in which something else is heard than one call for their own turn: the few that promises about splices and
//! strangers have to look at, found once for all of them.

use crate::judge::view::View;
use crate::judge::view::entities::mixed_text::{Heard, Holder};
use crate::judge::view::entities::watcher::Fit;
use crate::judge::view::text::{Text, Voice};

/// Looks through every text that anything held of a turn: the longest of each attempt, each that was shown and is not its
/// beginning, and each that was read.
pub(in crate::judge::view) fn gather(view: &mut View<'_>) {
    let heard = stored(view).chain(shown(view)).chain(read(view)).collect();
    view.heard = heard;
}

fn stored<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = Heard<'a>> + 'v {
    view.turns.iter().enumerate().flat_map(move |(place, turn)| {
        let texts = turn.references.iter();
        texts.filter_map(move |(epoch, text)| {
            let voices = odd(view, Some(place), text)?;
            Some(Heard {
                by: Holder::Attempt(*epoch),
                turn: turn.id,
                place: Some(place),
                thread: turn.thread,
                voices,
            })
        })
    })
}

fn shown<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = Heard<'a>> + 'v {
    view.watchers.iter().flat_map(move |watcher| {
        watcher.turns.iter().flat_map(move |(place, seen)| {
            let turn = &view.turns[*place];
            // What lies along its attempt's text is heard there.
            let own = seen
                .showings
                .iter()
                .filter(|showing| !matches!(showing.fit, Fit::Along { .. }));
            own.filter_map(move |showing| {
                let voices = odd(view, Some(*place), &showing.text)?;
                Some(Heard {
                    by: Holder::Screen(watcher.label()),
                    turn: turn.id,
                    place: Some(*place),
                    thread: turn.thread,
                    voices,
                })
            })
        })
    })
}

fn read<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = Heard<'a>> + 'v {
    view.reads.iter().flat_map(move |read| {
        read.answers.iter().filter_map(move |answer| {
            // A turn of another thread is not at home here, whatever is heard in it.
            let is_at_home = |place: &usize| view.turns[*place].thread == Some(read.thread);
            let place = view.turn(&answer.turn).filter(is_at_home);
            let voices = odd(view, place, &Text::of(read.at.n, &answer.text))?;
            Some(Heard {
                by: Holder::Reading(read.pod),
                turn: &answer.turn,
                place,
                thread: Some(read.thread),
                voices,
            })
        })
    })
}

/// What is heard in the text of a turn, where that is anything but one call for it.
fn odd(view: &View<'_>, place: Option<usize>, text: &Text<'_>) -> Option<Vec<Voice>> {
    let expect = place.and_then(|place| view.turns[place].expect);
    let is_as_expected = expect.is_some_and(|expect| text.is_of_one_call_for(expect.key.as_str()));
    (!is_as_expected).then(|| text.voices())
}
