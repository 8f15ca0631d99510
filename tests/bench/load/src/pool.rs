//! Connections to Postgres that outlive their clients, as those of Hyperdrive's pool do.
//!
//! The first client that comes with some start-up message authenticates itself at the server; what the server greeted it with
//! is said again to the next one that comes with the same, who gets a connection that somebody left. Before it is left to
//! others it is as new: `ROLLBACK` and `DISCARD ALL`. What the server's process has read of the catalogue, it keeps.

use std::{
    collections::HashMap,
    net::TcpStream,
    sync::{Mutex, PoisonError},
};

/// What makes a connection as good as new; each is a `Query` of the protocol, since the second may not stand in a transaction.
pub const RESET: &[u8] = b"Q\0\0\0\x0dROLLBACK\0Q\0\0\0\x10DISCARD ALL\0";

/// A connection that nobody uses, and what its server says after authentication.
pub struct Idle {
    pub server: TcpStream,
    pub greeting: Vec<u8>,
}

/// Those that nobody uses, by the start-up message that they were opened with.
#[derive(Default)]
pub struct Pool(Mutex<HashMap<Vec<u8>, Vec<Idle>>>);

impl Pool {
    /// One that was opened with this message.
    pub fn take(&self, startup: &[u8]) -> Option<Idle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(startup)?.pop()
    }

    /// Leaves one to others.
    pub fn leave(&self, startup: Vec<u8>, idle: Idle) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(startup).or_default().push(idle);
    }
}

/// Cuts a stream into the messages of PostgreSQL's frontend/backend protocol (its manual, 54.7): a kind, a length that counts itself, a body.
#[derive(Default)]
pub struct Messages(Vec<u8>);

impl Messages {
    /// The messages that are whole with these bytes.
    pub fn with(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.0.extend_from_slice(bytes);
        let mut whole = Vec::new();
        while let Some(length) = self.0.get(1..5).and_then(|length| length.first_chunk::<4>()) {
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX).saturating_add(1);
            if self.0.len() < length {
                break;
            }
            whole.push(self.0.drain(..length).collect());
        }
        whole
    }

    /// Whether all that came belongs to a message that was whole.
    pub const fn is_between(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a server has said so far.
#[derive(Default)]
pub struct Said {
    messages: Messages,
    /// `AuthenticationOk`, parameters, the key to cancel with, and readiness.
    pub greeting: Vec<u8>,
    /// Whether it was ready once.
    pub ready: bool,
    discarded: bool,
    /// Whether it has made the connection as good as new.
    pub reset: bool,
}

impl Said {
    /// Hears more.
    pub fn hear(&mut self, bytes: &[u8]) {
        for message in self.messages.with(bytes) {
            let kind = message.first().copied().unwrap_or_default();
            let greets = matches!(kind, b'S' | b'K' | b'Z') || message == b"R\0\0\0\x08\0\0\0\0";
            if !self.ready && greets {
                self.greeting.extend_from_slice(&message);
            }
            self.reset |= self.discarded && kind == b'Z';
            self.ready |= kind == b'Z';
            self.discarded |= message == b"C\0\0\0\x10DISCARD ALL\0";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_kept_and_a_reset_is_seen_across_reads() {
        let mut said = Said::default();
        // SCRAM's part, which belongs to one client alone, then AuthenticationOk, then a ParameterStatus that holds a Z, cut in two.
        said.hear(b"R\0\0\0\x09\0\0\0\x0cxR\0\0\0\x08\0\0\0\0S\0\0\0\x08Z");
        assert!(!said.ready);
        said.hear(b"Z\0\0Z\0\0\0");
        assert!(!said.ready);
        said.hear(b"\x05I");
        assert!(said.ready && !said.reset);
        assert_eq!(said.greeting, b"R\0\0\0\x08\0\0\0\0S\0\0\0\x08ZZ\0\0Z\0\0\0\x05I");
        said.hear(b"C\0\0\0\x0dROLLBACK\0Z\0\0\0\x05IC\0\0\0\x10DISCARD");
        assert!(!said.reset);
        said.hear(b" ALL\0Z\0\0\0\x05I");
        assert!(said.reset);
        assert_eq!(said.greeting.len(), 9 + 9 + 6, "what comes after readiness greets nobody");
    }

    #[test]
    fn what_resets_is_two_whole_messages() {
        let mut messages = Messages::default();
        assert_eq!(messages.with(RESET).len(), 2);
        assert!(messages.is_between());
    }
}
