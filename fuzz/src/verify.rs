//! Readers of what a Signet service signs, and of what machines without network send.

use signet::{
    base::entropy::SeededEntropy,
    license::{
        keys::{PublicKey, Signer},
        sign::sign_payload,
    },
};
use signet_verify::{
    bundle::Bundle,
    claims::{CodeClaims, KeyListClaims, LeaseClaims, LicenseFileClaims, RevocationsClaims, ValidationClaims},
    clock::TrustedTime,
    jws,
    keys::{KeyRing, Root, read_key_list},
    kind::Kind,
    lease, license_file,
    machine::digest,
    read::{self, BySigningKey, DeviceCodeClaims, Read},
    request::Request,
    revocations::RevocationSet,
};

const PRODUCT: &str = "atlas";

fn signer(seed: u64) -> Signer {
    Signer::generate(&SeededEntropy::new(seed))
}

fn root() -> Root {
    Root::new(*signer(1).public())
}

fn ring() -> KeyRing {
    let mut ring = KeyRing::default();
    ring.trust(*signer(2).public());
    ring
}

/// What each kind may say, in the order of [`Kind::ALL`].
fn payloads() -> [String; 8] {
    let time = r#""iat":1700000000,"time":1700000000000000,"exp":1700600000"#;
    let license =
        r#""sub":"0191f3c4-0000-7000-8000-000000000001","plan":"pro","machines":3,"rev":2,"features":{"seats":5}"#;
    let machine = format!(r#"{{"mac":"{}","operator":"{}"}}"#, digest("mac", "1"), digest("operator", "1"));
    let (root, key): (PublicKey, PublicKey) = (*signer(1).public(), *signer(2).public());
    let code = |aud: &str| {
        format!(r#"{{"iss":"https://x.example","aud":"{aud}",{license},"iat":1,"nbf":1,"exp":9,"device":"d"}}"#)
    };
    let of = |aud: &str, rest: &str| format!(r#"{{"iss":"https://x.example","aud":"atlas/{aud}",{time},{rest}}}"#);
    let lease = format!(
        r#"{license},"activation":"a","renew_after":1700300000,"grace_until":1700900000,"floating":false,"machine":{{"match":"most","components":{machine}}}"#
    );
    let entries = format!(r#"[{{"sub":"a","revs":[1,2]}},{{"sub":"b"}},{{"kid":"{}"}}]"#, key.kid());
    let listed = format!(r#"{{"kid":"{}","x":"{}","state":"active"}}"#, key.kid(), key.x());
    [
        code("atlas"),
        code("atlas/device"),
        of("lease", &lease),
        of("validation", r#""asked":{"license":"x","nonce":"n"},"valid":true,"reason":"valid","conclusive":true"#),
        of("license-file", &format!(r#"{license},"match":"any","bound_to":[{machine}]"#)),
        of("revocations", &format!(r#""number":5,"since":2,"complete":true,"entries":{entries}"#)),
        of("keys", &format!(r#""number":3,"root":"{}","keys":[{listed}]"#, root.kid())),
        of("package", &format!(r#""version":"1.4.0","sha256":"{}","size":5,"file":"a.tar.gz""#, "0a".repeat(32))),
    ]
}

fn signed(kind: Kind, payload: &[u8]) -> Option<String> {
    let by = signer(if kind == Kind::KeyList { 1 } else { 2 });
    sign_payload(kind, payload, &by).ok().map(|signed| signed.text())
}

fn texts() -> [String; 8] {
    let payloads = payloads();
    std::array::from_fn(|index| signed(Kind::ALL[index], payloads[index].as_bytes()).unwrap_or_default())
}

/// One good document of each kind.
pub fn documents() -> Vec<Vec<u8>> {
    texts().map(String::into_bytes).into()
}

/// Any text as any kind.
pub fn jws(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for kind in Kind::ALL {
        if let Ok(parsed) = jws::parse(&text, kind) {
            assert_eq!(jws::assemble(parsed.signing_input, &parsed.signature), text, "one text for one document");
            assert_eq!(jws::kind_of(&text), Some(kind));
        }
        read_as(kind, &text);
    }
}

/// Good contents of each kind, after the kind's place.
pub fn contents() -> Vec<Vec<u8>> {
    payloads().into_iter().zip(0_u8..).map(|(payload, place)| [&[place], payload.as_bytes()].concat()).collect()
}

/// Any content with a good signature: the first byte chooses the kind.
pub fn content(data: &[u8]) {
    let Some((place, payload)) = data.split_first() else { return };
    let kind = Kind::ALL[usize::from(*place) % Kind::ALL.len()];
    if let Some(text) = signed(kind, payload) {
        read_as(kind, &text);
    }
}

/// Whether the reader of `kind` takes the text. What it takes is used as software does.
fn read_as(kind: Kind, text: &str) -> bool {
    let (keys, clock) = (ring(), TrustedTime::default().now(1_700_000_000_000_000));
    let machine = [("mac".to_owned(), digest("mac", "1"))].into();
    let mut revoked = RevocationSet::default();
    match kind {
        Kind::LicenseCode => taken::<CodeClaims>(text, &keys).is_some(),
        Kind::DeviceCode => taken::<DeviceCodeClaims>(text, &keys).is_some(),
        Kind::Lease => taken::<LeaseClaims>(text, &keys).is_some_and(|read| {
            lease::verdict(&read, &machine, clock, &revoked) == lease::verdict(&read, &machine, clock, &revoked)
        }),
        Kind::Validation => taken::<ValidationClaims>(text, &keys).is_some(),
        Kind::LicenseFile => taken::<LicenseFileClaims>(text, &keys)
            .map(|read| license_file::verdict(&read, &machine, clock, &revoked))
            .is_some(),
        Kind::Revocations => taken::<RevocationsClaims>(text, &keys).map(|read| revoked.merge(&read)).is_some(),
        Kind::KeyList => {
            let list: Option<KeyListClaims> = read_key_list(text, &root(), PRODUCT, None).ok();
            assert_eq!(list.is_some(), KeyRing::from_list(text, &root(), PRODUCT, None).is_ok());
            list.is_some()
        }
    }
}

fn taken<C: BySigningKey>(text: &str, keys: &KeyRing) -> Option<Read<C>> {
    read::read(text, keys, PRODUCT).ok()
}

/// A good bundle with everything.
pub fn bundles() -> Vec<Vec<u8>> {
    let [code, _, lease, _, license_file, revocations, keys] = texts().map(Some);
    let full = Bundle { code, lease, license_file, revocations, keys, ..Bundle::new(PRODUCT) };
    vec![full.to_json().into_bytes(), Bundle::new(PRODUCT).to_json().into_bytes()]
}

/// Any text as a bundle.
pub fn bundle(data: &[u8]) {
    if let Ok(bundle) = Bundle::parse(&String::from_utf8_lossy(data)) {
        assert_eq!(Bundle::parse(&bundle.to_json()).as_ref(), Ok(&bundle));
        let _ = bundle.open(&root(), PRODUCT, Some(2));
    }
}

/// Good requests, with line breaks and without.
pub fn requests() -> Vec<Vec<u8>> {
    let names = ["mac", "operator", "serial"];
    let request = Request {
        product: PRODUCT.to_owned(),
        name: "desk-1".to_owned(),
        platform: "linux".to_owned(),
        components: names.iter().map(|name| ((*name).to_owned(), digest(name, "1"))).collect(),
    };
    [request.to_text(), request.to_qr()].into_iter().flatten().map(String::into_bytes).collect()
}

/// Any text as a request.
pub fn request(data: &[u8]) {
    if let Ok(request) = Request::parse(&String::from_utf8_lossy(data)) {
        let again = request.to_text().map(|text| Request::parse(&text));
        assert_eq!(again, Ok(Ok(request)), "one text for one request");
    }
}

/// Panics when a reader refuses the good input.
#[cfg(test)]
pub(crate) fn all_good() {
    for (kind, text) in Kind::ALL.into_iter().zip(texts()) {
        assert!(read_as(kind, &text), "{kind:?}");
    }
    let bundle = Bundle::parse(&String::from_utf8(bundles().swap_remove(0)).unwrap()).unwrap();
    assert!(bundle.open(&root(), PRODUCT, Some(2)).is_ok());
    assert_eq!(requests().len(), 2);
    requests().iter().for_each(|text| assert!(Request::parse(std::str::from_utf8(text).unwrap()).is_ok()));
}
