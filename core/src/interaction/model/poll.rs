//! A poll in a message.

use super::Emoji;
use super::table::object;

object! {
    /// A poll, as messages carry it and as answers ask for it (documentation: poll resource).
    pub struct Poll {
        /// The question; its text at most 300 characters.
        question: PollMedia,
        /// At most 10 answers; their texts at most 55 characters.
        answers: Vec<PollAnswer>,
    }
    optional {
        /// When the poll ends, ISO 8601; in a poll that is there.
        expiry: String,
        /// The counts; in a poll that is there.
        results: PollResults,
    }
    plain {
        /// How many hours it stays open, at most 768; in a poll that is asked for.
        duration: u32,
        /// Whether several answers can be chosen.
        allow_multiselect: bool,
        /// How it looks.
        layout_type: i64,
    }
}

impl Poll {
    /// A poll that asks this, for a day unless told otherwise.
    pub fn new(question: impl Into<String>) -> Self {
        Self::from_parts(PollMedia::default().text(question), [])
    }

    /// Adds an answer.
    #[must_use]
    pub fn answer(mut self, answer: PollMedia) -> Self {
        self.answers.push(PollAnswer::from_parts(answer));
        self
    }
}

object! {
    /// A question or an answer: text with or without an emoji.
    pub struct PollMedia {}
    set {
        /// The text.
        text: String,
        /// The emoji.
        emoji: Emoji,
    }
}

impl PollMedia {
    /// This text alone.
    pub fn new(text: impl Into<String>) -> Self {
        Self::default().text(text)
    }
}

object! {
    /// One answer of a poll.
    pub struct PollAnswer {
        /// What it says.
        poll_media: PollMedia,
    }
    optional {
        /// The answer's number; in a poll that is there.
        answer_id: i64,
    }
}

object! {
    /// The counts of a poll.
    pub struct PollResults {
        /// Whether the votes were counted exactly.
        is_finalized: bool,
        /// The count of each answer that has one.
        answer_counts: Vec<PollAnswerCount>,
    }
}

object! {
    /// The count of one answer.
    pub struct PollAnswerCount {
        /// The answer's number.
        id: i64,
        /// How many chose it.
        count: u64,
        /// Whether the current user did.
        me_voted: bool,
    }
}
