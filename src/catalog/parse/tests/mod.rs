//! Reading catalog files: `rules` has a case for every rule, `unique` those for rules between the parts.

mod machine;
mod meter;
mod recipe;
mod rules;
mod unique;

use proptest::prelude::*;

use super::*;
use crate::{
    catalog::{ChannelKind, OpenApi, PlanName, SecretRef},
    license::plan::{ExpirySlack, FeatureValue, LeaseRule, QuantityRule, QuantityTarget, Term},
    marketplace::koogallery::credentials::EncryptType,
};

const ISSUER: &str = "https://licenses.example.com";
const SAMPLE: &str = include_str!("../../../../deploy/sample-catalog.toml");

/// The smallest catalog with a plan and a channel. Its line numbers are part of the tests.
const SMALL: &str = r#"[[product]]
slug = "atlas"
name = { zh = "图册", en = "Atlas" }
support = { email = "support@example.com" }
[[product.plan]]
slug = "pro"
name = { zh = "专业版", en = "Pro" }
term = "1 year"
machines = 3
features = { seats = 10, export = true }
product_ids = ["00301-1"]
sku_codes = ["sku-1"]
[[channel]]
slug = "main"
kind = "koogallery"
products = ["atlas"]
access_key = { env = "ATLAS_KEY" }
"#;

fn problems(text: &str) -> Vec<Problem> {
    parse(text, "catalog.toml", ISSUER).expect_err("should be refused").list
}

fn sample() -> Catalog {
    parse(SAMPLE, "sample-catalog.toml", ISSUER).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn the_sample_is_right() {
    let catalog = sample();
    let slugs = |text: &str| catalog.channels.iter().find(|it| it.slug.as_str() == text).is_some();
    assert!(["license-1-0", "code-2-0", "client", "saas-2-0", "saas-1-0"].into_iter().all(slugs));
    for channel in &catalog.channels {
        assert_eq!(channel.access_key, SecretRef::File(format!("keys/{}.key", channel.slug)));
    }
    let plans = || catalog.products.iter().flat_map(|product| &product.plans);
    assert!(plans().any(|plan| plan.code_carries_expiry));
    assert!(plans().any(|plan| plan.bind_parameter.is_some()));
    assert!(plans().any(|plan| plan.quantity == QuantityRule::Multiply(QuantityTarget::Machines)));
    assert!(plans().any(|plan| plan.term == Term::Perpetual));
    assert!(plans().all(|plan| !plan.product_ids.is_empty()));
}

/// A key that only the code knows would be one that nobody finds.
#[test]
fn the_sample_shows_every_key() {
    let keys = [
        "slug",
        "name",
        "support",
        "usage_guide",
        "license_keys",
        "term",
        "machines",
        "features",
        "quantity",
        "code_carries_expiry",
        "expiry_slack",
        "lease",
        "machine",
        "versions",
        "bind_parameter",
        "unit",
        "limit",
        "period",
        "over",
        "delivery",
        "product_ids",
        "sku_codes",
        "kind",
        "products",
        "access_key",
        "clock_window_seconds",
        "default_plan",
        "debug_plan",
        "debug_ids",
        "encrypt_type",
        "open_api",
    ];
    for key in keys {
        // Credentials that nobody has are shown as a comment.
        let shows = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{key} = "));
        assert!(SAMPLE.lines().any(shows), "{key}");
    }
    for key in ["days", "minutes", "grace_days", "floating", "borrow_days", "file_days", "offline_days"] {
        assert!(SAMPLE.contains(&format!(" {key} = ")), "{key}");
    }
    for key in [
        "match",
        "new_per_day",
        "email",
        "phone",
        "url",
        "admin_url",
        "user_name",
        "initial_password",
        "memo",
        "env",
        "file",
        "host",
    ] {
        assert!(SAMPLE.contains(&format!("{key} = ")), "{key}");
    }
}

#[test]
fn what_may_be_left_out_has_its_default() {
    let catalog = parse(SMALL, "catalog.toml", ISSUER).unwrap();
    let (product, channel) = (&catalog.products[0], &catalog.channels[0]);
    let plan = &product.plans[0];
    assert_eq!((plan.term, plan.machines, &plan.quantity), (Term::Years(1), 3, &QuantityRule::Ignore));
    assert_eq!(plan.features["seats"], FeatureValue::Number(10));
    assert_eq!(plan.features["export"], FeatureValue::Flag(true));
    assert_eq!((plan.expiry_slack, plan.lease), (ExpirySlack::default(), LeaseRule::default()));
    assert!(!plan.code_carries_expiry && plan.bind_parameter.is_none() && product.usage_guide.is_none());
    assert_eq!(channel.kind, ChannelKind::Koogallery);
    assert_eq!((channel.window_v1_seconds, channel.window_v2_seconds), (600, 60));
    assert_eq!(channel.windows(), crate::marketplace::koogallery::signature::ClockWindows::default());
    assert_eq!(channel.encrypt_type, EncryptType::default());
    assert_eq!((&channel.default_plan, &channel.debug_plan, &channel.open_api), (&None, &None, &None));
}

#[test]
fn friendly_forms_are_read() {
    let text = SMALL
        .replace(
            "term = \"1 year\"",
            "term = \" 6  months \"\nexpiry_slack = { estimate_days = 5 }\nlease = { days = 1 }",
        )
        .replace("machines = 3", "machines = 0x10\nquantity = { set = \"feature:seats\" }");
    let channel = r#"clock_window_seconds = { v1 = 3600 }
default_plan = "atlas/pro"
encrypt_type = "aes256"
open_api = { access_key = { env = "A" }, secret_key = { file = "s" }, host = "eu" }
"#;
    let catalog = parse(&(text + channel), "catalog.toml", ISSUER).unwrap_or_else(|problems| panic!("{problems}"));
    let (plan, channel) = (&catalog.products[0].plans[0], &catalog.channels[0]);
    assert_eq!((plan.term, plan.machines), (Term::Months(6), 16));
    assert_eq!(plan.quantity, QuantityRule::Set(QuantityTarget::Feature("seats".to_owned())));
    assert_eq!(plan.expiry_slack, ExpirySlack { estimate_days: 5, confirmed_days: 3 });
    assert_eq!(plan.lease, LeaseRule { days: 1, ..LeaseRule::default() });
    assert_eq!((channel.window_v1_seconds, channel.window_v2_seconds), (3_600, 60));
    let named = PlanName { product: "atlas".parse().unwrap(), plan: "pro".parse().unwrap() };
    assert_eq!(channel.default_plan, Some(named));
    assert_eq!(channel.encrypt_type, EncryptType::Aes256);
    let (access_key, secret_key) = (SecretRef::Env("A".to_owned()), SecretRef::File("s".to_owned()));
    assert_eq!(
        channel.open_api,
        Some(OpenApi { access_key, secret_key, host: crate::marketplace::koogallery::open::site::Site::Eu })
    );
}

#[test]
fn a_catalog_survives_being_stored() {
    let stored = serde_json::to_string(&sample()).unwrap();
    assert_eq!(serde_json::from_str::<Catalog>(&stored).unwrap(), sample());
    // Documents of before channels had a kind stay readable.
    let older = stored.replace("\"kind\":\"koogallery\",", "");
    assert_ne!(older, stored);
    assert_eq!(serde_json::from_str::<Catalog>(&older).unwrap(), sample());
}

#[test]
fn all_problems_come_at_once_in_the_order_of_the_lines() {
    let text = SMALL
        .replace("slug = \"pro\"", "slug = \"Pro\"")
        .replace("machines = 3", "machines = 0\ncolour = \"red\"")
        .replace("products = [\"atlas\"]", "products = [\"atlass\"]");
    let problems = parse(&text, "catalog.toml", ISSUER).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "catalog.toml:6:8 product atlas › plan Pro › slug: `Pro` is not a slug: 1 to 40 characters of a-z, 0-9 and -, \
         starting with a letter, not ending with a dash\n\
         catalog.toml:9:12 product atlas › plan Pro › machines: is 0, must lie from 1 to 1000000\n\
         catalog.toml:10:1 product atlas › plan Pro › colour: is no key of this table; possible here: `slug`, \
         `product_ids`, `sku_codes`, `features`, `meter`, `name`, `term`, `machines`, `quantity`, `code_carries_expiry`, \
         `expiry_slack`, `lease`, `machine`, `versions`, `bind_parameter`, `delivery`\n\
         catalog.toml:17:13 channel main › products: there is no product `atlass`; did you mean `atlas`?"
    );
}

/// Regression: with no product whose slug could be read, the problem ended in "or name one of " and nothing.
#[test]
fn where_there_is_nothing_to_name_nothing_is_offered() {
    let list = problems(&SMALL.replacen("slug = \"atlas\"", "slug = \"Atlas\"", 1));
    let message = &list.iter().find(|it| it.path == "channel main › products").unwrap().message;
    assert_eq!(message, "there is no product `atlas`: add it");
}

#[test]
fn what_is_no_toml_is_told_with_every_fault_and_nothing_else() {
    let list = problems("[[product]]\nslug = atlas\nname = { zh = \"图\" \nterm = \"\n");
    assert!(list.len() >= 2, "{list:?}");
    assert!(list.iter().all(|it| it.path.is_empty() && it.message.starts_with("this is not TOML: ")), "{list:?}");
    assert_eq!((list[0].line, list[0].column), (2, 8));
}

#[test]
fn columns_count_characters() {
    let list =
        problems(&SMALL.replace("name = { zh = \"图册\", en = \"Atlas\" }", "name = { zh = \"图册\", en = \" \" }"));
    assert_eq!((list[0].line, list[0].column, list.len()), (3, 26, 1));
}

#[test]
fn problems_never_repeat_a_secret_or_steer_a_terminal() {
    for inline in
        ["\"hunter2hunter2\"", "{ env = \"hunter2-hunter2\" }", "[\"hunter2hunter2\"]", "{ key = \"hunter2\" }"]
    {
        let text = SMALL.replace("{ env = \"ATLAS_KEY\" }", inline);
        let problems = parse(&text, "catalog.toml", ISSUER).unwrap_err().to_string();
        assert!(!problems.contains("hunter2"), "{problems}");
    }
    let list = problems(&SMALL.replace("machines = 3", "machines = 3\n\"\\u001b[2J\\n\" = 1\nquantity = \"\\u001b\""));
    assert!(list.len() == 2 && list.iter().all(|it| !format!("{}{}", it.path, it.message).contains(char::is_control)));
}

#[test]
fn a_large_catalog_is_read_and_a_larger_one_refused_at_once() {
    let plan = |n: usize| {
        format!(
            "[[product.plan]]\nslug = \"p{n}\"\nname = {{ zh = \"版\", en = \"P\" }}\nterm = \"1 year\"\nmachines = 1\n\
             product_ids = [\"id-{n}\"]\n"
        )
    };
    let head = SMALL.split("[[product.plan]]").next().unwrap();
    let many = head.to_owned() + &(0..2_000).map(plan).collect::<String>();
    assert_eq!(parse(&many, "catalog.toml", ISSUER).unwrap().products[0].plans.len(), 2_000);
    let huge = "#".repeat(usize::try_from(limits::CATALOG_BYTES).unwrap() + 1);
    let list = problems(&huge);
    assert!(list.len() == 1 && list[0].message.contains("at most 4194304"), "{list:?}");
}

/// The size of what is told grows with the file, not with its square.
#[test]
fn thousands_of_wrong_names_beside_thousands_of_right_ones_stay_readable() {
    let product = |n: usize| {
        format!(
            "[[product]]\nslug = \"product-{n}\"\nname = {{ zh = \"图\", en = \"A\" }}\nsupport = {{ phone = \"1\" }}\n\
             [[product.plan]]\nslug = \"p\"\nname = {{ zh = \"版\", en = \"P\" }}\nterm = \"1 year\"\nmachines = 1\n"
        )
    };
    let wrong: Vec<String> = (0..1_000).map(|n| format!("\"wwwwwwwwwwwwwwwwwwwwwwwwwwwww{n}\"")).collect();
    let text = (0..1_000).map(product).collect::<String>()
        + &format!("[[channel]]\nslug = \"main\"\nkind = \"koogallery\"\nproducts = [{}]\n", wrong.join(", "))
        + "access_key = { env = \"KEY\" }\n";
    let list = problems(&text);
    assert_eq!(list.len(), 1_000);
    assert!(list.iter().all(|it| it.message.chars().count() < 400), "{}", list[0].message);
    assert!(list[0].message.ends_with("product-11, … (1000 in all)"), "{}", list[0].message);
}

#[test]
fn suggestions_compare_a_bounded_number_of_names() {
    let many: Vec<String> = (0..5_000).map(|n| format!("xa{n}")).chain(["xaseats".to_owned()]).collect();
    let mut names: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(reader::nearest("xaseat", &names).filter(|name| *name == "xaseats"), None, "behind the bound");
    names.reverse();
    assert_eq!(reader::nearest("xaseat", &names), Some("xaseats"));
    assert_eq!(reader::nearest("seats", &["machines", "edition"]), None);
}

#[test]
fn a_memo_of_several_lines_is_the_same_from_every_editor() {
    let memo = "machines = 3\ndelivery = { memo = \"\"\"\n首次登录\nsecond\n\"\"\" }";
    let unix = SMALL.replace("machines = 3", memo);
    for text in [unix.replace('\n', "\r\n"), unix] {
        let catalog = parse(&text, "catalog.toml", ISSUER).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(catalog.products[0].plans[0].delivery.memo.as_deref(), Some("首次登录\nsecond"));
    }
    for bad in ["\"\\r\"", "\"a\\rb\"", "\"\\n\\n\"", "\"a\\u0007\""] {
        let list = problems(&SMALL.replace("machines = 3", &format!("machines = 3\ndelivery = {{ memo = {bad} }}")));
        assert_eq!((list.len(), list[0].line), (1, 10), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text: String) {
        let _ = parse(&text, "catalog.toml", ISSUER);
    }

    /// Damaged files: every problem lies within the file.
    #[test]
    fn damage_is_told_within_the_file(
        at: prop::sample::Index,
        length in 0..40_usize,
        put in "[\\[\\]{}=\",.a-z0-9 \n]{0,6}",
    ) {
        let mut chars: Vec<char> = SMALL.chars().collect();
        let start = at.index(chars.len());
        let end = (start + length).min(chars.len());
        chars.splice(start..end, put.chars());
        let text: String = chars.into_iter().collect();
        if let Err(problems) = parse(&text, "catalog.toml", ISSUER) {
            prop_assert!(!problems.list.is_empty());
            for problem in &problems.list {
                prop_assert!(problem.line >= 1 && problem.line <= text.matches('\n').count() + 1);
                prop_assert!(problem.column >= 1 && !problem.message.is_empty());
            }
        }
    }
}
