//! People: accounts, memberships, sessions on record.

pub(crate) mod address;
pub(crate) mod avatar;
pub(crate) mod connection;
pub(crate) mod deletion;
pub(crate) mod domain;
pub(crate) mod identities;
pub(crate) mod magic_link;
pub(crate) mod member;
pub mod mfa;
pub(crate) mod notice;
pub(crate) mod passkey;
pub(crate) mod password;
pub(crate) mod preferences;
pub(crate) mod profile;
pub(crate) mod record;
pub(crate) mod rehash;
pub(crate) mod risk;
pub mod scim;
pub(crate) mod session;
pub(crate) mod sign_in;
pub(crate) mod sign_on;
pub(crate) mod sign_up;
pub(crate) mod token;
pub(crate) mod verification;

pub use address::{
    NewEmailChange, Recipient, Taking, begin_email_change, begin_email_revert, confirm_email_change, request_email_change, revert_email_change,
};
pub use avatar::set_avatar;
pub use connection::{Change, ConnectionRow, NewConnection, Saved, connection, connections, create_connection, delete_connection, update_connection};
pub use deletion::{Deletion, NewDeletion, cancel_deletion, erase_due, request_deletion};
pub use domain::{DomainRow, claim_domain, delete_domain, domain, domains, require_sign_on, verify_domain};
pub use identities::{
    Found, Identity, IdentityRow, IdentitySignIn, Lead, Linked, Unlinked, link_identity, list_identities, sign_in_by_identity, unlink_identity,
};
pub use magic_link::{MagicLink, redeem_magic_link};
pub use member::{Membership, RoleRow, TenantRow, UserRow};
pub use notice::{NewNotice, owe_notice};
pub use passkey::{
    Added, AskedPasskeys, CeremonyOutcome, FoundPasskey, NewPasskey, PasskeyAnswer, PasskeyOwner, PasskeyRow, PasskeyUse, Removed, add_passkey,
    challenge_passkeys, find_passkey, list_passkeys, passkey_owner, remove_passkey,
};
pub use password::{
    AccountMail, OwnSecret, PasswordChange, ResetOf, begin_reset, change_password, own_secret, peek_reset, request_account_mail, reset_password,
};
pub use preferences::{PreferencesPatch, PreferencesRow, PreferencesUpdate, preferences, update_preferences};
pub use profile::{Me, ProfilePatch, Update, me, update_profile};
pub use record::{SessionRecord, SignInFrom, record_session};
pub use rehash::Rehash;
pub use risk::{Refusal, begin_sign_in_code, refuse_sign_in};
pub use session::{
    EndedSession, Life, SessionContext, SessionRow, Which, end_reused_session, end_sessions, ended_sessions, list_sessions, session_context,
};
pub use sign_in::{Credentials, Failure, SignIn, find_credentials, record_sign_in, record_sign_in_failure};
pub use sign_on::{Connection, Discovered, SignOn, SignedOn, discover_connection, find_connection, sign_on};
pub use sign_up::{NewUser, SignUp, sign_up};
pub use token::{EndedSessions, NewToken, Redeemed, begin_token, begin_token_of_session, end_sessions_by_token};
pub use verification::{MailProfile, NewVerification, begin_verification, request_verification, user_profile_for_mail, verify_email};
