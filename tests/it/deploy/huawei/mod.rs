//! The provider of Huawei Cloud against a fake of it (`tests/huawei`), which checks signatures with the official SDK's
//! signer and requests against the published definitions.

mod faults;
mod life;
mod rights;
mod trust;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use serde_json::{Value, json};
use signet::{
    base::{
        clock::{Clock, SystemClock},
        entropy::SeededEntropy,
        networks::Networks,
    },
    http::{Client, Guard},
    provision::provider::{
        Attempt, Credentials, ServerOrder, Tools, Vendor,
        huawei::{Custom, Endpoint, Huawei},
    },
};

pub const REGION: &str = "cn-north-4";
pub const ACCESS_KEY: &str = "FAKEACCESSKEY0000001";
pub const SECRET_KEY: &str = "FakeSecretKeyOnlyForTests00000000000001";
/// The merchant's account, which takes on agencies.
pub const VENDOR: (&str, &str) = ("FAKEVENDORKEY0000001", "FakeVendorSecretOnlyForTests0000000001");
pub const TOKEN: &str = "FakeToken/with+special=chars==";
/// The start script: every byte of it must arrive.
pub const USER_DATA: &str = "#!/bin/sh\nTOKEN='canary-user-data-图~*+ &=%'\n";

/// A running fake; it ends with the test.
pub struct Fake {
    child: Child,
    pub url: String,
}

impl Drop for Fake {
    fn drop(&mut self) {
        // It ends with its input, and says so when it was called with what no definition has.
        drop(self.child.stdin.take());
        let ended = self.child.wait().expect("the fake can be waited for");
        if !std::thread::panicking() {
            assert!(ended.success(), "the provider made calls that no definition has: see above");
        }
    }
}

pub fn python() -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/huawei");
    let python = folder.join(".venv/bin/python");
    assert!(python.exists(), "run tests/huawei/setup.sh, as `make test` does");
    let mut command = Command::new(python);
    command.current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Where cargo keeps the published definitions.
fn definitions() -> Value {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--locked"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.stderr(Stdio::inherit()).output().unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut folders = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        if let Some(service) = package["name"].as_str().unwrap().strip_prefix("huawei-cloud-api-definitions-") {
            let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap());
            folders.insert(service.to_owned(), manifest.parent().unwrap().to_owned());
        }
    }
    json!(folders)
}

impl Fake {
    pub fn start() -> Self {
        let mut command = python();
        command.arg("fake.py").arg(definitions().to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let port: u16 = port.trim().parse().expect("the fake did not start: see what Python wrote");
        Self { child, url: format!("http://127.0.0.1:{port}") }
    }

    pub async fn admin(&self, what: &str, body: Value) -> Value {
        let answer = http_client().post(format!("{}/_admin/{what}", self.url)).json(&body).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// Makes the next `times` calls that it concerns go wrong.
    pub async fn fault(&self, name: &str, times: u32) {
        self.admin("fault", json!({ name: times })).await;
    }

    pub async fn state(&self) -> Value {
        self.admin("state", Value::Null).await
    }

    /// A customer makes an agency.
    pub async fn trust(&self, agency: Value) {
        self.admin("trust", agency).await;
    }

    pub fn endpoint(&self, session_tokens: bool) -> Endpoint {
        let (template, region) = (self.url.clone(), REGION.to_owned());
        Endpoint::custom(Custom { template, region, sts: true, bss: true, session_tokens }).unwrap()
    }

    pub fn cloud(&self) -> Huawei {
        self.cloud_with(credentials(SECRET_KEY, None), Arc::new(SystemClock))
    }

    pub fn cloud_with(&self, credentials: Credentials, clock: Arc<dyn Clock>) -> Huawei {
        Huawei::new(tools(clock), self.endpoint(true), credentials).unwrap()
    }
}

fn http_client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

pub fn tools(clock: Arc<dyn Clock>) -> Tools {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let guard = Guard::new(Networks::parse(&["127.0.0.1".to_owned()]).unwrap());
    Tools { http: Client::new(guard).unwrap(), clock, entropy: Arc::new(SeededEntropy::new(1)) }
}

pub fn credentials(secret: &str, token: Option<&str>) -> Credentials {
    let session_token = token.map(|token| token.to_owned().into());
    Credentials { access_key: ACCESS_KEY.to_owned(), secret_key: secret.to_owned().into(), session_token }
}

/// The merchant's.
pub fn vendor() -> Credentials {
    Credentials { access_key: VENDOR.0.to_owned(), secret_key: VENDOR.1.into(), session_token: None }
}

/// The same, as customers know it.
pub fn vendor_account() -> Vendor {
    Vendor { name: "meadow-software".to_owned(), id: "vendor-1".to_owned(), credentials: vendor() }
}

pub fn order() -> ServerOrder {
    ServerOrder {
        name: "signet-test".to_owned(),
        zone: "cn-north-4a".to_owned(),
        flavor: "s6.small.1".to_owned(),
        image: "image-1".to_owned(),
        root_device: None,
        disk_gib: 20,
        network: "vpc-1".to_owned(),
        subnet: "subnet-1".to_owned(),
        security_group: "group-1".to_owned(),
        public_address_mbit: Some(5),
        key_pair: Some("pair-1".to_owned()),
        user_data: USER_DATA.into(),
        tags: BTreeMap::from([("signet-deployment".to_owned(), "d-1".to_owned())]),
    }
}

pub fn attempt(last: u8) -> Attempt {
    Attempt { token: format!("46436810-d999-454c-bd85-e515fd2586{last:02x}") }
}
