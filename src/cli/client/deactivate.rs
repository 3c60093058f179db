//! `signet client deactivate`: gives the seat back, then forgets it here.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use signet_verify::claims::Asked;

use crate::{base::secret::ExposeSecret, license::activation::Reason};

use crate::cli::terminal::{errln, outln};

use super::{
    Common, NOT_ACTIVATED,
    server::{Answer, Server},
    trust::Trust,
};

/// Arguments of `signet client deactivate`.
#[derive(Debug, Args)]
pub struct Deactivate {
    #[command(flatten)]
    common: Common,
}

/// Deactivates. The state stays when the seat was not given back: with it, trying again is easy.
///
/// # Errors
/// When the service cannot be reached or does not answer clearly.
pub async fn run(command: Deactivate) -> anyhow::Result<ExitCode> {
    let product = &command.common.product;
    let stored = match command.common.existing_folder()? {
        None => None,
        Some(folder) => folder.load()?.map(|state| (folder, state)),
    };
    let Some((folder, state)) = stored else {
        errln!("signet: {product} is not activated here");
        return Ok(ExitCode::from(NOT_ACTIVATED));
    };
    let Some(activation) = &state.client.activation else {
        folder.remove()?;
        outln!("{product}: the license file was removed; it had no seat to give back");
        return Ok(ExitCode::SUCCESS);
    };
    let (Some(address), Some(license)) = (&state.client.server, &state.client.license) else {
        bail!(
            "this machine was activated without network: free its seat on the license's page, then remove {}",
            folder.path().display()
        );
    };
    let server = Server::new(address, license)?;
    let kept = "nothing was changed here; try again, or free the seat on the license's page";
    let trust = Trust::new(product, &state.client.root_key)?;
    let asked = Asked::about(license.expose_secret());
    match server.deactivate(activation).await {
        Answer::Signed(freed) => {
            // Anybody on the way can say so: only the service can sign that this activation has no seat.
            let signed = trust.refusal(&server, &freed, Some(&state), &asked).await.map(|it| it.read.claims);
            let free = signed.is_some_and(|it| {
                // An answer from before this activation came back, said again, is none.
                it.reason == Reason::MachineUnknown.as_str()
                    && it.activation.as_ref() == Some(activation)
                    && it.time >= state.client.highest_time
            });
            if !free {
                bail!("the answer is not the service's: {kept}");
            }
        }
        Answer::Refused(problem) => {
            let refusal = trust.refusal(&server, &problem, Some(&state), &asked).await;
            if !refusal.is_some_and(|refusal| refusal.read.claims.conclusive) {
                bail!("{}: {kept}", problem.detail);
            }
            // The seat or the whole license is gone: there is nothing to give back.
            errln!("signet: {}", problem.detail);
        }
        Answer::Unclear(why) => bail!("{why}: {kept}"),
        Answer::Granted(_) => bail!("the answer is none to this question: {kept}"),
    }
    folder.remove()?;
    outln!("{product}: this machine's seat is free");
    Ok(ExitCode::SUCCESS)
}
