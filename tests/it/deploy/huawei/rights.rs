//! The policy that customers are shown: with it everything works, and without any part of it something does not.

use serde_json::{Value, json};
use signet::provision::provider::{
    Answer, CloudError, Progress, Provider, RemovalProgress, Trouble,
    huawei::{Huawei, policy::least_privilege},
};

use super::{Fake, attempt, order};

/// All that a deployment asks of a cloud, from the first list to what is left of a server after its end.
async fn whole_life(fake: &Fake, cloud: &Huawei, number: u8) -> Answer<()> {
    cloud.identity().await?;
    cloud.zones().await?;
    let flavors = cloud.flavors("cn-north-4a").await?;
    cloud.images(&flavors[0]).await?;
    cloud.networks().await?;
    cloud.security_groups("vpc-1").await?;
    cloud.key_pairs().await?;
    cloud.quota(&flavors[0]).await?;
    cloud.rehearse(&order()).await?;
    cloud.find(&attempt(number)).await?;
    let accepted = cloud.create(&order(), &attempt(number)).await?;
    let server = loop {
        match cloud.progress(&accepted).await? {
            Progress::Pending { .. } => {}
            Progress::Created(server) => break server,
            Progress::Failed { error, .. } => return Err(error),
        }
    };
    cloud.server(&server.id).await?;
    cloud.console(&server.id).await?;
    fake.fault("address_unbound", 1).await;
    // A disk and an address outlive it.
    let removal = cloud.remove(&server.resources).await?;
    loop {
        match cloud.removal(&removal).await? {
            RemovalProgress::Pending => {}
            RemovalProgress::Done => break,
            RemovalProgress::Failed { error, .. } => return Err(error),
        }
    }
    cloud.remove(&server.resources).await.map(drop)
}

fn actions() -> Vec<String> {
    let policy: Value = least_privilege();
    let actions = policy["Statement"][0]["Action"].as_array().unwrap();
    actions.iter().map(|action| action.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn huawei_the_policy_is_enough_for_a_whole_life() {
    let fake = Fake::start();
    fake.admin("rights", json!(actions())).await;
    whole_life(&fake, &fake.cloud(), 1).await.unwrap();
}

#[tokio::test]
async fn huawei_no_right_of_the_policy_is_one_too_many() {
    let fake = Fake::start();
    for missing in actions() {
        fake.admin("reset", Value::Null).await;
        let others: Vec<String> = actions().into_iter().filter(|action| *action != missing).collect();
        fake.admin("rights", json!(others)).await;
        let refused: Option<CloudError> = whole_life(&fake, &fake.cloud(), 1).await.err();
        let refused = refused.unwrap_or_else(|| panic!("everything works without {missing}"));
        assert_eq!(refused.trouble, Trouble::Permission, "{missing}: {refused}");
        assert!(refused.to_string().contains(&missing), "{missing}: {refused}");
    }
}
