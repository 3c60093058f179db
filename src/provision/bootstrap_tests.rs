use std::{
    io::Write,
    process::{Command, Stdio},
};

use proptest::prelude::*;

use super::*;
use crate::{
    base::entropy::SeededEntropy,
    provision::{
        password,
        recipe::{Architecture, Minimum, PackageSource},
    },
};

/// All that a script can be given, to be changed by tests.
struct Given {
    service: String,
    token: SecretString,
    digest: String,
    product: Slug,
    password: Option<PasswordHash>,
    recipe: Recipe,
    answers: Answers,
}

impl Given {
    fn new() -> Self {
        Self {
            service: "https://licenses.example.com".to_owned(),
            token: "t".repeat(43).into(),
            digest: "0".repeat(64),
            product: "atlas".parse().unwrap(),
            password: None,
            recipe: Recipe {
                package: PackageSource::Published { version: None },
                install: "./install.sh".to_owned(),
                health: "curl -fs http://localhost:8080/".to_owned(),
                health_seconds: 60,
                install_seconds: 600,
                ports: vec![8080],
                minimum: Minimum { vcpus: 1, memory_mib: 512, disk_gib: 10 },
                systems: vec![],
                architectures: vec![Architecture::X86_64],
                outputs: vec![],
                parameters: vec![],
            },
            answers: Answers::new(),
        }
    }

    fn script(&self) -> Result<Script, BootstrapError> {
        Bootstrap {
            service: &self.service,
            deployment: DeploymentId::from_bytes([7; 16]),
            token: &self.token,
            manifest_sha256: &self.digest,
            key: &[7; 32],
            product: &self.product,
            password: self.password.as_ref(),
            recipe: &self.recipe,
            answers: &self.answers,
        }
        .script()
    }
}

/// Runs a program on a text, and fails with what it says.
fn passes(program: &[&str], text: &str) {
    let mut child = Command::new(program[0])
        .args(&program[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{} runs ({error}): deploy/setup.sh test installs it", program[0]));
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout.clone(), output.stderr].concat();
    assert!(output.status.success(), "{program:?}: {}", String::from_utf8_lossy(&said));
}

/// What a shell has in its variables after the script's lines with values.
fn values(script: &str) -> Vec<String> {
    let (assignments, _) = script.split_once("note()").unwrap();
    let names = ["SERVICE", "PASSWORD", "INSTALL", "HEALTH", "PARAMETERS", "HEALTH_SECONDS"];
    let print = names.map(|name| format!("printf '%s\\n' \"${name}\"\n")).concat();
    let output = Command::new("sh").args(["-euc", &format!("{assignments}\n{print}")]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn shells_and_shellcheck_read_the_script() {
    let mut given = Given::new();
    given.password = Some(password::hash(&"Abcdef12".into(), &SeededEntropy::new(1)).unwrap());
    given.answers.insert("port".to_owned(), "8080".to_owned());
    let script = given.script().unwrap();
    for shell in [&["sh", "-n"][..], &["dash", "-n"], &["bash", "-n"], &["busybox", "sh", "-n"]] {
        passes(shell, script.text());
    }
    // Told before use: a file the script writes itself, and conditions whose last part is meant for both.
    passes(&["shellcheck", "--shell=sh", "--exclude=SC1091,SC2015,SC2016", "-"], script.text());
    assert!(script.text().starts_with("#!/bin/sh\n# "), "clouds know a script by its first line");
    assert!(next_value(script.text()).is_none(), "everything was filled in");
}

#[test]
fn a_script_leaves_room_for_the_recipe() {
    let bytes = Given::new().script().unwrap().text().len();
    assert!(bytes <= 13_000, "{bytes}");
    let mut given = Given::new();
    given.recipe.install = "x".repeat(limits::USER_DATA_BYTES);
    assert!(matches!(given.script(), Err(BootstrapError::TooLong { limit: 16_384, .. })));
}

#[test]
fn a_script_cut_off_anywhere_does_nothing() {
    let script = Given::new().script().unwrap();
    let (whole, call) = script.text().trim_end().rsplit_once('\n').unwrap();
    assert_eq!(call, "main \"$@\"");
    for cut in (0..whole.len()).step_by(97).filter(|cut| whole.is_char_boundary(*cut)) {
        let output = Command::new("sh").args(["-c", &whole[..cut]]).output().unwrap();
        assert!(output.stdout.is_empty(), "cut at {cut}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn values_that_are_none_are_refused_by_name() {
    type Change = fn(&mut Given);
    let changes: [(&str, Change); 13] = [
        ("the service's address", |it| it.service = "https://a'b".to_owned()),
        ("the service's address", |it| it.service = "ftp://example.com".to_owned()),
        ("the service's address", |it| it.service = "https://user@example.com".to_owned()),
        ("the service's address", |it| it.service = "https://example.com/".to_owned()),
        ("the service's address", |it| it.service = "https://".to_owned()),
        ("the service's address", |it| it.service = format!("https://{}", "a".repeat(200))),
        ("the token", |it| it.token = "t".repeat(42).into()),
        ("the token", |it| it.token = format!("{}'", "t".repeat(42)).into()),
        ("the manifest's digest", |it| it.digest = "A".repeat(64)),
        ("the manifest's digest", |it| it.digest = "0".repeat(63)),
        ("the recipe's command", |it| it.recipe.install = " ".to_owned()),
        ("the recipe's command", |it| it.recipe.health = String::new()),
        ("the recipe's command", |it| it.recipe.install = "a\0b".to_owned()),
    ];
    for (what, change) in changes {
        let mut given = Given::new();
        change(&mut given);
        assert_eq!(given.script().unwrap_err(), BootstrapError::Value(what));
    }
    for (name, value) in [("a b", "1"), ("", "1"), ("a=b", "1"), ("a", "1\n2"), ("a", "\u{1b}[0m")] {
        let mut given = Given::new();
        given.answers.insert(name.to_owned(), value.to_owned());
        assert_eq!(given.script().unwrap_err(), BootstrapError::Answer(name.to_owned()));
    }
}

#[test]
fn terraform_reads_its_part() {
    let script = Given::new().script().unwrap();
    let body: hcl::Body = hcl::from_str(&script.terraform()).unwrap();
    let block = body.blocks().next().unwrap();
    assert_eq!(block.identifier(), "locals");
    let value = hcl::format::to_string(&block.body().attributes().next().unwrap().expr).unwrap();
    let encoded = value.strip_prefix("sensitive(base64decode(\"").unwrap().strip_suffix("\"))").unwrap();
    assert_eq!(BASE64.decode(encoded.as_bytes()).unwrap(), script.text().as_bytes());
}

#[test]
fn debug_shows_no_token() {
    let given = Given::new();
    assert_eq!(format!("{:?}", given.script().unwrap()), "Script(…)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a recipe, an answer or a setting says: a shell reads it as that text, or there is no script.
    #[test]
    fn no_value_breaks_out(
        install in "[^\0]{1,80}",
        health in "('|\"|`|\\$|\\(|\n|;|@|[A-Z]){1,40}",
        service in prop_oneof![9 => "https://[a-z0-9.:]{1,20}", 1 => "https://[a-z0-9.:/'\" $;@-]{1,20}"],
        value in prop_oneof![9 => "\\PC{0,40}", 1 => any::<String>()],
    ) {
        let mut given = Given::new();
        given.recipe.install = install.clone();
        given.recipe.health = health.clone();
        given.service = service.clone();
        given.answers.insert("note".to_owned(), value.clone());
        if let Ok(script) = given.script() {
            let found = values(script.text());
            let base64 = |text: &str| BASE64.encode(text.as_bytes());
            let parameters = base64(&format!("NOTE={value}\n"));
            let expected = [
                service, String::new(), base64(&install), base64(&health), parameters,
                "60".to_owned(),
            ];
            prop_assert_eq!(found, expected);
        }
    }
}
