//! What undoes a deployment on its server by hand: for servers that exist, and where nobody has credentials any more.

use crate::base::slug::Slug;

/// The commands, to be run on the server one after the other: the timer that renews the lease ends, its units go, and the
/// folders go that the bootstrap made. What the software's own installation put elsewhere is the software's matter.
pub fn commands(product: &Slug) -> [String; 3] {
    let unit = format!("/etc/systemd/system/signet-{product}");
    [
        format!("sudo systemctl disable --now signet-{product}.timer"),
        format!("sudo rm -f {unit}.timer {unit}.service"),
        format!("sudo rm -rf /opt/signet/{product} /etc/signet/{product} /var/lib/signet/{product}"),
    ]
}
