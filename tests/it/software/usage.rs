//! `POST /activations/{id}/usage`, and where its results are shown.

use rstest::rstest;
use serde_json::{Value, json};
use signet::usecase::merchant::Act;
use signet_verify::claims::Asked;

use super::{NOBODYS, Software, act, limits, manage, members, refusal, signed, unknown_key};
use crate::harness::{Answer, Backend, TestApp};

fn one(id: &str, meter: &str, amount: impl Into<Value>) -> Value {
    json!({ "reports": [{ "id": id, "meter": meter, "amount": amount.into() }] })
}

fn meter<'a>(answer: &'a Value, name: &str) -> &'a Value {
    answer["meters"].as_array().unwrap().iter().find(|it| it["meter"] == name).unwrap()
}

fn asked(software: &Software, seat: &str, nonce: Option<&str>) -> Asked {
    Asked { activation: Some(seat.to_owned()), nonce: nonce.map(str::to_owned), ..Asked::about(&software.key) }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_reported_is_shown_everywhere(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "metered", Some(2)).await;
    let activated = software.activate(1).await.json();
    assert_eq!(meter(&activated, "monthly")["used"], "0");
    let seat = activated["activation"]["id"].as_str().unwrap().to_owned();
    let mut body = one("r-1", "monthly", "2.5");
    body["nonce"] = "n-7".into();
    let answer = software.reports(&seat, body).await;
    assert_eq!(
        (answer.status, members(&answer)),
        (200, ["reports", "meters", "server_time", "signed", "keys"].map(str::to_owned).to_vec())
    );
    let told = answer.json();
    assert_eq!(told["reports"], json!([{ "id": "r-1", "counted": true, "repeated": false, "reason": null }]));
    let expected = json!({
        "meter": "monthly", "name": { "zh": "monthly", "en": "Monthly" }, "unit": { "zh": "次", "en": "times" },
        "limit": "10", "period": "month", "over": "refuse", "used": "2.5", "left": "7.5", "resets_at": "2026-04-01T00:00:00Z",
    });
    assert_eq!(meter(&told, "monthly"), &expected);
    assert_eq!(meter(&told, "plain")["left"], Value::Null);
    let ring = super::ring(&app, "mill", &told).await;
    let read = signet_verify::read::read_validation(told["signed"].as_str().unwrap(), &ring, "mill").unwrap();
    signet_verify::validation::answers(&read, &asked(&software, &seat, Some("n-7"))).unwrap();
    assert!(signet_verify::validation::answers(&read, &asked(&software, NOBODYS, Some("n-7"))).is_err());
    let validation = Asked { activation: None, ..asked(&software, &seat, Some("n-7")) };
    assert!(signet_verify::validation::answers(&read, &validation).is_err(), "no answer to any other question");
    let said = read.claims.meters.iter().find(|it| it.meter == "monthly").unwrap();
    assert_eq!((said.used.as_str(), said.left.as_deref()), ("2.5", Some("7.5")));
    // A whole number is taken as it is; a repeat counts once.
    for repeated in [false, true] {
        let told = software.reports(&seat, one("r-2", "monthly", 3)).await.json();
        assert_eq!(
            (&told["reports"][0]["repeated"], &meter(&told, "monthly")["used"]),
            (&json!(repeated), &json!("5.5"))
        );
    }
    for shown in [software.validate().await, software.renew(&seat).await, software.activate(1).await] {
        assert_eq!(meter(&shown.json(), "monthly")["left"], "4.5", "{shown:?}");
    }
    let id = software.license;
    let shown = manage(&app, "GET", &format!("/licenses/{id}")).await.json();
    assert_eq!((meter(&shown, "monthly")["used"].as_str(), &shown["plan"]), (Some("5.5"), &json!("metered")));
    let usage = manage(&app, "GET", &format!("/licenses/{id}/usage")).await.json();
    assert_eq!((&usage["items"][0]["meter"], &usage["items"][0]["total"]), (&json!("monthly"), &json!("5.5")));
    assert_eq!(meter(&usage, "monthly")["left"], "4.5");
    let product = manage(&app, "GET", "/products/mill").await.json();
    let plan = product["plans"].as_array().unwrap().iter().find(|it| it["slug"] == "metered").unwrap();
    assert_eq!(plan["meters"][0]["limit"], "20");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_not_counted_says_why_and_is_signed(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "metered", Some(1)).await;
    let seat = software.seated(1).await;
    assert_eq!(software.reports(&seat, one("a", "runs", "19.5")).await.status, 200);
    for (body, status, reason) in [
        (one("b", "runs", "0.5001"), 409, "usage_limit"),
        (one("a", "runs", "19.4"), 409, "report_conflict"),
        (one("b", "nothing", 1), 422, "meter_unknown"),
    ] {
        let answer = software.reports(&seat, body).await;
        assert_eq!((answer.status, refusal(&answer).as_str()), (status, reason));
        let said = signed(&app, "mill", &answer, &asked(&software, &seat, None)).await;
        assert_eq!((said.valid, said.reports[0].reason.as_deref()), (false, Some(reason)));
        let told = answer.json();
        assert_eq!((&told["reports"][0]["reason"], &told["reports"][0]["counted"]), (&json!(reason), &json!(false)));
        assert_eq!(meter(&told, "runs")["left"], "0.5", "nothing was counted");
    }
    let mixed = json!({ "reports": [
        { "id": "c", "meter": "runs", "amount": "1" }, { "id": "d", "meter": "runs", "amount": "0.5" },
    ] });
    let told = software.reports(&seat, mixed).await;
    assert_eq!(told.status, 200, "one of them counts");
    let told = told.json();
    assert_eq!((&told["reports"][0]["reason"], &told["reports"][1]["counted"]), (&json!("usage_limit"), &json!(true)));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn reports_that_cannot_be_read_count_nothing(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "metered", Some(1)).await;
    let seat = software.seated(1).await;
    let plain = |answer: Answer, status: u16, says: &str| {
        let problem = answer.json();
        assert!(answer.status == status && problem["detail"].as_str().unwrap().contains(says), "{says}: {answer:?}");
        assert!(problem.get("reason").is_none() && problem.get("signed").is_none());
    };
    for (amount, says) in [
        (json!("1.00001"), "is no amount"),
        (json!("-1"), "is no amount"),
        (json!(""), "is no amount"),
        (json!(-1), "integer"),
        (json!(1.5), "text such as"),
        (json!(100_000_000), "text such as"),
        (json!(null), "text such as"),
    ] {
        plain(software.reports(&seat, one("a", "runs", amount)).await, 422, says);
    }
    for id in ["", "a b", "a\u{0}", "ä", &"a".repeat(65)] {
        plain(software.reports(&seat, one(id, "runs", 1)).await, 422, "a report's id has");
    }
    plain(software.reports(&seat, one("a", "No Name", 1)).await, 422, "");
    plain(software.reports(&seat, json!({ "reports": [] })).await, 422, "must have 1 to 100");
    let many: Vec<Value> =
        (0..101).map(|number| json!({ "id": format!("m{number}"), "meter": "runs", "amount": 0 })).collect();
    plain(software.reports(&seat, json!({ "reports": many })).await, 422, "has 101 reports");
    let hundred = json!({ "reports": many[..100] });
    assert_eq!(software.reports(&seat, hundred).await.status, 200);
    let bad_second = json!({ "reports": [
        { "id": "x", "meter": "runs", "amount": "1" }, { "id": "y", "meter": "runs", "amount": "one" },
    ] });
    plain(software.reports(&seat, bad_second).await, 422, "is no amount");
    plain(software.reports(&seat, json!({})).await, 422, "reports");
    let shown = software.validate().await.json();
    assert_eq!(meter(&shown, "runs")["used"], "0");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn only_the_licenses_own_machines_report(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "metered", Some(1)).await;
    let seat = software.seated(1).await;
    let other = Software::of(&app, "metered", Some(1)).await;
    let body = || one("a", "runs", 1);
    for answer in [software.reports(NOBODYS, body()).await, other.reports(&seat, body()).await] {
        assert_eq!((answer.status, refusal(&answer).as_str()), (404, "machine_unknown"));
    }
    let stranger = software.showing(&unknown_key()).reports(&seat, body()).await;
    assert_eq!((stranger.status, refusal(&stranger).as_str()), (403, "license_not_found"));
    act(&app, &software, Act::Suspend).await;
    let frozen = software.reports(&seat, body()).await;
    assert_eq!((frozen.status, refusal(&frozen).as_str()), (403, "license_frozen"));
    assert_eq!(members(&frozen), members(&stranger), "a key that nobody has is answered in the same form");
    assert_eq!(software.validate().await.json()["meters"], json!([]), "only of a license that holds");
    let unlicensed = crate::harness::exchange(
        app.address,
        format!("POST /api/v1/activations/{seat}/usage HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").as_bytes(),
    )
    .await;
    assert_eq!(unlicensed.status, 401);
}

/// As renewals: a fleet's reports do not count for its address, but for its license.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn reports_are_limited_by_license(#[case] backend: Backend) {
    let app = TestApp::start_with(backend, limits::settings(4, 2, 0)).await;
    let software = Software::of(&app, "metered", Some(1)).await;
    let seat = software.seated(1).await;
    for number in 0..3 {
        assert_eq!(software.reports(&seat, one(&format!("r{number}"), "runs", 1)).await.status, 200);
    }
    let refused = software.reports(&seat, one("r3", "runs", 1)).await;
    assert_eq!((refused.status, refused.header("Ratelimit-Limit")), (429, Some("4")), "{refused:?}");
    assert!(refused.json().get("signed").is_none());
}
