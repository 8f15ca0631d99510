//! Signing in by a mailed link.

use tokio_postgres::types::Type;
use zygo_core::{
    id::EventId,
    identity::{mfa::Standing, one_time::OneTimeToken, risk::history::History},
};

use super::{
    Membership, Redeemed, UserRow,
    mfa::{Arrival, standing::read_standing},
    risk::read_history,
};
use crate::{
    Db, Described, LookupScope, StoreError,
    batch::Batch,
    row::{Cells, at},
    statement::Statement,
};

const REDEEM: Statement<LookupScope> = Statement::new(
    "identity.redeem_magic_link",
    &[Type::BYTEA, Type::UUID, Type::UUID, Type::TIMESTAMPTZ, Type::BYTEA, Type::TEXT],
    &[
        Type::TEXT,
        Type::UUID,
        Type::TEXT,
        Type::BOOL,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::INT4,
        Type::TIMESTAMPTZ,
        Type::BOOL,
        Type::UUID,
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::INT4,
        Type::INT8,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::INT2,
        Type::BOOL,
        Type::TEXT,
        Type::INT2_ARRAY,
        Type::JSONB,
        Type::TEXT_ARRAY,
        Type::UUID,
        Type::TIMESTAMPTZ,
        Type::JSONB,
    ],
    "/* identity.redeem_magic_link */ SELECT r.outcome, (r.profile).*, (r.membership).*, tenant_facts((r.membership).tenant_id) AS tenant_facts, s.*, \
     sign_in_history((r.profile).id, $2, $6, $4) AS history FROM redeem_magic_link($1, $2, $3, $4) r \
     CROSS JOIN LATERAL mfa_standing((r.profile).id, $2, $5, $4) s",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[REDEEM.described()];

/// Who signs in by a link.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one per request, and most are the large one")]
pub enum MagicLink {
    /// Somebody who may.
    Person {
        /// The person, whose address is verified now.
        user: UserRow,
        /// Whether they are suspended everywhere.
        user_suspended: bool,
        /// The membership in the tenant signed in to.
        membership: Option<Membership>,
        /// Where they stand with second factors there.
        standing: Standing,
        /// What this sign-in is compared with.
        history: History,
    },
    /// Somebody who is no member of the tenant; the token is still good elsewhere.
    Stranger,
}

/// Redeems the token of a link in a tenant, or at the platform; once. The address is verified by it, and a password that was
/// set before anybody had proved the address is gone.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn redeem_magic_link(
    db: &Db,
    scope: &LookupScope,
    token: &OneTimeToken,
    arrival: &Arrival,
    event_id: EventId,
) -> Result<Redeemed<MagicLink>, StoreError> {
    let device = arrival.device_hash.as_ref().map(<[u8; 32]>::as_slice);
    let rows = Batch::write(db, scope)
        .add(&REDEEM, &[&token.hash().as_slice(), &arrival.home.uuid(), &event_id.uuid(), &at(arrival.now), &device, &arrival.client()])
        .rows()
        .await?;
    if rows.first().is_some_and(|row| row.cell::<&str>("outcome").is_ok_and(|outcome| outcome == "stranger")) {
        return Ok(Redeemed::Good(MagicLink::Stranger));
    }
    Redeemed::read(&rows, |row| {
        Ok(MagicLink::Person {
            user: UserRow::read(row)?,
            user_suspended: row.cell("user_suspended")?,
            membership: Membership::maybe(row)?,
            standing: read_standing(row)?,
            history: read_history(row)?,
        })
    })
}
