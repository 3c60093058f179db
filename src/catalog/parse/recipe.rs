//! `[product.recipe]`

use semver::Version;

use crate::{
    base::{limits, time::Time},
    provision::recipe::{Architecture, Minimum, Output, PackageSource, Parameter, Recipe},
};

use super::{
    form,
    problem::Report,
    reader::{Entry, Section},
};

/// Characters of the command that installs: user-data carries it, and a cloud takes 16 KB of that.
const INSTALL_CHARS: usize = 2_000;
/// Characters of the command that asks for health.
const HEALTH_CHARS: usize = 1_000;
/// Seconds that an installation may be given.
const INSTALL_SECONDS: std::ops::RangeInclusive<u32> = 30..=7_200;
/// Seconds that software may be given to become healthy.
const HEALTH_SECONDS: std::ops::RangeInclusive<u32> = 10..=3_600;
/// Ports, outputs, parameters, systems: entries of one list.
const ENTRIES: usize = 16;
/// Characters of an output's value.
const OUTPUT_CHARS: usize = 500;
/// Characters of an address, a system's name and the like.
const ADDRESS_CHARS: usize = 1_000;
/// Characters of a parameter's name.
const NAME_CHARS: usize = 32;

pub(super) fn read(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Recipe> {
    let mut section = entry.section(report)?;
    let package = section.need("package", "it says what is installed; write \"published\"", report);
    let package = package.and_then(|entry| source(&entry, report));
    let install = section.need("install", "it is the command that installs the unpacked package", report);
    let install = install.and_then(|entry| entry.lines(INSTALL_CHARS, report));
    let health = section.need("health", "it is the command that succeeds once the software works", report);
    let health = health.and_then(|entry| entry.lines(HEALTH_CHARS, report));
    let install_seconds = seconds(&mut section, "install_seconds", 1_800, INSTALL_SECONDS, report);
    let health_seconds = seconds(&mut section, "health_seconds", 300, HEALTH_SECONDS, report);
    let ports = section.get("ports").map(|entry| ports(&entry, report)).unwrap_or_default();
    let least = section.need("minimum", "it says how large the server must be", report);
    let least = least.and_then(|entry| minimum(&entry, report));
    let systems = section.get("systems").map(|entry| systems(&entry, report)).unwrap_or_default();
    let architectures = section.get("architectures").map(|entry| architectures(&entry, report));
    let parameters = section.get("parameters").map(|entry| parameters(&entry, report)).unwrap_or_default();
    let outputs = section.get("outputs").map(|entry| outputs(&entry, &parameters, report)).unwrap_or_default();
    section.finish(report);
    Some(Recipe {
        package: package?,
        install: install?,
        health: health?,
        health_seconds,
        install_seconds,
        ports,
        minimum: least?,
        systems,
        architectures: architectures.unwrap_or_else(|| vec![Architecture::X86_64]),
        outputs,
        parameters,
    })
}

/// `"published"`, `{ version = "…" }` or `{ url = "…", version = "…", sha256 = "…", size = … }`, the last with
/// `minimum_version` and `expires_at` if there are some
fn source(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<PackageSource> {
    if let Some(word) = entry.value().as_str() {
        if word == "published" {
            return Some(PackageSource::Published { version: None });
        }
        entry.refuse(format!("is `{word}`, must be \"published\" or a table with `version` or `url`"), report);
        return None;
    }
    let mut section = entry.section(report)?;
    let version = section.need("version", "it says which package is meant", report);
    let version = version.and_then(|entry| version_of(&entry, report));
    let Some(url) = section.get("url") else {
        section.finish(report);
        return Some(PackageSource::Published { version: Some(version?) });
    };
    let url = address(&url, report);
    let sha256 = section.need("sha256", "a package that is kept elsewhere is known by its digest", report);
    let sha256 = sha256.and_then(|entry| digest(&entry, report));
    let size = section.need("size", "it says how many bytes the package has", report);
    let size = size.and_then(|entry| entry.number(1..=u32::MAX, report));
    let minimum = section.get("minimum_version").map(|entry| (version_of(&entry, report), entry));
    if let (Some(version), Some((Some(minimum), entry))) = (&version, &minimum)
        && Version::parse(version).ok() < Version::parse(minimum).ok()
    {
        entry.refuse(
            format!("is `{minimum}`: this package, {version}, is older, so that nobody could install it"),
            report,
        );
    }
    let expires_at = section.get("expires_at").map(|entry| moment(&entry, report));
    section.finish(report);
    Some(PackageSource::Url {
        url: url?,
        version: version?,
        sha256: sha256?,
        size: size?.into(),
        minimum_version: minimum.map(|(version, _)| version).unwrap_or_default(),
        expires_at: expires_at.unwrap_or_default(),
    })
}

fn moment(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Time> {
    let text = entry.line(40, report)?;
    let moment = text.parse().ok();
    if moment.is_none() {
        entry.refuse(format!("`{text}` is no moment: write one such as \"2027-01-31T00:00:00Z\""), report);
    }
    moment
}

fn version_of(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<String> {
    let text = entry.line(limits::VERSION_CHARS, report)?;
    match Version::parse(&text) {
        Ok(_) => Some(text),
        Err(error) => {
            entry.refuse(format!("`{text}` is no version ({error}): write three numbers such as \"1.4.0\""), report);
            None
        }
    }
}

fn address(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<String> {
    let text = entry.line(ADDRESS_CHARS, report)?;
    let name = text.rsplit('/').next().unwrap_or_default();
    let plain = text.is_ascii() && !text.contains([' ', '"', '\\', '<', '>', '@', '#', '?']);
    if text.strip_prefix("https://").is_some_and(|rest| rest.contains('/') && !rest.starts_with('/'))
        && plain
        && !name.is_empty()
    {
        return Some(text);
    }
    let form = "\"https://downloads.example.com/atlas-1.4.0.tar.gz\"";
    entry.refuse(format!("is no address of a file: write {form}, without user name, query and fragment"), report);
    None
}

fn digest(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<String> {
    let text = entry.line(64, report)?;
    if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Some(text);
    }
    entry.refuse("is no SHA-256: write the 64 lower-case digits that `sha256sum` prints", report);
    None
}

fn seconds(
    section: &mut Section<'_>,
    key: &'static str,
    default: u32,
    range: std::ops::RangeInclusive<u32>,
    report: &mut Report<'_>,
) -> u32 {
    section.get(key).and_then(|entry| entry.number(range, report)).unwrap_or(default)
}

/// The entries of a list that is not too long.
fn entries<'t>(entry: &Entry<'t>, report: &mut Report<'_>) -> Vec<Entry<'t>> {
    let items = entry.items(report);
    if items.len() > ENTRIES {
        entry.refuse(format!("has {} entries, at most {ENTRIES} fit", items.len()), report);
    }
    items
}

fn ports(entry: &Entry<'_>, report: &mut Report<'_>) -> Vec<u16> {
    let mut ports = Vec::new();
    for item in entries(entry, report) {
        match item.small(1..=u16::MAX, report) {
            Some(port) if ports.contains(&port) => item.refuse(format!("names port {port} twice"), report),
            Some(port) => ports.push(port),
            None => {}
        }
    }
    ports
}

fn minimum(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Minimum> {
    let mut section = entry.section(report)?;
    let why = "write { vcpus = 2, memory_mib = 4096, disk_gib = 40 }";
    let vcpus = section.need("vcpus", why, report).and_then(|entry| entry.number(1..=1_024, report));
    let memory = section.need("memory_mib", why, report).and_then(|entry| entry.number(128..=33_554_432, report));
    let disk = section.need("disk_gib", why, report).and_then(|entry| entry.number(1..=32_768, report));
    section.finish(report);
    Some(Minimum { vcpus: vcpus?, memory_mib: memory?, disk_gib: disk? })
}

fn systems(entry: &Entry<'_>, report: &mut Report<'_>) -> Vec<String> {
    let items = entries(entry, report);
    items.iter().filter_map(|item| item.line(60, report)).map(|name| name.to_lowercase()).collect()
}

fn architectures(entry: &Entry<'_>, report: &mut Report<'_>) -> Vec<Architecture> {
    let words = [Architecture::X86_64, Architecture::Arm64].map(|it| (it.as_str(), it));
    let items = entries(entry, report);
    let mut found = Vec::new();
    for item in &items {
        match form::one_of(item, &words, report) {
            Some(one) if found.contains(&one) => item.refuse(format!("names {} twice", one.as_str()), report),
            Some(one) => found.push(one),
            None => {}
        }
    }
    if entry.is_empty_list() {
        entry.refuse("is empty: leave it out for x86_64, or name the processors the software runs on", report);
    }
    found
}

fn parameters(entry: &Entry<'_>, report: &mut Report<'_>) -> Vec<Parameter> {
    let mut found: Vec<Parameter> = Vec::new();
    for item in entries(entry, report) {
        let Some(parameter) = parameter(&item, report) else { continue };
        if found.iter().any(|other| other.name == parameter.name) {
            item.refuse(format!("is the second parameter {}", parameter.name), report);
        }
        found.push(parameter);
    }
    found
}

fn parameter(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Parameter> {
    let mut section = entry.section(report)?;
    let name = section.need("name", "the installation gets it as SIGNET_PARAM_<name>", report);
    let name = name.and_then(|entry| parameter_name(&entry, report));
    let label = section.need("label", "customers read it; write { zh = \"…\", en = \"…\" }", report);
    let label = label.and_then(|entry| form::localized(&entry, report));
    let default = section.get("default");
    let text = default.as_ref().and_then(|entry| preset(entry, report));
    let choices = section.get("choices").map(|entry| entries(&entry, report)).unwrap_or_default();
    let choices: Vec<String> = choices.iter().filter_map(|item| item.line(limits::PARAMETER_CHARS, report)).collect();
    section.finish(report);
    if let (Some(entry), Some(text)) = (&default, &text)
        && !choices.is_empty()
        && !choices.contains(text)
    {
        entry.refuse(format!("`{text}` is none of the choices: {}", choices.join(", ")), report);
    }
    Some(Parameter { name: name?, label: label?, default: text, choices })
}

/// Unlike other texts it may be empty: then the customer may leave the answer empty.
fn preset(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<String> {
    match entry.string(report)? {
        "" => Some(String::new()),
        _ => entry.line(limits::PARAMETER_CHARS, report),
    }
}

/// A part of the name of an environment variable.
fn parameter_name(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<String> {
    let text = entry.line(NAME_CHARS, report)?;
    let inner = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if text.as_bytes()[0].is_ascii_uppercase() && text.bytes().all(inner) {
        return Some(text);
    }
    entry.refuse(
        format!("`{text}` is no name: use A-Z, 0-9 and _, beginning with a letter, such as \"SITE_NAME\""),
        report,
    );
    None
}

fn outputs(entry: &Entry<'_>, parameters: &[Parameter], report: &mut Report<'_>) -> Vec<Output> {
    let items = entries(entry, report);
    items.iter().filter_map(|item| output(item, parameters, report)).collect()
}

fn output(entry: &Entry<'_>, parameters: &[Parameter], report: &mut Report<'_>) -> Option<Output> {
    let mut section = entry.section(report)?;
    let label = section.need("label", "customers read it; write { zh = \"…\", en = \"…\" }", report);
    let label = label.and_then(|entry| form::localized(&entry, report));
    let value = section.need("value", "it is what customers are shown, such as \"https://{ip}/\"", report);
    let text = value.as_ref().and_then(|entry| entry.line(OUTPUT_CHARS, report));
    section.finish(report);
    if let (Some(value), Some(text)) = (&value, &text) {
        for name in placeholders(text).filter(|name| *name != "ip" && !parameters.iter().any(|it| it.name == *name)) {
            value.refuse(format!("`{{{name}}}` is neither {{ip}} nor a parameter of this recipe"), report);
        }
    }
    Some(Output { label: label?, value: text? })
}

/// The names in braces.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}
