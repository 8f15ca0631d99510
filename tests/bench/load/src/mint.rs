//! Access tokens as the product signs them, in any number.

use std::{
    fs,
    io::{BufWriter, Write as _},
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use uuid::Uuid;
use zygo_core::{
    access::{PermissionSet, catalogue},
    identity::token::{AccessClaims, KeyRing},
    time::Timestamp,
};

/// Which tokens.
#[derive(Args)]
pub struct Options {
    /// File of the ring of keys, the value of `TOKEN_KEYS`
    #[arg(long)]
    keys: PathBuf,
    /// Where to write them
    #[arg(long)]
    out: PathBuf,
    /// How many
    #[arg(long, default_value_t = 1)]
    count: u64,
    /// Issuer
    #[arg(long)]
    issuer: String,
    /// Audience
    #[arg(long)]
    audience: String,
    /// The person
    #[arg(long)]
    user: Uuid,
    /// The active tenant; none for a platform session
    #[arg(long)]
    tenant: Option<Uuid>,
    /// The session
    #[arg(long)]
    session: Uuid,
    /// Seconds to live
    #[arg(long, default_value_t = 3600)]
    seconds: i64,
    /// API calls per minute
    #[arg(long)]
    rate: Option<u32>,
}

/// Writes the tokens.
///
/// # Errors
/// If the ring cannot be read or the file not be written.
pub fn mint(options: &Options) -> Result<()> {
    let text = fs::read_to_string(&options.keys).with_context(|| format!("reading {}", options.keys.display()))?;
    let ring = KeyRing::parse(&text).map_err(|why| anyhow!(why))?;
    let now = now()?;
    let mut file = BufWriter::new(fs::File::create(&options.out).with_context(|| format!("writing {}", options.out.display()))?);
    for n in 0..options.count {
        // The instant makes the tokens of one call differ from those of every other.
        let jti = format!("{}-{n}", now.millis());
        let token = ring.sign(claims(options, jti), now, options.seconds).map_err(|problem| anyhow!("{problem:?}"))?;
        writeln!(file, "{token}")?;
    }
    Ok(file.flush()?)
}

fn claims(options: &Options, jti: String) -> AccessClaims {
    AccessClaims {
        iss: options.issuer.clone(),
        sub: options.user.into(),
        aud: options.audience.clone(),
        jti,
        sid: options.session.into(),
        tid: options.tenant.map(Into::into),
        role: options.tenant.map(|_| "owner".to_owned()),
        perms: PermissionSet::ALL.to_hex(),
        pv: catalogue::VERSION,
        amr: vec!["pwd".into()],
        mfa_at: None,
        email_verified: true,
        rate: options.rate,
    }
}

fn now() -> Result<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Timestamp::from_millis(i64::try_from(since.as_millis())?))
}
