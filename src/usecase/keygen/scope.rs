//! What a validation may ask for beside the license itself, and the one order in which objections are looked for.
//!
//! Pure: the facts are gathered by `validate`, the code follows from them alone.

use crate::{
    base::time::Time,
    license::{
        activation::{Rules, has_feature},
        model::{License, State},
    },
};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $detail:literal;)*) => {
        /// What came of a validation: the codes that this door gives, in the order in which they are looked for. Of a
        /// machine that the scope names by its id, and of one that it names by fingerprints, the same four may be said
        /// (`NO_MACHINE`, `NO_MACHINES`, `HEARTBEAT_DEAD`, `HEARTBEAT_NOT_STARTED`): first of the one, then of the other.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The same in a sentence, in English.
            pub fn detail(self) -> &'static str {
                match self { $(Self::$name => $detail,)* }
            }
        }
    };
}

codes! {
    /// No such license of this product, or one that ended for good.
    NotFound = "NOT_FOUND", "does not exist: compare the key with the original, and ask who sold it";
    /// Frozen.
    Suspended = "SUSPENDED", "is suspended: renew it, or ask who sold it";
    /// There are no environments.
    EnvironmentScopeMismatch = "ENVIRONMENT_SCOPE_MISMATCH", "environment scope does not match: there are no environments here, leave it out";
    /// Another product.
    ProductScopeMismatch = "PRODUCT_SCOPE_MISMATCH", "product scope does not match: the license is for another product";
    /// Another plan.
    PolicyScopeMismatch = "POLICY_SCOPE_MISMATCH", "policy scope does not match: the license has another plan";
    /// Another customer.
    UserScopeMismatch = "USER_SCOPE_MISMATCH", "user scope does not match: the license is somebody else's";
    /// Entitlements were asked for, but none named.
    EntitlementsScopeEmpty = "ENTITLEMENTS_SCOPE_EMPTY", "entitlements scope is empty: name at least one, or leave it out";
    /// The plan lacks a feature.
    EntitlementsMissing = "ENTITLEMENTS_MISSING", "is missing one or more of the entitlements: upgrade the license";
    /// No machine has the license's one seat.
    NoMachine = "NO_MACHINE", "machine is not activated: the license has no machine, activate one";
    /// No machine has a seat.
    NoMachines = "NO_MACHINES", "machine is not activated: the license has no machines, activate one";
    /// The machine named has no seat.
    MachineScopeMismatch = "MACHINE_SCOPE_MISMATCH", "machine is not activated: the id does not match any machine of the license";
    /// Fingerprints were asked for, but none named.
    FingerprintScopeEmpty = "FINGERPRINT_SCOPE_EMPTY", "fingerprint scope is empty: name at least one, or leave it out";
    /// The seat went back when its lease ended.
    HeartbeatDead = "HEARTBEAT_DEAD", "machine heartbeat is dead: its seat went back, activate it again";
    /// The fingerprint named has no seat.
    FingerprintScopeMismatch = "FINGERPRINT_SCOPE_MISMATCH", "fingerprint is not activated: it does not match any machine of the license";
    /// The heartbeat was reset and no ping came since.
    HeartbeatNotStarted = "HEARTBEAT_NOT_STARTED", "machine heartbeat is required: send a ping";
    /// Components without the machine that they are parts of.
    FingerprintScopeRequired = "FINGERPRINT_SCOPE_REQUIRED", "fingerprint scope is required: components belong to a machine, name it";
    /// Components were asked for, but none named.
    ComponentsScopeEmpty = "COMPONENTS_SCOPE_EMPTY", "components scope is empty: name at least one, or leave it out";
    /// The machine has none of the components.
    ComponentsScopeMismatch = "COMPONENTS_SCOPE_MISMATCH", "one or more components do not match: the machine has none of them";
    /// No published package has this digest.
    ChecksumScopeMismatch = "CHECKSUM_SCOPE_MISMATCH", "checksum scope does not match any published package of the product";
    /// The plan does not cover the version.
    VersionScopeMismatch = "VERSION_SCOPE_MISMATCH", "version scope does not match: the plan does not cover it, upgrade the license";
    /// More machines than the license is for, as after it was made smaller.
    TooManyMachines = "TOO_MANY_MACHINES", "has too many associated machines: deactivate some, or buy more";
    /// Over.
    Expired = "EXPIRED", "is expired: renew it";
    /// It may run.
    Valid = "VALID", "is valid";
}

/// What a validation asks for. `None` asks for nothing; an empty list is an objection of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// An environment's name.
    pub environment: Option<String>,
    /// A product's slug.
    pub product: Option<String>,
    /// A plan's slug.
    pub policy: Option<String>,
    /// A customer's id.
    pub user: Option<String>,
    /// Names of features.
    pub entitlements: Option<Vec<String>>,
    /// A machine's id.
    pub machine: Option<String>,
    /// Machines' fingerprints, each once: one that has a seat is enough.
    pub fingerprints: Option<Vec<String>>,
    /// Whether the fingerprint was named as the one of the machine, whose components may be asked for.
    pub is_one_machine: bool,
    /// Fingerprints of components: one that the machine has is enough.
    pub components: Option<Vec<String>>,
    /// SHA-256 of a package, in hexadecimal digits.
    pub checksum: Option<String>,
    /// The software's version.
    pub version: Option<String>,
}

/// How the heart of a machine beats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heart {
    /// No ping yet, or none since it was reset.
    NotStarted,
    /// It has its seat.
    Alive,
    /// A floating seat whose lease ended.
    Dead,
}

impl Heart {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "NOT_STARTED",
            Self::Alive => "ALIVE",
            Self::Dead => "DEAD",
        }
    }
}

/// A machine that a scope names and that was not given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// How its heart beats.
    pub heart: Heart,
    /// Fingerprints of its components.
    pub components: Vec<String>,
}

/// Everything that decides, gathered at one instant.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The license.
    pub license: &'a License,
    /// Its plan's rules.
    pub rules: Rules<'a>,
    /// How many machines have a seat.
    pub seats: u32,
    /// The machine that the scope's id names.
    pub machine: Option<Named>,
    /// The machines that the scope's fingerprints name.
    pub fingerprints: Vec<Named>,
    /// Whether the scope's checksum is that of a published package.
    pub checksum_known: bool,
    /// The present instant.
    pub now: Time,
}

impl Facts<'_> {
    /// The first objection, or [`Code::Valid`].
    pub fn code(&self, scope: &Scope) -> Code {
        let license = self.license;
        if license.standing.state() == State::Released {
            return Code::NotFound;
        }
        if license.standing.state() == State::Frozen {
            return Code::Suspended;
        }
        self.owner(scope)
            .or_else(|| self.entitlements(scope))
            .or_else(|| self.machine(scope))
            .or_else(|| self.fingerprints(scope))
            .or_else(|| self.components(scope))
            .or_else(|| self.software(scope))
            .unwrap_or_else(|| self.license())
    }

    fn owner(&self, scope: &Scope) -> Option<Code> {
        let differs =
            |asked: &Option<String>, is: Option<&str>| asked.as_deref().is_some_and(|asked| is != Some(asked));
        let license = self.license;
        let codes = [
            (Code::EnvironmentScopeMismatch, scope.environment.is_some()),
            (Code::ProductScopeMismatch, differs(&scope.product, Some(license.product.as_str()))),
            (Code::PolicyScopeMismatch, differs(&scope.policy, Some(license.plan.as_str()))),
            (Code::UserScopeMismatch, differs(&scope.user, license.customer.id.as_deref())),
        ];
        codes.into_iter().find(|(_, applies)| *applies).map(|(code, _)| code)
    }

    fn entitlements(&self, scope: &Scope) -> Option<Code> {
        let asked = scope.entitlements.as_ref()?;
        if asked.is_empty() {
            return Some(Code::EntitlementsScopeEmpty);
        }
        let has_all = asked.iter().all(|name| has_feature(&self.license.features, name));
        (!has_all).then_some(Code::EntitlementsMissing)
    }

    /// A machine whose lease ended is still one that can be named, so it is no reason to say that there is none.
    fn has_no_machine(&self) -> Option<Code> {
        let none = self.seats == 0 && self.machine.is_none() && self.fingerprints.is_empty();
        none.then_some(if self.license.machines > 1 { Code::NoMachines } else { Code::NoMachine })
    }

    fn machine(&self, scope: &Scope) -> Option<Code> {
        scope.machine.as_ref()?;
        if let Some(code) = self.has_no_machine() {
            return Some(code);
        }
        let Some(machine) = &self.machine else { return Some(Code::MachineScopeMismatch) };
        match machine.heart {
            Heart::Dead => Some(Code::HeartbeatDead),
            Heart::NotStarted if self.rules.lease.floating => Some(Code::HeartbeatNotStarted),
            Heart::NotStarted | Heart::Alive => None,
        }
    }

    fn fingerprints(&self, scope: &Scope) -> Option<Code> {
        let asked = scope.fingerprints.as_ref()?;
        if asked.is_empty() {
            return Some(Code::FingerprintScopeEmpty);
        }
        if let Some(code) = self.has_no_machine() {
            return Some(code);
        }
        let count = |heart| self.fingerprints.iter().filter(|it| it.heart == heart).count();
        // A machine that nobody knows is not dead: it can be activated, so that comes first.
        if count(Heart::Dead) == asked.len() {
            return Some(Code::HeartbeatDead);
        }
        if count(Heart::Dead) == self.fingerprints.len() {
            return Some(Code::FingerprintScopeMismatch);
        }
        (self.rules.lease.floating && count(Heart::NotStarted) > 0).then_some(Code::HeartbeatNotStarted)
    }

    fn components(&self, scope: &Scope) -> Option<Code> {
        let asked = scope.components.as_ref()?;
        if !scope.is_one_machine {
            return Some(Code::FingerprintScopeRequired);
        }
        if asked.is_empty() {
            return Some(Code::ComponentsScopeEmpty);
        }
        let alive = self.fingerprints.iter().filter(|it| it.heart != Heart::Dead);
        let matches = alive.flat_map(|it| &it.components).any(|known| asked.contains(known));
        (!matches).then_some(Code::ComponentsScopeMismatch)
    }

    fn software(&self, scope: &Scope) -> Option<Code> {
        if scope.checksum.is_some() && !self.checksum_known {
            return Some(Code::ChecksumScopeMismatch);
        }
        let covers = |version: &String| self.rules.plan.is_none_or(|plan| plan.covers_version(version));
        scope.version.as_ref().is_some_and(|version| !covers(version)).then_some(Code::VersionScopeMismatch)
    }

    fn license(&self) -> Code {
        let license = self.license;
        if self.seats > license.machines {
            return Code::TooManyMachines;
        }
        let over = license.expiry.holds_until(self.rules.slack).is_some_and(|end| end <= self.now);
        if over { Code::Expired } else { Code::Valid }
    }
}

#[cfg(test)]
#[path = "scope_tests.rs"]
mod tests;
