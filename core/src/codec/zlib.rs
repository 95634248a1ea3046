//! zlib (RFC 1950) streams, whole and bounded.

use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// The level that served best on events of a few hundred bytes; higher ones cost more than they save.
const LEVEL: u8 = 6;

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

/// Inflates one whole zlib stream to at most `limit` bytes. Bytes after the stream's end make it none, which
/// `decompress_to_vec_zlib_with_limit` would let pass.
///
/// # Errors
/// [`InflateError`]; no more than `limit` bytes were ever held.
pub fn inflate(mut bytes: &[u8], limit: usize) -> Result<Vec<u8>, InflateError> {
    let flags = TINFL_FLAG_PARSE_ZLIB_HEADER | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let mut state = Box::<DecompressorOxide>::default();
    let mut inflated = vec![0; bytes.len().saturating_mul(4).clamp(1, limit.max(1))];
    let mut len = 0;
    loop {
        let (status, taken, made) = decompress(&mut state, bytes, &mut inflated, len, flags);
        len += made;
        bytes = bytes.get(taken..).unwrap_or_default();
        match status {
            TINFLStatus::Done if len > limit => return Err(InflateError::TooBig),
            TINFLStatus::Done if bytes.is_empty() => {
                inflated.truncate(len);
                return Ok(inflated);
            }
            TINFLStatus::HasMoreOutput if inflated.len() >= limit => return Err(InflateError::TooBig),
            TINFLStatus::HasMoreOutput => inflated.resize(inflated.len().saturating_mul(2).min(limit), 0),
            _ => return Err(InflateError::NotAStream),
        }
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
