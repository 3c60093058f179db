//! [`StoreError`], and the one map from what the two databases say to what it means.

use std::path::PathBuf;

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The queue of waiting work is full. Nothing was done; try again later.
    #[error("the database has too much waiting work: nothing was done; try again in a moment")]
    Busy,
    /// Other transactions kept getting in the way. Nothing was done; try again later.
    #[error("{rounds} rounds of a transaction collided with others: nothing was done; try again in a moment")]
    Contended {
        /// How often it was tried.
        rounds: u32,
    },
    /// The database cannot be reached, is full, locked or failing. When a commit was under way, its outcome
    /// is unknown: repeat the work in a way that finds what may already be there.
    #[error("the database is not available ({0}): check that it runs, has space and can be reached")]
    Unavailable(String),
    /// A row with the same key is already there. Nothing was done.
    #[error("{0} is already there")]
    Conflict(Constraint),
    /// A row names another one that does not exist. Nothing was done.
    #[error("a row refers to another that does not exist: nothing was done")]
    MissingReference,
    /// The row to change does not exist. Nothing was done.
    #[error("no such row in `{table}`: nothing was changed")]
    NotFound {
        /// The table.
        table: &'static str,
    },
    /// The database refused a value or statement: a defect of Signet. Nothing was done.
    #[error("the database refused a statement ({0}): this is a defect of Signet; nothing was done")]
    Refused(String),
    /// A row holds what Signet cannot have written.
    #[error("table `{table}` holds something unreadable ({what}): restore a backup or correct the row")]
    Corrupt {
        /// The table, where it is known.
        table: &'static str,
        /// What is wrong.
        what: String,
    },
    /// A statement of the transaction failed and its job went on nevertheless. Nothing was done.
    #[error("a statement failed inside the transaction and was not reported: nothing was done")]
    Aborted,
    /// The job panicked. Nothing of it was stored.
    #[error("the job panicked: nothing of it was stored")]
    Panicked,
    /// A newer Signet has changed the tables.
    #[error("the database has schema {version}, which this version does not know: start the newer Signet")]
    NewerSchema {
        /// The first migration that is unknown here.
        version: String,
    },
    /// A migration failed; all were rolled back.
    #[error("the tables could not be brought up to date ({0}): nothing was changed")]
    Migration(String),
    /// Another server process uses the same SQLite file.
    #[error("another server holds {}: stop it first, or use PostgreSQL for several servers", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the same work may succeed later without anybody changing anything.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy | Self::Contended { .. } | Self::Unavailable(_) | Self::Closed)
    }
}

macro_rules! constraints {
    ($($(#[$doc:meta])* $name:ident = $pg:literal, $sqlite:literal, $text:literal;)*) => {
        /// What must be there only once.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Constraint {
            $($(#[$doc])* $name,)*
            /// One that this version does not know.
            Unknown,
        }

        impl Constraint {
            /// Every constraint with its name on PostgreSQL and its columns as SQLite's message names them.
            pub(super) const ALL: &[(Self, &'static str, &'static str)] = &[$((Self::$name, $pg, $sqlite),)*];
        }

        impl std::fmt::Display for Constraint {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $text,)*
                    Self::Unknown => "a row with the same key",
                })
            }
        }
    };
}

constraints! {
    /// A name in `meta`.
    MetaName = "meta_pkey", "meta.name", "the setting";
    /// A key's id.
    SigningKeyId = "signing_keys_pkey", "signing_keys.kid", "the key id";
    /// The number of a product's key list.
    KeyListNumber = "key_lists_pkey", "key_lists.product, key_lists.number", "the key list's number";
    /// A catalog's revision.
    CatalogRevision = "catalogs_pkey", "catalogs.revision", "the catalog's revision";
    /// A license's id.
    LicenseId = "licenses_pkey", "licenses.id", "the license";
    /// A channel's instance id.
    LicenseInstance = "licenses_instance_key", "licenses.channel, licenses.instance_id", "the instance id";
    /// A license key.
    LicenseKey = "licenses_key_lookup_key", "licenses.key_lookup", "the license key";
    /// A revision of a license's code.
    LicenseCodeRev = "license_codes_pkey", "license_codes.license_id, license_codes.rev", "the code's revision";
    /// The number of a product's revocation.
    RevocationNumber = "revocations_pkey", "revocations.product, revocations.number", "the revocation's number";
    /// The key of a product's door.
    DoorKey = "door_keys_pkey", "door_keys.product", "the door key";
    /// What a machine said of itself.
    KeygenMachine = "keygen_machines_pkey", "keygen_machines.activation_id", "what the machine said of itself";
    /// A machine's fingerprint.
    KeygenFingerprint = "keygen_machines_fingerprint_key",
        "keygen_machines.license_id, keygen_machines.fingerprint", "the machine's fingerprint";
    /// An activation's id.
    ActivationId = "activations_pkey", "activations.id", "the activation";
    /// A component of an activation's machine.
    ActivationComponent = "activation_components_pkey",
        "activation_components.license_id, activation_components.component, activation_components.activation_id",
        "the machine's component";
    /// A counter of a license.
    UsageCounter = "usage_counters_pkey", "usage_counters.license_id, usage_counters.meter", "the usage counter";
    /// A meter's period.
    UsagePeriod = "usage_periods_pkey", "usage_periods.license_id, usage_periods.meter", "the meter's period";
    /// How many reports of usage a license sent in a day.
    UsageReportDay = "usage_report_days_pkey", "usage_report_days.license_id", "the day of the license's usage reports";
    /// A redemption's id.
    Redemption = "redemptions_pkey", "redemptions.id", "the redemption's id";
    /// What is pushed of a license.
    UsagePush = "usage_pushes_pkey", "usage_pushes.license_id", "the license's record of use";
    /// A report of usage.
    UsageReport = "usage_reports_pkey", "usage_reports.license_id, usage_reports.report_id", "the usage report's id";
    /// A license's link.
    LicenseLink = "license_links_pkey", "license_links.license_id", "the license's link";
    /// A deployment's id.
    Deployment = "deployments_pkey", "deployments.id", "the deployment's id";
    /// When a stage began.
    DeploymentStage = "deployment_stages_pkey", "deployment_stages.deployment_id, deployment_stages.stage", "the deployment's stage";
    /// A line of a log.
    DeploymentLine = "deployment_lines_pkey", "deployment_lines.deployment_id, deployment_lines.number", "the line's number";
    /// Something at a cloud.
    DeploymentResource = "deployment_resources_pkey", "deployment_resources.deployment_id, deployment_resources.kind, deployment_resources.provider_id", "the resource's id";
    /// A version of a product's package.
    PackageVersion = "packages_pkey", "packages.product, packages.version", "the package's version";
    /// A device code's id.
    DeviceCodeId = "device_codes_pkey", "device_codes.id", "the device code";
    /// A device code's upload.
    DeviceUpload = "device_uploads_pkey", "device_uploads.device_code_id", "the device code's upload";
    /// An application for one device.
    DeviceCodeEvent = "device_codes_event_key",
        "device_codes.license_id, device_codes.event_id, device_codes.fingerprint_digest", "the device's application";
    /// An order's id here.
    OrderId = "orders_pkey", "orders.id", "the order row";
    /// What a channel's order is known by.
    OrderIdentity = "orders_identity_key", "orders.channel, orders.identity", "the order";
    /// A deferred call.
    DeferredEventId = "deferred_events_pkey", "deferred_events.id", "the deferred call";
    /// A nonce of a channel.
    Nonce = "nonces_pkey", "nonces.channel, nonces.nonce", "the nonce";
    /// A message's id.
    MessageId = "messages_pkey", "messages.id", "the message";
    /// An alert's id.
    AlertId = "alerts_pkey", "alerts.id", "the alert";
    /// What an alert is about.
    AlertDedupe = "alerts_dedupe_key", "alerts.dedupe", "the alert's subject";
    /// An event's id.
    EventId = "events_pkey", "events.id", "the event";
    /// A webhook's id.
    WebhookId = "webhooks_pkey", "webhooks.id", "the webhook";
    /// The id of a webhook's secret.
    WebhookSecret = "webhook_secrets_pkey", "webhook_secrets.id", "the webhook's secret";
    /// An event on its way to a webhook.
    WebhookDelivery = "webhook_deliveries_pkey", "webhook_deliveries.webhook_id, webhook_deliveries.event_id", "the delivery";
    /// A try to deliver.
    WebhookAttempt = "webhook_attempts_pkey",
        "webhook_attempts.webhook_id, webhook_attempts.event_id, webhook_attempts.number", "the try to deliver";
    /// Where the holder of a license reads mail.
    LicenseContact = "license_contacts_pkey", "license_contacts.license_id", "the license's contact";
    /// A mail's id.
    MailId = "mails_pkey", "mails.id", "the mail";
    /// The mail that an event is a reason for.
    MailEvent = "mails_event_key", "mails.event_id, mails.kind", "the event's mail";
    /// An end of a license that was announced.
    ExpiryNotice = "expiry_notices_pkey",
        "expiry_notices.license_id, expiry_notices.expires_at, expiry_notices.days", "the announcement of the end";
    /// A history entry's id.
    HistoryId = "history_pkey", "history.id", "the history entry";
    /// A token's id.
    TokenId = "tokens_pkey", "tokens.id", "the token's id";
    /// A token's hash.
    TokenHash = "tokens_hash_key", "tokens.hash", "the token";
    /// A token's idempotency key.
    IdempotencyKey = "idempotency_keys_pkey", "idempotency_keys.token_id, idempotency_keys.key", "the idempotency key";
}

/// What a failed statement means for its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The database asks for another round (40001, 40P01).
    Collision,
    /// The connection is gone.
    Connection,
    /// The statement failed: the transaction must not commit.
    Statement,
}

/// What an error of the database means.
pub(super) fn classify(error: Error) -> (Fault, StoreError) {
    match error {
        Error::DatabaseError(kind, information) => classify_database(kind, &*information),
        Error::DeserializationError(source) => {
            (Fault::Statement, StoreError::Corrupt { table: "(see the column)", what: source.to_string() })
        }
        Error::BrokenTransactionManager => (Fault::Connection, unavailable("the connection broke")),
        Error::RollbackErrorOnCommit { commit_error, .. } => classify(*commit_error),
        Error::NotFound => (Fault::Statement, StoreError::Refused("an expected row is missing".to_owned())),
        other => (Fault::Statement, StoreError::Refused(other.to_string())),
    }
}

fn classify_database(kind: DatabaseErrorKind, information: &dyn DatabaseErrorInformation) -> (Fault, StoreError) {
    let message = information.message();
    match kind {
        DatabaseErrorKind::UniqueViolation => (Fault::Statement, StoreError::Conflict(constraint(information))),
        DatabaseErrorKind::ForeignKeyViolation => (Fault::Statement, StoreError::MissingReference),
        DatabaseErrorKind::SerializationFailure => (Fault::Collision, unavailable(message)),
        DatabaseErrorKind::ClosedConnection => (Fault::Connection, unavailable(message)),
        // diesel hides SQLSTATE 40P01, so its text has to do, in the two languages a server here may speak.
        DatabaseErrorKind::Unknown if message.contains("deadlock") || message.contains("死锁") => {
            (Fault::Collision, unavailable(message))
        }
        DatabaseErrorKind::Unknown => (Fault::Statement, unavailable(message)),
        _ => (Fault::Statement, StoreError::Refused(message.to_owned())),
    }
}

fn unavailable(message: &str) -> StoreError {
    StoreError::Unavailable(message.trim().to_owned())
}

/// PostgreSQL names the constraint; SQLite lists the columns in its message.
fn constraint(information: &dyn DatabaseErrorInformation) -> Constraint {
    let columns = information.message().strip_prefix("UNIQUE constraint failed: ");
    Constraint::ALL
        .iter()
        .find(|(_, pg, sqlite)| information.constraint_name() == Some(*pg) || columns == Some(*sqlite))
        .map_or(Constraint::Unknown, |(constraint, ..)| *constraint)
}
