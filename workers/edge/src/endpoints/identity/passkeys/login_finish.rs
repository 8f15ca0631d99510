//! `POST /auth/passkeys/login/finish`

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use zygo_core::{
    error::{Code, Problem},
    identity::{
        mfa::{Factor, Standing},
        passkey::{challenge::Purpose, party::RelyingParty, wire::UsedCredential},
    },
    text::Name,
};
use zygo_store::identity::{self, CeremonyOutcome};

use super::{answer_of, check, owned, party, resume};
use crate::{
    ctx::Ctx,
    endpoints::identity::{
        mfa::answer,
        session::Client,
        sign_in::{self, Proof, SignedIn},
    },
    reply::Reply,
    route::{self, JsonInput},
};

/// What the browser answers.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What `start` gave.
    ceremony: String,
    /// The use of the credential, as `PublicKeyCredential.toJSON()` gives it.
    credential: UsedCredential,
    /// Of the sign-in that asked for a second factor, if `start` had it.
    #[serde(default)]
    challenge_token: Option<String>,
    /// What the person calls this device; for a second factor, what the sign-in said counts.
    #[serde(default)]
    device_name: Option<Name>,
    /// Whether the refresh token goes into a cookie; likewise.
    #[serde(default)]
    cookie: bool,
    /// As a second factor: whether this device is not to be asked again for thirty days.
    #[serde(default)]
    trust_device: bool,
}

impl JsonInput for Input {}

impl route::Input for Input {
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<Self>())
    }

    fn decode(body: &[u8]) -> Result<Self, Problem> {
        route::decode_json(body)
    }

    /// Limits count by credential: whose it is nobody knows yet.
    fn account(&self) -> Option<&str> {
        Some(&self.credential.name)
    }
}

/// Signs in to the host's tenant, or to the platform. A passkey is more than one factor, so none is asked for beside it.
///
/// # Errors
/// For the ceremony `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_CONSUMED`. `INVALID_CREDENTIALS` alike for a credential that nobody has, that does
/// not answer, or whose owner is not a member here; as a second factor `MFA_CODE_INVALID`, and what the challenge may answer.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<SignedIn>, Problem> {
    let party = party(&ctx)?;
    match &input.challenge_token {
        None => alone(&ctx, &party, input).await,
        Some(token) => second(&ctx, &party, &input, token).await,
    }
}

async fn alone(ctx: &Ctx, party: &RelyingParty, input: Input) -> Result<Reply<SignedIn>, Problem> {
    let ceremony = resume(ctx, Purpose::SignIn, &input.ceremony)?;
    let db = ctx.db().await?;
    let arrival = sign_in::arrival(ctx, None);
    let answer = answer_of(&ceremony, &input.credential, party, &arrival);
    let found = match ctx.store(identity::find_passkey(&db, &ctx.lookup(), answer)).await? {
        CeremonyOutcome::Replayed => return Err(Problem::new(Code::TokenConsumed)),
        CeremonyOutcome::Fresh(found) => found.ok_or(Problem::new(Code::InvalidCredentials))?,
    };
    let used = check(ctx, party, &ceremony, &found, &input.credential).ok_or(Problem::new(Code::InvalidCredentials))?;
    if !ctx.home().is_platform() && found.membership.is_none() {
        return Err(Problem::new(Code::InvalidCredentials));
    }
    let proof = Proof {
        user: &found.user,
        user_suspended: found.user_suspended,
        membership: found.membership.as_ref(),
        // Where they stand with second factors does not matter to whoever has given one.
        standing: &Standing::default(),
        amr: used.used.backup.methods(),
        mfa_at: Some(ctx.now),
        rehash: None,
        passkey: Some(used),
        history: &found.history,
        enough: false,
    };
    sign_in::complete(ctx, &db, proof, Client { device_name: input.device_name.map(Name::into_string), cookie: input.cookie }).await
}

async fn second(ctx: &Ctx, party: &RelyingParty, input: &Input, token: &str) -> Result<Reply<SignedIn>, Problem> {
    let token = answer::challenge_token(token)?;
    let ceremony = resume(ctx, Purpose::SecondFactor, &input.ceremony)?;
    let db = ctx.db().await?;
    let arrival = sign_in::arrival(ctx, None);
    let given = answer::by_passkey(ctx, answer_of(&ceremony, &input.credential, party, &arrival));
    let mut taken = answer::take(ctx, &db, &token, &given).await?;
    let found = owned(taken.evidence.passkey.take(), taken.user.id)?;
    let used = found.and_then(|found| check(ctx, party, &ceremony, &found, &input.credential));
    match used.filter(|_| ceremony.user_id == Some(taken.user.id)) {
        Some(used) => answer::finish_challenge(ctx, &db, *taken, answer::redeem_passkey(used), input.trust_device).await,
        None => Err(answer::wrong(ctx, taken.user.id, Factor::Passkey, taken.queued)),
    }
}
