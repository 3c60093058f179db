//! Every limit in one place: nothing in Signet grows without a bound.

use std::time::Duration;

/// Bytes of a request's body; the marketplace's largest documented body is about 6 KB.
pub const REQUEST_BODY_BYTES: usize = 64 * 1024;
/// Bytes of a request's head; the marketplace sends V1 calls wholly in the URL.
pub const REQUEST_HEAD_BYTES: usize = 32 * 1024;
/// Lines of a head on a connection that has no room for more.
pub const REQUEST_HEAD_LINES: usize = 100;
/// Bytes of a head that is still read, to be refused in words that its sender understands.
pub const REFUSED_HEAD_BYTES: usize = 256 * 1024;
/// Lines of a head that is still read. In memory each takes about 100 bytes more than on the wire.
pub const REFUSED_HEAD_LINES: usize = 1_024;
/// How long a client may take to send a request's head, and how long an idle connection is kept.
pub const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a client may take to send a request's body.
pub const REQUEST_BODY_TIMEOUT: Duration = Duration::from_millis(2_000);
/// How long handling may take: with the body's share still inside the marketplace's 5 seconds.
pub const REQUEST_TIMEOUT: Duration = Duration::from_millis(2_500);
/// How long any request may take in all, its body included: only a client that dawdles comes near it.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(10);
/// How much sooner the door for existing software answers by itself, so that this answer is signed too.
pub const KEYGEN_LEAD: Duration = Duration::from_secs(1);
/// The same where a cloud is asked meanwhile, which has its own, shorter limit.
pub const CLOUD_DEADLINE: Duration = Duration::from_secs(60);
/// How long a client may take to accept the next piece of an answer.
pub const WRITE_STALL: Duration = Duration::from_secs(20);
/// Connections served at once; more wait in the kernel's queue.
pub const CONNECTIONS: usize = 4_096;
/// Connections of the metrics' own listener.
pub const METRICS_CONNECTIONS: usize = 32;
/// Files that are open beside connections: the database with its connections, the log, what a command reads.
pub const OTHER_FILES: usize = 128;
/// Connections that have room for such heads; the others end at about [`REQUEST_HEAD_BYTES`] and [`REQUEST_HEAD_LINES`]. So
/// all heads together take about half a gigabyte at worst, whoever sends them.
pub const ROOMY_CONNECTIONS: usize = 512;
/// How long open requests may take to finish after a stop was asked for.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);
/// Writes waiting for the database; one more is answered "busy" at once.
pub const WRITE_QUEUE: usize = 1_024;
/// Writes that share one commit on SQLite.
pub const WRITE_BATCH: usize = 64;
/// Rounds of one transaction that PostgreSQL asks to repeat (40001, 40P01).
pub const WRITE_RETRIES: u32 = 40;
/// Rows of one page of an API list.
pub const PAGE_ROWS: u32 = 100;
/// Characters of a license code: under the 1,024 that the marketplace is known to carry.
pub const LICENSE_CODE_CHARS: usize = 1_023;
/// Characters of a V2 nonce; samples have 16, 32 or 64.
pub const NONCE_CHARS: usize = 128;
/// Bytes of a device fingerprint (the marketplace's pages say 1,024 and 5 K: the larger).
pub const FINGERPRINT_BYTES: usize = 5_120;
/// Extension parameters a merchant can define on a product.
pub const EXTENSION_PARAMETERS: usize = 3;
/// Characters of an extension parameter's value that are kept.
pub const EXTENSION_VALUE_CHARS: usize = 512;
/// Ids in one `queryInstance`.
pub const QUERY_INSTANCES: usize = 100;
/// Calls kept for one license that does not exist here yet.
pub const DEFERRED_EVENTS_PER_SUBJECT: i64 = 64;
/// Machines one license may allow.
pub const MACHINES: u32 = 1_000_000;
/// Meters of one plan.
pub const PLAN_METERS: usize = 16;
/// Reports of usage in one call.
pub const USAGE_REPORTS: usize = 100;
/// The largest whole amount of one report.
pub const USAGE_AMOUNT: u32 = 99_999_999;
/// New usage reports of one license in a day, UTC: their ids are kept for [`USAGE_REPORT_DAYS`].
pub const REPORTS_PER_DAY: i64 = 100_000;
/// Characters of a usage report's id.
pub const USAGE_REPORT_ID_CHARS: usize = 64;
/// Days for which a usage report's id is remembered.
pub const USAGE_REPORT_DAYS: i64 = 35;
/// Components of a machine's fingerprint.
pub const COMPONENTS: usize = 8;
/// Characters of a component's name.
pub const COMPONENT_NAME_CHARS: usize = 32;
/// Characters of what a machine calls itself.
pub const MACHINE_NAME_CHARS: usize = 128;
/// Characters of what a machine calls its system.
pub const PLATFORM_CHARS: usize = 128;
/// Characters of a software's version.
pub const VERSION_CHARS: usize = 64;
/// Characters of a feature's or product's name in a question.
pub const ASKED_NAME_CHARS: usize = 64;
/// Machines that an answer names when no seat is left.
pub const HOLDERS: u32 = 20;
/// Days that an activation is kept after it ended.
pub const ACTIVATION_DAYS: i64 = 400;
/// Characters of a message's stored request.
pub const MESSAGE_REQUEST_CHARS: usize = 8_192;
/// Bytes of a catalog file.
pub const CATALOG_BYTES: u64 = 4 * 1024 * 1024;
/// Entries of one revocation list; more come with the next.
pub const REVOCATIONS: usize = 5_000;
/// Bytes that the entries of one revocation list may have as JSON: signed, they stay below what a reader accepts.
pub const REVOCATIONS_BYTES: usize = 700 * 1024;
/// Characters of a revocation list that travels in a license file or an offline answer; a longer one is fetched apart.
pub const BUNDLE_REVOCATIONS_CHARS: usize = 32 * 1024;
/// Machines that one license file may name: with components of the largest size it stays below what a reader accepts.
pub const FILE_MACHINES: u32 = 50;
/// How long an `Idempotency-Key` is remembered, in hours.
pub const IDEMPOTENCY_HOURS: i64 = 48;
/// Wrong codes, keys and links that one address may try in a minute on the customer page.
pub const WRONG_TRIES: u32 = 20;
/// Addresses whose wrong tries are counted at once.
pub const WRONG_TRY_ADDRESSES: usize = 10_000;
/// Licenses, addresses or products whose calls are counted at once: about 60 bytes each.
pub const RATE_LIMIT_KEYS: usize = 131_072;
/// Days for which a machine may ask to borrow a seat; the plan decides how many it gets.
pub const BORROW_DAYS: u16 = 3_650;
/// Bytes of an answer that is read from a cloud: a page of a thousand flavors has about a megabyte.
pub const OUTBOUND_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of user-data before encoding: the smaller of the clouds' limits (EC2 16 KB, Huawei 32 KB).
pub const USER_DATA_BYTES: usize = 16 * 1024;
/// Versions of one product's package, withdrawn ones included.
pub const PACKAGE_VERSIONS: i64 = 500;
/// Bytes of a package, unless the setting says otherwise.
pub const PACKAGE_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Characters of a package's file name.
pub const PACKAGE_FILE_CHARS: usize = 128;
/// Deployments of one license that are not removed.
pub const DEPLOYMENTS_OPEN: u32 = 20;
/// Characters of an answer to a recipe's question.
pub const PARAMETER_CHARS: usize = 256;
/// Lines that are kept of one deployment.
pub const DEPLOYMENT_LINES: i64 = 5_000;
/// Days that the log of a deployment is kept after it settled.
pub const DEPLOYMENT_LINES_DAYS: i64 = 90;
/// Days after which a deployment that came to rest has no secrets any more: the hash of its server's password.
pub const DEPLOYMENT_SECRETS_DAYS: i64 = 30;
/// Lines of a log that are shown at once.
pub const DEPLOYMENT_LINES_PAGE: u32 = 500;
/// Lines of one report of a machine.
pub const DEPLOYMENT_REPORT_LINES: usize = 200;
/// Characters of one such line.
pub const DEPLOYMENT_LINE_CHARS: usize = 500;
/// Pages of deployments that follow them live, in this process: each holds a connection and asks the database every second.
pub const EVENT_STREAMS: usize = 256;
/// Of one license.
pub const EVENT_STREAMS_OF_LICENSE: usize = 8;

/// Calls per minute to a marketplace's open interfaces, for each channel: it refuses more than it likes (`MKT.0250`) without
/// saying how many that are.
pub const OPEN_API_CALLS: u16 = 300;

/// Codes per minute that one address may have the marketplace asked about.
pub const REDEMPTIONS_OF_ADDRESS: u16 = 10;
/// The same of everybody together.
pub const REDEMPTIONS_OF_ALL: u16 = 120;
/// Codes of the marketplace that one round looks at.
pub const REDEMPTIONS: u32 = 50;

/// Records of use that one round hands over to marketplaces; one call takes ten times as many.
pub const USAGE_PUSHES: u32 = 100;

/// Licenses of devices that one round hands over to marketplaces.
pub const UPLOADS: u32 = 50;

/// Days that events are kept, with the log of their deliveries: as long a dead letter can be sent again.
pub const EVENT_DAYS: i64 = 30;
/// Webhooks of an installation.
pub const WEBHOOKS: u32 = 32;
/// Characters of a webhook's address.
pub const WEBHOOK_URL_CHARS: usize = 2_000;
/// Hours for which the secrets before a new one may count.
pub const WEBHOOK_SECRET_HOURS: u16 = 720;
/// Characters of what a webhook is for.
pub const WEBHOOK_DESCRIPTION_CHARS: usize = 200;
