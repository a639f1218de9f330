//! The Ruby interpreter's first result: initialised and asked for a string of `1 + 1` characters, or only for its version.
//!
//! The package describes its functions in an early form of the component model's interfaces: names are whole
//! signatures, and values of Ruby are numbers that the host hands out. `crates/palisade/examples/ruby.rs` does more.

/// Expands to a module `ruby` for the crate that is named, with its type of WASI, how that is linked, and made.
macro_rules! ruby {
    ($api:ident, $wasi:ty, |$linker:ident| $link:expr, $make:expr) => {
        mod ruby {
            use crate::guests::Script;
            use $api::{Caller, Engine, Instance, Linker, Module, Store, WasmParams, WasmResults};

            struct Host {
                wasi: $wasi,
                /// The guest's address for each handle; handle 0 is none.
                values: Vec<u32>,
            }

            fn text(error: impl std::fmt::Display) -> String {
                format!("{error:#}")
            }

            pub(super) fn first_result(
                engine: &Engine,
                module: &Module,
                script: Script,
            ) -> Result<i64, String> {
                let mut linker: Linker<Host> = Linker::new(engine);
                {
                    let $linker = &mut linker;
                    $link.map_err(text)?;
                }
                let new = |mut caller: Caller<'_, Host>, address: u32| {
                    let values = &mut caller.data_mut().values;
                    values.push(address);
                    (values.len() - 1) as u32
                };
                let get = |caller: Caller<'_, Host>, handle: u32| {
                    caller.data().values.get(handle as usize).copied().unwrap_or(0)
                };
                linker
                    .func_wrap("canonical_abi", "resource_new_rb-abi-value", new)
                    .and_then(|linker| {
                        linker.func_wrap("canonical_abi", "resource_get_rb-abi-value", get)
                    })
                    .map_err(text)?;
                // What remains reaches for JavaScript, which is not here.
                linker.define_unknown_imports_as_traps(module).map_err(text)?;

                let mut store = Store::new(engine, Host { wasi: $make, values: vec![0] });
                let instance = linker.instantiate(&mut store, module).map_err(text)?;
                let mut ruby = Ruby { store, instance };
                ruby.call::<(), ()>("_initialize", ())?;
                if script == Script::RubyVersion {
                    ruby.call::<(), ()>("ruby-show-version: func() -> ()", ())?;
                    return Ok(0);
                }
                let arguments = ruby.strings(&["ruby.wasm\0", "-EUTF-8\0", "-e_=0\0"])?;
                ruby.call::<_, ()>("ruby-init: func(args: list<string>) -> ()", arguments)?;
                ruby.eval_to_len("'x' * (1 + 1)")
            }

            struct Ruby {
                store: Store<Host>,
                instance: Instance,
            }

            impl Ruby {
                /// The bytes of the string that `source` gives.
                fn eval_to_len(&mut self, source: &str) -> Result<i64, String> {
                    let source = self.string(source)?;
                    let result: u32 = self.call(
                        "rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>",
                        source,
                    )?;
                    let (value, state) = (self.read(result)?, self.read(result + 4)?);
                    if state != 0 {
                        return Err("an exception of Ruby's".to_string());
                    }
                    let string: u32 =
                        self.call("rstring-ptr: func(value: handle<rb-abi-value>) -> string", value)?;
                    Ok(i64::from(self.read(string + 4)?))
                }

                fn call<Params, Results>(
                    &mut self,
                    name: &str,
                    params: Params,
                ) -> Result<Results, String>
                where
                    Params: WasmParams,
                    Results: WasmResults,
                {
                    let func =
                        self.instance.get_typed_func::<Params, Results>(&mut self.store, name);
                    func.and_then(|func| func.call(&mut self.store, params)).map_err(text)
                }

                /// Address and length of a copy in the guest, which then owns it.
                fn string(&mut self, string: &str) -> Result<(u32, u32), String> {
                    let len = string.len() as u32;
                    let address = self.allocate(1, len)?;
                    self.write(address, string.as_bytes())?;
                    Ok((address, len))
                }

                fn strings(&mut self, strings: &[&str]) -> Result<(u32, u32), String> {
                    let count = strings.len() as u32;
                    let list = self.allocate(4, count * 8)?;
                    for (place, string) in (list..).step_by(8).zip(strings) {
                        let (address, len) = self.string(string)?;
                        self.write(place, &address.to_le_bytes())?;
                        self.write(place + 4, &len.to_le_bytes())?;
                    }
                    Ok((list, count))
                }

                fn allocate(&mut self, align: u32, size: u32) -> Result<u32, String> {
                    self.call("cabi_realloc", (0_u32, 0_u32, align, size))
                }

                fn memory(&mut self) -> Result<$api::Memory, String> {
                    let memory = self.instance.get_memory(&mut self.store, "memory");
                    memory.ok_or_else(|| "it exports no memory".to_string())
                }

                fn write(&mut self, place: u32, bytes: &[u8]) -> Result<(), String> {
                    let memory = self.memory()?;
                    memory.write(&mut self.store, place as usize, bytes).map_err(text)
                }

                fn read(&mut self, place: u32) -> Result<u32, String> {
                    let mut bytes = [0; 4];
                    let memory = self.memory()?;
                    memory.read(&self.store, place as usize, &mut bytes).map_err(text)?;
                    Ok(u32::from_le_bytes(bytes))
                }
            }
        }
    };
}

pub(super) use ruby;
