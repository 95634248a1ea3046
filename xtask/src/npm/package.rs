//! The package's folders: its modules as a page without a bundler loads them, and what is published.

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

/// The entries of wasm/package.json: each becomes one file.
pub(crate) const ENTRIES: [&str; 4] = ["inline.js", "web.js", "node.js", "workerd.js"];

/// The entry of pages without a bundler, such as the console.
const PAGE: &str = "web.js";

/// Lays out the modules for the bundler: what is in wasm/js, the glue, and the modules also as text.
pub(crate) fn lay_out(glue: &Path) -> Result<PathBuf, Failure> {
    let folder = target().join("npm").join("modules");
    let mut wanted = Vec::new();
    for name in names(glue)? {
        let bytes = read(&glue.join(&name))?;
        if let Some(module) = name.strip_suffix("_bg.wasm") {
            wanted.push((format!("inline_{module}.js"), inline(&name, &bytes).into_bytes()));
        }
        wanted.push((name, bytes));
    }
    for name in names(&sources().join("js"))?.into_iter().filter(|name| name.ends_with(".js")) {
        let bytes = read(&sources().join("js").join(&name))?;
        wanted.push((name, bytes));
    }
    fill(&folder, &wanted)?;
    Ok(folder)
}

/// Lays out what is published: what the bundler made of the modules, types, a package.json with this workspace's version.
pub(crate) fn assemble(modules: &Path, bundled: &Path) -> Result<PathBuf, Failure> {
    let folder = target().join("npm").join("sanmon");
    let mut wanted = vec![
        ("package.json".to_owned(), manifest()?.into_bytes()),
        ("README.md".to_owned(), read(&sources().join("README.md"))?),
        ("LICENSE-MIT".to_owned(), read(&root().join("LICENSE-MIT"))?),
        ("LICENSE-APACHE".to_owned(), read(&root().join("LICENSE-APACHE"))?),
    ];
    let js = sources().join("js");
    for (from, ending) in [(bundled, ""), (modules, ".wasm"), (js.as_path(), ".d.ts")] {
        for name in names(from)?.into_iter().filter(|name| name.ends_with(ending)) {
            let bytes = read(&from.join(&name))?;
            wanted.push((name, bytes));
        }
    }
    fill(&folder, &wanted)?;
    Ok(folder)
}

/// Copies what a page without a bundler fetches.
pub(crate) fn copy(modules: &Path, folder: &Path) -> Result<(), Failure> {
    let is_of_a_page =
        |name: &String| name == PAGE || !(name.starts_with("inline_") || ENTRIES.contains(&name.as_str()));
    let mut wanted = Vec::new();
    for name in names(modules)?.into_iter().filter(is_of_a_page) {
        let bytes = read(&modules.join(&name))?;
        wanted.push((name, bytes));
    }
    fill(folder, &wanted)
}

/// Makes a folder hold these files and no others.
fn fill(folder: &Path, wanted: &[(String, Vec<u8>)]) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(file(folder.display().to_string()))?;
    for name in names(folder)? {
        if !wanted.iter().any(|(kept, _)| *kept == name) {
            fs::remove_file(folder.join(&name)).map_err(file(name))?;
        }
    }
    wanted.iter().try_for_each(|(name, bytes)| write_if_new(&folder.join(name), bytes))
}

/// A module as JavaScript text, for bundlers and pages that can't fetch it.
fn inline(name: &str, module: &[u8]) -> String {
    let text = STANDARD.encode(miniz_oxide::deflate::compress_to_vec(module, LEVEL));
    format!("// The module {name}: deflated, in base64.\nexport default \"{text}\";\n")
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
