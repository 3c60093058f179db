//! A machine without network: a request, an answer, a license file, a list of what was revoked.

use std::fs;

use signet::usecase::merchant::Act;

use super::shop::{Machine, Shop};

/// Asks the service as somebody does who carries a file over.
async fn ask(shop: &Shop, path: &str, body: &serde_json::Value) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let request = reqwest::Client::new().post(format!("{}/api/v1/{path}", shop.server)).json(body);
    let answer = request.header("Authorization", format!("License {}", shop.key)).send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{status}: {text}");
    text
}

async fn answer(shop: &Shop, machine: &Machine) -> String {
    let request = machine.run(&["request-file"]);
    assert_eq!(request.code, Some(0), "{request:?}");
    assert!(request.stdout.lines().count() <= 12, "{request:?}");
    ask(shop, "offline-activations", &serde_json::json!({ "request": request.stdout })).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_without_network_is_activated_by_two_texts() {
    let mut shop = Shop::open(0).await;
    let (machine, other) = (Machine::new("vault-1"), Machine::new("vault-2"));
    let text = answer(&shop, &machine).await;
    shop.close();
    for place in [&machine, &other] {
        fs::write(place.path("answer.json"), &text).unwrap();
    }
    machine.run(&["import-file", "answer.json"]).refused(&["--root-key"]);
    let import = ["import-file", "answer.json", "--root-key", &shop.root];
    other.run(&import).refused(&["another machine"]);
    assert!(!other.state_file().exists());
    let imported = machine.run(&import);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    assert_eq!(machine.checks(0, "runs")["plan"], "standard");
    machine.run(&["deactivate"]).refused(&["without network", "license's page"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_changed_is_not_taken() {
    let shop = Shop::open(0).await;
    let machine = Machine::new("vault-1");
    let text = answer(&shop, &machine).await;
    let import = ["import-file", "answer.json", "--root-key", &shop.root];
    let longer = text.replace("\"product\":\"atlas\"", "\"product\":\"desk\"");
    for (changed, words) in
        [(longer, "for the product"), (text.replace(".", "A."), "not taken"), ("{}".into(), "not a")]
    {
        fs::write(machine.path("answer.json"), changed).unwrap();
        machine.run(&import).refused(&[words]);
        assert!(!machine.state_file().exists());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_license_file_runs_until_its_end() {
    for (age, exit, words) in [(0, 0, "runs"), (91, 20, "file_over")] {
        let mut shop = Shop::open(age).await;
        let machine = Machine::new("vault-1");
        machine.activated(&shop);
        let text = ask(&shop, "license-file", &serde_json::json!({})).await;
        shop.close();
        machine.run(&["check"]);
        fs::remove_file(machine.state_file()).unwrap();
        fs::write(machine.path("atlas.lic"), text).unwrap();
        let imported = machine.run(&["import-file", "atlas.lic", "--root-key", &shop.root]);
        assert_eq!(imported.code, Some(0), "{imported:?}");
        machine.checks(exit, words);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_that_was_carried_over_ends_a_lease() {
    let shop = Shop::open(0).await;
    let machine = Machine::new("vault-1");
    fs::write(machine.path("answer.json"), answer(&shop, &machine).await).unwrap();
    assert_eq!(machine.run(&["import-file", "answer.json", "--root-key", &shop.root]).code, Some(0));
    shop.act(Act::Release).await;
    let list = shop.app().get("/.well-known/license-revocations.jws?product=atlas").await;
    let keys = shop.app().get("/products/atlas/keys.jws").await;
    let text = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap();
    let bundle = serde_json::json!(
        { "signet": 1, "product": "atlas", "keys": text(&keys.body), "revocations": text(&list.body) });
    fs::write(machine.path("list.json"), bundle.to_string()).unwrap();
    machine.checks(0, "runs");
    let imported = machine.run(&["import-file", "list.json"]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    machine.checks(20, "code_revoked");
}

/// A machine that was told no while it had a network, and is renewed by a file later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_made_after_a_signed_no_lifts_it_and_an_older_one_does_not() {
    let mut shop = Shop::open(5).await;
    let machine = Machine::new("vault-1");
    machine.activated(&shop);
    let license_file = serde_json::json!({});
    let before = ask(&shop, "license-file", &license_file).await;
    shop.set_clock(1);
    shop.act(Act::Suspend).await;
    machine.checks(20, "license_frozen");
    shop.act(Act::Resume).await;
    shop.set_clock(0);
    let after = ask(&shop, "license-file", &license_file).await;
    shop.close();
    fs::write(machine.path("before.lic"), before).unwrap();
    fs::write(machine.path("after.lic"), after).unwrap();
    machine.run(&["import-file", "before.lic"]).refused(&["before the service refused"]);
    machine.checks(20, "license_frozen");
    let imported = machine.run(&["import-file", "after.lic"]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    machine.checks(0, "runs");
}

/// The answer to a request keeps: somebody whose license was suspended must not run on by importing it once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_a_file_of_before_does_not_undo_a_signed_no() {
    let shop = Shop::open(5).await;
    let machine = Machine::new("vault-1");
    machine.activated(&shop);
    fs::write(machine.path("before.json"), answer(&shop, &machine).await).unwrap();
    shop.set_clock(0);
    shop.act(Act::Suspend).await;
    machine.checks(20, "license_frozen");
    machine.run(&["import-file", "before.json"]).refused(&["before the service refused this machine"]);
    let (exit, json) = machine.check(&["--offline"]);
    assert_eq!((exit, &json["reason"]), (20, &"license_frozen".into()));
    shop.set_clock(0);
    // A file of afterwards counts, and then the one of before is older than what is stored.
    shop.act(Act::Resume).await;
    fs::write(machine.path("after.json"), answer(&shop, &machine).await).unwrap();
    assert_eq!(machine.run(&["import-file", "after.json"]).code, Some(0));
    assert_eq!(machine.check(&["--offline"]).0, 0);
    let lease = machine.state()["lease"].clone();
    machine.run(&["import-file", "before.json"]).refused(&["older than the one that is stored"]);
    assert_eq!(machine.state()["lease"], lease);
    assert_eq!(machine.run(&["import-file", "after.json"]).code, Some(0), "the same again harms nothing");
}

/// Whether each module of a drawing in half blocks is dark.
fn modules(drawing: &[&str]) -> Vec<Vec<bool>> {
    let row = |line: &str, full: char| line.chars().map(|char| char == '█' || char == full).collect();
    drawing.iter().flat_map(|line| [row(line, '▀'), row(line, '▄')]).collect()
}

#[test]
fn the_request_is_drawn_as_the_qr_code_of_the_line_below_it() {
    use qrcode::{Color, EcLevel, QrCode};
    let printed = Machine::new("vault-1").run(&["request-file", "--qr"]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let lines: Vec<_> = printed.stdout.lines().collect();
    let (text, drawing) = lines.split_last().unwrap();
    let code = QrCode::with_error_correction_level(text, EcLevel::L).unwrap();
    let (size, drawn) = (code.width() + 8, modules(drawing));
    assert_eq!(drawing.len(), size.div_ceil(2), "four empty modules around it\n{}", printed.stdout);
    assert!(drawn.iter().all(|row| row.len() == size));
    for (y, row) in drawn.iter().enumerate() {
        for (x, dark) in row.iter().enumerate() {
            let inside = (4..size - 4).contains(&x) && (4..size - 4).contains(&y);
            assert_eq!(*dark, inside && code[(x - 4, y - 4)] == Color::Dark, "{x}, {y}\n{}", printed.stdout);
        }
    }
}
