//! Codes by SMS.
//!
//! A code is made here, when its message is, so that none lies in a queue. Running twice is harmless: a second run sends a
//! code of its own, which takes the place of the first; both go to the same person, and the later one counts.

use zygo_core::{
    id::{SmsCodeId, UserId},
    identity::mfa::sms::SmsCode,
    mail::Language,
    text::Locale,
};
use zygo_runtime::{postgres, random};
use zygo_store::identity::mfa;

use crate::{
    run::{Failure, Work, postgres_problem},
    sms,
};

/// Makes a code and sends it. Nothing if nobody waits for it any more.
///
/// # Errors
/// `Retry` while Postgres or the transport is away, `Fail` where the message is refused.
pub async fn code(work: &Work<'_>, user_id: UserId, code_id: SmsCodeId) -> Result<(), Failure> {
    let code = SmsCode::from_random(random::bytes());
    let hashes = code.hashes(&work.config.seal_keys, user_id);
    let hash = hashes.first().ok_or(Failure::Fail("there is no key to hash a code under"))?;
    let recipient = postgres::bounded(mfa::begin_sms_code(work.db, work.scope, code_id, hash, work.now)).await?.map_err(postgres_problem)?;
    let Some(recipient) = recipient else { return Ok(()) };
    let language = Language::of(Locale::parse(&recipient.locale).ok().as_ref());
    sms::send(work, &recipient.phone, &code.message(language), code.reveal()).await
}
