//! A ring in a folder: the document, and a file for each key.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{
    access::{cannot, check_folder, read_file},
    document::{HalfOrWhole, RingDocument, RingKey},
    json::within,
    save::{Lock, Owner, create_folder, save},
};
use crate::{
    clock::{Clock, SystemClock},
    error::{ConfigError, quoted},
    jose::Key,
};

/// A folder with the [document](RingDocument) of a ring in `ring.json`, and a file for each private key.
///
/// Nodes [load](crate::SigningKeys::open) it and follow its changes; the operator's tool changes it. Mount it, or copy
/// it to each node: `ring.json` last.
///
/// In the document, `{"file": "2027.pem", "alg": "ES256", ..}` names a PEM (with `alg`) or a JWK in the folder: a
/// private key, or for a retired one just the public key. `kid` is the id; without it, that of the JWK or the
/// thumbprint (RFC 7638) is, so it is the same on every node.
///
/// On Unix, files that others could read or write are refused, as by OpenSSH and PostgreSQL: a file has no
/// permissions for group and others (0600), or if root owns it, at most reading by its group (0640). A file of public
/// keys may be readable. A folder in which others can write is refused, unless it is sticky.
///
/// A change is atomic: whoever reads sees all of it or nothing, also after a crash. Changes of two operators at once are made one after
/// the other. New files have the owner, group and permissions of the one before.
///
/// # Examples
///
/// ```no_run
/// use countersign::{ConfigError, SigningKey, SigningKeys, issue::{KeyFolder, RingDocument, RingTimes}};
///
/// // Once, by the operator:
/// let folder = KeyFolder::new("/etc/login/keys");
/// folder.create(|now| RingDocument::new(&SigningKey::generate_es256()?, RingTimes::new(), now))?;
///
/// // By each node:
/// let keys = SigningKeys::open(folder.clone())?;
///
/// // Every few months, by the operator:
/// folder.change(|document, now| document.rotate(&SigningKey::generate_es256()?, now))?;
/// # drop(keys);
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone)]
pub struct KeyFolder {
    path: Arc<Path>,
    clock: Arc<dyn Clock>,
}

/// The text of a document, and the document.
type Found = (Zeroizing<Vec<u8>>, RingDocument);

impl KeyFolder {
    /// The name of the document.
    const DOCUMENT: &str = "ring.json";

    /// Names a folder, which need not exist yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into().into(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets the clock, by which keys take turns. Default [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Reads the document and its keys.
    ///
    /// It reads a few small files, and waits for the disk.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] when a file cannot be read; [`ConfigError`] when others can read or change it, or as
    /// for [`RingDocument::from_json`]. The error names the file and the member.
    pub fn load(&self) -> Result<RingDocument, ConfigError> {
        self.read().map(|(_, document)| document)
    }

    /// Creates the document, and the folder if need be. `make` is called with the time of now.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when there is one already, [`ConfigError::Missing`] when it cannot be written, and
    /// those of `make`.
    pub fn create(
        &self,
        make: impl FnOnce(i64) -> Result<RingDocument, ConfigError>,
    ) -> Result<(), ConfigError> {
        create_folder(&self.path).map_err(|error| cannot("create", &self.path, &error))?;
        let _lock = self.lock()?;
        if self.document().exists() {
            return Err(ConfigError::Conflict(format!(
                "there is a ring already: {}",
                self.document().display()
            )));
        }
        let mut document = make(self.clock.now())?;
        self.write(&mut document, &self.path)
    }

    /// Changes the document and saves it, if it may follow the present one. `change` is called with the time of now.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load) and of `change`; [`ConfigError::InvalidSetting`] when a key would be published
    /// before every node has read the document; [`ConfigError::Missing`] when it cannot be written. The folder then is
    /// as it was.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut RingDocument, i64) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        let _lock = self.lock()?;
        let before = self.load()?;
        let mut document = before.clone();
        let now = self.clock.now();
        let result = change(&mut document, now)?;
        document.check_successor_of(&before, now)?;
        document.check_announcement(&before, now)?;
        self.write(&mut document, &self.document())?;
        for file in before.keys.iter().filter_map(|key| key.file.as_deref()) {
            let is_used = document
                .keys
                .iter()
                .any(|key| key.file.as_deref() == Some(file));
            if !is_used {
                self.remove(file)?;
            }
        }
        Ok(result)
    }

    /// Reads the document, unless its text is the one that was seen last.
    pub(in crate::issue) fn look(&self, seen: &[u8]) -> Result<Option<Found>, ConfigError> {
        match self.text()?.as_bytes() == seen {
            true => Ok(None),
            false => self.read().map(Some),
        }
    }

    /// Reads the text of the document, and the document.
    pub(in crate::issue) fn read(&self) -> Result<Found, ConfigError> {
        check_folder(&self.path)?;
        let mut text = self.text()?;
        loop {
            let read = RingDocument::parse(&text, self.clock.now(), &[], |file| {
                check_name(file)?;
                self.read_file(file)
            });
            let error = match read {
                Ok(document) => return Ok((text.as_bytes().to_vec().into(), document)),
                Err(error) => error,
            };
            // A key file that is gone may be named no more: the document changed in between.
            let again = self.text()?;
            if again == text {
                return Err(within(&self.document().display().to_string(), error));
            }
            text = again;
        }
    }

    fn text(&self) -> Result<Zeroizing<String>, ConfigError> {
        self.read_file(Self::DOCUMENT)
    }

    pub(in crate::issue) fn shared_clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    fn document(&self) -> PathBuf {
        self.path.join(Self::DOCUMENT)
    }

    fn lock(&self) -> Result<Lock, ConfigError> {
        let path = self.path.join("ring.lock");
        Lock::new(&path).map_err(|error| cannot("lock", &path, &error))
    }

    /// Writes private keys to files of their own, and then the document. New files belong to the owner of `model`.
    fn write(&self, document: &mut RingDocument, model: &Path) -> Result<(), ConfigError> {
        let is_apart = |key: &&RingKey| matches!(key.key, HalfOrWhole::Apart(_));
        if let Some(key) = document.keys.iter().find(is_apart) {
            return Err(ConfigError::InvalidKey(format!(
                "the private half of key {} is kept elsewhere, and a folder has those of its keys",
                quoted(Some(key.id()))
            )));
        }
        let owner = Owner::of(model).map_err(|error| cannot("read", model, &error))?;
        let write = |name: &str, text: &str| {
            let path = self.path.join(name);
            save(&path, text.as_bytes(), &owner).map_err(|error| cannot("write", &path, &error))
        };
        for key in document.keys.iter_mut().filter(|key| key.file.is_none()) {
            if let HalfOrWhole::Signing(signing) = &key.key
                && let Some(pem) = signing.to_pkcs8_pem()
            {
                let pem = Zeroizing::new(pem);
                // It depends on the key alone, and is made of letters that a file name can have.
                let name = key
                    .verifying_key()
                    .thumbprint()
                    .map(|print| format!("key-{print}.pem"));
                let name = name.unwrap_or_default();
                write(&name, &pem)?;
                key.file = Some(name);
            }
        }
        let text = document.write(members)?;
        write(Self::DOCUMENT, &text)
    }

    fn remove(&self, file: &str) -> Result<(), ConfigError> {
        let path = self.path.join(file);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(cannot("remove", &path, &error))
            }
            _ => Ok(()),
        }
    }

    fn read_file(&self, name: &str) -> Result<Zeroizing<String>, ConfigError> {
        read_file(&self.path.join(name), |text| {
            text.contains("PRIVATE KEY-----") || text.contains("\"d\"")
        })
    }
}

impl fmt::Debug for KeyFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyFolder").field(&self.path).finish()
    }
}

/// Returns the members of the document that tell a key: a file with the private one, or the public one itself.
fn members(key: &RingKey) -> Result<Map<String, Value>, ConfigError> {
    let Some(file) = &key.file else {
        let jwk = Key::to_jwk(&key.verifying_key());
        let jwk = jwk.and_then(|jwk| serde_json::from_str(&jwk).ok());
        return jwk
            .ok_or_else(|| ConfigError::InvalidKey("a shared secret cannot be published".into()));
    };
    let text = |text: &str| Value::String(text.to_owned());
    let algorithm = key.verifying_key().algorithm();
    Ok(Map::from_iter([
        ("kid".to_owned(), text(key.id())),
        ("alg".to_owned(), text(algorithm.name())),
        ("file".to_owned(), text(file)),
    ]))
}

/// Checks that a file lies in the folder itself.
fn check_name(file: &str) -> Result<(), ConfigError> {
    let mut parts = Path::new(file).components();
    let is_plain = matches!(parts.next(), Some(std::path::Component::Normal(name)) if name == file);
    match is_plain && !file.contains(['\\', ':']) {
        true => Ok(()),
        false => Err(ConfigError::InvalidSetting(
            "`file` is the name of a file in the folder".into(),
        )),
    }
}
