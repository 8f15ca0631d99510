//! One consumer per kind of job.

pub mod audit;
pub mod directory_sync;
pub mod domains;
pub mod files_remove;
pub mod gate_revoke;
pub mod integrations;
pub mod mail;
pub mod sessions_end;
pub mod sms;

use zygo_core::events::job::Job;

use crate::run::{Failure, Work};

/// Does a job.
///
/// # Errors
/// `Retry` where it may succeed later, `Fail` where it never will.
pub async fn run(work: &Work<'_>, job: &Job) -> Result<(), Failure> {
    match job {
        Job::MailVerifyEmail { user_id } => mail::verify_email(work, *user_id).await,
        Job::MailAccountExists { user_id } => mail::account_exists(work, *user_id).await,
        Job::MailAccountLocked { user_id } => mail::account_locked(work, *user_id).await,
        Job::MailSecurityNotice { user_id, notice } => mail::security_notice(work, *user_id, notice).await,
        Job::MailResetPassword { user_id } => mail::reset_password(work, *user_id).await,
        Job::MailMagicLink { user_id } => mail::magic_link(work, *user_id).await,
        Job::MailConfirmEmail { change_id, user_id } => mail::confirm_email(work, *user_id, *change_id).await,
        Job::MailEmailChanged { change_id, user_id } => mail::email_changed(work, *user_id, *change_id).await,
        Job::MailDeletionRequested { user_id, request_id } => mail::deletion_requested(work, *user_id, *request_id).await,
        Job::MailSignInCode { user_id, challenge_id } => mail::sign_in_code(work, *user_id, *challenge_id).await,
        Job::MailInvitation { invitation_id } => mail::invitation(work, *invitation_id).await,
        Job::FilesRemove { key } => files_remove::run(work, key).await,
        Job::SmsCode { user_id, code_id } => sms::code(work, *user_id, *code_id).await,
        Job::SessionsEnd { user_id, ended_at } => sessions_end::run(work, *user_id, *ended_at).await,
        Job::GateRevoke { tenant_id, revocations, at } => gate_revoke::run(work, *tenant_id, revocations, *at).await,
        Job::IntegrationsRenew { integration_id } => integrations::renew(work, *integration_id).await,
        Job::IntegrationsRevoke { integration_id } => integrations::revoke(work, *integration_id).await,
        Job::DomainsCheck { domain_id } => domains::check(work, *domain_id).await,
        Job::DomainsRelease { hostname_id } => domains::release(work, hostname_id).await,
        Job::AuditSeal { tenant_id, through } => audit::seal(work, *tenant_id, *through).await,
        Job::AuditArchive { tenant_id, number } => audit::archive(work, *tenant_id, *number).await,
        Job::AuditExpire { tenant_id } => audit::expire(work, *tenant_id).await,
        Job::DirectorySync { tenant_id } => directory_sync::run(work, *tenant_id).await,
    }
}
