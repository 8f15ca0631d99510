//! Arriving at a stream: what was missed, and a connection for what comes.

use uuid::Uuid;
use worker::{Response, ResponseBuilder, WebSocket, WebSocketPair};
use zygo_core::{
    error::{Code, Problem},
    stream::{Cursor, Log, Reader, Resume, frame, room},
};
use zygo_runtime::{clock, log, random};

use super::{
    super::{
        Missed, Opening,
        connection::{Attachment, Connection, Frame},
    },
    BEAT, Hub, LOOK_AGAIN, Source, problem,
};
use crate::rpc::Fault;

/// Seconds that Postgres is told somebody is connected beyond the token that connects them, so that others who come need not say so.
const SLACK: i64 = 600;

impl<S: Source> Hub<S> {
    /// Says what was missed. Nobody is connected afterwards.
    pub(super) async fn read(&self, opening: &Opening) -> Result<Missed, Problem> {
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

    pub(super) async fn connect(&self, opening: Opening, by_socket: bool) -> Result<Response, Problem> {
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

fn refused(code: Code) -> Problem {
    match code {
        Code::DependencyUnavailable => Problem::unavailable("the gate was not heard"),
        code => Problem::new(code),
    }
}
