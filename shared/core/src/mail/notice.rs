//! The words of security notices: a subject and what happened.

use super::Language;
use crate::identity::notice::{Factor, Notice, Provider, Reason};

/// Subject and sentences of a notice. `country` is the code of the country that a sign-in came from.
pub(super) fn words(notice: &Notice, country: Option<&str>, language: Language) -> (&'static str, String) {
    match language {
        Language::English => english(notice, country),
        Language::German => german(notice, country),
    }
}

fn english(notice: &Notice, country: Option<&str>) -> (&'static str, String) {
    match notice {
        Notice::NewDevice { .. } => {
            let from = country.map(|code| format!(" The sign-in came from this country: {code}.")).unwrap_or_default();
            ("A new device signed in to your account", format!("A device that we have not seen before has signed in to your Zygo account.{from}"))
        }
        Notice::SignInSuspicious { reasons } => {
            let odd = list(reasons, reason_en, "and");
            let told = format!("A sign-in to your Zygo account looked unusual: {odd}. It was let in after a further proof.");
            ("An unusual sign-in to your account", told)
        }
        Notice::SignInRefused { reasons } => {
            let odd = list(reasons, reason_en, "and");
            let told = format!("Somebody tried to sign in to your Zygo account, and we refused it because it looked unusual: {odd}.");
            ("A sign-in to your account was refused", told)
        }
        Notice::RefreshTokenReused => (
            "A session of your account was ended",
            "A session of your Zygo account was used from two places at once, as happens when it is copied. We have ended it.".into(),
        ),
        Notice::PasswordChanged => ("Your password was changed", "The password of your Zygo account has been changed.".into()),
        Notice::FactorAdded { factor } => {
            ("Your second factors were changed", format!("A second factor was set up for your Zygo account: {}.", factor_en(*factor)))
        }
        Notice::FactorRemoved { factor } => {
            ("Your second factors were changed", format!("A second factor was removed from your Zygo account: {}.", factor_en(*factor)))
        }
        Notice::BackupCodeUsed => ("A backup code was used", "A backup code was used to sign in to your Zygo account.".into()),
        Notice::AccountLinked { provider } => {
            ("A way to sign in was added", format!("One can now sign in to your Zygo account with an account at {}.", provider_en(*provider)))
        }
        Notice::AccountUnlinked { provider } => (
            "A way to sign in was removed",
            format!("One can no longer sign in to your Zygo account with the account at {}.", provider_en(*provider)),
        ),
        Notice::TenantDeletionScheduled => (
            "An organisation is to be deleted",
            "An organisation that you own is to be deleted in 30 days. Until then everything goes on, and its owners may keep it.".into(),
        ),
        Notice::DomainFailing => (
            "A domain leads nowhere",
            "A domain of an organisation that you own does not lead to it any more, or has lost its certificate. Its DNS records may be gone.".into(),
        ),
        Notice::WebhookDisabled => (
            "A webhook was switched off",
            "An endpoint of an organisation that you administer said that it is gone, or did nothing but fail for five days. It was switched off; what it missed can be sent again once it is back.".into(),
        ),
        Notice::TenantDeletionCancelled => ("An organisation is kept", "An organisation that you own was to be deleted, and is now kept.".into()),
    }
}

fn german(notice: &Notice, country: Option<&str>) -> (&'static str, String) {
    match notice {
        Notice::NewDevice { .. } => {
            let from = country.map(|code| format!(" Die Anmeldung kam aus diesem Land: {code}.")).unwrap_or_default();
            (
                "Ein neues Gerät hat sich an Ihrem Konto angemeldet",
                format!("Ein Gerät, das wir noch nicht kannten, hat sich an Ihrem Zygo-Konto angemeldet.{from}"),
            )
        }
        Notice::SignInSuspicious { reasons } => {
            let odd = list(reasons, reason_de, "und");
            let told = format!("Eine Anmeldung an Ihrem Zygo-Konto war ungewöhnlich: {odd}. Sie wurde nach einem weiteren Nachweis zugelassen.");
            ("Eine ungewöhnliche Anmeldung an Ihrem Konto", told)
        }
        Notice::SignInRefused { reasons } => {
            let odd = list(reasons, reason_de, "und");
            let told = format!("Jemand wollte sich an Ihrem Zygo-Konto anmelden. Wir haben das abgewiesen, weil es ungewöhnlich war: {odd}.");
            ("Eine Anmeldung an Ihrem Konto wurde abgewiesen", told)
        }
        Notice::RefreshTokenReused => (
            "Eine Sitzung Ihres Kontos wurde beendet",
            "Eine Sitzung Ihres Zygo-Kontos wurde an zwei Orten zugleich benutzt, wie es geschieht, wenn sie kopiert wird. Wir haben sie beendet."
                .into(),
        ),
        Notice::PasswordChanged => ("Ihr Passwort wurde geändert", "Das Passwort Ihres Zygo-Kontos wurde geändert.".into()),
        Notice::FactorAdded { factor } => {
            ("Ihre zweiten Faktoren wurden geändert", format!("Für Ihr Zygo-Konto wurde ein zweiter Faktor eingerichtet: {}.", factor_de(*factor)))
        }
        Notice::FactorRemoved { factor } => {
            ("Ihre zweiten Faktoren wurden geändert", format!("Von Ihrem Zygo-Konto wurde ein zweiter Faktor entfernt: {}.", factor_de(*factor)))
        }
        Notice::BackupCodeUsed => ("Ein Notfallcode wurde benutzt", "Ein Notfallcode wurde benutzt, um sich an Ihrem Zygo-Konto anzumelden.".into()),
        Notice::AccountLinked { provider } => (
            "Ein Weg zur Anmeldung kam hinzu",
            format!("An Ihrem Zygo-Konto kann man sich nun mit einem Konto bei {} anmelden.", provider_de(*provider)),
        ),
        Notice::AccountUnlinked { provider } => (
            "Ein Weg zur Anmeldung wurde entfernt",
            format!("An Ihrem Zygo-Konto kann man sich nicht mehr mit dem Konto bei {} anmelden.", provider_de(*provider)),
        ),
        Notice::TenantDeletionScheduled => (
            "Eine Organisation soll gelöscht werden",
            "Eine Organisation, die Ihnen gehört, soll in 30 Tagen gelöscht werden. Bis dahin geht alles weiter, und ihre Inhaber können sie behalten."
                .into(),
        ),
        Notice::DomainFailing => (
            "Eine Domain führt ins Leere",
            "Eine Domain einer Organisation, die Ihnen gehört, führt nicht mehr zu ihr, oder ihr Zertifikat fehlt. Womöglich fehlen ihre DNS-Einträge."
                .into(),
        ),
        Notice::WebhookDisabled => (
            "Ein Webhook wurde abgeschaltet",
            "Ein Endpunkt einer Organisation, die Sie verwalten, ist nach eigener Auskunft nicht mehr da, oder er war fünf Tage lang nicht erreichbar. Er wurde abgeschaltet; was er versäumt hat, kann erneut gesendet werden.".into(),
        ),
        Notice::TenantDeletionCancelled => (
            "Eine Organisation bleibt",
            "Eine Organisation, die Ihnen gehört, sollte gelöscht werden und bleibt nun bestehen.".into(),
        ),
    }
}

/// What was odd about a sign-in, in words.
pub(super) fn odd(reasons: &[Reason], language: Language) -> String {
    match language {
        Language::English => list(reasons, reason_en, "and"),
        Language::German => list(reasons, reason_de, "und"),
    }
}

/// `a`, `a and b`, `a, b and c`; a dash for none.
fn list(reasons: &[Reason], name: fn(Reason) -> &'static str, and: &str) -> String {
    match reasons {
        [] => "–".into(),
        [only] => name(*only).into(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().copied().map(name).collect();
            format!("{} {and} {}", first.join(", "), name(*last))
        }
    }
}

const fn reason_en(reason: Reason) -> &'static str {
    match reason {
        Reason::NewDevice => "a new device",
        Reason::NewCountry => "a new country",
        Reason::NewNetwork => "a new network",
        Reason::ImpossibleTravel => "a place too far from the last sign-in",
        Reason::RecentFailures => "many failed attempts lately",
        Reason::UnusualHour => "an unusual hour",
        Reason::BlockedAddress => "a blocked network address",
        Reason::DisposableMail => "a throw-away mail address",
    }
}

const fn reason_de(reason: Reason) -> &'static str {
    match reason {
        Reason::NewDevice => "ein neues Gerät",
        Reason::NewCountry => "ein neues Land",
        Reason::NewNetwork => "ein neues Netz",
        Reason::ImpossibleTravel => "ein Ort zu weit von der letzten Anmeldung",
        Reason::RecentFailures => "viele Fehlversuche in letzter Zeit",
        Reason::UnusualHour => "eine ungewohnte Uhrzeit",
        Reason::BlockedAddress => "eine gesperrte Netzadresse",
        Reason::DisposableMail => "eine Wegwerf-Mailadresse",
    }
}

const fn factor_en(factor: Factor) -> &'static str {
    match factor {
        Factor::Totp => "an authenticator app",
        Factor::Sms => "codes by SMS",
        Factor::Passkey => "a passkey",
        Factor::BackupCodes => "a set of backup codes",
    }
}

const fn factor_de(factor: Factor) -> &'static str {
    match factor {
        Factor::Totp => "eine Authentifizierungs-App",
        Factor::Sms => "Codes per SMS",
        Factor::Passkey => "ein Passkey",
        Factor::BackupCodes => "ein Satz Notfallcodes",
    }
}

const fn provider_en(provider: Provider) -> &'static str {
    match provider {
        Provider::Google => "Google",
        Provider::Github => "GitHub",
        Provider::Microsoft => "Microsoft",
        Provider::Apple => "Apple",
        Provider::Organization => "your organisation",
    }
}

const fn provider_de(provider: Provider) -> &'static str {
    match provider {
        Provider::Google => "Google",
        Provider::Github => "GitHub",
        Provider::Microsoft => "Microsoft",
        Provider::Apple => "Apple",
        Provider::Organization => "Ihrer Organisation",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_notice() -> Vec<Notice> {
        let session_id = uuid::Uuid::from_u128(1).into();
        let mut notices = vec![
            Notice::NewDevice { session_id },
            Notice::SignInSuspicious { reasons: vec![Reason::UnusualHour] },
            Notice::SignInRefused { reasons: vec![] },
            Notice::SignInRefused { reasons: Reason::ALL.to_vec() },
            Notice::RefreshTokenReused,
            Notice::PasswordChanged,
            Notice::BackupCodeUsed,
        ];
        for factor in Factor::ALL {
            notices.extend([Notice::FactorAdded { factor }, Notice::FactorRemoved { factor }]);
        }
        for provider in Provider::ALL {
            notices.extend([Notice::AccountLinked { provider }, Notice::AccountUnlinked { provider }]);
        }
        notices
    }

    /// Every sentence in every language, for review.
    #[test]
    fn every_sentence() {
        use std::fmt::Write as _;
        let mut shown = String::new();
        for notice in every_notice() {
            for language in Language::ALL {
                for country in [None, Some("IS")] {
                    let (subject, told) = words(&notice, country, language);
                    if country.is_none() || matches!(notice, Notice::NewDevice { .. }) {
                        writeln!(shown, "{} | {subject} | {told}", language.tag()).unwrap();
                    }
                }
            }
        }
        insta::assert_snapshot!(shown);
    }
}
