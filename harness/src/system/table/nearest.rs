//! Did you mean: the known word that a wrong one is nearest to.

/// Likeness from which a slip of the pen is the likeliest reason.
const SLIP: f64 = 0.9;

/// True if a word is most likely another one with a slip of the pen.
pub fn is_slip(word: &str, meant: &str) -> bool {
    likeness(word, meant) >= SLIP
}

/// How like two words are, from 0 to 1.
fn likeness(one: &str, other: &str) -> f64 {
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    let begins = one.len() > 2 && (other.starts_with(&one) || one.starts_with(&other));
    let like = strsim::jaro_winkler(&one, &other);
    if begins {
        like.max(0.92)
    } else if is_abbreviation(&one, &other) {
        like.max(0.85)
    } else {
        like
    }
}

/// True if a short word is made of letters of a longer one, in their order, the first among them.
fn is_abbreviation(short: &str, long: &str) -> bool {
    let mut rest = long.chars();
    let is_next = |letter: char| rest.any(|other| other == letter);
    short.len() > 1 && short.chars().next() == long.chars().next() && short.chars().all(is_next)
}

/// The known word that is most like `word`. Returns `None` if none is like it.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let scored = known.into_iter().map(|other| (likeness(word, other), other));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (best.0 >= 0.8).then_some(best.1)
}

/// Words as a person lists them: `a, b or c`.
pub fn one_of<'k>(known: impl IntoIterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match known.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_leads_to_the_word_that_was_meant() {
        let roles = ["postgres", "redis", "nats", "edge", "job", "other"];
        for (word, meant) in [
            ("pstgres", Some("postgres")),
            ("postgresql", Some("postgres")),
            ("Redis", Some("redis")),
            ("reddis", Some("redis")),
            ("pg", Some("postgres")),
            ("kafka", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, roles), meant, "{word}");
        }
        assert_eq!(nearest("NoSplices", ["NoSplice", "NoLeak"]), Some("NoSplice"));
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn words_are_listed_as_a_person_would() {
        assert_eq!(one_of(["a", "b", "c"]), "a, b or c");
        assert_eq!(one_of(["a"]), "a");
        assert_eq!(one_of([]), "nothing");
    }
}
