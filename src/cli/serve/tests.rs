//! What stands against a start, and what a start that failed leaves behind.

use std::path::Path;

use super::*;
use crate::{
    catalog::{self, Catalog},
    cli::open,
    config::Flags,
};

const SHORT: &str = "http://a.example.com";

/// As long as a public address may be.
fn long() -> String {
    format!("https://{}.example.com", "a".repeat(180))
}

/// Settings on a folder, an SQLite database and a free port of their own.
pub(in crate::cli) fn config(folder: &Path, public_url: Option<&str>) -> Config {
    let flags = Flags {
        data_dir: Some(folder.display().to_string()),
        listen: Some("127.0.0.1:0".to_owned()),
        metrics_listen: Some(String::new()),
        public_url: Some(public_url.unwrap_or_default().to_owned()),
        ..Flags::default()
    };
    Config::load(None, &flags).unwrap()
}

fn text(features: usize) -> String {
    let features: Vec<String> = (0..features).map(|number| format!("feature_{number} = {number}")).collect();
    format!(
        "[[product]]\nslug = \"atlas\"\nname = {{ zh = \"图册\", en = \"Atlas\" }}\nsupport = {{ phone = \"1\" }}\n\
         [[product.plan]]\nslug = \"pro\"\nname = {{ zh = \"专业版\", en = \"Pro\" }}\nterm = \"1 year\"\nmachines = 1\n\
         features = {{ {} }}\n",
        features.join(", ")
    )
}

/// A catalog whose codes are short enough under [`SHORT`], and too long under [`long`].
fn borderline() -> Catalog {
    let refused = |issuer: &str, count| catalog::parse(&text(count), "catalog.toml", issuer).is_err();
    let count = (1..64).find(|count| refused(&long(), *count)).unwrap();
    catalog::parse(&text(count), "catalog.toml", SHORT).unwrap()
}

/// The address that a command beside the server would use.
async fn remembered(folder: &Path) -> String {
    let app = open::open(&config(folder, None), Access::Tool).await.unwrap();
    let url = app.public_url().to_owned();
    app.store().clone().close().await;
    url
}

/// Such a server answered every purchase with 000005.
#[tokio::test(flavor = "multi_thread")]
async fn check_code_lengths_refuses_an_address_that_makes_codes_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let app = open::open(&config(folder.path(), Some(SHORT)), Access::Server).await.unwrap();
    open::apply_catalog(&app, borderline()).await.unwrap();
    check_code_lengths(&app).unwrap();
    app.store().clone().close().await;
    start(&config(folder.path(), Some(SHORT))).await.unwrap().stop().await;

    let refused = start(&config(folder.path(), Some(&long()))).await.unwrap_err().to_string();
    assert!(refused.contains("atlas/pro") && refused.contains(&long()), "{refused}");
    assert!(refused.contains("shorten"), "it says what to do: {refused}");
    start(&config(folder.path(), Some(SHORT))).await.unwrap().stop().await;
}

/// A start that failed made the commands beside the running server sign under an address nobody serves.
#[tokio::test(flavor = "multi_thread")]
async fn remember_address_happens_only_in_a_server_that_started() {
    let folder = tempfile::tempdir().unwrap();
    let unknown = config(folder.path(), None).server_url();
    assert_eq!(remembered(folder.path()).await, unknown);
    start(&config(folder.path(), Some(SHORT))).await.unwrap().stop().await;
    assert_eq!(remembered(folder.path()).await, SHORT);

    // Codes under this address would be too long.
    let app = open::open(&config(folder.path(), Some(SHORT)), Access::Server).await.unwrap();
    open::apply_catalog(&app, borderline()).await.unwrap();
    app.store().clone().close().await;
    start(&config(folder.path(), Some(&long()))).await.unwrap_err();
    assert_eq!(remembered(folder.path()).await, SHORT);

    // Somebody else listens there.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = "http://b.example.com";
    let blocked = Config { listen: taken.local_addr().unwrap(), ..config(folder.path(), Some(other)) };
    let refused = start(&blocked).await.unwrap_err().to_string();
    assert!(refused.contains("cannot listen"), "{refused}");
    assert_eq!(remembered(folder.path()).await, SHORT);
    drop(taken);
    start(&config(folder.path(), Some(other))).await.unwrap().stop().await;
    assert_eq!(remembered(folder.path()).await, other);

    // A command's own address is for that command alone.
    let app = open::open(&config(folder.path(), Some(SHORT)), Access::Tool).await.unwrap();
    assert_eq!(app.public_url(), SHORT);
    app.store().clone().close().await;
    assert_eq!(remembered(folder.path()).await, other);
}
