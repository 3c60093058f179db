//! What Signet does: one use case per file, each a synchronous function of `&mut Tx` and a [`Context`].
//!
//! Use cases are the only way by which anything changes. The marketplace's door, the management API and the
//! command line call the same ones, so there is no second way to do a thing. A use case may run twice (the
//! database can ask to repeat a transaction): it changes nothing but the transaction, and everything it says
//! happened is on disk when the transaction commits: license, code, order, history and alert together.
//!
//! Nothing here names a web framework, a wire format or diesel.
//!
//! * what a marketplace causes: [`inbound`] calls [`purchase`], [`renewal`], [`status`], [`upgrade`], [`query`],
//!   [`device`], [`order`] (completes what waits for details) and [`deferred`] (calls that came too early); [`term`]
//!   says when a license ends whose order names no date
//! * what the merchant does: [`merchant`], [`alert`], [`token`], [`catalog`], [`keys`], [`usage`]
//! * what customers open: [`lookup`] by code or key, [`link`] by the address that the marketplace shows, and [`session`] in
//!   between
//! * what the licensed software does: [`caller`] (who asks), [`validate`], [`activation`]; both find the license by
//!   [`credential`] and answer
//!   with a signed [`verdict`]
//! * what brings the software onto a customer's server: [`deployment`], with the packages of [`package`]
//! * what reaches software that never asks: [`revocations`], [`license_file`], [`offline`]; it travels as a [`bundle`]
//! * what others are told of it: [`event`] (in the transaction of the change), [`webhook`] (brings it to the merchant's
//!   systems), [`mail`] (writes to people)
//! * what all of them share: [`change`] (apply an event to a license and write down what came of it), [`code`],
//!   [`idempotency`] (a write asked for twice is carried out once)

pub mod activation;
pub mod alert;
pub mod bundle;
pub mod caller;
pub mod catalog;
pub mod change;
pub mod code;
pub mod credential;
pub mod debug;
pub mod deferred;
pub mod deployment;
pub mod device;
pub mod event;
pub mod idempotency;
pub mod inbound;
pub mod installation;
pub mod issue;
pub mod journal;
pub mod keygen;
pub mod keys;
pub mod license_file;
pub mod link;
pub mod lookup;
pub mod mail;
pub mod merchant;
pub mod offline;
pub mod order;
pub mod outcome;
pub mod package;
pub mod purchase;
pub mod query;
pub mod redemption;
pub mod renewal;
pub mod retention;
pub mod revocations;
pub mod session;
pub mod status;
pub mod term;
pub mod token;
pub mod upgrade;
pub mod usage;
pub mod validate;
pub mod verdict;
pub mod webhook;

use crate::{
    base::{entropy::Entropy, slug::Slug, time::Time},
    license::seal::SealError,
    store::StoreError,
};

use installation::Installation;
use journal::Journal;

/// What every use case is given beside its transaction.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The present instant.
    pub now: Time,
    /// Random bytes.
    pub entropy: &'a dyn Entropy,
    /// Catalog, keys and addresses.
    pub installation: &'a Installation,
    /// Who acts, as the history will say.
    pub actor: &'a Actor,
    /// What the use case did, for the message log.
    pub journal: &'a Journal,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A marketplace, through a channel.
    Channel(Slug),
    /// A management token, by its name.
    Token(String),
    /// Somebody at the server's own command line.
    CommandLine,
    /// The licensed software, by the license itself.
    Software,
    /// Who holds the license, on the customer page.
    Customer,
    /// Signet itself: a schedule.
    Signet,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Channel(channel) => write!(f, "channel:{channel}"),
            Self::Token(name) => write!(f, "token:{name}"),
            Self::CommandLine => f.write_str("command-line"),
            Self::Software => f.write_str("software"),
            Self::Customer => f.write_str("customer"),
            Self::Signet => f.write_str("signet"),
        }
    }
}

/// Why a use case could not be carried out at all. Nothing was changed; the caller may try again.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sealed value could not be opened: another master key, or a changed row.
    #[error("a sealed value of the database cannot be opened")]
    Seal(#[from] SealError),
    /// The catalog or the keys changed since they were loaded: load them and try again.
    #[error("catalog or keys changed meanwhile")]
    Stale,
    /// Something that must be there is not.
    #[error("{0}")]
    Missing(String),
}

/// The result of a use case.
pub type Done<T> = Result<T, Failure>;
