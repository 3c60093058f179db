//! What each step shows.

use crate::{
    base::text::Language,
    provision::{
        plan::Cloud,
        provider::{KeyPair, clouds::Clouds},
        recipe::{Parameter, Recipe},
    },
    web::html::Words,
};

use super::{
    agency::Agencies,
    clouds,
    lists::{Group, Networks, Servers},
    review::Review,
    typed::Typed,
    words,
};

/// A step's own part.
pub enum Body {
    /// Cloud and region.
    Where(Vec<CloudChoice>),
    /// What opens the account.
    Credentials(Access),
    /// Zone and size.
    Server {
        /// The zones, and whether each is the one that is shown.
        zones: Vec<(String, bool)>,
        /// The sizes.
        flavors: Vec<Choice>,
    },
    /// Image, disk, name.
    System {
        /// The images.
        images: Vec<Choice>,
        /// The smallest disk.
        least: u32,
    },
    /// Subnet, group, address.
    Network {
        /// The subnets.
        subnets: Vec<Choice>,
        /// The security groups.
        groups: Vec<Choice>,
        /// The software's ports.
        ports: String,
    },
    /// Password or key pair, parameters.
    Access {
        /// The key pairs; empty: there are none.
        keys: Vec<Choice>,
        /// Whether a password was typed before.
        kept: bool,
        /// Whether it is a new server, with somebody who logs in.
        logs_in: bool,
        /// The software's questions.
        questions: Vec<Question>,
    },
    /// Everything once more.
    Review(Box<Review>),
    /// The cloud could not be asked.
    Nothing,
}

/// A cloud to choose.
pub struct CloudChoice {
    /// Its name in the form.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Whether it is the chosen one.
    pub checked: bool,
    /// Whether nothing there is real.
    pub simulated: bool,
    /// The field of its region; empty: it has none.
    pub field: &'static str,
    /// Its regions: id, name, whether it is the chosen one.
    pub regions: Vec<(String, String, bool)>,
    /// Whether another endpoint may be named.
    pub endpoint: bool,
}

/// What the step of the credentials shows.
pub struct Access {
    /// How to get keys.
    pub how: &'static str,
    /// The rights they need.
    pub policy: Option<String>,
    /// Whether some were entered before and still open.
    pub kept: bool,
    /// How to do without keys; `None`: that cannot be chosen.
    pub trust: Option<Agencies>,
}

/// Something to choose.
pub struct Choice {
    /// Its id.
    pub id: String,
    /// What it is.
    pub title: String,
    /// More about it.
    pub detail: String,
    /// A hint that does not keep anybody from choosing it.
    pub warning: String,
    /// Why it cannot be chosen.
    pub why: Option<&'static str>,
    /// Whether it is the chosen one.
    pub checked: bool,
}

/// A question of the software.
pub struct Question {
    /// The field.
    pub field: String,
    /// What is asked.
    pub label: String,
    /// The answer so far.
    pub value: String,
    /// What can be chosen, and whether it is; empty: free text.
    pub choices: Vec<(String, bool)>,
    /// Whether there must be an answer.
    pub required: bool,
}

/// Checks the first that can be chosen, unless one is.
fn with_default(mut choices: Vec<Choice>) -> Vec<Choice> {
    if !choices.iter().any(|it| it.checked)
        && let Some(first) = choices.iter_mut().find(|it| it.why.is_none())
    {
        first.checked = true;
    }
    choices
}

/// The clouds.
pub fn places(t: Words, known: &Clouds, offered: &[Cloud], typed: &Typed) -> Body {
    let chosen = typed.cloud().or_else(|| offered.first().copied());
    let of = |cloud: Cloud| {
        let field = clouds::region_field(cloud).unwrap_or_default();
        let region = |id: String| (id.clone(), clouds::region(t, cloud, &id), typed.is(field, &id));
        CloudChoice {
            id: cloud.as_str(),
            name: clouds::name(t, cloud),
            about: clouds::about(t, cloud),
            checked: chosen == Some(cloud),
            simulated: cloud == Cloud::Simulated,
            field,
            regions: known.regions(cloud).into_iter().map(region).collect(),
            endpoint: cloud == Cloud::Ec2 && known.takes_endpoints(),
        }
    };
    Body::Where(offered.iter().copied().map(of).collect())
}

/// Zones and flavors.
pub fn servers(t: Words, list: Servers, typed: &Typed) -> Body {
    let flavors = list.flavors.into_iter().map(|it| Choice {
        title: it.item.id.clone(),
        detail: match t.0 {
            Language::Zh => format!(
                "{} 个 vCPU · {} 内存 · {}",
                it.item.vcpus,
                words::memory(it.item.memory_mib),
                it.item.architecture.as_str()
            ),
            Language::En => format!(
                "{} vCPU · {} memory · {}",
                it.item.vcpus,
                words::memory(it.item.memory_mib),
                it.item.architecture.as_str()
            ),
        },
        warning: String::new(),
        why: it.unfit.map(|why| words::unfit(t, why)),
        checked: it.unfit.is_none() && typed.is("flavor", &it.item.id),
        id: it.item.id,
    });
    let flavors = with_default(flavors.collect());
    let zones = list.zones.into_iter().map(|it| (it.id.clone(), it.id == list.zone)).collect();
    Body::Server { zones, flavors }
}

/// Images.
pub fn images(
    t: Words,
    list: Vec<crate::provision::offer::Offered<crate::provision::provider::Image>>,
    recipe: &Recipe,
    typed: &Typed,
) -> Body {
    let images = list.into_iter().map(|it| Choice {
        title: it.item.name,
        detail: it.item.system,
        warning: String::new(),
        why: it.unfit.map(|why| words::unfit(t, why)),
        checked: it.unfit.is_none() && typed.is("image", &it.item.id),
        id: it.item.id,
    });
    Body::System { images: with_default(images.collect()), least: recipe.minimum.disk_gib }
}

/// Subnets and groups.
pub fn networks(t: Words, list: &Networks, recipe: &Recipe, typed: &Typed) -> Body {
    let subnets = list.subnets.iter().map(|it| Choice {
        id: it.item.subnet.id.clone(),
        title: it.item.subnet.name.clone(),
        detail: format!("{} · {}{}", it.item.network.name, it.item.subnet.cidr, free(t, it.item.subnet.free_addresses)),
        warning: String::new(),
        why: it.unfit.map(|why| words::unfit(t, why)),
        checked: it.unfit.is_none() && typed.is("subnet", &it.item.subnet.id),
    });
    let subnets = with_default(subnets.collect());
    let name = |id: &String| {
        let place = list.subnets.iter().find(|it| it.item.network.id == *id);
        place.map_or_else(|| id.clone(), |it| it.item.network.name.clone())
    };
    let several = list.groups.iter().any(|it| it.networks != list.groups[0].networks);
    let groups = list.groups.iter().map(|it| Choice {
        id: it.item.id.clone(),
        title: it.item.name.clone(),
        detail: if several { it.networks.iter().map(name).collect::<Vec<_>>().join(", ") } else { String::new() },
        // Of one that cannot be chosen nobody needs to know more.
        warning: if it.unfit.is_none() { closed(t, it) } else { String::new() },
        why: it.unfit.map(|why| words::unfit(t, why)),
        checked: it.unfit.is_none() && typed.is("group", &it.item.id),
    });
    let groups = with_default(groups.collect());
    let ports: Vec<_> = recipe.ports.iter().map(u16::to_string).collect();
    Body::Network { subnets, groups, ports: ports.join(", ") }
}

fn free(t: Words, addresses: Option<u64>) -> String {
    match (addresses, t.0) {
        (None, _) => String::new(),
        (Some(free), Language::Zh) => format!(" · 剩余 {free} 个地址"),
        (Some(free), Language::En) => format!(" · {free} addresses free"),
    }
}

fn closed(t: Words, group: &Group) -> String {
    if group.closed.is_empty() {
        return String::new();
    }
    let ports: Vec<_> = group.closed.iter().map(u16::to_string).collect();
    let ports = ports.join(", ");
    match t.0 {
        Language::Zh => format!("没有向外开放软件的端口 {ports}：部署后将无法访问，除非您放通它们"),
        Language::En => format!("Keeps the software's ports {ports} closed: nobody reaches it until you open them"),
    }
}

/// Key pairs and questions.
pub fn access(t: Words, keys: Vec<KeyPair>, recipe: &Recipe, typed: &Typed, kept: bool) -> Body {
    let keys = keys.into_iter().map(|it| Choice {
        checked: typed.is("key_pair", &it.name),
        title: it.name.clone(),
        detail: it.fingerprint,
        warning: String::new(),
        why: None,
        id: it.name,
    });
    let question = |it: &Parameter| {
        let value = typed.answer(recipe, &it.name);
        Question {
            field: format!("p_{}", it.name),
            label: it.label.get(t.0).to_owned(),
            value: value.to_owned(),
            choices: it.choices.iter().map(|choice| (choice.clone(), choice == value)).collect(),
            required: it.default.as_deref() != Some(""),
        }
    };
    Body::Access {
        keys: keys.collect(),
        kept,
        logs_in: !typed.is_own(),
        questions: recipe.parameters.iter().map(question).collect(),
    }
}
