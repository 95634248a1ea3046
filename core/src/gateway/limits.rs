//! What a connection may take: times, sizes, and how much in a minute.

use std::time::Duration;

use crate::time::Moment;

/// The bounds of every connection of a node; one is shared by all its sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a client may take to identify.
    pub identify_timeout: Duration,
    /// How long the driver may take to answer a session's question before the session fails.
    pub answer_timeout: Duration,
    /// After how much silence the server pings.
    pub ping_interval: Duration,
    /// How long after a ping the server waits for any bytes.
    pub ping_timeout: Duration,
    /// The largest message from a client, in bytes, inflated or not.
    pub max_message_bytes: usize,
    /// Text and binary messages of one user in a minute, identifies included.
    pub max_messages_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            identify_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(20),
            ping_timeout: Duration::from_secs(20),
            max_message_bytes: 4096,
            max_messages_per_minute: 120,
        }
    }
}

/// A fixed window that counts: it begins with the first take after the last one ended.
///
/// It serves messages of a user and requests of a session alike. Plain data of 16 bytes; limit and length come in with
/// each take, since they are the same for everyone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateWindow {
    began: Moment,
    used: u32,
}

/// What is left of a window after a take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How many takes are left.
    pub remaining: u32,
    /// When the window ends and all are there again.
    pub reset: Moment,
}

/// The window is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rate limited for {} ms", wait.as_millis())]
pub struct RateLimited {
    /// How long until the window ends.
    pub wait: Duration,
    /// When that is.
    pub reset: Moment,
}

impl RateWindow {
    /// Takes one of `limit` in the window of length `span`.
    ///
    /// # Errors
    /// [`RateLimited`] when all are taken; a refused take does not count.
    pub fn take(&mut self, now: Moment, limit: u32, span: Duration) -> Result<Allowance, RateLimited> {
        if self.is_over(now, span) {
            *self = Self { began: now, used: 0 };
        }
        let reset = self.began + span;
        if self.used >= limit {
            return Err(RateLimited { wait: reset.since(now), reset });
        }
        self.used += 1;
        Ok(Allowance { remaining: limit - self.used, reset })
    }

    /// Whether the window holds nothing that a later take could feel, so that it may be forgotten.
    pub fn is_over(&self, now: Moment, span: Duration) -> bool {
        self.used == 0 || now >= self.began + span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_hundred_and_twenty_first_in_a_minute_is_refused() {
        let mut window = RateWindow::default();
        for taken in 1..=120 {
            let now = Moment::from_millis(5_000 + u64::from(taken));
            let allowance = window.take(now, 120, MINUTE).unwrap();
            assert_eq!(allowance, Allowance { remaining: 120 - taken, reset: Moment::from_millis(65_001) });
        }
        let refused = window.take(Moment::from_millis(65_000), 120, MINUTE).unwrap_err();
        assert_eq!(refused.wait, Duration::from_millis(1));
        assert_eq!(window.take(Moment::from_millis(65_001), 120, MINUTE).unwrap().remaining, 119);
    }

    #[test]
    fn a_window_is_forgotten_when_it_is_over() {
        let mut window = RateWindow::default();
        assert!(window.is_over(Moment::default(), MINUTE));
        window.take(Moment::default(), 1, MINUTE).unwrap();
        assert!(!window.is_over(Moment::from_millis(59_999), MINUTE));
        assert!(window.is_over(Moment::from_millis(60_000), MINUTE));
        assert!(window.take(Moment::from_millis(70_000), 0, MINUTE).is_err(), "a limit of none");
    }
}
