//! A problem in words for people, in their language. The API's own texts speak to programmers.

use serde_json::Value;
use zygo_core::{
    error::{Code, Problem},
    mail::Language,
};

/// What went wrong, for a page.
pub struct Fault {
    /// What, as a whole.
    pub text: String,
    /// Fields and what is wrong with each.
    pub fields: Vec<(String, String)>,
}

impl Fault {
    /// The words for a problem.
    #[must_use]
    pub fn new(problem: &Problem, language: Language) -> Self {
        let fields = problem.member("fields").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let part = |field: &Value, name: &str| field.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let fields = fields.iter().map(|field| (part(field, "path"), rule(language, &part(field, "code"), &part(field, "message"))));
        Self { text: whole(problem, language), fields: fields.collect() }
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(path, _)| path == name).map(|(_, text)| text.as_str())
    }
}

/// What is wrong with a field, by the code of the rule that it breaks; `message` is the rule in English.
fn rule(language: Language, code: &str, message: &str) -> String {
    let number: String = message.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    let (english, german) = match code {
        "required" => ("Please fill this in.", "Bitte ausfüllen."),
        "email" => ("This is not a mail address, such as ada@example.org.", "Das ist keine E-Mail-Adresse wie ada@example.org."),
        "too_short" => ("At least # characters, please.", "Bitte mindestens # Zeichen."),
        "too_long" => ("At most # characters, please.", "Bitte höchstens # Zeichen."),
        "common" => ("This is one of the most common passwords.", "Das ist eines der häufigsten Passwörter."),
        "is_email" => ("The password must not be your address.", "Das Passwort darf nicht Ihre Adresse sein."),
        "guessable" => {
            ("This is too easy to guess. Add a few uncommon words.", "Das ist zu leicht zu erraten. Nehmen Sie ein paar seltene Wörter dazu.")
        }
        "unchanged" => ("This is your address already.", "Das ist schon Ihre Adresse."),
        "credential" => (
            "This passkey did not answer as it should. Please try again.",
            "Dieser Zugangsschlüssel hat nicht richtig geantwortet. Bitte versuchen Sie es noch einmal.",
        ),
        "slug" => ("Only a–z, 0–9 and single hyphens inside.", "Nur a–z, 0–9 und einzelne Bindestriche im Innern."),
        "no_sign_on" => ("No organisation signs its people on by this address.", "Keine Organisation meldet ihre Leute mit dieser Adresse an."),
        "taken" => ("Another organisation has this.", "Das hat schon eine andere Organisation."),
        "reserved" => ("This name is reserved.", "Dieser Name ist vergeben."),
        "characters" => ("There is a character in it that cannot be kept.", "Darin ist ein Zeichen, das nicht gespeichert werden kann."),
        _ => ("This is not valid.", "Das ist nicht gültig."),
    };
    pick(language, english, german).replace('#', &number)
}

/// What went wrong as a whole.
fn whole(problem: &Problem, language: Language) -> String {
    if problem.member("form").is_some() {
        let (english, german) = (
            "This page had become too old, so nothing was done. Please send the form once more.",
            "Diese Seite war zu alt, deshalb ist nichts geschehen. Bitte senden Sie das Formular noch einmal.",
        );
        return pick(language, english, german).to_owned();
    }
    if problem.member("passkey").is_some() {
        return pick(language, "This passkey opens no account here.", "Dieser Zugangsschlüssel öffnet hier kein Konto.").to_owned();
    }
    if problem.member("provider").is_some() && problem.code() == Code::InvalidCredentials {
        let (english, german) = ("Nobody was signed in that way.", "Auf diesem Weg wurde niemand angemeldet.");
        return pick(language, english, german).to_owned();
    }
    let seconds = problem.retry_after_seconds().unwrap_or(1);
    let (number, unit) = match (seconds, language) {
        (..=90, Language::English) => (seconds, "seconds"),
        (..=90, Language::German) => (seconds, "Sekunden"),
        (_, Language::English) => (seconds.div_ceil(60), "minutes"),
        (_, Language::German) => (seconds.div_ceil(60), "Minuten"),
    };
    by_code(problem.code(), language).replace('#', &format!("{number} {unit}"))
}

fn by_code(code: Code, language: Language) -> &'static str {
    let (english, german) = match code {
        Code::InvalidCredentials => ("Address or password is wrong.", "Adresse oder Passwort stimmt nicht."),
        Code::MfaCodeInvalid => ("The code is wrong, too old or used already.", "Der Code ist falsch, zu alt oder schon benutzt."),
        Code::EmailNotVerified => ("Please confirm your mail address first.", "Bitte bestätigen Sie zuerst Ihre E-Mail-Adresse."),
        Code::ValidationFailed => ("Please look at the marked fields.", "Bitte sehen Sie sich die markierten Felder an."),
        Code::PasswordTooWeak => ("Please choose a stronger password.", "Bitte wählen Sie ein stärkeres Passwort."),
        Code::PasswordBreached => (
            "This password stands in a list of stolen passwords. Please choose another.",
            "Dieses Passwort steht in einer Liste gestohlener Passwörter. Bitte wählen Sie ein anderes.",
        ),
        Code::TokenInvalid => {
            ("This link is not valid. Perhaps a part of it is missing.", "Dieser Link ist nicht gültig. Vielleicht fehlt ein Teil davon.")
        }
        Code::TokenExpired => ("This link is too old. Please ask for a new one.", "Dieser Link ist zu alt. Bitte fordern Sie einen neuen an."),
        Code::TokenConsumed => ("This link was used already. It works once.", "Dieser Link wurde schon benutzt. Er gilt nur einmal."),
        Code::Unauthenticated | Code::SessionRevoked | Code::RefreshTokenReused => ("Please sign in again.", "Bitte melden Sie sich wieder an."),
        Code::UserSuspended => ("This account is suspended.", "Dieses Konto ist gesperrt."),
        Code::TenantSuspended => ("This organisation is suspended.", "Diese Organisation ist gesperrt."),
        Code::TenantDeleted => ("This organisation was deleted.", "Diese Organisation wurde gelöscht."),
        Code::TenantNotFound => ("There is no organisation at this address.", "Unter dieser Adresse gibt es keine Organisation."),
        Code::TenantMismatch => ("You are signed in to another organisation.", "Sie sind bei einer anderen Organisation angemeldet."),
        Code::NotFound => ("There is nothing at this address.", "Unter dieser Adresse gibt es nichts."),
        Code::MethodNotAllowed => ("This address cannot be used that way.", "Diese Adresse lässt sich so nicht benutzen."),
        Code::SlugTaken => ("Another organisation has this short name.", "Eine andere Organisation hat diesen Kurznamen."),
        Code::EmailTaken => ("Another account has this address.", "Ein anderes Konto hat diese Adresse."),
        Code::PlanLimit => ("The plan does not cover this.", "Der Tarif deckt das nicht ab."),
        Code::MfaRequired => (
            "Your organisation asks for a second factor. Please set one up.",
            "Ihre Organisation verlangt einen zweiten Faktor. Bitte richten Sie einen ein.",
        ),
        Code::MfaStepUpRequired => ("Please give your second factor once more.", "Bitte geben Sie Ihren zweiten Faktor noch einmal an."),
        Code::PermissionDenied | Code::RoleHierarchy | Code::IpNotAllowed => ("You may not do this here.", "Das dürfen Sie hier nicht."),
        Code::LastOwner => ("An organisation keeps at least one owner.", "Eine Organisation behält mindestens einen Inhaber."),
        Code::RateLimited | Code::AccountLocked => {
            ("Too many attempts. Please wait # and try again.", "Zu viele Versuche. Bitte warten Sie # und versuchen Sie es dann erneut.")
        }
        Code::DependencyUnavailable => {
            ("This does not work at the moment. Please try again in #.", "Das geht im Augenblick nicht. Bitte versuchen Sie es in # noch einmal.")
        }
        Code::Internal => ("This is our fault. Please try again later.", "Das ist unser Fehler. Bitte versuchen Sie es später noch einmal."),
        Code::BodyTooLarge => ("That is too long.", "Das ist zu lang."),
        Code::Conflict
        | Code::PreconditionFailed
        | Code::IdempotencyInProgress
        | Code::IdempotencyKeyReused
        | Code::MalformedJson
        | Code::BadRequest
        | Code::UnsupportedMediaType => {
            ("That did not work. Please go back and try again.", "Das hat nicht geklappt. Bitte gehen Sie zurück und versuchen Sie es noch einmal.")
        }
    };
    pick(language, english, german)
}

const fn pick(language: Language, english: &'static str, german: &'static str) -> &'static str {
    match language {
        Language::English => english,
        Language::German => german,
    }
}

#[cfg(test)]
mod tests {
    use zygo_core::identity::password::{self, PasswordProblem};

    use super::*;

    #[test]
    fn no_internal_text_gets_onto_a_page() {
        for code in Code::ALL {
            for language in Language::ALL {
                let fault = Fault::new(&Problem::new(*code).detail("secret detail").cause("secret cause"), language);
                assert!(!fault.text.contains("secret") && !fault.text.contains('#'), "{}", code.as_str());
            }
        }
    }

    #[test]
    fn numbers_come_along() {
        let problem = password::problem("password", &[PasswordProblem::TooShort]);
        let fault = Fault::new(&problem, Language::German);
        assert_eq!(fault.field("password"), Some("Bitte mindestens 12 Zeichen."));
        assert_eq!(fault.field("email"), None);
        let wait = Problem::new(Code::RateLimited).retry_after(300);
        assert!(Fault::new(&wait, Language::English).text.contains("5 minutes"));
    }
}
