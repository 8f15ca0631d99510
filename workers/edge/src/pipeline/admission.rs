//! Rate limits: exact ones by a call to an object, ordinary ones from the tenant's lease.

use futures::join;
use zygo_core::{
    error::{Code, Problem},
    gate::{Party, Rate, Spend, Standing, TenantState},
    id::TenantId,
    limits::{
        gcra::Decision,
        headers::RateLimitHeaders,
        policy::{AccountKey, AddressKey, Guarded, MailKind},
    },
};
use zygo_objects::{gate::GateHandle, limits::LimitsHandle};

use crate::{
    caller::Caller,
    ctx::{Ctx, Shared},
    route::{Guard, Route},
};

/// More calls than any isolate can serve.
const UNLIMITED: Rate = Rate::per_minute(100_000_000);

/// Counts a request against exact limits.
///
/// # Errors
/// `RATE_LIMITED` with the time to wait.
pub async fn exact(ctx: &Ctx, guard: Guard, account: &str) -> Result<(), Problem> {
    let address = AddressKey::parse(ctx.head.client_address());
    let account = match guard {
        Guard::OwnPassword => AccountKey::of(&ctx.caller()?.user_id.to_string()),
        _ => AccountKey::of(account),
    };
    let mail = |kind| Guarded::Mail { kind, address: &address, account: &account };
    let guarded = match guard {
        Guard::SignIn | Guard::OwnPassword => Guarded::SignIn { address: &address, account: &account },
        Guard::Federated => Guarded::Federated { address: &address },
        Guard::Directory => Guarded::Directory { address: &address },
        Guard::SignUp => Guarded::SignUp { address: &address },
        Guard::Resend => mail(MailKind::ResendVerification),
        Guard::Redelivery => Guarded::Redelivery { tenant: ctx.caller()?.home() },
        Guard::Upload => Guarded::Upload { user: ctx.caller()?.user_id },
        Guard::ForgotPassword => mail(MailKind::ForgotPassword),
        Guard::MagicLink => mail(MailKind::MagicLink),
        Guard::ConfirmEmail => mail(MailKind::ConfirmEmail),
    };
    guarded_by(ctx, &guarded).await
}

/// Counts an action against exact limits that only its handler knows the keys of.
///
/// # Errors
/// `RATE_LIMITED` with the time to wait.
pub async fn guarded_by(ctx: &Ctx, guarded: &Guarded<'_>) -> Result<(), Problem> {
    let calls = guarded.calls(ctx.app.config.address_limit_factor);
    note(ctx, LimitsHandle::admit(&ctx.env, calls, ctx.now).await?)
}

/// Spends a token of the tenant's lease, fetching one where there is none, and
/// refuses what was revoked since the token was signed.
///
/// # Errors
/// `SESSION_REVOKED`, `USER_SUSPENDED`, `TOKEN_EXPIRED` for a token whose rights changed,
/// `TENANT_SUSPENDED`, `TENANT_DELETED`, `IP_NOT_ALLOWED` from outside of the tenant's networks, `RATE_LIMITED`.
pub async fn leased(shared: &Shared, caller: &Caller, route: &Route) -> Result<(), Problem> {
    if shared.app.ended.borrow().contains_key(&caller.session_id) {
        return Err(Problem::new(Code::SessionRevoked));
    }
    let tenant = caller.home();
    let book = &shared.app.leases;
    let rate = rate(caller);
    let party = rate.and_then(Rate::of_one_party).map(|own| (Party::User(caller.user_id), own));
    let spend = || match standing(shared, caller) {
        Standing::Unknown => Spend::NeedLease,
        _ => book.borrow_mut().spend(tenant, party, shared.now),
    };
    let rate = rate.unwrap_or(UNLIMITED);
    let mut spent = spend();
    // One gate after the other where the first has nothing left, and once more where what came was doubted meanwhile.
    for _ in 0..=rate.gates() {
        if spent != Spend::NeedLease {
            break;
        }
        Box::pin(fetch(shared, tenant, rate, route)).await?;
        spent = spend();
    }
    judge(standing(shared, caller))?;
    match book.borrow().state(tenant, shared.now) {
        Some(TenantState::Suspended) if !route.while_suspended => return Err(Problem::new(Code::TenantSuspended)),
        Some(TenantState::Deleted) => return Err(Problem::new(Code::TenantDeleted)),
        _ => {}
    }
    if !book.borrow().admits(tenant, shared.head.client_address(), shared.now) {
        return Err(Problem::new(Code::IpNotAllowed));
    }
    match spent {
        // Platform sessions stand under no plan, so there is nothing to tell.
        Spend::Ok(_) if tenant.is_platform() => Ok(()),
        Spend::Ok(decision) | Spend::Denied(decision) => note(shared, Some(decision)),
        // The lease was spent up by twins between its arrival and now.
        Spend::NeedLease => Err(Problem::new(Code::RateLimited).retry_after(1)),
    }
}

/// What the caller's plan allows; `None` at the platform, where there is none.
fn rate(caller: &Caller) -> Option<Rate> {
    caller.rate.filter(|_| !caller.home().is_platform()).map(Rate::per_minute)
}

fn standing(shared: &Shared, caller: &Caller) -> Standing {
    shared.app.leases.borrow().standing(caller.home(), caller.session_id, caller.user_id, caller.issued_at, shared.now)
}

fn judge(standing: Standing) -> Result<(), Problem> {
    match standing {
        Standing::Good => Ok(()),
        Standing::Stale | Standing::Void => Err(Problem::new(Code::TokenExpired).detail("rights changed since the token was issued; refresh it")),
        Standing::SessionEnded => Err(Problem::new(Code::SessionRevoked)),
        Standing::UserRevoked => Err(Problem::new(Code::UserSuspended)),
        Standing::Unknown => Err(Problem::unavailable("the gate's lease was over when it came")),
    }
}

/// Fetches a lease, while the database connection is being made for routes that will want one.
async fn fetch(shared: &Shared, tenant: TenantId, rate: Rate, route: &Route) -> Result<(), Problem> {
    let ask = shared.app.leases.borrow_mut().ask(tenant, rate, shared.now);
    let asked = ask.asked;
    let lease = GateHandle::lease(&shared.env, tenant, ask);
    let lease = if route.memory {
        lease.await?
    } else {
        // Whether the connection fails is the handler's to see.
        let (lease, _) = join!(lease, shared.db());
        lease?
    };
    shared.app.leases.borrow_mut().accept(tenant, &asked, &lease, shared.now);
    Ok(())
}

/// Keeps a decision for the response's headers.
fn note(shared: &Shared, decision: Option<Decision>) -> Result<(), Problem> {
    let Some(decision) = decision else { return Ok(()) };
    let refused = !decision.allowed;
    let wait = RateLimitHeaders::new(&decision).retry_after.and_then(|seconds| u32::try_from(seconds).ok());
    shared.trace.limit.replace(Some(decision));
    if refused { Err(Problem::new(Code::RateLimited).retry_after(wait.unwrap_or(1))) } else { Ok(()) }
}
