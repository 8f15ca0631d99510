//! Every text of the pages, English and German side by side: one that lacks a language does not compile.

use zygo_core::mail::Language;

macro_rules! texts {
    ($($name:ident: $english:literal, $german:literal;)+) => {
        /// The texts of one language.
        pub struct Texts {
            $(#[doc = $english] pub $name: &'static str,)+
        }
        static ENGLISH: Texts = Texts { $($name: $english,)+ };
        static GERMAN: Texts = Texts { $($name: $german,)+ };
        #[cfg(test)]
        const PAIRS: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $german),)+];
    };
}

/// The texts of a language.
#[must_use]
pub fn of(language: Language) -> &'static Texts {
    match language {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
    }
}

texts! {
    language_name: "English", "Deutsch";
    skip: "Skip to the content", "Zum Inhalt springen";
    navigation: "Account", "Konto";
    wrong: "Error:", "Fehler:";
    something_wrong: "That did not work", "Das hat nicht geklappt";
    other_language: "Language", "Sprache";

    mail: "Mail address", "E-Mail-Adresse";
    password: "Password", "Passwort";
    first_name: "First name", "Vorname";
    last_name: "Last name", "Nachname";
    optional: "(optional)", "(freiwillig)";
    password_hint: "At least 12 characters. A sentence of your own is easy to remember and hard to guess.",
        "Mindestens 12 Zeichen. Ein eigener Satz ist leicht zu merken und schwer zu erraten.";
    cancel: "Cancel", "Abbrechen";
    or: "Or:", "Oder:";
    back_to_sign_in: "Back to sign-in", "Zurück zur Anmeldung";
    back_to_account: "Back to the account", "Zurück zum Konto";

    sign_up: "Create an account", "Konto anlegen";
    sign_up_lead: "We send you a mail to confirm your address.", "Wir senden Ihnen eine E-Mail, um Ihre Adresse zu bestätigen.";
    sign_up_button: "Create account", "Konto anlegen";
    have_account: "Already have an account?", "Schon ein Konto?";

    sign_in: "Sign in", "Anmelden";
    sign_in_to: "Sign in to", "Anmelden bei";
    no_account: "No account yet?", "Noch kein Konto?";
    not_verified_link: "Send the confirmation mail again", "Bestätigungsmail noch einmal senden";

    sent: "Check your mail", "Sehen Sie in Ihrem Postfach nach";
    sent_verify: "If everything is in order, a mail is on its way to the address that you gave. Open the link in it to confirm the address.",
        "Wenn alles in Ordnung ist, ist eine E-Mail an die angegebene Adresse unterwegs. Öffnen Sie den Link darin, um die Adresse zu bestätigen.";
    sent_hint: "It can take a minute. Look into the spam folder too.", "Das kann eine Minute dauern. Sehen Sie auch im Spam-Ordner nach.";
    sent_again: "No mail? Send it again", "Keine E-Mail? Noch einmal senden";

    verify: "Confirm your address", "Adresse bestätigen";
    verify_lead: "One click, and the address is yours to sign in with.", "Ein Klick, und Sie können sich mit der Adresse anmelden.";
    verify_button: "Confirm the address", "Adresse bestätigen";
    link_incomplete: "This link is incomplete. Open it from the mail once more.", "Dieser Link ist unvollständig. Öffnen Sie ihn noch einmal aus der E-Mail.";
    end_all: "End all sessions", "Alle Sitzungen beenden";
    end_all_lead: "Everybody who is signed in to your account, you included, is signed out everywhere.",
        "Alle, die an Ihrem Konto angemeldet sind, auch Sie selbst, werden überall abgemeldet.";
    end_all_button: "End all sessions now", "Jetzt alle Sitzungen beenden";
    resend: "Send the confirmation mail again", "Bestätigungsmail noch einmal senden";
    resend_lead: "Give the address of your account. If it still waits for confirmation, it gets a new mail.",
        "Geben Sie die Adresse Ihres Kontos an. Wartet sie noch auf Bestätigung, bekommt sie eine neue E-Mail.";
    resend_button: "Send the mail", "E-Mail senden";

    second_factor: "Second factor", "Zweiter Faktor";
    code: "Code", "Code";
    code_totp_lead: "Open your authenticator app and type the code that it shows.", "Öffnen Sie Ihre Authenticator-App und tippen Sie den Code ab, den sie zeigt.";
    code_backup_lead: "Type one of the backup codes that you kept. Each works once.", "Tippen Sie einen der Ersatzcodes ab, die Sie aufbewahrt haben. Jeder gilt einmal.";
    code_button: "Continue", "Weiter";
    trust_device: "Do not ask on this device for 30 days", "Auf diesem Gerät 30 Tage lang nicht fragen";
    set_up_link: "Set up a second factor", "Einen zweiten Faktor einrichten";
    factor_totp: "Authenticator app", "Authenticator-App";
    factor_sms: "Code by SMS", "Code per SMS";
    factor_passkey: "Passkey", "Zugangsschlüssel (Passkey)";
    factor_backup: "A backup code", "Ein Ersatzcode";
    factor_backup_many: "Backup codes", "Ersatzcodes";

    security: "Security", "Sicherheit";
    factors_none: "None yet. With a second factor, a stolen password is not enough to get in.",
        "Noch keine. Mit einem zweiten Faktor genügt ein gestohlenes Passwort nicht.";
    app_set_up: "Set up an authenticator app", "Authenticator-App einrichten";
    app_lead: "Scan this code with the app, then type the code that it shows.", "Scannen Sie dieses Bild mit der App und tippen Sie dann den Code ab, den sie zeigt.";
    app_qr: "QR code with the secret; the same stands below for typing", "QR-Code mit dem Geheimnis; dasselbe steht darunter zum Abtippen";
    app_by_hand: "Or type this secret into the app:", "Oder tippen Sie dieses Geheimnis in die App:";
    app_confirm: "Confirm", "Bestätigen";
    app_remove: "Remove the authenticator app", "Authenticator-App entfernen";
    codes_renew: "New backup codes", "Neue Ersatzcodes";
    codes_lead: "Keep these where you find them without your phone. They are shown this once; each lets you in once when the app is lost. Earlier codes are void.",
        "Bewahren Sie diese Codes dort auf, wo Sie sie ohne Ihr Telefon finden. Sie werden nur jetzt gezeigt; jeder gilt einmal, wenn die App verloren ist. Frühere Codes gelten nicht mehr.";
    codes_kept: "I have kept them", "Ich habe sie aufbewahrt";

    account: "Your account", "Ihr Konto";
    account_link: "Overview", "Übersicht";
    account_mail: "Signed in as", "Angemeldet als";
    account_name: "Name", "Name";
    account_since: "Account since", "Konto seit";
    account_factors: "Second factors", "Zweite Faktoren";
    account_factors_none: "none", "keine";
    organisations: "Organisations", "Organisationen";
    organisations_none: "You do not belong to an organisation yet.", "Sie gehören noch keiner Organisation an.";
    organisation_here: "this one", "diese";
    organisation_new: "Create an organisation", "Organisation anlegen";
    organisation_new_lead: "You become its owner. People and plans follow later.", "Sie werden Inhaber. Mitglieder und Tarif folgen später.";
    organisation_name: "Name", "Name";
    organisation_slug: "Short name", "Kurzname";
    organisation_slug_hint: "It becomes part of the address: 3 to 40 of a–z, 0–9 and hyphens.",
        "Er wird Teil der Adresse: 3 bis 40 Zeichen aus a–z, 0–9 und Bindestrichen.";
    organisation_button: "Create organisation", "Organisation anlegen";

    sessions: "Devices and sessions", "Geräte und Sitzungen";
    sessions_link: "Sessions", "Sitzungen";
    sessions_lead: "Where you are signed in. End what you do not recognise.", "Wo Sie angemeldet sind. Beenden Sie, was Sie nicht kennen.";
    session_unknown: "Unknown device", "Unbekanntes Gerät";
    session_current: "this one", "diese";
    session_since: "signed in", "angemeldet am";
    session_seen: "last seen", "zuletzt gesehen";
    session_end: "End", "Beenden";
    session_end_others: "End all other sessions", "Alle anderen Sitzungen beenden";

    sign_out: "Sign out", "Abmelden";
    sign_out_lead: "You will need your password to sign in again on this device.", "Zum erneuten Anmelden auf diesem Gerät brauchen Sie Ihr Passwort.";

    notice_verified: "Your address is confirmed. You can sign in now.", "Ihre Adresse ist bestätigt. Sie können sich jetzt anmelden.";
    notice_signed_out: "You are signed out.", "Sie sind abgemeldet.";
    notice_session_ended: "The session was ended.", "Die Sitzung wurde beendet.";
    notice_others_ended: "All other sessions were ended.", "Alle anderen Sitzungen wurden beendet.";
    notice_all_ended: "All sessions were ended. Set a new password if a stranger may know yours.",
        "Alle Sitzungen wurden beendet. Setzen Sie ein neues Passwort, falls ein Fremder Ihres kennen könnte.";
    notice_organisation_created: "The organisation was created.", "Die Organisation wurde angelegt.";

    notice_factor_added: "The authenticator app is set up.", "Die Authenticator-App ist eingerichtet.";
    notice_factor_removed: "The authenticator app was removed.", "Die Authenticator-App wurde entfernt.";

    error_reference: "If you ask us about it, give this reference:", "Wenn Sie uns danach fragen, nennen Sie dieses Zeichen:";
    error_home: "To the start page", "Zur Startseite";
}

#[cfg(test)]
mod tests {
    use super::PAIRS;

    #[test]
    fn every_text_says_something_in_both_languages() {
        // These are the same words in both.
        let same = ["account_name", "organisation_name", "code"];
        for (name, english, german) in PAIRS {
            assert!(!english.is_empty() && !german.is_empty(), "{name}");
            assert!(english != german || same.contains(name), "{name} was not translated");
            assert_eq!(english.ends_with('.'), german.ends_with('.'), "{name}: one is a sentence, one is not");
        }
    }
}
