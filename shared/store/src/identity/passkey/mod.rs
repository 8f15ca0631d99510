//! Passkeys: answers to ceremonies, and what somebody has.

pub(crate) mod ceremony;
pub(crate) mod kept;

pub use ceremony::{AskedPasskeys, CeremonyOutcome, FoundPasskey, PasskeyAnswer, PasskeyUse, challenge_passkeys, find_passkey};
pub use kept::{Added, NewPasskey, PasskeyOwner, PasskeyRow, Removed, add_passkey, list_passkeys, passkey_owner, remove_passkey};
