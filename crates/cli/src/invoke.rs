//! `--invoke`: words of the command line as arguments of a function, and its results as lines.
//!
//! Numbers are written as in the text format (decimal, hexadecimal, `nan`, `inf`, signed or unsigned), and floats also
//! as Rust accepts them (`.5`, `NaN`). The types are those of the function: the same `1` is an `i64` or an `f32`.

use crate::failure::Failure;
use palisade::{ExternType, Instance, Module, Store, Val, ValType};
use std::io::{self, Write};
use wast::parser::{self, Parse, ParseBuffer};
use wast::token::{F32, F64};

/// A call that is known to fit its function.
pub(crate) struct Invocation {
    name: String,
    args: Vec<Val>,
    result_count: usize,
}

impl Invocation {
    /// Finds the exported function and reads its arguments; nothing runs yet.
    pub(crate) fn parse(module: &Module, name: &str, args: &[String]) -> Result<Self, Failure> {
        let Some(ExternType::Func(ty)) = module.get_export(name) else {
            let error = palisade::Error::msg(format!(
                "the module exports no such function; {}",
                exported_functions(module)
            ));
            return Err(Failure::during(format!("cannot invoke `{name}`"))(error));
        };
        let params: Vec<ValType> = ty.params().collect();
        if params.len() != args.len() {
            return Err(Failure::usage(format!(
                "`{name}` takes {} ({ty}), but {} given",
                count(params.len(), "argument"),
                if args.len() == 1 { "1 was".into() } else { format!("{} were", args.len()) }
            )));
        }
        let args: Result<Vec<Val>, Failure> = params
            .iter()
            .zip(args)
            .map(|(ty, word)| parse_value(ty, word).map_err(Failure::usage))
            .collect();
        Ok(Invocation { name: name.into(), args: args?, result_count: ty.results().len() })
    }

    /// Calls the function.
    pub(crate) fn call<T: 'static>(
        &self,
        store: &mut Store<T>,
        instance: Instance,
    ) -> Result<Vec<Val>, Failure> {
        let func = instance.get_func(&mut *store, &self.name).expect("the module exports it");
        let mut results = vec![Val::I32(0); self.result_count];
        func.call(store, &self.args, &mut results)
            .map_err(Failure::during(format!("failed to invoke `{}`", self.name)))?;
        Ok(results)
    }
}

/// Prints results, one a line.
pub(crate) fn print(out: &mut impl Write, results: &[Val]) -> io::Result<()> {
    for value in results {
        writeln!(out, "{}", show_value(value))?;
    }
    out.flush()
}

fn exported_functions(module: &Module) -> String {
    let names: Vec<String> = module
        .exports()
        .filter(|export| matches!(export.ty(), ExternType::Func(_)))
        .map(|export| format!("`{}`", export.name()))
        .collect();
    if names.is_empty() { "it exports none".into() } else { format!("it has {}", names.join(", ")) }
}

fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

fn parse_value(ty: &ValType, word: &str) -> Result<Val, String> {
    let value = match ty {
        ValType::I32 => parse_token::<i32>(word).map(Val::I32),
        ValType::I64 => parse_token::<i64>(word).map(Val::I64),
        ValType::F32 => parse_token::<F32>(word)
            .map(|value| value.bits)
            .or_else(|| word.parse().ok().map(f32::to_bits))
            .map(Val::F32),
        ValType::F64 => parse_token::<F64>(word)
            .map(|value| value.bits)
            .or_else(|| word.parse().ok().map(f64::to_bits))
            .map(Val::F64),
        ValType::V128 => parse_u128(word).map(|bits| Val::V128(bits.into())),
        ValType::Ref(ty) if ty.is_nullable() && word == "null" => {
            Some(Val::null_ref(ty.heap_type()))
        }
        ValType::Ref(ty) => {
            return Err(format!("`{word}`: an argument of type {ty} can only be `null`, if that"));
        }
    };
    value.ok_or_else(|| format!("`{word}` is not a value of type {ty}"))
}

/// A number as the text format writes it.
fn parse_token<T: for<'a> Parse<'a>>(word: &str) -> Option<T> {
    let buffer = ParseBuffer::new(word).ok()?;
    parser::parse::<T>(&buffer).ok()
}

fn parse_u128(word: &str) -> Option<u128> {
    match word.strip_prefix("0x") {
        Some(digits) => u128::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}

fn show_value(value: &Val) -> String {
    match value {
        Val::I32(value) => value.to_string(),
        Val::I64(value) => value.to_string(),
        Val::F32(bits) => f32::from_bits(*bits).to_string(),
        Val::F64(bits) => f64::from_bits(*bits).to_string(),
        Val::V128(bits) => format!("{:#034x}", bits.as_u128()),
        Val::FuncRef(None) => "<null funcref>".into(),
        Val::FuncRef(Some(_)) => "<funcref>".into(),
        Val::ExternRef(None) => "<null externref>".into(),
        Val::ExnRef(None) => "<null exnref>".into(),
        _ => "<reference>".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse_value, show_value};
    use palisade::ValType;

    fn check(ty: &ValType, word: &str, expected: &str) {
        let shown = parse_value(ty, word).map(|value| show_value(&value));
        assert_eq!(shown.as_deref().unwrap_or("error"), expected, "{word}");
    }

    #[test]
    fn integers() {
        check(&ValType::I32, "-1", "-1");
        check(&ValType::I32, "0x2a", "42");
        check(&ValType::I32, "-0x80000000", "-2147483648");
        check(&ValType::I32, "4294967295", "-1");
        check(&ValType::I32, "4294967296", "error");
        check(&ValType::I32, "1.5", "error");
        check(&ValType::I32, "", "error");
        check(&ValType::I32, "1 2", "error");
        check(&ValType::I64, "18446744073709551615", "-1");
        check(&ValType::I64, "-9223372036854775808", "-9223372036854775808");
    }

    #[test]
    fn floats() {
        check(&ValType::F32, "1.5", "1.5");
        check(&ValType::F32, "-inf", "-inf");
        check(&ValType::F64, "nan", "NaN");
        check(&ValType::F64, "NaN", "NaN");
        check(&ValType::F64, "7", "7");
        check(&ValType::F64, ".25", "0.25");
        check(&ValType::F64, "0x1p-1", "0.5");
        check(&ValType::F64, "one", "error");
    }

    #[test]
    fn vectors_and_references() {
        check(&ValType::V128, "0x10", "0x00000000000000000000000000000010");
        check(&ValType::EXTERNREF, "null", "<null externref>");
        check(&ValType::FUNCREF, "null", "<null funcref>");
        check(&ValType::FUNCREF, "f", "error");
    }
}
