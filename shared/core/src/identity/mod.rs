//! Who somebody is: addresses, passwords, tokens, sessions.

pub mod email;
pub mod fixed_key;
pub mod mfa;
pub mod notice;
pub mod oidc;
pub mod one_time;
pub mod passkey;
pub mod password;
pub mod phone;
pub mod preferences;
pub mod refresh;
pub mod risk;
pub mod saml;
pub mod scim;
pub mod session;
pub mod sign_on;
pub mod social;
pub mod token;
