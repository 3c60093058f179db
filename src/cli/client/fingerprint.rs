//! What this machine is: the components of its fingerprint, read from Linux.
//!
//! Each is something that outlives a restart and differs between machines. What is missing or known to be worthless is
//! left out. In a container everything below is the image's or the host's, so only an id that the operator set, or one
//! that is kept on a volume, says which machine it is.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use signet_verify::{
    claims::Components,
    machine::{OPERATOR, digest},
};

/// Bytes that are read of any of these files.
const FILE_BYTES: u64 = 256 * 1024;
/// Characters that an operator's id may have.
pub const OPERATOR_CHARS: usize = 256;
/// What firmware says that was never given an id, and the id that thousands of boards share.
const WORTHLESS_DMI: [&str; 3] = [
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "03000200-0400-0500-0006-000700080009",
];

/// This machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// Digests by the component's name.
    pub components: Components,
    /// Whether this seems to be a container.
    pub container: bool,
}

/// Reads the machine whose root folder is `root`, under the id that the operator gave it, if any.
pub fn read(root: &Path, operator: Option<&str>, orchestrated: bool) -> Fingerprint {
    let container = orchestrated || in_container(root);
    let mut found = BTreeMap::new();
    if !container {
        let parts = [
            ("machine-id", machine_id(root)),
            ("dmi-uuid", dmi_uuid(root)),
            ("cloud-instance", cloud_instance(root)),
            ("mac", mac(root)),
            ("root-fs", root_filesystem(root)),
        ];
        found.extend(parts.into_iter().filter_map(|(name, value)| Some((name, value?))));
    }
    let mut components: Components =
        found.into_iter().map(|(name, value)| (name.to_owned(), digest(name, &value))).collect();
    components.extend(operator.map(self::operator).unwrap_or_default());
    Fingerprint { components, container }
}

/// What a machine is that has only the id its operator gave it.
pub fn operator(id: &str) -> Components {
    [(OPERATOR.to_owned(), digest(OPERATOR, id))].into()
}

/// What each common runtime leaves behind: Docker, Podman, and the rest in the first process's control groups.
fn in_container(root: &Path) -> bool {
    let marked = [".dockerenv", "run/.containerenv"].iter().any(|file| root.join(file).exists());
    let group = text(&root.join("proc/1/cgroup")).unwrap_or_default();
    marked || ["/docker", "/kubepods", "/lxc/", "/libpod", "/containerd"].iter().any(|name| group.contains(name))
}

/// The installation's id (machine-id(5)): 32 hexadecimal digits. Images that were not started yet say `uninitialized`.
fn machine_id(root: &Path) -> Option<String> {
    let id = text(&root.join("etc/machine-id"))?;
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// The board's id. Only root may read it.
fn dmi_uuid(root: &Path) -> Option<String> {
    let id = text(&root.join("sys/class/dmi/id/product_uuid"))?.to_lowercase();
    (!WORTHLESS_DMI.contains(&id.as_str())).then_some(id)
}

/// What the cloud calls this instance, as cloud-init wrote it down.
fn cloud_instance(root: &Path) -> Option<String> {
    let id = text(&root.join("var/lib/cloud/data/instance-id"))?;
    (!id.contains("none")).then_some(id)
}

/// The burnt-in address of the first network card. Virtual ones come and go, and so do those on USB.
fn mac(root: &Path) -> Option<String> {
    let mut cards: Vec<PathBuf> =
        fs::read_dir(root.join("sys/class/net")).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    cards.sort();
    cards.iter().find_map(|card| {
        let place = fs::canonicalize(card).ok()?;
        let place = place.to_string_lossy();
        let built_in = card.join("device").exists() && !place.contains("/virtual/") && !place.contains("/usb");
        // 0: permanent, in the kernel's words for addr_assign_type; the others are random or set by somebody.
        let permanent = text(&card.join("addr_assign_type")).is_some_and(|kind| kind == "0");
        let address = text(&card.join("address"))?.to_lowercase();
        (built_in && permanent && address.len() == 17 && address != "00:00:00:00:00:00").then_some(address)
    })
}

/// The id of the file system at `/`, as udev links it.
fn root_filesystem(root: &Path) -> Option<String> {
    let mounts = text(&root.join("proc/self/mountinfo"))?;
    // proc_pid_mountinfo(5): the fifth field is the mount point; the second one after the dash is the device.
    let device = mounts.lines().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        (mount.split(' ').nth(4)? == "/").then(|| source.split(' ').nth(1))?
    })?;
    let device = fs::canonicalize(root.join(device.strip_prefix('/')?)).ok()?;
    let links = fs::read_dir(root.join("dev/disk/by-uuid")).ok()?;
    links.filter_map(Result::ok).find_map(|link| {
        let same = fs::canonicalize(link.path()).is_ok_and(|target| target == device);
        same.then(|| link.file_name().to_string_lossy().into_owned())
    })
}

/// A small file's text without the white space around it; `None` when there is none.
fn text(path: &Path) -> Option<String> {
    let mut text = String::new();
    fs::File::open(path).ok()?.take(FILE_BYTES).read_to_string(&mut text).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn card(root: &Path, name: &str, place: &str, kind: &str, address: &str) {
        let folder = format!("sys/devices/{place}/net/{name}");
        write(root, &format!("{folder}/addr_assign_type"), kind);
        write(root, &format!("{folder}/address"), address);
        if !place.contains("virtual") {
            write(root, &format!("{folder}/device/vendor"), "1");
        }
        fs::create_dir_all(root.join("sys/class/net")).unwrap();
        symlink(root.join(folder), root.join("sys/class/net").join(name)).unwrap();
    }

    fn machine() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "etc/machine-id", &format!("{ID}\n"));
        write(root, "sys/class/dmi/id/product_uuid", "4C4C4544-0042-4A10-8052-B4C04F4E4D32\n");
        write(root, "var/lib/cloud/data/instance-id", "i-0001\n");
        card(root, "br0", "virtual", "0\n", "52:54:00:00:00:01\n");
        card(root, "en1", "pci0000:00/usb2/2-1", "0\n", "52:54:00:00:00:02\n");
        card(root, "en2", "pci0000:00", "1\n", "52:54:00:00:00:03\n");
        card(root, "en3", "pci0000:00", "0\n", "52:54:00:00:00:AA\n");
        write(
            root,
            "proc/self/mountinfo",
            "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 0:21 / /proc rw - proc proc rw\n",
        );
        write(root, "dev/sda1", "");
        write(root, "dev/sda2", "");
        fs::create_dir_all(root.join("dev/disk/by-uuid")).unwrap();
        symlink(root.join("dev/sda2"), root.join("dev/disk/by-uuid/0b-0b")).unwrap();
        symlink(root.join("dev/sda1"), root.join("dev/disk/by-uuid/0a-0a")).unwrap();
        folder
    }

    #[test]
    fn a_machine_is_read_by_what_lasts() {
        let folder = machine();
        let read = read(folder.path(), None, false);
        let expected = [
            ("cloud-instance", "i-0001"),
            ("dmi-uuid", "4c4c4544-0042-4a10-8052-b4c04f4e4d32"),
            ("mac", "52:54:00:00:00:aa"),
            ("machine-id", ID),
            ("root-fs", "0a-0a"),
        ];
        let expected: Components = expected.map(|(name, value)| (name.to_owned(), digest(name, value))).into();
        assert_eq!(read, Fingerprint { components: expected, container: false });
    }

    #[test]
    fn what_is_missing_or_worthless_is_left_out() {
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(read(empty.path(), None, false), Fingerprint { components: Components::new(), container: false });
        let folder = machine();
        write(folder.path(), "etc/machine-id", "uninitialized\n");
        write(folder.path(), "sys/class/dmi/id/product_uuid", "03000200-0400-0500-0006-000700080009");
        write(folder.path(), "var/lib/cloud/data/instance-id", "iid-datasource-none");
        write(folder.path(), "proc/self/mountinfo", "22 1 0:1 / / rw - overlay overlay rw\n");
        fs::remove_file(folder.path().join("sys/class/net/en3")).unwrap();
        assert_eq!(read(folder.path(), None, false).components, Components::new());
    }

    #[test]
    fn a_container_is_only_what_the_operator_says() {
        let by_file = |file: &'static str| move |root: &Path| write(root, file, "");
        let by_group = |root: &Path| write(root, "proc/1/cgroup", "0::/kubepods/pod1/c1\n");
        let hints: [&dyn Fn(&Path); 3] = [&by_file(".dockerenv"), &by_file("run/.containerenv"), &by_group];
        for hint in hints {
            let folder = machine();
            hint(folder.path());
            assert_eq!(
                read(folder.path(), None, false),
                Fingerprint { components: Components::new(), container: true }
            );
            let named = read(folder.path(), Some("pod-0"), false);
            assert_eq!(named.components, [(OPERATOR.to_owned(), digest(OPERATOR, "pod-0"))].into());
        }
        assert!(read(machine().path(), None, true).components.is_empty(), "told by the environment");
    }

    #[test]
    fn an_operators_id_stands_beside_what_the_machine_says() {
        let folder = machine();
        let read = read(folder.path(), Some("rack-7"), false);
        assert_eq!(read.components.len(), 6);
        assert_eq!(read.components[OPERATOR], digest(OPERATOR, "rack-7"));
    }
}
