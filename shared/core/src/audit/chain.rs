//! Seals: a chain of hashes over a tenant's trail, and what is wrong with a trail that does not fit its seals.
//!
//! A seal says of a stretch of rows how many they are, what each holds and in which order, and which seal came before it. It is made
//! when no transaction can add to that stretch any more, and copied where the database's administrators have no say.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{id::TenantId, time::Timestamp};

mod hex;

/// A hash.
pub type Hash = [u8; 32];

/// A row of the change log, as it is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub seq: i64,
    /// Identifier.
    pub id: Uuid,
    /// Who.
    pub actor: String,
    /// The person, if it was one.
    pub user_id: Option<Uuid>,
    /// What was done.
    pub action: String,
    /// To what kind of thing.
    pub resource_type: String,
    /// To which.
    pub resource_id: Option<Uuid>,
    /// What it was before, in Postgres' own writing of JSON.
    pub before: Option<String>,
    /// What it is now, likewise.
    pub after: Option<String>,
    /// The request.
    pub request_id: Option<String>,
    /// Where from.
    pub ip: Option<String>,
    /// When, in microseconds since 1970.
    pub at_micros: i64,
}

impl Entry {
    /// The hash of what it holds, without its place. Every field goes in with its length, so that no two rows look alike.
    #[must_use]
    pub fn digest(&self, tenant_id: TenantId) -> Hash {
        let mut hash = Sha256::new();
        hash.update(b"zygo audit row 1");
        hash.update(tenant_id.uuid());
        hash.update(self.id);
        hash.update(self.at_micros.to_be_bytes());
        let (user, resource) = (self.user_id.map(Uuid::into_bytes), self.resource_id.map(Uuid::into_bytes));
        let fields: [Option<&[u8]>; 9] = [
            Some(self.actor.as_bytes()),
            user.as_ref().map(<[u8; 16]>::as_slice),
            Some(self.action.as_bytes()),
            Some(self.resource_type.as_bytes()),
            resource.as_ref().map(<[u8; 16]>::as_slice),
            self.before.as_deref().map(str::as_bytes),
            self.after.as_deref().map(str::as_bytes),
            self.request_id.as_deref().map(str::as_bytes),
            self.ip.as_deref().map(str::as_bytes),
        ];
        for field in fields {
            hash.update([u8::from(field.is_some())]);
            let bytes = field.unwrap_or_default();
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
        hash.finalize().into()
    }
}

/// A stretch of rows on its way to a seal, or to be held against one.
#[derive(Debug, Clone)]
pub struct Stretch {
    tenant_id: TenantId,
    ordered: Sha256,
    mixed: Hash,
    count: i64,
    last: Option<i64>,
}

impl Stretch {
    /// No rows yet.
    #[must_use]
    pub fn new(tenant_id: TenantId) -> Self {
        Self { tenant_id, ordered: Sha256::new(), mixed: [0; 32], count: 0, last: None }
    }

    /// The next row, in the order of their places.
    pub fn push(&mut self, entry: &Entry) {
        let digest = entry.digest(self.tenant_id);
        self.ordered.update(entry.seq.to_be_bytes());
        self.ordered.update(digest);
        for (mixed, byte) in self.mixed.iter_mut().zip(digest) {
            *mixed ^= byte;
        }
        self.count = self.count.saturating_add(1);
        self.last = Some(entry.seq);
    }

    /// The seal over it, after the seal before.
    #[must_use]
    pub fn seal(self, before: Option<&Seal>, expired_through: i64, sealed_at: Timestamp) -> Seal {
        let first_seq = before.map_or(1, |seal| seal.last_seq.saturating_add(1));
        let mut seal = Seal {
            tenant_id: self.tenant_id,
            number: before.map_or(1, |seal| seal.number.saturating_add(1)),
            first_seq,
            last_seq: self.last.unwrap_or(first_seq.saturating_sub(1)),
            row_count: self.count,
            expired_through: expired_through.max(before.map_or(0, |seal| seal.expired_through)),
            rows_hash: self.ordered.finalize().into(),
            rows_mixed: self.mixed,
            previous_hash: before.map(|seal| seal.hash),
            hash: [0; 32],
            sealed_at,
        };
        seal.hash = seal.computed();
        seal
    }
}

/// A seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Whose trail.
    pub tenant_id: TenantId,
    /// Its number among the tenant's, from 1.
    pub number: i64,
    /// The first place that it covers: the one after the last of the seal before.
    pub first_seq: i64,
    /// The place of the last row that it covers; one less than the first where it covers none.
    pub last_seq: i64,
    /// How many rows.
    pub row_count: i64,
    /// Up to which place the rows may be gone because they were kept for as long as the plan says.
    pub expired_through: i64,
    /// SHA-256 over each row's place and hash, in their order.
    #[serde(with = "hex")]
    pub rows_hash: Hash,
    /// The rows' hashes, added without carry: the same in any order.
    #[serde(with = "hex")]
    pub rows_mixed: Hash,
    /// The hash of the seal before.
    #[serde(with = "hex::maybe")]
    pub previous_hash: Option<Hash>,
    /// SHA-256 over all of the above.
    #[serde(with = "hex")]
    pub hash: Hash,
    /// When it was made.
    pub sealed_at: Timestamp,
}

impl Seal {
    /// The hash that it must have.
    #[must_use]
    pub fn computed(&self) -> Hash {
        let mut hash = Sha256::new();
        hash.update(b"zygo audit seal 1");
        hash.update(self.tenant_id.uuid());
        for number in [self.number, self.first_seq, self.last_seq, self.row_count, self.expired_through, self.sealed_at.millis()] {
            hash.update(number.to_be_bytes());
        }
        hash.update(self.rows_hash);
        hash.update(self.rows_mixed);
        hash.update([u8::from(self.previous_hash.is_some())]);
        hash.update(self.previous_hash.unwrap_or_default());
        hash.finalize().into()
    }

    /// The key of its copy.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{:012}.json", self.tenant_id, self.number)
    }
}

/// What is wrong with a trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// As many rows as sealed, but not the same ones.
    Edited,
    /// Rows are missing, but not the last ones.
    Deleted {
        /// How many.
        missing: i64,
    },
    /// The last rows are missing, or the last seals.
    CutOff {
        /// The place of the last row, or the number of the last seal, that is there.
        after: i64,
    },
    /// The same rows in another order.
    Reordered,
    /// More rows than sealed.
    Inserted {
        /// How many.
        surplus: i64,
    },
    /// The seal itself does not fit: its own hash, the one before it, or its copy.
    Seal,
}

/// Holds one seal after the other, and their rows, against each other.
#[derive(Debug, Clone, Default)]
pub struct Verifier {
    last: Option<Seal>,
    expired_through: i64,
    /// What was found: the number of the seal, and what is wrong there.
    pub faults: Vec<(i64, Fault)>,
}

impl Verifier {
    /// A verifier of a tenant's chain. `expired_through` is what its newest seal declares gone.
    #[must_use]
    pub const fn new(expired_through: i64) -> Self {
        Self { last: None, expired_through, faults: Vec::new() }
    }

    /// The next seal, and the rows between its first and last place.
    pub fn check(&mut self, seal: &Seal, rows: Stretch, is_last: bool) {
        let before = self.last.as_ref();
        let follows = seal.number == before.map_or(1, |seal| seal.number.saturating_add(1))
            && seal.previous_hash == before.map(|seal| seal.hash)
            && seal.first_seq == before.map_or(1, |seal| seal.last_seq.saturating_add(1))
            && seal.expired_through >= before.map_or(0, |seal| seal.expired_through);
        if !follows || seal.hash != seal.computed() {
            self.faults.push((seal.number, Fault::Seal));
        }
        if let Some(fault) = self.rows(seal, rows, is_last) {
            self.faults.push((seal.number, fault));
        }
        self.last = Some(seal.clone());
    }

    fn rows(&self, seal: &Seal, rows: Stretch, is_last: bool) -> Option<Fault> {
        let missing = seal.row_count.saturating_sub(rows.count);
        if missing > 0 {
            if seal.last_seq <= self.expired_through {
                return None;
            }
            let end = rows.last.unwrap_or(seal.first_seq.saturating_sub(1));
            return Some(if is_last && end < seal.last_seq { Fault::CutOff { after: end } } else { Fault::Deleted { missing } });
        }
        if missing < 0 {
            return Some(Fault::Inserted { surplus: missing.saturating_neg() });
        }
        let ordered: Hash = rows.ordered.finalize().into();
        match (ordered == seal.rows_hash, rows.mixed == seal.rows_mixed) {
            (true, true) => None,
            (_, true) => Some(Fault::Reordered),
            (_, false) => Some(Fault::Edited),
        }
    }

    /// Holds a copy of a seal, from where nobody edits, against what was checked; the copies after the last seal say that it was cut off.
    pub fn check_copy(&mut self, copy: &Seal, here: Option<&Seal>) {
        match here {
            Some(seal) if seal == copy => {}
            Some(seal) => self.faults.push((seal.number, Fault::Seal)),
            None => {
                let after = self.last.as_ref().map_or(0, |seal| seal.number);
                self.faults.push((copy.number, if copy.number > after { Fault::CutOff { after } } else { Fault::Seal }));
            }
        }
    }
}

#[cfg(test)]
mod tests;
