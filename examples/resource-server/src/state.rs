//! The keys of providers, saved for the next start.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use countersign::remote::SavedKeys;
use tracing::{info, warn};

/// The file in the folder.
const FILE: &str = "keys.json";

/// The folder in which keys are saved, and what is in it. They are public, but whoever can change them can let
/// anyone in: only the user of this process may write there.
pub(crate) struct State {
    folder: PathBuf,
    saved: BTreeMap<String, SavedKeys>,
    fails: bool,
}

impl State {
    /// Reads what an earlier run has saved. What cannot be read is as good as none: the keys are fetched.
    ///
    /// # Errors
    ///
    /// The folder is not there, and cannot be made.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let file = folder.join(FILE);
        let read = fs::read(&file).and_then(|json| Ok(serde_json::from_slice(&json)?));
        let saved = read.unwrap_or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                warn!(file = %file.display(), cause = %error, "the saved keys are not used");
            }
            BTreeMap::new()
        });
        Ok(Self {
            folder,
            saved,
            fails: false,
        })
    }

    /// Returns the keys of a source: of an issuer, or a URL.
    pub(crate) fn keys(&self, source: &str) -> Option<&SavedKeys> {
        self.saved.get(source)
    }

    /// Returns the keys of all sources.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&String, &SavedKeys)> {
        self.saved.iter()
    }

    /// Saves these keys, unless they are there already. The last keys of a provider stay when it has none now, unless that `is_gone`.
    pub(crate) fn save(
        &mut self,
        keys: impl Iterator<Item = (String, SavedKeys)>,
        is_gone: impl Fn(&str) -> bool,
    ) {
        let mut all = self.saved.clone();
        all.extend(keys);
        all.retain(|source, _| !is_gone(source));
        if all == self.saved {
            return;
        }
        match write(&self.folder, &all) {
            Ok(()) => {
                self.saved = all;
                if self.fails {
                    info!("the keys are saved again");
                }
                self.fails = false;
            }
            Err(error) => {
                if !self.fails {
                    warn!(folder = %self.folder.display(), cause = %error, "the keys cannot be saved");
                }
                self.fails = true;
            }
        }
    }
}

/// Replaces the file as a whole: whoever reads it finds the old keys or the new ones.
fn write(folder: &Path, keys: &BTreeMap<String, SavedKeys>) -> io::Result<()> {
    let json = serde_json::to_vec(keys)?;
    let new = folder.join(format!("{FILE}.new"));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(&json)?;
    file.sync_all()?;
    fs::rename(new, folder.join(FILE))
}
