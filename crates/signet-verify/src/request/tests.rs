use alloc::{format, string::String, vec, vec::Vec};

use proptest::prelude::*;

use super::{line::*, *};
use crate::testing::components;

fn request() -> Request {
    Request {
        product: "atlas".into(),
        name: "line-3".into(),
        platform: "linux-x86_64".into(),
        components: components(&[("machine-id", "one"), ("dmi-uuid", "two")]),
    }
}

#[test]
fn a_request_reads_back_as_people_write_it() {
    let (good, text) = (request(), request().to_text().unwrap());
    let spread = text.replace('-', " - ").replace('\n', "\r\n\r\n");
    let loose = text.to_lowercase().replace('0', "o").replace('1', "i");
    let wide: String = text
        .chars()
        .map(|it| char::from_u32(u32::from(it) + 0xFEE0).filter(|_| it.is_ascii_alphanumeric()).unwrap_or(it))
        .collect();
    let row: String = text.split_whitespace().collect();
    for text in [text.clone(), spread, loose, wide, row, good.to_qr().unwrap(), format!("\n  {text}\n\n")] {
        assert_eq!(Request::parse(&text), Ok(good.clone()), "{text}");
    }
}

#[test]
fn it_is_short_enough_to_type() {
    let text = request().to_text().unwrap();
    assert_eq!(text.lines().count(), 7, "{text}");
    assert!(text.lines().all(|line| line.len() <= 2 + 25 + 5 && line.is_ascii()), "{text}");
    let least = Request { name: String::new(), platform: String::new(), ..request() };
    assert_eq!(least.to_text().unwrap().lines().count(), 6);
    let qr = request().to_qr().unwrap();
    assert!(qr.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
}

#[test]
fn the_form_does_not_change() {
    // Whoever changes this text cuts off machines that wrote the old one: raise VERSION and keep reading it.
    let fixed = Request {
        product: "p".into(),
        name: String::new(),
        platform: String::new(),
        components: Components::from([("mac".into(), machine::sha256("abc"))]),
    };
    assert_eq!(
        fixed.to_text().unwrap(),
        "01 040Q0-00006-1VMY0-PQY7G-3KZED\n02 A850M-1QJXN-RH27C-03C6H-SC5EV\n03 VTKJT-11ZV1-Y801B-BBHSW-8MGG8"
    );
}

#[test]
fn every_single_wrong_symbol_names_its_line() {
    let lines = request().lines().unwrap();
    for (index, line) in lines.iter().enumerate() {
        for position in 0..line.len() {
            for wrong in (0..32).filter(|value| *value != line[position]) {
                let mut typed = line.clone();
                typed[position] = wrong;
                let found = line::read(&typed, index + 1, index + 1 == lines.len());
                assert_eq!(found, Err(RequestError::Check { line: index + 1 }), "{position}");
            }
        }
    }
}

#[test]
fn every_swap_of_two_symbols_names_its_line() {
    let lines = request().lines().unwrap();
    for (index, line) in lines.iter().enumerate() {
        for left in 0..line.len() {
            for right in left + 1..line.len() {
                let mut typed = line.clone();
                typed.swap(left, right);
                let found = line::read(&typed, index + 1, index + 1 == lines.len());
                assert_eq!(found.is_ok(), typed == *line, "{left} {right}");
            }
        }
    }
}

/// The code is linear: whether an error passes does not depend on the line. So trying every error of two symbols on
/// zeros proves it for all lines.
#[test]
fn no_error_of_two_symbols_passes() {
    for left in 0..LINE {
        for right in left + 1..LINE {
            for with in 1..32 {
                let mut line = [0; LINE];
                (line[left], line[right]) = (1, with);
                let (covered, check) = line.split_last_chunk::<CHECKS>().unwrap();
                assert_ne!(checks(covered), *check, "{left} {right} {with}");
            }
        }
    }
}

#[test]
fn lines_that_are_missing_doubled_or_foreign_are_named() {
    let text = request().to_text().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let parse = |lines: &[&str]| Request::parse(&lines.join("\n"));
    assert_eq!(parse(&[]), Err(RequestError::Empty));
    assert_eq!(parse(&["", " \t- "]), Err(RequestError::Empty));
    assert_eq!(parse(&lines[..5]), Err(RequestError::Incomplete { lines: 5 }));
    assert_eq!(parse(&lines[..1]), Err(RequestError::Incomplete { lines: 1 }));
    assert_eq!(parse(&lines[1..]), Err(RequestError::Order { line: 1, found: 2 }));
    assert_eq!(parse(&[lines[0], lines[2], lines[1]]), Err(RequestError::Order { line: 2, found: 3 }));
    assert_eq!(parse(&[lines[0], lines[0]]), Err(RequestError::Order { line: 2, found: 1 }));
    let other = Request { components: components(&[("machine-id", "x"), ("dmi-uuid", "y")]), ..request() };
    let other = other.to_text().unwrap();
    let mut mixed = lines.clone();
    mixed[2] = other.lines().nth(2).unwrap();
    assert_eq!(parse(&mixed), Err(RequestError::Mixed));
}

#[test]
fn errors_say_the_line_and_the_symbol() {
    let text = request().to_text().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let with = |number: usize, line: &str| {
        let mut lines = lines.clone();
        lines[number - 1] = line;
        Request::parse(&lines.join("\n")).unwrap_err()
    };
    let short = with(3, &lines[2][..lines[2].len() - 1]);
    assert_eq!(short, RequestError::Length { line: 3, found: LINE - 1 });
    assert_eq!(short.line(), Some(3));
    assert_eq!(with(2, &format!("{}7", lines[1])), RequestError::Length { line: 2, found: LINE + 1 });
    let symbol = with(4, &lines[3].replacen('-', "U", 1));
    assert_eq!(symbol, RequestError::Symbol { line: 4, position: 8, character: 'U' });
    assert_eq!(with(1, "01 é"), RequestError::Symbol { line: 1, position: 3, character: 'é' });
    assert_eq!(Request::parse(&"7".repeat(MAX_CHARS + 1)), Err(RequestError::TooLong));
    assert_eq!(Request::parse(&"7\n".repeat(MAX_LINES + 1)), Err(RequestError::TooLong));
    assert_eq!(Request::parse(&"7".repeat(LINE * MAX_LINES + 1)), Err(RequestError::TooLong));
}

/// The text of any content, properly numbered, checked and sealed.
fn text_of(mut bytes: Vec<u8>) -> String {
    let seal = seal(&bytes);
    bytes.extend(seal);
    let lines: Vec<String> = numbered(&to_values(&bytes)).iter().map(|line| shown(line)).collect();
    lines.join("\n")
}

#[test]
fn contents_that_no_machine_writes_are_refused() {
    let product = [1, b'p', 0, 0];
    let digest = [7; 32];
    let content = |tail: &[u8]| [&[VERSION], product.as_slice(), tail].concat();
    let one = |name: &[u8]| [&[1], name, &digest].concat();
    assert!(Request::parse(&text_of(content(&one(&[1, b'a'])))).is_ok());
    for (bytes, name) in [
        (vec![2, 1, b'p'], "newer_form"),
        (content(&[0]), "wrong_content"),
        (content(&one(&[1, b'A'])), "wrong_content"),
        (content(&one(&[0])), "wrong_content"),
        (content(&one(&[KNOWN + 99])), "wrong_content"),
        // A known name written out, and the same name twice: another text for the same request.
        (content(&one(&[3, b'm', b'a', b'c'])), "wrong_content"),
        (content(&[&[2, 1, b'a'], digest.as_slice(), &[1, b'a'], &digest].concat()), "wrong_content"),
        (content(&[9]), "incomplete"),
        ([&[VERSION, 2, 0xC3, 0x28, 0, 0], one(&[1, b'a']).as_slice()].concat(), "wrong_content"),
        ([&[VERSION, 0, 0, 0], one(&[1, b'a']).as_slice()].concat(), "wrong_content"),
        ([&[VERSION, 3, b'a', b'/', b'b', 0, 0], one(&[1, b'a']).as_slice()].concat(), "wrong_content"),
        ([&[VERSION, 1, b'p', 1, 7, 0], one(&[1, b'a']).as_slice()].concat(), "wrong_content"),
    ] {
        let found = Request::parse(&text_of(bytes.clone())).unwrap_err();
        // A cut content can also look like one whose digest differs.
        let incomplete = name == "incomplete" && found == RequestError::Mixed;
        assert!(found.as_str() == name || incomplete, "{bytes:?}: {found:?}");
    }
}

#[test]
fn what_would_not_be_read_is_not_written() {
    let refused = |change: &dyn Fn(&mut Request)| {
        let mut request = request();
        change(&mut request);
        request.to_text().unwrap_err()
    };
    assert_eq!(refused(&|it| it.product.clear()), WriteError::Product);
    assert_eq!(refused(&|it| it.product = "a/b".into()), WriteError::Product);
    assert_eq!(refused(&|it| it.name = "x".repeat(TEXT_CHARS + 1)), WriteError::Text("name"));
    assert_eq!(refused(&|it| it.platform = "a\nb".into()), WriteError::Text("platform"));
    assert!(matches!(refused(&|it| it.components.clear()), WriteError::Components(_)));
}

proptest! {
    #[test]
    fn any_request_reads_back(
        product in "[a-z][a-z0-9-]{0,31}",
        name in "[^\\p{Cc}]{0,32}",
        platform in "[a-z0-9_-]{0,32}",
        names in prop::collection::btree_set("[a-z0-9-]{1,32}|mac|operator|root-fs", 1..=machine::COMPONENTS),
        seed in any::<u64>(),
    ) {
        let components = names.into_iter().map(|name| (name.clone(), machine::digest(&name, &format!("{seed}")))).collect();
        let request = Request { product, name, platform, components };
        let read = Request::parse(&request.to_text().unwrap());
        prop_assert_eq!(read.as_ref(), Ok(&request));
        prop_assert_eq!(Request::parse(&request.to_qr().unwrap()), Ok(request));
    }

    #[test]
    fn no_text_makes_the_reader_panic(
        text in any::<String>(),
        near in "([0-9A-Z]{2} [0-9A-Z-]{20,30}\n){0,5}",
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = Request::parse(&text);
        let _ = Request::parse(&near);
        let _ = Request::parse(&text_of(bytes.clone()));
        let _ = Request::parse(&text_of([vec![VERSION, 1, b'p', 0, 0], bytes].concat()));
    }
}
