//! `DELETE /invitations/{id}`, `POST /invitations/{id}/resend`

use zygo_core::{
    error::{Code, Problem},
    id::InvitationId,
    identity::one_time::Purpose,
    limits::policy::{AccountKey, AddressKey, Guarded, MailKind},
};
use zygo_runtime::random;
use zygo_store::access::{self, Reached};

use super::views::InvitationView;
use crate::{ctx::Ctx, outbox, pipeline::admission, reply::Reply, route::NoBody, security};

/// Withdraws an invitation; its link no longer works.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` for one that was accepted or withdrawn before, `ROLE_HIERARCHY`.
pub async fn revoke(ctx: Ctx, _: NoBody) -> Result<Reply<()>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<InvitationId>("invitation")?);
    let db = ctx.db().await?;
    let reached = ctx.store(access::revoke_invitation(&db, &scope, id, ctx.now)).await?;
    done(&ctx, id, reached)?;
    Ok(Reply::no_content())
}

/// Sends an invitation again, for another week; the link of the mail before no longer works.
///
/// # Errors
/// Those of withdrawing; `RATE_LIMITED`.
pub async fn resend(ctx: Ctx, _: NoBody) -> Result<Reply<InvitationView>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<InvitationId>("invitation")?);
    let (address, account) = (AddressKey::parse(ctx.head.client_address()), AccountKey::of(&id.to_string()));
    admission::guarded_by(&ctx, &Guarded::Mail { kind: MailKind::Invitation, address: &address, account: &account }).await?;
    let expires_at = ctx.now.plus_seconds(Purpose::Invitation.ttl_seconds());
    let db = ctx.db().await?;
    let (reached, row, mail) = ctx.store(access::resend_invitation(&db, &scope, id, random::id(ctx.now), expires_at, ctx.now)).await?;
    done(&ctx, id, reached)?;
    outbox::enqueue(&ctx, Some(mail));
    row.map(|row| Reply::ok(InvitationView::from(row))).ok_or(Problem::new(Code::NotFound))
}

fn done(ctx: &Ctx, id: InvitationId, reached: Reached) -> Result<(), Problem> {
    match reached {
        Reached::Done => Ok(()),
        Reached::Closed => Err(Problem::new(Code::Conflict).detail("this invitation was accepted or withdrawn before")),
        Reached::TooHigh => Err(Problem::new(Code::RoleHierarchy)),
        Reached::Missing => {
            security::foreign_read(ctx, "invitations", id.uuid());
            Err(Problem::new(Code::NotFound))
        }
    }
}
