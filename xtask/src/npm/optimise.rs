//! What npm brings to the build: the optimiser, the type checker and the package's judges.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::bindgen::Names;
use super::package::ENTRIES;
use super::{file, sources};
use crate::command::{Failure, command, run_within};

/// Whether the module is optimised once more after the compiler.
pub(crate) enum Optimise<'a> {
    /// With the tools that npm installed.
    Yes(&'a Tools),
    /// Not: a sixth larger, and npm is not needed.
    No,
}

/// The programs that wasm/package.json names, installed beside it.
pub(crate) struct Tools {
    programs: PathBuf,
}

impl Tools {
    /// Installs what wasm/package-lock.json pins; does nothing when it is there already.
    ///
    /// # Errors
    /// npm is missing, or could not install.
    pub(crate) fn install() -> Result<Self, Failure> {
        install(&sources())?;
        Ok(Self { programs: sources().join("node_modules").join(".bin") })
    }

    /// Puts a module through `wasm-opt -Oz`.
    ///
    /// No feature is named: wasm-opt reads those of the module, and with all of them it writes what Node refuses.
    pub(crate) fn optimise(&self, module: &Path, names: Names) -> Result<(), Failure> {
        let mut optimiser = command(self.programs.join("wasm-opt"));
        optimiser.arg("-Oz").arg(module).arg("--output").arg(module);
        if names == Names::Keep {
            optimiser.arg("--debuginfo");
        }
        run_within(TOOL, &mut optimiser)
    }

    /// Makes one file of each entry, beside what it imports when it is asked to, with source maps.
    pub(crate) fn bundle(&self, modules: &Path, folder: &Path) -> Result<(), Failure> {
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(file("the folder for bundles"))?;
        }
        ENTRIES.iter().try_for_each(|entry| {
            // One by one: together, what they share would become files of their own.
            let mut bundler = self.bundler();
            bundler.arg(modules.join(entry)).arg(format!("--outdir={}", folder.display()));
            bundler.args(["--splitting", "--chunk-names=[name]", "--sourcemap"]);
            run_within(TOOL, bundler.args(["--external:*.wasm", "--external:node:*"]))
        })
    }

    /// The bundler, told to make small modules of JavaScript.
    pub(crate) fn bundler(&self) -> Command {
        let mut bundler = command(self.programs.join("esbuild"));
        bundler.args(["--bundle", "--minify", "--format=esm", "--target=es2022", "--log-level=warning"]);
        bundler
    }

    /// Checks that right uses of the types compile and wrong ones don't.
    pub(crate) fn check_types(&self) -> Result<(), Failure> {
        run_within(TOOL, command(self.programs.join("tsc")).args(["--project", "types"]).current_dir(sources()))
    }

    /// Checks that the package says what it exports as every resolver wants it.
    pub(crate) fn check_package(&self, folder: &Path) -> Result<(), Failure> {
        run_within(TOOL, command(self.programs.join("publint")).arg("--strict").arg(folder))?;
        run_within(TOOL, command(self.programs.join("attw")).args(["--profile", "esm-only", "--pack"]).arg(folder))
    }
}

/// Installs what a folder's package-lock.json pins, after saying so; does nothing when it is there already.
pub(crate) fn install(folder: &Path) -> Result<(), Failure> {
    let lock = folder.join("package-lock.json");
    let wanted = fs::read_to_string(&lock).map_err(file(lock.display().to_string()))?;
    let stamp = folder.join("node_modules").join("installed.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("about to install into {} what package-lock.json pins there", folder.join("node_modules").display());
    run_within(
        DOWNLOAD,
        command("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder),
    )?;
    fs::write(&stamp, wanted).map_err(file(stamp.display().to_string()))
}

/// Long enough for packages over a slow line.
const DOWNLOAD: Duration = Duration::from_secs(600);

/// Long enough for each of these tools on a slow machine.
pub(super) const TOOL: Duration = Duration::from_secs(180);
