//! Mails about an account.
//!
//! The token in a mail is made here, when the mail is, so that none lies in a
//! queue. Running twice is harmless: a second run makes a token of its own, and
//! each of them works once.

use uuid::Uuid;
use zygo_core::{
    id::{ChallengeId, InvitationId, UserId},
    identity::{
        notice::Notice,
        one_time::{OneTimeToken, Purpose},
        risk::mailed_code::{self, MailedCode},
    },
    limits::policy::LOCK_FROM,
    mail::{Language, Mail, brand::Brand},
    text::Locale,
};
use zygo_runtime::{postgres, random};
use zygo_store::{
    access,
    events::{self, Proved},
    identity::{self, MailProfile, NewToken, NewVerification},
};

use crate::{
    mailer,
    run::{Failure, Work, postgres_problem},
};

/// The mail that asks to verify an address. Nothing if it is verified by now.
///
/// # Errors
/// `Retry` while Postgres or the transport is away.
pub async fn verify_email(work: &Work<'_>, user_id: UserId) -> Result<(), Failure> {
    let token = fresh(Purpose::VerifyEmail);
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
    let token = fresh(Purpose::EndSessions);
    let new = row(work, user_id, &token, None);
    let session = match notice {
        Notice::NewDevice { session_id } => Some(*session_id),
        _ => None,
    };
    let begun = postgres::bounded(identity::begin_token_of_session(work.db, work.scope, &new, session)).await?.map_err(postgres_problem)?;
    let Some((profile, country)) = begun.filter(|(profile, _)| profile.email_verified) else { return Ok(()) };
    let link = token.link(&work.config.public_url);
    send(work, &Mail::SecurityNotice { notice, country: country.as_deref(), link: &link }, &profile).await
}

/// The code for a sign-in that looks odd; a second run makes the first one's void. Nothing if the challenge is over.
///
/// # Errors
/// `Retry` while Postgres or the transport is away.
pub async fn sign_in_code(work: &Work<'_>, user_id: UserId, challenge: ChallengeId) -> Result<(), Failure> {
    let code = MailedCode::from_random(random::bytes());
    let hashes = mailed_code::hashes(&work.config.seal_keys, challenge, code.show());
    let hash = hashes.first().ok_or(Failure::Fail("no sealing key"))?;
    let begun = identity::begin_sign_in_code(work.db, work.scope, user_id, challenge, hash, work.now);
    let Some((profile, reasons)) = postgres::bounded(begun).await?.map_err(postgres_problem)? else { return Ok(()) };
    send(work, &Mail::SignInCode { code: code.show(), reasons: &reasons }, &profile).await
}

/// The mail that sets a new password. Nothing if the account is closed by now.
///
/// # Errors
/// `Retry` while Postgres or the transport is away.
pub async fn reset_password(work: &Work<'_>, user_id: UserId) -> Result<(), Failure> {
    let token = fresh(Purpose::ResetPassword);
    let new = row(work, user_id, &token, None);
    let profile = postgres::bounded(identity::begin_reset(work.db, work.scope, &new)).await?.map_err(postgres_problem)?;
    let Some(profile) = profile else { return Ok(()) };
    let link = token.link(&work.config.public_url);
    send(work, &Mail::ResetPassword { link: &link, token: &token.encode() }, &profile).await
}

/// The mail that signs in.
///
/// # Errors
/// `Retry` while Postgres or the transport is away.
pub async fn magic_link(work: &Work<'_>, user_id: UserId) -> Result<(), Failure> {
    let token = fresh(Purpose::MagicLink);
    let Some(profile) = begin(work, user_id, &token, None).await? else { return Ok(()) };
    let link = token.link(&work.config.public_url);
    send(work, &Mail::MagicLink { link: &link, token: &token.encode() }, &profile).await
}

/// The mail to a new address. Nothing if the change is no longer wanted.
///
/// # Errors
/// `Retry` while Postgres or the transport is away.
pub async fn confirm_email(work: &Work<'_>, user_id: UserId, change_id: Uuid) -> Result<(), Failure> {
    let token = fresh(Purpose::ConfirmEmail);
    let new = row(work, user_id, &token, Some(change_id));
    let to = postgres::bounded(identity::begin_email_change(work.db, work.scope, change_id, &new)).await?.map_err(postgres_problem)?;
    let Some(to) = to else { return Ok(()) };
    let link = token.link(&work.config.public_url);
    send_to(work, &Mail::ConfirmEmail { link: &link }, &to.email, &to.locale).await
}

/// The mail to the old address. Nothing if it has the account again by now.
///
/// # Errors
/// `Retry` while Postgres or the transport is away.
pub async fn email_changed(work: &Work<'_>, user_id: UserId, change_id: Uuid) -> Result<(), Failure> {
    let token = fresh(Purpose::RevertEmail);
    let new = row(work, user_id, &token, Some(change_id));
    let to = postgres::bounded(identity::begin_email_revert(work.db, work.scope, change_id, &new)).await?.map_err(postgres_problem)?;
    let Some(to) = to else { return Ok(()) };
    let link = token.link(&work.config.public_url);
    send_to(work, &Mail::EmailChanged { link: &link }, &to.email, &to.locale).await
}

/// The mail that invites somebody to an organisation; a second run makes the first one's link void. Nothing if the invitation
/// is not open any more.
///
/// # Errors
/// `Retry` while Postgres or the transport is away.
pub async fn invitation(work: &Work<'_>, id: InvitationId) -> Result<(), Failure> {
    let token = fresh(Purpose::Invitation);
    let hash = token.hash();
    let begun = access::begin_invitation(work.db, work.scope, id, &hash, work.now);
    let Some((email, locale)) = postgres::bounded(begun).await?.map_err(postgres_problem)? else { return Ok(()) };
    let link = token.link(&work.config.public_url);
    send_to(work, &Mail::Invitation { link: &link, token: &token.encode() }, &email, &locale).await
}

/// The mail about an account that will be deleted.
///
/// # Errors
/// `Retry` while Postgres or the transport is away.
pub async fn deletion_requested(work: &Work<'_>, user_id: UserId, request_id: Uuid) -> Result<(), Failure> {
    let token = fresh(Purpose::CancelDeletion);
    let Some(profile) = begin(work, user_id, &token, Some(request_id)).await? else { return Ok(()) };
    let link = token.link(&work.config.public_url);
    send(work, &Mail::DeletionRequested { link: &link }, &profile).await
}

fn fresh(purpose: Purpose) -> OneTimeToken {
    OneTimeToken::from_random(purpose, random::bytes())
}

fn row<'a>(work: &Work<'_>, user_id: UserId, token: &'a OneTimeToken, subject_id: Option<Uuid>) -> NewToken<'a> {
    NewToken { id: random::id(work.now), user_id, token, subject_id, now: work.now }
}

/// Keeps a token's hash; answers whom its mail goes to. `None` if the account is gone.
async fn begin(work: &Work<'_>, user_id: UserId, token: &OneTimeToken, subject_id: Option<Uuid>) -> Result<Option<MailProfile>, Failure> {
    let new = row(work, user_id, token, subject_id);
    Ok(postgres::bounded(identity::begin_token(work.db, work.scope, &new)).await?.map_err(postgres_problem)?)
}

async fn profile(work: &Work<'_>, user_id: UserId) -> Result<Option<MailProfile>, Failure> {
    Ok(postgres::bounded(identity::user_profile_for_mail(work.db, work.scope, user_id)).await?.map_err(postgres_problem)?)
}

async fn send(work: &Work<'_>, mail: &Mail<'_>, profile: &MailProfile) -> Result<(), Failure> {
    send_to(work, mail, &profile.email, &profile.locale).await
}

async fn send_to(work: &Work<'_>, mail: &Mail<'_>, email: &str, locale: &str) -> Result<(), Failure> {
    let hashes = work.config.seal_keys.address_hashes(email);
    let standing = events::mail_standing(work.db, work.scope, work.outbox_id, (email, &hashes), work.now);
    let standing = postgres::bounded(standing).await?.map_err(postgres_problem)?;
    if let Some(trouble) = standing.trouble.filter(|trouble| !mail.need().goes(*trouble)) {
        return Err(Failure::Moot(trouble.reason()));
    }
    let locale = Locale::parse(locale).ok();
    let brand = standing.proved.filter(|proved| mail.is_branded(proved.is_member)).and_then(|proved| brand(work, proved));
    let rendered = mail.render(Language::of(locale.as_ref()), brand.as_ref()).map_err(|_| Failure::Fail("the mail's template is broken"))?;
    mailer::send(work, email, rendered).await
}

/// The look of an organisation; its logo is served where the API is.
fn brand(work: &Work<'_>, proved: Proved) -> Option<Brand> {
    let logos = format!("{}/logos/{}/", work.config.issuer, proved.tenant_id);
    Brand::new(&proved.domain, &proved.name, proved.colors, proved.logo_url.as_deref(), &logos)
}
