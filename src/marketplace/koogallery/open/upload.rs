//! The license of one device, which the marketplace asked for with `getLicenseAsync` and wants uploaded.

use data_encoding::HEXLOWER;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::base::percent::encode;

use super::{BASE, Call, Repeat};

/// Characters of a license that is handed over as a text; a longer one goes as a file.
pub const CHARACTERS: usize = 1_024;

/// Hands over `license` for the application `event_id`. The same application always gets the same license, so that it may
/// be handed over again. `boundary` parts the body: 16 random bytes, so that no license holds it.
pub fn upload(event_id: &str, license: &str, boundary: [u8; 16]) -> Call {
    let boundary = format!("signet-{}", HEXLOWER.encode(&boundary));
    let as_text = license.chars().count() <= CHARACTERS;
    let request = if as_text {
        json!({ "type": "CHARACTERS", "characters": license })
    } else {
        let sha256 = HEXLOWER.encode(&Sha256::digest(license));
        json!({ "type": "FILE", "file_name": "license.lic", "sha256": sha256 })
    };
    let mut body = part(&boundary, "name=\"isvUpdateFileReq\"", "application/json", &request.to_string());
    if !as_text {
        let disposition = "name=\"file\"; filename=\"license.lic\"";
        body += &part(&boundary, disposition, "application/octet-stream", license);
    }
    body += &format!("--{boundary}--\r\n");
    Call {
        method: "POST",
        path: format!("{BASE}/v1/market-event/{}/file", encode(event_id.as_bytes())),
        query: Vec::new(),
        content_type: format!("multipart/form-data; boundary={boundary}"),
        body: body.into_bytes(),
        repeat: Repeat::Harmless,
        headers: Vec::new(),
    }
}

fn part(boundary: &str, disposition: &str, kind: &str, text: &str) -> String {
    format!("--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: {kind}\r\n\r\n{text}\r\n")
}
