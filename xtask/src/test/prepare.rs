//! What the tests need beside Rust, found or installed.

use crate::command::{Failure, cargo, command, output, run, succeeds};

/// The target that core must build for, so that it stays free of I/O.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Something that tests need.
struct Need {
    /// What it is, for the one who reads.
    name: &'static str,
    /// Whether it is here.
    present: fn() -> bool,
    /// How it comes here.
    from: Source,
}

/// Where a missing piece comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// `rustup component add`
    Component(&'static str),
    /// `rustup target add`
    Target(&'static str),
    /// `apt-get install`
    Debian(&'static str),
}

const NEEDS: &[Need] = &[
    Need {
        name: "rustfmt",
        present: || succeeds(cargo().args(["fmt", "--version"])),
        from: Source::Component("rustfmt"),
    },
    Need {
        name: "clippy",
        present: || succeeds(cargo().args(["clippy", "--version"])),
        from: Source::Component("clippy"),
    },
    Need { name: "the standard library for wasm32", present: has_wasm_target, from: Source::Target(WASM_TARGET) },
    Need {
        name: "Python 3",
        present: || succeeds(command("python3").arg("--version")),
        from: Source::Debian("python3"),
    },
    Need {
        name: "Python's venv",
        present: || succeeds(command("python3").args(["-c", "import venv, ensurepip"])),
        from: Source::Debian("python3-venv"),
    },
];

/// Installs what is missing, after saying so.
///
/// # Errors
/// Something is missing that this user may not install (each piece is named), or an installation failed.
pub(crate) fn install() -> Result<(), Failure> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.present)()).collect();
    if missing.is_empty() {
        println!("all here: {}", NEEDS.iter().map(|need| need.name).collect::<Vec<_>>().join(", "));
        return Ok(());
    }
    let out_of_reach: Vec<String> =
        missing.iter().filter(|need| !need.from.is_reachable()).map(|need| need.to_line()).collect();
    if !out_of_reach.is_empty() {
        return Err(Failure::Missing(out_of_reach.join("\n")));
    }
    println!("about to install:");
    missing.iter().for_each(|need| println!("{}", need.to_line()));
    if missing.iter().any(|need| matches!(need.from, Source::Debian(_))) {
        run(as_root("apt-get").args(["update", "--quiet"]))?;
    }
    missing.iter().try_for_each(|need| need.from.install())
}

impl Need {
    fn to_line(&self) -> String {
        format!("  {}: {}", self.name, self.from.to_line())
    }
}

impl Source {
    /// Whether this user, without being asked anything, may install from here.
    fn is_reachable(self) -> bool {
        match self {
            Self::Component(_) | Self::Target(_) => succeeds(command("rustup").arg("--version")),
            Self::Debian(_) => {
                succeeds(command("apt-get").arg("--version"))
                    && (is_root() || succeeds(command("sudo").args(["--non-interactive", "true"])))
            }
        }
    }

    fn install(self) -> Result<(), Failure> {
        match self {
            Self::Component(name) => run(command("rustup").args(["component", "add", name])),
            Self::Target(name) => run(command("rustup").args(["target", "add", name])),
            Self::Debian(name) => run(as_root("apt-get")
                .args(["install", "--yes", "--quiet", "--no-install-recommends", name])
                .env("DEBIAN_FRONTEND", "noninteractive")),
        }
    }

    fn to_line(self) -> String {
        match self {
            Self::Component(name) => format!("rustup component add {name}"),
            Self::Target(name) => format!("rustup target add {name}"),
            Self::Debian(name) => format!("apt-get install {name}"),
        }
    }
}

/// Whether the compiler that cargo uses has the wasm target's library.
fn has_wasm_target() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    output(command(rustc).args(["--print", "target-libdir", "--target", WASM_TARGET]))
        .ok()
        .and_then(|path| String::from_utf8(path).ok())
        .is_some_and(|path| std::path::Path::new(path.trim()).is_dir())
}

fn is_root() -> bool {
    output(command("id").arg("-u")).is_ok_and(|id| id.trim_ascii() == b"0")
}

/// A command as root: itself, or through sudo that must not ask.
fn as_root(program: &str) -> std::process::Command {
    if is_root() {
        return command(program);
    }
    let mut sudo = command("sudo");
    sudo.args(["--non-interactive", program]);
    sudo
}
