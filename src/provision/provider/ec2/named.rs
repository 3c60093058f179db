//! Clouds that the operator names beside AWS and OUTSCALE: which address, and what each can do, is data in a file.

use std::{borrow::Cow, collections::BTreeSet};

use serde::Deserialize;

use super::endpoint::{Abilities, Custom, CustomClouds, Endpoint, known_places};

/// Clouds that a file may name.
const MOST: usize = 100;
/// Characters of an id.
const ID_CHARS: usize = 64;

/// A cloud with the id under which customers choose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its id: what stands in the place of a region.
    pub id: String,
    /// Where it is, and what it can do.
    pub endpoint: Endpoint,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    cloud: Vec<One>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    id: String,
    endpoint: String,
    region: String,
    #[serde(default)]
    sts: Option<String>,
    #[serde(default)]
    abilities: Vec<Ability>,
    #[serde(default)]
    disk_type: Option<String>,
    #[serde(default)]
    image_owners: Vec<String>,
}

/// The fields of [`Abilities`] that are yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ability {
    MetadataOptions,
    ClientToken,
    Idempotent,
    TagsAtLaunch,
    DryRun,
    Offerings,
}

impl Named {
    /// Reads the file: a table `[[cloud]]` for each.
    ///
    /// # Errors
    /// Says which cloud is wrong, and why.
    pub fn parse(text: &str) -> Result<Vec<Self>, String> {
        let written: Written = toml::from_str(text).map_err(|error| error.to_string())?;
        if written.cloud.len() > MOST {
            return Err(format!("it names {} clouds; {MOST} are allowed", written.cloud.len()));
        }
        let mut taken: BTreeSet<String> = known_places().collect();
        written.cloud.into_iter().map(|one| one.named(&mut taken)).collect()
    }
}

impl One {
    fn named(self, taken: &mut BTreeSet<String>) -> Result<Named, String> {
        let Self { id, .. } = &self;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if id.is_empty() || id.len() > ID_CHARS || !id.bytes().all(plain) {
            return Err(format!("`{id}` is no id: it has 1 to {ID_CHARS} letters, digits and `-`"));
        }
        if !taken.insert(id.clone()) {
            return Err(format!("`{id}` is taken: another cloud or a region of AWS or OUTSCALE is called so"));
        }
        let can = |ability| self.abilities.contains(&ability);
        if can(Ability::Idempotent) && !can(Ability::ClientToken) {
            return Err(format!("`{id}` is `idempotent` without `client_token`, which is what makes it so"));
        }
        let abilities = Abilities {
            metadata_options: can(Ability::MetadataOptions),
            client_token: can(Ability::ClientToken),
            idempotent: can(Ability::Idempotent),
            tags_at_launch: can(Ability::TagsAtLaunch),
            dry_run: can(Ability::DryRun),
            offerings: can(Ability::Offerings),
            disk_type: self.disk_type.clone().map(Cow::Owned),
        };
        let custom = Custom {
            compute: self.endpoint.clone(),
            sts: self.sts.clone(),
            region: self.region.clone(),
            abilities,
            image_owners: self.image_owners.clone(),
            session_tokens: true,
            prices: None,
            quotas: None,
        };
        let endpoint = Endpoint::custom(&custom, CustomClouds::Http)
            .map_err(|error| format!("`{id}`: {}", error.message))?
            .vouched_for();
        Ok(Named { id: self.id, endpoint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"
        [[cloud]]
        id = "in-house"
        endpoint = "https://cloud.example.com:8773/services/compute/"
        region = "eucalyptus"
        sts = "https://cloud.example.com:8773/services/Tokens/"
        abilities = ["client_token", "dry_run"]
        disk_type = "fast"
        image_owners = ["123456789012"]
    "#;

    #[test]
    fn ec2_a_named_cloud_is_what_the_file_says() {
        let clouds = Named::parse(SOUND).unwrap();
        let Named { id, endpoint } = &clouds[0];
        let abilities =
            Abilities { client_token: true, dry_run: true, disk_type: Some("fast".into()), ..Abilities::CORE };
        assert_eq!((id.as_str(), &endpoint.abilities), ("in-house", &abilities));
        assert!(endpoint.session_tokens && !endpoint.unlisted, "the operator vouches for it");
        let owners: Vec<&str> = endpoint.images.iter().map(|it| it.owner.as_str()).collect();
        assert_eq!(owners, ["self", "123456789012"]);
        assert_eq!(Named::parse("").unwrap(), []);
    }

    #[test]
    fn ec2_a_named_cloud_that_will_not_do_is_told_with_its_id() {
        for (from, to, told) in [
            ("in-house", "in house", "`in house` is no id"),
            ("in-house", "us-east-1", "`us-east-1` is taken"),
            ("\"client_token\", ", "\"idempotent\", ", "without `client_token`"),
            ("\"client_token\", ", "\"teleports\", ", "teleports"),
            ("https://cloud.example.com:8773/services/compute/", "cloud", "`in-house`: The endpoint is no URL"),
            ("eucalyptus", "a b", "`in-house`: The region may have"),
            ("disk_type", "disc_type", "disc_type"),
        ] {
            let refused = Named::parse(&SOUND.replace(from, to)).unwrap_err();
            assert!(refused.contains(told), "{refused}");
        }
        let twice = format!("{SOUND}{SOUND}");
        assert!(Named::parse(&twice).unwrap_err().contains("is taken"));
        let many: String = (0..=MOST).map(|at| SOUND.replace("in-house", &format!("c{at}"))).collect();
        assert!(Named::parse(&many).unwrap_err().contains("100 are allowed"));
    }
}
