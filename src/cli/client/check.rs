//! `signet client check`: may the software run?
//!
//! By the stored lease alone, which needs no network. The service is asked when the lease says so or when the lease is
//! not enough, and only its signed no ends a lease early.

use std::process::ExitCode;

use clap::Args;
use signet_verify::claims::FeatureValue;

use crate::base::{
    clock::{Clock, SystemClock},
    secret::SecretString,
    text::Language,
    time::Time,
};

use crate::cli::terminal::{errln, outln};

use super::{
    Common,
    activate::{Seeker, asked},
    fingerprint::Fingerprint,
    judge::{Judged, judge, refused},
    nonce,
    report::{Facts, Report, Standing},
    server::{Answer, Question, Server},
    state::{Folder, State},
    trust::{Trust, observe},
    words::{self, pick},
};

/// Days before the license's end from which the check says so.
const NOTICE_DAYS: i64 = 14;

/// Arguments of `signet client check`.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    common: Common,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Also answer no when the license does not have this feature
    #[arg(long)]
    feature: Option<String>,
    /// Never ask the service
    #[arg(long)]
    offline: bool,
    /// The software's version; as given to `activate` by default
    #[arg(long)]
    software_version: Option<String>,
}

/// Checks and says so, by the documented exit codes.
///
/// # Errors
/// When the state can be neither read nor trusted with a root.
pub async fn run(command: Check) -> anyhow::Result<ExitCode> {
    let language = words::language();
    let report = report(&command, language).await?;
    if command.json {
        outln!("{}", report.json()?);
    } else {
        outln!("{}", report.line(language));
        for warning in &report.warnings {
            errln!("signet: {warning}");
        }
    }
    Ok(ExitCode::from(report.standing.exit()))
}

async fn report(command: &Check, language: Language) -> anyhow::Result<Report> {
    let product = command.common.product.to_string();
    let stored = match command.common.existing_folder()? {
        None => None,
        Some(folder) => folder.load()?.map(|state| (folder, state)),
    };
    let Some((folder, mut state)) = stored else {
        let standing = Standing::NotActivated;
        return Ok(Report { product, standing, facts: None, renewed: false, warnings: Vec::new() });
    };
    if let Some(version) = &command.software_version {
        state.client.version = Some(version.clone());
    }
    let trust = Trust::new(&command.common.product, &state.client.root_key)?;
    let machine = command.common.machine(&folder)?;
    let now = SystemClock.now();
    let mut check = Checking { folder, trust, machine, state, now, language, renewed: false, warnings: Vec::new() };
    let (mut standing, facts) = check.run(command.offline).await?;
    if let (Standing::Runs | Standing::Grace, Some(feature)) = (&standing, &command.feature)
        && !has(facts.as_ref(), feature)
    {
        standing = Standing::Ended("feature_missing".to_owned());
    }
    Ok(Report { product, standing, facts, renewed: check.renewed, warnings: check.warnings })
}

fn has(facts: Option<&Facts>, feature: &str) -> bool {
    match facts.and_then(|facts| facts.features.get(feature)) {
        None | Some(FeatureValue::Flag(false) | FeatureValue::Number(0)) => false,
        Some(_) => true,
    }
}

/// One check under way.
struct Checking {
    folder: Folder,
    trust: Trust,
    machine: Fingerprint,
    state: State,
    now: Time,
    language: Language,
    renewed: bool,
    warnings: Vec<String>,
}

impl Checking {
    async fn run(&mut self, offline: bool) -> anyhow::Result<(Standing, Option<Facts>)> {
        let before = self.judge();
        let mut standing = before.standing.clone();
        if !offline && before.due {
            standing = self.ask(standing).await?;
        }
        let judged = if self.renewed { self.judge() } else { before };
        if let Some(seconds) = judged.turned_back {
            self.warn(
                &format!("系统时钟慢了 {seconds} 秒"),
                &format!("the clock is {seconds} seconds behind what the service said: set it right"),
            );
        }
        if self.renewed {
            standing = judged.standing;
        }
        self.notice(judged.facts.as_ref());
        Ok((standing, judged.facts))
    }

    fn judge(&self) -> Judged {
        judge(&self.trust, &self.state, &self.machine.components, self.now, self.renewed)
    }

    /// Asks for the next lease; `standing` is what holds when nothing comes of it.
    async fn ask(&mut self, standing: Standing) -> anyhow::Result<Standing> {
        let client = self.state.client.clone();
        let (Some(address), Some(license), Some(activation)) = (client.server, client.license, client.activation)
        else {
            return Ok(standing);
        };
        let server = Server::new(&address, &license)?;
        let question = Question {
            version: client.version,
            components: self.machine.components.clone(),
            nonce: nonce(),
            ..Question::default()
        };
        let answer = server.renew(&activation, &question).await;
        if let Answer::Refused(problem) = &answer
            && problem.reason.as_deref() == Some("lease_ended")
        {
            // The floating seat went back meanwhile: take one again, as if just started.
            return Ok(self.seek(&server, &license, standing).await);
        }
        Ok(self.take(&server, &license, answer, &question, standing).await)
    }

    async fn seek(&mut self, server: &Server<'_>, license: &SecretString, standing: Standing) -> Standing {
        let seeker = Seeker { version: self.state.client.version.clone(), ..Seeker::default() };
        let question = seeker.question(self.trust.product(), &self.machine);
        let answer = server.activate(&question).await;
        self.take(server, license, answer, &question, standing).await
    }

    /// Takes an answer over, as far as it is signed.
    async fn take(
        &mut self,
        server: &Server<'_>,
        license: &SecretString,
        answer: Answer,
        question: &Question,
        standing: Standing,
    ) -> Standing {
        match answer {
            Answer::Granted(grant) => match self.trust.accept(&mut self.state, &grant, question) {
                Ok(()) => {
                    self.renewed = true;
                    self.warnings.extend(grant.warnings.into_iter().map(|warning| warning.detail));
                    self.save();
                }
                Err(error) => self.not_asked(&format!("{error:#}")),
            },
            Answer::Refused(problem) => {
                let known = Some(&self.state);
                let asked = asked(question, license);
                match self.trust.refusal(server, &problem, known, &asked).await {
                    Some(refusal) if refusal.read.claims.conclusive => {
                        observe(&mut self.state, &refusal.read);
                        self.state.client.refusal = Some(refusal.text);
                        self.save();
                        return refused(refusal.read.claims.reason);
                    }
                    Some(_) => self.not_asked(&problem.detail),
                    None => self.not_asked(&format!("{} (not signed by the service)", problem.detail)),
                }
            }
            Answer::Unclear(why) => self.not_asked(&why),
            Answer::Signed(_) => self.not_asked("the answer is none to this question"),
        }
        standing
    }

    /// A new lease that cannot be written is as good for this run; the next one asks again.
    fn save(&mut self) {
        if let Err(error) = self.folder.save(&self.state) {
            self.warnings.push(format!("{error:#}"));
        }
    }

    fn not_asked(&mut self, why: &str) {
        self.warn(&format!("未取得新租约：{why}"), &format!("no new lease: {why}"));
    }

    fn notice(&mut self, facts: Option<&Facts>) {
        let Some(end) = facts.and_then(|facts| facts.license_ends_at) else { return };
        if self.now < end && end < self.now.plus_days(NOTICE_DAYS) {
            self.warn(&format!("许可证将于 {end} 到期，请续费"), &format!("the license ends on {end}: renew it"));
        }
    }

    fn warn(&mut self, zh: &str, en: &str) {
        self.warnings.push(pick(self.language, zh, en).to_owned());
    }
}
