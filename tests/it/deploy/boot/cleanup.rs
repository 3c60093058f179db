//! What the page tells people to run on a server undoes what the bootstrap did there.

use signet::provision::run::Status;

use super::machine::Plan;
use crate::customer::{
    deploy::{Service, begun},
    text,
};

/// The commands that a deployment's page shows.
async fn shown() -> String {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let id = begun(&service, &mut visitor).await;
    service.work_until(Status::Healthy).await;
    let page = text(&visitor.get(&format!("/license/deployments/{id}")).await);
    let (_, rest) = page.split_once("<code id=\"clean-up\">").unwrap_or_else(|| panic!("no commands: {page}"));
    let commands = rest.split_once("</code>").unwrap().0.to_owned();
    assert!(commands.lines().count() == 3 && !commands.contains('&'), "{commands}");
    commands
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn boot_is_undone_by_the_commands_of_the_page() {
    let commands = shown().await;
    let mut plan = Plan::new("/bin/sh");
    let deploy: &'static str = plan.written().leak();
    plan.files.push(("deploy.sh", deploy));
    // The server has nobody but root.
    plan.files.push(("usr/local/bin/sudo", "#!/bin/sh\nexec \"$@\"\n"));
    let list =
        "find /etc/signet /var/lib/signet /opt/signet /etc/systemd/system -name '*atlas*'; systemctl list-timers --all";
    plan.script = Some(format!("set -e\nsh /deploy.sh\n({list}) >/root/before\n{commands}\n({list}) >/root/after\n"));
    let machine = tokio::task::spawn_blocking(move || plan.run()).await.unwrap();
    let (before, after) = (machine.left("before"), machine.left("after"));
    for there in ["/etc/signet/atlas", "/opt/signet/atlas", "/var/lib/signet/atlas", "signet-atlas.timer"] {
        assert!(before.contains(there), "{there}: {before}\n{}", machine.printed());
    }
    assert!(after.contains("timers listed") && !after.contains("atlas"), "{after}\n{}", machine.printed());
    assert!(!machine.left("files").contains("atlas"), "{}", machine.left("files"));
    assert_eq!((machine.left("failed").as_str(), machine.left("renewed").as_str()), ("", ""));
}
