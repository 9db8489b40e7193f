//! The declared tables, on small ones.

use super::unknown::unknown_keys;
use super::{Filled, Named, Node, Number, Page, Problem, Problems, Read, Shape, Source};

words! {
    /// Sizes.
    Size {
        /// Little.
        Small = "small",
        /// Much.
        Large = "large",
    }
}

table! {
    /// A place.
    Spot = "a place" {
        /// Where.
        at: String,
    }
}

table! {
    /// A box.
    Chest = "[boxes.NAME]" {
        +
        /// Its place.
        spot: Spot,
        /// Its size.
        is as "if": Size,
        /// How many.
        count: Number<1, 9> = Number::of(1) => "1",
        /// Open.
        open: bool = false,
    }
    check not_both
}

table! {
    /// The file.
    File = "the top" {
        /// Its name.
        name: String,
        /// Words.
        words: Filled<String>,
        /// The boxes.
        boxes: Named<Chest>,
        /// A note.
        note: Option<String>,
    }
}

fn not_both(chest: &Chest, node: &Node, found: &mut Vec<Problem>) {
    if chest.open && chest.is == Size::Large {
        found.push(Problem::at(node, "a large box is closed"));
    }
}

fn page() -> Page {
    match File::shape() {
        Shape::Table(page) => page(),
        _ => unreachable!("a table"),
    }
}

fn read(text: &str) -> (Option<File>, Vec<String>) {
    let (node, mut found) = Node::parse(text);
    let file = File::read(&node, &mut found);
    unknown_keys(&node, page, &mut found);
    let source = Source {
        name: "f.toml".into(),
        text: text.into(),
    };
    (file, Problems::new(source, found).lines())
}

const SOUND: &str = "name = 'n'\nwords = ['w']\n[boxes.z]\nat = 'here'\nif = 'small'\n[boxes.a]\nat = 'there'\nif = 'large'\ncount = 3\n";

#[test]
fn a_table_is_read_with_its_defaults_and_in_order() {
    let (file, problems) = read(SOUND);
    assert_eq!(problems, [""; 0]);
    let file = file.expect("nothing is wrong");
    assert_eq!(file.boxes.names().collect::<Vec<_>>(), ["z", "a"]);
    let chest = file.boxes.get("z").expect("it is there");
    assert_eq!((&*chest.spot.at, chest.is, chest.count.get()), ("here", Size::Small, 1));
    assert_eq!(file.note, None);
}

#[test]
fn every_mistake_is_found_and_none_hides_another() {
    let text = "nam = 'n'\nwords = []\n[boxes.z]\nat = 5\nif = 'smal'\n[boxes.a]\nat = 'there'\ncount = 30\nname = 'x'\ntext = 1\n[boxes.b]\nat = ''\nif = 'large'\nopen = true\n";
    let (file, problems) = read(text);
    assert_eq!(file, None);
    assert_eq!(
        problems,
        [
            "f.toml:1:1 unknown key nam at the top of the file; did you mean name?",
            "f.toml:2:9 words: the list is empty; at least one entry is needed",
            "f.toml:4:6 boxes.z.at: wants a text, not a number",
            "f.toml:5:6 boxes.z.if: no \"smal\" is known here; did you mean \"small\"?",
            "f.toml:6:1 boxes.a: if is missing; say if = \"small\"",
            "f.toml:8:9 boxes.a.count: 30 is not in 1 to 9",
            "f.toml:9:1 unknown key name in [boxes.a]; it belongs to the top of the file, before the first [section]",
            "f.toml:10:1 unknown key text in [boxes.a]; the keys here are if, count, open or at",
            "f.toml:11:1 boxes.b: a large box is closed",
        ]
    );
}

#[test]
fn a_table_knows_its_page() {
    let page = page();
    assert_eq!((page.name, &*page.doc), ("the top", "The file."));
    let pages = super::shape::pages(self::page);
    let names: Vec<&str> = pages.iter().map(|page| page.name).collect();
    assert_eq!(names, ["the top", "[boxes.NAME]"]);
    let keys: Vec<(&str, String)> = pages[1].keys.iter().map(|key| (key.name, key.shape.words())).collect();
    let words = |text: &str| text.to_owned();
    assert_eq!(
        keys,
        [
            ("if", words("`small` `large`")),
            ("count", words("number, 1 to 9")),
            ("open", words("`true` or `false`")),
            ("at", words("text")),
        ]
    );
}
