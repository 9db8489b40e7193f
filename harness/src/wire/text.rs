//! Text that is kept or printed: cut to a size, and with nothing in it that a screen obeys.

use std::borrow::Cow;

/// The first `bytes` bytes of `text`, never cut inside a character, with a mark if something is missing.
pub fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = (0..=bytes).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    format!("{}... ({} bytes)", &text[..end], text.len())
}
/// `text` as a screen may show it: characters that a screen obeys (escape sequences, and those that turn the direction of
/// writing) are written as escapes. Line breaks and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    let is_obeyed = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || turns_the_direction(c);
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn turns_the_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_screen_obeys_is_shown_and_all_else_stays() {
        for plain in ["", "a\tb\nc", "שלום é \u{200d}\u{fffd}"] {
            assert!(
                matches!(visible(plain), Cow::Borrowed(same) if same == plain),
                "{plain:?}"
            );
        }
        assert_eq!(visible("a\u{1b}]0;x\u{7}b\r"), "a\\u{1b}]0;x\\u{7}b\\r");
        assert_eq!(visible("\u{9b}31m\u{7f}\u{202e}é"), "\\u{9b}31m\\u{7f}\\u{202e}é");
    }
}
