//! What the client keeps between two runs: one file, private, written in one step, guarded by a lock.
//!
//! The file is a bundle as it travels between machines, with a member `client` of its own: the pinned root, the
//! license and the highest time seen are nobody else's.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use rustix::{fs::OFlags, process::geteuid};
use serde::{Deserialize, Serialize, Serializer};
use signet_verify::{bundle::Bundle, clock::TrustedTime, revocations::RevocationSet};

use crate::base::{
    secret::{ExposeSecret, SecretString},
    slug::Slug,
};

/// The state.
const FILE: &str = "state.json";
/// Held while a command works; never removed, because a lock on a removed file guards nothing.
const LOCK: &str = "lock";
/// The id of a container whose folder is a volume.
const VOLUME_ID: &str = "machine-id";
/// Bytes of a state: its longest part is all that was revoked, some 45 bytes for each license.
const STATE_BYTES: u64 = 64 * 1024 * 1024;

/// What is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// What the service signed.
    #[serde(flatten)]
    pub bundle: Bundle,
    /// What only this machine has.
    pub client: Own,
}

/// The part that is no bundle.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Own {
    /// `x` of the product's root, as given at the first activation or import.
    pub root_key: String,
    /// The service's address; absent when the machine was activated by a file.
    pub server: Option<String>,
    /// License code or key, as it was typed.
    #[serde(serialize_with = "exposed")]
    pub license: Option<SecretString>,
    /// The seat.
    pub activation: Option<String>,
    /// The highest `time` of anything signed, in microseconds since 1970.
    pub highest_time: i64,
    /// The software's version, as given last.
    pub version: Option<String>,
    /// A signed and conclusive no (`validation+jwt`): it stands until the service says otherwise.
    pub refusal: Option<String>,
    /// All revocations seen.
    #[serde(default)]
    pub revoked: RevocationSet,
}

impl State {
    /// What a machine has that was just told its root.
    pub fn new(product: &Slug, root_key: &str) -> Self {
        let client = Own {
            root_key: root_key.to_owned(),
            server: None,
            license: None,
            activation: None,
            highest_time: TrustedTime::default().highest_seen_micros(),
            version: None,
            refusal: None,
            revoked: RevocationSet::default(),
        };
        Self { bundle: Bundle::new(product.as_str()), client }
    }
}

/// The state's file is where the license is meant to be.
fn exposed<S: Serializer>(license: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    license.as_ref().map(ExposeSecret::expose_secret).serialize(serializer)
}

/// The folder of a product's state, held by this process alone.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be and waits for whoever works in it.
    ///
    /// # Errors
    /// When the folder cannot be made or written, and when others could change what is in it.
    pub fn open(path: PathBuf) -> anyhow::Result<Self> {
        let cannot = || format!("{} cannot be used: name another folder with SIGNET_CLIENT_DIR", path.display());
        DirBuilder::new().recursive(true).mode(0o700).create(&path).with_context(cannot)?;
        private(&path, geteuid().as_raw())?;
        let lock = open_lock(&path.join(LOCK)).with_context(cannot)?;
        // Every holder ends by itself: each of its calls has a time-out.
        lock.lock().with_context(cannot)?;
        Ok(Self { path, _lock: lock })
    }

    /// As [`Self::open`], but makes nothing: `None` when the folder or its lock is not there.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn existing(path: PathBuf) -> anyhow::Result<Option<Self>> {
        match fs::symlink_metadata(path.join(LOCK)) {
            Ok(_) => Self::open(path).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The state, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, and when it is none: the pinned root and the time seen would be lost with it, so nobody
    /// but the operator removes it.
    pub fn load(&self) -> anyhow::Result<Option<State>> {
        let path = self.path.join(FILE);
        let mut bytes = Vec::new();
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened
                .and_then(|file| file.take(STATE_BYTES).read_to_end(&mut bytes))
                .with_context(|| format!("{} cannot be read", path.display()))?,
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .with_context(|| format!("{} is damaged: remove it and activate again", path.display()))
    }

    /// Writes the state in one step: a crash leaves the one before or this one.
    ///
    /// # Errors
    /// When the disk is full, the folder is read-only, or the state has become longer than [`Self::load`] reads.
    pub fn save(&self, state: &State) -> anyhow::Result<()> {
        let bytes = serde_json::to_vec(state)?;
        if bytes.len() as u64 > STATE_BYTES {
            bail!("the state would be longer than {STATE_BYTES} bytes: it stays as it was");
        }
        self.write(FILE, &bytes)
    }

    /// Removes the state.
    ///
    /// # Errors
    /// When the folder is read-only.
    pub fn remove(&self) -> anyhow::Result<()> {
        let path = self.path.join(FILE);
        fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))
    }

    /// The id kept here, made when there is none: `None` unless the folder is on a volume, because an id in a
    /// container's own file system would be another one after each start.
    ///
    /// # Errors
    /// When it can be neither read nor written.
    pub fn volume_id(&self, fresh: impl FnOnce() -> String) -> anyhow::Result<Option<String>> {
        if fs::metadata(&self.path)?.dev() == fs::metadata("/")?.dev() {
            return Ok(None);
        }
        let path = self.path.join(VOLUME_ID);
        if !path.exists() {
            self.write(VOLUME_ID, fresh().as_bytes())?;
        }
        let id = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        if id.trim().is_empty() {
            bail!("{} is empty: remove it", path.display());
        }
        Ok(Some(id.trim().to_owned()))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let (path, new) = (self.path.join(name), self.path.join(format!("{name}.new")));
        let written = || -> io::Result<()> {
            // What a crash left behind may have other permissions.
            let _ = fs::remove_file(&new);
            let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.path)?.sync_all()
        };
        written().with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// Refuses a folder in which somebody else than `user` could put a state of their own: the pinned root would be theirs.
/// The folder above may be root's, and writable by others where they can move nothing away (`/tmp`), or by a group, which
/// is how Kubernetes mounts a volume.
fn private(folder: &Path, user: u32) -> anyhow::Result<()> {
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for (path, owners, writable, unless) in [(folder, [user, user], 0o022, 0), (above, [user, 0], 0o002, 0o1000)] {
        let found = fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let (owner, mode, path) = (found.uid(), found.mode() & 0o7777, path.display());
        if !owners.contains(&owner) {
            bail!(
                "{path} belongs to user {owner} and this runs as user {user}, so somebody else could change the state: run \
                 this as user {owner}, or name a folder of your own with SIGNET_CLIENT_DIR"
            );
        }
        if mode & writable != 0 && mode & unless == 0 {
            bail!(
                "{path} can be written by others (mode {mode:o}), who could change the state: chmod go-w {path}, or name a \
                 folder of your own with SIGNET_CLIENT_DIR"
            );
        }
    }
    Ok(())
}

/// Opens the lock, making it if need be. A link is not followed: it may lead to a file of somebody else.
fn open_lock(path: &Path) -> anyhow::Result<File> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let options = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).custom_flags(flags).clone();
    options.open(path).map_err(|error| match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => anyhow!("{} is a link, which is not followed: remove it", path.display()),
        _ => error.into(),
    })
}

/// What of the surroundings says where states are kept.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// `SIGNET_CLIENT_DIR`.
    pub given: Option<PathBuf>,
    /// Whether root asks.
    pub root: bool,
    /// `XDG_STATE_HOME`.
    pub xdg_state: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
}

impl Places {
    /// Those of this process.
    pub fn of_process() -> Self {
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            given: path("SIGNET_CLIENT_DIR"),
            root: geteuid().is_root(),
            // A relative path is invalid and to be ignored (XDG Base Directory Specification).
            xdg_state: path("XDG_STATE_HOME").filter(|path| path.is_absolute()),
            home: path("HOME"),
        }
    }

    /// The folder of `product`.
    ///
    /// # Errors
    /// When there is no home.
    pub fn folder(&self, product: &Slug) -> anyhow::Result<PathBuf> {
        let all = if let Some(given) = &self.given {
            given.clone()
        } else if self.root {
            PathBuf::from("/var/lib/signet/client")
        } else if let Some(state) = &self.xdg_state {
            state.join("signet")
        } else if let Some(home) = &self.home {
            home.join(".local/state/signet")
        } else {
            bail!("there is no home folder: say with SIGNET_CLIENT_DIR where to keep the state")
        };
        Ok(all.join(product.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::json;

    use super::*;

    /// Regression: the state was read from, and written to, a folder of anybody.
    #[test]
    fn regression_a_folder_that_others_can_change_is_refused() {
        let above = tempfile::tempdir().unwrap();
        let (folder, user) = (above.path().join("atlas"), geteuid().as_raw());
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        DirBuilder::new().mode(0o700).create(&folder).unwrap();
        for (of_folder, of_above, fits) in [
            (0o700, 0o700, true),
            (0o755, 0o755, true),
            (0o700, 0o1777, true),
            (0o700, 0o2775, true),
            (0o720, 0o700, false),
            (0o702, 0o700, false),
            (0o1777, 0o700, false),
            (0o700, 0o777, false),
        ] {
            set(&folder, of_folder);
            set(above.path(), of_above);
            let told = private(&folder, user).err().map(|error| error.to_string());
            assert_eq!(told.is_none(), fits, "{of_folder:o} {of_above:o} {told:?}");
            assert!(told.is_none_or(|told| told.contains("written by others") && told.contains("chmod go-w")));
        }
        let told = private(&folder, user + 1).unwrap_err().to_string();
        assert!(told.contains(&format!("belongs to user {user}")) && told.contains("SIGNET_CLIENT_DIR"), "{told}");
    }

    #[test]
    fn regression_a_state_with_many_revocations_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::open(folder.path().join("atlas")).unwrap();
        let mut state = State::new(&"atlas".parse().unwrap(), "x");
        let id = |number: u32| format!("00000000-0000-7000-8000-{number:012}");
        let licenses: serde_json::Map<_, _> = (0..60_000).map(|number| (id(number), json!(null))).collect();
        let set = json!({ "audience": "atlas/revocations", "number": 60_000, "time": 0, "exp": null, "complete": true,
            "licenses": licenses, "keys": [] });
        state.client.revoked = serde_json::from_value(set).unwrap();
        folder.save(&state).unwrap();
        assert_eq!(folder.load().unwrap().unwrap().client.revoked, state.client.revoked);
    }
}
