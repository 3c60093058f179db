//! Looking at a server, and deleting it.

use serde_json::{Value, json};

use crate::{
    base::percent::encode,
    provision::provider::{
        Answer,
        error::{CloudError, Trouble},
        made::*,
    },
};

use super::{
    Huawei,
    call::Call,
    endpoint::Service,
    json::{list, owned, text},
};

/// Lines of the console that are asked for.
const CONSOLE_LINES: &str = "200";

impl Huawei {
    pub(super) async fn show(&self, id: &str) -> Answer<Option<Server>> {
        let path = format!("/v1/{}/cloudservers/{}", self.project().await?, encode(id.as_bytes()));
        let answer = unless_missing(self.call(&Call::get(Service::Ecs, path)).await)?;
        Ok(answer.and_then(|answer| server(answer.get("server")?)))
    }

    pub(super) async fn console_output(&self, id: &str) -> Answer<String> {
        let path = format!("/v2.1/{}/servers/{}/action", self.project().await?, encode(id.as_bytes()));
        let body = json!({ "os-getConsoleOutput": { "length": CONSOLE_LINES } });
        let answer = unless_missing(self.call(&Call::post(Service::Ecs, path, body)).await)?;
        Ok(answer.map(|answer| owned(&answer, "/output")).unwrap_or_default())
    }

    /// The server goes with its disks and addresses in one call; what outlived its server goes by itself.
    pub(super) async fn delete(&self, resources: &[Resource]) -> Answer<Removal> {
        let of = |kind| resources.iter().filter(move |resource| resource.kind == kind);
        let mut there = Vec::new();
        // What a customer attached to the server since it was made is theirs, and outlives it. Of a server without a known
        // disk, which was never seen whole, it is known that it was ordered with a system disk and no other.
        let seen_whole = of(ResourceKind::Disk).next().is_some();
        let mut foreign = Vec::new();
        for resource in of(ResourceKind::Server) {
            let Some(server) = self.show(&resource.id).await?.filter(|it| it.state != ServerState::Gone) else {
                continue;
            };
            there.push(json!({ "id": resource.id }));
            let known = |it: &Resource| resources.iter().any(|known| known.kind == it.kind && known.id == it.id);
            let ours = |it: &Resource| known(it) || (!seen_whole && (it.kind != ResourceKind::Disk || is_system(it)));
            foreign.extend(server.resources.into_iter().filter(|it| !ours(it)).map(|it| it.kind));
        }
        let takes = |kind| !foreign.contains(&kind);
        let mut job = None;
        if there.is_empty() {
            for disk in of(ResourceKind::Disk) {
                self.delete_disk(&disk.id).await?;
            }
            for address in of(ResourceKind::Address) {
                self.delete_address(&address.id).await?;
            }
        } else {
            let path = format!("/v1/{}/cloudservers/delete", self.project().await?);
            let (address, disk) = (takes(ResourceKind::Address), takes(ResourceKind::Disk));
            let body = json!({ "servers": there, "delete_publicip": address, "delete_volume": disk });
            let answer = unless_missing(self.call(&Call::post(Service::Ecs, path, body)).await)?;
            job = answer.as_ref().and_then(|answer| text(answer, "/job_id")).map(str::to_owned);
        }
        Ok(Removal { job, resources: resources.to_vec() })
    }

    async fn delete_disk(&self, id: &str) -> Answer<()> {
        let path = format!("/v2/{}/cloudvolumes/{}", self.project().await?, encode(id.as_bytes()));
        unless_missing(self.call(&Call::delete(Service::Evs, path)).await).map(drop)
    }

    /// A server's detail names its address but not the address' id.
    pub(super) async fn delete_address(&self, address: &str) -> Answer<()> {
        let Some(id) = self.address_id(address).await? else { return Ok(()) };
        let path = format!("/v1/{}/publicips/{}", self.project().await?, encode(id.as_bytes()));
        unless_missing(self.call(&Call::delete(Service::Vpc, path)).await).map(drop)
    }

    async fn address_id(&self, address: &str) -> Answer<Option<String>> {
        let path = format!("/v3/{}/eip/publicips", self.project().await?);
        let call = Call::get(Service::Vpc, path).with("public_ip_address", address);
        let found = self.marked(call, "/publicips").await?;
        // One that serves another machine by now is none of ours.
        let free = |one: &Value| ["/vnic/port_id", "/associate_instance_id"].iter().all(|at| text(one, at).is_none());
        let ours = |one: &&Value| text(one, "/public_ip_address") == Some(address) && free(one);
        Ok(found.iter().find(ours).and_then(|one| text(one, "/id")).map(str::to_owned))
    }

    /// Which of `resources` the cloud still knows. A disk goes with its server and is not asked for.
    pub(super) async fn still_there(&self, resources: &[Resource]) -> Answer<Vec<Resource>> {
        let mut left = Vec::new();
        for resource in resources {
            let there = match resource.kind {
                ResourceKind::Server => {
                    self.show(&resource.id).await?.is_some_and(|server| server.state != ServerState::Gone)
                }
                ResourceKind::Address => self.address_id(&resource.id).await?.is_some(),
                ResourceKind::Disk => false,
            };
            if there {
                left.push(resource.clone());
            }
        }
        Ok(left)
    }
}

/// Whether a disk is the first of its server.
fn is_system(disk: &Resource) -> bool {
    disk.name.as_deref().is_some_and(|device| ["/dev/vda", "/dev/sda", "/dev/xvda"].contains(&device))
}

/// What is gone is no error.
fn unless_missing(answer: Answer<Value>) -> Answer<Option<Value>> {
    match answer {
        Err(CloudError { trouble: Trouble::NotFound, .. }) => Ok(None),
        other => other.map(Some),
    }
}

fn server(one: &Value) -> Option<Server> {
    let id = text(one, "/id")?.to_owned();
    let state = match text(one, "/status").unwrap_or_default() {
        "BUILD" | "REBUILD" => ServerState::Building,
        "SHUTOFF" | "SHELVED" | "SHELVED_OFFLOADED" => ServerState::Stopped,
        "DELETED" => ServerState::Gone,
        "ERROR" => ServerState::Broken,
        _ => ServerState::Running,
    };
    let addresses = one.get("addresses").and_then(Value::as_object);
    let addresses: Vec<&Value> =
        addresses.into_iter().flat_map(|networks| networks.values()).filter_map(Value::as_array).flatten().collect();
    let address = |kind: &str| {
        let found = addresses.iter().find(|one| text(one, "/OS-EXT-IPS:type") == Some(kind));
        found.and_then(|one| text(one, "/addr")).map(str::to_owned)
    };
    let (public_ip, private_ip) = (address("floating"), address("fixed"));
    let mut resources =
        vec![Resource { kind: ResourceKind::Server, id: id.clone(), name: text(one, "/name").map(str::to_owned) }];
    for disk in list(one, "/os-extended-volumes:volumes_attached") {
        let name = text(disk, "/device").map(str::to_owned);
        resources.extend(text(disk, "/id").map(|id| Resource { kind: ResourceKind::Disk, id: id.to_owned(), name }));
    }
    resources.extend(public_ip.clone().map(|id| Resource { kind: ResourceKind::Address, name: Some(id.clone()), id }));
    Some(Server { id, state, public_ip, private_ip, resources })
}
