//! Endpoints that are in no list, and the tokens of temporary credentials.

use rstest::rstest;
use signet::provision::{
    plan::{Cloud, Place},
    provider::{Credentials, Trouble, clouds::Clouds, ec2::CustomClouds},
};

/// Real clouds, and endpoints of customers on this machine.
pub fn clouds() -> Clouds {
    Clouds::default().reaching(super::ec2::tools("127.0.0.1"), CustomClouds::Http, Vec::new(), Vec::new())
}

/// A token goes to an endpoint of one's own only if that was said; known clouds take it anyway.
#[rstest]
#[case::ec2(Cloud::Ec2, "cn-north-1")]
#[case::huawei(Cloud::Huawei, "cn-north-1")]
fn tokens_go_to_confirmed_endpoints_only(#[case] cloud: Cloud, #[case] region: &str) {
    let open = |endpoint: Option<&str>, session_tokens: bool, token: Option<&str>| {
        let endpoint = endpoint.map(str::to_owned);
        let place = Place { cloud, region: region.to_owned(), endpoint, session_tokens };
        let session_token = token.map(|token| token.to_owned().into());
        let keys = Credentials { access_key: "ak".to_owned(), secret_key: "sk".into(), session_token };
        clouds().open(&place, keys)
    };
    let own = Some("http://127.0.0.1:1/");
    let refused = open(own, false, Some("token")).unwrap_err();
    assert_eq!(refused.trouble, Trouble::Endpoint);
    assert!(refused.to_string().contains("session_tokens"), "{refused}");
    assert!(open(own, true, Some("token")).is_ok());
    assert!(open(own, false, None).is_ok());
    assert!(open(None, false, Some("token")).is_ok());
}

/// What was planned before there was such a word is read as before.
#[test]
fn places_without_the_word_confirm_nothing() {
    let place: Place = serde_json::from_str(r#"{"cloud":"ec2","region":"r","endpoint":"https://x"}"#).unwrap();
    assert!(!place.session_tokens);
    assert!(!serde_json::to_string(&place).unwrap().contains("session_tokens"));
}
