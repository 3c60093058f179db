use super::*;
use crate::catalog;

fn package() -> Package {
    let text = |text: &str| text.to_owned();
    Package {
        product: "atlas".parse().unwrap(),
        version: text("1.4.0"),
        file: text("atlas.tar.gz"),
        sha256: "0a".repeat(32),
        size: 5,
        kid: text("k"),
        manifest: text("m"),
        url: None,
    }
}

fn recipe() -> Recipe {
    let sample = include_str!("../../../deploy/sample-catalog.toml");
    let catalog = catalog::parse(sample, "sample", "https://x.example").unwrap();
    catalog.recipes["atlas"].clone()
}

#[test]
fn the_same_package_is_the_same_archive() {
    let pack = || {
        let mut out = Vec::new();
        pack(&mut out, &package(), "#!/bin/bash\n", &mut &b"bytes"[..]).unwrap();
        out
    };
    assert_eq!(pack(), pack());
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(std::io::Cursor::new(pack())));
    let names: Vec<_> = archive.entries().unwrap().map(|it| it.unwrap().path().unwrap().into_owned()).collect();
    assert_eq!(names, [PathBuf::from("bin/atlas.tar.gz"), PathBuf::from("scripts/install.sh")]);
}

#[test]
fn the_template_is_terraform_and_keeps_secrets_sensitive() {
    let mut values = values("https://x.example", &package(), &recipe());
    values.extend([("ARCHIVE", "a.tar.gz".to_owned()), ("ARCHIVE_SHA256", "00".repeat(32))]);
    let text = filled(TEMPLATE, &values);
    assert!(!unfilled(&text), "nothing is left to fill in");
    let body = hcl::parse(&text).unwrap();
    let of = |kind: &str, name: &str| {
        let named = |block: &&hcl::Block| block.labels.last().is_some_and(|label| label.as_str() == name);
        body.blocks().filter(|block| block.identifier.as_str() == kind).find(named).cloned()
    };
    for name in ["ecs_password", "license_code"] {
        let variable = of("variable", name).unwrap();
        let sensitive = variable.body.attributes().any(|it| it.key.as_str() == "sensitive" && it.expr == true.into());
        assert!(sensitive, "{name}");
    }
    for (kind, name) in [
        ("variable", "ecs_flavor"),
        ("variable", "security_group_id"),
        ("output", "address"),
        ("variable", "parameter_site_name"),
    ] {
        assert!(of(kind, name).is_some(), "{kind} {name}");
    }
    assert!(!unfilled(&filled(INSTALL, &values)));
    let user_data = text.split_once("user_data = ").unwrap().1;
    assert!(user_data.contains("'root:${bcrypt(var.ecs_password)}' | chpasswd -e"), "{user_data}");
    assert_eq!(user_data.matches("var.ecs_password").count(), 1, "nowhere in clear");
}

fn unfilled(text: &str) -> bool {
    let mut parts = text.split('@').skip(1);
    parts.any(|part| part.len() > 1 && part.bytes().all(|it| it.is_ascii_uppercase() || it == b'_'))
}

#[test]
fn a_value_is_not_filled_again() {
    let values = BTreeMap::from([("A", "@B@".to_owned()), ("B", "x@".to_owned())]);
    assert_eq!(filled("a@b @A@ @B@ @C@", &values), "a@b @B@ x@ @C@");
}

#[test]
fn what_a_recipe_says_stays_text_in_the_template() {
    let hostile = "\"${file(\"/etc/shadow\")} %{ if true } \\";
    let mut recipe = recipe();
    recipe.parameters[0].label.en = hostile.to_owned();
    recipe.parameters[0].default = Some(hostile.to_owned());
    let body = hcl::parse(&variables(&recipe.parameters)).unwrap();
    let variable = body.blocks().next().unwrap();
    let default = variable.body.attributes().find(|it| it.key.as_str() == "default").unwrap();
    let hcl::Expression::String(default) = default.expr.clone() else { panic!("{:?}", default.expr) };
    assert_eq!(default.replace("$${", "${").replace("%%{", "%{"), hostile);
}

/// Regression: no `SIGNET_PARAM_…` was set, and no seat taken. The script really runs, with harmless tools in the place of
/// those that would change this machine.
#[test]
fn regression_the_install_script_passes_parameters_and_takes_a_seat() {
    let values = values("https://x.example", &package(), &recipe());
    let script = filled(INSTALL, &values);
    let folder = tempfile::tempdir().unwrap();
    let script = script
        .replace("/etc/signet", folder.path().join("etc").to_str().unwrap())
        .replace("/var/lib/signet", folder.path().join("state").to_str().unwrap())
        .replace("/opt/signet", folder.path().join("opt").to_str().unwrap());
    std::fs::create_dir(folder.path().join("scripts")).unwrap();
    let run = |settings: &str| {
        let etc = folder.path().join("etc/atlas");
        std::fs::create_dir_all(&etc).unwrap();
        std::fs::write(etc.join("license"), "code\n").unwrap();
        std::fs::write(etc.join("parameters"), settings).unwrap();
        // Up to where the package would be opened.
        let (head, _) = script.split_once("cd \"$here/bin\"").unwrap();
        let text = format!(
            "id() {{ echo 0; }}\n{head}\nprintf '%s|%s' \"$SIGNET_PARAM_SITE_NAME\" \"$SIGNET_PARAM_LANGUAGE\""
        );
        std::process::Command::new("bash")
            .arg("-c")
            .arg(text)
            .arg(folder.path().join("scripts/install.sh"))
            .output()
            .unwrap()
    };
    let ended = run("SITE_NAME=it's $(mine)\n");
    assert_eq!(String::from_utf8_lossy(&ended.stdout), "it's $(mine)|zh", "{ended:?}");
    let ended = run("");
    assert!(!ended.status.success());
    assert!(String::from_utf8_lossy(&ended.stderr).contains("SITE_NAME is missing"), "{ended:?}");
    let order = ["sha256sum -c", "sh \"$home/renew.sh\"", "enable --now", "become healthy"];
    let found: Vec<_> = order.iter().map(|it| script.find(it).unwrap()).collect();
    assert!(found.is_sorted(), "{found:?}");
}
