//! The order of objections, each against each that may come with it.

use super::*;
use crate::{
    base::{
        entropy::SeededEntropy,
        ids::{ActivationId, LicenseId},
        text::Localized,
    },
    license::{
        machine::{LeaseRule, MachineRule},
        model::{Customer, Expiry, Standing},
        plan::{Delivery, ExpirySlack, Features, Plan, QuantityRule, Term},
    },
};

fn now() -> Time {
    "2026-03-02T08:00:00Z".parse().unwrap()
}

/// A license of two machines on a floating plan, and what is asked of it: valid as it stands.
#[derive(Clone)]
struct World {
    license: License,
    plan: Plan,
    seats: u32,
    machine: Option<Named>,
    fingerprints: Vec<Named>,
    checksum_known: bool,
    scope: Scope,
}

fn named(heart: Heart) -> Named {
    Named { heart, components: vec!["board".to_owned()] }
}

impl World {
    fn valid() -> Self {
        let text = |name: &str| Localized { zh: name.to_owned(), en: name.to_owned() };
        let plan = Plan {
            slug: "pro".parse().unwrap(),
            name: text("Pro"),
            term: Term::Perpetual,
            machines: 2,
            features: Features::new(),
            quantity: QuantityRule::Ignore,
            code_carries_expiry: false,
            expiry_slack: ExpirySlack::default(),
            lease: LeaseRule { floating: true, ..LeaseRule::default() },
            machine: MachineRule::default(),
            versions: Some("<3".parse().unwrap()),
            bind_parameter: None,
            meters: Vec::new(),
            delivery: Delivery::default(),
            product_ids: Vec::new(),
            sku_codes: Vec::new(),
        };
        let license = License {
            id: LicenseId::new(now(), &SeededEntropy::new(1)),
            product: "atlas".parse().unwrap(),
            plan: "pro".parse().unwrap(),
            channel: None,
            instance_id: None,
            standing: Standing::default(),
            expiry: Expiry::Confirmed(now().plus_days(30)),
            machines: 2,
            features: Features::new(),
            quantity: None,
            trial: false,
            device: None,
            customer: Customer { id: Some("C-1".to_owned()), name: None },
            rev: 1,
            created_at: now(),
            updated_at: now(),
        };
        Self {
            license,
            plan,
            seats: 1,
            machine: Some(named(Heart::Alive)),
            fingerprints: vec![named(Heart::Alive)],
            checksum_known: true,
            scope: Scope {
                product: Some("atlas".to_owned()),
                policy: Some("pro".to_owned()),
                user: Some("C-1".to_owned()),
                machine: Some(ActivationId::new(now(), &SeededEntropy::new(2)).to_string()),
                fingerprints: Some(vec!["loom".to_owned()]),
                is_one_machine: true,
                components: Some(vec!["board".to_owned()]),
                checksum: Some("00".to_owned()),
                version: Some("2.0.0".to_owned()),
                ..Scope::default()
            },
        }
    }

    fn code(&self) -> Code {
        let facts = Facts {
            license: &self.license,
            rules: Rules::of(Some(&self.plan)),
            seats: self.seats,
            machine: self.machine.clone(),
            fingerprints: self.fingerprints.clone(),
            checksum_known: self.checksum_known,
            now: now(),
        };
        facts.code(&self.scope)
    }

    fn asks(&mut self, fingerprints: &[&str]) {
        self.scope.fingerprints = Some(fingerprints.iter().map(|&it| it.to_owned()).collect());
    }

    fn has_no_machine(&mut self, seats: u32) {
        (self.license.machines, self.seats, self.machine, self.fingerprints) = (seats, 0, None, Vec::new());
    }
}

/// One objection, by the place at which it is looked for: within a place one excludes the others.
type Objection = (u8, Code, fn(&mut World));

const OBJECTIONS: &[Objection] = &[
    (0, Code::NotFound, |it| it.license.standing.released = true),
    (0, Code::Suspended, |it| it.license.standing.merchant_hold = true),
    (1, Code::EnvironmentScopeMismatch, |it| it.scope.environment = Some("staging".to_owned())),
    (2, Code::ProductScopeMismatch, |it| it.scope.product = Some("mill".to_owned())),
    (3, Code::PolicyScopeMismatch, |it| it.scope.policy = Some("basic".to_owned())),
    (4, Code::UserScopeMismatch, |it| it.scope.user = Some("C-2".to_owned())),
    (5, Code::EntitlementsScopeEmpty, |it| it.scope.entitlements = Some(Vec::new())),
    (5, Code::EntitlementsMissing, |it| it.scope.entitlements = Some(vec!["export".to_owned()])),
    (6, Code::NoMachine, |it| it.has_no_machine(1)),
    (6, Code::NoMachines, |it| it.has_no_machine(2)),
    (6, Code::MachineScopeMismatch, |it| it.machine = None),
    (6, Code::HeartbeatDead, |it| it.machine = Some(named(Heart::Dead))),
    (6, Code::HeartbeatNotStarted, |it| it.machine = Some(named(Heart::NotStarted))),
    (7, Code::FingerprintScopeEmpty, |it| it.asks(&[])),
    (7, Code::HeartbeatDead, |it| it.fingerprints = vec![named(Heart::Dead)]),
    (7, Code::FingerprintScopeMismatch, |it| it.fingerprints = Vec::new()),
    (7, Code::HeartbeatNotStarted, |it| it.fingerprints = vec![named(Heart::NotStarted)]),
    (8, Code::FingerprintScopeRequired, |it| it.scope.is_one_machine = false),
    (8, Code::ComponentsScopeEmpty, |it| it.scope.components = Some(Vec::new())),
    (8, Code::ComponentsScopeMismatch, |it| it.scope.components = Some(vec!["disk".to_owned()])),
    (9, Code::ChecksumScopeMismatch, |it| it.checksum_known = false),
    (10, Code::VersionScopeMismatch, |it| it.scope.version = Some("3.0.0".to_owned())),
    (11, Code::TooManyMachines, |it| it.seats = 3),
    (12, Code::Expired, |it| it.license.expiry = Expiry::Confirmed(now().plus_days(-30))),
];

#[test]
fn each_objection_comes_before_each_that_is_looked_for_later() {
    assert_eq!(World::valid().code(), Code::Valid);
    for (place, code, object) in OBJECTIONS {
        let mut alone = World::valid();
        object(&mut alone);
        assert_eq!(alone.code(), *code, "alone");
        for (later, other, also) in OBJECTIONS.iter().filter(|(later, ..)| later > place) {
            let mut both = World::valid();
            also(&mut both);
            // What is looked for first is put in place last: where one excludes the other, it is the one that is there.
            object(&mut both);
            assert_eq!(both.code(), *code, "{code:?} at {place} with {other:?} at {later}");
        }
    }
    let told: std::collections::BTreeSet<Code> = OBJECTIONS.iter().map(|(_, code, _)| *code).collect();
    assert!(Code::ALL.iter().all(|code| *code == Code::Valid || told.contains(code)), "a code without a line");
}

#[test]
fn everything_at_once_is_told_from_its_beginning() {
    let mut all = World::valid();
    for (_, code, object) in OBJECTIONS.iter().rev() {
        object(&mut all);
        assert_eq!(all.code(), *code);
    }
}

#[test]
fn of_several_fingerprints_one_that_lives_is_enough_and_none_may_wait_for_its_first_ping() {
    use Heart::{Alive, Dead, NotStarted};
    for (hearts, unknown, expected, fixed) in [
        (&[Alive, Dead][..], 0, Code::Valid, Code::Valid),
        (&[Alive], 1, Code::Valid, Code::Valid),
        (&[Dead, Dead], 0, Code::HeartbeatDead, Code::HeartbeatDead),
        (&[Dead], 1, Code::FingerprintScopeMismatch, Code::FingerprintScopeMismatch),
        (&[], 2, Code::FingerprintScopeMismatch, Code::FingerprintScopeMismatch),
        (&[Alive, NotStarted], 0, Code::HeartbeatNotStarted, Code::Valid),
        (&[Dead, NotStarted], 0, Code::HeartbeatNotStarted, Code::Valid),
    ] {
        let mut world = World::valid();
        let asked: Vec<String> = (0..hearts.len() + unknown).map(|it| format!("loom-{it}")).collect();
        world.scope.fingerprints = Some(asked);
        world.fingerprints = hearts.iter().map(|heart| named(*heart)).collect();
        assert_eq!(world.code(), expected, "{hearts:?} and {unknown} unknown");
        world.plan.lease.floating = false;
        assert_eq!(world.code(), fixed, "{hearts:?} and {unknown} unknown, on a plan without leases");
    }
}
