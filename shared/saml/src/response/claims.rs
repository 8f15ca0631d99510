//! What an assertion says, once it is known whose it is (SAML core, 2; profiles, 4.1.4.2 and 4.1.4.3).

use zygo_core::{
    identity::saml::{IdentityProvider, Refusal, ServiceProvider, SignedOn},
    time::Timestamp,
};

use crate::{
    names,
    xml::{self, Node},
};

/// How far clocks may differ, in seconds.
const SKEW: i64 = 60;

/// What must hold.
pub struct Expected<'a> {
    /// Who speaks.
    pub provider: &'a IdentityProvider,
    /// To whom.
    pub service: &'a ServiceProvider,
    /// When.
    pub now: Timestamp,
}

impl Expected<'_> {
    fn begun(&self, not_before: Option<&str>) -> Result<(), Refusal> {
        let begun = match not_before {
            Some(text) => xml::time(text)? <= self.now.plus_seconds(SKEW),
            None => true,
        };
        if begun { Ok(()) } else { Err(Refusal::Expired) }
    }

    fn not_over(&self, not_on_or_after: &str) -> Result<Timestamp, Refusal> {
        let end = xml::time(not_on_or_after)?.plus_seconds(SKEW);
        if self.now < end { Ok(end) } else { Err(Refusal::Expired) }
    }
}

/// Reads an assertion. The response around it may be unsigned, so what stands there can only refuse.
pub fn read(response: Node<'_, '_>, assertion: Node<'_, '_>, expected: &Expected<'_>) -> Result<SignedOn, Refusal> {
    if assertion.attribute("Version") != Some("2.0") {
        return Err(Refusal::Shape);
    }
    let assertion_id = assertion.attribute("ID").ok_or(Refusal::Shape)?;
    issuer(assertion, expected)?.ok_or(Refusal::Issuer)?;
    issuer(response, expected)?;
    if response.attribute("Destination").is_some_and(|destination| destination != expected.service.acs_url) {
        return Err(Refusal::Destination);
    }
    let subject = assertion.one(names::SAML, "Subject")?.ok_or(Refusal::NameId)?;
    let name = subject.one(names::SAML, "NameID")?.ok_or(Refusal::NameId)?;
    let conditions_end = conditions(assertion, expected)?;
    let (in_response_to, confirmed_until) = confirmation(subject, expected)?;
    if response.attribute("InResponseTo").is_some_and(|request| request != in_response_to) {
        return Err(Refusal::Unsolicited);
    }
    Ok(SignedOn {
        assertion_id: assertion_id.to_owned(),
        valid_until: conditions_end.map_or(confirmed_until, |end| end.min(confirmed_until)),
        in_response_to: in_response_to.to_owned(),
        // A comment changes nothing in what was signed, yet readers were made to stop at one: no name has any business with it.
        name_id: name.text().filter(|text| !text.is_empty() && !name.has_comment()).ok_or(Refusal::NameId)?,
        name_id_format: name.attribute("Format").map(str::to_owned),
        attributes: attributes(assertion),
        context: statement(assertion, expected)?,
    })
}

/// The issuer, if there is one; a wrong one is refused.
fn issuer(node: Node<'_, '_>, expected: &Expected<'_>) -> Result<Option<()>, Refusal> {
    match node.one(names::SAML, "Issuer")? {
        Some(issuer) if issuer.text().as_deref() == Some(&expected.provider.entity_id) => Ok(Some(())),
        Some(_) => Err(Refusal::Issuer),
        None => Ok(None),
    }
}

/// The conditions, all of which must hold and be known (core, 2.5.1).
fn conditions(assertion: Node<'_, '_>, expected: &Expected<'_>) -> Result<Option<Timestamp>, Refusal> {
    let conditions = assertion.one(names::SAML, "Conditions")?.ok_or(Refusal::Audience)?;
    expected.begun(conditions.attribute("NotBefore"))?;
    let end = conditions.attribute("NotOnOrAfter").map(|text| expected.not_over(text)).transpose()?;
    let mut restricted = false;
    for condition in conditions.elements() {
        if condition.is(names::SAML, "AudienceRestriction") {
            let ours = |audience: Node<'_, '_>| audience.text().as_deref() == Some(&expected.service.entity_id);
            if !condition.all(names::SAML, "Audience").any(ours) {
                return Err(Refusal::Audience);
            }
            restricted = true;
        } else if !condition.is(names::SAML, "OneTimeUse") && !condition.is(names::SAML, "ProxyRestriction") {
            return Err(Refusal::Condition);
        }
    }
    if restricted { Ok(end) } else { Err(Refusal::Audience) }
}

/// The request that is answered, and until when, by the first confirmation that holds here (profiles, 4.1.4.2).
fn confirmation<'d>(subject: Node<'d, '_>, expected: &Expected<'_>) -> Result<(&'d str, Timestamp), Refusal> {
    let mut refusal = Refusal::Confirmation;
    for confirmation in subject.all(names::SAML, "SubjectConfirmation").filter(|one| one.attribute("Method") == Some(names::BEARER)) {
        match confirmed(confirmation, expected) {
            Ok(found) => return Ok(found),
            Err(reason) => refusal = reason,
        }
    }
    Err(refusal)
}

fn confirmed<'d>(confirmation: Node<'d, '_>, expected: &Expected<'_>) -> Result<(&'d str, Timestamp), Refusal> {
    let data = confirmation.one(names::SAML, "SubjectConfirmationData")?.ok_or(Refusal::Confirmation)?;
    if data.attribute("Recipient") != Some(&expected.service.acs_url) {
        return Err(Refusal::Confirmation);
    }
    expected.begun(data.attribute("NotBefore"))?;
    let end = expected.not_over(data.attribute("NotOnOrAfter").ok_or(Refusal::Confirmation)?)?;
    Ok((data.attribute("InResponseTo").ok_or(Refusal::Unsolicited)?, end))
}

/// How the subject was recognised; there must be a statement that it was (profiles, 4.1.4.2).
fn statement(assertion: Node<'_, '_>, expected: &Expected<'_>) -> Result<Option<String>, Refusal> {
    let statement = assertion.all(names::SAML, "AuthnStatement").next().ok_or(Refusal::Shape)?;
    if let Some(end) = statement.attribute("SessionNotOnOrAfter") {
        expected.not_over(end)?;
    }
    let context = statement.one(names::SAML, "AuthnContext")?;
    Ok(context.and_then(|context| context.one(names::SAML, "AuthnContextClassRef").ok().flatten()).and_then(Node::text))
}

/// The attributes; a value that is not a text is left out.
fn attributes(assertion: Node<'_, '_>) -> Vec<(String, Vec<String>)> {
    let statements = assertion.all(names::SAML, "AttributeStatement");
    let attributes = statements.flat_map(|statement| statement.all(names::SAML, "Attribute").collect::<Vec<_>>());
    attributes
        .filter_map(|attribute| {
            let values = attribute.all(names::SAML, "AttributeValue").filter_map(Node::text).collect();
            Some((attribute.attribute("Name")?.to_owned(), values))
        })
        .collect()
}
