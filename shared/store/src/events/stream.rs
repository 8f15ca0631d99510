//! Events on their way to whoever is connected.

use serde_json::json;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{
    events::event,
    id::{TenantId, UserId},
    stream::{Place, Taken, TakenRow},
    time::Timestamp,
};

use crate::{
    Db, Described, PlatformScope, StoreError, TenantScope,
    batch::Batch,
    row::{Cells, at},
    statement::Statement,
};

/// Notes until when somebody is connected, before the events are looked at: what is committed later owes the object a look.
const WATCH: Statement<TenantScope> = Statement::new(
    "events.take.watch",
    &[Type::TIMESTAMPTZ],
    &[],
    "/* events.take.watch */ INSERT INTO streams (tenant_id, watched_until) VALUES (app_tenant_id(), $1) \
     ON CONFLICT (tenant_id) DO UPDATE SET watched_until = excluded.watched_until WHERE streams.watched_until < excluded.watched_until",
);

/// What the snapshot of now sees and that of `$1` did not; a page of it up to the snapshot `$2`, after transaction `$3` and event `$4`. One
/// statement, since all of it must go by one snapshot. A payload too large for a stream stays in the log.
const TAKE: Statement<TenantScope> = Statement::new(
    "events.take",
    &[Type::TEXT, Type::TEXT, Type::TEXT, Type::UUID, Type::INT8],
    &[Type::TEXT, Type::BOOL, Type::UUID, Type::TEXT, Type::TEXT, Type::INT2, Type::JSONB, Type::BOOL, Type::UUID, Type::TEXT, Type::TIMESTAMPTZ],
    "/* events.take */ SELECT pg_current_snapshot()::text AS now, \
       coalesce(pg_snapshot_xmax($1::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()), false) AS set_back, \
       e.id, e.transaction::text AS transaction, e.type, e.type_version, CASE WHEN NOT e.large THEN e.data END AS data, e.large, e.user_id, \
       e.request_id, e.occurred_at \
     FROM (VALUES (1)) one (n) LEFT JOIN LATERAL ( \
       SELECT e.*, octet_length(e.data::text) > 65536 AS large FROM events e \
       WHERE e.tenant_id = app_tenant_id() AND e.transaction >= pg_snapshot_xmin($1::pg_snapshot) \
         AND NOT pg_visible_in_snapshot(e.transaction, $1::pg_snapshot) \
         AND ($2 IS NULL OR pg_visible_in_snapshot(e.transaction, $2::pg_snapshot) AND (e.transaction, e.id) > ($3::xid8, $4)) \
       ORDER BY e.transaction, e.id LIMIT $5) e ON true \
     ORDER BY e.transaction, e.id",
);

/// Tenants with somebody connected in which something happened lately: their objects may have missed the news.
const MISSED: Statement<PlatformScope> = Statement::new(
    "events.missed",
    &[Type::TIMESTAMPTZ, Type::TIMESTAMPTZ, Type::INT8],
    &[Type::UUID],
    "/* events.missed */ SELECT s.tenant_id FROM streams s WHERE s.watched_until > $1 \
       AND EXISTS (SELECT FROM events e WHERE e.tenant_id = s.tenant_id AND e.occurred_at > $2) LIMIT $3",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[WATCH.described(), TAKE.described(), MISSED.described()];

/// Takes what was committed since a place, at most so much of it; one round trip. `watch_until` is until when somebody is connected, where
/// that is to be noted anew.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn take(db: &Db, scope: &TenantScope, place: &Place, watch_until: Option<Timestamp>, most: i64) -> Result<Taken, StoreError> {
    let until = watch_until.map(at);
    let page = place.page.as_ref();
    let (until_snapshot, transaction, id) = (page.map(|page| &page.until), page.map(|page| &page.transaction), page.map(|page| page.id));
    let params: [crate::batch::Param<'_>; 5] = [&place.seen, &until_snapshot, &transaction, &id, &most];
    let rows = match &until {
        Some(until) => {
            let mut answers = Batch::write(db, scope).add(&WATCH, &[until]).add(&TAKE, &params).run().await?;
            drop(answers.take());
            answers.take()
        }
        None => Batch::read(db, scope).add(&TAKE, &params).rows().await?,
    };
    let first = rows.first().ok_or_else(|| StoreError::Bug("events.take: no row".into()))?;
    let (now, set_back) = (first.cell("now")?, first.cell("set_back")?);
    let taken = rows.iter().map(taken).filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
    let full = i64::try_from(taken.len()).is_ok_and(|count| count >= most);
    Ok(Taken { now, set_back, rows: taken, full })
}

/// The event of a row; none in the one that stands for no event.
fn taken(row: &Row) -> Result<Option<TakenRow>, StoreError> {
    let Some(id) = row.cell::<Option<Uuid>>("id")? else { return Ok(None) };
    let event_type: String = row.cell("type")?;
    let data: Option<serde_json::Value> = row.cell("data")?;
    let mut told = json!({
        "id": id, "type": event_type, "version": row.cell::<i16>("type_version")?, "data": data,
        "user_id": row.cell::<Option<Uuid>>("user_id")?.map(UserId::from), "request_id": row.cell::<Option<String>>("request_id")?,
        "occurred_at": row.time("occurred_at")?,
    });
    if let (true, Some(told)) = (row.cell("large")?, told.as_object_mut()) {
        told.insert("truncated".into(), true.into());
    }
    let audience = event::audience(&event_type, data.as_ref().unwrap_or_default());
    Ok(Some(TakenRow { id, transaction: row.cell("transaction")?, audience, text: told.to_string() }))
}

/// Tenants whose objects should look, of those where something happened since an instant.
///
/// # Errors
/// `Unavailable`.
pub async fn missed(db: &Db, scope: &PlatformScope, since: Timestamp, now: Timestamp, most: i64) -> Result<Vec<TenantId>, StoreError> {
    Batch::read(db, scope).add(&MISSED, &[&at(now), &at(since), &most]).rows().await?.iter().map(|row| row.id("tenant_id")).collect()
}
