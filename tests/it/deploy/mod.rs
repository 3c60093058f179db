//! Deployment: servers that are made, started and looked at.

pub mod boot;
mod depot;
pub mod ec2;
pub mod endpoints;
pub mod huawei;
mod packages;
pub mod whole;
