//! Machines that never ask: license files, and the exchange of a request for a bundle.

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};
use signet::{
    base::{ids::ActivationId, limits, secret::SecretString, time::Time},
    catalog::PlanName,
    license::{
        activation::{Reason, Stay},
        keys::KeyRole,
        model::{Customer, License},
    },
    store::ActivationRecord,
    usecase::{
        activation::{self, Machine},
        license_file::{self, Declined, LicenseFile, Machines, Refused},
        merchant::{self, Act, ByHand},
        offline::{self, Exchanged},
        upgrade,
    },
};
use signet_verify::{
    bundle::{Bundle, Opened},
    claims::{Components, RevocationsClaims},
    clock::TrustedTime,
    keys::Root,
    kind::Kind,
    license_file::{Verdict, verdict},
    machine::digest,
    read,
    request::Request,
    revocations::{RevocationSet, Revoked},
    stopped::Stopped,
};

use crate::harness::{Backend, CATALOG, TestApp, slug, time};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// One product with plans of every kind that matters here.
const PRESS: &str = r#"
[[product]]
slug = "press"
name = { zh = "印刷", en = "Press" }
support = { email = "support@example.com" }

[[product.plan]]
slug = "small"
name = { zh = "小", en = "Small" }
term = "1 year"
machines = 1
features = { pages = 10 }
lease = { days = 7, grace_days = 2, file_days = 30, offline_days = 60 }

[[product.plan]]
slug = "large"
name = { zh = "大", en = "Large" }
term = "1 year"
machines = 3
features = { pages = 100 }
lease = { days = 7, grace_days = 2, file_days = 30, offline_days = 60 }

[[product.plan]]
slug = "fleet"
name = { zh = "机队", en = "Fleet" }
term = "1 year"
machines = 60
features = { pages = 1000 }
machine = { new_per_day = 100 }

[[product.plan]]
slug = "floating"
name = { zh = "浮动", en = "Floating" }
term = "1 year"
machines = 2
features = { pages = 100 }
lease = { minutes = 30, floating = true, grace_days = 0, file_days = 30, offline_days = 60 }
"#;

struct Held {
    app: TestApp,
    license: License,
    key: SecretString,
}

/// A license of `plan` that ends when `expires` says, issued by hand.
async fn held(backend: Backend, plan: &'static str, expires: &str) -> Held {
    let app = TestApp::start(backend).await;
    app.apply_catalog(&format!("{CATALOG}\n{PRESS}")).await;
    let wanted = ByHand {
        plan: PlanName { product: slug("press"), plan: slug(plan) },
        expires_at: Some(time(expires)),
        quantity: None,
        trial: false,
        device: None,
        customer: Customer::default(),
    };
    let issued = app.write(move |tx, ctx| merchant::issue(tx, ctx, &wanted)).await.unwrap();
    Held { app, license: issued.license, key: issued.key.to_string().into() }
}

fn components(name: &str) -> Components {
    ["machine-id", "disk", "board"].map(|part| (part.to_owned(), digest(part, name))).into()
}

impl Held {
    async fn activate(&self, name: &str) -> ActivationRecord {
        // Activations sort by the millisecond.
        self.app.pass(SignedDuration::from_secs(1));
        let (key, machine) = (self.key.clone(), machine(name));
        self.app.write(move |tx, ctx| activation::activate(tx, ctx, &key, &machine)).await.unwrap().activation
    }

    async fn exchange(&self, name: &str) -> Result<Exchanged, Reason> {
        // As somebody types it.
        let typed = request("press", name).to_text().unwrap();
        let (key, request) = (self.key.clone(), Request::parse(&typed).unwrap());
        let exchanged = self.app.write(move |tx, ctx| offline::activate(tx, ctx, &key, &request)).await;
        exchanged.map_err(|refused| refused.verdict.reason)
    }

    async fn file(&self, machines: Machines) -> Result<LicenseFile, Declined> {
        let id = self.license.id;
        self.app
            .read(move |tx, ctx| {
                let license = tx.license_find(id)?.unwrap();
                license_file::make(tx, ctx, &license, &machines)
            })
            .await
    }

    /// What a verifier that pinned the product's root finds in a bundle.
    async fn verified(&self, bundle: &str) -> Opened {
        let records = self.app.read(|tx, _| Ok(tx.key_list(Some(&slug("press")))?)).await;
        let root = records.iter().find(|key| key.role == KeyRole::Root).unwrap();
        let root = Root::from_x(&data_encoding::BASE64URL_NOPAD.encode(&root.public_key)).unwrap();
        Bundle::parse(bundle).unwrap().open(&root, "press", None).unwrap()
    }

    async fn act(&self, act: Act) {
        let id = self.license.id;
        self.app.write(move |tx, ctx| merchant::act(tx, ctx, id, act)).await.unwrap();
    }

    async fn seats(&self) -> u32 {
        let id = self.license.id;
        self.app.read(move |tx, ctx| activation::seats(tx, ctx, id)).await
    }

    /// A bundle's texts, each verified with the service's published keys, and the key list compared with the
    /// published one.
    async fn opened(&self, bundle: &str) -> Value {
        let bundle: Value = serde_json::from_str(bundle).unwrap();
        assert_eq!((&bundle["signet"], &bundle["product"]), (&json!(1), &json!("press")));
        let published = self.app.get("/products/press/keys.jws").await;
        assert_eq!(bundle["keys"].as_str().unwrap().as_bytes(), published.body);
        let mut opened = json!({});
        for (name, kind) in [
            ("code", Kind::LicenseCode),
            ("lease", Kind::Lease),
            ("license_file", Kind::LicenseFile),
            ("revocations", Kind::Revocations),
        ] {
            if let Some(text) = bundle[name].as_str() {
                opened[name] = self.app.read_signed(kind, "press", text).await;
            }
        }
        assert_eq!(opened["code"]["sub"], self.license.id.to_string());
        self.verified(&bundle.to_string()).await;
        opened
    }
}

fn request(product: &str, name: &str) -> Request {
    let (product, name) = (product.to_owned(), name.to_owned());
    Request { components: components(&name), product, name, ..Request::default() }
}

fn machine(name: &str) -> Machine {
    Machine { name: Some(name.to_owned()), components: components(name), ..Machine::default() }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_license_file_is_bound_to_the_machines_that_have_a_seat(#[case] backend: Backend) {
    let held = held(backend, "large", "2027-03-02T08:00:00Z").await;
    assert_eq!(held.file(Machines::All).await.unwrap_err(), Declined::NoMachine, "activate first");
    let (one, two) = (held.activate("one").await, held.activate("two").await);
    let file = held.file(Machines::All).await.unwrap();
    assert_eq!(file.ends_at, held.app.now().plus_days(30));
    let opened = held.opened(&file.bundle).await;
    let claims = &opened["license_file"];
    assert_eq!(claims["bound_to"], json!([components("one"), components("two")]));
    assert_eq!(
        (&claims["match"], &claims["machines"], &claims["features"]),
        (&json!("most"), &json!(3), &json!({ "pages": 100 }))
    );
    assert_eq!(claims["exp"], file.ends_at.as_seconds());
    assert_eq!(claims["time"], held.app.now().as_micros());
    assert!(opened.get("lease").is_none() && opened.get("revocations").is_some());
    // Chosen ones, each once.
    let chosen = held.file(Machines::Of(vec![two.id, two.id])).await.unwrap();
    let opened = held.opened(&chosen.bundle).await;
    assert_eq!(opened["license_file"]["bound_to"], json!([components("two")]));
    // One without a seat, one of somebody else, none.
    let id = held.license.id;
    held.app.write(move |tx, ctx| activation::free(tx, ctx, id, one.id)).await.unwrap();
    assert_eq!(held.file(Machines::Of(vec![two.id, one.id])).await.unwrap_err(), Declined::NoSeat(one.id));
    let nobody = ActivationId::new(held.app.now(), held.app.app.entropy());
    assert_eq!(held.file(Machines::Of(vec![nobody])).await.unwrap_err(), Declined::NoSeat(nobody));
    assert_eq!(held.file(Machines::Of(Vec::new())).await.unwrap_err(), Declined::NoMachine);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_license_file_never_outlives_the_license(#[case] backend: Backend) {
    // The plan's slack for a date of the merchant is three days.
    let held = held(backend, "large", "2026-03-12T08:00:00Z").await;
    held.activate("one").await;
    let end: Time = time("2026-03-15T08:00:00Z");
    let file = held.file(Machines::All).await.unwrap();
    assert_eq!(file.ends_at, end);
    assert_eq!(held.opened(&file.bundle).await["license_file"]["exp"], end.as_seconds());
    held.app.set_clock("2026-03-15T07:59:59Z");
    assert_eq!(held.file(Machines::All).await.unwrap().ends_at, end);
    held.app.set_clock("2026-03-15T08:00:00Z");
    assert_eq!(held.file(Machines::All).await.unwrap_err(), Declined::Standing(Reason::LicenseExpired));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_license_that_does_not_hold_gives_no_file_and_no_lease(#[case] backend: Backend) {
    let held = held(backend, "large", "2027-03-02T08:00:00Z").await;
    held.activate("one").await;
    for (act, reason) in [(Act::Suspend, Reason::LicenseFrozen), (Act::Release, Reason::LicenseReleased)] {
        held.act(act).await;
        assert_eq!(held.file(Machines::All).await.unwrap_err(), Declined::Standing(reason));
        assert_eq!(held.exchange("one").await.unwrap_err(), reason);
        let key = held.key.clone();
        let refused = held.app.read(move |tx, ctx| license_file::for_holder(tx, ctx, &key, &Machines::All)).await;
        let Refused::Verdict(verdict) = refused.unwrap_err() else { panic!("a question too large") };
        let signed = held.app.read_signed(Kind::Validation, "press", &verdict.signed).await;
        assert_eq!((&signed["valid"], &signed["reason"]), (&json!(false), &json!(reason.as_str())));
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_holder_of_a_license_gets_its_file_and_strangers_a_signed_no(#[case] backend: Backend) {
    let held = held(backend, "large", "2027-03-02T08:00:00Z").await;
    let ask = |key: SecretString| held.app.read(move |tx, ctx| license_file::for_holder(tx, ctx, &key, &Machines::All));
    let Refused::Verdict(verdict) = ask(held.key.clone()).await.unwrap_err() else { panic!("a question too large") };
    assert_eq!(verdict.reason, Reason::MachineUnknown);
    assert!(
        verdict.detail.starts_with("No machine has a seat") && verdict.detail.ends_with("the file."),
        "{verdict:?}"
    );
    held.activate("one").await;
    let file = ask(held.key.clone()).await.unwrap();
    held.opened(&file.bundle).await;
    let Refused::Verdict(verdict) = ask("nobody's".to_owned().into()).await.unwrap_err() else { panic!() };
    assert_eq!(verdict.reason, Reason::LicenseMalformed);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_smaller_license_gives_files_only_to_the_machines_that_keep_their_seat(#[case] backend: Backend) {
    let held = held(backend, "large", "2027-03-02T08:00:00Z").await;
    let (one, two) = (held.activate("one").await, held.activate("two").await);
    let id = held.license.id;
    held.app
        .write(move |tx, ctx| {
            let license = tx.license_for_update(id)?.unwrap();
            let small = ctx.installation.catalog.plan(&slug("press"), &slug("small")).unwrap();
            upgrade::apply(tx, ctx, license, Some(small), None, "CS-down")
        })
        .await;
    let file = held.file(Machines::All).await.unwrap();
    assert_eq!(file.machines.iter().map(|it| it.id).collect::<Vec<_>>(), [one.id]);
    assert_eq!(held.file(Machines::Of(vec![two.id])).await.unwrap_err(), Declined::NoSeat(two.id));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_names_a_bounded_number_of_machines(#[case] backend: Backend) {
    let held = held(backend, "fleet", "2027-03-02T08:00:00Z").await;
    let mut ids = Vec::new();
    for number in 0..=limits::FILE_MACHINES {
        ids.push(held.activate(&format!("machine {number}")).await.id);
    }
    assert_eq!(held.file(Machines::All).await.unwrap_err(), Declined::TooMany);
    assert_eq!(held.file(Machines::Of(ids.clone())).await.unwrap_err(), Declined::TooMany);
    ids.pop();
    let file = held.file(Machines::Of(ids)).await.unwrap();
    assert_eq!(file.machines.len(), limits::FILE_MACHINES as usize);
    held.opened(&file.bundle).await;
}

/// A floating seat is somebody else's when its lease is over: a file that went on would be a seat too many.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_for_a_floating_seat_ends_with_its_lease(#[case] backend: Backend) {
    let held = held(backend, "floating", "2027-03-02T08:00:00Z").await;
    let seat = held.activate("one").await;
    assert_eq!(held.file(Machines::All).await.unwrap().ends_at, seat.lease_ends_at);
    held.app.pass(SignedDuration::from_mins(30));
    assert_eq!(held.file(Machines::All).await.unwrap_err(), Declined::NoMachine);
    // Without network the seat is held for as long as the lease.
    let exchanged = held.exchange("two").await.unwrap();
    assert_eq!(exchanged.granted.activation.lease_ends_at, held.app.now().plus_days(60));
    held.app.pass(DAY * 59);
    assert_eq!(held.seats().await, 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exchange_twice_is_one_seat_and_the_second_lease_is_later(#[case] backend: Backend) {
    let held = held(backend, "small", "2027-03-02T08:00:00Z").await;
    let first = held.exchange("one").await.unwrap();
    assert!(first.granted.new_seat);
    let opened = held.opened(&first.bundle).await;
    let lease = &opened["lease"];
    assert_eq!(lease["exp"], held.app.now().plus_days(60).as_seconds());
    assert_eq!(lease["machine"]["components"], json!(components("one")));
    assert_eq!(lease["activation"], first.granted.activation.id.to_string());
    assert_eq!(opened["revocations"]["complete"], true);
    held.app.pass(DAY * 50);
    let second = held.exchange("one").await.unwrap();
    assert_eq!((second.granted.activation.id, second.granted.new_seat), (first.granted.activation.id, false));
    assert_eq!(held.opened(&second.bundle).await["lease"]["exp"], held.app.now().plus_days(60).as_seconds());
    assert_eq!(held.seats().await, 1);
    assert_eq!(held.exchange("two").await.unwrap_err(), Reason::MachineLimit);
    assert_eq!(Stay::default(), Stay::Usual, "what a machine that can ask gets");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offline_lease_never_outlives_the_license(#[case] backend: Backend) {
    let held = held(backend, "small", "2026-04-01T08:00:00Z").await;
    let exchanged = held.exchange("one").await.unwrap();
    let lease = held.opened(&exchanged.bundle).await["lease"].clone();
    let end = time("2026-04-04T08:00:00Z").as_seconds();
    assert_eq!((&lease["exp"], &lease["grace_until"]), (&json!(end), &json!(end)));
}

/// What is too long to travel is fetched apart.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_revocation_list_does_not_travel_with_a_file(#[case] backend: Backend) {
    let held = held(backend, "small", "2027-03-02T08:00:00Z").await;
    held.activate("one").await;
    held.app
        .write(|tx, ctx| {
            for number in 0..700 {
                signet::usecase::revocations::revoke_key(tx, ctx, &slug("press"), &format!("{number:043}"))?;
            }
            Ok(())
        })
        .await;
    let file = held.file(Machines::All).await.unwrap();
    let opened = held.opened(&file.bundle).await;
    assert!(opened.get("revocations").is_none() && opened.get("license_file").is_some());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offline_verifier_refuses_what_a_list_names(#[case] backend: Backend) {
    let held = held(backend, "large", "2027-03-02T08:00:00Z").await;
    held.activate("one").await;
    let opened = held.verified(&held.file(Machines::All).await.unwrap().bundle).await;
    let file = opened.license_file.unwrap();
    let mut seen = RevocationSet::default();
    seen.merge(&opened.revocations.unwrap()).unwrap();
    let now = TrustedTime::default().now(held.app.now().as_micros());
    let judged = |machine: &str, seen: &RevocationSet| verdict(&file, &components(machine), now, seen);
    assert!(matches!(judged("one", &seen), Verdict::Run { .. }));
    assert!(matches!(judged("two", &seen), Verdict::Stopped(Stopped::OtherMachine { .. })));

    held.act(Act::Release).await;
    let answer = held.app.get("/.well-known/license-revocations.jws?product=press&since=0").await;
    let text = String::from_utf8(answer.body).unwrap();
    seen.merge(&read::read::<RevocationsClaims>(&text, &opened.keys, "press").unwrap()).unwrap();
    assert_eq!(judged("one", &seen), Verdict::Stopped(Stopped::Revoked(Revoked::License)));
}

/// The door of the customer page, where the license is known and its key need not be typed again.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_known_to_hold_a_license_needs_no_key(#[case] backend: Backend) {
    let held = held(backend, "small", "2027-03-02T08:00:00Z").await;
    let first = held.exchange("one").await.unwrap();
    let (id, asked) = (held.license.id, request("press", "one"));
    let again = held.app.write(move |tx, ctx| offline::activate_for(tx, ctx, id, &asked)).await.unwrap();
    assert_eq!(again.granted.activation.id, first.granted.activation.id);
    let other = request("atlas", "one");
    let refused = held.app.write(move |tx, ctx| offline::activate_for(tx, ctx, id, &other)).await.unwrap_err();
    assert_eq!(refused.verdict.reason, Reason::ProductMismatch);
}
