use super::*;

fn names(call: &Call) -> Vec<String> {
    let mut names: Vec<_> = call.parameters(false, "b").into_iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    names
}

#[test]
fn each_line_speaks_its_own_activities() {
    let at = "2026-01-01T00:00:00Z".parse().unwrap();
    let of = |line| {
        let calls = [
            Call::buy(line, "o").ok(),
            Some(Call::renew(line, "i", "o", at)),
            Call::expire(line, "i", "o").ok(),
            Call::freeze(line, "i").ok(),
            Call::upgrade(line, "i", "o").ok(),
            Call::query(line, &["i", "j"]).ok(),
            Some(Call::release(line, "i", None)),
            Call::apply_license(line, "i", "e", at).ok(),
            Call::notify(line, "o").ok(),
        ];
        calls.map(|call| call.map_or("", |call| call.activity().as_str()))
    };
    let v1 = ["getLicense", "refreshLicense", "expireLicense", "", "", "", "releaseLicense", "", ""];
    assert_eq!(of(Line::License1), v1);
    let code = ["", "refreshLicenseCode", "", "updateLicenseCodeStatus", "", "", "releaseLicenseCode", "", ""];
    assert_eq!(of(Line::Code2), code);
    let common = ("newInstance", "refreshInstance", "releaseInstance");
    let (buy, renew, release) = common;
    let client = [buy, renew, "", "updateInstanceStatus", "", "", release, "getLicenseAsync", ""];
    assert_eq!(of(Line::Client), client);
    let saas2 =
        [buy, renew, "", "updateInstanceStatus", "upgradeInstance", "queryInstance", release, "", "orderNotify"];
    assert_eq!(of(Line::Saas2), saas2);
    let saas1 = [buy, renew, "expireInstance", "instanceStatus", "upgrade", "queryInstance", release, "", ""];
    assert_eq!(of(Line::Saas1), saas1);
}

#[test]
fn a_refused_verb_says_what_the_line_does_instead() {
    let error = Call::freeze(Line::License1, "i").unwrap_err().to_string();
    assert!(error.contains("license-1-0") && error.contains("expired"), "{error}");
}

#[test]
fn a_refund_is_told_the_way_of_its_line() {
    let at = "2026-01-01T00:00:00Z".parse().unwrap();
    let of = |line| Call::refund_renewal(line, "i", "o", at);
    assert_eq!(of(Line::Saas2).field("scene"), Some("UNSUBSCRIBE_RENEWAL_PERIOD"));
    assert_eq!(of(Line::Saas1).field("orderAmount"), Some("-100.00"));
    assert_eq!(of(Line::License1), Call::renew(Line::License1, "i", "o", at));
    assert_eq!(of(Line::Code2).field("license"), Some("i"));
}

#[test]
fn the_calls_of_license_1_after_the_purchase_carry_no_debug_flag() {
    let flag = |call: Call| call.debug().parameters(false, "b").iter().any(|(name, _)| name == "testFlag");
    assert!(flag(Call::buy(Line::License1, "o").unwrap()));
    assert!(!flag(Call::release(Line::License1, "i", Some("o"))));
    assert!(flag(Call::release(Line::Saas1, "i", Some("o"))));
}

#[test]
fn fields_can_be_set_over_and_left_out() {
    let call = Call::buy(Line::Client, "o").unwrap().set("orderId", "p").without("orderLineId");
    assert_eq!(call.field("orderId"), Some("p"));
    assert_eq!(names(&call), ["activity", "businessId", "orderId"]);
}
