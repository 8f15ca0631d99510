//! A stream's object but for where its entries come from.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
};

use futures::{future::join, lock::Mutex};
use uuid::Uuid;
use worker::{Env, Request, Response, ResponseBuilder, State, WebSocket, WebSocketIncomingMessage, WebSocketPair, WebSocketRequestResponsePair};
use zygo_core::{
    error::{Code, Problem},
    gate::Watch,
    id::TenantId,
    stream::{Cursor, Entry, Fed, Feed, Log, Place, Reader, Resume, Taken, frame, room},
    time::Timestamp,
};
use zygo_runtime::{clock, log, random};

use super::{
    Answered, Missed, OPENING, Op, Opening, Refusal,
    connection::{Attachment, Connection, Frame},
    keep::{self, Known, SCHEMA},
};
use crate::{
    GateHandle,
    rpc::Fault,
    serve::{Answer, serve},
    storage::Storage,
};

/// Seconds between heartbeats of Server-Sent Events.
const BEAT: i64 = 20;
/// Seconds after which a transaction is over that began before anybody was connected, and owes the object nothing.
const LOOK_AGAIN: i64 = 5;
/// Seconds that Postgres is told somebody is connected beyond the token that connects them, so that others who come need not say so.
const SLACK: i64 = 600;
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

    /// Says what was missed. Nobody is connected afterwards.
    async fn read(&self, opening: &Opening) -> Result<Missed, Problem> {
        self.arrive(opening).await?;
        self.with(|known, _| {
            let log = &known.feed.log;
            let (missed, behind) = match log.since(opening.after, &opening.reader) {
                Resume::From(missed) => (missed, false),
                Resume::Behind => (Vec::new(), true),
            };
            let frames = missed.iter().map(|entry| serde_json::from_str(&frame::event(entry, log.at(entry.seq))));
            let data = frames.collect::<Result<_, _>>().map_err(|error| Fault::Corrupt(error.to_string()))?;
            Ok(Missed { data, cursor: log.cursor().to_string(), behind })
        })
        .map_err(problem)
    }

    /// What comes before anybody is told anything: what was committed so far is taken over where nobody else was told, and the gate lets
    /// them in. While Postgres is away, the log tells what it has.
    async fn arrive(&self, opening: &Opening) -> Result<(), Problem> {
        let Opening { tenant_id, reader, .. } = opening;
        self.known(*tenant_id).map_err(problem)?;
        let is_watched = self.with(|known, connections| Ok(!connections.is_empty() && known.watched_until >= reader.expires_at)).map_err(problem)?;
        if !is_watched {
            let until = reader.expires_at.plus_seconds(SLACK);
            if let Err(problem) = self.take(*tenant_id, Some(until)).await {
                log::line(log::Level::Warn, "a stream begins with what it has", serde_json::json!({ "cause": problem.log_cause() }));
            }
            let again = clock::now().plus_seconds(LOOK_AGAIN);
            self.look_at.set(Some(again));
            self.storage.wake_by(again).await.map_err(problem)?;
        }
        if self.watch.borrow().as_ref().is_none_or(|watch| watch.is_behind(clock::now())) {
            self.look(*tenant_id).await.or_else(|problem| if self.knows() { Ok(()) } else { Err(problem) })?;
        }
        self.judge(reader, clock::now()).map_err(refused)
    }

    async fn connect(&self, opening: Opening, by_socket: bool) -> Result<Response, Problem> {
        self.arrive(&opening).await?;
        let now = clock::now();
        let Opening { reader, after, .. } = opening;
        let first = if by_socket { reader.expires_at } else { reader.expires_at.min(now.plus_seconds(BEAT)) };
        self.storage.wake_by(first).await.map_err(problem)?;
        // From here to the end nothing is awaited: what was missed, and what comes, meet without a gap; and what was revoked meanwhile holds.
        self.judge(&reader, now).map_err(refused)?;
        let (of_person, of_all) = (self.count(|other| other.user_id == reader.user_id), self.count(|_| true));
        room(of_person, of_all)?;
        let id = Uuid::from_bytes(random::bytes());
        let (connection, response) = if by_socket { self.by_socket(id, reader)? } else { by_body(reader) };
        self.with(|known, connections| {
            welcome(&known.feed.log, &connection, after);
            connections.insert(id, connection);
            Ok(())
        })
        .map_err(problem)?;
        Ok(response)
    }

    fn by_socket(&self, id: Uuid, reader: Reader) -> Result<(Connection, Response), Problem> {
        let accepted = || -> worker::Result<(WebSocket, Response)> {
            let WebSocketPair { client, server } = WebSocketPair::new()?;
            // Read first: whoever is accepted is counted by the runtime too.
            self.with(|_, _| Ok(())).map_err(Fault::into_error)?;
            self.storage.state().accept_web_socket(&server);
            Attachment { id, reader: reader.clone() }.attach(&server)?;
            Ok((server, Response::from_websocket(client)?))
        };
        let (server, response) = accepted().map_err(|error| Problem::unavailable(error.to_string()))?;
        Ok((Connection::socket(reader, server), response))
    }

    /// Takes over what was committed and tells it. Those who ask while one is at it are answered by the next who is.
    async fn take(&self, tenant_id: TenantId, watch_until: Option<Timestamp>) -> Result<(), Problem> {
        let ticket = self.asked.get().saturating_add(1);
        self.asked.set(ticket);
        let _turn = self.turn.lock().await;
        let is_noted = |until| self.with(|known, _| Ok(known.watched_until >= until)).unwrap_or(false);
        if self.answered.get() >= ticket && watch_until.is_none_or(is_noted) {
            return Ok(());
        }
        loop {
            let covers = self.asked.get();
            if !self.take_page(tenant_id, watch_until).await? {
                self.answered.set(covers);
                return Ok(());
            }
        }
    }

    /// Takes a page over; whether there may be more.
    async fn take_page(&self, tenant_id: TenantId, watch_until: Option<Timestamp>) -> Result<bool, Problem> {
        let place = self.with(|known, _| Ok(known.feed.place.clone())).map_err(problem)?;
        let (looked, taken) = join(self.look_if_behind(tenant_id), self.source.take(&self.env, tenant_id, &place, watch_until)).await;
        if let Err(problem) = looked
            && !self.knows()
        {
            return Err(problem);
        }
        let taken = taken?;
        let full = taken.full;
        self.tell(&place, taken, watch_until).map_err(problem)?;
        Ok(full)
    }

    /// Keeps what was taken over and tells it, in one step.
    fn tell(&self, place: &Place, taken: Taken, watch_until: Option<Timestamp>) -> Result<(), Fault> {
        let told = self.with(|known, connections| {
            known.watched_until = watch_until.map_or(known.watched_until, |until| until.max(known.watched_until));
            let moved = known.feed.place != place.after(&taken) || watch_until.is_some();
            let fed = known.feed.accept(place, taken, u64::from_le_bytes(random::bytes()));
            if moved {
                keep::keep(&self.storage, known)?;
            }
            match fed {
                Fed::Told(entries) => {
                    if !entries.is_empty() {
                        keep::keep_entries(&self.storage, &known.feed.log, entries.iter().map(std::convert::AsRef::as_ref))?;
                    }
                    entries.iter().for_each(|entry| spread(&known.feed.log, entry, connections, clock::now()));
                }
                Fed::Anew => {
                    keep::forget_entries(&self.storage)?;
                    let cursor = known.feed.log.cursor();
                    let frame = Frame::new(cursor, frame::behind(cursor));
                    connections.retain(|_, connection| connection.push(&frame));
                }
            }
            Ok(())
        });
        if told.is_err() {
            // What storage refuses is not remembered either.
            self.known.take();
        }
        told
    }

    async fn look_if_behind(&self, tenant_id: TenantId) -> Result<(), Problem> {
        let is_behind = self.watch.borrow().as_ref().is_none_or(|watch| watch.is_behind(clock::now()));
        if is_behind { self.look(tenant_id).await } else { Ok(()) }
    }

    /// Asks the gate what was revoked, and ends what is void.
    async fn look(&self, tenant_id: TenantId) -> Result<(), Problem> {
        let asked_at = clock::now();
        let before = self.watch.borrow_mut().get_or_insert_with(|| Watch::new(tenant_id)).place();
        let news = GateHandle::open(&self.env, tenant_id)?.watch(tenant_id, before).await?;
        let after = {
            let mut watch = self.watch.borrow_mut();
            let watch = watch.get_or_insert_with(|| Watch::new(tenant_id));
            watch.follow(news, asked_at);
            watch.place()
        };
        if before != after {
            self.narrow(clock::now()).map_err(problem)?;
        }
        Ok(())
    }

    fn knows(&self) -> bool {
        self.watch.borrow().as_ref().is_some_and(|watch| watch.knows(clock::now()))
    }

    fn judge(&self, reader: &Reader, now: Timestamp) -> Result<(), Code> {
        if reader.expires_at <= now {
            return Err(Code::TokenExpired);
        }
        let watch = self.watch.borrow();
        let watch = watch.as_ref().ok_or(Code::DependencyUnavailable)?;
        watch.judge(reader.user_id, reader.session_id, reader.issued_at, &reader.address, now)
    }

    /// Ends the streams of all who may be told nothing more. Of what is not known nothing follows: nothing is told then either.
    fn narrow(&self, now: Timestamp) -> Result<(), Fault> {
        self.with(|known, connections| {
            let cursor = known.feed.log.cursor();
            let judged = |connection: &Connection| self.judge(&connection.reader, now).err().filter(|code| *code != Code::DependencyUnavailable);
            let over: Vec<(Uuid, Code)> = connections.iter().filter_map(|(id, connection)| judged(connection).map(|code| (*id, code))).collect();
            for (id, code) in over {
                if let Some(connection) = connections.remove(&id) {
                    connection.end(code, cursor);
                }
            }
            Ok(())
        })
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

/// A body of Server-Sent Events and the response that carries it.
fn by_body(reader: Reader) -> (Connection, Response) {
    let (connection, body) = Connection::body(reader);
    connection.beat(frame::PREAMBLE.as_bytes());
    (connection, ResponseBuilder::new().stream(body.into()))
}

/// The first frames: from where it goes on, and what was missed.
fn welcome(log: &Log, connection: &Connection, after: Option<Cursor>) {
    let reader = &connection.reader;
    let (start, missed, behind) = match (log.since(after, reader), after) {
        (Resume::From(missed), Some(after)) => (after, missed, false),
        (Resume::From(missed), None) => (log.cursor(), missed, false),
        (Resume::Behind, _) => (log.cursor(), Vec::new(), true),
    };
    connection.push(&Frame::new(start, frame::ready(start, reader.expires_at)));
    if behind {
        connection.push(&Frame::new(start, frame::behind(start)));
    }
    for entry in missed {
        connection.push(&Frame::of(&entry, log.at(entry.seq)));
    }
}

/// Tells an entry to all whom its audience admits.
fn spread(log: &Log, entry: &Entry, connections: &mut BTreeMap<Uuid, Connection>, now: Timestamp) {
    let cursor = log.at(entry.seq);
    let frame = Frame::of(entry, cursor);
    let mut over = Vec::new();
    for (id, connection) in connections.iter_mut() {
        if connection.reader.expires_at <= now {
            over.push((*id, Code::TokenExpired));
        } else if entry.audience.admits(&connection.reader) && !connection.tell(entry.seq, &frame) {
            over.push((*id, Code::RateLimited));
        }
    }
    for (id, code) in over {
        if let Some(connection) = connections.remove(&id) {
            connection.end(code, cursor);
        }
    }
}

/// When somebody's token dies, or a heart is to beat.
fn next(connections: &BTreeMap<Uuid, Connection>, now: Timestamp) -> Option<Timestamp> {
    let dies = connections.values().map(|connection| connection.reader.expires_at).min();
    let beats = connections.values().any(Connection::is_body).then(|| now.plus_seconds(BEAT));
    dies.into_iter().chain(beats).min()
}

fn refused(code: Code) -> Problem {
    match code {
        Code::DependencyUnavailable => Problem::unavailable("the gate was not heard"),
        code => Problem::new(code),
    }
}

fn fault(problem: Problem) -> Fault {
    Fault::Storage(problem.log_cause().unwrap_or(problem.code().as_str()).to_owned())
}

fn problem(fault: Fault) -> Problem {
    Problem::unavailable(format!("{fault:?}"))
}
