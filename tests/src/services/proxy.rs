//! A proxy between a client and a server that drops connections on command.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// A proxy that passes bytes on between clients and a server.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: Mutex<SocketAddr>,
    /// The number of connections so far.
    accepted: AtomicUsize,
    /// The number of muted connections: the first ones.
    muted: AtomicUsize,
}

impl Proxy {
    /// Starts a proxy on a free port.
    #[must_use]
    pub fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            server: Mutex::new(server),
            accepted: AtomicUsize::new(0),
            muted: AtomicUsize::new(0),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let number = accepting.accepted.fetch_add(1, Ordering::SeqCst);
                let address = *accepting
                    .server
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                // Without a server, the client sees its connection end.
                if let Ok(server) = TcpStream::connect(address) {
                    accepting.connect(number, &client, &server);
                }
            }
        });
        Self { address, shared }
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Drops all further bytes of the current connections, and leaves them open.
    pub fn mute(&self) {
        let accepted = self.shared.accepted.load(Ordering::SeqCst);
        self.shared.muted.store(accepted, Ordering::SeqCst);
    }

    /// Directs new connections to another server.
    pub fn lead_to(&self, server: SocketAddr) {
        *self
            .shared
            .server
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = server;
    }
}

impl Shared {
    fn connect(self: &Arc<Self>, number: usize, client: &TcpStream, server: &TcpStream) {
        for (from, to) in [(client, server), (server, client)] {
            let [mut from, mut to] = [from, to].map(|end| end.try_clone().expect("a socket"));
            let shared = Arc::clone(self);
            thread::spawn(move || {
                let mut bytes = [0; 16_384];
                while let Ok(count @ 1..) = from.read(&mut bytes) {
                    let is_muted = number < shared.muted.load(Ordering::SeqCst);
                    if !is_muted && to.write_all(&bytes[..count]).is_err() {
                        break;
                    }
                }
                let _ = to.shutdown(std::net::Shutdown::Both);
            });
        }
    }
}
