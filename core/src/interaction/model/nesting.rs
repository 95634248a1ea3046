//! A bound on objects inside objects of their own kind, so that no body can use up a thread's stack.

use std::cell::Cell;

use serde::de::{Deserialize, Deserializer, Error};

/// How deep such objects nest. The platform's own go five deep: a reply to a message with a container, a section in it,
/// and a button beside that.
const MAX_LEVELS: usize = 8;

thread_local! {
    /// How many such objects are being read around the present one, on this thread.
    static LEVEL: Cell<usize> = const { Cell::new(0) };
}

/// Reads an object that may stand inside one of its own kind.
pub(super) fn deeper<T, E: Error>(read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    struct Level;

    impl Drop for Level {
        fn drop(&mut self) {
            LEVEL.set(LEVEL.get() - 1);
        }
    }

    if LEVEL.get() == MAX_LEVELS {
        return Err(E::custom("objects of one kind inside one another, too deep"));
    }
    LEVEL.set(LEVEL.get() + 1);
    let _level = Level;
    read()
}

/// Reads a field whose value may stand inside one of its own kind.
pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deeper(|| T::deserialize(deserializer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nest(levels: usize) -> Result<(), serde_json::Error> {
        deeper(|| if levels == 0 { Ok(()) } else { nest(levels - 1) })
    }

    #[test]
    fn levels_are_counted_exactly_and_given_back() {
        for _ in 0..3 {
            assert!(nest(MAX_LEVELS - 1).is_ok());
            assert!(nest(MAX_LEVELS).is_err());
        }
        assert_eq!(LEVEL.get(), 0);
    }
}
