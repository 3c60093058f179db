//! What a use case led to, in KooGallery's words.

use crate::{
    base::{entropy::DerivedEntropy, secret::SecretString},
    marketplace::koogallery::{
        credentials::{self, CredentialTooLong, EncryptType},
        inbound::{Call, Line},
        reply::{AppInfo, InstanceInfo, Reply, ReplyError, ResultCode, Usage},
    },
    usecase::outcome::{Instance, Outcome, Purchased, Refusal},
};

/// An answer that cannot be put together within the marketplace's limits: the catalog holds something too long.
#[derive(Debug, thiserror::Error)]
pub(super) enum AnswerError {
    /// A field of the answer.
    #[error(transparent)]
    Reply(#[from] ReplyError),
    /// An encrypted credential.
    #[error(transparent)]
    Credential(#[from] CredentialTooLong),
}

/// How SaaS 1.0 credentials are encrypted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Encryption<'a> {
    /// The channel's access key.
    pub(super) key: &'a SecretString,
    /// AES-128 or AES-256.
    pub(super) kind: EncryptType,
    /// A secret of this installation. The initialisation vectors derive from it and the instance id, so that a
    /// repeated purchase is answered byte for byte alike.
    pub(super) seed: [u8; 32],
}

/// The answer to `call`.
///
/// # Errors
/// [`AnswerError`]: the caller answers `000005` and keeps nothing.
pub(super) fn reply(call: &Call, outcome: &Outcome, encryption: Encryption) -> Result<Reply, AnswerError> {
    Ok(match outcome {
        Outcome::Done => Reply::of(ResultCode::Success),
        Outcome::Purchased(purchased) => purchase(call.line, purchased, encryption)?,
        Outcome::InProgress(None) => Reply::of(ResultCode::InProgress),
        Outcome::InProgress(Some(instance_id)) => Reply::of(ResultCode::InProgress).instance(instance_id)?,
        Outcome::Instances(instances) => {
            let rows = instances.iter().map(|it| row(call.line, it, encryption)).collect::<Result<_, _>>()?;
            let reply = Reply::of(ResultCode::Success).info(rows)?;
            if call.line == Line::Saas1 { reply.encrypted(encryption.kind) } else { reply }
        }
        Outcome::Refused(refusal) => refused(refusal),
    })
}

fn purchase(line: Line, purchased: &Purchased, encryption: Encryption) -> Result<Reply, AnswerError> {
    let instance_id = &purchased.instance.instance_id;
    let success = Reply::of(ResultCode::Success);
    Ok(match line {
        Line::License1 => success.license(instance_id, &purchased.license_code)?,
        Line::Saas1 => {
            let (user_name, password) = encrypted(&purchased.instance, encryption)?;
            let app_info = AppInfo { user_name: None, password: None, ..app_info(&purchased.instance) };
            success.saas1(instance_id, encryption.kind, app_info, user_name.as_ref(), password.as_ref())?
        }
        Line::Code2 | Line::Instance2 => success.instance(instance_id)?,
    })
}

fn row(line: Line, instance: &Instance, encryption: Encryption) -> Result<InstanceInfo, AnswerError> {
    let mut app_info = app_info(instance);
    if line == Line::Saas1 {
        let (user_name, password) = encrypted(instance, encryption)?;
        app_info.user_name = user_name.map(|it| it.as_str().to_owned());
        app_info.password = password.map(|it| it.as_str().to_owned());
    }
    let usage = instance.usage.iter().map(|usage| Usage {
        // Only items of a package have one.
        related_instance_id: None,
        ten_thousandths: u64::try_from(usage.total).unwrap_or(0),
        counted_at: usage.counted_at,
        dashboard_url: None,
    });
    Ok(InstanceInfo { instance_id: instance.instance_id.clone(), app_info, usage: usage.collect() })
}

type Credentials = (Option<credentials::Encrypted>, Option<credentials::Encrypted>);

fn encrypted(instance: &Instance, encryption: Encryption) -> Result<Credentials, CredentialTooLong> {
    let encrypt = |label: &str, plain: &Option<String>| {
        let entropy = DerivedEntropy::new(&encryption.seed, &[label, &instance.instance_id]);
        plain.as_deref().map(|plain| credentials::encrypt(encryption.key, encryption.kind, plain, &entropy)).transpose()
    };
    let delivery = &instance.delivery;
    Ok((encrypt("user-name", &delivery.user_name)?, encrypt("initial-password", &delivery.initial_password)?))
}

fn app_info(instance: &Instance) -> AppInfo {
    let delivery = instance.delivery.clone();
    AppInfo {
        front_end_url: instance.front_end_url.clone(),
        admin_url: delivery.admin_url,
        user_name: delivery.user_name,
        password: delivery.initial_password,
        memo: delivery.memo,
    }
}

fn refused(refusal: &Refusal) -> Reply {
    let (code, message) = match refusal {
        Refusal::UnknownInstance(id) => (ResultCode::NoSuchInstance, format!("No license here has the id {id}.")),
        Refusal::ReleasedInstance(id) => (ResultCode::NoSuchInstance, format!("The license of {id} is released.")),
        Refusal::UnknownPlan(what) => {
            (ResultCode::IllegalParameter, format!("No plan of this channel is sold as {what}."))
        }
        Refusal::Illegal(reason) => (ResultCode::IllegalParameter, reason.clone()),
        Refusal::QuotaExhausted { limit } => {
            (ResultCode::QuotaInsufficient, format!("The order covers {limit} devices and all are licensed."))
        }
        Refusal::OutsideTerm => (ResultCode::OutsideValidity, String::new()),
        Refusal::EndNeeded => (ResultCode::EndDateNeeded, String::new()),
        Refusal::FingerprintNeeded => (ResultCode::FingerprintNeeded, String::new()),
        Refusal::TooManyDeferred => {
            (ResultCode::InternalError, "Too many calls wait for this id; try again later.".to_owned())
        }
    };
    Reply::new(code, &message)
}
