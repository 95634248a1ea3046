//! What is wrong with the arguments, told without the secrets among them.

use clap::error::{ContextKind, ContextValue};

/// What stands for a secret.
const HIDDEN: &str = "***";

/// Flags whose values are secrets, or would be if they were the ones that they are taken for.
const SECRET_FLAGS: [&str; 6] = ["--key", "--session", "--secret", "--interactions-key", "--store-url", "--nats-url"];

/// Where a mistake repeats what was typed.
const REPEATED: [ContextKind; 3] = [ContextKind::InvalidArg, ContextKind::InvalidValue, ContextKind::InvalidSubcommand];

/// The same mistake; what it repeats of the arguments holds no secret.
pub(super) fn without_secrets(mut error: clap::Error) -> clap::Error {
    let flag = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    let flag = flag.split([' ', '=']).next().unwrap_or_default();
    let is_secret_flag = SECRET_FLAGS.contains(&flag);
    for kind in REPEATED {
        let Some(ContextValue::String(text)) = error.get(kind) else { continue };
        if is_secret(text) || (is_secret_flag && kind == ContextKind::InvalidValue) {
            error.insert(kind, ContextValue::String(HIDDEN.to_owned()));
            // They say it once more.
            error.remove(ContextKind::Suggested);
        }
    }
    error
}

/// Whether this looks like a session id or an operator key, or like an address with a login.
fn is_secret(text: &str) -> bool {
    let has_login = text.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    let is_key =
        |text: &str| text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    has_login || text.split_once('.').is_some_and(|(_, random)| is_key(random))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::Cli;
    use super::*;

    #[test]
    fn no_secret_is_repeated() {
        let key = format!("123.{}", "GEHEIM_-".repeat(6));
        let hex = format!("7={}", "GEHEIM".repeat(4));
        for arguments in [
            &["operator-key", "create", "x", "--scopes", &key][..],
            &["session", "create", "--username", "x", "--user", &key],
            &["session", "revoke", "1", &key],
            &["listen", &key],
            &[&key],
            &["serve", "postgres://n:GEHEIM@h/d"],
            &["serve", "--node", "postgres://n:GEHEIM@h/d"],
            &["serve", "--interactions-key", &hex],
            &["serve", "--store-ulr=postgres://n:GEHEIM@h/d"],
            &["interaction", "send", "http://127.0.0.1:1", "--secret", &hex],
        ] {
            let error = Cli::try_parse_from([&["sanmon"], arguments].concat()).unwrap_err();
            let said = without_secrets(error).to_string();
            assert!(said.starts_with("error: ") && !said.contains("GEHEIM"), "{said}");
        }
        let said = without_secrets(Cli::try_parse_from(["sanmon", "serve", "--node", "256"]).unwrap_err()).to_string();
        assert!(said.contains("256"), "{said}");
    }
}
