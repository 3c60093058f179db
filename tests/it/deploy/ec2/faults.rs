//! What clouds and networks do when they do not do what they should.

use rstest::rstest;
use signet::{
    base::secret::SecretString,
    provision::provider::{
        Accepted, Attempt, CloudError, Credentials, Progress, Provider, Removal, RemovalProgress, Resource,
        ResourceKind, Trouble,
        ec2::{Abilities, Custom, CustomClouds, Ec2, Endpoint},
    },
};

use super::{
    REGION, USER_DATA, cloud, endpoint, order,
    proxy::{Fate, Proxy},
    tools,
};

const SECRET: &str = "canary/Secret+0123456789/abcdefghijklmnop";

fn keys() -> (String, String) {
    ("AKIDCANARY0000000001".to_owned(), SECRET.to_owned())
}

fn attempt() -> Attempt {
    Attempt { token: "00000000-0000-4000-8000-000000000001".to_owned() }
}

fn error(code: &str, message: &str) -> String {
    format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
         <RequestID>11111111-2222-4333-8444-555555555555</RequestID></Response>"
    )
}

async fn refused(status: u16, body: String) -> (CloudError, Proxy) {
    let proxy = Proxy::start(None, move |_, _| Fate::Answer(status, body.clone())).await;
    let error = cloud(proxy.address, &keys()).create(&order(), &attempt()).await.unwrap_err();
    (error, proxy)
}

#[rstest]
#[case(500, "InsufficientInstanceCapacity", Trouble::Capacity)]
#[case(400, "VcpuLimitExceeded", Trouble::Quota)]
#[case(400, "InstanceLimitExceeded", Trouble::Quota)]
#[case(401, "OptInRequired", Trouble::Payment)]
#[case(400, "PendingVerification", Trouble::Payment)]
#[case(403, "Blocked", Trouble::Payment)]
#[case(400, "Unsupported", Trouble::Choice)]
#[case(400, "IdempotentParameterMismatch", Trouble::Attempt)]
#[case(400, "IdempotentInstanceTerminated", Trouble::Attempt)]
#[case(503, "RequestLimitExceeded", Trouble::Throttled)]
#[case(403, "UnauthorizedOperation", Trouble::Permission)]
#[case(400, "BrandNewCode", Trouble::Unexpected)]
#[case(500, "InternalError", Trouble::Unknown)]
#[tokio::test]
async fn ec2_refused_order_is_sent_once_and_says_why(
    #[case] status: u16,
    #[case] code: &str,
    #[case] trouble: Trouble,
) {
    let (error, proxy) = refused(status, error(code, "Not now.")).await;
    assert_eq!(
        (error.trouble, error.code.as_deref(), error.message.to_string().as_str()),
        (trouble, Some(code), "Not now.")
    );
    assert_eq!(error.request_id.as_deref(), Some("11111111-2222-4333-8444-555555555555"));
    assert_eq!(proxy.count("RunInstances"), 1);
}

#[rstest]
#[case(200, "")]
#[case(200, "garbage")]
#[case(200, "<RunInstancesResponse/>")]
#[case(200, "<RunInstancesResponse><instancesSet><item><instanceId>")]
#[case(502, "<html><body>Bad Gateway</body></html>")]
#[case(504, "")]
#[tokio::test]
async fn ec2_order_with_an_unreadable_answer_is_unknown_and_not_repeated(#[case] status: u16, #[case] body: &str) {
    let (error, proxy) = refused(status, body.to_owned()).await;
    assert_eq!(error.trouble, Trouble::Unknown, "{error}");
    assert_eq!(proxy.count("RunInstances"), 1);
}

#[tokio::test]
async fn ec2_order_that_never_arrived_is_not_unknown() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = cloud(free, &keys()).create(&order(), &attempt()).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Unavailable, "{error}");
}

#[tokio::test]
async fn ec2_reading_waits_out_throttling_errors_and_broken_connections() {
    let zones = "<R><availabilityZoneInfo><item><zoneName>a</zoneName><zoneState>impaired</zoneState></item></availabilityZoneInfo></R>";
    let proxy = Proxy::start(None, move |_, before| match before {
        0 => Fate::Answer(503, error("RequestLimitExceeded", "Slow down.")),
        1 => Fate::Break,
        2 => Fate::Answer(200, "garbage".to_owned()),
        3 => Fate::Answer(502, String::new()),
        _ => Fate::Answer(200, zones.to_owned()),
    })
    .await;
    let found = cloud(proxy.address, &keys()).zones().await.unwrap();
    assert_eq!((found.len(), found[0].available), (1, false));
    assert_eq!(proxy.count("DescribeAvailabilityZones"), 5);
}

#[tokio::test]
async fn ec2_reading_gives_up_in_the_end() {
    let proxy = Proxy::start(None, |_, _| Fate::Answer(503, error("RequestLimitExceeded", "Slow down."))).await;
    assert_eq!(cloud(proxy.address, &keys()).zones().await.unwrap_err().trouble, Trouble::Throttled);
    assert_eq!(proxy.count("DescribeAvailabilityZones"), 5);
}

#[tokio::test]
async fn ec2_lists_follow_pages_and_stop_at_an_empty_token() {
    let page = |name: &str, next: &str| {
        let cpu =
            "<vCpuInfo><defaultVCpus>2</defaultVCpus></vCpuInfo><memoryInfo><sizeInMiB>4096</sizeInMiB></memoryInfo>";
        format!(
            "<R><instanceTypeSet><item><instanceType>{name}</instanceType>{cpu}</item></instanceTypeSet><nextToken>{next}</nextToken></R>"
        )
    };
    let offered = "<R><instanceTypeOfferingSet><item><instanceType>a</instanceType></item><item><instanceType>b</instanceType></item></instanceTypeOfferingSet></R>";
    let proxy = Proxy::start(None, move |action, before| match (action, before) {
        ("DescribeInstanceTypes", 0) => Fate::Answer(200, page("a", "more==")),
        ("DescribeInstanceTypes", 1) => Fate::Answer(200, page("b", "more")),
        ("DescribeInstanceTypes", _) => Fate::Answer(200, page("c", "")),
        _ => Fate::Answer(200, offered.to_owned()),
    })
    .await;
    let flavors = cloud(proxy.address, &keys()).flavors("a").await.unwrap();
    let ids: Vec<_> = flavors.iter().map(|flavor| flavor.id.as_str()).collect();
    assert_eq!(ids, ["a", "b"], "c is not offered in the zone");
    assert_eq!(proxy.count("DescribeInstanceTypes"), 3);
    assert!(proxy.last().contains("&NextToken=more"), "{}", proxy.last());
}

#[tokio::test]
async fn ec2_errors_show_nothing_that_was_sent() {
    let proxy = Proxy::start(None, |_, _| Fate::Echo).await;
    let mut endpoint = Custom {
        compute: format!("http://{}/", proxy.address),
        sts: None,
        region: REGION.to_owned(),
        abilities: Abilities::AWS,
        image_owners: vec![],
        session_tokens: true,
        prices: None,
        quotas: None,
    };
    let token = "canary//Session+Token==abc";
    let credentials =
        Credentials { access_key: keys().0, secret_key: SECRET.into(), session_token: Some(SecretString::from(token)) };
    let made = Endpoint::custom(&endpoint, CustomClouds::Http).unwrap();
    let cloud = Ec2::new(tools("127.0.0.1"), made, credentials.clone()).unwrap();
    assert!(!format!("{cloud:?}").to_lowercase().contains("canary"), "{cloud:?}");
    for error in [
        cloud.create(&order(), &attempt()).await.unwrap_err(),
        cloud.rehearse(&order()).await.unwrap_err(),
        cloud.key_pairs().await.unwrap_err(),
    ] {
        let text = format!("{error} {error:?}");
        assert!(text.contains("You sent"), "{text}");
        for part in ["canary", "CANARY", "Session", "Secret", "IyEvYmlu"] {
            assert!(!text.contains(part), "{part}: {text}");
        }
    }
    endpoint.session_tokens = false;
    let made = Endpoint::custom(&endpoint, CustomClouds::Http).unwrap();
    let refused = Ec2::new(tools("127.0.0.1"), made, credentials).unwrap_err();
    assert_eq!(refused.trouble, Trouble::Endpoint);
}

#[tokio::test]
async fn ec2_secrets_stay_hidden_where_the_cloud_repeats_only_them() {
    for said in [SECRET, &USER_DATA[10..34], "AKIDCANARY0000000001"] {
        let (error, _proxy) = refused(400, error(said, said)).await;
        assert!(!format!("{error:?}").to_lowercase().contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn ec2_wrong_clock_is_told_from_wrong_credentials() {
    let body = error("AuthFailure", "AWS was not able to validate the provided access credentials");
    for (date, trouble) in [("Date: Mon, 02 Mar 2015 08:00:00 GMT\r\n", Trouble::Clock), ("", Trouble::Credentials)] {
        let body = body.clone();
        let proxy = Proxy::start(None, move |_, _| Fate::With(401, body.clone(), date)).await;
        assert_eq!(cloud(proxy.address, &keys()).zones().await.unwrap_err().trouble, trouble);
    }
}

#[tokio::test]
async fn ec2_private_addresses_are_refused_unless_the_operator_allows_them() {
    let proxy = Proxy::start(None, |_, _| Fate::Break).await;
    let credentials = Credentials { access_key: keys().0, secret_key: SECRET.into(), session_token: None };
    let cloud = Ec2::new(tools("10.0.0.0/8"), endpoint(proxy.address), credentials).unwrap();
    // To who named it, it is as if nobody were there.
    assert_eq!(cloud.zones().await.unwrap_err().trouble, Trouble::Unavailable);
    assert_eq!(cloud.create(&order(), &attempt()).await.unwrap_err().trouble, Trouble::Unavailable);
    assert_eq!(proxy.last(), "");
}

#[tokio::test]
async fn ec2_rehearsal_that_made_a_server_is_undone() {
    let made = "<R><instancesSet><item><instanceId>i-1</instanceId></item></instancesSet></R>";
    let proxy = Proxy::start(None, move |_, _| Fate::Answer(200, made.to_owned())).await;
    assert_eq!(cloud(proxy.address, &keys()).rehearse(&order()).await.unwrap_err().trouble, Trouble::Unexpected);
    assert!(proxy.last().starts_with("Action=TerminateInstances&Version=2016-11-15&InstanceId.1=i-1"));
}

fn instance(state: &str, more: &str) -> String {
    format!(
        "<R><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><instanceState><name>{state}</name>\
         </instanceState>{more}</item></instancesSet></item></reservationSet></R>"
    )
}

#[tokio::test]
async fn ec2_order_is_followed_from_unknown_to_its_end() {
    let reason =
        "<stateReason><code>Server.InsufficientInstanceCapacity</code><message>Sold out</message></stateReason>";
    let proxy = Proxy::start(None, move |_, before| match before {
        0 => Fate::Answer(400, error("InvalidInstanceID.NotFound", "The instance ID 'i-1' does not exist")),
        1 => Fate::Answer(200, instance("pending", "")),
        2 => Fate::Answer(200, instance("running", "")),
        _ => Fate::Answer(200, instance("terminated", reason)),
    })
    .await;
    let cloud = cloud(proxy.address, &keys());
    let accepted = Accepted { job: None, server: Some("i-1".to_owned()) };
    let pending = Progress::Pending { server: Some("i-1".to_owned()) };
    assert_eq!(cloud.progress(&accepted).await.unwrap(), pending);
    assert_eq!(cloud.progress(&accepted).await.unwrap(), pending);
    assert!(matches!(cloud.progress(&accepted).await.unwrap(), Progress::Created(_)));
    let Progress::Failed { error, .. } = cloud.progress(&accepted).await.unwrap() else { panic!("it was ended") };
    assert_eq!(error.trouble, Trouble::Capacity, "{error}");
}

#[tokio::test]
async fn ec2_disk_that_outlives_its_server_is_deleted() {
    let volume = |state: &str| format!("<R><volumeSet><item><status>{state}</status></item></volumeSet></R>");
    let proxy = Proxy::start(None, move |action, before| match (action, before) {
        ("DescribeInstances", 0) => Fate::Answer(200, instance("shutting-down", "")),
        ("DescribeInstances", _) => Fate::Answer(200, instance("terminated", "")),
        ("DescribeVolumes", 0) => Fate::Answer(200, volume("in-use")),
        ("DescribeVolumes", 1 | 2) => Fate::Answer(200, volume("available")),
        ("DescribeVolumes", _) => Fate::Answer(400, error("InvalidVolume.NotFound", "gone")),
        ("DeleteVolume", 0) => Fate::Answer(403, error("UnauthorizedOperation", "no")),
        _ => Fate::Answer(200, "<R/>".to_owned()),
    })
    .await;
    let cloud = cloud(proxy.address, &keys());
    let resource = |kind, id: &str| Resource { kind, id: id.to_owned(), name: None };
    let disk = resource(ResourceKind::Disk, "vol-1");
    let removal = Removal { job: None, resources: vec![resource(ResourceKind::Server, "i-1"), disk.clone()] };
    assert_eq!(cloud.removal(&removal).await, Ok(RemovalProgress::Pending), "leaving");
    assert_eq!(cloud.removal(&removal).await, Ok(RemovalProgress::Pending), "its disk is still held");
    let RemovalProgress::Failed { error, left } = cloud.removal(&removal).await.unwrap() else { panic!("no right") };
    assert_eq!((error.trouble, left), (Trouble::Permission, vec![disk]));
    assert_eq!(cloud.removal(&removal).await, Ok(RemovalProgress::Pending), "deleted");
    assert_eq!(cloud.removal(&removal).await, Ok(RemovalProgress::Done));
}

/// To a cloud of which nothing is known a filter may be an error, or nothing.
#[tokio::test]
async fn ec2_order_is_found_without_a_filter_on_an_unknown_cloud() {
    let token = attempt().token;
    let page = |id: &str, token: &str, next: &str| {
        let item = format!("<item><instanceId>{id}</instanceId><clientToken>{token}</clientToken></item>");
        format!("<R><reservationSet><item><instancesSet>{item}</instancesSet></item></reservationSet>{next}</R>")
    };
    let more = "<nextToken>more</nextToken>";
    for (last, found) in [
        (page("i-2", &token, ""), Ok(Some("i-2".to_owned()))),
        (page("i-2", "another", ""), Ok(None)),
        (page("i-2", "", more), Err(Trouble::Unknown)),
        // Regression: on a cloud that tells no tokens, a second server was ordered.
        (page("i-2", "", ""), Err(Trouble::Unknown)),
    ] {
        let first = page("i-1", "", more);
        let proxy = Proxy::start(None, move |_, calls| {
            Fate::Answer(200, if calls == 0 { first.clone() } else { last.clone() })
        })
        .await;
        let unknown = Custom::unknown(&format!("http://{}/", proxy.address), "eucalyptus");
        assert!(!unknown.abilities.idempotent);
        let endpoint = Endpoint::custom(&unknown, CustomClouds::Http).unwrap();
        let credentials = Credentials { access_key: keys().0, secret_key: SECRET.into(), session_token: None };
        let cloud = Ec2::new(tools("127.0.0.1"), endpoint, credentials).unwrap();
        let answer = cloud.find(&attempt()).await.map(|it| it.and_then(|it| it.server)).map_err(|error| error.trouble);
        assert_eq!(answer, found);
        assert!(!proxy.all().join("").contains("Filter"), "{:?}", proxy.all());
    }
}

#[tokio::test]
async fn ec2_cloud_without_abilities_is_asked_for_none() {
    let made = "<R><instancesSet><item><instanceId>i-1</instanceId></item></instancesSet></R>";
    let proxy = Proxy::start(None, move |_, _| Fate::Answer(200, made.to_owned())).await;
    let custom = Custom {
        compute: format!("http://{}/services/compute/", proxy.address),
        sts: None,
        region: "eucalyptus".to_owned(),
        abilities: Abilities::CORE,
        image_owners: vec![],
        session_tokens: false,
        prices: None,
        quotas: None,
    };
    let made = Endpoint::custom(&custom, CustomClouds::Http).unwrap();
    let credentials = Credentials { access_key: keys().0, secret_key: SECRET.into(), session_token: None };
    let cloud = Ec2::new(tools("127.0.0.1"), made, credentials).unwrap();
    cloud.rehearse(&order()).await.unwrap();
    assert_eq!(proxy.count("RunInstances"), 0, "without DryRun a rehearsal would be an order");
    cloud.create(&order(), &attempt()).await.unwrap();
    assert_eq!(cloud.find(&attempt()).await.unwrap_err().trouble, Trouble::Unknown, "nothing marks what was made");
    let bodies = proxy.all().join("\n");
    for word in ["ClientToken", "MetadataOptions", "TagSpecification", "DryRun", "VolumeType"] {
        assert!(!bodies.contains(word), "{word}: {bodies}");
    }
    assert!(proxy.last().starts_with("Action=CreateTags"), "{bodies}");
    assert!(proxy.last().contains(&format!("=signet-attempt&Tag.3.Value={}", attempt().token)), "{bodies}");
}

/// Pages without end filled the memory.
#[tokio::test]
async fn ec2_list_without_end_is_given_up() {
    let items = "<item><a/><b/><c/></item>".repeat(50_000);
    let page = format!("<R><regionInfo>{items}</regionInfo><instanceTypeOfferingSet/><nextToken>more</nextToken></R>");
    let proxy = Proxy::start(None, move |_, _| Fate::Answer(200, page.clone())).await;
    let error = cloud(proxy.address, &keys()).flavors("zone").await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Unexpected, "{error}");
    assert!(proxy.all().len() <= 4, "{} pages were fetched", proxy.all().len());
}

/// Customers could learn by an endpoint of their own which addresses this service reaches, and what stands there.
#[tokio::test]
async fn ec2_endpoint_in_no_list_tells_nothing_of_what_stands_there() {
    let mut said = std::collections::BTreeSet::new();
    for (status, body) in
        [(200, "secret words of a neighbour"), (404, "secret words of a neighbour"), (502, "<html>secret words</html>")]
    {
        let proxy = Proxy::start(None, move |_, _| Fate::Answer(status, body.to_owned())).await;
        let error = cloud(proxy.address, &keys()).identity().await.unwrap_err();
        said.insert(error.message);
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    said.insert(cloud(free, &keys()).identity().await.unwrap_err().message);
    let private = cloud("10.1.2.3:80".parse().unwrap(), &keys()).identity().await.unwrap_err();
    assert_eq!(private.trouble, Trouble::Unavailable, "no other than one that is not there");
    said.insert(private.message);
    assert_eq!(said.len(), 1, "{said:?}");
    let said = said.first().unwrap().to_string();
    assert!(said.contains("cannot be reached") && !said.contains("secret") && !said.contains("10.1."), "{said}");
}
