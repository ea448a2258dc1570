//! The log of revocations: a stream of Redis.

use std::{collections::HashMap, time::Duration};

use countersign::{
    revocation::{LogBatch, LogPosition, RevocationEntry, RevocationLog, Revoked, StoreEpoch},
    session::{Realm, SessionId, store::StoreError},
};
use tokio::time::sleep;

use crate::{
    script::{self, Args},
    store::RedisStore,
};

/// The interval in which a node that has read all asks for more: a blocking read would save a tenth of a second, and
/// its end would be one more thing to wait for.
const INTERVAL: Duration = Duration::from_millis(100);
/// The pause after an error.
const REST: Duration = Duration::from_millis(200);
/// The most entries in one answer, with the one that was the last before.
const COUNT: usize = 1_001;

impl RevocationLog for RedisStore {
    async fn append(&self, entries: &[RevocationEntry]) -> Result<(), StoreError> {
        let args = entries.iter().fold(self.retention(), with_entry);
        self.run(&script::APPEND, &[&self.keys().log], args).await
    }

    async fn read(&self, after: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        let result = self.read_on(after).await;
        match &result {
            Err(_) => sleep(REST).await,
            Ok(batch) if batch.entries.is_empty() => sleep(INTERVAL).await,
            Ok(_) => {}
        }
        result
    }

    async fn time(&self) -> Result<Option<i64>, StoreError> {
        let keys = [&*self.keys().log];
        let time = script::TIME.run(self.reader(), &keys, Args::default());
        time.await.map(Some).map_err(StoreError::new)
    }

    async fn store_epoch(&self) -> Result<Option<StoreEpoch>, StoreError> {
        self.epoch_on(self.reader()).await.map(Some)
    }
}

impl RedisStore {
    async fn read_on(&self, after: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        if let Some(after) = after.filter(|after| number(after.as_str()).is_some()) {
            let mut found = self.range(after.as_str()).await?;
            // If the last entry that was read is not there, others may be missing with it, and
            // others still have come with lower ids: after a restart without the last writes, or
            // when a replica without them has taken over.
            if found.first().is_some_and(|(id, _)| id == after.as_str()) {
                let complete = found.len() < COUNT;
                return batch(found.drain(1..), Some(after), complete);
            }
        }
        let found = self.range("-").await?;
        let complete = found.len() < COUNT;
        batch(found.into_iter(), None, complete)
    }

    async fn range(&self, from: &str) -> Result<Vec<Entry>, StoreError> {
        self.opened().await?;
        let mut command = redis::cmd("XRANGE");
        command.arg(&self.keys().log).arg(from).arg("+");
        command.arg("COUNT").arg(COUNT);
        let found = self.reader().send(&command).await;
        found.map_err(StoreError::new)
    }
}

/// Appends an entry as the scripts take it: kind, realm, value, before, until.
pub(crate) fn with_entry(args: Args, entry: &RevocationEntry) -> Args {
    let (kind, of, value) = match &entry.revoked {
        Revoked::Everyone {
            realm,
            issued_before,
        } => ("everyone", Some((realm, issued_before)), ""),
        Revoked::Session(id) => ("session", None, id.as_str()),
        Revoked::Sessionless {
            realm,
            subject,
            issued_before,
        } => (
            "sessionless",
            Some((realm, issued_before)),
            subject.as_str(),
        ),
        Revoked::Subject {
            realm,
            subject,
            issued_before,
        } => ("subject", Some((realm, issued_before)), subject.as_str()),
        Revoked::Token(id) => ("token", None, id.as_str()),
    };
    let realm = of.map_or("", |(realm, _)| realm.as_str());
    let before = of.map_or(String::new(), |(_, before)| before.to_string());
    args.with(kind)
        .with(realm)
        .with(value)
        .with(before)
        .with(entry.until)
}

type Entry = (String, HashMap<String, String>);

fn batch(
    found: impl Iterator<Item = Entry>,
    after: Option<&LogPosition>,
    complete: bool,
) -> Result<LogBatch, StoreError> {
    let mut batch = LogBatch {
        entries: Vec::new(),
        position: after.cloned(),
        complete,
    };
    for (id, fields) in found {
        // To leave one out would let a revoked token pass.
        let entry = read(&fields).ok_or_else(|| StoreError::new("not an entry of the log"))?;
        batch.entries.push(entry);
        batch.position = Some(LogPosition::new(id));
    }
    Ok(batch)
}

pub(crate) fn read(fields: &HashMap<String, String>) -> Option<RevocationEntry> {
    let value = fields.get("value")?;
    let realm = || Realm::new(fields.get("realm")?.as_str()).ok();
    let issued_before = || fields.get("before")?.parse().ok();
    Some(RevocationEntry {
        revoked: match fields.get("kind")?.as_str() {
            "everyone" => Revoked::Everyone {
                realm: realm()?,
                issued_before: issued_before()?,
            },
            "session" => Revoked::Session(SessionId::parse(value)?),
            "sessionless" => Revoked::Sessionless {
                realm: realm()?,
                subject: value.clone(),
                issued_before: issued_before()?,
            },
            "subject" => Revoked::Subject {
                realm: realm()?,
                subject: value.clone(),
                issued_before: issued_before()?,
            },
            "token" => Revoked::Token(value.clone()),
            _ => return None,
        },
        until: fields.get("until")?.parse().ok()?,
    })
}

/// Reads the id of an entry as one number. `None` when it is none.
pub(crate) fn number(id: &str) -> Option<u128> {
    let (time, number) = id.split_once('-')?;
    let [time, number] = [time, number].map(|part| {
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse::<u64>().ok()).flatten()
    });
    Some(u128::from(time?) << 64 | u128::from(number?))
}

/// Writes the id of an entry with this number.
#[allow(clippy::cast_possible_truncation)] // the upper half, and the lower one
pub(crate) fn id(number: u128) -> String {
    format!("{}-{}", (number >> 64) as u64, number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_number_in_the_same_order() {
        let ids = [
            "0-0",
            "0-1",
            "0-18446744073709551615",
            "1-0",
            "1526919030474-55",
        ];
        let numbers = ids.map(|id| number(id).unwrap());
        assert!(numbers.is_sorted(), "{numbers:?}");
        assert_eq!(numbers.map(id), ids);
        assert_eq!(number(&id(u128::MAX)), Some(u128::MAX));
    }

    #[test]
    fn what_is_no_id_is_no_number() {
        for text in [
            "",
            "1",
            "a-b",
            "+1-1",
            "1-1-1",
            "-1",
            "1-",
            "99999999999999999999-0",
        ] {
            assert_eq!(number(text), None, "{text:?}");
        }
    }
}
