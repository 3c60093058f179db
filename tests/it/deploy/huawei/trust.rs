//! Temporary credentials, and the agencies that give them.

use std::sync::Arc;

use signet::{
    base::{clock::SystemClock, entropy::SeededEntropy, secret::ExposeSecret},
    provision::provider::{
        Provider, Trouble,
        huawei::{
            Huawei,
            assume::{NamedAgency, TrustAgency, agency_name},
            policy::least_privilege,
        },
    },
};

use super::{Fake, SECRET_KEY, TOKEN, credentials, tools};

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

#[tokio::test]
async fn huawei_agencies_of_both_kinds_give_credentials_that_work() {
    let fake = Fake::start();
    let cloud = fake.cloud();
    let policy = least_privilege(true);
    let name = agency_name(&SeededEntropy::new(1));
    assert_eq!(name.len(), "signet-".len() + 32);
    let named = NamedAgency { name, account: "account-1".to_owned() };
    let given = cloud.assume_named(&named, &policy, 900).await.unwrap();
    assert_eq!(given.session_token.as_ref().unwrap().expose_secret(), TOKEN.repeat(4));
    fake.cloud_with(given, Arc::new(SystemClock)).zones().await.unwrap();

    let mut trust = TrustAgency {
        urn: "iam::account-1:agency:signet".to_owned(),
        external_id: "external-1".to_owned(),
        session: "signet".to_owned(),
    };
    let given = cloud.assume(&trust, &policy, 900).await.unwrap();
    fake.cloud_with(given, Arc::new(SystemClock)).zones().await.unwrap();
    assert_eq!(cloud.assume(&trust, &policy, 60).await.unwrap_err().trouble, Trouble::Choice);
    trust.external_id = "external-of-another".to_owned();
    let error = cloud.assume(&trust, &policy, 900).await.unwrap_err();
    assert_eq!((error.trouble, error.code.as_deref()), (Trouble::Permission, Some("PAP5.0014")));
    trust.external_id.clear();
    assert_eq!(cloud.assume(&trust, &policy, 900).await.unwrap_err().trouble, Trouble::Choice);
}
