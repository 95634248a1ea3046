//! The file of settings, read so that a mistake is told by its place: never by a value, which may be a password.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use serde::Deserialize as _;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use toml::{Spanned, Value};

use super::load::{ConfigError, nearest};
use super::table::{Options, SETTINGS};

/// What the file at `path` says.
pub(super) fn read(path: &Path) -> Result<Options, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let bad = |message| ConfigError::BadFile { path: path.to_owned(), message };
    let table: BTreeMap<Spanned<String>, Spanned<Value>> = toml::from_str(&text).map_err(|error| {
        // What the parser prints quotes the line.
        let place = error.span().map_or_else(String::new, |span| format!("{}: ", place(&text, span.start)));
        bad(format!("{place}{}", error.message()))
    })?;
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut options = Options::default();
    for (key, value) in entries {
        let at = place(&text, value.span().start);
        let key = key.into_inner();
        if SETTINGS.iter().all(|setting| setting.key != key) {
            return Err(unknown(path, key, &at));
        }
        let entry = MapDeserializer::new(std::iter::once((key.as_str(), Given(value.into_inner()))));
        let read = Options::deserialize(entry).map_err(|fault: Fault| bad(format!("{at}: `{key}`: {fault}")))?;
        options = options.or(read);
    }
    Ok(options)
}

/// Where a byte stands, for people.
fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    format!("line {}, column {}", before.matches('\n').count() + 1, line.chars().count() + 1)
}

fn unknown(path: &Path, key: String, at: &str) -> ConfigError {
    // In quotes a key may be anything, as a value that slipped before the equals sign.
    if !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
        return ConfigError::BadFile { path: path.to_owned(), message: format!("{at}: this key is no setting") };
    }
    let nearest = nearest(&key, SETTINGS.iter().map(|setting| setting.key.to_owned()));
    ConfigError::UnknownKey { path: path.to_owned(), key, nearest }
}

/// A value of the file. Where a list is wanted, a text is one as it is for flags and variables: parts with commas.
struct Given(Value);

/// Why a value is not what its key takes; never the value.
#[derive(Debug)]
struct Fault(String);

impl<'de> Deserializer<'de> for Given {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            Value::Integer(number) => visitor.visit_i64(number),
            Value::Float(number) => visitor.visit_f64(number),
            Value::Boolean(value) => visitor.visit_bool(value),
            Value::Array(values) => visitor.visit_seq(SeqDeserializer::new(values.into_iter().map(Given))),
            Value::Datetime(_) => Err(de::Error::invalid_type(Unexpected::Other("a date"), &visitor)),
            Value::Table(_) => Err(de::Error::invalid_type(Unexpected::Map, &visitor)),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(text) => {
                let parts = text.split(',').map(|part| Self(Value::String(part.to_owned())));
                visitor.visit_seq(SeqDeserializer::new(parts))
            }
            other => Self(other).deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(text) => visitor.visit_enum(text.into_deserializer()),
            other => Self(other).deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct
        tuple tuple_struct map struct identifier ignored_any
    }
}

impl IntoDeserializer<'_, Fault> for Given {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }

    fn invalid_type(given: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self(format!("takes {}, not {}", words(wanted), kind(&given)))
    }

    fn invalid_value(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self(format!("takes {}, not this one", words(wanted)))
    }

    fn unknown_variant(_: &str, wanted: &'static [&'static str]) -> Self {
        Self(format!("takes one of {}, not this one", wanted.join(", ")))
    }
}

/// What a value is.
fn kind(given: &Unexpected<'_>) -> &'static str {
    match given {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Str(_) => "a text",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a table",
        _ => "this",
    }
}

/// What serde calls by the names of Rust.
fn words(wanted: &dyn Expected) -> String {
    match wanted.to_string().as_str() {
        "u8" => format!("a number from 0 to {}", u8::MAX),
        "u32" => format!("a number from 0 to {}", u32::MAX),
        "u64" | "usize" => "a number that is not negative".into(),
        "a sequence" => "a list".into(),
        "a boolean" => "true or false".into(),
        "a string" | "path string" => "a text".into(),
        "variant identifier" => "a word".into(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        Config::load(Options::default(), [], Some(file.path()))
    }

    #[test]
    fn a_mistake_is_told_by_its_place_and_never_by_a_value() {
        let store = "store_url = \"postgres://n:GEHEIM@h/d\"\n";
        for (text, told) in [
            ("store_url = \"postgres://n:GEHEIM@h/d\nnode = 1\n", "line 1, column "),
            ("backlog = 1\n  store_url = postgres://n:GEHEIM@h/d\n", "line 2, column 15: "),
            ("store_url = [\"postgres://n:GEHEIM@h/d\"]\n", "line 1, column 13: `store_url`: takes a text, not a list"),
            ("store_url = { password = \"GEHEIM\" }\n", "`store_url`: takes a text, not a table"),
            ("store_url.password = \"GEHEIM\"\n", "`store_url`: takes a text, not a table"),
            ("nats_url = [\"nats://n:GEHEIM@h\", 4222]\n", "`nats_url`: takes a text, not a number"),
            ("nats_url = [[\"nats://n:GEHEIM@h\"]]\n", "`nats_url`: takes a text, not a list"),
            ("nats_url = \"nats://n:GEHEIM@h\"\n", "nats_url: needs store_url"),
            ("nats_url = \"http://n:GEHEIM@h\"\nstore_url = \"postgres://h/d\"", "nats_url: must be nats://"),
            (store, "store_url: needs nats_url"),
            (&format!("{store}{store}"), "line 2, column 1: duplicate key"),
            (&format!("é = 1; {store}"), "line 1, column 18: "),
            ("nats://n:GEHEIM@h\n", "line 1, column "),
            ("\"nats://n:GEHEIM@h\" = 1\n", "line 1, column 23: this key is no setting"),
            ("store_ulr = \"postgres://n:GEHEIM@h/d\"\n", "no setting `store_ulr`; did you mean `store_url`?"),
            ("domain = \"\"\"GEHEIM\n", "line "),
            ("domain = 'GEHEIM' GEHEIM\n", "line 1, column 19: "),
            ("node = \"GEHEIM\"\n", "line 1, column 8: `node`: takes a number from 0 to 255, not a text"),
            ("log_format = \"GEHEIM\"\n", "`log_format`: takes one of human, json, not this one"),
            ("log_format = [\"GEHEIM\"]\n", "`log_format`: "),
            ("reuse_port = \"GEHEIM\"\n", "`reuse_port`: takes true or false, not a text"),
            ("listen = [\"GEHEIM\"]\n", "`listen`: an address is"),
            ("interactions_key = \"7=GEHEIM\"\n", "`interactions_key`: a key has 64 hex digits"),
            ("trusted_proxies = \"GEHEIM\"\n", "`trusted_proxies`: a trusted proxy is"),
            ("drain_ms = -1\n", "`drain_ms`: takes a number that is not negative, not this one"),
            ("node = 256\n", "`node`: takes a number from 0 to 255, not this one"),
            ("domain = 1979-05-27\n", "`domain`: takes a text, not this"),
        ] {
            let error = load(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
            assert!(!error.contains("GEHEIM") && !error.contains('\n'), "{text}: {error}");
        }
    }

    #[test]
    fn a_list_may_be_a_text_as_it_is_for_flags() {
        let text = "listen = \"127.0.0.1:1,unix:/run/s\"\nnats_url = \"nats://a,nats://b\"\nstore_url = \"postgres://h/d\"\n\
                    trusted_proxies = \"unix,10.0.0.0/8\"\norigins = \"https://a.example\"\n";
        let list = "listen = [\"127.0.0.1:1\", \"unix:/run/s\"]\nnats_url = [\"nats://a\", \"nats://b\"]\n\
                    store_url = \"postgres://h/d\"\ntrusted_proxies = [\"unix\", \"10.0.0.0/8\"]\n\
                    origins = [\"https://a.example\"]\n";
        let config = load(text).unwrap();
        assert_eq!((config.listen.len(), config.nats_url.len(), config.trusted_proxies.len()), (2, 2, 2));
        assert_eq!(config, load(list).unwrap());
    }

    #[test]
    fn every_setting_is_read_as_it_is_written() {
        let config = Config { public_url: Some("wss://gw.example/gateway".into()), node: Some(7), ..Config::default() };
        assert_eq!(load(&config.to_toml()).unwrap(), config);
    }
}
