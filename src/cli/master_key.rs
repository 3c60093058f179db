//! Where the master key comes from: environment, systemd credential or file; and when a new one may be made.

use std::{
    env::VarError,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use zeroize::Zeroizing;

use crate::{base::entropy::Entropy, license::seal::MasterKey};

use super::secret_file;

const VARIABLE: &str = "SIGNET_MASTER_KEY";
const CREDENTIAL: &str = "signet-master-key";
/// What the file is called in errors.
const WHAT: &str = "the master key";

/// Reads the master key, or makes its file when the database holds nothing sealed yet.
///
/// # Errors
/// Says what to bring back when a sealed database comes without its key; refuses a file that others can read.
pub fn obtain(file: &Path, database_is_sealed: bool, entropy: &dyn Entropy) -> anyhow::Result<MasterKey> {
    match std::env::var(VARIABLE) {
        Ok(text) if !text.is_empty() => return parse(&text, VARIABLE),
        // Set but empty is how Compose passes on what is not set.
        Ok(_) | Err(VarError::NotPresent) => {}
        // Passing it over could end with a new key that nobody keeps.
        Err(VarError::NotUnicode(_)) => bail!("the master key in {VARIABLE} is wrong: it is not UTF-8"),
    }
    if let Some(path) = credential() {
        // systemd keeps it private in a way of its own.
        let text = fs::read_to_string(&path).with_context(|| format!("{WHAT} {} cannot be read", path.display()))?;
        return parse(&Zeroizing::new(text), CREDENTIAL);
    }
    if file.exists() {
        return stored(file);
    }
    if database_is_sealed {
        bail!(
            "the database is sealed under a master key, but {} is missing: bring it back from your backup, or name it \
             with --master-key-file, {VARIABLE} or the systemd credential {CREDENTIAL}. Without it no key, no code \
             and no signature in the database can be opened",
            file.display()
        );
    }
    make(file, entropy)
}

/// The credential that systemd hands over (`LoadCredential=signet-master-key:…`).
fn credential() -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?).join(CREDENTIAL);
    path.exists().then_some(path)
}

/// The key in `file`, which only its owner may read.
fn stored(file: &Path) -> anyhow::Result<MasterKey> {
    parse(&secret_file::read(file, WHAT)?, &file.display().to_string())
}

fn parse(text: &str, source: &str) -> anyhow::Result<MasterKey> {
    MasterKey::parse(text).with_context(|| format!("the master key in {source} is wrong"))
}

/// Writes a new key. Two starts at once end with one key: the later one takes what the earlier one made.
fn make(file: &Path, entropy: &dyn Entropy) -> anyhow::Result<MasterKey> {
    let key = MasterKey::generate(entropy);
    match secret_file::create(file, &Zeroizing::new(format!("{}\n", *key.to_text()))) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return stored(file),
        made => made.with_context(|| format!("the master key {} cannot be written", file.display()))?,
    }
    tracing::warn!(
        "made a new master key in {}: back it up apart from the database, nothing can be opened without it",
        file.display()
    );
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::base::entropy::SeededEntropy;

    #[test]
    fn the_file_is_made_once_private_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        let first = obtain(&file, false, &SeededEntropy::new(1)).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let again = obtain(&file, true, &SeededEntropy::new(2)).unwrap();
        assert_eq!(first.check_value(), again.check_value());
    }

    /// Regression: one of them failed, or read the file while the other was still writing it.
    #[test]
    fn regression_many_starts_at_once_end_with_one_key() {
        for _ in 0..50 {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("master.key");
            let start = std::sync::Barrier::new(8);
            let keys: Vec<_> = std::thread::scope(|scope| {
                let begin = |seed| {
                    start.wait();
                    obtain(&file, false, &SeededEntropy::new(seed)).unwrap().check_value()
                };
                let starts: Vec<_> = (0..8).map(|seed| scope.spawn(move || begin(seed))).collect();
                starts.into_iter().map(|start| start.join().unwrap()).collect()
            });
            assert!(keys.iter().all(|key| *key == keys[0]));
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        }
    }

    #[test]
    fn a_sealed_database_without_its_key_is_refused_and_no_file_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        let refused = obtain(&file, true, &SeededEntropy::new(1)).unwrap_err().to_string();
        assert!(refused.contains("bring it back"), "{refused}");
        assert!(!file.exists());
    }

    #[test]
    fn a_file_that_others_can_read_and_one_with_nonsense_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        obtain(&file, false, &SeededEntropy::new(1)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(obtain(&file, true, &SeededEntropy::new(1)).unwrap_err().to_string().contains("chmod 600"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&file, "canary-secret").unwrap();
        let refused = format!("{:#}", obtain(&file, true, &SeededEntropy::new(1)).unwrap_err());
        assert!(!refused.contains("canary-secret"), "{refused}");
    }
}
