//! Readers of what opens a customer's page: the token of a link, and the cookie of a session.

use data_encoding::BASE64URL_NOPAD;
use signet::{
    base::{ids::LicenseId, secret::Key32},
    license::seal::MasterKey,
    usecase::link,
    web::html,
};

fn master() -> MasterKey {
    MasterKey::new(Key32::new([7; 32]))
}

/// A token that is good under the key of these tests, and some that are not.
pub fn tokens() -> Vec<Vec<u8>> {
    let good = link::token(&master(), LicenseId::from_bytes([1; 16]), 1);
    let short = BASE64URL_NOPAD.encode(&[0; 19]);
    vec![good.clone().into_bytes(), format!("{good}A").into_bytes(), short.into_bytes(), vec![]]
}

/// Whatever opens is exactly the text that was made for it.
pub fn link_token(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some((license, version)) = link::named_by(&master(), &text) {
        assert_eq!(link::token(&master(), license, version), text, "one text for each link");
    }
}

/// Lines that browsers send, and some that only others send.
pub fn cookies() -> Vec<Vec<u8>> {
    ["signet_session=abc; signet_lang=zh", "a=b;;signet_session=\"x=y\" ;", "signet_session", "=; signet_session=1"]
        .map(|line| line.as_bytes().to_vec())
        .into()
}

/// A value that is found stands behind its name in the line.
pub fn cookie(data: &[u8]) {
    let line = String::from_utf8_lossy(data);
    if let Some(value) = html::cookie_in(&line, "signet_session") {
        assert!(line.contains(&format!("signet_session={value}")) && !value.contains(';'));
    }
}
