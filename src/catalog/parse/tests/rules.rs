//! One case for every rule: what is changed in the small catalog, and the one problem that follows.

use super::*;

/// What is replaced, by what, and the one problem that follows: its line, its path and a part of its message.
type Case = (&'static str, &'static str, usize, &'static str, &'static str);

fn check(cases: &[Case]) {
    for (from, to, line, path, says) in cases {
        assert!(SMALL.contains(from), "{from}");
        let list = problems(&SMALL.replacen(from, to, 1));
        assert_eq!(list.len(), 1, "{to}: {list:#?}");
        assert_eq!((list[0].line, list[0].path.as_str()), (*line, *path), "{to}: {list:?}");
        assert!(list[0].message.contains(says), "{to}: {list:?}");
    }
}

#[test]
fn products() {
    let (name, support) = ("name = { zh = \"图册\", en = \"Atlas\" }", "support = { email = \"support@example.com\" }");
    let email = "email = \"support@example.com\"";
    check(&[
        (name, "", 1, "product atlas › name", "is missing"),
        (name, "name = \"Atlas\"", 3, "product atlas › name", "is a text, must be a table"),
        ("zh = \"图册\", ", "", 3, "product atlas › name › zh", "is missing"),
        ("en = \"Atlas\"", "en = \"  \"", 3, "product atlas › name › en", "is empty"),
        ("en = \"Atlas\"", "en = \" Atlas\"", 3, "product atlas › name › en", "space"),
        ("en = \"Atlas\"", "en = \"At\\nlas\"", 3, "product atlas › name › en", "one line"),
        ("en = \"Atlas\"", "en = \"Atlas\", fr = \"Atlas\"", 3, "product atlas › name › fr", "is no key"),
        (support, "", 1, "product atlas › support", "is missing"),
        (support, "support = {}", 4, "product atlas › support", "names no contact"),
        (email, "email = \"support\"", 4, "product atlas › support › email", "no e-mail"),
        (email, "phone = \"call us\"", 4, "product atlas › support › phone", "telephone"),
        (email, "url = \"example.com\"", 4, "product atlas › support › url", "in full"),
        (email, "phone = \"1\", e_mail = \"a@b\"", 4, "product atlas › support › e_mail", "did you mean `email`?"),
        (
            support,
            "support = { phone = \"1\" }\nusage_guide = \"ftp://a\"",
            5,
            "product atlas › usage_guide",
            "address",
        ),
        (
            support,
            "support = { phone = \"1\" }\nusage_guide = \"https://\"",
            5,
            "product atlas › usage_guide",
            "address",
        ),
        (
            support,
            "support = { phone = \"1\" }\nusage_giude = \"http://a\"",
            5,
            "product atlas › usage_giude",
            "`usage_guide`",
        ),
        (
            support,
            "support = { phone = \"1\" }\nlicense_keys = \"long\"",
            5,
            "product atlas › license_keys",
            "none of short, signed",
        ),
        ("[[channel]]", "[other]\na = 1\n[[channel]]", 13, "other", "is no key"),
        ("[[channel]]", "[chanel]\na = 1\n[[channel]]", 13, "chanel", "did you mean `channel`?"),
    ]);
}

#[test]
fn plans() {
    const PLAN: &str = "product atlas › plan pro";
    let at = |key: &str| format!("{PLAN} › {key}");
    let cases: &[(&str, &str, usize, &str, &str)] = &[
        ("name = { zh = \"专业版\", en = \"Pro\" }\n", "", 5, "name", "is missing"),
        ("term = \"1 year\"\n", "", 5, "term", "is missing"),
        ("machines = 3\n", "", 5, "machines", "is missing"),
        ("\"1 year\"", "\"1 week\"", 8, "term", "is no term"),
        ("\"1 year\"", "\"0 years\"", 8, "term", "is no term"),
        ("\"1 year\"", "\"101 years\"", 8, "term", "at most 100 years"),
        ("\"1 year\"", "\"1201 months\"", 8, "term", "is no term"),
        ("\"1 year\"", "\"36501 days\"", 8, "term", "is no term"),
        ("\"1 year\"", "\"-1 days\"", 8, "term", "is no term"),
        ("\"1 year\"", "\"1 year long\"", 8, "term", "is no term"),
        ("\"1 year\"", "\"perpetual 1\"", 8, "term", "is no term"),
        ("\"1 year\"", "365", 8, "term", "must be a text"),
        ("machines = 3", "machines = 0", 9, "machines", "from 1 to 1000000"),
        ("machines = 3", "machines = 1000001", 9, "machines", "is 1000001"),
        ("machines = 3", "machines = -1", 9, "machines", "is -1"),
        ("machines = 3", "machines = 99999999999999999999999", 9, "machines", "must lie"),
        ("machines = 3", "machines = \"3\"", 9, "machines", "without quotes"),
        ("machines = 3", "machines = 3.0", 9, "machines", "is a fraction"),
        ("seats = 10", "Seats = 10", 10, "features › Seats", "no name of a feature"),
        ("seats = 10", "seats = 1.5", 10, "features › seats", "is a fraction"),
        ("seats = 10", "seats = 4294967296", 10, "features › seats", "must lie"),
        ("seats = 10", "seats = -1", 10, "features › seats", "must lie"),
        ("seats = 10", "seats = { a = 1 }", 10, "features › seats", "is a table"),
        ("machines = 3", "machines = 3\nquantity = \"machines\"", 10, "quantity", "\"ignore\""),
        ("machines = 3", "machines = 3\nquantity = {}", 10, "quantity", "either"),
        ("machines = 3", "machines = 3\nquantity = { add = \"machines\" }", 10, "quantity › add", "is no key"),
        ("machines = 3", "machines = 3\nquantity = { set = \"seats\" }", 10, "quantity › set", "\"feature:\""),
        (
            "machines = 3",
            "machines = 3\nquantity = { set = \"feature:seat\" }",
            10,
            "quantity",
            "did you mean `seats`?",
        ),
        ("machines = 3", "machines = 3\nquantity = { set = \"feature:zzz\" }", 10, "quantity", "add it to"),
        ("machines = 3", "machines = 3\nquantity = { set = \"feature:export\" }", 10, "quantity", "no number"),
        ("machines = 3", "machines = 3\ncode_carries_expiry = \"yes\"", 10, "code_carries_expiry", "true or false"),
        ("machines = 3", "machines = 3\nexpiry_slack = { days = 3 }", 10, "expiry_slack › days", "is no key"),
        (
            "machines = 3",
            "machines = 3\nexpiry_slack = { confirmed_days = 367 }",
            10,
            "expiry_slack › confirmed_days",
            "366",
        ),
        ("machines = 3", "machines = 3\nexpiry_slack = 3", 10, "expiry_slack", "must be a table"),
        ("machines = 3", "machines = 3\nlease = { days = 0 }", 10, "lease › days", "from 1 to 366"),
        ("machines = 3", "machines = 3\nbind_parameter = \"\"", 10, "bind_parameter", "is empty"),
        ("machines = 3", "machines = 3\ndelivery = { admin_url = \"admin\" }", 10, "delivery › admin_url", "address"),
        (
            "machines = 3",
            "machines = 3\ndelivery = { password = \"a\" }",
            10,
            "delivery › password",
            "`initial_password`",
        ),
        ("\"00301-1\"", "\"\"", 11, "product_ids", "is empty"),
        ("\"00301-1\"", "\"00301 1\"", 11, "product_ids", "space"),
        ("[\"00301-1\"]", "\"00301-1\"", 11, "product_ids", "must be a list"),
        ("[\"sku-1\"]", "[1]", 12, "sku_codes", "must be a text"),
        ("machines = 3", "machine = 3\nmachines = 3", 9, "machine", "must be a table"),
        ("machines = 3", "machins = 3\nmachines = 3", 9, "machins", "did you mean `machines`?"),
    ];
    for (from, to, line, key, says) in cases {
        let list = problems(&SMALL.replacen(from, to, 1));
        // An addition without a quantity target also tells that neither is there.
        assert!(
            list.iter().any(|it| it.line == *line && it.path == at(key) && it.message.contains(says)),
            "{to}: {list:#?}"
        );
        assert!(list.len() == 1 || to.contains("add ="), "{to}: {list:#?}");
    }
}

#[test]
fn the_name_of_the_services_own_keys_is_taken() {
    let list = problems(&SMALL.replacen("slug = \"atlas\"", "slug = \"installation\"", 1));
    assert_eq!(list[0].path, "product installation › slug");
    assert!(list[0].message.contains("own keys"), "{list:?}");
}

#[test]
fn lengths() {
    let long = |chars: usize| "长".repeat(chars);
    let ascii = |chars: usize| "a".repeat(chars);
    let put = |line: &str| SMALL.replacen("machines = 3", &format!("machines = 3\n{line}"), 1);
    let fits_and_not = [
        (put(&format!("bind_parameter = \"{}\"", long(64))), put(&format!("bind_parameter = \"{}\"", long(65)))),
        (
            put(&format!("delivery = {{ memo = \"{}\\n长\" }}", long(1_022))),
            put(&format!("delivery = {{ memo = \"{}\\n长\" }}", long(1_023))),
        ),
        (
            put(&format!("delivery = {{ user_name = \"{}\" }}", ascii(79))),
            put(&format!("delivery = {{ user_name = \"{}\" }}", ascii(80))),
        ),
        (
            put(&format!("delivery = {{ initial_password = \"{}\" }}", long(26))),
            put(&format!("delivery = {{ initial_password = \"{}\" }}", long(27))),
        ),
        (SMALL.replace("00301-1", &ascii(64)), SMALL.replace("00301-1", &ascii(65))),
        (SMALL.replace("\"Atlas\"", &format!("\"{}\"", long(100))), SMALL.replace("Atlas", &long(101))),
        (SMALL.replace("seats", &ascii(40)), SMALL.replace("seats", &ascii(41))),
        (
            SMALL.replace("seats = 10", &format!("seats = \"{}\"", ascii(64))),
            SMALL.replace("seats = 10", &format!("seats = \"{}\"", ascii(65))),
        ),
        (
            put(&format!("delivery = {{ admin_url = \"https://{}\" }}", ascii(504))),
            put(&format!("delivery = {{ admin_url = \"https://{}\" }}", ascii(505))),
        ),
    ];
    for (fits, not) in fits_and_not {
        if let Err(problems) = parse(&fits, "catalog.toml", ISSUER) {
            panic!("{problems}");
        }
        let list = problems(&not);
        assert_eq!(list.len(), 1, "{list:?}");
        assert!(!list[0].message.contains("长长") && !list[0].message.contains("aaaa"), "{list:?}");
    }
}

/// What a plan delivers is never longer than the marketplace takes once it is encrypted.
#[test]
fn the_longest_credentials_can_be_encrypted() {
    use crate::{base::entropy::SeededEntropy, marketplace::koogallery::credentials};
    let key = "access-key".to_owned().into();
    let encrypt = |bytes| credentials::encrypt(&key, EncryptType::Aes256, &"a".repeat(bytes), &SeededEntropy::new(1));
    assert!(encrypt(79).is_ok());
    assert!(encrypt(80).is_err());
}

#[test]
fn a_plan_whose_codes_could_get_too_long_is_refused_where_it_grows() {
    let many = |count: usize| {
        let features: String = (0..count).map(|n| format!("f{n} = \"{}\", ", "a".repeat(25))).collect();
        SMALL.replace("seats = 10, export = true", features.trim_end_matches(", "))
    };
    assert!(parse(&many(5), "catalog.toml", ISSUER).is_ok());
    let list = problems(&many(32));
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!((list[0].line, list[0].path.as_str()), (10, "product atlas › plan pro"));
    assert!(list[0].message.contains("1023"), "{list:?}");
    // A long public address makes every code longer: the border lies exactly where the code's length says.
    let plan = |issuer: &str| parse(SMALL, "catalog.toml", issuer).map(|it| it.products[0].plans[0].clone());
    let short = plan("https://a").unwrap();
    let room = |issuer: &str| {
        let length = crate::license::code::worst_case_length(&"atlas".parse().unwrap(), &short, issuer);
        length <= limits::LICENSE_CODE_CHARS
    };
    for chars in 300..600 {
        let issuer = format!("https://{}", "a".repeat(chars));
        assert_eq!(plan(&issuer).is_ok(), room(&issuer), "{chars}");
    }
    assert!(!room(&format!("https://{}", "a".repeat(599))));
    let list = problems(&many(33));
    assert_eq!(list.len(), 2, "{list:?}");
}

#[test]
fn channels() {
    check(&[
        ("kind = \"koogallery\"\n", "", 13, "channel main › kind", "is missing"),
        ("\"koogallery\"", "\"koogalery\"", 15, "channel main › kind", "did you mean \"koogallery\"?"),
        ("products = [\"atlas\"]\n", "", 13, "channel main › products", "is missing"),
        ("[\"atlas\"]", "[]", 16, "channel main › products", "at least one"),
        ("[\"atlas\"]", "[\"atlas\", \"other\"]", 16, "channel main › products", "no product `other`"),
        ("[\"atlas\"]", "[\"atlas\", \"atlas\"]", 16, "channel main › products", "already stands in line 16"),
        ("access_key = { env = \"ATLAS_KEY\" }\n", "", 13, "channel main › access_key", "is missing"),
        ("{ env = \"ATLAS_KEY\" }", "\"s3cret\"", 17, "channel main › access_key", "must not hold the key itself"),
        ("{ env = \"ATLAS_KEY\" }", "{}", 17, "channel main › access_key", "in one place"),
        ("{ env = \"ATLAS_KEY\" }", "{ env = \"A\", file = \"b\" }", 17, "channel main › access_key", "in one place"),
        ("\"ATLAS_KEY\"", "\"1A\"", 17, "channel main › access_key › env", "no name of an environment variable"),
        ("{ env = \"ATLAS_KEY\" }", "{ file = \"\" }", 17, "channel main › access_key › file", "is empty"),
    ]);
    let added: &[(&str, &str, &str)] = &[
        ("default_plan = \"pro\"", "default_plan", "names no plan"),
        ("default_plan = \"atlas/prp\"", "default_plan", "did you mean `pro`?"),
        ("debug_plan = \"atlas/zzz\"", "debug_plan", "no plan of product atlas `zzz`"),
        ("debug_plan = \"other/pro\"", "debug_plan", "no product `other`"),
        ("debug_ids = [\"a\", \"b\", \"a\"]", "debug_ids", "already stands"),
        ("clock_window_seconds = { v1 = 0 }", "clock_window_seconds › v1", "from 1 to 3600"),
        ("clock_window_seconds = { v2 = 3601 }", "clock_window_seconds › v2", "from 1 to 3600"),
        ("clock_window_seconds = { v3 = 1 }", "clock_window_seconds › v3", "is no key"),
        ("encrypt_type = \"aes512\"", "encrypt_type", "none of aes128, aes256"),
        ("open_api = { access_key = { env = \"A\" }, secret_key = { env = \"B\" } }", "open_api › host", "is missing"),
        (
            "open_api = { access_key = { env = \"A\" }, secret_key = { env = \"B\" }, host = \"us\" }",
            "open_api › host",
            "is none of \"cn\", \"intl\" and \"eu\"",
        ),
        (
            "open_api = { access_key = \"A\", secret_key = { env = \"B\" }, host = \"cn\" }",
            "open_api › access_key",
            "must not hold the key itself",
        ),
        ("default_pan = \"atlas/pro\"", "default_pan", "did you mean `default_plan`?"),
    ];
    for (line, key, says) in added {
        let list = problems(&format!("{SMALL}{line}\n"));
        assert_eq!(list.len(), 1, "{line}: {list:#?}");
        assert_eq!((list[0].line, list[0].path.clone()), (18, format!("channel main › {key}")), "{line}");
        assert!(list[0].message.contains(says), "{line}: {list:?}");
    }
}

#[test]
fn quantities_act_on_numbers_they_can_change() {
    let with = |seats: &str| {
        SMALL
            .replace("seats = 10", seats)
            .replace("machines = 3", "machines = 3\nquantity = { multiply = \"feature:seats\" }")
    };
    assert!(parse(&with("seats = 1000000"), "catalog.toml", ISSUER).is_ok());
    for seats in ["seats = 0", "seats = 1000001"] {
        let list = problems(&with(seats));
        assert!(list.len() == 1 && list[0].message.contains("from 1 to 1000000"), "{list:?}");
    }
    // The feature is there but wrong: that alone is told.
    let list = problems(&with("seats = 1.5"));
    assert!(list.len() == 1 && list[0].path.ends_with("features › seats"), "{list:?}");
}

#[test]
fn tables_that_are_missing_empty_or_single() {
    for (text, line, path, says) in [
        ("", 1, "product", "is missing"),
        ("product = []", 1, "product", "is empty"),
        ("[product]\nslug = \"atlas\"", 1, "product", "[[product]] with two brackets"),
        ("product = [1]", 1, "product #1", "must be a table"),
        ("product = 1", 1, "product", "is a whole number"),
    ] {
        let list = problems(text);
        assert_eq!((list.len(), list[0].line, list[0].path.as_str()), (1, line, path), "{list:?}");
        assert!(list[0].message.contains(says), "{list:?}");
    }
    let list = problems(&SMALL.replace("[[product.plan]]", "[product.plan]"));
    assert_eq!(list.len(), 1, "{list:?}");
    assert!(list[0].message.contains("[[product.plan]] with two brackets"), "{list:?}");
    let head = SMALL.split("[[product.plan]]").next().unwrap();
    for none in ["", "plan = []\n"] {
        let list = problems(&format!("{head}{none}"));
        assert!(list.len() == 1 && list[0].message.contains("at least one [[product.plan]]"), "{list:?}");
    }
}
