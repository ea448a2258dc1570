//! The memory of a million sessions.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::{
    MemoryStore,
    session::{
        Realm, SessionId,
        store::{PreviousToken, SessionDetails, SessionStore, StoreMark, StoredSession, TokenHash},
    },
};
use futures_executor::block_on;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const SESSIONS: u32 = 1_000_000;
const LIMIT: usize = 400_000_000;
const NOW: i64 = 1_800_000_000;
const START: StoreMark = StoreMark::new(0);

#[test]
fn a_million_sessions_fit_into_400_mb() {
    let before = ALLOCATOR.current_usage();
    let store = MemoryStore::new();
    ALLOCATOR.reset_peak_usage();
    let realm = Realm::new("https://id.example").unwrap();
    for number in 0..SESSIONS {
        let mut session = session(number, &realm);
        assert!(block_on(store.insert(&session, START)).unwrap());
        let hash = session.current;
        session.current = digest(number, 2);
        session.last_used_at += 1;
        session.previous = vec![PreviousToken {
            hash,
            salt: digest(number, 3),
            exchanged_at: NOW,
        }];
        assert!(block_on(store.rotate(&hash, &session)).unwrap());
    }
    let [taken, peak] = [ALLOCATOR.current_usage(), ALLOCATOR.peak_usage()].map(|all| all - before);
    println!("{taken} bytes, {peak} at most");
    assert!(peak < LIMIT, "{peak} bytes");
    let refused = block_on(store.insert(&session(SESSIONS, &realm), START));
    assert!(refused.is_err());

    // All of them are there.
    assert_eq!(block_on(store.sweep(NOW + 3_600)).unwrap(), 1_000_000);
}

/// Returns a session with a subject of 36 bytes and a label of 40.
fn session(number: u32, realm: &Realm) -> StoredSession {
    StoredSession {
        id: id(number),
        realm: realm.clone(),
        subject: format!("00000000-0000-4000-8000-{number:012}"),
        label: Some(format!("Firefox 128.0 on Ubuntu Linux {number:>10}")),
        binding: None,
        created_at: NOW,
        last_used_at: NOW,
        expires_at: NOW + 3_600,
        absolute_expires_at: NOW + 86_400,
        tokens_until: NOW + 1_210,
        current: digest(number, 1),
        previous: Vec::new(),
        details: SessionDetails::default(),
        data: None,
    }
}

/// Returns ids that are as evenly distributed as real ones.
fn id(number: u32) -> SessionId {
    let mixed = (u128::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    SessionId::parse(&URL_SAFE_NO_PAD.encode(mixed.to_be_bytes())).expect("16 bytes")
}

fn digest(number: u32, filler: u8) -> TokenHash {
    let mut bytes = [filler; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    TokenHash::from_bytes(bytes)
}
