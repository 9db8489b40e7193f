//! Text that is kept or printed, cut to a size.

/// The first `bytes` bytes of `text`, never cut inside a character, with a mark if something is missing.
pub fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = (0..=bytes).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    format!("{}... ({} bytes)", &text[..end], text.len())
}
