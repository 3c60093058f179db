//! One server: what it does, what belongs to it, what it says.

use data_encoding::BASE64;

use crate::provision::provider::{
    Answer,
    error::Trouble,
    made::{Resource, ResourceKind, Server, ServerState},
};

use super::{Ec2, call::compute, xml::Element};

/// Bytes of a console that are kept: clouds keep 64 KB.
const CONSOLE_BYTES: usize = 64 * 1024;

/// What the cloud says of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Being made.
    Pending,
    /// Running.
    Running,
    /// Stopped, or on its way.
    Stopped,
    /// On its way to be gone.
    Leaving,
    /// Gone; it is shown for an hour or so.
    Terminated,
}

impl Ec2 {
    /// The instance of an id; `None` when there is none (any more), or not everywhere yet.
    pub(super) async fn instance(&self, id: &str) -> Answer<Option<Element>> {
        let answer = match self.call(&compute("DescribeInstances").with("InstanceId.1", id)).await {
            Err(error) if error.trouble == Trouble::NotFound => return Ok(None),
            answer => answer?,
        };
        let mut instances = answer.items("reservationSet").flat_map(|item| item.items("instancesSet"));
        Ok(instances.find(|instance| instance.text("instanceId") == Some(id)).cloned())
    }

    pub(super) async fn console_output(&self, id: &str) -> Answer<String> {
        let form = compute("GetConsoleOutput").with("InstanceId", id);
        let latest = self.call(&form.clone().with("Latest", "true")).await;
        let answer = match latest {
            // Older types of servers have no present console, only that of their last start.
            Err(error) if matches!(error.trouble, Trouble::Choice | Trouble::Unexpected) => self.call(&form).await,
            answer => answer,
        };
        let answer = match answer {
            Err(error) if error.trouble == Trouble::NotFound => return Ok(String::new()),
            answer => answer?,
        };
        let encoded: String = answer.text("output").unwrap_or_default().split_whitespace().collect();
        let bytes = BASE64.decode(encoded.as_bytes()).unwrap_or_default();
        let end = &bytes[bytes.len().saturating_sub(CONSOLE_BYTES)..];
        Ok(String::from_utf8_lossy(end).into_owned())
    }
}

/// What an instance does.
pub fn state(instance: &Element) -> State {
    match instance.text("instanceState/name") {
        Some("running") => State::Running,
        Some("stopping" | "stopped") => State::Stopped,
        Some("shutting-down") => State::Leaving,
        Some("terminated") => State::Terminated,
        _ => State::Pending,
    }
}

/// An instance in the words of all clouds.
pub fn server(instance: &Element) -> Server {
    let id = instance.string("instanceId");
    let address = instance.text("ipAddress").map(str::to_owned);
    let name = instance.items("tagSet").find(|tag| tag.text("key") == Some("Name"));
    let name = name.and_then(|tag| tag.text("value")).map(str::to_owned);
    let mut resources = vec![Resource { kind: ResourceKind::Server, id: id.clone(), name }];
    for device in instance.items("blockDeviceMapping") {
        let own = device.text("ebs/deleteOnTermination") == Some("true");
        if let Some(disk) = device.text("ebs/volumeId").filter(|_| own) {
            let name = device.text("deviceName").map(str::to_owned);
            resources.push(Resource { kind: ResourceKind::Disk, id: disk.to_owned(), name });
        }
    }
    // An address that came with the server has no id and goes with it.
    if let Some(address) = &address {
        resources.push(Resource { kind: ResourceKind::Address, id: address.clone(), name: Some(address.clone()) });
    }
    Server {
        id,
        state: match state(instance) {
            State::Pending => ServerState::Building,
            State::Running => ServerState::Running,
            State::Stopped => ServerState::Stopped,
            State::Leaving | State::Terminated => ServerState::Gone,
        },
        public_ip: address,
        private_ip: instance.text("privateIpAddress").map(str::to_owned),
        resources,
    }
}
