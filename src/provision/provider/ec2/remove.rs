//! Removing a server with what was made with it.

use crate::provision::provider::{
    Answer,
    error::Trouble,
    made::{Removal, RemovalProgress, Resource, ResourceKind},
};

use super::{
    Ec2,
    call::compute,
    server::{self, State},
};

impl Ec2 {
    /// Ends the servers. Their disks and addresses follow by themselves; a disk that did not is deleted by
    /// [`Ec2::removal_progress`], once no server holds it.
    pub(super) async fn terminate(&self, resources: &[Resource]) -> Answer<Removal> {
        for server in of_kind(resources, ResourceKind::Server) {
            // Not every cloud takes the end of what has ended. One that is not known (yet) is ended all the same.
            let known = self.instance(&server.id).await?;
            if known.is_some_and(|instance| matches!(server::state(&instance), State::Leaving | State::Terminated)) {
                continue;
            }
            match self.call(&compute("TerminateInstances").with("InstanceId.1", &server.id)).await {
                Err(error) if error.trouble != Trouble::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(Removal { job: None, resources: resources.to_vec() })
    }

    pub(super) async fn removal_progress(&self, removal: &Removal) -> Answer<RemovalProgress> {
        for resource in of_kind(&removal.resources, ResourceKind::Server) {
            let instance = self.instance(&resource.id).await?;
            if instance.is_some_and(|instance| server::state(&instance) != State::Terminated) {
                return Ok(RemovalProgress::Pending);
            }
        }
        let mut left = Vec::new();
        for disk in of_kind(&removal.resources, ResourceKind::Disk) {
            match self.disk_state(&disk.id).await?.as_deref() {
                None => {}
                Some("available") => left.push(disk.clone()),
                // Being deleted, or still being taken off the server that is gone.
                Some(_) => return Ok(RemovalProgress::Pending),
            }
        }
        for disk in &left {
            match self.call(&compute("DeleteVolume").with("VolumeId", &disk.id)).await {
                Err(error) if error.trouble != Trouble::NotFound => return Ok(RemovalProgress::Failed { error, left }),
                _ => {}
            }
        }
        Ok(if left.is_empty() { RemovalProgress::Done } else { RemovalProgress::Pending })
    }

    /// What a disk does; `None` when it is gone.
    async fn disk_state(&self, id: &str) -> Answer<Option<String>> {
        match self.call(&compute("DescribeVolumes").with("VolumeId.1", id)).await {
            Err(error) if error.trouble == Trouble::NotFound => Ok(None),
            answer => Ok(answer?.items("volumeSet").next().map(|volume| volume.string("status"))),
        }
    }
}

fn of_kind(resources: &[Resource], kind: ResourceKind) -> impl Iterator<Item = &Resource> {
    resources.iter().filter(move |resource| resource.kind == kind)
}
