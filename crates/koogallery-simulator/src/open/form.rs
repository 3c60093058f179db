//! The body of an upload: `multipart/form-data` (RFC 7578) with a JSON part, and a file where the license is long.

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::signature::Arrived;

/// Characters that the JSON part may hold itself.
const CHARACTERS: usize = 1_024;

/// The license in an upload.
///
/// # Errors
/// What is wrong with the body.
pub(super) fn license(call: &Arrived<'_>) -> Result<String, &'static str> {
    let boundary = call.header("content-type").and_then(|it| it.strip_prefix("multipart/form-data; boundary="));
    let boundary =
        boundary.filter(|it| (1..=70).contains(&it.len())).ok_or("no multipart/form-data with a boundary")?;
    let body = std::str::from_utf8(call.body).map_err(|_| "not UTF-8")?;
    let body = body.strip_suffix(&format!("--{boundary}--\r\n")).ok_or("the last boundary is missing")?;
    let parts: Vec<&str> = body.split(&format!("--{boundary}\r\n")).skip(1).collect();
    let part = |name: &str| {
        let (head, content) =
            parts.iter().find(|part| part.contains(&format!("name=\"{name}\"")))?.split_once("\r\n\r\n")?;
        Some((head, content.strip_suffix("\r\n")?))
    };
    let (head, request) = part("isvUpdateFileReq").ok_or("no part isvUpdateFileReq")?;
    if !head.contains("Content-Type: application/json") {
        return Err("isvUpdateFileReq is no application/json");
    }
    let request: Value = serde_json::from_str(request).map_err(|_| "isvUpdateFileReq is no JSON")?;
    match request["type"].as_str() {
        Some("CHARACTERS") => {
            let text = request["characters"].as_str().ok_or("no characters")?;
            if text.chars().count() <= CHARACTERS { Ok(text.to_owned()) } else { Err("more than 1024 characters") }
        }
        Some("FILE") => {
            let (_, content) = part("file").ok_or("no part file")?;
            let named = request["file_name"].as_str().is_some_and(|name| !name.is_empty());
            let digest = HEXLOWER.encode(&Sha256::digest(content));
            if named && request["sha256"] == digest {
                Ok(content.to_owned())
            } else {
                Err("no name, or another digest")
            }
        }
        _ => Err("neither CHARACTERS nor FILE"),
    }
}
