//! The log of revocations: a stream of Redis.

use std::{collections::HashMap, time::Duration};

use countersign::{
    LogBatch, LogPosition, RevocationEntry, RevocationLog, Revoked, SessionId, StoreError,
};
use tokio::time::sleep;

use crate::{script, store::RedisStore};

/// How often a node that has read all asks for more. A blocking read would need a connection of its
/// own, for a tenth of a second.
const INTERVAL: Duration = Duration::from_millis(100);
/// How long to rest after an error.
const REST: Duration = Duration::from_millis(200);
/// The most entries in one answer, with the one that was the last before.
const COUNT: usize = 1_001;

impl RevocationLog for RedisStore {
    async fn append(&self, entries: &[RevocationEntry]) -> Result<(), StoreError> {
        let args = entries.iter().fold(self.retention(), |args, entry| {
            let (kind, value, before) = match &entry.revoked {
                Revoked::Session(id) => ("session", id.as_str(), None),
                Revoked::Subject {
                    subject,
                    issued_before,
                } => ("subject", subject.as_str(), Some(issued_before.to_string())),
                Revoked::Token(id) => ("token", id.as_str(), None),
            };
            args.with(kind)
                .with(value)
                .with(before.unwrap_or_default())
                .with(entry.until)
        });
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
}

impl RedisStore {
    async fn read_on(&self, after: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        if let Some(after) = after.filter(|after| is_entry_id(after.as_str())) {
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
        let mut command = redis::cmd("XRANGE");
        command.arg(&self.keys().log).arg(from).arg("+");
        command.arg("COUNT").arg(COUNT);
        let found = self.link().send(&command).await;
        found.map_err(StoreError::new)
    }
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
    Some(RevocationEntry {
        revoked: match fields.get("kind")?.as_str() {
            "session" => Revoked::Session(SessionId::parse(value)?),
            "subject" => Revoked::Subject {
                subject: value.clone(),
                issued_before: fields.get("before")?.parse().ok()?,
            },
            "token" => Revoked::Token(value.clone()),
            _ => return None,
        },
        until: fields.get("until")?.parse().ok()?,
    })
}

/// Whether Redis would read it as the id of an entry: two numbers of 64 bits.
pub(crate) fn is_entry_id(text: &str) -> bool {
    let is_number =
        |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()) && part.parse::<u64>().is_ok();
    let parts = text.split_once('-');
    parts.is_some_and(|(time, number)| is_number(time) && is_number(number))
}
