//! Second factors: where somebody stands with them, challenges, and answers.

pub(crate) mod answer;
pub(crate) mod challenge;
pub(crate) mod confirm;
pub(crate) mod devices;
pub(crate) mod enrol;
pub(crate) mod own;
pub(crate) mod redeem;
pub(crate) mod sms;
pub(crate) mod standing;

pub use answer::{Answer, Answered, Evidence, Given, answer_challenge};
pub use challenge::{ChallengeState, Look, NewChallenge, begin_challenge, look_at_challenge};
pub use confirm::{CodeSet, Confirmation, Confirmed, ProofOf, confirm_factor, replace_backup_codes};
pub use devices::{DeviceRow, list_devices, remove_device};
pub use enrol::{NewFactor, Pending, Started, pending_factor, remove_factor, start_factor};
pub use own::{Own, answer_own};
pub use redeem::{NewDevice, Redeemed, Redemption, StepUp, finish_challenge, redeem_own};
pub use sms::{NewSmsCode, SmsPurpose, SmsRecipient, begin_sms_code, owe_sms_code, start_sms_factor, verify_phone};
pub use standing::Arrival;
