//! The target of the browser's module: whether this machine's compiler can build for it, and how it learns to.

use std::path::Path;
use std::time::Duration;

use crate::command::{Failure, command, output, run_within};

/// What core and the browser client are built for.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Long enough for its 20 MB over a slow line.
const DOWNLOAD: Duration = Duration::from_secs(300);

/// Whether the compiler that cargo uses has the target's library.
pub(crate) fn is_installed() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    output(command(rustc).args(["--print", "target-libdir", "--target", TARGET]))
        .ok()
        .and_then(|path| String::from_utf8(path).ok())
        .is_some_and(|path| Path::new(path.trim()).is_dir())
}

/// Lets rustup add the target's library; fails where there is no rustup.
pub(crate) fn install() -> Result<(), Failure> {
    run_within(DOWNLOAD, command("rustup").args(["target", "add", TARGET]))
}
