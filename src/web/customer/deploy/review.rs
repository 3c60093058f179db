//! The last step: everything once more, with its price.

use crate::{
    base::{ids::DeploymentId, text::Language},
    provision::{
        offer,
        plan::{Cloud, ServerChoice},
        recipe::Recipe,
    },
    usecase::deployment::start::{self, Refusal},
    web::html::Words,
};

use super::{body::Body, check::Checked, clouds, fault::Fault, typed::Typed, wizard::Desk, words};

impl Desk {
    /// Looks everything up once more, with its price.
    pub async fn review(&self, typed: &Typed) -> Checked<Body> {
        let Some(version) = &self.version else {
            return Err(Fault::refused(self.t, &Refusal::NoPackage));
        };
        let server = match typed.is_own() {
            true => None,
            false => {
                let password = typed.is("login", "password");
                if password {
                    self.hash(typed)?;
                }
                let chosen = typed.chosen();
                let ask = |cloud, recipe| async move { offer::look_up(&cloud, &recipe, &chosen, password).await };
                Some(self.ask(typed, ask).await?)
            }
        };
        start::fits(&self.recipe, server.as_ref()).map_err(|refusal| Fault::refused(self.t, &refusal))?;
        let id = DeploymentId::new(self.app.now(), self.app.entropy()).to_string();
        let software = format!("{} {version}", self.product);
        let review = Review::of(self.t, id, software, typed, &self.recipe, server.as_ref());
        Ok(Body::Review(Box::new(review)))
    }
}

/// What the last step shows.
pub struct Review {
    /// The deployment's id, so that pressing twice is once.
    pub id: String,
    /// Product and version.
    pub software: String,
    /// What was chosen: label and value.
    pub rows: Vec<(&'static str, String)>,
    /// What will be made, and paid for.
    pub made: Vec<String>,
    /// For an hour and for a month.
    pub price: Option<(String, String)>,
    /// Whether a server is made at all.
    pub makes: bool,
}

impl Review {
    /// Of what was chosen.
    pub fn of(
        t: Words,
        id: String,
        software: String,
        typed: &Typed,
        recipe: &Recipe,
        server: Option<&ServerChoice>,
    ) -> Self {
        let mut rows = Vec::new();
        if let Some(cloud) = typed.cloud() {
            let region = typed.region();
            let place = if region.is_empty() { String::new() } else { format!(" · {region}") };
            rows.push((t.pick("位置", "Place"), format!("{}{place}", clouds::name(t, cloud))));
        }
        if let Some(server) = server {
            rows.extend(chosen(t, server));
        }
        for it in &recipe.parameters {
            let label: &'static str = t.pick("软件设置", "Setting");
            rows.push((label, format!("{}: {}", it.label.get(t.0), typed.answer(recipe, &it.name))));
        }
        let price = server.and_then(|it| it.price.as_ref());
        Self {
            id,
            software,
            rows,
            made: server.map(|it| made(t, typed.cloud(), it)).unwrap_or_default(),
            price: price
                .map(|it| (format!("{} {}", it.per_hour, it.currency), format!("{} {}", it.per_month, it.currency))),
            makes: server.is_some(),
        }
    }
}

fn chosen(t: Words, server: &ServerChoice) -> Vec<(&'static str, String)> {
    let login = match (&server.key_pair, server.password) {
        (Some(pair), _) => format!("{} {pair}", t.pick("密钥对", "Key pair")),
        (None, true) => t.pick("root 密码", "A password for root").to_owned(),
        (None, false) => t.pick("不登录", "Nobody logs in").to_owned(),
    };
    let flavor = &server.flavor;
    vec![
        (
            t.pick("服务器", "Server"),
            format!("{} · {} vCPU · {} · {}", flavor.id, flavor.vcpus, words::memory(flavor.memory_mib), server.zone),
        ),
        (t.pick("系统", "System"), server.image.name.clone()),
        (t.pick("网络", "Network"), format!("{} / {}", server.network.name, server.subnet.name)),
        (t.pick("安全组", "Security group"), server.security_group.name.clone()),
        (t.pick("登录", "Login"), login),
    ]
}

fn made(t: Words, cloud: Option<Cloud>, server: &ServerChoice) -> Vec<String> {
    let (name, flavor, disk) = (&server.name, &server.flavor.id, server.disk_gib);
    let mut made = match t.0 {
        Language::Zh => vec![format!("服务器 {name}（{flavor}）"), format!("系统盘 {disk} GiB")],
        Language::En => vec![format!("Server {name} ({flavor})"), format!("System disk, {disk} GiB")],
    };
    if let Some(mbit) = server.public_address_mbit {
        made.push(match t.0 {
            // Only Huawei Cloud's addresses have a speed.
            _ if cloud == Some(Cloud::Ec2) => t.pick("公网 IP", "Public address").to_owned(),
            Language::Zh => format!("公网 IP，{mbit} Mbit/s"),
            Language::En => format!("Public address, {mbit} Mbit/s"),
        });
    }
    made
}
