//! The OpenAPI document against the running service: a fuzzer of another ecosystem (PyPI's schemathesis) makes requests from
//! the document, wrong ones too, and compares the answers with it.

use std::{fs, process::Command};

use super::{
    deploy::{SETTINGS, run},
    jose::{folder, python},
    support::{Backend, Ended, Installation, PATIENCE},
};

/// One for all runs, so that what one finds the next finds too.
const SEED: &str = "20260302";
/// How long it may look, in seconds.
const BUDGET: &str = "25";
/// What must hold of every answer: nothing that the document does not tell, and never a 5xx.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,unsupported_method,ignored_auth";

#[test]
fn the_document_tells_all_that_the_service_answers_sqlite() {
    compare(Backend::Sqlite);
}

#[test]
fn the_document_tells_all_that_the_service_answers_postgres() {
    compare(Backend::Postgres);
}

#[expect(clippy::print_stdout, reason = "read by whoever repeats a failure")]
fn compare(backend: Backend) {
    let mut installation = Installation::new(backend);
    // The fuzzer is faster than any customer. With a cloud and a package, deployments are more than a 404.
    let service = installation.serve_with(&SETTINGS);
    fs::write(installation.path("atlas-1.4.0.tar.gz"), "not unpacked by the simulated machine").unwrap();
    installation.done(&["package", "publish", "--product", "atlas", "--version", "1.4.0", "atlas-1.4.0.tar.gz"]);
    let token = installation.token(
        "licenses:read,licenses:write,licenses:reveal,orders:read,orders:write,catalog:read,messages:read,alerts:read,\
         alerts:write",
    );
    let license = issue(&installation, &token);
    let deployment = deploy(&installation, &license);

    println!("seed {SEED}");
    let mut command = Command::new(python().with_file_name("st"));
    command
        .env("SIGNET_TOKEN", token)
        .env("SIGNET_LICENSE", &license)
        .env("SIGNET_DEPLOYMENT", deployment)
        .current_dir(installation.data());
    command.arg("--config-file").arg(folder().join("schemathesis.toml")).arg("--no-color");
    command.args(["run", &format!("{}/api/v1/openapi.json", installation.url()), "--url", &installation.url()]);
    command.args(["--seed", SEED, "--max-time", BUDGET, "--max-examples", "30", "--continue-on-failure"]);
    command.args(["--checks", CHECKS, "--warnings", "off"]);
    let ended = Ended::within(command, 3 * PATIENCE);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("Fuzzing") && ended.stdout.contains("Stateful"), "{}", ended.stdout);
    service.stop();
}

/// A license with seats for every machine that the fuzzer thinks of.
fn issue(installation: &Installation, token: &str) -> String {
    let body = r#"{"product":"atlas","plan":"cluster","quantity":1000}"#;
    let (status, answer) = installation.post_with_token("/api/v1/licenses", token, body);
    assert_eq!(status, 201, "{answer}");
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    answer["license_key"].as_str().unwrap().to_owned()
}

/// A deployment to the simulated cloud, for the routes that need one.
fn deploy(installation: &Installation, license: &str) -> String {
    fs::write(installation.path("license.txt"), license).unwrap();
    let mut command = installation.command(&["deploy"]);
    command.args(run(&["--license-file", "license.txt"])).env("SIGNET_SERVER", installation.url());
    let begun = Ended::of(command);
    assert_eq!(begun.code, Some(0), "{begun:?}");
    begun.stdout.trim().to_owned()
}
