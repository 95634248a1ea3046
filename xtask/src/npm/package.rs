//! The package's folder: the glue, the entries, the types, and a package.json with this workspace's version.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use serde_json::value::{RawValue, to_raw_value};

use super::{file, sources, write_if_new};
use crate::command::{Failure, root, target};

/// The highest level; the module is compressed once and inflated by every page.
const LEVEL: u8 = 10;

/// Fields of wasm/package.json that only its own tools need.
const NOT_PUBLISHED: [&str; 2] = ["private", "devDependencies"];

/// Lays out the package and returns its folder.
pub(crate) fn assemble(glue: &Path, module: &[u8]) -> Result<PathBuf, Failure> {
    let folder = target().join("npm").join("sanmon");
    fs::create_dir_all(&folder).map_err(file("the package's folder"))?;

    let mut wanted = vec![
        ("sanmon.js".to_owned(), read(&glue.join("sanmon.js"))?),
        ("sanmon_bg.wasm".to_owned(), module.to_vec()),
        ("inline_module.js".to_owned(), inline(module).into_bytes()),
        ("package.json".to_owned(), manifest()?.into_bytes()),
        ("README.md".to_owned(), read(&sources().join("README.md"))?),
        ("LICENSE-MIT".to_owned(), read(&root().join("LICENSE-MIT"))?),
        ("LICENSE-APACHE".to_owned(), read(&root().join("LICENSE-APACHE"))?),
    ];
    for name in names(&sources().join("js"))? {
        let bytes = read(&sources().join("js").join(&name))?;
        wanted.push((name, bytes));
    }

    for name in names(&folder)? {
        if !wanted.iter().any(|(kept, _)| *kept == name) {
            fs::remove_file(folder.join(&name)).map_err(file(name))?;
        }
    }
    for (name, bytes) in &wanted {
        write_if_new(&folder.join(name), bytes)?;
    }
    Ok(folder)
}

/// Copies of the package what a page fetches.
pub(crate) fn copy(package: &Path, folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(file("the console's copy of the package"))?;
    let fetched = |name: &String| super::size::FETCHED.contains(&name.as_str());
    for name in names(folder)?.iter().filter(|name| !fetched(name)) {
        fs::remove_file(folder.join(name)).map_err(file(name))?;
    }
    names(package)?
        .iter()
        .filter(|name| fetched(name))
        .try_for_each(|name| write_if_new(&folder.join(name), &read(&package.join(name))?))
}

/// The module as JavaScript text, for bundlers and pages that can't fetch it.
fn inline(module: &[u8]) -> String {
    let text = STANDARD.encode(miniz_oxide::deflate::compress_to_vec(module, LEVEL));
    format!("// The module sanmon_bg.wasm: deflated, in base64.\nexport default \"{text}\";\n")
}

/// wasm/package.json with this workspace's version and licence, without what only its own tools need.
fn manifest() -> Result<String, Failure> {
    // In the order of the file: the conditions of `exports` are tried one after the other.
    let mut fields: IndexMap<String, Box<RawValue>> = serde_json::from_slice(&read(&sources().join("package.json"))?)?;
    fields.retain(|name, _| !NOT_PUBLISHED.contains(&name.as_str()));
    for (name, value) in [("version", env!("CARGO_PKG_VERSION")), ("license", env!("CARGO_PKG_LICENSE"))] {
        fields.insert(name.into(), to_raw_value(value)?);
    }
    Ok(serde_json::to_string_pretty(&fields)? + "\n")
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(file(path.display().to_string()))
}

/// The names of a folder's files, in order.
fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    let entries = fs::read_dir(folder).map_err(file(folder.display().to_string()))?;
    let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}
