//! What is asked of a cloud before anything is paid for.

use std::sync::Arc;

use crate::{
    base::text::Wording,
    provision::{
        offer::no_flavor,
        plan::ServerChoice,
        provider::{Answer, CloudError, Provider, Quota, Stock, Trouble},
    },
    usecase::deployment::work::{Event, Work},
};

/// Everything that can be known beforehand.
pub(super) async fn check(provider: &Arc<dyn Provider>, work: &Work) -> Answer<Event> {
    let identity = provider.identity().await?;
    if let Some(server) = &work.deployment.plan.server {
        check_stock(provider, server).await?;
        check_subnet(provider, server).await?;
        if let Some(quota) = provider.quota(&server.flavor).await? {
            check_quota(&quota, server)?;
        }
        if let Some(order) = &work.order {
            provider.rehearse(order).await?;
        }
    }
    Ok(Event::Checked(identity))
}

async fn check_stock(provider: &Arc<dyn Provider>, server: &ServerChoice) -> Answer<()> {
    let flavors = provider.flavors(&server.zone).await?;
    let (zone, id) = (&server.zone, &server.flavor.id);
    match flavors.iter().find(|flavor| flavor.id == *id) {
        Some(flavor) if flavor.stock == Stock::Normal => Ok(()),
        Some(_) => {
            let why = Wording::both(format!("{id} 在 {zone} 已售罄"), format!("{id} is sold out in {zone}"));
            Err(CloudError::new(Trouble::Capacity, why))
        }
        None => Err(no_flavor(zone, id)),
    }
}

async fn check_subnet(provider: &Arc<dyn Provider>, server: &ServerChoice) -> Answer<()> {
    let networks = provider.networks().await?;
    let mut subnets = networks.iter().filter(|network| network.id == server.network.id).flat_map(|it| &it.subnets);
    let (name, network) = (&server.subnet.name, &server.network.name);
    let why = match subnets.find(|subnet| subnet.id == server.subnet.id) {
        None => Wording::both(
            format!("网络 {network} 没有子网 {name}"),
            format!("the network {network} has no subnet {name}"),
        ),
        Some(subnet) if !subnet.dhcp => Wording::both(
            format!("子网 {name} 未启用 DHCP，服务器将读不到用户数据"),
            format!("the subnet {name} gives no addresses by DHCP, without which a server never reads its user-data"),
        ),
        Some(subnet) if subnet.free_addresses == Some(0) => {
            Wording::both(format!("子网 {name} 没有空闲的 IP 地址"), format!("the subnet {name} has no free address"))
        }
        Some(_) => return Ok(()),
    };
    Err(CloudError::new(Trouble::Choice, why))
}

fn check_quota(quota: &Quota, server: &ServerChoice) -> Answer<()> {
    let (vcpus, memory) = (server.flavor.vcpus, server.flavor.memory_mib);
    let (zh, en) = if quota.servers == Some(0) {
        ("一台服务器".to_owned(), "another server".to_owned())
    } else if quota.vcpus.is_some_and(|left| left < vcpus) {
        (format!("{vcpus} 个 vCPU"), format!("{vcpus} more vCPU"))
    } else if quota.memory_mib.is_some_and(|left| left < u64::from(memory)) {
        (format!("{memory} MiB 内存"), format!("{memory} MiB more memory"))
    } else if server.public_address_mbit.is_some() && quota.addresses == Some(0) {
        ("一个公网 IP".to_owned(), "another public address".to_owned())
    } else {
        return Ok(());
    };
    let why = Wording::both(format!("账号配额不足以再创建{zh}"), format!("the account's quota has no room for {en}"));
    Err(CloudError::new(Trouble::Quota, why))
}
