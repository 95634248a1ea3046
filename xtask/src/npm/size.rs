//! What the package weighs on the wire, and what other clients do.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::optimise::{Tools, install};
use super::{file, sources};
use crate::command::{Failure, command, output, run_within, target};

/// What the client should weigh with everything, in bytes as gzip sends it.
const WANTED: usize = 45 * 1024;

/// What is downloaded where, file by file.
const DOWNLOADS: [(&str, &[&str]); 3] = [
    ("a page with a bundler", &["inline.js"]),
    ("a page without one", &["web.js", "sanmon_bg.wasm"]),
    ("verifyInteraction, beside", &["verify.js", "signatures_bg.wasm"]),
];

/// Those of the other clients that are made for Node.js.
const FOR_NODE: &str = "@discordjs/ws";

/// Prints what is downloaded, as it is and as gzip sends it.
pub(crate) fn print(folder: &Path) -> Result<(), Failure> {
    println!("{:<28} {:<20} {:>8} {:>8}", "what downloads", "file", "bytes", "gzip");
    for (what, names) in DOWNLOADS {
        let mut all = 0;
        for name in names {
            let path = folder.join(name);
            let bytes = fs::metadata(&path).map_err(file(*name))?.len();
            let gzip = gzip_len(&path)?;
            all += gzip;
            println!("{what:<28} {name:<20} {bytes:>8} {gzip:>8}");
        }
        if names.len() > 1 {
            println!("{what:<28} {:<20} {:>8} {all:>8}", "", "");
        }
    }
    println!("wanted of the client: at most {WANTED}");
    Ok(())
}

/// Prints what the clients of wasm/sizes weigh, each with all that it exports, bundled and minified as this package is.
pub(crate) fn compare(tools: &Tools) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Manifest {
        dependencies: BTreeMap<String, String>,
    }

    let folder = sources().join("sizes");
    install(&folder)?;
    let manifest = fs::read(folder.join("package.json")).map_err(file("the list of other clients"))?;
    let Manifest { dependencies } = serde_json::from_slice(&manifest)?;
    println!("\n{:<28} {:<20} {:>8} {:>8}", "another client", "version", "bytes", "gzip");
    for (name, version) in dependencies {
        let bundle = target().join("npm").join("size.js");
        let platform = if name == FOR_NODE { "--platform=node" } else { "--platform=browser" };
        let mut bundler = tools.bundler();
        bundler.current_dir(&folder).arg(&name).arg(platform).arg(format!("--outfile={}", bundle.display()));
        run_within(super::optimise::TOOL, &mut bundler)?;
        let bytes = fs::metadata(&bundle).map_err(file("a bundle"))?.len();
        println!("{name:<28} {version:<20} {bytes:>8} {:>8}", gzip_len(&bundle)?);
    }
    Ok(())
}

/// How long a file is as gzip sends it, by the zlib of Node.js at its highest level.
fn gzip_len(path: &Path) -> Result<usize, Failure> {
    const SCRIPT: &str = "const [path] = process.argv.slice(1); \
        process.stdout.write(`${require('zlib').gzipSync(require('fs').readFileSync(path), { level: 9 }).length}`)";
    let printed = output(command("node").args(["-e", SCRIPT]).arg(path))?;
    let len = std::str::from_utf8(&printed).ok().and_then(|len| len.parse().ok());
    len.ok_or_else(|| Failure::Check(format!("node could not say how long {} is", path.display())))
}
