//! Every mail with invented values, to be looked at while developing, and by the tests.

use super::{Language, Mail, Notice, Reason, brand::Brand};
use crate::{
    identity::{
        mfa::sms::SmsCode,
        notice::{Factor, Provider},
    },
    tenancy::settings::Colors,
};

/// The notices that are written in different words.
const NOTICES: &[Notice] = &[
    Notice::PasswordChanged,
    Notice::SignInSuspicious { reasons: Vec::new() },
    Notice::SignInRefused { reasons: Vec::new() },
    Notice::RefreshTokenReused,
    Notice::FactorAdded { factor: Factor::Passkey },
    Notice::FactorRemoved { factor: Factor::Totp },
    Notice::BackupCodeUsed,
    Notice::AccountLinked { provider: Provider::Google },
    Notice::AccountUnlinked { provider: Provider::Google },
    Notice::TenantDeletionScheduled,
    Notice::TenantDeletionCancelled,
    Notice::DomainFailing,
    Notice::WebhookDisabled,
];

/// A mail of each template.
pub(super) const TEMPLATES: [Mail<'static>; 10] = [
    Mail::VerifyEmail { link: "https://getzygo.example/verify-email?token=zv_AAAA&next=%2Fhome", token: "zv_AAAA" },
    Mail::AccountExists { link: "https://getzygo.example/sign-in" },
    Mail::AccountLocked { failures: 10, minutes: 1 },
    Mail::ResetPassword { link: "https://getzygo.example/reset?token=zp_AAAA", token: "zp_AAAA" },
    Mail::MagicLink { link: "https://getzygo.example/magic?token=zm_AAAA", token: "zm_AAAA" },
    Mail::Invitation { link: "https://getzygo.example/invitation?token=zi_AAAA", token: "zi_AAAA" },
    Mail::ConfirmEmail { link: "https://getzygo.example/confirm-email?token=zc_AAAA" },
    Mail::EmailChanged { link: "https://getzygo.example/revert-email?token=zb_AAAA" },
    Mail::DeletionRequested { link: "https://getzygo.example/cancel-deletion?token=zd_AAAA" },
    Mail::SignInCode { code: "123456", reasons: &[Reason::NewDevice, Reason::NewCountry] },
];

/// A mail of each template, and of each notice.
pub fn mails() -> impl Iterator<Item = Mail<'static>> {
    let link = "https://getzygo.example/end-sessions?token=ze_AAAA";
    TEMPLATES.into_iter().chain(NOTICES.iter().map(move |notice| Mail::SecurityNotice { notice, country: None, link }))
}

/// The look of an organisation, with a logo that is not there, below the address of the API.
#[must_use]
pub fn brand(issuer: &str) -> Option<Brand> {
    let colors: Colors = serde_json::from_value(serde_json::json!({ "primary": "#ffd400" })).ok()?;
    let logos = format!("{issuer}/logos/0193a1b2-0000-7000-8000-000000000001/");
    Brand::new("acme.example", "Acme & Söhne", colors, Some(&format!("{logos}5f2c9e.webp")), &logos)
}

/// The short message.
#[must_use]
pub fn short_message(language: Language) -> String {
    SmsCode::from_random([0; 8]).message(language).to_string()
}
