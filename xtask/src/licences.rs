//! Whether every dependency's licence is one that this project may be shipped with.

use serde::Deserialize;
use spdx::{Expression, ParseMode};

use crate::command::{Failure, cargo, output};

/// Licences, by their SPDX names, that ask for no more than a notice, or (MPL) for the source of changes to that library.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "NCSA",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// What is read of `cargo metadata`.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
}

/// Fails with the list of packages whose licence is not allowed.
pub(crate) fn check() -> Result<(), Failure> {
    let metadata: Metadata =
        serde_json::from_slice(&output(cargo().args(["metadata", "--format-version", "1", "--locked"]))?)?;
    let refused: Vec<String> = metadata
        .packages
        .iter()
        .filter(|package| !package.license.as_deref().is_some_and(is_allowed))
        .map(|Package { name, version, license }| {
            format!("  {name} {version}: {}", license.as_deref().unwrap_or("no licence named"))
        })
        .collect();
    if refused.is_empty() {
        println!("{} packages, all under allowed licences", metadata.packages.len());
        return Ok(());
    }
    Err(Failure::Check(format!("licences that xtask/src/licences.rs does not allow:\n{}", refused.join("\n"))))
}

/// Whether an SPDX expression can be met with allowed licences alone. One that can't be read is not.
fn is_allowed(expression: &str) -> bool {
    // Lax, since `/` is how crates wrote OR before SPDX expressions.
    Expression::parse_mode(expression, ParseMode::LAX).is_ok_and(|expression| {
        expression.evaluate(|wanted| wanted.license.id().is_some_and(|id| ALLOWED.contains(&id.name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_allowed_when_allowed_licences_meet_it() {
        for allowed in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
            "Zlib AND (ISC OR GPL-2.0)",
        ] {
            assert!(is_allowed(allowed), "{allowed}");
        }
        for refused in
            ["GPL-3.0", "MIT AND GPL-3.0", "", "MIT OR", "(MIT", "MIT)", "AGPL-3.0 OR GPL-3.0", "MIT Apache-2.0"]
        {
            assert!(!is_allowed(refused), "{refused}");
        }
    }
}
