//! The answers of the last minute, so that a duplicate gets the same answer and no listener runs twice.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::answer::Answer;
use super::model::Snowflake;
use crate::time::UnixMillis;

/// How long an answer is remembered, and how long an interaction without one counts as being answered.
const LIFETIME: Duration = Duration::from_secs(60);

/// How many interactions are remembered; past this many the oldest is forgotten.
const CAPACITY: usize = 1 << 15;

/// How many bytes of answers are remembered; past this many the oldest are forgotten.
const MAX_BYTES: usize = 64 << 20;

/// An interaction by its ids. The application's belongs to it: who holds the key of one application must not be able to
/// take the ids of another's interactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The application that the interaction is for.
    pub application: Snowflake,
    /// The interaction's id.
    pub interaction: Snowflake,
}

/// What is to be done with an interaction that came in.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    /// It is the first of its id: run the listener.
    First,
    /// The listener of the first is running: wait for its answer.
    Running,
    /// It was answered within the last minute: answer the same.
    Answered(Answer),
}

/// The answers of the last minute.
#[derive(Debug, Default)]
pub(super) struct Answers {
    entries: HashMap<Ticket, Entry>,
    /// The same, by the time they came; an entry that was forgotten and came again is told by its serial.
    order: VecDeque<(Ticket, u64)>,
    serial: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    serial: u64,
    /// When the interaction came, and once it is answered when it was.
    since: UnixMillis,
    answer: Option<Answer>,
}

impl Answers {
    /// An interaction came in.
    pub(super) fn admit(&mut self, now: UnixMillis, ticket: Ticket) -> Admission {
        match self.entries.get(&ticket) {
            Some(entry) if !entry.is_over(now) => {
                return entry.answer.clone().map_or(Admission::Running, Admission::Answered);
            }
            _ => self.forget(ticket),
        }
        self.serial += 1;
        self.entries.insert(ticket, Entry { serial: self.serial, since: now, answer: None });
        self.order.push_back((ticket, self.serial));
        self.shrink(now);
        Admission::First
    }

    /// The answer to an interaction, if it is known by now.
    pub(super) fn answer(&self, ticket: Ticket) -> Option<Answer> {
        self.entries.get(&ticket).and_then(|entry| entry.answer.clone())
    }

    /// An interaction was answered. The first answer stays; one to a forgotten interaction is forgotten too.
    pub(super) fn handle_answered(&mut self, now: UnixMillis, ticket: Ticket, answer: Answer) {
        if let Some(entry) = self.entries.get_mut(&ticket)
            && entry.answer.is_none()
        {
            self.bytes += answer.size();
            entry.since = now;
            entry.answer = Some(answer);
            self.shrink(now);
        }
    }

    /// Forgets what is over, and the oldest of what is too much; the newest is never too much.
    fn shrink(&mut self, now: UnixMillis) {
        while let Some((ticket, serial)) = self.order.front().copied() {
            let known = self.entries.get(&ticket).filter(|entry| entry.serial == serial);
            let is_over = known.is_none_or(|entry| entry.is_over(now));
            let is_much = self.order.len() > CAPACITY || self.bytes > MAX_BYTES;
            if !is_over && (!is_much || self.order.len() == 1) {
                break;
            }
            if known.is_some() {
                self.forget(ticket);
            }
            self.order.pop_front();
        }
    }

    fn forget(&mut self, ticket: Ticket) {
        if let Some(Entry { answer: Some(answer), .. }) = self.entries.remove(&ticket) {
            self.bytes -= answer.size();
        }
    }
}

impl Entry {
    fn is_over(&self, now: UnixMillis) -> bool {
        self.since + LIFETIME < now
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::interaction::rejection::Rejection;

    fn ticket(interaction: u64) -> Ticket {
        Ticket { application: Snowflake::new(1), interaction: Snowflake::new(interaction) }
    }

    fn at(seconds: u64) -> UnixMillis {
        UnixMillis::from_millis(seconds * 1000)
    }

    fn failed() -> Answer {
        Answer::Refused(Rejection::Failed)
    }

    #[test]
    fn a_duplicate_waits_and_then_gets_the_same_answer() {
        let mut answers = Answers::default();
        assert_eq!(answers.admit(at(0), ticket(1)), Admission::First);
        assert_eq!(answers.admit(at(1), ticket(1)), Admission::Running);
        assert_eq!(answers.answer(ticket(1)), None);
        answers.handle_answered(at(2), ticket(1), failed());
        answers.handle_answered(at(3), ticket(1), Answer::ByCallback);
        assert_eq!(answers.answer(ticket(1)), Some(failed()));
        assert_eq!(answers.admit(at(62), ticket(1)), Admission::Answered(failed()));
        assert_eq!(answers.admit(at(63), ticket(1)), Admission::First);
    }

    #[test]
    fn another_applications_interaction_is_another() {
        let mut answers = Answers::default();
        let theirs = Ticket { application: Snowflake::new(2), ..ticket(1) };
        assert_eq!(answers.admit(at(0), ticket(1)), Admission::First);
        assert_eq!(answers.admit(at(0), theirs), Admission::First);
    }

    #[test]
    fn memory_is_bounded() {
        let mut answers = Answers::default();
        for id in 0..=CAPACITY as u64 {
            answers.admit(at(0), ticket(id));
        }
        assert_eq!((answers.entries.len(), answers.order.len()), (CAPACITY, CAPACITY));
        assert_eq!(answers.admit(at(0), ticket(0)), Admission::First, "the oldest was forgotten");
        answers.admit(at(1000), ticket(7));
        assert_eq!((answers.entries.len(), answers.order.len()), (1, 1), "what is over is gone");
    }

    proptest! {
        #[test]
        fn the_books_balance(steps in prop::collection::vec((0u64..6, 0u64..40, 0u8..3), 0..200)) {
            let (mut answers, mut clock) = (Answers::default(), 0);
            for (id, wait, what) in steps {
                clock += wait;
                match what {
                    0 => drop(answers.admit(at(clock), ticket(id))),
                    1 => answers.handle_answered(at(clock), ticket(id), failed()),
                    _ => drop(answers.answer(ticket(id))),
                }
                let held: usize = answers.entries.values().filter_map(|entry| entry.answer.as_ref()).map(Answer::size).sum();
                prop_assert_eq!(answers.bytes, held);
                for (ticket, entry) in &answers.entries {
                    prop_assert!(answers.order.contains(&(*ticket, entry.serial)));
                }
            }
        }
    }
}
