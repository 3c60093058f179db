//! What must never stand on a command line: the cloud's credentials and the server's password.

use std::{
    collections::BTreeMap,
    env,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Cloud;

/// Bytes of a file with credentials: a token has up to 8,192.
const BYTES: u64 = 32 * 1024;
/// Names of access key, secret key and token, as Huawei Cloud's own tools read them.
const HUAWEI: [&str; 3] = ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"];
/// The same, as AWS's tools read them.
const AWS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
/// Opens the simulated cloud when nothing else was given.
const SIMULATED: &str = "simulated";

/// Where the cloud's credentials come from.
#[derive(Debug, Args)]
pub struct CredentialsFrom {
    /// File with lines NAME=VALUE, with the names of the environment: HUAWEICLOUD_SDK_AK, …_SK and …_SECURITY_TOKEN, or
    /// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; without it the environment is read
    #[arg(long, value_name = "FILE")]
    credentials_file: Option<PathBuf>,
    /// URN of a trust agency at Huawei Cloud, in the place of keys; made as `signet deploy agency` says
    #[arg(long, value_name = "URN", conflicts_with_all = ["credentials_file", "agency_account"])]
    agency: Option<String>,
    /// Id of the account with an agency of the older kind, in the place of keys; made as `signet deploy agency` says
    #[arg(long, value_name = "ID", conflicts_with = "credentials_file")]
    agency_account: Option<String>,
}

/// Where the server's password comes from.
#[derive(Debug, Args)]
pub struct PasswordFrom {
    /// File with the password of the server's root; without it SIGNET_DEPLOY_PASSWORD
    #[arg(long, value_name = "FILE", conflicts_with = "password_stdin")]
    password_file: Option<PathBuf>,
    /// Read the password of the server's root from standard input
    #[arg(long)]
    pub password_stdin: bool,
}

impl CredentialsFrom {
    /// The credentials for `cloud`.
    ///
    /// # Errors
    /// Which part is missing, and never what the others are.
    pub fn read(&self, cloud: Cloud) -> anyhow::Result<Value> {
        let names = if cloud == Cloud::Ec2 { AWS } else { HUAWEI };
        if self.by_agency().is_some() && cloud != Cloud::Huawei {
            bail!("agencies are Huawei Cloud's: give keys for `{}`", cloud.as_str());
        }
        match self.lookup(names)? {
            Some(found) => Ok(found),
            None if cloud == Cloud::Simulated => Ok(json!({ "access_key": SIMULATED, "secret_key": SIMULATED })),
            None => bail!("no credentials: set {} and {}, or give --credentials-file", names[0], names[1]),
        }
    }

    /// The credentials for whatever cloud a deployment is at, if there are some.
    ///
    /// # Errors
    /// Half of them.
    pub fn any(&self, cloud: &str) -> anyhow::Result<Option<Value>> {
        self.lookup(if cloud == "ec2" { AWS } else { HUAWEI })
    }

    fn by_agency(&self) -> Option<Value> {
        match (&self.agency, &self.agency_account) {
            (Some(urn), _) => Some(json!({ "agency": { "urn": urn } })),
            (None, Some(account)) => Some(json!({ "agency": { "account": account } })),
            (None, None) => None,
        }
    }

    /// An agency that was named comes before keys that happen to be in the environment.
    fn lookup(&self, names: [&str; 3]) -> anyhow::Result<Option<Value>> {
        if let Some(agency) = self.by_agency() {
            return Ok(Some(agency));
        }
        let file = self.credentials_file.as_deref().map(assignments).transpose()?;
        let value = |name: &str| {
            let text = match &file {
                Some(lines) => lines.get(name).cloned(),
                None => env::var(name).ok().map(Zeroizing::new),
            };
            text.filter(|text| !text.trim().is_empty())
        };
        let [access, secret, token] = names.map(value);
        match (access, secret) {
            (Some(access), Some(secret)) => Ok(Some(json!({
                "access_key": access.trim(), "secret_key": secret.trim(), "session_token": token.as_deref().map(|it| it.trim()),
            }))),
            (None, None) if file.is_none() => Ok(None),
            _ => bail!("credentials are not complete: {} and {} are both needed", names[0], names[1]),
        }
    }
}

impl PasswordFrom {
    /// The password, if there is one.
    ///
    /// # Errors
    /// A file or standard input that cannot be read.
    pub fn read(&self) -> anyhow::Result<Option<Zeroizing<String>>> {
        let text = if let Some(file) = &self.password_file {
            limited(File::open(file)).with_context(|| format!("the password in {} cannot be read", file.display()))?
        } else if self.password_stdin {
            limited(Ok(io::stdin())).context("the password cannot be read from standard input")?
        } else {
            return Ok(env::var("SIGNET_DEPLOY_PASSWORD").ok().filter(|text| !text.is_empty()).map(Zeroizing::new));
        };
        // The line's end is not part of it; anything else is.
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            bail!("the password is empty");
        }
        Ok(Some(Zeroizing::new(text.to_owned())))
    }
}

fn assignments(file: &Path) -> anyhow::Result<BTreeMap<String, Zeroizing<String>>> {
    let text =
        limited(File::open(file)).with_context(|| format!("the credentials in {} cannot be read", file.display()))?;
    let mut found = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.strip_prefix("export ").unwrap_or(line).split_once('=') else {
            bail!("{}, line {number}: NAME=VALUE is needed", file.display());
        };
        let value = value.trim().trim_matches(['"', '\'']);
        found.insert(name.trim().to_owned(), Zeroizing::new(value.to_owned()));
    }
    Ok(found)
}

fn limited(source: io::Result<impl Read>) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    source?.take(BYTES).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> (tempfile::TempDir, CredentialsFrom) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        std::fs::write(&file, text).unwrap();
        (folder, CredentialsFrom { credentials_file: Some(file), agency: None, agency_account: None })
    }

    #[test]
    fn an_agency_stands_in_the_place_of_keys_at_one_cloud_only() {
        let by = |agency: Option<&str>, account: Option<&str>| CredentialsFrom {
            credentials_file: None,
            agency: agency.map(str::to_owned),
            agency_account: account.map(str::to_owned),
        };
        let (trust, named) = (by(Some("iam::a:agency:b"), None), by(None, Some("a")));
        assert_eq!(trust.read(Cloud::Huawei).unwrap(), json!({ "agency": { "urn": "iam::a:agency:b" } }));
        assert_eq!(named.any("huawei").unwrap(), Some(json!({ "agency": { "account": "a" } })));
        assert!(trust.read(Cloud::Ec2).is_err() && named.read(Cloud::Simulated).is_err());
    }

    #[test]
    fn a_file_has_the_names_of_the_environment() {
        let (_folder, file) = from("# mine\nexport AWS_ACCESS_KEY_ID=ak\nAWS_SECRET_ACCESS_KEY=\"s=k\"\n\n");
        let read = file.read(Cloud::Ec2).unwrap();
        assert_eq!(read, json!({ "access_key": "ak", "secret_key": "s=k", "session_token": null }));
        assert!(file.read(Cloud::Huawei).is_err(), "another cloud's names");
    }

    #[test]
    fn half_of_them_and_no_assignments_are_refused_without_a_word_of_them() {
        for text in ["HUAWEICLOUD_SDK_AK=canary\n", "HUAWEICLOUD_SDK_SK=canary\n", "canary\n", ""] {
            let (_folder, file) = from(text);
            let refused = format!("{:#}", file.read(Cloud::Huawei).unwrap_err());
            assert!(!refused.contains("canary"), "{refused}");
        }
    }

    #[test]
    fn a_password_loses_its_line_end_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, " a b \r\n").unwrap();
        let read = |file| PasswordFrom { password_file: Some(file), password_stdin: false }.read();
        assert_eq!(read(file.clone()).unwrap().unwrap().as_str(), " a b ");
        std::fs::write(&file, "\n").unwrap();
        assert!(read(file).is_err());
    }
}
