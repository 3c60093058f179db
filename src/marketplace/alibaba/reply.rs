//! What the marketplace is answered: JSON.

use serde::Serialize;

/// The instance id that means: not made, ask again.
const NO_INSTANCE: &str = "0";

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The instance is there; a repeat gets the same.
    Created {
        /// The id the marketplace will use from now on.
        instance_id: String,
        /// How its buyer uses it.
        app_info: Box<AppInfo>,
    },
    /// There is no instance yet: the marketplace asks again. Says why.
    NotCreated(String),
    /// Done, or already so.
    Done,
    /// Not done. Says why.
    Failed(String),
}

/// How a buyer uses an instance: `appInfo`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppInfo {
    /// The page of the license.
    pub front_end_url: String,
    /// The application's own console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_url: Option<String>,
    /// Its user.
    #[serde(rename = "username", skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// The first password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_info: Option<&'a AppInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

impl Reply {
    /// The name by which the log knows it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Created { .. } | Self::Done => "success",
            Self::NotCreated(_) => "not-created",
            Self::Failed(_) => "failed",
        }
    }

    /// Why it is no success; empty where it is.
    pub fn message(&self) -> &str {
        match self {
            Self::Created { .. } | Self::Done => "",
            Self::NotCreated(why) | Self::Failed(why) => why,
        }
    }

    /// The body.
    pub fn into_bytes(self) -> Vec<u8> {
        let none = Body { instance_id: None, app_info: None, success: None, message: None };
        let body = match &self {
            Self::Created { instance_id, app_info } => {
                Body { instance_id: Some(instance_id), app_info: Some(app_info), ..none }
            }
            Self::NotCreated(why) => Body { instance_id: Some(NO_INSTANCE), message: Some(why), ..none },
            Self::Done => Body { success: Some("true"), ..none },
            Self::Failed(why) => Body { success: Some("false"), message: Some(why), ..none },
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}
