//! The difference of two words of an answer, said by the tokens that they are.

use std::cmp::Ordering;

use mock_ai::token::{self, Token};

/// The words for a place at which a text has `got` where `expected` is due. If both are tokens of one answer, they say what
/// happened to the tokens between them.
pub(in crate::judge) fn instead_of(got: String, expected: &str) -> String {
    let (word, due) = (quoted(&got), quoted(expected));
    let (Some((is, _)), Some((due, _))) = (token::parse(&word), token::parse(&due)) else {
        return got;
    };
    match said(is, due) {
        Some(said) => format!("{got}: {said}"),
        None => got,
    }
}

fn said(is: Token<'_>, due: Token<'_>) -> Option<String> {
    if is.key != due.key {
        return Some("a token of another answer".to_owned());
    }
    if is.call != due.call {
        return Some(format!(
            "text of call {}, where that of call {} is due",
            is.call, due.call
        ));
    }
    let tokens = |count: u32| {
        if count == 1 {
            "one token".to_owned()
        } else {
            format!("{count} tokens")
        }
    };
    match is.index.cmp(&due.index) {
        Ordering::Greater => Some(format!("a hole of {}", tokens(is.index - due.index))),
        Ordering::Less => Some(format!("{} twice", tokens(due.index - is.index))),
        Ordering::Equal => None,
    }
}

/// The first word in backticks, with the space that ends a token.
fn quoted(words: &str) -> String {
    let word = words.split('`').nth(1).unwrap_or_default();
    format!("{word} ")
}

#[cfg(test)]
mod tests {
    use mock_ai::token::{Answer, TextMode};

    use super::*;

    /// The word of a token of an answer of twelve.
    fn word(key: &str, call: u32, index: usize) -> String {
        let answer = Answer {
            key: key.to_owned(),
            call,
            total: 12,
            size: 0,
            mode: TextMode::Plain,
        };
        let text: Vec<String> = answer.texts().collect();
        format!("`{}`", text[index - 1].trim_end())
    }

    fn difference(got: &str, expected: &str) -> String {
        let said = instead_of(got.to_owned(), expected);
        said.strip_prefix(got).expect("the word stands in front").to_owned()
    }

    #[test]
    fn what_happened_to_the_tokens_is_said() {
        let due = word("k1", 1, 5);
        assert_eq!(difference(&word("k1", 1, 6), &due), ": a hole of one token");
        assert_eq!(
            difference(&word("k1", 1, 9), &format!("{due} in the attempt at epoch 1")),
            ": a hole of 4 tokens"
        );
        assert_eq!(difference(&word("k1", 1, 3), &due), ": 2 tokens twice");
        assert_eq!(
            difference(&word("k1", 2, 1), &due),
            ": text of call 2, where that of call 1 is due"
        );
        assert_eq!(difference(&word("k2", 1, 5), &due), ": a token of another answer");
    }

    #[test]
    fn words_that_are_no_tokens_stand_as_they_are() {
        for (got, expected) in [
            ("`plain`", word("k1", 1, 1)),
            ("the end of the text", word("k1", 1, 1)),
            ("`plain`", "nothing".to_owned()),
        ] {
            assert_eq!(difference(got, &expected), "");
        }
        let cut = word("k1", 1, 5).replace(".n12", "");
        assert_eq!(difference(&cut, &word("k1", 1, 6)), "");
    }
}
