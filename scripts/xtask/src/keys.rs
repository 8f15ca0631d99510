//! The rings of keys: the first signs or seals, the others still verify or open.
//!
//! A token key is rotated in two steps, because a secret reaches all isolates only after a while: `announce` puts the new
//! key at the end, where it verifies; `promote`, a minute later, puts it first, and drops the keys whose tokens are dead.

use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{files, secrets::Secrets};

/// How long a key must stay after another one took its place: a token's 15 minutes, a minute of clock difference, and
/// four for the new ring to arrive everywhere.
const DEAD_AFTER: SignedDuration = SignedDuration::from_mins(20);

/// Which half of a rotation.
#[derive(Subcommand)]
pub enum Step {
    /// Adds a new key that verifies and does not sign yet
    Announce,
    /// Lets the newest key sign, drops those whose tokens are dead
    Promote,
    /// Both at once, for one process that is restarted with the file
    Both,
}

/// One Ed25519 key, as `TOKEN_KEYS` holds it.
#[derive(Clone, Serialize, Deserialize)]
struct TokenKey {
    kid: String,
    /// 32 bytes, base64url.
    seed: String,
    created_at: Timestamp,
    /// When it began to sign; unknown for a key written by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    promoted_at: Option<Timestamp>,
}

impl TokenKey {
    fn new(now: Timestamp) -> Result<Self> {
        Ok(Self { kid: new_kid(now)?, seed: BASE64_URL_SAFE_NO_PAD.encode(files::random::<32>()?), created_at: now, promoted_at: None })
    }

    fn began(&self) -> Timestamp {
        self.promoted_at.unwrap_or(self.created_at)
    }
}

/// A ring of one signing key, as JSON.
pub fn new_token_ring() -> Result<String> {
    let now = now();
    let key = TokenKey { promoted_at: Some(now), ..TokenKey::new(now)? };
    Ok(serde_json::to_string(&[key])?)
}

/// A ring of one sealing key, as JSON.
pub fn new_seal_ring() -> Result<String> {
    let key = serde_json::json!({ "kid": new_kid(now())?, "key": BASE64_URL_SAFE_NO_PAD.encode(files::random::<32>()?) });
    Ok(serde_json::to_string(&[key])?)
}

/// A ring of one RSA key of 3,072 bits with its certificate, as JSON: what signs our requests to identity providers.
pub fn new_saml_ring() -> Result<String> {
    let made = zygo_self_signed::rsa(3072, "zygo saml", now().into(), &mut rand_core::OsRng).map_err(anyhow::Error::msg)?;
    Ok(serde_json::json!([{ "key": *made.key, "certificate": made.certificate }]).to_string())
}

/// Applies a step to the ring in a file.
pub fn rotate(step: &Step, path: &Path, dry_run: bool) -> Result<()> {
    let mut file = Secrets::read(path)?;
    let text = file.get("TOKEN_KEYS").with_context(|| format!("{} holds no TOKEN_KEYS", path.display()))?;
    let mut ring: Vec<TokenKey> = serde_json::from_str(text).context("TOKEN_KEYS is not a ring of keys")?;
    let before: Vec<String> = ring.iter().map(|key| key.kid.clone()).collect();
    if matches!(step, Step::Announce | Step::Both) {
        ring.push(TokenKey::new(now())?);
    }
    if matches!(step, Step::Promote | Step::Both) {
        ring = promote(ring, now())?;
    }
    report(&before, &ring, dry_run);
    if !dry_run {
        file.set("TOKEN_KEYS", &serde_json::to_string(&ring)?);
        file.write(path)?;
    }
    Ok(())
}

/// The newest key first, behind it those that may still have tokens alive, in the order in which they signed.
fn promote(mut ring: Vec<TokenKey>, now: Timestamp) -> Result<Vec<TokenKey>> {
    let Some(newest) = ring.iter().map(|key| key.created_at).max() else { bail!("the ring is empty") };
    ring.sort_by_key(|key| (key.created_at != newest, std::cmp::Reverse(key.began())));
    let mut kept: Vec<TokenKey> = Vec::with_capacity(ring.len());
    let mut replaced_at = now;
    for (place, mut key) in ring.into_iter().enumerate() {
        if place == 0 {
            replaced_at = *key.promoted_at.get_or_insert(now);
        } else {
            // This key stopped signing when the one before it began.
            if now.duration_since(replaced_at) > DEAD_AFTER {
                break;
            }
            replaced_at = key.began();
        }
        kept.push(key);
    }
    Ok(kept)
}

fn report(before: &[String], ring: &[TokenKey], dry_run: bool) {
    let verb = if dry_run { "would be" } else { "is" };
    for (place, key) in ring.iter().enumerate() {
        let duty = if place == 0 { "signs" } else { "verifies" };
        let new = if before.contains(&key.kid) { "" } else { " (new)" };
        eprintln!("  {} {duty}{new}, made {}", key.kid, key.created_at);
    }
    for kid in before.iter().filter(|kid| ring.iter().all(|key| key.kid != **kid)) {
        eprintln!("  {kid} {verb} dropped: no token of it lives any more");
    }
}

/// A name that sorts by day and never repeats: `20260128-1f9c3a7b`.
fn new_kid(now: Timestamp) -> Result<String> {
    let [a, b, c, d] = files::random::<4>()?;
    Ok(format!("{}-{a:02x}{b:02x}{c:02x}{d:02x}", now.strftime("%Y%m%d")))
}

#[expect(clippy::disallowed_methods, reason = "a command line tool has no caller that could hand it a clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kid: &str, created: &str, promoted: Option<&str>) -> Result<TokenKey> {
        Ok(TokenKey { kid: kid.into(), seed: String::new(), created_at: created.parse()?, promoted_at: promoted.map(str::parse).transpose()? })
    }

    fn kids(ring: &[TokenKey]) -> Vec<&str> {
        ring.iter().map(|key| &*key.kid).collect()
    }

    #[test]
    fn the_newest_signs_and_its_predecessor_stays_for_its_tokens() -> Result<()> {
        let old = key("old", "2026-01-01T00:00:00Z", Some("2026-01-01T00:00:00Z"))?;
        let new = key("new", "2026-02-01T00:00:00Z", None)?;
        let ring = promote(vec![old, new], "2026-02-01T00:01:00Z".parse()?)?;
        assert_eq!(kids(&ring), ["new", "old"]);
        // Long after, the same ring with a third key: the second verifies, the first is gone.
        let mut ring = ring;
        ring.push(key("third", "2026-03-01T00:00:00Z", None)?);
        let ring = promote(ring, "2026-03-01T00:01:00Z".parse()?)?;
        assert_eq!(kids(&ring), ["third", "new"]);
        Ok(())
    }

    #[test]
    fn a_second_rotation_at_once_keeps_all_that_may_have_live_tokens() -> Result<()> {
        let ring = vec![
            key("b", "2026-02-01T00:00:00Z", Some("2026-02-01T00:01:00Z"))?,
            key("a", "2026-01-01T00:00:00Z", Some("2026-01-01T00:00:00Z"))?,
            key("c", "2026-02-01T00:05:00Z", None)?,
        ];
        let ring = promote(ring, "2026-02-01T00:06:00Z".parse()?)?;
        assert_eq!(kids(&ring), ["c", "b", "a"]);
        let later = promote(ring, "2026-02-01T00:22:00Z".parse()?)?;
        assert_eq!(kids(&later), ["c", "b"]);
        Ok(())
    }
}
