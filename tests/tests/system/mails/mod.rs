//! What mails look like, how they leave, and what becomes of those that do not.

mod brands;
mod carriers;
mod dead_letters;
mod short_messages;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    [brands::tests(), carriers::tests(), dead_letters::tests(), short_messages::tests()].into_iter().flatten().collect()
}
