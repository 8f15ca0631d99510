//! Who may still be told: what the gate says of whom was revoked.

use uuid::Uuid;
use zygo_core::{
    error::{Code, Problem},
    gate::Watch,
    id::TenantId,
    stream::Reader,
    time::Timestamp,
};
use zygo_runtime::clock;

use super::{super::connection::Connection, Hub, Source, problem};
use crate::{GateHandle, rpc::Fault};

impl<S: Source> Hub<S> {
    pub(super) async fn look_if_behind(&self, tenant_id: TenantId) -> Result<(), Problem> {
        let is_behind = self.watch.borrow().as_ref().is_none_or(|watch| watch.is_behind(clock::now()));
        if is_behind { self.look(tenant_id).await } else { Ok(()) }
    }

    /// Asks the gate what was revoked, and ends what is void.
    pub(super) async fn look(&self, tenant_id: TenantId) -> Result<(), Problem> {
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

    pub(super) fn knows(&self) -> bool {
        self.watch.borrow().as_ref().is_some_and(|watch| watch.knows(clock::now()))
    }

    pub(super) fn judge(&self, reader: &Reader, now: Timestamp) -> Result<(), Code> {
        if reader.expires_at <= now {
            return Err(Code::TokenExpired);
        }
        let watch = self.watch.borrow();
        let watch = watch.as_ref().ok_or(Code::DependencyUnavailable)?;
        watch.judge(reader.user_id, reader.session_id, reader.issued_at, &reader.address, now)
    }

    /// Ends the streams of all who may be told nothing more. Of what is not known nothing follows: nothing is told then either.
    pub(super) fn narrow(&self, now: Timestamp) -> Result<(), Fault> {
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
}
