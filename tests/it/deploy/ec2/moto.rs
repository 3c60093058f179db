//! moto's server with authentication on: users with real policies, signatures checked.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use super::REGION;

/// How long the server may take to listen.
const START: Duration = Duration::from_secs(60);
/// Calls that it takes unsigned, in [`Moto::start`]: three for each user and one key pair.
const FREE_CALLS: &str = "7";

/// A running server; it ends with the test.
#[derive(Debug)]
pub struct Moto {
    child: Child,
    pub address: SocketAddr,
    /// Has the rights that the wizard shows.
    pub owner: (String, String),
    /// May look, but not make servers.
    pub looker: (String, String),
    /// May do everything in S3; only there after [`Moto::start_with_bucket`].
    pub keeper: (String, String),
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Moto {
    pub async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (child, address) = tokio::task::spawn_blocking(listen).await.unwrap();
        let mut moto =
            Self { child, address, owner: Default::default(), looker: Default::default(), keeper: Default::default() };
        moto.owner = moto.user("owner", &actions()).await;
        let look =
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}]}"#;
        moto.looker = moto.user("looker", look).await;
        moto.unsigned("ec2", &[("Action", "CreateKeyPair"), ("Version", "2016-11-15"), ("KeyName", "admin")]).await;
        moto
    }

    /// The same with a bucket, and somebody who may use it.
    pub async fn start_with_bucket(name: &str) -> Self {
        let mut moto = Self::start().await;
        moto.free().await;
        let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
        moto.keeper = moto.user("keeper", all).await;
        let made = reqwest::Client::new().put(format!("http://{}/{name}", moto.address)).send().await.unwrap();
        assert!(made.status().is_success(), "{}", made.text().await.unwrap());
        moto.strict().await;
        moto
    }

    async fn user(&self, name: &str, policy: &str) -> (String, String) {
        let of = |action| [("Action", action), ("Version", "2010-05-08"), ("UserName", name)];
        self.unsigned("iam", &of("CreateUser")).await;
        let keys = self.unsigned("iam", &of("CreateAccessKey")).await;
        let mut put = of("PutUserPolicy").to_vec();
        put.extend([("PolicyName", "signet"), ("PolicyDocument", policy)]);
        self.unsigned("iam", &put).await;
        (between(&keys, "AccessKeyId"), between(&keys, "SecretAccessKey"))
    }

    async fn unsigned(&self, service: &str, form: &[(&str, &str)]) -> String {
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=NOBODY/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = reqwest::Client::new()
            .post(format!("http://{}/", self.address))
            .header("authorization", scope)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{status}: {text}");
        text
    }
}

/// The policy that the wizard shows, for all resources: moto does not say of EC2's calls which things they touch.
fn actions() -> String {
    let mut policy = signet::provision::provider::ec2::policy::least_privilege(REGION);
    for statement in policy["Statement"].as_array_mut().unwrap() {
        statement["Resource"] = "*".into();
        statement.as_object_mut().unwrap().remove("Condition");
    }
    policy.to_string()
}

/// What stands between the tags of that name.
pub fn between(xml: &str, name: &str) -> String {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split_once('<').unwrap().0.to_owned()
}

fn listen() -> (Child, SocketAddr) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let made = Command::new(folder.join("setup.sh")).status().unwrap();
    assert!(made.success(), "tests/python/setup.sh failed; `make test` installs what it needs");
    let mut child = Command::new(folder.join(".venv/bin/moto_server"))
        .args(["-H", "127.0.0.1", "-p", "0"])
        .env("INITIAL_NO_AUTH_ACTION_COUNT", FREE_CALLS)
        .envs([
            ("MOTO_ENABLE_AMI_VALIDATION", "1"),
            ("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "1"),
            ("MOTO_ENABLE_KEYPAIR_VALIDATION", "1"),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let (tell, told) = mpsc::channel();
    // Reads on until the server ends: a full pipe would stop it.
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if let Some((_, address)) = line.split_once("Running on http://") {
                let _ = tell.send(address.trim().to_owned());
            }
        }
    });
    let address = told.recv_timeout(START);
    if address.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    (child, address.expect("moto does not listen").parse().unwrap())
}

impl Moto {
    /// Stops checking signatures, so that a test can look by itself.
    pub async fn free(&self) {
        self.authentication("inf").await;
    }

    /// Checks them again.
    pub async fn strict(&self) {
        self.authentication("0").await;
    }

    async fn authentication(&self, free_calls: &'static str) {
        let url = format!("http://{}/moto-api/reset-auth", self.address);
        let request = reqwest::Client::new().post(url).header("content-type", "text/plain").body(free_calls);
        assert!(request.send().await.unwrap().status().is_success());
    }

    /// What the compute interface says to an unsigned call.
    pub async fn ask(&self, form: &[(&str, &str)]) -> String {
        self.unsigned("ec2", &[form, &[("Version", "2016-11-15")]].concat()).await
    }
}
