//! Clients with valid tokens, at a steady rate.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    sync::oneshot,
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use crate::provider::{ALGORITHMS, Provider, Token};

/// The tokens of the clients, each until it expires.
#[derive(Default)]
pub(crate) struct Tokens {
    held: Mutex<Vec<(Arc<str>, Instant)>>,
    next: AtomicUsize,
}

impl Tokens {
    /// The time before its end from which a token is no longer used: the request takes a while to
    /// arrive.
    const MARGIN: Duration = Duration::from_millis(100);

    /// Gets one more token of each algorithm.
    pub(crate) fn renew(&self, provider: &Provider) {
        for algorithm in ALGORITHMS {
            let asked = Instant::now();
            let Token { text, lifetime } = provider.token(algorithm);
            let until = asked + lifetime - Self::MARGIN;
            self.held.lock().unwrap().push((text.into(), until));
        }
    }

    /// Returns one of the tokens that have not expired, each in turn.
    pub(crate) fn take(&self) -> Arc<str> {
        let now = Instant::now();
        let mut held = self.held.lock().unwrap();
        held.retain(|(_, until)| now < *until);
        assert!(
            !held.is_empty(),
            "the provider was too slow to renew tokens"
        );
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        Arc::clone(&held[turn % held.len()].0)
    }
}

/// Requests to one server, at a rate that does not depend on its answers.
pub(crate) struct Traffic {
    stop: oneshot::Sender<()>,
    clients: JoinHandle<Figures>,
}

impl Traffic {
    /// The number of requests per second.
    pub(crate) const RATE: u32 = 200;

    /// Starts sending requests.
    pub(crate) fn start(address: SocketAddr, tokens: &Arc<Tokens>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let clients = Clients {
            address,
            tokens: Arc::clone(tokens),
            idle: Mutex::default(),
        };
        Self {
            stop,
            clients: tokio::spawn(Arc::new(clients).run(stopped)),
        }
    }

    /// Stops sending, and waits for all answers.
    pub(crate) async fn stop(self) -> Figures {
        self.stop.send(()).unwrap();
        self.clients.await.unwrap()
    }
}

struct Clients {
    address: SocketAddr,
    tokens: Arc<Tokens>,
    idle: Mutex<Vec<Connection>>,
}

impl Clients {
    /// Sends requests; a request is late from the moment at which it was due, so a stuck server
    /// cannot hide it.
    async fn run(self: Arc<Self>, mut stopped: oneshot::Receiver<()>) -> Figures {
        let started = Instant::now();
        let mut pace = interval(Duration::from_secs(1) / Traffic::RATE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut requests = JoinSet::new();
        loop {
            let due = tokio::select! {
                biased;
                _ = &mut stopped => break,
                due = pace.tick() => due,
            };
            let clients = Arc::clone(&self);
            requests.spawn(async move {
                let answer = clients.send().await;
                (answer, due.elapsed())
            });
        }
        let duration = started.elapsed();
        let mut figures = Figures {
            duration,
            latencies: Vec::new(),
            refusals: BTreeMap::new(),
        };
        for (answer, latency) in requests.join_all().await {
            figures.latencies.push(latency);
            if answer != "200" {
                *figures.refusals.entry(answer).or_default() += 1;
            }
        }
        figures.latencies.sort_unstable();
        figures
    }

    async fn send(&self) -> String {
        let patience = Duration::from_secs(10);
        match timeout(patience, self.exchange()).await {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        }
    }

    async fn exchange(&self) -> io::Result<String> {
        let idle = self.idle.lock().unwrap().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => Connection::open(self.address).await?,
        };
        let status = connection.exchange(&self.tokens.take()).await?;
        self.idle.lock().unwrap().push(connection);
        Ok(status)
    }
}

/// A connection that carries one request after the other.
struct Connection(BufReader<TcpStream>);

impl Connection {
    async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a request with this token, and reads the status of its answer.
    async fn exchange(&mut self, token: &str) -> io::Result<String> {
        let head = format!("GET / HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {token}\r\n\r\n");
        self.0.write_all(head.as_bytes()).await?;
        let mut status = None;
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            match line.split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().map_err(io::Error::other)?;
                }
                Some(_) => {}
                None => status = line.split(' ').nth(1).map(str::to_owned),
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        status.ok_or_else(|| ErrorKind::InvalidData.into())
    }
}

/// The results of the requests.
pub(crate) struct Figures {
    duration: Duration,
    latencies: Vec<Duration>,
    /// The answers other than 200, with their numbers.
    refusals: BTreeMap<String, usize>,
}

impl Figures {
    /// Checks that every request was answered with 200, and that there were as many as planned.
    #[track_caller]
    pub(crate) fn assert_nobody_was_refused(&self, name: &str) {
        assert!(self.refusals.is_empty(), "{name}: {:?}", self.refusals);
        let planned = self.duration.as_secs_f64() * f64::from(Traffic::RATE);
        let sent = self.latencies.len();
        assert!(sent as f64 > planned * 0.95, "{name}: {sent} requests");
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |percent| percentile(&self.latencies, percent);
        let refused: usize = self.refusals.values().sum();
        write!(
            f,
            "{} requests in {:.1?}, {refused} refused, p50 {:.1?}, p99 {:.1?}, longest {:.1?}",
            self.latencies.len(),
            self.duration,
            at(50),
            at(99),
            at(100),
        )
    }
}

/// Returns the smallest of these that this percentage do not exceed. They are sorted.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}
