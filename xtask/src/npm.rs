//! `cargo xtask npm`: the npm package `sanmon`, built, checked and packed.

mod bindgen;
mod optimise;
mod package;
mod silence;
mod size;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

pub(crate) use self::optimise::install;
use self::optimise::{Optimise, Tools};
use crate::command::{Failure, cargo, command, file, output, root, run_within, target};

#[derive(Args)]
pub(crate) struct Npm {
    /// Keep the names of functions in the module, for a profiler or for twiggy
    #[arg(long)]
    names: bool,
    /// Print what other clients weigh as well, each installed, bundled and minified the same way
    #[arg(long)]
    sizes: bool,
    /// Stop after building: no type check, no check of the package, no tarball
    #[arg(long)]
    build_only: bool,
    /// Write wasm/js/events.d.ts and interactions.d.ts anew from core's types, and do nothing else
    #[arg(long)]
    types: bool,
}

impl Npm {
    /// Builds the package, checks what it exports, packs it, and prints what it weighs.
    pub(crate) fn run(self) -> Result<(), Failure> {
        if self.types {
            let example =
                ["run", "--quiet", "--package", "sanmon-core", "--features", "types", "--example", "types", "--"];
            return ["events", "interactions"].iter().try_for_each(|name| {
                let types = output(cargo().args(example).arg(name))?;
                write_if_new(&sources().join("js").join(format!("{name}.d.ts")), &types)
            });
        }
        let tools = Tools::install()?;
        let names = if self.names { bindgen::Names::Keep } else { bindgen::Names::Drop };
        let modules = build(&Optimise::Yes(&tools), names)?;
        package::copy(&modules, &console())?;
        let folder = bundle(&tools, &modules)?;
        size::print(&folder)?;
        if self.sizes {
            size::compare(&tools)?;
        }
        if self.build_only {
            return Ok(());
        }
        check_and_pack(&tools, &folder)
    }
}

/// Builds the package into www/sanmon, where the server's build finds it for the console. It takes no npm for that: the
/// module is a little larger than the published one, and otherwise the same.
pub(crate) fn build_for_console() -> Result<(), Failure> {
    package::copy(&build(&Optimise::No, bindgen::Names::Drop)?, &console())
}

/// Builds the package, checks what it exports and packs it; returns the tarballs' folder. The console's copy stays as it
/// is, so that the server is not built again.
pub(crate) fn pack_for_tests() -> Result<PathBuf, Failure> {
    let tools = Tools::install()?;
    let modules = build(&Optimise::Yes(&tools), bindgen::Names::Drop)?;
    check_and_pack(&tools, &bundle(&tools, &modules)?)?;
    Ok(tarballs())
}

/// Builds the package as it is published, and the console's copy of the same modules; returns the package's folder.
pub(crate) fn build_for_bench() -> Result<PathBuf, Failure> {
    let tools = Tools::install()?;
    let modules = build(&Optimise::Yes(&tools), bindgen::Names::Drop)?;
    package::copy(&modules, &console())?;
    bundle(&tools, &modules)
}

fn check_and_pack(tools: &Tools, folder: &Path) -> Result<(), Failure> {
    tools.check_types()?;
    tools.check_package(folder)?;
    let tarballs = tarballs();
    // One tarball is there, and of this version.
    if tarballs.exists() {
        fs::remove_dir_all(&tarballs).map_err(file("the folder for tarballs"))?;
    }
    fs::create_dir_all(&tarballs).map_err(file("the folder for tarballs"))?;
    let pack = ["pack", "--silent", "--pack-destination"];
    run_within(PACK, command("npm").args(pack).arg(tarballs).current_dir(folder))
}

/// Long enough for npm to pack a dozen files.
const PACK: Duration = Duration::from_secs(60);

/// Builds the folder of modules, as a page without a bundler loads them.
fn build(optimise: &Optimise<'_>, names: bindgen::Names) -> Result<PathBuf, Failure> {
    let glue = target().join("npm").join("glue");
    bindgen::generate(&glue, names)?;
    if let Optimise::Yes(tools) = optimise {
        bindgen::CRATES.iter().try_for_each(|module| tools.optimise(&glue.join(module.file()), names))?;
    }
    package::lay_out(&glue)
}

/// Makes the package's folder of these modules.
fn bundle(tools: &Tools, modules: &Path) -> Result<PathBuf, Failure> {
    let bundled = target().join("npm").join("bundled");
    tools.bundle(modules, &bundled)?;
    package::assemble(modules, &bundled)
}

/// Where the server's build looks for what the console imports.
fn console() -> PathBuf {
    root().join("www").join("sanmon")
}

/// Where tarballs are put.
fn tarballs() -> PathBuf {
    target().join("npm").join("packed")
}

/// The folder of the crate that the package is made of.
fn sources() -> PathBuf {
    root().join("wasm")
}

/// Writes a file unless it holds just that already, so that what depends on it is not built again.
fn write_if_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).map_err(file(path.display().to_string()))
}
