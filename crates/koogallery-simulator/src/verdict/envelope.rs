//! The rules of every answer, whatever was asked.

use serde_json::{Map, Value};

use super::{
    Expectation,
    check::{Checks, counted, excerpt, kind},
    rule::Rule,
};
use crate::{
    marketplace::{Exchange, PATIENCE},
    reply::{NoAnswer, Reply},
    sign::{self, AccessKey},
};

const HEADER: &str = "Body-Sign";

/// Checks the envelope; answers the JSON object when there is one.
pub(super) fn check<'a>(
    checks: &mut Checks,
    key: &AccessKey,
    expectation: &Expectation,
    exchange: &'a Exchange,
) -> Option<(&'a Reply, Map<String, Value>)> {
    let reply = match &exchange.answer {
        Ok(reply) => reply,
        Err(NoAnswer::Timeout { after }) if *after >= PATIENCE => {
            checks.fail(Rule::InTime, "a complete answer within 5 s", format!("none after {} ms", after.as_millis()));
            return None;
        }
        Err(reason) => {
            checks.fail(Rule::Answered, "a complete HTTP/1.1 answer", excerpt(&reason.to_string()));
            return None;
        }
    };
    let seen = format!("{} ms", reply.elapsed.as_millis());
    checks.that(Rule::InTime, reply.elapsed <= PATIENCE, "a complete answer within 5 s", seen);
    checks.that(Rule::Status, reply.status == 200, "200", reply.status.to_string());
    content_type(checks, reply);
    if expectation.signed {
        signature(checks, key, reply);
    }
    let object = json(checks, reply)?;
    codes(checks, expectation, &object);
    Some((reply, object))
}

fn content_type(checks: &mut Checks, reply: &Reply) {
    const EXPECTED: &str = "application/json";
    match reply.header("content-type") {
        None => checks.fail(Rule::ContentType, EXPECTED, "no Content-Type"),
        Some((_, value)) => {
            let media = value.split(';').next().unwrap_or_default().trim();
            checks.that(Rule::ContentType, media.eq_ignore_ascii_case(EXPECTED), EXPECTED, excerpt(value));
        }
    }
}

fn signature(checks: &mut Checks, key: &AccessKey, reply: &Reply) {
    let expected = "a header named exactly Body-Sign";
    let value = match (reply.header_exact(HEADER), reply.header(HEADER)) {
        (Some(value), _) => {
            checks.pass(Rule::SignaturePresent, expected, HEADER);
            value
        }
        (None, Some((name, value))) => {
            checks.fail(Rule::SignaturePresent, expected, format!("a header named {name}"));
            value
        }
        (None, None) => {
            checks.fail(Rule::SignaturePresent, expected, "no such header");
            return;
        }
    };
    let expected = "sign_type=\"HMAC-SHA256\", signature=\"<base64>\"";
    let Some(signature) = quoted_signature(value) else {
        checks.fail(Rule::SignatureFormat, expected, excerpt(value));
        return;
    };
    checks.pass(Rule::SignatureFormat, expected, "as expected");
    let expected = "base64 of HMAC-SHA256 of the exact body under the access key";
    let right = signature == sign::body_signature(key, &reply.body);
    let seen = if right {
        format!("it holds over {} bytes", reply.body.len())
    } else {
        wrong_signature(key, reply, signature)
    };
    checks.that(Rule::SignatureValue, right, expected, seen);
}

fn quoted_signature(value: &str) -> Option<&str> {
    let rest = value.strip_prefix("sign_type=\"HMAC-SHA256\",")?;
    let signature = rest.trim_start_matches(' ').strip_prefix("signature=\"")?.strip_suffix('"')?;
    (!signature.is_empty() && !signature.contains('"')).then_some(signature)
}

/// Tries the usual mistakes, so that the report can name the one that was made.
fn wrong_signature(key: &AccessKey, reply: &Reply, signature: &str) -> String {
    let trimmed = reply.body.trim_ascii();
    let with_line = [trimmed, b"\n"].concat();
    let reserialised = serde_json::from_slice::<Value>(&reply.body).map(|value| value.to_string()).unwrap_or_default();
    let guesses: [(&[u8], &str); 3] = [
        (trimmed, "a signature over the body without the white space around it"),
        (&with_line, "a signature over the body with a new line at its end"),
        (reserialised.as_bytes(), "a signature over the body before it was serialised again"),
    ];
    let guess = guesses.iter().find(|(body, _)| sign::body_signature(key, body) == signature);
    let seen = guess.map_or("a signature over other bytes, or under another key", |(_, what)| what);
    format!("{seen}; the body has {} bytes", reply.body.len())
}

fn json(checks: &mut Checks, reply: &Reply) -> Option<Map<String, Value>> {
    const EXPECTED: &str = "one JSON object in UTF-8";
    let seen = match serde_json::from_slice(&reply.body) {
        Ok(Value::Object(object)) => {
            checks.pass(Rule::Json, EXPECTED, counted_fields(object.len()));
            return Some(object);
        }
        Ok(other) => kind(&other).to_owned(),
        Err(error) => format!("{error}: {}", excerpt(&String::from_utf8_lossy(&reply.body))),
    };
    checks.fail(Rule::Json, EXPECTED, seen);
    None
}

fn counted_fields(count: usize) -> String {
    format!("an object of {count} field{}", if count == 1 { "" } else { "s" })
}

fn codes(checks: &mut Checks, expectation: &Expectation, object: &Map<String, Value>) {
    let expected = "a string of 6 digits";
    let code = match object.get("resultCode") {
        Some(Value::String(code)) => {
            let holds = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
            checks.that(Rule::ResultCode, holds, expected, excerpt(code));
            code.as_str()
        }
        other => {
            checks.fail(Rule::ResultCode, expected, other.map_or("nothing", kind));
            ""
        }
    };
    let expected = "a string of at most 255 characters";
    let message = match object.get("resultMsg") {
        Some(Value::String(message)) => {
            let count = message.chars().count();
            checks.that(Rule::ResultMessage, count <= 255, expected, counted(count));
            message.as_str()
        }
        other => {
            checks.fail(Rule::ResultMessage, expected, other.map_or("nothing", kind));
            ""
        }
    };
    let expected = expectation.codes.join(" or ");
    let seen = format!("{} {}", excerpt(code), excerpt(message));
    checks.that(Rule::ExpectedCode, expectation.codes.contains(&code), &expected, seen.trim_end());
}
