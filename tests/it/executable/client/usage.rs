//! `signet client usage`: a report counts once, what was refused says why, and what is not known says how to find out.

use serde_json::{Value, json};
use signet::usecase::merchant::Act;

use super::{
    answering,
    shop::{Machine, Shop},
};
use crate::executable::support::Ended;

/// A machine with a seat of a license that has meters.
struct Metered {
    shop: Shop,
    machine: Machine,
}

impl Metered {
    async fn new() -> Self {
        let it = Self { shop: Shop::of("mill", "metered", 0).await, machine: Machine::new("loom-1") };
        let mut command = it.machine.command(&["activate", "--server", &it.shop.server, "--root-key", &it.shop.root]);
        command.env("SIGNET_PRODUCT", "mill").env("SIGNET_LICENSE", &it.shop.key);
        let ended = tokio::task::block_in_place(|| Ended::of(command));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        it
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = self.machine.command(&[&["usage"], arguments].concat());
        command.env("SIGNET_PRODUCT", "mill");
        tokio::task::block_in_place(|| Ended::of(command))
    }

    /// `--json`: the exit code and the object.
    fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let ended = self.run(&[arguments, &["--json"]].concat());
        (ended.code.unwrap(), serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}")))
    }

    fn asks(&self, address: &str) {
        let file = self.machine.path("client/mill/state.json");
        let mut state: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        state["client"]["server"] = address.into();
        std::fs::write(&file, state.to_string()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_counts_once_and_says_what_is_left() {
    let it = Metered::new().await;
    let ended = it.run(&["monthly", "2.5", "--id", "job-1"]);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "mill: monthly: 2.5 of 10 used, 7.5 left\n"),
        "{ended:?}"
    );
    for _ in 0..2 {
        let (exit, json) = it.json(&["monthly", "2.5", "--id", "job-1"]);
        assert_eq!((exit, &json["counted"], &json["used"]), (0, &json!(true), &json!("2.5")), "a repeat: {json}");
    }
    // Without an id each call is another report.
    it.json(&["monthly", "1"]);
    let (_, json) = it.json(&["monthly", "1"]);
    assert_eq!((&json["used"], &json["left"], &json["limit"]), (&json!("4.5"), &json!("5.5"), &json!("10")));
    assert!(json["resets_at"].as_str().unwrap().ends_with("-01T00:00:00Z"), "{json}");
    let (exit, json) = it.json(&["plain", "0.0001"]);
    assert_eq!((exit, &json["used"], &json["limit"], &json["left"]), (0, &json!("0.0001"), &Value::Null, &Value::Null));
    let chinese = {
        let mut command = it.machine.command(&["usage", "monthly", "0.5"]);
        command.env("SIGNET_PRODUCT", "mill").env("LANG", "zh_CN.UTF-8");
        tokio::task::block_in_place(|| Ended::of(command))
    };
    assert_eq!(chinese.stdout, "mill: monthly 已用 5 / 10，剩余 5\n", "{chinese:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_count_says_why() {
    let it = Metered::new().await;
    for (arguments, reason) in [(&["monthly", "10.0001"][..], "usage_limit"), (&["nothing", "1"], "meter_unknown")] {
        let (exit, json) = it.json(arguments);
        assert_eq!((exit, &json["counted"], &json["reason"]), (20, &json!(false), &json!(reason)), "{json}");
        let ended = it.run(arguments);
        assert!(ended.code == Some(20) && ended.stdout.is_empty() && ended.stderr.contains("signet: "), "{ended:?}");
    }
    assert_eq!(it.json(&["monthly", "1", "--id", "job-1"]).0, 0);
    let (exit, json) = it.json(&["monthly", "2", "--id", "job-1"]);
    assert_eq!((exit, &json["reason"]), (20, &json!("report_conflict")));
    it.shop.act(Act::Suspend).await;
    // Counted before: so it is, whatever the license is now.
    let (exit, json) = it.json(&["monthly", "1", "--id", "job-1"]);
    assert_eq!((exit, &json["counted"], &json["reason"]), (0, &json!(true), &Value::Null), "{json}");
    let (exit, json) = it.json(&["monthly", "1"]);
    assert_eq!((exit, &json["reason"], &json["used"]), (20, &json!("license_frozen"), &Value::Null), "{json}");
    it.shop.act(Act::Resume).await;
    assert_eq!(it.json(&["monthly", "0"]).1["used"], "1", "nothing else was counted");
    for wrong in [&["monthly", "0.00001"][..], &["monthly", "1e3"], &["monthly", "x"], &["Monthly!", "1"], &["monthly"]]
    {
        assert_eq!(it.run(wrong).code, Some(2), "{wrong:?}");
    }
    assert_eq!(it.run(&["monthly", "1", "--id", "a b"]).code, Some(2));
    let stranger = Machine::new("loom-2");
    assert_eq!(stranger.run(&["usage", "monthly", "1"]).code, Some(21));
}

/// A proxy that answers, or nobody: then it may have counted, and the id that is printed finds out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_known_is_asked_again_by_the_id_that_is_printed() {
    let it = Metered::new().await;
    let claims = r#"{"reports":[{"id":"job-1","counted":true}],"signed":"e30.e30.e30"}"#;
    let elsewhere = [
        "http://127.0.0.1:9".to_owned(),
        format!("http://{}", answering("200 OK", claims).await),
        format!("http://{}", answering("503 Down", "").await),
        format!("http://{}", answering("200 OK", "<html>log in first</html>").await),
    ];
    for address in elsewhere {
        it.asks(&address);
        let ended = it.run(&["monthly", "1", "--id", "job-1"]);
        assert!(
            ended.code == Some(1) && ended.stderr.contains("run the same again with --id=job-1"),
            "{address} {ended:?}"
        );
    }
    let unnamed = it.run(&["monthly", "1"]);
    let (_, id) = unnamed.stderr.split_once("--id=").unwrap_or_else(|| panic!("{unnamed:?}"));
    let id: String = id.chars().take_while(|it| it.is_ascii_alphanumeric() || "-_.".contains(*it)).collect();
    it.asks(&it.shop.server);
    let (exit, json) = it.json(&["monthly", "1", &format!("--id={id}")]);
    assert_eq!((exit, &json["id"], &json["used"]), (0, &json!(id), &json!("1")), "{json}");
}
