//! `signet client activate`: takes a seat for this machine, or finds the one it has.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use clap::Args;
use signet_verify::claims::Asked;

use crate::base::{
    secret::{ExposeSecret, SecretString},
    slug::Slug,
};

use crate::cli::terminal::{errln, outln};

use super::{
    Common, REFUSED,
    fingerprint::Fingerprint,
    host_name, license, nonce, platform, report,
    server::{self, Answer, Problem, Question, Server},
    state::State,
    trust::{self, Trust},
    words::language,
};

/// Arguments of `signet client activate`.
#[derive(Debug, Args)]
pub struct Activate {
    #[command(flatten)]
    common: Common,
    /// The service, such as https://license.example.com
    #[arg(long, env = "SIGNET_SERVER", value_parser = server::address)]
    server: String,
    /// The product's root key, as `signet key root` prints it; may be left out from the second time on
    // One key in 64 begins with a dash.
    #[arg(long, value_parser = trust::root_key, allow_hyphen_values = true)]
    root_key: Option<String>,
    /// File with the license code or key
    #[arg(long)]
    license_file: Option<PathBuf>,
    /// What people call this machine; its host name by default
    #[arg(long)]
    name: Option<String>,
    /// The software's version, where the plan covers only some
    #[arg(long)]
    software_version: Option<String>,
    /// Days to be away from the network with a floating seat
    #[arg(long)]
    borrow_days: Option<u16>,
}

/// What an activation says beside the machine, wherever it is started from.
#[derive(Debug, Default)]
pub struct Seeker {
    /// What people call the machine; its host name by default.
    pub name: Option<String>,
    /// The software's version.
    pub version: Option<String>,
    /// Days to be away.
    pub borrow_days: Option<u16>,
}

impl Seeker {
    /// The question.
    pub fn question(self, product: &Slug, machine: &Fingerprint) -> Question {
        Question {
            product: Some(product.to_string()),
            version: self.version,
            name: self.name.or_else(host_name),
            platform: Some(platform()),
            container: Some(machine.container),
            components: machine.components.clone(),
            borrow_days: self.borrow_days,
            nonce: nonce(),
        }
    }
}

/// What a signed refusal of `question` has to repeat.
pub fn asked(question: &Question, license: &SecretString) -> Asked {
    Asked {
        nonce: Some(question.nonce.clone()),
        product: question.product.clone(),
        version: question.version.clone(),
        components: question.components.clone(),
        ..Asked::about(license.expose_secret())
    }
}

/// Activates. Nothing is stored before all of the answer was verified.
///
/// # Errors
/// What is missing or wrong, also an answer that is not signed as it should be.
pub async fn run(command: Activate) -> anyhow::Result<ExitCode> {
    let license = license::read(command.license_file.as_deref())?;
    let folder = command.common.folder()?;
    let before = folder.load()?;
    let pinned = trust::pinned(before.as_ref(), command.root_key.as_deref())?;
    let trust = Trust::new(&command.common.product, &pinned)?;
    let machine = command.common.machine(&folder)?;
    if server::in_clear(&command.server) {
        errln!("signet: {} is not https: whoever is on the way can read the license", command.server);
    }
    let server = Server::new(&command.server, &license)?;
    let version = command.software_version;
    let seeker = Seeker { name: command.name, version: version.clone(), borrow_days: command.borrow_days };
    let question = seeker.question(&command.common.product, &machine);
    let asked = asked(&question, &license);
    let grant = match server.activate(&question).await {
        Answer::Granted(grant) => grant,
        Answer::Refused(problem) => {
            let refusal = trust.refusal(&server, &problem, before.as_ref(), &asked).await;
            return refused(&problem, refusal.is_some());
        }
        Answer::Unclear(why) => bail!("{why}: nothing was stored"),
        Answer::Signed(_) => bail!("the service gave no lease: nothing was stored"),
    };
    let mut state = before.unwrap_or_else(|| State::new(&command.common.product, &pinned));
    trust
        .accept(&mut state, &grant, &question)
        .context("the answer does not verify, so nothing was stored: is this the right root key and service?")?;
    state.client.server = Some(command.server);
    state.client.license = Some(license);
    state.client.version = version;
    folder.save(&state)?;
    for warning in &grant.warnings {
        errln!("signet: {}", warning.detail);
    }
    outln!("{}", report::activated(&command.common.product, language()));
    Ok(ExitCode::SUCCESS)
}

/// Says no in the service's words. Only a signed no is the service's.
fn refused(problem: &Problem, signed: bool) -> anyhow::Result<ExitCode> {
    if !signed {
        bail!(
            "what answered refuses ({}), but the refusal is not signed under the pinned root: wrong root key or product, or \
             not the service",
            problem.detail
        );
    }
    errln!("signet: {}", problem.detail);
    for holder in &problem.holders {
        let shown = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
        let (name, platform) = (shown(&holder.name), shown(&holder.platform));
        let (since, seen) = (shown(&holder.since), shown(&holder.last_seen_at));
        errln!("  {name} ({platform}), since {since}, last seen {seen}");
    }
    Ok(ExitCode::from(REFUSED))
}
