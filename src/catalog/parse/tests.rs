use super::*;
const SAMPLE: &str = include_str!("../../../deploy/sample-catalog.toml");
#[test]
fn the_sample_is_right() {
    let catalog =
        parse(SAMPLE, "sample-catalog.toml", "https://licenses.example.com").unwrap_or_else(|p| panic!("{p}"));
    assert_eq!((catalog.products.len(), catalog.channels.len()), (4, 5));
}
