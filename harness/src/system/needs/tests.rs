//! Capabilities follow from descriptions.

use super::*;
use crate::history::{self, Capability};
use crate::system::file::System;
use crate::system::load::{Beside, BesideFolder, Description, Surroundings, load_text};
use crate::system::parts::Role;
use crate::system::stored::OnDeath;

const REFERENCE: &str = include_str!("../../../../fixtures/systems/reference/system.toml");
const COPIES: &str = include_str!("../../../tests/descriptions/copies-of-one-service.toml");
const STREAMED: &str = include_str!("../../../tests/descriptions/streamed-answers.toml");

fn load(text: &str) -> Description {
    let names: Vec<&str> = text.split('"').collect();
    let around = Surroundings {
        file: &|_| Beside::There,
        folder: &|_| BesideFolder::Filled,
        is_set: &|_| true,
        promises: &names,
        stories: &[],
    };
    load_text("system.toml", text, &around).expect("a sound description")
}

fn system(description: &Description) -> &System {
    &description.design(None).expect("a design").system
}

fn lacks(system: &System) -> Vec<Capability> {
    let (there, lacks) = system.capabilities();
    assert_eq!(there.len() + lacks.len(), Capability::ALL.len());
    lacks.into_iter().map(|lack| lack.capability).collect()
}

#[test]
fn the_reference_pod_lacks_next_to_nothing() {
    let description = load(REFERENCE);
    assert_eq!(lacks(system(&description)), [Capability::Live, Capability::ColdStart]);
    let sticky = &description.design(Some("sticky")).expect("a design").system;
    assert!(sticky.capabilities().0.contains(&Capability::ColdStart));
    let rules = system(&description).rules();
    assert_eq!(rules.on_death, Some(history::OnDeath::Survivor));
    assert_eq!((rules.copies, rules.client_retries, rules.owner_is_kept), (1, 0, false));
    assert_eq!(rules.ready_needs, Some(vec!["postgres".to_owned(), "nats".to_owned()]));
}

#[test]
fn what_a_description_does_not_say_is_lacking_by_name() {
    use Capability::{
        Attempt, BodyLimit, ColdStart, Conversation, Dense, Edge, Epoch, Feedback, Gauges, Handover, Idempotent,
        KnownKinds, Live, MessageIds, Questions, Queue, Ready, Resync, Revocation, Serial, SkipsFinished, StoredText,
        StreamLog, Tenants, TextsClosed, ThreadTail,
    };
    let copies = load(COPIES);
    assert_eq!(
        lacks(system(&copies)),
        [
            Serial,
            Queue,
            Idempotent,
            BodyLimit,
            Dense,
            Live,
            ThreadTail,
            SkipsFinished,
            Resync,
            Handover,
            MessageIds,
            KnownKinds,
            TextsClosed,
            Attempt,
            Epoch,
            StoredText,
            Tenants,
            Revocation,
            Feedback,
            Gauges,
            Edge,
            ColdStart,
        ]
    );
    let streamed = load(STREAMED);
    assert_eq!(
        lacks(system(&streamed)),
        [
            BodyLimit,
            Questions,
            Dense,
            Live,
            ThreadTail,
            SkipsFinished,
            Resync,
            Handover,
            MessageIds,
            KnownKinds,
            TextsClosed,
            StreamLog,
            Epoch,
            StoredText,
            Tenants,
            Revocation,
            Conversation,
            Feedback,
            Ready,
            Gauges,
            Edge,
            ColdStart,
        ]
    );
}

#[test]
fn a_capability_that_is_lacking_is_told_with_the_key_that_would_say_it() {
    let copies = load(COPIES);
    let (_, lacks) = system(&copies).capabilities();
    let why: Vec<&str> = lacks.iter().take(3).map(|lack| &*lack.why).collect();
    assert_eq!(
        why,
        [
            "a thread runs turns side by side (calls.turn.busy)",
            "no turn waits for the one before it (calls.turn.busy)",
            "no message id is promised (calls.turn.idempotent)",
        ]
    );
}

#[test]
fn the_first_need_that_is_not_met_is_named() {
    let description = load(COPIES);
    let system = system(&description);
    let powers = DriverPowers(vec![Power::Freeze]);
    let played = Played {
        system,
        profile: system.profile(None),
        powers: &powers,
    };
    let why = |needs: &[Need]| available(needs, played).map_err(|why| why.to_string());
    let met = [
        Need::Has(Capability::Owner),
        Need::Bound(history::Bound::Takeover),
        Need::Attempts,
        Need::Part(Role::Redis),
        Need::Power(Power::Freeze),
        Need::Pods(3),
        Need::Survivor,
        Need::Resumes,
        Need::Ends,
        Need::Status,
        Need::Attach,
        Need::ReadyNeeds(Role::Postgres),
        Need::LogIn(Role::Redis),
        Need::AcceptsWaiting,
    ];
    assert_eq!(why(&met), Ok(()));
    for (need, words) in [
        (
            Need::Has(Capability::Tenants),
            "no second account (auth.accounts.stranger)",
        ),
        (
            Need::Bound(history::Bound::Progress),
            "no bound on progress (profiles.NAME.bounds.progress)",
        ),
        (Need::IdleCpu, "no bound on idle_cpu (profiles.NAME.bounds.idle_cpu)"),
        (
            Need::Part(Role::Nats),
            "no part has role \"nats\" ([parts.SERVICE] role)",
        ),
        (Need::Power(Power::Volumes), "the driver cannot empty or fill a volume"),
        (Need::Pods(5), "5 pods are needed, there are 3 (pods.copies)"),
        (Need::Admin, "pods have no admin interface (pods.admin)"),
        (Need::Version, "pods report no version ([pods.version])"),
        (
            Need::LogIn(Role::Nats),
            "no part of role \"nats\" keeps the stream log (log.part)",
        ),
        (
            Need::ReadyNeeds(Role::Redis),
            "pods do not say whether they can serve without a part of role \"redis\" (pods.ready and pods.ready_needs)",
        ),
        (Need::Spool, "no feedback is taken ([feedback])"),
        (
            Need::Volume,
            "neither a pod nor a part says its volume of bounded size (feedback.spool or parts.SERVICE.volume)",
        ),
        (
            Need::VolumeOf(Role::Nats),
            "no part of role \"nats\" says its volume of bounded size (parts.SERVICE.volume)",
        ),
        (
            Need::BootsTogether,
            "on an empty database one pod boots before the others (pods.first_alone)",
        ),
    ] {
        assert_eq!(why(&[met[0], need]), Err(words.to_owned()));
    }
}

#[test]
fn a_message_that_waits_for_a_stream_of_its_own_is_not_acknowledged() {
    let description = load(STREAMED);
    let system = system(&description);
    let played = Played {
        system,
        profile: system.profile(None),
        powers: &DriverPowers::default(),
    };
    let why = available(&[Need::Has(Capability::Queue), Need::AcceptsWaiting], played).map_err(|why| why.to_string());
    let expected = "a message that waits is acknowledged with the first event of its answer (calls.turn.streams)";
    assert_eq!(why, Err(expected.to_owned()));
}

#[test]
fn bounds_are_those_of_the_profile() {
    let description = load(REFERENCE);
    let system = system(&description);
    let powers = DriverPowers::default();
    let bounds = |profile: Option<&str>| {
        let played = Played {
            system,
            profile: system.profile(profile),
            powers: &powers,
        };
        played.bounds(None)
    };
    let suite = bounds(None);
    assert_eq!(
        (suite.lease_ms, suite.takeover_ms, suite.silence_ms),
        (Some(1000), Some(2100), Some(2000))
    );
    assert_eq!(
        (suite.pickup_ms, suite.attempts, suite.idle_cpu_permille),
        (None, Some(5), Some(50))
    );
    assert_eq!(bounds(Some("production-like")).lease_ms, Some(45_000));
    assert_eq!(bounds(Some("none such")), history::Bounds::default());
}

#[test]
fn the_course_of_a_dead_owners_turn_decides_what_can_be_awaited() {
    let description = load(COPIES);
    let mut system = system(&description).clone();
    let meets = |system: &System, need| {
        let powers = DriverPowers::default();
        let played = Played {
            system,
            profile: None,
            powers: &powers,
        };
        available(&[need], played).is_ok()
    };
    for (on_death, met) in [
        (OnDeath::Survivor, [true, true, true]),
        (OnDeath::Restart, [false, true, false]),
        (OnDeath::Fails, [false, false, true]),
        (OnDeath::Nothing, [false, false, false]),
    ] {
        system.owner.as_mut().expect("an owner").on_death = on_death;
        let needs = [Need::Survivor, Need::Resumes, Need::Ends];
        assert_eq!(needs.map(|need| meets(&system, need)), met, "{on_death}");
    }
    system.owner = None;
    assert!(
        !meets(&system, Need::Ends),
        "nothing is said of a system without owners"
    );
}

#[test]
fn a_need_is_shown_in_a_few_words() {
    let shown = |need: Need| need.to_string();
    assert_eq!(shown(Need::Has(Capability::ThreadTail)), "thread-tail");
    assert_eq!(shown(Need::Bound(history::Bound::Takeover)), "bounds.takeover");
    assert_eq!(shown(Need::Part(Role::Redis)), "part redis");
    assert_eq!(shown(Need::Power(Power::ProofOfDeath)), "PROOF_OF_DEATH");
    assert_eq!(shown(Need::Pods(2)), "2 pods");
    assert_eq!(shown(Need::VolumeOf(Role::Nats)), "volume of nats");
}
