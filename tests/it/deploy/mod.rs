//! Deployment: servers that are made, started and looked at.

mod boot;
mod ec2;
pub mod endpoints;
mod huawei;
mod packages;
mod whole;
