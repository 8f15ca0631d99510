//! Factors that were proved to work, and the codes that stand in for them.

use tokio_postgres::types::Type;
use uuid::Uuid;
use zygo_core::{
    id::{OutboxId, TenantId, UserId},
    seal::CodeHash,
    time::Timestamp,
};

use crate::{
    Db, Described, LookupScope, StoreError, TenantScope,
    batch::Batch,
    identity::notice,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

/// Holds others back who change the same person's factors: what follows in the batch sees what they did.
const LOCK: Statement<TenantScope> = Statement::new(
    "identity.change_factors.lock",
    &[],
    &[Type::UUID],
    "/* identity.change_factors.lock */ SELECT id FROM users WHERE id = app_user_id() FOR UPDATE",
);

/// What goes with a factor that is confirmed: fresh ($1), replace codes ($2), their ids and hashes ($3, $4), now ($5), notice ($6).
macro_rules! with_confirmed {
    ($statement:literal) => {
        concat!(
            $statement,
            ", codeless AS (SELECT FROM confirmed WHERE $2 OR NOT EXISTS (SELECT FROM mfa_backup_codes WHERE user_id = app_user_id() AND used_at IS NULL)), \
             voided AS (DELETE FROM mfa_backup_codes WHERE user_id = app_user_id() AND EXISTS (SELECT FROM codeless)), \
             codes AS ( \
               INSERT INTO mfa_backup_codes (id, user_id, code_hash, created_at) \
               SELECT c.id, app_user_id(), c.hash, $5 FROM codeless, unnest($3, $4) c (id, hash) RETURNING id), \
             logged AS ( \
               INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
               SELECT make_uuid_v7($5), app_tenant_id(), 'user.factor_added', jsonb_build_object('user_id', app_user_id(), 'factor', kind), \
                 app_user_id(), app_request_id(), $5 FROM confirmed) \
             SELECT EXISTS (SELECT FROM proved WHERE right_one) AS proved, EXISTS (SELECT FROM confirmed) AS confirmed, \
               EXISTS (SELECT FROM codes) AS coded, \
               (SELECT owe_notice($6, jsonb_build_object('what', 'factor_added', 'factor', kind), $5) FROM confirmed) AS noticed"
        )
    };
}

const CONFIRM: Statement<TenantScope> = Statement::new(
    "identity.confirm_totp",
    &[Type::BOOL, Type::BOOL, Type::UUID_ARRAY, Type::BYTEA_ARRAY, Type::TIMESTAMPTZ, Type::UUID, Type::UUID, Type::INT8],
    &[Type::BOOL, Type::BOOL, Type::BOOL, Type::BOOL],
    with_confirmed!(
        "/* identity.confirm_totp */ WITH proved AS (SELECT true AS right_one), \
         confirmed AS ( \
           UPDATE mfa_tokens SET confirmed_at = $5, last_step = $8 \
           WHERE id = $7 AND user_id = app_user_id() AND kind = 'totp' AND confirmed_at IS NULL \
             AND ($1 OR NOT mfa_factors(app_user_id()) && ARRAY['totp', 'sms', 'passkey']) RETURNING kind)"
    ),
);

const CONFIRM_SMS: Statement<TenantScope> = Statement::new(
    "identity.confirm_sms",
    &[Type::BOOL, Type::BOOL, Type::UUID_ARRAY, Type::BYTEA_ARRAY, Type::TIMESTAMPTZ, Type::UUID, Type::BYTEA_ARRAY],
    &[Type::BOOL, Type::BOOL, Type::BOOL, Type::BOOL],
    with_confirmed!(
        "/* identity.confirm_sms */ WITH proved AS MATERIALIZED (SELECT outcome = 'right' AS right_one FROM take_sms_code('factor', $7, $5)), \
         confirmed AS ( \
           UPDATE mfa_tokens SET confirmed_at = $5 FROM proved \
           WHERE proved.right_one AND user_id = app_user_id() AND kind = 'sms' AND confirmed_at IS NULL \
             AND ($1 OR NOT mfa_factors(app_user_id()) && ARRAY['totp', 'sms', 'passkey']) RETURNING kind)"
    ),
);

const REPLACE: Statement<TenantScope> = Statement::new(
    "identity.replace_backup_codes",
    &[Type::UUID_ARRAY, Type::BYTEA_ARRAY, Type::TIMESTAMPTZ, Type::UUID],
    &[Type::BOOL, Type::BOOL],
    "/* identity.replace_backup_codes */ WITH enrolled AS (SELECT true AS yes WHERE mfa_factors(app_user_id()) && ARRAY['totp', 'sms', 'passkey']), \
     voided AS (DELETE FROM mfa_backup_codes WHERE user_id = app_user_id() AND EXISTS (SELECT FROM enrolled)), \
     codes AS ( \
       INSERT INTO mfa_backup_codes (id, user_id, code_hash, created_at) \
       SELECT c.id, app_user_id(), c.hash, $3 FROM enrolled, unnest($1, $2) c (id, hash)) \
     SELECT EXISTS (SELECT FROM enrolled) AS enrolled, \
       (SELECT owe_notice($4, '{\"what\": \"factor_added\", \"factor\": \"backup_codes\"}', $3) FROM enrolled) AS noticed",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[LOCK.described(), CONFIRM.described(), CONFIRM_SMS.described(), REPLACE.described()];

/// A set of backup codes as they are kept.
#[derive(Clone)]
pub struct CodeSet {
    /// Identifiers.
    pub ids: Vec<Uuid>,
    /// The codes' hashes, as many.
    pub hashes: Vec<CodeHash>,
}

fn slices(hashes: &[CodeHash]) -> Vec<&[u8]> {
    hashes.iter().map(<[u8; 32]>::as_slice).collect()
}

/// How a factor is proved to work.
#[derive(Clone, Copy)]
pub enum ProofOf<'a> {
    /// An authenticator app, by a code that was compared: the secret's identifier, and the code's step.
    Totp(Uuid, i64),
    /// A number, by the code that was sent there: what may be kept of what was typed.
    Sms(&'a [CodeHash]),
}

/// A factor to be confirmed.
#[derive(Clone)]
pub struct Confirmation<'a> {
    /// Whose.
    pub user_id: UserId,
    /// That it works.
    pub proof: ProofOf<'a>,
    /// Whether the person gave another factor just now.
    pub fresh: bool,
    /// Backup codes to keep.
    pub codes: &'a CodeSet,
    /// Whether they replace those that there are.
    pub replace_codes: bool,
    /// Identifier of the notice's outbox row.
    pub outbox_id: OutboxId,
    /// The instant.
    pub now: Timestamp,
}

/// What came of a confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// The factor is set up.
    Done {
        /// Whether the backup codes were kept.
        coded: bool,
        /// The notice's row.
        queued: Queued,
    },
    /// The code was wrong.
    Wrong,
    /// It was confirmed, started anew, or another factor set up, at the same moment.
    Lost,
}

/// Confirms a factor, with its event and its notice, and with backup codes where there are none or they are to be replaced.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn confirm_factor(db: &Db, scope: &LookupScope, confirmation: &Confirmation<'_>) -> Result<Confirmed, StoreError> {
    let scope = scope.within(TenantId::PLATFORM, Some(confirmation.user_id));
    let Confirmation { proof, fresh, codes, replace_codes, outbox_id, now, .. } = confirmation;
    let (hashes, outbox, now) = (slices(&codes.hashes), outbox_id.uuid(), at(*now));
    let batch = Batch::write(db, &scope).add(&LOCK, &[]);
    let mut answers = match proof {
        ProofOf::Totp(id, step) => batch.add(&CONFIRM, &[fresh, replace_codes, &codes.ids, &hashes, &now, &outbox, id, step]).run().await?,
        ProofOf::Sms(typed) => batch.add(&CONFIRM_SMS, &[fresh, replace_codes, &codes.ids, &hashes, &now, &outbox, &slices(typed)]).run().await?,
    };
    answers.take();
    let row = only(answers.take(), "identity.confirm_factor")?;
    Ok(match (row.cell("proved")?, row.cell("confirmed")?) {
        (false, _) => Confirmed::Wrong,
        (true, false) => Confirmed::Lost,
        (true, true) => Confirmed::Done { coded: row.cell("coded")?, queued: notice::queued(*outbox_id) },
    })
}

/// Replaces somebody's backup codes, with a notice; answers its row. `None` if they have no second factor that these could
/// stand in for.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn replace_backup_codes(
    db: &Db,
    scope: &LookupScope,
    user_id: UserId,
    codes: &CodeSet,
    outbox_id: OutboxId,
    now: Timestamp,
) -> Result<Option<Queued>, StoreError> {
    let scope = scope.within(TenantId::PLATFORM, Some(user_id));
    let params: [crate::batch::Param<'_>; 4] = [&codes.ids, &slices(&codes.hashes), &at(now), &outbox_id.uuid()];
    let mut answers = Batch::write(db, &scope).add(&LOCK, &[]).add(&REPLACE, &params).run().await?;
    answers.take();
    let enrolled: bool = only(answers.take(), "identity.replace_backup_codes")?.cell("enrolled")?;
    Ok(enrolled.then(|| notice::queued(outbox_id)))
}
