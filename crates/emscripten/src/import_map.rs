//! What minified names mean.
//!
//! A map is JSON: `{"imports": {"a": {"a": "fd_write"}}, "exports": {"memory": "c"}}`. Imports are
//! given by module and minified name, exports by the name that they had. An import may also be
//! `null`, of which nothing is known; `"return"` or, say, `"return 52"`, which is all that the
//! JavaScript does for it; and `"abort"`, whatever parameters it has.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use palisade::{Error, Result};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What an import means that gives nothing; with a number, one that gives that.
pub(crate) const RETURN: &str = "return";

/// What an import means that ends the program, whatever it is given.
pub(crate) const ABORT: &str = "abort";

/// Names of imports and exports that were minified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportMap {
    imports: BTreeMap<String, BTreeMap<String, Option<String>>>,
    exports: BTreeMap<String, String>,
}

impl ImportMap {
    /// An empty map.
    pub fn new() -> ImportMap {
        ImportMap::default()
    }

    /// Says what an import means.
    pub fn add_import(&mut self, module: &str, minified: &str, name: &str) -> &mut Self {
        self.imports.entry(module.into()).or_default().insert(minified.into(), Some(name.into()));
        self
    }

    /// Says that nothing is known of an import.
    pub fn add_unknown(&mut self, module: &str, minified: &str) -> &mut Self {
        self.imports.entry(module.into()).or_default().insert(minified.into(), None);
        self
    }

    /// The imports of which nothing is known, by module and minified name.
    pub fn unknown(&self) -> impl Iterator<Item = (&str, &str)> {
        self.imports.iter().flat_map(|(module, names)| {
            let unknown = names.iter().filter(|(_, name)| name.is_none());
            unknown.map(|(minified, _)| (module.as_str(), minified.as_str()))
        })
    }

    /// Says under which minified name something is exported.
    pub fn add_export(&mut self, name: &str, minified: &str) -> &mut Self {
        self.exports.insert(name.into(), minified.into());
        self
    }

    /// Reads a map from JSON.
    ///
    /// # Errors
    ///
    /// When the text is not JSON of this form, or says two things of one name; the error names the
    /// entry.
    pub fn from_json(text: &str) -> Result<ImportMap> {
        let json = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let mut map = ImportMap::new();
        for (key, value) in object(&json, "it")? {
            let at = format!("`{key}`");
            match key.as_str() {
                "imports" => {
                    for (module, names) in object(value, &at)? {
                        let at = format!("`{key}.{module}`");
                        for (minified, name) in object(names, &at)? {
                            let at = || format!("`{key}.{module}.{minified}`");
                            match name {
                                Json::Null => map.add_unknown(module, minified),
                                name => map.add_import(module, minified, string(name, at)?),
                            };
                        }
                    }
                }
                "exports" => {
                    for (name, minified) in object(value, &at)? {
                        map.add_export(name, string(minified, || format!("`{key}.{name}`"))?);
                    }
                }
                _ => return Err(wrong(format!("unknown key {at}"))),
            }
        }
        Ok(map)
    }

    /// The map as JSON.
    pub fn to_json(&self) -> String {
        let json = serde_json::json!({ "imports": self.imports, "exports": self.exports });
        serde_json::to_string_pretty(&json).expect("strings are JSON")
    }

    /// What the import means; itself if the map does not have it.
    pub(crate) fn import<'a>(&'a self, module: &str, name: &'a str) -> &'a str {
        let found = self.imports.get(module).and_then(|names| names.get(name));
        found.and_then(Option::as_deref).unwrap_or(name)
    }

    /// Whether it is in the map, but not what it means.
    pub(crate) fn is_unknown(&self, module: &str, name: &str) -> bool {
        self.imports.get(module).and_then(|names| names.get(name)).is_some_and(Option::is_none)
    }

    /// Under which name the module exports what was called `name`: `name` itself if the map does
    /// not have it.
    pub fn export<'a>(&'a self, name: &'a str) -> &'a str {
        self.exports.get(name).map_or(name, String::as_str)
    }

    /// How many imports it knows.
    pub fn imports(&self) -> usize {
        self.imports.values().flat_map(BTreeMap::values).flatten().count()
    }

    /// How many exports it knows.
    pub fn exports(&self) -> usize {
        self.exports.len()
    }
}

fn wrong(what: impl fmt::Display) -> Error {
    Error::msg(format!("the import map is not as expected: {what}"))
}

/// An object that is at `at`, in its order.
fn object<'a>(json: &'a Json, at: &str) -> Result<&'a [(String, Json)]> {
    let Json::Object(entries) = json else { return Err(wrong(format!("{at} is no object"))) };
    let mut names = BTreeSet::new();
    match entries.iter().find(|(name, _)| !names.insert(name)) {
        Some((name, _)) => Err(wrong(format!("{at} has `{name}` twice"))),
        None => Ok(entries),
    }
}

fn string(json: &Json, at: impl FnOnce() -> String) -> Result<&str> {
    match json {
        Json::String(text) => Ok(text),
        _ => Err(wrong(format!("{} is no string", at()))),
    }
}

/// As much of JSON as a map has. Names that are there twice stay that.
enum Json {
    Object(Vec<(String, Json)>),
    String(String),
    Null,
    Other,
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Json::Object(entries))
            }

            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::String(text.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Json::Other)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
                Ok(Json::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
                Ok(Json::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
                Ok(Json::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
                Ok(Json::Other)
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::ImportMap;

    #[test]
    fn what_is_wrong_is_named() {
        let deep = "{\"a\":".repeat(100_000);
        for (text, why) in [
            ("", "EOF"),
            ("{\"imports\": {}", "EOF"),
            ("{} {}", "trailing"),
            (&deep, "recursion"),
            ("[]", "it is no object"),
            ("null", "it is no object"),
            (r#"{"imports": 1}"#, "`imports` is no object"),
            (r#"{"imports": {"a": []}}"#, "`imports.a` is no object"),
            (r#"{"imports": {"a": {"b": -1}}}"#, "`imports.a.b` is no string"),
            (r#"{"exports": {"memory": 1.5}}"#, "`exports.memory` is no string"),
            (r#"{"exports": {"memory": {"x": true}}}"#, "`exports.memory` is no string"),
            (r#"{"exports": {"memory": "a", "memory": "b"}}"#, "`exports` has `memory` twice"),
            (r#"{"imports": {"a": {"b": "c", "b": "c"}}}"#, "`imports.a` has `b` twice"),
            (r#"{"imports": {}, "imports": {}}"#, "it has `imports` twice"),
            (r#"{"import": {}}"#, "unknown key `import`"),
        ] {
            let error = ImportMap::from_json(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn names_are_looked_up_once() {
        let map = ImportMap::from_json(
            r#"{"imports": {"a": {"a": "b", "b": "a"}}, "exports": {"main": "free", "free": "main"}}"#,
        )
        .unwrap();
        assert_eq!((map.import("a", "a"), map.import("a", "b")), ("b", "a"));
        assert_eq!((map.export("main"), map.export("free")), ("free", "main"));
        assert_eq!(ImportMap::from_json(&map.to_json()).unwrap(), map);
    }
}
