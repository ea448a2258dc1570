//! Sessions in Redis.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use countersign::{
    revocation::RevocationEntry,
    session::{
        Realm, SessionId,
        store::{
            EndedSession, SessionStore, StoreCapabilities, StoreError, StoreMark, StoredSession,
            TokenHash,
        },
    },
};
use redis::FromRedisValue;
use tokio::{sync::Mutex, time::timeout};

use crate::{
    builder::RedisStoreBuilder,
    keys::Keys,
    link::{Link, Target},
    log,
    row::{self, DATA, FIELDS, Values},
    script::{self, Args, Script},
};

/// Sessions and revocations in Redis or Valkey, on one server or in a cluster.
///
/// It implements [`SessionStore`] and [`RevocationLog`](countersign::revocation::RevocationLog). It is
/// cheap to clone, and its clones share two connections: one for all calls, and one that reads the log, so that no
/// call which the server holds back keeps a node from hearing of revocations. When one breaks, the calls under way
/// fail, within the [time-out](RedisStoreBuilder::timeout), and another one is made.
///
/// # Examples
///
/// ```no_run
/// use countersign_redis::RedisStore;
///
/// # async fn example() -> Result<(), countersign::session::store::StoreError> {
/// let store = RedisStore::connect("redis://127.0.0.1").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore(Arc<Inner>);

struct Inner {
    link: Link,
    /// The connection that reads the log.
    reader: Link,
    keys: Keys,
    /// The time that the log keeps an entry, in seconds.
    retention: i64,
    /// Set once the log was asked to keep something for longer.
    has_shortened: AtomicBool,
    /// Set once the keys are known to have a layout that this program can use.
    is_open: AtomicBool,
    /// Where the search for keys of another layout goes on, if whoever began it has left. One caller searches at a
    /// time.
    cursor: Mutex<String>,
    /// Set once the log says that they have another layout.
    is_told: AtomicBool,
}

impl RedisStore {
    /// Connects to one server, with the default settings.
    ///
    /// # Errors
    ///
    /// As [`RedisStoreBuilder::connect`].
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::builder().connect(url).await
    }

    /// Connects to a cluster, with the default settings.
    ///
    /// # Errors
    ///
    /// As [`RedisStoreBuilder::cluster`].
    pub async fn cluster(
        urls: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, StoreError> {
        Self::builder().cluster(urls).await
    }

    /// The settings, to change before it connects.
    pub fn builder() -> RedisStoreBuilder {
        RedisStoreBuilder::new()
    }

    /// Makes a store whose connections are made when they are used.
    pub(crate) fn new(target: Target, timeout: Duration, keys: Keys, retention: Duration) -> Self {
        let retention = i64::try_from(retention.as_secs()).unwrap_or(LAST_EXPIRY);
        Self(Arc::new(Inner {
            link: Link::new(target.clone(), timeout),
            reader: Link::new(target, timeout),
            keys,
            retention: retention.min(LAST_EXPIRY),
            has_shortened: AtomicBool::new(false),
            is_open: AtomicBool::new(false),
            cursor: Mutex::new("0".to_owned()),
            is_told: AtomicBool::new(false),
        }))
    }

    /// Checks the keys before the first call: those of another layout would be lost in silence.
    pub(crate) async fn opened(&self) -> Result<(), StoreError> {
        let Inner {
            is_open, is_told, ..
        } = &*self.0;
        if is_open.load(Ordering::Acquire) {
            return Ok(());
        }
        let turn = timeout(self.0.link.timeout(), self.0.cursor.lock());
        let mut cursor = turn.await.map_err(StoreError::new)?;
        if is_open.load(Ordering::Acquire) {
            return Ok(());
        }
        if let Some(refusal) = self.look_for_another_layout(&mut cursor).await? {
            if !is_told.swap(true, Ordering::Relaxed) {
                tracing::error!(
                    target: "countersign",
                    cause = refusal,
                    "the keys of the session store cannot be used, and nothing is written to them",
                );
            }
            return Err(StoreError::new(refusal));
        }
        self.warn_of_eviction().await;
        is_open.store(true, Ordering::Release);
        Ok(())
    }

    /// Returns what to do about keys that this program cannot use, if there are any.
    async fn look_for_another_layout(
        &self,
        cursor: &mut String,
    ) -> Result<Option<String>, StoreError> {
        let keys = &self.0.keys;
        let names = [&*keys.layout, &*keys.first_log];
        loop {
            let args = Args::default()
                .with(LAYOUT)
                .with(&keys.first_pattern)
                .with(&*cursor);
            let found = script::LAYOUT.run::<(String, String)>(&self.0.link, &names, args);
            let found = found.await;
            // After an error, another server may come.
            *cursor = found.as_ref().map_or("0", |(_, next)| next).to_owned();
            let (found, _) = found.map_err(StoreError::new)?;
            match found.as_str() {
                "" => {}
                FIRST_LAYOUT => return Ok(Some(keys.refusal_of_the_first_layout())),
                found if can_use(found) => return Ok(None),
                _ => {
                    return Ok(Some(format!(
                        "the keys of this prefix have layout {found}, and this program knows layout {LAYOUT}"
                    )));
                }
            }
        }
    }

    /// Warns of a server that makes room by removing keys: it forgets sessions, and worse, revocations.
    async fn warn_of_eviction(&self) {
        let keys = [&*self.0.keys.log];
        let policy = script::POLICY.run::<String>(&self.0.link, &keys, Args::default());
        // Not every server tells everybody: then there is nothing to say.
        if let Ok(policy) = policy.await
            && policy != "noeviction"
        {
            tracing::warn!(
                target: "countersign",
                policy,
                "this Redis removes sessions and revocations when its memory is full: \
                 set maxmemory-policy to noeviction",
            );
        }
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) fn link(&self) -> &Link {
        &self.0.link
    }

    pub(crate) fn reader(&self) -> &Link {
        &self.0.reader
    }

    /// Starts the arguments of a script that writes to the log.
    pub(crate) fn retention(&self) -> Args {
        Args::default().with(self.0.retention)
    }

    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[&str],
        args: Args,
    ) -> Result<T, StoreError> {
        self.opened().await?;
        let result = script.run(&self.0.link, keys, args).await;
        result.map_err(StoreError::new)
    }

    /// Writes the session if the `current` of the stored one is `expected`; empty: if there is none, and its
    /// login `begun` after all that concerns it.
    async fn put(
        &self,
        session: &StoredSession,
        expected: &[u8],
        begun: Option<StoreMark>,
    ) -> Result<Put, StoreError> {
        let keys = &self.0.keys;
        let expires_at = session.expires_at.clamp(0, LAST_EXPIRY);
        let begun_at = begun.map_or(String::new(), |begun| log::id(begun.get()));
        let args = Args::default()
            .with(session.id.as_str())
            .with(expected)
            .with(begun_at)
            .with(expires_at)
            .with(expires_at + MARGIN);
        let (realm, subject) = (&session.realm, &*session.subject);
        let mut names = vec![keys.session(&session.id), keys.subject(realm, subject)];
        if begun.is_some() {
            names.extend([keys.end(realm, subject), keys.log.clone()]);
        }
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let args = match begun {
            Some(_) => row::append_to(args, session),
            None => row::append_rotated_to(args, session),
        };
        match self.run(&script::PUT, &names, args).await? {
            1 => Ok(Put::Done),
            0 => Ok(Put::Unexpected),
            -1 => Ok(Put::Overtaken),
            other => Err(StoreError::new(format!("no answer of the script: {other}"))),
        }
    }

    /// Logs once that the log keeps an entry for too short a time. An ending must not fail for that.
    fn notice_shortened(&self, shortened: bool) {
        if shortened && !self.0.has_shortened.swap(true, Ordering::Relaxed) {
            let retention = self.0.retention;
            tracing::error!(
                target: "countersign",
                retention,
                "revocations count for longer than the log in Redis keeps them, and are forgotten too early: \
                 raise the retention, or look at the clocks of this node and of Redis",
            );
        }
    }
}

/// The outcome of writing a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Put {
    Done,
    /// All sessions of the subject were ended since the login began.
    Overtaken,
    /// The stored session is another one, or there is none.
    Unexpected,
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("log", &self.0.keys.log)
            .finish_non_exhaustive()
    }
}

impl SessionStore for RedisStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::shared()
            .own_clock()
            .retention(Duration::from_secs(self.0.retention.unsigned_abs()))
    }

    async fn mark(&self) -> Result<StoreMark, StoreError> {
        let keys = [&*self.0.keys.log];
        let last: String = self.run(&script::MARK, &keys, Args::default()).await?;
        let number = log::number(&last).ok_or_else(|| StoreError::new("not an id in the log"))?;
        Ok(StoreMark::new(number))
    }

    async fn insert(&self, session: &StoredSession, begun: StoreMark) -> Result<bool, StoreError> {
        match self.put(session, b"", Some(begun)).await? {
            Put::Done => Ok(true),
            Put::Overtaken => Ok(false),
            // The client of a cluster sends a command again when its answer was lost.
            Put::Unexpected if self.find(&session.id).await?.as_ref() == Some(session) => Ok(true),
            Put::Unexpected => Err(StoreError::new("the session id is taken")),
        }
    }

    async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        self.opened().await?;
        let mut command = redis::cmd("HMGET");
        command.arg(self.0.keys.session(id)).arg(&FIELDS);
        let values: Values = self.0.link.send(&command).await.map_err(StoreError::new)?;
        row::session(id, values)
    }

    async fn rotate(&self, from: &TokenHash, next: &StoredSession) -> Result<bool, StoreError> {
        Ok(self.put(next, from.as_bytes(), None).await? == Put::Done)
    }

    async fn set_data(
        &self,
        id: &SessionId,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<bool, StoreError> {
        let option = |args: Args, data: Option<&str>| match data {
            Some(data) => args.with(1).with(data),
            None => args.with(0).with(""),
        };
        let args = option(option(Args::default().with(DATA), from), to);
        let keys = self.0.keys.session(id);
        self.run(&script::SET_DATA, &[&keys], args).await
    }

    async fn end(
        &self,
        id: &SessionId,
        revocation: Option<&RevocationEntry>,
    ) -> Result<Option<EndedSession>, StoreError> {
        let keys = &self.0.keys;
        let args = self.retention().with(id.as_str()).with(&keys.subjects);
        let args = revocation.into_iter().fold(args, log::with_entry);
        let (shortened, tokens_until): (bool, Option<i64>) = self
            .run(&script::END, &[&keys.session(id), &keys.log], args)
            .await?;
        self.notice_shortened(shortened);
        Ok(tokens_until.map(|tokens_until| EndedSession {
            id: id.clone(),
            tokens_until,
        }))
    }

    async fn end_all(
        &self,
        realm: &Realm,
        subject: &str,
        issued_before: i64,
        until: i64,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let keys = &self.0.keys;
        let args = self
            .retention()
            .with(realm.as_str())
            .with(subject)
            .with(issued_before)
            .with(until)
            .with(&keys.sessions)
            .with(REMEMBERED);
        let (index, end) = (keys.subject(realm, subject), keys.end(realm, subject));
        let (shortened, ended): (bool, Vec<(String, i64)>) = self
            .run(&script::END_ALL, &[&index, &keys.log, &end], args)
            .await?;
        self.notice_shortened(shortened);
        let ended = ended.into_iter().map(|(id, tokens_until)| {
            Ok(EndedSession {
                id: parse_id(&id)?,
                tokens_until,
            })
        });
        ended.collect()
    }

    async fn list(
        &self,
        realm: &Realm,
        subject: &str,
        now: i64,
    ) -> Result<Vec<StoredSession>, StoreError> {
        let keys = &self.0.keys;
        let args = Args::default().with(now).with(&keys.sessions).with(&FIELDS);
        let found: Vec<(String, Values)> = self
            .run(&script::LIST, &[&keys.subject(realm, subject)], args)
            .await?;
        let mut sessions = Vec::with_capacity(found.len());
        for (id, values) in found {
            sessions.extend(row::session(&parse_id(&id)?, values)?);
        }
        Ok(sessions)
    }

    async fn sweep(&self, _now: i64) -> Result<u64, StoreError> {
        // Sessions are removed by the server.
        let keys = [&*self.0.keys.log];
        self.run::<()>(&script::SWEEP, &keys, self.retention())
            .await?;
        Ok(0)
    }

    async fn health(&self) -> Result<(), StoreError> {
        let keys = [&*self.0.keys.health];
        self.run(&script::HEALTH, &keys, Args::default()).await
    }
}

/// The name by which `layout.lua` calls keys of sessions without a realm.
const FIRST_LAYOUT: &str = "1";

/// The layout of the keys that this program writes.
const LAYOUT: &str = "2";

/// Returns whether this program can use keys of a layout: its own, or a later one which says that programs of this
/// one can. `4 2` is layout 4, compatible from layout 2.
fn can_use(found: &str) -> bool {
    let own = LAYOUT.parse::<u32>();
    let later = found.split_once(' ').and_then(|(layout, from)| {
        let (layout, from) = (layout.parse::<u32>().ok()?, from.parse::<u32>().ok()?);
        own.ok().map(|own| from <= own && own <= layout)
    });
    found == LAYOUT || later == Some(true)
}

/// Seconds for which the server keeps a session after it has expired: it may be that the clock of
/// the server is ahead of the one that decides.
const MARGIN: i64 = 3_600;

/// A time in the year 5138. With later ones, Redis calculates wrong.
const LAST_EXPIRY: i64 = 100_000_000_000;

/// Seconds for which the end of all sessions is remembered: two hours, and what the clock of a replica that
/// takes over may be ahead.
const REMEMBERED: i64 = 2 * 3_600 + 300;

fn parse_id(text: &str) -> Result<SessionId, StoreError> {
    SessionId::parse(text).ok_or_else(|| StoreError::new("not a session id in an index"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_later_layout_are_used_if_it_says_so() {
        for good in ["2", "3 2", "9 1", "2 2", "2 1"] {
            assert!(can_use(good), "{good:?}");
        }
        for bad in [
            "1", "3", "4 3", "1 1", "", "3 ", " 2", "3 x", "x 2", "3 2 1",
        ] {
            assert!(!can_use(bad), "{bad:?}");
        }
    }
}
