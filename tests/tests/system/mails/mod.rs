//! What mails look like, and how they and short messages leave.

mod brands;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    brands::tests()
}
