//! Programs that must not compile, with what the compiler says of them: views that outlive a call,
//! and records without a layout. After a new compiler, `TRYBUILD=overwrite cargo test -p
//! palisade-guest --test rejected` writes its words.

#[test]
fn programs_that_would_be_wrong_are_rejected() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/rejected/*.rs");
}
