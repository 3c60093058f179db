//! What opens a customer's account: keys, or an agency (委托) that the merchant's own account may take on for a while.
//!
//! Agencies have two kinds. The newer one (v5) has an external id, which stops others from making this service use an
//! agency on their behalf (the confused deputy). The older one (v3) has none: there the agency's name takes that part. So
//! both come from a [`Bond`], which is derived for one license, and are never something that somebody typed.

use crate::base::time::Time;

use super::Credentials;

/// Characters of an agency's URN, and of an account's id.
const URN_CHARS: usize = 256;
const ACCOUNT_CHARS: usize = 64;

/// What opens a customer's account. Never stored in clear, never shown.
#[derive(Clone)]
pub enum Entry {
    /// Keys.
    Keys(Credentials),
    /// The customer's trust in the merchant's account.
    Agency(Agency),
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Keys(_) => "Keys(…)",
            Self::Agency(_) => "Agency(…)",
        })
    }
}

/// An agency, as far as a customer names it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Agency {
    /// Of the newer kind, by its URN `iam::<account>:agency:<name>`; it is taken on with the license's external id.
    Trust(String),
    /// Of the older kind, by the id of the account that it is in; its name is the license's.
    Named(String),
}

impl std::fmt::Debug for Agency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Agency(…)")
    }
}

impl Agency {
    /// An agency of the newer kind, cut of white space that was copied with its URN.
    ///
    /// # Errors
    /// What a URN looks like.
    pub fn trust(urn: &str) -> Result<Self, &'static str> {
        let urn = urn.trim();
        let parts: Vec<&str> = urn.split(':').collect();
        let named = |name: &str| !name.is_empty() && name.bytes().all(|it| it.is_ascii_graphic());
        match parts.as_slice() {
            ["iam", "", account, "agency", name] if is_account(account) && named(name) && urn.len() <= URN_CHARS => {
                Ok(Self::Trust(urn.to_owned()))
            }
            _ => Err("The agency's URN looks like iam::<account id>:agency:<name>."),
        }
    }

    /// An agency of the older kind in the account with this id, cut of white space.
    ///
    /// # Errors
    /// What an account's id looks like.
    pub fn named(account: &str) -> Result<Self, &'static str> {
        let account = account.trim();
        if is_account(account) {
            return Ok(Self::Named(account.to_owned()));
        }
        Err("An account's id has 1 to 64 letters, digits and hyphens.")
    }
}

fn is_account(text: &str) -> bool {
    (1..=ACCOUNT_CHARS).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
}

/// What ties agencies to one license: unguessable, always the same for it, another for each.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Bond {
    /// What stands in the trust of an agency of the newer kind.
    pub external_id: String,
    /// The name of an agency of the older kind.
    pub name: String,
}

impl std::fmt::Debug for Bond {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bond(…)")
    }
}

/// Temporary credentials, and when they end.
#[derive(Debug, Clone)]
pub struct Session {
    /// The credentials.
    pub credentials: Credentials,
    /// Their end.
    pub until: Time,
}

/// The merchant's own account at a cloud, which takes on agencies.
#[derive(Debug, Clone)]
pub struct Vendor {
    /// Its name: customers type it when they make an agency of the older kind.
    pub name: String,
    /// Its id: customers type it when they make one of the newer kind.
    pub id: String,
    /// The keys of a user in it who may take on agencies, and need not be able to do anything else.
    pub credentials: Credentials,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("iam::0123456789abcdef0123456789abcdef:agency:signet", true)]
    #[case::copied(" iam::account-1:agency:signet \n", true)]
    #[case::no_account("iam:::agency:signet", false)]
    #[case::no_name("iam::account-1:agency:", false)]
    #[case::a_user("iam::account-1:user:signet", false)]
    #[case::words("my agency", false)]
    #[case::inner_space("iam::account-1:agency:a b", false)]
    #[case::too_many_parts("iam::account-1:agency:a:b", false)]
    fn urns_name_an_agency_in_an_account(#[case] urn: &str, #[case] sound: bool) {
        assert_eq!(Agency::trust(urn).is_ok(), sound);
    }

    #[test]
    fn accounts_are_ids() {
        assert_eq!(Agency::named(" a1-2 "), Ok(Agency::Named("a1-2".to_owned())));
        for wrong in ["", "a b", "iam::a:agency:b", "名", &"a".repeat(65)] {
            assert!(Agency::named(wrong).is_err(), "{wrong}");
        }
        assert!(Agency::trust(&format!("iam::a:agency:{}", "n".repeat(256))).is_err());
    }

    #[test]
    fn nothing_of_it_is_printed() {
        let agency = Agency::trust("iam::canary:agency:canary").unwrap();
        let bond = Bond { external_id: "canary".to_owned(), name: "canary".to_owned() };
        let keys = Credentials { access_key: "canary".to_owned(), secret_key: "canary".into(), session_token: None };
        let vendor = Vendor { name: "shop".to_owned(), id: "1".to_owned(), credentials: keys.clone() };
        let printed =
            format!("{agency:?} {bond:?} {:?} {:?} {vendor:?}", Entry::Agency(agency.clone()), Entry::Keys(keys));
        assert!(!printed.contains("canary"), "{printed}");
    }
}
