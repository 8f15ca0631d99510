//! What a page's form sends, and the proof that a page of ours sent it.

use std::{collections::BTreeMap, future::Future};

use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;
use zygo_core::{
    error::{Code, Problem},
    http::json,
};

use super::forgery;
use crate::{
    cookies,
    ctx::Ctx,
    reply::Answer,
    route::{Input, JsonInput},
};

/// The fields of a form; of two with one name the first.
#[derive(Clone, Default)]
pub struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads a body (URL standard, `application/x-www-form-urlencoded`).
    #[must_use]
    pub fn parse(body: &[u8]) -> Self {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            fields.entry(name.into_owned()).or_insert_with(|| value.into_owned());
        }
        Self(fields)
    }

    /// A field; nothing if it was left empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A field, empty if it is missing.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// Reads some fields as the input of an endpoint, by its own rules, and counts against the route's limits.
    ///
    /// # Errors
    /// `VALIDATION_FAILED` with every invalid field, `RATE_LIMITED`.
    pub async fn input<T: JsonInput + Input>(&self, ctx: &Ctx, names: &[&str]) -> Result<T, Problem> {
        self.input_with(ctx, names, []).await
    }

    /// The same, with members that are no text or no field.
    ///
    /// # Errors
    /// As [`input`](Self::input).
    pub async fn input_with<T, const N: usize>(&self, ctx: &Ctx, names: &[&str], others: [(&str, Value); N]) -> Result<T, Problem>
    where
        T: JsonInput + Input,
    {
        let fields = names.iter().filter_map(|name| Some(((*name).to_owned(), Value::from(self.get(name)?))));
        let others = others.into_iter().map(|(name, value)| (name.to_owned(), value));
        let input: T = json::decode_value(Value::Object(fields.chain(others).collect::<Map<_, _>>()))?;
        ctx.admit(input.account()).await?;
        Ok(input)
    }
}

/// Runs a form: `submit` if a page of ours sent it; if that ends in a problem, the page `again` with the problem on it.
///
/// # Errors
/// What neither could tell: a fault of ours.
pub async fn handle<F, Fut, G, Gut>(ctx: Ctx, submit: F, again: G) -> Result<Answer, Problem>
where
    F: Fn(Ctx, Form) -> Fut,
    Fut: Future<Output = Result<Answer, Problem>>,
    G: Fn(Ctx, Form, Problem) -> Gut,
    Gut: Future<Output = Result<Answer, Problem>>,
{
    let form = Form::parse(ctx.body());
    let outcome = match ours(&ctx, &form) {
        Ok(()) => submit(ctx.clone(), form.clone()).await,
        Err(problem) => Err(problem),
    };
    let problem = match outcome {
        // Another page is in order: that of our fault, or that which takes a second factor again.
        Err(problem) if !matches!(problem.code(), Code::Internal | Code::MfaStepUpRequired) => problem,
        other => return other,
    };
    // Where the page itself cannot be shown, the first problem is the one that counts.
    let mut answer = again(ctx, form, problem.clone()).await.map_err(|_| problem.clone())?;
    answer.status = problem.status();
    answer.headers.extend(problem.retry_after_seconds().map(|seconds| ("retry-after", seconds.to_string())));
    answer.problem = Some(problem);
    Ok(answer)
}

/// Whether a page of this host sent the form: the browser says so, and the page knew the cookie's token.
fn ours(ctx: &Ctx, form: &Form) -> Result<(), Problem> {
    let host = ctx.head.header("host").unwrap_or_default();
    let from_here = ctx.head.header("origin").is_some_and(|origin| forgery::is_own_origin(origin, host));
    let known = match (cookies::forgery_token(&ctx.head), form.get(forgery::FIELD).and_then(forgery::unmask)) {
        (Some(cookie), Some(field)) => bool::from(cookie.as_bytes().ct_eq(field.as_bytes())),
        _ => false,
    };
    if from_here && known { Ok(()) } else { Err(forgery::problem()) }
}

#[cfg(test)]
mod tests {
    use super::Form;

    #[test]
    fn the_first_of_a_name_counts_and_empty_is_missing() {
        let form = Form::parse(b"a=1&a=2&b=&c=x+y%26&%ff=z&d");
        assert_eq!((form.get("a"), form.get("b"), form.get("c"), form.get("d"), form.text("e")), (Some("1"), None, Some("x y&"), None, ""));
    }
}
