//! Deployment: servers that are made, started and looked at.

mod boot;
mod depot;
mod ec2;
mod huawei;
mod packages;
mod whole;
