//! Taking over what was committed, and telling it.

use std::collections::BTreeMap;

use futures::future::join;
use uuid::Uuid;
use zygo_core::{
    error::{Code, Problem},
    id::TenantId,
    stream::{Entry, Fed, Log, Place, Taken, frame},
    time::Timestamp,
};
use zygo_runtime::{clock, random};

use super::{
    super::{
        connection::{Connection, Frame},
        keep,
    },
    Hub, Source, problem,
};
use crate::rpc::Fault;

impl<S: Source> Hub<S> {
    /// Takes over what was committed and tells it. Those who ask while one is at it are answered by the next who is.
    pub(super) async fn take(&self, tenant_id: TenantId, watch_until: Option<Timestamp>) -> Result<(), Problem> {
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
