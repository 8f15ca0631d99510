//! What a page tells first after something went well; its key stands in the address, its text does not.

use super::texts::Texts;

macro_rules! notices {
    ($($(#[$doc:meta])* $name:ident = ($key:literal, $text:ident),)+) => {
        /// What went well.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Notice {
            $($(#[$doc])* $name,)+
        }

        impl Notice {
            /// The key.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$name => $key,)+ }
            }

            /// The notice with this key.
            #[must_use]
            pub fn from_key(key: &str) -> Option<Self> {
                match key {
                    $($key => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// What it says.
            #[must_use]
            pub const fn text(self, t: &Texts) -> &'static str {
                match self { $(Self::$name => t.$text,)+ }
            }
        }
    };
}

notices! {
    /// The address is verified.
    Verified = ("verified", notice_verified),
    /// Signed out.
    SignedOut = ("signed-out", notice_signed_out),
    /// A session was ended.
    SessionEnded = ("session-ended", notice_session_ended),
    /// All other sessions were ended.
    OthersEnded = ("others-ended", notice_others_ended),
    /// A device is trusted no more.
    DeviceRemoved = ("device-removed", notice_device_removed),
    /// All sessions were ended, everywhere.
    AllEnded = ("all-ended", notice_all_ended),
    /// The account has its new address.
    AddressChanged = ("address-changed", notice_address_changed),
    /// The account has its old address again.
    AddressReverted = ("address-reverted", notice_address_reverted),
    /// A mail went to the new address.
    AddressAsked = ("address-asked", notice_address_asked),
    /// There is a new password.
    PasswordSet = ("password-set", notice_password_set),
    /// There is a new password, and other sessions have ended.
    PasswordChanged = ("password-changed", notice_password_changed),
    /// The account will not be deleted.
    AccountKept = ("account-kept", notice_account_kept),
    /// A passkey was added.
    PasskeyAdded = ("passkey-added", notice_passkey_added),
    /// A passkey was removed.
    PasskeyRemoved = ("passkey-removed", notice_passkey_removed),
    /// An organisation was created.
    OrganisationCreated = ("organisation-created", notice_organisation_created),
    /// An invitation was accepted.
    Joined = ("joined", notice_joined),
    /// An invitation was accepted with a new account.
    JoinedNewly = ("joined-newly", notice_joined_newly),
    /// A second factor was set up.
    FactorAdded = ("factor-added", notice_factor_added),
    /// A second factor was taken off.
    FactorRemoved = ("factor-removed", notice_factor_removed),
}

impl Notice {
    /// A path with this notice.
    #[must_use]
    pub fn at(self, path: &str) -> String {
        format!("{path}?notice={}", self.key())
    }
}
