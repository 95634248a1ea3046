//! How the model's objects and codes are written down: one line a field, one line a value.

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// Makes the struct of one JSON object.
///
/// First come the fields that it must have, then those that may be absent or null; those under `set` and `plain` get a
/// chaining setter as well, since answers are built of them. `rest` keeps every field that the table does not know. A
/// number after the name is the object's constant `type`.
macro_rules! object {
    (
        $(#[$meta:meta])*
        pub struct $name:ident $(= $tag:literal)? { $($(#[$must_meta:meta])* $must:ident: $must_type:ty,)* }
        $(optional { $($(#[$may_meta:meta])* $may:ident: $may_type:ty,)* })?
        $(set { $($(#[doc = $set_doc:literal])* $set:ident: $set_type:ty,)* })?
        $(plain { $($(#[doc = $plain_doc:literal])* $plain:ident: $plain_type:ty,)* })?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "types", derive(ts_rs::TS))]
        #[non_exhaustive]
        pub struct $name {
            $(
                /// What it is.
                #[serde(rename = "type")]
                tag: crate::interaction::model::table::Tag<$tag>,
            )?
            $($(#[$must_meta])* pub $must: $must_type,)*
            $($(
                $(#[$may_meta])*
                #[serde(default, skip_serializing_if = "crate::interaction::model::Field::is_absent")]
                pub $may: crate::interaction::model::Field<$may_type>,
            )*)?
            $($(
                $(#[doc = $set_doc])*
                #[serde(default, skip_serializing_if = "crate::interaction::model::Field::is_absent")]
                pub $set: crate::interaction::model::Field<$set_type>,
            )*)?
            $($(
                $(#[doc = $plain_doc])*
                #[serde(default, skip_serializing_if = "crate::interaction::model::Field::is_absent")]
                pub $plain: crate::interaction::model::Field<$plain_type>,
            )*)?
            /// Every field that this model does not know.
            #[serde(flatten)]
            pub rest: serde_json::Map<String, serde_json::Value>,
        }

        impl $name {
            /// One with these fields and no others.
            pub fn from_parts($($must: impl Into<$must_type>),*) -> Self {
                Self {
                    $(tag: crate::interaction::model::table::Tag::<$tag>,)?
                    $($must: $must.into(),)*
                    $($($may: crate::interaction::model::Field::Absent,)*)?
                    $($($set: crate::interaction::model::Field::Absent,)*)?
                    $($($plain: crate::interaction::model::Field::Absent,)*)?
                    rest: serde_json::Map::new(),
                }
            }

            $($(
                $(#[doc = $set_doc])*
                #[must_use]
                pub fn $set(mut self, $set: impl Into<$set_type>) -> Self {
                    self.$set = crate::interaction::model::Field::Value($set.into());
                    self
                }
            )*)?

            // No `Into` here: it would keep the compiler from finding out the type of a literal.
            $($(
                $(#[doc = $plain_doc])*
                #[must_use]
                pub const fn $plain(mut self, $plain: $plain_type) -> Self {
                    self.$plain = crate::interaction::model::Field::Value($plain);
                    self
                }
            )*)?
        }

        object!(@default $name $($must)*);
    };
    (@default $name:ident) => {
        impl Default for $name {
            fn default() -> Self {
                Self::from_parts()
            }
        }
    };
    (@default $name:ident $($must:ident)+) => {};
}

/// Makes the enum of one kind of code, integers on the wire, with a variant for codes that the table does not know.
macro_rules! codes {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident { $($(#[doc = $variant_doc:literal])* $variant:ident = $code:literal,)* }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[doc = $variant_doc])* $variant,)*
            /// A code that this model does not know.
            Other(i64),
        }

        impl $name {
            /// The code on the wire.
            pub const fn code(self) -> i64 {
                match self {
                    $(Self::$variant => $code,)*
                    Self::Other(code) => code,
                }
            }
        }

        impl From<i64> for $name {
            fn from(code: i64) -> Self {
                match code {
                    $($code => Self::$variant,)*
                    code => Self::Other(code),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.code())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                i64::deserialize(deserializer).map(Self::from)
            }
        }

        #[cfg(feature = "types")]
        crate::typescript::written! {
            &[$($doc),*], $name,
            |_config| concat!($("\n  | ", $code, " //", $($variant_doc,)*)* "\n  | (number & {})").to_owned(),
        }
    };
}

/// Makes the enum of one kind of name, strings on the wire, with a variant for names that the table does not know.
macro_rules! names {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident { $($(#[doc = $variant_doc:literal])* $variant:ident = $text:literal,)* }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[doc = $variant_doc])* $variant,)*
            /// A name that this model does not know.
            Other(String),
        }

        impl $name {
            /// The name on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$variant,)*
                    _ => Self::Other(text),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }

        #[cfg(feature = "types")]
        crate::typescript::written! {
            &[$($doc),*], $name,
            |_config| concat!($("\n  | \"", $text, "\" //", $($variant_doc,)*)* "\n  | (string & {})").to_owned(),
        }
    };
}

/// Makes an enum of objects that tell themselves apart by their `type`; one of a type that the table lacks is kept whole.
macro_rules! tagged {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident { $($(#[doc = $variant_doc:literal])* $variant:ident($object:ty) = $code:literal,)* }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        #[serde(untagged)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[doc = $variant_doc])* $variant($object),)*
            /// One of a type that this model does not know, whole.
            Other(serde_json::Map<String, serde_json::Value>),
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error as _;
                let fields = serde_json::Map::deserialize(deserializer)?;
                let code = fields.get("type").and_then(serde_json::Value::as_i64);
                let code = code.ok_or_else(|| D::Error::custom("no integer as `type`"))?;
                crate::interaction::model::nesting::deeper(|| match code {
                    $($code => serde_json::from_value(serde_json::Value::Object(fields))
                        .map(Self::$variant)
                        .map_err(D::Error::custom),)*
                    _ => Ok(Self::Other(fields)),
                })
            }
        }

        $(impl From<$object> for $name {
            fn from(object: $object) -> Self {
                Self::$variant(object)
            }
        })*

        // Without the objects of other types: with them among it, TypeScript could tell none apart by its `type`.
        #[cfg(feature = "types")]
        crate::typescript::written! {
            &[$($doc),*], $name,
            |config| [$(<$object as ts_rs::TS>::name(config)),*].map(|object| format!("\n  | {object}")).concat(),
            $($object)*
        }
    };
}

pub(in crate::interaction) use {codes, names, object, tagged};

/// The constant `type` of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::interaction) struct Tag<const CODE: i64>;

#[cfg(feature = "types")]
crate::typescript::literal!([const CODE: i64] Tag<CODE>, CODE.to_string());

impl<const CODE: i64> Serialize for Tag<CODE> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(CODE)
    }
}

impl<'de, const CODE: i64> Deserialize<'de> for Tag<CODE> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match i64::deserialize(deserializer)? {
            code if code == CODE => Ok(Self),
            code => Err(de::Error::custom(format_args!("a type of {code}, where {CODE} belongs"))),
        }
    }
}
