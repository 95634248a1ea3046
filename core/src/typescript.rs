//! Types of this crate, written as TypeScript.

use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;

use serde_json::Value;
use ts_rs::{Config, TS, TypeVisitor};

/// Gathers types and every type that they name.
pub(crate) struct Declarations {
    config: Config,
    /// By name.
    texts: BTreeMap<String, String>,
    declared: HashSet<TypeId>,
}

impl Declarations {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self {
            // Nothing on the wire is an integer beyond 2^53-1: ids above it travel as text.
            config: Config::new().with_large_int("number"),
            texts: BTreeMap::new(),
            declared: HashSet::new(),
        }
    }

    /// Takes a type, and what it names; returns what it is called.
    pub(crate) fn add<T: TS + 'static + ?Sized>(&mut self) -> String {
        self.visit::<T>();
        T::name(&self.config)
    }

    /// Takes what `T` is made of, declared by another name.
    pub(crate) fn add_as<T: TS + 'static + ?Sized>(&mut self, name: &str, docs: &[&str]) {
        T::visit_dependencies(self);
        let declaration = format!("{}export type {name} = {};", ts_rs::format_docs(docs), T::inline(&self.config));
        self.texts.insert(name.to_owned(), self.tidy(&declaration));
    }

    /// All but those that another file declares, in the order of their names.
    pub(crate) fn finish(mut self, elsewhere: &[&str]) -> String {
        self.texts.retain(|name, _| !elsewhere.contains(&name.as_str()));
        self.texts.into_values().collect::<Vec<_>>().join("\n")
    }

    /// Names what a model does not know, puts comments of one line on one line, and fields under the type that they are of.
    fn tidy(&self, declaration: &str) -> String {
        let rest = format!("({{ [key in string]: {} }})", Value::inline(&self.config));
        let plain = declaration
            .replace(&rest, "Rest")
            .replace("[`", "`")
            .replace("`]", "`")
            .replace(", } & Rest", ",\n} & Rest")
            .replace(", };", ",\n};");
        let mut tidied = String::new();
        let mut lines = plain.lines().map(str::trim_end).peekable();
        let mut indent = "";
        while let Some(line) = lines.next() {
            if line.starts_with('}') {
                indent = "";
            }
            let mut line = line.to_owned();
            if line == "/**" {
                let text: Vec<&str> = lines.by_ref().take_while(|line| *line != " */").collect();
                line = match text.as_slice() {
                    [one] => format!("/**{} */", one.trim_start_matches(" *")),
                    many => format!("/**\n{indent}{}\n{indent} */", many.join(&format!("\n{indent}"))),
                };
            }
            writeln!(tidied, "{indent}{line}").expect("a String takes everything");
            if line.ends_with('{') {
                indent = "  ";
            }
        }
        tidied
    }
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.declared.insert(TypeId::of::<T>()) {
            return;
        }
        // What has no file of its own (numbers, lists, maps) is written out where it stands.
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            let declaration = self.tidy(&format!("{docs}export {}", T::decl(&self.config)));
            self.texts.insert(T::ident(&self.config), declaration);
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

/// Says what a type is in TypeScript that does not derive it: its documentation, its name, what it is made of, and the types
/// that are named there.
macro_rules! written {
    ($docs:expr, $name:ident, |$config:ident| $text:expr, $($named:ty)*) => {
        impl ts_rs::TS for $name {
            type WithoutGenerics = Self;
            type OptionInnerType = Self;

            // As a key it stands for the keys that there may be, not for those that there must be.
            const IS_ENUM: bool = true;

            fn docs() -> Option<String> {
                Some(ts_rs::format_docs($docs))
            }

            fn name(_: &ts_rs::Config) -> String {
                stringify!($name).to_owned()
            }

            fn inline($config: &ts_rs::Config) -> String {
                $text
            }

            fn decl(config: &ts_rs::Config) -> String {
                format!("type {} = {};", stringify!($name), Self::inline(config))
            }

            fn output_path() -> Option<std::path::PathBuf> {
                Some(concat!(stringify!($name), ".ts").into())
            }

            fn visit_dependencies(visitor: &mut impl ts_rs::TypeVisitor) {
                let _ = &visitor;
                $(visitor.visit::<$named>();)*
            }
        }
    };
}

/// Says that a type is written as this literal or type wherever it is named.
macro_rules! literal {
    ([$($generics:tt)*] $name:ty, $text:expr) => {
        impl<$($generics)*> ts_rs::TS for $name {
            type WithoutGenerics = Self;
            type OptionInnerType = Self;

            fn name(_: &ts_rs::Config) -> String {
                $text
            }

            fn inline(config: &ts_rs::Config) -> String {
                Self::name(config)
            }
        }
    };
}

pub(crate) use {literal, written};
