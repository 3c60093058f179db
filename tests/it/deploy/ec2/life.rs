//! A server's whole life at a cloud that checks signatures and rights.

use data_encoding::BASE64;
use signet::provision::{
    provider::{
        ATTEMPT_TAG, Attempt, Progress, Provider, RemovalProgress, ResourceKind, ServerOrder, ServerState, Trouble,
        ec2::Ec2,
    },
    recipe::Architecture,
};

use super::{USER_DATA, cloud, moto::Moto, moto::between, order, proxy::Fate, proxy::Proxy};

fn attempt(number: u32) -> Attempt {
    Attempt { token: format!("00000000-0000-4000-8000-{number:012}") }
}

/// What the customer chooses, step by step.
async fn chosen(cloud: &Ec2) -> ServerOrder {
    let zone = cloud.zones().await.unwrap().into_iter().find(|zone| zone.available).unwrap().id;
    let flavors = cloud.flavors(&zone).await.unwrap();
    let flavor = flavors.iter().find(|flavor| flavor.id == "t3.micro").unwrap();
    assert_eq!((flavor.vcpus, flavor.memory_mib, flavor.architecture), (2, 1024, Architecture::X86_64));
    let arm = flavors.iter().find(|flavor| flavor.id == "t4g.micro").unwrap();
    assert_eq!(arm.architecture, Architecture::Arm64);
    let images = cloud.images(flavor).await.unwrap();
    let image = images.iter().find(|image| image.name.contains("ubuntu-xenial")).unwrap();
    assert!(images.iter().all(|image| image.architecture == Architecture::X86_64));
    assert!(cloud.images(arm).await.unwrap().iter().all(|image| image.architecture == Architecture::Arm64));
    let network = cloud.networks().await.unwrap().remove(0);
    let subnet = network.subnets.iter().find(|subnet| subnet.zone.as_ref() == Some(&zone)).unwrap();
    assert!(subnet.free_addresses.unwrap() > 0 && subnet.cidr.contains('/'));
    let group = cloud.security_groups(&network.id).await.unwrap().remove(0);
    assert_eq!(cloud.security_groups("vpc-0000").await.unwrap(), []);
    let pair = cloud.key_pairs().await.unwrap().remove(0);
    assert!(!pair.fingerprint.is_empty());
    ServerOrder {
        zone,
        flavor: flavor.id.clone(),
        image: image.id.clone(),
        root_device: image.root_device.clone(),
        network: network.id.clone(),
        subnet: subnet.id.clone(),
        security_group: group.id,
        key_pair: Some(pair.name),
        ..order()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ec2_server_is_made_found_and_removed_with_the_rights_that_the_wizard_shows() {
    let moto = Moto::start().await;
    // Clouds drop an answer now and then: here that of the first order, after it was carried out.
    let proxy = Proxy::start(Some(moto.address), |action, before| match (action, before) {
        ("RunInstances", 1) => Fate::LoseAnswer,
        ("DescribeInstances", 0) => Fate::Answer(503, String::new()),
        _ => Fate::Pass,
    })
    .await;
    let cloud = cloud(proxy.address, &moto.owner);
    let identity = cloud.identity().await.unwrap();
    assert_eq!((identity.account.as_str(), identity.user.unwrap().contains("user/owner")), ("123456789012", true));
    let order = chosen(&cloud).await;
    cloud.rehearse(&order).await.unwrap();
    assert_eq!(cloud.find(&attempt(1)).await, Ok(None));

    let lost = cloud.create(&order, &attempt(1)).await.unwrap_err();
    assert_eq!(lost.trouble, Trouble::Unknown, "{lost}");
    assert_eq!(proxy.count("RunInstances"), 2, "the rehearsal and one order");
    let found = cloud.find(&attempt(1)).await.unwrap().unwrap();
    assert_eq!(cloud.find(&attempt(2)).await, Ok(None));
    let Progress::Created(server) = cloud.progress(&found).await.unwrap() else { panic!("moto's servers run at once") };
    assert_eq!(found.server.as_ref(), Some(&server.id));
    assert_eq!(server.state, ServerState::Running);
    assert!(server.private_ip.is_some() && server.public_ip.is_some(), "{server:?}");
    let kinds: Vec<_> = server.resources.iter().map(|resource| resource.kind).collect();
    assert_eq!(kinds, [ResourceKind::Server, ResourceKind::Disk, ResourceKind::Address]);
    inspect(&moto, &server.id).await;
    assert!(cloud.console(&server.id).await.unwrap().contains("Linux version"));

    let removal = cloud.remove(&server.resources).await.unwrap();
    assert_eq!(cloud.removal(&removal).await, Ok(RemovalProgress::Done));
    assert_eq!(cloud.server(&server.id).await.unwrap().map(|server| server.state), Some(ServerState::Gone));
    let again = cloud.remove(&server.resources).await.unwrap();
    assert_eq!(cloud.removal(&again).await, Ok(RemovalProgress::Done));
    let Progress::Failed { left, .. } = cloud.progress(&found).await.unwrap() else { panic!("it was ended") };
    assert_eq!(left, []);
    assert_eq!(cloud.server("i-0123456789abcdef0").await, Ok(None));
}

/// What moto holds, asked without the provider: one server, with exactly what was ordered.
async fn inspect(moto: &Moto, id: &str) {
    moto.free().await;
    let all = moto.ask(&[("Action", "DescribeInstances")]).await;
    assert_eq!(all.matches("<instanceId>").count(), 1, "{all}");
    assert!(all.contains("<httpTokens>required</httpTokens>"), "{all}");
    assert!(all.contains("<httpPutResponseHopLimit>1</httpPutResponseHopLimit>"), "{all}");
    assert!(all.contains(ATTEMPT_TAG) && all.contains("signet-deployment"), "{all}");
    let data =
        moto.ask(&[("Action", "DescribeInstanceAttribute"), ("InstanceId", id), ("Attribute", "userData")]).await;
    assert_eq!(BASE64.decode(between(&data, "value").as_bytes()).unwrap(), USER_DATA.as_bytes());
    let disks = moto.ask(&[("Action", "DescribeVolumes")]).await;
    assert_eq!(between(&disks, "size"), "12", "{disks}");
    assert!(disks.contains(ATTEMPT_TAG), "{disks}");
    moto.strict().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ec2_refusals_of_a_real_signature_and_policy_check() {
    let moto = Moto::start().await;
    let (key, secret) = &moto.owner;
    let wrong = cloud(moto.address, &(key.clone(), format!("{}x", &secret[1..])));
    assert_eq!(wrong.identity().await.unwrap_err().trouble, Trouble::Credentials);
    assert_eq!(wrong.zones().await.unwrap_err().trouble, Trouble::Credentials);
    let unknown = cloud(moto.address, &("AKIAIOSFODNN7EXAMPLE".to_owned(), secret.clone()));
    assert_eq!(unknown.identity().await.unwrap_err().trouble, Trouble::Credentials);

    let looker = cloud(moto.address, &moto.looker);
    let order = chosen(&looker).await;
    let refused = looker.rehearse(&order).await.unwrap_err();
    assert_eq!(refused.trouble, Trouble::Permission, "{refused}");
    assert!(refused.to_string().contains("RunInstances"), "{refused}");
    assert_eq!(looker.create(&order, &attempt(1)).await.unwrap_err().trouble, Trouble::Permission);

    let owner = cloud(moto.address, &moto.owner);
    let choices = [
        ServerOrder { image: "ami-00000000000000000".to_owned(), ..order.clone() },
        ServerOrder { flavor: "t9.nothing".to_owned(), ..order.clone() },
        ServerOrder { key_pair: Some("nobodys".to_owned()), ..order.clone() },
        ServerOrder { subnet: "subnet-00000000".to_owned(), ..order.clone() },
    ];
    for wrong in choices {
        let refused = owner.create(&wrong, &attempt(2)).await.unwrap_err();
        assert_eq!(refused.trouble, Trouble::Choice, "{refused}");
    }
    assert_eq!(owner.find(&attempt(2)).await, Ok(None));
}
