//! `signet client` against a service in this process, whose clock says when a lease was given.

mod air_gap;
mod examples;
mod shop;
mod state;
mod usage;
mod verify;

use std::process::Stdio;

use signet::usecase::{keys, merchant::Act};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::support::{Ended, executable, mode};
use crate::harness::slug;
use shop::{Machine, Shop, days_ago, holds};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_activated_machine_runs_on_when_the_service_is_gone() {
    let mut shop = Shop::open(0).await;
    let machine = Machine::new("desk-1");
    assert_eq!(machine.run(&["check"]).code, Some(21));
    machine.activated(&shop);
    shop.close();
    let json = machine.checks(0, "runs");
    assert_eq!((&json["may_run"], &json["plan"]), (&true.into(), &"standard".into()));
    assert_eq!(json["features"]["edition"], "standard");
    let folder = machine.state_file();
    assert_eq!((mode(&folder), mode(folder.parent().unwrap())), (0o600, 0o700));
    assert_eq!(machine.run(&["check", "--feature", "layers"]).code, Some(0));
    let missing = machine.run(&["check", "--feature", "nothing"]);
    assert!(missing.code == Some(20) && missing.stdout.contains("does not have this feature"), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_is_due_needs_no_service_then_grace_warns_and_the_end_stops() {
    for (age, exit, standing) in [(5, 0, "runs"), (9, 10, "grace"), (15, 20, "lease_over")] {
        let mut shop = Shop::open(age).await;
        let machine = Machine::new("desk-1");
        machine.activated(&shop);
        shop.close();
        let json = machine.checks(exit, standing);
        assert!(json["warnings"].to_string().contains("cannot be reached"), "{age} days: {json:#}");
        assert_eq!(json["renewed"], false);
        let (offline, json) = machine.check(&["--offline"]);
        assert_eq!((offline, &json["warnings"]), (exit, &serde_json::json!([])), "{age} days");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_renewed_when_due_and_brings_the_renewed_license_along() {
    // The plan's codes carry their end, so a renewal makes a new revision.
    let shop = Shop::selling("offline", 16).await;
    let machine = Machine::new("desk-1");
    machine.activated(&shop);
    let before = machine.state();
    shop.set_clock(0);
    shop.act(Act::Extend(Some(days_ago(-900)))).await;
    let json = machine.checks(0, "runs");
    assert_eq!((&json["renewed"], &json["revision"]), (&true.into(), &2.into()));
    assert_eq!(json["license_ends_at"].as_str().unwrap()[..10], days_ago(-900).to_string()[..10]);
    let after = machine.state();
    assert_ne!(after["code"], before["code"], "the newest code comes along");
    assert_eq!(after["client"]["activation"], before["client"]["activation"]);
    assert_eq!(machine.checks(0, "runs")["renewed"], false, "a fresh lease is not renewed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_licenses_coming_end_is_announced() {
    let shop = Shop::open(0).await;
    shop.act(Act::Extend(Some(days_ago(-10)))).await;
    let machine = Machine::new("desk-1");
    machine.activated(&shop);
    assert!(machine.checks(0, "runs")["warnings"][0].as_str().unwrap().contains("renew it"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_refusal_stops_at_once_and_until_the_service_says_otherwise() {
    let mut shop = Shop::open(5).await;
    let machine = Machine::new("desk-1");
    machine.activated(&shop);
    shop.set_clock(0);
    shop.act(Act::Suspend).await;
    machine.checks(20, "license_frozen");
    let address = machine.state()["client"]["server"].clone();
    machine.edit(|state| state["client"]["server"] = "http://127.0.0.1:9".into());
    machine.checks(20, "license_frozen");
    assert_eq!(machine.check(&["--offline"]).0, 20);
    machine.edit(|state| state["client"]["server"] = address);
    shop.act(Act::Resume).await;
    machine.checks(0, "runs");
    shop.close();
    machine.checks(0, "runs");
}

/// What a proxy in the way may say, none of it signed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsigned_refusal_stops_nobody() {
    let mut shop = Shop::open(5).await;
    let machine = Machine::new("desk-1");
    machine.activated(&shop);
    let signed_elsewhere = shop.code.clone();
    shop.close();
    let lies = [
        r#"{"reason":"license_released","conclusive":true,"detail":"gone"}"#.to_owned(),
        format!(r#"{{"reason":"license_released","conclusive":true,"detail":"gone","signed":"{signed_elsewhere}"}}"#),
        r#"{"reason":"license_released","conclusive":true,"detail":"gone","signed":"e30.e30.e30"}"#.to_owned(),
        "<html>log in first</html>".to_owned(),
        String::new(),
    ];
    for status in ["403 Forbidden", "401 Unauthorized", "409 Conflict", "429 Slow", "503 Down", "200 OK", "204 Done"] {
        for body in &lies {
            let address = answering(status, body).await;
            machine.edit(|state| state["client"]["server"] = format!("http://{address}").into());
            let json = machine.checks(0, "runs");
            assert_ne!(json["warnings"], serde_json::json!([]), "{status} {body}");
        }
    }
    assert!(machine.state()["client"]["refusal"].is_null());
}

/// A signed no to another question, of another machine or another day, proves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replayed_refusal_stops_nobody() {
    let shop = Shop::open(5).await;
    let (machine, other) = (Machine::new("desk-1"), Machine::new("desk-2"));
    machine.activated(&shop);
    other.activated(&shop);
    shop.set_clock(0);
    shop.act(Act::Suspend).await;
    other.checks(20, "license_frozen");
    let signed = other.state()["client"]["refusal"].clone();
    let lie = serde_json::json!({ "reason": "license_frozen", "conclusive": true, "detail": "x", "signed": signed });
    let address = answering("403 Forbidden", &lie.to_string()).await;
    machine.edit(|state| state["client"]["server"] = format!("http://{address}").into());
    machine.checks(0, "not signed");
}

/// A service that gives every question the same answer.
async fn answering(status: &str, body: &str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            // An answer to half a request may be lost with the connection.
            while !is_whole(&request) && stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {}
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    body.len() >= length.unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_root_is_refused_before_anything_is_stored_and_after() {
    let shop = Shop::open(0).await;
    let desk = shop.app().read(|tx, _| keys::root_public(tx, &slug("desk"))).await.x();
    let machine = Machine::new("desk-1");
    let activate = |root: &str| {
        let mut command = machine.command(&["activate", "--server", &shop.server, "--root-key", root]);
        command.env("SIGNET_LICENSE", &shop.code);
        tokio::task::block_in_place(|| Ended::of(command))
    };
    activate(&desk).refused(&["nothing was stored"]);
    assert!(!machine.state_file().exists());
    assert_eq!(activate(&shop.root).code, Some(0));
    activate(&desk).refused(&["another root"]);
    assert_eq!(activate("nonsense").code, Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_key_list_is_refused_and_rotation_strands_nobody() {
    let shop = Shop::open(0).await;
    let machine = Machine::new("desk-1");
    machine.activated(&shop);
    let old = machine.state();
    shop.app().write(|tx, ctx| keys::rotate(tx, ctx, &slug("atlas"), None)).await;
    shop.app().app.reload().await.unwrap();
    machine.activated(&shop);
    assert_ne!(machine.state()["keys"], old["keys"]);
    let bundle = serde_json::json!(
        { "signet": 1, "product": "atlas", "keys": old["keys"], "lease": old["lease"], "code": old["code"] });
    std::fs::write(machine.path("old.json"), bundle.to_string()).unwrap();
    machine.run(&["import-file", "old.json"]).refused(&["not taken", "key list"]);
    machine.checks(0, "runs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_turned_back_is_told_and_needs_the_service() {
    let mut shop = Shop::open(-2).await;
    let machine = Machine::new("desk-1");
    machine.activated(&shop);
    let json = machine.checks(0, "runs");
    assert!(json["warnings"].to_string().contains("behind") && json["renewed"] == true, "{json:#}");
    shop.close();
    machine.checks(22, "clock_turned_back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_over_the_limit_learns_who_has_the_seats_and_gets_one_that_is_freed() {
    let shop = Shop::open(0).await;
    let machines = ["desk-1", "desk-2", "desk-3"].map(Machine::new);
    machines[0].activated(&shop);
    machines[1].activated(&shop);
    let full = machines[2].activate(&shop, &shop.key);
    assert_eq!(full.code, Some(20), "{full:?}");
    assert!(full.stderr.contains("desk-1") && full.stderr.contains("desk-2"), "{full:?}");
    assert!(!machines[2].state_file().exists());

    assert_eq!(machines[0].run(&["deactivate"]).code, Some(0));
    assert!(!machines[0].state_file().exists());
    assert_eq!(machines[0].run(&["check"]).code, Some(21));
    assert_eq!(machines[0].run(&["deactivate"]).code, Some(21));
    assert_eq!(machines[2].activate(&shop, &shop.key).code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_that_cannot_be_given_back_is_not_forgotten() {
    let mut shop = Shop::open(0).await;
    let machine = Machine::new("desk-1");
    machine.activated(&shop);
    let address = answering("404 Not Found", r#"{"reason":"machine_unknown","detail":"never heard of it"}"#).await;
    machine.edit(|state| state["client"]["server"] = format!("http://{address}").into());
    machine.run(&["deactivate"]).refused(&["nothing was changed"]);
    shop.close();
    machine.edit(|state| state["client"]["server"] = shop.server.clone().into());
    machine.run(&["deactivate"]).refused(&["cannot be reached", "nothing was changed"]);
    machine.checks(0, "runs");
}

/// Whoever is on the way can say that the seat is free; it is when the service signed that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_a_seat_that_somebody_else_says_is_free_is_not_forgotten() {
    let shop = Shop::open(0).await;
    let machine = Machine::new("desk-1");
    machine.activated(&shop);
    let unsigned = r#"{"activation":"x","reason":"machine_unknown"}"#.to_owned();
    let by_nobody = format!(r#"{{"reason":"machine_unknown","signed":"{}"}}"#, shop.code);
    for (status, body) in
        [("204 Done", ""), ("200 OK", ""), ("200 OK", "{}"), ("200 OK", &unsigned), ("200 OK", &by_nobody)]
    {
        let address = answering(status, body).await;
        machine.edit(|state| state["client"]["server"] = format!("http://{address}").into());
        machine.run(&["deactivate"]).refused(&["nothing was changed"]);
        assert!(machine.state_file().exists(), "{status} {body}");
    }
    machine.edit(|state| state["client"]["server"] = shop.server.clone().into());
    assert_eq!(machine.run(&["deactivate"]).code, Some(0));
    assert!(!machine.state_file().exists());
}

/// A container that starts anew has nothing but its operator's id: it finds its seat.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_container_with_an_operators_id_keeps_its_seat() {
    let shop = Shop::open(0).await;
    let first = Machine::new("pod-0");
    first.activated(&shop);
    let seat = first.state()["client"]["activation"].clone();
    for _ in 0..3 {
        let again = Machine::new("pod-0");
        again.activated(&shop);
        assert_eq!(again.state()["client"]["activation"], seat);
    }
    Machine::new("pod-1").activated(&shop);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_state_is_no_activation() {
    let mut shop = Shop::open(0).await;
    let (machine, clone) = (Machine::new("desk-1"), Machine::new("desk-2"));
    machine.activated(&shop);
    std::fs::create_dir_all(clone.state_file().parent().unwrap()).unwrap();
    for name in ["state.json", "lock"] {
        std::fs::copy(machine.state_file().with_file_name(name), clone.state_file().with_file_name(name)).unwrap();
    }
    clone.checks(22, "other_machine");
    shop.close();
    clone.checks(22, "other_machine");
    machine.checks(0, "runs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_license_comes_from_file_environment_or_input_and_is_never_shown() {
    let shop = Shop::open(0).await;
    let given = ["activate", "--server", &shop.server, "--root-key", &shop.root];
    let file = Machine::new("desk-1");
    std::fs::write(file.path("license"), format!("{}\n", shop.key)).unwrap();
    let by_file = file.run(&[&given[..], &["--license-file", "license"]].concat());
    let input = Machine::new("desk-2");
    let mut command = input.command(&given);
    std::fs::write(input.path("license"), &shop.code).unwrap();
    command.stdin(Stdio::from(std::fs::File::open(input.path("license")).unwrap()));
    let by_input = tokio::task::block_in_place(|| Ended::of(command));
    for ended in [by_file, by_input] {
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.text().contains(&shop.key) && !ended.text().contains(&shop.code), "{ended:?}");
    }
    assert!(holds(&file.path("client"), &shop.key));
    Machine::new("desk-3").run(&given).refused(&["a license is one line"]);
    assert_eq!(file.run(&["activate", "--license", "x"]).code, Some(2), "a license is no argument");
}

/// As the license's page says: run this, then paste the license key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_terminal_the_license_is_asked_for_and_pasted() {
    let shop = Shop::open(0).await;
    let machine = Machine::new("desk-1");
    std::fs::write(machine.path("typed"), format!("{}\n", shop.key)).unwrap();
    let root = format!("--root-key={}", shop.root);
    let line = format!("'{}' client activate --server {} {root}", executable().display(), shop.server);
    // Gives the command a terminal, and types there what it reads itself.
    let mut command = std::process::Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    command.envs(machine.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env_remove("SIGNET_LICENSE").stdin(Stdio::from(std::fs::File::open(machine.path("typed")).unwrap()));
    let ended = tokio::task::block_in_place(|| Ended::of(command));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("press Enter") && machine.state_file().exists(), "{ended:?}");
    machine.checks(0, "runs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_told_in_their_language() {
    let shop = Shop::open(0).await;
    let machine = Machine::new("desk-1");
    machine.activated(&shop);
    let mut command = machine.command(&["check"]);
    command.env("LANG", "zh_CN.UTF-8");
    let ended = tokio::task::block_in_place(|| Ended::of(command));
    assert!(ended.stdout.contains("可以运行"), "{ended:?}");
    assert!(machine.run(&["check"]).stdout.contains("may run"));
}
