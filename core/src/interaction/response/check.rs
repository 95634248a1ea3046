//! How limits are checked, and how an error names the field.

use std::fmt;
use std::ops::RangeInclusive;

/// An answer that the platform would refuse: which field, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {fault}")]
pub struct InvalidAnswer {
    /// The field, such as `data.components[0].components[2].label`.
    pub field: String,
    /// What is wrong with it.
    pub fault: String,
}

/// A place in an answer, written down only when something is wrong there.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    up: Option<&'a At<'a>>,
    step: Step,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Name(&'static str),
    Index(usize),
}

impl<'a> At<'a> {
    /// The answer's data.
    pub(super) const DATA: At<'static> = At { up: None, step: Step::Name("data") };

    /// The field of this name.
    pub(super) const fn name(&'a self, name: &'static str) -> Self {
        At { up: Some(self), step: Step::Name(name) }
    }

    /// The item of this index.
    pub(super) const fn index(&'a self, index: usize) -> Self {
        At { up: Some(self), step: Step::Index(index) }
    }

    /// The error that says what is wrong here.
    pub(super) fn refuse(self, fault: impl Into<String>) -> InvalidAnswer {
        InvalidAnswer { field: self.to_string(), fault: fault.into() }
    }

    /// A text of so many characters.
    pub(super) fn text(self, text: &str, limit: RangeInclusive<usize>) -> Result<(), InvalidAnswer> {
        // Most texts are within by their bytes alone.
        let count = if text.len() <= *limit.end() && *limit.start() <= 1 { text.len() } else { text.chars().count() };
        self.within("characters", count, limit)
    }

    /// A list of so many items.
    pub(super) fn count(self, count: usize, limit: RangeInclusive<usize>) -> Result<(), InvalidAnswer> {
        self.within("items", count, limit)
    }

    /// A number within a range.
    pub(super) fn number(self, number: u32, limit: RangeInclusive<u32>) -> Result<(), InvalidAnswer> {
        if limit.contains(&number) {
            return Ok(());
        }
        Err(self.refuse(format!("a number from {} to {}, not {number}", limit.start(), limit.end())))
    }

    fn within(self, what: &str, count: usize, limit: RangeInclusive<usize>) -> Result<(), InvalidAnswer> {
        if limit.contains(&count) {
            return Ok(());
        }
        Err(self.refuse(match limit.start() {
            0 => format!("at most {} {what}, not {count}", limit.end()),
            start => format!("{start} to {} {what}, not {count}", limit.end()),
        }))
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(up) = self.up {
            up.fmt(f)?;
        }
        match self.step {
            Step::Name(name) if self.up.is_some() => write!(f, ".{name}"),
            Step::Name(name) => f.write_str(name),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_field() {
        let (data, field);
        data = At::DATA.name("components");
        field = data.index(3);
        let error = field.name("label").text("\u{e9}\u{e9}", 0..=1).unwrap_err();
        assert_eq!(error.to_string(), "data.components[3].label: at most 1 characters, not 2");
    }

    #[test]
    fn characters_are_counted_and_not_bytes() {
        assert!(At::DATA.text("\u{1f600}\u{1f600}", 0..=2).is_ok());
        assert!(At::DATA.text("", 1..=2).is_err());
        assert!(At::DATA.text("abc", 1..=2).is_err());
    }
}
