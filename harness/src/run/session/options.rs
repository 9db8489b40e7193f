//! The options of a run, checked against the registry and the system. Pure.

use crate::judge::PROMISES;
use crate::run::error::{RunError, unknown};
use crate::run::story::Story;
use crate::system::System;

/// Options of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Part of a story's name; `*` stands for anything. None selects every story, or with a defect those meant to catch it.
    pub filter: Option<String>,
    /// Defect to switch on.
    pub defect: Option<String>,
    /// Inside design of the system.
    pub design: String,
    /// Seed of the first repetition.
    pub seed: u64,
    /// How often each story is played.
    pub repeat: u32,
}

/// A run's stories, in order.
#[derive(Clone)]
pub struct Selected(pub Vec<Story>);

impl Options {
    /// Checks the options and selects the stories.
    ///
    /// # Errors
    /// There is no such story, defect or design; the error lists what there is.
    pub fn select(&self, registry: &[Story], system: &System) -> Result<Selected, RunError> {
        if !system.designs.contains(&self.design) {
            return Err(unknown(
                "design",
                &self.design,
                system.designs.iter().map(String::as_str),
            ));
        }
        for known in &system.expected_failures {
            if !registry.iter().any(|story| story.name == known.story) {
                let stories = registry.iter().map(|story| story.name);
                return Err(unknown("story to expect a failure of", &known.story, stories));
            }
            if !PROMISES.iter().any(|promise| promise.name == known.promise) {
                let promises = PROMISES.iter().map(|promise| promise.name);
                return Err(unknown("promise to expect broken", &known.promise, promises));
            }
        }
        if let Some(defect) = &self.defect
            && !system.defects.iter().any(|d| d.name == *defect)
        {
            return Err(unknown(
                "defect",
                defect,
                system.defects.iter().map(|d| d.name.as_str()),
            ));
        }
        let exact = self
            .filter
            .as_ref()
            .filter(|f| registry.iter().any(|s| s.name == f.as_str()));
        let wanted = |story: &&Story| match (&self.filter, &self.defect) {
            (Some(filter), _) => exact.map_or_else(|| matches(filter, story.name), |exact| story.name == exact),
            (None, Some(defect)) => story.catches.contains(&defect.as_str()),
            (None, None) => true,
        };
        let stories: Vec<Story> = registry.iter().filter(wanted).copied().collect();
        if stories.is_empty() {
            let name = self.filter.as_deref().or(self.defect.as_deref()).unwrap_or_default();
            return Err(unknown("story", name, registry.iter().map(|s| s.name)));
        }
        Ok(Selected(stories))
    }
}

/// True if a name matches a filter that is no story's whole name.
fn matches(filter: &str, name: &str) -> bool {
    match filter.split_once('*') {
        None => name.contains(filter),
        Some((head, tail)) => match name.strip_prefix(head) {
            Some(rest) => {
                tail.is_empty() || (0..=rest.len()).any(|i| rest.is_char_boundary(i) && matches_whole(tail, &rest[i..]))
            }
            None => false,
        },
    }
}

fn matches_whole(pattern: &str, name: &str) -> bool {
    if pattern.contains('*') {
        matches(pattern, name)
    } else {
        pattern == name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::KnownFailure;

    fn story(name: &'static str, catches: &'static [&'static str]) -> Story {
        Story {
            name,
            about: "",
            catches,
            evidence: &[],
            play: |_| Box::pin(async { Ok(()) }),
        }
    }

    fn options(filter: Option<&str>, defect: Option<&str>) -> Options {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Options {
            filter: own(filter),
            defect: own(defect),
            design: "log".into(),
            seed: 1,
            repeat: 1,
        }
    }

    fn names(options: &Options) -> Result<Vec<&'static str>, String> {
        let registry = [
            story("a_one", &["claim-strict-cas"]),
            story("a_two", &[]),
            story("b_one", &[]),
            story("a_one_more", &[]),
        ];
        let selected = options
            .select(&registry, &System::reference())
            .map_err(|e| e.to_string())?;
        Ok(selected.0.iter().map(|s| s.name).collect())
    }

    #[test]
    fn a_filter_selects_by_part_or_by_pattern_and_a_defect_by_who_must_catch_it() {
        assert_eq!(
            names(&options(None, None)),
            Ok(vec!["a_one", "a_two", "b_one", "a_one_more"])
        );
        assert_eq!(
            names(&options(Some("one"), None)),
            Ok(vec!["a_one", "b_one", "a_one_more"])
        );
        assert_eq!(names(&options(Some("a_one"), None)), Ok(vec!["a_one"]));
        assert_eq!(
            names(&options(Some("a_*"), None)),
            Ok(vec!["a_one", "a_two", "a_one_more"])
        );
        assert_eq!(names(&options(Some("*_one"), None)), Ok(vec!["a_one", "b_one"]));
        assert_eq!(names(&options(None, Some("claim-strict-cas"))), Ok(vec!["a_one"]));
    }

    #[test]
    fn expectations_are_of_stories_and_promises_that_there_are() {
        let select = |name: &str, promise: &str| {
            let mut system = System::reference();
            system.expected_failures.push(KnownFailure {
                story: name.into(),
                promise: promise.into(),
                why: "known".into(),
            });
            let selected = options(None, None).select(&[story("a_one", &[])], &system);
            selected.map(|_| ()).map_err(|e| e.to_string())
        };
        assert_eq!(select("a_one", "NoSplice"), Ok(()));
        let got = select("a_two", "NoSplice");
        assert_eq!(
            got,
            Err("no story to expect a failure of \"a_two\"; there are: a_one".to_owned())
        );
        let got = select("a_one", "NoSplices");
        assert!(got.is_err_and(|e| e.starts_with("no promise to expect broken \"NoSplices\"; there are: Final")));
    }

    #[test]
    fn what_is_not_there_is_named_with_what_is() {
        let got = names(&options(Some("c_one"), None));
        assert_eq!(
            got,
            Err("no story \"c_one\"; there are: a_one, a_two, b_one, a_one_more".to_owned())
        );
        let got = names(&options(None, Some("claim-strict")));
        assert!(got.is_err_and(|e| e.starts_with("no defect \"claim-strict\"; there are: ")));
        let design = Options {
            design: "logs".into(),
            ..options(None, None)
        };
        assert_eq!(names(&design), Err("no design \"logs\"; there are: log".to_owned()));
    }
}
