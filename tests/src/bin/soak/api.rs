//! The clients of the resource servers, and the answers that they accept.

use std::{
    net::SocketAddr,
    sync::atomic::AtomicU64,
    thread,
    time::{Duration, Instant, SystemTime},
};

use countersign::{SigningKey, testing::TestIssuer};
use countersign_tests::Request;

use crate::{
    Phase,
    client::{Client, Dice, Pace},
    provider::Provider,
    record::{Record, Seen},
};

/// The `iss` and the `aud` of the provider's tokens.
pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "soak";
/// The seconds by which clocks can differ.
pub(crate) const LEEWAY: i64 = 1;
/// The lifetime of a token of the provider, in seconds, and the time for which a client uses it.
pub(crate) const LIFETIME: i64 = 5;
const USED_FOR: Duration = Duration::from_secs(3);

/// A resource server, and the number of requests that were sent to it.
pub(crate) struct Api {
    pub(crate) record: Record,
    pub(crate) address: SocketAddr,
    pub(crate) count: AtomicU64,
}

/// A client with tokens of the provider.
pub(crate) struct Caller<'a> {
    api: &'a Api,
    provider: &'a Provider,
    issuer: TestIssuer,
    client: Client,
    dice: Dice,
    /// A token, one with the scope `admin`, and the time at which they were issued.
    tokens: Option<([String; 2], Instant)>,
}

impl<'a> Caller<'a> {
    pub(crate) fn new(api: &'a Api, provider: &'a Provider, seed: u64) -> Self {
        Self {
            client: Client::new(api.address),
            api,
            provider,
            issuer: TestIssuer::new(),
            dice: Dice::new(seed),
            tokens: None,
        }
    }

    /// Waits until the server has keys.
    pub(crate) fn wait_until_ready(&mut self) {
        let patience = Instant::now();
        loop {
            let token = self.token(&self.provider.key(), LIFETIME, "read");
            if self.send("/v1/me", &token).status() == 200 {
                return;
            }
            assert!(
                patience.elapsed() < Duration::from_secs(20),
                "the resource server gets no keys"
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn run(mut self, phase: &Phase) {
        let mut pace = Pace::new(&self.api.count);
        while !phase.is_over() {
            self.act();
            pace.done(1, phase.is_measuring());
        }
    }

    /// Sends tokens that name unpublished keys, now and then: a server looks for such a key, and
    /// the request waits meanwhile.
    pub(crate) fn run_with_unknown_keys(mut self, phase: &Phase) {
        while !phase.is_over() {
            let stranger = SigningKey::generate_es256().expect("the system has randomness");
            let token = self.token(&stranger, LIFETIME, "read");
            let seen = self.send("/v1/me", &token);
            self.judge("a token of an unknown key", &seen, &[401]);
            for (key, noticed) in self.provider.withdrawn() {
                let token = self.token(&key, LIFETIME, "read");
                let seen = self.send("/v1/me", &token);
                let allowed: &[u16] = match seen.sent < noticed {
                    true => &[200, 401],
                    false => &[401],
                };
                self.judge("a token of a withdrawn key", &seen, allowed);
            }
            thread::sleep(Duration::from_millis(500));
        }
    }

    fn act(&mut self) {
        let [token, admin] = self.usual();
        let key = self.provider.key();
        let (what, path, token, status) = match self.dice.below(100) {
            0..5 => ("a token for nobody but users", "/v1/admin", token, 403),
            5..10 => ("an admin's token", "/v1/admin", admin, 200),
            10..12 => (
                "an expired token",
                "/v1/me",
                self.token(&key, -60, "read"),
                401,
            ),
            12..14 => ("a forged token", "/v1/me", self.forged(&key), 401),
            14..16 => (
                "a token for another audience",
                "/v1/me",
                self.misled(&key),
                401,
            ),
            16..18 => ("no token", "/v1/me", "no.such.token".to_owned(), 401),
            _ => ("a good token", "/v1/me", token, 200),
        };
        let seen = self.send(path, &token);
        // Only a request that needs a missing key may be told to come back.
        self.api.record.judge_strictly(what, &seen, &[status]);
    }

    fn send(&mut self, path: &str, token: &str) -> Seen {
        self.client.ask(&Request::bearer(token).target(path))
    }

    fn judge(&self, what: &str, seen: &Seen, allowed: &[u16]) {
        self.api.record.judge(what, seen, allowed);
    }

    /// Returns the tokens in use, or new ones.
    fn usual(&mut self) -> [String; 2] {
        if let Some((tokens, since)) = &self.tokens
            && since.elapsed() < USED_FOR
        {
            return tokens.clone();
        }
        let key = self.provider.key();
        let tokens = ["read", "read admin"].map(|scope| self.token(&key, LIFETIME, scope));
        self.tokens = Some((tokens.clone(), Instant::now()));
        tokens
    }

    fn token(&self, key: &SigningKey, seconds: i64, scope: &str) -> String {
        self.claims(seconds).scope(scope).signed_by(key)
    }

    /// Returns a token that names the provider's key, but is signed by another one.
    fn forged(&self, key: &SigningKey) -> String {
        let token = self.claims(LIFETIME).header("kid", key.id());
        token.signed_by(self.issuer.key())
    }

    fn misled(&self, key: &SigningKey) -> String {
        self.claims(LIFETIME).audience("another").signed_by(key)
    }

    fn claims(&self, seconds: i64) -> countersign::testing::TestToken<'_> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.expect("a clock that goes right").as_secs();
        let now = i64::try_from(now).expect("a clock that goes right");
        let token = self.issuer.token().issuer(ISSUER).audience(AUDIENCE);
        let token = token.header("typ", "at+jwt");
        token
            .claim("iat", now.min(now + seconds))
            .claim("exp", now + seconds)
    }
}
