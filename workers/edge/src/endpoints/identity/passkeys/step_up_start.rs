//! `POST /auth/passkeys/step-up/start`

use zygo_core::{
    error::{Code, Problem},
    identity::passkey::{
        challenge::Purpose,
        options::{Descriptor, RequestOptions},
    },
};
use zygo_store::identity;

use super::{Started, begin, party};
use crate::{ctx::Ctx, reply::Reply, route::NoBody};

/// Begins a step-up with one of the caller's passkeys.
///
/// # Errors
/// `NOT_FOUND` where the host has no passkeys, or the caller none for it.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Started<RequestOptions>>, Problem> {
    let party = party(&ctx)?;
    let caller = ctx.caller()?;
    let db = ctx.db().await?;
    let own = ctx.store(identity::list_passkeys(&db, &ctx.lookup(), caller.user_id)).await?;
    let allowed: Vec<Descriptor> =
        own.into_iter().filter(|passkey| passkey.rp_id == party.id).map(|own| Descriptor::new(&own.credential_id, own.transports)).collect();
    if allowed.is_empty() {
        return Err(Problem::new(Code::NotFound).detail("there is no passkey for this host; step up with another factor"));
    }
    let options = begin(&ctx, Purpose::StepUp, Some(caller.user_id), |ceremony| RequestOptions::new(&party.id, &ceremony.challenge, allowed))?;
    Ok(Reply::ok(options))
}
