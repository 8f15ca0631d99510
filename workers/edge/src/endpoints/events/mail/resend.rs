//! `POST /webhooks/resend`

use zygo_core::{
    error::{Code, Problem},
    events::webhook::verify,
    mail::report::Report,
};
use zygo_store::events::{self, Reported};

use crate::{ctx::Ctx, reply::Reply, route::Signed};

/// Takes in a report, once its signature is good and new; one that was heard before changes nothing. What says nothing about an address is
/// taken, so that it does not come again.
///
/// # Errors
/// `NOT_FOUND` where no reports are expected, `UNAUTHENTICATED` for what Resend did not sign just now, `BAD_REQUEST` for what is no event.
pub async fn handle(ctx: Ctx, _: Signed) -> Result<Reply<()>, Problem> {
    let config = &ctx.app.config;
    let verifier = config.mail_reports.as_ref().ok_or(Problem::new(Code::NotFound))?;
    let header = |name| ctx.head.header(name).unwrap_or_default();
    // Resend sends through Svix, whose headers are older than the standard's names for them.
    let (id, timestamp, signatures) = (header("svix-id"), header("svix-timestamp"), header("svix-signature"));
    if !verifier.accepts(&verify::Signed { id, timestamp, signatures, body: ctx.body() }, ctx.now) {
        return Err(Problem::new(Code::Unauthenticated));
    }
    let Some(report) = Report::of_resend(ctx.body())? else { return Ok(Reply::no_content()) };
    let parts: Vec<_> = report
        .to
        .iter()
        .enumerate()
        .map(|(n, email)| (format!("resend {id} {n}"), email.as_str(), config.seal_keys.address_hashes(email.as_str())))
        .collect();
    let reports: Vec<_> = parts.iter().map(|(id, address, hashes)| Reported { id, address, hashes, fate: report.fate }).collect();
    let db = ctx.db().await?;
    ctx.store(events::report_mail(&db, &ctx.lookup(), &reports, ctx.now)).await?;
    Ok(Reply::no_content())
}
