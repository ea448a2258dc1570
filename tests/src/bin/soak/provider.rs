//! An identity provider whose keys change, and which is sometimes away.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use countersign::{SigningKey, SigningKeys};

use crate::record::locked;

/// A provider that publishes its keys at [`url`](Self::url).
pub(crate) struct Provider {
    ring: SigningKeys,
    keys: Mutex<SigningKey>,
    /// The withdrawn keys, and the time from which no server accepts their tokens.
    withdrawn: Mutex<Vec<(SigningKey, Instant)>>,
    address: SocketAddr,
    listening: Mutex<Option<Listening>>,
}

struct Listening {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Provider {
    pub(crate) fn start() -> Self {
        let key = new_key();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let provider = Self {
            ring: SigningKeys::new(key.clone()),
            keys: Mutex::new(key),
            withdrawn: Mutex::default(),
            address: listener.local_addr().expect("it is bound"),
            listening: Mutex::default(),
        };
        provider.listen(listener);
        provider
    }

    /// Returns the URL of its keys.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/jwks", self.address)
    }

    /// Returns the key that signs.
    pub(crate) fn key(&self) -> SigningKey {
        locked(&self.keys).clone()
    }

    /// Publishes a key, which does not sign yet.
    pub(crate) fn publish(&self) -> SigningKey {
        let next = new_key();
        self.ring
            .publish(&next)
            .expect("there is no other next key");
        next
    }

    /// Lets the published key sign. Returns the previous signing key.
    pub(crate) fn sign_with(&self, next: SigningKey) -> SigningKey {
        self.ring.rotate(i64::MAX).expect("a next key");
        std::mem::replace(&mut locked(&self.keys), next)
    }

    /// Withdraws a key. The servers will have noticed after this time.
    pub(crate) fn withdraw(&self, key: SigningKey, noticed: Duration) {
        self.ring.remove(key.id()).expect("a key of the ring");
        let mut withdrawn = locked(&self.withdrawn);
        withdrawn.push((key, Instant::now() + noticed));
        if withdrawn.len() > 4 {
            withdrawn.remove(0);
        }
    }

    /// Returns the withdrawn keys, and when the servers will have noticed.
    pub(crate) fn withdrawn(&self) -> Vec<(SigningKey, Instant)> {
        locked(&self.withdrawn).clone()
    }

    /// Closes its port.
    pub(crate) fn stop(&self) {
        if let Some(listening) = locked(&self.listening).take() {
            listening.stop.store(true, Ordering::SeqCst);
            // A thread that waits for a connection checks the flag at the next one.
            let _ = TcpStream::connect(self.address);
            let _ = listening.thread.join();
        }
    }

    /// Listens again, on the same port.
    pub(crate) fn restart(&self) {
        self.listen(TcpListener::bind(self.address).expect("the port that it had"));
    }

    fn listen(&self, listener: TcpListener) {
        let (ring, stop) = (self.ring.clone(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                // A client that goes away loses only its own answer.
                let _ = answer(client, &ring.jwks());
            }
        });
        *locked(&self.listening) = Some(Listening { stop, thread });
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop();
    }
}

fn new_key() -> SigningKey {
    SigningKey::generate_es256().expect("the system has randomness")
}

fn answer(mut client: TcpStream, body: &str) -> io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut lines = BufReader::new(client.try_clone()?).lines();
    while !lines.next().transpose()?.unwrap_or_default().is_empty() {}
    let length = body.len();
    write!(
        client,
        "HTTP/1.1 200 OK\r\ncontent-type: application/jwk-set+json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}
