//! Promise 12: no text joins the output of two provider calls.

use std::collections::BTreeSet;

use crate::judge::Promise;
use crate::judge::view::{Breach, Holder, MixedText, View};

pub(crate) const PROMISE: Promise = Promise {
    number: 12,
    name: "NoSplice",
    statement: "no text, on a screen, in the store or in a reading, holds tokens of two provider calls",
    needs: &[],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut reported = BTreeSet::new();
    // One finding a subject: a text that is read ten times is spliced once.
    view.mixed_texts
        .iter()
        .filter_map(check)
        .filter(|breach| reported.insert(breach.subject.clone()))
        .collect()
}

fn check(mixed: &MixedText<'_>) -> Option<Breach> {
    let [first, second, ..] = &mixed.call_runs[..] else {
        return None;
    };
    Some(Breach {
        subject: match mixed.by {
            Holder::Attempt(_) => mixed.holder(),
            Holder::Screen(_) | Holder::Reading(_) => format!("{}, turn {}", mixed.holder(), mixed.turn),
        },
        thread: mixed.thread,
        n: second.n,
        expected: format!("tokens of call {} for `{}` only", first.call, first.key),
        got: format!("`{}`, of call {} for `{}`", second.first, second.call, second.key),
    })
}

#[cfg(test)]
mod tests {
    use crate::history::Status;
    use crate::judge::testing::{answer, delta, part, read, start, takeover, token};

    const NAME: &str = "NoSplice";

    #[test]
    fn two_attempts_with_a_reset_between_them_are_accepted() {
        takeover().keeps(NAME);
    }

    #[test]
    fn two_attempts_in_one_text_on_a_screen_are_found() {
        let mut play = takeover();
        play.turn_into(&start(3, 2, true), start(3, 2, false));
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "w3 on pod-3, turn turn-1");
        assert_eq!(finding.expected, "tokens of call 1 for `key-1` only");
        assert!(finding.got.starts_with("`~key-1.c2.k1."), "{}", finding.got);
    }

    #[test]
    fn two_attempts_in_the_store_are_found() {
        let mut play = takeover();
        play.turn_into(&part(44, 2, 4, token(2, 4)), part(44, 2, 4, token(1, 4)));
        assert_eq!(play.breaks(NAME).subject, "turn turn-1, attempt at epoch 2");
    }

    #[test]
    fn two_attempts_in_a_reading_are_found() {
        let mut play = takeover();
        let spliced = token(1, 1) + &answer(2);
        play.turn_into(
            &read("pod-1", Status::Completed, answer(2), None),
            read("pod-1", Status::Completed, spliced, None),
        );
        assert_eq!(play.breaks(NAME).subject, "thread read from pod-1, turn turn-1");
    }

    #[test]
    fn text_without_tokens_is_not_judged() {
        let mut play = takeover();
        play.turn_into(&delta(3, 2, 4, token(2, 4)), delta(3, 2, 4, "plain ~ words "));
        play.keeps(NAME);
    }
}
