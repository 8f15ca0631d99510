//! Codes by SMS: asked for here, made and sent by a job.

use tokio_postgres::types::Type;
use zygo_core::{
    events::job::Queue,
    id::{EventId, OutboxId, SmsCodeId, TenantId, UserId},
    seal::CodeHash,
    time::Timestamp,
};

use super::{
    NewFactor, Started,
    enrol::{START, started},
};
use crate::{
    Db, Described, LookupScope, PlatformScope, StoreError, TenantScope,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at},
    statement::Statement,
};

/// Owes a code; one for the same purpose that was under way is void. With `$7`, only if that factor waits to be confirmed.
const OWE: Statement<TenantScope> = Statement::new(
    "identity.owe_sms_code",
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ, Type::UUID, Type::UUID],
    &[],
    "/* identity.owe_sms_code */ WITH code AS ( \
       INSERT INTO sms_codes (id, user_id, purpose, phone, expires_at, created_at) \
       SELECT $1, app_user_id(), $2, $3, $4, $5 \
       WHERE $7 IS NULL OR EXISTS (SELECT FROM mfa_tokens WHERE id = $7 AND user_id = app_user_id() AND confirmed_at IS NULL) \
       ON CONFLICT (user_id, purpose) DO UPDATE SET id = excluded.id, phone = excluded.phone, code_hash = NULL, answers = 0, \
         expires_at = excluded.expires_at, created_at = excluded.created_at \
       RETURNING id) \
     INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
     SELECT $6, app_tenant_id(), 'sms.code', 'mail', jsonb_build_object('kind', 'sms.code', 'user_id', app_user_id(), 'code_id', id), $5, \
       $5 + interval '30 seconds' FROM code",
);

const BEGIN: Statement<PlatformScope> = Statement::new(
    "identity.begin_sms_code",
    &[Type::UUID, Type::BYTEA, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::TEXT],
    "/* identity.begin_sms_code */ UPDATE sms_codes c SET code_hash = $2 FROM users u \
     WHERE c.id = $1 AND c.expires_at > $3 AND u.id = c.user_id AND u.status = 'active' RETURNING c.phone, u.locale",
);

const VERIFY_PHONE: Statement<LookupScope> = Statement::new(
    "identity.verify_phone",
    &[Type::BYTEA_ARRAY, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::TEXT],
    "/* identity.verify_phone */ SELECT * FROM verify_phone($1, $2, $3)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[OWE.described(), BEGIN.described(), VERIFY_PHONE.described()];

/// What a code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmsPurpose {
    /// To verify the profile's number.
    Phone,
    /// To answer for a second factor.
    Answer,
}

/// A code to be sent.
#[derive(Clone)]
pub struct NewSmsCode<'a> {
    /// Identifier.
    pub id: SmsCodeId,
    /// To whom.
    pub user_id: UserId,
    /// At which number.
    pub phone: &'a str,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// Identifier of the outbox row.
    pub outbox_id: OutboxId,
    /// The instant.
    pub now: Timestamp,
}

impl NewSmsCode<'_> {
    fn queued(&self) -> Queued {
        Queued { id: self.outbox_id, tenant_id: TenantId::PLATFORM, kind: "sms.code".to_owned(), queue: Queue::Mail }
    }
}

/// Owes a code.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn owe_sms_code(db: &Db, scope: &LookupScope, new: &NewSmsCode<'_>, purpose: SmsPurpose) -> Result<Queued, StoreError> {
    let scope = scope.within(TenantId::PLATFORM, Some(new.user_id));
    let (id, outbox, no_factor) = (new.id.uuid(), new.outbox_id.uuid(), None::<uuid::Uuid>);
    let purpose = match purpose {
        SmsPurpose::Phone => "phone",
        SmsPurpose::Answer => "answer",
    };
    Batch::write(db, &scope).add(&OWE, &[&id, &purpose, &new.phone, &at(new.expires_at), &at(new.now), &outbox, &no_factor]).rows().await?;
    Ok(new.queued())
}

/// Keeps a number until the code that is sent there confirms it, as a factor; owes the code only if it is kept.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn start_sms_factor(
    db: &Db,
    scope: &LookupScope,
    factor: &NewFactor<'_>,
    code: &NewSmsCode<'_>,
) -> Result<(Started, Option<Queued>), StoreError> {
    let scope = scope.within(TenantId::PLATFORM, Some(factor.user_id));
    let (id, outbox) = (code.id.uuid(), code.outbox_id.uuid());
    let mut answers = Batch::write(db, &scope)
        .add(&START, &[&factor.id, &factor.factor.key(), &factor.sealed.as_bytes(), &factor.fresh, &at(factor.now)])
        .add(&OWE, &[&id, &"factor", &code.phone, &at(code.expires_at), &at(code.now), &outbox, &Some(factor.id)])
        .run()
        .await?;
    let started = started(&answers.take(), factor.factor)?;
    let queued = matches!(started, Started::Kept { .. }).then(|| code.queued());
    Ok((started, queued))
}

/// Where a code goes, and in which language. `Debug` is not for it.
#[derive(Clone)]
pub struct SmsRecipient {
    /// The number.
    pub phone: String,
    /// Language, BCP 47.
    pub locale: String,
}

/// Keeps the hash of a code that is about to be sent. `None` if nobody wants it any more: it is too old, or another took its place.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn begin_sms_code(
    db: &Db,
    scope: &PlatformScope,
    id: SmsCodeId,
    hash: &CodeHash,
    now: Timestamp,
) -> Result<Option<SmsRecipient>, StoreError> {
    let rows = Batch::write(db, scope).add(&BEGIN, &[&id.uuid(), &hash.as_slice(), &at(now)]).rows().await?;
    rows.first().map(|row| Ok(SmsRecipient { phone: row.cell("phone")?, locale: row.cell("locale")? })).transpose()
}

/// Takes the code that verifies somebody's number, and answers the number, which is the profile's from now on. `None` if the
/// code is wrong, there is none that could be right, or it had its five answers.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn verify_phone(
    db: &Db,
    scope: &LookupScope,
    user_id: UserId,
    hashes: &[CodeHash],
    event_id: EventId,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let scope = scope.of(user_id);
    let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    let rows = Batch::write(db, &scope).add(&VERIFY_PHONE, &[&hashes, &event_id.uuid(), &at(now)]).rows().await?;
    match rows.first() {
        Some(row) if row.cell::<&str>("outcome")? == "right" => row.cell("phone").map(Some),
        _ => Ok(None),
    }
}
