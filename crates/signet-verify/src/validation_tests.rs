use super::*;
use crate::testing::{asked, components, validation, verified};

#[test]
fn an_answer_fits_its_own_question_only() {
    let answer = verified(&validation());
    assert_eq!(answers(&answer, &asked()), Ok(()));
    for (question, expected) in [
        (Asked { license: machine::sha256("another"), ..asked() }, NotAnAnswer::OtherLicense),
        (Asked { nonce: Some("n2".into()), ..asked() }, NotAnAnswer::OtherNonce),
        (Asked { nonce: None, ..asked() }, NotAnAnswer::OtherNonce),
        (Asked { components: components(&[("mac", "x")]), ..asked() }, NotAnAnswer::OtherMachine),
        (Asked { product: None, ..asked() }, NotAnAnswer::OtherQuestion),
        (Asked { version: Some("3.0.0".into()), ..asked() }, NotAnAnswer::OtherQuestion),
        (Asked { feature: None, ..asked() }, NotAnAnswer::OtherQuestion),
        (Asked { activation: Some("a1".into()), ..asked() }, NotAnAnswer::OtherActivation),
    ] {
        assert_eq!(answers(&answer, &question), Err(expected), "{}", expected.as_str());
    }
}

#[test]
fn the_license_is_asked_about_by_its_digest() {
    // FIPS 180-2, appendix B.1.
    assert_eq!(Asked::about("abc").license, "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
}
