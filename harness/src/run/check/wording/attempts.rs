//! The text that two attempts of one turn leave on the screen of a client that follows the description.

use std::collections::BTreeSet;

use super::screen::Screen;
use crate::run::check::places::Places;
use crate::run::check::section::Line;
use crate::system::reading::TextToken;
use crate::system::stream::{Resets, Says, Stream};

/// The word of the rule for starts about resets, with its place. `None` if no rule is for starts.
pub(in crate::run) fn resets<'s>(stream: &'s Stream, places: &Places) -> Option<(&'s Resets, Option<(usize, usize)>)> {
    let start = stream.frames.iter().position(|rule| rule.says == Says::Start)?;
    let place = places.of(&format!("stream.frames[{start}].resets"));
    Some((&stream.frames[start].resets, place))
}

/// Lines about the screen after a takeover. `resets` is what the rule for starts says, with its place.
pub(in crate::run) fn screen(
    screen: &Screen,
    tokens: &[TextToken],
    resets: Option<(&Resets, Option<(usize, usize)>)>,
) -> Vec<Line> {
    let calls: BTreeSet<u32> = tokens.iter().map(|token| token.call).collect();
    let (resets, place) = resets.unzip();
    let place = place.flatten();
    let mut lines = vec![Line::info(format!(
        "a client that follows this file is left with {}",
        left(tokens)
    ))];
    match (calls.len() > 1, resets) {
        (true, Some(Resets::Fixed(false)) | None) => {
            let text = "both attempts stand one behind the other: if your client drops the first when the second begins, say \
                        resets = true in the rule for the start";
            lines.push(Line::warn(text).at(place));
        }
        (true, Some(_)) => {
            let text = "both attempts stand one behind the other, though a start may reset: none did";
            lines.push(Line::warn(text).at(place));
        }
        (false, Some(Resets::Fixed(true))) if screen.resets > 1 => {
            lines.push(Line::warn("a repeated start counts as a reset: is that what your client does?").at(place));
        }
        (false, _) if !tokens.is_empty() => lines.push(Line::ok("one attempt alone")),
        (false, _) => lines.push(Line::warn("nothing of the answer is on the screen")),
    }
    lines
}

/// The tokens of a screen, as runs of each call.
fn left(tokens: &[TextToken]) -> String {
    let mut runs: Vec<(TextToken, TextToken)> = Vec::new();
    for &token in tokens {
        match runs.last_mut() {
            Some((_, last)) if last.call == token.call && last.index + 1 == token.index => *last = token,
            _ => runs.push((token, token)),
        }
    }
    let said = runs.iter().map(|(first, last)| {
        if first == last {
            format!("token {} of call {}", first.index, first.call)
        } else {
            format!("tokens {} to {} of call {}", first.index, last.index, first.call)
        }
    });
    let said: Vec<String> = said.collect();
    if said.is_empty() {
        "no token".to_owned()
    } else {
        said.join(", then ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::language::PointerList;

    fn lines(tokens: &[(u32, u32)], resets: &Resets) -> Vec<String> {
        let tokens: Vec<TextToken> = tokens.iter().map(|&(call, index)| TextToken { call, index }).collect();
        let shown = Screen {
            resets: 2,
            ..Screen::default()
        };
        let lines = screen(&shown, &tokens, Some((resets, None)));
        lines.into_iter().map(|line| line.text).collect()
    }

    fn flag() -> Resets {
        Resets::At(PointerList::parse(&["/reset"]).expect("a pointer"))
    }

    #[test]
    fn both_attempts_on_a_screen_name_the_rule_that_says_so() {
        let both = [(1, 1), (1, 2), (2, 1), (2, 2)];
        let got = lines(&both, &Resets::Fixed(false));
        assert_eq!(
            got[0],
            "a client that follows this file is left with tokens 1 to 2 of call 1, then tokens 1 to 2 of call 2"
        );
        assert!(got[1].contains("say resets = true"), "{got:?}");
        assert!(lines(&both, &flag())[1].contains("none did"), "a flag tells");
    }

    #[test]
    fn a_reset_that_the_description_assumes_is_pointed_out() {
        let got = lines(&[(2, 1), (2, 2)], &Resets::Fixed(true));
        assert!(got[1].starts_with("a repeated start counts as a reset"), "{got:?}");
        assert_eq!(lines(&[(2, 1), (2, 2)], &flag())[1], "one attempt alone");
        assert!(lines(&[], &flag())[0].ends_with("left with no token"));
    }
}
