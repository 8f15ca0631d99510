//! Documents: bounded, without a document type, and read through a view that tells namespaces apart.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use uppsala::{Document, NodeId, NodeKind, Parser};
use zygo_core::{identity::saml::Refusal, time::Timestamp};

/// The longest document, in bytes.
pub const LIMIT: usize = 256 * 1024;
/// The deepest nesting.
const DEPTH: u32 = 64;

/// A document in base64, line breaks allowed (RFC 2045 in SAML bindings, 3.5.4).
pub fn decode(text: &str) -> Result<String, Refusal> {
    // Four characters hold three bytes; line breaks may add a few.
    if text.len() > LIMIT.saturating_mul(3).div_ceil(2) {
        return Err(Refusal::TooLarge);
    }
    let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(compact).map_err(|_| Refusal::Encoding)?;
    String::from_utf8(bytes).map_err(|_| Refusal::Encoding)
}

/// Parses a document; a document type is refused, and with it every entity.
pub fn parse(text: &str) -> Result<Document<'_>, Refusal> {
    if text.len() > LIMIT {
        return Err(Refusal::TooLarge);
    }
    Parser::new().with_forbid_dtd(true).with_forbid_entities(true).with_max_depth(DEPTH).parse(text).map_err(|_| Refusal::Xml)
}

/// An `xs:dateTime` with its zone.
pub fn time(text: &str) -> Result<Timestamp, Refusal> {
    serde_json::from_value(serde_json::Value::String(text.trim().to_owned())).map_err(|_| Refusal::Expired)
}

/// An element.
#[derive(Clone, Copy)]
pub struct Node<'d, 'a> {
    doc: &'d Document<'a>,
    id: NodeId,
}

impl<'d, 'a> Node<'d, 'a> {
    /// The document's outermost element.
    pub fn root(doc: &'d Document<'a>) -> Result<Self, Refusal> {
        doc.document_element().map(|id| Self { doc, id }).ok_or(Refusal::Xml)
    }

    /// Where it stands.
    pub const fn id(self) -> NodeId {
        self.id
    }

    /// Its local name.
    pub fn local(self) -> &'d str {
        self.doc.element(self.id).map(|element| element.name.local_name.as_ref()).unwrap_or_default()
    }

    /// Whether it has this name in this namespace.
    pub fn is(self, namespace: &str, local: &str) -> bool {
        self.doc.element(self.id).is_some_and(|element| element.name.matches(Some(namespace), local))
    }

    /// An attribute without a namespace, as all of SAML's are.
    pub fn attribute(self, local: &str) -> Option<&'d str> {
        let element = self.doc.element(self.id)?;
        element.attributes.iter().find(|attribute| attribute.name.matches(None, local)).map(|attribute| attribute.value.as_ref())
    }

    /// The element around it.
    pub fn parent(self) -> Option<Self> {
        let id = self.doc.parent(self.id)?;
        self.doc.element(id).map(|_| Self { doc: self.doc, id })
    }

    /// The elements in it.
    pub fn elements(self) -> impl Iterator<Item = Self> + use<'d, 'a> {
        let doc = self.doc;
        doc.children_iter(self.id).filter(move |id| doc.element(*id).is_some()).map(move |id| Self { doc, id })
    }

    /// The elements of this name in it.
    pub fn all<'n>(self, namespace: &'n str, local: &'n str) -> impl Iterator<Item = Self> + use<'d, 'a, 'n> {
        self.elements().filter(move |node| node.is(namespace, local))
    }

    /// The element of this name in it, if there is one; two of them are refused.
    pub fn one(self, namespace: &str, local: &str) -> Result<Option<Self>, Refusal> {
        let mut found = self.all(namespace, local);
        let first = found.next();
        if found.next().is_some() { Err(Refusal::Shape) } else { Ok(first) }
    }

    /// Every element in it at any depth, itself first; a processing instruction among them is refused.
    pub fn everything(self) -> Result<Vec<Self>, Refusal> {
        let mut found = vec![self];
        for id in self.doc.descendants(self.id) {
            match self.doc.node_kind(id) {
                Some(NodeKind::ProcessingInstruction(_)) => return Err(Refusal::Shape),
                Some(NodeKind::Element(_)) if id != self.id => found.push(Self { doc: self.doc, id }),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Its text as canonicalisation leaves it: comments are not there, and what they stood between is one text.
    /// `None` where it holds an element or a processing instruction.
    pub fn text(self) -> Option<String> {
        let mut text = String::new();
        for id in self.doc.children_iter(self.id) {
            match self.doc.node_kind(id)? {
                NodeKind::Text(part) | NodeKind::CData(part) => text.push_str(part),
                NodeKind::Comment(_) => {}
                _ => return None,
            }
        }
        Some(text.trim().to_owned())
    }

    /// Whether it holds a comment.
    pub fn has_comment(self) -> bool {
        self.doc.children_iter(self.id).any(|id| matches!(self.doc.node_kind(id), Some(NodeKind::Comment(_))))
    }
}
