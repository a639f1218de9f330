//! What is typical of a function in JavaScript: what a minifier cannot change.
//!
//! Names of variables and of most properties say nothing when they are minified. Strings, numbers,
//! names of the language's own library, and how many parameters there are stay as they were, in
//! the function and in those that it uses.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;

use super::scopes::{Function, Scopes};
use super::tokens::Kind;

/// Functions that are looked into for one, at most.
const LIMIT: usize = 60;
/// Tokens of a function that are looked at, at most: one that is longer does more than one thing.
const LONGEST: usize = 4000;

/// Strings as `'text`, numbers as `#1.5`, names of properties as `.name`, other names and marks as
/// they are. `!0` is `true`, `!1` is `false`.
pub(super) type Traits = BTreeSet<String>;

/// The traits of a function.
pub(super) struct Character {
    pub(super) params: usize,
    /// Of the function itself.
    pub(super) own: Traits,
    /// Also of those that it uses.
    pub(super) near: Traits,
    /// Also of those that these use, and so on, three steps far.
    pub(super) deep: Traits,
}

pub(super) fn character(scopes: &Scopes<'_>, function: &Function<'_>) -> Character {
    let mut seen = HashSet::from([function.body.start]);
    let mut own = Traits::new();
    let mut next = Vec::new();
    collect(scopes, function, &mut own, &mut next);
    let mut all = own.clone();
    let mut near = Traits::new();
    for step in 0..4 {
        let mut further = Vec::new();
        for function in next {
            if seen.len() < LIMIT && seen.insert(function.body.start) {
                collect(scopes, &function, &mut all, &mut further);
            }
        }
        next = further;
        if step == 0 {
            near.clone_from(&all);
        }
    }
    Character { params: function.params.len(), own, near, deep: all }
}

/// Adds the traits of one function, and to `used` the functions that it uses.
fn collect<'a>(
    scopes: &Scopes<'a>,
    function: &Function<'a>,
    traits: &mut Traits,
    used: &mut Vec<Function<'a>>,
) {
    let tokens = &scopes.tokens;
    let mut methods = HashMap::new();
    for at in limited(&function.body) {
        let Some(token) = tokens.get(at) else { break };
        match token.kind {
            Kind::Text => traits.insert(format!("'{}", token.text)),
            Kind::Number => traits.insert(format!("#{}", number(token.text))),
            Kind::Regex => traits.insert(token.text.to_owned()),
            Kind::Mark if token.text == "!" && matches!(tokens.text(at + 1), "0" | "1") => {
                traits.insert((tokens.text(at + 1) == "0").to_string())
            }
            Kind::Mark if token.text == "=>" => false,
            Kind::Mark => traits.insert(token.text.to_owned()),
            Kind::Name => {
                let dot = at > 0 && matches!(tokens.text(at - 1), "." | "?.");
                if dot {
                    traits.insert(format!(".{}", token.text));
                    if at > 1
                        && let Some(object) = tokens.name(at - 2)
                    {
                        let known = methods.entry(object).or_insert_with(|| {
                            scopes.object_at(at - 2).and_then(|open| scopes.object(open))
                        });
                        let known = known.iter().flatten().find(|entry| entry.key == token.text);
                        used.extend(known.and_then(|entry| scopes.property(entry)));
                    }
                    continue;
                }
                if function.params.contains(&token.text) {
                    continue;
                }
                let values = scopes.values(token.text, at);
                if values.is_empty() || tokens.is_mark(at + 1, ":") {
                    traits.insert(token.text.to_owned());
                }
                used.extend(values.iter().find_map(|value| scopes.function(*value)));
                continue;
            }
        };
    }
}

fn limited(body: &Range<usize>) -> Range<usize> {
    body.start..body.end.min(body.start.saturating_add(LONGEST))
}

/// A number in one way of writing it.
pub(super) fn number(text: &str) -> String {
    let digits = text.replace('_', "");
    let digits = digits.trim_end_matches('n').to_ascii_lowercase();
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)];
    for (start, radix) in radix {
        if let Some(digits) = digits.strip_prefix(start) {
            let value = u64::from_str_radix(digits, radix);
            return value.map_or_else(|_| digits.to_owned(), |value| value.to_string());
        }
    }
    digits.parse().map_or(digits, |value: f64| value.to_string())
}
