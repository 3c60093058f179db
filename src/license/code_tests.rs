use proptest::prelude::*;

use super::*;
use crate::{
    base::entropy::SeededEntropy,
    license::{
        model::{Customer, Expiry, Standing},
        plan::{Delivery, ExpirySlack, LeaseRule, MachineRule, QuantityRule, QuantityTarget, Term},
    },
};

const ISSUER: &str = "https://licenses.example.com";

fn at(seconds: i64) -> Time {
    instant(seconds).unwrap()
}

fn plan() -> Plan {
    Plan {
        slug: "pro".parse().unwrap(),
        name: crate::base::text::Localized { zh: "专业版".to_owned(), en: "Pro".to_owned() },
        term: Term::Years(1),
        machines: 3,
        features: Features::from([
            ("seats".to_owned(), FeatureValue::Number(5)),
            ("export".to_owned(), FeatureValue::Flag(true)),
            ("edition".to_owned(), FeatureValue::Text("pro".to_owned())),
        ]),
        quantity: QuantityRule::Ignore,
        code_carries_expiry: true,
        expiry_slack: ExpirySlack { estimate_days: 30, confirmed_days: 3 },
        lease: LeaseRule::default(),
        machine: MachineRule::default(),
        versions: None,
        bind_parameter: Some("machine_code".to_owned()),
        meters: Vec::new(),
        delivery: Delivery::default(),
        product_ids: Vec::new(),
        sku_codes: Vec::new(),
    }
}

fn license(plan: &Plan) -> License {
    let created_at = Time::from_micros(1_700_000_000_123_456).unwrap();
    License {
        id: LicenseId::new(created_at, &SeededEntropy::new(1)),
        product: "atlas".parse().unwrap(),
        plan: plan.slug.clone(),
        channel: None,
        instance_id: None,
        standing: Standing::default(),
        expiry: Expiry::Confirmed(at(1_800_000_000)),
        machines: plan.machines,
        features: plan.features.clone(),
        quantity: None,
        trial: false,
        device: Some("ABC-1".to_owned()),
        customer: Customer::default(),
        rev: 1,
        created_at,
        updated_at: created_at,
    }
}

fn claims(license: &License, plan: &Plan) -> Claims {
    Claims::for_license(license, plan, ISSUER, Time::from_micros(1_700_000_060_999_999).unwrap())
}

#[test]
fn claims_stand_in_their_order_with_whole_seconds() {
    let (plan, license) = (plan(), license(&plan()));
    let json = String::from_utf8(claims(&license, &plan).to_payload()).unwrap();
    let expected = format!(
        concat!(
            r#"{{"iss":"https://licenses.example.com","sub":"{}","aud":"atlas","iat":1700000060,"nbf":1700000000,"#,
            r#""plan":"pro","machines":3,"features":{{"edition":"pro","export":true,"seats":5}},"rev":1,"#,
            r#""exp":1800259200,"device":"{}"}}"#
        ),
        license.id,
        device_digest("ABC-1"),
    );
    assert_eq!(json, expected);
}

#[test]
fn a_device_is_named_by_its_sha_256() {
    // FIPS 180-2, appendix B.1.
    assert_eq!(device_digest("abc"), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
}

#[test]
fn expiry_and_device_stand_only_where_the_plan_says_so() {
    let (mut plan, mut license) = (plan(), license(&plan()));
    license.expiry = Expiry::Estimated(at(1_800_000_000));
    assert_eq!(claims(&license, &plan).exp, Some(1_800_000_000 + 30 * 86_400));
    license.expiry = Expiry::Never;
    assert_eq!(claims(&license, &plan).exp, None);
    license.expiry = Expiry::Confirmed(at(1_800_000_000));
    license.device = None;
    assert_eq!(claims(&license, &plan).device, None);
    license.device = Some("ABC-1".to_owned());
    plan.bind_parameter = None;
    plan.code_carries_expiry = false;
    let json = String::from_utf8(claims(&license, &plan).to_payload()).unwrap();
    assert!(!json.contains("exp\"") && !json.contains("device"), "{json}");
}

#[test]
fn only_what_a_code_grants_asks_for_a_new_revision() {
    let plan = plan();
    let base = license(&plan);
    let first = claims(&base, &plan);
    let mut later = Claims::for_license(&base, &plan, ISSUER, at(1_750_000_000));
    (later.rev, later.nbf) = (7, 1);
    assert!(first.same_grant(&later) && first != later);

    let mut changed: Vec<License> = vec![base.clone(); 6];
    changed[0].machines += 1;
    changed[1].features.remove("export");
    changed[2].expiry = Expiry::Confirmed(at(1_800_000_001));
    changed[3].plan = "max".parse().unwrap();
    changed[4].device = Some("ABC-2".to_owned());
    changed[5].product = "other".parse().unwrap();
    for license in &changed {
        assert!(!first.same_grant(&claims(license, &plan)), "{license:?}");
    }
    // Where the code does not carry the expiry, a renewal changes nothing in it.
    let online = Plan { code_carries_expiry: false, ..plan };
    assert!(claims(&base, &online).same_grant(&claims(&changed[2], &online)));
}

#[test]
fn foreign_payloads_are_refused() {
    let plan = plan();
    let good = String::from_utf8(claims(&license(&plan), &plan).to_payload()).unwrap();
    assert!(Claims::from_payload(good.as_bytes()).is_ok());
    assert!(Claims::from_payload(good.replacen('{', r#"{"later":[1],"#, 1).as_bytes()).is_ok(), "RFC 7519 §4");
    for wrong in [
        String::new(),
        "[]".to_owned(),
        "null".to_owned(),
        format!("{good}{good}"),
        format!("[{good}]"),
        good.replacen('{', r#"{"rev":2,"#, 1),
        good.replace(r#""rev":1"#, r#""rev":-1"#),
        good.replace(r#""machines":3"#, r#""machines":3.5"#),
        good.replace(r#""aud":"atlas""#, r#""aud":["atlas"]"#),
        good.replace(r#""aud":"atlas""#, r#""aud":"atlas/keys""#),
        good.replace(r#""aud":"atlas""#, r#""aud":"atlas/device/device""#),
        good.replace(r#""aud":"atlas""#, r#""aud":"/device""#),
        good.replace(r#""aud":"atlas""#, r#""aud":"atlas/""#),
        good.replace("1700000060", "9223372036854775807"),
        good.replace("1800259200", "253402300800000"),
        good.replace(r#""plan":"pro","#, ""),
    ] {
        assert_ne!(wrong, good);
        assert!(Claims::from_payload(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn the_worst_case_is_reached_and_can_be_too_long() {
    let product: Slug = "atlas".parse().unwrap();
    let mut plan = Plan { quantity: QuantityRule::Set(QuantityTarget::Feature("seats".to_owned())), ..plan() };
    let mut longest = license(&plan);
    let grant = plan.grant(Some(u32::MAX));
    (longest.machines, longest.features, longest.rev) = (limits::MACHINES, grant.features, u32::MAX);
    longest.created_at = at(jiff::Timestamp::MIN.as_second());
    longest.expiry = Expiry::Confirmed(at(jiff::Timestamp::MIN.as_second()));
    plan.expiry_slack.confirmed_days = 0;
    let aud = Audience::Device(product.clone());
    let claims = Claims { aud, ..Claims::for_license(&longest, &plan, ISSUER, longest.created_at) };
    let text = code_text(&claims, &Signer::generate(&SeededEntropy::new(1)));
    let worst = worst_case_length(&product, &plan, ISSUER);
    assert_eq!(text.unwrap().len(), worst);
    assert!((400..limits::LICENSE_CODE_CHARS).contains(&worst), "{worst}");

    plan.features.insert("note".to_owned(), FeatureValue::Text("x".repeat(500)));
    let too_long = worst_case_length(&product, &plan, ISSUER);
    assert!(too_long > limits::LICENSE_CODE_CHARS);
    let mut license = license(&plan);
    license.features = plan.features.clone();
    let refused = self::claims(&license, &plan).sign(&Signer::generate(&SeededEntropy::new(1)));
    assert!(matches!(refused, Err(TooLong { .. })));
}

fn any_feature() -> impl Strategy<Value = FeatureValue> {
    prop_oneof![
        any::<bool>().prop_map(FeatureValue::Flag),
        any::<u32>().prop_map(FeatureValue::Number),
        ".{0,12}".prop_map(FeatureValue::Text),
    ]
}

fn any_quantity_rule() -> impl Strategy<Value = QuantityRule> {
    let target = prop_oneof![Just(QuantityTarget::Machines), Just(QuantityTarget::Feature("a".to_owned()))];
    prop_oneof![
        Just(QuantityRule::Ignore),
        target.clone().prop_map(QuantityRule::Set),
        target.prop_map(QuantityRule::Multiply),
    ]
}

proptest! {
    #[test]
    fn no_code_of_a_plan_is_longer_than_its_worst_case(
        features in prop::collection::btree_map("[a-c]", any_feature(), 0..4),
        quantity in any_quantity_rule(),
        bought in any::<Option<u32>>(),
        machines in any::<u32>(),
        (carries, binds, rev, created) in any::<(bool, bool, u32, i32)>(),
        expires in jiff::Timestamp::MIN.as_second()..=jiff::Timestamp::MAX.as_second(),
    ) {
        let bind_parameter = binds.then(|| "machine_code".to_owned());
        let plan = Plan { features, quantity, machines, code_carries_expiry: carries, bind_parameter, ..plan() };
        let grant = plan.grant(bought);
        let expiry = Expiry::Estimated(at(expires));
        let base = license(&plan);
        let license = License {
            machines: grant.machines, features: grant.features, rev, expiry, created_at: at(created.into()), ..base
        };
        let claims = claims(&license, &plan);
        prop_assert_eq!(Claims::from_payload(&claims.to_payload()), Ok(claims.clone()));
        let device = Claims { aud: Audience::Device(license.product.clone()), ..claims.clone() };
        for claims in [claims, device] {
            let length = jws::length(claims.aud.kind(), claims.to_payload().len());
            prop_assert!(length <= worst_case_length(&license.product, &plan, ISSUER));
            prop_assert_eq!(Claims::try_from(CodeClaims::from(&claims)), Ok(claims));
        }
    }

    #[test]
    fn no_payload_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\{.{0,60}\\}") {
        let _ = Claims::from_payload(&bytes);
        let _ = Claims::from_payload(text.as_bytes());
    }
}
