//! zlib (RFC 1950) streams, whole and bounded.

use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};

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

/// Inflates one whole zlib stream to at most `limit` bytes.
///
/// # Errors
/// [`InflateError`]; no more than `limit` bytes were ever held.
pub fn inflate(bytes: &[u8], limit: usize) -> Result<Vec<u8>, InflateError> {
    decompress_to_vec_zlib_with_limit(bytes, limit).map_err(|error| match error.status {
        TINFLStatus::HasMoreOutput => InflateError::TooBig,
        _ => InflateError::NotAStream,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_exact() {
        let stream = deflate(&[7; 1000]);
        assert_eq!(inflate(&stream, 1000).unwrap(), vec![7; 1000]);
        assert_eq!(inflate(&stream, 999), Err(InflateError::TooBig));
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
