//! Errors with what caused them: the outermost often says no more than that something failed.

use std::iter::successors;

/// An error and its causes, from the outermost in, in one line.
// The trait is not imported: `source` would be found on the reference to the error, which lives shorter.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("can't ask")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn the_innermost_comes_last() {
        assert_eq!(with_causes(&Outer(std::io::Error::other("no route"))), "can't ask: no route");
    }
}
