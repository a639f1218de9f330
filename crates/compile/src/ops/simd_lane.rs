//! Vectors by their lanes: constants, splats, lane access, shuffles, and accesses to memory.
//!
//! Between operators a vector has the type `i8x16`; operators see it with lanes of their own type. Changing the type
//! costs nothing at run time. Lane 0 is the least significant one, and is at the lowest address in memory.
//! Invariant: the check of an access covers all the bytes that it reads or writes, and no others are touched.
//!
//! Spec: Execution > Instructions > Vector Instructions, Memory Instructions.

use crate::bounds::Address;
use crate::function::Translator;
use crate::signature::POINTER;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I8X16, I32};
use cranelift_codegen::ir::{
    ConstantData, Endianness, InstBuilder, InstructionData, MemFlagsData, Opcode, StackSlotData,
    StackSlotKind, Type, Value, ValueDef,
};
use cranelift_frontend::FunctionBuilder;
use wasmparser::MemArg;

/// A load of half a vector whose lanes are extended to twice their width.
#[derive(Clone, Copy)]
pub(super) enum Extending {
    Signed8x8,
    Unsigned8x8,
    Signed16x4,
    Unsigned16x4,
    Signed32x2,
    Unsigned32x2,
}

impl Translator<'_> {
    /// Pops a vector, with lanes of type `ty`.
    pub(super) fn pop_vector(&mut self, ty: Type) -> Value {
        let value = self.pop();
        cast(&mut self.builder, ty, value)
    }

    /// Pops two vectors; the later one comes second.
    pub(super) fn pop_vector2(&mut self, ty: Type) -> (Value, Value) {
        let second = self.pop_vector(ty);
        (self.pop_vector(ty), second)
    }

    /// Pushes a vector with lanes of any type.
    pub(super) fn push_vector(&mut self, value: Value) {
        let value = cast(&mut self.builder, I8X16, value);
        self.push(value);
    }

    pub(super) fn v128_const(&mut self, value: wasmparser::V128) {
        let value = constant(&mut self.builder, I8X16, *value.bytes());
        self.push(value);
    }

    /// A vector with the same number in all lanes.
    pub(super) fn splat(&mut self, ty: Type) {
        let lane = self.pop_lane(ty);
        let result = self.builder.ins().splat(ty, lane);
        self.push_vector(result);
    }

    pub(super) fn extract_lane(&mut self, ty: Type, lane: u8) {
        let vector = self.pop_vector(ty);
        let value = self.builder.ins().extractlane(vector, lane);
        self.push(value);
    }

    /// The signed value of a lane narrower than `i32`.
    pub(super) fn extract_lane_s(&mut self, ty: Type, lane: u8) {
        self.extract_lane(ty, lane);
        self.unary(|b, x| b.ins().sextend(I32, x));
    }

    /// The unsigned value of a lane narrower than `i32`.
    pub(super) fn extract_lane_u(&mut self, ty: Type, lane: u8) {
        self.extract_lane(ty, lane);
        self.unary(|b, x| b.ins().uextend(I32, x));
    }

    pub(super) fn replace_lane(&mut self, ty: Type, lane: u8) {
        let value = self.pop_lane(ty);
        let vector = self.pop_vector(ty);
        let result = self.builder.ins().insertlane(vector, value, lane);
        self.push_vector(result);
    }

    /// Pops a number, as wide as the lanes of `ty`.
    fn pop_lane(&mut self, ty: Type) -> Value {
        let (value, lane) = (self.pop(), ty.lane_type());
        let narrow = lane.is_int() && lane.bits() < I32.bits();
        if narrow { self.builder.ins().ireduce(lane, value) } else { value }
    }

    pub(super) fn shuffle(&mut self, lanes: [u8; 16]) {
        let (first, second) = self.pop_vector2(I8X16);
        let result = self.shuffled(first, second, lanes);
        self.push(result);
    }

    /// Bytes chosen from two vectors by constant indices below 32.
    fn shuffled(&mut self, first: Value, second: Value, lanes: [u8; 16]) -> Value {
        if !self.env.can_permute() {
            return shuffled_by_lane(&mut self.builder, first, second, lanes);
        }
        // A shuffle of one vector is one instruction where that of two may be three.
        let (first, second, lanes) = match lanes {
            lanes if lanes.iter().all(|lane| *lane < 16) => (first, first, lanes),
            lanes if lanes.iter().all(|lane| *lane >= 16) => {
                (second, second, lanes.map(|lane| lane - 16))
            }
            lanes => (first, second, lanes),
        };
        let b = &mut self.builder;
        let mask = b.func.dfg.immediates.push(ConstantData::from(&lanes[..]));
        b.ins().shuffle(first, second, mask)
    }

    pub(super) fn swizzle(&mut self) {
        let (vector, indices) = self.pop_vector2(I8X16);
        let result = if !self.env.can_permute() {
            swizzled_by_lane(&mut self.builder, vector, indices)
        } else if let Some(indices) = constant_bytes(&self.builder, indices) {
            // Constant indices: a shuffle with zero, whose first byte stands for all that is out of range.
            let zero = constant(&mut self.builder, I8X16, [0; 16]);
            self.shuffled(vector, zero, indices.map(|index| index.min(16)))
        } else {
            self.builder.ins().swizzle(vector, indices)
        };
        self.push(result);
    }

    pub(super) fn load_extended(&mut self, load: Extending, memarg: MemArg) {
        let Address { base, offset } = self.address(memarg, 8);
        let flags = self.env.memory_flags();
        let ins = self.builder.ins();
        let value = match load {
            Extending::Signed8x8 => ins.sload8x8(flags, base, offset),
            Extending::Unsigned8x8 => ins.uload8x8(flags, base, offset),
            Extending::Signed16x4 => ins.sload16x4(flags, base, offset),
            Extending::Unsigned16x4 => ins.uload16x4(flags, base, offset),
            Extending::Signed32x2 => ins.sload32x2(flags, base, offset),
            Extending::Unsigned32x2 => ins.uload32x2(flags, base, offset),
        };
        self.push_vector(value);
    }

    pub(super) fn store_vector(&mut self, memarg: MemArg) {
        let vector = self.pop_vector(I8X16);
        let Address { base, offset } = self.address(memarg, 16);
        let flags = self.env.memory_flags();
        if !self.env.is_x86() {
            // aarch64 may write one half before it finds the other one inaccessible. The last byte tells beforehand.
            let last = self.builder.ins().iadd_imm_u(base, 15);
            self.builder.ins().load(I8, flags, last, offset);
        }
        self.builder.ins().store(flags, vector, base, offset);
    }

    /// Loads one lane into all lanes.
    pub(super) fn load_splat(&mut self, ty: Type, memarg: MemArg) {
        let lane = self.load_one(ty, memarg);
        let result = self.builder.ins().splat(ty, lane);
        self.push_vector(result);
    }

    /// Loads lane 0; the others are zero.
    pub(super) fn load_zero(&mut self, ty: Type, memarg: MemArg) {
        let lane = self.load_one(ty, memarg);
        let result = self.builder.ins().scalar_to_vector(ty, lane);
        self.push_vector(result);
    }

    pub(super) fn load_lane(&mut self, ty: Type, lane: u8, memarg: MemArg) {
        let vector = self.pop_vector(ty);
        let value = self.load_one(ty, memarg);
        let result = self.builder.ins().insertlane(vector, value, lane);
        self.push_vector(result);
    }

    pub(super) fn store_lane(&mut self, ty: Type, lane: u8, memarg: MemArg) {
        let vector = self.pop_vector(ty);
        let Address { base, offset } = self.address(memarg, ty.lane_type().bytes());
        let flags = self.env.memory_flags();
        let value = self.builder.ins().extractlane(vector, lane);
        self.builder.ins().store(flags, value, base, offset);
    }

    /// Loads a number as wide as the lanes of `ty`.
    fn load_one(&mut self, ty: Type, memarg: MemArg) -> Value {
        let lane = ty.lane_type();
        let Address { base, offset } = self.address(memarg, lane.bytes());
        let flags = self.env.memory_flags();
        self.builder.ins().load(lane, flags, base, offset)
    }
}

/// A vector with lanes of type `ty`. Looks through changes of type, so that CLIF's patterns see the operations.
pub(super) fn cast(b: &mut FunctionBuilder<'_>, ty: Type, value: Value) -> Value {
    let value = uncast(b, value);
    if b.func.dfg.value_type(value) == ty {
        return value;
    }
    let flags = MemFlagsData::new().with_endianness(Endianness::Little);
    b.ins().bitcast(ty, flags, value)
}

/// A vector with lanes of the type that it was made with.
pub(super) fn uncast(b: &FunctionBuilder<'_>, value: Value) -> Value {
    let dfg = &b.func.dfg;
    let value = dfg.resolve_aliases(value);
    let ValueDef::Result(inst, _) = dfg.value_def(value) else { return value };
    match dfg.insts[inst] {
        InstructionData::LoadNoOffset { opcode: Opcode::Bitcast, arg, .. }
            if dfg.value_type(arg).is_vector() =>
        {
            arg
        }
        _ => value,
    }
}

/// A constant vector.
pub(super) fn constant(b: &mut FunctionBuilder<'_>, ty: Type, bytes: [u8; 16]) -> Value {
    let constant = b.func.dfg.constants.insert(ConstantData::from(&bytes[..]));
    b.ins().vconst(ty, constant)
}

/// The bytes of a `vconst`.
fn constant_bytes(b: &FunctionBuilder<'_>, value: Value) -> Option<[u8; 16]> {
    let dfg = &b.func.dfg;
    let ValueDef::Result(inst, _) = dfg.value_def(uncast(b, value)) else { return None };
    match dfg.insts[inst] {
        InstructionData::UnaryConst { opcode: Opcode::Vconst, constant_handle } => {
            dfg.constants.get(constant_handle).as_slice().try_into().ok()
        }
        _ => None,
    }
}

/// A shuffle for CPUs that cannot permute bytes.
fn shuffled_by_lane(
    b: &mut FunctionBuilder<'_>,
    first: Value,
    second: Value,
    lanes: [u8; 16],
) -> Value {
    let mut result = first;
    for (place, lane) in (0..).zip(lanes) {
        let from = if lane < 16 { first } else { second };
        let byte = b.ins().extractlane(from, lane % 16);
        result = b.ins().insertlane(result, byte, place);
    }
    result
}

/// A swizzle for CPUs that cannot permute bytes: they are looked up on the stack.
fn swizzled_by_lane(b: &mut FunctionBuilder<'_>, vector: Value, indices: Value) -> Value {
    let slot = StackSlotData::new(StackSlotKind::ExplicitSlot, 16, 4);
    let slot = b.create_sized_stack_slot(slot);
    b.ins().stack_store(POINTER, vector, slot, 0);
    let start = b.ins().stack_addr(POINTER, slot, 0);
    let zero = b.ins().iconst(I8, 0);
    let mut result = vector;
    for place in 0..16 {
        let index = b.ins().extractlane(indices, place);
        let inside = b.ins().icmp_imm_u(IntCC::UnsignedLessThan, index, 16);
        let index = b.ins().uextend(POINTER, index);
        let index = b.ins().band_imm_u(index, 15);
        let address = b.ins().iadd(start, index);
        let byte = b.ins().load(I8, MemFlagsData::trusted(), address, 0);
        let byte = b.ins().select(inside, byte, zero);
        result = b.ins().insertlane(result, byte, place);
    }
    result
}
