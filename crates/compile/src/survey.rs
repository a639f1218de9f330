//! What can be told of a function without compiling it, a hundred times faster.

use crate::function::function_body;
use palisade_environ::{DefinedFuncIndex, FuncIndex, ModuleInfo};
use wasmparser::Operator;

/// What [`survey`] tells of a function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Whether it has loops, so that a call of it can last for long.
    pub has_loop: bool,
    /// What it calls directly that the module defines, in the order of its code; more than once if it calls so.
    pub callees: Vec<DefinedFuncIndex>,
}

/// Looks at a function that `module`, in `bytes`, defines.
pub fn survey(module: &ModuleInfo, bytes: &[u8], function: DefinedFuncIndex) -> Survey {
    let body = function_body(module, bytes, function);
    let mut survey = Survey::default();
    for op in body.get_operators_reader().expect("validated: operators") {
        match op.expect("validated: operator") {
            Operator::Loop { .. } => survey.has_loop = true,
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                survey.callees.extend(module.defined_func(FuncIndex::from_u32(function_index)));
            }
            _ => {}
        }
    }
    survey
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Features, decode};
    use palisade_environ::ModuleBytes;
    use std::sync::Arc;

    #[test]
    fn loops_and_callees_are_found() {
        let wat = r#"(module
            (import "" "f" (func))
            (func call 2 call 0 call 1 return_call 2)
            (func (block (loop call 1))))"#;
        let bytes = ModuleBytes::new(wat::parse_str(wat).unwrap());
        let module = decode(&bytes, Features::default(), &Arc::default()).unwrap();
        let [plain, looping] =
            [0, 1].map(|f| survey(&module, &bytes, DefinedFuncIndex::from_u32(f)));
        let callees =
            |places: &[u32]| places.iter().map(|p| DefinedFuncIndex::from_u32(*p)).collect();
        assert_eq!(plain, Survey { has_loop: false, callees: callees(&[1, 0, 1]) });
        assert_eq!(looping, Survey { has_loop: true, callees: callees(&[0]) });
    }
}
