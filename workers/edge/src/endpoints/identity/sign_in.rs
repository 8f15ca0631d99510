//! What every way to sign in ends with: who was proved to be here, and whether that is enough for a session.

use zygo_core::{
    error::{Code, Problem},
    time::Timestamp,
};
use zygo_store::{
    Db,
    identity::{self, Membership, SignIn, UserRow},
};

use super::session::{self, Client, Grounds, Session};
use crate::{ctx::Ctx, reply::Reply};

/// A person who has proved who they are, by whatever way.
pub struct Proof<'a> {
    /// The person.
    pub user: &'a UserRow,
    /// Whether the person is suspended everywhere.
    pub user_suspended: bool,
    /// Their membership in the host's tenant; `None` at the platform.
    pub membership: Option<&'a Membership>,
    /// How they proved it (RFC 8176).
    pub amr: Vec<String>,
    /// When a second factor was given, where the way included one.
    pub mfa_at: Option<Timestamp>,
    /// A password hash with newer parameters, to be stored along.
    pub rehash: Option<String>,
}

/// Begins the session that the proof is good for.
///
/// # Errors
/// `EMAIL_NOT_VERIFIED`, `USER_SUSPENDED`, `DEPENDENCY_UNAVAILABLE`.
pub async fn complete(ctx: &Ctx, db: &Db, proof: Proof<'_>, client: Client) -> Result<Reply<Session>, Problem> {
    if !proof.user.email_verified {
        return Err(Problem::new(Code::EmailNotVerified).hint("POST /auth/verify-email/resend sends the mail again"));
    }
    if proof.user_suspended || proof.membership.is_some_and(|membership| membership.is_suspended()) {
        return Err(Problem::new(Code::UserSuspended));
    }
    let grounds = Grounds { user: proof.user, membership: proof.membership, amr: proof.amr, mfa_at: proof.mfa_at };
    let begun = session::prepare(ctx, &grounds, &client);
    session::open(ctx, &begun, grounds.mfa_at).await?;
    ctx.store(identity::record_sign_in(db, &ctx.lookup(), &SignIn { session: &begun.record, rehash: proof.rehash })).await?;
    begun.answer(ctx, &grounds, client.cookie)
}
