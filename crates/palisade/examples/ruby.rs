//! Ruby, evaluated by the real interpreter: a reactor of 30 MB that a host initializes, passes strings to and gets
//! results from, with WASI for its output.
//!
//! ```text
//! tools/fetch-ruby.sh
//! cargo run --release --example ruby -- 'puts RUBY_VERSION' '[3, 1, 2].sort'
//! cargo run --release --example ruby -- --module path/to/ruby+stdlib.wasm '1 + 1'
//! ```
//!
//! Each argument is evaluated in turn, and printed as `irb` does; an exception ends the example with exit code 1. The
//! package describes its functions in an early form of the component model's interfaces: names are whole signatures,
//! and values of Ruby are numbers that the host hands out, one for each address that the guest gives it.

use palisade::{
    Compilation, Config, Engine, Error, Instance, Linker, Module, Result, Store, TypedFunc,
    WasmParams,
};
use palisade_wasi::{WasiCtx, WasiCtxBuilder};
use std::process::ExitCode;

/// Where `tools/fetch-ruby.sh` puts it.
const MODULE: &str = "target/ruby/node_modules/@ruby/3.4-wasm-wasi/dist/ruby+stdlib.wasm";

/// The data of the store.
struct Host {
    wasi: WasiCtx,
    /// The guest's address for each handle; handle 0 is none.
    values: Vec<u32>,
}

/// A value of Ruby, which the guest keeps as long as the host holds its handle. This host never lets go.
#[derive(Clone, Copy)]
struct Value(u32);

/// The interpreter and what is called in it.
struct Ruby {
    store: Store<Host>,
    instance: Instance,
    /// Allocates: old address, old size, alignment, size.
    realloc: TypedFunc<(u32, u32, u32, u32), u32>,
}

impl Ruby {
    fn new(file: &str) -> Result<Ruby> {
        // All 30 MB would take seconds; a script needs a part.
        let engine = Engine::new(Config::new().compilation(Compilation::LazyWithBackground))?;
        let module = Module::from_file(&engine, file)?;
        let mut linker = Linker::new(&engine);
        palisade_wasi::add_to_linker(&mut linker, |host: &mut Host| &mut host.wasi)?;
        linker.func_wrap(
            "canonical_abi",
            "resource_new_rb-abi-value",
            |mut caller: palisade::Caller<'_, Host>, address: u32| {
                let values = &mut caller.data_mut().values;
                values.push(address);
                (values.len() - 1) as u32
            },
        )?;
        linker.func_wrap(
            "canonical_abi",
            "resource_get_rb-abi-value",
            |caller: palisade::Caller<'_, Host>, handle: u32| {
                let address = caller.data().values.get(handle as usize).copied();
                address.ok_or_else(|| Error::msg(format!("there is no value with handle {handle}")))
            },
        )?;
        // What remains reaches for JavaScript, which is not here.
        linker.define_unknown_imports_as_traps(&module)?;

        let wasi = WasiCtxBuilder::new().inherit_stdio().arg("ruby").build();
        let mut store = Store::new(&engine, Host { wasi, values: vec![0] });
        let instance = linker.instantiate(&mut store, &module)?;
        let realloc = instance.get_typed_func(&mut store, "cabi_realloc")?;
        let mut ruby = Ruby { store, instance, realloc };
        ruby.call::<(), ()>("_initialize", ())?;
        let arguments = ruby.strings(&["ruby.wasm\0", "-EUTF-8\0", "-e_=0\0"])?;
        ruby.call::<_, ()>("ruby-init: func(args: list<string>) -> ()", arguments)?;
        // Else what a script prints would come after its value.
        ruby.eval("$stdout.sync = true")?.map_err(Error::msg)?;
        Ok(ruby)
    }

    /// Evaluates `source`: its value, or the message of the exception that ended it.
    fn eval(&mut self, source: &str) -> Result<Result<Value, String>> {
        let source = self.string(source)?;
        let result: u32 = self.call(
            "rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>",
            source,
        )?;
        let (value, state) = self.pair(result)?;
        if state == 0 {
            return Ok(Ok(Value(value)));
        }
        let exception: u32 = self.call("rb-errinfo: func() -> handle<rb-abi-value>", ())?;
        self.call::<(), ()>("rb-clear-errinfo: func() -> ()", ())?;
        Ok(Err(self.text_of(Value(exception), "full_message")?))
    }

    /// What `method` of `value`, which takes nothing, gives as text.
    fn text_of(&mut self, value: Value, method: &str) -> Result<String> {
        let name = self.string(&format!("{method}\0"))?;
        let method: u32 = self.call("rb-intern: func(name: string) -> u32", name)?;
        let no_arguments = (4, 0);
        let result: u32 = self.call(
            "rb-funcallv-protect: func(recv: handle<rb-abi-value>, mid: u32, args: list<handle<rb-abi-value>>) \
             -> tuple<handle<rb-abi-value>, s32>",
            (value.0, method, no_arguments.0, no_arguments.1),
        )?;
        let (text, state) = self.pair(result)?;
        if state != 0 {
            self.call::<(), ()>("rb-clear-errinfo: func() -> ()", ())?;
            return Ok("a value that cannot be shown".to_string());
        }
        let place: u32 =
            self.call("rstring-ptr: func(value: handle<rb-abi-value>) -> string", text)?;
        let (address, len) = self.pair(place)?;
        let memory = self.memory().data(&self.store);
        let text = memory.get(address as usize..).and_then(|rest| rest.get(..len as usize));
        let text = text.ok_or_else(|| Error::msg("a string lies outside of the memory"))?;
        let text = String::from_utf8_lossy(text).into_owned();
        self.call::<_, ()>("cabi_post_rstring-ptr", place)?;
        Ok(text)
    }

    fn call<Params, Results>(&mut self, name: &str, params: Params) -> Result<Results>
    where
        Params: WasmParams,
        Results: palisade::WasmResults,
    {
        let func = self.instance.get_typed_func::<Params, Results>(&mut self.store, name)?;
        func.call(&mut self.store, params)
    }

    fn memory(&mut self) -> palisade::Memory {
        self.instance.get_memory(&mut self.store, "memory").expect("called functions need it")
    }

    /// Address and length of a copy in the guest, which then owns it.
    fn string(&mut self, text: &str) -> Result<(u32, u32)> {
        let len = text.len() as u32;
        let address = self.realloc.call(&mut self.store, (0, 0, 1, len))?;
        self.memory().write(&mut self.store, address as usize, text.as_bytes())?;
        Ok((address, len))
    }

    fn strings(&mut self, texts: &[&str]) -> Result<(u32, u32)> {
        let count = texts.len() as u32;
        let list = self.realloc.call(&mut self.store, (0, 0, 4, count * 8))?;
        for (place, text) in (list as usize..).step_by(8).zip(texts) {
            let (address, len) = self.string(text)?;
            self.memory().write(&mut self.store, place, &address.to_le_bytes())?;
            self.memory().write(&mut self.store, place + 4, &len.to_le_bytes())?;
        }
        Ok((list, count))
    }

    /// The two numbers at `address`.
    fn pair(&mut self, address: u32) -> Result<(u32, u32)> {
        let mut numbers = [0_u32; 2];
        for (number, place) in numbers.iter_mut().zip([address, address.wrapping_add(4)]) {
            let mut bytes = [0; 4];
            self.memory().read(&self.store, place as usize, &mut bytes)?;
            *number = u32::from_le_bytes(bytes);
        }
        Ok(numbers.into())
    }
}

fn main() -> Result<ExitCode> {
    let mut sources: Vec<String> = std::env::args().skip(1).collect();
    let mut file = MODULE.to_string();
    if sources.len() >= 2 && sources[0] == "--module" {
        file = sources.drain(..2).nth(1).expect("there are two");
    }
    if sources.is_empty() {
        sources.push("puts \"ruby #{RUBY_VERSION} #{(1..10).sum}\"".to_string());
    }
    let mut ruby = Ruby::new(&file)?;
    for source in sources {
        match ruby.eval(&source)? {
            Ok(value) => println!("=> {}", ruby.text_of(value, "inspect")?),
            Err(message) => {
                eprintln!("{}", message.trim_end());
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
