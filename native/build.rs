//! Lists the console's files, so that they become part of the program: www/, and the npm package where xtask has built it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let www = Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../www").canonicalize()?;
    // Named one by one: a folder's own time says nothing about the files in it.
    println!("cargo::rerun-if-changed={}", www.display());
    let mut table = String::from("&[\n");
    for (folder, prefix) in [(www.clone(), "/console/"), (www.join("sanmon"), "/sanmon/")] {
        for file in files(&folder)? {
            println!("cargo::rerun-if-changed={}", file.display());
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(media_type) = media_type(name) else { continue };
            let path = if name == "index.html" { "/".to_owned() } else { format!("{prefix}{name}") };
            writeln!(table, "File {{ path: {path:?}, media_type: {media_type:?}, body: include_bytes!({file:?}) }},")
                .expect("a String takes everything");
        }
    }
    table.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("console.rs"), table)
}

/// The files of a folder in order of their names; none where there is no such folder.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    let mut files: Vec<PathBuf> = entries.into_iter().filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

/// How a file is served; `None` for what no page asks for.
fn media_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "html" => Some("text/html; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "wasm" => Some("application/wasm"),
        _ => None,
    }
}
