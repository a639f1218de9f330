//! `invoke_*`: calls of the guest's table that catch what the guest throws.
//!
//! The work is done by a small module that is made for the guest: for each type, a function that
//! saves the guest's stack pointer, calls the table, and catches the tag of guest throws and no
//! other; a trap, an exit or an exception of another kind goes through it untouched. It needs the
//! guest's table, which does not exist yet when imports are needed. So the guest begins with
//! imports that only fail, and these are bound again once there is an instance. No such call
//! goes through the host.

use std::collections::HashMap;
use std::fmt::Write;

use palisade::{
    AsContextMut, Error, Extern, ExternType, FuncType, Instance, Linker, Module, Result, Tag,
    ValType,
};

use crate::ImportMap;

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
        let _ = write!(
            text,
            "(func (export \"{number}\") (param{}) (result{}) (local $sp i32) (local $wide i64)
               (local.set $sp (call $save))
               (block $caught (result i32) (try_table (catch $thrown $caught)",
            list(self.ty.params()),
            list(self.ty.results()),
        );
        if self.through.is_some() {
            for local in 0..self.ty.params().len() {
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
            list(self.called.0.iter().cloned()),
            list(self.called.1.iter().cloned())
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

fn list(types: impl Iterator<Item = ValType>) -> String {
    types.map(|ty| format!(" {ty}")).collect()
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

/// The imports `invoke_*` of a module, and the module behind them, which serves the instances of
/// all threads.
pub(crate) struct Invokes {
    behind: Module,
    /// Both names of each import, and the number of its function.
    imports: Vec<(String, String, usize)>,
    /// What the module behind them imports of the guest's functions that call the table.
    pub(crate) through: Vec<String>,
}

impl Invokes {
    /// `None` if the module has no such imports. Those that the embedder has defined are not ours.
    pub(crate) fn new<T: 'static>(
        mut store: impl AsContextMut<Data = T>,
        linker: &Linker<T>,
        module: &Module,
        map: Option<&ImportMap>,
    ) -> Result<Option<Invokes>> {
        let mut text = Text::default();
        let mut imports = Vec::new();
        for import in module.imports() {
            let ExternType::Func(ty) = import.ty() else { continue };
            let at = (import.module(), import.name());
            let name = map.map_or(at.1, |map| map.import(at.0, at.1));
            let Some(invoke) = Invoke::new(name, &ty).filter(Invoke::is_supported) else {
                continue;
            };
            let invoke = invoke.through(name, module, map);
            if linker.get(&mut store, OURS, &note(at.0, at.1)).is_some() {
                imports.push((at.0.to_owned(), at.1.to_owned(), text.add(invoke)));
            }
        }
        if imports.is_empty() {
            return Ok(None);
        }
        let (text, through) = text.finish();
        Ok(Some(Invokes { behind: Module::new(module.engine(), text)?, imports, through }))
    }

    /// Makes the functions for one instance, and binds its imports to them.
    pub(crate) fn bind(
        &self,
        mut store: impl AsContextMut,
        instance: Instance,
        needs: Needs,
    ) -> Result<()> {
        let mut store = store.as_context_mut();
        let Needs { table, save, restore, set_threw, set_temp, tag, through } = needs;
        let mut needs = vec![table, save, restore, set_threw, set_temp, tag.into()];
        needs.extend(through);
        let behind = Instance::new(&mut store, &self.behind, &needs)?;
        for (module, name, number) in &self.imports {
            let func = behind.get_func(&mut store, &number.to_string()).expect("it is exported");
            instance.rebind_import(&mut store, module, name, func)?;
        }
        Ok(())
    }
}

/// The module behind the imports in the text format. One type is written once: a guest can have
/// very many imports of a very long one.
#[derive(Default)]
struct Text {
    imports: String,
    functions: String,
    numbers: HashMap<String, usize>,
    through: Vec<String>,
}

impl Text {
    /// The number of an import's function.
    fn add(&mut self, invoke: Invoke) -> usize {
        let next = self.numbers.len();
        let number = *self.numbers.entry(invoke.signature()).or_insert(next);
        if number == next {
            invoke.write(number, &mut self.functions);
            if let Some(name) = invoke.through {
                let _ = writeln!(
                    self.imports,
                    "(import \"through\" \"\" (func $through{number} (param{}) (result{})))",
                    list(invoke.ty.params()),
                    list(invoke.ty.results()),
                );
                self.through.push(name);
            }
        }
        number
    }

    /// The text, and the names of what it imports after what it always imports.
    fn finish(self) -> (String, Vec<String>) {
        let text = format!(
            "(module
              (import \"guest\" \"table\" (table 0 funcref))
              (import \"guest\" \"save\" (func $save (result i32)))
              (import \"guest\" \"restore\" (func $restore (param i32)))
              (import \"guest\" \"set_threw\" (func $threw (param i32 i32)))
              (import \"host\" \"temp\" (func $temp (param i32)))
              (import \"host\" \"thrown\" (tag $thrown (param i32)))
              {}{})",
            self.imports, self.functions
        );
        (text, self.through)
    }
}

/// Under this name, a linker notes which imports are the host's and not the embedder's.
const OURS: &str = "palisade-emscripten";

fn note(module: &str, name: &str) -> String {
    format!("{module}.{name}")
}

/// Defines an import until there is a program, which binds it again.
pub(crate) fn define<T: 'static>(
    linker: &mut Linker<T>,
    (module, name): (&str, &str),
    ty: FuncType,
) -> Result<()> {
    linker.func_new(module, name, ty, |_, _, _| {
        Err(Error::msg("an `invoke_` function is called before the program is set up"))
    })?;
    linker.func_wrap(OURS, &note(module, name), || {})?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Invoke, Text};
    use palisade::{Engine, FuncType, ValType};

    #[test]
    fn a_type_is_written_once() {
        let engine = Engine::default();
        let mut text = Text::default();
        let mut add = |name: &str, params: usize| {
            let ty = FuncType::new(&engine, vec![ValType::I32; params], []);
            text.add(Invoke::new(name, &ty).unwrap())
        };
        // The last two have the same types, but one of them passes halves.
        let imports = [("v", 1), ("vii", 3), ("other", 1), ("vj", 3), ("vii", 3)];
        let numbers = imports.map(|(name, params)| add(&format!("invoke_{name}"), params));
        assert_eq!(numbers, [0, 1, 0, 2, 1]);
        assert_eq!(text.finish().0.matches("(func (export").count(), 3);
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
