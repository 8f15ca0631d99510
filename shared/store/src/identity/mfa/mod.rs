//! Second factors: where somebody stands with them, challenges, and answers.

pub(crate) mod answer;
pub(crate) mod challenge;
pub(crate) mod enrol;
pub(crate) mod redeem;
pub(crate) mod standing;

pub use answer::{Answer, Answered, Evidence, Given, Own, answer_challenge, answer_own};
pub use challenge::{ChallengeState, Look, NewChallenge, begin_challenge, look_at_challenge};
pub use enrol::{
    CodeSet, Confirmation, Confirmed, NewFactor, Pending, Started, confirm_factor, pending_factor, remove_factor, replace_backup_codes, start_factor,
};
pub use redeem::{NewDevice, Redeemed, Redemption, finish_challenge, redeem_own};
pub use standing::Arrival;
