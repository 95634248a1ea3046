//! What the package weighs on the wire.

use std::fs;
use std::path::Path;

use super::file;
use crate::command::Failure;

/// What the client should weigh with everything, in bytes as gzip sends it.
const WANTED: usize = 45 * 1024;

/// What is downloaded where, file by file.
const DOWNLOADS: [(&str, &[&str]); 3] = [
    ("a page with a bundler", &["inline.js"]),
    ("a page without one", &["web.js", "sanmon_bg.wasm"]),
    ("verifyInteraction, beside", &["verify.js", "signatures_bg.wasm"]),
];

/// Prints what is downloaded, as it is and as gzip sends it.
pub(crate) fn print(folder: &Path) -> Result<(), Failure> {
    println!("{:<28} {:<20} {:>8} {:>8}", "what downloads", "file", "bytes", "gzip");
    for (what, names) in DOWNLOADS {
        let mut all = 0;
        for name in names {
            let bytes = fs::read(folder.join(name)).map_err(file(*name))?;
            let gzip = gzip_len(&bytes);
            all += gzip;
            println!("{what:<28} {name:<20} {:>8} {gzip:>8}", bytes.len());
        }
        println!("{what:<28} {:<20} {:>8} {all:>8}", "", "");
    }
    println!("wanted: at most {WANTED}");
    Ok(())
}

/// How long `bytes` are as gzip sends them: deflated, with its header and trailer of 18 bytes (RFC 1952).
pub(super) fn gzip_len(bytes: &[u8]) -> usize {
    miniz_oxide::deflate::compress_to_vec(bytes, 9).len() + 18
}
