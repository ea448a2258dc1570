//! The connection of a store, replaced when it is of no use any more.
//!
//! The manager of the `redis` crate keeps a connection whose answers stop coming, one to a server
//! that has become a replica, and an attempt that the server itself refused. None of these would
//! end before a restart.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, PushInfo, PushKind, RedisError,
    RedisResult, ServerErrorKind, aio::MultiplexedConnection, cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// The pause after a failed attempt to connect, so that requests do not make a storm of them.
const REST: Duration = Duration::from_millis(100);

/// One connection, which tasks share.
pub(crate) struct Link {
    target: Target,
    timeout: Duration,
    /// `None` until it is used.
    attempt: Mutex<Option<Attempt>>,
}

impl Link {
    /// Makes a link that connects when it is used.
    pub(crate) fn new(target: Target, timeout: Duration) -> Self {
        Self {
            target,
            timeout,
            attempt: Mutex::new(None),
        }
    }

    /// Connects, and fails if that fails.
    pub(crate) async fn connect(&self) -> RedisResult<()> {
        self.usable_attempt().connection().await.map(drop)
    }

    /// Returns how long a call may wait.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends a command and waits for its answer, both for no longer than the time-out.
    pub(crate) async fn send<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let attempt = self.usable_attempt();
        let answer = async {
            match attempt.connection().await? {
                Connection::Cluster(mut connection) => command.query_async(&mut connection).await,
                Connection::Single(mut connection, _) => command.query_async(&mut connection).await,
            }
        };
        let answer = timeout(self.timeout, answer)
            .await
            .unwrap_or_else(|_| Err(timed_out()));
        if answer.as_ref().is_err_and(shows_a_bad_connection) {
            self.replace(&attempt);
        }
        answer
    }

    /// Returns the present attempt, or a new one when nothing could be sent by that: the server has closed
    /// the connection while it was idle, or could not be reached when it was asked last.
    fn usable_attempt(&self) -> Attempt {
        let mut present = self.attempt();
        let usable = present.take().filter(|attempt| !attempt.is_spent());
        let usable = usable.unwrap_or_else(|| Attempt::start(self.target.clone(), self.timeout));
        present.insert(usable).clone()
    }

    /// Connects anew, if nobody else has begun to.
    fn replace(&self, failed: &Attempt) {
        let mut present = self.attempt();
        if present.as_ref().is_some_and(|attempt| attempt.is(failed)) && failed.has_ended() {
            *present = Some(Attempt::start(self.target.clone(), self.timeout));
        }
    }

    fn attempt(&self) -> MutexGuard<'_, Option<Attempt>> {
        // Nothing that runs under the lock leaves it half done.
        self.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server, or the nodes of the cluster, to connect to.
#[derive(Clone)]
pub(crate) enum Target {
    Cluster(Box<ClusterClient>),
    Single(Client),
}

impl Target {
    async fn connect(&self, time: Duration) -> RedisResult<Connection> {
        match self {
            Self::Cluster(client) => {
                let connection = client.get_async_connection().await?;
                Ok(Connection::Cluster(connection))
            }
            Self::Single(client) => {
                let closed = Arc::new(AtomicBool::new(false));
                let is_closed = Arc::clone(&closed);
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(time))
                    .set_response_timeout(Some(time))
                    .set_push_sender(move |message: PushInfo| -> Result<(), Infallible> {
                        if message.kind == PushKind::Disconnection {
                            is_closed.store(true, Ordering::Release);
                        }
                        Ok(())
                    });
                let connection = client.get_multiplexed_async_connection_with_config(&config);
                Ok(Connection::Single(connection.await?, closed))
            }
        }
    }
}

#[derive(Clone)]
enum Connection {
    /// It connects anew by itself.
    Cluster(ClusterConnection),
    /// The flag is set once it is known to be closed.
    Single(MultiplexedConnection, Arc<AtomicBool>),
}

impl Connection {
    fn is_closed(&self) -> bool {
        match self {
            Self::Cluster(_) => false,
            Self::Single(_, closed) => closed.load(Ordering::Acquire),
        }
    }
}

/// An attempt to connect, and what became of it.
#[derive(Clone)]
struct Attempt(watch::Receiver<Option<RedisResult<Connection>>>);

impl Attempt {
    /// Starts an attempt in a task of its own: it must not end with the request that began it.
    fn start(target: Target, time: Duration) -> Self {
        let (outcome, attempt) = watch::channel(None);
        tokio::spawn(async move {
            // A cluster may need several connections, one of them to a node that is gone.
            let connected = timeout(4 * time, target.connect(time)).await;
            let connected = connected.unwrap_or_else(|_| Err(timed_out()));
            if connected.is_err() {
                sleep(REST).await;
            }
            outcome.send_replace(Some(connected));
        });
        Self(attempt)
    }

    async fn connection(&self) -> RedisResult<Connection> {
        let mut attempt = self.0.clone();
        match attempt.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_else(|| Err(cancelled())),
            Err(_) => Err(cancelled()),
        }
    }

    /// Returns whether it has ended, also because the runtime that its task ran on has ended.
    fn has_ended(&self) -> bool {
        self.0.borrow().is_some() || self.0.has_changed().is_err()
    }

    /// Returns whether it leads to no connection, or to one that was closed.
    fn is_spent(&self) -> bool {
        match &*self.0.borrow() {
            Some(Ok(connection)) => connection.is_closed(),
            Some(Err(_)) => true,
            None => self.0.has_changed().is_err(),
        }
    }

    fn is(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }
}

/// Returns whether an error shows a bad connection: not so when a server has answered, unless it may not
/// write.
fn shows_a_bad_connection(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => kind == ServerErrorKind::ReadOnly,
        ErrorKind::Extension | ErrorKind::UnexpectedReturnType => false,
        _ => true,
    }
}

fn timed_out() -> RedisError {
    io::Error::new(io::ErrorKind::TimedOut, "no answer in time").into()
}

fn cancelled() -> RedisError {
    io::Error::other("the runtime that connected has ended").into()
}
