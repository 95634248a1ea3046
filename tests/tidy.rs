//! What the sources must look like, read as text: who imports whom, how long files are, what never stands in them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use harness::workspace;

/// The modules of core, what each group imports standing above it.
const CORE: &[&[&str]] = &[
    &["time", "typescript"],
    &["id"],
    &["event"],
    &["codec"],
    &["audience", "entry"],
    &["history"],
    &["gateway", "interaction"],
];

/// The modules of the server's library, likewise.
const NATIVE: &[&[&str]] = &[
    &["addresses", "causes", "clock", "config", "disk", "failures", "fields", "headers", "metrics", "tally"],
    &["cluster", "nats", "peer"],
    &["listen", "log", "origin", "store", "tls"],
    &["upgrade", "hub", "client", "telemetry"],
    &["doorway"],
    &["interactions"],
    &["node"],
    &["routes"],
    &["server"],
    &["cli"],
];

/// What other programs see of the server's library; `cli` is hidden, for the program alone.
const PUBLIC: &[&str] = &["cli", "client", "config", "interactions", "server", "telemetry"];

/// Modules that know each other although they stand in one group.
const TOGETHER: &[(&str, &str)] = &[("audience", "entry"), ("log", "store"), ("upgrade", "hub")];

/// A source file and its text.
struct Source {
    /// Its path from the root of the workspace.
    path: PathBuf,
    text: String,
}

impl Source {
    /// The lines that are no comment, up to the tests at the end.
    fn code(&self) -> impl Iterator<Item = &str> {
        let lines = self.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
        lines.filter(|line| !line.trim_start().starts_with("//"))
    }
}

/// All files of the workspace with one of these extensions.
fn sources(folders: &[&str], extensions: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| workspace().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry")) {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let is_built = ["target", "data", "node_modules", ".git", "corpus", "__pycache__"].contains(&name.as_str());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if !is_built {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted)) {
                let text = fs::read_to_string(&path).expect("text");
                found.push(Source { path: path.strip_prefix(workspace()).expect("inside").to_owned(), text });
            }
        }
    }
    assert!(!found.is_empty());
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn rust() -> Vec<Source> {
    sources(&["core", "native", "wasm", "tests", "xtask"], &["rs"])
}

/// The names that follow `crate::` in a file's code.
fn imports(source: &Source) -> BTreeSet<String> {
    let code: Vec<&str> = source.code().collect();
    let code = code.join("\n");
    let mut names = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let group = rest.strip_prefix('{').map_or(rest, |group| group.split('}').next().unwrap_or_default());
        let parts: Vec<&str> = if rest.starts_with('{') { group.split(',').collect() } else { vec![rest] };
        for part in parts {
            let name: String = part.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            names.insert(name);
        }
    }
    names
}

/// Faults of a crate's imports against the order of its modules.
fn wrong_imports(folder: &str, order: &[&[&str]]) -> Vec<String> {
    let rank = |module: &str| order.iter().position(|group| group.contains(&module));
    let mut wrong = Vec::new();
    for source in sources(&[folder], &["rs"]) {
        let inside = source.path.strip_prefix(folder).expect("inside");
        let first = inside.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
        let module = first.trim_end_matches(".rs");
        // Tests may stand on anything.
        let is_test = inside.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")));
        if is_test || matches!(module, "lib" | "main" | "vectors") {
            continue;
        }
        let Some(own) = rank(module) else {
            wrong.push(format!("{folder}/{module} has no place in the order of tests/tidy.rs"));
            continue;
        };
        for import in imports(&source).iter().filter(|import| *import != module) {
            let together = TOGETHER
                .iter()
                .any(|pair| [pair.0, pair.1] == [module, import] || [pair.1, pair.0] == [module, import]);
            if rank(import).is_some_and(|other| other >= own) && !together {
                wrong.push(format!("{} imports {import}", source.path.display()));
            }
        }
    }
    wrong
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn imports_point_one_way() {
    let mut wrong = wrong_imports("core/src", CORE);
    wrong.extend(wrong_imports("native/src", NATIVE));
    assert_none(&wrong);
}

#[test]
fn every_file_is_part_of_a_program() {
    let all = rust();
    let is_named = |source: &&Source| {
        let (folder, stem) = (source.path.parent().expect("a folder"), source.path.file_stem().expect("a name"));
        let declaration = format!("mod {};", stem.to_string_lossy());
        // By the file that stands for its folder, or by one beside it.
        let names = |other: &Source| {
            let is_near = other.path.parent() == Some(folder) || other.path.with_extension("") == folder;
            is_near && other.text.lines().any(|line| line.trim_end().ends_with(&declaration))
        };
        all.iter().any(names)
    };
    // Where Cargo begins by itself, or as a manifest tells it to.
    let manifests = sources(&["core", "native", "wasm", "tests", "xtask"], &["toml"]);
    let is_begun = |source: &&Source| {
        let parts: Vec<_> = source.path.iter().map(|part| part.to_string_lossy()).collect();
        let is_usual = match &*parts.iter().map(|part| &**part).collect::<Vec<_>>() {
            [.., "src", "lib.rs" | "main.rs"] | [_, "build.rs"] | [.., "examples", _] | [_, "tests", _, "main.rs"] => {
                true
            }
            [package, "tests", _] => *package != "tests",
            _ => false,
        };
        let named = |manifest: &Source| {
            let inside = source.path.strip_prefix(manifest.path.parent().expect("a folder"));
            inside.is_ok_and(|inside| manifest.text.contains(&format!("path = \"{}\"", inside.display())))
        };
        is_usual || manifests.iter().any(named)
    };
    let lost = all.iter().filter(|source| !is_named(source) && !is_begun(source));
    assert_none(&lost.map(|source| format!("{} is in no program", source.path.display())).collect::<Vec<_>>());
}

#[test]
fn few_modules_are_public() {
    let library = fs::read_to_string(workspace().join("native/src/lib.rs")).expect("the library's root");
    let public = library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    assert!(public.eq(PUBLIC.iter().copied()), "lib.rs makes others public than {PUBLIC:?}");
}

#[test]
fn files_are_short() {
    let mut lengths: Vec<(usize, PathBuf)> =
        rust().into_iter().map(|source| (source.text.lines().count(), source.path)).collect();
    lengths.sort();
    let at = |share: f64| &lengths[(share * (lengths.len() - 1) as f64) as usize];
    assert!(at(0.5).0 <= 160, "the median: {:?}", at(0.5));
    assert!(at(0.9).0 <= 320, "one in ten is longer than {:?}", at(0.9));
    assert!(at(1.0).0 <= 600, "the longest: {:?}", at(1.0));
}

#[test]
fn every_file_opens_with_what_it_is() {
    let opens = |source: &Source| {
        source.text.starts_with("//! ") && source.text.lines().next().is_some_and(|line| line.len() > 12)
    };
    let wrong: Vec<String> =
        rust().iter().filter(|source| !opens(source)).map(|source| source.path.display().to_string()).collect();
    assert_none(&wrong);
}

#[test]
fn nothing_is_unsafe() {
    for root in ["core/src/lib.rs", "native/src/lib.rs", "native/src/main.rs", "xtask/src/main.rs"] {
        let text = fs::read_to_string(workspace().join(root)).expect("a crate's root");
        assert!(text.contains("#![forbid(unsafe_code)]"), "{root}");
    }
    let word = concat!("un", "safe");
    let wrong: Vec<String> = rust()
        .iter()
        .filter(|source| {
            source
                .code()
                .any(|line| ["{", "fn", "impl", "extern"].iter().any(|next| line.contains(&format!("{word} {next}"))))
        })
        .map(|source| source.path.display().to_string())
        .collect();
    assert_none(&wrong);
}

#[test]
fn one_file_asks_for_the_time() {
    let asks = |line: &str| {
        ["Instant::now(", "SystemTime::now(", "UNIX_EPOCH.elapsed("].iter().any(|call| line.contains(call))
    };
    let wrong: Vec<String> = sources(&["core/src", "native/src", "wasm/src"], &["rs"])
        .iter()
        .filter(|source| {
            source.path != Path::new("native/src/clock.rs") && source.path != Path::new("wasm/src/timer.rs")
        })
        .filter(|source| source.code().any(asks))
        .map(|source| source.path.display().to_string())
        .collect();
    assert_none(&wrong);
}

#[test]
fn nothing_waits_or_grows_without_bound() {
    let unbounded = ["unbounded_channel", "unbounded()", "mpsc::channel()"];
    let wrong: Vec<String> = sources(&["core/src", "native/src"], &["rs"])
        .iter()
        .filter(|source| source.code().any(|line| unbounded.iter().any(|word| line.contains(word))))
        .map(|source| source.path.display().to_string())
        .collect();
    assert_none(&wrong);
}

#[test]
fn no_file_names_a_machine() {
    let words = [
        concat!("/ro", "ot/"),
        concat!(" /ho", "me/"),
        concat!("\"/ho", "me/"),
        concat!("/wo", "rk/"),
        concat!("py", "pi.org"),
        concat!("registry.np", "mjs.org"),
        concat!("static.cra", "tes.io"),
        concat!("index.cra", "tes.io"),
        concat!("deb.deb", "ian.org"),
    ];
    let mut wrong = Vec::new();
    for source in
        sources(&["."], &["rs", "md", "toml", "json", "py", "txt", "js", "html", "css", "sql", "service", "lock"])
    {
        for word in words.iter().filter(|word| source.text.contains(**word)) {
            wrong.push(format!("{} has {word}", source.path.display()));
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_dependency_is_used() {
    let mut wrong = Vec::new();
    for folder in ["core", "native", "wasm", "tests", "xtask"] {
        let manifest = fs::read_to_string(workspace().join(folder).join("Cargo.toml")).expect("a manifest");
        let code: String = sources(&[folder], &["rs"]).into_iter().map(|source| source.text).collect();
        let names = manifest
            .lines()
            .skip_while(|line| !line.ends_with("dependencies]"))
            .filter_map(|line| line.split_once(".workspace = true").or(line.split_once(" = {")).map(|(name, _)| name));
        for name in names {
            let ident = name.replace('-', "_");
            if !code.contains(&format!("{ident}::")) && !code.contains(&format!("use {ident}")) {
                wrong.push(format!("{folder} does not use {name}"));
            }
        }
    }
    assert_none(&wrong);
}
