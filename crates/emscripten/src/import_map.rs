//! What minified names mean.
//!
//! A map is JSON: `{"imports": {"a": {"a": "fd_write"}}, "exports": {"memory": "c"}}`. Imports are
//! given by module and minified name, exports by the name that they had. An import may also be
//! `null`, of which nothing is known; `"return"` or, say, `"return 52"`, which is all that the
//! JavaScript does for it; and `"abort"`, whatever parameters it has.

use std::collections::BTreeMap;

use palisade::{Error, Result};

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
    /// When the text is not JSON of this form.
    pub fn from_json(text: &str) -> Result<ImportMap> {
        let wrong = |what: &str| Error::msg(format!("the import map is not as expected: {what}"));
        let json: serde_json::Value =
            serde_json::from_str(text).map_err(|error| wrong(&error.to_string()))?;
        let object = json.as_object().ok_or_else(|| wrong("it is no object"))?;
        let mut map = ImportMap::new();
        for (key, value) in object {
            let value =
                value.as_object().ok_or_else(|| wrong("`imports` and `exports` are objects"))?;
            let text = |value: &serde_json::Value| {
                value.as_str().map(str::to_owned).ok_or_else(|| wrong("a name is a string"))
            };
            match key.as_str() {
                "imports" => {
                    for (module, names) in value {
                        let names =
                            names.as_object().ok_or_else(|| wrong("a module is an object"))?;
                        for (minified, name) in names {
                            match name {
                                serde_json::Value::Null => map.add_unknown(module, minified),
                                name => map.add_import(module, minified, &text(name)?),
                            };
                        }
                    }
                }
                "exports" => {
                    for (name, minified) in value {
                        map.add_export(name, &text(minified)?);
                    }
                }
                other => return Err(wrong(&format!("unknown key `{other}`"))),
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
