//! `invoke_*`: calls of the guest's table that catch what the guest throws.
//!
//! The work is done by a small module that is made for the guest: for each type, a function that saves the guest's stack pointer, calls the table, and catches the tag of guest throws
//! and no other; a trap, an exit or an exception of another kind goes through it untouched. What
//! the guest imports is a host function that only calls it, because the table does not exist
//! yet when imports are needed.

use std::collections::HashMap;
use std::fmt::Write;

use palisade::{
    AsContextMut, Caller, Engine, Error, Extern, ExternType, Func, FuncType, Instance, Linker,
    Module, Result, Tag, TypedFunc, Val, ValType, WasmParams, WasmResults,
};

use crate::ImportMap;
use crate::link::Context;

/// An import `invoke_*`: its type, and that of the functions that it calls.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Invoke {
    pub(crate) ty: FuncType,
    /// Without the table index.
    called: (Vec<ValType>, Vec<ValType>),
    /// 64-bit integers of the functions that are called are two of 32 bits in the import.
    legalised: bool,
    /// The guest's own function of the import's type that calls the table: `dynCall_ii`.
    through: Option<String>,
}

/// The module behind the imports, which serves the instances of all threads.
pub(crate) struct Invokes {
    module: Module,
    /// The function of each import, by number.
    numbers: Vec<usize>,
    /// What it imports of the guest's functions that call the table.
    pub(crate) through: Vec<String>,
}

/// The functions behind the imports, in their order.
#[derive(Default)]
pub(crate) struct Targets {
    funcs: Vec<Func>,
    typed: Typed,
}

impl Invoke {
    /// What an import of this name and type calls; `None` if it has no index to call.
    pub(crate) fn new(name: &str, ty: &FuncType) -> Option<Invoke> {
        let letters = name.strip_prefix("invoke_")?;
        let params: Vec<ValType> = ty.params().collect();
        let results: Vec<ValType> = ty.results().collect();
        if params.first() != Some(&ValType::I32) {
            return None;
        }
        let plain = (params[1..].to_vec(), results.clone());
        let named = by_letters(letters);
        // Only the name tells halves from integers of 32 bits.
        let legalised = match &named {
            Some(named) => legalise(named) == plain && *named != plain,
            None => false,
        };
        let called = if legalised { named.expect("it is legalised") } else { plain };
        Some(Invoke { ty: ty.clone(), called, legalised, through: None })
    }

    /// Goes through the guest's function for this type, if it exports one: where all functions of
    /// the table have one type (`EMULATE_FUNCTION_POINTER_CASTS`), only that one knows how to call
    /// them.
    pub(crate) fn through(mut self, name: &str, module: &Module, map: Option<&ImportMap>) -> Self {
        let Some(letters) = name.strip_prefix("invoke_") else { return self };
        let name = format!("dynCall_{letters}");
        let name = map.map_or(&name[..], |map| map.export(&name));
        if let Some(ExternType::Func(ty)) = module.get_export(name)
            && FuncType::eq(&ty, &self.ty)
        {
            self.through = Some(name.to_owned());
        }
        self
    }

    /// The same for all imports that one function serves.
    fn signature(&self) -> String {
        format!("{:?} {} {:?}", self.called, self.legalised, self.through)
    }

    /// Its function in the text format, exported as `number`.
    fn write(&self, number: usize, text: &mut String) {
        let list = |types: &[ValType]| types.iter().map(|ty| format!(" {ty}")).collect::<String>();
        let params: Vec<ValType> = self.ty.params().collect();
        let results: Vec<ValType> = self.ty.results().collect();
        let _ = write!(
            text,
            "(func (export \"{number}\") (param{}) (result{}) (local $sp i32) (local $wide i64)
               (local.set $sp (call $save))
               (block $caught (result i32) (try_table (catch $thrown $caught)",
            list(&params),
            list(&results),
        );
        if self.through.is_some() {
            for local in 0..params.len() {
                let _ = write!(text, "(local.get {local})");
            }
            let _ = write!(text, "(call $through{number}) return)");
            return self.write_catch(text);
        }
        let mut local = 1;
        for ty in &self.called.0 {
            if self.legalised && *ty == ValType::I64 {
                let _ = write!(
                    text,
                    "(i64.or (i64.extend_i32_u (local.get {local}))
                       (i64.shl (i64.extend_i32_u (local.get {})) (i64.const 32)))",
                    local + 1
                );
                local += 2;
            } else {
                let _ = write!(text, "(local.get {local})");
                local += 1;
            }
        }
        let _ = write!(
            text,
            "(call_indirect (param{}) (result{}) (local.get 0))",
            list(&self.called.0),
            list(&self.called.1)
        );
        if self.legalised && self.called.1 == [ValType::I64] {
            text.push_str(
                "(local.set $wide)
                 (call $temp (i32.wrap_i64 (i64.shr_u (local.get $wide) (i64.const 32))))
                 (i32.wrap_i64 (local.get $wide))",
            );
        }
        text.push_str("return)");
        self.write_catch(text);
    }

    /// The end of a function: what is done when the call throws.
    fn write_catch(&self, text: &mut String) {
        text.push_str(
            "unreachable)
             drop
             (call $restore (local.get $sp))
             (call $threw (i32.const 1) (i32.const 0))",
        );
        for result in self.ty.results() {
            let _ = write!(text, "({result}.const 0)");
        }
        text.push_str(")\n");
    }

    /// Whether all types are numbers that the text above can make zeros of.
    pub(crate) fn is_supported(&self) -> bool {
        let number =
            |ty: &ValType| matches!(ty, ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64);
        self.ty.params().all(|ty| number(&ty)) && self.ty.results().all(|ty| number(&ty))
    }
}

/// Parameters and results by the letters of a name: the first is the result.
fn by_letters(letters: &str) -> Option<(Vec<ValType>, Vec<ValType>)> {
    let ty = |letter| match letter {
        'i' | 'p' => Some(ValType::I32),
        'j' => Some(ValType::I64),
        'f' => Some(ValType::F32),
        'd' => Some(ValType::F64),
        _ => None,
    };
    let mut letters = letters.chars();
    let results = match letters.next()? {
        'v' => Vec::new(),
        letter => vec![ty(letter)?],
    };
    Some((letters.map(ty).collect::<Option<_>>()?, results))
}

fn legalise((params, results): &(Vec<ValType>, Vec<ValType>)) -> (Vec<ValType>, Vec<ValType>) {
    let halves = |ty: &ValType| match ty {
        ValType::I64 => vec![ValType::I32, ValType::I32],
        ty => vec![ty.clone()],
    };
    let result = |ty: &ValType| if *ty == ValType::I64 { ValType::I32 } else { ty.clone() };
    (params.iter().flat_map(halves).collect(), results.iter().map(result).collect())
}

/// What the module behind the imports needs of the guest.
pub(crate) struct Needs {
    pub(crate) table: Extern,
    pub(crate) save: Extern,
    pub(crate) restore: Extern,
    pub(crate) set_threw: Extern,
    /// Sets the temporary result.
    pub(crate) set_temp: Extern,
    pub(crate) tag: Tag,
    /// What [`Invokes::through`] names.
    pub(crate) through: Vec<Extern>,
}

/// The module behind the imports in the text format, and the number of each import's function. One
/// type is written once: a guest can have very many imports of a very long one.
fn write_module(invokes: impl Iterator<Item = Invoke>) -> (String, Vec<usize>, Vec<String>) {
    let mut text = String::from(
        "(module
          (import \"guest\" \"table\" (table 0 funcref))
          (import \"guest\" \"save\" (func $save (result i32)))
          (import \"guest\" \"restore\" (func $restore (param i32)))
          (import \"guest\" \"set_threw\" (func $threw (param i32 i32)))
          (import \"host\" \"temp\" (func $temp (param i32)))
          (import \"host\" \"thrown\" (tag $thrown (param i32)))\n",
    );
    let mut functions = HashMap::new();
    let (mut numbers, mut through, mut bodies) = (Vec::new(), Vec::new(), String::new());
    for invoke in invokes {
        let next = functions.len();
        let number = *functions.entry(invoke.signature()).or_insert(next);
        if number == next {
            invoke.write(number, &mut bodies);
            if let Some(name) = invoke.through {
                let list = |types: &mut dyn Iterator<Item = ValType>| -> String {
                    types.map(|ty| format!(" {ty}")).collect()
                };
                let _ = writeln!(
                    text,
                    "(import \"through\" \"\" (func $through{number} (param{}) (result{})))",
                    list(&mut invoke.ty.params()),
                    list(&mut invoke.ty.results()),
                );
                through.push(name);
            }
        }
        numbers.push(number);
    }
    text.push_str(&bodies);
    text.push(')');
    (text, numbers, through)
}

/// Makes the module behind the imports; none if there are no imports.
pub(crate) fn compile(
    engine: &Engine,
    invokes: impl Iterator<Item = Invoke>,
) -> Result<Option<Invokes>> {
    let (text, numbers, through) = write_module(invokes);
    if numbers.is_empty() {
        return Ok(None);
    }
    Ok(Some(Invokes { module: Module::new(engine, &text)?, numbers, through }))
}

/// Makes the functions behind the imports for one instance, in their order.
pub(crate) fn make(
    mut store: impl AsContextMut,
    invokes: &Invokes,
    needs: Needs,
) -> Result<Targets> {
    let mut imports = vec![needs.table, needs.save, needs.restore, needs.set_threw];
    imports.extend([needs.set_temp, needs.tag.into()]);
    imports.extend(needs.through);
    let instance = Instance::new(&mut store, &invokes.module, &imports)?;
    let mut targets = Targets::default();
    for number in &invokes.numbers {
        let func = instance.get_func(&mut store, &number.to_string()).expect("it is exported");
        targets.typed.push(&store, &func);
        targets.funcs.push(func);
    }
    Ok(targets)
}

fn set_up<T>() -> Result<T> {
    Err(Error::msg("an `invoke_` function is called before the program is set up"))
}

/// Defines an import whose types are known at run time only.
fn define_dynamic<T: 'static>(
    linker: &mut Linker<T>,
    (module, name): (&str, &str),
    number: usize,
    ty: FuncType,
    ctx: impl Context<T>,
) -> Result<()> {
    let call = move |mut caller: Caller<'_, T>, params: &[Val], results: &mut [Val]| {
        let target = ctx(caller.data_mut()).linked.invokes.funcs.get(number).copied();
        let Some(func) = target else { return set_up() };
        func.call(&mut caller, params, results)
    };
    linker.func_new(module, name, ty, call)?;
    Ok(())
}

/// Calls the function behind an import whose Rust types are known.
#[inline(always)]
fn call_typed<T: 'static, P: WasmParams, R: WasmResults>(
    caller: &mut Caller<'_, T>,
    target: Option<Option<TypedFunc<P, R>>>,
    params: P,
) -> Result<R> {
    match target {
        Some(Some(func)) => func.call(caller, params),
        _ => set_up(),
    }
}

/// The types that most imports have: the index and up to seven more integers, with or without
/// a result that is one. `$void` and `$int` are the names of the fields for these types.
macro_rules! usual {
    ($($count:literal $void:ident $int:ident: $($name:ident)*;)*) => {
        /// Functions with their Rust types; each list has a place for every import.
        #[derive(Default)]
        struct Typed {
            $(
                $void: Vec<Option<TypedFunc<($(usual!(@type $name),)*), ()>>>,
                $int: Vec<Option<TypedFunc<($(usual!(@type $name),)*), u32>>>,
            )*
        }

        impl Typed {
            /// Adds a function with its Rust types, if they are usual.
            fn push(&mut self, store: &impl AsContextMut, func: &Func) {
                $(
                    self.$void.push(func.typed(store).ok());
                    self.$int.push(func.typed(store).ok());
                )*
            }
        }

        /// Defines the import, with Rust's types if they are usual.
        pub(crate) fn define<T: 'static>(
            linker: &mut Linker<T>,
            at: (&str, &str),
            number: usize,
            ty: FuncType,
            ctx: impl Context<T>,
        ) -> Result<()> {
            let integers = ty.params().all(|ty| ty == ValType::I32);
            let result = match ty.results().next() {
                None => Some(false),
                Some(ValType::I32) if ty.results().len() == 1 => Some(true),
                Some(_) => None,
            };
            let count = ty.params().len();
            match (count, result.filter(|_| integers)) {
                $(
                    ($count, Some(true)) => {
                        linker.func_wrap(
                            at.0,
                            at.1,
                            move |mut caller: Caller<'_, T>, $($name: u32),*| -> Result<u32> {
                                let typed = &ctx(caller.data_mut()).linked.invokes.typed;
                                let target = typed.$int.get(number).copied();
                                call_typed(&mut caller, target, ($($name,)*))
                            },
                        )?;
                        Ok(())
                    }
                    ($count, Some(false)) => {
                        linker.func_wrap(
                            at.0,
                            at.1,
                            move |mut caller: Caller<'_, T>, $($name: u32),*| -> Result<()> {
                                let typed = &ctx(caller.data_mut()).linked.invokes.typed;
                                let target = typed.$void.get(number).copied();
                                call_typed(&mut caller, target, ($($name,)*))
                            },
                        )?;
                        Ok(())
                    }
                )*
                _ => define_dynamic(linker, at, number, ty, ctx),
            }
        }
    };
    (@type $name:ident) => { u32 };
}

usual! {
    1 void1 int1: index;
    2 void2 int2: index a;
    3 void3 int3: index a b;
    4 void4 int4: index a b c;
    5 void5 int5: index a b c d;
    6 void6 int6: index a b c d e;
    7 void7 int7: index a b c d e f;
    8 void8 int8: index a b c d e f g;
}

#[cfg(test)]
mod tests {
    use super::{Invoke, write_module};
    use palisade::{Engine, FuncType, ValType};

    #[test]
    fn a_type_is_written_once() {
        let engine = Engine::default();
        let invoke = |name: &str, params: usize| {
            let ty = FuncType::new(&engine, vec![ValType::I32; params], []);
            Invoke::new(name, &ty).unwrap()
        };
        // The last two have the same types, but one of them passes halves.
        let invokes = [("v", 1), ("vii", 3), ("other", 1), ("vj", 3), ("vii", 3)];
        let invokes = invokes.map(|(name, params)| invoke(&format!("invoke_{name}"), params));
        let (text, numbers, _) = write_module(invokes.into_iter());
        assert_eq!(numbers, [0, 1, 0, 2, 1]);
        assert_eq!(text.matches("(func (export").count(), 3);
    }

    #[test]
    fn names_tell_which_integers_are_halves() {
        let engine = Engine::default();
        let ty = |params: &[ValType], results: &[ValType]| {
            FuncType::new(&engine, params.to_vec(), results.to_vec())
        };
        let (i, l, d) = (ValType::I32, ValType::I64, ValType::F64);
        let halves = ty(&vec![i.clone(); 4], std::slice::from_ref(&i));
        let invoke = Invoke::new("invoke_jji", &halves).unwrap();
        assert!(invoke.legalised);
        assert_eq!(invoke.called, (vec![l.clone(), i.clone()], vec![l.clone()]));
        let invoke = Invoke::new("invoke_iiii", &halves).unwrap();
        assert!(!invoke.legalised);
        let whole = ty(&[i.clone(), l.clone(), d.clone()], std::slice::from_ref(&l));
        let invoke = Invoke::new("invoke_jjd", &whole).unwrap();
        assert!(!invoke.legalised);
        assert_eq!(invoke.called, (vec![l.clone(), d], vec![l]));
        assert!(Invoke::new("invoke_v", &ty(&[], &[])).is_none());
    }
}
