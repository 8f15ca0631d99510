//! Invitations, as the organisation that sends them sees them.

use std::fmt;

use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{
    events::job::Queue,
    id::{InvitationId, OutboxId, UserId},
    tenancy::plan::Feature,
    time::Timestamp,
};

use super::{PlanLimits, actor, limit};
use crate::{
    Db, Described, PlatformScope, StoreError, TenantScope,
    batch::Batch,
    identity::RoleRow,
    outbox::Queued,
    row::{Cells, at},
    statement::Statement,
};

const INVITATION: &[Type] = &[
    Type::UUID,
    Type::TEXT,
    Type::TEXT,
    Type::UUID,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ,
    Type::INT4,
    Type::UUID,
    Type::TEXT,
    Type::TEXT,
    Type::INT2,
    Type::BOOL,
];

/// The columns of an invitation as its organisation sees it; `$at` is the parameter with the instant.
macro_rules! invitations {
    ($comment:literal, $at:literal, $rest:literal) => {
        concat!(
            "/* ",
            $comment,
            " */ SELECT i.id, i.email, CASE WHEN i.accepted_at IS NOT NULL THEN 'accepted' WHEN i.revoked_at IS NOT NULL THEN 'revoked' \
             WHEN i.expires_at <= ",
            $at,
            " THEN 'expired' ELSE 'pending' END AS status, i.invited_by, i.created_at, i.expires_at, i.version, r.id AS role_id, r.key AS role_key, \
             r.name AS role_name, r.level AS role_level, r.is_default AS role_is_default \
             FROM invitations i JOIN roles r ON r.tenant_id = i.tenant_id AND r.id = i.role_id WHERE i.tenant_id = app_tenant_id() AND ",
            $rest
        )
    };
}

const LIST: Statement<TenantScope> = Statement::new(
    "access.list_invitations",
    &[Type::TIMESTAMPTZ, Type::TEXT, Type::TIMESTAMPTZ, Type::UUID, Type::INT8],
    INVITATION,
    invitations!(
        "access.list_invitations",
        "$1",
        "($2 IS NULL OR $2 = CASE WHEN i.accepted_at IS NOT NULL THEN 'accepted' WHEN i.revoked_at IS NOT NULL THEN 'revoked' \
           WHEN i.expires_at <= $1 THEN 'expired' ELSE 'pending' END) \
         AND ($3 IS NULL OR (i.created_at, i.id) < ($3, $4)) ORDER BY i.created_at DESC, i.id DESC LIMIT $5"
    ),
);

const THESE: Statement<TenantScope> = Statement::new(
    "access.invitations",
    &[Type::TIMESTAMPTZ, Type::UUID_ARRAY],
    INVITATION,
    invitations!("access.invitations", "$1", "i.id = ANY ($2)"),
);

/// Makes room for new invitations to addresses whose last one ran out. A statement of its own: the index that keeps them
/// apart must see it.
const LAPSE: Statement<TenantScope> = Statement::new(
    "access.invite.lapse",
    &[Type::TEXT_ARRAY, Type::TIMESTAMPTZ],
    &[],
    "/* access.invite.lapse */ UPDATE invitations SET revoked_at = $2, updated_at = $2 \
     WHERE tenant_id = app_tenant_id() AND email = ANY ($1) AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at <= $2",
);

/// $1 ids, $2 addresses, $3 roles, $4 outbox ids, $5 plans, $6 their limits a day, $7 when they run out, $8 now.
const INVITE: Statement<TenantScope> = Statement::new(
    "access.invite",
    &[
        Type::UUID_ARRAY,
        Type::TEXT_ARRAY,
        Type::TEXT_ARRAY,
        Type::UUID_ARRAY,
        Type::TEXT_ARRAY,
        Type::INT8_ARRAY,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
    ],
    &[Type::BOOL, Type::BOOL, Type::BOOL, Type::BOOL, Type::BOOL, Type::BOOL, Type::BOOL],
    concat!(
        "/* access.invite */ WITH ",
        actor!(),
        ", room AS (",
        limit!("invitations_per_day", "$5", "$6"),
        "), asked AS (SELECT a.id, a.email, a.outbox_id, a.place, r.id AS role_id, r.id IS NOT NULL AS known, \
             coalesce(own.level > r.level OR (own.level = 100 AND r.level = 100), false) AS below, \
             coalesce(s.allowed_mail_domains = '{}' OR split_part(a.email, '@', 2) = ANY (s.allowed_mail_domains), true) AS welcome, \
             EXISTS (SELECT FROM user_roles m JOIN users u ON u.id = m.user_id WHERE m.tenant_id = app_tenant_id() AND u.email = a.email) AS member, \
             EXISTS (SELECT FROM invitations o WHERE o.tenant_id = app_tenant_id() AND o.email = a.email AND o.accepted_at IS NULL \
               AND o.revoked_at IS NULL) AS invited \
           FROM unnest($1, $2, $3, $4) WITH ORDINALITY a (id, email, role, outbox_id, place) \
           CROSS JOIN tenant_settings s \
           LEFT JOIN LATERAL (SELECT w.id, w.level FROM roles w WHERE w.tenant_id = app_tenant_id() AND (w.key = a.role OR w.id::text = a.role) \
             ORDER BY w.key = a.role DESC LIMIT 1) r ON true \
           LEFT JOIN actor own ON true WHERE s.tenant_id = app_tenant_id()), \
         verdict AS (SELECT bool_and(known AND below AND welcome) AS right, coalesce((SELECT count(*) FROM invitations o \
             WHERE o.tenant_id = app_tenant_id() AND o.created_at > $8 - interval '1 day') + count(*) <= (SELECT most FROM room), true) AS fits FROM asked), \
         made AS (INSERT INTO invitations (id, tenant_id, email, role_id, invited_by, expires_at, created_at, updated_at) \
           SELECT a.id, app_tenant_id(), a.email, a.role_id, app_user_id(), $7, $8, $8 FROM asked a, verdict v \
           WHERE v.right AND v.fits AND NOT a.member AND NOT a.invited RETURNING id, role_id), \
         owed AS (INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
           SELECT a.outbox_id, app_tenant_id(), 'mail.invitation', 'mail', jsonb_build_object('kind', 'mail.invitation', 'invitation_id', a.id), \
             $8, $8 + interval '30 seconds' FROM made JOIN asked a ON a.id = made.id), \
         logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
           SELECT make_uuid_v7($8), app_tenant_id(), 'user.invited', jsonb_build_object('invitation_id', id, 'role_id', role_id), app_user_id(), \
             app_request_id(), $8 FROM made) \
         SELECT a.known, a.below, a.welcome, a.member, a.invited, v.fits, m.id IS NOT NULL AS made \
         FROM asked a CROSS JOIN verdict v LEFT JOIN made m ON m.id = a.id ORDER BY a.place"
    ),
);

/// An invitation that is acted on ($1), and whether the context's person outranks its role.
macro_rules! open {
    ($comment:literal, $at:literal, $rest:literal) => {
        concat!(
            "/* ",
            $comment,
            " */ WITH ",
            actor!(),
            ", target AS (SELECT i.id, i.accepted_at IS NULL AND i.revoked_at IS NULL AS open, \
               coalesce(a.level > r.level OR (a.level = 100 AND r.level = 100), false) AS below \
             FROM invitations i JOIN roles r ON r.tenant_id = i.tenant_id AND r.id = i.role_id LEFT JOIN actor a ON true \
             WHERE i.tenant_id = app_tenant_id() AND i.id = $1), ",
            $rest
        )
    };
}

const REVOKE: Statement<TenantScope> = Statement::new(
    "access.revoke_invitation",
    &[Type::UUID, Type::TIMESTAMPTZ],
    &[Type::BOOL, Type::BOOL],
    open!(
        "access.revoke_invitation",
        "$2",
        "done AS (UPDATE invitations i SET revoked_at = $2, updated_at = $2 FROM target t WHERE i.id = t.id AND t.open AND t.below RETURNING i.id), \
         logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
           SELECT make_uuid_v7($2), app_tenant_id(), 'invitation.revoked', jsonb_build_object('invitation_id', id), app_user_id(), app_request_id(), $2 \
           FROM done) \
         SELECT open, below FROM target"
    ),
);

/// $1 invitation, $2 outbox id, $3 when it runs out, $4 now. The link of the mail before is void at once.
const RESEND: Statement<TenantScope> = Statement::new(
    "access.resend_invitation",
    &[Type::UUID, Type::UUID, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ],
    &[Type::BOOL, Type::BOOL],
    open!(
        "access.resend_invitation",
        "$4",
        "done AS (UPDATE invitations i SET expires_at = $3, invited_by = app_user_id(), token_hash = NULL, updated_at = $4 \
           FROM target t WHERE i.id = t.id AND t.open AND t.below RETURNING i.id), \
         owed AS (INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
           SELECT $2, app_tenant_id(), 'mail.invitation', 'mail', jsonb_build_object('kind', 'mail.invitation', 'invitation_id', id), $4, \
             $4 + interval '30 seconds' FROM done) \
         SELECT open, below FROM target"
    ),
);

const BEGIN: Statement<PlatformScope> = Statement::new(
    "access.begin_invitation",
    &[Type::UUID, Type::BYTEA, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::TEXT],
    "/* access.begin_invitation */ UPDATE invitations i SET token_hash = $2 FROM users inviter, tenants t \
     WHERE i.id = $1 AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > $3 AND inviter.id = i.invited_by \
       AND t.id = i.tenant_id AND t.status = 'active' \
     RETURNING i.email, coalesce((SELECT u.locale FROM users u WHERE u.email = i.email), inviter.locale) AS locale",
);

/// This module's statements.
pub const STATEMENTS: &[Described] =
    &[LIST.described(), THESE.described(), LAPSE.described(), INVITE.described(), REVOKE.described(), RESEND.described(), BEGIN.described()];

/// An invitation. `Debug` shows no address.
#[derive(Clone, PartialEq, Eq)]
pub struct InvitationRow {
    /// Identifier.
    pub id: InvitationId,
    /// Address that it went to.
    pub email: String,
    /// `pending`, `accepted`, `revoked` or `expired`.
    pub status: String,
    /// The role that it gives.
    pub role: RoleRow,
    /// Who sent it last.
    pub invited_by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it runs out.
    pub expires_at: Timestamp,
    /// Grows with every change.
    pub version: i32,
}

impl fmt::Debug for InvitationRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvitationRow").field("id", &self.id).field("status", &self.status).finish_non_exhaustive()
    }
}

impl InvitationRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let role = RoleRow {
            id: row.id("role_id")?,
            key: row.cell("role_key")?,
            name: row.cell("role_name")?,
            level: row.cell("role_level")?,
            is_default: row.cell("role_is_default")?,
        };
        Ok(Self {
            id: row.id("id")?,
            email: row.cell("email")?,
            status: row.cell("status")?,
            role,
            invited_by: row.id("invited_by")?,
            created_at: row.time("created_at")?,
            expires_at: row.time("expires_at")?,
            version: row.cell("version")?,
        })
    }
}

/// An invitation to send.
#[derive(Clone)]
pub struct NewInvitation {
    /// Identifier.
    pub id: InvitationId,
    /// Address in lower case.
    pub email: String,
    /// Key or identifier of the role.
    pub role: String,
    /// Identifier of the outbox row of its mail.
    pub outbox_id: OutboxId,
}

/// What became of one of several invitations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invited {
    /// It is on its way.
    Sent(Box<InvitationRow>),
    /// Somebody with this address is a member.
    Member,
    /// This address has an invitation that waits.
    Waiting,
}

/// Why none of them is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotInvited {
    /// The n-th names a role that the tenant does not have.
    UnknownRole(usize),
    /// The n-th address is of a domain that the tenant does not let in.
    Unwelcome(usize),
    /// The n-th role is not below the caller.
    TooHigh(usize),
    /// The plan covers no more today.
    TooMany,
}

/// What became of an invitation that was to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// It is so now.
    Done,
    /// There is none such.
    Missing,
    /// It was accepted or withdrawn before.
    Closed,
    /// Its role is not below the caller.
    TooHigh,
}

/// A page of the tenant's invitations, latest first, after a position.
///
/// # Errors
/// `Unavailable`.
pub async fn list_invitations(
    db: &Db,
    scope: &TenantScope,
    status: Option<&str>,
    after: Option<(Timestamp, InvitationId)>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<InvitationRow>, StoreError> {
    let (time, id) = (after.map(|after| at(after.0)), after.map(|after| after.1.uuid()));
    let rows = Batch::read(db, scope).add(&LIST, &[&at(now), &status, &time, &id, &limit]).rows().await?;
    rows.iter().map(InvitationRow::read).collect()
}

/// Sends invitations: all that can be, or none where one of them must not be.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn invite(
    db: &Db,
    scope: &TenantScope,
    new: &[NewInvitation],
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<Result<(Vec<Invited>, Vec<Queued>), NotInvited>, StoreError> {
    let ids: Vec<Uuid> = new.iter().map(|one| one.id.uuid()).collect();
    let emails: Vec<&str> = new.iter().map(|one| one.email.as_str()).collect();
    let roles: Vec<&str> = new.iter().map(|one| one.role.as_str()).collect();
    let mails: Vec<Uuid> = new.iter().map(|one| one.outbox_id.uuid()).collect();
    let plans = PlanLimits::of(Feature::InvitationsPerDay);
    let mut answers = Batch::write(db, scope)
        .alone()
        .add(&LAPSE, &[&emails, &at(now)])
        .add(&INVITE, &[&ids, &emails, &roles, &mails, &plans.plans, &plans.limits, &at(expires_at), &at(now)])
        .add(&THESE, &[&at(now), &ids])
        .run()
        .await?;
    answers.take();
    let (verdicts, made) = (answers.take(), answers.take());
    let mut made = made.iter().map(InvitationRow::read).collect::<Result<Vec<_>, _>>()?;
    let (mut outcomes, mut queued) = (Vec::new(), Vec::new());
    for (place, (one, verdict)) in new.iter().zip(&verdicts).enumerate() {
        let refused = match (verdict.cell("known")?, verdict.cell("below")?, verdict.cell("welcome")?, verdict.cell("fits")?) {
            (false, ..) => Some(NotInvited::UnknownRole(place)),
            (_, false, ..) => Some(NotInvited::TooHigh(place)),
            (_, _, false, _) => Some(NotInvited::Unwelcome(place)),
            (.., false) => Some(NotInvited::TooMany),
            _ => None,
        };
        if let Some(refused) = refused {
            return Ok(Err(refused));
        }
        outcomes.push(match made.iter().position(|row| row.id == one.id) {
            Some(place) => {
                queued.push(mail(scope, one.outbox_id));
                Invited::Sent(Box::new(made.swap_remove(place)))
            }
            None if verdict.cell("member")? => Invited::Member,
            None => Invited::Waiting,
        });
    }
    Ok(Ok((outcomes, queued)))
}

fn mail(scope: &TenantScope, id: OutboxId) -> Queued {
    Queued { id, tenant_id: scope.tenant_id(), kind: "mail.invitation".to_owned(), queue: Queue::Mail }
}

fn reached(rows: &[Row]) -> Result<Reached, StoreError> {
    let Some(row) = rows.first() else { return Ok(Reached::Missing) };
    Ok(match (row.cell("open")?, row.cell("below")?) {
        (_, false) => Reached::TooHigh,
        (false, _) => Reached::Closed,
        _ => Reached::Done,
    })
}

/// Withdraws an invitation.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn revoke_invitation(db: &Db, scope: &TenantScope, id: InvitationId, now: Timestamp) -> Result<Reached, StoreError> {
    reached(&Batch::write(db, scope).alone().add(&REVOKE, &[&id.uuid(), &at(now)]).rows().await?)
}

/// Sends an invitation again, in the name of the scope's person, with a life of its own.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn resend_invitation(
    db: &Db,
    scope: &TenantScope,
    id: InvitationId,
    outbox_id: OutboxId,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(Reached, Option<InvitationRow>, Queued), StoreError> {
    let (invitation, ids) = (id.uuid(), vec![id.uuid()]);
    let (now, row, ends) = (at(now), outbox_id.uuid(), at(expires_at));
    let batch = Batch::write(db, scope).alone().add(&RESEND, &[&invitation, &row, &ends, &now]).add(&THESE, &[&now, &ids]);
    let mut answers = batch.run().await?;
    let reached = reached(&answers.take())?;
    Ok((reached, answers.take().first().map(InvitationRow::read).transpose()?, mail(scope, outbox_id)))
}

/// Keeps the hash of an invitation's token; answers address and language of its mail. `None` if it is not open any more.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn begin_invitation(
    db: &Db,
    scope: &PlatformScope,
    id: InvitationId,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<(String, String)>, StoreError> {
    let rows = Batch::write(db, scope).add(&BEGIN, &[&id.uuid(), &token_hash.as_slice(), &at(now)]).rows().await?;
    rows.first().map(|row| Ok((row.cell("email")?, row.cell("locale")?))).transpose()
}
