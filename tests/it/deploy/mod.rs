//! Deployment: servers that are made, started and looked at.

mod huawei;
