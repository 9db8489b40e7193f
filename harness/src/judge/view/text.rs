//! A text in pieces, each borrowed from the event that brought it.
//!
//! Watchers and stores hold the same answer in different pieces; texts are compared piece by piece, so that a history of
//! a million tokens is judged without one copy of them.

use std::ops::ControlFlow;

use mock_ai::token::{self, Token};

/// Part of a text, and the event that brought it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) n: u64,
    pub(crate) text: &'a str,
}

/// A text as it was put together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text<'a> {
    pieces: Vec<Piece<'a>>,
    len: usize,
}

/// How a text lies against another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Against {
    /// It is the other's beginning, or all of it.
    Prefix,
    /// It goes its own way from this offset on, in bytes of its own.
    Apart(usize),
}

/// A run of tokens of one provider call within a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallRun {
    pub(crate) key: String,
    pub(crate) call: u32,
    /// Event that brought its first token.
    pub(crate) n: u64,
    /// Its first token.
    pub(crate) first: String,
}

impl<'a> Text<'a> {
    pub(crate) fn of(n: u64, text: &'a str) -> Self {
        let mut whole = Self::default();
        whole.push(n, text);
        whole
    }

    pub(crate) fn push(&mut self, n: u64, text: &'a str) {
        self.len += text.len();
        self.pieces.push(Piece { n, text });
    }

    /// Frees unused room. Called once no more pieces are expected.
    pub(crate) fn shrink(&mut self) {
        self.pieces.shrink_to_fit();
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True if a reader would see nothing.
    pub(crate) fn is_blank(&self) -> bool {
        self.pieces.iter().all(|piece| piece.text.trim().is_empty())
    }

    /// First event of the text, where it has any.
    pub(crate) fn first_event(&self) -> Option<u64> {
        self.pieces.first().map(|piece| piece.n)
    }

    /// Last event of the text, where it has any.
    pub(crate) fn last_event(&self) -> Option<u64> {
        self.pieces.last().map(|piece| piece.n)
    }

    /// Event that brought the byte at `offset`; the last one for an offset at or past the end.
    pub(crate) fn event_at(&self, offset: usize) -> Option<u64> {
        let mut end = 0;
        let holder = self.pieces.iter().find(|piece| {
            end += piece.text.len();
            offset < end
        });
        holder.map(|piece| piece.n).or(self.last_event())
    }

    /// Lays this text against `whole`, beginning at `whole`'s offset `from`.
    pub(crate) fn against(&self, whole: &Text<'_>, from: usize) -> Against {
        let mut walk = whole.walk(from);
        let mut along = 0;
        for piece in &self.pieces {
            match walk.follow(piece.text.as_bytes()) {
                Ok(()) => along += piece.text.len(),
                Err(matched) => return Against::Apart(along + matched),
            }
        }
        Against::Prefix
    }

    /// Appends the part of `other`, laid against this text at `from`, that goes beyond its end. Appends
    /// nothing if the two disagree before that.
    pub(crate) fn lengthen(&mut self, other: &Text<'a>, from: usize) {
        let Some(known) = self.len.checked_sub(from).filter(|known| *known < other.len) else {
            return;
        };
        if other.against(self, from) != Against::Apart(known) {
            return;
        }
        let mut passed = 0;
        for piece in &other.pieces {
            let beyond = piece.text.get(known.saturating_sub(passed)..).unwrap_or_default();
            if !beyond.is_empty() {
                self.push(piece.n, beyond);
            }
            passed += piece.text.len();
        }
    }

    /// True if this is the same text as `other`, however the two are cut.
    pub(crate) fn same_as(&self, other: &Text<'_>) -> bool {
        self.len == other.len && self.against(other, 0) == Against::Prefix
    }

    /// The word at `offset`, cut to a readable length: from the last space before it to the next one.
    pub(crate) fn word_at(&self, offset: usize) -> String {
        const SHOWN_BYTES: usize = 80;
        if offset >= self.len {
            return "the end of the text".into();
        }
        let around = offset.saturating_sub(SHOWN_BYTES);
        let mut bytes = Vec::with_capacity(2 * SHOWN_BYTES);
        let mut walk = self.walk(around);
        while bytes.len() < 2 * SHOWN_BYTES && !walk.rest.is_empty() {
            bytes.extend_from_slice(walk.rest);
            walk.rest = &[];
            walk.step();
        }
        let at = offset - around;
        let start = bytes[..at].iter().rposition(|b| *b == b' ').map_or(0, |i| i + 1);
        let word = bytes[start..].split(|b| *b == b' ').next().unwrap_or_default();
        let shown = String::from_utf8_lossy(&word[..word.len().min(SHOWN_BYTES)]).into_owned();
        if shown.is_empty() {
            "a space".into()
        } else {
            format!("`{shown}`")
        }
    }

    pub(crate) fn walk(&self, from: usize) -> Walk<'_> {
        let mut walk = Walk {
            pieces: self.pieces.iter(),
            rest: &[],
        };
        let mut skip = from;
        walk.step();
        while skip > 0 && !walk.rest.is_empty() {
            let taken = skip.min(walk.rest.len());
            walk.rest = &walk.rest[taken..];
            skip -= taken;
            walk.step();
        }
        walk
    }

    /// The provider calls whose tokens this text holds, in order; a sound answer has one. Text that is no
    /// token is skipped.
    pub(crate) fn call_runs(&self) -> Vec<CallRun> {
        let mut call_runs: Vec<CallRun> = Vec::new();
        self.each_token(|n, token| {
            let same = call_runs
                .last()
                .is_some_and(|last| last.call == token.call && last.key == token.key);
            if !same {
                call_runs.push(CallRun {
                    key: token.key.to_owned(),
                    call: token.call,
                    n,
                    first: token.to_string(),
                });
            }
            ControlFlow::Continue(())
        });
        call_runs
    }

    /// True if this text holds tokens of one call for this key only. A text without tokens does.
    pub(crate) fn is_of_one_call_for(&self, key: &str) -> bool {
        let mut call = None;
        let mut is_one = true;
        self.each_token(|_, token| {
            is_one = token.key == key && *call.get_or_insert(token.call) == token.call;
            if is_one {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        is_one
    }

    /// The call of the first token, if there is one.
    pub(crate) fn first_call(&self) -> Option<u32> {
        let mut first = None;
        self.each_token(|_, token| {
            first = Some(token.call);
            ControlFlow::Break(())
        });
        first
    }

    /// Visits each well-formed token with the event that completed it, however the pieces cut it.
    fn each_token(&self, mut visit: impl FnMut(u64, Token<'_>) -> ControlFlow<()>) {
        let mut carried = String::new();
        for piece in &self.pieces {
            // A cut token can only end where a space comes; until then there is nothing to parse again.
            if !carried.is_empty() && !piece.text.contains(' ') {
                carried.push_str(piece.text);
                continue;
            }
            let mut rest = piece.text;
            if !carried.is_empty() {
                carried.push_str(piece.text);
                rest = &carried;
            }
            while let Some(mark) = rest.find(token::MARK) {
                rest = &rest[mark..];
                if let Some((token, used)) = token::parse(rest) {
                    if visit(piece.n, token).is_break() {
                        return;
                    }
                    rest = &rest[used..];
                } else if rest.contains(' ') {
                    rest = &rest[token::MARK.len_utf8()..];
                } else {
                    break;
                }
            }
            carried = if rest.starts_with(token::MARK) {
                rest.to_owned()
            } else {
                String::new()
            };
        }
    }
}

/// A place in a text that moves along it.
pub(crate) struct Walk<'t> {
    pieces: std::slice::Iter<'t, Piece<'t>>,
    rest: &'t [u8],
}

impl Walk<'_> {
    /// Goes to the next piece with text in it, once this one is used up.
    fn step(&mut self) {
        while self.rest.is_empty() {
            let Some(piece) = self.pieces.next() else { return };
            self.rest = piece.text.as_bytes();
        }
    }

    /// Moves along `want`. Returns the number of matching bytes if the text differs.
    pub(crate) fn follow(&mut self, want: &[u8]) -> Result<(), usize> {
        let mut along = 0;
        while along < want.len() {
            self.step();
            let n = self.rest.len().min(want.len() - along);
            let (here, there) = (&self.rest[..n], &want[along..along + n]);
            if n == 0 {
                return Err(along);
            }
            if here != there {
                let same = here.iter().zip(there).take_while(|(a, b)| a == b).count();
                return Err(along + same);
            }
            self.rest = &self.rest[n..];
            along += n;
        }
        Ok(())
    }

    /// True if nothing follows.
    pub(crate) fn at_end(&mut self) -> bool {
        self.step();
        self.rest.is_empty()
    }
}

/// A text cut to a readable length, on one line.
pub(crate) fn oneline(text: &str) -> String {
    const SHOWN_CHARS: usize = 120;
    let shown: String = text.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown + "..."
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use mock_ai::token::Answer;

    use super::*;

    fn cut(text: &str, every: usize) -> Text<'_> {
        let mut cut = Text::default();
        let bytes: Vec<usize> = (0..text.len()).step_by(every).collect();
        for (i, start) in bytes.iter().enumerate() {
            cut.push(i as u64, &text[*start..text.len().min(start + every)]);
        }
        cut
    }

    #[test]
    fn texts_are_compared_however_they_are_cut() {
        let text = Answer::new("k", 1, 9).text();
        for (a, b) in [(1, 7), (7, 1), (3, 1000), (16, 5)] {
            assert!(cut(&text, a).same_as(&cut(&text, b)));
            assert_eq!(cut(&text[..50], a).against(&cut(&text, b), 0), Against::Prefix);
            assert_eq!(cut(&text[20..50], a).against(&cut(&text, b), 20), Against::Prefix);
            assert_eq!(cut(&text, a).against(&cut(&text[..50], b), 0), Against::Apart(50));
        }
        let mut other = text.clone();
        other.replace_range(33..34, "#");
        assert_eq!(cut(&other, 4).against(&cut(&text, 9), 0), Against::Apart(33));
        assert_eq!(cut(&other, 4).event_at(33), Some(8));
    }

    #[test]
    fn a_text_is_lengthened_by_one_that_goes_on_where_it_ends() {
        for (from, other, expected) in [
            (4, "three four", "one two"),
            (4, "two three", "one two three"),
            (7, " three", "one two three"),
            (0, "one", "one two"),
            (4, "tow three", "one two"),
            (9, "three", "one two"),
        ] {
            for every in 1..=9 {
                let mut whole = cut("one two", 3);
                whole.lengthen(&cut(other, every), from);
                assert!(whole.same_as(&Text::of(0, expected)), "{other} at {from}: {whole:?}");
            }
        }
    }

    #[test]
    fn an_empty_text_begins_every_text() {
        assert_eq!(Text::default().against(&Text::of(0, "x"), 0), Against::Prefix);
        assert_eq!(Text::of(0, "x").against(&Text::default(), 0), Against::Apart(0));
    }

    #[test]
    fn voices_are_heard_however_the_text_is_cut() {
        let text = Answer::new("k", 1, 3).text() + "~ noise ~~" + &Answer::new("k", 2, 2).text();
        for every in [1, 2, 5, 17, 1000] {
            let call_runs = cut(&text, every).call_runs();
            assert_eq!(
                call_runs.iter().map(|v| v.call).collect::<Vec<_>>(),
                [1, 2],
                "cut every {every}"
            );
            assert!(call_runs[1].first.starts_with("~k.c2.k1.n2."));
        }
    }

    #[test]
    fn the_word_at_an_offset_is_whole() {
        assert_eq!(cut("one two three", 2).word_at(5), "`two`");
        assert_eq!(cut("one two three", 2).word_at(0), "`one`");
        assert_eq!(cut(&"x".repeat(500), 9).word_at(300), format!("`{}`", "x".repeat(80)));
        assert_eq!(cut("one two three", 2).word_at(13), "the end of the text");
    }
}
