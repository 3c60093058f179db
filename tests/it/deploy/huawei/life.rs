//! What can be chosen, and a server's life from the order to the removal.

use std::process::Stdio;

use signet::provision::{
    provider::{
        ATTEMPT_TAG, Accepted, PortRange, Progress, Provider, RemovalProgress, ResourceKind, Server, ServerState,
        Stock, huawei::Huawei,
    },
    recipe::Architecture,
};

use super::{Fake, USER_DATA, attempt, order, python};

/// Asks until the order is decided. The fake's jobs move on with every question.
pub async fn decided(cloud: &Huawei, accepted: &Accepted) -> Progress {
    for _ in 0..10 {
        match cloud.progress(accepted).await.unwrap() {
            Progress::Pending { .. } => {}
            decided => return decided,
        }
    }
    panic!("the order is never decided");
}

pub async fn created(cloud: &Huawei, accepted: &Accepted) -> Server {
    match decided(cloud, accepted).await {
        Progress::Created(server) => server,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn huawei_what_can_be_chosen() {
    let fake = Fake::start();
    let cloud = fake.cloud();
    let identity = cloud.identity().await.unwrap();
    assert_eq!(
        (identity.account.as_str(), identity.user.as_deref()),
        ("account-1", Some("iam::account-1:user:tester"))
    );
    let zones: Vec<_> = cloud.zones().await.unwrap().into_iter().map(|zone| (zone.id, zone.available)).collect();
    assert_eq!(zones, [("cn-north-4a".to_owned(), true), ("cn-north-4b".to_owned(), false)]);
    let flavors = cloud.flavors("cn-north-4a").await.unwrap();
    let facts: Vec<_> = flavors.iter().map(|one| (one.vcpus, one.memory_mib, one.architecture, one.stock)).collect();
    let expected = [
        (1, 1024, Architecture::X86_64, Stock::Normal),
        (2, 4096, Architecture::X86_64, Stock::Normal),
        (2, 4096, Architecture::Arm64, Stock::SoldOut),
    ];
    assert_eq!(facts, expected);
    let images = cloud.images(&flavors[0]).await.unwrap();
    assert_eq!((images[0].id.as_str(), images[0].minimum_disk_gib), ("image-1", 10));
    assert_eq!(images[0].name, "Debian for s6.small.1");
    let networks = cloud.networks().await.unwrap();
    let subnet = &networks[0].subnets[0];
    assert_eq!((subnet.id.as_str(), subnet.name.as_str()), ("subnet-1", "subnet-1"));
    assert_eq!((subnet.dhcp, subnet.free_addresses), (true, Some(250)));
    let groups = cloud.security_groups("vpc-1").await.unwrap();
    let ports = [PortRange { first: 22, last: 22 }, PortRange { first: 443, last: 443 }];
    assert_eq!((groups[0].open_ports.as_deref(), groups[0].lets_out), (Some(ports.as_slice()), Some(true)));
    // Both lists that are asked for are made of it.
    fake.fault("sealed", 2).await;
    assert_eq!(cloud.security_groups("vpc-1").await.unwrap()[0].lets_out, Some(false));
    assert_eq!(cloud.key_pairs().await.unwrap()[0].name, "pair-1");
    let quota = cloud.quota(&flavors[0]).await.unwrap().unwrap();
    assert_eq!((quota.servers, quota.vcpus, quota.memory_mib), (Some(5), None, Some(7168)));
    assert_eq!(quota.addresses, Some(10));
    let price = cloud.price(&order()).await.unwrap().unwrap();
    assert_eq!(
        (price.per_hour.as_str(), price.per_month.as_str(), price.currency.as_str()),
        ("0.375", "273.75", "CNY")
    );
}

#[tokio::test]
async fn huawei_a_servers_life() {
    let fake = Fake::start();
    let cloud = fake.cloud();
    cloud.rehearse(&order()).await.unwrap();
    assert_eq!(fake.state().await["orders"].as_array().unwrap().len(), 0);
    let accepted = cloud.create(&order(), &attempt(1)).await.unwrap();
    let id = accepted.server.clone().unwrap();
    assert_eq!(cloud.server(&id).await.unwrap(), None, "it is not there yet");
    let server = created(&cloud, &accepted).await;
    assert_eq!((&server.id, server.state), (&id, ServerState::Running));
    assert_eq!(server.public_ip.as_deref(), Some("198.51.100.7"));
    assert_eq!(server.private_ip.as_deref(), Some("192.168.0.10"));
    let kinds: Vec<_> = server.resources.iter().map(|resource| resource.kind).collect();
    assert_eq!(kinds, [ResourceKind::Server, ResourceKind::Disk, ResourceKind::Address]);
    let sent = fake.state().await["orders"][0].clone();
    assert_eq!(sent["user_data"], USER_DATA);
    assert_eq!(sent["publicip"]["delete_on_termination"], true);
    assert_eq!(sent.get("adminPass"), None);
    assert!(sent["server_tags"].as_array().unwrap().iter().any(|tag| tag["key"] == ATTEMPT_TAG));
    assert_eq!(cloud.console(&id).await.unwrap(), "booted\n");
    assert_eq!(cloud.find(&attempt(1)).await.unwrap().unwrap().server.as_ref(), Some(&id));
    assert_eq!(cloud.find(&attempt(2)).await.unwrap(), None);

    let removal = cloud.remove(&server.resources).await.unwrap();
    let mut steps = 0;
    while cloud.removal(&removal).await.unwrap() == RemovalProgress::Pending {
        steps += 1;
        assert!(steps < 10);
    }
    assert_eq!(cloud.removal(&removal).await.unwrap(), RemovalProgress::Done);
    let state = fake.state().await;
    assert_eq!((&state["servers"], &state["addresses"]), (&serde_json::json!([]), &serde_json::json!({})));
    let again = cloud.remove(&server.resources).await.unwrap();
    assert_eq!((again.job.clone(), cloud.removal(&again).await.unwrap()), (None, RemovalProgress::Done));
}

/// `delete_volume` deletes data disks, and no order makes one: it would have deleted what the customer attached.
#[tokio::test]
async fn regression_huawei_a_removal_leaves_the_customers_own_disks() {
    let fake = Fake::start();
    let cloud = fake.cloud();
    let server = created(&cloud, &cloud.create(&order(), &attempt(1)).await.unwrap()).await;
    fake.admin("attach", serde_json::json!({ "server": server.id, "disk": "disk-of-the-customer" })).await;
    cloud.remove(&server.resources).await.unwrap();
    let deletions = fake.state().await["deletions"].clone();
    let flags = |at: usize| (deletions[at]["delete_volume"].clone(), deletions[at]["delete_publicip"].clone());
    assert_eq!(flags(0), (false.into(), true.into()));
}

/// Of a server that was never seen whole everything was removed that hung at it by then.
#[tokio::test]
async fn regression_huawei_a_removal_of_a_server_known_by_its_id_leaves_the_customers_own_disks() {
    let fake = Fake::start();
    let cloud = fake.cloud();
    for foreign in [false, true] {
        let accepted = cloud.create(&order(), &attempt(u8::from(foreign) + 1)).await.unwrap();
        let server = created(&cloud, &accepted).await;
        if foreign {
            fake.admin("attach", serde_json::json!({ "server": server.id, "disk": "disk-of-the-customer" })).await;
        }
        cloud.remove(&server.resources[..1]).await.unwrap();
        let deletions = fake.state().await["deletions"].clone();
        let deleted = &deletions[usize::from(foreign)];
        assert_eq!(deleted["delete_volume"], serde_json::json!(!foreign), "{deleted}");
        assert_eq!(deleted["delete_publicip"], serde_json::json!(true), "{deleted}");
    }
}

/// The job that removes a server succeeds also when its address was taken off it before: the address stayed, and was paid
/// for.
#[tokio::test]
async fn regression_huawei_an_address_that_outlives_its_server_is_removed_before_all_counts_as_removed() {
    let fake = Fake::start();
    let cloud = fake.cloud();
    let server = created(&cloud, &cloud.create(&order(), &attempt(1)).await.unwrap()).await;
    fake.fault("address_unbound", 1).await;
    let removal = cloud.remove(&server.resources).await.unwrap();
    assert!(removal.job.is_some());
    let mut pending = 0;
    while cloud.removal(&removal).await.unwrap() != RemovalProgress::Done {
        pending += 1;
        assert!(pending < 20);
    }
    assert_eq!(fake.state().await["addresses"].as_object().unwrap().len(), 0);
}

/// Disks and addresses that outlived their server go one by one; an address that serves another machine by now is kept.
#[tokio::test]
async fn huawei_what_outlived_its_server_is_removed_unless_it_serves_another() {
    let fake = Fake::start();
    let cloud = fake.cloud();
    let server = created(&cloud, &cloud.create(&order(), &attempt(1)).await.unwrap()).await;
    // Without its address, which so outlives it.
    let removal = cloud.remove(&server.resources[..2]).await.unwrap();
    while cloud.removal(&removal).await.unwrap() != RemovalProgress::Done {}
    fake.fault("address_taken", 100).await;
    cloud.remove(&server.resources).await.unwrap();
    assert_eq!(fake.state().await["addresses"].as_object().unwrap().len(), 1);
    fake.fault("address_taken", 0).await;
    cloud.remove(&server.resources).await.unwrap();
    let state = fake.state().await;
    assert_eq!(state["addresses"].as_object().unwrap().len(), 0);
    let calls: Vec<&str> = state["calls"].as_array().unwrap().iter().filter_map(|call| call.as_str()).collect();
    let disks = calls.iter().filter(|call| call.starts_with("DELETE") && call.contains("/cloudvolumes/disk-"));
    assert_eq!(disks.count(), 2);
}

#[tokio::test]
async fn huawei_the_same_attempt_is_the_same_server() {
    let fake = Fake::start();
    let cloud = fake.cloud();
    let first = cloud.create(&order(), &attempt(1)).await.unwrap();
    assert_eq!(cloud.create(&order(), &attempt(1)).await.unwrap(), first);
    assert_ne!(cloud.create(&order(), &attempt(2)).await.unwrap(), first);
    assert_eq!(fake.state().await["orders"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn huawei_the_servers_id_is_told_while_the_job_still_runs() {
    let fake = Fake::start();
    fake.fault("no_ids", 1).await;
    let cloud = fake.cloud();
    let accepted = cloud.create(&order(), &attempt(1)).await.unwrap();
    assert_eq!(accepted.server, None);
    let mut seen = Vec::new();
    let server = loop {
        match cloud.progress(&accepted).await.unwrap() {
            Progress::Pending { server } => seen.push(server),
            Progress::Created(server) => break server,
            failed => panic!("{failed:?}"),
        }
    };
    assert_eq!(seen, [None, None, Some(server.id)]);
}

#[tokio::test]
async fn huawei_the_official_sdk_understands_the_fake() {
    let fake = Fake::start();
    let mut command = python();
    command.arg("official.py").arg(&fake.url).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("done: official"), "{out}\n{err}");
}
