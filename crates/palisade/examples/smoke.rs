use palisade::*;
fn main() -> Result<()> {
    let mut config = Config::new();
    config.cranelift_debug_verifier(true);
    let engine = Engine::new(&config)?;
    let module = Module::new(
        &engine,
        r#"(module
        (import "host" "log" (func $log (param i32)))
        (memory (export "m") 1)
        (table 3 funcref) (elem (i32.const 0) $twice $fib)
        (func $twice (export "twice") (param i32) (result i32)
            (call $log (local.get 0)) (i32.mul (local.get 0) (i32.const 2)))
        (func $fib (export "fib") (param i32) (result i32)
            (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
            (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
        (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "ind") (param i32) (result i32) (call_indirect (param i32) (result i32) (i32.const 20) (local.get 0)))
        (func $rec (export "rec") (call $rec))
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        )"#,
    )?;
    let mut linker = Linker::new(&engine);
    linker.func_wrap(
        "host",
        "log",
        |mut caller: Caller<'_, Vec<i32>>, value: i32| -> Result<()> {
            caller.data_mut().push(value);
            if value == 13 {
                bail!("unlucky");
            }
            if value == 14 {
                panic!("very unlucky");
            }
            Ok(())
        },
    )?;
    let mut store = Store::new(&engine, Vec::new());
    let instance = linker.instantiate(&mut store, &module)?;
    let f = |store: &mut Store<Vec<i32>>, name: &str, v: i32| {
        let f = instance.get_typed_func::<i32, i32>(&mut *store, name).unwrap();
        f.call(&mut *store, v)
    };
    println!("{:?}", f(&mut store, "twice", 21));
    println!("{:?}", f(&mut store, "twice", 13));
    println!(
        "{:?}",
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(
            || f(&mut store, "twice", 14).is_ok()
        ))
        .is_err()
    );
    println!("{:?}", f(&mut store, "fib", 30));
    println!("{:?}", f(&mut store, "load", 65532));
    println!("{:?}", f(&mut store, "load", 65533));
    println!("{:?}", f(&mut store, "load", -1));
    println!("{:?}", f(&mut store, "ind", 0));
    println!("{:?}", f(&mut store, "ind", 1));
    println!("{:?}", f(&mut store, "ind", 2));
    println!("{:?}", f(&mut store, "ind", 3));
    println!("{:?}", f(&mut store, "grow", 2));
    println!("{:?}", f(&mut store, "load", 65533));
    let r = instance.get_typed_func::<(), ()>(&mut store, "rec")?;
    println!("{:?}", r.call(&mut store, ()).map_err(|e| e.to_string()));
    println!("{:?}", store.data());
    let mut res = [Val::I32(0)];
    instance.get_func(&mut store, "fib").unwrap().call(&mut store, &[Val::I32(20)], &mut res)?;
    println!("{res:?}");
    Ok(())
}
