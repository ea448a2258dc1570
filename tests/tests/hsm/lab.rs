//! A token of SoftHSM, in this process or behind `p11-kit server`.

use std::{
    env, fs,
    io::{Write, stderr},
    os::unix::{net::UnixStream, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use countersign::{
    Algorithm, Issuer, MemoryStore, SessionRoutes, Sessions, SigningKey,
    session::{Identity, SignIn},
};
use countersign_tests::{Request, server::Process, sessions::MOUNT};
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    session::{Session, UserType},
    types::AuthPin,
};
use hsm::{HsmError, HsmKey, KeyName, Token};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

pub(crate) const LABEL: &str = "countersign";
pub(crate) const PIN: &str = "735619";

/// A new token, in a process of its own: SoftHSM and p11-kit are told by the environment where it is, and a module is
/// initialised once for each process.
pub(crate) struct Lab {
    folder: PathBuf,
    modules: Modules,
    server: Option<Server>,
    pub(crate) runtime: Runtime,
}

struct Modules {
    softhsm: PathBuf,
    client: PathBuf,
}

/// Has a test run in a process of its own. `name` is that of the test, with its module.
pub(crate) fn run(name: &str, test: impl FnOnce(Lab)) {
    let Some(modules) = Modules::find(name) else {
        return;
    };
    if let Some(folder) = env::var_os(FOLDER) {
        return test(Lab {
            folder: folder.into(),
            modules,
            server: None,
            runtime: Runtime::new().unwrap(),
        });
    }
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("softhsm2.conf");
    let tokens = folder.path().join("tokens");
    fs::create_dir(&tokens).unwrap();
    let text = format!("directories.tokendir = {}\n", tokens.display());
    fs::write(&settings, text + "log.level = ERROR\n").unwrap();
    let mut command = Command::new("softhsm2-util");
    command.args(["--init-token", "--free", "--label", LABEL]);
    command.args(["--pin", PIN, "--so-pin", "12345678"]);
    let output = command.env("SOFTHSM2_CONF", &settings).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("SOFTHSM2_CONF", &settings)
        .env("P11_KIT_SERVER_ADDRESS", address(folder.path()))
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    print!("{stdout}");
    let is_right = output.status.success() && stdout.contains("1 passed");
    assert!(is_right, "{}\n{stderr}", output.status);
}

const FOLDER: &str = "COUNTERSIGN_HSM_LAB";

fn address(folder: &Path) -> String {
    format!("unix:path={}", folder.join("socket").display())
}

impl Modules {
    /// Finds SoftHSM and p11-kit; `None`, with a line on standard error, when they are not installed.
    fn find(name: &str) -> Option<Self> {
        let modules = Self::installed();
        if modules.is_none() {
            let _ = writeln!(
                stderr(),
                "left out: keys in an HSM ({name}): there is no SoftHSM, or no p11-kit; `tests/run` installs them"
            );
        }
        modules
    }

    fn installed() -> Option<Self> {
        let has = |program: &str| Command::new(program).arg("--help").output().is_ok();
        let client = Path::new("pkcs11/p11-kit-client.so");
        let folders = fs::read_dir("/usr/lib").ok()?;
        let folders = folders.filter_map(|folder| Some(folder.ok()?.path()));
        let softhsm = [
            "/usr/lib/softhsm",
            "/usr/lib64/softhsm",
            "/usr/local/lib/softhsm",
        ];
        let softhsm = softhsm.map(|folder| Path::new(folder).join("libsofthsm2.so"));
        (has("softhsm2-util") && has("p11-kit")).then_some(())?;
        Some(Self {
            softhsm: softhsm.into_iter().find(|module| module.is_file())?,
            client: folders
                .map(|folder| folder.join(client))
                .find(|module| module.is_file())?,
        })
    }
}

impl Lab {
    /// Returns the module of SoftHSM, in this process.
    pub(crate) fn module(&self) -> &Path {
        &self.modules.softhsm
    }

    /// Returns the module that asks the [server](Self::start_server).
    pub(crate) fn client(&self) -> &Path {
        &self.modules.client
    }

    /// Opens the token, in this process.
    pub(crate) fn token(&self) -> Token {
        self.open(self.module(), PIN).unwrap()
    }

    /// Opens the token of the server.
    pub(crate) fn served_token(&self) -> Token {
        self.open(self.client(), PIN).unwrap()
    }

    /// Opens it with one session: several calls at once do not survive the end of the server, in this client.
    pub(crate) fn served_token_of_one_session(&self) -> Token {
        self.open_with(self.client(), PIN, 1).unwrap()
    }

    pub(crate) fn open(&self, module: &Path, pin: &str) -> Result<Token, HsmError> {
        self.open_with(module, pin, 4)
    }

    fn open_with(&self, module: &Path, pin: &str, sessions: usize) -> Result<Token, HsmError> {
        self.runtime
            .block_on(Token::open(module, LABEL, pin, sessions))
    }

    /// Makes a key in the token, named by its algorithm.
    pub(crate) fn generate(&self, token: &Token, algorithm: Algorithm) -> HsmKey {
        let name = KeyName::Label(algorithm.name().to_owned());
        let key = token.generate(name, algorithm);
        self.runtime.block_on(key).unwrap()
    }

    /// Starts the process that has the token.
    pub(crate) fn start_server(&mut self) {
        let socket = self.folder.join("socket");
        let _ = fs::remove_file(&socket);
        let mut command = Command::new("p11-kit");
        command
            .args(["server", "--foreground", "--provider"])
            .arg(self.module());
        command.arg("--name").arg(&socket).arg("pkcs11:");
        let process = Process::start(command.process_group(0));
        assert!(process.line().unwrap().contains("P11_KIT_SERVER_ADDRESS"));
        while UnixStream::connect(&socket).is_err() {
            std::thread::yield_now();
        }
        self.server = Some(Server(process));
    }

    /// Kills it, and with it each of its processes: there is one for each connection.
    pub(crate) fn kill_server(&mut self) {
        self.server = None;
        fs::remove_file(self.folder.join("socket")).unwrap();
    }

    /// Runs something in a session of the test's own, while nobody else uses the module.
    pub(crate) fn alone<T>(&self, work: impl FnOnce(&Session) -> T) -> T {
        let module = Pkcs11::new(self.module()).unwrap();
        let flags = CInitializeFlags::OS_LOCKING_OK;
        module.initialize(CInitializeArgs::new(flags)).unwrap();
        let answer = beside(&module, work);
        module.finalize().unwrap();
        answer
    }

    /// Runs something in a session of the test's own, while the module is in use.
    pub(crate) fn beside<T>(&self, work: impl FnOnce(&Session) -> T) -> T {
        beside(&Pkcs11::new(self.module()).unwrap(), work)
    }

    /// Makes a login server whose tokens a key signs. Its one user is Ada.
    pub(crate) fn routes(&self, key: HsmKey) -> SessionRoutes {
        let key = SigningKey::external(key)
            .signatures_at_once(4)
            .into_future();
        let key = self.runtime.block_on(key).unwrap();
        let issuer = Issuer::builder("https://id.example", key).audience("app");
        let sessions = Sessions::builder(issuer.build().unwrap(), MemoryStore::new());
        SessionRoutes::json(sessions.build().unwrap(), sign_in)
    }
}

struct Server(Process);

impl Drop for Server {
    fn drop(&mut self) {
        let group = format!("kill -KILL -{}", self.0.id());
        let _ = Command::new("sh").args(["-c", &group]).status();
    }
}

fn beside<T>(module: &Pkcs11, work: impl FnOnce(&Session) -> T) -> T {
    let slots = module.get_slots_with_token().unwrap();
    let is_ours = |slot: &_| module.get_token_info(*slot).unwrap().label() == LABEL;
    let slot = slots.into_iter().find(is_ours).unwrap();
    let session = module.open_rw_session(slot).unwrap();
    // Another session of this process may have done that.
    let _ = session.login(UserType::User, Some(&AuthPin::from(PIN)));
    work(&session)
}

async fn sign_in(question: SignIn<Value>) -> Result<Option<Identity<Value>>, std::io::Error> {
    let is_ada = match question {
        SignIn::Credentials(login) => login["password"] == "engine",
        SignIn::Refresh(session) => session.subject() == "ada",
    };
    Ok(is_ada.then(|| Identity::new("ada", json!({}))))
}

pub(crate) fn log_in() -> Request {
    let login = json!({ "email": "ada", "password": "engine" });
    Request::post(&format!("{MOUNT}/login")).json(login.to_string())
}

pub(crate) fn refresh(token: &str) -> Request {
    let body = json!({ "refresh_token": token });
    Request::post(&format!("{MOUNT}/refresh")).json(body.to_string())
}

/// Lines of the log of this process.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn listen() -> Self {
        let lines = Self::default();
        let writer = lines.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .init();
        lines
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
