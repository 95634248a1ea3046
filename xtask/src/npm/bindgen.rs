//! The module and its JavaScript glue, made by wasm-bindgen as a library, so that nothing else has to be installed.

use std::fs;
use std::path::Path;

use wasm_bindgen_cli_support::Bindgen;

use super::{file, silence};
use crate::command::{Failure, cargo, root, run, target};
use crate::wasm_target::TARGET;

/// What becomes of the names of functions, which only people read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// They stay, for a profiler.
    Keep,
    /// They go, a third of the module.
    Drop,
}

/// A crate that becomes a module: `<name>.js` and `<name>_bg.wasm`.
pub(crate) struct Crate {
    /// The crate's package.
    package: &'static str,
    /// What the module is called.
    name: &'static str,
}

impl Crate {
    /// The module's file.
    pub(crate) fn file(&self) -> String {
        format!("{}_bg.wasm", self.name)
    }
}

/// The client, and what only those who verify signatures load.
pub(crate) const CRATES: [Crate; 2] =
    [Crate { package: "sanmon-wasm", name: "sanmon" }, Crate { package: "sanmon-signatures", name: "signatures" }];

/// Builds the crates for the browser and writes their modules and glue into `folder`.
pub(crate) fn generate(folder: &Path, names: Names) -> Result<(), Failure> {
    // What an older version wrote under another name must not be packed.
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(file("the folder for wasm-bindgen"))?;
    }
    CRATES.iter().try_for_each(|module| write(module, folder, names))
}

fn write(module: &Crate, folder: &Path, names: Names) -> Result<(), Failure> {
    // One by one: together, each would be compiled with what the other needs.
    let build = ["build", "--locked", "--lib", "--profile", "wasm", "--target", TARGET, "--package", module.package];
    run(cargo().args(build).env(RUSTFLAGS, without_paths()))?;
    let built = target().join(TARGET).join("wasm").join(module.package.replace('-', "_") + ".wasm");
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(built)
        .out_name(module.name)
        .typescript(false)
        .remove_producers_section(true)
        // Bundlers would copy the module beside the bundle because of that path, also where it is carried inline.
        .omit_default_module_path(true);
    let written = bindgen.web(true).and_then(Bindgen::generate_output).and_then(|mut output| {
        let module = output.wasm_mut();
        silence::silence(module);
        if names == Names::Drop {
            drop_names(module);
        }
        output.emit(folder)
    });
    written.map_err(|error| Failure::Check(format!("wasm-bindgen could not write its glue: {error:#}")))
}

/// Flags that leave this machine's folders out of the module, where panics name their places.
fn without_paths() -> String {
    let cargo_home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| home + "/.cargo"));
    let folders = cargo_home.into_iter().chain([root().display().to_string()]);
    folders.map(|folder| format!("--remap-path-prefix={folder}=. ")).collect()
}

/// Flags for that target alone.
const RUSTFLAGS: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS";

/// Forgets what functions are called.
fn drop_names(module: &mut walrus::Module) {
    module.name = None;
    for function in module.funcs.iter_mut() {
        function.name = None;
    }
}
