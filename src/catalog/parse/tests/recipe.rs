//! One case for every rule of `[product.recipe]`.

use super::*;

/// Follows the small catalog's product. Its line numbers are part of the tests: the recipe begins in line 5.
const RECIPE: &str = r#"[product.recipe]
package = "published"
install = "sh install.sh"
health = "true"
ports = [80]
minimum = { vcpus = 1, memory_mib = 512, disk_gib = 10 }
systems = ["debian 12"]
architectures = ["x86_64"]
parameters = [{ name = "SITE", label = { zh = "站点", en = "Site" }, default = "a", choices = ["a", "b"] }]
outputs = [{ label = { zh = "网址", en = "Address" }, value = "http://{ip}/{SITE}" }]
"#;

/// With `from` of the recipe replaced by `to`.
fn with(from: &str, to: &str) -> String {
    assert!(RECIPE.contains(from), "{from}");
    SMALL.replacen("[[product.plan]]", &format!("{}[[product.plan]]", RECIPE.replacen(from, to, 1)), 1)
}

#[test]
fn the_recipe_of_these_tests_is_right() {
    let catalog = parse(&with("", ""), "catalog.toml", ISSUER).unwrap();
    let recipe = &catalog.recipes["atlas"];
    assert_eq!((recipe.install_seconds, recipe.health_seconds), (1_800, 300));
    assert_eq!((recipe.ports.as_slice(), recipe.parameters.len(), recipe.outputs.len()), (&[80][..], 1, 1));
}

#[test]
fn every_problem_is_told_with_its_line() {
    let url = |more: &str| format!("package = {{ url = \"https://a.example/a.tgz\", version = \"1.4.0\"{more} }}");
    let digest = "0a".repeat(32);
    let cases: Vec<(&str, String, usize, &str, &str)> = vec![
        ("package = \"published\"\n", String::new(), 5, "package", "is missing"),
        ("\"published\"", "\"newest\"".to_owned(), 6, "package", "must be \"published\""),
        ("\"published\"", "{ version = \"1.4\" }".to_owned(), 6, "package › version", "three numbers"),
        ("package = \"published\"", url(""), 6, "package › sha256", "is missing"),
        ("package = \"published\"", url(&format!(", sha256 = \"{digest}\"")), 6, "package › size", "is missing"),
        ("package = \"published\"", url(", size = 9, sha256 = \"0A\""), 6, "package › sha256", "no SHA-256"),
        (
            "package = \"published\"",
            url(&format!(", size = 9, sha256 = \"{digest}\"")).replace("https", "http"),
            6,
            "package › url",
            "no address",
        ),
        (
            "package = \"published\"",
            url(&format!(", size = 9, sha256 = \"{digest}\", minimum_version = \"1.5.0\"")),
            6,
            "package › minimum_version",
            "is older",
        ),
        (
            "package = \"published\"",
            url(&format!(", size = 9, sha256 = \"{digest}\", expires_at = \"tomorrow\"")),
            6,
            "package › expires_at",
            "is no moment",
        ),
        ("install = \"sh install.sh\"\n", String::new(), 5, "install", "is missing"),
        ("\"sh install.sh\"", "\" \"".to_owned(), 7, "install", "is empty"),
        ("\"sh install.sh\"", format!("\"{}\"", "x".repeat(2_001)), 7, "install", "2000"),
        ("health = \"true\"\n", String::new(), 5, "health", "is missing"),
        ("health = \"true\"", "health = \"true\"\nhealth_seconds = 9".to_owned(), 9, "health_seconds", "10"),
        ("health = \"true\"", "health = \"true\"\ninstall_seconds = 9".to_owned(), 9, "install_seconds", "30"),
        ("[80]", "[0]".to_owned(), 9, "ports", "1"),
        ("[80]", "[80, 80]".to_owned(), 9, "ports", "twice"),
        ("[80]", format!("{:?}", (1..=17).collect::<Vec<_>>()), 9, "ports", "17 entries"),
        ("vcpus = 1, ", String::new(), 10, "minimum › vcpus", "is missing"),
        ("memory_mib = 512", "memory_mib = 1".to_owned(), 10, "minimum › memory_mib", "128"),
        ("[\"x86_64\"]", "[]".to_owned(), 12, "architectures", "is empty"),
        ("[\"x86_64\"]", "[\"x86_64\", \"x86_64\"]".to_owned(), 12, "architectures", "twice"),
        ("[\"x86_64\"]", "[\"amd64\"]".to_owned(), 12, "architectures", "x86_64"),
        ("\"SITE\"", "\"site\"".to_owned(), 13, "name", "no name"),
        ("default = \"a\"", "default = \"c\"".to_owned(), 13, "default", "none of the choices"),
        ("{SITE}", "{PORT}".to_owned(), 14, "value", "neither {ip} nor a parameter"),
        ("ports = [80]", "prots = [80]".to_owned(), 9, "prots", "did you mean `ports`?"),
    ];
    let mut wrong = Vec::new();
    for (from, to, line, path, says) in cases {
        let first = problems(&with(from, &to)).swap_remove(0);
        let recipe = first.path.split_once("recipe › ").map(|(_, path)| path).unwrap_or_default();
        if first.line != line || !recipe.ends_with(path) || !first.message.contains(says) {
            wrong.push(format!(
                "{} instead of {says}: {:.200}",
                to.chars().take(80).collect::<String>(),
                format!("{first:?}")
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn two_parameters_of_a_name_are_refused() {
    let twice = with("parameters = [", "parameters = [{ name = \"SITE\", label = { zh = \"一\", en = \"One\" } }, ");
    let list = problems(&twice);
    assert!(list.iter().any(|it| it.line == 13 && it.message.contains("second parameter SITE")), "{list:#?}");
}

/// All of them at once, in the order of their lines.
#[test]
fn no_problem_hides_another() {
    let text = with("[80]", "[80, 80]").replace("\"SITE\"", "\"site\"").replace("{ip}", "{who}");
    let lines: Vec<_> = problems(&text).iter().map(|it| it.line).collect();
    assert!([9, 13, 14].iter().all(|line| lines.contains(line)) && lines.is_sorted(), "{lines:?}");
}

/// Such a recipe was taken, and every deployment of it failed.
#[test]
fn a_recipe_whose_script_no_cloud_takes_is_refused() {
    let long = |install: usize, health: usize| {
        let text = with("sh install.sh", &"x".repeat(install));
        text.replacen("health = \"true\"", &format!("health = \"{}\"", "x".repeat(health)), 1)
    };
    assert!(parse(&long(1_000, 500), "catalog.toml", ISSUER).is_ok());
    let problems = parse(&long(1_990, 990), "catalog.toml", ISSUER).unwrap_err().to_string();
    assert!(problems.contains("can never be deployed") && problems.contains("16384"), "{problems}");
}
