//! What the package weighs on the wire.

use std::fs;
use std::path::Path;

use super::file;
use crate::command::Failure;

/// What the client should weigh with everything, in bytes as gzip sends it.
const WANTED: usize = 45 * 1024;

/// What one page downloads when it fetches and streams the module.
pub(crate) const FETCHED: [&str; 14] = [
    "sanmon_bg.wasm",
    "sanmon.js",
    "connect.js",
    "discovery.js",
    "errors.js",
    "events.js",
    "gateway.js",
    "index.js",
    "interactions.js",
    "module.js",
    "position.js",
    "splitter.js",
    "wake.js",
    "web.js",
];

/// Prints the size of each file as it is and as gzip sends it. The scripts are counted as written: who bundles minifies.
pub(crate) fn print(folder: &Path) -> Result<(), Failure> {
    println!("{:<18} {:>8} {:>8}", "file", "bytes", "gzip");
    let mut all = 0;
    for name in FETCHED {
        let bytes = fs::read(folder.join(name)).map_err(file(name))?;
        let gzip = gzip_len(&bytes);
        all += gzip;
        println!("{name:<18} {:>8} {gzip:>8}", bytes.len());
    }
    println!("{:<18} {:>8} {all:>8}  wanted: {WANTED}", "a page fetches", "");
    Ok(())
}

/// How long `bytes` are as gzip sends them: deflated, with its header and trailer of 18 bytes (RFC 1952).
fn gzip_len(bytes: &[u8]) -> usize {
    miniz_oxide::deflate::compress_to_vec(bytes, 9).len() + 18
}
