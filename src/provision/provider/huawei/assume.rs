//! Takes on a customer's agency (委托) for a quarter of an hour, with no more rights than a deployment needs.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    base::{
        secret::SecretString,
        text::{Language, Wording},
    },
    provision::provider::{
        Agency, Answer, Bond, Session,
        error::{CloudError, Trouble},
        model::Credentials,
    },
};

use super::{Huawei, call::Call, endpoint::Service, json::text, policy};

/// How long temporary credentials live, in seconds: the least that both kinds allow.
const SECONDS: i32 = 900;
/// Under what name a session stands in the customer's audit log.
const SESSION: &str = "signet";

impl Huawei {
    /// Takes on `agency`. `self` has the merchant's own credentials.
    pub(super) async fn take_on(&self, agency: &Agency, bond: &Bond) -> Answer<Session> {
        let asked = self.tools.clock.now();
        let (call, parts) = match agency {
            Agency::Trust(urn) => trust(urn, bond),
            Agency::Named(account) => named(account, bond),
        };
        let call = call.hiding(&bond.external_id).hiding(&bond.name);
        let answer = self.call(&call).await.map_err(in_our_words)?;
        let [access, secret, token, end] = parts;
        let part = |path: &str| {
            let missing = || {
                CloudError::new(
                    Trouble::Unexpected,
                    ("云端返回的临时凭证不完整。", "The cloud's temporary credentials are not whole."),
                )
            };
            text(&answer, path).ok_or_else(missing)
        };
        let credentials = Credentials {
            access_key: part(access)?.to_owned(),
            secret_key: SecretString::from(part(secret)?),
            session_token: Some(SecretString::from(part(token)?)),
        };
        // The cloud's clock may differ from ours: what was asked for holds from the moment of asking.
        let ours = asked.saturating_add(SignedDuration::from_secs(SECONDS.into()));
        let until = text(&answer, end).and_then(|text| text.parse().ok()).map_or(ours, |theirs| ours.min(theirs));
        Ok(Session { credentials, until })
    }
}

/// Where access key, secret key, token and end are in an answer.
type Parts = [&'static str; 4];

fn trust(urn: &str, bond: &Bond) -> (Call, Parts) {
    let body = json!({
        "agency_urn": urn,
        "agency_session_name": SESSION,
        "duration_seconds": SECONDS,
        "external_id": bond.external_id,
        "policy": policy::identity_policy().to_string(),
    });
    let parts = [
        "/credentials/access_key_id",
        "/credentials/secret_access_key",
        "/credentials/security_token",
        "/credentials/expiration",
    ];
    (Call::post(Service::Sts, "/v5/agencies/assume", body), parts)
}

fn named(account: &str, bond: &Bond) -> (Call, Parts) {
    let body: Value = json!({ "auth": { "identity": {
        "methods": ["assume_role"],
        "assume_role": { "agency_name": bond.name, "domain_id": account, "duration_seconds": SECONDS },
        "policy": policy::least_privilege(),
    } } });
    let parts = ["/credential/access", "/credential/secret", "/credential/securitytoken", "/credential/expires_at"];
    (Call::post(Service::Iam, "/v3.0/OS-CREDENTIAL/securitytokens", body), parts)
}

/// What the cloud refuses here is the agency, or the merchant's own account: never keys of the customer.
fn in_our_words(error: CloudError) -> CloudError {
    let (trouble, what) = match error.trouble {
        Trouble::Permission | Trouble::NotFound | Trouble::Choice => (
            Trouble::Agency,
            ("委托不存在，或没有信任本服务", "the agency is not there, or does not trust this service"),
        ),
        Trouble::Credentials | Trouble::Expired => {
            let what = (
                "云端拒绝了软件商用来切换委托的账号",
                "the cloud refused the merchant's own account, which takes on agencies",
            );
            (Trouble::Unexpected, what)
        }
        _ => return error,
    };
    let message = Wording::both(
        format!("{}：{}", what.0, error.message.get(Language::Zh)),
        format!("{}: {}", what.1, error.message.get(Language::En)),
    );
    CloudError::new(trouble, message).with(error.code, error.request_id)
}
