//! `POST /tenants/{id}/invitations`

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    access::custom::RoleRef,
    error::{Code, Problem},
    identity::{email::Email, one_time::Purpose},
};
use zygo_runtime::random;
use zygo_store::access::{self, Invited, NewInvitation, NotInvited};

use super::views::InvitationView;
use crate::{ctx::Ctx, endpoints::tenancy::of_path, json_input, outbox, reply::Reply};

/// Most invitations of one request.
const MOST: usize = 100;
/// Seconds after which asking again is worth while, when a day's invitations are spent.
const LATER: u32 = 3600;

/// One person, or `invitations` with up to a hundred.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Mail address of whom to invite.
    #[serde(default)]
    email: Option<Email>,
    /// Key or identifier of their role, below the caller's own; `member` unless given. `role_id` means the same.
    #[serde(default, alias = "role_id")]
    role: Option<RoleRef>,
    /// Several people at once, each with a role of their own.
    #[serde(default)]
    invitations: Option<Vec<One>>,
}

json_input!(Input);

/// Whom to invite.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct One {
    /// Mail address.
    email: Email,
    /// Key or identifier of their role; that beside `invitations`, or `member`, unless given.
    #[serde(default, alias = "role_id")]
    role: Option<RoleRef>,
}

/// The invitation, or for several what became of each.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Output {
    /// One.
    One(InvitationView),
    /// Several, in the order that they were asked for.
    Several {
        /// What became of each.
        data: Vec<Outcome>,
    },
}

/// What became of one of several.
#[derive(Serialize, JsonSchema)]
pub struct Outcome {
    /// Mail address.
    email: String,
    /// `invited`; `member` for somebody who is one; `pending` where an invitation waits already.
    outcome: &'static str,
    /// The invitation that was sent.
    invitation: Option<InvitationView>,
}

/// Sends invitations. Of several, those to members and to addresses that have one are passed over; one that must not be sent
/// stops them all.
///
/// # Errors
/// `VALIDATION_FAILED` for an unknown role, an address twice, or one of a domain that the organisation does not let in;
/// `ROLE_HIERARCHY`; `CONFLICT` for a single one that is passed over; `RATE_LIMITED` beyond what the plan covers in a day.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Output>, Problem> {
    let scope = of_path(&ctx)?;
    let single = input.invitations.is_none();
    let new = asked(&ctx, input)?;
    let expires_at = ctx.now.plus_seconds(Purpose::Invitation.ttl_seconds());
    let db = ctx.db().await?;
    let outcome = ctx.store(access::invite(&db, &scope, &new, expires_at, ctx.now)).await?;
    let (invited, queued) = outcome.map_err(|refused| refusal(&refused, single))?;
    queued.into_iter().for_each(|mail| outbox::enqueue(&ctx, Some(mail)));
    let data = new.into_iter().zip(invited).map(|(one, invited)| told(one.email, invited)).collect();
    if single { alone(data) } else { Ok(Reply::created(Output::Several { data })) }
}

fn asked(ctx: &Ctx, input: Input) -> Result<Vec<NewInvitation>, Problem> {
    let Input { email, role, invitations } = input;
    let everybody = match (email, invitations) {
        (Some(email), None) => vec![One { email, role: None }],
        (None, Some(several)) if (1..=MOST).contains(&several.len()) => several,
        (None, Some(_)) => return Err(Problem::field("invitations", "length", "1 to 100")),
        (Some(_), Some(_)) => return Err(Problem::field("email", "choice", "either email or invitations")),
        (None, None) => return Err(Problem::field("email", "required", "is required")),
    };
    let mut seen = BTreeSet::new();
    let mut new = Vec::with_capacity(everybody.len());
    for (place, one) in everybody.into_iter().enumerate() {
        let address = one.email.as_str().to_owned();
        if !seen.insert(address.clone()) {
            return Err(Problem::field(&format!("invitations[{place}].email"), "duplicate", "stands there twice"));
        }
        let role = one.role.or_else(|| role.clone()).map_or_else(|| "member".to_owned(), RoleRef::into_string);
        new.push(NewInvitation { id: random::id(ctx.now), email: address, role, outbox_id: random::id(ctx.now) });
    }
    Ok(new)
}

fn refusal(refused: &NotInvited, single: bool) -> Problem {
    let path = |place: usize, field: &str| if single { field.to_owned() } else { format!("invitations[{place}].{field}") };
    match *refused {
        NotInvited::UnknownRole(place) => Problem::field(&path(place, "role"), "unknown", "not a role of this organisation"),
        NotInvited::Unwelcome(place) => Problem::field(&path(place, "email"), "domain", "the organisation lets other mail domains in"),
        NotInvited::TooHigh(_) => Problem::new(Code::RoleHierarchy),
        NotInvited::TooMany => Problem::new(Code::RateLimited).detail("the plan covers no more invitations today").retry_after(LATER),
    }
}

fn told(email: String, invited: Invited) -> Outcome {
    match invited {
        Invited::Sent(row) => Outcome { email, outcome: "invited", invitation: Some(InvitationView::from(*row)) },
        Invited::Member => Outcome { email, outcome: "member", invitation: None },
        Invited::Waiting => Outcome { email, outcome: "pending", invitation: None },
    }
}

fn alone(data: Vec<Outcome>) -> Result<Reply<Output>, Problem> {
    let outcome = data.into_iter().next().ok_or(Problem::internal("no outcome"))?;
    match (outcome.invitation, outcome.outcome) {
        (Some(view), _) => Ok(Reply::created(Output::One(view))),
        (None, "member") => Err(Problem::new(Code::Conflict).detail("somebody with this address is a member")),
        (None, _) => Err(Problem::new(Code::Conflict).detail("this address has an invitation that waits; send that again")),
    }
}
