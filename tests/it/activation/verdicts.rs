//! The signed answer to "may it run?": every reason, who signs it, and that asking changes nothing.

use koogallery_simulator::{Call, Line};
use rstest::rstest;
use signet::{
    base::secret::SecretString,
    license::{
        activation::{Reason, Stay},
        code::Claims,
        keys::INSTALLATION,
    },
    usecase::{activation::Renewal, keys, merchant::Act, validate::Question},
};
use signet_verify::machine;

use super::{
    about, act, activate, by_hand, change, components, deactivate, refused, renew, said, seats, sold, text, validate,
};
use crate::harness::{Backend, TestApp, slug};

const UNKNOWN_KEY: &str = "0000000000000000000000000";

/// A key that is well formed and nobody's.
fn nobodys_key() -> SecretString {
    use signet::{base::entropy::SeededEntropy, license::key::LicenseKey};
    LicenseKey::generate(&SeededEntropy::new(7)).to_string().into()
}

/// Everything is wrong at once; step by step it is mended, and the next reason in the document's order is the answer.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_reason_comes_in_its_order(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = seats(&app, "fixed", 1).await;
    let wanted = super::ByHand { device: Some("MC-1".to_owned()), ..by_hand("floating") };
    let sold = sold(&app, wanted).await;
    let wrong = Question {
        product: Some("atlas".to_owned()),
        version: Some("3.0".to_owned()),
        feature: Some("export".to_owned()),
        components: components(&["hostname=a"]),
        nonce: Some("n-1".to_owned()),
    };
    let mut seen = Vec::new();
    let mut ask = async |credential: &SecretString, question: &Question, product: &str| {
        let verdict = validate(&app, credential, question.clone()).await;
        let told = said(&app, product, &verdict).await;
        assert_eq!(told.asked.license, machine::sha256(text(credential)));
        assert_eq!(told.asked.nonce.as_deref(), Some("n-1"));
        assert_eq!((&told.asked.product, &told.asked.version), (&question.product, &question.version));
        assert_eq!((&told.asked.feature, &told.asked.components), (&question.feature, &question.components));
        assert!(!verdict.detail.is_empty());
        seen.push(verdict.reason);
        verdict
    };
    let malformed = ask(&UNKNOWN_KEY.to_owned().into(), &wrong, "atlas").await;
    assert!(malformed.license.is_none());
    assert!(ask(&nobodys_key(), &wrong, "atlas").await.license.is_none());
    act(&app, &sold, Act::Suspend).await;
    // Released, frozen, expired, with a leaked code: one after the other on licenses of their own.
    ask(&sold.code, &wrong, "atlas").await;
    let right = Question { product: Some("mill".to_owned()), ..wrong.clone() };
    act(&app, &other, Act::Suspend).await;
    act(&app, &other, Act::Release).await;
    ask(&other.code, &right, "mill").await;
    app.pass_days(500);
    rotate_and_revoke(&app).await;
    ask(&sold.code, &right, "mill").await;
    act(&app, &sold, Act::Resume).await;
    ask(&sold.code, &right, "mill").await;
    act(&app, &sold, Act::Extend(None)).await;
    ask(&sold.code, &right, "mill").await;
    assert_eq!(
        seen,
        [
            Reason::LicenseMalformed,
            Reason::LicenseNotFound,
            Reason::ProductMismatch,
            Reason::LicenseReleased,
            Reason::LicenseFrozen,
            Reason::LicenseExpired,
            Reason::CodeRevoked,
        ]
    );
}

/// The current signing key of `mill` leaks: what it signed is no longer believed.
async fn rotate_and_revoke(app: &TestApp) {
    let kid = app.read(|_, ctx| Ok(ctx.installation.keys.signer(&slug("mill"))?.kid().to_owned())).await;
    app.write(|tx, ctx| keys::rotate(tx, ctx, &slug("mill"), None)).await;
    app.write(move |tx, ctx| keys::revoke(tx, ctx, &kid, None)).await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plan_and_the_machine_come_after_the_license(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 1).await;
    let mut question =
        Question { version: Some("3.0".to_owned()), feature: Some("export".to_owned()), ..about(&super::machine(1)) };
    let mut seen = Vec::new();
    seen.push(validate(&app, &sold.key, question.clone()).await.reason);
    question.version = Some("2.9.1".to_owned());
    seen.push(validate(&app, &sold.key, question.clone()).await.reason);
    question.feature = Some("looms".to_owned());
    seen.push(validate(&app, &sold.key, question.clone()).await.reason);
    let granted = activate(&app, &sold.key, super::machine(1)).await.unwrap();
    let valid = validate(&app, &sold.key, question.clone()).await;
    let told = said(&app, "mill", &valid).await;
    assert_eq!(told.activation, Some(granted.activation.id.to_string()));
    let facts = told.license.unwrap();
    assert_eq!((facts.id, facts.plan.as_str()), (sold.license.id.to_string(), "fixed"));
    assert_eq!((facts.state.as_str(), facts.machines, facts.rev, facts.trial), ("active", 1, 1, false));
    assert_eq!(facts.expires_at, sold.license.expiry.at().map(|it| it.as_seconds()));
    assert_eq!(facts.holds_until, facts.expires_at.map(|it| it + 3 * 86_400));
    seen.push(valid.reason);
    assert_eq!(seen, [Reason::VersionNotAllowed, Reason::FeatureMissing, Reason::MachineUnknown, Reason::Valid]);
    // Software that says nothing about itself is asked nothing.
    assert!(validate(&app, &sold.key, Question::default()).await.valid());
    // The version counts for leases as well.
    let newer = Renewal { version: Some("3.0".to_owned()), ..Renewal::default() };
    let refusal = refused(renew(&app, &sold.key, granted.activation.id, newer).await);
    assert_eq!(refusal.verdict.reason, Reason::VersionNotAllowed);
    assert!(refusal.verdict.detail.contains("3.0"), "{}", refusal.verdict.detail);
}

/// The answer is signed by the product that was asked about, else by the license's, else by the installation itself.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_has_a_signer(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 1).await;
    let nobody = nobodys_key();
    for (credential, product, signer) in [
        (&sold.key, Some("mill"), "mill"),
        (&sold.key, Some("atlas"), "atlas"),
        (&sold.key, Some("no such product"), "mill"),
        (&sold.key, None, "mill"),
        (&nobody, Some("atlas"), "atlas"),
        (&nobody, Some("installation"), INSTALLATION),
        (&nobody, Some("nothing"), INSTALLATION),
        (&nobody, None, INSTALLATION),
    ] {
        let question = Question { product: product.map(str::to_owned), ..Question::default() };
        let verdict = validate(&app, credential, question).await;
        said(&app, signer, &verdict).await;
    }
    // Its keys stand at their own address, and among the keys of license codes they have no place.
    let list = app.get("/products/installation/keys.jws").await;
    let known = validate(&app, &nobody, Question::default()).await.keys;
    assert_eq!((list.status, list.body), (200, known.into_bytes()));
    let own = app.read(|_, ctx| Ok(ctx.installation.keys.answering(None, None)?.signer.kid().to_owned())).await;
    assert!(app.jwks().await.find(&own).is_none());
    let kid = app.write(|tx, ctx| keys::rotate(tx, ctx, &slug(INSTALLATION), None)).await;
    assert_ne!(kid, own);
    said(&app, INSTALLATION, &validate(&app, &nobody, Question::default()).await).await;
}

/// A second start, or a second server, finds the keys that the first made.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_installations_keys_are_made_once(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    let kid = async |app: &TestApp| {
        app.read(|_, ctx| Ok(ctx.installation.keys.answering(None, None)?.signer.kid().to_owned())).await
    };
    assert_eq!(kid(&app).await, kid(&other).await);
    let keys = app.read(|tx, _| Ok(tx.key_list(Some(&slug(INSTALLATION)))?.len())).await;
    assert_eq!(keys, 2, "a root and a signing key");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_about_known_and_unknown_licenses_have_one_form(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let question = Question { product: Some("mill".to_owned()), ..about(&super::machine(1)) };
    let mut forms = Vec::new();
    let changed = format!("{}A", &text(&seats(&app, "fixed", 1).await.code).rsplit_once('.').unwrap().0);
    for credential in [nobodys_key(), UNKNOWN_KEY.to_owned().into(), "x.y.z".to_owned().into(), changed.into()] {
        let verdict = validate(&app, &credential, question.clone()).await;
        assert!(matches!(verdict.reason, Reason::LicenseNotFound | Reason::LicenseMalformed), "{:?}", verdict.reason);
        let told = said(&app, "mill", &verdict).await;
        forms.push((told.license, told.activation, told.valid, told.asked.components));
        let refusal = refused(activate(&app, &credential, super::machine(1)).await);
        assert_eq!((refusal.verdict.reason, refusal.holders.len()), (verdict.reason, 0));
        let refusal = refused(deactivate(&app, &credential, refusal_id(&app)).await);
        assert_eq!(refusal.verdict.reason, verdict.reason);
    }
    assert!(forms.iter().all(|form| *form == (None, None, false, question.components.clone())));
}

fn refusal_id(app: &TestApp) -> signet::base::ids::ActivationId {
    signet::base::ids::ActivationId::new(app.now(), app.app.entropy())
}

/// The key of one product says nothing about the licenses of another: whoever got hold of it could else write codes for all.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_signed_by_another_products_key_is_nobodys(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 1).await;
    let license = sold.license.clone();
    let forged = app
        .read(move |_, ctx| {
            let plan = ctx.installation.catalog.plan(&slug("mill"), &slug("fixed")).expect("the plan");
            let claims = Claims::for_license(&license, plan, "https://licenses.example.com", ctx.now);
            let sign = |product: &str| {
                Ok::<_, signet::usecase::Failure>(
                    claims.sign(ctx.installation.keys.signer(&slug(product))?).unwrap().text(),
                )
            };
            Ok([sign("atlas")?, sign(INSTALLATION)?, sign("mill")?])
        })
        .await;
    let mut reasons = Vec::new();
    for code in forged {
        reasons.push(validate(&app, &code.into(), Question::default()).await.reason);
    }
    assert_eq!(reasons, [Reason::LicenseNotFound, Reason::LicenseNotFound, Reason::Valid]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_whose_key_leaked_opens_nothing_and_the_license_key_still_does(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 2).await;
    let id = activate(&app, &sold.code, super::machine(1)).await.unwrap().activation.id;
    rotate_and_revoke(&app).await;
    let revoked = Reason::CodeRevoked;
    assert_eq!(validate(&app, &sold.code, Question::default()).await.reason, revoked);
    assert_eq!(refused(activate(&app, &sold.code, super::machine(2)).await).verdict.reason, revoked);
    assert_eq!(refused(renew(&app, &sold.code, id, Renewal::default()).await).verdict.reason, revoked);
    assert_eq!(refused(deactivate(&app, &sold.code, id).await).verdict.reason, revoked);
    renew(&app, &sold.key, id, Renewal::default()).await.unwrap();
    assert!(activate(&app, &sold.key, super::machine(2)).await.unwrap().new_seat);
}

/// Codes sold through a marketplace open the same doors.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_from_the_marketplace_activates(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let reply =
        app.door(Line::License1).done(&Call::buy(Line::License1, "CS1").unwrap().product("P-STANDARD-YEAR")).await;
    let code = SecretString::from(format!(" {}\r\n", reply.license().unwrap()));
    let granted = activate(&app, &code, super::Machine { stay: Stay::Usual, ..super::machine(1) }).await.unwrap();
    assert_eq!(granted.activation.product, slug("atlas"));
    // A plan that names no versions covers all.
    let question = Question { version: Some("99".to_owned()), ..about(&super::machine(1)) };
    assert!(validate(&app, &code, question).await.valid());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_license_whose_plan_left_the_catalog_follows_the_default_rules(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 1).await;
    change(&app, &sold, |license| license.plan = slug("gone")).await;
    let granted = activate(&app, &sold.key, super::machine(1)).await.unwrap();
    assert_eq!(granted.activation.lease_ends_at.as_seconds(), app.now().plus_days(7).as_seconds());
    assert!(
        validate(&app, &sold.key, Question { version: Some("9".to_owned()), ..about(&super::machine(1)) })
            .await
            .valid()
    );
}
