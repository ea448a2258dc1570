//! The reading of files with keys, which nobody else may read or change.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use zeroize::Zeroizing;

use super::document::RingDocument;
use crate::error::ConfigError;

/// Reads a file that is secret.
pub(super) fn read_secret_file(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    read_file(path, |_| true)
}

/// Reads a file, and checks that only those can read and change it who may.
pub(super) fn read_file(
    path: &Path,
    is_secret: impl FnOnce(&str) -> bool,
) -> Result<Zeroizing<String>, ConfigError> {
    let unreadable = |error| cannot("read", path, &error);
    let mut file = fs::File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    // One byte more than is read, so that the text of a secret never moves.
    let mut text = Zeroizing::new(String::with_capacity(RingDocument::LONGEST + 1));
    let most = RingDocument::LONGEST as u64 + 1;
    Read::by_ref(&mut file)
        .take(most)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    check_access(path, &metadata, is_secret(&text))?;
    Ok(text)
}

/// Checks that only the owner, or root and a group of its choice, can read a private key, and nobody else write.
#[cfg(unix)]
fn check_access(path: &Path, file: &fs::Metadata, is_private: bool) -> Result<(), ConfigError> {
    use std::os::unix::fs::MetadataExt;

    let (forbidden, most) = match (is_private, file.uid()) {
        (false, _) => (0o022, 0o644),
        (true, 0) => (0o027, 0o640),
        (true, _) => (0o077, 0o600),
    };
    match file.mode() & forbidden {
        0 => Ok(()),
        _ => Err(ConfigError::InvalidSetting(format!(
            "others can read or change {}: its mode is {:04o}, and may be {most:04o} at most (chmod)",
            path.display(),
            file.mode() & 0o7777
        ))),
    }
}

#[cfg(not(unix))]
fn check_access(_: &Path, _: &fs::Metadata, _: bool) -> Result<(), ConfigError> {
    Ok(())
}

/// Checks that nobody else can put other files in the place of those that are here.
#[cfg(unix)]
pub(super) fn check_folder(path: &Path) -> Result<(), ConfigError> {
    use std::os::unix::fs::MetadataExt;

    let folder = fs::metadata(path).map_err(|error| cannot("read", path, &error))?;
    let is_sticky = folder.mode() & 0o1000 != 0;
    match folder.mode() & 0o022 == 0 || is_sticky {
        true => Ok(()),
        false => Err(ConfigError::InvalidSetting(format!(
            "others can change the folder {}: its mode is {:04o}, and may be 0755 at most (chmod)",
            path.display(),
            folder.mode() & 0o7777
        ))),
    }
}

#[cfg(not(unix))]
pub(super) fn check_folder(_: &Path) -> Result<(), ConfigError> {
    Ok(())
}

/// Says what cannot be done with a file.
pub(super) fn cannot(what: &str, path: &Path, error: &io::Error) -> ConfigError {
    ConfigError::Missing(format!("cannot {what} {}: {error}", path.display()))
}
