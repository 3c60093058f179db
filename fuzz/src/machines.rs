//! Readers of what machines and proxies send: keys, proofs, log lines, `X-Forwarded-For`.

use std::net::{IpAddr, Ipv4Addr};

use signet::{
    base::{limits, proxies::Proxies},
    provision::proof::MachineKey,
    usecase::deployment::log,
};

/// A SubjectPublicKeyInfo of a P-256 key, and two that are almost one.
pub fn keys() -> Vec<Vec<u8>> {
    let prefix =
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
    let key = |point: u8| [prefix.as_slice(), &[4], &[point; 64]].concat();
    vec![key(1), key(0xff), prefix.to_vec()]
}

/// A key with a proof behind it: nothing verifies that nobody signed.
pub fn key(data: &[u8]) {
    let (der, proof) = data.split_at(data.len().min(91));
    if let Some(key) = MachineKey::from_der(der) {
        assert_eq!(key.as_bytes().len(), 65);
        assert!(!key.verifies(b"message", proof));
    }
}

/// What an installation prints.
pub fn logs() -> Vec<Vec<u8>> {
    let code = format!("code=eyJhbGciOi.{}.sig", "x".repeat(60));
    vec![b"unpacking\r\n\x1b[31mred\tand\n".to_vec(), code.into_bytes(), "下载 \u{202e}evil".as_bytes().to_vec()]
}

/// Whatever a machine prints, what is kept of it can be shown.
pub fn log_lines(data: &[u8]) {
    let lines = log::clean(&String::from_utf8_lossy(data));
    assert!(lines.len() <= limits::DEPLOYMENT_REPORT_LINES);
    for line in &lines {
        assert!(!line.is_empty() && line.chars().count() <= limits::DEPLOYMENT_LINE_CHARS);
        assert!(!line.chars().any(char::is_control));
        assert_eq!(log::clean(line), [line.as_str()], "clean lines stay as they are");
    }
}

/// Hops as proxies write them.
pub fn hops() -> Vec<Vec<u8>> {
    ["203.0.113.7, 10.0.0.1", "2001:db8::1", "unknown, , 10.1.1.1"].map(|it| it.as_bytes().to_vec()).into()
}

/// Whoever is believed, it is never one of the trusted proxies while somebody stands before it.
pub fn forwarded_for(data: &[u8]) {
    let proxies = Proxies::parse(&["10.0.0.0/8".to_owned()]).expect("a network");
    let header = String::from_utf8_lossy(data);
    let peer = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    assert_eq!(proxies.client(peer, Some(&header)), peer, "a stranger is not believed");
    let _ = proxies.client(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), Some(&header));
}
