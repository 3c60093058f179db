//! Temporary credentials, and the agencies that give them.

use std::sync::Arc;

use serde_json::json;
use signet::{
    base::{
        clock::{Clock, SystemClock},
        text::Language,
    },
    provision::provider::{
        Agency, Bond, Credentials, Provider, Trouble,
        huawei::{
            Huawei,
            policy::{identity_policy, least_privilege},
        },
    },
};

use super::{Fake, SECRET_KEY, TOKEN, credentials, tools, vendor};

#[tokio::test]
async fn huawei_temporary_credentials_are_signed_along() {
    let fake = Fake::start();
    let token = TOKEN.repeat(4);
    let cloud = fake.cloud_with(credentials(SECRET_KEY, Some(&token)), Arc::new(SystemClock));
    assert_eq!(cloud.identity().await.unwrap().account, "account-1");
}

#[tokio::test]
async fn huawei_tokens_are_not_sent_to_endpoints_that_were_not_confirmed() {
    let fake = Fake::start();
    let made = Huawei::new(tools(Arc::new(SystemClock)), fake.endpoint(false), credentials(SECRET_KEY, Some(TOKEN)));
    assert_eq!(made.unwrap_err().trouble, Trouble::Endpoint);
}

fn bond(of: &str) -> Bond {
    Bond { external_id: format!("external-of-{of}"), name: format!("signet-of-{of}") }
}

#[tokio::test]
async fn huawei_agencies_of_both_kinds_give_credentials_that_work_for_a_while() {
    let fake = Fake::start();
    let merchant = fake.cloud_with(vendor(), Arc::new(SystemClock));
    let urn = "iam::account-7:agency:any";
    fake.trust(json!({ "urn": urn, "external_id": "external-of-mine" })).await;
    fake.trust(json!({ "account": "account-8", "name": "signet-of-mine" })).await;
    let (trust, named) = (Agency::trust(urn).unwrap(), Agency::named("account-8").unwrap());
    for (agency, account) in [(trust, "account-7"), (named, "account-8")] {
        let asked = SystemClock.now();
        let given = merchant.assume(&agency, &bond("mine")).await.unwrap();
        let seconds = given.until.since(asked).as_secs();
        assert!((890..=900).contains(&seconds), "{seconds}");
        let cloud = fake.cloud_with(given.credentials, Arc::new(SystemClock));
        assert_eq!(cloud.identity().await.unwrap().account, account);
        cloud.zones().await.unwrap();
    }
    let assumed = fake.state().await["assumed"].clone();
    assert_eq!(
        (&assumed[0]["external_id"], &assumed[1]["name"]),
        (&"external-of-mine".into(), &"signet-of-mine".into())
    );
    assert_eq!((&assumed[0]["policy"], &assumed[1]["policy"]), (&identity_policy(), &least_privilege()));
}

/// The confused deputy: another license's bond, at an agency that somebody has guessed.
#[tokio::test]
async fn huawei_agencies_of_others_are_refused_in_words_that_tell_what_to_do() {
    let fake = Fake::start();
    let merchant = fake.cloud_with(vendor(), Arc::new(SystemClock));
    let urn = "iam::account-7:agency:any";
    fake.trust(json!({ "urn": urn, "external_id": "external-of-mine" })).await;
    fake.trust(json!({ "account": "account-8", "name": "signet-of-mine" })).await;
    let (trust, named) = (Agency::trust(urn).unwrap(), Agency::named("account-8").unwrap());
    for (agency, code) in [(trust, "PAP5.0014"), (named, "Not Found")] {
        let error = merchant.assume(&agency, &bond("another")).await.unwrap_err();
        assert_eq!((error.trouble, error.code.as_deref()), (Trouble::Agency, Some(code)), "{error}");
        let said = error.to_string();
        assert!(said.contains("does not trust") && !said.contains("of-another"), "{said}");
        assert!(error.message.get(Language::Zh).contains("没有信任本服务"), "{error:?}");
        assert!(error.trouble.advice(Language::En).contains("external id or name"));
    }
}

/// That the merchant's own account is refused is no fault of the customer, who can do nothing about it.
#[tokio::test]
async fn huawei_the_merchants_wrong_keys_are_not_called_the_customers() {
    let fake = Fake::start();
    let wrong = Credentials { secret_key: "wrong".into(), ..vendor() };
    let merchant = fake.cloud_with(wrong, Arc::new(SystemClock));
    let error = merchant.assume(&Agency::named("account-8").unwrap(), &bond("mine")).await.unwrap_err();
    assert_eq!((error.trouble, error.code.as_deref()), (Trouble::Unexpected, Some("APIGW.0301")));
    assert!(error.to_string().contains("merchant's own account"), "{error}");
}
