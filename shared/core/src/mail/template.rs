//! One source for each mail and language; frame and parts exist as HTML and as plain text, and decide which comes out.

use std::{fmt::Write as _, sync::LazyLock};

use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior, Value, context};

use super::Language;

/// What comes out.
pub(super) struct Written {
    pub subject: String,
    pub text: String,
    pub html: String,
}

const MAILS: &[(&str, &str)] = &[
    ("verify_email.en", include_str!("templates/verify_email.en")),
    ("verify_email.de", include_str!("templates/verify_email.de")),
    ("account_exists.en", include_str!("templates/account_exists.en")),
    ("account_exists.de", include_str!("templates/account_exists.de")),
    ("account_locked.en", include_str!("templates/account_locked.en")),
    ("account_locked.de", include_str!("templates/account_locked.de")),
];

/// The templates of one form, parsed once per isolate. `Err` if one cannot be parsed, which a test would show.
type Form = Result<Environment<'static>, Error>;

static HTML: LazyLock<Form> = LazyLock::new(|| form(AutoEscape::Html, include_str!("templates/frame.html"), include_str!("templates/parts.html")));

static TEXT: LazyLock<Form> = LazyLock::new(|| form(AutoEscape::None, include_str!("templates/frame.txt"), include_str!("templates/parts.txt")));

fn form(escape: AutoEscape, frame: &'static str, parts: &'static str) -> Form {
    let mut form = Environment::new();
    form.set_undefined_behavior(UndefinedBehavior::Strict);
    // Before the templates: each takes its way of escaping when it is added.
    form.set_auto_escape_callback(move |_| escape);
    form.set_formatter(escaped);
    for (name, source) in [("frame", frame), ("parts", parts)].iter().chain(MAILS) {
        form.add_template(name, source)?;
    }
    Ok(form)
}

/// Writes a mail in both forms.
pub(super) fn write(name: &str, language: Language, values: Value) -> Result<Written, Error> {
    let (html, text) = (opened(&HTML)?, opened(&TEXT)?);
    let name = format!("{name}.{}", language.tag());
    let outer = context! { language => language.tag(), subject => "", ..values };
    let mut captured = text.get_template(&name)?.render_captured(outer.clone())?;
    let subject = captured.with_state_mut(|state| state.render_block("subject"))?;
    let outer = context! { subject, ..outer };
    let html = html.get_template(&name)?.render(outer.clone())?;
    let text = text.get_template(&name)?.render(outer)?;
    Ok(Written { subject, text: without_gaps(&text), html: without_gaps(&html) })
}

fn opened(form: &'static Form) -> Result<&'static Environment<'static>, Error> {
    form.as_ref().map_err(|error| Error::new(error.kind(), error.to_string()))
}

/// Escapes for HTML text and quoted attributes. minijinja's own escapes the slash as well, which makes links hard to read.
fn escaped(out: &mut Output<'_>, state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_safe() || matches!(state.auto_escape(), AutoEscape::None) {
        return Ok(write!(out, "{value}")?);
    }
    for character in value.to_string().chars() {
        match character {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&#39;")?,
            other => out.write_char(other)?,
        }
    }
    Ok(())
}

/// At most one empty line in a row, none at the ends, a line break at the end.
fn without_gaps(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut empty = true;
    for line in text.lines() {
        // The signature's mark is two hyphens and a space (RFC 3676, 4.3).
        let line = if line == "-- " { line } else { line.trim_end() };
        if line.is_empty() && empty {
            continue;
        }
        empty = line.is_empty();
        result.push_str(line);
        result.push('\n');
    }
    result
}
