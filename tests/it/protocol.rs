//! The envelope: whatever comes, the answer is one the marketplace can read.

mod authentication;
mod faults;
mod heads;
mod slow;

use koogallery_simulator::sign;

use crate::harness::{Answer, Door};

/// HTTP 200, `application/json`, and `Body-Sign` in exactly that case over the exact bytes.
fn assert_signed(door: &Door, answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.head);
    assert_eq!(answer.header("Content-Type"), Some("application/json"), "{}", answer.head);
    let expected = sign::body_sign_header(door.market.key(), &answer.body);
    assert_eq!(answer.header("Body-Sign"), Some(expected.as_str()), "{}", answer.head);
    assert!(answer.header("Content-Encoding").is_none() && answer.body.ends_with(b"}"));
}

/// Readable and signed, with this code; its message.
fn assert_answers(door: &Door, answer: &Answer, code: &str) -> String {
    assert_signed(door, answer);
    let json = answer.json();
    assert_eq!(json["resultCode"], code, "{json}");
    let message = json["resultMsg"].as_str().unwrap().to_owned();
    assert!(!message.is_empty() && message.chars().count() <= 255, "{message}");
    message
}
