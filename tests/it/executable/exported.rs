//! `signet package export --koogallery`: what the command writes, and that a server which starts with the template's user-data
//! and the archive comes to run the software, licensed.

use std::{fs, path::Path, process::Command};

use data_encoding::BASE64;
use tempfile::TempDir;

use super::{
    market::buy_code,
    support::{Backend, Installation},
};
use crate::deploy::boot::machine::{boot, packed};

/// The service, as servers that start in a namespace know it.
const KNOWN_AS: &str = "http://198.51.100.10";
const EXPORT: [&str; 7] = ["package", "export", "--product", "atlas", "--koogallery", "--out", "dist"];

/// With the sample package of the boot tests in the place of the catalog's.
fn installation() -> Installation {
    let installation = Installation::new(Backend::Sqlite);
    let catalog = fs::read_to_string(installation.catalog()).unwrap();
    let (before, after) = ("sh scripts/install.sh", "./install.sh");
    assert!(catalog.contains(before));
    let catalog = catalog.replace(before, after).replace("http://127.0.0.1:8080/health", "http://127.0.0.1:8080/");
    fs::write(installation.catalog(), catalog.replace("health_seconds = 180", "health_seconds = 20")).unwrap();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/boot/sample");
    fs::write(installation.path("atlas-1.4.0.tar.gz"), packed(&sample)).unwrap();
    installation
}

fn publish(installation: &Installation) {
    installation.done(&["package", "publish", "--product", "atlas", "--version", "1.4.0", "atlas-1.4.0.tar.gz"]);
}

/// The lines of the template's user-data, as Terraform would write them with these values.
fn user_data(template: &str, values: &[(&str, &str)]) -> String {
    let (_, rest) = template.split_once("user_data = join(\"\\n\", [\n").expect("user-data");
    let lines = rest.split_once("\n  ])").unwrap().0.lines();
    let unquoted = lines.map(|line| {
        let text = line.trim().strip_prefix('"').and_then(|it| it.strip_suffix("\",")).expect("a quoted line");
        text.replace("\\\"", "\"")
    });
    let text = unquoted.collect::<Vec<_>>().join("\n");
    let text = values.iter().fold(text, |text, (name, value)| {
        assert!(text.contains(name), "{name}");
        text.replace(name, value)
    });
    assert!(!text.contains("${"), "everything is filled in: {text}");
    text
}

#[test]
fn an_export_needs_a_recipe_and_a_package_and_is_the_same_each_time() {
    let installation = installation();
    installation.done(&["catalog", "apply", "catalog.toml"]);
    installation.run(&EXPORT).refused(&["signet package publish"]);
    let plain = installation.run(&["package", "export", "--product", "atlas"]);
    assert!(plain.code == Some(2) && plain.text().contains("--koogallery"), "{plain:?}");
    publish(&installation);
    let told = installation.done(&EXPORT).stdout;
    let files = ["dist/atlas-1.4.0-koogallery.tar.gz", "dist/atlas-1.4.0.tf"];
    assert_eq!(told.lines().collect::<Vec<_>>(), files);
    let read = || files.map(|name| fs::read(installation.path(name)).unwrap());
    let first = read();
    installation.done(&EXPORT);
    assert_eq!(read(), first);
    assert_eq!(fs::read_dir(installation.path("dist")).unwrap().count(), 2, "nothing else is left there");
    let listed = Command::new("tar").arg("-tzf").arg(installation.path(files[0])).output().unwrap();
    assert_eq!(String::from_utf8(listed.stdout).unwrap(), "bin/atlas-1.4.0.tar.gz\nscripts/install.sh\n");

    let catalog = fs::read_to_string(installation.catalog()).unwrap();
    let (head, rest) = catalog.split_once("[product.recipe]").unwrap();
    let (_, tail) = rest.split_once("[[product.plan]]").unwrap();
    fs::write(installation.catalog(), format!("{head}[[product.plan]]{tail}")).unwrap();
    installation.done(&["catalog", "apply", "catalog.toml"]);
    installation.run(&EXPORT).refused(&["no recipe", "catalog apply"]);
}

/// To the end: `install.sh` of the archive had only ever run in parts.
#[test]
fn a_server_made_by_the_exported_template_runs_the_software_with_a_seat() {
    let mut installation = installation();
    let service = installation.serve_with(&[("SIGNET_PUBLIC_URL", KNOWN_AS)]);
    publish(&installation);
    let code = buy_code(&installation);
    let mut export = installation.command(&EXPORT);
    assert!(export.env("SIGNET_PUBLIC_URL", KNOWN_AS).status().unwrap().success());
    let archive = fs::read(installation.path("dist/atlas-1.4.0-koogallery.tar.gz")).unwrap();
    let template = fs::read_to_string(installation.path("dist/atlas-1.4.0.tf")).unwrap();
    let hash = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";
    let base64 = |text: &str| BASE64.encode(text.as_bytes());
    let user_data = user_data(
        &template,
        &[
            ("${bcrypt(var.ecs_password)}", hash),
            ("${base64encode(var.license_code)}", &base64(&code)),
            ("${base64encode(local.parameters)}", &base64("SITE_NAME=Demo\nLANGUAGE=en\n")),
            ("${base64encode(var.package_url)}", &base64("file:///root/archive.tar.gz")),
        ],
    );
    let (first, rest) = user_data.split_once('\n').unwrap();
    let bring = format!("base64 -d >/root/archive.tar.gz <<'END'\n{}\nEND", BASE64.encode(&archive));
    let out = TempDir::new().unwrap();
    fs::write(out.path().join("script"), format!("{first}\n{bring}\n{rest}\n")).unwrap();
    fs::create_dir(out.path().join("to-copy")).unwrap();
    boot("/bin/sh", &out, &format!("127.0.0.1:{}", installation.port), 512);

    let left = |name: &str| fs::read_to_string(out.path().join(name)).unwrap_or_default();
    let printed = left("script.log");
    assert!(printed.contains("atlas 1.4.0 is healthy"), "{printed}");
    assert!(left("served").starts_with("healthy"), "{printed}");
    assert!(left("environment").contains("SIGNET_PARAM_SITE_NAME=Demo\n"), "{}", left("environment"));
    assert!(left("timers").contains("signet-atlas.timer") && left("renewed") == "0\n", "{printed}");
    assert!(left("shadow").contains(hash), "root's password is set");
    assert!(left("files").contains("600 f /etc/signet/atlas/license"), "{}", left("files"));
    let lease = Command::new("tar")
        .arg("-xOf")
        .arg(out.path().join("left.tar"))
        .arg("var/lib/signet/atlas/lease.jwt")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(lease.stdout).unwrap().trim_end().split('.').count(), 3, "a signed lease");
    assert!(!service.log().contains(code.trim()), "the code is in no log");
    service.stop();
}
