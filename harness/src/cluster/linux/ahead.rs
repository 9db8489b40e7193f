//! A thread that waits for a process to die must hear of it at once. The machine has most to do just then: whoever was
//! connected to the process is woken, and so is the engine, and an ordinary thread waits its turn among them all.

use std::marker::PhantomData;

use rustix::process::{getpriority_process, setpriority_process};
use thread_priority::{
    NormalThreadSchedulePolicy, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id, thread_schedule_policy,
};

const ORDINARY: ThreadSchedulePolicy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
const FIRST: ThreadSchedulePolicy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);

/// While it is there, the calling thread runs before every ordinary one, where the system lets it. It is for a few
/// milliseconds in which the thread hardly does anything but wait.
pub(in crate::cluster) struct Ahead {
    /// How nice the thread was, `None` where it stays as it is.
    nice: Option<i32>,
    /// It is the calling thread's, and must end there.
    _here: PhantomData<*const ()>,
}

impl Ahead {
    pub(in crate::cluster) fn of_others() -> Self {
        Self {
            nice: raise(),
            _here: PhantomData,
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        let Some(nice) = self.nice else { return };
        let lowered = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, ORDINARY);
        // That made it nicer than it was.
        let as_before = setpriority_process(None, nice);
        tracing::debug!(?lowered, ?as_before, "an ordinary thread again");
    }
}

/// Makes the calling thread one of those that run first; how nice it was, where that could be done.
fn raise() -> Option<i32> {
    // Somebody who gave it another policy meant that.
    if thread_schedule_policy() != Ok(ORDINARY) {
        return None;
    }
    let nice = getpriority_process(None).ok()?;
    // The least of them: whatever the machine's owner has put first stays first.
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, FIRST).ok()?;
    Some(nice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_went_ahead_is_as_it_was_before() {
        let look = || (thread_schedule_policy(), getpriority_process(None));
        let before = look();
        let ahead = Ahead::of_others();
        // Where it is not permitted, nothing changes.
        assert_eq!(look() != before, ahead.nice.is_some());
        drop(ahead);
        assert_eq!(look(), before);
    }
}
