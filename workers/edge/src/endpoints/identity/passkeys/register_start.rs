//! `POST /auth/passkeys/register/start`

use zygo_core::{
    error::{Code, Problem},
    identity::passkey::{
        challenge::Purpose,
        options::{CreationOptions, Descriptor, Person},
    },
};
use zygo_store::identity::{self, PasskeyOwner};

use super::{Started, begin, party};
use crate::{ctx::Ctx, endpoints::identity::mfa::enrol, reply::Reply, route::NoBody};

/// What the relying party is called where a browser or an authenticator shows it.
const NAME: &str = "Zygo";

/// Begins to add a passkey to the caller's account.
///
/// # Errors
/// `NOT_FOUND` where the host has no passkeys; `MFA_STEP_UP_REQUIRED` for somebody who has a second factor and has not just given it;
/// `UNAUTHENTICATED` if the account is gone.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Started<CreationOptions>>, Problem> {
    let party = party(&ctx)?;
    let caller = ctx.caller()?;
    let db = ctx.db().await?;
    let owner = ctx.store(identity::passkey_owner(&db, &ctx.lookup(), caller.user_id)).await?;
    let PasskeyOwner { user, passkeys, factors } = owner.ok_or(Problem::new(Code::Unauthenticated))?;
    if factors.iter().any(|factor| factor.counts()) && !enrol::is_fresh(&ctx, caller).await? {
        return Err(Problem::new(Code::MfaStepUpRequired));
    }
    let existing = passkeys.into_iter().filter(|passkey| passkey.rp_id == party.id);
    let existing = existing.map(|passkey| Descriptor::new(&passkey.credential_id, passkey.transports)).collect();
    let name = [user.first_name.as_deref(), user.last_name.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let person = Person { id: user.id, email: &user.email, name: if name.is_empty() { &user.email } else { &name } };
    let options =
        begin(&ctx, Purpose::Register, Some(user.id), |ceremony| CreationOptions::new(&party.id, NAME, person, &ceremony.challenge, existing))?;
    Ok(Reply::ok(options))
}
