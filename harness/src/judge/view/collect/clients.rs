//! Requests of clients and their outcomes, as they come.

use super::collector::Collector;
use crate::history::{ClientEvent, Expect, MessageId, OpId, Outcome, PodName, ThreadId};
use crate::judge::view::at::At;
use crate::judge::view::entities::call::Post;
use crate::judge::view::entities::observations::{Access, Cancel, LargePost, Revocation};

impl<'a> Collector<'a> {
    pub(super) fn client(&mut self, at: At, event: &'a ClientEvent) {
        match event {
            ClientEvent::ThreadMade { thread, tenant } => {
                let thread = self.thread(thread);
                self.view.threads[thread].tenant = Some(tenant);
            }
            ClientEvent::Posted {
                op,
                pod,
                thread,
                message,
                text,
                expect,
            } => self.posted(at, *op, (pod, thread, message), text, expect),
            ClientEvent::PostEnded { op, outcome } => {
                if let Some(post) = self.view.ops.get(op) {
                    self.view.posts[*post].ended = Some((at, outcome));
                }
            }
            ClientEvent::PostedTooLarge {
                pod,
                thread,
                bytes,
                asked_us,
                outcome,
            } => self.posted_too_large(at, (pod, thread), (*bytes, *asked_us), outcome),
            ClientEvent::Cancelled {
                pod,
                thread,
                turn,
                outcome,
            } => {
                let thread = self.thread(thread);
                self.view.threads[thread].cancels.push(self.view.cancels.len());
                self.view.cancels.push(Cancel {
                    at,
                    pod,
                    thread,
                    turn: turn.as_ref(),
                    outcome,
                });
            }
            ClientEvent::Access {
                pod,
                credential,
                thread,
                route,
                status,
                body,
            } => {
                let thread = self.thread(thread);
                self.view.accesses.push(Access {
                    at,
                    pod,
                    credential: *credential,
                    thread,
                    route,
                    status: *status,
                    body,
                });
            }
            ClientEvent::Revoked { tenant, session, .. } => {
                let session = *session;
                self.view.revoked.push(Revocation { at, tenant, session });
            }
            ClientEvent::FeedbackPosted { op, pod, item } => self.view.feedback.posted(*op, pod, item),
            ClientEvent::FeedbackEnded { op, outcome } => self.view.feedback.ended(at, *op, outcome),
            ClientEvent::Routed(routed) => self.view.routed.push((at, routed)),
        }
    }

    fn posted_too_large(
        &mut self,
        at: At,
        (pod, thread): (&'a PodName, &'a ThreadId),
        (bytes, asked_us): (u64, u64),
        outcome: &'a Outcome<()>,
    ) {
        let thread = self.thread(thread);
        self.view.large_posts.push(LargePost {
            at,
            pod,
            thread,
            bytes,
            asked_us,
            outcome,
        });
    }

    fn posted(
        &mut self,
        at: At,
        op: OpId,
        (pod, thread, message): (&'a PodName, &'a ThreadId, &'a MessageId),
        text: &'a str,
        expect: &'a Expect,
    ) {
        self.view.pods.insert(pod.as_str());
        let thread = self.thread(thread);
        self.places.messages.entry((thread, message)).or_insert((at, expect));
        self.view.ops.insert(op, self.view.posts.len());
        self.view.posts.push(Post {
            at,
            pod,
            thread,
            message,
            text,
            expect,
            ended: None,
        });
    }
}
