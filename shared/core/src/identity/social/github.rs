//! GitHub has no ID token: the person is fetched by the access token, and so are their addresses.

use serde::Deserialize;

use super::{Person, person::lenient_name};
use crate::{error::Problem, identity::email::Email};

#[derive(Deserialize)]
struct User {
    id: u64,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    email: String,
    primary: bool,
    verified: bool,
}

/// The person of the answers to `GET /user` and `GET /user/emails`. The address in the profile is chosen by its owner and
/// counts for nothing; of the list only the primary one is looked at.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE` for what is not such an answer.
pub fn person(user: &[u8], emails: &[u8]) -> Result<Person, Problem> {
    let odd = |what: &str| Problem::unavailable(format!("github: not the JSON of {what}"));
    let user: User = serde_json::from_slice(user).map_err(|_| odd("a user"))?;
    let emails: Vec<Address> = serde_json::from_slice(emails).map_err(|_| odd("addresses"))?;
    let primary = emails.iter().find(|address| address.primary);
    Ok(Person {
        subject: user.id.to_string(),
        email: primary.and_then(|address| Email::parse(&address.email).ok()),
        email_verified: primary.is_some_and(|address| address.verified),
        given_name: user.name.as_deref().and_then(lenient_name),
        family_name: None,
    })
}
