//! Requests to an identity provider, always signed (SAML core, 3.4; bindings, 3.4 and 3.5).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bergshamra::{DsigContext, core::algorithm, crypto};
use form_urlencoded::Serializer;
use uppsala::XmlWriter;
use zygo_core::{
    identity::saml::{Binding, IdentityProvider, Refusal, ServiceProvider, Started},
    time::Timestamp,
};

use crate::{keys::ServiceKeys, names};

const SIGNATURE: &str = algorithm::RSA_SHA256;

/// Writes and signs a request; the state travels with it.
///
/// # Errors
/// [`Refusal::Keys`] if it cannot be signed.
pub fn begin(
    provider: &IdentityProvider,
    service: &ServiceProvider,
    (request_id, relay_state): (&str, &str),
    now: Timestamp,
    keys: &ServiceKeys,
) -> Result<Started, Refusal> {
    let url = provider.sso_url.clone();
    match provider.binding {
        Binding::Redirect => {
            let xml = document(provider, service, request_id, now, None);
            let separator = if url.contains('?') { '&' } else { '?' };
            Ok(Started::Redirect { url: format!("{url}{separator}{}", signed_query(&xml, relay_state, keys)?) })
        }
        Binding::Post => {
            let certificate = keys.certificates().next().ok_or(Refusal::Keys)?;
            let xml = document(provider, service, request_id, now, Some(certificate));
            let signed = bergshamra::dsig::sign::sign_owned(&DsigContext::new(keys.signing()?), xml).map_err(|_| Refusal::Keys)?;
            Ok(Started::Post { url, request: STANDARD.encode(signed) })
        }
    }
}

/// `SAMLRequest`, `RelayState`, `SigAlg` and the signature over the three as they stand in the URL (bindings, 3.4.4.1).
fn signed_query(xml: &str, relay_state: &str, keys: &ServiceKeys) -> Result<String, Refusal> {
    let deflated = miniz_oxide::deflate::compress_to_vec(xml.as_bytes(), 8);
    let mut query = Serializer::new(String::new());
    query.append_pair("SAMLRequest", &STANDARD.encode(deflated)).append_pair("RelayState", relay_state).append_pair("SigAlg", SIGNATURE);
    let query = query.finish();
    let key = keys.signer()?.to_signing_key().ok().flatten().ok_or(Refusal::Keys)?;
    let signer = crypto::sign::from_uri(SIGNATURE).map_err(|_| Refusal::Keys)?;
    let signature = signer.sign(&key, query.as_bytes()).map_err(|_| Refusal::Keys)?;
    Ok(Serializer::new(query).append_pair("Signature", &STANDARD.encode(signature)).finish())
}

/// The request; with the frame of a signature where it is to be signed inside.
fn document(provider: &IdentityProvider, service: &ServiceProvider, id: &str, now: Timestamp, certificate: Option<&str>) -> String {
    let mut xml = XmlWriter::new();
    xml.start_element(
        "samlp:AuthnRequest",
        &[
            ("xmlns:samlp", names::SAMLP),
            ("xmlns:saml", names::SAML),
            ("ID", id),
            ("Version", "2.0"),
            ("IssueInstant", &now.to_string()),
            ("Destination", &provider.sso_url),
            ("ProtocolBinding", names::POST),
            ("AssertionConsumerServiceURL", &service.acs_url),
        ],
    );
    xml.start_element("saml:Issuer", &[]);
    xml.text(&service.entity_id);
    xml.end_element("saml:Issuer");
    if let Some(certificate) = certificate {
        frame(&mut xml, id, certificate);
    }
    xml.empty_element("samlp:NameIDPolicy", &[("AllowCreate", "true")]);
    xml.end_element("samlp:AuthnRequest");
    xml.into_string()
}

/// A signature whose values are still to be filled in; the schema wants it after the issuer.
fn frame(xml: &mut XmlWriter, id: &str, certificate: &str) {
    xml.start_element("ds:Signature", &[("xmlns:ds", names::DS)]);
    xml.start_element("ds:SignedInfo", &[]);
    xml.empty_element("ds:CanonicalizationMethod", &[("Algorithm", algorithm::EXC_C14N)]);
    xml.empty_element("ds:SignatureMethod", &[("Algorithm", SIGNATURE)]);
    xml.start_element("ds:Reference", &[("URI", &format!("#{id}"))]);
    xml.start_element("ds:Transforms", &[]);
    xml.empty_element("ds:Transform", &[("Algorithm", algorithm::ENVELOPED_SIGNATURE)]);
    xml.empty_element("ds:Transform", &[("Algorithm", algorithm::EXC_C14N)]);
    xml.end_element("ds:Transforms");
    xml.empty_element("ds:DigestMethod", &[("Algorithm", algorithm::SHA256)]);
    xml.empty_element_expanded("ds:DigestValue", &[]);
    xml.end_element("ds:Reference");
    xml.end_element("ds:SignedInfo");
    xml.empty_element_expanded("ds:SignatureValue", &[]);
    xml.start_element("ds:KeyInfo", &[]);
    xml.start_element("ds:X509Data", &[]);
    xml.start_element("ds:X509Certificate", &[]);
    xml.text(certificate);
    xml.end_element("ds:X509Certificate");
    xml.end_element("ds:X509Data");
    xml.end_element("ds:KeyInfo");
    xml.end_element("ds:Signature");
}
