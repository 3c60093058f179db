//! `[[product.plan.meter]]`.

use super::*;
use crate::license::meter::{Meter, MeterPeriod, OverLimit};

/// The small catalog with these lines as its plan's meter. The meter begins in line 13.
fn with(lines: &str) -> String {
    SMALL.replacen("[[channel]]", &format!("[[product.plan.meter]]\n{lines}\n[[channel]]"), 1)
}

const CALLS: &str = r#"slug = "calls"
name = { zh = "调用", en = "Calls" }
unit = { zh = "次", en = "calls" }"#;

fn meter(lines: &str) -> Meter {
    let catalog = parse(&with(lines), "catalog.toml", ISSUER).unwrap_or_else(|problems| panic!("{problems}"));
    catalog.products[0].plans[0].meters[0].clone()
}

#[test]
fn meters_are_read_with_their_defaults_and_limits_to_four_places() {
    let plain = meter(CALLS);
    assert_eq!((plain.slug.as_str(), plain.name.zh.as_str(), plain.unit.en.as_str()), ("calls", "调用", "calls"));
    assert_eq!((plain.limit, plain.period, plain.over), (None, MeterPeriod::Never, OverLimit::Refuse));
    let limit = |text: &str| meter(&format!("{CALLS}\nlimit = {text}")).limit.unwrap().0;
    for (text, expected) in
        [("1000", 10_000_000), ("0", 0), ("\"0.0001\"", 1), ("0x10", 160_000), ("1_000", 10_000_000)]
    {
        assert_eq!(limit(text), expected, "{text}");
    }
    let ruled = meter(&format!("{CALLS}\nlimit = 1\nperiod = \"term\"\nover = \"allow\""));
    assert_eq!((ruled.period, ruled.over), (MeterPeriod::Term, OverLimit::Allow));
}

#[test]
fn every_problem_of_a_meter_is_told_with_its_place() {
    let here = "product atlas › plan pro › meter calls";
    for (line, key, says) in [
        ("limit = 0.5", "limit", "with a point a text such as \"12.5\""),
        ("limit = \"1.00001\"", "limit", "is no amount"),
        ("limit = -1", "limit", "is no amount"),
        ("limit = 100000000", "limit", "is no amount"),
        ("period = \"week\"", "period", "none of never, day, month, term"),
        ("limit = 1\nover = \"stop\"", "over", "none of refuse, allow"),
        ("over = \"allow\"", "over", "add `limit`"),
        ("limits = 1", "limits", "did you mean `limit`?"),
    ] {
        let list = problems(&with(&format!("{CALLS}\n{line}")));
        assert_eq!(list.len(), 1, "{line}: {list:#?}");
        assert_eq!(
            (list[0].path.as_str(), list[0].line),
            (format!("{here} › {key}").as_str(), 17 + line.matches('\n').count())
        );
        assert!(list[0].message.contains(says), "{line}: {list:#?}");
    }
    let list = problems(&with("slug = \"calls\""));
    let paths: Vec<&str> = list.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, [format!("{here} › name"), format!("{here} › unit")]);
}

#[test]
fn meters_have_names_of_their_own_and_are_bounded() {
    let again = problems(&with(&format!("{CALLS}\n[[product.plan.meter]]\n{CALLS}")));
    assert_eq!(again.len(), 1, "{again:#?}");
    assert!(again[0].message.starts_with("the meter `calls` in line 18 already stands in line 14"), "{again:#?}");
    let many = |count: usize| {
        let numbered = (0..count).map(|number| CALLS.replace("\"calls\"\n", &format!("\"calls-{number}\"\n")));
        with(&numbered.collect::<Vec<_>>().join("\n[[product.plan.meter]]\n"))
    };
    assert!(parse(&many(16), "catalog.toml", ISSUER).is_ok());
    let list = problems(&many(17));
    assert!(list.len() == 1 && list[0].message.contains("has 17 meters, at most 16"), "{list:#?}");
    let single = problems(&SMALL.replacen("[[channel]]", "[product.plan.meter]\nslug = \"calls\"\n[[channel]]", 1));
    assert!(single[0].message.contains("write [[product.plan.meter]]"), "{single:#?}");
}
