//! zlib: any bytes as a stream, under any limit.

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use sanmon_core::codec::{InflateError, deflate, inflate};

/// The most that is inflated to compare with.
const PLENTY: usize = 1 << 20;

/// Takes the first two bytes as the limit and the rest as a stream, then as something to compress.
pub fn run(input: &[u8]) {
    let Some((limit, bytes)) = input.split_first_chunk() else { return };
    let limit = usize::from(u16::from_le_bytes(*limit));
    let all = inflate(bytes, PLENTY);
    match (inflate(bytes, limit), &all) {
        (Ok(inflated), Ok(all)) => assert!(inflated.len() <= limit && inflated == *all),
        // A fault behind the limit is never seen.
        (Err(InflateError::TooBig), Ok(all)) => assert!(all.len() > limit),
        (Err(InflateError::TooBig), Err(_)) | (Err(InflateError::NotAStream), Err(InflateError::NotAStream)) => {}
        (bounded, all) => panic!("{bounded:?} under the limit, {all:?} without"),
    }
    if let Ok(all) = &all {
        // The library's own way, which differs in that it lets bytes behind the stream pass.
        assert_eq!(decompress_to_vec_zlib_with_limit(bytes, PLENTY).as_ref().ok(), Some(all));
        let more = [bytes, b"x"].concat();
        assert_eq!(inflate(&more, PLENTY), Err(InflateError::NotAStream));
        assert_eq!(inflate(&bytes[..bytes.len() - 1], PLENTY), Err(InflateError::NotAStream));
    }

    let stream = deflate(bytes);
    assert_eq!(inflate(&stream, bytes.len()).as_deref(), Ok(bytes));
    if let Some(less) = bytes.len().checked_sub(1) {
        assert_eq!(inflate(&stream, less), Err(InflateError::TooBig));
    }
}
