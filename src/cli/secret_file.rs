//! Files that hold a secret. They are written once: whole, private, and never over another; and read only while nobody
//! else can read them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use anyhow::{Context as _, bail};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::base::entropy::{Entropy, SystemEntropy};

/// Makes `file` with `text`, readable by its owner only. It appears under its name when all of it is on the disk, so
/// neither a crash nor another process that makes the same file leaves half of one.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when there is one; it stays as it is. What else stands against writing.
pub fn create(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    // A name of its own: process ids are the same in every container.
    let entropy: &dyn Entropy = &SystemEntropy;
    let new = folder.join(format!(".{name}.{}.new", HEXLOWER.encode(&entropy.bytes::<8>())));
    let written = write(&new, text).and_then(|()| fs::hard_link(&new, file));
    let removed = fs::remove_file(&new);
    written.and(removed)?;
    File::open(folder)?.sync_all()
}

/// Reads `file`, which holds `what`.
///
/// # Errors
/// Says which file cannot be read, or can be read by others.
pub fn read(file: &Path, what: &str) -> anyhow::Result<Zeroizing<String>> {
    let unreadable = || format!("{what} {} cannot be read", file.display());
    let mode = fs::metadata(file).with_context(unreadable)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = file.display();
        bail!("{what} {path} can be read by others (mode {mode:o}): chmod 600 {path}");
    }
    fs::read_to_string(file).map(Zeroizing::new).with_context(unreadable)
}

fn write(new: &Path, text: &str) -> io::Result<()> {
    let mut handle = OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?;
    handle.write_all(text.as_bytes())?;
    handle.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_once_private_and_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("seed");
        create(&file, "first\n").unwrap();
        assert_eq!(create(&file, "second\n").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&file).unwrap(), "first\n");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        assert_eq!(*read(&file, "the seed").unwrap(), "first\n");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o604)).unwrap();
        let refused = read(&file, "the seed").unwrap_err().to_string();
        assert!(
            refused.contains("the seed") && refused.contains("chmod 600") && !refused.contains("first"),
            "{refused}"
        );
        assert_eq!(create(&folder.path().join("none/seed"), "x").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
