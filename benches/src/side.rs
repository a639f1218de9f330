//! The measured work. Both contenders have the same API, so one text serves both.

macro_rules! side {
    ($name:ident, $contender:ident, |$config:ident| $configure:expr) => {
        pub(crate) mod $name {
            use crate::{CALLS, INSTANCES, Work};
            use $contender::{Config, Engine, Linker, Module, Store, Val};

            /// An engine with the proposals that kernels use and that are off by default.
            fn engine() -> Engine {
                let mut $config = Config::new();
                $configure;
                Engine::new(&$config).expect("a valid configuration")
            }

            fn linker(engine: &Engine) -> Linker<()> {
                let mut linker = Linker::new(engine);
                linker
                    .func_wrap("host", "add", |a: i32, b: i32| a.wrapping_add(b))
                    .expect("defined once");
                linker
            }

            pub(crate) fn kernel(binary: &[u8]) -> Work<'_> {
                let engine = engine();
                let module = Module::new(&engine, binary).expect("valid");
                let mut store = Store::new(&engine, ());
                let instance = linker(&engine).instantiate(&mut store, &module).expect("it links");
                let run = instance
                    .get_typed_func::<(), i64>(&mut store, "run")
                    .expect("kernels export it");
                Box::new(move || run.call(&mut store, ()).expect("kernels do not trap") as u64)
            }

            pub(crate) fn host_to_wasm(binary: &[u8]) -> Work<'_> {
                let engine = Engine::default();
                let module = Module::new(&engine, binary).expect("valid");
                let mut store = Store::new(&engine, ());
                let instance = linker(&engine).instantiate(&mut store, &module).expect("it links");
                let callee = instance
                    .get_typed_func::<(i32, i32), i32>(&mut store, "callee")
                    .expect("exported");
                Box::new(move || {
                    let mut sum = 0;
                    for i in 0..CALLS {
                        sum = callee.call(&mut store, (sum, i as i32)).expect("no trap");
                    }
                    sum as u64
                })
            }

            pub(crate) fn host_to_wasm_dynamic(binary: &[u8]) -> Work<'_> {
                let engine = Engine::default();
                let module = Module::new(&engine, binary).expect("valid");
                let mut store = Store::new(&engine, ());
                let instance = linker(&engine).instantiate(&mut store, &module).expect("it links");
                let callee = instance.get_func(&mut store, "callee").expect("exported");
                Box::new(move || {
                    let mut results = [Val::I32(0)];
                    for i in 0..CALLS {
                        let params = [results[0], Val::I32(i as i32)];
                        callee.call(&mut store, &params, &mut results).expect("no trap");
                    }
                    results[0].unwrap_i32() as u64
                })
            }

            pub(crate) fn wasm_to_host(binary: &[u8]) -> Work<'_> {
                let engine = Engine::default();
                let module = Module::new(&engine, binary).expect("valid");
                let mut store = Store::new(&engine, ());
                let instance = linker(&engine).instantiate(&mut store, &module).expect("it links");
                let run =
                    instance.get_typed_func::<i32, i32>(&mut store, "call_host").expect("exported");
                Box::new(move || run.call(&mut store, CALLS as i32).expect("no trap") as u64)
            }

            pub(crate) fn instantiate(binary: &[u8]) -> Work<'_> {
                let engine = Engine::default();
                let module = Module::new(&engine, binary).expect("valid");
                let pre = linker(&engine).instantiate_pre(&module).expect("it links");
                Box::new(move || {
                    for _ in 0..INSTANCES {
                        let mut store = Store::new(&engine, ());
                        std::hint::black_box(pre.instantiate(&mut store).expect("it instantiates"));
                    }
                    u64::from(INSTANCES)
                })
            }

            pub(crate) fn compile(binary: &[u8]) -> Work<'_> {
                let engine = Engine::default();
                Box::new(move || {
                    Module::new(&engine, binary).expect("valid").exports().len() as u64
                })
            }
        }
    };
}

side!(palisade_side, palisade, |config| config.wasm_wide_arithmetic(true));
side!(wasmtime_side, wasmtime, |config| config
    .wasm_function_references(true)
    .wasm_gc(true)
    .wasm_exceptions(true)
    .wasm_wide_arithmetic(true)
    .shared_memory(true));
