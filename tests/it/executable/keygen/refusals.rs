//! Every refusal of the door, as programs see it that use what is published for Keygen.

use std::process::Command;

use jiff::SignedDuration;
use serde_json::json;
use signet::{
    base::{
        clock::{Clock as _, SystemClock},
        ids::LicenseId,
        rate::RateLimits,
        secret::ExposeSecret as _,
    },
    catalog::PlanName,
    license::model::Customer,
    usecase::{
        merchant::{self, Act, ByHand},
        token::{self, Scope},
    },
};
use tokio::task::block_in_place;

use super::{
    super::{jose::python, support::http},
    Ended, folder,
};
use crate::harness::{Backend, Settings, TestApp, slug};

/// A program on a machine with this fingerprint.
const FINGERPRINT: &str = "loom 机器/7";

/// A license of `mill`, and the programs that ask with it. Both compare the date of an answer with the clock of the machine
/// they run on, so the service's clock is set by that.
struct Guest {
    app: TestApp,
    license: LicenseId,
    key: String,
    crate_program: String,
}

impl Guest {
    async fn of(plan: &str) -> Self {
        Self::with(plan, None, Settings::default()).await
    }

    async fn with(plan: &str, device: Option<&str>, settings: Settings) -> Self {
        let built = block_in_place(|| Ended::of(Command::new(folder().join("setup.sh"))));
        assert_eq!(built.code, Some(0), "tests/keygen/setup.sh failed: {built:?}");
        let app = TestApp::start_with(Backend::Sqlite, settings).await;
        app.clock.set(SystemClock.now());
        let by_hand = ByHand {
            plan: PlanName { product: slug("mill"), plan: slug(plan) },
            expires_at: None,
            quantity: Some(1),
            trial: false,
            device: device.map(str::to_owned),
            customer: Customer::default(),
        };
        let issued = app.write(move |tx, ctx| merchant::issue(tx, ctx, &by_hand)).await.unwrap();
        let (license, key) = (issued.license.id, issued.key.to_string());
        Self { app, license, key, crate_program: built.stdout.trim().to_owned() }
    }

    async fn act(&self, act: Act) {
        let license = self.license;
        self.app.write(move |tx, ctx| merchant::act(tx, ctx, license, act)).await.unwrap();
    }

    /// A machine takes a seat. Its answer is checked by nobody, so the service's clock may show any day.
    fn seated(&self, fingerprint: &str) -> String {
        let shows = format!("License {}", self.key);
        let headers = [("Authorization", shows.as_str()), ("Content-Type", "application/vnd.api+json")];
        let license = json!({ "data": { "type": "licenses", "id": self.license } });
        let machine = json!({ "type": "machines", "attributes": { "fingerprint": fingerprint }, "relationships": { "license": license } });
        let body = json!({ "data": machine }).to_string();
        let port = self.app.address.port();
        let answer = block_in_place(|| http(port, "POST", "/v1/accounts/mill/machines", &headers, &body)).unwrap();
        assert_eq!(answer.0, 201, "{}", answer.1);
        let answer: serde_json::Value = serde_json::from_str(&answer.1).unwrap();
        answer["data"]["id"].as_str().unwrap().to_owned()
    }

    /// What a program prints.
    fn sees(&self, mut program: Command, call: &str, more: &[(&str, &str)]) -> String {
        let installation = self.app.app.installation();
        let door = data_encoding::HEXLOWER.encode(installation.keys.door(&slug("mill")).unwrap().public().as_bytes());
        program.env("API_URL", format!("http://{}/keygen/mill", self.app.address)).env("PUBLIC_KEY", door);
        program.env("ACCOUNT", "mill").env("LICENSE_KEY", &self.key).env("FINGERPRINT", FINGERPRINT);
        program.env("LICENSE", self.license.to_string());
        program.env("CALL", call).envs(more.iter().copied());
        let ended = block_in_place(|| Ended::of(program));
        assert_eq!(ended.code, Some(0), "{call}: {ended:?}");
        ended.stdout.trim().to_owned()
    }

    #[track_caller]
    fn sdk(&self, call: &str, more: &[(&str, &str)], seen: &str) {
        let mut program = Command::new(python());
        program.arg(folder().join("refusals.py"));
        assert_eq!(self.sees(program, call, more), seen, "{call}, with the SDK");
    }

    #[track_caller]
    fn published_crate(&self, call: &str, more: &[(&str, &str)], seen: &str) {
        assert_eq!(self.sees(Command::new(&self.crate_program), call, more), seen, "{call}, with the crate");
    }

    #[track_caller]
    fn both(&self, call: &str, sdk: &str, published: &str) {
        self.sdk(call, &[], sdk);
        self.published_crate(call, &[], published);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn licenses_that_do_not_hold() {
    let guest = Guest::of("fixed").await;
    let nobody = Guest { key: "no-such-key".to_owned(), ..Guest::of("fixed").await };
    nobody.both("activate", "LicenseKeyError LICENSE_INVALID", "LicenseKeyInvalid LICENSE_INVALID");
    nobody.published_crate("validate", &[], "NOT_FOUND");
    guest.act(Act::Suspend).await;
    guest.sdk("me", &[], "LicenseSuspendedError LICENSE_SUSPENDED");
    guest.both("activate", "LicenseSuspendedError LICENSE_SUSPENDED", "LicenseSuspended LICENSE_SUSPENDED");
    guest.published_crate("validate", &[], "SUSPENDED");
    guest.act(Act::Resume).await;
    guest.both("validate", "LicenseNotActivatedError NO_MACHINE", "NO_MACHINE");
    guest.seated(FINGERPRINT);
    guest.act(Act::Extend(Some(SystemClock.now().plus_days(-30)))).await;
    guest.both("validate", "LicenseExpiredError EXPIRED", "EXPIRED");
    let elsewhere = [("FINGERPRINT", "elsewhere")];
    guest.sdk("activate", &elsewhere, "LicenseExpiredError LICENSE_EXPIRED");
    guest.published_crate("activate", &elsewhere, "LicenseExpired LICENSE_EXPIRED");
    guest.act(Act::Release).await;
    guest.both("activate", "LicenseKeyError LICENSE_INVALID", "LicenseKeyInvalid LICENSE_INVALID");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_that_get_no_seat_or_lost_it() {
    let guest = Guest::of("fixed").await;
    let taken = ("ComponentConflictError COMPONENTS_FINGERPRINT_CONFLICT", "Unknown COMPONENTS_FINGERPRINT_CONFLICT");
    guest.both("activate with a part twice", taken.0, taken.1);
    guest.both("look for a machine", "NotFoundError NOT_FOUND", "NotFound NOT_FOUND");
    guest.seated(FINGERPRINT);
    guest.both("activate", "MachineAlreadyActivatedError FINGERPRINT_TAKEN", "FingerprintTaken FINGERPRINT_TAKEN");
    let guest = Guest::of("fixed").await;
    guest.seated("another");
    let full = ("MachineLimitExceededError MACHINE_LIMIT_EXCEEDED", "MachineLimitExceeded MACHINE_LIMIT_EXCEEDED");
    guest.both("activate", full.0, full.1);
    let bound = Guest::with("bound", Some("another"), Settings::default()).await;
    bound.both("activate", "LicenseNotAllowedError LICENSE_NOT_ALLOWED", "LicenseNotAllowed LICENSE_NOT_ALLOWED");

    let floating = Guest::of("floating").await;
    floating.app.clock.set(SystemClock.now().saturating_add(SignedDuration::from_mins(-40)));
    let machine = floating.seated(FINGERPRINT);
    floating.app.clock.set(SystemClock.now());
    let known = [("MACHINE", machine.as_str())];
    floating.sdk("ping", &known, "HeartbeatDeadError MACHINE_HEARTBEAT_DEAD");
    floating.published_crate("ping", &known, "Unknown MACHINE_HEARTBEAT_DEAD");
    floating.both("validate", "HeartbeatDeadError HEARTBEAT_DEAD", "HEARTBEAT_DEAD");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_none_here() {
    let guest = Guest::of("fixed").await;
    let long = ("APIError CHECKOUT_TTL_INVALID", "Unknown CHECKOUT_TTL_INVALID");
    guest.both("check out for a century", long.0, long.1);
    guest.sdk("upgrade", &[], "UpgradeNotAvailableError NOT_SUPPORTED");
    guest.sdk("activate without a fingerprint", &[], "APIError FINGERPRINT_BLANK");
    guest.sdk("check out with what is not there", &[], "APIError CHECKOUT_INCLUDE_INVALID");
    guest.sdk("check out in another way", &[], "APIError CHECKOUT_ALGORITHM_INVALID");
    guest.sdk("me", &[("ENVIRONMENT", "production")], "InvalidEnvironmentError ENVIRONMENT_NOT_SUPPORTED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_open_nothing() {
    let guest = Guest::of("fixed").await;
    let stranger = Guest::of("fixed").await;
    let made = async |guest: &Guest, product: &'static str, scope: Scope, days: i64| {
        let at = (days != 0).then(|| SystemClock.now().plus_days(days));
        let product = (scope == Scope::Keygen).then(|| slug(product));
        let create = move |tx: &mut _, ctx: signet::usecase::Context<'_>| {
            token::create_for(tx, ctx, &format!("t{days}"), &[scope], product.as_ref(), at)
        };
        guest.app.write(create).await.1.expose_secret().to_owned()
    };
    let elsewhere = made(&guest, "atlas", Scope::Keygen, 0).await;
    let manager = made(&guest, "", Scope::LicensesRead, 1).await;
    let unknown = made(&stranger, "mill", Scope::Keygen, 1).await;
    let invalid = format!("{}x", &elsewhere[..elsewhere.len() - 1]);
    let expired = made(&guest, "mill", Scope::Keygen, -1).await;
    let good = made(&guest, "mill", Scope::Keygen, 1).await;
    guest.sdk("work with a token", &[("TOKEN", &good)], "no refusal");
    for (token, seen) in [
        (elsewhere.as_str(), "TokenNotAllowedError TOKEN_NOT_ALLOWED"),
        (&manager, "TokenNotAllowedError TOKEN_NOT_ALLOWED"),
        (&unknown, "LicenseTokenError TOKEN_INVALID"),
        (&expired, "APIError TOKEN_EXPIRED"),
        (&good, "NotFoundError NOT_SUPPORTED"),
        (&invalid, "APIError TOKEN_FORMAT_INVALID"),
        ("what is no token", "APIError TOKEN_FORMAT_INVALID"),
        ("", "APIError TOKEN_MISSING"),
    ] {
        guest.sdk("me", &[("TOKEN", token)], seen);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_calls() {
    let rate_limits = RateLimits { license: 3, ..RateLimits::default() };
    let guest = Guest::with("fixed", None, Settings { rate_limits, ..Settings::default() }).await;
    guest.seated("another");
    guest.both("validate", "LicenseNotActivatedError FINGERPRINT_SCOPE_MISMATCH", "RateLimitExceeded");
    guest.sdk("me", &[], "RateLimitError TOO_MANY_REQUESTS");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_without_its_database() {
    let guest = Guest::of("fixed").await;
    guest.app.app.store().clone().close().await;
    guest.sdk("me", &[], "APIError UNAVAILABLE");
    guest.published_crate("validate", &[], "Unknown UNAVAILABLE");
}
