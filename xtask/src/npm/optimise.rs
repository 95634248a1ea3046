//! What npm brings to the build: the optimiser, the type checker and the package's judges.

use std::fs;
use std::path::{Path, PathBuf};

use super::bindgen::Names;
use super::{file, sources};
use crate::command::{Failure, command, run, succeeds};

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
        let folder = sources();
        let lock = folder.join("package-lock.json");
        let wanted = fs::read_to_string(&lock).map_err(file(lock.display().to_string()))?;
        let stamp = folder.join("node_modules").join("installed.json");
        if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            println!("about to install into wasm/node_modules what wasm/package-lock.json pins");
            run(command("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder))?;
            fs::write(&stamp, wanted).map_err(file(stamp.display().to_string()))?;
        }
        Ok(Self { programs: folder.join("node_modules").join(".bin") })
    }

    /// The tools, where npm is there to install them.
    pub(crate) fn if_possible() -> Option<Self> {
        succeeds(command("npm").arg("--version")).then(Self::install)?.ok()
    }

    /// The module after `wasm-opt -Oz`.
    ///
    /// No feature is named: wasm-opt reads those of the module, and with all of them it writes what Node refuses.
    pub(crate) fn optimise(&self, module: &[u8], scratch: &Path, names: Names) -> Result<Vec<u8>, Failure> {
        let (before, after) = (scratch.join("before.wasm"), scratch.join("after.wasm"));
        fs::write(&before, module).map_err(file("the module to optimise"))?;
        let mut optimiser = command(self.programs.join("wasm-opt"));
        optimiser.arg("-Oz").arg(&before).arg("--output").arg(&after);
        if names == Names::Keep {
            optimiser.arg("--debuginfo");
        }
        run(&mut optimiser)?;
        fs::read(&after).map_err(file("the optimised module"))
    }

    /// Checks that right uses of the types compile and wrong ones don't.
    pub(crate) fn check_types(&self) -> Result<(), Failure> {
        run(command(self.programs.join("tsc")).args(["--project", "types"]).current_dir(sources()))
    }

    /// Checks that the package says what it exports as every resolver wants it.
    pub(crate) fn check_package(&self, folder: &Path) -> Result<(), Failure> {
        run(command(self.programs.join("publint")).arg("--strict").arg(folder))?;
        run(command(self.programs.join("attw")).args(["--profile", "esm-only", "--pack"]).arg(folder))
    }
}
