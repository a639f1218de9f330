//! Where operators are in a module, found without Palisade: what backtraces are compared with.

use palisade::{Error, WasmBacktrace};
use wasmparser::{Operator, Parser, Payload, TypeRef};

/// The operators of a module: for each defined function its index and its operators with their offsets.
pub(crate) struct Operators(Vec<(u32, Vec<(String, usize)>)>);

impl Operators {
    /// Those of a module in text form.
    pub(crate) fn of(text: &str) -> Operators {
        let binary = wat::parse_str(text).expect("the text is a module");
        let mut functions = Vec::new();
        let mut next = 0;
        for payload in Parser::new(0).parse_all(&binary) {
            match payload.expect("the binary is well-formed") {
                Payload::ImportSection(section) => {
                    let imports = section.into_imports().map(|import| import.expect("an import"));
                    next += imports.filter(|i| matches!(i.ty, TypeRef::Func(_))).count() as u32;
                }
                Payload::CodeSectionEntry(body) => {
                    let mut reader = body.get_operators_reader().expect("operators");
                    let mut operators = Vec::new();
                    while !reader.eof() {
                        let (operator, offset) = reader.read_with_offset().expect("an operator");
                        operators.push((variant(&operator), offset as usize));
                    }
                    functions.push((next, operators));
                    next += 1;
                }
                _ => {}
            }
        }
        Operators(functions)
    }

    /// Offset in the module of the only instruction in a function that the text form calls `mnemonic`.
    pub(crate) fn only(&self, func: u32, mnemonic: &str) -> usize {
        let name = camel_case(mnemonic);
        let (_, operators) =
            self.0.iter().find(|(index, _)| *index == func).expect("it is defined");
        let found: Vec<usize> =
            operators.iter().filter(|(n, _)| *n == name).map(|(_, offset)| *offset).collect();
        let [offset] = found[..] else {
            panic!("{} operators {name} in function {func}: {operators:?}", found.len())
        };
        offset
    }
}

/// `i32.load8_s` as `I32Load8S`, which is how wasmparser names it.
fn camel_case(mnemonic: &str) -> String {
    let capitalised = |word: &str| word[..1].to_uppercase() + &word[1..];
    mnemonic.split(['.', '_']).map(capitalised).collect()
}

/// An operator's name without its immediates.
fn variant(operator: &Operator<'_>) -> String {
    let text = format!("{operator:?}");
    text.split([' ', '{', '(']).next().unwrap_or_default().to_owned()
}

/// A frame as tests compare it: module name, function index, function name, offset in the module.
pub(crate) type Frame = (Option<String>, u32, Option<String>, Option<usize>);

/// A frame of a function with names.
pub(crate) fn frame(module: &str, index: u32, name: &str, offset: usize) -> Frame {
    (Some(module.to_owned()), index, Some(name.to_owned()), Some(offset))
}

/// The frames of an error, innermost first.
pub(crate) fn frames(error: &Error) -> Vec<Frame> {
    frames_of(error.downcast_ref::<WasmBacktrace>().expect("it passed through wasm"))
}

/// The frames of a backtrace, innermost first.
pub(crate) fn frames_of(backtrace: &WasmBacktrace) -> Vec<Frame> {
    let text = |name: Option<&str>| name.map(str::to_owned);
    let frame = |frame: &palisade::FrameInfo| {
        let (module, name) = (text(frame.module_name()), text(frame.func_name()));
        (module, frame.func_index(), name, frame.module_offset())
    };
    backtrace.frames().iter().map(frame).collect()
}
