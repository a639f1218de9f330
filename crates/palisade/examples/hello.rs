//! A guest that prints through a function of the host: calls in both directions, and a string that the host reads
//! in place.
//!
//! ```text
//! cargo run --example hello
//! ```

use palisade::{Caller, Engine, Error, Extern, Instance, Linker, Module, Result, Store};

const GUEST: &str = r#"
    (module
      (import "host" "print" (func $print (param i32 i32)))
      (memory (export "memory") 1)
      (data (i32.const 8) "Hello, ")
      (func (export "greet") (param $name i32) (param $len i32)
        (memory.copy (i32.const 15) (local.get $name) (local.get $len))
        (call $print (i32.const 8) (i32.add (i32.const 7) (local.get $len)))))
"#;

/// How often the guest has printed.
type Printed = u32;

fn print(mut caller: Caller<'_, Printed>, at: u32, len: u32) -> Result<()> {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        return Err(Error::msg("the guest exports no memory"));
    };
    let (bytes, printed) = memory.data_and_store_mut(&mut caller);
    let text = bytes.get(at as usize..).and_then(|rest| rest.get(..len as usize));
    let text = text.ok_or_else(|| Error::msg("the text lies outside of the memory"))?;
    println!("{}", std::str::from_utf8(text)?);
    *printed += 1;
    Ok(())
}

fn main() -> Result<()> {
    let engine = Engine::default();
    let module = Module::new(&engine, GUEST)?;
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "print", print)?;

    let mut store = Store::new(&engine, 0);
    let instance: Instance = linker.instantiate(&mut store, &module)?;
    let memory = instance.get_memory(&mut store, "memory").expect("the guest exports it");
    let greet = instance.get_typed_func::<(u32, u32), ()>(&mut store, "greet")?;
    for name in ["World", "Palisade"] {
        memory.write(&mut store, 1024, name.as_bytes())?;
        greet.call(&mut store, (1024, name.len() as u32))?;
    }
    println!("printed {} lines", store.data());
    Ok(())
}
