//! The EC2-compatible provider against moto, which checks signatures and rights, with a proxy between them that does
//! what networks and clouds do.

mod faults;
mod life;
mod market;
pub mod moto;
pub mod proxy;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use signet::{
    base::{clock::SystemClock, entropy::SeededEntropy, networks::Networks},
    http::{Client, Guard},
    provision::provider::{
        Credentials, ServerOrder, Tools,
        ec2::{Abilities, Custom, CustomClouds, Ec2, Endpoint},
    },
};

pub const REGION: &str = "us-east-1";
/// The start script: every byte of it must arrive.
pub const USER_DATA: &str = "#!/bin/sh\nTOKEN='canary-user-data-图~*+ &=%'\n\techo \"$TOKEN\"  \n";

pub fn endpoint(address: SocketAddr) -> Endpoint {
    let custom = Custom {
        compute: format!("http://{address}/"),
        sts: Some(format!("http://{address}/")),
        region: REGION.to_owned(),
        abilities: Abilities::AWS,
        image_owners: vec!["099720109477".to_owned(), "137112412989".to_owned()],
        session_tokens: false,
        prices: None,
        quotas: None,
    };
    Endpoint::custom(&custom, CustomClouds::Http).unwrap()
}

pub fn tools(allowed: &str) -> Tools {
    let guard = Guard::new(Networks::parse(&[allowed.to_owned()]).unwrap());
    // As `main` does, and once per process: reqwest takes no provider of its own.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Tools { http: Client::new(guard).unwrap(), clock: Arc::new(SystemClock), entropy: Arc::new(SeededEntropy::new(1)) }
}

pub fn cloud(address: SocketAddr, (access_key, secret_key): &(String, String)) -> Ec2 {
    let credentials =
        Credentials { access_key: access_key.clone(), secret_key: secret_key.clone().into(), session_token: None };
    Ec2::new(tools("127.0.0.1"), endpoint(address), credentials).unwrap()
}

/// An order with made-up ids, for clouds that are only played.
pub fn order() -> ServerOrder {
    ServerOrder {
        name: "signet-test".to_owned(),
        zone: "us-east-1a".to_owned(),
        flavor: "t3.micro".to_owned(),
        image: "ami-1".to_owned(),
        root_device: Some("/dev/sda1".to_owned()),
        disk_gib: 12,
        network: "vpc-1".to_owned(),
        subnet: "subnet-1".to_owned(),
        security_group: "sg-1".to_owned(),
        public_address_mbit: Some(5),
        key_pair: None,
        user_data: USER_DATA.into(),
        tags: BTreeMap::from([("signet-deployment".to_owned(), "d-1".to_owned())]),
    }
}
