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
mod other_link;
mod pause;
mod postgres_link;
mod provider;
mod provider_link;
mod redis_link;
mod strain;
mod terminate;
mod version;

use std::time::Duration;

use crosspod::history::Bound::{Drain, Lease, Progress, Takeover};
use crosspod::history::Capability::{Owner, StoredText};
use crosspod::nemesis::{Link, Role, Way};
use crosspod::plan::Answer;
use crosspod::run::Story;
use crosspod::system::needs::Need::{
    Attach, Bound, Ends, Has, LogIn, Part, Pods, ReadyNeeds, Resumes, Spool, Status, Survivor, VolumeOf,
};
use crosspod::system::parts::Role::{Nats, Other, Postgres, Redis};

use self::dependency::How;

/// A fault story's entry: the function's name behind `fault::` is the story's.
macro_rules! fault {
    ($family:ident::$name:ident: $about:literal, needs $needs:expr, faults $faults:expr, evidence $evidence:expr) => {
        Story {
            name: concat!("fault::", stringify!($name)),
            about: $about,
            needs: &$needs,
            faults: &$faults,
            catches: &[],
            evidence: &$evidence,
            play: |cast| Box::pin($family::$name(cast)),
        }
    };
}

/// A fault story's entry that shares its play with others.
macro_rules! shared {
    (
        $name:literal: $about:literal,
        needs $needs:expr,
        faults $faults:expr,
        evidence $evidence:expr,
        $play:path $(, $with:expr)*
    ) => {
        Story {
            name: concat!("fault::", $name),
            about: $about,
            needs: &$needs,
            faults: &$faults,
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
        redis_link::stories(),
        other_link::stories(),
        provider_link::stories(),
        edge_link::stories(),
        silences(),
        dependencies(),
        further_parts(),
        provider(),
    ]
    .concat()
}

/// Faults of a pod's process.
fn pods() -> Vec<Story> {
    vec![
        fault!(kill::kill: "the owner is killed at its third token",
            needs [Attach, Has(Owner), Pods(2), Ends], faults ["kill"],
            evidence ["the owner died while its turn ran"]),
        fault!(kill::kill_bystanders: "every pod but the owner is killed",
            needs [Attach, Has(Owner), Pods(2)], faults ["kill"],
            evidence ["the others died while the turn ran"]),
        fault!(kill::kill_accepter: "the pod that took the message is killed while the turn runs",
            needs [Attach, Status, Pods(2), Ends], faults ["kill"],
            evidence ["the accepter died while the turn ran"]),
        fault!(kill::kill_any: "a pod is killed when the provider is called",
            needs [Attach, Pods(2), Ends], faults ["kill"],
            evidence ["a pod died while the turn ran"]),
        fault!(kill::kill_most: "the owner and another one are killed",
            needs [Attach, Has(Owner), Pods(3), Survivor, Bound(Takeover)], faults ["kill"],
            evidence ["most of the pods died while the turn ran"]),
        fault!(kill::kill_all: "every pod is killed, and all are started again",
            needs [Attach, Resumes], faults ["kill"],
            evidence ["every pod died while the turn ran"]),
        fault!(kill::kill_heir: "the owner is killed, and then who took over",
            needs [Attach, Has(Owner), Pods(3), Survivor, Bound(Takeover)], faults ["kill"],
            evidence ["the heir died while the turn ran"]),
        fault!(pause::pause: "the owner is frozen past its lease and wakes",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover)], faults ["pause"],
            evidence ["the turn was taken over while the owner was frozen"]),
        fault!(pause::pause_bystander: "a pod that owns nothing is frozen past the lease and wakes",
            needs [Attach, Has(Owner), Pods(2), Bound(Lease)], faults ["pause"],
            evidence ["the turn ran on while another pod was frozen"]),
        fault!(terminate::terminate: "the owner is told to stop and has the time to finish",
            needs [Attach, Has(Owner), Bound(Drain)], faults ["terminate"],
            evidence ["the owner was told to stop while its turn ran", "the owner left in good order"]),
        fault!(terminate::terminate_then_kill: "the owner is told to stop and is killed before its grace is over",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover)], faults ["kill", "terminate"],
            evidence ["the owner was killed within its grace, while its turn ran", "a survivor took the turn over"]),
        fault!(terminate::terminate_bystander: "a pod that owns nothing is told to stop",
            needs [Attach, Has(Owner), Pods(2), Bound(Drain)], faults ["terminate"],
            evidence ["a bystander left in good order while the turn ran"]),
        fault!(boot::restart: "the owner dies and is started again at once, under its own name",
            needs [Attach, Has(Owner), Resumes], faults ["kill"],
            evidence ["the owner died and was started again while its turn ran"]),
        fault!(boot::crash_at_boot: "the owner dies, and dies again while it boots",
            needs [Attach, Has(Owner), Resumes, ReadyNeeds(Postgres)], faults ["blackhole", "kill"],
            evidence ["a pod died before it was ready"]),
        fault!(boot::crash_loop: "the owner dies, and dies each time that it boots",
            needs [Attach, Has(Owner), Resumes, ReadyNeeds(Postgres)], faults ["blackhole", "kill"],
            evidence ["a pod died three times before it was ready"]),
    ]
}

/// Faults of a pod's volume, and of the broker's.
fn disks() -> Vec<Story> {
    vec![
        fault!(disk_full::disk_full: "the volume of a pod's feedback is full, and has room again",
            needs [Attach, Spool], faults ["disk-full"],
            evidence ["feedback was refused for want of room", "a turn was answered while the disk was full",
                "feedback was taken again once there was room"]),
        fault!(disk_full::disk_full_mid_line: "the volume of a pod's feedback is full in the middle of an item",
            needs [Spool], faults ["disk-full", "hold at", "kill"],
            evidence ["an item was refused whose beginning had room", "a later item was taken into what room was left"]),
        fault!(disk_full::nats_disk_full: "the broker's disk is full in the middle of an answer, and has room again",
            needs [Attach, LogIn(Nats), ReadyNeeds(Nats), VolumeOf(Nats)], faults ["disk-full"],
            evidence [disk_full::NOT_STORED, dependency::ENDED]),
    ]
}

/// Resources that a pod runs short of, and versions that replace it.
fn strains() -> Vec<Story> {
    vec![
        fault!(strain::out_of_memory: "the owner is ended by the kernel for want of memory in the middle of an answer",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover)], faults ["out-of-memory"],
            evidence ["the owner ran out of memory while its turn ran"]),
        fault!(strain::cpu_throttled: "the owner gets hardly any processor time in the middle of an answer",
            needs [Attach, Has(Owner)], faults ["cpu-throttled"],
            evidence ["the owner was throttled while its turn ran", "the turn came to its end after it"]),
        fault!(strain::descriptors_exhausted: "the owner can open nothing more in the middle of an answer",
            needs [Attach, Has(Owner)], faults ["descriptors-exhausted"],
            evidence ["the owner could open nothing more while its turn ran",
                "streams in flight went on, and their owner with them"]),
        fault!(strain::descriptors_exhausted_bystander: "a pod that only shows an answer can open nothing more",
            needs [Attach, Has(Owner), Pods(2)], faults ["descriptors-exhausted"],
            evidence ["a pod could open nothing more while the turn ran", "its stream in flight was shown to the end"]),
        fault!(version::replaced_by_a_new_version: "the owner is replaced by another version in the middle of an answer",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover), Bound(Drain)], faults ["other-version", "terminate"],
            evidence ["a new version serves in the owner's place while its turn runs",
                "the version from before serves again"]),
    ]
}

/// Faults of a pod's wall clock.
fn clocks() -> Vec<Story> {
    use clock::{BACKWARD, FOLLOWED, FORWARD, SHIFTED, STAYED, of_owner, of_survivors};
    vec![
        shared!("clock_shifted_forward": "the owner's clock jumps an hour ahead in the middle of an answer",
            needs [Attach, Has(Owner), Bound(Lease)], faults ["clock-shifted"],
            evidence [SHIFTED, STAYED], of_owner, FORWARD),
        shared!("clock_shifted_backward": "the owner's clock jumps an hour back in the middle of an answer",
            needs [Attach, Has(Owner), Bound(Lease)], faults ["clock-shifted"],
            evidence [SHIFTED, STAYED], of_owner, BACKWARD),
        shared!("clock_shifted_forward_on_survivors": "the others' clocks jump an hour ahead, and then the owner dies",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Lease), Bound(Takeover)], faults ["clock-shifted", "kill"],
            evidence [SHIFTED, STAYED, FOLLOWED], of_survivors, FORWARD),
        shared!("clock_shifted_backward_on_survivors": "the others' clocks jump an hour back, and then the owner dies",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Lease), Bound(Takeover)], faults ["clock-shifted", "kill"],
            evidence [SHIFTED, STAYED, FOLLOWED], of_survivors, BACKWARD),
    ]
}

/// Links that hold back what is said and deliver it after a takeover.
fn silences() -> Vec<Story> {
    use late_writes::{ARRIVED, ENDED, HELD, across_a_takeover};
    vec![
        shared!("postgres_hold": "nothing passes between the owner and the database, and all of it arrives after the takeover",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover), Part(Postgres)], faults ["hold"],
            evidence [HELD, ARRIVED, ENDED], across_a_takeover, &[Link::Postgres], Way::Both),
        shared!("postgres_hold_from_pod": "what the owner says to the database arrives after the takeover",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover), Part(Postgres)], faults ["hold"],
            evidence [HELD, ARRIVED, ENDED], across_a_takeover, &[Link::Postgres], Way::FromPod),
        shared!("postgres_and_nats_hold_from_pod":
            "what the owner says to the database and to the broker arrives after the takeover: a zombie whose clock never jumped",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover), Part(Postgres), Part(Nats)], faults ["hold"],
            evidence [HELD, ARRIVED, ENDED], across_a_takeover, &[Link::Postgres, Link::Nats], Way::FromPod),
        shared!("postgres_and_nats_hold": "nothing passes between the owner and its stores, and all of it arrives after the takeover",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover), Part(Postgres), Part(Nats)], faults ["hold"],
            evidence [HELD, ARRIVED, ENDED], across_a_takeover, &[Link::Postgres, Link::Nats], Way::Both),
    ]
}

/// Faults of the database and the broker, for all pods at once.
fn dependencies() -> Vec<Story> {
    use dependency::{ENDED, GONE, goes};
    vec![
        shared!("postgres_restart": "the database is restarted in the middle of an answer",
            needs [Attach, Part(Postgres)], faults ["stop"],
            evidence [GONE, ENDED], goes, Role::Postgres, How::Stops),
        shared!("postgres_crash": "the database dies in the middle of an answer",
            needs [Attach, Part(Postgres)], faults ["kill"],
            evidence [GONE, ENDED], goes, Role::Postgres, How::Dies),
        shared!("postgres_pause": "the database stands still for longer than a lease",
            needs [Attach, Part(Postgres), Bound(Lease)], faults ["pause"],
            evidence [GONE, ENDED], goes, Role::Postgres, How::Freezes),
        shared!("postgres_stopped": "the database is stopped: pods that cannot serve must say so",
            needs [Attach, ReadyNeeds(Postgres)], faults ["stop"],
            evidence ["every pod said that it cannot serve", "every pod served again"],
            crate::nats_stopped::stopped, Role::Postgres),
        shared!("nats_restart": "the broker is restarted in the middle of an answer",
            needs [Attach, Part(Nats)], faults ["stop"],
            evidence [GONE, ENDED], goes, Role::Nats, How::Stops),
        shared!("nats_crash": "the broker dies in the middle of an answer",
            needs [Attach, Part(Nats)], faults ["kill"],
            evidence [GONE, ENDED], goes, Role::Nats, How::Dies),
        shared!("nats_pause": "the broker stands still for longer than a lease",
            needs [Attach, Part(Nats), Bound(Lease)], faults ["pause"],
            evidence [GONE, ENDED], goes, Role::Nats, How::Freezes),
        fault!(database::postgres_backends_terminated:
            "every session of the pods in the database is ended in the middle of an answer",
            needs [Attach, Part(Postgres)], faults ["backends-terminated"],
            evidence [database::SESSIONS_ENDED, ENDED]),
        fault!(database::postgres_connections_exhausted: "the database has no place left for a session of the pods",
            needs [Attach, ReadyNeeds(Postgres), Bound(Lease)], faults ["connections-exhausted"],
            evidence [database::NO_PLACE, ENDED]),
        fault!(database::postgres_read_only: "the database takes no writes for longer than a lease",
            needs [Attach, ReadyNeeds(Postgres), Bound(Lease)], faults ["read-only"],
            evidence [database::NO_WRITES, ENDED]),
        fault!(log_lost::nats_storage_wiped: "the broker loses all that it has stored in the middle of an answer",
            needs [Attach, LogIn(Nats), Has(StoredText)], faults ["storage-wiped"],
            evidence [log_lost::LOST, log_lost::ANEW, ENDED]),
        fault!(log_lost::nats_stream_deleted: "the stream log is deleted in the middle of an answer",
            needs [Attach, LogIn(Nats), Has(StoredText)], faults ["stream-deleted"],
            evidence [log_lost::LOST, log_lost::ANEW, ENDED]),
    ]
}

/// Faults of parts that a system may have beside its database, for all pods at once.
fn further_parts() -> Vec<Story> {
    use dependency::{ENDED, GONE, goes};
    vec![
        shared!("redis_restart": "the Redis store is restarted in the middle of an answer",
            needs [Attach, Part(Redis)], faults ["stop"],
            evidence [GONE, ENDED], goes, Role::Redis, How::Stops),
        shared!("redis_crash": "the Redis store dies in the middle of an answer",
            needs [Attach, Part(Redis)], faults ["kill"],
            evidence [GONE, ENDED], goes, Role::Redis, How::Dies),
        shared!("redis_pause": "the Redis store stands still for longer than a lease",
            needs [Attach, Part(Redis), Bound(Lease)], faults ["pause"],
            evidence [GONE, ENDED], goes, Role::Redis, How::Freezes),
        fault!(log_lost::redis_flushed: "the Redis store loses every key in the middle of an answer",
            needs [Attach, Part(Redis)], faults ["flushed"],
            evidence [log_lost::FLUSHED, ENDED]),
        shared!("redis_gone_at_the_end": "the Redis store that keeps the stream log is gone in the moment in which a turn ends",
            needs [Attach, LogIn(Redis)], faults ["kill"],
            evidence ["the turn ended while it could not be told"],
            crate::nats_gone_at_the_end::gone_at_the_end, Role::Redis),
        shared!("other_restart": "another part is restarted in the middle of an answer",
            needs [Attach, Part(Other)], faults ["stop"],
            evidence [GONE, ENDED], goes, Role::Other, How::Stops),
        shared!("other_crash": "another part dies in the middle of an answer",
            needs [Attach, Part(Other)], faults ["kill"],
            evidence [GONE, ENDED], goes, Role::Other, How::Dies),
        shared!("other_pause": "another part stands still for longer than a lease",
            needs [Attach, Part(Other), Bound(Lease)], faults ["pause"],
            evidence [GONE, ENDED], goes, Role::Other, How::Freezes),
    ]
}

/// Faults that the provider's control language offers.
fn provider() -> Vec<Story> {
    use provider::{CALLED, ENDED, breaks_off, misbehaves};
    vec![
        shared!("provider_error": "the provider answers with an error",
            needs [Attach], faults [],
            evidence [CALLED, ENDED], misbehaves, Answer::tokens(6).error(500)),
        shared!("provider_refuses_for_now": "the provider has too much to do",
            needs [Attach], faults [],
            evidence [CALLED, ENDED], misbehaves, Answer::tokens(6).refused_for_now(Duration::from_secs(1))),
        shared!("provider_thinks": "the provider's first word takes its time",
            needs [Attach], faults [],
            evidence [CALLED, ENDED], misbehaves, Answer::tokens(6).thinks_for(Duration::from_millis(800))),
        shared!("provider_stalls": "the provider falls silent in the middle of an answer",
            needs [Attach], faults [],
            evidence [CALLED, ENDED], misbehaves, Answer::tokens(6).stalls_after(3, Duration::from_millis(800))),
        shared!("provider_is_silent": "the provider ends an answer without a word",
            needs [Attach], faults [],
            evidence [CALLED, ENDED], misbehaves, Answer::tokens(6).first_call_silent()),
        shared!("provider_breaks_off": "the provider breaks its answer off",
            needs [Attach], faults [],
            evidence [CALLED, ENDED], breaks_off, Answer::tokens(12).first_call_broken_off_after(5)),
        shared!("provider_resets": "the provider resets the connection in the middle of its answer",
            needs [Attach], faults [],
            evidence [CALLED, ENDED], breaks_off, Answer::tokens(12).first_call_reset_after(5)),
        shared!("provider_ends_early": "the provider's stream ends in good order before its answer does",
            needs [Attach], faults [],
            evidence [CALLED, ENDED], breaks_off, Answer::tokens(12).first_call_ends_after(5)),
        shared!("provider_hangs": "the provider takes a call and never answers",
            needs [Attach, Bound(Progress)], faults [],
            evidence [CALLED, ENDED], misbehaves, Answer::tokens(6).first_call_hangs()),
    ]
}
