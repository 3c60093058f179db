//! The end of the demo: the software is deployed to the simulated cloud with the license that was just bought, by the
//! API that customers' own tools use. Nothing of it is real, and every line says so.

use std::fs;

use anyhow::Context as _;
use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use tar::{Builder, Header};

use crate::{
    app::App,
    base::slug::Slug,
    cli::{
        deploy::{
            Outcome,
            api::{Service, Whole},
            follow,
        },
        package::publish::{self, Publish},
        terminal::outln,
    },
    config::Config,
};

/// What is published and deployed.
const PRODUCT: &str = "atlas";
const VERSION: &str = "1.4.0";
/// What the package holds, where the sample's recipe looks for it.
const INSTALL: &str = "#!/bin/sh\necho \"a sample: nothing to install\"\n";
/// The simulated cloud takes any credentials but wrong ones.
const ANYTHING: &str = "simulated";
const REGION: &str = "simulated-1";

/// Publishes the sample's package and deploys it for the license `code`; whether it became healthy.
///
/// # Errors
/// The package store's, the service's.
pub(super) async fn deploy(app: &App, config: &Config, code: &str) -> anyhow::Result<bool> {
    outln!("A deployment to the simulated cloud: no account, no server, nothing of it is real.");
    publish_sample(app, config).await?;
    let service = Service::new(&config.server_url(), code.into())?;
    let begun: Whole = service.post("", &wanted(&service).await?).await?;
    let outcome = follow::follow(&service, begun.id).await?;
    outln!("");
    Ok(outcome == Outcome::Done)
}

async fn publish_sample(app: &App, config: &Config) -> anyhow::Result<()> {
    let file = config.data_dir.join(format!("{PRODUCT}-{VERSION}.tar.gz"));
    fs::write(&file, package()?).with_context(|| format!("{} cannot be written", file.display()))?;
    let product: Slug = PRODUCT.parse().context("the sample's product")?;
    publish::run(app, Publish::new(product, VERSION, file.clone()), config.package_bytes).await?;
    fs::remove_file(&file).with_context(|| format!("{} cannot be removed", file.display()))
}

/// The same bytes each time, so that a demo in the same folder publishes nothing new.
fn package() -> std::io::Result<Vec<u8>> {
    let mut archive = Builder::new(GzBuilder::new().mtime(0).write(Vec::new(), Compression::default()));
    let mut head = Header::new_ustar();
    head.set_size(INSTALL.len() as u64);
    head.set_mode(0o755);
    head.set_mtime(0);
    archive.append_data(&mut head, "scripts/install.sh", INSTALL.as_bytes())?;
    archive.into_inner()?.finish()
}

/// What somebody would choose who takes the first thing that fits.
async fn wanted(service: &Service) -> anyhow::Result<Value> {
    let place = json!({ "cloud": "simulated", "region": REGION });
    let credentials = json!({ "access_key": ANYTHING, "secret_key": ANYTHING });
    let mut asked = json!({ "place": place, "credentials": credentials });
    let mut chosen = json!({ "name": "atlas-demo", "public_address_mbit": 5 });
    // Each answer has what the next question needs.
    let steps = [("zones", "zone"), ("flavors", "flavor"), ("images", "image"), ("subnets", "subnet")];
    for (list, name) in steps {
        let offer: Value = service.post("/offer", &asked).await?;
        let first = fitting(&offer, list)?;
        chosen[name] = first["id"].clone();
        if matches!(name, "zone" | "flavor") {
            asked[name] = first["id"].clone();
        }
        if name == "subnet" {
            asked["network"] = first["network"].clone();
        }
    }
    let offer: Value = service.post("/offer", &asked).await?;
    chosen["security_group"] = fitting(&offer, "security_groups")?["id"].clone();
    chosen["key_pair"] = fitting(&offer, "key_pairs")?["id"].clone();
    let parameters = json!({ "SITE_NAME": "Demo", "LANGUAGE": "zh" });
    Ok(json!({ "place": place, "credentials": credentials, "server": chosen, "parameters": parameters }))
}

fn fitting<'a>(offer: &'a Value, list: &str) -> anyhow::Result<&'a Value> {
    let choices = offer[list].as_array().into_iter().flatten();
    let mut fitting = choices.filter(|it| it["unfit"].is_null());
    fitting.next().with_context(|| format!("the simulated cloud offers no {list} that fit"))
}
