//! The provider.

use std::{
    fmt,
    future::poll_fn,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use serde_json::Value;

use super::{
    connection, documents::Documents, fault::Fault, gate::Gate, request::ReceivedRequest,
    state::Shared,
};
use crate::jose::{Key, SigningKey};

/// An identity provider for tests: metadata and keys over HTTP, and every [`Fault`] at will.
///
/// It listens on a free port of `127.0.0.1`, with one key, and ends when it is dropped. It has its
/// own threads, so it works with every runtime and without one.
///
/// An answer is made from the keys of the moment when the request arrives. It has an `ETag`, and is 304
/// for a client that sends that `ETag` back.
///
/// # Examples
///
/// ```
/// use countersign::testing::{Fault, JwksServer, TestIssuer};
/// # use std::{io::{Read, Write}, net::TcpStream};
/// # fn get(server: &JwksServer) -> String {
/// #     let mut stream = TcpStream::connect(server.address()).unwrap();
/// #     stream.write_all(b"GET /jwks HTTP/1.1\r\nconnection: close\r\n\r\n").unwrap();
/// #     let mut answer = String::new();
/// #     stream.read_to_string(&mut answer).unwrap();
/// #     answer
/// # }
///
/// let server = JwksServer::start();
/// let before = server.key();
/// assert!(get(&server).contains(before.id())); // with a client of your choice, from `server.url()`
///
/// // A token of this provider:
/// let token = TestIssuer::new().token().issuer(&server.issuer()).signed_by(&before);
///
/// server.rotate();
/// assert!(get(&server).contains(server.key().id()));
/// server.remove(before.id());
/// assert!(!get(&server).contains(before.id()));
///
/// server.fault(JwksServer::JWKS, Fault::Unavailable(120));
/// assert!(get(&server).starts_with("HTTP/1.1 503 "));
/// assert_eq!(server.requests(JwksServer::JWKS), 4);
/// ```
pub struct JwksServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<thread::JoinHandle<()>>,
}

impl JwksServer {
    /// The path of the keys.
    pub const JWKS: &'static str = "/jwks";
    /// The path of the metadata of OpenID Connect Discovery.
    pub const OPENID: &'static str = "/.well-known/openid-configuration";
    /// The path of the metadata of RFC 8414.
    pub const OAUTH: &'static str = "/.well-known/oauth-authorization-server";

    /// Starts a provider whose issuer has no path, with a new ES256 key.
    ///
    /// # Panics
    ///
    /// When the system has no free port, no thread or no randomness.
    #[must_use]
    pub fn start() -> Self {
        Self::start_at("")
    }

    /// Starts a provider whose issuer has this path, for example `/realms/shop`, or `/` alone.
    ///
    /// The metadata is where OpenID Connect Discovery 1.0 section 4.1 and RFC 8414 section 3.1 put
    /// it for such an issuer. The keys are at `/jwks` still.
    ///
    /// # Panics
    ///
    /// As for [`start`](Self::start), and when a path does not begin with a slash.
    #[must_use]
    pub fn start_at(path: &str) -> Self {
        assert!(
            path.is_empty() || path.starts_with('/'),
            "{path:?} is no path"
        );
        // A test cannot go on without a port.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("the listener has an address");
        let shared = Shared::new(Documents::new(&format!("http://{address}"), path));
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// Returns the address at which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of its keys.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(Self::JWKS)
    }

    /// Returns the URL of a path.
    #[must_use]
    pub fn url_of(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the name of the issuer: the URL under which its metadata is found.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.shared
            .read(|state| state.documents.issuer().to_owned())
    }

    /// Returns the key that signs: the first one, or that of the last rotation.
    #[must_use]
    pub fn key(&self) -> SigningKey {
        self.shared.read(|state| state.documents.signing().clone())
    }

    /// Publishes a new key, which signs from now on. The old ones stay.
    ///
    /// # Panics
    ///
    /// When no key can be generated: the system has no randomness.
    pub fn rotate(&self) {
        self.shared.change(|state| state.documents.rotate());
    }

    /// Removes the keys with this id from the set.
    ///
    /// # Panics
    ///
    /// When the set has none: the test would test nothing.
    pub fn remove(&self, id: &str) {
        let removed = self.shared.change(|state| state.documents.remove(id));
        assert!(removed > 0, "the set has no key with the id {id:?}");
    }

    /// Publishes these keys and no others. Secrets are left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{SigningKey, testing::JwksServer};
    ///
    /// let key = SigningKey::generate_ed25519()?;
    /// let server = JwksServer::start();
    /// server.publish([server.key().verifying_key(), key.verifying_key()]);
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn publish(&self, keys: impl IntoIterator<Item = Key>) {
        let keys = keys.into_iter().collect();
        self.shared.change(|state| state.documents.publish(keys));
    }

    /// Sets a member of the metadata, also to a wrong value.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::testing::JwksServer;
    ///
    /// let (server, other) = (JwksServer::start(), JwksServer::start());
    /// server.metadata("jwks_uri", other.url());
    /// ```
    pub fn metadata(&self, name: &str, value: impl Into<Value>) {
        let (name, value) = (name.to_owned(), value.into());
        self.shared
            .change(|state| state.documents.member(name, value));
    }

    /// Fails all requests to this path from now on, except those of
    /// [`fault_once`](Self::fault_once).
    pub fn fault(&self, path: &str, fault: Fault) {
        self.shared
            .change(|state| state.path(path).fault = Some(fault));
    }

    /// Fails one more request to this path: the next one that is not to fail already.
    pub fn fault_once(&self, path: &str, fault: Fault) {
        self.shared
            .change(|state| state.path(path).next_faults.push_back(fault));
    }

    /// Answers well at this path from now on.
    pub fn heal(&self, path: &str) {
        self.shared.change(|state| {
            let path = state.path(path);
            path.fault = None;
            path.next_faults.clear();
        });
    }

    /// Holds the answers to the requests that come to this path from now on, until the gate is
    /// released or dropped.
    ///
    /// An answer is made when its request arrives, not when it is sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::testing::JwksServer;
    ///
    /// # async fn example() {
    /// let server = JwksServer::start();
    /// let gate = server.hold(JwksServer::JWKS);
    /// // Let a client ask here, in a task of its own.
    /// server.requested(JwksServer::JWKS, 1).await;
    /// // The client waits, for sure. Look at what it does meanwhile.
    /// gate.release();
    /// # }
    /// ```
    pub fn hold(&self, path: &str) -> Gate {
        Gate::new(&self.shared, path)
    }

    /// Returns how many requests came to this path.
    #[must_use]
    pub fn requests(&self, path: &str) -> usize {
        self.shared
            .read(|state| state.paths.get(path).map_or(0, |path| path.requests))
    }

    /// Returns the last request to this path.
    #[must_use]
    pub fn last_request(&self, path: &str) -> Option<ReceivedRequest> {
        self.shared
            .read(|state| state.paths.get(path)?.last_request.clone())
    }

    /// Waits until so many requests have come to this path, since the start.
    ///
    /// Works on every runtime. It has no timeout of its own: use that of the runtime.
    pub async fn requested(&self, path: &str, count: usize) {
        poll_fn(|cx| {
            self.shared.poll(cx, |state| {
                state.paths.get(path).map_or(0, |path| path.requests) >= count
            })
        })
        .await;
    }

    /// Returns how many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.read(|state| state.connections.len())
    }

    /// Waits until no connection is open. It has no timeout of its own either.
    pub async fn disconnected(&self) {
        poll_fn(|cx| self.shared.poll(cx, |state| state.connections.is_empty())).await;
    }
}

impl Drop for JwksServer {
    fn drop(&mut self) {
        self.shared.change(|state| {
            state.is_stopped = true;
            for connection in state.connections.values() {
                // It may be closed already.
                let _ = connection.shutdown(Shutdown::Both);
            }
        });
        // Wakes the thread that waits for a connection.
        if TcpStream::connect(self.address).is_ok()
            && let Some(thread) = self.acceptor.take()
        {
            let _ = thread.join();
        }
        let threads = self
            .shared
            .change(|state| std::mem::take(&mut state.threads));
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for JwksServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.read(|state| state.is_stopped) {
            return;
        }
        let Ok((stream, handle)) = stream.and_then(|stream| Ok((stream.try_clone()?, stream)))
        else {
            continue;
        };
        shared.change(|state| {
            if state.is_stopped {
                return;
            }
            let number = state.number();
            state.connections.insert(number, handle);
            state.threads.retain(|thread| !thread.is_finished());
            let shared = Arc::clone(shared);
            state.threads.push(thread::spawn(move || {
                connection::serve(stream, &shared);
                shared.change(|state| state.connections.remove(&number));
            }));
        });
    }
}
