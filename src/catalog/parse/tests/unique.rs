//! What must hold between the parts of a catalog: names, ids and keys are taken once, and channels name what they sell.

use super::*;

/// A second product (lines 18 to 27) beside the first.
const SECOND: &str = r#"[[product]]
slug = "other"
name = { zh = "其他", en = "Other" }
support = { phone = "1" }
[[product.plan]]
slug = "pro"
name = { zh = "专业版", en = "Pro" }
term = "perpetual"
machines = 1
product_ids = ["00301-2"]
"#;

#[test]
fn names_and_ids_are_unique_and_both_places_are_told() {
    let both = format!("{SMALL}{SECOND}");
    assert!(parse(&both, "catalog.toml", ISSUER).is_ok(), "plans of two products may share a name");
    let channel =
        "[[channel]]\nslug = \"main\"\nkind = \"koogallery\"\nproducts = [\"other\"]\naccess_key = { env = \"B\" }\n";
    let plan = &SMALL[SMALL.find("[[product.plan]]").unwrap()..SMALL.find("[[channel]]").unwrap()];
    let plan = plan.replace("00301-1", "00301-3").replace("sku-1", "sku-3");
    let cases = [
        (both.replace("slug = \"other\"", "slug = \"atlas\""), (19, 2), "product `atlas`"),
        (both.replace("00301-2", "00301-1"), (27, 11), "product id `00301-1`"),
        (both.replace("[\"00301-2\"]", "[\"00301-2\", \"00301-2\"]"), (27, 27), "product id `00301-2`"),
        (format!("{both}sku_codes = [\"sku-1\"]\n"), (28, 12), "sku code `sku-1`"),
        (format!("{both}{channel}"), (29, 14), "channel `main`"),
        (SMALL.replace("[[channel]]", &format!("{plan}[[channel]]")), (14, 6), "plan `pro`"),
    ];
    for (text, (line, first), what) in cases {
        let list = problems(&text);
        assert_eq!(list.len(), 1, "{what}: {list:#?}");
        assert_eq!(list[0].line, line, "{what}");
        let says = format!("the {what} in line {line} already stands in line {first} ");
        assert!(list[0].message.starts_with(&says), "{says}: {list:?}");
    }
}

#[test]
fn a_channel_names_only_plans_it_sells() {
    let text = SMALL.replace("products = [\"atlas\"]", "products = [\"atlas\"]\ndefault_plan = \"other/pro\"") + SECOND;
    let list = problems(&text);
    assert_eq!((list.len(), list[0].line), (1, 17), "{list:?}");
    assert!(list[0].message.contains("is not sold here"), "{list:?}");
}

/// Regression: the address is not signed, so two channels with one key accepted each other's calls.
#[test]
fn two_channels_with_one_access_key_are_refused_with_both_lines() {
    let channel = &SMALL[SMALL.find("[[channel]]").unwrap()..];
    let list = problems(&format!("{SMALL}{}", channel.replace("\"main\"", "\"other\"")));
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!(list[0].line, 19);
    assert!(list[0].message.contains("`main` in line 14"), "{list:?}");
    let own = channel.replace("\"main\"", "\"other\"").replace("ATLAS_KEY", "OTHER_KEY");
    assert!(parse(&format!("{SMALL}{own}"), "catalog.toml", ISSUER).is_ok());
}

/// Regression: `./keys/a` and `keys/a` passed for two keys.
#[test]
fn one_key_file_under_two_spellings_is_one_key() {
    let channel = &SMALL[SMALL.find("[[channel]]").unwrap()..];
    let channels = |one: &str, other: &str| {
        let file = |path: &str| format!("{{ file = \"{path}\" }}");
        let first = SMALL.replace("{ env = \"ATLAS_KEY\" }", &file(one));
        let second = channel.replace("\"main\"", "\"other\"").replace("{ env = \"ATLAS_KEY\" }", &file(other));
        parse(&format!("{first}{second}"), "catalog.toml", ISSUER)
    };
    for same in ["keys/a", "./keys/a", "keys//a", "keys/./a", "keys/a/", "keys/../keys/a", "x/y/../../keys/a"] {
        let problems = channels("keys/a", same).expect_err(same);
        assert!(
            problems.list.len() == 1 && problems.list[0].message.contains("`main` in line 14"),
            "{same}: {problems}"
        );
    }
    for (one, other) in
        [("/etc/a", "//etc/./a"), ("/etc/a", "/../etc/a"), ("../a", ".././a"), ("../../a", "x/../../../a")]
    {
        assert!(channels(one, other).is_err(), "{one} {other}");
    }
    for other in ["keys/b", "/keys/a", "../keys/a", "../../keys/a", "keys/../a", "keys/A", "keys/.a", "keys/..a"] {
        assert!(channels("keys/a", other).is_ok(), "{other}");
    }
    assert!(channels("../a", "../../a").is_ok() && channels("../a", "a").is_ok());
}
