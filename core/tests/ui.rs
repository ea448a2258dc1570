//! Tests of code that must not compile, and of the compiler's messages.

#[test]
fn a_verified_token_is_made_by_the_library_only() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
