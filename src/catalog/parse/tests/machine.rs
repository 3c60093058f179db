//! `lease`, `machine` and `versions`.

use signet_verify::machine::MatchRule;

use super::*;
use crate::license::plan::MachineRule;

#[test]
fn rules_of_machines_are_read() {
    let plan = |lines: &str| {
        let text = SMALL.replace("machines = 3", &format!("machines = 3\n{lines}"));
        let catalog = parse(&text, "catalog.toml", ISSUER).unwrap_or_else(|problems| panic!("{problems}"));
        catalog.products[0].plans[0].clone()
    };
    let floating =
        plan("lease = { minutes = 30, floating = true, borrow_days = 14, file_days = 30, offline_days = 60 }");
    let expected = LeaseRule {
        days: 0,
        minutes: Some(30),
        grace_days: 0,
        floating: true,
        borrow_days: 14,
        file_days: 30,
        offline_days: 60,
    };
    assert_eq!(floating.lease, expected);
    assert_eq!(plan("lease = { floating = true }").lease.grace_days, 0);
    assert_eq!(plan("lease = { floating = true }").lease.days, 7);
    let ruled = plan("machine = { match = \"two\", new_per_day = 5 }\nversions = \">=2.4, <3\"");
    assert_eq!(ruled.machine, MachineRule { rule: MatchRule::Two, new_per_day: 5 });
    assert!(ruled.covers_version("2.4") && !ruled.covers_version("3.0"));
    let plain = plan("");
    assert_eq!((plain.machine, &plain.versions), (MachineRule::default(), &None));
    assert_eq!((plain.machine.rule, plain.machine.new_per_day), (MatchRule::Most, 20));
}

#[test]
fn machines_and_leases() {
    let cases: &[(&str, &str, &str)] = &[
        ("lease = { minutes = 4, floating = true }", "lease › minutes", "from 5 to 1440"),
        ("lease = { days = 1, minutes = 30 }", "lease › minutes", "beside `days`"),
        ("lease = { floating = true, grace_days = 1 }", "lease › grace_days", "no grace"),
        ("lease = { borrow_days = 1 }", "lease › borrow_days", "add `floating = true`"),
        ("lease = { floating = \"yes\" }", "lease › floating", "true or false"),
        ("lease = { file_days = 0 }", "lease › file_days", "from 1 to 1830"),
        ("lease = { offline_days = 1831 }", "lease › offline_days", "from 1 to 1830"),
        ("lease = { hours = 1 }", "lease › hours", "is no key"),
        ("machine = { match = \"some\" }", "machine › match", "none of any, two, most, all"),
        ("machine = { new_per_day = 0 }", "machine › new_per_day", "from 1"),
        ("machine = { per_day = 1 }", "machine › per_day", "is no key"),
        ("versions = \"two\"", "versions", "names no versions"),
        ("versions = \"\"", "versions", "is empty"),
        ("versions = 2", "versions", "must be a text"),
    ];
    for (line, key, says) in cases {
        let list = problems(&SMALL.replacen("machines = 3", &format!("machines = 3\n{line}"), 1));
        assert_eq!(list.len(), 1, "{line}: {list:#?}");
        assert_eq!((list[0].line, list[0].path.as_str()), (10, format!("product atlas › plan pro › {key}").as_str()));
        assert!(list[0].message.contains(says), "{line}: {list:#?}");
    }
}
