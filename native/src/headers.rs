//! Headers that may stand once.

use http::{HeaderMap, HeaderName, HeaderValue};

/// A header that may stand once stands more than once: who reads the first and who reads the last would not agree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header {0} stands more than once")]
pub(crate) struct Repeated(HeaderName);

/// The value of a header that may stand once.
///
/// # Errors
/// It stands more than once.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Repeated> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(Repeated(name.clone())),
    }
}

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;

    use super::*;

    #[test]
    fn a_header_stands_once_or_not_at_all() {
        let mut headers = HeaderMap::new();
        assert_eq!(only(&headers, &AUTHORIZATION), Ok(None));
        headers.append(AUTHORIZATION, HeaderValue::from_static("a"));
        assert_eq!(only(&headers, &AUTHORIZATION), Ok(Some(&HeaderValue::from_static("a"))));
        headers.append(AUTHORIZATION, HeaderValue::from_static("a"));
        assert_eq!(
            only(&headers, &AUTHORIZATION).unwrap_err().to_string(),
            "the header authorization stands more than once"
        );
    }
}
