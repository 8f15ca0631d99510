//! What holds for every one-time token: exactly one redeems it, and nothing but the token itself does.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{answer::Answer, client::Api};

/// The prefixes of all purposes.
const PREFIXES: [&str; 8] = ["zv_", "zp_", "zm_", "zi_", "ze_", "zc_", "zb_", "zd_"];

/// How a token is redeemed: where, and with what beside it.
#[derive(Debug, Clone)]
pub struct Redeeming {
    /// A client without a token of its own.
    pub api: Api,
    /// Path of the endpoint.
    pub path: &'static str,
    /// What the body has beside the token.
    pub beside: Value,
    /// Status of success.
    pub status: u16,
}

impl Redeeming {
    /// Redeems a text.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn redeem(&self, token: &str) -> Result<Answer> {
        let mut body = json!({ "token": token });
        if let (Some(body), Some(beside)) = (body.as_object_mut(), self.beside.as_object()) {
            body.extend(beside.clone());
        }
        self.api.from_elsewhere().post(self.path, &body).await
    }

    /// Redeems a token that is used up.
    ///
    /// # Errors
    /// When the answer is another than `TOKEN_CONSUMED`.
    pub async fn is_consumed(&self, token: &str) -> Result<()> {
        self.redeem(token).await?.expect(410)?.problem("TOKEN_CONSUMED").map(drop)
    }

    /// Redeems a token by twenty at the same moment, of whom one may win. Answers what the winner got.
    ///
    /// # Errors
    /// When none wins, or more than one.
    pub async fn race(&self, token: &str) -> Result<Answer> {
        let racers: Vec<_> = (0..20)
            .map(|_| {
                let (this, token) = (self.clone(), token.to_owned());
                tokio::spawn(async move { this.redeem(&token).await })
            })
            .collect();
        let mut won = Vec::new();
        for racer in racers {
            let answer = racer.await??;
            if answer.status == self.status {
                won.push(answer);
            } else {
                answer.expect(410)?.problem("TOKEN_CONSUMED")?;
            }
        }
        ensure!(won.len() == 1, "{} of 20 won", won.len());
        won.pop().context("nobody won")
    }

    /// Everything that looks like a token and is another: cut, longer, flipped, of other purposes. None of it uses it up.
    ///
    /// # Errors
    /// The text that was not refused.
    pub async fn refuses_all_but(&self, token: &str) -> Result<()> {
        let (prefix, rest) = token.split_at_checked(3).context("a prefix")?;
        ensure!(PREFIXES.contains(&prefix), "{prefix} is no purpose's prefix");
        let flipped: String = token.chars().enumerate().map(|(n, c)| if n == 5 { if c == 'A' { 'B' } else { 'A' } } else { c }).collect();
        let mut cases = vec![
            String::new(),
            "x".into(),
            prefix.to_owned(),
            rest.to_owned(),
            token.chars().take(token.len() - 1).collect(),
            token.chars().take(20).collect(),
            format!("{token}A"),
            format!("{token}="),
            format!(" {token}"),
            flipped,
            token.to_uppercase(),
            "'; DROP TABLE users; --".into(),
        ];
        cases.extend(PREFIXES.iter().filter(|other| **other != prefix).map(|other| format!("{other}{rest}")));
        for case in cases {
            self.redeem(&case).await?.expect(401)?.problem("TOKEN_INVALID").with_context(|| format!("{case:.4}…"))?;
        }
        Ok(())
    }
}
