//! Where the programs are that tests run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder that holds the workspace's Cargo.toml.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_path_buf()
}

/// The server's program: `TEST_SANMON`, or built here by cargo in the profile of this test.
pub fn sanmon() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("TEST_SANMON").map_or_else(build, PathBuf::from))
}

/// Python with the packages of tests/python/requirements.txt: `TEST_PYTHON`, or where `cargo xtask test` puts it.
pub fn python() -> PathBuf {
    let python = std::env::var_os("TEST_PYTHON")
        .map_or_else(|| workspace().join("target").join("python").join("bin").join("python"), PathBuf::from);
    assert!(python.exists(), "{} is missing: `cargo xtask test --only python` installs it", python.display());
    python
}

fn build() -> PathBuf {
    // target/<profile>/deps/e2e-<hash>
    let exe = std::env::current_exe().expect("a test knows its own path");
    let folder = exe.ancestors().nth(2).expect("a test lies in target/<profile>/deps");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What cargo told this test of its own package: build scripts that look at these would run anew each time.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            cargo.env_remove(name);
        }
    }
    let built = cargo
        .current_dir(workspace())
        .args(["build", "--quiet", "--workspace", "--bin", "sanmon", "--profile", profile])
        .status()
        .expect("cargo starts");
    assert!(built.success(), "the server does not build");
    folder.join("sanmon")
}
