//! One server: started, run to its end, and what is left of it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};
use signet::{
    base::{entropy::SeededEntropy, ids::DeploymentId},
    provision::{
        bootstrap::Bootstrap,
        password,
        recipe::{Answers, Architecture, Minimum, PackageSource, Recipe},
    },
};
use tempfile::TempDir;

use super::fake::{self, Fake, Play, TOKEN};
use crate::harness::slug;

/// Root's password on all of them.
pub const PASSWORD: &str = "Correct-Horse-7";

/// What a test starts with: everything in order. Tests change it.
pub struct Plan {
    /// Another script than the one for all this.
    pub script: Option<String>,
    pub key: SigningKey,
    pub play: Play,
    pub recipe: Recipe,
    pub answers: Answers,
    /// SHA-256 of another text than the manifest.
    pub other_manifest: Option<&'static str>,
    /// `Ec2`, `OpenStack` or a shell.
    pub how: &'static str,
    pub disk_mib: u32,
    /// Files put onto the root first: path, text. Executable.
    pub files: Vec<(&'static str, &'static str)>,
}

impl Plan {
    pub fn new(how: &'static str) -> Self {
        let key = SigningKey::from_bytes(&[7; 32]);
        let package = packed(&repository().join("tests/boot/sample"));
        let manifest = fake::manifest(&key, &package, |_| {});
        Self {
            script: None,
            key,
            play: Play { manifest, package, license: fake::LICENSE.to_owned(), ..Play::default() },
            recipe: Recipe {
                package: PackageSource::Published { version: None },
                install: "./install.sh".to_owned(),
                health: "curl --fail --silent http://127.0.0.1:8080/".to_owned(),
                health_seconds: 10,
                install_seconds: 20,
                ports: vec![8080],
                minimum: Minimum { vcpus: 1, memory_mib: 512, disk_gib: 1 },
                systems: vec![],
                architectures: vec![Architecture::X86_64],
                outputs: vec![],
                parameters: vec![],
            },
            answers: [("greeting".to_owned(), "it's $HOME `id` 你好".to_owned())].into(),
            other_manifest: None,
            how,
            disk_mib: 512,
            files: vec![],
        }
    }

    /// Starts the service and the server, and waits until the server is off.
    pub fn run(self) -> Machine {
        let out = TempDir::new().unwrap();
        let script = self.script.clone().unwrap_or_else(|| self.written());
        let fake = Fake::start(self.play);
        std::fs::write(out.path().join("script"), &script).unwrap();
        let files = out.path().join("to-copy");
        std::fs::create_dir(&files).unwrap();
        for (path, text) in &self.files {
            let path = files.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            shell("chmod", &["755", path.to_str().unwrap()]);
        }
        boot(self.how, &out, &fake.address.to_string(), self.disk_mib);
        Machine { out, fake, script }
    }

    /// The script, as it is rendered.
    pub fn written(&self) -> String {
        let digest = HEXLOWER.encode(&Sha256::digest(self.other_manifest.unwrap_or(&self.play.manifest)));
        let hash = password::hash(&PASSWORD.into(), &SeededEntropy::new(1)).unwrap();
        let bootstrap = Bootstrap {
            service: "http://198.51.100.10",
            deployment: DeploymentId::from_bytes([7; 16]),
            token: &TOKEN.into(),
            manifest_sha256: &digest,
            key: &self.key.verifying_key().to_bytes(),
            product: &slug("atlas"),
            password: Some(&hash),
            recipe: &self.recipe,
            answers: &self.answers,
        };
        bootstrap.script().unwrap().text().to_owned()
    }
}

/// Boots and waits. Says what is missing when it cannot: a skipped test would look like a passed one.
pub fn boot(how: &str, out: &TempDir, service: &str, disk_mib: u32) {
    let rootfs = Command::new(repository().join("tests/boot/rootfs.sh")).output().unwrap();
    assert!(rootfs.status.success(), "{}", String::from_utf8_lossy(&rootfs.stderr));
    let rootfs = String::from_utf8(rootfs.stdout).unwrap();
    let path = out.path().to_str().unwrap();
    let booted = Command::new(repository().join("tests/boot/boot.sh"))
        .args([rootfs.trim_end(), &format!("{path}/script"), how, path, service, &format!("{path}/to-copy")])
        .env("DISK_MIB", disk_mib.to_string())
        .output()
        .unwrap();
    assert!(booted.status.success(), "{}", String::from_utf8_lossy(&booted.stderr));
}

/// A server that is off.
pub struct Machine {
    out: TempDir,
    pub fake: Fake,
    script: String,
}

impl Machine {
    /// What it left under this name; empty when there is none.
    pub fn left(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.out.path().join(name)).unwrap_or_default()).into_owned()
    }

    /// The text of one of the files of the product.
    pub fn file(&self, path: &str) -> String {
        let archive = self.out.path().join("left.tar");
        let tar = Command::new("tar").arg("-xOf").arg(archive).arg(path).output().unwrap();
        assert!(tar.status.success(), "{path}: {}", String::from_utf8_lossy(&tar.stderr));
        String::from_utf8(tar.stdout).unwrap()
    }

    /// What stands in its script in place of root's password.
    pub fn hash(&self) -> &str {
        self.script.split_once("PASSWORD='").unwrap().1.split('\'').next().unwrap()
    }

    /// What the script printed.
    pub fn printed(&self) -> String {
        self.left("script.log") + &self.left("cloud-init-output.log")
    }

    /// The reason of the failure, after exactly one; nothing was installed when `untouched`.
    pub fn failure(&self, untouched: bool) -> String {
        let failed: Vec<_> = self.fake.reports().into_iter().filter(|it| it.event == "failed").collect();
        assert_eq!(failed.len(), 1, "{}\n{}", self.left("console.log"), self.printed());
        assert_eq!(self.left("environment").is_empty(), untouched, "whether the installation ran");
        assert!(self.left("failed").contains(".service"), "the system knows that it failed");
        failed[0].reason.clone().unwrap()
    }
}

/// A folder as a package.
pub fn packed(folder: &Path) -> Vec<u8> {
    let tar = Command::new("tar").arg("-C").arg(folder).args(["-czf", "-", "."]).output().unwrap();
    assert!(tar.status.success());
    tar.stdout
}

fn shell(program: &str, arguments: &[&str]) {
    assert!(Command::new(program).args(arguments).status().unwrap().success());
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
