//! What is forgotten, and when: nonces, remembered answers, messages, ended activations, ids of usage reports, logs of
//! deployments and what is sealed in them, events. In small bites, so that no write waits long.

use jiff::SignedDuration;

use crate::{base::limits, store::Tx};

use super::{Context, Done, redemption};

/// Rows deleted in one bite.
const BITE: u32 = 500;

/// What one round deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Nonces whose clock window is over.
    pub nonces: usize,
    /// Remembered answers to idempotent writes.
    pub answers: usize,
    /// Messages older than the retention.
    pub messages: usize,
    /// Log lines of a deployment that settled longer than [`limits::DEPLOYMENT_LINES_DAYS`] ago.
    pub lines: usize,
    /// Deployments whose sealed secrets were forgotten, [`limits::DEPLOYMENT_SECRETS_DAYS`] after they came to rest.
    pub secrets: usize,
    /// Activations that ended longer than [`limits::ACTIVATION_DAYS`] ago.
    pub activations: usize,
    /// Refusals of codes that are no longer remembered.
    pub refusals: usize,
    /// Reports of usage that were counted longer than [`limits::USAGE_REPORT_DAYS`] ago. What they added stays.
    pub reports: usize,
    /// Events older than [`limits::EVENT_DAYS`], with the log of their deliveries.
    pub events: usize,
    /// Mails older than [`limits::EVENT_DAYS`].
    pub mails: usize,
}

impl Forgotten {
    /// Whether there may be more to delete.
    pub fn more(self) -> bool {
        self.lines > 0
            || [
                self.nonces,
                self.answers,
                self.messages,
                self.activations,
                self.refusals,
                self.reports,
                self.events,
                self.mails,
            ]
            .contains(&usize::try_from(BITE).unwrap_or(usize::MAX))
    }
}

/// Deletes one bite of what is past its time; messages are kept for `message_days`.
///
/// # Errors
/// The database's.
pub fn forget(tx: &mut Tx, ctx: Context, message_days: u16) -> Done<Forgotten> {
    // An end that was announced and has come is announced no more.
    tx.expiry_notice_purge(ctx.now.plus_days(-limits::EVENT_DAYS))?;
    let answers_before = ctx.now.saturating_add(SignedDuration::from_hours(-limits::IDEMPOTENCY_HOURS));
    Ok(Forgotten {
        nonces: tx.nonce_purge(ctx.now, BITE)?,
        answers: tx.idempotency_purge(answers_before, BITE)?,
        messages: tx.message_purge(ctx.now.plus_days(-i64::from(message_days)), BITE)?,
        lines: tx.lines_purge(ctx.now.plus_days(-limits::DEPLOYMENT_LINES_DAYS))?,
        secrets: tx.deployment_forget_secrets(ctx.now.plus_days(-limits::DEPLOYMENT_SECRETS_DAYS))?,
        activations: tx.activation_purge(ctx.now.plus_days(-limits::ACTIVATION_DAYS), BITE)?,
        refusals: redemption::forget(tx, ctx.now, BITE)?,
        reports: tx.reports_purge(ctx.now.plus_days(-limits::USAGE_REPORT_DAYS), BITE)?,
        events: tx.event_purge(ctx.now.plus_days(-limits::EVENT_DAYS), BITE)?,
        mails: tx.mail_purge(ctx.now.plus_days(-limits::EVENT_DAYS), BITE)?,
    })
}
