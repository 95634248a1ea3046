//! zlib (RFC 1950) streams, whole and bounded.

use std::fmt;

use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// The level that served best on events of a few hundred bytes; higher ones cost more than they save.
const LEVEL: u8 = 6;

/// How much memory an [`Inflater`] keeps between streams. What a rare large event took is given back.
const KEPT: usize = 256 << 10;

/// Why bytes could not be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// They inflate to more than the limit.
    #[error("inflates to more than the limit")]
    TooBig,
    /// They are not one whole zlib stream and nothing else.
    #[error("not one whole zlib stream")]
    NotAStream,
}

/// Compresses `bytes` into one whole zlib stream.
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec_zlib(bytes, LEVEL)
}

/// Inflates one whole zlib stream to at most `limit` bytes.
///
/// # Errors
/// [`InflateError`]; no more than `limit` bytes were ever held.
pub fn inflate(bytes: &[u8], limit: usize) -> Result<Vec<u8>, InflateError> {
    let mut inflater = Inflater::default();
    let len = inflater.inflate(bytes, limit)?.len();
    inflater.inflated.truncate(len);
    Ok(inflater.inflated)
}

/// Inflates streams one after the other, each a whole one, into the same memory: making the tables anew would cost more than
/// an event of a few hundred bytes does.
#[derive(Default)]
pub struct Inflater {
    state: Box<DecompressorOxide>,
    /// What was inflated last, and what is left of earlier streams behind it.
    inflated: Vec<u8>,
}

impl Inflater {
    /// Inflates one whole zlib stream to at most `limit` bytes. Bytes after the stream's end make it none, which
    /// `decompress_to_vec_zlib_with_limit` would let pass.
    ///
    /// # Errors
    /// [`InflateError`]; no more memory was taken for it than `limit` bytes.
    pub fn inflate(&mut self, mut bytes: &[u8], limit: usize) -> Result<&[u8], InflateError> {
        let flags = TINFL_FLAG_PARSE_ZLIB_HEADER | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let Self { state, inflated } = self;
        state.init();
        if inflated.len() > KEPT {
            *inflated = Vec::new();
        }
        let first = bytes.len().saturating_mul(4).clamp(1, limit.max(1));
        if inflated.len() < first {
            inflated.resize(first, 0);
        }
        let mut len = 0;
        loop {
            let (status, taken, made) = decompress(state, bytes, inflated, len, flags);
            len += made;
            bytes = bytes.get(taken..).unwrap_or_default();
            match status {
                TINFLStatus::Done if len > limit => return Err(InflateError::TooBig),
                TINFLStatus::Done if bytes.is_empty() => return Ok(&inflated[..len]),
                TINFLStatus::HasMoreOutput if inflated.len() >= limit => return Err(InflateError::TooBig),
                TINFLStatus::HasMoreOutput => inflated.resize(inflated.len().saturating_mul(2).min(limit), 0),
                _ => return Err(InflateError::NotAStream),
            }
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Inflater").field("holds", &self.inflated.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_exact() {
        let stream = deflate(&[7; 1000]);
        assert_eq!(inflate(&stream, 1000).unwrap(), vec![7; 1000]);
        assert_eq!(inflate(&stream, 999), Err(InflateError::TooBig));
        assert_eq!(inflate(&deflate(b""), 0).unwrap(), b"");
        assert_eq!(inflate(&deflate(b"x"), 0), Err(InflateError::TooBig));
    }

    #[test]
    fn streams_one_after_the_other_know_nothing_of_each_other() {
        let mut inflater = Inflater::default();
        let large = vec![b'l'; 2 * KEPT];
        for text in [b"short".as_slice(), &large, b"", &[b'm'; 5000], b"short again"] {
            assert_eq!(inflater.inflate(&deflate(text)[..6], 5000), Err(InflateError::NotAStream));
            assert_eq!(inflater.inflate(&deflate(text), 2 * KEPT).unwrap(), text);
        }
        assert!(inflater.inflated.len() <= KEPT);
        assert_eq!(inflater.inflate(&deflate(&large), 5000), Err(InflateError::TooBig));
    }

    #[test]
    fn a_stream_with_anything_behind_it_is_refused() {
        let stream = deflate(b"{}");
        for tail in [&b"\0"[..], b"{}", &stream] {
            assert_eq!(inflate(&[&stream, tail].concat(), 100), Err(InflateError::NotAStream), "{tail:?}");
        }
    }

    #[test]
    fn every_truncation_and_a_broken_checksum_are_refused() {
        let stream = deflate(b"{\"t\":\"PING\"}");
        for end in 0..stream.len() {
            assert_eq!(inflate(&stream[..end], 100), Err(InflateError::NotAStream), "cut at {end}");
        }
        let mut broken = stream.clone();
        *broken.last_mut().unwrap() ^= 1;
        assert_eq!(inflate(&broken, 100), Err(InflateError::NotAStream));
    }
}
