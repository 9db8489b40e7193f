//! A part of the stories: every n-th of them. All parts together are all stories, each once. Pure.

use std::fmt;
use std::str::FromStr;

/// Part `part` of `of`, counted from one. Written `1/3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    part: usize,
    of: usize,
}

impl Shard {
    /// Part `part` of `of`; `None` if there is no such part.
    pub fn new(part: usize, of: usize) -> Option<Self> {
        (1..=of).contains(&part).then_some(Self { part, of })
    }

    /// True if the story at this place, counted from nought, belongs to the part.
    pub fn holds(self, place: usize) -> bool {
        place % self.of == self.part - 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(part, of)| {
            let numbers = (part.parse().ok()?, of.parse().ok()?);
            Self::new(numbers.0, numbers.1)
        });
        numbers.ok_or_else(|| format!("`{text}` is no part of the stories: write 1/3 for the first of three parts"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_together_are_all_stories_each_once() {
        for of in 1..=7 {
            let parts: Vec<Shard> = (1..=of).filter_map(|part| Shard::new(part, of)).collect();
            assert_eq!(parts.len(), of);
            for place in 0..50 {
                assert_eq!(
                    parts.iter().filter(|part| part.holds(place)).count(),
                    1,
                    "{place} of {of}"
                );
            }
        }
    }

    #[test]
    fn a_part_is_read_as_it_is_written_and_nonsense_is_refused() {
        assert_eq!("2/3".parse(), Ok(Shard { part: 2, of: 3 }));
        assert_eq!(
            "2/3".parse::<Shard>().map(|shard| shard.to_string()),
            Ok("2/3".to_owned())
        );
        for text in ["0/3", "4/3", "1", "1/0", "/", "a/b", "-1/2", "1/2/3", ""] {
            let refused = text.parse::<Shard>().expect_err(text);
            assert!(refused.contains("write 1/3"), "{refused}");
        }
    }
}
