//! The lines of a stream: what begins it, how they end, and lines that only keep a connection open. All of it is passed over.

use crosspod::plan::{Flag, Oddity, Ping};
use crosspod::run::{Cast, Played};

use super::beside::sound;

pub(super) async fn byte_order_mark(c: &mut Cast) -> Played {
    sound(c, vec![vec![Oddity::Flag(Flag::Bom)]]).await
}

pub(super) async fn line_ends(c: &mut Cast) -> Played {
    let ends = [Flag::Crlf, Flag::Cr];
    sound(
        c,
        ends.map(|end| vec![Oddity::Flag(end), Oddity::Flag(Flag::Bom)]).into(),
    )
    .await
}

pub(super) async fn pings(c: &mut Cast) -> Played {
    let forms = Ping::WORDS.iter().map(|(_, form)| vec![Oddity::Ping(*form)]);
    sound(c, forms.collect()).await
}
