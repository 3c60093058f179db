//! Where settings come from. The environment is handed in, so that tests neither change nor feel the real one.

use clap::Parser;

use super::*;

#[test]
fn defaults_run_and_flags_come_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signet.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:1\"\nmessage_days = 7\n").unwrap();
    let flags = Flags { listen: Some("127.0.0.1:2".to_owned()), ..Flags::default() };
    let config = Config::load_with(Some(&file), [], &flags).unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.message_days, 7);
    assert_eq!(config.server_url(), "http://127.0.0.1:2");
    assert!(matches!(config.database, DatabaseUrl::Sqlite(path) if path.ends_with("signet.db")));
}

#[test]
fn wrong_settings_are_named() {
    let refused = |flags: Flags| Config::load_with(None, [], &flags).unwrap_err().to_string();
    let listen = refused(Flags { listen: Some("nowhere".to_owned()), ..Flags::default() });
    assert!(listen.contains("`listen`") && listen.contains("nowhere"), "{listen}");
    for url in ["license.example.com", "https://", "ftp://x", "https://x?y", "https://x y"] {
        let text = refused(Flags { public_url: Some(url.to_owned()), ..Flags::default() });
        assert!(text.contains("`public_url`"), "{text}");
    }
    let proxies = refused(Flags { trusted_proxies: Some(vec!["10.0.0.0/33".to_owned()]), ..Flags::default() });
    assert!(proxies.contains("`trusted_proxies`"), "{proxies}");
}

#[test]
fn an_unknown_setting_in_the_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signet.toml");
    std::fs::write(&file, "lissten = \"127.0.0.1:1\"\n").unwrap();
    let text = Config::load_with(Some(&file), [], &Flags::default()).unwrap_err().to_string();
    assert!(text.contains("lissten"), "{text}");
    let gone = Config::load_with(Some(&folder.path().join("gone.toml")), [], &Flags::default());
    assert!(gone.is_err(), "a file that was named must be there");
}

/// `signet`'s flags as the command line reads them.
#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    flags: Flags,
}

fn flags(arguments: &[&str]) -> Flags {
    Line::try_parse_from([&["signet"], arguments].concat()).unwrap().flags
}

/// The setting's name, the file's line, the environment's text, the flag's text, and what each of the three and the
/// default come to.
type Case = (&'static str, &'static str, &'static str, &'static str, [&'static str; 4]);

const CASES: &[Case] = &[
    (
        "listen",
        "\"127.0.0.1:1\"",
        "127.0.0.1:2",
        "127.0.0.1:3",
        ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:8080"],
    ),
    (
        "metrics_listen",
        "\"127.0.0.1:1\"",
        "127.0.0.1:2",
        "",
        ["Some(127.0.0.1:1)", "Some(127.0.0.1:2)", "None", "Some(127.0.0.1:9464)"],
    ),
    ("data_dir", "\"f\"", "1.50", "true", ["f", "1.50", "true", "data"]),
    (
        "database_url",
        "\"f.db\"",
        "123",
        "postgres://h",
        ["Sqlite(\"f.db\")", "Sqlite(\"123\")", "Postgres(…)", "Sqlite(\"data/signet.db\")"],
    ),
    ("catalog", "\"f\"", "[x]", "007", ["Some(\"f\")", "Some(\"[x]\")", "Some(\"007\")", "None"]),
    (
        "public_url",
        "\"http://f\"",
        "http://e/",
        "http://g",
        ["Some(\"http://f\")", "Some(\"http://e\")", "Some(\"http://g\")", "None"],
    ),
    ("master_key_file", "\"f\"", "1e3", "g", ["f", "1e3", "g", "data/master.key"]),
    (
        "trusted_proxies",
        "[\"1.1.1.1\", \"::1\"]",
        "127.0.0.1,10.0.0.0/8",
        "2.2.2.2,3.3.3.3",
        ["1.1.1.1,::1", "127.0.0.1,10.0.0.0/8", "2.2.2.2,3.3.3.3", ""],
    ),
    ("message_days", "7", "8", "9", ["7", "8", "9", "180"]),
    ("license_rate", "7", "8", "0", ["7", "8", "0", "60"]),
    ("address_rate", "7", "8", "0", ["7", "8", "0", "240"]),
    ("product_rate", "7", "8", "0", ["7", "8", "0", "30000"]),
    (
        "provider_networks",
        "[\"10.0.0.0/8\"]",
        "10.1.0.0/16,::1",
        "10.2.0.0/16",
        ["10.0.0.0/8", "10.1.0.0/16,::1", "10.2.0.0/16", ""],
    ),
    (
        "webhook_networks",
        "[\"10.0.0.0/8\"]",
        "10.1.0.0/16,::1",
        "10.2.0.0/16",
        ["10.0.0.0/8", "10.1.0.0/16,::1", "10.2.0.0/16", ""],
    ),
    ("custom_endpoints", "\"https\"", "http", "https", ["Https", "Http", "Https", "Refused"]),
    (
        "idempotent_endpoints",
        "[\"https://f\"]",
        "http://e:1/x,https://{service}.e",
        "https://g,https://h",
        ["https://f", "http://e:1/x,https://{service}.e", "https://g,https://h", ""],
    ),
    ("ec2_clouds_file", "\"f\"", "1e3", "g", ["Some(\"f\")", "Some(\"1e3\")", "Some(\"g\")", "None"]),
    ("simulated_cloud", "true", "true", "true", ["true", "true", "true", "false"]),
    ("huawei_account", "\"a\"", "b", "c", ["a", "b", "c", ""]),
    ("huawei_account_id", "\"a1\"", "007", "1e3", ["a1", "007", "1e3", ""]),
    ("huawei_access_key", "\"A\"", "B", "C", ["A", "B", "C", ""]),
    ("huawei_secret_key_file", "\"f\"", "1e3", "g", ["Some(\"f\")", "Some(\"1e3\")", "Some(\"g\")", "None"]),
    ("package_store", "\"/p\"", "1e3", "/q", ["/p", "1e3", "/q", "data/packages"]),
    ("package_store_endpoint", "\"https://a\"", "https://b", "https://c", ["https://a", "https://b", "https://c", ""]),
    ("package_store_region", "\"a\"", "b", "c", ["a", "b", "c", ""]),
    ("package_gib", "1", "2", "3", ["1073741824", "2147483648", "3221225472", "4294967296"]),
    ("mail_server", "\"a:1\"", "b:2", "c:3", ["Some((\"a\", 1))", "Some((\"b\", 2))", "Some((\"c\", 3))", "None"]),
    ("mail_security", "\"starttls\"", "none", "tls", ["StartTls", "None", "Tls", "Tls"]),
    ("mail_user", "\"a\"", "007", "c", ["a", "007", "c", ""]),
    ("mail_password_file", "\"f\"", "1e3", "g", ["Some(\"f\")", "Some(\"1e3\")", "Some(\"g\")", "None"]),
    ("mail_from", "\"a@a.example\"", "b@b.example", "c@c.example", ["a@a.example", "b@b.example", "c@c.example", ""]),
    (
        "mail_merchant",
        "\"a@a.example\"",
        "b@b.example",
        "c@c.example",
        ["Some(\"a@a.example\")", "Some(\"b@b.example\")", "Some(\"c@c.example\")", "None"],
    ),
    ("mail_language", "\"en\"", "en", "en", ["En", "En", "En", "Zh"]),
    ("log", "\"warn\"", "signet=debug,info", "error", ["warn", "signet=debug,info", "error", "info"]),
    ("log_format", "\"json\"", "json", "json", ["Json", "Json", "Json", "Text"]),
];

/// How a setting is shown in [`CASES`]; lists as the proxies they come to.
fn shown(config: &Config, name: &str) -> String {
    match name {
        "listen" => config.listen.to_string(),
        "metrics_listen" => format!("{:?}", config.metrics_listen),
        "data_dir" => config.data_dir.display().to_string(),
        "database_url" => format!("{:?}", config.database),
        "catalog" => format!("{:?}", config.catalog),
        "public_url" => format!("{:?}", config.public_url),
        "master_key_file" => config.master_key_file.display().to_string(),
        "trusted_proxies" => format!("{:?}", config.trusted_proxies),
        "message_days" => config.message_days.to_string(),
        "license_rate" => config.rate_limits.license.to_string(),
        "address_rate" => config.rate_limits.address.to_string(),
        "product_rate" => config.rate_limits.product.to_string(),
        "provider_networks" => format!("{:?}", config.provider_networks),
        "webhook_networks" => format!("{:?}", config.webhook_networks),
        "custom_endpoints" => format!("{:?}", config.custom_endpoints),
        "idempotent_endpoints" => config.idempotent_endpoints.join(","),
        "ec2_clouds_file" => format!("{:?}", config.ec2_clouds_file),
        "simulated_cloud" => config.simulated_cloud.to_string(),
        "huawei_account" => config.huawei_account.name.clone(),
        "huawei_account_id" => config.huawei_account.id.clone(),
        "huawei_access_key" => config.huawei_account.access_key.clone(),
        "huawei_secret_key_file" => format!("{:?}", config.huawei_account.secret_key_file),
        "mail_server" => format!("{:?}", config.mail.server),
        "mail_security" => format!("{:?}", config.mail.security),
        "mail_user" => config.mail.user.clone(),
        "mail_password_file" => format!("{:?}", config.mail.password_file),
        "mail_from" => config.mail.from.clone(),
        "mail_merchant" => format!("{:?}", config.mail.merchant),
        "mail_language" => format!("{:?}", config.mail.language),
        "log" => config.log.clone(),
        "package_store" => match &config.package_store {
            PackageStore::Folder(folder) => folder.display().to_string(),
            bucket => format!("{bucket:?}"),
        },
        "package_store_endpoint" => config.package_store_endpoint.clone(),
        "package_store_region" => config.package_store_region.clone(),
        "package_gib" => config.package_bytes.to_string(),
        "log_format" => format!("{:?}", config.log_format),
        other => panic!("{other}"),
    }
}

fn wanted(name: &str, text: &str) -> String {
    let entries: Vec<String> = text.split(',').filter(|entry| !entry.is_empty()).map(str::to_owned).collect();
    match name {
        "trusted_proxies" => format!("{:?}", Proxies::parse(&entries).unwrap()),
        "provider_networks" | "webhook_networks" => format!("{:?}", Networks::parse(&entries).unwrap()),
        _ => text.to_owned(),
    }
}

/// Reads a file with `text`, when there is one, and variables.
fn load(text: Option<&str>, variables: &[(&str, &str)], flags: &Flags) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = text.map(|text| {
        let file = folder.path().join("signet.toml");
        std::fs::write(&file, text).unwrap();
        file
    });
    let variables = variables.iter().map(|(name, text)| (name.into(), text.into()));
    Config::load_with(file.as_deref(), variables.collect::<Vec<_>>(), flags)
}

#[test]
fn every_setting_is_taken_from_flag_then_environment_then_file_then_default() {
    for (name, file, variable, flag, [from_file, from_environment, from_flag, default]) in CASES {
        let text = format!("{name} = {file}\n");
        let key = format!("SIGNET_{}", name.to_uppercase());
        let flag = flags(&[&format!("--{}={flag}", name.replace('_', "-"))]);
        let read = |text, variables: &[(&str, &str)], flags| shown(&load(text, variables, flags).unwrap(), name);
        let none = Flags::default();
        assert_eq!(read(None, &[], &none), wanted(name, default), "{name}: default");
        assert_eq!(read(Some(&text), &[], &none), wanted(name, from_file), "{name}: file");
        assert_eq!(
            read(Some(&text), &[(&key, variable)], &none),
            wanted(name, from_environment),
            "{name}: environment"
        );
        assert_eq!(read(Some(&text), &[(&key, variable)], &flag), wanted(name, from_flag), "{name}: flag");
    }
    let names: Vec<&str> = CASES.iter().map(|case| case.0).collect();
    assert_eq!(names, NAMES, "a setting without a case");
}

/// figment reads `123` as a number and `[a]` as a list, and refused one address because it is no list.
#[test]
fn the_environment_holds_lists() {
    let proxies = |text: &str| {
        let config = load(None, &[("SIGNET_TRUSTED_PROXIES", text)], &Flags::default());
        config.map(|config| config.trusted_proxies).map_err(|error| error.to_string())
    };
    let parsed = |entries: &[&str]| Proxies::parse(&entries.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(proxies("127.0.0.1"), parsed(&["127.0.0.1"]));
    assert_eq!(proxies(" 127.0.0.1 , 10.0.0.0/8"), parsed(&["127.0.0.1", "10.0.0.0/8"]));
    assert_eq!(proxies(""), Ok(Proxies::default()));
    for wrong in ["127.0.0.1,", "127.0.0.1 10.0.0.1", "10.0.0.0/33", "[127.0.0.1]"] {
        let text = proxies(wrong).unwrap_err();
        assert!(text.contains("`trusted_proxies`"), "{wrong}: {text}");
    }
}

#[test]
fn a_number_that_is_none_names_setting_and_source() {
    let refused = |text| load(None, &[("SIGNET_MESSAGE_DAYS", text)], &Flags::default()).unwrap_err().to_string();
    for wrong in ["many", " ", "-1", "1.5", "65536"] {
        let text = refused(wrong);
        assert!(text.contains("MESSAGE_DAYS") && text.contains("environment"), "{wrong}: {text}");
    }
    assert!(refused("0").contains("at least 1"));
}

/// `1.50` would come back as `1.5`: texts stand in quotes in a file.
#[test]
fn a_file_writes_texts_in_quotes_and_may_write_numbers_and_lists_as_texts() {
    let read = |text| load(Some(text), &[], &Flags::default());
    let config = read("trusted_proxies = \"127.0.0.1\"\nmessage_days = \"7\"\n").unwrap();
    assert_eq!(config.message_days, 7);
    assert_ne!(config.trusted_proxies, Proxies::default());
    for wrong in ["data_dir = [\"data\"]\n", "data_dir = 123\n", "data_dir = 1.50\n", "data_dir = true\n"] {
        let text = read(wrong).unwrap_err().to_string();
        assert!(text.contains("data_dir") && text.contains("signet.toml"), "{wrong}: {text}");
    }
    for wrong in ["message_days = -1\n", "message_days = 1.5\n", "message_days = 70000\n", "message_days = true\n"] {
        let text = read(wrong).unwrap_err().to_string();
        assert!(text.contains("message_days") && text.contains("number"), "{wrong}: {text}");
    }
}

/// Other variables with the prefix are no settings: the master key, the simulator's key, the tests' own.
#[test]
fn other_variables_are_left_alone() {
    let others = [("SIGNET_MASTER_KEY", "00"), ("SIGNET_SIMULATE_KEY", "k"), ("LISTEN", "x"), ("SIGNET_", "x")];
    assert!(load(None, &others, &Flags::default()).is_ok());
}

#[test]
fn a_database_url_that_cannot_be_read_is_not_repeated() {
    for url in ["host=h password=canary", "postgres://u:canary%zz@h/d", "postgres://u:[canary@h/d", "[canary"] {
        let Err(error) = load(None, &[("SIGNET_DATABASE_URL", url)], &Flags::default()) else { continue };
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
}

#[test]
fn the_documents_name_every_setting_and_its_default() {
    let readme = include_str!("../../README.md");
    for name in NAMES {
        assert!(DEFAULTS.contains(&format!("\n{name} = ")), "{name} in default.toml");
        let named = readme.lines().any(|line| line.starts_with('|') && line.contains(&format!("`{name}`")));
        assert!(named, "{name} in README's table");
    }
}

/// The C compiler alone brings no headers where recommended packages are left out.
#[test]
fn the_set_up_installs_what_a_build_needs() {
    let script = include_str!("../../deploy/setup.sh");
    let readme = include_str!("../../README.md");
    for package in ["build-essential", "pkg-config", "libssl-dev"] {
        assert!(script.contains(package) && readme.contains(package), "{package}");
    }
}

/// Regression: the parser showed the line it stopped at, and the log had the database's password.
#[test]
fn a_file_that_cannot_be_read_shows_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signet.toml");
    for text in [
        "database_url = \"postgres://signet:canary@h/d\n",
        "listen = \"127.0.0.1:1\"\ndatabase_url = \"postgres://signet:canary@h/d\"x\n",
        "database_url = postgres://signet:canary@h/d\n",
        "postgres://signet:canary@h/d\n",
        "database_url = { url = \"canary\" }\n",
    ] {
        std::fs::write(&file, text).unwrap();
        let error = Config::load_with(Some(&file), [], &Flags::default()).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains("signet.toml"), "{shown}");
    }
}

/// Regression: such a folder was made under another name.
#[test]
fn a_variable_that_is_not_utf8_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let folder = std::ffi::OsString::from_vec(b"/data/\xff".to_vec());
    let error = Config::load_with(None, [("SIGNET_DATA_DIR".into(), folder)], &Flags::default()).unwrap_err();
    assert!(error.to_string().contains("SIGNET_DATA_DIR is not UTF-8"), "{error}");
}

/// Regression: `SIGNET_DATABASE_URL=` took the database that the file names away, and a new, empty one was made.
#[test]
fn regression_an_empty_variable_is_none() {
    for (name, file, _, _, [from_file, .., default]) in CASES {
        let (text, key) = (format!("{name} = {file}\n"), format!("SIGNET_{}", name.to_uppercase()));
        let empty = |text| shown(&load(text, &[(&key, "")], &Flags::default()).unwrap(), name);
        // Empty has a meaning of its own here.
        let none = (*name == "metrics_listen").then_some("None");
        assert_eq!(empty(Some(&text)), wanted(name, none.unwrap_or(from_file)), "{name}");
        assert_eq!(empty(None), wanted(name, none.unwrap_or(default)), "{name}");
    }
}

/// Regression: the error repeated it, and the log had the secret that was pasted in the wrong line.
#[test]
fn regression_a_log_format_that_is_none_is_not_repeated() {
    for text in [None, Some("log_format = \"canary\"\n")] {
        let variables: &[_] = if text.is_none() { &[("SIGNET_LOG_FORMAT", "canary")] } else { &[] };
        let error = load(text, variables, &Flags::default()).unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(told.contains("`log_format`") && told.contains("json") && !told.contains("canary"), "{told}");
    }
}

#[test]
fn a_bucket_needs_a_name_a_region_and_an_address_without_a_password() {
    let store = |store: &str, endpoint: &str, region: &str| {
        let text = format!(
            "package_store = \"{store}\"\npackage_store_endpoint = \"{endpoint}\"\npackage_store_region = \"{region}\"\n"
        );
        load(Some(&text), &[], &Flags::default()).map(|config| config.package_store).map_err(|error| error.to_string())
    };
    let bucket = PackageStore::Bucket { name: "shop".to_owned(), prefix: "a/b".to_owned() };
    assert_eq!(store("s3://shop/a/b/", "https://obs.example.com", "cn-north-4"), Ok(bucket));
    for (text, endpoint, region, setting) in [
        ("s3://Shop", "", "r", "`package_store`"),
        ("s3://", "", "r", "`package_store`"),
        ("s3://shop", "", "", "`package_store_region`"),
        ("s3://shop", "ftp://x", "r", "`package_store_endpoint`"),
        ("s3://shop", "https://me:secret@x", "r", "`package_store_endpoint`"),
    ] {
        let refused = store(text, endpoint, region).unwrap_err();
        assert!(refused.contains(setting) && !refused.contains("secret"), "{refused}");
    }
}
