//! Ordering a server: rehearsed, sent once, found again.

use data_encoding::BASE64;

use crate::{
    base::{limits, secret::ExposeSecret, text::Wording},
    provision::provider::{
        Answer,
        error::{CloudError, Trouble, script_too_long},
        made::{ATTEMPT_TAG, Accepted, Attempt, Progress, Resource, ResourceKind, ServerOrder},
        retry::Repeat,
    },
};

use super::{
    Ec2,
    call::compute,
    form::Form,
    refusal,
    server::{self, State},
    xml::Element,
};

/// How a cloud says that it would have done it.
const WOULD_DO: &str = "DryRunOperation";
/// Servers in an answer, where all are looked at.
const PAGE: u32 = 1_000;
/// Answers at most.
const PAGES: u32 = 20;

impl Ec2 {
    pub(super) async fn dry_run(&self, order: &ServerOrder) -> Answer<()> {
        let form = self.form(order, None)?;
        if !self.endpoint.abilities.dry_run {
            return Ok(());
        }
        match self.send(&form.with("DryRun", "true"), order, Repeat::Harmless).await {
            Err(error) if error.code.as_deref() == Some(WOULD_DO) => Ok(()),
            Err(error) => Err(error),
            Ok(made) => {
                // The cloud ignored the word and made a server that nobody ordered.
                if let Ok(accepted) = accepted(&made)
                    && let Some(id) = accepted.server
                {
                    self.terminate(&[Resource { kind: ResourceKind::Server, id, name: None }]).await?;
                }
                let message =
                    ("云端把预检当成了正式下单，已撤销。", "The cloud took a rehearsal for an order; it was undone.");
                Err(CloudError::new(Trouble::Unexpected, message))
            }
        }
    }

    pub(super) async fn run(&self, order: &ServerOrder, attempt: &Attempt) -> Answer<Accepted> {
        let form = self.form(order, Some(attempt))?;
        let accepted = accepted(&self.send(&form, order, Repeat::Never).await?)?;
        if !self.endpoint.abilities.tags_at_launch
            && let Some(id) = &accepted.server
        {
            let tags = tags(order, Some(attempt)).fold((1, compute("CreateTags").with("ResourceId.1", id)), tag).1;
            // The server is there and its id is known: a missing tag is no reason to lose it.
            if let Err(error) = self.call(&tags).await {
                tracing::warn!(%error, "a new server could not be tagged");
            }
        }
        Ok(accepted)
    }

    pub(super) async fn find_attempt(&self, attempt: &Attempt) -> Answer<Option<Accepted>> {
        let abilities = &self.endpoint.abilities;
        let all = compute("DescribeInstances");
        let answers = if abilities.tags_at_launch {
            vec![self.call(&all.filter(&format!("tag:{ATTEMPT_TAG}"), &[&attempt.token])).await?]
        } else if abilities.client_token {
            // Not every cloud knows the filter `client-token`; to some it is an error.
            self.pages(&all, PAGE, PAGES).await?
        } else {
            let message = (
                "该云不保存下单标记：请到它的控制台查看是否已创建服务器。",
                "This cloud keeps no mark of an order: look into its console whether a server was made.",
            );
            // "None" would let the caller order a second server.
            return Err(CloudError::new(Trouble::Unknown, message));
        };
        let more = answers.last().and_then(|last| last.text("nextToken")).is_some();
        let instances: Vec<&Element> = answers
            .iter()
            .flat_map(|it| it.items("reservationSet"))
            .flat_map(|item| item.items("instancesSet"))
            .collect();
        // Where a filter is not known it may be ignored, so what was found must say that it is of this attempt.
        let mut own = instances.iter().filter(|instance| {
            let tagged = instance
                .items("tagSet")
                .any(|tag| tag.text("key") == Some(ATTEMPT_TAG) && tag.text("value") == Some(attempt.token.as_str()));
            tagged || instance.text("clientToken") == Some(attempt.token.as_str())
        });
        match own.next() {
            Some(found) => Ok(Some(Accepted { job: None, server: Some(found.string("instanceId")) })),
            None if more => {
                let message =
                    ("账号中的服务器太多，无法逐一查看。", "The account has more servers than can be looked at.");
                Err(CloudError::new(Trouble::Unknown, message))
            }
            // That a token was sent does not mean that the cloud tells it again: one of these may be the one.
            None if !(abilities.tags_at_launch || instances.is_empty() || instances.iter().any(shows_token)) => {
                let message = (
                    "该云不说明服务器由哪次下单创建：请到它的控制台查看。",
                    "This cloud does not tell by which order a server was made: look into its console.",
                );
                Err(CloudError::new(Trouble::Unknown, message))
            }
            None => Ok(None),
        }
    }

    pub(super) async fn order_progress(&self, accepted: &Accepted) -> Answer<Progress> {
        let server = accepted.server.clone();
        let Some(id) = &server else { return Ok(Progress::Pending { server }) };
        // A new server is unknown to some of the cloud's machines for a while.
        let Some(instance) = self.instance(id).await? else { return Ok(Progress::Pending { server }) };
        match server::state(&instance) {
            State::Pending => Ok(Progress::Pending { server }),
            State::Running | State::Stopped => Ok(Progress::Created(server::server(&instance))),
            State::Leaving | State::Terminated => Ok(Progress::Failed { error: self.reason(&instance), left: vec![] }),
        }
    }

    fn reason(&self, instance: &Element) -> CloudError {
        let code = instance.text("stateReason/code");
        let message =
            instance.text("stateReason/message").or_else(|| instance.text("reason")).unwrap_or("no reason given");
        let trouble = code.and_then(|code| refusal::of_code(code, message, false));
        // The same order again would not be the same server: its client token is used up.
        let trouble = trouble.filter(|trouble| !trouble.passes()).unwrap_or(Trouble::Attempt);
        let message =
            Wording::both(format!("服务器已被云端终止：{message}"), format!("The server was ended: {message}"));
        CloudError::new(trouble, message).with(code.map(str::to_owned), None)
    }

    async fn send(&self, form: &Form, order: &ServerOrder, repeat: Repeat) -> Answer<Element> {
        self.call_hiding(form, order.user_data.expose_secret(), repeat).await
    }

    fn form(&self, order: &ServerOrder, attempt: Option<&Attempt>) -> Answer<Form> {
        let user_data = order.user_data.expose_secret();
        if user_data.len() > limits::USER_DATA_BYTES {
            return Err(script_too_long(user_data));
        }
        let abilities = &self.endpoint.abilities;
        let mut form = compute("RunInstances")
            .with("ImageId", &order.image)
            .with("InstanceType", &order.flavor)
            .with("MinCount", "1")
            .with("MaxCount", "1")
            .with("Placement.AvailabilityZone", &order.zone)
            .with("UserData", BASE64.encode(user_data.as_bytes()))
            .with("NetworkInterface.1.DeviceIndex", "0")
            .with("NetworkInterface.1.SubnetId", &order.subnet)
            .with("NetworkInterface.1.SecurityGroupId.1", &order.security_group)
            .with("NetworkInterface.1.AssociatePublicIpAddress", order.public_address_mbit.is_some().to_string())
            .with("NetworkInterface.1.DeleteOnTermination", "true");
        if let Some(name) = &order.key_pair {
            form = form.with("KeyName", name);
        }
        if let Some(device) = &order.root_device {
            form = disk(form, device, order.disk_gib, abilities.disk_type.as_deref());
        }
        if abilities.metadata_options {
            form = form
                .with("MetadataOptions.HttpEndpoint", "enabled")
                .with("MetadataOptions.HttpTokens", "required")
                .with("MetadataOptions.HttpPutResponseHopLimit", "1");
        }
        if let Some(attempt) = attempt.filter(|_| abilities.client_token) {
            form = form.with("ClientToken", &attempt.token);
        }
        if abilities.tags_at_launch {
            for (number, kind) in [(1, "instance"), (2, "volume")] {
                let start = format!("TagSpecification.{number}");
                form = form.with(&format!("{start}.ResourceType"), kind);
                form = tags(order, attempt)
                    .fold((1, form), |(count, form), pair| {
                        (count + 1, tag_at(form, &format!("{start}.Tag.{count}"), pair))
                    })
                    .1;
            }
        }
        Ok(form)
    }
}

fn shows_token(instance: &&Element) -> bool {
    instance.text("clientToken").is_some()
}

fn disk(form: Form, device: &str, gib: u32, kind: Option<&str>) -> Form {
    let form = form
        .with("BlockDeviceMapping.1.DeviceName", device)
        .with("BlockDeviceMapping.1.Ebs.VolumeSize", gib.to_string())
        .with("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true");
    match kind {
        Some(kind) => form.with("BlockDeviceMapping.1.Ebs.VolumeType", kind),
        None => form,
    }
}

/// The order's tags, its name and the attempt.
fn tags<'a>(order: &'a ServerOrder, attempt: Option<&'a Attempt>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let own = order.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let own = own.filter(|(key, _)| !matches!(*key, "Name" | ATTEMPT_TAG));
    let attempt = attempt.map(|attempt| (ATTEMPT_TAG, attempt.token.as_str()));
    std::iter::once(("Name", order.name.as_str())).chain(own).chain(attempt)
}

fn tag((count, form): (u32, Form), pair: (&str, &str)) -> (u32, Form) {
    (count + 1, tag_at(form, &format!("Tag.{count}"), pair))
}

fn tag_at(form: Form, start: &str, (key, value): (&str, &str)) -> Form {
    form.with(&format!("{start}.Key"), key).with(&format!("{start}.Value"), value)
}

fn accepted(answer: &Element) -> Answer<Accepted> {
    let id = answer.items("instancesSet").find_map(|item| item.text("instanceId"));
    let message = (
        "云端接受了下单，但没有说明是哪台服务器。",
        "The cloud accepted the order but did not say which server it is.",
    );
    let lost = || CloudError::new(Trouble::Unknown, message);
    Ok(Accepted { job: None, server: Some(id.ok_or_else(lost)?.to_owned()) })
}
