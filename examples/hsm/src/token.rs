//! A token of an HSM: so many sessions, and a way back after an outage.

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex},
};

use cryptoki::{context::Pkcs11, session::Session, types::AuthPin};
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::{
    HsmError,
    session::{Connection, lock},
};

/// A token of an HSM, as PKCS#11 calls the part of it that has keys and a PIN.
///
/// One for each module in a process, however many keys there are: PKCS#11 is initialised once. Clones are the one token.
#[derive(Clone)]
pub struct Token(Arc<Shared>);

struct Shared {
    module: Pkcs11,
    label: String,
    pin: AuthPin,
    /// One for each session, and so for each thread that asks.
    places: Arc<Semaphore>,
    sessions: usize,
    state: Mutex<State>,
}

enum State {
    Away,
    Open(Arc<Connection>),
    /// No PIN is tried twice.
    PinRefused,
}

impl Token {
    /// Loads a module, and logs in to the token with this label. So many sessions are used at once, each in a thread of its own:
    /// ask the maker how many the HSM has. One, for a module that does not survive several: when its server dies, calls of the client module
    /// of p11-kit 0.24 can wait for ever for an answer that another one was to read, and then only a restart helps.
    ///
    /// # Errors
    ///
    /// The module is none, there is no such token, or it refuses the PIN.
    pub async fn open(
        module: impl AsRef<Path>,
        label: impl Into<String>,
        pin: impl Into<Box<str>>,
        sessions: usize,
    ) -> Result<Self, HsmError> {
        let token = Self(Arc::new(Shared {
            module: Pkcs11::new(module)?,
            label: label.into(),
            pin: AuthPin::new(pin.into()),
            places: Arc::new(Semaphore::new(sessions)),
            sessions,
            state: Mutex::new(State::Away),
        }));
        token.run(|_, _| Ok(())).await?;
        Ok(token)
    }

    /// Returns the number of sessions.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.0.sessions
    }

    /// Runs something in a session, in a thread that may wait for the HSM.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Session) -> Result<T, HsmError> + Send + 'static,
    ) -> Result<T, HsmError> {
        self.blocking(move |shared| shared.run(work)).await
    }

    /// Runs something in a session that may write.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Session) -> Result<T, HsmError> + Send + 'static,
    ) -> Result<T, HsmError> {
        self.blocking(move |shared| {
            let session = shared.connection()?.writing_session(&shared.pin)?;
            work(&session)
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, HsmError> + Send + 'static,
    ) -> Result<T, HsmError> {
        let place = Arc::clone(&self.0.places).acquire_owned().await;
        let shared = Arc::clone(&self.0);
        spawn_blocking(move || {
            // Until it is done, even if nobody waits for it any longer.
            let _place = place;
            work(&shared)
        })
        .await
        .unwrap_or(Err(HsmError::Thread))
    }
}

impl Shared {
    fn run<T>(
        &self,
        work: impl FnOnce(&Connection, &Session) -> Result<T, HsmError>,
    ) -> Result<T, HsmError> {
        let connection = self.connection()?;
        let answer = connection.session(&self.pin).and_then(|session| {
            let answer = work(&connection, &session)?;
            connection.give_back(session);
            Ok(answer)
        });
        match &answer {
            Err(error) if error.is_about_the_pin() => self.refuse_pin(),
            Err(error) if error.ends_session() => connection.forget_sessions(),
            Err(error) if !error.is_refusal() => self.give_up(&connection),
            _ => {}
        }
        answer
    }

    /// Returns the connection; the first one after an outage makes a new one.
    fn connection(&self) -> Result<Arc<Connection>, HsmError> {
        let mut state = lock(&self.state);
        match &*state {
            State::Open(connection) => return Ok(Arc::clone(connection)),
            State::PinRefused => return Err(HsmError::PinRefused),
            State::Away => {}
        }
        match Connection::open(&self.module, &self.label, &self.pin) {
            Ok(connection) => {
                let connection = Arc::new(connection);
                *state = State::Open(Arc::clone(&connection));
                Ok(connection)
            }
            Err(error) if error.is_about_the_pin() => {
                *state = State::PinRefused;
                Err(HsmError::PinRefused)
            }
            Err(error) => Err(error),
        }
    }

    /// Leaves a connection, which is closed when nobody uses it any longer. A module knows one at a time.
    fn give_up(&self, broken: &Arc<Connection>) {
        let mut state = lock(&self.state);
        if matches!(&*state, State::Open(connection) if Arc::ptr_eq(connection, broken)) {
            *state = State::Away;
        }
    }

    fn refuse_pin(&self) {
        *lock(&self.state) = State::PinRefused;
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("label", &self.0.label)
            .field("sessions", &self.0.sessions)
            .finish_non_exhaustive()
    }
}
