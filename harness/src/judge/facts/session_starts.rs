//! Session starts: posts through the edge of which it is sure whether their session was there or had to be built.
//!
//! A post counts if its thread stood still: every other turn of the thread was over before the post, or came after its answer.
//! The request behind the post must be the only one of its thread meanwhile, and the first that sends its message. A stretch in which
//! anything was broken that concerns the pod proves nothing, whatever the fault excuses, and neither does the end of a pod's process.
//! Posts that go straight to a pod are left out: their answers are not in the history.

use crate::history::{PodName, TurnId};
use crate::judge::view::{At, Post, Request, Turn, View, is_by};

/// The method of a post.
const POST: &str = "POST";

/// A post whose session was surely there, or surely was not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionStart<'v> {
    pub(crate) request: Request<'v>,
    /// Place of the thread.
    pub(crate) thread: usize,
    pub(crate) turn: &'v TurnId,
    /// The pod that accepted the post, and then answered its turn.
    pub(crate) pod: &'v PodName,
    pub(crate) session: Session,
}

/// The state in which a post must have found its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    /// None was there: the pod had never been given a post or a turn of the thread.
    Missing,
    /// The session was left warm by the thread's last turn, which the same pod answered.
    Warm {
        /// How long it had rested at most when the post was answered, in microseconds.
        rested_us: u64,
        /// For how long the pod keeps it, in microseconds.
        kept_us: u64,
    },
}

/// A post with its place in time.
#[derive(Clone, Copy)]
struct Place<'v, 'a> {
    post: &'v Post<'a>,
    request: Request<'v>,
    ended: At,
    pod: &'v PodName,
    turn: &'v Turn<'a>,
}

impl<'a> View<'a> {
    /// Every post of which it is sure whether its session was there. There are none without an edge, or without the idle time of sessions.
    pub(crate) fn session_starts(&self) -> Vec<SessionStart<'_>> {
        let edge = self.rules.edge.as_ref();
        let Some(kept_ms) = edge
            .and_then(|edge| edge.lifetime_ms)
            .filter(|_| !self.routed.is_empty())
        else {
            return Vec::new();
        };
        let mut of_threads: Vec<Vec<&Post<'a>>> = self.threads.iter().map(|_| Vec::new()).collect();
        for post in &self.posts {
            of_threads[post.thread].push(post);
        }
        let posts = self.posts.iter();
        posts
            .filter_map(|post| self.session_start(&of_threads[post.thread], post, kept_ms * 1000))
            .collect()
    }

    fn session_start<'v>(
        &'v self,
        of_thread: &[&Post<'a>],
        post: &'v Post<'a>,
        kept_us: u64,
    ) -> Option<SessionStart<'v>> {
        let place = self.place_of(post)?;
        let is_alone = of_thread.iter().all(|other| is_apart(other, post, place.ended));
        if !is_alone || !self.stands_still(&place) || !self.is_answered_by_its_pod(&place) {
            return None;
        }
        let missing = || self.is_missing(of_thread, &place).then_some(Session::Missing);
        Some(SessionStart {
            request: place.request,
            thread: post.thread,
            turn: place.turn.id,
            pod: place.pod,
            session: missing().or_else(|| self.left_warm(&place, kept_us))?,
        })
    }

    /// Where a post stands. Returns `None` unless it was accepted, by the pod that answered the one request behind it.
    fn place_of<'v>(&'v self, post: &'v Post<'a>) -> Option<Place<'v, 'a>> {
        let (ended, outcome) = post.ended?;
        let accepted = outcome.ok()?;
        let turn = &self.turns[self.turn(&accepted.turn)?];
        let request = self.request_behind(post, ended)?;
        let is_first = turn.posted == Some(post.at);
        (is_first && is_by(request.routed, accepted.pod.as_str())).then_some(Place {
            post,
            request,
            ended,
            pod: &accepted.pod,
            turn,
        })
    }

    /// The one request of the post's thread between the post and its end, if it went well.
    fn request_behind(&self, post: &Post<'a>, ended: At) -> Option<Request<'_>> {
        let thread = self.threads[post.thread].id.as_str();
        let from = self.routed.partition_point(|(at, _)| at.n < post.at.n);
        let until = self.routed.partition_point(|(at, _)| at.n <= ended.n);
        let mut meanwhile = self.routed[from..until]
            .iter()
            .filter(|(_, routed)| routed.method == POST && routed.path.split('/').any(|part| part == thread));
        let (at, routed) = meanwhile.next().filter(|_| meanwhile.next().is_none())?;
        let entries = &self.rules.edge.as_ref()?.entries;
        let entry = entries.iter().find(|entry| entry.name == routed.entry)?;
        let is_well = routed.status.is_some_and(|status| (200..300).contains(&status));
        is_well.then_some(Request { at: *at, routed, entry })
    }

    /// True if each other turn of the thread was over when the post was asked, or came after its answer.
    fn stands_still(&self, place: &Place<'_, 'a>) -> bool {
        let asked_us = place.request.routed.asked_us;
        let mut others = self.others(place);
        others.all(|turn| {
            let is_over = turn.terminal().is_some_and(|row| row.at.us <= asked_us);
            is_over || turn.asked().is_some_and(|asked| asked.n > place.ended.n)
        })
    }

    /// The other turns of the post's thread.
    fn others<'v>(&'v self, place: &Place<'v, 'a>) -> impl Iterator<Item = &'v Turn<'a>> {
        let own = place.turn.id;
        let turns = self.threads[place.post.thread].turns.iter();
        turns.map(|turn| &self.turns[*turn]).filter(move |turn| turn.id != own)
    }

    /// True if the pod that accepted the post is the first that owned its turn.
    fn is_answered_by_its_pod(&self, place: &Place<'_, 'a>) -> bool {
        let owners = self.owners(place.turn).iter();
        let mut later = owners.filter(|owned| owned.at.n > place.post.at.n);
        later.find_map(|owned| owned.owner) == Some(place.pod)
    }

    /// True if the pod cannot have had the thread's session: no post and no turn of the thread had been its own.
    fn is_missing(&self, of_thread: &[&Post<'a>], place: &Place<'_, 'a>) -> bool {
        let before = of_thread.iter().filter(|other| other.at.n < place.post.at.n);
        // Nobody knows which pods a post met that was not accepted.
        let mut may_be_its_own = before.map(|other| {
            let accepted = other.ended.and_then(|(_, outcome)| outcome.ok());
            accepted.is_none_or(|accepted| accepted.pod == *place.pod)
        });
        let owned = self.threads[place.post.thread].owners.iter();
        let owned = owned.chain(self.others(place).flat_map(|turn| &turn.owners));
        let mut owned = owned.filter(|owned| owned.at.n < place.post.at.n);
        !may_be_its_own.any(|is_own| is_own)
            && !owned.any(|owned| owned.owner == Some(place.pod))
            && self.is_calm(place.pod, place.request.routed.asked_us, place.request.at.us)
    }

    /// The session that the thread's last turn left warm. The turn must have completed on the same pod alone.
    fn left_warm(&self, place: &Place<'_, 'a>, kept_us: u64) -> Option<Session> {
        let before = self.others(place).filter_map(|turn| {
            let ended = turn.terminal()?.at;
            (ended.n < place.post.at.n).then_some((ended, turn))
        });
        let (ended, last) = before.max_by_key(|(ended, _)| *ended)?;
        let is_sound = last.is_completed() && place.turn.is_completed() && !self.is_cancelled(last);
        let asked = last.asked()?;
        let owners = self.owners(last).iter();
        let owners = owners.filter(|owned| owned.at.n > asked.n && owned.at.n < place.post.at.n);
        let mut owners = owners.filter_map(|owned| owned.owner).peekable();
        let is_its_own = owners.peek().is_some() && owners.all(|owner| owner == place.pod);
        // The row of an end may come late: the provider's last word came before it.
        let words = last.calls.iter().filter_map(|call| self.calls[*call].ended);
        let rested_us = words.map(|at| at.us).max().map_or(ended.us, |us| us.min(ended.us));
        let until_us = place.request.at.us;
        (is_sound && is_its_own && self.is_calm(place.pod, asked.us, until_us)).then(|| Session::Warm {
            rested_us: until_us.saturating_sub(rested_us),
            kept_us,
        })
    }

    /// True if nothing was the matter with a pod, nor with anything that all depend on, and the pod's process stayed the same.
    fn is_calm(&self, pod: &PodName, from_us: u64, until_us: u64) -> bool {
        let mut faults = self.faults.during(from_us, until_us);
        let is_concerned = faults.any(|fault| fault.excuses_everyone() || fault.target == pod.as_str());
        let mut deaths = self.deaths.iter();
        let died = deaths.any(|death| death.service == pod.as_str() && (from_us..=until_us).contains(&death.at.us));
        !is_concerned && !died && !self.is_in_aftermath(from_us)
    }
}

/// True if a post of the same thread was over before another one, or came after that one's end.
fn is_apart(other: &Post<'_>, post: &Post<'_>, ended: At) -> bool {
    let is_over = other.ended.is_some_and(|(at, _)| at.n < post.at.n);
    other.at == post.at || is_over || other.at.n > ended.n
}
