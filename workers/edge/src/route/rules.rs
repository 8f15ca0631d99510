//! Who may call a route, how often, and where.

use zygo_core::access::Permission;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anybody.
    Public,
    /// Anybody; whoever brings a token is held to it.
    Anybody,
    /// Any signed-in person.
    Session,
    /// A signed-in person with an active tenant.
    Member,
    /// A member whose role holds this permission.
    Permission(Permission),
    /// An owner.
    Owner,
    /// Whoever holds the operators' token.
    Ops,
    /// An organisation's directory; its token is checked in the round trip of its work.
    Directory,
    /// Who administers the platform, signed in to it and to no organisation; that they do is checked in the round trip of the work. What
    /// changes something wants a second factor that was given just now.
    Admin,
    /// A third party, by its signature, which the handler checks before it reads anything.
    Provider,
}

/// Which exact limits a route counts against; the numbers stand in the domain's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Sign-in: per account and address, and per address.
    SignIn,
    /// Sign-in by way of somebody else: per address.
    Federated,
    /// Sign-up: per address.
    SignUp,
    /// The verification mail once more: per account, and per address.
    Resend,
    /// The mail that resets a password: per account, and per address.
    ForgotPassword,
    /// The mail that signs in: per account, and per address.
    MagicLink,
    /// The mail that confirms a new address: per that, and per address.
    ConfirmEmail,
    /// A picture: per user.
    Upload,
    /// A delivery that is asked for: per tenant.
    Redelivery,
    /// Proving one's password while signed in: as sign-in.
    OwnPassword,
    /// A directory's calls: per address.
    Directory,
}

/// At which hosts a route is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hosts {
    /// The API's and the organisations'.
    Api,
    /// All, and whatever the header says: the host is not even looked up.
    Any,
    /// The API's, the organisations', and the public one.
    Sites,
    /// The public one and the organisations'.
    Pages,
    /// The public one alone.
    Public,
    /// The administration's alone.
    Admin,
}
