//! What types the functions of the host may be imported with.
//!
//! The same name has had several types over the years, and where integers of 64 bits are
//! *legalised*, each is two of 32 bits, the lower half first. A pattern says which types fit, and
//! [`Args`] hides the difference from the functions.

use palisade::{FuncType, Val, ValType};

/// Whether a function may have the type, by a pattern such as `"ijii:i"`.
///
/// `i` is an i32, `d` an f64, `j` an i64 or two i32. Behind the colon `v` is no result, `?` none or
/// an i32, `j` an i64 or the lower half of one (the upper is the temporary result). Alternatives
/// are separated by `|`.
pub(crate) fn fits(pattern: &str, ty: &FuncType) -> bool {
    pattern.split('|').any(|pattern| fits_one(pattern, ty))
}

fn fits_one(pattern: &str, ty: &FuncType) -> bool {
    let (params, result) = pattern.split_once(':').expect("a pattern has a result");
    let mut actual = ty.params().peekable();
    for letter in params.chars() {
        let matches = match (letter, actual.next()) {
            ('i', Some(ValType::I32)) | ('d', Some(ValType::F64)) | ('j', Some(ValType::I64)) => {
                true
            }
            ('j', Some(ValType::I32)) => actual.next() == Some(ValType::I32),
            _ => false,
        };
        if !matches {
            return false;
        }
    }
    let results: Vec<ValType> = ty.results().collect();
    actual.next().is_none()
        && matches!(
            (result, &results[..]),
            ("v" | "?", [])
                | ("i" | "?" | "j", [ValType::I32])
                | ("j", [ValType::I64])
                | ("f", [ValType::F32])
                | ("d", [ValType::F64])
        )
}

/// The arguments of one call, taken in order by a function whose pattern fits their types.
pub(crate) struct Args<'a>(pub(crate) std::slice::Iter<'a, Val>);

impl Args<'_> {
    fn next(&mut self) -> Val {
        *self.0.next().expect("the import's type fits the pattern")
    }

    pub(crate) fn i32(&mut self) -> i32 {
        self.next().unwrap_i32()
    }

    pub(crate) fn u32(&mut self) -> u32 {
        self.i32().cast_unsigned()
    }

    pub(crate) fn f64(&mut self) -> f64 {
        self.next().unwrap_f64()
    }

    /// An i64, in one piece or two.
    pub(crate) fn i64(&mut self) -> i64 {
        match self.next() {
            Val::I64(value) => value,
            low => {
                let low = u64::from(low.unwrap_i32().cast_unsigned());
                (low | u64::from(self.u32()) << 32).cast_signed()
            }
        }
    }
}

/// What a function gives; converted to the result that its import has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    None,
    I32(i32),
    I64(i64),
    F32(f32),
    F64(f64),
}

impl Value {
    /// Stores it as the result; gives the half that goes to the temporary result, if one does.
    pub(crate) fn store(self, results: &mut [Val]) -> Option<u32> {
        let result = results.first_mut()?;
        match (self, &*result) {
            (Value::I64(value), Val::I32(_)) => {
                *result = Val::I32(value as i32);
                return Some((value >> 32) as u32);
            }
            (Value::I64(value), _) => *result = Val::I64(value),
            (Value::I32(value), _) => *result = Val::I32(value),
            (Value::F32(value), _) => *result = Val::F32(value.to_bits()),
            (Value::F64(value), _) => *result = Val::F64(value.to_bits()),
            (Value::None, _) => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Args, Value, fits};
    use palisade::{Engine, FuncType, Val, ValType};

    #[test]
    fn integers_of_64_bits_come_in_one_or_two() {
        let engine = Engine::default();
        let ty = |params: &str, results: &[ValType]| {
            let params = params.chars().map(|letter| match letter {
                'i' => ValType::I32,
                'l' => ValType::I64,
                _ => ValType::F64,
            });
            FuncType::new(&engine, params.collect::<Vec<_>>(), results.to_vec())
        };
        for params in ["iiiii", "ilii"] {
            assert!(fits("ijii:i", &ty(params, &[ValType::I32])), "{params}");
        }
        assert!(!fits("ijii:i", &ty("iiii", &[ValType::I32])));
        assert!(!fits("ijii:i", &ty("iiiiii", &[ValType::I32])));
        assert!(!fits("i:i", &ty("i", &[])));
        assert!(fits("i:?", &ty("i", &[])) && fits("i:?", &ty("i", &[ValType::I32])));
        assert!(fits(":v|d:d", &ty("d", &[ValType::F64])));

        let whole = [Val::I64(-2), Val::I32(7)];
        let halves = [Val::I32(-2), Val::I32(-1), Val::I32(7)];
        for args in [&whole[..], &halves] {
            let mut args = Args(args.iter());
            assert_eq!((args.i64(), args.i32()), (-2, 7));
        }
        let mut results = [Val::I32(0)];
        assert_eq!(Value::I64(0x5_0000_0001).store(&mut results), Some(5));
        assert_eq!(results[0].unwrap_i32(), 1);
    }
}
