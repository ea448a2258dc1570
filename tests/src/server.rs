//! A server in a process of its own, and HTTP/1.1 over a socket to talk to it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    ops::{Deref, DerefMut},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{Answer, Request};

/// The time that a program or a connection can be silent before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// A number above the lines that any program here prints, and the headers that any answer has.
const MANY: usize = 100;

/// A program that listens on a port of this machine. It is killed when this is dropped.
pub struct Server {
    process: Process,
    address: SocketAddr,
    /// The lines before the one with the address.
    announced: Vec<String>,
}

impl Server {
    /// Starts a program that takes `--listen` and prints `listening on http://ADDRESS`.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        Self::of(Process::start(command.args(["--listen", "127.0.0.1:0"])))
    }

    /// Starts it with a standard error of the caller's.
    #[must_use]
    pub fn start_with(command: &mut Command, stderr: impl Into<Stdio>) -> Self {
        Self::of(Process::start_with(
            command.args(["--listen", "127.0.0.1:0"]),
            stderr.into(),
        ))
    }

    /// Starts it at an address of the caller's.
    #[must_use]
    pub fn start_at(command: &mut Command, address: SocketAddr) -> Self {
        Self::of(Process::start(
            command.args(["--listen", &address.to_string()]),
        ))
    }

    fn of(process: Process) -> Self {
        let mut announced = Vec::new();
        let address = (0..MANY)
            .map_while(|_| process.line())
            .find_map(|line| {
                let address = line.strip_prefix("listening on http://");
                let address = address.and_then(|address| address.parse().ok());
                announced.push(line);
                address
            })
            .expect("the program says where it listens");
        Self {
            process,
            address,
            announced,
        }
    }

    /// Returns the rest of the first line that begins with `start`, among those up to the address.
    #[must_use]
    pub fn announced(&self, start: &str) -> Option<&str> {
        self.announced
            .iter()
            .find_map(|line| line.strip_prefix(start))
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a request over a new connection.
    #[must_use]
    pub fn send(&self, request: &Request, body: Body<'_>) -> Answer {
        Connection::open(self.address).send(request, body)
    }

    /// Waits until it has ended. See [`Process::end`].
    #[must_use]
    pub fn end(self) -> Ended {
        self.process.end()
    }
}

impl Deref for Server {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// A running program. It is killed when this is dropped.
pub struct Process {
    child: Child,
    stdout: Mutex<Receiver<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl Process {
    /// Starts a program.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        Self::start_with(command, Stdio::piped())
    }

    fn start_with(command: &mut Command, stderr: Stdio) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let stderr = child.stderr.take();
        let (lines, received) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // Goes on without a receiver: a program stops when the pipe is full.
                let _ = lines.send(line);
            }
        });
        let stderr = stderr.map(|mut stderr| {
            thread::spawn(move || {
                let mut text = Vec::new();
                let _ = stderr.read_to_end(&mut text);
                String::from_utf8_lossy(&text).into_owned()
            })
        });
        Self {
            child,
            stdout: Mutex::new(received),
            stderr,
        }
    }

    /// Returns its next line on standard output; `None` once it has ended.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        // A thread that panicked with it has failed the test already.
        let stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        match stdout.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("neither a line nor the end came in time"),
        }
    }

    /// Returns its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, as a service manager does.
    #[cfg(unix)]
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal, by its name without `SIG`.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Returns whether it has not ended.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills it at once.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child of ours");
    }

    /// Waits until it has ended.
    #[must_use]
    pub fn end(mut self) -> Ended {
        let stdout: Vec<_> = (0..MANY).map_while(|_| self.line()).collect();
        assert!(stdout.len() < MANY, "it prints without end: {stdout:?}");
        let status = self.child.wait().expect("a child of ours");
        Ended {
            code: status.code(),
            stdout,
            stderr: self.stderr(),
        }
    }

    /// Returns all of its standard error, once it has ended.
    fn stderr(&mut self) -> String {
        let reader = self.stderr.take().map(JoinHandle::join);
        reader.and_then(Result::ok).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("standard error of the program:\n{}", self.stderr());
        }
    }
}

#[cfg(unix)]
fn signal(process: u32, name: &str) {
    // Every shell has a `kill` of its own; the program is not installed everywhere.
    let status = Command::new("sh")
        .args([
            "-c",
            "kill -\"$1\" \"$2\"",
            "sh",
            name,
            &process.to_string(),
        ])
        .status()
        .expect("a shell");
    assert!(status.success(), "kill: {status}");
}

/// A program whose standard output and standard error are both closed at the other end. It is
/// killed when this is dropped.
pub struct Deaf(Child);

impl Deaf {
    /// Starts a program.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        drop((child.stdout.take(), child.stderr.take()));
        Self(child)
    }

    /// Connects to it, once it listens.
    #[must_use]
    pub fn connect(&mut self, address: SocketAddr) -> Connection {
        loop {
            let ended = self.0.try_wait().expect("a child of ours");
            assert_eq!(ended, None, "it has ended");
            if TcpStream::connect(address).is_ok() {
                return Connection::open(address);
            }
            thread::yield_now();
        }
    }
}

impl Deaf {
    /// Asks it to end, and returns its exit code.
    #[cfg(unix)]
    pub fn terminate(&mut self) -> Option<i32> {
        signal(self.0.id(), "TERM");
        self.0.wait().expect("a child of ours").code()
    }
}

impl Drop for Deaf {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns an unused address of this machine. The system will not hand it out again soon.
#[must_use]
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound")
}

/// The end of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The lines of its standard output that were not read before.
    pub stdout: Vec<String>,
    /// Its standard error.
    pub stderr: String,
}

/// The body of a request.
#[derive(Clone, Copy, Debug)]
pub enum Body<'b> {
    /// In chunks, so that its length is not known at first (RFC 9112 section 7.1).
    Chunked(&'b [u8]),
    /// None, and no header about it.
    None,
    /// With a `Content-Length`.
    Sized(&'b [u8]),
}

/// A connection that carries one request after the other.
pub struct Connection {
    stream: BufReader<TcpStream>,
    /// The headers of the last answer, with names in lower case.
    headers: Vec<(String, String)>,
}

impl Connection {
    /// Connects.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("a connection");
        for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
            set(&stream, Some(PATIENCE)).expect("a time-out that is not zero");
        }
        Self {
            stream: BufReader::new(stream),
            headers: Vec::new(),
        }
    }

    /// Sends a request and reads its answer.
    #[must_use]
    pub fn send(&mut self, request: &Request, body: Body<'_>) -> Answer {
        self.send_only(request, body);
        self.answer()
    }

    /// Sends a request and does not wait for its answer.
    pub fn send_only(&mut self, request: &Request, body: Body<'_>) {
        let message = [head(request, body), encoded(body)].concat();
        // A server that refuses a body need not read all of it: only the answer counts.
        let _ = self.stream.get_mut().write_all(&message);
    }

    /// Sends a request that announces a body, and waits until the server begins to read it.
    pub fn begin(&mut self, request: &Request, body: Body<'_>) {
        let request = request.clone().header("expect", "100-continue");
        self.write(&head(&request, body));
        assert_eq!(self.line(), "HTTP/1.1 100 Continue");
        assert_eq!(self.line(), "");
    }

    /// Sends a request whose body stops after its first byte. By then, the server is reading it.
    pub fn stall(&mut self, request: &Request, body: Body<'_>) {
        self.begin(request, body);
        match body {
            Body::Chunked(body) => self.write(&[b"1\r\n", &body[..1], b"\r\n"].concat()),
            Body::None => {}
            Body::Sized(body) => self.write(&body[..1]),
        }
    }

    /// Sends raw bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        let sent = self.stream.get_mut().write_all(bytes);
        sent.expect("a server that reads");
    }

    /// Waits until the server closes the connection, and returns what came before that.
    #[must_use]
    pub fn rest(mut self) -> String {
        let mut rest = String::new();
        let read = self.stream.read_to_string(&mut rest);
        read.expect("a server that closes the connection");
        rest
    }

    /// Returns a header of the last answer, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers(name);
        let value = all.next();
        assert_eq!(all.next(), None, "{name} comes twice");
        value
    }

    /// Returns every value of a header of the last answer, by its name in lower case.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let all = self.headers.iter().filter(move |(own, _)| own == name);
        all.map(|(_, value)| value.as_str())
    }

    /// Reads the answer to a request that was sent before.
    #[must_use]
    pub fn answer(&mut self) -> Answer {
        let status = self.line();
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        self.headers.clear();
        for _ in 0..MANY {
            let line = self.line();
            let Some((name, value)) = line.split_once(':') else {
                break; // the empty line
            };
            let header = (name.to_ascii_lowercase(), value.trim().to_owned());
            self.headers.push(header);
        }
        let header = |name| self.header(name).map(str::to_owned);
        let answer = Answer {
            status: status.expect("a status line"),
            content_type: header("content-type"),
            retry_after: header("retry-after"),
            www_authenticate: header("www-authenticate"),
            dpop_nonce: header("dpop-nonce"),
            ..Answer::default()
        };
        // An answer with 204 has no body, and no header with its length.
        let length = match header("content-length") {
            None if answer.status == 204 => 0,
            length => length
                .and_then(|length| length.parse().ok())
                .expect("an answer that says its length"),
        };
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("all of the body");
        let body = String::from_utf8(body).expect("a text");
        Answer { body, ..answer }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream
            .read_line(&mut line)
            .expect("a line of an answer");
        line.truncate(line.trim_end().len());
        line
    }
}

fn head(request: &Request, body: Body<'_>) -> Vec<u8> {
    let Request { method, target, .. } = request;
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n").into_bytes();
    for (name, value) in &request.headers {
        head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    match body {
        Body::Chunked(_) => head.extend(b"transfer-encoding: chunked\r\n"),
        Body::None => {}
        Body::Sized(body) => {
            head.extend(format!("content-length: {}\r\n", body.len()).into_bytes());
        }
    }
    head.extend(b"\r\n");
    head
}

fn encoded(body: Body<'_>) -> Vec<u8> {
    match body {
        Body::Chunked(body) => {
            let chunk = |part: &[u8]| {
                let size = format!("{:x}\r\n", part.len());
                [size.as_bytes(), part, b"\r\n"].concat()
            };
            // The last chunk is the empty one.
            let parts = body.chunks(8 << 10).chain([&b""[..]]);
            parts.flat_map(chunk).collect()
        }
        Body::None => Vec::new(),
        Body::Sized(body) => body.to_vec(),
    }
}
