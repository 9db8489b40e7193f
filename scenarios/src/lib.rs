//! The stories: what could go wrong with a streaming LLM service on several pods, each as a play.
//!
//! A story drives and never asserts: the promises judge what it leaves behind. One story a file; the file's opening says
//! what could go wrong, how it is provoked, and which defects it must catch. [`stories`] is the registry that the command
//! line and the test target share.

mod acknowledged_then_killed;
mod answer_breaks_off;
mod answered_by_a_pod_that_booted_before_nats;
mod asked_after_a_pause;
mod asked_again_after_a_crash;
mod asked_again_after_cancel;
mod asked_right_after_attaching;
mod attach_cross_pod;
mod attach_lattice;
mod attached_before_the_claim;
mod attached_while_tokens_flow;
mod cancelled_on_another_pod;
mod claim_refused_inside_takeover;
mod cluster_smoke;
mod common;
mod cursors_of_every_form;
mod database_far_at_the_end;
mod edge;
mod empty_answer;
mod fault;
mod feedback_acknowledged_then_killed;
mod idle_cluster;
mod killed_after_claim_before_call;
mod killed_after_commit_before_announce;
mod killed_after_insert_before_202;
mod killed_after_publish_before_persist;
mod killed_inside_drain;
mod killed_inside_spool_drain;
mod killed_inside_spool_recovery;
mod killed_inside_takeover;
mod large_answers;
mod long;
mod long_answer_after_a_short_one;
mod message_queued_mid_answer;
mod message_sent_to_every_pod;
mod message_too_large;
mod nats_gone_at_the_end;
mod nats_restarted_mid_turn;
mod nats_stopped;
mod new_version_beside_the_old;
mod new_version_everywhere_but_at_the_owner;
mod owner_again_after_another;
mod owner_cut_off_from_its_stores;
mod owner_killed_mid_answer;
mod owner_killed_until_given_up;
mod owner_paused_past_its_lease;
mod owner_restarted_under_its_name;
mod owner_terminated_mid_answer;
mod paused_after_claim_before_call;
mod paused_after_publish_before_persist;
mod pod_boots_before_nats;
mod pod_boots_beside_a_live_turn;
mod pods_booted_together;
mod poison_beside_good;
mod postgres_restarted_mid_turn;
mod provider;
mod provider_fails_each_time;
mod provider_hangs;
mod queue_outlives_its_owner;
mod quiet_answer;
mod quiet_tails;
mod reattached_beside_a_dead_tail;
mod rolling_restart_mid_answer;
mod second_death_after_a_blip;
mod session_revoked_everywhere;
mod session_revoked_on_open_tail;
mod short_answer_after_a_long_one;
mod shown_before_a_silence;
mod stopped_at;
mod stuck_after_publish_before_persist;
mod survivors_race_for_an_orphan;
mod told_to_stop_with_feedback_spooled;
mod turns_in_rounds;
mod turns_on_one_tail;
mod watcher_leaves_mid_answer;

use crosspod::history::Bound::{Drain, Lease, Progress, Shown, Silence, Takeover};
use crosspod::history::Capability::{
    BodyLimit, Cancel, Cursor, Epoch, Feedback, Idempotent, Owner, Queue, Read, Resync, Revocation, Tenants,
    ThreadTail, Threads,
};
use crosspod::run::Story;
use crosspod::system::needs::Need::{
    AcceptsWaiting, Attach, BootsTogether, Bound, Ends, Has, IdleCpu, LogIn, Part, Pods, ReadyNeeds, Resumes, Spool,
    Status, Survivor,
};
use crosspod::system::parts::Role::{Nats, Postgres};

/// A story's entry: its function gives the name and the play.
macro_rules! story {
    (
        $name:ident: $about:literal,
        needs $needs:expr,
        faults $faults:expr,
        catches $catches:expr,
        evidence $evidence:expr
    ) => {
        Story {
            name: stringify!($name),
            about: $about,
            needs: &$needs,
            faults: &$faults,
            catches: &$catches,
            evidence: &$evidence,
            play: |cast| Box::pin($name::$name(cast)),
        }
    };
}

/// Every story, in the order in which they are played.
pub fn stories() -> Vec<Story> {
    let straight = straight();
    let through_the_edge = edge::stories(&straight);
    [straight, through_the_edge, long::stories()].concat()
}

/// The stories whose clients go straight to the pods.
fn straight() -> Vec<Story> {
    [
        basics(),
        silences(),
        owners(),
        releases(),
        commit_points(),
        messages(),
        stopped_at::stories(),
        feedback(),
        provider(),
        dependencies(),
        credentials(),
        provider::oddities(),
        fault::faults(),
    ]
    .concat()
}

/// A healthy cluster, and what clients see of it whenever and wherever they attach.
fn basics() -> Vec<Story> {
    vec![
        story!(cluster_smoke: "one turn on a healthy cluster is answered, shown and stored once",
            needs [Attach],
            faults [],
            catches ["session-child-leaks"],
            evidence ["the answer was watched to its end"]),
        story!(attach_cross_pod: "a client attached to a pod that does not own the turn misses what is already buffered",
            needs [Attach, Has(Owner), Pods(2)],
            faults [],
            catches ["attach-policy-from-local-registry"],
            evidence ["tails opened with 3 tokens buffered"]),
        story!(attach_lattice: "attaching on any pod at any moment of a turn, takeover included, must show one whole answer",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover)],
            faults ["kill"],
            catches ["purge-under-readers"],
            evidence ["every pod attached at the start", "every pod attached in the middle", "attached inside the takeover",
                "every survivor attached at the tail", "every survivor attached past the end"]),
        story!(asked_right_after_attaching: "a turn begins in the moment in which tails are opened",
            needs [Attach, Has(Threads), Has(ThreadTail)],
            faults [],
            catches ["attach-policy-before-in-progress"],
            evidence ["the tails were open before the turn was there"]),
        story!(cursors_of_every_form: "clients come back with cursors in the address, of another thread, of no attempt, and none at all",
            needs [Attach, Has(Cursor), Has(Resync), Has(Epoch)],
            faults [],
            catches ["empty-cursor-header-wins", "foreign-cursor-taken"],
            evidence ["cursors of every form were answered in the middle of two turns"]),
        story!(turns_on_one_tail: "a tail that is kept open shows every answer, not only the first",
            needs [Attach, Status, Has(Queue), Has(ThreadTail)],
            faults [],
            catches ["closes-at-finish"],
            evidence ["the first answer was shown on every tail"]),
        story!(short_answer_after_a_long_one: "a short answer follows a long one on the same tail",
            needs [Attach, Has(Threads)],
            faults [],
            catches ["ids-by-the-millisecond"],
            evidence ["the long answer was shown on every tail"]),
        story!(attached_while_tokens_flow: "clients attach, and come back, while the answer flows",
            needs [Attach],
            faults [],
            catches ["replay-then-subscribe-gap", "subscription-outlives-tail"],
            evidence ["tails were opened while tokens flowed"]),
        story!(watcher_leaves_mid_answer: "a client leaves in the middle of an answer that goes on without it",
            needs [Attach, Has(Owner), Bound(Lease)],
            faults [],
            catches ["abort-on-watcher-leave"],
            evidence ["a watcher left while the turn ran"]),
        story!(large_answers: "answers with tokens of 7 kB to 900 kB",
            needs [Attach],
            faults [],
            catches ["oversize-publish-dropped"],
            evidence ["answers of every size were watched on every pod"]),
    ]
}

/// Silences: of the model, of a client's network, of everybody.
fn silences() -> Vec<Story> {
    vec![
        story!(quiet_answer: "the model thinks for longer than the proxies on the way are patient",
            needs [Attach, Bound(Silence)],
            faults [],
            catches ["keepalive-too-slow", "done-on-silence"],
            evidence ["every tail was there when the model fell silent"]),
        story!(shown_before_a_silence: "the model says a few words and falls silent, and they are shown and stored meanwhile",
            needs [Attach, Bound(Shown)],
            faults [],
            catches ["deltas-held-back"],
            evidence ["the model was silent for as long as its words may take"]),
        story!(reattached_beside_a_dead_tail: "a client that lost its network comes back to the pod that believes its tail open",
            needs [Attach, Pods(2)],
            faults [],
            catches ["one-tail-a-session"],
            evidence ["a tail was believed open when its client came back"]),
        story!(idle_cluster: "nobody asks anything for a while, and the pods do nothing",
            needs [IdleCpu],
            faults [],
            catches ["burns-cpu-when-idle"],
            evidence ["what each pod used of a CPU was read while nobody asked anything"]),
        story!(quiet_tails: "clients keep their tails open while nobody asks anything, and the pods do nothing",
            needs [IdleCpu, Attach],
            faults [],
            catches ["burns-cpu-when-idle"],
            evidence ["what each pod used of a CPU was read while nobody asked anything", "the tails stayed open"]),
        story!(turns_in_rounds: "short turns come in rounds, and behind each round a pod holds no more than behind the one before",
            needs [Attach],
            faults [],
            catches ["leaks-descriptor-per-turn", "leaks-memory-per-turn"],
            evidence ["what each pod's process holds was read behind every round"]),
    ]
}

/// Turns whose owner dies, drains, sleeps or is started again.
fn owners() -> Vec<Story> {
    vec![
        story!(owner_killed_mid_answer: "the owner dies while the model is still talking",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover)],
            faults ["kill"],
            catches ["no-purge-on-resume", "claim-strict-cas", "resume-without-buffer", "heartbeat-watch-only",
                "recovery-own-executor-only", "sequence-restarts-with-same-epoch", "heartbeat-bucket-missing",
                "message-stored-with-answer"],
            evidence ["owner died while holding token 3", "late tail opened after takeover"]),
        story!(owner_killed_until_given_up: "each owner of a turn dies in the middle of its answer, until it is given up",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover)],
            faults ["kill"],
            catches ["last-failure-not-told", "losses-not-counted"],
            evidence ["the turn's owners died more than once"]),
        story!(owner_again_after_another: "a turn goes from its owner to another pod and back again",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Lease), Bound(Takeover)],
            faults ["pause"],
            catches [],
            evidence ["the turn went from its owner to another pod and back"]),
        story!(owner_cut_off_from_its_stores: "the owner reaches neither the database nor the broker, and lives",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover), Part(Postgres)],
            faults ["blackhole"],
            catches ["partition-never-taken-over"],
            evidence ["the turn was taken from an owner that reached none of its stores"]),
        story!(survivors_race_for_an_orphan: "more than one survivor finds the turn of a dead owner",
            needs [Attach, Has(Owner), Pods(3), Survivor, Bound(Takeover)],
            faults ["kill"],
            catches ["claim-any-survivor"],
            evidence ["the turn was taken over and not over yet"]),
        story!(owner_terminated_mid_answer: "the owner is told to stop while its turn outlasts the grace",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover), Bound(Drain)],
            faults ["terminate"],
            catches ["sigterm-deletes-liveness-row", "stop-nulls-owner", "drain-sleep-eats-grace", "drain-shorter-than-turn",
                "drain-writes-terminal", "drain-drops-in-flight"],
            evidence ["the owner drained while the turn ran", "the turn was handed over"]),
        story!(owner_restarted_under_its_name: "the owner is stopped unfinished, and nobody but its next life is there to take over",
            needs [Attach, Has(Owner), Resumes, Bound(Takeover), Bound(Drain)],
            faults ["pause", "terminate"],
            catches ["same-name-restart-excluded"],
            evidence ["the owner's next life took the turn"]),
        story!(owner_paused_past_its_lease: "the zombie: a paused owner is taken over, wakes, and goes on writing",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover)],
            faults ["pause"],
            catches ["no-fencing", "zombie-finalise"],
            evidence ["the turn was taken over while the owner was paused", "the zombie had tokens to write"]),
        story!(rolling_restart_mid_answer: "every pod is restarted in turn while a turn runs",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover), Bound(Drain)],
            faults ["terminate"],
            catches ["drain-cancels-peers"],
            evidence ["every pod was restarted while the turn ran", "the turn was taken over"]),
        story!(pod_boots_beside_a_live_turn: "a pod boots while another one's turn runs",
            needs [Attach, Has(Owner), Pods(2), Bound(Lease)],
            faults ["kill"],
            catches ["boot-sweep-steals-live", "startup-sweep-kills-peers"],
            evidence ["a pod booted while another one's turn ran"]),
        story!(asked_again_after_a_crash: "a thread is asked again after its owner has died in the middle of an answer",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover), Bound(Progress), Has(Threads)],
            faults ["kill"],
            catches ["in-flight-row-stranded"],
            evidence ["the thread was asked again after its owner's death"]),
    ]
}

/// Pods of two versions beside each other, and pods that boot at once.
fn releases() -> Vec<Story> {
    vec![
        story!(new_version_beside_the_old: "pods of two versions serve at once, and an old one shows what a new one writes",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Drain)],
            faults ["other-version", "terminate"],
            catches ["version-skew-in-events"],
            evidence ["a new pod's answer was watched on an old one"]),
        story!(new_version_everywhere_but_at_the_owner: "a release is rolled out to every pod but the owner, and the owner dies",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover), Bound(Drain)],
            faults ["kill", "other-version", "terminate"],
            catches [],
            evidence ["a pod of another version took the turn over"]),
        story!(pods_booted_together: "every pod is gone, and all boot at the same moment",
            needs [Attach, Part(Postgres), BootsTogether],
            faults ["kill", "empty"],
            catches ["parallel-migrations"],
            evidence ["all pods booted together on an empty database"]),
    ]
}

/// A pod that dies, freezes or gets stuck between two of its steps, exactly there.
fn commit_points() -> Vec<Story> {
    vec![
        story!(killed_after_insert_before_202: "a pod dies between storing a message and saying so, and the message is sent again",
            needs [Attach, Pods(2), Survivor, Has(Idempotent)],
            faults ["hold at", "kill"],
            catches [],
            evidence ["the pod held at after-insert-before-202 and died there"]),
        story!(attached_before_the_claim: "clients attach while a turn waits and no pod has claimed it",
            needs [Attach, Status, Has(Threads), Has(ThreadTail), AcceptsWaiting, Bound(Lease)],
            faults ["hold at"],
            catches [],
            evidence ["every pod held at after-look-before-claim while tails were open"]),
        story!(killed_after_claim_before_call: "an owner dies between its claim and its first step",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover)],
            faults ["hold at", "kill"],
            catches [],
            evidence ["the owner held at after-claim-before-call and died there"]),
        story!(paused_after_claim_before_call: "an owner is frozen between its claim and its first step, and wakes superseded",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover)],
            faults ["hold at", "pause"],
            catches [],
            evidence ["the owner held at after-claim-before-call and was frozen there"]),
        story!(claim_refused_inside_takeover: "the database takes no writes in the moment in which a dead owner's turn is claimed",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Lease), Bound(Takeover), Part(Postgres)],
            faults ["hold at", "kill", "read-only"],
            catches ["orphan-tried-once"],
            evidence ["the claim was tried while the database took no writes"]),
        story!(killed_after_publish_before_persist: "an owner dies between showing a piece of the answer and storing it",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover)],
            faults ["hold at", "kill"],
            catches [],
            evidence ["the owner held at after-publish-before-persist and died there"]),
        story!(paused_after_publish_before_persist: "an owner is frozen between showing a piece of the answer and storing it",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover)],
            faults ["hold at", "pause"],
            catches ["no-fencing"],
            evidence ["the owner held at after-publish-before-persist and was frozen there"]),
        story!(stuck_after_publish_before_persist: "an owner is stuck between showing a piece of the answer and storing it, and its heart beats on",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover), Bound(Progress)],
            faults ["hold at"],
            catches ["one-hung-turn-blocks-thread"],
            evidence ["the owner held at after-publish-before-persist until it was taken over"]),
        story!(killed_after_commit_before_announce: "an owner dies between storing a turn's end and telling of it",
            needs [Attach, Has(Owner), Pods(2)],
            faults ["hold at", "kill"],
            catches ["finish-before-commit"],
            evidence ["the owner held at after-commit-before-announce and died there"]),
        story!(database_far_at_the_end: "the database is far away from the owner while its turn ends",
            needs [Attach, Has(Owner), Part(Postgres)],
            faults ["latency"],
            catches ["finish-before-commit"],
            evidence ["the turn came to its end while its owner's words to the database were late"]),
        story!(killed_inside_takeover: "an heir dies in the middle of taking over",
            needs [Attach, Has(Owner), Pods(3), Survivor, Bound(Takeover)],
            faults ["hold at", "kill"],
            catches [],
            evidence ["the heir held at inside-takeover and died there"]),
        story!(killed_inside_drain: "a draining owner dies between dropping its turn and saying so",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover), Bound(Drain)],
            faults ["hold at", "kill", "terminate"],
            catches [],
            evidence ["the owner held at inside-drain and died there"]),
    ]
}

/// Messages that are acknowledged, repeated, queued and cancelled.
fn messages() -> Vec<Story> {
    vec![
        story!(acknowledged_then_killed: "the pod that said 202 dies in the same moment",
            needs [Attach, Pods(2), Ends],
            faults ["kill"],
            catches ["ack-before-durable"],
            evidence ["the pod that accepted the message died"]),
        story!(message_sent_to_every_pod: "one message is sent to every pod at once",
            needs [Attach, Pods(2), Has(Idempotent)],
            faults [],
            catches ["no-idempotency"],
            evidence ["every pod was sent the message before it was answered"]),
        story!(message_too_large: "a message is larger than the system takes, and the next one is not",
            needs [Attach, Has(Threads), Has(BodyLimit)],
            faults [],
            catches [],
            evidence ["every pod refused a message that was too large and answered the next"]),
        story!(message_queued_mid_answer: "a second message is posted while the first is answered",
            needs [Attach, Has(Queue), AcceptsWaiting],
            faults [],
            catches ["epoch-minted-at-post", "session-per-pod-unbounded"],
            evidence ["the second message waited while the first was answered"]),
        story!(queue_outlives_its_owner: "messages wait in a thread whose owner dies",
            needs [Attach, Has(Owner), Pods(2), Survivor, Bound(Takeover), Has(Queue), AcceptsWaiting],
            faults ["kill"],
            catches ["queue-takes-newest"],
            evidence ["three messages waited when the owner died"]),
        story!(cancelled_on_another_pod: "an answer is stopped through a pod that does not own it",
            needs [Attach, Has(Owner), Pods(2), Status, Has(Cancel)],
            faults [],
            catches ["cancel-is-pod-local"],
            evidence ["the cancel was taken by a pod that does not own the turn"]),
        story!(asked_again_after_cancel: "what stopped one answer must not reach the next",
            needs [Attach, Has(Owner), Status, Has(Cancel), Has(Threads)],
            faults [],
            catches ["stale-cancel-kills-next", "fence-blind-terminal"],
            evidence ["the first turn was cancelled"]),
        story!(asked_after_a_pause: "a thread is asked again after a quiet time",
            needs [Attach, Has(Threads), Bound(Progress)],
            faults [],
            catches ["stale-progress-reaps-new-turn", "restore-drops-context"],
            evidence ["the turn waited for its first word"]),
        story!(long_answer_after_a_short_one: "a long answer outlasts the time of a short one before it",
            needs [Attach, Has(Threads), Bound(Progress)],
            faults [],
            catches ["ghost-force-fail"],
            evidence ["the long answer was not over when the short one's time was"]),
    ]
}

/// Feedback that is acknowledged before it is stored.
fn feedback() -> Vec<Story> {
    vec![
        story!(feedback_acknowledged_then_killed: "the pod that acknowledged feedback dies in the same moment",
            needs [Has(Feedback)],
            faults ["kill"],
            catches ["spool-ack-before-fsync"],
            evidence ["the pod that acknowledged the feedback died"]),
        story!(killed_inside_spool_drain: "a pod dies between setting feedback aside and storing it",
            needs [Has(Feedback)],
            faults ["hold at", "kill"],
            catches ["spool-not-recovered", "spool-ack-before-fsync"],
            evidence ["the pod held at inside-spool-drain and died there with more acknowledged"]),
        story!(killed_inside_spool_recovery: "a pod that recovers feedback dies between storing it and removing it",
            needs [Spool],
            faults ["hold at", "kill"],
            catches ["spool-recovered-twice", "spool-not-recovered"],
            evidence ["the pod held at inside-spool-recovery with the item stored, and died there"]),
        story!(told_to_stop_with_feedback_spooled: "a pod is told to stop while it keeps feedback that is not stored",
            needs [Has(Feedback), Bound(Drain)],
            faults ["hold at", "terminate"],
            catches [],
            evidence ["the pod left in good order with feedback in its spool"]),
    ]
}

/// A provider that says nothing, breaks off or hangs.
fn provider() -> Vec<Story> {
    vec![
        story!(empty_answer: "the provider ends an answer without having said anything",
            needs [Attach],
            faults [],
            catches ["blank-terminal"],
            evidence ["the provider said nothing"]),
        story!(answer_breaks_off: "the provider breaks its answer off in the middle",
            needs [Attach],
            faults [],
            catches ["mid-stream-error-swallowed"],
            evidence ["five tokens were shown when the answer broke off"]),
        story!(provider_fails_each_time: "the provider breaks off every answer of a turn",
            needs [Attach, Has(Threads)],
            faults [],
            catches ["retries-without-end"],
            evidence ["the provider was called and broke off"]),
        story!(provider_hangs: "the provider takes a call and never answers",
            needs [Attach, Has(Queue), Survivor, Bound(Progress)],
            faults [],
            catches ["one-hung-turn-blocks-thread"],
            evidence ["the provider was called and did not answer"]),
        story!(poison_beside_good: "a turn that cannot succeed runs beside others that can",
            needs [Attach],
            faults [],
            catches [],
            evidence ["others ran while the bad turn failed"]),
    ]
}

/// A broker or a database that goes away and comes back.
fn dependencies() -> Vec<Story> {
    vec![
        story!(nats_restarted_mid_turn: "the broker dies in the middle of an answer and comes back",
            needs [Attach, Has(Owner), Pods(2), Part(Nats)],
            faults ["kill"],
            catches ["stream-in-memory"],
            evidence ["the turn ran on through the restart"]),
        story!(nats_gone_at_the_end: "the broker is gone in the moment in which a turn ends",
            needs [Attach, LogIn(Nats)],
            faults ["kill"],
            catches ["terminal-publish-swallowed"],
            evidence ["the turn ended while it could not be told"]),
        story!(nats_stopped: "the broker is stopped: pods that cannot serve must say so",
            needs [Attach, ReadyNeeds(Nats)],
            faults ["stop"],
            catches ["ready-while-dependency-down"],
            evidence ["every pod said that it cannot serve", "every pod served again"]),
        story!(pod_boots_before_nats: "a pod boots before the broker does",
            needs [Attach, ReadyNeeds(Nats)],
            faults ["kill"],
            catches ["stream-client-cached-null"],
            evidence ["a pod was up before the broker"]),
        story!(answered_by_a_pod_that_booted_before_nats: "a pod that booted before the broker answers a turn",
            needs [Attach, Has(Owner), Pods(2), ReadyNeeds(Nats), Bound(Takeover)],
            faults ["kill", "pause"],
            catches ["nothing-published-204"],
            evidence ["the pod that was up before the broker owns a turn"]),
        story!(postgres_restarted_mid_turn: "the database dies in the middle of an answer and comes back",
            needs [Attach, Part(Postgres)],
            faults ["kill"],
            catches [],
            evidence ["the model said the rest while the database was gone"]),
        story!(second_death_after_a_blip: "an owner dies after the pods have lost every connection once",
            needs [Attach, Has(Owner), Pods(3), Survivor, Bound(Takeover), Part(Nats)],
            faults ["kill"],
            catches ["death-callback-lost-on-reconnect"],
            evidence ["a death was noticed before the blip", "the owner died after the blip"]),
    ]
}

/// The tenant of a thread, and the life of a session.
fn credentials() -> Vec<Story> {
    vec![
        story!(session_revoked_everywhere: "a session that was revoked on one pod is still honoured on another",
            needs [Attach, Has(Read), Has(Tenants), Has(Revocation)],
            faults [],
            catches ["attach-skips-tenant-check", "session-cached-per-pod", "error-leaks-other-tenant"],
            evidence ["the session was honoured on every pod before", "the revocation was taken"]),
        story!(session_revoked_on_open_tail: "a session is revoked while its tails are open",
            needs [Attach, Has(ThreadTail), Has(Revocation)],
            faults [],
            catches [],
            evidence ["every tail of the revoked session ended", "nothing later was shown on them"]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_through_the_edge_is_the_one_that_goes_straight_and_needs_an_edge() {
        let all = stories();
        let through = all.iter().filter(|story| story.name.starts_with("edge::through"));
        let mut seen = 0;
        for story in through {
            let name = story.name.rsplit("::").next().expect("a name");
            let origin = all.iter().find(|origin| origin.name == name).expect("a story");
            assert!(
                story.needs.contains(&Has(crosspod::history::Capability::Edge)),
                "{}",
                story.name
            );
            assert_eq!((story.about, story.evidence), (origin.about, origin.evidence));
            seen += 1;
        }
        assert!(seen >= 20, "only {seen}");
    }
}
