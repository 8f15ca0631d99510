//! A stream's object but for where its entries come from.

mod arrive;
mod feed;
mod watch;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
};

use futures::lock::Mutex;
use uuid::Uuid;
use worker::{Env, Request, Response, ResponseBuilder, State, WebSocket, WebSocketIncomingMessage, WebSocketRequestResponsePair};
use zygo_core::{
    error::{Code, Problem},
    gate::Watch,
    id::TenantId,
    stream::{Cursor, Feed, Log, Place, Reader, Taken, frame},
    time::Timestamp,
};
use zygo_runtime::{clock, log, random};

use super::{
    Answered, OPENING, Op, Opening, Refusal,
    connection::{Attachment, Connection},
    keep::{self, Known, SCHEMA},
};
use crate::{
    rpc::Fault,
    serve::{Answer, serve},
    storage::Storage,
};

/// Seconds between heartbeats of Server-Sent Events.
const BEAT: i64 = 20;
/// Seconds after which a transaction is over that began before anybody was connected, and owes the object nothing.
const LOOK_AGAIN: i64 = 5;
/// Seconds that the log of a stream without anybody is kept: a day.
const RESTED: i64 = 86_400;
/// Longest message of a client, in bytes.
const LONGEST: usize = 256;

/// Where a stream's entries come from.
pub trait Source {
    /// What was committed since a place, with a note until when somebody is connected where that is to be said anew.
    fn take(&self, env: &Env, tenant_id: TenantId, place: &Place, watch_until: Option<Timestamp>) -> impl Future<Output = Result<Taken, Problem>>;
}

/// A stream's object.
pub struct Hub<S> {
    storage: Storage,
    env: Env,
    source: S,
    known: RefCell<Option<Known>>,
    /// Who is connected; `None` where the runtime is to be asked first, as after hibernation.
    connections: RefCell<Option<BTreeMap<Uuid, Connection>>>,
    watch: RefCell<Option<Watch>>,
    /// One takes over at a time; whoever asked before that began is answered by it.
    turn: Mutex<()>,
    asked: Cell<u64>,
    answered: Cell<u64>,
    /// When to look once more.
    look_at: Cell<Option<Timestamp>>,
    /// How many are about to be connected.
    arriving: Cell<usize>,
}

impl<S: Source> Hub<S> {
    /// The object behind a state.
    #[must_use]
    pub fn new(state: State, env: Env, source: S) -> Self {
        // Answered by the runtime, so that a client can see that the line is good and the object sleeps on.
        if let Ok(pair) = WebSocketRequestResponsePair::new("ping", "pong") {
            state.set_websocket_auto_response(&pair);
        }
        Self {
            storage: Storage::new(state, SCHEMA),
            env,
            source,
            known: RefCell::default(),
            connections: RefCell::default(),
            watch: RefCell::default(),
            turn: Mutex::new(()),
            asked: Cell::new(0),
            answered: Cell::new(0),
            look_at: Cell::new(None),
            arriving: Cell::new(0),
        }
    }

    /// Serves a call, or connects somebody.
    ///
    /// # Errors
    /// When the runtime fails.
    pub async fn fetch(&self, request: Request) -> worker::Result<Response> {
        if let Some(opening) = request.headers().get(OPENING)? {
            let opening: Opening = serde_json::from_str(&opening)?;
            let by_socket = request.headers().get("upgrade")?.is_some();
            self.arriving.set(self.arriving.get().saturating_add(1));
            let connected = self.connect(opening, by_socket).await;
            self.arriving.set(self.arriving.get().saturating_sub(1));
            return match connected {
                Ok(response) => Ok(response),
                Err(problem) => Ok(ResponseBuilder::new().with_status(409).from_json(&Refusal::of(&problem))?),
            };
        }
        serve(request, async |op| match op {
            Op::Take { tenant_id } => {
                // Where nobody ever was connected, or not for long, nobody is told.
                if self.load()? {
                    self.take(tenant_id, None).await.map_err(fault)?;
                }
                Answer::of(&())
            }
            Op::Look { tenant_id } => {
                self.known(tenant_id)?;
                let anybody = self.arriving.get() > 0 || self.count(|_| true) > 0;
                if anybody {
                    self.look(tenant_id).await.map_err(fault)?;
                }
                Answer::of(&anybody)
            }
            Op::Read { opening } => Answer::of(&match self.read(&opening).await {
                Ok(missed) => Answered::Done(missed),
                Err(problem) => Answered::Refused(Refusal::of(&problem)),
            }),
        })
        .await
    }

    /// The alarm: ends what has run out, beats, looks again, and rests where nobody is left.
    ///
    /// # Errors
    /// When storage fails; the runtime rings again then.
    pub async fn alarm(&self) -> worker::Result<Response> {
        self.storage.woken();
        if self.known.borrow().is_none() && !self.load().map_err(Fault::into_error)? {
            return Response::empty();
        }
        let now = clock::now();
        let tenant_id = self.with(|known, _| Ok(known.tenant_id)).map_err(Fault::into_error)?;
        self.narrow(now).map_err(Fault::into_error)?;
        if self.look_at.get().is_some_and(|at| at <= now) {
            self.look_at.set(None);
            if let Err(problem) = self.take(tenant_id, None).await {
                log::line(log::Level::Warn, "a stream looks again", serde_json::json!({ "cause": problem.log_cause() }));
                self.look_at.set(Some(clock::now().plus_seconds(LOOK_AGAIN)));
            }
        }
        self.beat().map_err(Fault::into_error)?;
        let (next, until) = self.with(|known, connections| Ok((next(connections, clock::now()), known.watched_until))).map_err(Fault::into_error)?;
        let rests_at = until.plus_seconds(RESTED);
        match next.into_iter().chain(self.look_at.get()).min() {
            Some(at) => self.storage.wake_by(at).await.map_err(Fault::into_error)?,
            None if now >= rests_at => {
                self.known.take();
                self.storage.clear().await.map_err(Fault::into_error)?;
            }
            None => self.storage.wake_by(rests_at).await.map_err(Fault::into_error)?,
        }
        Response::empty()
    }

    fn beat(&self) -> Result<(), Fault> {
        self.with(|known, connections| {
            let text = frame::heartbeat(known.feed.log.cursor());
            connections.retain(|_, connection| connection.beat(text.as_bytes()));
            Ok(())
        })
    }

    /// What a client says over a WebSocket: how far they have read, and nothing else.
    ///
    /// # Errors
    /// When the runtime fails.
    pub fn message(&self, socket: &WebSocket, message: &WebSocketIncomingMessage) -> worker::Result<()> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Said {
            ack: Cursor,
        }
        let WebSocketIncomingMessage::String(text) = message else { return self.reject(socket) };
        if text.len() > LONGEST {
            return self.reject(socket);
        }
        let Ok(Said { ack }) = serde_json::from_str(text) else { return self.reject(socket) };
        self.load().map_err(Fault::into_error)?;
        self.with(|known, connections| {
            let end = known.feed.log.cursor();
            if let Some(connection) = Attachment::of(socket).and_then(|attached| connections.get_mut(&attached.id))
                && ack.epoch == end.epoch
            {
                connection.acknowledge(ack.seq, end.seq);
            }
            Ok(())
        })
        .map_err(Fault::into_error)
    }

    fn reject(&self, socket: &WebSocket) -> worker::Result<()> {
        self.gone(socket);
        let code = Code::BadRequest;
        socket.close(Some(frame::close_code(code)), Some(code.as_str()))
    }

    /// A WebSocket that was closed, or broke.
    pub fn gone(&self, socket: &WebSocket) {
        let Some(attached) = Attachment::of(socket) else { return };
        if let Some(connections) = self.connections.borrow_mut().as_mut() {
            connections.remove(&attached.id);
        }
    }

    fn count(&self, which: impl Fn(&Reader) -> bool) -> usize {
        self.with(|_, connections| Ok(connections.values().filter(|connection| which(&connection.reader)).count())).unwrap_or_default()
    }

    /// Reads what is kept, where that was not done; whether there is anything.
    fn load(&self) -> Result<bool, Fault> {
        if self.known.borrow().is_none() {
            self.known.replace(keep::load(&self.storage)?);
        }
        Ok(self.known.borrow().is_some())
    }

    /// The same, for a tenant whose stream may never have had anybody.
    fn known(&self, tenant_id: TenantId) -> Result<(), Fault> {
        if !self.load()? {
            let feed = Feed { log: Log::new(u64::from_le_bytes(random::bytes())), place: Place::default() };
            self.known.replace(Some(Known { tenant_id, feed, watched_until: Timestamp::default() }));
        }
        Ok(())
    }

    /// Works on what is known and who is connected. Never over an `await`.
    fn with<T>(&self, work: impl FnOnce(&mut Known, &mut BTreeMap<Uuid, Connection>) -> Result<T, Fault>) -> Result<T, Fault> {
        self.load()?;
        let mut known = self.known.borrow_mut();
        let known = known.as_mut().ok_or_else(|| Fault::Corrupt("a stream without a tenant".into()))?;
        let mut connections = self.connections.borrow_mut();
        let connections = connections.get_or_insert_with(|| {
            let sockets = self.storage.state().get_websockets();
            let read = |socket: WebSocket| Attachment::of(&socket).map(|Attachment { id, reader }| (id, Connection::socket(reader, socket)));
            sockets.into_iter().filter_map(read).collect()
        });
        work(known, connections)
    }
}

/// When somebody's token dies, or a heart is to beat.
fn next(connections: &BTreeMap<Uuid, Connection>, now: Timestamp) -> Option<Timestamp> {
    let dies = connections.values().map(|connection| connection.reader.expires_at).min();
    let beats = connections.values().any(Connection::is_body).then(|| now.plus_seconds(BEAT));
    dies.into_iter().chain(beats).min()
}

fn fault(problem: Problem) -> Fault {
    Fault::Storage(problem.log_cause().unwrap_or(problem.code().as_str()).to_owned())
}

fn problem(fault: Fault) -> Problem {
    Problem::unavailable(format!("{fault:?}"))
}
