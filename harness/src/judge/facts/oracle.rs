//! The oracle: the text as it would be if the provider's answer had arrived whole, once, from one call.

use mock_ai::token::Answer;

use super::difference::instead_of;
use crate::history::Expect;
use crate::judge::view::{Text, oneline};

/// The place at which a text leaves the oracle.
pub(crate) struct Odd {
    /// Event that brought the first wrong byte, or the last event of a text that ends too early. `None` for
    /// an empty text.
    pub(crate) n: Option<u64>,
    /// The oracle's token at that place.
    pub(crate) expected: String,
    /// The text's word at that place.
    pub(crate) got: String,
}

/// Compares a text with the tokens `1..n` of one provider call: each once, in order, and nothing else. The text's
/// first token names the call.
pub(crate) fn hold(text: &Text<'_>, expect: &Expect) -> Result<(), Odd> {
    lay(text, expect, false)
}

/// As [`hold`], but the text may end anywhere.
pub(crate) fn hold_beginning(text: &Text<'_>, expect: &Expect) -> Result<(), Odd> {
    lay(text, expect, true)
}

fn lay(text: &Text<'_>, expect: &Expect, may_end_early: bool) -> Result<(), Odd> {
    let call = text.first_call().unwrap_or(1);
    let answer = Answer {
        key: expect.key.to_string(),
        call,
        total: expect.tokens,
        size: expect.size,
        mode: expect.text,
    };
    let mut walk = text.walk(0);
    let mut held = 0;
    for (index, token) in (1..).zip(answer.texts()) {
        if let Err(matched) = walk.follow(token.as_bytes()) {
            if may_end_early && held + matched == text.len() {
                return Ok(());
            }
            let expected = format!("token {index} of {}: `{}`", expect.tokens, oneline(token.trim_end()));
            // Shown from the token's start: its head names the call and the place it belongs to.
            let got = text.word_at(if held + matched < text.len() { held } else { text.len() });
            return Err(Odd {
                n: text.event_at(held + matched),
                got: instead_of(got, &expected),
                expected,
            });
        }
        held += token.len();
    }
    if walk.at_end() {
        return Ok(());
    }
    let expected = format!("the end of the answer after token {}", expect.tokens);
    Err(Odd {
        n: text.event_at(held),
        expected,
        got: text.word_at(held),
    })
}

#[cfg(test)]
mod tests {
    use mock_ai::token::TextMode;

    use super::*;

    fn expect(tokens: u32, size: usize) -> Expect {
        Expect {
            key: "k".into(),
            tokens,
            size,
            text: TextMode::Plain,
            fails: false,
            is_odd: false,
        }
    }

    fn odd(text: &str) -> (String, String) {
        let Err(odd) = hold(&Text::of(5, text), &expect(3, 0)) else {
            panic!("this is the oracle's text")
        };
        (odd.expected, odd.got)
    }

    #[test]
    fn the_whole_answer_of_any_one_call_holds() {
        for call in 1..4 {
            let answer = Answer {
                size: 50,
                ..Answer::new("k", call, 3)
            };
            assert!(hold(&Text::of(0, &answer.text()), &expect(3, 50)).is_ok());
        }
        assert!(hold(&Text::default(), &expect(0, 0)).is_ok());
    }

    /// Of each mode the agreed form holds; anything else does not, the form in which a NUL was sent included.
    #[test]
    fn mixed_text_holds_in_its_agreed_form_alone() {
        for (word, mode) in TextMode::WORDS {
            let expect = Expect {
                text: *mode,
                ..expect(3, 0)
            };
            let answer = Answer {
                mode: *mode,
                ..Answer::new("k", 2, 3)
            };
            let text = answer.text();
            assert!(hold(&Text::of(0, &text), &expect).is_ok(), "{word}");
            assert!(
                hold_beginning(&Text::of(0, &text[..text.floor_char_boundary(30)]), &expect).is_ok(),
                "{word}"
            );
            let is_plain = mode.is_plain();
            assert_eq!(
                hold(&Text::of(0, &Answer::new("k", 2, 3).text()), &expect).is_ok(),
                is_plain,
                "{word}"
            );
            let as_sent = text.replace('\u{fffd}', "\0");
            assert_eq!(hold(&Text::of(0, &as_sent), &expect).is_ok(), as_sent == text, "{word}");
        }
    }

    #[test]
    fn the_first_bad_token_is_told() {
        let texts: Vec<String> = Answer::new("k", 1, 3).texts().collect();
        let (expected, got) = odd(&[&*texts[0], &texts[2]].concat());
        assert!(expected.starts_with("token 2 of 3: `~k.c1.k2.n3."), "{expected}");
        assert!(got.starts_with("`~k.c1.k3.n3."), "{got}");

        let (expected, got) = odd(&[&*texts[0], &texts[1]].concat());
        assert!(expected.starts_with("token 3 of 3"), "{expected}");
        assert_eq!(got, "the end of the text");

        let (expected, got) = odd(&[&*texts.concat(), &texts[2]].concat());
        assert_eq!(expected, "the end of the answer after token 3");
        assert!(got.starts_with("`~k.c1.k3.n3."), "{got}");
    }

    #[test]
    fn an_answer_that_is_too_short_for_its_padding_is_odd() {
        assert!(hold(&Text::of(0, &Answer::new("k", 1, 3).text()), &expect(3, 50)).is_err());
    }

    #[test]
    fn another_turns_answer_is_odd() {
        let (expected, got) = odd(&Answer::new("other", 1, 3).text());
        assert!(
            expected.contains("~k.c1.k1") && got.contains("~other.c1.k1"),
            "{expected} {got}"
        );
    }
}
