//! What machines ask, and what they get.

use signet_verify::claims::Components;

use crate::{
    base::{ids::ActivationId, time::Time},
    license::{activation::Stay, meter::Reading},
    store::ActivationRecord,
    usecase::verdict::Verdict,
};

/// A machine that wants a seat. The caller has checked lengths and components.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// The software's product.
    pub product: Option<String>,
    /// The software's version.
    pub version: Option<String>,
    /// What the machine calls itself.
    pub name: Option<String>,
    /// Its system.
    pub platform: Option<String>,
    /// Whether it is a container.
    pub container: bool,
    /// What it is made of; never empty.
    pub components: Components,
    /// How long it wants to stay away.
    pub stay: Stay,
    /// Comes back in everything signed.
    pub nonce: Option<String>,
}

/// A machine that has a seat and wants its next lease. The caller has checked lengths and components.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renewal {
    /// The software's version.
    pub version: Option<String>,
    /// What the machine is made of; empty: not said.
    pub components: Components,
    /// How long it wants to stay away.
    pub stay: Stay,
    /// Comes back in everything signed.
    pub nonce: Option<String>,
}

/// A seat with its lease.
#[derive(Clone)]
pub struct Granted {
    /// The activation.
    pub activation: ActivationRecord,
    /// Whether the machine had no seat before.
    pub new_seat: bool,
    /// The lease, a `lease+jwt`.
    pub lease: String,
    /// The newest license code.
    pub code: String,
    /// The product's newest key list, a `keys+jwt`.
    pub keys: String,
    /// The service's clock.
    pub server_time: Time,
    /// What the caller should know.
    pub warnings: Vec<Warning>,
    /// What was used of the meters of the license's plan.
    pub meters: Vec<Reading>,
}

/// Leaves the texts out: a log with them would hold a usable license.
impl std::fmt::Debug for Granted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Granted")
            .field("activation", &self.activation.id)
            .field("new_seat", &self.new_seat)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

/// Something that works, but not as the caller may think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// A container without a component of its operator: the next one will be another machine.
    ContainerIdentity,
    /// The plan lends no seats: the lease is an ordinary one.
    BorrowRefused,
    /// The loan is shorter than was asked for.
    BorrowShortened {
        /// Days that the plan allows.
        days: u16,
    },
}

impl Warning {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ContainerIdentity => "container_identity",
            Self::BorrowRefused => "borrow_refused",
            Self::BorrowShortened { .. } => "borrow_shortened",
        }
    }

    /// What it means and what to do, in English.
    pub fn detail(self) -> String {
        match self {
            Self::ContainerIdentity => "A container has nothing that lasts: give it an id that stays the same \
                                        (SIGNET_MACHINE_ID), or each start takes another seat."
                .to_owned(),
            Self::BorrowRefused => "The plan does not lend seats: the lease has its ordinary length.".to_owned(),
            Self::BorrowShortened { days } => format!("The plan lends seats for at most {days} days."),
        }
    }
}

/// No seat, or no lease.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Why; signed.
    pub verdict: Verdict,
    /// Who has the seats, oldest first and at most [`limits::HOLDERS`], when there is none left.
    pub holders: Vec<Holder>,
    /// Seconds until asking again can help, where that is known: a license that saw too many new machines may see one more.
    pub wait: Option<u32>,
}

/// A machine that has a seat, as others of the same license may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its activation, by which the seat can be freed.
    pub id: ActivationId,
    /// What it calls itself.
    pub name: Option<String>,
    /// Its system.
    pub platform: Option<String>,
    /// Since when.
    pub since: Time,
    /// When it last asked for a lease.
    pub last_seen_at: Time,
}

/// What came of asking for a seat or a lease.
pub type Outcome<T> = Result<T, Box<Refused>>;
