//! Functions, objects and what names stand for, in tokens of JavaScript.

use std::collections::HashMap;
use std::ops::Range;

use super::tokens::{Kind, Tokens};

/// How many blocks around a name are looked into.
const DEPTH: usize = 100;

/// A function that is written at some place.
#[derive(Debug, Clone)]
pub(super) struct Function<'a> {
    pub(super) params: Vec<&'a str>,
    /// The tokens of the body, without braces.
    pub(super) body: Range<usize>,
    /// The body is an expression, and what it gives the result.
    pub(super) expression: bool,
}

/// A property of an object that is written at some place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) key: &'a str,
    /// Where its value begins, or the parameters of a method.
    pub(super) value: usize,
    pub(super) method: bool,
}

/// The tokens, and where names get their values.
pub(super) struct Scopes<'a> {
    pub(super) tokens: Tokens<'a>,
    /// By block and name: where values begin.
    defined: HashMap<(Option<usize>, &'a str), Vec<usize>>,
    anywhere: HashMap<&'a str, Vec<usize>>,
    /// Where names are, without those of properties.
    places: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Scopes<'a> {
    pub(super) fn new(text: &'a str) -> Scopes<'a> {
        let tokens = Tokens::new(text);
        let (defined, anywhere, places) = Default::default();
        let mut scopes = Scopes { tokens, defined, anywhere, places };
        for at in 0..scopes.tokens.len() {
            scopes.note(at);
        }
        scopes
    }

    /// Notes a value that a name gets at `at`.
    fn note(&mut self, at: usize) {
        let tokens = &self.tokens;
        let Some(name) = tokens.name(at) else { return };
        let property = at > 0 && (tokens.is_mark(at - 1, ".") || tokens.is_mark(at - 1, "?."));
        if !property {
            self.places.entry(name).or_default().push(at);
        }
        if name == "function" {
            let at_name = at + 1 + usize::from(tokens.is_mark(at + 1, "*"));
            if let Some(name) = tokens.name(at_name) {
                self.define(name, at, at);
            }
        } else if !property && (tokens.is_mark(at + 1, "=") || tokens.is_mark(at + 1, "??=")) {
            self.define(name, at, at + 2);
        }
    }

    /// Where a name is used that is not that of a property.
    pub(super) fn places(&self, name: &'a str) -> &[usize] {
        self.places.get(name).map_or(&[], Vec::as_slice)
    }

    fn define(&mut self, name: &'a str, at: usize, value: usize) {
        let block = self.block(at);
        self.defined.entry((block, name)).or_default().push(value);
        self.anywhere.entry(name).or_default().push(value);
    }

    /// The brace of the block that a token is in.
    pub(super) fn block(&self, at: usize) -> Option<usize> {
        self.tokens.block(at)
    }

    /// Where the values that a name may have at `at` begin, without targets of assignments.
    pub(super) fn values(&self, name: &'a str, at: usize) -> &[usize] {
        let mut block = self.block(at);
        for _ in 0..DEPTH {
            if let Some(values) = self.defined.get(&(block, name)) {
                return values;
            }
            match block {
                Some(open) => block = self.block(open),
                None => break,
            }
        }
        // An assignment in another function to a variable of both.
        self.anywhere.get(name).map_or(&[], Vec::as_slice)
    }

    /// Skips targets: the beginning of the value in `a = b["c"] = value`.
    pub(super) fn value(&self, mut at: usize) -> usize {
        loop {
            let mut next = at;
            if self.tokens.name(next).is_none() {
                return at;
            }
            next += 1;
            loop {
                if self.tokens.is_mark(next, ".") && self.tokens.name(next + 1).is_some() {
                    next += 2;
                } else if self.tokens.is_mark(next, "[")
                    && self.tokens.string(next + 1).is_some()
                    && self.tokens.is_mark(next + 2, "]")
                {
                    next += 3;
                } else {
                    break;
                }
            }
            if !self.tokens.is_mark(next, "=") {
                return at;
            }
            at = next + 1;
        }
    }

    /// The function that begins at `at`, or is named there.
    pub(super) fn function(&self, at: usize) -> Option<Function<'a>> {
        self.function_within(at, &mut 40)
    }

    /// As [`function`](Self::function), after at most as many steps.
    fn function_within(&self, at: usize, steps: &mut usize) -> Option<Function<'a>> {
        *steps = steps.checked_sub(1)?;
        let tokens = &self.tokens;
        let mut at = self.value(at);
        if tokens.name(at) == Some("async") && !tokens.is_mark(at + 1, "=>") {
            at += 1;
        }
        if tokens.name(at) == Some("function") {
            at += 1 + usize::from(tokens.is_mark(at + 1, "*"));
            at += usize::from(tokens.name(at).is_some());
            return self.method(at);
        }
        if tokens.is_mark(at, "(") {
            let close = tokens.partner(at)?;
            if tokens.is_mark(close + 1, "=>") {
                return Some(self.arrow(self.params(at + 1..close), close + 2));
            }
            return self.function_within(self.last(at)?, steps);
        }
        let name = tokens.name(at)?;
        if tokens.is_mark(at + 1, "=>") {
            return Some(self.arrow(vec![name], at + 2));
        }
        // `hrtime ? () => ... : () => ...`
        if tokens.is_mark(at + 1, "?") {
            return self.function_within(at + 2, steps);
        }
        // An alias, if that is all.
        if tokens.end_of_expression(at) != at + 1 {
            return None;
        }
        self.values(name, at).iter().find_map(|value| self.function_within(*value, steps))
    }

    /// The function whose parameters are in the parentheses at `open`, with its body in braces.
    pub(super) fn method(&self, open: usize) -> Option<Function<'a>> {
        if !self.tokens.is_mark(open, "(") {
            return None;
        }
        let close = self.tokens.partner(open)?;
        if !self.tokens.is_mark(close + 1, "{") {
            return None;
        }
        let end = self.tokens.partner(close + 1)?;
        let params = self.params(open + 1..close);
        Some(Function { params, body: close + 2..end, expression: false })
    }

    fn arrow(&self, params: Vec<&'a str>, at: usize) -> Function<'a> {
        if self.tokens.is_mark(at, "{")
            && let Some(end) = self.tokens.partner(at)
        {
            return Function { params, body: at + 1..end, expression: false };
        }
        Function { params, body: at..self.tokens.end_of_expression(at), expression: true }
    }

    fn params(&self, range: Range<usize>) -> Vec<&'a str> {
        let mut params = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let name = at + usize::from(self.tokens.is_mark(at, "..."));
            params.push(self.tokens.name(name).unwrap_or(""));
            at = self.tokens.end_of_expression(at) + 1;
        }
        params
    }

    /// The properties of the object whose brace is at `open`; `None` if it is none, or has
    /// properties that are not written down.
    pub(super) fn object(&self, open: usize) -> Option<Vec<Entry<'a>>> {
        let tokens = &self.tokens;
        if !tokens.is_mark(open, "{") {
            return None;
        }
        let close = tokens.partner(open)?;
        let mut entries = Vec::new();
        let mut at = open + 1;
        while at < close {
            let key = tokens.get(at)?;
            if key.kind == Kind::Mark || key.kind == Kind::Regex {
                return None;
            }
            let key = key.text;
            let (value, method) = if tokens.is_mark(at + 1, ":") {
                (at + 2, false)
            } else if tokens.is_mark(at + 1, "(") {
                (at + 1, true)
            } else if tokens.name(at + 1).is_some() && matches!(key, "async" | "get" | "set") {
                at += 1;
                continue;
            } else if tokens.name(at).is_some() && (tokens.is_mark(at + 1, ",") || at + 1 == close)
            {
                (at, false)
            } else {
                return None;
            };
            entries.push(Entry { key, value, method });
            let mut end = tokens.end_of_expression(value);
            if method {
                end = tokens.partner(tokens.partner(value)? + 1)? + 1;
            }
            at = end + 1;
        }
        Some(entries)
    }

    /// The brace of the object that begins at `at`, or is named there.
    pub(super) fn object_at(&self, at: usize) -> Option<usize> {
        let at = self.value(at);
        if self.tokens.is_mark(at, "{") {
            return Some(at);
        }
        if self.tokens.is_mark(at, "(") {
            return self.last(at).filter(|at| self.tokens.is_mark(*at, "{"));
        }
        let name = self.tokens.name(at)?;
        self.values(name, at).iter().find_map(|value| {
            let value = self.value(*value);
            match self.tokens.is_mark(value, "(") {
                true => self.last(value).filter(|at| self.tokens.is_mark(*at, "{")),
                false => self.tokens.is_mark(value, "{").then_some(value),
            }
        })
    }

    /// Where the last expression in the parentheses begins, which is their value.
    fn last(&self, open: usize) -> Option<usize> {
        let close = self.tokens.partner(open)?;
        let mut at = open + 1;
        loop {
            let end = self.tokens.end_of_expression(at);
            if end >= close {
                return Some(at);
            }
            at = end + 1;
        }
    }

    /// The function that is the property of an object.
    pub(super) fn property(&self, entry: &Entry<'a>) -> Option<Function<'a>> {
        if entry.method { self.method(entry.value) } else { self.function(entry.value) }
    }
}
