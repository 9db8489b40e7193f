//! The options of a run, checked against the registry and the system. Pure.

use super::shard::Shard;
use crate::report::NotPlayed;
use crate::run::error::{RunError, unknown};
use crate::run::story::Story;
use crate::system::System;

/// Options of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Part of a story's name, or several with commas between; `*` stands for anything. Long stories are selected by a part that begins
    /// with `long::` alone. None selects every other story, or with a defect those meant to catch it.
    pub filter: Option<String>,
    /// Defect to switch on.
    pub defect: Option<String>,
    /// Seed of the first repetition.
    pub seed: u64,
    /// How often each story is played.
    pub repeat: u32,
    /// Part of the stories that is played; all without.
    pub shard: Option<Shard>,
}

/// The stories that were asked for, in order.
#[derive(Clone)]
pub struct Selected {
    /// The stories that the system can play; at least one.
    pub playable: Vec<Story>,
    /// The others, each with the reason.
    pub not_applicable: Vec<NotPlayed>,
}

impl Options {
    /// Checks the options and selects the stories.
    ///
    /// # Errors
    /// There is no such story or defect; the error lists what there is. Or the system can play none of the stories; the error
    /// says why.
    pub fn select(&self, registry: &[Story], system: &System) -> Result<Selected, RunError> {
        if let Some(defect) = &self.defect
            && !system.defects().iter().any(|d| d.name == *defect)
        {
            return Err(unknown(
                "defect",
                defect,
                system.defects().iter().map(|d| d.name.as_str()),
            ));
        }
        let stories = match (&self.filter, &self.defect) {
            (Some(filter), _) => named(filter, registry)?,
            (None, defect) => {
                let is_meant = |story: &&Story| {
                    let catches = |defect: &String| story.catches.contains(&defect.as_str());
                    story.may_be_selected(None) && defect.as_ref().is_none_or(catches)
                };
                registry.iter().filter(is_meant).copied().collect()
            }
        };
        if stories.is_empty() {
            let name = self.defect.as_deref().unwrap_or_default();
            return Err(unknown("story", name, registry.iter().map(|s| s.name)));
        }
        let mut selected = selected(stories, system)?;
        if let Some(shard) = self.shard {
            let places = selected.playable.into_iter().enumerate();
            let mine = places.filter(|(place, _)| shard.holds(*place));
            selected.playable = mine.map(|(_, story)| story).collect();
        }
        Ok(selected)
    }
}

/// The stories that a filter selects, in the registry's order.
///
/// # Errors
/// A part of the filter selects none.
fn named(filter: &str, registry: &[Story]) -> Result<Vec<Story>, RunError> {
    let selects = |part: &str, story: &Story| {
        if registry.iter().any(|known| known.name == part) {
            return story.name == part;
        }
        !part.is_empty() && matches(part, story.name) && story.may_be_selected(Some(part))
    };
    let parts: Vec<&str> = filter.split(',').map(str::trim).collect();
    let vain = parts
        .iter()
        .find(|part| !registry.iter().any(|story| selects(part, story)));
    if let Some(vain) = vain {
        return Err(unknown("story", vain, registry.iter().map(|s| s.name)));
    }
    let wanted = |story: &&Story| parts.iter().any(|part| selects(part, story));
    Ok(registry.iter().filter(wanted).copied().collect())
}

/// Parts stories into those that the system can play and the others.
fn selected(stories: Vec<Story>, system: &System) -> Result<Selected, RunError> {
    let mut selected = Selected {
        playable: Vec::new(),
        not_applicable: Vec::new(),
    };
    for story in stories {
        match story.available(system) {
            Ok(()) => selected.playable.push(story),
            Err(why) => selected.not_applicable.push(NotPlayed {
                story: story.name.to_owned(),
                why: why.to_string(),
            }),
        }
    }
    if selected.playable.is_empty() {
        return Err(RunError::NotApplicable {
            system: system.name().to_owned(),
            stories: selected.not_applicable,
        });
    }
    Ok(selected)
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
    use crate::system::needs::Need;
    use crate::system::parts::Role;

    fn story(name: &'static str, catches: &'static [&'static str]) -> Story {
        Story {
            name,
            about: "",
            needs: &[],
            faults: &[],
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
            seed: 1,
            repeat: 1,
            shard: None,
        }
    }

    fn names(options: &Options) -> Result<Vec<&'static str>, String> {
        let registry = [
            story("a_one", &["claim-strict-cas"]),
            story("a_two", &[]),
            story("b_one", &[]),
            story("a_one_more", &[]),
            story("long::one", &[]),
        ];
        let selected = options
            .select(&registry, &System::reference())
            .map_err(|e| e.to_string())?;
        Ok(selected.playable.iter().map(|s| s.name).collect())
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
        assert_eq!(names(&options(Some("long::*"), None)), Ok(vec!["long::one"]));
        assert_eq!(
            names(&options(Some("a_*"), None)),
            Ok(vec!["a_one", "a_two", "a_one_more"])
        );
        assert_eq!(names(&options(Some("*_one"), None)), Ok(vec!["a_one", "b_one"]));
        assert_eq!(names(&options(None, Some("claim-strict-cas"))), Ok(vec!["a_one"]));
    }

    #[test]
    fn several_parts_select_what_any_of_them_does_and_none_may_select_nothing() {
        let several = |filter| names(&options(Some(filter), None));
        assert_eq!(several("b_one,a_one"), Ok(vec!["a_one", "b_one"]));
        assert_eq!(several("long::*, *two"), Ok(vec!["a_two", "long::one"]));
        assert!(several("a_one,c_one").is_err_and(|e| e.starts_with("no story \"c_one\"; there are: ")));
        assert!(several("a_one,").is_err_and(|e| e.starts_with("no story \"\"; there are: ")));
    }

    #[test]
    fn what_is_not_there_is_named_with_what_is() {
        let got = names(&options(Some("c_one"), None));
        assert_eq!(
            got,
            Err("no story \"c_one\"; there are: a_one, a_two, b_one, a_one_more, long::one".to_owned())
        );
        let got = names(&options(None, Some("claim-strict")));
        assert!(got.is_err_and(|e| e.starts_with("no defect \"claim-strict\"; there are: ")));
    }

    #[test]
    fn a_story_that_the_system_cannot_play_is_left_out_with_the_reason() {
        let registry = [
            story("plain", &["no-fencing"]),
            Story {
                needs: &[Need::Pods(3), Need::Part(Role::Redis)],
                ..story("on_redis", &["no-idempotency"])
            },
            Story {
                faults: &["flushed"],
                ..story("flushed_redis", &[])
            },
        ];
        let select = |filter: Option<&str>, defect: Option<&str>| {
            let selected = options(filter, defect).select(&registry, &System::reference());
            selected.map_err(|e| e.to_string()).map(|selected| {
                let left_out = selected.not_applicable.into_iter();
                (
                    selected.playable.len(),
                    left_out.map(|left| (left.story, left.why)).collect::<Vec<_>>(),
                )
            })
        };
        let why = "no part has role \"redis\" ([parts.SERVICE] role)";
        let left_out = ["on_redis", "flushed_redis"].map(|name| (name.to_owned(), why.to_owned()));
        assert_eq!(select(None, None), Ok((1, left_out.to_vec())));
        assert_eq!(select(Some("plain"), None), Ok((1, vec![])));
        let named = format!("on_redis is not applicable to reference: {why}");
        assert_eq!(select(Some("on_redis"), None), Err(named.clone()));
        assert_eq!(select(None, Some("no-idempotency")), Err(named));
        let all = format!("none of 2 stories is applicable to reference: 2 {why}");
        assert_eq!(select(Some("redis"), None), Err(all));
    }
}
