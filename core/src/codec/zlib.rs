//! zlib (RFC 1950) streams, whole and bounded.

use std::fmt;

use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress, create_comp_flags_from_zip_params,
};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// The level that served best on events of a few hundred bytes; higher ones cost more than they save.
const LEVEL: u8 = 6;

/// How much memory a [`Deflater`] or an [`Inflater`] keeps between streams. What a rare large event took is given back.
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
    Deflater::default().deflate(bytes).to_vec()
}

/// Compresses one text after the other, each into a whole stream of its own, with the same memory: making the tables anew
/// costs more than compressing an event of a few hundred bytes does.
pub struct Deflater {
    state: Box<CompressorOxide>,
    /// What was compressed last, and what is left of earlier streams behind it.
    deflated: Vec<u8>,
}

impl Deflater {
    /// Compresses `bytes` into one whole zlib stream.
    ///
    /// # Panics
    /// When the library breaks its word: a compressor that is asked to finish needs nothing but room.
    pub fn deflate(&mut self, mut bytes: &[u8]) -> &[u8] {
        let Self { state, deflated } = self;
        state.reset();
        if deflated.len() > KEPT {
            *deflated = Vec::new();
        }
        // What can't be compressed grows by five bytes in sixteen thousand, beside the stream's own few.
        let room = bytes.len() + bytes.len() / 1024 + 64;
        if deflated.len() < room {
            deflated.resize(room, 0);
        }
        let mut len = 0;
        loop {
            let (status, taken, made) = compress(state, bytes, &mut deflated[len..], TDEFLFlush::Finish);
            len += made;
            bytes = bytes.get(taken..).unwrap_or_default();
            match status {
                TDEFLStatus::Done => return &deflated[..len],
                TDEFLStatus::Okay => deflated.resize(deflated.len() * 2, 0),
                TDEFLStatus::BadParam | TDEFLStatus::PutBufFailed => panic!("a compressor refused to finish"),
            }
        }
    }
}

impl Default for Deflater {
    fn default() -> Self {
        // Any number of window bits but zero and less asks for zlib's header.
        let flags = create_comp_flags_from_zip_params(LEVEL.into(), 1, 0);
        Self { state: Box::new(CompressorOxide::new(flags)), deflated: Vec::new() }
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Deflater").field("holds", &self.deflated.len()).finish_non_exhaustive()
    }
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
    fn compressing_anew_gives_what_a_new_compressor_gives() {
        let mut deflater = Deflater::default();
        // Nothing that compresses: what every byte of grows.
        let noise: Vec<u8> = (0..70_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let large = vec![b'l'; 2 * KEPT];
        for text in [b"short".as_slice(), &large, b"", &noise, b"short", b"{\"t\":\"X\"}"] {
            let stream = deflater.deflate(text).to_vec();
            assert_eq!(stream, miniz_oxide::deflate::compress_to_vec_zlib(text, LEVEL));
            assert_eq!(inflate(&stream, text.len()).unwrap(), text);
        }
        assert!(deflater.deflated.len() <= KEPT);
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
