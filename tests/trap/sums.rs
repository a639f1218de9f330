//! Accesses whose index is computed: parts of the computation become part of the access, but wrap as they did.

use crate::{call, instantiate};
use palisade::{Config, Engine, OptLevel, Store, Trap, Val};

/// Parameters of the computations.
const PARAMS: [i32; 16] = [
    0,
    1,
    7,
    8,
    255,
    256,
    999,
    1000,
    65535,
    65536,
    0x1234_5678,
    i32::MAX,
    i32::MIN,
    -1,
    -8,
    -65536,
];

/// Offsets of the accesses.
const OFFSETS: [u64; 5] = [0, 1, 65535, (32 << 20) - 2, (1 << 32) - 1];

/// Indices computed from local 0, with constants around those at which they begin to wrap.
fn indices() -> Vec<String> {
    let mut all = Vec::new();
    let narrow = [
        "(i32.and (local.get 0) (i32.const 255))",
        "(i32.shl (i32.and (local.get 0) (i32.const 63)) (i32.const 2))",
        "(i32.shl (i32.and (i32.const 15) (local.get 0)) (i32.const 36))",
        "(i32.shr_u (local.get 0) (i32.const 24))",
        "(i32.or (i32.shr_u (local.get 0) (i32.const 24)) (i32.and (local.get 0) (i32.const 1)))",
        "(i32.xor (i32.load8_u (i32.and (local.get 0) (i32.const 7))) (i32.const 170))",
        "(select (i32.const 255) (i32.and (local.get 0) (i32.const 15)) (local.get 0))",
        "(i32.rem_u (local.get 0) (i32.const 256))",
        "(i32.eqz (local.get 0))",
        "(i32.wrap_i64 (i64.and (i64.extend_i32_s (local.get 0)) (i64.const 255)))",
        "(i32.add (i32.and (local.get 0) (i32.const 127)) (i32.shr_u (local.get 0) (i32.const 25)))",
        "(local.get 0)",
        "(i32.sub (local.get 0) (i32.const 3))",
        "(i32.shr_s (local.get 0) (i32.const 24))",
        "(i32.div_u (local.get 0) (i32.const 3))",
        "(i32.mul (local.get 0) (i32.const 5))",
    ];
    for value in narrow {
        all.push(value.to_owned());
        for constant in [1, 1024, 65280, 65281, 65536, 32 << 20, i32::MAX, -1, -254, -255, -256] {
            all.push(format!("(i32.add {value} (i32.const {constant}))"));
            all.push(format!("(i32.add (i32.const {constant}) {value})"));
        }
    }
    for bits in [0, 1, 3, 13, 29, 30, 31] {
        for scale in [0, 1, 2, 3, 4, 31] {
            all.push(format!(
                "(i32.add (i32.shl (i32.shr_u (local.get 0) (i32.const {bits})) (i32.const {scale}))
                    (i32.const 16))"
            ));
            all.push(format!(
                "(i32.shl (i32.shr_u (local.get 0) (i32.const {bits})) (i32.const {scale}))"
            ));
        }
    }
    all
}

/// What a byte of the memory is.
fn byte_at(address: u64) -> u8 {
    (address * 7 + (address >> 8)) as u8
}

#[test]
fn sums_wrap_as_written() {
    let indices = indices();
    let mut functions = String::new();
    for (i, index) in indices.iter().enumerate() {
        functions +=
            &format!("(func (export \"i{i}\") (param i32) (result i32) (return {index}))\n");
        for (k, offset) in OFFSETS.iter().enumerate() {
            functions += &format!(
                "(func (export \"l{i}-{k}\") (param i32) (result i32)
                    (i32.load8_u offset={offset} {index}))\n"
            );
        }
    }
    let text = format!("(module (memory (export \"memory\") 1) {functions})");
    for level in [OptLevel::None, OptLevel::Speed] {
        let engine = Engine::new(Config::new().cranelift_opt_level(level)).expect("an engine");
        let mut store = Store::new(&engine, ());
        let instance = instantiate(&mut store, &text, &[]);
        let memory = instance.get_memory(&mut store, "memory").expect("exported");
        for (address, byte) in (0..).zip(memory.data_mut(&mut store)) {
            *byte = byte_at(address);
        }
        for (i, text) in indices.iter().enumerate() {
            for param in PARAMS {
                let params = [Val::I32(param)];
                let index = call(&mut store, instance, &format!("i{i}"), &params);
                let index = index.expect("it does not trap").expect("a result").unwrap_i32();
                for (k, offset) in OFFSETS.iter().enumerate() {
                    let address = u64::from(index as u32) + offset;
                    let found = call(&mut store, instance, &format!("l{i}-{k}"), &params);
                    let what = format!("{text} of {param:#x}, offset {offset:#x}");
                    match found {
                        Ok(value) => {
                            assert!(address < 65536, "{what}");
                            let value = value.expect("a result").unwrap_i32();
                            assert_eq!(value, i32::from(byte_at(address)), "{what}");
                        }
                        Err(error) => {
                            assert!(address >= 65536, "{what}");
                            let trap = error.downcast_ref::<Trap>();
                            assert_eq!(trap, Some(&Trap::MemoryOutOfBounds), "{what}");
                        }
                    }
                }
            }
        }
    }
}
