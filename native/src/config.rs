//! What an operator can set: flags over `SANMON_*` variables over a TOML file over defaults.

mod address;
mod check;
mod file;
mod help;
mod interactions_key;
mod load;
mod proxy;
mod sample;
mod server_url;
#[expect(rustdoc::bare_urls, reason = "the texts are those of --help and of the sample file, too")]
mod table;

pub use self::address::{Address, InvalidAddress};
pub use self::check::Contradiction;
pub(crate) use self::check::LONGEST_S;
pub use self::interactions_key::InteractionsKey;
pub use self::load::ConfigError;
pub use self::proxy::{InvalidProxy, TrustedProxy};
pub use self::server_url::ServerUrl;
pub use self::table::{Config, LogFormat, Options, SETTINGS, Setting};
