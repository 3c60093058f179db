//! The OpenAPI document against the running service: a fuzzer of another ecosystem (PyPI's schemathesis) makes requests from
//! the document, wrong ones too, and compares the answers with it.

use std::process::Command;

use super::{
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
    // The fuzzer is faster than any customer.
    let unlimited = [("SIGNET_LICENSE_RATE", "0"), ("SIGNET_ADDRESS_RATE", "0"), ("SIGNET_PRODUCT_RATE", "0")];
    let service = installation.serve_with(&unlimited);
    let token = installation.token(
        "licenses:read,licenses:write,licenses:reveal,orders:read,orders:write,catalog:read,messages:read,alerts:read,\
         alerts:write",
    );
    let license = issue(&installation, &token);

    println!("seed {SEED}");
    let mut command = Command::new(python().with_file_name("st"));
    command.env("SIGNET_TOKEN", token).env("SIGNET_LICENSE", license).current_dir(installation.data());
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
