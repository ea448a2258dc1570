//! A connection to a token, and the sessions in it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    object::ObjectHandle,
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};

use crate::{HsmError, KeyName};

/// A module from `C_Initialize` to `C_Finalize`, which its last user calls.
pub(crate) struct Connection {
    /// Sessions that nobody uses now. They end before the module does.
    idle: Mutex<Vec<Session>>,
    /// Where private keys were found. A handle is good in all sessions.
    keys: Mutex<HashMap<KeyName, ObjectHandle>>,
    module: Pkcs11,
    slot: Slot,
}

impl Connection {
    /// Initialises the module, finds the token, and opens a first session.
    pub(crate) fn open(module: &Pkcs11, token: &str, pin: &AuthPin) -> Result<Self, HsmError> {
        module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
        let slot = find(module, token).inspect_err(|_| finalize(module))?;
        let connection = Self {
            idle: Mutex::default(),
            keys: Mutex::default(),
            module: module.clone(),
            slot,
        };
        let session = connection.open_session(pin)?;
        connection.give_back(session);
        Ok(connection)
    }

    /// Takes a session that is free, or opens one.
    pub(crate) fn session(&self, pin: &AuthPin) -> Result<Session, HsmError> {
        let free = lock(&self.idle).pop();
        free.map_or_else(|| self.open_session(pin), Ok)
    }

    /// Opens a session that may write.
    pub(crate) fn writing_session(&self, pin: &AuthPin) -> Result<Session, HsmError> {
        log_in(self.module.open_rw_session(self.slot)?, pin)
    }

    pub(crate) fn give_back(&self, session: Session) {
        lock(&self.idle).push(session);
    }

    /// Ends the sessions that are free: what ended one of them has ended them all.
    pub(crate) fn forget_sessions(&self) {
        lock(&self.idle).clear();
    }

    /// Finds a private key, and remembers where it is.
    pub(crate) fn private_key(
        &self,
        session: &Session,
        name: &KeyName,
    ) -> Result<ObjectHandle, HsmError> {
        if let Some(handle) = lock(&self.keys).get(name) {
            return Ok(*handle);
        }
        let handle = name.find_private(session)?;
        lock(&self.keys).insert(name.clone(), handle);
        Ok(handle)
    }

    /// Forgets where a private key was found: the next use looks for it.
    pub(crate) fn forget_key(&self, name: &KeyName) {
        lock(&self.keys).remove(name);
    }

    fn open_session(&self, pin: &AuthPin) -> Result<Session, HsmError> {
        log_in(self.module.open_ro_session(self.slot)?, pin)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.forget_sessions();
        finalize(&self.module);
    }
}

/// Ends the use of the module. One that is away cannot say more than that.
fn finalize(module: &Pkcs11) {
    let _ = module.clone().finalize();
}

/// Logs in: once for all sessions of this process, and again after the token has lost that.
fn log_in(session: Session, pin: &AuthPin) -> Result<Session, HsmError> {
    match session.login(UserType::User, Some(pin)) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
        Err(error) => Err(error.into()),
    }
}

/// Finds the slot of the token with this label.
fn find(module: &Pkcs11, token: &str) -> Result<Slot, HsmError> {
    for slot in module.get_slots_with_token()? {
        if module.get_token_info(slot)?.label() == token {
            return Ok(slot);
        }
    }
    Err(HsmError::NoToken(token.to_owned()))
}

/// Locks. What a thread that panicked has left behind is whole: each change is one push or pop.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
