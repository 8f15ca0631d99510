//! The catalogue of permissions, in the order that access tokens count in.
//!
//! Append-only: a permission's place is its bit in every token and stored role. A new one goes to the end and raises [`VERSION`].

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::Invalid;

/// Version of the catalogue, the claim `pv` of access tokens.
pub const VERSION: u16 = 1;

/// How many permissions there are.
pub const COUNT: usize = Permission::ALL.len();

/// What beyond holding it a permission asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// The token's bit is enough.
    Ordinary,
    /// Checked against Postgres with the work that it guards, and audited.
    Critical,
    /// Critical, and needs a second factor not older than ten minutes.
    StepUp,
}

macro_rules! categories {
    ($($name:ident = $text:literal,)+) => {
        /// A group of permissions that belong together.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Category {
            $(#[doc = concat!("Permissions of the category “", $text, "”.")] $name,)+
        }

        impl Category {
            /// Every category, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The category's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

categories! {
    Billing = "billing",
    Users = "users",
    Roles = "roles",
    Organization = "organization",
    Secrets = "secrets",
    Webhooks = "webhooks",
    CloudProviders = "cloud providers",
    Servers = "servers",
    Volumes = "volumes",
    Networks = "networks",
    Firewalls = "firewalls",
    LoadBalancers = "load balancers",
    Dns = "dns",
    SnapshotsAndBackups = "snapshots and backups",
    FloatingIps = "floating IPs",
    AiComponents = "AI components",
    Workflows = "workflows",
    Monitoring = "monitoring",
    Audit = "audit",
    Compliance = "compliance",
}

macro_rules! permissions {
    ($($name:ident = ($key:literal, $category:ident, $guard:ident, $description:literal),)+) => {
        /// Something that a role may permit.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Permission {
            $(#[doc = concat!("`", $key, "`: ", $description, ".")] $name,)+
        }

        impl Permission {
            /// Every permission, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The key, as `servers.delete`.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$name => $key,)+ }
            }

            /// The category.
            #[must_use]
            pub const fn category(self) -> Category {
                match self { $(Self::$name => Category::$category,)+ }
            }

            /// What it permits, in one phrase.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => $description,)+ }
            }

            const fn guard(self) -> Guard {
                match self { $(Self::$name => Guard::$guard,)+ }
            }
        }
    };
}

permissions! {
    BillingView = ("billing.view", Billing, Ordinary, "See the plan, the subscription and its state"),
    BillingDetailsUpdate = ("billing.details.update", Billing, Ordinary, "Change the billing address and tax details"),
    BillingPaymentMethodsManage = ("billing.payment_methods.manage", Billing, Ordinary, "Add, replace and remove payment methods"),
    BillingInvoicesView = ("billing.invoices.view", Billing, Ordinary, "See invoices"),
    BillingInvoicesDownload = ("billing.invoices.download", Billing, Ordinary, "Download invoices"),
    BillingUsageView = ("billing.usage.view", Billing, Ordinary, "See metered usage and its cost"),
    BillingPlanChange = ("billing.plan.change", Billing, Ordinary, "Change the plan"),
    BillingLicensesManage = ("billing.licenses.manage", Billing, Ordinary, "Create, assign and withdraw licences"),
    BillingSubscriptionCancel = ("billing.subscription.cancel", Billing, StepUp, "Cancel the subscription"),
    UsersView = ("users.view", Users, Ordinary, "See the members"),
    UsersInvite = ("users.invite", Users, Ordinary, "Invite people and withdraw invitations"),
    UsersUpdate = ("users.update", Users, Ordinary, "Change, suspend and activate members"),
    UsersRemove = ("users.remove", Users, Critical, "Remove members"),
    RolesView = ("roles.view", Roles, Ordinary, "See roles and what they permit"),
    RolesManage = ("roles.manage", Roles, Ordinary, "Create, change and delete custom roles"),
    RolesAssign = ("roles.assign", Roles, Ordinary, "Give members another role"),
    OrgView = ("org.view", Organization, Ordinary, "See the organisation's profile and settings"),
    OrgUpdate = ("org.update", Organization, Ordinary, "Change the organisation's profile, settings and domains"),
    OrgDelete = ("org.delete", Organization, StepUp, "Delete the organisation"),
    SecretsView = ("secrets.view", Secrets, Ordinary, "See which secrets exist, without their values"),
    SecretsManage = ("secrets.manage", Secrets, Ordinary, "Create, replace, rotate and delete secrets"),
    SecretsReveal = ("secrets.reveal", Secrets, StepUp, "Read a secret's value"),
    EnvVarsView = ("env_vars.view", Secrets, Ordinary, "See environment variables"),
    EnvVarsManage = ("env_vars.manage", Secrets, Ordinary, "Create, change and delete environment variables"),
    WebhooksView = ("webhooks.view", Webhooks, Ordinary, "See webhooks and their deliveries"),
    WebhooksCreate = ("webhooks.create", Webhooks, Ordinary, "Create webhooks"),
    WebhooksUpdate = ("webhooks.update", Webhooks, Ordinary, "Change, test and re-deliver webhooks"),
    WebhooksDelete = ("webhooks.delete", Webhooks, Ordinary, "Delete webhooks"),
    CloudProvidersView = ("cloud_providers.view", CloudProviders, Ordinary, "See connected cloud providers"),
    CloudProvidersManage = ("cloud_providers.manage", CloudProviders, Ordinary, "Connect, change and disconnect cloud providers"),
    ServersView = ("servers.view", Servers, Ordinary, "See servers"),
    ServersCreate = ("servers.create", Servers, Ordinary, "Create servers"),
    ServersUpdate = ("servers.update", Servers, Ordinary, "Change names, labels and settings of servers"),
    ServersDelete = ("servers.delete", Servers, Critical, "Delete servers"),
    ServersPower = ("servers.power", Servers, Ordinary, "Start, stop and restart servers"),
    ServersResize = ("servers.resize", Servers, Ordinary, "Change the size of servers"),
    ServersRebuild = ("servers.rebuild", Servers, Critical, "Rebuild servers from an image, which erases their disk"),
    ServersConsole = ("servers.console", Servers, Ordinary, "Open the console of servers"),
    ServersMetricsView = ("servers.metrics.view", Servers, Ordinary, "See metrics of servers"),
    ServersRescue = ("servers.rescue", Servers, Ordinary, "Boot servers into the rescue system"),
    VolumesView = ("volumes.view", Volumes, Ordinary, "See volumes"),
    VolumesCreate = ("volumes.create", Volumes, Ordinary, "Create volumes"),
    VolumesUpdate = ("volumes.update", Volumes, Ordinary, "Change names and labels of volumes"),
    VolumesDelete = ("volumes.delete", Volumes, Critical, "Delete volumes"),
    VolumesResize = ("volumes.resize", Volumes, Ordinary, "Enlarge volumes"),
    VolumesAttach = ("volumes.attach", Volumes, Ordinary, "Attach volumes to servers"),
    VolumesDetach = ("volumes.detach", Volumes, Ordinary, "Detach volumes from servers"),
    NetworksView = ("networks.view", Networks, Ordinary, "See networks"),
    NetworksCreate = ("networks.create", Networks, Ordinary, "Create networks"),
    NetworksUpdate = ("networks.update", Networks, Ordinary, "Change names and labels of networks"),
    NetworksDelete = ("networks.delete", Networks, Critical, "Delete networks"),
    NetworksSubnetsManage = ("networks.subnets.manage", Networks, Ordinary, "Add and remove subnets"),
    NetworksRoutesManage = ("networks.routes.manage", Networks, Ordinary, "Add and remove routes"),
    FirewallsView = ("firewalls.view", Firewalls, Ordinary, "See firewalls and their rules"),
    FirewallsCreate = ("firewalls.create", Firewalls, Ordinary, "Create firewalls"),
    FirewallsUpdate = ("firewalls.update", Firewalls, Ordinary, "Change names and labels of firewalls"),
    FirewallsDelete = ("firewalls.delete", Firewalls, Critical, "Delete firewalls"),
    FirewallsRulesManage = ("firewalls.rules.manage", Firewalls, Ordinary, "Change the rules of firewalls"),
    FirewallsApply = ("firewalls.apply", Firewalls, Ordinary, "Apply firewalls to servers and lift them"),
    LoadBalancersView = ("load_balancers.view", LoadBalancers, Ordinary, "See load balancers"),
    LoadBalancersCreate = ("load_balancers.create", LoadBalancers, Ordinary, "Create load balancers"),
    LoadBalancersUpdate = ("load_balancers.update", LoadBalancers, Ordinary, "Change settings of load balancers"),
    LoadBalancersDelete = ("load_balancers.delete", LoadBalancers, Critical, "Delete load balancers"),
    LoadBalancersTargetsManage = ("load_balancers.targets.manage", LoadBalancers, Ordinary, "Add and remove targets of load balancers"),
    LoadBalancersServicesManage = ("load_balancers.services.manage", LoadBalancers, Ordinary, "Change the services of load balancers"),
    LoadBalancersMetricsView = ("load_balancers.metrics.view", LoadBalancers, Ordinary, "See metrics of load balancers"),
    DnsView = ("dns.view", Dns, Ordinary, "See DNS zones and records"),
    DnsZonesCreate = ("dns.zones.create", Dns, Ordinary, "Create DNS zones"),
    DnsZonesDelete = ("dns.zones.delete", Dns, Critical, "Delete DNS zones"),
    DnsRecordsCreate = ("dns.records.create", Dns, Ordinary, "Create DNS records"),
    DnsRecordsUpdate = ("dns.records.update", Dns, Ordinary, "Change DNS records"),
    DnsRecordsDelete = ("dns.records.delete", Dns, Ordinary, "Delete DNS records"),
    SnapshotsView = ("snapshots.view", SnapshotsAndBackups, Ordinary, "See snapshots"),
    SnapshotsCreate = ("snapshots.create", SnapshotsAndBackups, Ordinary, "Take snapshots"),
    SnapshotsDelete = ("snapshots.delete", SnapshotsAndBackups, Ordinary, "Delete snapshots"),
    SnapshotsRestore = ("snapshots.restore", SnapshotsAndBackups, Ordinary, "Restore servers from snapshots"),
    BackupsView = ("backups.view", SnapshotsAndBackups, Ordinary, "See backups and their schedule"),
    BackupsManage = ("backups.manage", SnapshotsAndBackups, Ordinary, "Switch backups on and off, schedule and delete them"),
    FloatingIpsView = ("floating_ips.view", FloatingIps, Ordinary, "See floating IPs"),
    FloatingIpsCreate = ("floating_ips.create", FloatingIps, Ordinary, "Reserve floating IPs"),
    FloatingIpsAssign = ("floating_ips.assign", FloatingIps, Ordinary, "Assign floating IPs to servers and withdraw them"),
    FloatingIpsRelease = ("floating_ips.release", FloatingIps, Ordinary, "Release floating IPs"),
    AiAgentsView = ("ai.agents.view", AiComponents, Ordinary, "See AI agents and their runs"),
    AiAgentsManage = ("ai.agents.manage", AiComponents, Ordinary, "Create, change and delete AI agents"),
    AiPlannerUse = ("ai.planner.use", AiComponents, Ordinary, "Have the planner make plans"),
    AiLlmUse = ("ai.llm.use", AiComponents, Ordinary, "Send prompts to language models"),
    AiLlmConfigure = ("ai.llm.configure", AiComponents, Ordinary, "Choose language models and their limits"),
    AiRagView = ("ai.rag.view", AiComponents, Ordinary, "See knowledge sources"),
    AiRagManage = ("ai.rag.manage", AiComponents, Ordinary, "Add, re-index and remove knowledge sources"),
    AiMemoryView = ("ai.memory.view", AiComponents, Ordinary, "See what agents remember"),
    AiMemoryManage = ("ai.memory.manage", AiComponents, Ordinary, "Add and change what agents remember"),
    AiMemoryPurge = ("ai.memory.purge", AiComponents, Critical, "Erase what agents remember"),
    AiToolsManage = ("ai.tools.manage", AiComponents, Ordinary, "Choose the tools that agents may use"),
    AiUsageView = ("ai.usage.view", AiComponents, Ordinary, "See the use of AI components and its cost"),
    WorkflowsView = ("workflows.view", Workflows, Ordinary, "See workflows and their executions"),
    WorkflowsCreate = ("workflows.create", Workflows, Ordinary, "Create workflows"),
    WorkflowsUpdate = ("workflows.update", Workflows, Ordinary, "Change workflows"),
    WorkflowsDelete = ("workflows.delete", Workflows, Ordinary, "Delete workflows"),
    WorkflowsExecute = ("workflows.execute", Workflows, Ordinary, "Start workflows"),
    WorkflowsExecutionsManage = ("workflows.executions.manage", Workflows, Ordinary, "Cancel, retry and delete executions"),
    MonitoringView = ("monitoring.view", Monitoring, Ordinary, "See dashboards and metrics"),
    MonitoringDashboardsManage = ("monitoring.dashboards.manage", Monitoring, Ordinary, "Create, change and delete dashboards"),
    MonitoringAlertsView = ("monitoring.alerts.view", Monitoring, Ordinary, "See alerts and their rules"),
    MonitoringAlertsManage = ("monitoring.alerts.manage", Monitoring, Ordinary, "Create, change, silence and delete alert rules"),
    MonitoringLogsView = ("monitoring.logs.view", Monitoring, Ordinary, "Read logs"),
    MonitoringHealthView = ("monitoring.health.view", Monitoring, Ordinary, "See health checks"),
    AuditView = ("audit.view", Audit, Ordinary, "Read the audit log"),
    AuditExport = ("audit.export", Audit, Critical, "Export the audit log"),
    AuditRetentionManage = ("audit.retention.manage", Audit, Critical, "Change how long the audit log is kept"),
    SecurityEventsView = ("security_events.view", Audit, Critical, "Read security events"),
    ComplianceView = ("compliance.view", Compliance, Ordinary, "See compliance requests, consents and policies"),
    ComplianceExport = ("compliance.export", Compliance, Critical, "Request and fetch data exports"),
    ComplianceDelete = ("compliance.delete", Compliance, Critical, "Request the deletion of personal data"),
    ComplianceDpaManage = ("compliance.dpa.manage", Compliance, Critical, "Conclude and change data processing agreements"),
}

impl Permission {
    /// Its place in the catalogue, from 0: its bit in a [`PermissionSet`](super::PermissionSet).
    #[must_use]
    pub const fn index(self) -> u8 {
        self as u8
    }

    /// The permission with this key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.key() == key)
    }

    /// Whether it is checked against Postgres with the work that it guards, and audited.
    #[must_use]
    pub const fn is_critical(self) -> bool {
        !matches!(self.guard(), Guard::Ordinary)
    }

    /// Whether it needs a second factor not older than ten minutes.
    #[must_use]
    pub const fn needs_mfa(self) -> bool {
        matches!(self.guard(), Guard::StepUp)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl Serialize for Permission {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key())
    }
}

impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_key(&key).ok_or_else(|| Invalid::new("permission", "not a permission of the catalogue").into_serde())
    }
}

impl JsonSchema for Permission {
    fn schema_name() -> Cow<'static, str> {
        "Permission".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let keys: Vec<&str> = Self::ALL.iter().map(|p| p.key()).collect();
        json_schema!({ "type": "string", "enum": keys })
    }
}
