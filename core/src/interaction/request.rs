//! A request to the interactions endpoint: its head, checked in the protocol's order.

use crate::id::Id;

use super::rejection::Rejection;
use super::verify::ApplicationKey;

/// What stands before the body of a request, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a str,
    /// The application id of the path; none on the bare path.
    pub application: Option<Id>,
    /// The value of `Content-Type`.
    pub content_type: Option<&'a [u8]>,
    /// The value of `X-Signature-Ed25519`; none if the header came more than once.
    pub signature: Option<&'a [u8]>,
    /// The value of `X-Signature-Timestamp`; none if the header came more than once.
    pub timestamp: Option<&'a [u8]>,
}

/// A whole request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What stands before the body.
    pub head: Head<'a>,
    /// The body's bytes as received. Whoever collects them may stop one byte past the limit.
    pub body: &'a [u8],
}

/// A signature and what it covers beside the body, in their forms and not verified yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    pub(super) application: Option<Id>,
    pub(super) signature: [u8; 64],
    pub(super) timestamp: &'a [u8],
}

impl<'a> Head<'a> {
    /// Checks method, content type and headers, in this order; so a bad head is refused before its body is read.
    ///
    /// # Errors
    /// The row of the protocol's table that the head falls under.
    pub fn check(&self) -> Result<Signed<'a>, Rejection> {
        if self.method != "POST" {
            return Err(Rejection::Method);
        }
        if !self.content_type.is_some_and(is_json) {
            return Err(Rejection::ContentType);
        }
        let (Some(signature), Some(timestamp)) = (self.signature, self.timestamp) else {
            return Err(Rejection::Headers);
        };
        Signed::from_hex(self.application, signature, timestamp)
    }
}

impl<'a> Signed<'a> {
    /// A signature as the header has it, 128 hex digits, with its timestamp.
    ///
    /// # Errors
    /// As [`Signed::new`].
    pub fn from_hex(application: Option<Id>, signature: &[u8], timestamp: &'a [u8]) -> Result<Self, Rejection> {
        let mut bytes = [0; 64];
        hex::decode_to_slice(signature, &mut bytes).map_err(|_| Rejection::Headers)?;
        Self::new(application, &bytes, timestamp)
    }

    /// A signature as 64 bytes with its timestamp. `application` is the one that the path names, if it names one.
    ///
    /// # Errors
    /// [`Rejection::Headers`] for a signature of another length and for a timestamp that is not ASCII digits: any other
    /// byte could be moved from the end of the timestamp to the start of the body under the same signature.
    pub fn new(application: Option<Id>, signature: &[u8], timestamp: &'a [u8]) -> Result<Self, Rejection> {
        let signature = signature.try_into().map_err(|_| Rejection::Headers)?;
        if timestamp.is_empty() || !timestamp.iter().all(u8::is_ascii_digit) {
            return Err(Rejection::Headers);
        }
        Ok(Self { application, signature, timestamp })
    }

    /// Whether this key made the signature, over the timestamp and then `body`. Whether it may sign for the application is
    /// not asked.
    pub fn is_by(&self, key: &ApplicationKey, body: &[u8]) -> bool {
        key.verify(&self.signature, self.timestamp, body)
    }
}

/// Whether a content type is `application/json`, with or without parameters.
fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &[u8] = &[b'a'; 128];

    fn head() -> Head<'static> {
        Head {
            method: "POST",
            application: None,
            content_type: Some(b"application/json"),
            signature: Some(HEX),
            timestamp: Some(b"1700000000"),
        }
    }

    #[test]
    fn a_head_is_checked_in_the_tables_order() {
        let all_wrong = Head { method: "GET", content_type: None, signature: None, timestamp: None, ..head() };
        assert_eq!(all_wrong.check(), Err(Rejection::Method));
        assert_eq!(Head { method: "POST", ..all_wrong }.check(), Err(Rejection::ContentType));
        let typed = Head { method: "POST", content_type: head().content_type, ..all_wrong };
        assert_eq!(typed.check(), Err(Rejection::Headers));
        assert_eq!(head().check().unwrap().signature, [0xaa; 64]);
    }

    #[test]
    fn content_types_may_have_parameters() {
        for good in ["application/json; charset=utf-8", "Application/JSON", " application/json ;x=\"y\""] {
            assert!(Head { content_type: Some(good.as_bytes()), ..head() }.check().is_ok(), "{good}");
        }
        for bad in ["", "application/jsonl", "text/json", "application/json, text/plain", "application/json\u{e9}"] {
            let head = Head { content_type: Some(bad.as_bytes()), ..head() };
            assert_eq!(head.check(), Err(Rejection::ContentType), "{bad}");
        }
    }

    #[test]
    fn signatures_are_128_hex_digits_and_timestamps_ascii_digits() {
        for bad in [&HEX[1..], &HEX[2..], &[HEX, b"aa"].concat(), &[b'g'; 128], &[0xff; 128], b"", &[b' '; 128]] {
            assert_eq!(Head { signature: Some(bad), ..head() }.check(), Err(Rejection::Headers), "{bad:?}");
        }
        assert!(Head { signature: Some(&[b'A'; 128]), ..head() }.check().is_ok());
        for bad in ["", "-1", "+1", " 1", "1 ", "1.5", "1e9", "0x1", "1{", "\u{661}"] {
            assert_eq!(Head { timestamp: Some(bad.as_bytes()), ..head() }.check(), Err(Rejection::Headers), "{bad}");
        }
    }
}
