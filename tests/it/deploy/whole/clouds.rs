//! The two real protocols: moto, behind the proxy, and the fake of Huawei Cloud, behind the same one.

use std::{net::SocketAddr, sync::Arc};

use data_encoding::BASE64;
use serde_json::{Value, json};
use signet::{
    base::clock::{Clock, SystemClock},
    provision::{
        plan::{Cloud, Place},
        provider::{
            Answer, Credentials, Provider,
            clouds::{Clouds, Opener},
            ec2::Ec2,
            huawei::{Custom, Endpoint, Huawei},
        },
    },
    store::DeploymentRecord,
    usecase::deployment::Deployment,
};

use super::super::{
    ec2::{
        self,
        moto::{Moto, between},
        proxy::{Fate, Proxy, action},
    },
    huawei::{self, Fake},
};

enum Kind {
    Moto(Moto),
    Huawei(Fake),
}

fn address(kind: &Kind) -> SocketAddr {
    match kind {
        Kind::Moto(moto) => moto.address,
        Kind::Huawei(fake) => fake.url.strip_prefix("http://").unwrap().parse().unwrap(),
    }
}

/// A cloud, with a proxy before it.
pub struct Real {
    kind: Kind,
    pub proxy: Proxy,
}

/// Which call it is: that of an order is another one than that of its rehearsal.
pub fn name(head: &str, body: &str) -> String {
    let rehearsal = if body.contains("DryRun=true") || body.contains("\"dry_run\":true") { " rehearsal" } else { "" };
    let line = head.split("\r\n").next().unwrap_or_default();
    let called = if action(body).is_empty() { line.split([' ', '?']).take(2).collect() } else { vec![action(body)] };
    format!("{}{rehearsal}", called.join(" "))
}

/// Whether a call orders a server.
pub fn is_order(name: &str) -> bool {
    name == "RunInstances" || name.starts_with("POST ") && name.ends_with("/cloudservers")
}

impl Real {
    pub async fn start(cloud: Cloud, rule: impl Fn(&str, &str) -> Fate + Send + Sync + 'static) -> Self {
        let kind = match cloud {
            Cloud::Ec2 => Kind::Moto(Moto::start().await),
            _ => Kind::Huawei(tokio::task::spawn_blocking(Fake::start).await.unwrap()),
        };
        let address = address(&kind);
        let proxy = Proxy::judging(Some(address), move |head, body, _| rule(&name(head, body), body)).await;
        Self { kind, proxy }
    }

    /// One that does what it should.
    pub async fn sound(cloud: Cloud) -> Self {
        Self::start(cloud, |_, _| Fate::Pass).await
    }

    /// Where the cloud itself is, behind the proxy.
    pub fn address(&self) -> SocketAddr {
        address(&self.kind)
    }

    /// The cloud behind the proxy, where it is moto.
    pub fn moto(&self) -> &Moto {
        let Kind::Moto(moto) = &self.kind else { panic!("it is not moto") };
        moto
    }

    pub fn clouds(&self) -> Clouds {
        let cloud = match self.kind {
            Kind::Moto(_) => Cloud::Ec2,
            Kind::Huawei(_) => Cloud::Huawei,
        };
        Clouds::default().with(cloud, Arc::new(Door { cloud, address: self.proxy.address }))
    }

    /// With the merchant's account, whose sessions are as old as `clock` says.
    pub fn trusting(&self, clock: Arc<dyn Clock>) -> Clouds {
        self.clouds().trusting(huawei::vendor_account(), clock)
    }

    /// The fake, to be told and asked.
    pub fn fake(&self) -> &Fake {
        let Kind::Huawei(fake) = &self.kind else { panic!("moto has no agencies") };
        fake
    }

    pub fn place(&self) -> Value {
        match self.kind {
            Kind::Moto(_) => json!({ "cloud": "ec2", "region": ec2::REGION }),
            Kind::Huawei(_) => json!({ "cloud": "huawei", "region": huawei::REGION }),
        }
    }

    pub fn credentials(&self) -> Value {
        match &self.kind {
            Kind::Moto(moto) => json!({ "access_key": moto.owner.0, "secret_key": moto.owner.1 }),
            Kind::Huawei(_) => json!({ "access_key": huawei::ACCESS_KEY, "secret_key": huawei::SECRET_KEY }),
        }
    }

    /// Those of somebody who may look and no more; moto alone knows such.
    pub fn looker(&self) -> Value {
        let moto = self.moto();
        json!({ "access_key": moto.looker.0, "secret_key": moto.looker.1 })
    }

    /// A server, by ids that the cloud has.
    pub async fn server(&self) -> Value {
        let Kind::Moto(moto) = &self.kind else {
            return json!({
                "name": "mill-1", "zone": "cn-north-4a", "flavor": "s6.small.1", "image": "image-1",
                "subnet": "subnet-1", "security_group": "group-1", "public_address_mbit": 5,
            });
        };
        moto.free().await;
        let zone = [("Filter.1.Name", "availability-zone"), ("Filter.1.Value.1", "us-east-1a")];
        let subnet = moto.ask(&[&[("Action", "DescribeSubnets")], &zone[..]].concat()).await;
        let group = moto.ask(&[("Action", "DescribeSecurityGroups")]).await;
        let image = [("Filter.1.Name", "name"), ("Filter.1.Value.1", "*ubuntu-xenial*")];
        let image = moto.ask(&[&[("Action", "DescribeImages")], &image[..]].concat()).await;
        moto.strict().await;
        json!({
            "name": "mill-1", "zone": "us-east-1a", "flavor": "t3.micro", "image": between(&image, "imageId"),
            "subnet": between(&subnet, "subnetId"), "security_group": between(&group, "groupId"),
            "public_address_mbit": 5,
        })
    }

    /// The user-data of every server that was ordered, as the cloud received it.
    pub async fn user_data(&self) -> Vec<String> {
        match &self.kind {
            Kind::Huawei(fake) => {
                let orders = fake.state().await["orders"].clone();
                orders.as_array().unwrap().iter().map(|it| it["user_data"].as_str().unwrap().to_owned()).collect()
            }
            Kind::Moto(moto) => {
                moto.free().await;
                let all = moto.ask(&[("Action", "DescribeInstances")]).await;
                let mut data = Vec::new();
                for id in all.split("<instanceId>").skip(1).map(|rest| rest.split('<').next().unwrap()) {
                    let asked =
                        [("Action", "DescribeInstanceAttribute"), ("InstanceId", id), ("Attribute", "userData")];
                    let text = BASE64.decode(between(&moto.ask(&asked).await, "value").as_bytes()).unwrap();
                    data.push(String::from_utf8(text).unwrap());
                }
                moto.strict().await;
                data
            }
        }
    }

    /// Deletes a deployment's server, as its owner in the cloud's console; moto alone.
    pub async fn terminate(&self, record: &DeploymentRecord) {
        let Kind::Moto(moto) = &self.kind else { panic!("only at moto") };
        let server = Deployment::of(record.clone()).unwrap().server().unwrap().unwrap();
        moto.free().await;
        let answer = moto.ask(&[("Action", "TerminateInstances"), ("InstanceId.1", &server)]).await;
        assert!(answer.contains("TerminateInstancesResponse"), "{answer}");
        moto.strict().await;
    }

    /// How many servers, disks and addresses the cloud holds.
    pub async fn holds(&self) -> [usize; 3] {
        match &self.kind {
            Kind::Huawei(fake) => {
                let state = fake.state().await;
                let servers = state["servers"].as_array().unwrap().len();
                // A disk of the fake is its server's.
                [servers, servers, state["addresses"].as_object().unwrap().len()]
            }
            Kind::Moto(moto) => {
                moto.free().await;
                let servers = moto.ask(&[("Action", "DescribeInstances")]).await;
                let disks = moto.ask(&[("Action", "DescribeVolumes")]).await;
                let addresses = moto.ask(&[("Action", "DescribeAddresses")]).await;
                moto.strict().await;
                let gone = servers.matches("<name>terminated</name>").count();
                let servers = servers.matches("<instanceId>").count() - gone;
                [servers, disks.matches("<size>").count(), addresses.matches("<publicIp>").count()]
            }
        }
    }

    /// What it holds of one deployment. An address that moto gives with a server is none of its own.
    pub fn one(&self) -> [usize; 3] {
        [1, 1, usize::from(matches!(self.kind, Kind::Huawei(_)))]
    }

    /// How many servers there ever were.
    pub async fn ordered(&self) -> usize {
        self.user_data().await.len()
    }

    /// What must never be read anywhere.
    pub fn secrets(&self) -> Vec<String> {
        let credentials = self.credentials();
        vec![credentials["secret_key"].as_str().unwrap().to_owned(), super::PASSWORD.to_owned()]
    }
}

#[derive(Debug)]
struct Door {
    cloud: Cloud,
    address: SocketAddr,
}

impl Opener for Door {
    fn open(&self, _: &Place, credentials: Credentials) -> Answer<Arc<dyn Provider>> {
        if self.cloud == Cloud::Ec2 {
            let (tools, endpoint) = (ec2::tools("127.0.0.1"), ec2::endpoint(self.address));
            return Ok(Arc::new(Ec2::new(tools, endpoint, credentials)?));
        }
        let (template, region) = (format!("http://{}", self.address), huawei::REGION.to_owned());
        let endpoint = Endpoint::custom(Custom { template, region, sts: true, bss: true, session_tokens: true })?;
        Ok(Arc::new(Huawei::new(huawei::tools(Arc::new(SystemClock)), endpoint, credentials)?))
    }
}
