//! Jobs are data: a constant name, ids only, and an explicit way to end.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    gate::Revocation,
    id::{ChallengeId, DomainId, InvitationId, SmsCodeId, TenantId, UserId},
    identity::notice::Notice,
    time::Timestamp,
};

/// A job, as it stands in the outbox. Old variants stay decodable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Job {
    /// Mail a link that verifies the user's address.
    #[serde(rename = "mail.verify_email")]
    MailVerifyEmail {
        /// Whose address.
        user_id: UserId,
    },
    /// Tell the owner of an address that somebody tried to sign up with it.
    #[serde(rename = "mail.account_exists")]
    MailAccountExists {
        /// Who owns the address.
        user_id: UserId,
    },
    /// Tell a user that their account was locked after failed sign-ins.
    #[serde(rename = "mail.account_locked")]
    MailAccountLocked {
        /// Whose account.
        user_id: UserId,
    },
    /// Tell a user what happened to their account's security.
    #[serde(rename = "mail.security_notice")]
    MailSecurityNotice {
        /// Whose account.
        user_id: UserId,
        /// What happened.
        notice: Notice,
    },
    /// Mail a link that sets a new password.
    #[serde(rename = "mail.reset_password")]
    MailResetPassword {
        /// Whose password.
        user_id: UserId,
    },
    /// Mail a link that signs in.
    #[serde(rename = "mail.magic_link")]
    MailMagicLink {
        /// Who signs in.
        user_id: UserId,
    },
    /// Mail a link to a new address that makes it the account's.
    #[serde(rename = "mail.confirm_email")]
    MailConfirmEmail {
        /// Whose account.
        user_id: UserId,
        /// The change that holds the address.
        change_id: Uuid,
    },
    /// Tell the old address that the account has another, with a link that takes it back.
    #[serde(rename = "mail.email_changed")]
    MailEmailChanged {
        /// Whose account.
        user_id: UserId,
        /// The change that holds the address.
        change_id: Uuid,
    },
    /// Tell a user that their account will be deleted, with a link that cancels it.
    #[serde(rename = "mail.deletion_requested")]
    MailDeletionRequested {
        /// Whose account.
        user_id: UserId,
        /// The request.
        request_id: Uuid,
    },
    /// Delete a file that nothing refers to any more.
    #[serde(rename = "files.remove")]
    FilesRemove {
        /// Its key.
        key: String,
    },
    /// See to it that sessions which ended on record have ended in their objects.
    #[serde(rename = "sessions.end")]
    SessionsEnd {
        /// Whose sessions.
        user_id: UserId,
        /// When they ended; those that began later are none of it.
        ended_at: Timestamp,
    },
    /// Mail a link that joins an organisation.
    #[serde(rename = "mail.invitation")]
    MailInvitation {
        /// Which invitation.
        invitation_id: InvitationId,
    },
    /// Tell a tenant's gate what a change of roles or members made stale or void.
    #[serde(rename = "gate.revoke")]
    GateRevoke {
        /// Which tenant.
        tenant_id: TenantId,
        /// What.
        revocations: Vec<Revocation>,
        /// When the change was made; tokens issued since then are none of it.
        at: Timestamp,
    },
    /// Make a code and send it by SMS.
    #[serde(rename = "sms.code")]
    SmsCode {
        /// To whom.
        user_id: UserId,
        /// Which code.
        code_id: SmsCodeId,
    },
    /// Renew the tokens of a connection to a drive, or end it if its owner is no member any more.
    #[serde(rename = "integrations.renew")]
    IntegrationsRenew {
        /// Which connection.
        integration_id: Uuid,
    },
    /// Take a connection's tokens back at the provider, and forget them.
    #[serde(rename = "integrations.revoke")]
    IntegrationsRevoke {
        /// Which connection.
        integration_id: Uuid,
    },
    /// Look whether a tenant's own domain leads somewhere and has its certificate.
    #[serde(rename = "domains.check")]
    DomainsCheck {
        /// Which domain.
        domain_id: DomainId,
    },
    /// Remove the custom hostname of a domain that was given up.
    #[serde(rename = "domains.release")]
    DomainsRelease {
        /// Its identifier at whoever ends its connections.
        hostname_id: String,
    },
    /// Mail a code to somebody whose sign-in looked odd and who has no second factor.
    #[serde(rename = "mail.sign_in_code")]
    MailSignInCode {
        /// Who signs in.
        user_id: UserId,
        /// The challenge that it answers.
        challenge_id: ChallengeId,
    },
    /// Seal a tenant's audit trail.
    #[serde(rename = "audit.seal")]
    AuditSeal {
        /// Whose.
        tenant_id: TenantId,
        /// Up to which place, which is final.
        through: i64,
    },
    /// Copy a seal to where it is out of reach.
    #[serde(rename = "audit.archive")]
    AuditArchive {
        /// Whose.
        tenant_id: TenantId,
        /// Which.
        number: i64,
    },
    /// Remove what a tenant's plan keeps of its audit trail no longer.
    #[serde(rename = "audit.expire")]
    AuditExpire {
        /// Whose.
        tenant_id: TenantId,
    },
    /// Copy a tenant's hosts into the edge directory.
    #[serde(rename = "directory.sync")]
    DirectorySync {
        /// Which tenant.
        tenant_id: TenantId,
    },
}

impl Job {
    /// The job's constant name, the tag of its JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::MailVerifyEmail { .. } => "mail.verify_email",
            Self::MailAccountExists { .. } => "mail.account_exists",
            Self::MailAccountLocked { .. } => "mail.account_locked",
            Self::MailSecurityNotice { .. } => "mail.security_notice",
            Self::MailResetPassword { .. } => "mail.reset_password",
            Self::MailMagicLink { .. } => "mail.magic_link",
            Self::MailConfirmEmail { .. } => "mail.confirm_email",
            Self::MailEmailChanged { .. } => "mail.email_changed",
            Self::MailDeletionRequested { .. } => "mail.deletion_requested",
            Self::FilesRemove { .. } => "files.remove",
            Self::SessionsEnd { .. } => "sessions.end",
            Self::MailInvitation { .. } => "mail.invitation",
            Self::GateRevoke { .. } => "gate.revoke",
            Self::SmsCode { .. } => "sms.code",
            Self::IntegrationsRenew { .. } => "integrations.renew",
            Self::IntegrationsRevoke { .. } => "integrations.revoke",
            Self::MailSignInCode { .. } => "mail.sign_in_code",
            Self::DomainsCheck { .. } => "domains.check",
            Self::DomainsRelease { .. } => "domains.release",
            Self::AuditSeal { .. } => "audit.seal",
            Self::AuditArchive { .. } => "audit.archive",
            Self::AuditExpire { .. } => "audit.expire",
            Self::DirectorySync { .. } => "directory.sync",
        }
    }

    /// The job that an outbox row stands for; `None` if this program does not know it.
    #[must_use]
    pub fn decode(kind: &str, payload: &Value) -> Option<Self> {
        Self::deserialize(payload).ok().filter(|job| job.kind() == kind)
    }

    /// The queue that it travels on.
    #[must_use]
    pub const fn queue(&self) -> Queue {
        match self {
            Self::MailVerifyEmail { .. }
            | Self::MailAccountExists { .. }
            | Self::MailAccountLocked { .. }
            | Self::MailSecurityNotice { .. }
            | Self::MailResetPassword { .. }
            | Self::MailMagicLink { .. }
            | Self::MailConfirmEmail { .. }
            | Self::MailEmailChanged { .. }
            | Self::MailDeletionRequested { .. }
            | Self::MailSignInCode { .. }
            | Self::MailInvitation { .. }
            | Self::SmsCode { .. } => Queue::Mail,
            Self::FilesRemove { .. }
            | Self::SessionsEnd { .. }
            | Self::GateRevoke { .. }
            | Self::IntegrationsRenew { .. }
            | Self::IntegrationsRevoke { .. }
            | Self::DomainsCheck { .. }
            | Self::DomainsRelease { .. }
            | Self::AuditSeal { .. }
            | Self::AuditArchive { .. }
            | Self::AuditExpire { .. }
            | Self::DirectorySync { .. } => Queue::Jobs,
        }
    }
}

/// A queue of jobs; each has a dead-letter queue of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Queue {
    /// Everything without a queue of its own.
    Jobs,
    /// Mail and short messages.
    Mail,
    /// Deliveries to tenants' endpoints.
    Webhooks,
}

impl Queue {
    /// Every queue.
    pub const ALL: [Self; 3] = [Self::Jobs, Self::Mail, Self::Webhooks];

    /// Its name in the outbox.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Mail => "mail",
            Self::Webhooks => "webhooks",
        }
    }

    /// The queue of that name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> Vec<Job> {
        let user_id = UserId::from(Uuid::from_u128(1));
        vec![
            Job::MailVerifyEmail { user_id },
            Job::MailAccountExists { user_id },
            Job::MailAccountLocked { user_id },
            Job::MailSecurityNotice { user_id, notice: Notice::PasswordChanged },
            Job::MailResetPassword { user_id },
            Job::MailMagicLink { user_id },
            Job::MailConfirmEmail { user_id, change_id: Uuid::from_u128(2) },
            Job::MailEmailChanged { user_id, change_id: Uuid::from_u128(2) },
            Job::MailDeletionRequested { user_id, request_id: Uuid::from_u128(3) },
            Job::FilesRemove { key: "users/1/avatars/2".into() },
            Job::SmsCode { user_id, code_id: Uuid::from_u128(2).into() },
            Job::SessionsEnd { user_id, ended_at: Timestamp::from_millis(1) },
            Job::IntegrationsRenew { integration_id: Uuid::from_u128(4) },
            Job::IntegrationsRevoke { integration_id: Uuid::from_u128(4) },
            Job::MailSignInCode { user_id, challenge_id: uuid::Uuid::nil().into() },
            Job::MailInvitation { invitation_id: Uuid::from_u128(5).into() },
            Job::GateRevoke { tenant_id: TenantId::PLATFORM, revocations: Vec::new(), at: Timestamp::from_millis(1) },
            Job::DomainsCheck { domain_id: Uuid::from_u128(6).into() },
            Job::DomainsRelease { hostname_id: "7".into() },
            Job::AuditSeal { tenant_id: TenantId::PLATFORM, through: 7 },
            Job::AuditArchive { tenant_id: TenantId::PLATFORM, number: 1 },
            Job::AuditExpire { tenant_id: TenantId::PLATFORM },
            Job::DirectorySync { tenant_id: TenantId::PLATFORM },
        ]
    }

    #[test]
    fn the_tag_is_the_kind() {
        for job in one_of_each() {
            let json = serde_json::to_value(&job).unwrap();
            assert_eq!(json["kind"], job.kind());
            assert_eq!(Job::decode(job.kind(), &json), Some(job));
            assert_eq!(Job::decode("mail.other", &json), None);
        }
        assert_eq!(Job::decode("mail.other", &serde_json::json!({ "kind": "mail.other" })), None);
    }

    #[test]
    fn mail_and_short_messages_travel_on_the_mail_queue() {
        for job in one_of_each() {
            assert_eq!(job.kind().starts_with("mail.") || job.kind().starts_with("sms."), job.queue() == Queue::Mail);
        }
    }

    #[test]
    fn queues_are_found_by_name() {
        for queue in Queue::ALL {
            assert_eq!(Queue::parse(queue.as_str()), Some(queue));
            assert_eq!(serde_json::to_value(queue).unwrap(), queue.as_str());
        }
        assert_eq!(Queue::parse("other"), None);
    }
}
