//! The provider's tokens in a text: which calls it holds, and which of their tokens.

use mock_ai::token::{Piece, scan};

/// A token of one turn in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextToken {
    /// The provider's call for the turn, from 1.
    pub call: u32,
    /// Place in the call's answer, from 1.
    pub index: u32,
}

/// The tokens of the turn with a key in a text, as they stand.
pub fn tokens_of(key: &str, text: &str) -> Vec<TextToken> {
    let of_turn = scan(text).into_iter().filter_map(|piece| match piece {
        Piece::Token(token) if token.key == key => Some(TextToken {
            call: token.call,
            index: token.index,
        }),
        _ => None,
    });
    of_turn.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_other_turns_and_other_text_are_left_out() {
        let text = "a ~k1.c1.k1.n2.0000 ~k2.c1.k1.n2.0000 b ~k1.c2.k2.n2.0000 ~k1.c2";
        let found: Vec<(u32, u32)> = tokens_of("k1", text).iter().map(|t| (t.call, t.index)).collect();
        assert_eq!(found, [(1, 1), (2, 2)]);
    }
}
