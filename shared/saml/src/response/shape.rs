//! The one shape of response that is read. Signature wrapping needs a second place to put things: there is none.

use std::collections::HashSet;

use uppsala::Document;
use zygo_core::identity::saml::Refusal;

use crate::{names, xml::Node};

/// What a response carries.
#[derive(Clone, Copy)]
pub enum Content<'d, 'a> {
    /// Nothing, as a failure does.
    Nothing,
    /// An assertion in the clear.
    Plain(Node<'d, 'a>),
    /// An encrypted one: the element `EncryptedAssertion`.
    Encrypted(Node<'d, 'a>),
}

/// A response's parts.
pub struct Shape<'d, 'a> {
    /// The response.
    pub root: Node<'d, 'a>,
    /// What it carries.
    pub content: Content<'d, 'a>,
    /// The signature that stands directly in the response.
    pub response_signature: Option<Node<'d, 'a>>,
    /// The signature that stands directly in the assertion.
    pub assertion_signature: Option<Node<'d, 'a>>,
}

impl<'d, 'a> Shape<'d, 'a> {
    /// The shape of a response as it came.
    pub fn read(doc: &'d Document<'a>) -> Result<Self, Refusal> {
        Self::of(doc, false)
    }

    /// The shape of a response whose assertion was decrypted, and stands inside `EncryptedAssertion` now.
    pub fn read_opened(doc: &'d Document<'a>) -> Result<Self, Refusal> {
        Self::of(doc, true)
    }

    fn of(doc: &'d Document<'a>, opened: bool) -> Result<Self, Refusal> {
        let root = Node::root(doc)?;
        if !root.is(names::SAMLP, "Response") || root.attribute("Version") != Some("2.0") {
            return Err(Refusal::Shape);
        }
        let encrypted = root.one(names::SAML, "EncryptedAssertion")?;
        let home = if opened { encrypted.ok_or(Refusal::Shape)? } else { root };
        let plain = home.one(names::SAML, "Assertion")?;
        let content = match (plain, encrypted.filter(|_| !opened)) {
            (Some(_), Some(_)) => return Err(Refusal::Shape),
            (Some(assertion), None) => Content::Plain(assertion),
            (None, Some(encrypted)) => Content::Encrypted(encrypted),
            (None, None) => Content::Nothing,
        };
        let response_signature = root.one(names::DS, "Signature")?;
        let assertion_signature = plain.map(|assertion| assertion.one(names::DS, "Signature")).transpose()?.flatten();
        let shape = Self { root, content, response_signature, assertion_signature };
        shape.nothing_else(plain, encrypted)?;
        Ok(shape)
    }

    /// Whatever names itself a response, an assertion or a signature, in any namespace, must be one of the parts; ids are
    /// unique whatever their attribute is called, since the library would find an element by any of them.
    fn nothing_else(&self, plain: Option<Node<'d, 'a>>, encrypted: Option<Node<'d, 'a>>) -> Result<(), Refusal> {
        let signatures = [self.response_signature, self.assertion_signature];
        let mut ids = HashSet::new();
        for node in self.root.everything()? {
            let parts: &[Option<Node<'_, '_>>] = match node.local() {
                "Response" => &[Some(self.root)],
                "Assertion" => &[plain],
                "EncryptedAssertion" => &[encrypted],
                "Signature" => &signatures,
                _ => &[Some(node)],
            };
            if !parts.iter().flatten().any(|part| part.id() == node.id()) {
                return Err(Refusal::Shape);
            }
            for name in ["ID", "Id", "id", "AssertionID"] {
                if node.attribute(name).is_some_and(|id| id.is_empty() || !ids.insert(id)) {
                    return Err(Refusal::Shape);
                }
            }
        }
        Ok(())
    }

    /// Every signature with what it must be over: its parent.
    pub fn signatures(&self) -> Vec<(Node<'d, 'a>, Node<'d, 'a>)> {
        [self.response_signature, self.assertion_signature].into_iter().flatten().filter_map(|node| Some((node, node.parent()?))).collect()
    }
}
