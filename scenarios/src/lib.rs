//! The stories: what could go wrong with a streaming LLM service on several pods, each as a play.
//!
//! A story drives and never asserts: the promises judge what it leaves behind. One story a file; the file's opening says
//! what could go wrong, how it is provoked, and which defects it must catch. [`stories`] is the registry that the command
//! line and the test target share.

mod acknowledged_then_killed;
mod attach_cross_pod;
mod attach_lattice;
mod cluster_smoke;
mod owner_killed_mid_answer;
mod owner_paused_past_its_lease;
mod owner_terminated_mid_answer;
mod rolling_restart_mid_answer;
mod session_revoked_everywhere;

use crosspod::run::Story;

/// A story's entry: its function gives the name and the play.
macro_rules! story {
    ($name:ident: $about:literal, catches $catches:expr, evidence $evidence:expr) => {
        Story {
            name: stringify!($name),
            about: $about,
            catches: &$catches,
            evidence: &$evidence,
            play: |cast| Box::pin($name::$name(cast)),
        }
    };
}

/// Every story, in the order in which they are played.
pub fn stories() -> Vec<Story> {
    vec![
        story!(cluster_smoke: "one turn on a healthy cluster is answered, shown and stored once",
            catches [],
            evidence ["the answer was watched to its end"]),
        story!(attach_cross_pod: "a client attached to a pod that does not own the turn misses what is already buffered",
            catches ["attach-policy-from-local-registry", "attach-skips-tenant-check"],
            evidence ["tails opened with 3 tokens buffered"]),
        story!(attach_lattice: "attaching on any pod at any moment of a turn, takeover included, must show one whole answer",
            catches ["attach-policy-from-local-registry", "purge-under-readers"],
            evidence ["every pod attached at the start", "every pod attached in the middle", "attached inside the takeover",
                "every survivor attached at the tail", "every survivor attached past the end"]),
        story!(owner_killed_mid_answer: "the owner dies while the model is still talking",
            catches ["no-purge-on-resume", "claim-strict-cas", "resume-without-buffer", "purge-under-readers", "heartbeat-watch-only"],
            evidence ["owner died while holding token 3", "late tail opened after takeover"]),
        story!(owner_terminated_mid_answer: "the owner is told to stop while its turn outlasts the grace",
            catches ["sigterm-deletes-liveness-row"],
            evidence ["the owner drained while the turn ran", "the turn was handed over"]),
        story!(owner_paused_past_its_lease: "the zombie: a paused owner is taken over, wakes, and goes on writing",
            catches ["no-fencing"],
            evidence ["the turn was taken over while the owner was paused", "the zombie had tokens to write"]),
        story!(rolling_restart_mid_answer: "every pod is restarted in turn while a turn runs",
            catches [],
            evidence ["every pod was restarted while the turn ran", "the turn was taken over"]),
        story!(acknowledged_then_killed: "the pod that said 202 dies in the same moment",
            catches ["ack-before-durable"],
            evidence ["the pod that accepted the message died"]),
        story!(session_revoked_everywhere: "a session that was revoked on one pod is still honoured on another",
            catches ["attach-skips-tenant-check"],
            evidence ["the session was honoured on every pod before", "the revocation was taken"]),
    ]
}
