//! What each kind of signed text tells, for people and as JSON.

use serde::Serialize;
use serde_json::{Value, json};
use signet_verify::{
    claims::{
        CodeClaims, Features, KeyListClaims, LeaseClaims, LicenseFileClaims, MeterFacts, PackageClaims, ReportFacts,
        Revocation, RevocationsClaims, ValidationClaims,
    },
    jws,
    kind::Kind,
    read::{BySigningKey, Read},
};

use crate::{
    base::time::Time,
    license::{
        jwks::Jwks,
        verify::{self, Refusal, VerifyOptions, check_time},
    },
};

type Pairs = Vec<(&'static str, String)>;

/// A text whose signature holds.
#[derive(Debug)]
pub struct Document {
    /// What it is.
    pub kind: Kind,
    /// It does not hold before, in seconds since 1970.
    pub from: Option<i64>,
    /// It does not hold from here on.
    pub until: Option<i64>,
    kid: String,
    claims: Value,
    pairs: Pairs,
}

impl Document {
    /// Reads a text as the kind that it says it is, and checks its times.
    ///
    /// # Errors
    /// [`Refusal`]. A text that says no kind is refused as a license code.
    pub fn read(text: &str, keys: &Jwks, options: &VerifyOptions<'_>) -> Result<Self, Refusal> {
        match jws::kind_of(text) {
            Some(Kind::Lease) => read(text, keys, options, Self::lease),
            Some(Kind::Validation) => read(text, keys, options, Self::validation),
            Some(Kind::LicenseFile) => read(text, keys, options, Self::license_file),
            Some(Kind::Revocations) => read(text, keys, options, Self::revocations),
            Some(Kind::Package) => read(text, keys, options, Self::package),
            Some(Kind::LicenseCode | Kind::DeviceCode | Kind::KeyList) | None => {
                let verified = verify::verify_either(text, keys, options)?;
                Ok(Self::code(verified.kind(), &CodeClaims::from(&verified.claims), &verified.kid))
            }
        }
    }

    /// A license code, or the license of one device.
    pub fn code(kind: Kind, claims: &CodeClaims, kid: &str) -> Self {
        let mut pairs = license(&claims.sub, kind, &claims.aud, &claims.plan, claims.machines, &claims.features);
        pairs.extend([
            ("issued by", claims.iss.clone()),
            ("issued at", at(claims.iat)),
            ("revision", claims.rev.to_string()),
            ("ends", claims.exp.map_or_else(|| "not in the code: ask the service".to_owned(), at)),
        ]);
        pairs.extend(claims.device.clone().map(|device| ("bound to device", device)));
        Self { from: Some(claims.nbf), until: claims.exp, ..Self::new(kind, claims, kid, pairs) }
    }

    /// A lease. Which machine it is for is compared by the software.
    pub fn lease(Read { claims, kid, .. }: &Read<LeaseClaims>) -> Self {
        let kind = Kind::Lease;
        let mut pairs = license(&claims.sub, kind, &claims.aud, &claims.plan, claims.machines, &claims.features);
        pairs.extend([
            ("activation", claims.activation.clone()),
            ("issued at", at(claims.iat)),
            ("renew after", at(claims.renew_after)),
            ("ends", at(claims.exp)),
            ("grace until", at(claims.grace_until)),
            ("revision", claims.rev.to_string()),
            ("floating", yes(claims.floating)),
            ("machine", names(claims.machine.components.keys())),
            ("match", claims.machine.rule.as_str().to_owned()),
        ]);
        Self { until: Some(claims.grace_until), ..Self::new(kind, claims, kid, pairs) }
    }

    /// A signed answer. What it says is about the moment at which it was given.
    pub fn validation(Read { claims, kid, .. }: &Read<ValidationClaims>) -> Self {
        let mut pairs = vec![
            ("may run", yes(claims.valid)),
            ("reason", claims.reason.clone()),
            ("conclusive", yes(claims.conclusive)),
            ("answered at", at(claims.iat)),
        ];
        pairs.extend(claims.license.as_ref().map(|it| ("license", it.id.clone())));
        pairs.extend(claims.activation.clone().map(|id| ("activation", id)));
        let meter = |it: &MeterFacts| match &it.limit {
            Some(limit) => format!("{}: {} of {limit} used", it.meter, it.used),
            None => format!("{}: {} used", it.meter, it.used),
        };
        pairs.extend(claims.meters.iter().map(|it| ("meter", meter(it))));
        let report = |it: &ReportFacts| format!("{}: {}", it.id, it.reason.as_deref().unwrap_or("counted"));
        pairs.extend(claims.reports.iter().map(|it| ("report", report(it))));
        pairs.extend(claims.asked.nonce.clone().map(|nonce| ("nonce", nonce)));
        Self::new(Kind::Validation, claims, kid, pairs)
    }

    /// What a package is. Whether a file is that package is for `signet package verify`.
    pub fn package(Read { claims, kid, .. }: &Read<PackageClaims>) -> Self {
        let mut pairs = vec![
            ("product", product(Kind::Package, &claims.aud)),
            ("version", claims.version.clone()),
            ("file", claims.file.clone()),
            ("bytes", claims.size.to_string()),
            ("SHA-256", claims.sha256.clone()),
        ];
        pairs.extend(claims.min_version.clone().map(|version| ("oldest version", version)));
        pairs.extend(claims.exp.map(|end| ("ends", at(end))));
        Self { until: claims.exp, ..Self::new(Kind::Package, claims, kid, pairs) }
    }

    /// A license file.
    pub fn license_file(Read { claims, kid, .. }: &Read<LicenseFileClaims>) -> Self {
        let kind = Kind::LicenseFile;
        let mut pairs = license(&claims.sub, kind, &claims.aud, &claims.plan, claims.machines, &claims.features);
        pairs.extend([
            ("issued at", at(claims.iat)),
            ("ends", at(claims.exp)),
            ("revision", claims.rev.to_string()),
            ("bound to", format!("{} machines", claims.bound_to.len())),
            ("match", claims.rule.as_str().to_owned()),
        ]);
        Self { until: Some(claims.exp), ..Self::new(kind, claims, kid, pairs) }
    }

    /// A revocation list.
    pub fn revocations(Read { claims, kid, .. }: &Read<RevocationsClaims>) -> Self {
        let of_keys = claims.entries.iter().filter(|entry| matches!(entry, Revocation::Key { .. })).count();
        let pairs = vec![
            ("product", product(Kind::Revocations, &claims.aud)),
            ("numbers", format!("{} to {}", claims.since.saturating_add(1), claims.number)),
            ("complete", yes(claims.complete)),
            ("licenses", (claims.entries.len() - of_keys).to_string()),
            ("keys", of_keys.to_string()),
            ("issued at", at(claims.iat)),
            ("ends", at(claims.exp)),
        ];
        Self { until: Some(claims.exp), ..Self::new(Kind::Revocations, claims, kid, pairs) }
    }

    /// A key list, signed by its root.
    pub fn key_list(claims: &KeyListClaims) -> Self {
        let mut pairs = vec![
            ("product", product(Kind::KeyList, &claims.aud)),
            ("number", claims.number.to_string()),
            ("issued at", at(claims.iat)),
        ];
        pairs.extend(claims.keys.iter().map(|key| ("key", format!("{} {}", key.kid, key.state.as_str()))));
        Self::new(Kind::KeyList, claims, &claims.root, pairs)
    }

    fn new(kind: Kind, claims: &impl Serialize, kid: &str, pairs: Pairs) -> Self {
        // Claims are strings, numbers and maps with string keys: always JSON.
        let claims = serde_json::to_value(claims).unwrap_or_default();
        Self { kind, from: None, until: None, kid: kid.to_owned(), claims, pairs }
    }

    /// For people.
    pub fn pairs(&self) -> Pairs {
        let first = [("VALID", "the signature holds".to_owned()), ("kind", self.kind.name().to_owned())];
        let last = [("signed by key", self.kid.clone())];
        first.into_iter().chain(self.pairs.iter().cloned()).chain(last).collect()
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({ "valid": true, "kind": self.kind.typ(), "kid": self.kid, "claims": self.claims })
    }
}

fn read<C: BySigningKey>(
    text: &str,
    keys: &Jwks,
    options: &VerifyOptions<'_>,
    document: fn(&Read<C>) -> Document,
) -> Result<Document, Refusal> {
    let document = document(&verify::read(text, keys, options.product)?);
    check_time(document.from, document.until, options)?;
    Ok(document)
}

/// What every text about a license begins with.
fn license(sub: &str, kind: Kind, aud: &str, plan: &str, machines: u32, features: &Features) -> Pairs {
    vec![
        ("license", sub.to_owned()),
        ("product / plan", format!("{} / {plan}", product(kind, aud))),
        ("machines", machines.to_string()),
        ("features", serde_json::to_string(features).unwrap_or_default()),
    ]
}

fn product(kind: Kind, aud: &str) -> String {
    kind.product_of(aud).unwrap_or(aud).to_owned()
}

fn at(seconds: i64) -> String {
    seconds.checked_mul(1_000_000).and_then(Time::from_micros).map(|it| it.to_string()).unwrap_or_default()
}

fn yes(flag: bool) -> String {
    if flag { "yes" } else { "no" }.to_owned()
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}
