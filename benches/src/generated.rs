//! Makes a large module of plausible code, the same one each time.

/// A module of about `bytes` bytes: functions with loops, branches, memory accesses and calls to earlier functions.
pub(crate) fn generate(bytes: usize) -> Vec<u8> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut text =
        String::from("(module (memory 1) (func $f0 (param i32 i32) (result i32) (local.get 0))\n");
    // A byte of binary is about six of this text.
    let mut count = 1;
    while text.len() < bytes * 6 {
        function(&mut text, count, &mut random);
        count += 1;
    }
    text.push(')');
    wat::parse_str(&text).expect("the generator writes valid text")
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

fn function(text: &mut String, index: u64, random: &mut Random) {
    text.push_str(&format!(
        "(func $f{index} (param $a i32) (param $b i32) (result i32) (local $i i32) (local $x i32) (local $f f64)\n"
    ));
    for _ in 0..3 + random.below(8) {
        statement(text, index, random, 0);
    }
    text.push_str("(i32.add (local.get $x) (i32.trunc_sat_f64_s (local.get $f))))\n");
}

fn statement(text: &mut String, index: u64, random: &mut Random, depth: u32) {
    match random.below(if depth < 3 { 7 } else { 4 }) {
        0 => text.push_str(&format!(
            "(local.set $x (i32.add (local.get $x) (i32.load offset={} (local.get $a))))\n",
            random.below(4096)
        )),
        1 => text.push_str(&format!(
            "(i32.store offset={} (local.get $b) (i32.xor (local.get $x) (i32.const {})))\n",
            random.below(4096),
            random.below(1 << 30)
        )),
        2 => text.push_str(
            "(local.set $f (f64.add (f64.mul (local.get $f) (f64.const 1.5)) (f64.convert_i32_s (local.get $x))))\n",
        ),
        3 => text.push_str(&format!(
            "(local.set $b (i32.and (i32.shl (local.get $b) (i32.const {})) (i32.sub (local.get $x) (local.get $a))))\n",
            random.below(31)
        )),
        4 => text.push_str(&format!(
            "(local.set $x (call $f{} (local.get $x) (i32.const {})))\n",
            random.below(index),
            random.below(1000)
        )),
        5 => {
            text.push_str("(if (i32.lt_s (local.get $a) (local.get $x)) (then\n");
            statement(text, index, random, depth + 1);
            text.push_str(") (else\n");
            statement(text, index, random, depth + 1);
            text.push_str("))\n");
        }
        _ => {
            text.push_str("(loop $again\n");
            statement(text, index, random, depth + 1);
            statement(text, index, random, depth + 1);
            text.push_str(
                "(br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $b))))\n",
            );
        }
    }
}
