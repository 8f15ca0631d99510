//! Somebody connected, and the line to them.

use std::{cell::Cell, rc::Rc};

use futures::{
    StreamExt as _,
    channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wasm_bindgen::JsValue;
use worker::WebSocket;
use zygo_core::{
    error::Code,
    stream::{Cursor, Entry, Reader, Window, frame},
};
use zygo_runtime::stream;

/// Bytes that may wait for somebody who reads Server-Sent Events; what somebody missed who comes back goes out in any case.
const WAITING: usize = 512 * 1024;

/// What a WebSocket carries through hibernation.
#[derive(Serialize, Deserialize)]
pub(super) struct Attachment {
    pub(super) id: Uuid,
    pub(super) reader: Reader,
}

impl Attachment {
    /// What was attached to a WebSocket of ours.
    pub(super) fn of(socket: &WebSocket) -> Option<Self> {
        let text: String = socket.deserialize_attachment().ok().flatten()?;
        serde_json::from_str(&text).ok()
    }

    pub(super) fn attach(&self, socket: &WebSocket) -> worker::Result<()> {
        socket.serialize_attachment(serde_json::to_string(self)?)
    }
}

/// A text on its way to many: made once for each transport.
pub(super) struct Frame {
    text: String,
    server_sent: Vec<u8>,
}

impl Frame {
    pub(super) fn new(cursor: Cursor, text: String) -> Self {
        Self { server_sent: frame::server_sent(cursor, &text).into_bytes(), text }
    }

    /// What is told of an entry.
    pub(super) fn of(entry: &Entry, cursor: Cursor) -> Self {
        Self::new(cursor, frame::event(entry, cursor))
    }
}

/// The line to somebody.
enum Line {
    /// A WebSocket; and what may be outstanding there.
    Socket(WebSocket, Window),
    /// A body that is being written; and how many bytes of it wait.
    Body(UnboundedSender<Vec<u8>>, Rc<Cell<usize>>),
}

/// Somebody connected.
pub(super) struct Connection {
    pub(super) reader: Reader,
    line: Line,
}

impl Connection {
    /// By a WebSocket, whose window is as good as new: what is outstanding is forgotten in hibernation, before which nothing was sent for a
    /// while.
    pub(super) fn socket(reader: Reader, socket: WebSocket) -> Self {
        Self { reader, line: Line::Socket(socket, Window::default()) }
    }

    /// By Server-Sent Events: the connection, and the body.
    pub(super) fn body(reader: Reader) -> (Self, JsValue) {
        let (sender, receiver) = unbounded();
        let waiting = Rc::new(Cell::new(0));
        let body = written(receiver, Rc::clone(&waiting));
        (Self { reader, line: Line::Body(sender, waiting) }, body)
    }

    /// Whether it is a body that is being written.
    pub(super) const fn is_body(&self) -> bool {
        matches!(self.line, Line::Body(..))
    }

    /// Sends a frame whatever waits; false where the line is gone.
    pub(super) fn push(&self, frame: &Frame) -> bool {
        match &self.line {
            Line::Socket(socket, _) => socket.send_with_str(&frame.text).is_ok(),
            Line::Body(sender, waiting) => write(sender, waiting, &frame.server_sent),
        }
    }

    /// Tells an entry; false where the line is gone, or the reader does not read and is to be cut off.
    pub(super) fn tell(&mut self, seq: u64, frame: &Frame) -> bool {
        let has_room = match &mut self.line {
            Line::Socket(_, window) => window.send(seq),
            Line::Body(_, waiting) => waiting.get() < WAITING,
        };
        has_room && self.push(frame)
    }

    /// Beats, where the line has no heartbeat of its own; false where it is gone.
    pub(super) fn beat(&self, text: &[u8]) -> bool {
        match &self.line {
            Line::Socket(..) => true,
            Line::Body(sender, waiting) => write(sender, waiting, text),
        }
    }

    /// The reader says how far they have read; `sent` is the last place told.
    pub(super) fn acknowledge(&mut self, seq: u64, sent: u64) {
        if let Line::Socket(_, window) = &mut self.line {
            window.acknowledge(seq, sent);
        }
    }

    /// Says why it ends, and ends it.
    pub(super) fn end(self, code: Code, cursor: Cursor) {
        self.push(&Frame::new(cursor, frame::end(code, cursor)));
        match self.line {
            Line::Socket(socket, _) => drop(socket.close(Some(frame::close_code(code)), Some(code.as_str()))),
            // What is written still goes out; then the body ends.
            Line::Body(sender, _) => sender.close_channel(),
        }
    }
}

fn write(sender: &UnboundedSender<Vec<u8>>, waiting: &Cell<usize>, bytes: &[u8]) -> bool {
    waiting.set(waiting.get().saturating_add(bytes.len()));
    sender.unbounded_send(bytes.to_vec()).is_ok()
}

fn written(receiver: UnboundedReceiver<Vec<u8>>, waiting: Rc<Cell<usize>>) -> JsValue {
    stream::body(receiver.map(move |bytes| {
        waiting.set(waiting.get().saturating_sub(bytes.len()));
        Ok(bytes)
    }))
}
