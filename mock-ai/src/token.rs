//! Self-describing tokens: `~KEY.cC.kK.nN.HHHH ` is token `K` of `N` of the `C`-th provider call for turn `KEY`.
//!
//! `HHHH` is a hash chained over the call's tokens so far, so whoever holds a piece of an answer can tell in constant
//! time for each token whether the one before it is missing, repeated, out of order or from another call. Everything is
//! ASCII and survives JSON, Markdown and HTML unescaped. Shared by the provider, which writes tokens, and the harness,
//! which judges them; pure on both sides.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Starts a token; never occurs in a key.
pub const MARK: char = '~';

/// One token, parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// Key of the turn the provider call was made for.
    pub key: &'a str,
    /// Ordinal of the provider call for this key, from 1.
    pub call: u32,
    /// Position in the call's answer, from 1.
    pub index: u32,
    /// Number of tokens in the call's whole answer.
    pub total: u32,
    /// Chained hash over the call's tokens up to and with this one.
    pub hash: u16,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "~{}.c{}.k{}.n{}.{:04x}",
            self.key, self.call, self.index, self.total, self.hash
        )
    }
}

/// The whole answer of one provider call: what the oracle expects, token by token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Key of the turn.
    pub key: String,
    /// Ordinal of the provider call for this key, from 1.
    pub call: u32,
    /// Number of tokens.
    pub total: u32,
    /// Least length of each token's text in bytes, the closing space counted; shorter ones are padded with dots.
    pub size: usize,
    /// Characters behind each token, in the form in which they are to be stored and shown.
    pub mode: TextMode,
}

/// Characters that an answer mixes in behind each of its tokens.
///
/// Some cannot be stored everywhere: U+0000 is refused by Postgres, and half a surrogate pair is no character. The agreed
/// form: U+FFFD stands for each NUL and for each half without its other half, and two halves in successive deltas are one
/// character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextMode {
    /// None.
    #[default]
    Plain,
    /// U+0000.
    Nul,
    /// A surrogate pair whose halves are in two deltas.
    Split,
    /// Halves without their other halves, one of them at a delta's end.
    Lone,
    /// Characters of four bytes, one as it stands and one escaped, and several that are shown as one.
    Emoji,
    /// Text from right to left, with marks that change the direction.
    Rtl,
    /// Text that would end a script or begin a comment in a page.
    Markup,
    /// Marks that belong to the character before them, in a delta of their own.
    Combining,
    /// Control characters, line breaks of every kind, quotes, a byte order mark, and the last code point.
    Control,
}

impl TextMode {
    /// Every mode by its word in the control language.
    pub const WORDS: &[(&str, Self)] = &[
        ("plain", Self::Plain),
        ("nul", Self::Nul),
        ("split", Self::Split),
        ("lone", Self::Lone),
        ("emoji", Self::Emoji),
        ("rtl", Self::Rtl),
        ("markup", Self::Markup),
        ("combining", Self::Combining),
        ("control", Self::Control),
    ];

    /// The mode's word.
    pub fn as_str(self) -> &'static str {
        let word = Self::WORDS.iter().find(|(_, mode)| *mode == self);
        word.map_or("plain", |(word, _)| word)
    }

    /// `true` if nothing is mixed in.
    pub fn is_plain(&self) -> bool {
        *self == Self::Plain
    }

    /// The characters as they are to be stored and shown.
    pub const fn shown(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Nul => "a\u{fffd}b\u{fffd} ",
            Self::Split => "\u{1f600} ",
            Self::Lone => "\u{fffd}x\u{fffd}\u{fffd} ",
            Self::Emoji => "\u{1f680}\u{1f469}\u{200d}\u{1f467}\u{1f1e9}\u{1f1ea} ",
            Self::Rtl => "\u{5e9}\u{5dc}\u{5d5}\u{5dd}\u{202e}abc\u{202c} ",
            Self::Markup => "</script><!--]]>&amp;<b> ",
            Self::Combining => "e\u{301}\u{327}\u{20dd} ",
            Self::Control => "\u{1}\u{8}\u{7f}\r\n\n\r\t\"\\\u{85}\u{2028}\u{feff}\u{ffff}\u{10ffff} ",
        }
    }

    /// The characters as a provider writes them: the insides of JSON strings, one a delta. The first belongs into the
    /// token's own delta.
    pub const fn written(self) -> &'static [&'static str] {
        match self {
            Self::Nul => &["a\\u0000b\\u0000 "],
            Self::Split => &["\\ud83d", "\\uDE00 "],
            Self::Lone => &["\\ud83d", "x\\ude00\\uD83D "],
            Self::Emoji => &["\\ud83d\\ude80\u{1f469}\u{200d}\u{1f467}\u{1f1e9}\u{1f1ea} "],
            Self::Markup => &["<\\/script><!--]]>&amp;<b> "],
            Self::Combining => &["e", "\u{301}\u{327}\u{20dd} "],
            Self::Control => &["\\u0001\\b\u{7f}\\r\\n\\n\\r\\t\\\"\\\\\\u0085\u{2028}\\ufeff\\uffff\\udbff\\udfff "],
            // As they stand.
            Self::Plain => &[""],
            Self::Rtl => &["\u{5e9}\u{5dc}\u{5d5}\u{5dd}\u{202e}abc\u{202c} "],
        }
    }
}

impl Answer {
    /// An answer of `total` tokens without padding.
    pub fn new(key: impl Into<String>, call: u32, total: u32) -> Self {
        Self {
            key: key.into(),
            call,
            total,
            size: 0,
            mode: TextMode::Plain,
        }
    }

    /// The texts of the answer's tokens in order, each with its closing space.
    pub fn texts(&self) -> impl Iterator<Item = String> + '_ {
        self.clone().into_texts()
    }

    /// As [`Answer::texts`], for whoever keeps the iterator longer than the answer.
    pub fn into_texts(self) -> Texts {
        Texts {
            answer: self,
            sent: 0,
            hash: 0,
        }
    }

    /// The whole text of the answer.
    pub fn text(&self) -> String {
        self.texts().collect()
    }
}

/// The texts of an answer's tokens, one after the other; made by [`Answer::into_texts`].
#[derive(Debug, Clone)]
pub struct Texts {
    answer: Answer,
    sent: u32,
    hash: u16,
}

impl Iterator for Texts {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let Answer {
            key,
            call,
            total,
            size,
            mode,
        } = &self.answer;
        if self.sent == *total {
            return None;
        }
        self.sent += 1;
        self.hash = chain(self.hash, key, *call, self.sent, *total);
        let mut text = format!("{MARK}{key}.c{call}.k{}.n{total}.{:04x}", self.sent, self.hash);
        let padding = size.saturating_sub(text.len() + 1);
        text.extend(std::iter::repeat_n('.', padding));
        text.push(' ');
        text.push_str(mode.shown());
        Some(text)
    }
}

/// The hash of token `index`, given the hash of the token before it (0 before the first).
pub fn chain(before: u16, key: &str, call: u32, index: u32, total: u32) -> u16 {
    // FNV-1a over the fields, folded to 16 bits.
    let mut h: u64 = 0xcbf2_9ce4_8422_2325;
    let mut eat = |bytes: &[u8]| {
        for b in bytes {
            h = (h ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    eat(&before.to_le_bytes());
    eat(key.as_bytes());
    eat(&call.to_le_bytes());
    eat(&index.to_le_bytes());
    eat(&total.to_le_bytes());
    let folded = h ^ (h >> 32);
    (folded ^ (folded >> 16)) as u16
}

/// A piece of rendered text: a token or something that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A well-formed token. Whether it follows the one before it is for the reader to say.
    Token(Token<'a>),
    /// Text that is not a token, as it stands.
    Other(String),
}

/// Splits rendered text into tokens and whatever else it holds.
///
/// A token that is cut off at the end of the text (no closing space yet) comes out as [`Piece::Other`].
pub fn scan(text: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut other = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some((token, used)) = parse(rest) {
            if !other.is_empty() {
                out.push(Piece::Other(std::mem::take(&mut other)));
            }
            out.push(Piece::Token(token));
            rest = &rest[used..];
        } else {
            let first = rest.chars().next().map_or(0, char::len_utf8);
            let next = rest[first..].find(MARK).map_or(rest.len(), |i| i + first);
            other.push_str(&rest[..next]);
            rest = &rest[next..];
        }
    }
    if !other.is_empty() {
        out.push(Piece::Other(other));
    }
    out
}

/// Parses one token at the start of `text`; also says how many bytes it took, padding and closing space included.
///
/// Only what [`Texts`] writes is a token: no sign, no leading zero, no capital in the hash.
pub fn parse(text: &str) -> Option<(Token<'_>, usize)> {
    let body = text.strip_prefix(MARK)?;
    // Stops at the next mark, so that many marks without a space are not each searched to the text's end.
    let end = body.bytes().position(|byte| !is_key_byte(byte) && byte != b'.')?;
    if body.as_bytes()[end] != b' ' {
        return None;
    }
    let word = body[..end].trim_end_matches('.');
    let mut fields = word.rsplitn(5, '.');
    let hash = hash(fields.next()?)?;
    let total = number(fields.next()?.strip_prefix('n')?)?;
    let index = number(fields.next()?.strip_prefix('k')?)?;
    let call = number(fields.next()?.strip_prefix('c')?)?;
    let key = fields.next().filter(|k| is_key(k))?;
    Some((
        Token {
            key,
            call,
            index,
            total,
            hash,
        },
        1 + end + 1,
    ))
}

fn hash(word: &str) -> Option<u16> {
    let is_written_so = word.len() == 4 && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    u16::from_str_radix(word, 16).ok().filter(|_| is_written_so)
}

fn number(word: &str) -> Option<u32> {
    let is_written_so = word == "0" || word.starts_with(|c: char| matches!(c, '1'..='9'));
    word.parse().ok().filter(|_| is_written_so)
}

/// Whether a word can be a turn's key: 1 to 64 ASCII letters, digits, `-` or `_`.
pub fn is_key(word: &str) -> bool {
    (1..=64).contains(&word.len()) && word.bytes().all(is_key_byte)
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_scans_back_to_its_tokens() {
        let answer = Answer {
            size: 40,
            ..Answer::new("turn-7", 2, 3)
        };
        let text = answer.text();
        let pieces = scan(&text);
        let mut hash = 0;
        assert_eq!(pieces.len(), 3);
        for (i, piece) in pieces.iter().enumerate() {
            let Piece::Token(t) = piece else {
                panic!("not a token: {piece:?}")
            };
            hash = chain(hash, t.key, t.call, t.index, t.total);
            assert_eq!(
                (t.key, t.call, t.index, t.total, t.hash),
                ("turn-7", 2, i as u32 + 1, 3, hash)
            );
        }
        assert!(answer.texts().all(|t| t.len() == 40));
    }

    #[test]
    fn tokens_are_found_among_whatever_is_mixed_in() {
        for (word, mode) in TextMode::WORDS {
            assert_eq!(mode.as_str(), *word);
            let answer = Answer {
                mode: *mode,
                ..Answer::new("k", 1, 3)
            };
            let text = answer.text();
            let tokens = scan(&text).into_iter().filter(|piece| matches!(piece, Piece::Token(_)));
            assert_eq!(tokens.count(), 3, "{word}");
            assert!(!text.contains('\0'), "{word}");
        }
    }

    #[test]
    fn what_is_written_is_what_is_shown() {
        let read = |written: &str| serde_json::from_str::<String>(&format!("\"{written}\""));
        for (word, mode) in TextMode::WORDS {
            let written = mode.written().concat();
            match mode {
                // No Rust string can hold half a pair.
                TextMode::Lone => assert!(read(&written).is_err()),
                _ => assert_eq!(
                    read(&written).unwrap().replace('\0', "\u{fffd}"),
                    mode.shown(),
                    "{word}"
                ),
            }
        }
    }

    #[test]
    fn the_chain_tells_a_missing_token_and_another_call() {
        assert_ne!(chain(chain(0, "k", 1, 1, 9), "k", 1, 2, 9), chain(0, "k", 1, 2, 9));
        assert_ne!(chain(0, "k", 1, 1, 9), chain(0, "k", 2, 1, 9));
    }

    #[test]
    fn what_is_no_token_is_kept_as_it_stands() {
        let text = "é~~k.c1.k1.n2.zzzz ~k.c1.k1.n2";
        assert_eq!(scan(text), vec![Piece::Other(text.to_owned())]);
    }

    #[test]
    fn a_token_is_only_what_the_provider_writes() {
        assert!(parse("~k.c1.k2.n3.00af... ").is_some());
        for text in [
            "~k.c1.k2.n3.00AF ",
            "~k.c1.k2.n3.+0af ",
            "~k.c+1.k2.n3.00af ",
            "~k.c1.k02.n3.00af ",
            "~k.c1.k2.n3.00af\n",
            "~k~.c1.k2.n3.00af ",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_text_of_marks_alone_is_scanned_in_one_go() {
        // Searched to its end from each mark it would take minutes.
        let text = "~k.c1".repeat(1 << 20);
        assert_eq!(scan(&text), vec![Piece::Other(text.clone())]);
    }
}
