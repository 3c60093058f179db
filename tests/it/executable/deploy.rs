//! `signet deploy` against a running service with its simulated cloud: what each verb prints, and its exit code.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use data_encoding::BASE64;
use serde_json::Value;
use std::io::Read as _;

use super::{
    market::buy_code,
    support::{Backend, Ended, Installation, Service, executable, mode, wait_until},
};

/// No stream may show it.
const SECRET: &str = "wrong-canary-secret";

/// Tests look more often than customers.
pub const SETTINGS: [(&str, &str); 4] = [
    ("SIGNET_SIMULATED_CLOUD", "true"),
    ("SIGNET_LICENSE_RATE", "0"),
    ("SIGNET_ADDRESS_RATE", "0"),
    ("SIGNET_PRODUCT_RATE", "0"),
];

struct Shop {
    installation: Installation,
    service: Service,
}

impl Shop {
    /// A running service that offers the simulated cloud, with a package, and a license in a file.
    fn open() -> Self {
        let mut installation = Installation::new(Backend::Sqlite);
        let service = installation.serve_with(&SETTINGS);
        fs::write(installation.path("atlas-1.4.0.tar.gz"), "not unpacked by the simulated machine").unwrap();
        installation.done(&["package", "publish", "--product", "atlas", "--version", "1.4.0", "atlas-1.4.0.tar.gz"]);
        fs::write(installation.path("license.txt"), buy_code(&installation)).unwrap();
        Self { installation, service }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.installation.command(&["deploy"]);
        command.args(arguments).args(["--license-file", "license.txt"]).env("SIGNET_SERVER", self.installation.url());
        command
    }

    fn deploy(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments))
    }

    fn list(&self) -> Value {
        serde_json::from_str(&self.deploy(&["list", "--json"]).stdout).unwrap()
    }
}

const PLACE: [&str; 4] = ["--cloud", "simulated", "--region", "simulated-1"];
const RUN: [&str; 16] = [
    "--zone",
    "simulated-1a",
    "--flavor",
    "sim.medium",
    "--image",
    "sim-debian",
    "--subnet",
    "sim-subnet",
    "--security-group",
    "sim-web",
    "--name",
    "atlas-1",
    "--parameter",
    "SITE_NAME=Demo",
    "--parameter",
    "LANGUAGE=en",
];

pub fn run<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ["run"].into_iter().chain(PLACE).chain(RUN).chain(more.iter().copied()).collect()
}

#[track_caller]
fn says(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    for word in words {
        assert!(ended.text().contains(word), "`{word}` is missing in {ended:?}");
    }
}

#[test]
fn a_deployment_by_command_from_the_offer_to_its_removal() {
    let shop = Shop::open();
    let mut offer = vec!["offer", "--zone", "simulated-1a", "--flavor", "sim.medium", "--network", "sim-vpc"];
    offer.extend(PLACE);
    says(&shop.deploy(&offer), 0, &["sim.medium", "does not fit: sold out", "open these ports: 8080", "sim-full"]);
    offer.push("--fitting");
    assert!(!shop.deploy(&offer).stdout.contains("sim.large"), "what does not fit is left out");

    says(&shop.deploy(&run(&["--dry-run"])), 0, &["1.4.0", "simulated", "an hour", "Nothing began"]);
    assert_eq!(shop.list()["deployments"], serde_json::json!([]), "a dry run begins nothing");

    let followed = shop.deploy(&run(&["--follow"]));
    says(&followed, 0, &["== preflight", "simulated:", "healthy", "203.0.113.10"]);
    let id = followed.stdout.lines().next().unwrap().to_owned();
    says(&shop.deploy(&run(&["--id", &id])), 0, &[&id]);
    assert_eq!(shop.list()["deployments"].as_array().unwrap().len(), 1, "the same id is the same deployment");
    says(&shop.deploy(&["show", &id]), 0, &["healthy", "nothing of it is real", "server"]);
    // Nothing is left to keep.
    says(&shop.deploy(&["keep", &id]), 24, &["cannot keep"]);

    says(&shop.deploy(&["check", &id]), 24, &["redentials are needed"]);
    let checked = |secret: &str| {
        let mut check = shop.command(&["check", &id]);
        check.env("HUAWEICLOUD_SDK_AK", "ak").env("HUAWEICLOUD_SDK_SK", secret).env("LC_ALL", "zh_CN.UTF-8");
        Ended::of(check)
    };
    says(&checked("sk"), 0, &["looked", "running at 203.0.113.10", "healthy"]);
    says(&checked(SECRET), 21, &["nothing was found out", "Simulated.AuthFailure", "请检查访问密钥"]);

    says(&shop.deploy(&["remove", &id]), 21, &[]);
    let mut remove = shop.command(&["remove", &id, "--follow"]);
    remove.env("HUAWEICLOUD_SDK_AK", "ak").env("HUAWEICLOUD_SDK_SK", "sk");
    says(&Ended::of(remove), 0, &["removed"]);
    shop.service.stop();
}

/// Who watches at a terminal sees a bar that grows, with the log above it, and nothing of it when it is over.
#[test]
fn at_a_terminal_a_deployment_is_followed_by_a_bar() {
    let shop = Shop::open();
    let line = |arguments: &[&str]| {
        let arguments: Vec<_> = arguments.iter().map(|it| format!("'{it}'")).collect();
        format!("'{}' deploy {} --license-file license.txt", executable().display(), arguments.join(" "))
    };
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line(&run(&["--follow"])), "/dev/null"]);
    command.current_dir(shop.installation.path("")).stdin(Stdio::null()).env("TERM", "xterm").env("COLUMNS", "100");
    command.env("SIGNET_SERVER", shop.installation.url());
    command.env("HUAWEICLOUD_SDK_AK", "ak").env("HUAWEICLOUD_SDK_SK", "sk");
    let ended = Ended::of(command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let seen = &ended.stdout;
    let steps: Vec<usize> = (0..=8).filter(|done| seen.contains(&format!(" {done}/8 "))).collect();
    assert!(steps.len() >= 3 && seen.contains('█'), "the bar grows: {steps:?} {seen}");
    assert!(seen.contains("usually") && seen.contains("simulated:"), "stages and log: {seen}");
    assert!(!seen.contains("== preflight"), "plain lines are for where nobody watches: {seen}");
    let (_, after) = seen.rsplit_once('█').unwrap();
    assert!(after.contains("\u{1b}[2K") && after.contains("healthy"), "the bar is taken away: {after:?}");
    shop.service.stop();
}

/// Regression: a simulated machine died with the service, and its deployment ended at a deadline.
#[test]
fn a_simulated_deployment_goes_on_when_the_service_was_killed_in_its_middle() {
    let mut shop = Shop::open();
    let begun = shop.deploy(&run(&[]));
    let id = begun.stdout.lines().next().unwrap().to_owned();
    let reached = |shop: &Shop, words: &str| {
        wait_until(words, || {
            let shown = shop.deploy(&["show", &id]);
            assert!(!shown.text().contains("failed"), "{shown:?}");
            shown.stdout.contains(words)
        });
    };
    for words in ["downloading the manifest", "nothing is really installed", "a seat is taken"] {
        reached(&shop, words);
        shop.service.kill();
        let file = shop.installation.data().join("simulated-cloud.json");
        assert_eq!(mode(&file), 0o600);
        let text = fs::read_to_string(file).unwrap();
        assert!(
            text.contains("machine") && !text.contains(&shop.installation.url()),
            "what it knows is sealed: {text}"
        );
        shop.service = shop.installation.serve_with(&SETTINGS);
    }
    reached(&shop, "simulated: healthy");
    let list = shop.list();
    assert_eq!(list["deployments"].as_array().unwrap().len(), 1, "{list}");
    let file = fs::read_to_string(shop.installation.data().join("simulated-cloud.json")).unwrap();
    assert_eq!(file.matches("made_at").count(), 1, "one server: {file}");
    shop.service.stop();
}

#[test]
fn what_is_refused_says_why_and_shows_no_secret() {
    let shop = Shop::open();
    let mut wrong = shop.command(&run(&[]));
    wrong.env("HUAWEICLOUD_SDK_AK", "ak").env("HUAWEICLOUD_SDK_SK", SECRET);
    let wrong = Ended::of(wrong);
    says(&wrong, 24, &["Simulated.AuthFailure", "Check that access key and secret"]);
    assert!(!wrong.text().contains(SECRET), "{wrong:?}");

    let sold_out: Vec<_> = run(&[]).into_iter().map(|it| if it == "sim.medium" { "sim.tiny" } else { it }).collect();
    says(&shop.deploy(&sold_out), 24, &["at least 2 vCPU"]);
    let sealed: Vec<_> = run(&[]).into_iter().map(|it| if it == "sim-web" { "sim-sealed" } else { it }).collect();
    says(&shop.deploy(&sealed), 24, &["sim-sealed lets nothing out", "rule for traffic going out"]);
    let without = |answer: &str| {
        let all = run(&["--dry-run"]);
        let at = all.iter().position(|it| *it == answer).unwrap();
        [&all[..at - 1], &all[at + 1..]].concat()
    };
    says(&shop.deploy(&without("SITE_NAME=Demo")), 24, &["SITE_NAME", "is missing"]);
    // This one has a default.
    says(&shop.deploy(&without("LANGUAGE=en")), 0, &["Nothing began"]);
    let mut weak = shop.command(&run(&[]));
    weak.env("SIGNET_DEPLOY_PASSWORD", "short");
    says(&Ended::of(weak), 24, &["8 to 26"]);
    says(&shop.deploy(&["show", "01a20445-ae14-78c4-bd6b-f621bdb09999"]), 24, &["no such deployment"]);
    assert_eq!(shop.list()["deployments"], serde_json::json!([]));

    let mut real = shop.command(&run(&[]));
    real.args(["--cloud", "ec2"]);
    assert_eq!(Ended::of(real).code, Some(2), "a flag twice");
    let nobody: Vec<_> = run(&[]).into_iter().map(|it| if it == "simulated" { "ec2" } else { it }).collect();
    says(&shop.deploy(&nobody), 1, &["AWS_ACCESS_KEY_ID", "--credentials-file"]);
    let list = shop.command(&["list"]);
    shop.service.stop();
    says(&Ended::of(list), 1, &["cannot be reached"]);
}

#[test]
fn the_script_for_a_server_that_exists_comes_in_three_forms() {
    let shop = Shop::open();
    let parameters = ["--parameter", "SITE_NAME=Demo", "--parameter", "LANGUAGE=en"];
    let begun = shop.deploy(&[&["script"], &parameters[..]].concat());
    says(&begun, 0, &["#!/bin/sh", "main \"$@\""]);
    let id = shop.list()["deployments"][0]["id"].as_str().unwrap().to_owned();
    assert!(begun.stderr.contains(&id), "{begun:?}");

    let cloud = shop.deploy(&["script", "--id", &id, "--format", "cloud-init"]);
    assert!(cloud.stdout.starts_with("#cloud-config\n") && cloud.stdout.len() < 16 * 1024, "{cloud:?}");
    let content = cloud.stdout.lines().find_map(|line| line.trim().strip_prefix("content: ")).unwrap();
    let packed = BASE64.decode(content.as_bytes()).unwrap();
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked, begun.stdout, "the same script, byte for byte");

    let terraform = shop.deploy(&["script", "--id", &id, "--format", "terraform"]);
    let body = hcl::parse(&terraform.stdout).unwrap();
    assert_eq!(body.blocks().next().unwrap().identifier.as_str(), "locals");
    assert!(terraform.stdout.contains(&BASE64.encode(unpacked.as_bytes())) && terraform.stdout.contains("Not run"));
    assert_eq!(shop.list()["deployments"].as_array().unwrap().len(), 1, "--id begins nothing");
    shop.service.stop();
}

/// Whoever automates gives the credentials no more rights than the wizard's customer.
#[test]
fn the_least_rights_are_printed_for_each_cloud() {
    let shop = Shop::open();
    let printed = |cloud: &str, region: &str| shop.deploy(&["policy", "--cloud", cloud, "--region", region]);
    for (cloud, region, right) in [
        ("huawei", "cn-north-4", "ecs:cloudServers:createServers"),
        ("ec2", "us-east-1", "arn:aws:ec2:us-east-1:*:instance/*"),
        ("ec2", "outscale-eu-west-2", "ec2:RunInstances"),
    ] {
        let told = printed(cloud, region);
        let policy: Value = serde_json::from_str(&told.stdout).unwrap_or_else(|_| panic!("{told:?}"));
        assert!(policy["Statement"].to_string().contains(right), "{told:?}");
    }
    says(&printed("simulated", "simulated-1"), 0, &["simulated:servers:*"]);
    says(&printed("huawei", "a&b"), 2, &["letters, digits"]);
    shop.service.stop();
}

/// What a customer creates is printed for their license; without an account of the merchant's it is said that there is
/// nothing to create.
#[test]
fn what_an_agency_needs_is_printed() {
    let shop = Shop::open();
    says(&shop.deploy(&["agency"]), 24, &["takes no agencies"]);
    shop.service.stop();
    let installation = shop.installation;
    let secret = installation.path("huawei.secret");
    fs::write(&secret, "canary-vendor-secret\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let mut installation = installation;
    let service = installation.serve_with(&[
        ("SIGNET_HUAWEI_ACCOUNT", "meadow-software"),
        ("SIGNET_HUAWEI_ACCOUNT_ID", "0a1b2c3d"),
        ("SIGNET_HUAWEI_ACCESS_KEY", "VENDORKEY"),
        ("SIGNET_HUAWEI_SECRET_KEY_FILE", secret.to_str().unwrap()),
    ]);
    let shop = Shop { installation, service };
    let told = shop.deploy(&["agency"]);
    says(&told, 0, &["meadow-software", "0a1b2c3d", "External ID", "signet-", "ecs:cloudServers:createServers", "5.0"]);
    assert!(!told.text().contains("VENDORKEY") && !told.text().contains("canary"), "{told:?}");
    let json: Value = serde_json::from_str(&shop.deploy(&["agency", "--json"]).stdout).unwrap();
    for name in ["external_id", "name"] {
        assert!(told.stdout.contains(json[name].as_str().unwrap()), "{told:?}");
    }
    let elsewhere = shop.deploy(&run(&["--agency", "iam::a:agency:b"]));
    says(&elsewhere, 1, &["agencies are Huawei Cloud's"]);
    let log = shop.service.log();
    assert!(!log.contains("canary-vendor-secret") && !log.contains(json["external_id"].as_str().unwrap()), "{log}");
    shop.service.stop();
}
