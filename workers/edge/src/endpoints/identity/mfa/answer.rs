//! Answers with a second factor: whether one is right, what it is worth, and what is told of a wrong one.

use subtle::ConstantTimeEq as _;
use zygo_core::{
    error::{Code, Problem},
    id::{ChallengeId, UserId},
    identity::{
        mfa::{
            CodeFactor, Factor, TypedCode, amr_and, amr_with,
            backup::BackupCode,
            sms,
            token::{Kind, MfaToken},
            totp::TotpSecret,
        },
        notice::Notice,
        risk::{Assessment, mailed_code},
        session::{EndReason, Filter},
    },
    seal::{CodeHash, SealRing},
    time::Timestamp,
};
use zygo_objects::sessions::SessionsHandle;
use zygo_runtime::random;
use zygo_store::{
    Db,
    identity::{
        Membership, NewNotice, PasskeyAnswer, PasskeyUse,
        mfa::{self, Answer, Answered, ChallengeState, Evidence, Given, NewDevice, Redeemed, Redemption},
    },
    outbox::Queued,
};

use crate::{
    cookies,
    ctx::Ctx,
    endpoints::identity::{
        risk,
        session::{self, Client, Grounds},
        sign_in::SignedIn,
    },
    outbox,
    reply::Reply,
    security,
};

/// What the secret of an authenticator app is sealed with.
#[must_use]
pub fn totp_context(user: UserId) -> String {
    format!("mfa_tokens.totp.{user}")
}

/// Opens the secret of an authenticator app.
///
/// # Errors
/// `INTERNAL` if it was not sealed for this person by a key of the ring.
pub fn open_totp(ring: &SealRing, user: UserId, sealed: &[u8]) -> Result<TotpSecret, Problem> {
    let sealed = std::str::from_utf8(sealed).map_err(|_| Problem::internal("a sealed secret is no text"))?;
    Ok(TotpSecret::new(&ring.open(sealed, &totp_context(user))?))
}

/// What may be stored of a code, if it is a backup code: the store finds it by that.
#[must_use]
pub fn backup_hashes(ctx: &Ctx, factor: CodeFactor, code: &TypedCode) -> Vec<CodeHash> {
    let code = if factor == CodeFactor::BackupCode { BackupCode::parse(code.reveal()) } else { None };
    code.map(|code| code.hashes(&ctx.app.config.seal_keys)).unwrap_or_default()
}

/// What a right code uses up; `None` for a wrong one. A mailed code is good for its `challenge` alone.
///
/// # Errors
/// `INTERNAL` if a secret cannot be opened.
pub fn judge(
    ctx: &Ctx,
    user: UserId,
    challenge: Option<ChallengeId>,
    factor: CodeFactor,
    code: &TypedCode,
    evidence: &Evidence,
) -> Result<Option<Redemption>, Problem> {
    let ring = &ctx.app.config.seal_keys;
    let redemption = |step, code| Redemption { factor: factor.into(), step, code, passkey: None };
    Ok(match factor {
        CodeFactor::Totp => {
            let Some(sealed) = &evidence.totp_sealed else { return Ok(None) };
            let step = open_totp(ring, user, sealed)?.accepts(code.reveal(), ctx.now, evidence.totp_step);
            step.map(|step| redemption(Some(step), None))
        }
        CodeFactor::Sms => evidence.sms.as_ref().and_then(|(id, kept)| {
            let hashes = sms::hashes(ring, user, code.reveal());
            let same = hashes.iter().any(|hash| bool::from(hash.ct_eq(kept.as_slice())));
            same.then(|| redemption(None, Some(*id)))
        }),
        CodeFactor::Email => evidence.mail.as_ref().zip(challenge).and_then(|(kept, challenge)| {
            let hashes = mailed_code::hashes(ring, challenge, code.reveal());
            let same = hashes.iter().any(|hash| bool::from(hash.ct_eq(kept.as_slice())));
            same.then(|| redemption(None, None))
        }),
        CodeFactor::BackupCode => evidence.backup.map(|id| redemption(None, Some(id))),
    })
}

/// The answer to whoever must wait, or begin anew, before another answer is taken.
pub fn locked(ctx: &Ctx, until: Timestamp) -> Problem {
    let seconds = until.since(ctx.now).max(0).unsigned_abs().div_ceil(1000).max(1);
    Problem::new(Code::AccountLocked).detail("too many wrong answers").retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// Why a challenge takes no answer.
///
/// # Errors
/// `TOKEN_CONSUMED`, `TOKEN_EXPIRED`, `ACCOUNT_LOCKED` after five wrong answers.
pub fn open(ctx: &Ctx, state: ChallengeState, until: Timestamp) -> Result<(), Problem> {
    match state {
        ChallengeState::Open => Ok(()),
        ChallengeState::Consumed => Err(Problem::new(Code::TokenConsumed)),
        ChallengeState::Expired => Err(Problem::new(Code::TokenExpired)),
        ChallengeState::Exhausted => {
            security::record(&ctx.shared(), ctx.home(), None, "mfa.exhausted", serde_json::json!({}));
            Err(locked(ctx, until).hint("sign in again"))
        }
    }
}

/// Reads the token of a challenge.
///
/// # Errors
/// `TOKEN_INVALID` for what is none.
pub fn challenge_token(text: &str) -> Result<MfaToken, Problem> {
    MfaToken::parse(text, Kind::Challenge).ok_or(Problem::new(Code::TokenInvalid))
}

/// An answer that is typed, before it is compared.
#[must_use]
pub fn typed<'a>(ctx: &Ctx, factor: CodeFactor, backup_hashes: &'a [CodeHash]) -> Given<'a> {
    Given { factor: factor.into(), backup_hashes, passkey: None, outbox_id: random::id(ctx.now), now: ctx.now }
}

/// An answer by a passkey, before it is checked.
#[must_use]
pub fn by_passkey<'a>(ctx: &Ctx, passkey: PasskeyAnswer<'a>) -> Given<'a> {
    Given { factor: Factor::Passkey, backup_hashes: &[], passkey: Some(passkey), outbox_id: random::id(ctx.now), now: ctx.now }
}

/// What the right use of a passkey uses up.
#[must_use]
pub const fn redeem_passkey(used: PasskeyUse) -> Redemption {
    Redemption { factor: Factor::Passkey, step: None, code: None, passkey: Some(used) }
}

/// The authentication methods after a right answer.
#[must_use]
pub fn methods(amr: Vec<String>, redemption: &Redemption) -> Vec<String> {
    match redemption.passkey {
        Some(passkey) => amr_and(amr, passkey.used.backup.methods()),
        None => amr_with(amr, redemption.factor),
    }
}

/// Counts an answer to a challenge, before it is looked at.
///
/// # Errors
/// `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_CONSUMED`, `ACCOUNT_LOCKED`, `USER_SUSPENDED`.
pub async fn take(ctx: &Ctx, db: &Db, token: &MfaToken, given: &Given<'_>) -> Result<Box<Answer>, Problem> {
    let answer = match ctx.store(mfa::answer_challenge(db, &ctx.lookup(), &token.hash(), ctx.home(), given)).await? {
        Answered::Taken(answer) => answer,
        Answered::Locked(until) => return Err(locked(ctx, until)),
        Answered::Closed(state, until) => return Err(open(ctx, state, until).err().unwrap_or(Problem::new(Code::TokenInvalid))),
        Answered::Nothing => return Err(Problem::new(Code::TokenInvalid)),
    };
    if answer.user_suspended || answer.membership.as_ref().is_some_and(Membership::is_suspended) {
        return Err(Problem::new(Code::UserSuspended));
    }
    if !ctx.home().is_platform() && answer.membership.is_none() {
        return Err(Problem::new(Code::TokenInvalid));
    }
    Ok(answer)
}

/// Says that an answer was wrong, to the client and in the security trail; the account's owner is told of a lock.
pub fn wrong(ctx: &Ctx, user: UserId, factor: Factor, queued: Option<Queued>) -> Problem {
    let kind = if queued.is_some() { "mfa.locked" } else { "mfa.failed" };
    security::record_about(&ctx.shared(), ctx.home(), Some(user), kind, serde_json::json!({ "factor": factor }));
    outbox::enqueue(ctx, queued);
    Problem::new(Code::MfaCodeInvalid)
}

/// Begins the session that a challenge was for, its answer having been right. With `trust`, this device is not asked again
/// for thirty days.
///
/// # Errors
/// `TOKEN_CONSUMED` or `MFA_CODE_INVALID` if the challenge or the code was used at the same moment, `IP_NOT_ALLOWED`,
/// `DEPENDENCY_UNAVAILABLE`.
pub async fn finish_challenge(ctx: &Ctx, db: &Db, answer: Answer, redemption: Redemption, trust: bool) -> Result<Reply<SignedIn>, Problem> {
    let Answer { id, amr, device_name, cookie, reasons, user, membership, .. } = answer;
    let mfa_at = redemption.factor.is_second().then_some(ctx.now);
    let grounds = Grounds { user: &user, membership: membership.as_ref(), amr: methods(amr, &redemption), mfa_at };
    let begun = session::prepare(ctx, &grounds, &Client { device_name, cookie })?;
    let (token, device) = trust.then(|| trusted_device(ctx, begun.record.device_name.clone())).unzip();
    let odd = risk::notice(ctx, &Assessment::noted(&reasons), begun.record.id);
    let notices: Vec<NewNotice> = [backup_code_notice(ctx, redemption.factor), odd].into_iter().flatten().collect();
    session::open(ctx, &begun, grounds.mfa_at).await?;
    let scope = ctx.lookup();
    let redeemed = mfa::finish_challenge(db, &scope, id, redemption, &begun.record, device.as_ref(), &notices);
    let redeemed = ctx.store(redeemed).await;
    let refused = match redeemed {
        Ok(Redeemed::Done) => None,
        Ok(Redeemed::ChallengeUsed) => Some(Problem::new(Code::TokenConsumed)),
        Ok(Redeemed::CodeUsed) => Some(Problem::new(Code::MfaCodeInvalid)),
        Err(problem) => Some(problem),
    };
    if let Some(problem) = refused {
        // Nobody was told its secret; what the object keeps of it would only lie about.
        let unused = SessionsHandle::open(&ctx.env, begun.record.tenant_id, user.id)?;
        let (session, now) = (begun.record.id, ctx.now);
        ctx.after(async move { drop(unused.end(Filter::One(session), EndReason::SignedOut, now).await) });
        return Err(problem);
    }
    for notice in &notices {
        outbox::enqueue(ctx, Some(notice.queued()));
    }
    let reply = begun.answer(ctx, &grounds, cookie)?;
    Ok(match token {
        None => reply.map(Box::new).map(SignedIn::Session),
        Some(token) if cookie => cookies::set_device(reply, &token).map(Box::new).map(SignedIn::Session),
        Some(token) => reply.map(|session| SignedIn::Session(Box::new(session.with_device(token)))),
    })
}

/// What the owner of an account is told of: codes that lie somewhere may have been found by somebody.
#[must_use]
pub fn backup_code_notice(ctx: &Ctx, factor: Factor) -> Option<NewNotice> {
    (factor == Factor::BackupCode).then(|| NewNotice { outbox_id: random::id(ctx.now), notice: Notice::BackupCodeUsed, now: ctx.now })
}

fn trusted_device(ctx: &Ctx, name: Option<String>) -> (String, NewDevice) {
    let token = MfaToken::from_random(Kind::Device, random::bytes());
    let expires_at = ctx.now.plus_seconds(Kind::Device.ttl_seconds());
    let device = NewDevice { id: random::id(ctx.now), token_hash: token.hash(), name, expires_at };
    (token.encode(), device)
}
