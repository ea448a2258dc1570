//! The server: the API that the file describes now, and the file read again when somebody asks for it.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use countersign::SystemClock;
use demo::{Drain, Readiness, Reloads};
use tokio::{
    sync::oneshot::{self, Sender},
    task::{JoinError, JoinSet},
    time::sleep,
};
use tracing::{error, info, warn};

use crate::{Api, Config, Framework, Mistake, on_actix, on_axum, state::State};

/// The time between looks at whether there are new keys to save.
const TURN: Duration = Duration::from_secs(2);

/// A server that can be told to read its file again. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    file: PathBuf,
    now: Arc<Mutex<Now>>,
}

/// The API that the server serves now.
struct Now {
    config: Config,
    api: Api,
    state: Option<State>,
}

impl Server {
    /// Makes the server that a file describes. Needs a tokio runtime: keys are fetched in the background, and
    /// nobody waits for them here.
    ///
    /// # Errors
    ///
    /// [`Mistake`], the first one in the file.
    pub fn new(file: PathBuf, config: Config) -> Result<Self, Mistake> {
        let state = config.open_state()?;
        let api = Api::after(&config, SystemClock, None, state.as_ref())?;
        let now = Now { config, api, state };
        let server = Self {
            file,
            now: Arc::new(Mutex::new(now)),
        };
        tokio::spawn(server.clone().save());
        Ok(server)
    }

    /// Returns the socket that was bound to [`Config::listen`].
    ///
    /// # Errors
    ///
    /// [`Mistake`] when nothing was: the address is taken, or not of this machine.
    pub fn bound<T>(&self, address: SocketAddr, bound: io::Result<T>) -> Result<T, Mistake> {
        self.now().config.bound(address, bound)
    }

    /// Returns the socket that was bound to [`Config::management_listen`].
    ///
    /// # Errors
    ///
    /// As [`bound`](Self::bound).
    pub fn management_bound<T>(
        &self,
        address: SocketAddr,
        bound: io::Result<T>,
    ) -> Result<T, Mistake> {
        self.now().config.management_bound(address, bound)
    }

    /// Returns the answer of `/readyz`.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.now().api.readiness()
    }

    /// Serves until the drain is over. Then requests under way may end, within 5 seconds.
    ///
    /// When the file has been read again, the new API is served to all requests from then on, over the same
    /// socket. Connections to the one before are closed as soon as they carry no request.
    ///
    /// # Errors
    ///
    /// The system does not let us serve on this listener.
    pub async fn run(
        self,
        listener: TcpListener,
        drain: Drain,
        mut reloads: Reloads,
    ) -> io::Result<()> {
        let mut served = JoinSet::new();
        let mut replace = self.serve(&mut served, &listener, &drain)?;
        let mut stopped = Box::pin(drain.stopped());
        loop {
            tokio::select! {
                () = &mut stopped => break,
                () = reloads.next() => if self.reload() {
                    let before = std::mem::replace(&mut replace, self.serve(&mut served, &listener, &drain)?);
                    let _ = before.send(()); // it may have ended
                },
                Some(ended) = served.join_next() => flat(ended)?,
            }
        }
        drop(listener);
        while let Some(ended) = served.join_next().await {
            flat(ended)?;
        }
        self.now().save();
        Ok(())
    }

    /// Serves the API of now, until the returned sender is used.
    fn serve(
        &self,
        served: &mut JoinSet<io::Result<()>>,
        listener: &TcpListener,
        drain: &Drain,
    ) -> io::Result<Sender<()>> {
        let (replace, replaced) = oneshot::channel();
        let stopped = drain.stopped();
        let stop = async move {
            tokio::select! {
                () = stopped => {}
                Ok(()) = replaced => {}
            }
        };
        let (api, framework) = {
            let now = self.now();
            (now.api.clone(), now.config.framework())
        };
        let (listener, drain) = (listener.try_clone()?, drain.clone());
        match framework {
            Framework::Actix => served.spawn(on_actix::serve(api, listener, drain, stop)?),
            Framework::Axum => served.spawn(on_axum::serve(api, listener, drain, stop)),
        };
        Ok(replace)
    }

    /// Reads the file again. A mistake in it is told, and changes nothing. Returns whether it is in use now.
    fn reload(&self) -> bool {
        let mut now = self.now();
        let read = Config::read(&self.file).and_then(|config| {
            let api = Api::after(&config, SystemClock, Some(&now.api), now.state.as_ref())?;
            Ok((config, api))
        });
        match read {
            Ok((config, api)) => {
                for setting in config.needs_restart(&now.config) {
                    warn!(setting, "this setting takes effect at the next start");
                }
                info!(
                    issuers = api.issuers(),
                    "the file is read again, and in use"
                );
                now.api = api;
                now.config = config;
                true
            }
            Err(mistake) => {
                error!(%mistake, "the file is not used: all stays as it was");
                false
            }
        }
    }

    /// Saves keys when they change.
    async fn save(self) {
        loop {
            sleep(TURN).await;
            self.now().save();
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        // Nothing panics between two steps that belong together.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    fn save(&mut self) {
        if let Some(state) = &mut self.state {
            state.save(self.api.saved_keys(), |source| self.api.is_gone(source));
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

fn flat(ended: Result<io::Result<()>, JoinError>) -> io::Result<()> {
    ended.map_err(io::Error::other)?
}
