//! The limits of polls.

use crate::interaction::model::Poll;
use crate::interaction::response::check::{At, InvalidAnswer};
use crate::interaction::response::limits;

/// Checks a poll that is asked for.
pub(super) fn check(at: At<'_>, poll: &Poll) -> Result<(), InvalidAnswer> {
    let question = poll.question.text.text().unwrap_or_default();
    at.name("question").name("text").text(question, limits::POLL_QUESTION)?;
    let answers = at.name("answers");
    answers.count(poll.answers.len(), limits::POLL_ANSWERS)?;
    for (index, answer) in poll.answers.iter().enumerate() {
        let at = answers.index(index);
        let media = &answer.poll_media;
        let text = media.text.text().unwrap_or_default();
        at.name("poll_media").name("text").text(text, limits::POLL_ANSWER)?;
        if text.is_empty() && media.emoji.value().is_none() {
            return Err(at.name("poll_media").refuse("neither text nor an emoji"));
        }
    }
    poll.duration.value().map_or(Ok(()), |hours| at.name("duration").number(*hours, limits::POLL_HOURS))
}
