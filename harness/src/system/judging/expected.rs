//! `[[expected]]`: known bugs, and `[[defects]]`: bugs that a pod or the edge can be started with.

use crate::system::language::{Expression, Glob};
use crate::system::table::{Filled, table};

table! {
    /// A known bug: one of the promises breaks in stories of that name, with a finding that matches. Once it is kept the run fails,
    /// unless `sometimes` is said.
    pub Expected = "[[expected]]" {
        /// Promises, of which one breaks.
        promises: Filled<String>,
        /// Stories in which it breaks; `*` stands for anything.
        stories: Filled<Glob>,
        /// Regular expression that the finding matches. By default any finding does.
        finding: Option<Expression>,
        /// True: the promise breaks in some runs only.
        sometimes: bool = false,
        /// Why it is broken and borne.
        why: String,
        /// Where more is said: an issue, a date.
        reference as "ref": Option<String>,
    }
}

table! {
    /// A defect that a pod or the edge can be started with, for proof that it is caught.
    pub Defect = "[[defects]]" {
        /// Its name.
        name: String,
        /// Promises that it breaks; any of them names it.
        promises: Filled<String>,
        /// Folder beside this file, whose files replace those of the same names in `edge.config`.
        edge: Option<String>,
        /// False: the defect is the edge's alone, and no pod is told of it.
        pods: bool = true,
        /// Designs that can have it. By default every design can.
        designs: Vec<String>,
    }
}

impl Defect {
    /// True if a design, by its name, can have the defect.
    pub fn is_of(&self, design: Option<&str>) -> bool {
        self.designs.is_empty() || design.is_some_and(|design| self.designs.iter().any(|known| known == design))
    }
}

impl Expected {
    /// True if the bug may show in a story.
    pub fn may_show_in(&self, story: &str) -> bool {
        self.stories.iter().any(|stories| stories.fits(story))
    }

    /// True if a finding of a promise, with what was expected and what was seen, is of the bug.
    pub fn shows_as(&self, promise: &str, said: [&str; 2]) -> bool {
        let is_of_it = |finding: &Expression| said.iter().any(|text| finding.finds(text));
        self.promises.iter().any(|known| known == promise) && self.finding.as_ref().is_none_or(is_of_it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::table::{Node, Read as _};

    #[test]
    fn a_defect_belongs_to_the_designs_that_it_names_or_to_all() {
        let read = |text: &str| {
            let (root, mut found) = Node::parse(text);
            Defect::read(&root, &mut found).expect("an entry")
        };
        let everywhere = read("name = \"d\"\npromises = [\"NoLeak\"]");
        assert!(everywhere.is_of(None) && everywhere.is_of(Some("log")));
        let of_log = read("name = \"d\"\npromises = [\"NoLeak\"]\ndesigns = [\"log\"]");
        assert!(of_log.is_of(Some("log")) && !of_log.is_of(Some("sticky")) && !of_log.is_of(None));
    }

    #[test]
    fn a_bug_shows_in_its_stories_by_its_promises_and_its_words() {
        let text = "promises = [\"NoSplice\"]\nstories = [\"fault::kill*\"]\nfinding = 'call \\d'\nwhy = \"w\"";
        let (root, mut found) = Node::parse(text);
        let bug = Expected::read(&root, &mut found).expect("an entry");
        assert!(bug.may_show_in("fault::kill_any") && !bug.may_show_in("fault::pause"));
        assert!(bug.shows_as("NoSplice", ["x", "of call 2"]) && bug.shows_as("NoSplice", ["call 1", "x"]));
        assert!(!bug.shows_as("NoSplice", ["x", "y"]) && !bug.shows_as("NoLeak", ["call 1", "y"]));
    }
}
