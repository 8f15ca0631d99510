//! Mails about an account.
//!
//! The token in a mail is made here, when the mail is, so that none lies in a
//! queue. Running twice is harmless: a second run makes a token of its own, and
//! each of them works once.

use zygo_core::{
    id::UserId,
    identity::{
        notice::Notice,
        one_time::{OneTimeToken, Purpose},
    },
    limits::policy::LOCK_FROM,
    mail::{Language, Mail},
    text::Locale,
};
use zygo_runtime::{postgres, random};
use zygo_store::identity::{self, MailProfile, NewToken, NewVerification};

use crate::{
    mailer,
    run::{Failure, Work, postgres_problem},
};

/// The mail that asks to verify an address. Nothing if it is verified by now.
///
/// # Errors
/// `Retry` while Postgres or the transport is away.
pub async fn verify_email(work: &Work<'_>, user_id: UserId) -> Result<(), Failure> {
    let token = OneTimeToken::from_random(Purpose::VerifyEmail, random::bytes());
    let row = NewVerification {
        id: random::id(work.now),
        user_id,
        token_hash: token.hash(),
        expires_at: work.now.plus_seconds(Purpose::VerifyEmail.ttl_seconds()),
        now: work.now,
    };
    let profile = postgres::bounded(identity::begin_verification(work.db, work.scope, &row)).await?.map_err(postgres_problem)?;
    let Some(profile) = profile.filter(|profile| !profile.email_verified) else { return Ok(()) };
    let link = token.link(&work.config.public_url);
    let token = token.encode();
    send(work, &Mail::VerifyEmail { link: &link, token: &token }, &profile).await
}

/// The mail to somebody whose address was used to sign up again.
///
/// # Errors
/// `Retry` while Postgres or the transport is away.
pub async fn account_exists(work: &Work<'_>, user_id: UserId) -> Result<(), Failure> {
    let Some(profile) = profile(work, user_id).await? else { return Ok(()) };
    let link = format!("{}/sign-in", work.config.public_url);
    send(work, &Mail::AccountExists { link: &link }, &profile).await
}

/// The mail to somebody whose account was locked after wrong passwords. Nothing if it is open again by now.
///
/// # Errors
/// `Retry` while Postgres or the transport is away.
pub async fn account_locked(work: &Work<'_>, user_id: UserId) -> Result<(), Failure> {
    let Some(profile) = profile(work, user_id).await? else { return Ok(()) };
    let Some(until) = profile.locked_until.filter(|until| *until > work.now) else { return Ok(()) };
    let millis = u64::try_from(until.since(work.now)).unwrap_or(0);
    let minutes = u32::try_from(millis.div_ceil(60_000)).unwrap_or(u32::MAX);
    send(work, &Mail::AccountLocked { failures: LOCK_FROM, minutes }, &profile).await
}

/// The mail about something that concerns the security of an account, with a link that ends all sessions. Nothing to an
/// address that nobody has proved to be theirs.
///
/// # Errors
/// `Retry` while Postgres or the transport is away.
pub async fn security_notice(work: &Work<'_>, user_id: UserId, notice: &Notice) -> Result<(), Failure> {
    let token = OneTimeToken::from_random(Purpose::EndSessions, random::bytes());
    let row = NewToken { id: random::id(work.now), user_id, token: &token, subject_id: None, now: work.now };
    let session = match notice {
        Notice::NewDevice { session_id } => Some(*session_id),
        _ => None,
    };
    let begun = postgres::bounded(identity::begin_token_of_session(work.db, work.scope, &row, session)).await?.map_err(postgres_problem)?;
    let Some((profile, country)) = begun.filter(|(profile, _)| profile.email_verified) else { return Ok(()) };
    let link = token.link(&work.config.public_url);
    send(work, &Mail::SecurityNotice { notice, country: country.as_deref(), link: &link }, &profile).await
}

async fn profile(work: &Work<'_>, user_id: UserId) -> Result<Option<MailProfile>, Failure> {
    Ok(postgres::bounded(identity::user_profile_for_mail(work.db, work.scope, user_id)).await?.map_err(postgres_problem)?)
}

async fn send(work: &Work<'_>, mail: &Mail<'_>, profile: &MailProfile) -> Result<(), Failure> {
    let locale = Locale::parse(&profile.locale).ok();
    let rendered = mail.render(Language::of(locale.as_ref())).map_err(|_| Failure::Fail("the mail's template is broken"))?;
    mailer::send(work, &profile.email, rendered).await
}
