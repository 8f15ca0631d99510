//! Filters and paths (RFC 7644, 3.4.2.2 and 3.5.2), as they are written; what their names mean is the schema's.

use winnow::{
    ModalResult, Parser as _,
    ascii::{Caseless, multispace0, multispace1},
    combinator::{alt, cut_err, delimited, eof, not, opt, peek, preceded, repeat, separated, terminated},
    error::ErrMode,
    token::{any, none_of, one_of, take_while},
};

use super::{Fault, Kind};

/// Longest filter that is read, in bytes.
const LONGEST: usize = 4096;
/// Deepest nesting that is read.
const DEEPEST: u8 = 16;

/// The name of an attribute: `userName`, `name.familyName`, `urn:…:User:department`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttrPath {
    /// URN of the schema, if it is named.
    pub urn: Option<String>,
    /// The attribute.
    pub name: String,
    /// The part of it.
    pub part: Option<String>,
}

impl AttrPath {
    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_urn = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
        let (urn, rest) = if is_urn { text.rsplit_once(':').map(|(urn, rest)| (Some(urn.to_owned()), rest))? } else { (None, text) };
        let (name, part) = rest.split_once('.').map_or((rest, None), |(name, part)| (name, Some(part)));
        let is_name = |name: &str| {
            let mut letters = name.bytes();
            letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'$')
                && letters.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        (is_name(name) && part.is_none_or(is_name)).then(|| Self { urn, name: name.to_owned(), part: part.map(str::to_owned) })
    }

    /// Whether it is the URN of a schema as a whole, which reads like a name in another.
    #[must_use]
    pub fn is_schema(&self, id: &str) -> bool {
        self.part.is_none() && self.urn.as_ref().is_some_and(|urn| id.eq_ignore_ascii_case(&format!("{urn}:{}", self.name)))
    }
}

impl std::fmt::Display for AttrPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (urn, part) = (self.urn.as_deref().unwrap_or_default(), self.part.as_deref().unwrap_or_default());
        write!(f, "{urn}{}{}{}{part}", if urn.is_empty() { "" } else { ":" }, self.name, if part.is_empty() { "" } else { "." })
    }
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
}

/// What is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// Text.
    Text(String),
    /// True or false.
    Flag(bool),
    /// No value.
    Null,
    /// A number, as it was written.
    Number(String),
}

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// An attribute compared with a value.
    Compare(AttrPath, Op, Literal),
    /// An attribute has a value.
    Present(AttrPath),
    /// One of an attribute's values fits by itself.
    Within(AttrPath, Box<Filter>),
    /// It does not fit.
    Not(Box<Filter>),
    /// All fit.
    All(Vec<Filter>),
    /// Any fits.
    Any(Vec<Filter>),
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// `invalidFilter`.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        read(text, delimited(multispace0, |input: &mut &str| filter(input, 0), multispace0))
            .ok_or_else(|| Fault::new(Kind::InvalidFilter, "the filter cannot be read"))
    }
}

/// What an operation of a PATCH is aimed at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchPath {
    /// The attribute.
    pub attribute: AttrPath,
    /// Which of its values; all of them without.
    pub filter: Option<Filter>,
    /// The part of each that is meant, behind a filter.
    pub part: Option<String>,
}

impl PatchPath {
    /// Reads a path.
    ///
    /// # Errors
    /// `invalidPath`.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let selected = opt((delimited(('[', multispace0), |input: &mut &str| filter(input, 1), (multispace0, ']')), opt(preceded('.', part))));
        let path = (attribute, selected).map(|(attribute, selected)| {
            let (filter, part) = selected.map_or((None, None), |(filter, part)| (Some(filter), part));
            Self { attribute, filter, part }
        });
        let path = read(text, delimited(multispace0, path, multispace0)).filter(|path| path.filter.is_none() || path.attribute.part.is_none());
        path.ok_or_else(|| Fault::new(Kind::InvalidPath, "the path cannot be read"))
    }
}

fn read<'i, T>(text: &'i str, parser: impl winnow::Parser<&'i str, T, ErrMode<()>>) -> Option<T> {
    let mut input = text;
    (text.len() <= LONGEST).then(|| terminated(parser, eof).parse_next(&mut input).ok()).flatten()
}

type Parsed<T> = ModalResult<T, ()>;

fn deeper(depth: u8) -> Parsed<u8> {
    depth.checked_add(1).filter(|depth| *depth <= DEEPEST).ok_or(ErrMode::Cut(()))
}

/// `or` binds less than `and`, and that less than `not`.
fn filter(input: &mut &str, depth: u8) -> Parsed<Filter> {
    let depth = deeper(depth)?;
    let conjunction = |input: &mut &str| {
        let terms: Vec<Filter> = separated(1.., |input: &mut &str| term(input, depth), (word("and"), multispace0)).parse_next(input)?;
        Ok(one_or(terms, Filter::All))
    };
    let terms: Vec<Filter> = separated(1.., conjunction, (word("or"), multispace0)).parse_next(input)?;
    Ok(one_or(terms, Filter::Any))
}

fn one_or(mut terms: Vec<Filter>, several: impl Fn(Vec<Filter>) -> Filter) -> Filter {
    match terms.pop() {
        Some(only) if terms.is_empty() => only,
        last => {
            terms.extend(last);
            several(terms)
        }
    }
}

/// A word behind blanks.
fn word<'i>(word: &'static str) -> impl winnow::Parser<&'i str, (), ErrMode<()>> {
    (multispace1, Caseless(word), peek(not(one_of(|c: char| c.is_ascii_alphanumeric())))).void()
}

fn term(input: &mut &str, depth: u8) -> Parsed<Filter> {
    let group =
        |input: &mut &str| delimited(('(', multispace0), cut_err(|input: &mut &str| filter(input, depth)), (multispace0, ')')).parse_next(input);
    let negated = preceded((Caseless("not"), multispace0), group).map(|inner| Filter::Not(Box::new(inner)));
    alt((negated, group, |input: &mut &str| expression(input, depth))).parse_next(input)
}

fn expression(input: &mut &str, depth: u8) -> Parsed<Filter> {
    let path = attribute.parse_next(input)?;
    let within = delimited(('[', multispace0), cut_err(|input: &mut &str| filter(input, depth)), (multispace0, ']'));
    // A value's parts are not filtered by their parts.
    if let Some(inner) = opt(within).parse_next(input)? {
        return Ok(Filter::Within(path, Box::new(inner)));
    }
    if opt(word("pr")).parse_next(input)?.is_some() {
        return Ok(Filter::Present(path));
    }
    let (op, value) = (delimited(multispace1, op, multispace1), literal).parse_next(input)?;
    Ok(Filter::Compare(path, op, value))
}

fn attribute(input: &mut &str) -> Parsed<AttrPath> {
    take_while(1.., |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$' | ':' | '.')).verify_map(AttrPath::parse).parse_next(input)
}

fn part(input: &mut &str) -> Parsed<String> {
    attribute.verify_map(|path| (path.urn.is_none() && path.part.is_none()).then_some(path.name)).parse_next(input)
}

fn op(input: &mut &str) -> Parsed<Op> {
    alt((
        Caseless("eq").value(Op::Eq),
        Caseless("ne").value(Op::Ne),
        Caseless("co").value(Op::Co),
        Caseless("sw").value(Op::Sw),
        Caseless("ew").value(Op::Ew),
        Caseless("gt").value(Op::Gt),
        Caseless("ge").value(Op::Ge),
        Caseless("lt").value(Op::Lt),
        Caseless("le").value(Op::Le),
    ))
    .parse_next(input)
}

fn literal(input: &mut &str) -> Parsed<Literal> {
    let escaped = alt((('\\', any).void(), none_of(['"', '\\']).void()));
    // What stands between the quotes is JSON's to read.
    let text = ('"', repeat::<_, _, (), _, _>(0.., escaped), '"').take().verify_map(|quoted| serde_json::from_str(quoted).ok());
    let number = take_while(1.., |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E'))
        .verify(|text: &str| serde_json::from_str::<serde_json::Number>(text).is_ok());
    let word = |word: &'static str| (Caseless(word), peek(not(one_of(|c: char| c.is_ascii_alphanumeric()))));
    alt((
        text.map(Literal::Text),
        word("true").value(Literal::Flag(true)),
        word("false").value(Literal::Flag(false)),
        word("null").value(Literal::Null),
        number.map(|text: &str| Literal::Number(text.to_owned())),
    ))
    .parse_next(input)
}

#[cfg(test)]
pub(super) mod tests;
