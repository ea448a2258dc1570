//! Tests of sessions whose access tokens a key elsewhere signs.

use std::{convert::Infallible, future::Future, time::Duration};

use countersign::{
    Algorithm, Issuer, MemoryStore, Sessions, SigningKey, SigningKeys,
    session::{ClientInfo, Identity, SessionError, SessionErrorKind as Kind, TokenPair},
    testing::FixedClock,
};
use serde_json::json;

use crate::service::{Mode, Service};

struct Setup {
    service: Service,
    ring: SigningKeys,
    sessions: Sessions,
    clock: FixedClock,
}

impl Setup {
    async fn new() -> Self {
        let service = Service::start();
        let ring = SigningKeys::new(service.key(Algorithm::ES256, "kms-1").signing_key().await);
        let clock = FixedClock::at(1_800_000_000);
        let issuer = Issuer::builder("https://id.example", ring.clone())
            .audience("orders")
            .clock(clock.clone())
            .build();
        let sessions = Sessions::builder(issuer.unwrap(), MemoryStore::new())
            .concurrent_refreshes(1)
            .build()
            .unwrap();
        Self {
            service,
            ring,
            sessions,
            clock,
        }
    }

    async fn log_in(&self) -> Result<TokenPair, Kind> {
        let ada = Identity::new("ada", json!({}));
        let pair = self.sessions.start(&ada, ClientInfo::new()).await;
        pair.map_err(|error| error.kind())
    }

    fn refresh(
        &self,
        token: &str,
    ) -> impl Future<Output = Result<TokenPair, SessionError>> + Send + use<> {
        let (sessions, token) = (self.sessions.clone(), token.to_owned());
        async move {
            let claims = async |_| Ok::<_, Infallible>(Some(json!({})));
            sessions.refresh(&token, &ClientInfo::new(), claims).await
        }
    }

    async fn refreshed(&self, token: &str) -> Result<TokenPair, Kind> {
        self.refresh(token).await.map_err(|error| error.kind())
    }

    async fn check(&self, pair: &TokenPair) {
        let token = pair.access_token().as_str();
        let token = self.sessions.verifier().verify(token).await.unwrap();
        assert_eq!(token.subject(), Some("ada"));
    }

    async fn live(&self) -> usize {
        self.sessions.list("ada").await.unwrap().len()
    }

    /// Waits until so many requests are in the service, which waits for more.
    async fn until_present(&self, count: usize) {
        while self.service.present() < count {
            tokio::task::yield_now().await;
        }
    }
}

/// What keeps a signer from signing, and the kind of error that it is.
fn faults() -> [(Mode, Kind); 6] {
    [
        (Mode::Closes, Kind::Unavailable),
        (Mode::Denies, Kind::Misconfigured),
        (Mode::Garbage, Kind::Unavailable),
        (Mode::OtherVersion("other".into()), Kind::Unavailable),
        (Mode::TrailingByte, Kind::Unavailable),
        (Mode::Truncates, Kind::Unavailable),
    ]
}

#[tokio::test]
async fn an_outage_at_a_refresh_costs_nobody_the_token() {
    let setup = Setup::new().await;
    setup.service.key(Algorithm::ES256, "other");
    let mut pair = setup.log_in().await.unwrap();
    setup.check(&pair).await;
    for (mode, kind) in faults() {
        setup.service.set(mode.clone());
        for _ in 0..2 {
            let refused = setup.refreshed(pair.refresh_token()).await.unwrap_err();
            assert_eq!(refused, kind, "{mode:?}");
            // Beyond the grace window, in which a token that was exchanged would be good, too.
            setup.clock.advance(Duration::from_secs(120));
        }
        setup.service.set(Mode::Good);
        let next = setup.refreshed(pair.refresh_token()).await.unwrap();
        setup.check(&next).await;
        assert_ne!(next.refresh_token(), pair.refresh_token());
        pair = next;
    }
    assert_eq!(setup.live().await, 1);
}

#[tokio::test]
async fn an_outage_at_a_login_leaves_no_session_behind() {
    let setup = Setup::new().await;
    setup.service.key(Algorithm::ES256, "other");
    for (mode, kind) in faults() {
        setup.service.set(mode);
        assert_eq!(setup.log_in().await.unwrap_err(), kind);
    }
    assert_eq!(setup.live().await, 0);
    setup.service.set(Mode::Good);
    setup.check(&setup.log_in().await.unwrap()).await;
}

#[tokio::test]
async fn an_outage_at_a_renewal_leaves_the_session_as_it_is() {
    let setup = Setup::new().await;
    let pair = setup.log_in().await.unwrap();
    let ada = Identity::new("ada", json!({})).amr(["pwd", "otp"]);
    let renew = async || {
        let login = setup.sessions.begin().await.unwrap();
        login.renew(pair.session().id(), &ada).await
    };
    setup.service.set(Mode::Closes);
    assert_eq!(renew().await.unwrap_err().kind(), Kind::Unavailable);
    setup.check(&pair).await;
    setup.service.set(Mode::Good);
    let new = renew().await.unwrap();
    setup.check(&new).await;
    assert_eq!(setup.live().await, 1);
    assert!(setup.refreshed(pair.refresh_token()).await.is_err());
}

#[tokio::test]
async fn two_refreshes_at_once_get_one_token() {
    let setup = Setup::new().await;
    let pair = setup.log_in().await.unwrap();
    // Both are signed before either of them is exchanged, and the one that comes late has a third one signed.
    setup.service.set(Mode::InBatches(2));
    let before = setup.service.batches();
    let racers = [(); 2].map(|()| tokio::spawn(setup.refresh(pair.refresh_token())));
    while setup.service.batches() == before {
        tokio::task::yield_now().await;
    }
    setup.service.set(Mode::Good);
    let [one, other] = racers;
    let (one, other) = (one.await.unwrap().unwrap(), other.await.unwrap().unwrap());
    assert_eq!(one.refresh_token(), other.refresh_token());
    setup.check(&one).await;
    setup.check(&other).await;
}

/// A token that is being signed holds up nobody at the store.
#[tokio::test]
async fn a_signature_takes_no_turn_at_the_store() {
    let setup = Setup::new().await;
    let pair = setup.log_in().await.unwrap();
    let over = setup.log_in().await.unwrap();
    setup.sessions.end(over.session().id()).await.unwrap();
    setup.service.set(Mode::InBatches(2));
    let refresh = tokio::spawn(setup.refresh(pair.refresh_token()));
    setup.until_present(1).await;
    let unknown = setup.refreshed(over.refresh_token()).await.unwrap_err();
    assert_eq!(unknown, Kind::Unknown);
    setup.service.set(Mode::Good);
    assert!(refresh.await.unwrap().is_ok());
}

/// The session is over by the time of the signature: nothing is exchanged.
#[tokio::test]
async fn a_session_that_expires_while_its_token_is_signed_is_over() {
    let setup = Setup::new().await;
    let pair = setup.log_in().await.unwrap();
    setup.service.set(Mode::InBatches(2));
    let refresh = tokio::spawn(setup.refresh(pair.refresh_token()));
    setup.until_present(1).await;
    setup.clock.advance(Duration::from_secs(60 * 86_400));
    setup.service.set(Mode::Good);
    let refused = refresh.await.unwrap().unwrap_err();
    assert_eq!(refused.kind(), Kind::Expired);
}

/// The grace window begins when the token is exchanged, not when its access token was asked for.
#[tokio::test]
async fn a_slow_signature_shortens_no_grace_window() {
    let setup = Setup::new().await;
    let pair = setup.log_in().await.unwrap();
    setup.service.set(Mode::InBatches(2));
    let refresh = tokio::spawn(setup.refresh(pair.refresh_token()));
    setup.until_present(1).await;
    setup.clock.advance(Duration::from_secs(8));
    setup.service.set(Mode::Good);
    let next = refresh.await.unwrap().unwrap();
    setup.clock.advance(Duration::from_secs(9));
    // The answer has got lost: within ten seconds there is another one.
    let again = setup.refreshed(pair.refresh_token()).await.unwrap();
    assert_eq!(again.refresh_token(), next.refresh_token());
}

/// The ring goes on to a key of this process and back while sessions live.
#[tokio::test]
async fn sessions_outlive_rotations_between_both_kinds_of_keys() {
    let setup = Setup::new().await;
    let mut pair = setup.log_in().await.unwrap();
    let local = SigningKey::generate_es256().unwrap().with_id("local");
    let remote = setup.service.key(Algorithm::PS256, "kms-2");
    for (next, kid) in [(local, "local"), (remote.signing_key().await, "kms-2")] {
        setup.ring.publish(&next).unwrap();
        setup.sessions.issuer().rotate().unwrap();
        setup.check(&pair).await;
        pair = setup.refreshed(pair.refresh_token()).await.unwrap();
        setup.check(&pair).await;
        let token = setup
            .sessions
            .verifier()
            .verify(pair.access_token().as_str())
            .await;
        assert_eq!(token.unwrap().header().key_id(), Some(kid));
    }
}

/// The claims of an app need not be fit for other threads, as before.
#[test]
fn a_refresh_can_be_sent_whatever_the_claims_are() {
    fn is_send<T: Send>(_: T) {}
    let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256().unwrap())
        .audience("orders")
        .build()
        .unwrap();
    let sessions = Sessions::builder(issuer, MemoryStore::new())
        .build()
        .unwrap();
    let client = ClientInfo::new();
    let claims = async |_| Ok::<_, Infallible>(Some(std::cell::Cell::new(1)));
    is_send(sessions.refresh("token", &client, claims));
}
