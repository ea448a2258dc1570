//! The suite that every store of API keys must pass.

use super::{
    examples::{HOSTILE, done, random_digest, random_realm, subject},
    join::join_all,
};
use crate::{
    claims::Realm,
    jose::crypto,
    session::store::{ApiKeyId, ApiKeyStore, StoredApiKey},
};

/// Checks that a store follows every rule of [`ApiKeyStore`].
///
/// For authors of stores. All subjects, realms and ids are new ones, so the database may be in use. The suite leaves some rows.
///
/// # Panics
///
/// When a rule is broken. The message says which.
///
/// # Examples
///
/// ```
/// use countersign::{MemoryStore, testing::api_key_store_suite};
///
/// # futures_executor::block_on(async {
/// api_key_store_suite(MemoryStore::new()).await;
/// # });
/// ```
pub async fn api_key_store_suite<S: ApiKeyStore>(store: S) {
    let suite = ApiKeySuite {
        store,
        realm: random_realm(),
    };
    suite.every_field_is_kept().await;
    suite.an_id_that_is_taken_is_an_error().await;
    suite.ids_are_taken_to_the_letter().await;
    suite.keys_are_listed_by_realm_and_subject().await;
    suite.a_key_ends_once().await;
    suite.of_many_racers_one_ends_a_key().await;
    suite.all_keys_of_a_subject_end_and_no_other().await;
    suite.the_last_use_is_the_latest_and_revives_nothing().await;
}

/// The number of racers in a race.
const RACERS: usize = 50;
const NOW: i64 = 1_800_000_000;

struct ApiKeySuite<S> {
    store: S,
    realm: Realm,
}

impl<S: ApiKeyStore> ApiKeySuite<S> {
    async fn every_field_is_kept(&self) {
        let rule = "every field of a key is kept";
        let bare = key(&self.realm, &subject("bare"));
        let full = StoredApiKey {
            label: format!("{HOSTILE} {}", "\u{e9}".repeat(50)),
            scopes: "orders:read orders:write ~!#$%&'()*+,-./:;<=>?@[]^_`{|}".into(),
            expires_at: Some(NOW + 9),
            last_used_at: Some(NOW + 3),
            ..key(&self.realm, &subject(HOSTILE))
        };
        let past = StoredApiKey {
            expires_at: Some(1),
            ..key(&self.realm, &subject("past"))
        };
        for key in [bare, full, past] {
            self.expect_none(&key.id, "an unknown key is `None`").await;
            self.insert(&key).await;
            self.expect(&key, rule).await;
            assert!(self.list(&key.realm, &key.subject).await == [key], "{rule}");
        }
    }

    async fn an_id_that_is_taken_is_an_error(&self) {
        let rule = "the id of a new key is not taken";
        let first = key(&self.realm, &subject("taken"));
        self.insert(&first).await;
        let second = StoredApiKey {
            id: first.id.clone(),
            ..key(&random_realm(), &subject("taker"))
        };
        assert!(self.store.insert_api_key(&second).await.is_err(), "{rule}");
        self.expect(&first, rule).await;
        let of_taker = self.list(&second.realm, &second.subject).await;
        assert!(of_taker.is_empty(), "{rule}");
    }

    async fn ids_are_taken_to_the_letter(&self) {
        let rule = "an id is taken to the letter";
        let key = key(&self.realm, &subject("letters"));
        self.insert(&key).await;
        let lower = key.id.as_str().to_ascii_lowercase();
        let other = ApiKeyId::parse(&lower).expect("16 letters");
        self.expect_none(&other, rule).await;
        assert!(!self.end(&other).await, "{rule}");
        self.expect(&key, rule).await;
    }

    async fn keys_are_listed_by_realm_and_subject(&self) {
        let rule = "the keys of a subject of a realm are listed, and no others";
        let (ada, abroad) = (subject("ada"), random_realm());
        let mut own: Vec<_> = (0..3).map(|_| key(&self.realm, &ada)).collect();
        own[1].expires_at = Some(1);
        let others = [
            key(&abroad, &ada),
            key(&self.realm, &format!("{ada} ")),
            key(&self.realm, &ada.to_uppercase()),
            key(&self.realm, &format!("{ada}%")),
        ];
        for key in own.iter().chain(&others) {
            self.insert(key).await;
        }
        let mut listed = self.list(&self.realm, &ada).await;
        listed.sort_by(|one, other| one.id.cmp(&other.id));
        own.sort_by(|one, other| one.id.cmp(&other.id));
        assert!(listed == own, "{rule}");
        let nobody = self.list(&self.realm, &subject("nobody")).await;
        assert!(nobody.is_empty(), "{rule}");
    }

    async fn a_key_ends_once(&self) {
        let owner = subject("ends");
        let (ended, other) = (key(&self.realm, &owner), key(&self.realm, &owner));
        self.insert(&ended).await;
        self.insert(&other).await;
        assert!(
            self.end(&ended.id).await,
            "`end_api_key` says that there was a key"
        );
        self.expect_none(&ended.id, "an ended key is not found")
            .await;
        assert!(!self.end(&ended.id).await, "`end_api_key` is `true` once");
        self.expect(&other, "`end_api_key` touches one key only")
            .await;
        let listed = self.list(&self.realm, &owner).await;
        assert!(listed == [other], "an ended key is not listed");
    }

    async fn of_many_racers_one_ends_a_key(&self) {
        let rule = "of many racers, exactly one ends a key, and nobody finds it then";
        let key = key(&self.realm, &subject("race"));
        self.insert(&key).await;
        let racers = (0..RACERS).map(|_| {
            let (store, id) = (self.store.clone(), key.id.clone());
            async move {
                let ended = done("end_api_key", store.end_api_key(&id)).await;
                let found = done("find_api_key", store.find_api_key(&id)).await;
                (ended, found.is_some())
            }
        });
        let outcomes = join_all(racers).await;
        let winners = outcomes.iter().filter(|(ended, _)| *ended).count();
        assert_eq!(winners, 1, "{rule}");
        assert!(outcomes.iter().all(|(_, is_found)| !is_found), "{rule}");
    }

    async fn all_keys_of_a_subject_end_and_no_other(&self) {
        let rule = "`end_api_keys` ends the keys of a subject of a realm, and no others";
        let (owner, abroad) = (subject("all"), random_realm());
        let own: Vec<_> = (0..4).map(|_| key(&self.realm, &owner)).collect();
        let others = [key(&abroad, &owner), key(&self.realm, &subject("other"))];
        for key in own.iter().chain(&others) {
            self.insert(key).await;
        }
        let end = || self.store.end_api_keys(&self.realm, &owner);
        assert_eq!(done("end_api_keys", end()).await, 4, "{rule}");
        assert_eq!(done("end_api_keys", end()).await, 0, "{rule}");
        for key in &own {
            self.expect_none(&key.id, rule).await;
        }
        for key in &others {
            self.expect(key, rule).await;
        }
    }

    async fn the_last_use_is_the_latest_and_revives_nothing(&self) {
        let rule = "the latest use is noted";
        let key = key(&self.realm, &subject("used"));
        self.insert(&key).await;
        for (used_at, noted) in [(NOW + 5, NOW + 5), (NOW + 2, NOW + 5), (NOW + 7, NOW + 7)] {
            self.touch(&key.id, used_at).await;
            let last_used_at = Some(noted);
            self.expect(
                &StoredApiKey {
                    last_used_at,
                    ..key.clone()
                },
                rule,
            )
            .await;
        }
        self.end(&key.id).await;
        self.touch(&key.id, NOW + 9).await;
        let rule = "a use of an ended key brings nothing back";
        self.expect_none(&key.id, rule).await;
        assert!(
            self.list(&key.realm, &key.subject).await.is_empty(),
            "{rule}"
        );
    }

    async fn insert(&self, key: &StoredApiKey) {
        done("insert_api_key", self.store.insert_api_key(key)).await;
    }

    async fn end(&self, id: &ApiKeyId) -> bool {
        done("end_api_key", self.store.end_api_key(id)).await
    }

    async fn touch(&self, id: &ApiKeyId, used_at: i64) {
        done("touch_api_key", self.store.touch_api_key(id, used_at)).await;
    }

    async fn list(&self, realm: &Realm, subject: &str) -> Vec<StoredApiKey> {
        done("list_api_keys", self.store.list_api_keys(realm, subject)).await
    }

    async fn expect(&self, key: &StoredApiKey, rule: &str) {
        let found = done("find_api_key", self.store.find_api_key(&key.id)).await;
        assert!(found.as_ref() == Some(key), "{rule}");
    }

    async fn expect_none(&self, id: &ApiKeyId, rule: &str) {
        let found = done("find_api_key", self.store.find_api_key(id)).await;
        assert!(found.is_none(), "{rule}");
    }
}

/// Makes a key with a new id.
fn key(realm: &Realm, subject: &str) -> StoredApiKey {
    let mut bytes = [0; ApiKeyId::LENGTH];
    // A test cannot go on without randomness.
    crypto::random(&mut bytes).expect("random bytes");
    let id: String = bytes
        .iter()
        .map(|byte| char::from(b'A' + byte % 26))
        .collect();
    StoredApiKey {
        id: ApiKeyId::parse(&id).expect("16 letters"),
        realm: realm.clone(),
        subject: subject.to_owned(),
        hash: random_digest(),
        label: "label".into(),
        scopes: String::new(),
        created_at: NOW,
        expires_at: None,
        last_used_at: None,
    }
}
