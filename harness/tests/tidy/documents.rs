//! `ARCHITECTURE.md` says what is so: the rooms that there are, what each may use, and no more words than one reading holds.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::MAY_USE;
use super::sources::{entries, text_of};

const WORDS: usize = 1_500;

/// Rooms that may use everything below them; the document says so in a word.
const USE_ALL: [&str; 2] = ["run", "cli"];

/// The rooms of the document's table, each with the cell that says what it may import.
fn rooms(document: &str) -> BTreeMap<&str, &str> {
    let table = document.split("| room |").nth(1).unwrap_or_default();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| {
        let mut cells = row.trim_matches('|').split(" | ").map(str::trim);
        let room = cells.next()?.trim_matches('`');
        Some((room, cells.last()?))
    })
    .collect()
}

fn named(cell: &str) -> BTreeSet<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_document_is_short_and_names_the_rooms_that_there_are() {
    let document = text_of("ARCHITECTURE.md");
    let words = document.split_whitespace().count();
    assert!(
        words <= WORDS,
        "ARCHITECTURE.md has {words} words, at most {WORDS} are read"
    );
    let written: BTreeSet<String> = rooms(&document).into_keys().map(str::to_owned).collect();
    let there: BTreeSet<String> = entries("harness/src")
        .into_iter()
        .map(|(path, _)| {
            path.trim_start_matches("harness/src/")
                .trim_end_matches(".rs")
                .to_owned()
        })
        .filter(|name| name != "lib")
        .collect();
    assert!(there.len() >= 12, "only {there:?} below harness/src");
    assert_eq!(written, there, "left: the table in ARCHITECTURE.md; right: harness/src");
}

#[test]
fn the_document_says_what_each_room_may_use() {
    let document = text_of("ARCHITECTURE.md");
    let rooms = rooms(&document);
    for (room, allowed) in MAY_USE.iter().filter(|(room, _)| !USE_ALL.contains(room)) {
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        assert_eq!(
            named(rooms[room]),
            allowed,
            "left: ARCHITECTURE.md on `{room}`; right: the rule"
        );
    }
}

#[test]
fn a_row_of_the_table_is_read() {
    let document = "words\n\n| room | idea | may import |\n| --- | --- | --- |\n| `a` | x | nothing |\n| `b` | y | `a`, `c` |\n\n| d |\n";
    let rooms = rooms(document);
    assert_eq!(rooms.keys().collect::<Vec<_>>(), [&"a", &"b"]);
    assert_eq!(named(rooms["b"]).into_iter().collect::<Vec<_>>(), ["a", "c"]);
    assert!(named(rooms["a"]).is_empty());
}
