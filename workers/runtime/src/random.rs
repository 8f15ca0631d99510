//! Randomness from the runtime's generator (`crypto.getRandomValues`).
//!
//! Bytes come from a pool that one crossing fills; each is given out once and wiped.

use std::cell::RefCell;

use zygo_core::{id, time::Timestamp};

const POOL: usize = 1024;

struct Pool {
    bytes: [u8; POOL],
    used: usize,
}

thread_local! {
    static BYTES: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL], used: POOL }) };
}

/// Fresh random bytes, at most a pool's worth at once.
///
/// # Panics
/// Never by itself; if the runtime has no randomness the isolate is ended,
/// since nothing that guards a secret could go on.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    const { assert!(N <= POOL) };
    BYTES.with_borrow_mut(|pool| {
        if pool.used.saturating_add(N) > POOL {
            fill(&mut pool.bytes);
            pool.used = 0;
        }
        let end = pool.used.saturating_add(N);
        let mut out = [0; N];
        if let Some(source) = pool.bytes.get_mut(pool.used..end) {
            out.copy_from_slice(source);
            source.fill(0);
        }
        pool.used = end;
        out
    })
}

/// A version 7 identifier of this instant.
#[must_use]
pub fn id<T: From<uuid::Uuid>>(now: Timestamp) -> T {
    id::v7(now, bytes()).into()
}

#[expect(clippy::disallowed_methods, reason = "the one place where ambient randomness is taken")]
#[expect(clippy::expect_used, reason = "without randomness no token may be made; ending the isolate is the safe answer")]
fn fill(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("the runtime has randomness");
}
