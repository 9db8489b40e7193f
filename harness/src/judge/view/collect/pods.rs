//! Answers of pods and lines of their logs, as they come.

use super::collector::Collector;
use crate::history::PodEvent;
use crate::judge::view::at::At;
use crate::judge::view::entities::observations::{Complaint, Leftover, Poll, Read, StatusRead, Trial};

impl<'a> Collector<'a> {
    pub(super) fn pod(&mut self, at: At, event: &'a PodEvent) {
        match event {
            PodEvent::ThreadRead {
                pod,
                thread,
                turn,
                status: _,
                questions,
                answers,
            } => {
                self.view.pods.insert(pod.as_str());
                let thread = self.thread(thread);
                for turn in answers.iter().filter_map(|answer| answer.turn.as_ref()) {
                    self.turn(turn);
                }
                self.view.reads.push(Read {
                    at,
                    pod,
                    thread,
                    turn: turn.as_ref(),
                    questions: questions.as_deref(),
                    answers,
                });
            }
            PodEvent::StatusRead {
                pod,
                thread,
                turn,
                status,
                error,
            } => {
                let (thread, turn) = (self.thread(thread), self.turn(turn));
                self.view.statuses.push(StatusRead {
                    at,
                    pod,
                    thread,
                    turn,
                    status: *status,
                    error: error.as_deref(),
                });
            }
            PodEvent::FeedbackCounted { pod, count } => self.view.feedback.counted(at, pod, *count),
            PodEvent::ReadyPolled {
                pod,
                ready,
                status: _,
                detail,
            } => {
                self.view.pods.insert(pod.as_str());
                let ready = *ready;
                self.view.polls.push(Poll { at, pod, ready, detail });
            }
            PodEvent::Served { pod, ok, detail } => {
                self.view.pods.insert(pod.as_str());
                let ok = *ok;
                self.view.trials.push(Trial { at, pod, ok, detail });
            }
            PodEvent::LeftAfter { pod, what, count } => {
                let (pod, count) = (pod.as_ref(), *count);
                self.view.leftovers.push(Leftover { at, pod, what, count });
            }
            PodEvent::Footprint(seen) => self.view.footprints.push((at, seen)),
            PodEvent::LogLine { pod, level, line } => self.view.complaints.push(Complaint { at, pod, level, line }),
        }
    }
}
