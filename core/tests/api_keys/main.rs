//! Tests of API keys, over the store in memory and over ones that fail.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod checks;
mod keys;
#[path = "../sessions/log.rs"]
mod log;
mod secrets;
mod settings;
mod stores;
mod throttle;
mod timing;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use countersign::{
    MemoryStore, OpaqueTokenError,
    session::{
        ApiKeys, ApiKeysBuilder, Realm,
        store::{ApiKeyId, ApiKeyStore, StoreError, StoredApiKey},
    },
    testing::FixedClock,
};

const NOW: i64 = 1_800_000_000;
const PEPPER: [u8; 32] = *b"a pepper of thirty-two bytes ...";

/// A store in memory that notes the calls, and fails at will.
#[derive(Clone, Default)]
struct Store {
    rows: MemoryStore,
    calls: Arc<Mutex<Vec<&'static str>>>,
    is_away: Arc<AtomicBool>,
    /// Fails for notes of uses alone.
    takes_no_notes: Arc<AtomicBool>,
}

impl Store {
    fn called(&self, name: &'static str) -> Result<(), StoreError> {
        self.calls.lock().unwrap().push(name);
        let fails = self.is_away.load(Ordering::Relaxed)
            || name == "touch" && self.takes_no_notes.load(Ordering::Relaxed);
        match fails {
            true => Err(StoreError::new("connection refused")),
            false => Ok(()),
        }
    }

    /// Returns the calls since the last question.
    fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

impl ApiKeyStore for Store {
    async fn insert_api_key(&self, key: &StoredApiKey) -> Result<(), StoreError> {
        self.called("insert")?;
        self.rows.insert_api_key(key).await
    }

    async fn find_api_key(&self, id: &ApiKeyId) -> Result<Option<StoredApiKey>, StoreError> {
        self.called("find")?;
        self.rows.find_api_key(id).await
    }

    async fn list_api_keys(
        &self,
        realm: &Realm,
        subject: &str,
    ) -> Result<Vec<StoredApiKey>, StoreError> {
        self.called("list")?;
        self.rows.list_api_keys(realm, subject).await
    }

    async fn end_api_key(&self, id: &ApiKeyId) -> Result<bool, StoreError> {
        self.called("end")?;
        self.rows.end_api_key(id).await
    }

    async fn end_api_keys(&self, realm: &Realm, subject: &str) -> Result<u64, StoreError> {
        self.called("end_all")?;
        self.rows.end_api_keys(realm, subject).await
    }

    async fn touch_api_key(&self, id: &ApiKeyId, used_at: i64) -> Result<(), StoreError> {
        self.called("touch")?;
        self.rows.touch_api_key(id, used_at).await
    }
}

/// Starts keys over a new store, with a clock that stands still.
fn builder() -> (ApiKeysBuilder, Store, FixedClock) {
    let (store, clock) = (Store::default(), FixedClock::at(NOW));
    let builder = ApiKeys::builder(store.clone(), PEPPER).clock(clock.clone());
    (builder, store, clock)
}

fn api_keys() -> (ApiKeys, Store, FixedClock) {
    let (builder, store, clock) = builder();
    (builder.build().unwrap(), store, clock)
}

/// Returns the kind of a refusal and its cause, as `Debug` has them.
fn shown(refused: &OpaqueTokenError) -> String {
    format!("{refused:?}")
}

/// Replaces the secret of a key by another one of the right form.
fn with_other_secret(text: &str) -> String {
    let secret: String = text[20..52].chars().rev().collect();
    sealed(&format!("{}{secret}", &text[..20]))
}

/// Replaces the id of a key by another one of the right form.
fn with_other_id(text: &str, number: usize) -> String {
    sealed(&format!("sk_{number:016}{}", &text[19..52]))
}

/// Appends the checksum.
fn sealed(before: &str) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    let mut crc = u32::MAX;
    for byte in before.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 };
        }
    }
    let mut rest = !crc as usize;
    let mut digits = Vec::new();
    for _ in 0..6 {
        digits.insert(0, DIGITS[rest % 62]);
        rest /= 62;
    }
    format!("{before}{}", String::from_utf8(digits).unwrap())
}
