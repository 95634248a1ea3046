//! What tasks need beside Rust, found or installed.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use sanmon_engines::{has_nats, has_postgres};

use crate::command::{Failure, cargo, command, output, run_within, succeeds};
use crate::{node, wasm_target};

/// Something that a task needs.
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
    /// `rustup target add` of the browser's target
    WasmTarget,
    /// `apt-get install`
    Debian(&'static str),
    /// A virtual environment of Python's, since Debian's own is older until Debian 13
    NodeWheel,
}

/// Long enough for a browser and what it stands on, over a slow line.
const INSTALLATION: Duration = Duration::from_secs(900);

/// What a clock is set with, for one process alone.
const FAKETIME: &str = "libfaketime";
/// What gives a process a small disk of its own.
const UNSHARE: &str = "unshare";
/// What lays a cable between networks, and pulls it.
const IP: &str = "ip";
/// What makes a disk that can be broken, and repairs it.
const EXT4: &str = "mkfs.ext4 and e2fsck";
/// What several nodes stand on.
const NATS: &str = "nats-server";
const POSTGRES: &str = "PostgreSQL";
/// What servers in Python are installed with.
const PYTHON: &str = "Python 3";
const VENV: &str = "Python's venv";
/// What JavaScript runs in.
const NODE: &str = "Node.js 20.11 or newer, with npm";

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
    Need { name: "the standard library for wasm32", present: wasm_target::is_installed, from: Source::WasmTarget },
    Need { name: PYTHON, present: || succeeds(command("python3").arg("--version")), from: Source::Debian("python3") },
    Need {
        name: VENV,
        present: || succeeds(command("python3").args(["-c", "import venv, ensurepip"])),
        from: Source::Debian("python3-venv"),
    },
    // Older ones know nothing of the test runner's bounds. After Python, which may bring it.
    Need { name: NODE, present: has_node, from: Source::NodeWheel },
    Need { name: FAKETIME, present: has_faketime, from: Source::Debian("faketime") },
    Need {
        name: UNSHARE,
        present: || succeeds(command("unshare").arg("--version")),
        from: Source::Debian("util-linux"),
    },
    Need { name: IP, present: || succeeds(command("ip").arg("-Version")), from: Source::Debian("iproute2") },
    Need {
        name: EXT4,
        present: || succeeds(command("mkfs.ext4").arg("-V")) && succeeds(command("e2fsck").arg("-V")),
        from: Source::Debian("e2fsprogs"),
    },
    Need {
        name: "systemd-analyze",
        present: || succeeds(command("systemd-analyze").arg("--version")),
        from: Source::Debian("systemd"),
    },
    // Each test starts servers of its own; Debian's cluster, which comes with the package, is left alone.
    Need { name: NATS, present: has_nats, from: Source::Debian("nats-server") },
    Need { name: POSTGRES, present: has_postgres, from: Source::Debian("postgresql") },
    Need { name: "Chromium", present: || chromium().is_some(), from: Source::Debian("chromium") },
];

/// Installs what is missing, after saying so.
///
/// # Errors
/// Something is missing that this user may not install (each piece is named), or an installation failed.
pub(crate) fn install() -> Result<(), Failure> {
    install_these(&NEEDS.iter().collect::<Vec<_>>())
}

/// The same for what faults are done with.
///
/// # Errors
/// As [`install`].
pub(crate) fn install_for_faults() -> Result<(), Failure> {
    install_named(&[FAKETIME, UNSHARE, IP, EXT4, NATS, POSTGRES])
}

/// The same for the servers that Sanmon is compared with.
///
/// # Errors
/// As [`install`].
pub(crate) fn install_for_peers() -> Result<(), Failure> {
    install_named(&[PYTHON, VENV, NODE, NATS])
}

/// The same for what several nodes stand on.
///
/// # Errors
/// As [`install`].
pub(crate) fn install_for_cluster() -> Result<(), Failure> {
    install_named(&[NATS, POSTGRES])
}

fn install_named(names: &[&str]) -> Result<(), Failure> {
    install_these(&NEEDS.iter().filter(|need| names.contains(&need.name)).collect::<Vec<_>>())
}

fn install_these(needs: &[&Need]) -> Result<(), Failure> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.present)()).copied().collect();
    if missing.is_empty() {
        println!("all here: {}", needs.iter().map(|need| need.name).collect::<Vec<_>>().join(", "));
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
        run_within(INSTALLATION, as_root("apt-get").args(["update", "--quiet"]))?;
    }
    missing.iter().try_for_each(|need| need.from.install())?;
    let useless: Vec<String> = missing.iter().filter(|need| !(need.present)()).map(|need| need.to_line()).collect();
    if useless.is_empty() { Ok(()) } else { Err(Failure::Useless(useless.join("\n"))) }
}

/// The browser of the tests: the one that TEST_CHROMIUM names, or where packages put it.
pub(crate) fn chromium() -> Option<OsString> {
    let named = std::env::var_os("TEST_CHROMIUM");
    let usual = ["/usr/bin/chromium", "/usr/bin/google-chrome"].map(OsString::from);
    named.into_iter().chain(usual).find(|path| Path::new(path).is_file() && succeeds(command(path).arg("--version")))
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
            Self::Component(_) | Self::WasmTarget => succeeds(command("rustup").arg("--version")),
            Self::Debian(_) => {
                succeeds(command("apt-get").arg("--version"))
                    && (is_root() || succeeds(command("sudo").args(["--non-interactive", "true"])))
            }
            // Python is wanted before, and this puts nothing outside of target/.
            Self::NodeWheel => true,
        }
    }

    fn install(self) -> Result<(), Failure> {
        match self {
            Self::Component(name) => run_within(INSTALLATION, command("rustup").args(["component", "add", name])),
            Self::WasmTarget => wasm_target::install(),
            Self::Debian(name) => run_within(
                INSTALLATION,
                as_root("apt-get")
                    .args(["install", "--yes", "--quiet", "--no-install-recommends", name])
                    .env("DEBIAN_FRONTEND", "noninteractive"),
            ),
            Self::NodeWheel => node::install(),
        }
    }

    fn to_line(self) -> String {
        match self {
            Self::Component(name) => format!("rustup component add {name}"),
            Self::WasmTarget => format!("rustup target add {}", wasm_target::TARGET),
            Self::Debian(name) => format!("apt-get install {name}"),
            Self::NodeWheel => format!("pip install --requirement {}", node::REQUIREMENTS),
        }
    }
}

/// Whether Node.js is there and new enough, and npm with it.
fn has_node() -> bool {
    let asks =
        "const [major, minor] = process.versions.node.split('.'); process.exit(major * 100 + +minor >= 2011 ? 0 : 1)";
    succeeds(command("node").args(["-e", asks])) && succeeds(command("npm").arg("--version"))
}

/// Whether Debian's package has put its library under one of /usr/lib's folders.
fn has_faketime() -> bool {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().filter_map(Result::ok);
    folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).any(|library| library.exists())
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
