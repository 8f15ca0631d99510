//! The shell of the session objects.
#![expect(missing_docs, reason = "methods that the macro makes")]

use worker::{DurableObject, Env, Request, Response, SqlStorageValue, State, durable_object};
use zygo_core::{
    id::{SessionId, UserId},
    identity::session::{Attempt, EndReason, Filter, NewSession, Refreshed, Session, SessionView},
    time::Timestamp,
};
use zygo_runtime::clock;

use super::Op;
use crate::{
    rpc::Fault,
    serve::{Answer, serve},
    storage::{Instant, Storage, Text, from_json, instant, to_json},
};

const SCHEMA: &str = "
create table if not exists sessions (
  id text primary key, user_id text not null, forget_at integer not null, record text not null
) without rowid;
create index if not exists sessions_user on sessions (user_id);
create index if not exists sessions_forget on sessions (forget_at);
create table if not exists rotated (session_id text not null, hash text not null, primary key (session_id, hash)) without rowid;
";

/// How long a session stays known after it ran out, so that its token is told so: a day, in seconds.
const AFTERLIFE_SECONDS: i64 = 24 * 3600;

/// Object class `SessionsObject`, binding `SESSIONS`.
#[durable_object(alarm)]
pub struct SessionsObject {
    storage: Storage,
}

impl DurableObject for SessionsObject {
    fn new(state: State, _: Env) -> Self {
        Self { storage: Storage::new(state, SCHEMA) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        serve(request, async |op| self.run(op).await).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.storage.woken();
        self.forget(clock::now()).await.map_err(Fault::into_error)?;
        Response::empty()
    }
}

fn forget_at(session: &Session) -> Timestamp {
    session.expires_at().plus_seconds(AFTERLIFE_SECONDS)
}

fn text(value: impl ToString) -> SqlStorageValue {
    SqlStorageValue::String(value.to_string())
}

impl SessionsObject {
    async fn run(&self, op: Op) -> Result<Answer, Fault> {
        match op {
            Op::Create { session } => Answer::of(&self.create(session).await?),
            Op::Refresh { session_id, user_id, attempt } => Answer::of(&self.refresh(session_id, user_id, &attempt)?),
            Op::List { user_id, now } => Answer::of(&self.list(user_id, now)?),
            Op::Verify { id, user_id, amr, now } => Answer::of(&self.verify(id, user_id, amr, now)?),
            Op::End { user_id, filter, reason, now } => Answer::of(&self.end(user_id, filter, reason, now)?),
            Op::Get { id } => Answer::of(&self.load(id)?.map(|session| session.view())),
        }
    }

    async fn create(&self, new: NewSession) -> Result<SessionView, Fault> {
        if let Some(known) = self.load(new.id)? {
            return Ok(known.view());
        }
        let session = Session::begin(new);
        self.save(&session)?;
        self.storage.wake_by(forget_at(&session)).await?;
        Ok(session.view())
    }

    fn refresh(&self, id: SessionId, user: UserId, attempt: &Attempt) -> Result<Refreshed, Fault> {
        let Some(mut session) = self.load(id)?.filter(|session| session.user_id() == user) else {
            return Ok(Refreshed::Unknown);
        };
        let key = || vec![text(id), text(attempt.secret.hash().encode())];
        let known: Vec<Text> = self.storage.rows("select hash as value from rotated where session_id = ? and hash = ?", key())?;
        let outcome = session.refresh(attempt, !known.is_empty());
        if matches!(outcome, Refreshed::Rotated { .. }) {
            self.storage.run("insert or ignore into rotated (session_id, hash) values (?, ?)", key())?;
        }
        if matches!(outcome, Refreshed::Rotated { .. } | Refreshed::Reused { .. }) {
            self.save(&session)?;
        }
        Ok(outcome)
    }

    fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<SessionView>, Fault> {
        let sessions = self.of_user(user)?;
        let mut live: Vec<_> = sessions.iter().filter(|session| session.is_live(now)).map(Session::view).collect();
        live.sort_by_key(|session| std::cmp::Reverse((session.last_seen_at, session.id)));
        Ok(live)
    }

    fn verify(&self, id: SessionId, user: UserId, amr: Vec<String>, now: Timestamp) -> Result<bool, Fault> {
        let Some(mut session) = self.load(id)?.filter(|session| session.user_id() == user) else { return Ok(false) };
        let live = session.verify(amr, now);
        if live {
            self.save(&session)?;
        }
        Ok(live)
    }

    fn end(&self, user: UserId, filter: Filter, reason: EndReason, now: Timestamp) -> Result<Vec<SessionId>, Fault> {
        let mut ended = Vec::new();
        for mut session in self.of_user(user)? {
            if filter.matches(session.id()) && session.end(reason, now) {
                self.save(&session)?;
                ended.push(session.id());
            }
        }
        Ok(ended)
    }

    fn load(&self, id: SessionId) -> Result<Option<Session>, Fault> {
        let rows: Vec<Text> = self.storage.rows("select record as value from sessions where id = ?", vec![text(id)])?;
        rows.first().map(|row| from_json(&row.value)).transpose()
    }

    fn of_user(&self, user: UserId) -> Result<Vec<Session>, Fault> {
        let rows: Vec<Text> = self.storage.rows("select record as value from sessions where user_id = ?", vec![text(user)])?;
        rows.iter().map(|row| from_json(&row.value)).collect()
    }

    fn save(&self, session: &Session) -> Result<(), Fault> {
        self.storage.run(
            "insert or replace into sessions (id, user_id, forget_at, record) values (?, ?, ?, ?)",
            vec![text(session.id()), text(session.user_id()), instant(forget_at(session)), to_json(session)?],
        )
    }

    async fn forget(&self, now: Timestamp) -> Result<(), Fault> {
        self.storage.run("delete from rotated where session_id in (select id from sessions where forget_at <= ?)", vec![instant(now)])?;
        self.storage.run("delete from sessions where forget_at <= ?", vec![instant(now)])?;
        let next: Vec<Instant> = self.storage.rows("select min(forget_at) as value from sessions", Vec::new())?;
        match next.first().and_then(|row| row.value) {
            Some(at) => self.storage.wake_by(Timestamp::from_millis(at)).await,
            None => self.storage.clear().await,
        }
    }
}
