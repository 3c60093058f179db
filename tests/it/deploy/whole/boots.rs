//! Servers that start with what the cloud was given, and talk to the service that ordered them.

use data_encoding::HEXLOWER;
use jiff::SignedDuration;
use rstest::rstest;
use sha2::{Digest, Sha256};
use signet::{
    base::{
        clock::{Clock as _, SystemClock},
        networks::Networks,
        secret::ExposeSecret,
    },
    provision::{
        plan::Cloud,
        provider::clouds::Clouds,
        recipe::PackageSource,
        run::{Stage, Status},
    },
    store::Tx,
    usecase::{
        Context, activation,
        deployment::{Deployment as Row, show},
        merchant::{self, Act},
        package,
    },
};
use signet_verify::kind::Kind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Deployment, PASSWORD, Real, Service};
use crate::{
    deploy::boot::machine::{Machine, Plan},
    harness::{Settings, slug},
};

/// From the order to software that runs, on both clouds: nothing in between is played but the cloud itself.
#[rstest]
#[case::ec2(Cloud::Ec2, "Ec2")]
#[case::huawei(Cloud::Huawei, "OpenStack")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_boot_of_what_the_cloud_received_becomes_healthy(#[case] place: Cloud, #[case] how: &'static str) {
    let cloud = Real::sound(place).await;
    let service = Service::start(cloud.clouds()).await;
    let deployment = service.begin(&cloud).await;
    deployment.until_it_should_call().await;
    let scripts = cloud.user_data().await;
    assert_eq!(scripts.len(), 1);
    let mut plan = Plan::new(how);
    plan.play.cuts = vec![100, 150];
    let machine = deployment.boot(plan, &scripts[0], "keep").await;
    is_healthy(&deployment, &machine).await;
    let downloads: Vec<_> = machine.fake.calls().into_iter().filter(|it| it.starts_with("GET package")).collect();
    assert_eq!(downloads, ["GET package 200", "GET package 206", "GET package 206"]);
    assert_eq!((deployment.paid().await.len(), cloud.holds().await), (3, cloud.one()));
    deployment.wish("remove", Some(cloud.credentials())).await;
    deployment.until(|it| it.status == Status::Removed).await;
    assert_eq!((deployment.paid().await.len(), cloud.holds().await), (0, [0, 0, 0]));
    assert_eq!(seats(&service).await, 0, "its seat is free again");
    let said = machine.printed() + &deployment.lines().await;
    for secret in cloud.secrets() {
        assert!(!said.contains(&secret) && !scripts[0].contains(&secret), "{secret}");
    }
}

async fn seats(service: &Service) -> usize {
    let id = service.license.id;
    service.app.read(move |tx, ctx| activation::list(tx, ctx, id, true, None, 10)).await.len()
}

async fn is_healthy(deployment: &Deployment<'_>, machine: &Machine) {
    let (app, record) = (&deployment.service.app, deployment.record().await);
    assert_eq!((record.status, record.stage), (Status::Healthy, Stage::Healthy), "{}", machine.printed());
    assert_eq!(machine.left("served"), "healthy: it's $HOME `id` 你好\n");
    assert!(deployment.lines().await.contains("installing for mill\n"), "{}", deployment.lines().await);
    assert_eq!(seats(deployment.service).await, 1, "the timer takes no second one");
    let lease = machine.file("var/lib/signet/mill/lease.jwt");
    let claims = app.read_signed(Kind::Lease, "mill", lease.trim_end()).await;
    assert_eq!(claims["activation"], record.activation_id.unwrap().to_string());
    assert_eq!(machine.file("etc/signet/mill/license").trim_end(), deployment.service.code);
    assert!(machine.left("timers").contains("signet-mill.timer"));
    assert_eq!(machine.left("renewed"), "0\n");
    assert!(machine.hash().starts_with("$6$") && !machine.hash().contains(PASSWORD));
    let shown = deployment.shown().await;
    assert_eq!((&shown["status"], &shown["suspect"]), (&"healthy".into(), &false.into()), "{shown}");
    assert_eq!(shown["outputs"][0]["value"], format!("http://{}:8080/", record.address.unwrap()));
}

/// What a customer pastes on a server that exists, as the page shows it. Servers in containers have no `sudo`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_boot_of_the_one_command_that_is_pasted_becomes_healthy() {
    let service = Service::start(Clouds::default()).await;
    let (deployment, script) = service.own_server().await;
    let id = deployment.id.parse().unwrap();
    let license = service.license.id;
    let shown = service.app.read(move |tx, ctx| show::one(tx, ctx, Some(license), id, 0)).await.unwrap();
    let command = shown.command.unwrap().expose_secret().to_owned();
    assert!(command.ends_with("| sudo sh") && !command.contains('?'), "no secret in an address: {command}");
    let pasted = format!("#!/bin/sh\nsudo() {{ \"$@\"; }}\n{command}\n");
    let machine = deployment.boot(Plan::new("/bin/sh"), &pasted, "keep").await;
    assert_eq!(deployment.record().await.status, Status::Healthy, "{}", machine.printed());
    assert_eq!(machine.left("served"), "healthy: hello\n");
    // Once it is done the token opens nothing, and the command is gone from the page.
    let token = command.split(['=', ' ']).nth(2).unwrap().to_owned();
    assert!(script.contains(&token));
    let again = script_for(&service, &token).await;
    assert_eq!(again.status, 401, "{again:?}");
    let shown = service.app.read(move |tx, ctx| show::one(tx, ctx, Some(license), id, 0)).await.unwrap();
    assert!(shown.command.is_none());
}

/// The service passes on what is kept elsewhere, and the machine checks it like everything else.
#[rstest]
#[case::sound(None)]
#[case::changed_there(Some(0))]
#[case::longer_there(Some(4))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_boot_of_a_package_that_is_kept_elsewhere(#[case] changed: Option<usize>) {
    let networks = Networks::parse(&["127.0.0.1".to_owned()]).unwrap();
    let service = Service::start_with(Settings { networks, ..Settings::default() }).await;
    let mut kept = service.package.clone();
    if let Some(more) = changed {
        let last = kept.len() - 1;
        kept[last] ^= 1;
        kept.extend(vec![0; more]);
    }
    let source = PackageSource::Url {
        url: elsewhere(kept).await,
        version: "2.0.0".to_owned(),
        sha256: HEXLOWER.encode(&Sha256::digest(&service.package)),
        size: service.package.len() as u64,
        minimum_version: Some("1.0.0".to_owned()),
        // By the machine's own clock, which goes by the day this runs on.
        expires_at: Some(SystemClock.now().plus_days(10)),
    };
    let (deployment, _) = service.own_server().await;
    let id = deployment.id.parse().unwrap();
    // Catalogs take `https` alone, so the plan says it.
    let install = move |tx: &mut Tx, ctx: Context| {
        let mut row = Row::load(tx, id)?.unwrap();
        let package = package::for_recipe(tx, ctx, &slug("mill"), &source)?.expect("a package");
        row.plan.recipe.package = source.clone();
        row.plan.package.version = package.version;
        row.plan.package.manifest_sha256 = package::manifest_digest(&package.manifest);
        row.record.plan = serde_json::json!(row.plan);
        Ok(tx.deployment_update(&row.record)?)
    };
    assert!(service.app.write(install).await);
    let script = service.call("GET", &format!("/{}/script", deployment.id), None).await;
    let script = String::from_utf8(script.body).unwrap();
    let machine = deployment.boot(Plan::new("/bin/sh"), &script, "keep").await;
    let shown = deployment.shown().await;
    if changed.is_some() {
        let problem = &shown["problem"];
        assert_eq!((&shown["status"], &problem["code"]), (&"kept".into(), &"digest".into()), "{shown}");
        assert_eq!(machine.left("environment"), "", "nothing was installed");
    } else {
        assert_eq!(shown["status"], "healthy", "{shown}\n{}", machine.printed());
        assert!(machine.printed().contains("version 2.0.0"), "{}", machine.printed());
    }
}

/// A keeper of one file, which it gives to everybody, whole or from where they ask.
async fn elsewhere(file: Vec<u8>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mill-2.0.0.tar.gz", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.is_ok_and(|read| read > 0) {}
            let head = String::from_utf8(head).unwrap().to_lowercase();
            let from =
                head.split("range: bytes=").nth(1).and_then(|rest| rest.split('-').next()?.parse::<usize>().ok());
            let (status, first) = from.map_or((200, 0), |from| (206, from));
            let range = format!("Content-Range: bytes {first}-{}/{}\r\n", file.len() - 1, file.len());
            let told = format!(
                "HTTP/1.1 {status} X\r\n{range}Content-Length: {}\r\nConnection: close\r\n\r\n",
                file.len() - first
            );
            let _ = stream.write_all(told.as_bytes()).await;
            let _ = stream.write_all(&file[first..]).await;
        }
    });
    url
}

async fn script_for(service: &Service, token: &str) -> crate::harness::Answer {
    let body = format!("token={token}");
    let head = format!(
        "POST /api/v1/bootstrap/script HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    crate::harness::exchange(service.app.address, format!("{head}{body}").as_bytes()).await
}

/// The token of user-data opens no script, whose password's hash a stranger could so read.
#[tokio::test]
async fn the_script_is_handed_out_for_servers_that_exist_and_to_nobody_without_the_token() {
    let service = Service::start(Clouds::default()).await;
    let (deployment, script) = service.own_server().await;
    let token = script.split("TOKEN='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    let answer = script_for(&service, &token).await;
    assert_eq!((answer.status, String::from_utf8(answer.body).unwrap()), (200, script), "fetching it spends nothing");
    let (rest, last) = token.split_at(token.len() - 1);
    let other = format!("{rest}{}", if last == "A" { "E" } else { "A" });
    for wrong in ["", "nonsense", &other, &token.to_lowercase()] {
        assert_eq!(script_for(&service, wrong).await.status, 401, "{wrong}");
    }
    deployment.wish("remove", None).await;
    assert_eq!(script_for(&service, &token).await.status, 401);

    let cloud = Real::sound(Cloud::Huawei).await;
    let service = Service::start(cloud.clouds()).await;
    let deployment = service.begin(&cloud).await;
    deployment.until_it_should_call().await;
    let user_data = cloud.user_data().await.remove(0);
    let token = user_data.split("TOKEN='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    assert_eq!(script_for(&service, &token).await.status, 401);
}

/// A deployment onto a server that exists, whose package `change` has a hand in; how it failed.
async fn refused(change: impl AsyncFnOnce(&Service, &mut Plan)) -> (String, String, Machine) {
    let service = Service::start(Clouds::default()).await;
    let (deployment, script) = service.own_server().await;
    let mut plan = Plan::new("/bin/sh");
    change(&service, &mut plan).await;
    let machine = deployment.boot(plan, &script, "keep").await;
    let shown = deployment.shown().await;
    assert_eq!(shown["status"], "kept", "{shown}\n{}", machine.printed());
    assert_eq!(machine.left("environment"), "", "nothing was installed");
    (shown["problem"]["code"].as_str().unwrap_or_default().to_owned(), deployment.lines().await, machine)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_boot_refuses_a_package_that_was_changed_in_the_store() {
    let (code, lines, machine) = refused(async |service, _| {
        let mut bytes = service.package.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(service.stored(), bytes).unwrap();
    })
    .await;
    assert_eq!(code, "digest", "{lines}");
    assert!(!machine.left("files").contains("releases"), "nothing was unpacked");
}

/// The user-data of an order that was given before the license ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_boot_for_a_license_that_ended_says_so_by_name() {
    let (code, lines, machine) = refused(async |service, _| {
        let id = service.license.id;
        let ends = service.app.now().saturating_add(SignedDuration::from_hours(-24 * 10));
        let ended = service.app.write(move |tx, ctx| merchant::act(tx, ctx, id, Act::Extend(Some(ends)))).await;
        ended.unwrap();
    })
    .await;
    assert_eq!(code, "license", "{lines}");
    assert!(lines.contains("expired"), "{lines}");
    assert!(!machine.fake.calls().contains(&"GET package 200".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_boot_refuses_a_manifest_that_its_user_data_does_not_name() {
    let service = Service::start(Clouds::default()).await;
    let (deployment, script) = service.own_server().await;
    let (before, rest) = script.split_once("MANIFEST_SHA256='").unwrap();
    let script = format!("{before}MANIFEST_SHA256='{}{}", "0".repeat(64), &rest[64..]);
    let machine = deployment.boot(Plan::new("/bin/sh"), &script, "keep").await;
    assert_eq!(deployment.shown().await["problem"]["code"], "digest", "{}", machine.printed());
    assert!(!machine.fake.calls().iter().any(|it| it.starts_with("GET package")));
    assert_eq!(machine.left("environment"), "", "nothing was installed");
}
