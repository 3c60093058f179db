//! Answers: exact bytes, and the `Body-Sign` header over them.
//!
//! Always sent with HTTP 200 and `application/json`. The marketplace checks the length of every field, so each is
//! checked before it leaves; only `resultMsg` is cut, the rest is an error that the caller answers as `000005`.
//!
//! The JSON is pure ASCII: `memo` must carry Chinese as `\uXXXX`, and for the rest it means the same.

use data_encoding::BASE64;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use crate::base::{
    limits,
    secret::{ExposeSecret, SecretString},
    text::truncate,
    time::Time,
};

use super::{
    credentials::{ENCRYPTED_CHARS, EncryptType, Encrypted},
    mac::hmac_sha256,
};

pub use super::result_code::ResultCode;

/// Characters of `resultMsg`.
const MESSAGE_CHARS: usize = 255;
/// Characters of an id.
const ID_CHARS: usize = 64;
/// Characters of a URL.
const URL_CHARS: usize = 512;
/// Characters of a user name or password in the clear (SaaS 2.0).
const CREDENTIAL_CHARS: usize = 128;
/// Characters of a memo.
const MEMO_CHARS: usize = 1_024;
/// The most that `usageValue` can say, in ten-thousandths.
const USAGE_MAX: u64 = 999_999_999_999;

/// A field that the marketplace would not take. Answer `000005` and tell the merchant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// Longer than allowed.
    #[error("`{field}` of the answer has {chars} characters, the marketplace takes {max}")]
    TooLong {
        /// Its name on the wire.
        field: &'static str,
        /// Its length.
        chars: usize,
        /// The limit.
        max: usize,
    },
    /// Mandatory, but empty.
    #[error("`{0}` of the answer is empty")]
    Empty(&'static str),
    /// More instances than a query can ask for.
    #[error("an answer for {0} instances")]
    TooMany(usize),
}

/// An answer under construction; every step checks what it adds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    #[serde(serialize_with = "as_code")]
    result_code: ResultCode,
    result_msg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypt_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_info: Option<AppInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<Vec<InfoRow>>,
}

/// Where and how the buyer uses an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppInfo {
    /// Page for the buyer, up to 512 characters; mandatory.
    pub front_end_url: String,
    /// Page for the administrator, up to 512 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_url: Option<String>,
    /// In SaaS 2.0 in the clear, up to 128 characters; [`Reply::saas1`] sets the encrypted one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// As the user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// A remark, up to 1,024 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memo: Option<String>,
}

/// One instance in the answer to `queryInstance`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceInfo {
    /// Which.
    pub instance_id: String,
    /// How it is used.
    pub app_info: AppInfo,
    /// What was used of it (on-demand goods and packages); may be empty.
    pub usage: Vec<Usage>,
}

/// A counter of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The package's item, for packages.
    pub related_instance_id: Option<String>,
    /// Used so far, cumulative, in ten-thousandths.
    pub ten_thousandths: u64,
    /// When it was counted.
    pub counted_at: Time,
    /// A page that shows more, up to 512 characters.
    pub dashboard_url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct InfoRow {
    instance_id: String,
    app_info: AppInfo,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    usage_info: Vec<UsageRow>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UsageRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    related_instance_id: Option<String>,
    usage_value: f64,
    statistical_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dashboard_url: Option<String>,
}

impl Reply {
    /// An answer of code and message. An empty message becomes the code's own text, a long one is cut to 255
    /// characters.
    pub fn new(code: ResultCode, message: &str) -> Self {
        let message = if message.is_empty() { code.default_text() } else { message };
        Self {
            result_code: code,
            result_msg: truncate(message, MESSAGE_CHARS),
            encrypt_type: None,
            instance_id: None,
            license: None,
            app_info: None,
            info: None,
        }
    }

    /// Its code.
    pub fn code(&self) -> ResultCode {
        self.result_code
    }

    /// Its message, as it will be sent.
    pub fn message(&self) -> &str {
        &self.result_msg
    }

    /// The instance id it names.
    pub fn instance_id(&self) -> Option<&str> {
        self.instance_id.as_deref()
    }

    /// An answer of a code and its own text.
    pub fn of(code: ResultCode) -> Self {
        Self::new(code, "")
    }

    /// Adds the instance id.
    ///
    /// # Errors
    /// [`ReplyError`] when it is empty or longer than 64 characters.
    pub fn instance(mut self, instance_id: &str) -> Result<Self, ReplyError> {
        self.instance_id = Some(filled("instanceId", instance_id, ID_CHARS)?);
        Ok(self)
    }

    /// Adds instance id and license code (License 1.0).
    ///
    /// # Errors
    /// [`ReplyError`] when either is empty or too long.
    pub fn license(self, instance_id: &str, license: &str) -> Result<Self, ReplyError> {
        let mut reply = self.instance(instance_id)?;
        reply.license = Some(filled("license", license, limits::LICENSE_CODE_CHARS)?);
        Ok(reply)
    }

    /// Adds what SaaS 1.0 answers to `newInstance`. `app_info` carries the addresses and the memo; user name and
    /// password are taken only encrypted, whatever `app_info` says.
    ///
    /// # Errors
    /// [`ReplyError`] when a field is empty or too long.
    pub fn saas1(
        self,
        instance_id: &str,
        encrypt_type: EncryptType,
        app_info: AppInfo,
        user_name: Option<&Encrypted>,
        password: Option<&Encrypted>,
    ) -> Result<Self, ReplyError> {
        let text = |field, value: Option<&Encrypted>| {
            value.map(|value| filled(field, value.as_str(), ENCRYPTED_CHARS)).transpose()
        };
        let app_info =
            AppInfo { user_name: text("userName", user_name)?, password: text("password", password)?, ..app_info };
        let mut reply = self.instance(instance_id)?;
        reply.encrypt_type = Some(encrypt_type.as_str());
        reply.app_info = Some(checked(app_info, ENCRYPTED_CHARS)?);
        Ok(reply)
    }

    /// Adds the rows of `queryInstance`.
    ///
    /// # Errors
    /// [`ReplyError`] when a field is empty, too long or too large.
    pub fn info(mut self, instances: Vec<InstanceInfo>) -> Result<Self, ReplyError> {
        if instances.len() > limits::QUERY_INSTANCES {
            return Err(ReplyError::TooMany(instances.len()));
        }
        self.info = Some(instances.into_iter().map(info_row).collect::<Result<_, _>>()?);
        Ok(self)
    }

    /// Says how the credentials of the rows are encrypted (SaaS 1.0).
    pub fn encrypted(mut self, encrypt_type: EncryptType) -> Self {
        self.encrypt_type = Some(encrypt_type.as_str());
        self
    }

    /// The bytes to send and to sign. Nothing may change them afterwards.
    pub fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Ascii);
        if self.serialize(&mut serializer).is_err() {
            // Unreachable with these types; an answer must go out even so.
            return br#"{"resultCode":"000005","resultMsg":"Internal error."}"#.to_vec();
        }
        bytes
    }
}

fn as_code<S: serde::Serializer>(code: &ResultCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.as_str())
}

/// The value of the `Body-Sign` header for exactly these bytes.
pub fn body_sign(key: &SecretString, bytes: &[u8]) -> String {
    let signature = BASE64.encode(&hmac_sha256(key.expose_secret().as_bytes(), &[bytes]));
    format!(r#"sign_type="HMAC-SHA256", signature="{signature}""#)
}

fn info_row(instance: InstanceInfo) -> Result<InfoRow, ReplyError> {
    Ok(InfoRow {
        instance_id: filled("instanceId", &instance.instance_id, ID_CHARS)?,
        app_info: checked(instance.app_info, CREDENTIAL_CHARS)?,
        usage_info: instance.usage.into_iter().map(usage_row).collect::<Result<_, _>>()?,
    })
}

/// A counter as answers and pushes carry it.
///
/// # Errors
/// [`ReplyError`] for texts that are too long.
pub(super) fn usage_row(usage: Usage) -> Result<UsageRow, ReplyError> {
    fits("relatedInstanceId", usage.related_instance_id.as_deref(), ID_CHARS)?;
    fits("dashboardUrl", usage.dashboard_url.as_deref(), URL_CHARS)?;
    let millis = usage.counted_at.as_micros().rem_euclid(1_000_000) / 1_000;
    Ok(UsageRow {
        related_instance_id: usage.related_instance_id,
        usage_value: double(usage.ten_thousandths),
        statistical_time: format!("{}{millis:03}", usage.counted_at.to_compact()),
        dashboard_url: usage.dashboard_url,
    })
}

/// `Double(12,4)`: twelve digits, four of them behind the point. A double keeps 15 digits, so none is lost. What has more
/// digits is shown as the most there is: without an answer the buyer would see nothing at all.
#[expect(clippy::cast_precision_loss, reason = "at most 12 digits, a double holds 15")]
fn double(ten_thousandths: u64) -> f64 {
    ten_thousandths.min(USAGE_MAX) as f64 / 10_000.0
}

fn checked(app_info: AppInfo, credential_chars: usize) -> Result<AppInfo, ReplyError> {
    filled("frontEndUrl", &app_info.front_end_url, URL_CHARS)?;
    fits("adminUrl", app_info.admin_url.as_deref(), URL_CHARS)?;
    fits("userName", app_info.user_name.as_deref(), credential_chars)?;
    fits("password", app_info.password.as_deref(), credential_chars)?;
    fits("memo", app_info.memo.as_deref(), MEMO_CHARS)?;
    Ok(app_info)
}

fn filled(field: &'static str, text: &str, max: usize) -> Result<String, ReplyError> {
    if text.is_empty() {
        return Err(ReplyError::Empty(field));
    }
    fits(field, Some(text), max)?;
    Ok(text.to_owned())
}

fn fits(field: &'static str, text: Option<&str>, max: usize) -> Result<(), ReplyError> {
    let chars = text.map_or(0, |text| text.chars().count());
    if chars > max { Err(ReplyError::TooLong { field, chars, max }) } else { Ok(()) }
}

/// Compact JSON whose strings are ASCII: everything else as `\uXXXX`, in surrogate pairs beyond the first plane.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, text: &str) -> std::io::Result<()> {
        for char in text.chars() {
            if char.is_ascii() {
                CompactFormatter.write_string_fragment(writer, char.encode_utf8(&mut [0; 4]))?;
            } else {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
