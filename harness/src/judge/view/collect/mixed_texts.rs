//! Finds the texts that hold anything but one provider call for their own turn, once for all promises that ask
//! for them.

use crate::judge::view::View;
use crate::judge::view::entities::mixed_text::{Holder, MixedText};
use crate::judge::view::entities::watcher::Fit;
use crate::judge::view::text::{CallRun, Text};

/// Looks through every text of every turn: the longest of each attempt, each shown text that is not its
/// beginning, and each text that was read.
pub(in crate::judge::view) fn gather(view: &mut View<'_>) {
    let mixed_texts = stored(view).chain(shown(view)).chain(read(view)).collect();
    view.mixed_texts = mixed_texts;
}

fn stored<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = MixedText<'a>> + 'v {
    view.turns.iter().enumerate().flat_map(move |(place, turn)| {
        let texts = turn.references.iter();
        texts.filter_map(move |(epoch, text)| {
            let call_runs = odd(view, Some(place), text)?;
            Some(MixedText {
                by: Holder::Attempt(*epoch),
                turn: turn.id,
                place: Some(place),
                thread: turn.thread,
                call_runs,
            })
        })
    })
}

fn shown<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = MixedText<'a>> + 'v {
    view.watchers.iter().flat_map(move |watcher| {
        watcher.turns.iter().flat_map(move |(place, seen)| {
            let turn = &view.turns[*place];
            // A showing that lies along its attempt's text needs no look of its own.
            let own = seen
                .showings
                .iter()
                .filter(|showing| !matches!(showing.fit, Fit::Along { .. }));
            own.filter_map(move |showing| {
                let call_runs = odd(view, Some(*place), &showing.text)?;
                Some(MixedText {
                    by: Holder::Screen(watcher.label()),
                    turn: turn.id,
                    place: Some(*place),
                    thread: turn.thread,
                    call_runs,
                })
            })
        })
    })
}

fn read<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = MixedText<'a>> + 'v {
    view.reads.iter().flat_map(move |read| {
        read.answers.iter().filter_map(move |answer| {
            // A turn of another thread is not at home here, whatever is heard in it.
            let is_at_home = |place: &usize| view.turns[*place].thread == Some(read.thread);
            let answered = view.answered(answer);
            let turn = answered.map(|place| view.turns[place].id).or(answer.turn.as_ref())?;
            let place = answered.filter(is_at_home);
            let call_runs = odd(view, place, &Text::of(read.at.n, &answer.text))?;
            Some(MixedText {
                by: Holder::Reading(read.pod),
                turn,
                place,
                thread: Some(read.thread),
                call_runs,
            })
        })
    })
}

/// Returns the call runs of a text, if it holds anything but one call for its turn.
fn odd(view: &View<'_>, place: Option<usize>, text: &Text<'_>) -> Option<Vec<CallRun>> {
    let expect = place.and_then(|place| view.turns[place].expect);
    let is_as_expected = expect.is_some_and(|expect| text.is_of_one_call_for(expect.key.as_str()));
    (!is_as_expected).then(|| text.call_runs())
}
