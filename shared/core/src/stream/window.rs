//! Back-pressure where the runtime has none: what was sent over a WebSocket and may not have been read.
//!
//! A WebSocket of the runtime takes whatever is sent and keeps it until the client has read it; it does not say how much that is. So readers
//! acknowledge now and then how far they have read, and one who has [`WINDOW`] entries outstanding is cut off.

/// Entries that may be outstanding; twice what a reader may get who comes back.
pub const WINDOW: u32 = 2000;
/// Half of them.
const HALF: u32 = WINDOW / 2;

/// What is outstanding at one reader: never less than is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    sent: u32,
    /// Place of the entry with which half was outstanding.
    half: Option<u64>,
}

impl Window {
    /// Counts an entry that is to be sent; false where the reader is to be cut off instead.
    pub fn send(&mut self, seq: u64) -> bool {
        if self.sent >= WINDOW {
            return false;
        }
        self.sent = self.sent.saturating_add(1);
        if self.sent >= HALF && self.half.is_none() {
            self.half = Some(seq);
        }
        true
    }

    /// The reader says that they have read up to a place. `sent` is the last place that was sent to anybody.
    pub fn acknowledge(&mut self, seq: u64, sent: u64) {
        if seq > sent || self.half.is_none_or(|half| seq < half) {
            return;
        }
        self.sent = self.sent.saturating_sub(HALF);
        // What was sent after the half counts on, as if from now.
        self.half = (self.sent >= HALF).then_some(sent);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_never_says_anything_is_cut_off() {
        let mut window = Window::default();
        assert!((1..=u64::from(WINDOW)).all(|seq| window.send(seq)));
        assert!(!window.send(u64::from(WINDOW) + 1));
    }

    #[test]
    fn who_keeps_up_never_is() {
        let mut window = Window::default();
        for seq in 1..50_000 {
            assert!(window.send(seq));
            if seq % 700 == 0 {
                window.acknowledge(seq, seq);
            }
        }
    }

    proptest! {
        /// However they acknowledge, no more than the window is outstanding.
        #[test]
        fn never_more_than_the_window(steps in prop::collection::vec((1_u64..1500, 0_u64..3000), 1..60)) {
            let (mut window, mut sent, mut read) = (Window::default(), 0_u64, 0_u64);
            for (count, back) in steps {
                for _ in 0..count {
                    if window.send(sent + 1) {
                        sent += 1;
                    }
                }
                prop_assert!(sent - read <= u64::from(WINDOW), "{sent} {read}");
                read = read.max(sent.saturating_sub(back));
                window.acknowledge(read, sent);
            }
        }
    }
}
