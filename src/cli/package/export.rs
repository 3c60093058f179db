//! `signet package export --koogallery`: the archive and the template for the marketplace's own deployment (启动部署).
//!
//! The archive holds `bin/` with the package and `scripts/install.sh`; the template makes a server that runs it. Both are
//! the same bytes whenever they are made from the same package and recipe.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use data_encoding::BASE64;
use flate2::{Compression, GzBuilder, write::GzEncoder};
use futures_util::TryStreamExt as _;
use tar::{Builder, Header};

use crate::{
    app::App,
    base::slug::Slug,
    cli::terminal::outln,
    provision::recipe::{Parameter, Recipe},
    usecase::{
        Actor, Failure,
        package::{self, Package},
    },
};

const INSTALL: &str = include_str!("../../../templates/deploy/koogallery/install.sh");
const RENEW: &str = include_str!("../../../templates/deploy/renew.sh");
const TEMPLATE: &str = include_str!("../../../templates/deploy/koogallery/main.tf");

/// What to export.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// The product
    #[arg(long)]
    product: Slug,
    /// For KooGallery's own deployment (the only form there is)
    #[arg(long, required = true)]
    koogallery: bool,
    /// Folder for the archive and the template
    #[arg(long, default_value = ".", value_name = "DIR")]
    out: PathBuf,
}

/// Writes archive and template.
///
/// # Errors
/// A product without recipe or package; the package store's; the folder's.
pub async fn run(app: &App, command: Export) -> anyhow::Result<()> {
    let Export { product, out, .. } = command;
    let Some(recipe) = app.installation().catalog.recipe(&product).cloned() else {
        bail!("the catalog has no recipe for {product}: add [product.recipe], then `signet catalog apply`");
    };
    let (of, source) = (product.clone(), recipe.package.clone());
    let found = app.read(Actor::CommandLine, move |tx, ctx| package::for_recipe(tx, ctx, &of, &source)).await;
    let found: Result<Option<Package>, Failure> = found;
    let Some(package) = found?.filter(|it| it.url.is_none()) else {
        bail!("no package of {product} is in the package store: `signet package publish` it first");
    };
    std::fs::create_dir_all(&out).with_context(|| format!("{} cannot be made", out.display()))?;
    let bytes = out.join(format!(".{}.part", package.file));
    let copied = copy(app, &package, &bytes).await;
    let written = copied.and_then(|()| write(app.public_url(), &package, &recipe, &bytes, &out));
    let _ = std::fs::remove_file(&bytes);
    for file in written? {
        outln!("{}", file.display());
    }
    Ok(())
}

async fn copy(app: &App, package: &Package, to: &Path) -> anyhow::Result<()> {
    let mut file = File::create(to).with_context(|| format!("{} cannot be written", to.display()))?;
    let mut reading = app.depot().read(&package.product, &package.sha256, None).await?;
    while let Some(piece) = reading.stream.try_next().await? {
        file.write_all(&piece).with_context(|| format!("{} cannot be written", to.display()))?;
    }
    if super::measure(to)? != (package.size, package.sha256.clone()) {
        bail!("the package store holds other bytes than were published: publish the package again");
    }
    Ok(())
}

fn write(server: &str, package: &Package, recipe: &Recipe, bytes: &Path, out: &Path) -> anyhow::Result<[PathBuf; 2]> {
    let name = format!("{}-{}-koogallery.tar.gz", package.product, package.version);
    let (archive, template) = (out.join(&name), out.join(format!("{}-{}.tf", package.product, package.version)));
    let mut values = values(server, package, recipe);
    let unwritten = |path: &Path| format!("{} cannot be written", path.display());
    let script = filled(INSTALL, &values);
    let target = File::create(&archive).with_context(|| unwritten(&archive))?;
    pack(target, package, &script, &mut File::open(bytes)?).with_context(|| unwritten(&archive))?;
    values.insert("ARCHIVE", name);
    values.insert("ARCHIVE_SHA256", super::measure(&archive)?.1);
    std::fs::write(&template, filled(TEMPLATE, &values)).with_context(|| unwritten(&template))?;
    Ok([archive, template])
}

fn values(server: &str, package: &Package, recipe: &Recipe) -> BTreeMap<&'static str, String> {
    let ports = recipe.ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    BTreeMap::from([
        ("PRODUCT", package.product.to_string()),
        ("VERSION", package.version.clone()),
        ("SHA256", package.sha256.clone()),
        ("FILE", package.file.clone()),
        ("SERVER", server.to_owned()),
        ("INSTALL", BASE64.encode(recipe.install.as_bytes())),
        ("HEALTH", BASE64.encode(recipe.health.as_bytes())),
        ("HEALTH_SECONDS", recipe.health_seconds.to_string()),
        ("VCPUS", recipe.minimum.vcpus.to_string()),
        ("MEMORY", recipe.minimum.memory_mib.to_string()),
        ("DISK", recipe.minimum.disk_gib.to_string()),
        ("PORTS", ports),
        ("INSTALL_SECONDS", recipe.install_seconds.to_string()),
        ("RENEW", RENEW.trim_end().to_owned()),
        ("PARAMETERS", recipe.parameters.iter().map(passed_on).collect::<Vec<_>>().join("\n")),
        ("VARIABLES", variables(&recipe.parameters)),
    ])
}

/// The line of `install.sh` that passes a parameter on.
fn passed_on(parameter: &Parameter) -> String {
    let default = parameter.default.as_ref().map_or("-".to_owned(), |it| format!("={}", BASE64.encode(it.as_bytes())));
    format!("parameter {} {default}", environment(parameter))
}

/// A parameter's name in the environment, after `SIGNET_PARAM_`.
fn environment(parameter: &Parameter) -> String {
    parameter.name.to_ascii_uppercase().replace('-', "_")
}

/// The template's variables for the recipe's parameters, and the text that hands them over.
fn variables(parameters: &[Parameter]) -> String {
    let mut text = String::new();
    let mut lines = Vec::new();
    for parameter in parameters {
        let name = format!("parameter_{}", environment(parameter).to_ascii_lowercase());
        let label = quoted(&format!("{} / {}", parameter.label.zh, parameter.label.en));
        let default = parameter.default.as_deref().map(|it| format!("  default     = {}\n", quoted(it)));
        let default = default.unwrap_or_default();
        let choices = parameter.choices.iter().map(|it| quoted(it)).collect::<Vec<_>>().join(", ");
        let (condition, why) = if choices.is_empty() {
            (format!("!can(regex(\"[[:cntrl:]]\", var.{name}))"), "One line is needed.".to_owned())
        } else {
            (
                format!("contains([{choices}], var.{name})"),
                format!("One of these is needed: {}.", parameter.choices.join(", ")),
            )
        };
        text += &format!(
            "variable \"{name}\" {{\n  type        = string\n{default}  description = {label}\n  validation {{\n    \
             condition     = {condition}\n    error_message = {}\n  }}\n}}\n\n",
            quoted(&why)
        );
        lines.push(format!("    \"{}=${{var.{name}}}\\n\",\n", environment(parameter)));
    }
    format!("{text}locals {{\n  parameters = join(\"\", [\n{}  ])\n}}\n\n", lines.concat())
}

/// A text as HCL writes it: nothing in it is a template or ends it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for char in text.chars().filter(|it| !it.is_control()) {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted.replace("${", "$${").replace("%{", "%%{")
}

fn filled(text: &str, values: &BTreeMap<&'static str, String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    // In one pass: an `@NAME@` within a value stays what it is.
    while let Some((before, after)) = rest.split_once('@') {
        filled.push_str(before);
        let known = after.split_once('@').and_then(|(name, after)| Some((values.get(name)?, after)));
        match known {
            Some((value, after)) => {
                filled.push_str(value);
                rest = after;
            }
            None => {
                filled.push('@');
                rest = after;
            }
        }
    }
    filled + rest
}

/// No time, owner or order of a folder's files goes in: the same content is the same archive.
fn pack(target: impl Write, package: &Package, script: &str, bytes: &mut impl Read) -> std::io::Result<()> {
    let gzip: GzEncoder<_> = GzBuilder::new().mtime(0).write(target, Compression::default());
    let mut archive = Builder::new(gzip);
    let head = |size: u64, mode: u32| {
        let mut head = Header::new_ustar();
        head.set_size(size);
        head.set_mode(mode);
        head.set_mtime(0);
        head
    };
    archive.append_data(&mut head(package.size, 0o644), format!("bin/{}", package.file), bytes)?;
    let size = script.len() as u64;
    archive.append_data(&mut head(size, 0o755), "scripts/install.sh", script.as_bytes())?;
    archive.into_inner()?.finish()?.flush()
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
