//! A customer's trust instead of a customer's keys: an agency (委托) that this service's own account may take on for a
//! while.
//!
//! Two kinds. The newer one (v5) has an external id, which stops others from making this service use an agency on their
//! behalf (the confused deputy). The older one (v3) has none: the agency's name takes that part, so it must be made by
//! [`agency_name`], kept with the customer, and never be one that somebody typed.

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::{
    base::{entropy::Entropy, secret::SecretString, text::Language},
    provision::provider::{
        Answer,
        error::{CloudError, Trouble},
        model::Credentials,
    },
};

use super::{Huawei, call::Call, endpoint::Service, json::text};

/// Shortest and longest life of temporary credentials, in seconds, for both kinds.
const SECONDS: std::ops::RangeInclusive<u32> = 900..=43_200;

/// A trust of the newer kind.
#[derive(Debug, Clone)]
pub struct TrustAgency {
    /// Its URN: `iam::<account>:agency:<name>`.
    pub urn: String,
    /// What the customer wrote into the trust policy; unguessable, one for each customer.
    pub external_id: String,
    /// Under what name this session appears in the customer's audit log.
    pub session: String,
}

/// A trust of the older kind.
#[derive(Debug, Clone)]
pub struct NamedAgency {
    /// Its name, made by [`agency_name`] for this customer: the caller checks that.
    pub name: String,
    /// The customer's account (domain) id.
    pub account: String,
}

/// A name for an agency of the older kind that nobody can guess: 128 random bits.
pub fn agency_name(entropy: &dyn Entropy) -> String {
    format!("signet-{}", HEXLOWER.encode(&entropy.bytes::<16>()))
}

/// What a customer does to trust the account `vendor`.
pub fn instructions(vendor: &str, name: &str, language: Language) -> String {
    match language {
        Language::Zh => format!(
            "在统一身份认证服务（IAM）控制台创建委托：名称填写 {name}，委托类型选择“普通账号”，委托的账号填写 {vendor}，\
             持续时间选择“1 天”，然后只授予向导中列出的自定义策略。部署完成后可删除该委托。"
        ),
        Language::En => format!(
            "In the console of Identity and Access Management create an agency: name {name}, type Common account, \
             delegated account {vendor}, validity 1 day; then grant it the custom policy that the wizard shows and \
             nothing else. Delete the agency when the deployment is done."
        ),
    }
}

impl Huawei {
    /// Takes on an agency of the newer kind for `seconds` (900 to 43 200). `self` has this service's own credentials.
    ///
    /// # Errors
    /// [`CloudError`]; [`Trouble::Choice`] for a time that is not allowed or an external id that is missing.
    pub async fn assume(&self, agency: &TrustAgency, policy: &Value, seconds: u32) -> Answer<Credentials> {
        check(seconds)?;
        if agency.external_id.is_empty() {
            let message =
                "The agency has no external id: without one others could use this service in the customer's name.";
            return Err(CloudError::new(Trouble::Choice, message));
        }
        let body = json!({
            "agency_urn": agency.urn,
            "agency_session_name": agency.session,
            "duration_seconds": seconds,
            "external_id": agency.external_id,
            "policy": policy.to_string(),
        });
        let call = Call::post(Service::Sts, "/v5/agencies/assume", body).hiding(&agency.external_id);
        let answer = self.call(&call).await?;
        credentials(
            &answer,
            ["/credentials/access_key_id", "/credentials/secret_access_key", "/credentials/security_token"],
        )
    }

    /// Takes on an agency of the older kind for `seconds`. `self` has this service's own credentials.
    ///
    /// # Errors
    /// See [`Huawei::assume`].
    pub async fn assume_named(&self, agency: &NamedAgency, policy: &Value, seconds: u32) -> Answer<Credentials> {
        check(seconds)?;
        let body = json!({ "auth": { "identity": {
            "methods": ["assume_role"],
            "assume_role": { "agency_name": agency.name, "domain_id": agency.account, "duration_seconds": seconds },
            "policy": policy,
        } } });
        let call = Call::post(Service::Iam, "/v3.0/OS-CREDENTIAL/securitytokens", body).hiding(&agency.name);
        let answer = self.call(&call).await?;
        credentials(&answer, ["/credential/access", "/credential/secret", "/credential/securitytoken"])
    }
}

fn check(seconds: u32) -> Answer<()> {
    if SECONDS.contains(&seconds) {
        return Ok(());
    }
    let (first, last) = (SECONDS.start(), SECONDS.end());
    let message = format!("Temporary credentials live {first} to {last} seconds, not {seconds}.");
    Err(CloudError::new(Trouble::Choice, &message))
}

fn credentials(answer: &Value, [access, secret, token]: [&str; 3]) -> Answer<Credentials> {
    let part = |path: &str| {
        let missing = || CloudError::new(Trouble::Unexpected, "The cloud's temporary credentials are not whole.");
        text(answer, path).ok_or_else(missing)
    };
    Ok(Credentials {
        access_key: part(access)?.to_owned(),
        secret_key: SecretString::from(part(secret)?),
        session_token: Some(SecretString::from(part(token)?)),
    })
}
