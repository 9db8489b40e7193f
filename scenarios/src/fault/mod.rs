//! A story for each fault: that it lands, is seen to have landed, and is healed, and that a sound service keeps every
//! promise through it. None has a defect to catch; the other stories have.

mod boot;
mod clock;
mod database;
mod dependency;
mod disk_full;
mod edge_link;
mod kill;
mod late_writes;
mod link;
mod log_lost;
mod nats_link;
mod pause;
mod postgres_link;
mod provider;
mod provider_link;
mod strain;
mod terminate;
mod version;

use std::time::Duration;

use crosspod::nemesis::{Role, Way};
use crosspod::plan::Answer;
use crosspod::run::Story;

use self::dependency::How;

/// A fault story's entry: the function's name behind `fault::` is the story's.
macro_rules! fault {
    ($family:ident::$name:ident: $about:literal, evidence $evidence:expr) => {
        Story {
            name: concat!("fault::", stringify!($name)),
            about: $about,
            catches: &[],
            evidence: &$evidence,
            play: |cast| Box::pin($family::$name(cast)),
        }
    };
}

/// A fault story's entry that shares its play with others.
macro_rules! shared {
    ($name:literal: $about:literal, evidence $evidence:expr, $play:path $(, $with:expr)*) => {
        Story {
            name: concat!("fault::", $name),
            about: $about,
            catches: &[],
            evidence: &$evidence,
            play: |cast| Box::pin($play(cast $(, $with)*)),
        }
    };
}

/// Every fault story, by what is broken.
pub(crate) fn faults() -> Vec<Story> {
    [
        pods(),
        disks(),
        strains(),
        clocks(),
        postgres_link::stories(),
        nats_link::stories(),
        provider_link::stories(),
        edge_link::stories(),
        silences(),
        dependencies(),
        provider(),
    ]
    .concat()
}

/// Faults of a pod's process.
fn pods() -> Vec<Story> {
    vec![
        fault!(kill::kill: "the owner is killed at its third token",
            evidence ["the owner died while its turn ran"]),
        fault!(kill::kill_bystanders: "every pod but the owner is killed",
            evidence ["the others died while the turn ran"]),
        fault!(kill::kill_accepter: "the pod that took the message is killed while the turn runs",
            evidence ["the accepter died while the turn ran"]),
        fault!(kill::kill_any: "a pod is killed when the provider is called",
            evidence ["a pod died while the turn ran"]),
        fault!(kill::kill_most: "the owner and another one are killed",
            evidence ["most of the pods died while the turn ran"]),
        fault!(kill::kill_all: "every pod is killed, and all are started again",
            evidence ["every pod died while the turn ran"]),
        fault!(kill::kill_heir: "the owner is killed, and then who took over",
            evidence ["the heir died while the turn ran"]),
        fault!(pause::pause: "the owner is frozen past its lease and wakes",
            evidence ["the turn was taken over while the owner was frozen"]),
        fault!(pause::pause_bystander: "a pod that owns nothing is frozen past the lease and wakes",
            evidence ["the turn ran on while another pod was frozen"]),
        fault!(terminate::terminate: "the owner is told to stop and has the time to finish",
            evidence ["the owner was told to stop while its turn ran", "the owner left in good order"]),
        fault!(terminate::terminate_then_kill: "the owner is told to stop and is killed before its grace is over",
            evidence ["the owner was killed within its grace, while its turn ran", "a survivor took the turn over"]),
        fault!(terminate::terminate_bystander: "a pod that owns nothing is told to stop",
            evidence ["a bystander left in good order while the turn ran"]),
        fault!(boot::restart: "the owner dies and is started again at once, under its own name",
            evidence ["the owner died and was started again while its turn ran"]),
        fault!(boot::crash_at_boot: "the owner dies, and dies again while it boots",
            evidence ["a pod died before it was ready"]),
        fault!(boot::crash_loop: "the owner dies, and dies each time that it boots",
            evidence ["a pod died three times before it was ready"]),
    ]
}

/// Faults of a pod's volume.
fn disks() -> Vec<Story> {
    vec![
        fault!(disk_full::disk_full: "the volume of a pod's feedback is full, and has room again",
            evidence ["feedback was refused for want of room", "a turn was answered while the disk was full",
                "feedback was taken again once there was room"]),
        fault!(disk_full::disk_full_mid_line: "the volume of a pod's feedback is full in the middle of an item",
            evidence ["an item was refused whose beginning had room", "a later item was taken into what room was left"]),
    ]
}

/// Resources that a pod runs short of, and versions that replace it.
fn strains() -> Vec<Story> {
    vec![
        fault!(strain::out_of_memory: "the owner is ended by the kernel for want of memory in the middle of an answer",
            evidence ["the owner ran out of memory while its turn ran"]),
        fault!(strain::cpu_throttled: "the owner gets hardly any processor time in the middle of an answer",
            evidence ["the owner was throttled while its turn ran", "the turn came to its end after it"]),
        fault!(strain::descriptors_exhausted: "the owner can open nothing more in the middle of an answer",
            evidence ["the owner could open nothing more while its turn ran",
                "streams in flight went on, and their owner with them"]),
        fault!(strain::descriptors_exhausted_bystander: "a pod that only shows an answer can open nothing more",
            evidence ["a pod could open nothing more while the turn ran", "its stream in flight was shown to the end"]),
        fault!(version::replaced_by_a_new_version: "the owner is replaced by another version in the middle of an answer",
            evidence ["a new version serves in the owner's place while its turn runs",
                "the version from before serves again"]),
    ]
}

/// Faults of a pod's wall clock.
fn clocks() -> Vec<Story> {
    use clock::{BACKWARD, FOLLOWED, FORWARD, SHIFTED, STAYED, of_owner, of_survivors};
    vec![
        shared!("clock_shifted_forward": "the owner's clock jumps an hour ahead in the middle of an answer",
            evidence [SHIFTED, STAYED], of_owner, FORWARD),
        shared!("clock_shifted_backward": "the owner's clock jumps an hour back in the middle of an answer",
            evidence [SHIFTED, STAYED], of_owner, BACKWARD),
        shared!("clock_shifted_forward_on_survivors": "the others' clocks jump an hour ahead, and then the owner dies",
            evidence [SHIFTED, STAYED, FOLLOWED], of_survivors, FORWARD),
        shared!("clock_shifted_backward_on_survivors": "the others' clocks jump an hour back, and then the owner dies",
            evidence [SHIFTED, STAYED, FOLLOWED], of_survivors, BACKWARD),
    ]
}

/// Links that hold back what is said and deliver it after a takeover.
fn silences() -> Vec<Story> {
    use late_writes::{ARRIVED, ENDED, HELD, across_a_takeover};
    vec![
        shared!("postgres_hold": "nothing passes between the owner and the database, and all of it arrives after the takeover",
            evidence [HELD, ARRIVED, ENDED], across_a_takeover, Way::Both),
        shared!("postgres_hold_from_pod": "what the owner says to the database arrives after the takeover",
            evidence [HELD, ARRIVED, ENDED], across_a_takeover, Way::FromPod),
    ]
}

/// Faults of the database and the broker, for all pods at once.
fn dependencies() -> Vec<Story> {
    use dependency::{ENDED, GONE, goes};
    vec![
        shared!("postgres_restart": "the database is restarted in the middle of an answer",
            evidence [GONE, ENDED], goes, Role::Postgres, How::Stops),
        shared!("postgres_crash": "the database dies in the middle of an answer",
            evidence [GONE, ENDED], goes, Role::Postgres, How::Dies),
        shared!("postgres_pause": "the database stands still for longer than a lease",
            evidence [GONE, ENDED], goes, Role::Postgres, How::Freezes),
        shared!("nats_restart": "the broker is restarted in the middle of an answer",
            evidence [GONE, ENDED], goes, Role::Nats, How::Stops),
        shared!("nats_crash": "the broker dies in the middle of an answer",
            evidence [GONE, ENDED], goes, Role::Nats, How::Dies),
        shared!("nats_pause": "the broker stands still for longer than a lease",
            evidence [GONE, ENDED], goes, Role::Nats, How::Freezes),
        fault!(database::postgres_backends_terminated:
            "every session of the pods in the database is ended in the middle of an answer",
            evidence [database::SESSIONS_ENDED, ENDED]),
        fault!(database::postgres_connections_exhausted: "the database has no place left for a session of the pods",
            evidence [database::NO_PLACE, ENDED]),
        fault!(database::postgres_read_only: "the database takes no writes for longer than a lease",
            evidence [database::NO_WRITES, ENDED]),
        fault!(log_lost::nats_storage_wiped: "the broker loses all that it has stored in the middle of an answer",
            evidence [log_lost::LOST, log_lost::ANEW, ENDED]),
        fault!(log_lost::nats_stream_deleted: "the stream log is deleted in the middle of an answer",
            evidence [log_lost::LOST, log_lost::ANEW, ENDED]),
    ]
}

/// Faults that the provider's control language offers.
fn provider() -> Vec<Story> {
    use provider::{CALLED, ENDED, breaks_off, misbehaves};
    vec![
        shared!("provider_error": "the provider answers with an error",
            evidence [CALLED, ENDED], misbehaves, Answer::tokens(6).error(500)),
        shared!("provider_refuses_for_now": "the provider has too much to do",
            evidence [CALLED, ENDED], misbehaves, Answer::tokens(6).refused_for_now(Duration::from_secs(1))),
        shared!("provider_thinks": "the provider's first word takes its time",
            evidence [CALLED, ENDED], misbehaves, Answer::tokens(6).thinks_for(Duration::from_millis(800))),
        shared!("provider_stalls": "the provider falls silent in the middle of an answer",
            evidence [CALLED, ENDED], misbehaves, Answer::tokens(6).stalls_after(3, Duration::from_millis(800))),
        shared!("provider_is_silent": "the provider ends an answer without a word",
            evidence [CALLED, ENDED], misbehaves, Answer::tokens(6).first_call_silent()),
        shared!("provider_breaks_off": "the provider breaks its answer off",
            evidence [CALLED, ENDED], breaks_off, Answer::tokens(12).first_call_broken_off_after(5)),
        shared!("provider_resets": "the provider resets the connection in the middle of its answer",
            evidence [CALLED, ENDED], breaks_off, Answer::tokens(12).first_call_reset_after(5)),
        shared!("provider_ends_early": "the provider's stream ends in good order before its answer does",
            evidence [CALLED, ENDED], breaks_off, Answer::tokens(12).first_call_ends_after(5)),
        shared!("provider_hangs": "the provider takes a call and never answers",
            evidence [CALLED, ENDED], misbehaves, Answer::tokens(6).first_call_hangs()),
    ]
}
