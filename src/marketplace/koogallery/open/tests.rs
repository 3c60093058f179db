//! What is asked of the marketplace, and what its answers mean.

use serde_json::{Value, json};

use super::{
    order::{self, OrderKind},
    refusal::{RefusalKind, judge},
    upload,
};
use crate::{
    base::time::Time,
    license::plan::Term,
    marketplace::event::{Charging, OrderRef, PlanRef},
};

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

#[test]
fn an_order_is_asked_for_by_its_id_and_line() {
    let reference = |line: Option<&str>| OrderRef { order_id: "CS1".to_owned(), line_id: line.map(str::to_owned) };
    let call = order::query(&reference(None));
    assert_eq!((call.method, call.path.as_str()), ("GET", "/api/mkp-openapi-public/global/v1/order/query"));
    assert_eq!(call.query, [("orderId".to_owned(), "CS1".to_owned())]);
    assert!(call.body.is_empty());
    let call = order::query(&reference(Some("CS1-000002")));
    assert_eq!(call.query[1], ("orderLineId".to_owned(), "CS1-000002".to_owned()));
}

fn whole() -> Value {
    json!({ "resultCode": "MKT.0000", "resultMsg": "success", "orderInfo": {
        "orderId": "CS1", "orderType": "TRIAL", "createTime": "20260302080000",
        "orderLine": [
            { "orderLineId": "CS1-000001", "chargingMode": "PERIOD", "periodType": "year", "periodNumber": 2,
              "expireTime": "20280302155959",
              "productInfo": [{ "productId": "P-1", "skuCode": "S-1", "linearValue": "5.0", "productName": "Harbor" }] },
            { "orderLineId": "CS1-000002", "chargingMode": "ON_DEMAND", "productInfo": [{ "productId": "P-2" }] },
        ],
        "buyerInfo": { "customerId": "c-1", "customerName": " 港口\u{202e}公司 ", "email": "buyer@example.com" },
        "extendParams": [{ "name": "machineCode", "value": "M-1" }, { "name": "", "value": "lost" }, "junk"],
    } })
}

#[test]
fn everything_that_an_order_tells_is_read() {
    let order = order::read(&whole()).unwrap();
    assert_eq!((order.order_id.as_str(), order.kind), ("CS1", OrderKind::Trial));
    assert_eq!(order.created_at, Some(time("2026-03-02T08:00:00Z")));
    assert_eq!(order.buyer.email.as_deref(), Some("buyer@example.com"));
    let line = order.line(Some("CS1-000001")).unwrap();
    let (plan, details) = order.purchase(line).unwrap();
    assert_eq!(plan, PlanRef { product_id: Some("P-1".to_owned()), sku_code: Some("S-1".to_owned()) });
    assert_eq!((details.quantity, details.trial), (Some(5), true));
    assert_eq!((details.period, details.charging), (Some(Term::Years(2)), Some(Charging::Period)));
    assert_eq!(details.expires_at, Some(time("2028-03-02T15:59:59Z")));
    assert_eq!(details.customer.name.as_deref(), Some("港口公司"), "without marks that turn the text");
    assert_eq!(details.extension, [("machineCode".to_owned(), "M-1".to_owned())]);
    let (plan, details) = order.purchase(order.line(Some("CS1-000002")).unwrap()).unwrap();
    assert_eq!((plan.product_id.as_deref(), details.charging), (Some("P-2"), Some(Charging::OnDemand)));
    assert_eq!((details.quantity, details.expires_at, details.period), (None, None, None));
}

#[test]
fn the_line_that_is_meant_is_found_or_none() {
    let mut answer = whole();
    let order = order::read(&answer).unwrap();
    assert!(order.line(None).is_none(), "one of two is not guessed");
    assert!(order.line(Some("CS1-000009")).is_none());
    answer["orderInfo"]["orderLine"].as_array_mut().unwrap().pop();
    let order = order::read(&answer).unwrap();
    for name in [None, Some("CS1-000001")] {
        assert_eq!(order.line(name).unwrap().line_id.as_deref(), Some("CS1-000001"), "{name:?}");
    }
    assert!(order.line(Some("CS1-000009")).is_none(), "another line than the only one is not taken for it");
}

#[test]
fn what_is_no_order_is_none_and_odd_values_count_as_not_told() {
    for junk in [json!(null), json!([]), json!({}), json!({ "orderInfo": null }), json!({ "orderInfo": { "x": 1 } })] {
        assert_eq!(order::read(&junk), None, "{junk}");
    }
    let mut answer = whole();
    let line = &mut answer["orderInfo"]["orderLine"][0];
    line["periodNumber"] = json!(-2);
    line["expireTime"] = json!("tomorrow");
    line["chargingMode"] = json!("BARTER");
    line["productInfo"][0]["linearValue"] = json!("2.5");
    answer["orderInfo"]["buyerInfo"]["email"] = json!("no address");
    answer["orderInfo"]["orderType"] = json!("GIFT");
    let order = order::read(&answer).unwrap();
    let (_, details) = order.purchase(order.line(Some("CS1-000001")).unwrap()).unwrap();
    assert_eq!((details.period, details.expires_at, details.charging), (None, None, None));
    assert_eq!((details.quantity, details.trial), (None, false), "half of a thing is no quantity");
    assert_eq!((order.buyer.email, order.kind), (None, OrderKind::Other));
    answer["orderInfo"]["orderLine"] = json!([{ "orderLineId": "CS1-000001", "productInfo": [] }]);
    let order = order::read(&answer).unwrap();
    assert!(order.purchase(order.line(None).unwrap()).is_none(), "nothing was ordered");
}

#[test]
fn a_license_is_handed_over_as_characters_or_as_a_file() {
    let call = upload::upload("E 1/é", "text", [7; 16]);
    assert_eq!(call.method, "POST");
    assert_eq!(call.path, "/api/mkp-openapi-public/global/v1/market-event/E%201%2F%C3%A9/file");
    let boundary = call.content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let body = String::from_utf8(call.body).unwrap();
    assert!(body.starts_with(&format!("--{boundary}\r\n")) && body.ends_with(&format!("--{boundary}--\r\n")));
    assert!(body.contains(r#"{"characters":"text","type":"CHARACTERS"}"#) && !body.contains("filename="));
    let license = "x".repeat(upload::CHARACTERS + 1);
    let body = String::from_utf8(upload::upload("E-1", &license, [7; 16]).body).unwrap();
    assert!(body.contains(&license) && body.contains("filename=\"license.lic\"") && body.contains("\"FILE\""));
}

#[test]
fn refusals_of_both_families_and_of_the_gateway_are_told_apart() {
    for (status, code, kind) in [
        (401, "MKT.0150", RefusalKind::Credentials),
        (401, "CBC.0151", RefusalKind::Credentials),
        (401, "APIG.0301", RefusalKind::Credentials),
        (429, "APIG.0308", RefusalKind::Busy),
        (406, "MKT.0250", RefusalKind::Busy),
        (400, "CBC.0101", RefusalKind::Parameter),
        (400, "MKT.0199", RefusalKind::Parameter),
        (500, "MKT.0999", RefusalKind::Internal),
        (500, "CBC.0912", RefusalKind::Internal),
        (404, "MKT.7777", RefusalKind::Unexpected),
        (503, "MKT.7777", RefusalKind::Internal),
        (200, "MKT.7777", RefusalKind::Unexpected),
        (200, "91381033", RefusalKind::Parameter),
        (400, "91381034", RefusalKind::Parameter),
        (200, "91381035", RefusalKind::Exhausted),
    ] {
        for (name, says) in [("resultCode", "resultMsg"), ("error_code", "error_msg"), ("errorCode", "errorMsg")] {
            let body = json!({ name: code, says: "why\nnot" }).to_string();
            let refusal = judge(status, body.as_bytes()).unwrap_err();
            assert_eq!((refusal.kind, refusal.code.as_deref()), (kind, Some(code)), "{status} {code}");
            assert_eq!(refusal.message, "whynot");
        }
    }
}

#[test]
fn answers_without_a_code_are_judged_by_their_status() {
    for (status, body, kind) in [
        (502, "<html>bad gateway</html>", RefusalKind::Internal),
        (403, "", RefusalKind::Credentials),
        (200, "<html>log in first</html>", RefusalKind::Unexpected),
        (200, "", RefusalKind::Unexpected),
        (200, "[1]", RefusalKind::Unexpected),
        (302, "{}", RefusalKind::Unexpected),
    ] {
        let refusal = judge(status, body.as_bytes()).unwrap_err();
        assert_eq!((refusal.kind, refusal.code), (kind, None), "{status} {body}");
    }
    assert!(judge(200, br#"{"orderInfo":{}}"#).is_ok());
    for code in ["MKT.0000", "CBC.0000", "92020000", "91380000", "000000"] {
        assert!(judge(200, json!({ "resultCode": code }).to_string().as_bytes()).is_ok(), "{code}");
    }
    assert!(judge(500, br#"{"resultCode":"MKT.0000"}"#).is_err(), "nobody succeeds with status 500");
    let long = json!({ "resultCode": "X".repeat(500), "resultMsg": "长".repeat(5_000) }).to_string();
    let refusal = judge(400, long.as_bytes()).unwrap_err();
    assert!(refusal.to_string().len() < 2_000);
}
