//! `signet client`: activates a machine and says whether software may run, for scripts and for software without a
//! library of its own.
//!
//! The other side of the product: nothing here opens an installation or names a room above `base`, and nothing is
//! believed but what `signet_verify` verified under the root that was pinned. One file per verb; [`state`] keeps,
//! [`server`] asks, [`trust`] decides what to believe, [`fingerprint`] reads the machine, [`report`] and [`words`] say it.

mod activate;
mod check;
mod deactivate;
mod fingerprint;
mod identify;
mod import_file;
mod judge;
pub(super) mod license;
mod report;
mod request_file;
pub(super) mod server;
mod state;
mod trust;
mod usage;
pub(super) mod words;

use std::{path::Path, process::ExitCode};

use anyhow::bail;
use clap::{Args, Subcommand};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};

use signet_verify::machine::digest;

use crate::base::{
    entropy::{Entropy, SystemEntropy},
    slug::Slug,
};

use fingerprint::Fingerprint;
use state::{Folder, Places};

/// Exit code of `activate` and `usage`: the service refused, and the refusal is signed.
const REFUSED: u8 = 20;

/// Exit code where nothing was activated.
const NOT_ACTIVATED: u8 = 21;

/// The component that a license may be bound to, whatever the plan calls it.
const DEVICE: &str = "device";

/// What to do on this machine.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take a seat for this machine; the license comes from --license-file, SIGNET_LICENSE or standard input
    Activate(activate::Activate),
    /// May the software run? Exit code 0: yes, 10: yes but see to it, 20: no, 21: not activated, 22: another machine or a
    /// clock that was turned back, 1: something failed, 2: wrong arguments
    Check(check::Check),
    /// Give this machine's seat back
    Deactivate(deactivate::Deactivate),
    /// Report what was used of a meter. Exit code 0: it counts, 20: it was refused, 21: not activated, 1: it is not known
    /// whether it counts, run the same again with the id that is printed, 2: wrong arguments
    Usage(usage::Usage),
    /// Print what this machine is recognised by
    Fingerprint(identify::Identify),
    /// Print the request of a machine without network, to be entered on the license's page
    RequestFile(request_file::RequestFile),
    /// Take what answers a request, or a license file
    ImportFile(import_file::ImportFile),
}

/// What every verb needs.
#[derive(Debug, Args)]
pub struct Common {
    /// The product
    #[arg(long, env = "SIGNET_PRODUCT")]
    product: Slug,
    #[command(flatten)]
    identity: Identity,
}

/// Which machine this is meant to be.
#[derive(Debug, Args)]
pub struct Identity {
    /// This machine's lasting id: a must in containers, whose own traits do not outlive a restart
    #[arg(long, env = "SIGNET_MACHINE_ID", value_parser = machine_id)]
    machine_id: Option<String>,
    /// What the license is bound to, where it is bound to a device
    #[arg(long, env = "SIGNET_DEVICE", value_parser = machine_id)]
    device: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// What stands against it, and what to do.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Activate(command) => activate::run(command).await,
        Command::Check(command) => check::run(command).await,
        Command::Deactivate(command) => deactivate::run(command).await,
        Command::Usage(command) => usage::run(command).await,
        Command::Fingerprint(command) => identify::run(&command),
        Command::RequestFile(command) => request_file::run(&command),
        Command::ImportFile(command) => import_file::run(&command),
    }
}

impl Identity {
    /// The machine as Linux, the operator and the surroundings describe it.
    fn read(&self) -> Fingerprint {
        let orchestrated = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
        // Set but empty is how Compose passes on what is not set.
        let operator = self.machine_id.as_deref().filter(|id| !id.is_empty());
        let mut machine = fingerprint::read(Path::new("/"), operator, orchestrated);
        if let Some(device) = self.device.as_deref().filter(|device| !device.is_empty()) {
            machine.components.insert(DEVICE.to_owned(), digest(DEVICE, device));
        }
        machine
    }
}

impl Common {
    /// The product's folder, held.
    fn folder(&self) -> anyhow::Result<Folder> {
        Folder::open(Places::of_process().folder(&self.product)?)
    }

    /// The product's folder, held, if there is one.
    fn existing_folder(&self) -> anyhow::Result<Option<Folder>> {
        Folder::existing(Places::of_process().folder(&self.product)?)
    }

    /// This machine; in a container without an operator's id, by an id that is kept on the folder's volume.
    fn machine(&self, folder: &Folder) -> anyhow::Result<Fingerprint> {
        let mut machine = self.identity.read();
        if machine.container && machine.components.is_empty() {
            let kept = folder.volume_id(|| HEXLOWER.encode(&random::<16>()))?;
            machine.components = kept.map(|id| fingerprint::operator(&id)).unwrap_or_default();
        }
        if machine.components.is_empty() && machine.container {
            bail!(
                "a container has nothing that outlives a restart: set SIGNET_MACHINE_ID to what names this container for \
                 good (such as the name of a StatefulSet's pod), or mount a volume at {}",
                folder.path().display()
            );
        }
        if machine.components.is_empty() {
            bail!("nothing was found that tells this machine from others: set SIGNET_MACHINE_ID");
        }
        Ok(machine)
    }
}

/// A nonce: 128 bits that nobody can foretell.
fn nonce() -> String {
    BASE64URL_NOPAD.encode(&random::<16>())
}

fn random<const N: usize>() -> [u8; N] {
    let entropy: &dyn Entropy = &SystemEntropy;
    entropy.bytes()
}

/// Operating system and processor, as the holder of a license sees them.
fn platform() -> String {
    format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH)
}

/// What the machine calls itself.
fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

fn machine_id(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.chars().count() > fingerprint::OPERATOR_CHARS {
        return Err(format!("at most {} characters are allowed", fingerprint::OPERATOR_CHARS));
    }
    Ok(text.to_owned())
}
