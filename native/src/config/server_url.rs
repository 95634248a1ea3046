//! Where another server is reached: an address that may hold a password, which is shown to nobody.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The URL of PostgreSQL or of a NATS server. Whoever prints, logs or serializes it gets it without the password.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "String", into = "String")]
pub struct ServerUrl(String);

/// What stands for a password.
const HIDDEN: &str = "***";

impl ServerUrl {
    /// The whole URL, to connect with and for nothing else.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// Its scheme, such as `postgres`.
    pub fn scheme(&self) -> &str {
        self.0.split_once("://").map_or("", |(scheme, _)| scheme)
    }

    /// The names of the parameters behind a question mark.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        let query = self.0.split_once('?').map_or("", |(_, query)| query);
        query.split('&').filter(|part| !part.is_empty()).map(|part| part.split('=').next().unwrap_or(part))
    }
}

/// Every text is taken here, since who refuses one says which: [`super::Config::check`] looks at it without showing it.
impl FromStr for ServerUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl From<String> for ServerUrl {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<ServerUrl> for String {
    fn from(url: ServerUrl) -> Self {
        url.to_string()
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.0.split_once("://") else { return f.write_str(HIDDEN) };
        // Parameters may be anything. A password with a `/`, `?` or `@` in it must not slip through by being badly written.
        let Some((user, rest)) = rest.rsplit_once('@') else {
            return write!(f, "{scheme}://{}", rest.split('?').next().unwrap_or_default());
        };
        let rest = rest.split('?').next().unwrap_or_default();
        match user.split_once(':') {
            Some((user, _)) => write!(f, "{scheme}://{user}:{HIDDEN}@{rest}"),
            // NATS takes a token there.
            None if scheme.starts_with("postgres") => write!(f, "{scheme}://{user}@{rest}"),
            None => write!(f, "{scheme}://{HIDDEN}@{rest}"),
        }
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_shown_to_nobody() {
        for (text, shown) in [
            ("postgres://sanmon:geheim@db.example:5432/sanmon", "postgres://sanmon:***@db.example:5432/sanmon"),
            ("postgres://sanmon@db/sanmon?password=geheim", "postgres://sanmon@db/sanmon"),
            ("postgres:///sanmon?host=/run/postgresql", "postgres:///sanmon"),
            ("postgres://a:ge/he@im?geheim@db/x", "postgres://a:***@db/x"),
            ("nats://geheim@nats.example:4222", "nats://***@nats.example:4222"),
            ("tls://nats.example", "tls://nats.example"),
            ("geheim", "***"),
        ] {
            let url: ServerUrl = text.parse().unwrap();
            assert_eq!(url.secret(), text);
            for told in [url.to_string(), format!("{url:?}"), String::from(url.clone())] {
                assert_eq!(told, shown, "{text}");
            }
            assert_eq!(serde_json::to_value(&url).unwrap(), shown);
        }
    }

    #[test]
    fn parts_are_found() {
        let url: ServerUrl = "postgres://db/x?sslmode=require&host&a=b=c".parse().unwrap();
        assert_eq!(url.scheme(), "postgres");
        assert_eq!(url.parameters().collect::<Vec<_>>(), ["sslmode", "host", "a"]);
    }
}
