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

    sign_on: "Sign on with your organisation", "Anmelden über Ihre Organisation";
    sign_in_with: "Sign in with", "Anmelden mit";
    sign_on_ask_lead: "Give your address at work, and you go on at your organisation's sign-in.",
        "Geben Sie Ihre Adresse bei der Arbeit an, und weiter geht es bei der Anmeldung Ihrer Organisation.";
    sign_on_lead: "You go on at your organisation's sign-in.", "Weiter geht es bei der Anmeldung Ihrer Organisation.";
    sign_on_button: "Go on", "Weiter";

    sent: "Check your mail", "Sehen Sie in Ihrem Postfach nach";
    sent_verify: "If everything is in order, a mail is on its way to the address that you gave. Open the link in it to confirm the address.",
        "Wenn alles in Ordnung ist, ist eine E-Mail an die angegebene Adresse unterwegs. Öffnen Sie den Link darin, um die Adresse zu bestätigen.";
    sent_hint: "It can take a minute. Look into the spam folder too.", "Das kann eine Minute dauern. Sehen Sie auch im Spam-Ordner nach.";
    sent_again: "No mail? Send it again", "Keine E-Mail? Noch einmal senden";

    verify: "Confirm your address", "Adresse bestätigen";
    verify_lead: "One click, and the address is yours to sign in with.", "Ein Klick, und Sie können sich mit der Adresse anmelden.";
    verify_button: "Confirm the address", "Adresse bestätigen";
    link_incomplete: "This link is incomplete. Open it from the mail once more.", "Dieser Link ist unvollständig. Öffnen Sie ihn noch einmal aus der E-Mail.";
    sent_reset: "If an account has this address, a mail is on its way to it. The link in it sets a new password, for an hour.",
        "Wenn ein Konto diese Adresse hat, ist eine E-Mail dorthin unterwegs. Mit dem Link darin setzen Sie eine Stunde lang ein neues Passwort.";
    sent_magic: "If an account has this address, a mail is on its way to it. The link in it signs you in, for ten minutes.",
        "Wenn ein Konto diese Adresse hat, ist eine E-Mail dorthin unterwegs. Mit dem Link darin melden Sie sich an, zehn Minuten lang.";
    forgot: "Forgot the password?", "Passwort vergessen?";
    forgot_lead: "Give the address of your account, and we mail you a link that sets a new password.",
        "Geben Sie die Adresse Ihres Kontos an, und wir senden Ihnen einen Link, mit dem Sie ein neues Passwort setzen.";
    reset: "Set a new password", "Neues Passwort setzen";
    reset_lead: "You are signed out everywhere then, and sign in with the new password.",
        "Danach sind Sie überall abgemeldet und melden sich mit dem neuen Passwort an.";
    new_password: "New password", "Neues Passwort";
    current_password: "Present password", "Bisheriges Passwort";
    magic: "Sign in by link", "Anmelden per Link";
    magic_lead: "One click, and you are signed in on this device.", "Ein Klick, und Sie sind auf diesem Gerät angemeldet.";
    magic_ask: "Sign in by a mailed link", "Mit einem Link per E-Mail anmelden";
    magic_ask_lead: "Without a password: we mail you a link that signs you in.", "Ohne Passwort: Wir senden Ihnen einen Link, der Sie anmeldet.";
    magic_again: "Send another link", "Einen neuen Link senden";
    confirm_email: "Confirm your new address", "Neue Adresse bestätigen";
    confirm_email_lead: "From then on you sign in with it.", "Von da an melden Sie sich damit an.";
    confirm_email_button: "Use this address", "Diese Adresse benutzen";
    revert_email: "Take the old address back", "Alte Adresse zurückholen";
    revert_email_lead: "The account gets this address back, everybody is signed out, and the password no longer works. A mail that sets a new one follows.",
        "Das Konto bekommt diese Adresse zurück, alle werden abgemeldet, und das Passwort gilt nicht mehr. Eine E-Mail für ein neues folgt.";
    revert_email_button: "Take it back", "Zurückholen";
    keep_account: "Keep your account", "Konto behalten";
    keep_account_lead: "Your account was to be deleted. One click, and it stays.", "Ihr Konto sollte gelöscht werden. Ein Klick, und es bleibt.";
    keep_account_button: "Keep the account", "Konto behalten und nicht löschen";
    change_password: "Change the password", "Passwort ändern";
    change_password_lead: "Your other sessions end with it. An account that has no password yet gets its first by the link below.",
        "Ihre anderen Sitzungen enden damit. Ein Konto ohne Passwort bekommt sein erstes über den Link unten.";
    change_email: "Change the address", "Adresse ändern";
    change_email_lead: "We mail a link to the new address. The old one holds until that is opened.",
        "Wir senden einen Link an die neue Adresse. Die alte gilt, bis er geöffnet wird.";
    new_email: "New mail address", "Neue E-Mail-Adresse";
    change_email_password: "Only if your account has one.", "Nur wenn Ihr Konto eines hat.";
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
    code_sms_ask: "We send a code to the number of your account.", "Wir senden einen Code an die Nummer Ihres Kontos.";
    code_sms_button: "Send the code", "Code senden";
    code_sms_lead: "Type the code that we have sent to your phone.", "Tippen Sie den Code ab, den wir an Ihr Telefon gesendet haben.";
    code_email_lead: "This sign-in looks unusual. Type the code that we have mailed to you.",
        "Diese Anmeldung sieht ungewöhnlich aus. Tippen Sie den Code ab, den wir Ihnen per E-Mail gesendet haben.";
    code_button: "Continue", "Weiter";
    trust_device: "Do not ask on this device for 30 days", "Auf diesem Gerät 30 Tage lang nicht fragen";
    set_up_link: "Set up a second factor", "Einen zweiten Faktor einrichten";
    factor_totp: "Authenticator app", "Authenticator-App";
    factor_sms: "Code by SMS", "Code per SMS";
    factor_passkey: "Passkey", "Zugangsschlüssel (Passkey)";
    factor_email: "Code by mail", "Code per E-Mail";
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
    passkeys: "Passkeys", "Zugangsschlüssel (Passkeys)";
    passkeys_none: "None yet. With a passkey you sign in by fingerprint, face or PIN, and nobody can steal a password.",
        "Noch keine. Mit einem Zugangsschlüssel melden Sie sich per Fingerabdruck, Gesicht oder PIN an, und niemand kann ein Passwort stehlen.";
    passkey_add: "Add a passkey", "Zugangsschlüssel hinzufügen";
    passkey_add_lead: "Your device asks for fingerprint, face or PIN.", "Ihr Gerät fragt nach Fingerabdruck, Gesicht oder PIN.";
    passkey_name: "Name of the passkey", "Name des Schlüssels";
    passkey_remove: "Remove", "Entfernen";
    passkey_added: "added on", "hinzugefügt am";
    passkey_use: "Sign in with a passkey", "Mit einem Zugangsschlüssel anmelden";
    passkey_answer: "Use a passkey", "Zugangsschlüssel benutzen";
    passkey_no_script: "Passkeys need JavaScript, and a browser that knows them.", "Zugangsschlüssel brauchen JavaScript und einen Browser, der sie kennt.";
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

    invitation: "Join an organisation", "Einer Organisation beitreten";
    invitation_lead: "You are invited to join:", "Sie sind eingeladen beizutreten:";
    invitation_organisation: "Organisation", "Die Organisation";
    invitation_role: "Your role there", "Ihre Rolle dort";
    invitation_accept: "Accept the invitation", "Einladung annehmen";
    invitation_sign_in: "Sign in to accept", "Anmelden und annehmen";
    invitation_join: "Create account and join", "Konto anlegen und beitreten";
    invitation_over: "Ask whoever invited you to send the invitation again.", "Bitten Sie, wer Sie eingeladen hat, die Einladung noch einmal zu senden.";

    sessions: "Devices and sessions", "Geräte und Sitzungen";
    sessions_link: "Sessions", "Sitzungen";
    sessions_lead: "Where you are signed in. End what you do not recognise.", "Wo Sie angemeldet sind. Beenden Sie, was Sie nicht kennen.";
    session_unknown: "Unknown device", "Unbekanntes Gerät";
    session_current: "this one", "diese";
    session_since: "signed in", "angemeldet am";
    session_seen: "last seen", "zuletzt gesehen";
    session_end: "End", "Beenden";
    session_end_others: "End all other sessions", "Alle anderen Sitzungen beenden";

    devices: "Trusted devices", "Vertraute Geräte";
    devices_lead: "On these, no second factor is asked for.", "Auf diesen wird nach keinem zweiten Faktor gefragt.";
    device_until: "until", "bis";
    device_remove: "Trust no more", "Nicht mehr vertrauen";

    sign_out: "Sign out", "Abmelden";
    sign_out_lead: "You will need your password to sign in again on this device.", "Zum erneuten Anmelden auf diesem Gerät brauchen Sie Ihr Passwort.";

    notice_verified: "Your address is confirmed. You can sign in now.", "Ihre Adresse ist bestätigt. Sie können sich jetzt anmelden.";
    notice_signed_out: "You are signed out.", "Sie sind abgemeldet.";
    notice_session_ended: "The session was ended.", "Die Sitzung wurde beendet.";
    notice_device_removed: "This device is asked for a second factor again.", "Dieses Gerät wird wieder nach dem zweiten Faktor gefragt.";
    notice_others_ended: "All other sessions were ended.", "Alle anderen Sitzungen wurden beendet.";
    notice_all_ended: "All sessions were ended. Set a new password if a stranger may know yours.",
        "Alle Sitzungen wurden beendet. Setzen Sie ein neues Passwort, falls ein Fremder Ihres kennen könnte.";
    notice_address_changed: "Your address is changed.", "Ihre Adresse ist geändert.";
    notice_address_reverted: "The account has this address again. We have mailed you a link for a new password.",
        "Das Konto hat diese Adresse wieder. Wir haben Ihnen einen Link für ein neues Passwort gesendet.";
    notice_address_asked: "We have sent a mail to the new address. Open the link in it.", "Wir haben eine E-Mail an die neue Adresse gesendet. Öffnen Sie den Link darin.";
    notice_password_set: "The new password holds. Sign in with it.", "Das neue Passwort gilt. Melden Sie sich damit an.";
    notice_password_changed: "The password is changed, and your other sessions have ended.", "Das Passwort ist geändert, und Ihre anderen Sitzungen sind beendet.";
    notice_account_kept: "Your account stays.", "Ihr Konto bleibt.";
    notice_passkey_added: "The passkey was added.", "Der Zugangsschlüssel wurde hinzugefügt.";
    notice_passkey_removed: "The passkey was removed.", "Der Zugangsschlüssel wurde entfernt.";
    notice_organisation_created: "The organisation was created.", "Die Organisation wurde angelegt.";

    notice_joined: "You are a member now.", "Sie sind jetzt Mitglied.";
    notice_joined_newly: "Your account is ready, and you are a member. Sign in now.", "Ihr Konto ist bereit, und Sie sind Mitglied. Melden Sie sich jetzt an.";
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
