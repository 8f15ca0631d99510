//! What every way to sign in ends with: who was proved to be here, and whether that is enough for a session.

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    error::{Code, Problem},
    identity::{
        mfa::{
            Factor, Standing, Verdict,
            token::{Kind, MfaToken},
        },
        risk::{Assessment, Outcome, history::History},
    },
    time::Timestamp,
};
use zygo_runtime::random;
use zygo_store::{
    Db,
    identity::{
        self, Membership, NewNotice, PasskeyUse, Rehash, SignIn, UserRow,
        mfa::{Arrival, NewChallenge},
    },
};

use super::{
    risk,
    session::{self, Client, Grounds, Session},
};
use crate::{cookies, ctx::Ctx, outbox, reply::Reply};

/// What a sign-in answers.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum SignedIn {
    /// A session.
    Session(Box<Session>),
    /// One factor was right, and a second one is wanted.
    Challenge(Challenge),
}

/// A second factor is wanted.
#[derive(Serialize, JsonSchema)]
pub struct Challenge {
    /// Always true.
    mfa_required: bool,
    /// To be sent with the answer, `POST /auth/mfa/challenge`.
    challenge_token: String,
    /// What may be answered with.
    factors: Vec<Factor>,
    /// Seconds until the challenge is void.
    expires_in: i64,
}

impl Challenge {
    /// The token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.challenge_token
    }

    /// What may be answered with.
    #[must_use]
    pub fn factors(&self) -> &[Factor] {
        &self.factors
    }

    /// Seconds until it is void.
    #[must_use]
    pub const fn expires_in(&self) -> i64 {
        self.expires_in
    }
}

/// A person who has proved who they are, by whatever way.
pub struct Proof<'a> {
    /// The person.
    pub user: &'a UserRow,
    /// Whether the person is suspended everywhere.
    pub user_suspended: bool,
    /// Their membership in the host's tenant; `None` at the platform.
    pub membership: Option<&'a Membership>,
    /// Where they stand with second factors there.
    pub standing: &'a Standing,
    /// How they proved it (RFC 8176).
    pub amr: Vec<String>,
    /// When a second factor was given, where the way included one.
    pub mfa_at: Option<Timestamp>,
    /// A password hash with newer parameters, to be stored along.
    pub rehash: Option<Rehash>,
    /// The passkey that proved it, to be recorded along.
    pub passkey: Option<PasskeyUse>,
    /// What the sign-in is compared with.
    pub history: &'a History,
    /// Whether a mailed code would prove nothing more: it was proved by a mail to the address, or by the provider that the
    /// organisation leaves such questions to.
    pub enough: bool,
}

/// How the client of a sign-in arrives, for the store to say where its person stands: `device_token` is what a client
/// without cookies holds of a trusted device.
#[must_use]
pub fn arrival(ctx: &Ctx, device_token: Option<&str>) -> Arrival {
    let token = device_token.or_else(|| cookies::device(&ctx.head));
    let device = token.and_then(|token| MfaToken::parse(token, Kind::Device));
    Arrival { home: ctx.home(), device_hash: device.map(|device| device.hash()), ip: ctx.head.client_address().parse().ok(), now: ctx.now }
}

/// Keeps out whoever has no second factor where the tenant wants one; `mfa_at` is when the session got one.
///
/// # Errors
/// `MFA_REQUIRED`.
pub fn enforce_policy(ctx: &Ctx, standing: &Standing, mfa_at: Option<Timestamp>) -> Result<(), Problem> {
    if standing.verdict(mfa_at.is_some(), ctx.now) == Verdict::SetUpFirst { Err(set_up_first()) } else { Ok(()) }
}

fn set_up_first() -> Problem {
    Problem::new(Code::MfaRequired).hint("sign in at the API's own host to set one up, with POST /auth/mfa/totp/setup")
}

/// Begins the session that the proof is good for, or asks for a second factor: where there is one, or where the sign-in looks odd. Then
/// somebody who has none gets a code by mail.
///
/// # Errors
/// `EMAIL_NOT_VERIFIED`, `USER_SUSPENDED`, `IP_NOT_ALLOWED`, `MFA_REQUIRED`, `DEPENDENCY_UNAVAILABLE`; `INVALID_CREDENTIALS` where it looks so odd that nothing
/// proves enough.
pub async fn complete(ctx: &Ctx, db: &Db, proof: Proof<'_>, client: Client) -> Result<Reply<SignedIn>, Problem> {
    if !proof.user.email_verified {
        return Err(Problem::new(Code::EmailNotVerified).hint("POST /auth/verify-email/resend sends the mail again"));
    }
    if proof.user_suspended || proof.membership.is_some_and(Membership::is_suspended) {
        return Err(Problem::new(Code::UserSuspended));
    }
    session::admit_network(ctx, proof.user.id, proof.membership)?;
    let assessment = risk::assess(ctx, &proof);
    let odd = match assessment.outcome() {
        Outcome::Refuse => return Err(risk::refuse(ctx, db, proof.user.id, &assessment).await?),
        Outcome::Verify => proof.mfa_at.is_none(),
        Outcome::Pass => false,
    };
    match proof.standing.verdict(proof.mfa_at.is_some(), ctx.now) {
        Verdict::SetUpFirst => return Err(set_up_first()),
        Verdict::Challenge => return challenge(ctx, db, &proof, &client, &assessment).await,
        // A device that is trusted is not, on such a day.
        Verdict::Enough if odd && (proof.standing.is_enrolled() || !proof.enough) => return challenge(ctx, db, &proof, &client, &assessment).await,
        Verdict::Enough => {}
    }
    let device = proof.standing.trusted_device.filter(|_| proof.mfa_at.is_none());
    let grounds = Grounds { user: proof.user, membership: proof.membership, amr: proof.amr, mfa_at: proof.mfa_at };
    let begun = session::prepare(ctx, &grounds, &client)?;
    let notice = risk::notice(ctx, &assessment, begun.record.id);
    session::open(ctx, &begun, grounds.mfa_at).await?;
    let sign_in = SignIn { session: &begun.record, rehash: proof.rehash, device, passkey: proof.passkey, notice };
    ctx.store(identity::record_sign_in(db, &ctx.lookup(), &sign_in)).await?;
    outbox::enqueue(ctx, sign_in.notice.as_ref().map(NewNotice::queued));
    Ok(begun.answer(ctx, &grounds, client.cookie)?.map(|session| SignedIn::Session(Box::new(session))))
}

async fn challenge(ctx: &Ctx, db: &Db, proof: &Proof<'_>, client: &Client, assessment: &Assessment) -> Result<Reply<SignedIn>, Problem> {
    let token = MfaToken::from_random(Kind::Challenge, random::bytes());
    let expires_in = Kind::Challenge.ttl_seconds();
    let enrolled = proof.standing.is_enrolled();
    let new = NewChallenge {
        id: random::id(ctx.now),
        user_id: proof.user.id,
        home: ctx.home(),
        token_hash: token.hash(),
        amr: &proof.amr,
        device_name: client.device_name.as_deref(),
        cookie: client.cookie,
        rehash: proof.rehash.as_ref(),
        reasons: &assessment.reasons,
        mailed: (!enrolled).then(|| random::id(ctx.now)),
        expires_at: ctx.now.plus_seconds(expires_in),
        now: ctx.now,
    };
    let queued = ctx.store(identity::mfa::begin_challenge(db, &ctx.lookup(), &new)).await?;
    outbox::enqueue(ctx, queued);
    risk::note(ctx, proof.user.id, assessment);
    let factors = if enrolled { proof.standing.factors.clone() } else { vec![Factor::Email] };
    Ok(Reply::ok(SignedIn::Challenge(Challenge { mfa_required: true, challenge_token: token.encode(), factors, expires_in })))
}
