//! Tasks, done with wasmtime's API, which Palisade has too: one text serves both.

/// Expands to a module `tasks` for the crate that is named, with `prepare(make_engine, code_size, task)`.
macro_rules! embedding {
    ($api:ident) => {
        mod tasks {
            use crate::contender::{Fault, Instantiate, Sample, Sampler, Task, Threads, Typing};
            use crate::contenders::embedding::{CALLS, GROWTHS, INSTANCES, LIVE, TRAPS};
            use crate::contenders::embedding::{data_module, each, resident, timed};
            use crate::contenders::sqlite;
            use crate::corpus::Workload;
            use crate::guests::{BOUNDARY, Guest, Input, RUNTIME, Script};
            use $api::{Engine, Func, Instance, InstancePre, Linker, Module, Store, Val};

            /// Makes an engine that compiles with so many threads.
            pub(super) type MakeEngine = std::rc::Rc<dyn Fn(Threads) -> Result<Engine, String>>;

            fn text(error: impl std::fmt::Display) -> String {
                error.to_string()
            }

            pub(super) fn prepare(
                make: &MakeEngine,
                code_size: fn(&Module) -> usize,
                task: &Task,
            ) -> Result<Sampler, String> {
                let engine = make(Threads::All)?;
                match task {
                    Task::Run(workload) => run(&engine, workload),
                    Task::Compile(input, threads) => compile(make(*threads)?, input),
                    Task::CodeSize(input) => {
                        let module = Module::new(&engine, input.bytes()?).map_err(text)?;
                        let value = code_size(&module) as f64;
                        Ok(Box::new(move || Ok(Sample { value, result: 0 })))
                    }
                    Task::FirstResult(guest) => {
                        let (make, guest, bytes) =
                            (make.clone(), guest.clone(), guest.input.bytes()?);
                        Ok(Box::new(move || {
                            timed(|| {
                                let engine = make(Threads::All)?;
                                let module = Module::new(&engine, &bytes).map_err(text)?;
                                first_result(&engine, &module, &guest)
                            })
                        }))
                    }
                    Task::Instantiate(which) => instantiate(engine, *which),
                    Task::HostToWasm(Typing::Typed) => host_to_wasm(&engine),
                    Task::HostToWasm(Typing::Dynamic) => host_to_wasm_dynamic(&engine),
                    Task::WasmToHost(typing) => wasm_to_host(&engine, *typing),
                    Task::Grow => grow(engine),
                    Task::Trap(fault) => trap(&engine, *fault),
                    Task::Resident => live_instances(engine),
                    _ => Err("not offered".to_string()),
                }
            }

            fn run(engine: &Engine, workload: &Workload) -> Result<Sampler, String> {
                let module = Module::new(engine, workload.binary()).map_err(text)?;
                let mut store = Store::new(engine, ());
                let instance = Instance::new(&mut store, &module, &[]).map_err(text)?;
                match workload.n {
                    Some(n) => {
                        let run = instance.get_typed_func::<i32, i64>(&mut store, "run");
                        let run = run.map_err(text)?;
                        Ok(Box::new(move || timed(|| run.call(&mut store, n).map_err(text))))
                    }
                    None => {
                        let run = instance.get_typed_func::<(), i64>(&mut store, "run");
                        let run = run.map_err(text)?;
                        Ok(Box::new(move || timed(|| run.call(&mut store, ()).map_err(text))))
                    }
                }
            }

            fn compile(engine: Engine, input: &Input) -> Result<Sampler, String> {
                let bytes = input.bytes()?;
                Ok(Box::new(move || {
                    timed(|| {
                        let module = Module::new(&engine, &bytes).map_err(text)?;
                        Ok(module.exports().len() as i64)
                    })
                }))
            }

            /// What a guest's script gives, of a module that was just compiled or loaded.
            pub(super) fn first_result(
                engine: &Engine,
                module: &Module,
                guest: &Guest,
            ) -> Result<i64, String> {
                match guest.script {
                    Script::Run(n) => {
                        let mut store = Store::new(engine, ());
                        let instance = Instance::new(&mut store, module, &[]).map_err(text)?;
                        let run = instance.get_typed_func::<i32, i64>(&mut store, "run");
                        run.and_then(|run| run.call(&mut store, n)).map_err(text)
                    }
                    Script::Sqlite => sqlite(engine, module),
                    #[cfg(feature = "wasi")]
                    Script::Ruby | Script::RubyVersion => {
                        super::ruby::first_result(engine, module, guest.script)
                    }
                }
            }

            fn sqlite(engine: &Engine, module: &Module) -> Result<i64, String> {
                let mut linker: Linker<()> = Linker::new(engine);
                for import in module.imports() {
                    let ty = import.ty().unwrap_func().clone();
                    let zeros: Vec<Val> = ty.results().map(|ty| zero(&ty)).collect();
                    linker
                        .func_new(import.module(), import.name(), ty, move |_, _, results| {
                            results.clone_from_slice(&zeros);
                            Ok(())
                        })
                        .map_err(text)?;
                }
                let mut store = Store::new(engine, ());
                let instance = linker.instantiate(&mut store, module).map_err(text)?;
                sqlite::script(&mut Sqlite { store, instance })
            }

            fn zero(ty: &$api::ValType) -> Val {
                match ty {
                    $api::ValType::I64 => Val::I64(0),
                    $api::ValType::F64 => Val::F64(0),
                    _ => Val::I32(0),
                }
            }

            struct Sqlite {
                store: Store<()>,
                instance: Instance,
            }

            impl sqlite::Library for Sqlite {
                fn call(&mut self, name: &str, arguments: &[i32]) -> Result<f64, String> {
                    let store = &mut self.store;
                    let func = self.instance.get_func(&mut *store, name);
                    let func = func.ok_or_else(|| format!("it does not export {name}"))?;
                    let arguments: Vec<Val> = arguments.iter().copied().map(Val::I32).collect();
                    let mut results = vec![Val::I32(0); func.ty(&*store).results().len()];
                    func.call(store, &arguments, &mut results).map_err(text)?;
                    Ok(match results.first() {
                        Some(Val::F64(bits)) => f64::from_bits(*bits),
                        Some(Val::I32(value)) => f64::from(*value),
                        _ => 0.0,
                    })
                }

                fn memory(&mut self) -> &mut [u8] {
                    let memory = self.instance.get_memory(&mut self.store, "memory");
                    memory.expect("it exports its memory").data_mut(&mut self.store)
                }
            }

            fn linker(engine: &Engine, typing: Typing) -> Linker<()> {
                let mut linker = Linker::new(engine);
                match typing {
                    Typing::Typed => {
                        linker.func_wrap("host", "add", |a: i32, b: i32| a.wrapping_add(b))
                    }
                    Typing::Dynamic => {
                        let i32s = $api::FuncType::new(
                            engine,
                            [$api::ValType::I32, $api::ValType::I32],
                            [$api::ValType::I32],
                        );
                        linker.func_new("host", "add", i32s, |_, params, results| {
                            let sum = params[0].unwrap_i32().wrapping_add(params[1].unwrap_i32());
                            results[0] = Val::I32(sum);
                            Ok(())
                        })
                    }
                }
                .expect("defined once");
                linker
            }

            /// The boundary module in a store.
            fn boundary(engine: &Engine, typing: Typing) -> Result<(Store<()>, Instance), String> {
                let module = Module::new(engine, wat::parse_str(BOUNDARY).map_err(text)?);
                let mut store = Store::new(engine, ());
                let instance = module
                    .and_then(|module| linker(engine, typing).instantiate(&mut store, &module))
                    .map_err(text)?;
                Ok((store, instance))
            }

            fn host_to_wasm(engine: &Engine) -> Result<Sampler, String> {
                let (mut store, instance) = boundary(engine, Typing::Typed)?;
                let callee = instance.get_typed_func::<(i32, i32), i32>(&mut store, "callee");
                let callee = callee.map_err(text)?;
                Ok(Box::new(move || {
                    each(CALLS, || {
                        let mut sum = 0;
                        for i in 0..CALLS {
                            sum = callee.call(&mut store, (sum, i as i32)).map_err(text)?;
                        }
                        Ok(i64::from(sum))
                    })
                }))
            }

            fn host_to_wasm_dynamic(engine: &Engine) -> Result<Sampler, String> {
                let (mut store, instance) = boundary(engine, Typing::Typed)?;
                let callee: Func = instance.get_func(&mut store, "callee").ok_or("no export")?;
                Ok(Box::new(move || {
                    each(CALLS, || {
                        let mut results = [Val::I32(0)];
                        for i in 0..CALLS {
                            let params = [results[0], Val::I32(i as i32)];
                            callee.call(&mut store, &params, &mut results).map_err(text)?;
                        }
                        Ok(i64::from(results[0].unwrap_i32()))
                    })
                }))
            }

            fn wasm_to_host(engine: &Engine, typing: Typing) -> Result<Sampler, String> {
                let (mut store, instance) = boundary(engine, typing)?;
                let run = instance.get_typed_func::<i32, i32>(&mut store, "call_host");
                let run = run.map_err(text)?;
                Ok(Box::new(move || {
                    each(CALLS, || run.call(&mut store, CALLS as i32).map(i64::from).map_err(text))
                }))
            }

            fn instantiate(engine: Engine, which: Instantiate) -> Result<Sampler, String> {
                let wat = match which {
                    Instantiate::Small => BOUNDARY.to_string(),
                    Instantiate::Data | Instantiate::DataWritten => data_module(),
                };
                let module = Module::new(&engine, wat::parse_str(wat).map_err(text)?);
                let pre: InstancePre<()> = module
                    .and_then(|module| linker(&engine, Typing::Typed).instantiate_pre(&module))
                    .map_err(text)?;
                Ok(Box::new(move || {
                    each(INSTANCES, || {
                        let mut sum = 0;
                        for _ in 0..INSTANCES {
                            let mut store = Store::new(&engine, ());
                            let instance = pre.instantiate(&mut store).map_err(text)?;
                            if which == Instantiate::DataWritten {
                                let touch = instance.get_typed_func::<(), i32>(&mut store, "touch");
                                let touched = touch.and_then(|touch| touch.call(&mut store, ()));
                                sum += i64::from(touched.map_err(text)?);
                            }
                        }
                        Ok(sum)
                    })
                }))
            }

            /// The module of runtime services in a store.
            fn runtime(engine: &Engine) -> Result<(Store<()>, Instance), String> {
                let module = Module::new(engine, wat::parse_str(RUNTIME).map_err(text)?);
                let mut store = Store::new(engine, ());
                let instance = module
                    .and_then(|module| Instance::new(&mut store, &module, &[]))
                    .map_err(text)?;
                Ok((store, instance))
            }

            fn grow(engine: Engine) -> Result<Sampler, String> {
                let module = Module::new(&engine, wat::parse_str(RUNTIME).map_err(text)?);
                let module = module.map_err(text)?;
                Ok(Box::new(move || {
                    let mut store = Store::new(&engine, ());
                    let instance = Instance::new(&mut store, &module, &[]).map_err(text)?;
                    let grow = instance.get_typed_func::<i32, i32>(&mut store, "grow");
                    let grow = grow.map_err(text)?;
                    each(GROWTHS, || {
                        grow.call(&mut store, GROWTHS as i32).map(i64::from).map_err(text)
                    })
                }))
            }

            fn trap(engine: &Engine, fault: Fault) -> Result<Sampler, String> {
                let (mut store, instance) = runtime(engine)?;
                let name = match fault {
                    Fault::Unreachable => "unreachable",
                    Fault::Memory => "out_of_bounds",
                };
                let func = instance.get_typed_func::<(), ()>(&mut store, name).map_err(text)?;
                Ok(Box::new(move || {
                    each(TRAPS, || {
                        let mut traps = 0;
                        for _ in 0..TRAPS {
                            traps += i64::from(func.call(&mut store, ()).is_err());
                        }
                        Ok(traps)
                    })
                }))
            }

            fn live_instances(engine: Engine) -> Result<Sampler, String> {
                let module = Module::new(&engine, wat::parse_str(BOUNDARY).map_err(text)?);
                let pre = module
                    .and_then(|module| linker(&engine, Typing::Typed).instantiate_pre(&module))
                    .map_err(text)?;
                Ok(Box::new(move || {
                    let before = resident()?;
                    let mut stores = Vec::with_capacity(LIVE);
                    for _ in 0..LIVE {
                        let mut store = Store::new(&engine, ());
                        let instance = pre.instantiate(&mut store).map_err(text)?;
                        // Used, as instances are.
                        let callee =
                            instance.get_typed_func::<(i32, i32), i32>(&mut store, "callee");
                        callee.and_then(|callee| callee.call(&mut store, (1, 2))).map_err(text)?;
                        stores.push(store);
                    }
                    let value = (resident()? - before) as f64 / LIVE as f64;
                    Ok(Sample { value, result: stores.len() as i64 })
                }))
            }
        }
    };
}

pub(super) use embedding;

use crate::contender::Sample;
use std::fmt::Write;
use std::thread;
use std::time::{Duration, Instant};

/// Operations in a sample of a measure that is too short for one.
pub(super) const CALLS: u32 = 100_000;
pub(super) const INSTANCES: u32 = 100;
pub(super) const GROWTHS: u32 = 1_000;
pub(super) const TRAPS: u32 = 1_000;

/// Instances that live at the same time.
pub(super) const LIVE: usize = 1_000;

/// A sample in nanoseconds.
pub(super) fn timed(work: impl FnOnce() -> Result<i64, String>) -> Result<Sample, String> {
    each(1, work)
}

/// A sample in nanoseconds for each of a number of operations.
pub(super) fn each(
    operations: u32,
    work: impl FnOnce() -> Result<i64, String>,
) -> Result<Sample, String> {
    let start = Instant::now();
    let result = work()?;
    Ok(Sample { value: start.elapsed().as_nanos() as f64 / f64::from(operations), result })
}

/// 16 MiB of memory, 1 MiB of data in it, and `touch`, which writes to each page of 4 KiB of that.
pub(super) fn data_module() -> String {
    let mut text =
        String::from("(module (memory (export \"memory\") 256) (data (i32.const 65536) \"");
    for i in 0_u32..1 << 20 {
        let _ = write!(text, "\\{:02x}", i.wrapping_mul(2_654_435_761) >> 24);
    }
    text.push_str(
        "\") (func (export \"touch\") (result i32) (local $at i32) (local $sum i32)
          (local.set $at (i32.const 65536))
          (loop $next
            (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $at))))
            (i32.store8 (local.get $at) (i32.const 1))
            (local.set $at (i32.add (local.get $at) (i32.const 4096)))
            (br_if $next (i32.lt_u (local.get $at) (i32.const 1114112))))
          (local.get $sum)))",
    );
    text
}

/// Resident bytes of this process.
pub(super) fn resident() -> Result<usize, String> {
    let statm = std::fs::read_to_string("/proc/self/statm").map_err(|error| error.to_string())?;
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    // All machines that Palisade runs on have pages of 4 KiB unless told otherwise.
    Ok(pages.ok_or("no resident size in /proc/self/statm")? * 4096)
}

/// From a request of another thread to stop a call that would run forever until it has returned. `run` says whether it
/// failed.
pub(super) fn interrupted(
    request: impl FnOnce() + Send + 'static,
    run: impl FnOnce() -> bool,
) -> Result<Sample, String> {
    let asking = thread::spawn(move || {
        // The loop is surely running by then.
        thread::sleep(Duration::from_millis(5));
        let asked = Instant::now();
        request();
        asked
    });
    let stopped = run();
    let end = Instant::now();
    let asked = asking.join().map_err(|_| "the asking thread panicked")?;
    Ok(Sample { value: (end - asked).as_nanos() as f64, result: i64::from(stopped) })
}
