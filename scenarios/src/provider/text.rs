//! The characters of an answer: each is stored and shown alike on every pod, in the form that `mock_ai::token::TextMode` says.

use crosspod::plan::{Extra, Flag, Oddity, Ping, TextMode};
use crosspod::run::{Cast, Played};

use super::beside::sound;

pub(super) async fn nul(c: &mut Cast) -> Played {
    sound(c, vec![vec![Oddity::Text(TextMode::Nul)]]).await
}

pub(super) async fn surrogate_halves(c: &mut Cast) -> Played {
    let answers = vec![
        vec![Oddity::Text(TextMode::Split)],
        vec![Oddity::Text(TextMode::Lone)],
        vec![
            Oddity::Text(TextMode::Split),
            Oddity::Ping(Ping::All),
            Oddity::Extra(Extra::EmptyContent),
        ],
        vec![Oddity::Text(TextMode::Lone), Oddity::Flag(Flag::Closing)],
    ];
    sound(c, answers).await
}

pub(super) async fn scripts(c: &mut Cast) -> Played {
    let modes = [
        TextMode::Emoji,
        TextMode::Rtl,
        TextMode::Markup,
        TextMode::Combining,
        TextMode::Control,
    ];
    sound(c, modes.map(|mode| vec![Oddity::Text(mode)]).into()).await
}
