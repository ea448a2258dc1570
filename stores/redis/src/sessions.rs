//! The calls of a store on Redis.

use std::{sync::atomic::Ordering, time::Duration};

use countersign::{
    revocation::RevocationEntry,
    session::{
        Realm, SessionId,
        store::{
            EndedSession, SessionStore, StoreCapabilities, StoreEpoch, StoreError, StoreMark,
            StoredSession, TokenHash,
        },
    },
};

use crate::{
    link::Link,
    log,
    row::{self, DATA, FIELDS, Values},
    script::{self, Args},
    store::{LAST_EXPIRY, RedisStore},
};

impl SessionStore for RedisStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::shared()
            .own_clock()
            .epoch()
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

    async fn end_realm(
        &self,
        realm: &Realm,
        begun_before: i64,
        named_after: i64,
        revocation: &RevocationEntry,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let keys = &self.0.keys;
        let epoch = self.epoch().await?;
        let args = log::with_entry(self.retention().with(REMEMBERED), revocation);
        let end = keys.end_of_realm(realm);
        let shortened = self
            .run(&script::END_REALM, &[&keys.log, &end], args)
            .await?;
        self.notice_shortened(shortened);
        let mut all = Vec::new();
        let mut cursor = "0".to_owned();
        loop {
            let args = self
                .retention()
                .with(cursor)
                .with(&keys.sessions_pattern)
                .with(&keys.sessions)
                .with(&keys.subjects)
                .with(realm.as_str())
                .with(begun_before)
                .with(named_after);
            let (next, shortened, ended): (String, bool, Vec<(String, i64)>) = self
                .run(&script::END_BEGUN_BEFORE, &[&keys.log], args)
                .await?;
            self.notice_shortened(shortened);
            for (id, tokens_until) in ended {
                all.push(EndedSession {
                    id: parse_id(&id)?,
                    tokens_until,
                });
            }
            if next == "0" {
                break;
            }
            cursor = next;
        }
        // Where to go on is a place in the memory of one server.
        match self.epoch().await? == epoch {
            true => Ok(all),
            false => Err(StoreError::new("another server has taken over meanwhile")),
        }
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

    async fn epoch(&self) -> Result<Option<StoreEpoch>, StoreError> {
        self.epoch_on(self.link()).await.map(Some)
    }

    async fn mark_restored(&self) -> Result<(), StoreError> {
        let keys = [&*self.0.keys.epoch];
        self.run::<()>(&script::RESTORED, &keys, Args::default())
            .await?;
        self.epoch().await.map(drop)
    }
}

impl RedisStore {
    /// Returns the epoch, and notices where the server begins another one.
    pub(crate) async fn epoch_on(&self, link: &Link) -> Result<StoreEpoch, StoreError> {
        self.opened().await?;
        let keys = [&*self.0.keys.epoch];
        let epoch = script::EPOCH.run(link, &keys, Args::default()).await;
        let (id, since, is_hidden): (String, Option<i64>, bool) = epoch.map_err(StoreError::new)?;
        if is_hidden && !self.0.is_hidden_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "countersign",
                "this Redis does not say when it was promoted or restarted and may have lost writes: allow its user \
                 the command INFO",
            );
        }
        Ok(StoreEpoch::new(id, since))
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
            let ends = [keys.end(realm, subject), keys.end_of_realm(realm)];
            let [of_subject, of_realm] = ends;
            names.extend([of_subject, keys.log.clone(), of_realm]);
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

/// Seconds for which the server keeps a session after it has expired: it may be that the clock of
/// the server is ahead of the one that decides.
const MARGIN: i64 = 3_600;

/// Seconds for which the end of all sessions is remembered: two hours, and what the clock of a replica that
/// takes over may be ahead.
const REMEMBERED: i64 = 2 * 3_600 + 300;

fn parse_id(text: &str) -> Result<SessionId, StoreError> {
    SessionId::parse(text).ok_or_else(|| StoreError::new("not a session id in an index"))
}
