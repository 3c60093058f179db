//! What every content that Signet writes keeps to, beyond the shape that the types in [`claims`](crate::claims) give.
//! A signed content that breaks a rule is refused: better no verdict than one counted from nonsense.

use alloc::{format, string::String};

use crate::{
    claims::{
        CodeClaims, KeyListClaims, LeaseClaims, LicenseFileClaims, PackageClaims, RevocationsClaims, ValidationClaims,
    },
    key::PublicKey,
    machine,
    read::DeviceCodeClaims,
};

/// Seconds since 1970 of the years -9999 to 9999 in every time zone: beyond, no service counts.
const SECONDS: core::ops::RangeInclusive<i64> = -377_705_023_201..=253_402_207_200;
/// Keys of one list: one product's rotations.
pub const KEYS: usize = 64;
/// Machines of one license file; the text's length ends it sooner.
const MACHINES: usize = 4_096;

type Checked = Result<(), String>;

fn seconds(named: &[(&str, Option<i64>)]) -> Checked {
    match named.iter().find(|(_, value)| value.is_some_and(|value| !SECONDS.contains(&value))) {
        Some((name, _)) => Err(format!("`{name}` is not a time between the years -9999 and 9999")),
        None => Ok(()),
    }
}

fn micros(time: i64) -> Checked {
    seconds(&[("time", Some(time.div_euclid(1_000_000)))])
}

fn rule(holds: bool, what: &str) -> Checked {
    if holds { Ok(()) } else { Err(what.into()) }
}

pub(crate) fn code(claims: &CodeClaims) -> Checked {
    seconds(&[("iat", Some(claims.iat)), ("nbf", Some(claims.nbf)), ("exp", claims.exp)])
}

pub(crate) fn device_code(DeviceCodeClaims(claims): &DeviceCodeClaims) -> Checked {
    code(claims)?;
    rule(claims.device.is_some(), "`device` is missing")
}

pub(crate) fn lease(claims: &LeaseClaims) -> Checked {
    let LeaseClaims { iat, exp, renew_after, grace_until, license_exp, .. } = claims;
    let named = [("iat", *iat), ("exp", *exp), ("renew_after", *renew_after), ("grace_until", *grace_until)];
    seconds(&named.map(|(name, value)| (name, Some(value))))?;
    seconds(&[("license_exp", *license_exp)])?;
    micros(claims.time)?;
    rule(renew_after <= exp && exp <= grace_until, "`renew_after`, `exp` and `grace_until` are not in this order")?;
    components("machine", &claims.machine.components)
}

pub(crate) fn license_file(claims: &LicenseFileClaims) -> Checked {
    seconds(&[("iat", Some(claims.iat)), ("exp", Some(claims.exp)), ("license_exp", claims.license_exp)])?;
    micros(claims.time)?;
    rule((1..=MACHINES).contains(&claims.bound_to.len()), "`bound_to` names no machine, or too many")?;
    claims.bound_to.iter().try_for_each(|machine| components("bound_to", machine))
}

fn components(member: &str, components: &crate::claims::Components) -> Checked {
    machine::check_components(components).map_err(|error| format!("`{member}`: {error}"))
}

pub(crate) fn validation(claims: &ValidationClaims) -> Checked {
    let license = claims.license.as_ref();
    let (ends, holds) = (license.and_then(|it| it.expires_at), license.and_then(|it| it.holds_until));
    seconds(&[("iat", Some(claims.iat)), ("expires_at", ends), ("holds_until", holds)])?;
    micros(claims.time)?;
    rule(claims.valid == (claims.reason == "valid"), "`valid` and `reason` contradict each other")?;
    claims.meters.iter().try_for_each(|meter| seconds(&[("resets_at", meter.resets_at)]))?;
    let clear = claims.reports.iter().all(|report| report.counted == report.reason.is_none());
    rule(clear, "`counted` and `reason` of a report contradict each other")
}

pub(crate) fn revocations(claims: &RevocationsClaims) -> Checked {
    seconds(&[("iat", Some(claims.iat)), ("exp", Some(claims.exp))])?;
    micros(claims.time)?;
    let RevocationsClaims { number, since, entries, .. } = claims;
    let holds = number.checked_sub(*since).is_some_and(|count| entries.len() as u64 <= count);
    rule(holds, "it has more `entries` than from `since` to `number`")
}

pub(crate) fn key_list(claims: &KeyListClaims) -> Checked {
    seconds(&[("iat", Some(claims.iat))])?;
    rule(claims.keys.len() <= KEYS, "it has more than 64 keys")?;
    for (index, key) in claims.keys.iter().enumerate() {
        let number = index + 1;
        let public = PublicKey::from_x(&key.x).map_err(|error| format!("key {number} is {error}"))?;
        if key.kid != public.kid() {
            return Err(format!("key {number} is not the key its kid names"));
        }
        rule(key.kid != claims.root, "the root stands among the signing keys")?;
        if claims.keys.iter().take(index).any(|earlier| earlier.kid == key.kid) {
            return Err(format!("key {number} stands in the list twice"));
        }
    }
    Ok(())
}

/// Besides the digest's form: a file's name that leads out of its folder, or into a command, is refused here already.
pub(crate) fn package(claims: &PackageClaims) -> Checked {
    seconds(&[("iat", Some(claims.iat)), ("exp", claims.exp)])?;
    let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    rule(claims.sha256.len() == 64 && claims.sha256.bytes().all(hexadecimal), "`sha256` is no SHA-256")?;
    rule(claims.size > 0, "`size` is 0")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+');
    let file = claims.file.as_bytes();
    let named = file.first().is_some_and(u8::is_ascii_alphanumeric) && file.iter().all(|byte| plain(*byte));
    rule(named, "`file` is no plain name of a file")?;
    rule(!claims.version.is_empty() && claims.version.bytes().all(plain), "`version` is no version")
}
