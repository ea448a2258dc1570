//! The sealing of a ring: encryption under a key of the operator's.

use std::{env, fmt, path::Path, str};

use zeroize::Zeroizing;

use super::{access::read_secret_file, document::RingDocument, json::within};
use crate::{
    error::ConfigError,
    jose::{Secret, crypto},
};

/// The keys of the operator under which a ring in a store is [sealed](super::SealedRing): the first one seals, all of
/// them open.
///
/// Each is 32 random bytes: `openssl rand -base64 32` makes one. Keep them where the store and its backups are not.
/// `Debug` does not show them.
///
/// To replace one, put the new one first and keep the old one behind it, on all nodes; then
/// [seal the ring again](super::SealedRing::reseal), and take the old one away.
///
/// # Examples
///
/// ```
/// use countersign::{ConfigError, issue::SealingKeys};
///
/// // What `openssl rand -base64 32` prints. The second one is of last year.
/// let keys = SealingKeys::from_base64(
///     "14YaDzf4RNGRsSWef680Mi2WzuUF4CGMTmm5SjXr1uQ=\n\
///      s2QNMaBdF0rOJ41rYIu+kTJoXrTqA9gUWW9fpKwAMZo=\n",
/// )?;
/// assert_eq!(keys.ids().count(), 2);
/// assert!(matches!(SealingKeys::from_base64("c2VjcmV0"), Err(ConfigError::WeakKey(_))));
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone)]
pub struct SealingKeys(Vec<SealingKey>);

/// A key from which others are derived. None of them tells anything of another one.
#[derive(Clone)]
struct SealingKey(Zeroizing<[u8; 32]>);

impl SealingKeys {
    /// Takes keys from elsewhere, such as a vault. The first one seals.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] when there is none; [`ConfigError::WeakKey`] when one is a single byte repeated;
    /// [`ConfigError::Conflict`] when one is there twice.
    pub fn new(keys: impl IntoIterator<Item = [u8; 32]>) -> Result<Self, ConfigError> {
        let keys = keys.into_iter().map(|key| SealingKey(Zeroizing::new(key)));
        Self::checked(keys.collect())
    }

    /// Reads keys in base64 (RFC 4648), as [`Secret::from_base64`] does, with white space between them. The first one
    /// seals.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new), and for [`Secret::from_base64`]; [`ConfigError::WeakKey`] when a key has fewer than 32
    /// bytes, and [`ConfigError::InvalidKey`] when it has more.
    pub fn from_base64(text: impl AsRef<str>) -> Result<Self, ConfigError> {
        let keys = text.as_ref().split_ascii_whitespace();
        Self::checked(
            keys.map(SealingKey::from_base64)
                .collect::<Result<_, _>>()?,
        )
    }

    /// Reads keys in base64 from a variable of the environment.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] when there is no such variable, else as for [`from_base64`](Self::from_base64).
    pub fn from_env(variable: &str) -> Result<Self, ConfigError> {
        match env::var(variable).map(Zeroizing::new) {
            Ok(text) => Self::from_base64(&*text).map_err(|error| within(variable, error)),
            Err(env::VarError::NotPresent) => {
                Err(ConfigError::Missing(format!("{variable} is not set")))
            }
            Err(env::VarError::NotUnicode(_)) => Err(ConfigError::InvalidSetting(format!(
                "{variable} is not valid UTF-8"
            ))),
        }
    }

    /// Reads keys in base64 from a file that, on Unix, nobody else can read or change: as for a private key in a
    /// [folder](super::KeyFolder).
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] when the file cannot be read, [`ConfigError::InvalidSetting`] when others can read or
    /// change it, else as for [`from_base64`](Self::from_base64).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let text = read_secret_file(path)?;
        let keys = Self::from_base64(&*text);
        keys.map_err(|error| within(&path.display().to_string(), error))
    }

    /// Returns the ids of the keys, in their order: 16 hexadecimal digits that tell nothing of the key. A ring that
    /// cannot be opened names the id of its key.
    pub fn ids(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|key| in_hex(&key.id()))
    }

    /// Derives a secret of 32 bytes for another purpose from the first key: one that all nodes share, and that tells
    /// nothing of the key. HKDF-Expand with SHA-256 (RFC 5869 section 2.3).
    ///
    /// It changes with the first key.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{ConfigError, Csrf, issue::SealingKeys};
    ///
    /// # fn csrf() -> Result<Csrf, ConfigError> {
    /// let keys = SealingKeys::from_env("KEYS_SEALED_BY")?;
    /// Csrf::new().secret(keys.derive_secret("csrf"))
    /// # }
    /// # drop(csrf());
    /// ```
    #[must_use]
    pub fn derive_secret(&self, purpose: &str) -> Secret {
        let info = [SECRET, purpose].concat();
        Secret::from_bytes(self.first().derive(&info))
    }

    /// Seals a text that is kept under this name.
    pub(super) fn seal(&self, name: &str, text: &str) -> Result<Vec<u8>, ConfigError> {
        let key = self.first();
        let mut nonce = [0; NONCE];
        crypto::random(&mut nonce).map_err(|error| ConfigError::InvalidKey(error.to_string()))?;
        let head = [&[FORMAT][..], &key.id(), &nonce].concat();
        // Big enough for the tag, so that the text never moves.
        let mut data = Zeroizing::new(Vec::with_capacity(text.len() + TAG));
        data.extend_from_slice(text.as_bytes());
        let bound = bound_to(&key.id(), name);
        crypto::seal(&key.derive(SEAL), nonce, &bound, &mut data)
            .ok_or_else(|| ConfigError::InvalidSetting("the ring is too long".into()))?;
        Ok([head, data.to_vec()].concat())
    }

    /// Opens what was sealed under this name.
    pub(super) fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<String>, ConfigError> {
        let Some((&format, rest)) = sealed.split_first() else {
            return Err(no_ring("it is empty"));
        };
        if format != FORMAT {
            return Err(no_ring(&format!(
                "its format is {format}, and this program knows format {FORMAT}"
            )));
        }
        let parts = rest
            .split_first_chunk::<ID>()
            .and_then(|(id, rest)| Some((id, rest.split_first_chunk::<NONCE>()?)));
        let Some((id, (nonce, data))) = parts.filter(|_| sealed.len() <= LONGEST) else {
            return Err(no_ring("its length is wrong"));
        };
        let Some(key) = self.0.iter().find(|key| key.id() == *id) else {
            return Err(ConfigError::InvalidKey(format!(
                "the ring is sealed under the key {}, which is not among the sealing keys",
                in_hex(id)
            )));
        };
        let mut data = Zeroizing::new(data.to_vec());
        crypto::open(&key.derive(SEAL), *nonce, &bound_to(id, name), &mut data).ok_or_else(
            || {
                ConfigError::InvalidKey(
                    "the sealed ring was changed in the store, or was made for another name".into(),
                )
            },
        )?;
        match str::from_utf8(&data) {
            Ok(text) => Ok(Zeroizing::new(text.to_owned())),
            Err(_) => Err(no_ring("it is no text")),
        }
    }

    /// Returns whether the first key has sealed this.
    pub(super) fn seals_with_first(&self, sealed: &[u8]) -> bool {
        sealed.get(1..=ID) == Some(&self.first().id())
    }

    fn first(&self) -> &SealingKey {
        // There is one: it was checked.
        &self.0[0]
    }

    fn checked(keys: Vec<SealingKey>) -> Result<Self, ConfigError> {
        if keys.is_empty() {
            return Err(ConfigError::Missing(
                "there is no sealing key: `openssl rand -base64 32` makes one".into(),
            ));
        }
        for (index, key) in keys.iter().enumerate() {
            if key.0.windows(2).all(|pair| pair[0] == pair[1]) {
                return Err(ConfigError::WeakKey(
                    "a sealing key is one byte repeated".into(),
                ));
            }
            if keys[..index].iter().any(|other| other.id() == key.id()) {
                return Err(ConfigError::Conflict("a sealing key is there twice".into()));
            }
        }
        Ok(Self(keys))
    }
}

impl SealingKey {
    fn from_base64(text: &str) -> Result<Self, ConfigError> {
        let secret = Secret::from_base64(text)?;
        let bytes: &[u8] = secret.as_ref();
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            let problem = format!(
                "a sealing key has 32 bytes, this one has {}: `openssl rand -base64 32` makes one",
                bytes.len()
            );
            return Err(match bytes.len() < key.len() {
                true => ConfigError::WeakKey(problem),
                false => ConfigError::InvalidKey(problem),
            });
        }
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }

    fn id(&self) -> [u8; ID] {
        let mut id = [0; ID];
        id.copy_from_slice(&self.derive(IDENTITY)[..ID]);
        id
    }

    /// HKDF-Expand for 32 bytes (RFC 5869 section 2.3): the key is random, so there is nothing to extract.
    fn derive(&self, info: &str) -> Zeroizing<[u8; 32]> {
        let block = [info.as_bytes(), &[1]].concat();
        Zeroizing::new(crypto::hmac_sha256(&*self.0, &block))
    }
}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKeys")
            .field("ids", &self.ids().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// The first byte of a sealed ring. Its parts are: the format, the id of the key, the nonce, the encrypted document,
/// the tag.
const FORMAT: u8 = 1;
const ID: usize = 8;
const NONCE: usize = 12;
const TAG: usize = 16;

/// The longest sealed ring, in bytes.
const LONGEST: usize = 1 + ID + NONCE + RingDocument::LONGEST + TAG;

const IDENTITY: &str = "countersign ring: id";
const SEAL: &str = "countersign ring: seal";
const SECRET: &str = "countersign secret: ";

/// Returns the associated data: what was sealed cannot be moved to another name, or pass as another format.
fn bound_to(id: &[u8; ID], name: &str) -> Vec<u8> {
    [&[FORMAT][..], id, name.as_bytes()].concat()
}

fn in_hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn no_ring(problem: &str) -> ConfigError {
    ConfigError::InvalidSetting(format!("this is no sealed ring: {problem}"))
}
