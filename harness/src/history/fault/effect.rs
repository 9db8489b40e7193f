//! The effect of a fault: what it does to its target, and whom it excuses.

use serde::{Deserialize, Serialize};

/// Effect of a fault while it is in force. Each fault states its effect; the judge asks nothing else about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each answers a question of its own, in any combination"
)]
pub struct Effect {
    /// How it ends its target's process.
    #[serde(default, skip_serializing_if = "Ends::is_not")]
    pub ends: Ends,
    /// True if its target stands still and continues where it stopped.
    #[serde(default, skip_serializing_if = "is_false")]
    pub freezes: bool,
    /// True if its target is kept from a CPU on purpose: CPU starvation of that part excuses nothing then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub throttles: bool,
    /// The link between its target and another part that it cuts or impairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuts_off: Option<String>,
    /// True if nothing passes between its target and the database, in one direction or in both, though its target runs: it can neither
    /// renew a lease nor store anything.
    #[serde(default, skip_serializing_if = "is_false")]
    pub isolates: bool,
    /// True if nothing can be read from its target, or nothing that is new, though its target runs.
    #[serde(default, skip_serializing_if = "is_false")]
    pub refuses_reads: bool,
    /// True if nothing can be stored on its target or sent through it, though its target runs.
    #[serde(default, skip_serializing_if = "is_false")]
    pub refuses_writes: bool,
    /// True if the stream log loses by it what it held.
    #[serde(default, skip_serializing_if = "is_false")]
    pub loses_log: bool,
    /// Who does not owe what it always owes. It has no default: each fault says so.
    pub excuses: Excuses,
}

impl Effect {
    /// A fault that excuses so much and does nothing else that the judge asks about.
    pub const fn excusing(excuses: Excuses) -> Self {
        Self {
            ends: Ends::Not,
            freezes: false,
            throttles: false,
            cuts_off: None,
            isolates: false,
            refuses_reads: false,
            refuses_writes: false,
            loses_log: false,
            excuses,
        }
    }
}

/// How a fault ends its target's process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// Not at all.
    #[default]
    Not,
    /// At once, without a farewell.
    AtOnce,
    /// It is asked to end, and may do so in good order within its grace.
    InGoodOrder,
}

impl Ends {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde wants")]
    fn is_not(&self) -> bool {
        *self == Self::Not
    }
}

/// Who does not owe what it always owes while a fault is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Excuses {
    /// Nobody: nothing that the system promises may depend on it.
    Nothing,
    /// Its target, a pod.
    ItsTarget,
    /// Every pod: its target is a part that all depend on.
    Everyone,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde wants")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_must_say_whom_it_excuses_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<Effect>(text);
        assert_eq!(
            read(r#"{"excuses":"nothing"}"#).expect("an effect"),
            Effect::excusing(Excuses::Nothing)
        );
        let error = read(r#"{"freezes":true}"#).expect_err("no effect").to_string();
        assert!(error.starts_with("missing field `excuses`"), "{error}");
    }
}
