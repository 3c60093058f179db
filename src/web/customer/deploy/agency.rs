//! The two ways to open an account, wherever a form asks for one: keys, or an agency that trusts the merchant's account.

use crate::{
    base::secret::{ExposeSecret, SecretString},
    provision::provider::{Agency, Credentials, Entry},
    web::{deployment::Trust, html::Words},
};

use super::{check::Checked, fault::Fault};

/// What a page shows of agencies.
#[derive(Debug)]
pub struct Agencies {
    /// The merchant's account.
    pub account: String,
    /// Its id.
    pub account_id: String,
    /// What a trust agency must ask for.
    pub external_id: String,
    /// What an agency of the older kind must be called.
    pub name: String,
    /// The rights of a trust agency, to copy.
    pub identity_policy: String,
    /// The rights of an agency of the older kind, to copy.
    pub policy: String,
}

impl Agencies {
    /// As the rules have it.
    pub fn of(trust: Option<Trust>) -> Option<Self> {
        trust.map(|it| Self {
            account: it.account,
            account_id: it.account_id,
            external_id: it.bond.external_id,
            name: it.bond.name,
            identity_policy: format!("{:#}", it.identity_policy),
            policy: format!("{:#}", it.policy),
        })
    }
}

/// What a form sent.
pub struct Sent<'a> {
    /// `trust`, `named`, or anything else for keys.
    pub way: &'a str,
    /// The access key.
    pub access_key: &'a str,
    /// The secret key.
    pub secret_key: &'a SecretString,
    /// The token.
    pub session_token: &'a SecretString,
    /// The URN of a trust agency.
    pub urn: &'a str,
    /// The account of an agency of the older kind.
    pub account: &'a str,
}

impl Sent<'_> {
    /// What opens the account; `None`: no keys were typed. `trusts`: whether agencies can be chosen.
    pub fn entry(&self, t: Words, trusts: bool) -> Checked<Option<Entry>> {
        let wrong = |zh: &'static str| move |en: &'static str| Fault::typed(t, self.field(), t.pick(zh, en));
        match self.way {
            "trust" | "named" if !trusts => {
                Err(wrong("这里不能使用委托，请填写密钥。")("Agencies are not taken here: enter keys."))
            }
            "trust" => {
                let urn = Agency::trust(self.urn);
                urn.map(Entry::Agency).map(Some).map_err(wrong("委托的 URN 形如 iam::<账号 ID>:agency:<名称>。"))
            }
            "named" => {
                let account = Agency::named(self.account);
                account.map(Entry::Agency).map(Some).map_err(wrong("账号 ID 由 1 到 64 个字母、数字和“-”组成。"))
            }
            _ if self.secret_key.expose_secret().trim().is_empty()
                && self.session_token.expose_secret().trim().is_empty() =>
            {
                Ok(None)
            }
            _ => {
                let keys = Credentials::checked(self.access_key, self.secret_key, Some(self.session_token));
                keys.map(Entry::Keys).map(Some).map_err(wrong(KEYS_ZH))
            }
        }
    }

    /// The field that is about it.
    pub fn field(&self) -> &'static str {
        match self.way {
            "trust" => "agency_urn",
            "named" => "agency_account",
            _ => key_field(self.access_key),
        }
    }
}

const KEYS_ZH: &str = "请完整填写访问密钥（AK）和密钥（SK），不要包含空格。安全令牌只有临时密钥才有。";

fn key_field(access_key: &str) -> &'static str {
    if access_key.is_empty() { "access_key" } else { "secret_key" }
}

/// Keys are needed, and none were typed.
pub fn no_keys(t: Words, access_key: &str) -> Fault {
    let why = t.pick(KEYS_ZH, "Enter access key (AK) and secret key (SK), whole and without spaces.");
    Fault::typed(t, key_field(access_key), why)
}
