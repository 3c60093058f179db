//! Reads signed texts as software does: signature, kind and audience first.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use signet_verify::kind::Kind;

use super::TestApp;

impl TestApp {
    /// What a text of `kind` for `product` says, once it verified with the published keys.
    pub async fn read_signed(&self, kind: Kind, product: &str, text: &str) -> Value {
        let (signed, signature) = text.rsplit_once('.').unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).unwrap();
        let header: Value = serde_json::from_slice(&decode(header)).unwrap();
        assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!(kind.typ())));
        let keys = self.jwks().await;
        let key = keys.find(header["kid"].as_str().unwrap()).unwrap();
        key.verify(signed.as_bytes(), &decode(signature).try_into().unwrap()).unwrap();
        let payload: Value = serde_json::from_slice(&decode(payload)).unwrap();
        assert_eq!(payload["aud"], kind.audience(product));
        assert!(text.len() <= kind.max_chars());
        payload
    }
}
