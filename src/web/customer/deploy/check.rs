//! Looks at what was typed in a step before the next one is shown.

use crate::{
    base::secret::ExposeSecret,
    provision::{offer::Unfit, provider::Entry},
    usecase::deployment::start::answered,
    web::{deployment, html::Words},
};

use super::{
    agency::{self, Sent},
    fault::Fault,
    lists,
    step::Step,
    typed::Typed,
    wizard::Desk,
    words,
};

/// Mbit/s that clouds sell.
const MBIT: std::ops::RangeInclusive<u16> = 1..=2000;
/// GiB of a disk that clouds sell.
const DISK: std::ops::RangeInclusive<u32> = 1..=32_768;

/// What is wrong, or what a page says instead.
pub type Checked<T = ()> = Result<T, Fault>;

impl Desk {
    /// Looks at what was typed in `step`; what is secret in it is sealed or dropped.
    pub async fn check(&self, step: Step, typed: &mut Typed) -> Checked {
        match step {
            Step::Where => self.check_place(typed),
            Step::Credentials => self.check_credentials(typed).await,
            Step::Server => self.check_server(typed).await,
            Step::System => self.check_system(typed).await,
            Step::Network => self.check_network(typed).await,
            Step::Access => self.check_access(typed).await,
            Step::Review => Ok(()),
        }
    }

    fn check_place(&self, typed: &mut Typed) -> Checked {
        let t = self.t;
        if typed.cloud().is_none_or(|cloud| !self.offered.contains(&cloud)) {
            return Err(Fault::typed(t, "cloud", t.pick("请选择部署位置。", "Choose where it should run.")));
        }
        if typed.place().is_none() {
            return Err(Fault::typed(t, "region", t.pick("请填写区域。", "Name the region.")));
        }
        Ok(())
    }

    async fn check_credentials(&self, typed: &mut Typed) -> Checked {
        let (secret, token) = (typed.take_secret("secret_key"), typed.take_secret("session_token"));
        let sent = Sent {
            way: typed.get("way"),
            access_key: typed.get("access_key"),
            secret_key: &secret,
            session_token: &token,
            urn: typed.get("agency_urn"),
            account: typed.get("agency_account"),
        };
        let place = self.place(typed)?;
        let trusts = self.app.clouds().vendor(place.cloud).is_some();
        let Some(entry) = sent.entry(self.t, trusts)? else {
            if matches!(self.credentials(typed), Ok(Entry::Keys(_))) {
                return Ok(());
            }
            return Err(agency::no_keys(self.t, typed.get("access_key")));
        };
        let field = sent.field();
        typed.set("keys", String::new());
        let who = self.ask_cloud(&place, &entry, |cloud| async move { cloud.identity().await });
        who.await.map_err(|error| Fault { step: None, field, ..Fault::cloud(self.t, &error) })?;
        let sealed = self.sealer().seal_entry(&place, &entry);
        typed.set("keys", sealed);
        Ok(())
    }

    async fn check_server(&self, typed: &mut Typed) -> Checked {
        let t = self.t;
        let (zone, id) = (typed.get("zone").to_owned(), typed.get("flavor").to_owned());
        if id.is_empty() {
            return Err(Fault::typed(t, "flavor", t.pick("请选择一个规格。", "Choose a server.")));
        }
        let name = id.clone();
        let flavor = self.ask(typed, |cloud, recipe| async move { lists::flavor(&cloud, &recipe, &zone, &id).await });
        let flavor = flavor.await?;
        match flavor.unfit {
            Some(why) => Err(unfit(t, "flavor", &name, why)),
            None => Ok(()),
        }
    }

    async fn check_system(&self, typed: &mut Typed) -> Checked {
        let t = self.t;
        let (zone, flavor) = (typed.get("zone").to_owned(), typed.get("flavor").to_owned());
        let images =
            self.ask(typed, |cloud, recipe| async move { lists::images(&cloud, &recipe, &zone, &flavor).await });
        let images = images.await?;
        let Some(image) = images.iter().find(|it| typed.is("image", &it.item.id)) else {
            return Err(Fault::typed(t, "image", t.pick("请选择一个系统。", "Choose a system.")));
        };
        if let Some(why) = image.unfit {
            return Err(unfit(t, "image", &image.item.name, why));
        }
        let least = self.recipe.minimum.disk_gib.max(image.item.minimum_disk_gib).max(*DISK.start());
        match typed.get("disk").parse::<u32>() {
            Ok(disk) if (least..=*DISK.end()).contains(&disk) => {}
            _ => {
                let zh = format!("磁盘至少需要 {least} GiB，最多 {} GiB。", DISK.end());
                let en = format!("The disk has {least} to {} GiB.", DISK.end());
                return Err(Fault::typed(t, "disk", self.say(zh, en)));
            }
        }
        let name = typed.get("name");
        let fits = |char: char| char.is_ascii_alphanumeric() || char == '-';
        let begins = name.starts_with(|char: char| char.is_ascii_alphabetic());
        if !begins || name.len() > 59 || !name.chars().all(fits) {
            let why = t.pick(
                "服务器名称由 1 到 59 个字母、数字和“-”组成，以字母开头。",
                "The name has 1 to 59 letters, digits and -, and begins with a letter.",
            );
            return Err(Fault::typed(t, "name", why));
        }
        Ok(())
    }

    async fn check_network(&self, typed: &mut Typed) -> Checked {
        let t = self.t;
        let zone = typed.get("zone").to_owned();
        let list = self.ask(typed, |cloud, recipe| async move { lists::networks(&cloud, &recipe, &zone).await });
        let list = list.await?;
        let Some(place) = list.subnets.iter().find(|it| typed.is("subnet", &it.item.subnet.id)) else {
            return Err(Fault::typed(t, "subnet", t.pick("请选择一个子网。", "Choose a subnet.")));
        };
        if let Some(why) = place.unfit {
            return Err(unfit(t, "subnet", &place.item.subnet.name, why));
        }
        let Some(group) = list.groups.iter().find(|it| typed.is("group", &it.item.id)) else {
            return Err(Fault::typed(t, "group", t.pick("请选择一个安全组。", "Choose a security group.")));
        };
        if let Some(why) = group.unfit {
            return Err(unfit(t, "group", &group.item.name, why));
        }
        if !group.networks.contains(&place.item.network.id) {
            let why = t.pick(
                "这个安全组不属于所选子网的网络，请选择另一个。",
                "That security group belongs to another network than the subnet: choose another.",
            );
            return Err(Fault::typed(t, "group", why));
        }
        if !typed.is("public", "no") && !typed.get("mbit").parse().is_ok_and(|it: u16| MBIT.contains(&it)) {
            let why = t.pick("带宽为 1 到 2000 Mbit/s。", "The public address has 1 to 2000 Mbit/s.");
            return Err(Fault::typed(t, "mbit", why));
        }
        Ok(())
    }

    async fn check_access(&self, typed: &mut Typed) -> Checked {
        let t = self.t;
        let (first, again) = (typed.take_secret("password"), typed.take_secret("password_again"));
        let answers = typed.answers(&self.recipe);
        answered(&self.recipe, &answers).map_err(|refusal| Fault { step: None, ..Fault::refused(t, &refusal) })?;
        if typed.is_own() {
            return Ok(());
        }
        match typed.get("login") {
            "password" if first.expose_secret().is_empty() && again.expose_secret().is_empty() => self
                .hash(typed)
                .map(|_| ())
                .map_err(|_| Fault::typed(t, "password", t.pick("请输入密码。", "Enter a password."))),
            "password" if first.expose_secret() != again.expose_secret() => {
                let why = t.pick("两次输入的密码不一致。", "The two passwords are not the same.");
                Err(Fault::typed(t, "password", why))
            }
            "password" => {
                let hash = deployment::hashed(&self.app, first).await;
                let hash = hash.map_err(|it| Fault::denied(t, it).unwrap_or_else(|_| Fault::stale(t)))?;
                let sealed = self.sealer().seal_hash(&hash);
                typed.set("hash", sealed);
                Ok(())
            }
            "key_pair" if typed.some("key_pair").is_none() => {
                Err(Fault::typed(t, "key_pair", t.pick("请选择一个密钥对。", "Choose a key pair.")))
            }
            "key_pair" | "none" => Ok(()),
            _ => Err(Fault::typed(t, "login", t.pick("请选择登录方式。", "Choose how to log in."))),
        }
    }
}

fn unfit(t: Words, field: &'static str, name: &str, why: Unfit) -> Fault {
    let advice = t.pick("请选择另一个。", "Choose another.");
    let colon = t.pick("：", ": ");
    Fault { advice, ..Fault::typed(t, field, format!("{name}{colon}{}", words::unfit(t, why))) }
}
