//! What docs/keygen.md says is covered is what is.

use std::collections::BTreeSet;

use signet::{
    usecase::keygen::scope::Code,
    web::keygen::routes::{KNOWN, ROUTES},
};

const PAGE: &str = include_str!("../../../docs/keygen.md");

/// The first cell of each row of the table under `title`, without its backticks.
fn rows(title: &str) -> Vec<String> {
    let (_, rest) = PAGE.split_once(&format!("### {title}\n")).unwrap_or_else(|| panic!("no {title}"));
    let table = rest.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table.skip(2).map(|line| line.split('|').nth(1).unwrap().trim().trim_matches('`').to_owned()).collect()
}

#[test]
fn the_page_lists_every_route_and_no_other() {
    let routes: Vec<String> = ROUTES.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(rows("Covered"), routes);
}

#[test]
fn the_page_lists_every_validation_code_in_order() {
    assert_eq!(rows("Validation codes"), Code::ALL.iter().map(|it| it.as_str().to_owned()).collect::<Vec<_>>());
}

#[test]
fn the_page_lists_what_is_answered_as_not_supported() {
    let covered: BTreeSet<&str> = ROUTES.iter().filter_map(|(_, path, _)| path.split('/').next()).collect();
    let missing: Vec<String> = KNOWN.iter().filter(|it| !covered.contains(**it)).map(|it| (*it).to_owned()).collect();
    let (_, rest) = PAGE.split_once("### Not covered\n").unwrap();
    for name in missing {
        assert!(rest.contains(&format!("`{name}`")), "{name}");
    }
}
