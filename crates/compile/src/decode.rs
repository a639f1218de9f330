//! From bytes to a validated module.
//!
//! Two passes: the first validates everything and keeps the sections, the second describes them as a [`ModuleInfo`].
//! So a module is called unsupported only if it is valid, and the second pass may rely on validity.
//! Function bodies are validated here but not kept in any decoded form; the translator reads them again.
//!
//! Spec: Binary Format > Modules, Validation > Modules.

mod const_expr;
mod sections;
mod types;

use crate::error::CompileError;
use crate::names;
use palisade_environ::{DataRow, DataSegment, FuncIndex, ModuleBytes, ModuleInfo, TypeRegistry};
use rayon::prelude::*;
use std::iter;
use std::ops::Range;
use std::sync::Arc;
use wasmparser::{
    Chunk, Encoding, FuncToValidate, FuncValidatorAllocations, FunctionBody, Operator, Parser,
    Payload, ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

/// Code sections up to this many bytes are validated by the calling thread alone.
///
/// Below, validation takes half a millisecond at most, of which two cores save little: validating 111 kB of code takes
/// 1.04 ms alone and 0.79 ms with two (hello_iostream, shared 2-core machine, median of 60).
const SERIAL_CODE_BYTES: u32 = 64 << 10;

/// The proposals that modules may use.
///
/// By default WebAssembly 2.0, relaxed SIMD, extended constant expressions, tail calls, typed function references, both
/// forms of exceptions, several memories, 64-bit memories and tables, and shared memories with atomic accesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Features(WasmFeatures);

impl Default for Features {
    fn default() -> Features {
        let later = WasmFeatures::EXTENDED_CONST
            | WasmFeatures::RELAXED_SIMD
            | WasmFeatures::TAIL_CALL
            | WasmFeatures::FUNCTION_REFERENCES
            | WasmFeatures::EXCEPTIONS
            | WasmFeatures::LEGACY_EXCEPTIONS
            | WasmFeatures::MULTI_MEMORY
            | WasmFeatures::MEMORY64
            | WasmFeatures::THREADS;
        Features(WasmFeatures::WASM2.union(later))
    }
}

impl Features {
    /// Whether arithmetic is allowed in constant expressions; on by default.
    pub fn extended_const(self, on: bool) -> Features {
        self.with(WasmFeatures::EXTENDED_CONST, on)
    }

    /// Whether the `v128` type and its instructions are allowed; on by default.
    pub fn simd(self, on: bool) -> Features {
        self.with(WasmFeatures::SIMD, on)
    }

    /// Whether vector instructions whose results depend on the CPU are allowed; on by default.
    pub fn relaxed_simd(self, on: bool) -> Features {
        self.with(WasmFeatures::RELAXED_SIMD, on)
    }

    /// Whether arithmetic on 128-bit integers is allowed; off by default.
    pub fn wide_arithmetic(self, on: bool) -> Features {
        self.with(WasmFeatures::WIDE_ARITHMETIC, on)
    }

    /// What is wrong if a proposal is on without the one that it builds on.
    pub fn contradiction(self) -> Option<&'static str> {
        let has = |feature| self.0.contains(feature);
        (has(WasmFeatures::RELAXED_SIMD) && !has(WasmFeatures::SIMD))
            .then_some("the relaxed SIMD proposal is enabled, but the SIMD proposal is disabled")
    }

    /// Whether a module may have more than one memory; on by default.
    pub fn multi_memory(self, on: bool) -> Features {
        self.with(WasmFeatures::MULTI_MEMORY, on)
    }

    /// Whether memories and tables may have 64-bit indices; on by default.
    pub fn memory64(self, on: bool) -> Features {
        self.with(WasmFeatures::MEMORY64, on)
    }

    /// Whether memories may be shared between threads, and atomic accesses are allowed; on by default.
    pub fn threads(self, on: bool) -> Features {
        self.with(WasmFeatures::THREADS, on)
    }

    /// Whether [`Features::threads`] is on.
    pub fn has_threads(self) -> bool {
        self.0.contains(WasmFeatures::THREADS)
    }

    /// Whether memories may have pages of another size than 64 KiB; off by default.
    pub fn custom_page_sizes(self, on: bool) -> Features {
        self.with(WasmFeatures::CUSTOM_PAGE_SIZES, on)
    }

    /// Whether functions may have several results, and blocks parameters; on by default.
    pub fn multi_value(self, on: bool) -> Features {
        self.with(WasmFeatures::MULTI_VALUE, on)
    }

    /// Whether there are operations on ranges of memories and tables; on by default.
    pub fn bulk_memory(self, on: bool) -> Features {
        self.with(WasmFeatures::BULK_MEMORY, on)
    }

    /// Whether references are values, and there can be several tables; on by default.
    pub fn reference_types(self, on: bool) -> Features {
        self.with(WasmFeatures::REFERENCE_TYPES, on)
    }

    /// Whether `return_call` and its kin are allowed; on by default.
    pub fn tail_call(self, on: bool) -> Features {
        self.with(WasmFeatures::TAIL_CALL, on)
    }

    /// Whether references to functions of one type, and types that refer to each other, are allowed; on by default.
    pub fn function_references(self, on: bool) -> Features {
        self.with(WasmFeatures::FUNCTION_REFERENCES, on)
    }

    /// Whether tags and `try_table` are allowed; on by default.
    pub fn exceptions(self, on: bool) -> Features {
        self.with(WasmFeatures::EXCEPTIONS, on)
    }

    /// Whether `try`, `catch` and `delegate` of the older proposal are allowed; on by default.
    pub fn legacy_exceptions(self, on: bool) -> Features {
        self.with(WasmFeatures::LEGACY_EXCEPTIONS, on)
    }

    /// What the validator is told. Garbage-collected types come with typed function references, so that their recursive
    /// types can be had; what is not built of them is refused after validation, as unsupported rather than invalid.
    fn for_validation(self) -> WasmFeatures {
        let mut features = self.0;
        if !features.contains(WasmFeatures::REFERENCE_TYPES) {
            features.remove(WasmFeatures::FUNCTION_REFERENCES | WasmFeatures::EXCEPTIONS);
        }
        features.set(WasmFeatures::GC, features.contains(WasmFeatures::FUNCTION_REFERENCES));
        features
    }

    fn with(mut self, feature: WasmFeatures, on: bool) -> Features {
        self.0.set(feature, on);
        self
    }
}

/// Decodes and validates a module. Its types are those of `types`.
pub fn decode(
    bytes: &ModuleBytes,
    features: Features,
    types: &Arc<TypeRegistry>,
) -> Result<ModuleInfo, CompileError> {
    let payloads = validated_payloads(bytes, features)?;
    sections::module_info(bytes, types, payloads.into_iter().map(Ok))
}

/// As [`decode`], for a module that was decoded successfully before, with the same features. Its function bodies are where
/// they were then, and so are its data segments; with no `data` these are looked for.
///
/// # Panics
///
/// Possibly, if the module is not valid.
pub fn decode_again(
    bytes: &ModuleBytes,
    features: Features,
    types: &Arc<TypeRegistry>,
    bodies: &[[u32; 2]],
    data: &[DataRow],
) -> Result<ModuleInfo, CompileError> {
    let mut parser = Parser::new(0);
    parser.set_features(features.for_validation());
    let mut position = 0;
    let next = || loop {
        let payload = match parser.parse(bytes.get(position..)?, true) {
            Ok(Chunk::Parsed { consumed, payload }) => {
                position += consumed;
                payload
            }
            Ok(Chunk::NeedMoreData(_)) => unreachable!("the parser knows that these are all bytes"),
            Err(error) => return Some(Err(invalid(error, String::new()))),
        };
        // What is known need not be looked for; for large modules that would be most of the work.
        match &payload {
            Payload::CodeSectionStart { size, .. } => {
                parser.skip_section();
                position += *size as usize;
            }
            Payload::DataSection(_) if !data.is_empty() => continue,
            Payload::End(_) => return None,
            _ => {}
        }
        return Some(Ok(payload));
    };
    let payloads = iter::from_fn(next);
    let mut info = sections::module_info(bytes, types, payloads)?;
    info.bodies = bodies.iter().map(|[start, end]| *start as usize..*end as usize).collect();
    if !data.is_empty() {
        info.data = data.iter().copied().map(DataSegment::from_row).collect();
    }
    Ok(info)
}

/// Validates a module.
///
/// Accepts modules that [`decode`] finds valid but unsupported; all other errors are the same.
pub fn validate(bytes: &[u8], features: Features) -> Result<(), CompileError> {
    validated_payloads(bytes, features).map(|_| ())
}

/// A function body and what is needed to validate it.
type Body<'a> = (FuncToValidate<ValidatorResources>, FunctionBody<'a>);

/// The parts of a module, after all of them have been validated: sections first, then function bodies.
fn validated_payloads(bytes: &[u8], features: Features) -> Result<Vec<Payload<'_>>, CompileError> {
    let mut parser = Parser::new(0);
    parser.set_features(features.for_validation());
    let mut validator = Validator::new_with_features(features.for_validation());
    let mut payloads = Vec::new();
    let mut bodies = Vec::new();
    let mut code = 0..0;
    let mut parallel = false;
    let mut position = 0;
    loop {
        let wrong = |error| invalid(error, place(bytes, position, &code).to_owned());
        let (consumed, payload) = match parser.parse(&bytes[position..], true).map_err(wrong)? {
            Chunk::Parsed { consumed, payload } => (consumed, payload),
            Chunk::NeedMoreData(_) => unreachable!("the parser knows that these are all bytes"),
        };
        if let Payload::Version { encoding: Encoding::Component, .. } = payload {
            return Err(unsupported("the component model", 0));
        }
        match validator.payload(&payload).map_err(wrong)? {
            ValidPayload::Func(func, body) => bodies.push((func, body)),
            ValidPayload::End(_) => break,
            ValidPayload::Ok | ValidPayload::Parser(_) => {}
        }
        if let Payload::CodeSectionStart { unchecked_range, size, .. } = &payload {
            code = byte_range(unchecked_range);
            parallel = *size > SERIAL_CODE_BYTES;
        }
        payloads.push(payload);
        position += consumed;
    }
    if let Some((index, error)) = first_invalid_body(bodies, parallel) {
        return Err(invalid(error, function_place(index, &payloads)));
    }
    if !features.0.contains(WasmFeatures::TAIL_CALL) {
        refuse_tail_calls(&payloads)?;
    }
    Ok(payloads)
}

/// Refuses `return_call_ref`, which the validator allows wherever typed function references are.
fn refuse_tail_calls(payloads: &[Payload<'_>]) -> Result<(), CompileError> {
    let bodies = payloads.iter().filter_map(|payload| match payload {
        Payload::CodeSectionEntry(body) => Some(body),
        _ => None,
    });
    for body in bodies {
        let operators = body.get_operators_reader().expect("validated: operators");
        for op in operators.into_iter_with_offsets() {
            if let (Operator::ReturnCallRef { .. }, offset) = op.expect("validated: operator") {
                let message = "tail calls support is not enabled".to_owned();
                let place = "code section".to_owned();
                return Err(CompileError::Invalid { offset: byte_offset(offset), place, message });
            }
        }
    }
    Ok(())
}

/// The first function body that is not valid: its function index and what is wrong.
fn first_invalid_body(bodies: Vec<Body<'_>>, parallel: bool) -> Option<(u32, wasmparser::Error)> {
    let error = |allocations: &mut FuncValidatorAllocations, (func, body): Body<'_>| {
        let index = func.index;
        let mut validator = func.into_validator(std::mem::take(allocations));
        let result = validator.validate(&body);
        *allocations = validator.into_allocations();
        result.err().map(|error| (index, error))
    };
    if parallel {
        // First in the order of the module, so that the error does not depend on scheduling.
        let errors = bodies.into_par_iter().map_init(FuncValidatorAllocations::default, error);
        errors.find_map_first(|error| error)
    } else {
        let mut allocations = FuncValidatorAllocations::default();
        bodies.into_iter().find_map(|body| error(&mut allocations, body))
    }
}

/// Describes the section that begins at `position`, or the code section if `position` is within it.
fn place(bytes: &[u8], position: usize, code: &Range<usize>) -> &'static str {
    if position == 0 {
        return "header";
    }
    if code.contains(&position) {
        return "code section";
    }
    match bytes.get(position) {
        Some(0) => "custom section",
        Some(1) => "type section",
        Some(2) => "import section",
        Some(3) => "function section",
        Some(4) => "table section",
        Some(5) => "memory section",
        Some(6) => "global section",
        Some(7) => "export section",
        Some(8) => "start section",
        Some(9) => "element section",
        Some(10) => "code section",
        Some(11) => "data section",
        Some(12) => "data count section",
        Some(13) => "tag section",
        _ => "",
    }
}

/// Describes a function by its index and, if it has one, its name.
fn function_place(index: u32, payloads: &[Payload<'_>]) -> String {
    let name = payloads.iter().find_map(|payload| match payload {
        Payload::CustomSection(section) if section.name() == "name" => {
            let offset = byte_offset(section.data_offset());
            names::function_names(section.data(), offset).remove(&FuncIndex::from_u32(index))
        }
        _ => None,
    });
    match name {
        Some(name) => format!("function {index} ({name})"),
        None => format!("function {index}"),
    }
}

fn invalid(error: wasmparser::Error, place: String) -> CompileError {
    let offset = byte_offset(error.offset());
    CompileError::Invalid { offset, place, message: error.message().to_owned() }
}

fn unsupported(feature: &str, offset: u64) -> CompileError {
    CompileError::Unsupported { feature: feature.to_owned(), offset: byte_offset(offset) }
}

/// The parser counts in 64 bits; the module is in memory, and hosts have 64-bit addresses.
fn byte_offset(offset: u64) -> usize {
    offset as usize
}

fn byte_range(range: &Range<u64>) -> Range<usize> {
    byte_offset(range.start)..byte_offset(range.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Magic number and version, then `sections`.
    fn module(sections: &[u8]) -> Vec<u8> {
        [b"\0asm\x01\0\0\0", sections].concat()
    }

    #[track_caller]
    fn check_error(bytes: &[u8], expected: &str) {
        let error = validate(bytes, Features::default()).expect_err("module is wrong");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn empty_module_has_nothing() {
        let types = Arc::default();
        let info = decode(&ModuleBytes::new(module(&[])), Features::default(), &types).unwrap();
        assert!(info.types.is_empty() && info.imports.is_empty() && info.bodies.is_empty());
    }

    #[test]
    fn errors_name_their_section() {
        check_error(b"\0asm", "unexpected end-of-file (at offset 0x4, in header)");
        check_error(
            &module(&[1, 2, 1, 0x11]),
            "invalid leading byte (0x11) for type (at offset 0xb, in type section)",
        );
    }

    #[test]
    fn errors_name_their_function() {
        // Two functions of type [] -> [i32] with empty bodies, the second of which is called "f".
        let types_and_code =
            [1, 5, 1, 0x60, 0, 1, 0x7f, 3, 3, 2, 0, 0, 10, 9, 2, 4, 0, 0x41, 0, 0x0b, 2, 0, 0x0b];
        let names = b"\0\x0b\x04name\x01\x04\x01\x01\x01f";
        check_error(
            &module(&[&types_and_code[..], names].concat()),
            "type mismatch: expected i32 but nothing on stack \
             (at offset 0x1e, in function 1 (f))",
        );
    }

    #[test]
    fn unsupported_is_only_said_of_valid_modules() {
        let features = Features(WasmFeatures::all());
        let error = |sections: &[u8]| {
            let result = decode(&ModuleBytes::new(module(sections)), features, &Arc::default());
            result.expect_err("module cannot be decoded").to_string()
        };
        // The type of an array; then also a start function that does not exist.
        assert_eq!(
            error(&[1, 4, 1, 0x5e, 0x78, 0]),
            "the gc proposal is not supported (at offset 0xb)"
        );
        assert_eq!(
            error(&[1, 4, 1, 0x5e, 0x78, 0, 8, 1, 0]),
            "unknown function 0: func index out of bounds (at offset 0x10, in start section)"
        );
    }

    #[test]
    fn components_are_not_supported() {
        check_error(b"\0asm\x0d\0\x01\0", "the component model is not supported (at offset 0x0)");
    }
}
