//! `signet verify` on what machines hold: every kind of signed text, and files.

use std::{fs, process::Command};

use serde_json::{Value, json};
use signet::usecase::merchant::Act;

use super::{
    super::support::executable,
    Ended,
    shop::{Machine, Shop},
};

/// `signet verify` in the machine's folder.
#[track_caller]
fn verify(machine: &Machine, arguments: &[&str]) -> Ended {
    let mut command = Command::new(executable());
    command.arg("verify").args(arguments).env_clear().current_dir(machine.path("."));
    tokio::task::block_in_place(|| Ended::of(command))
}

/// A machine with a seat, and the published keys beside it.
async fn machine(shop: &Shop) -> Machine {
    let machine = Machine::new("desk-1");
    machine.activated(shop);
    fs::write(machine.path("jwks.json"), shop.app().get("/.well-known/jwks.json").await.body).unwrap();
    machine
}

async fn text(shop: &Shop, path: &str) -> String {
    String::from_utf8(shop.app().get(path).await.body.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_says_what_it_is() {
    let shop = Shop::open(0).await;
    let machine = machine(&shop).await;
    let lease = machine.state()["lease"].as_str().unwrap().to_owned();
    let list = text(&shop, "/.well-known/license-revocations.jws?product=atlas").await;
    let keys = text(&shop, "/products/atlas/keys.jws").await;
    for (signed, kind, words) in [
        (&shop.code, "license code", "atlas / standard"),
        (&lease, "lease", "renew after"),
        (&list, "revocation list", "complete"),
    ] {
        let ended = verify(&machine, &["--jwks", "jwks.json", "--product", "atlas", signed]);
        assert!(ended.code == Some(0) && ended.stdout.contains("VALID"), "{ended:?}");
        assert!(ended.stdout.contains(kind) && ended.stdout.contains(words), "{ended:?}");
        verify(&machine, &["--jwks", "jwks.json", "--product", "desk", signed]).refused(&["NOT VALID", "not for desk"]);
    }
    let json: Value =
        serde_json::from_str(&verify(&machine, &["--jwks", "jwks.json", "--json", &lease]).stdout).unwrap();
    assert_eq!(
        (&json["valid"], &json["kind"], &json["claims"]["aud"]),
        (&true.into(), &"lease+jwt".into(), &"atlas/lease".into())
    );

    // A key list has the root over it, not the published keys.
    verify(&machine, &["--jwks", "jwks.json", &keys]).refused(&["--root-key"]);
    let ended = verify(&machine, &["--root-key", &shop.root, "--product", "atlas", &keys]);
    assert!(ended.code == Some(0) && ended.stdout.contains("key list"), "{ended:?}");
    verify(&machine, &["--root-key", &shop.root, "--product", "desk", &keys]).refused(&["not for desk/keys"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_is_over_is_not_valid() {
    let shop = Shop::open(15).await;
    let machine = machine(&shop).await;
    let lease = machine.state()["lease"].as_str().unwrap().to_owned();
    verify(&machine, &["--jwks", "jwks.json", &lease]).refused(&["NOT VALID", "expired at"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_is_verified_text_by_text() {
    let shop = Shop::open(0).await;
    let machine = machine(&shop).await;
    let bundle = |change: &dyn Fn(&mut Value)| {
        let mut state = machine.state();
        change(&mut state);
        fs::write(machine.path("bundle.json"), state.to_string()).unwrap();
        verify(&machine, &["--root-key", &shop.root, "--json", "--bundle", "bundle.json"])
    };
    let read = |ended: &Ended| serde_json::from_str::<Value>(&ended.stdout).unwrap();
    let good = bundle(&|_| {});
    let kinds: Vec<Value> = read(&good)["documents"].as_array().unwrap().iter().map(|it| it["kind"].clone()).collect();
    assert_eq!((good.code, kinds), (Some(0), vec![json!("license+jwt"), json!("lease+jwt")]));

    let changed = bundle(&|state| state["lease"] = state["code"].clone());
    assert_eq!((changed.code, &read(&changed)["documents"][0]["reason"]), (Some(1), &json!("wrong_kind")));
    let foreign = bundle(&|state| state["product"] = "desk".into());
    assert_eq!(read(&foreign)["documents"][0]["reason"], "wrong_product");

    // What the list that came along names does not hold, whoever signed it.
    shop.act(Act::Release).await;
    let list = text(&shop, "/.well-known/license-revocations.jws?product=atlas").await;
    let revoked = bundle(&|state| state["revocations"] = list.clone().into());
    let reasons: Vec<Value> =
        read(&revoked)["documents"].as_array().unwrap().iter().map(|it| it["reason"].clone()).collect();
    assert_eq!((revoked.code, reasons), (Some(1), vec![json!("revoked"), json!("revoked"), Value::Null]));
    let without = verify(&machine, &["--bundle", "bundle.json"]);
    assert!(without.code == Some(2) && without.stderr.contains("--root-key"), "{without:?}");
}
