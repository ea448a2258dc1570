//! Tests of principals that are kept for their subject.

use std::{
    future::{Future, poll_fn},
    io,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use countersign::{
    AuthErrorKind, Authenticator, Issuers, PrincipalError, PrincipalResolver, Revocation,
    TokenSubject, VerifiedToken, Verifier,
    adapter::Credentials,
    revocation::{RevocationEntry, Revoked},
    session::Realm,
    testing::{FixedClock, TestIssuer},
};
use futures_executor::block_on;
use tokio::sync::Notify;

use crate::ask;

/// An app that counts how often it is asked, and answers when it is let.
struct Bed {
    issuer: TestIssuer,
    authenticator: Authenticator,
    revocation: Revocation,
    app: Arc<App>,
}

#[derive(Default)]
struct App {
    asked: AtomicUsize,
    /// The next answer; `None` for the number of the question.
    refusal: Mutex<Option<fn() -> PrincipalError>>,
    /// Where a question waits, if it has to.
    gate: Mutex<Option<Arc<Notify>>>,
}

impl App {
    async fn user(self: Arc<Self>, _: TokenSubject) -> Result<usize, PrincipalError> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.notified().await;
        }
        match *self.refusal.lock().unwrap() {
            Some(refusal) => Err(refusal()),
            None => Ok(number),
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Bed {
    fn new() -> Self {
        let issuer = TestIssuer::new();
        let revocation = Revocation::local()
            .clock(issuer.clock().clone())
            .build()
            .unwrap();
        let verifier = issuer.verifier_builder().revocation(revocation.clone());
        let app = Arc::new(App::default());
        let users = Arc::clone(&app);
        let users = PrincipalResolver::of_subject(move |subject| Arc::clone(&users).user(subject))
            .cache_for(Duration::from_secs(5))
            .unwrap();
        Self {
            authenticator: Authenticator::new(verifier.build().unwrap()).principal(users),
            issuer,
            revocation,
            app,
        }
    }

    fn clock(&self) -> &FixedClock {
        self.issuer.clock()
    }

    fn token(&self, subject: &str) -> String {
        self.issuer.token().subject(subject).sign()
    }

    /// The number of the question whose answer a request of this token gets.
    async fn answer(&self, token: &str) -> Result<usize, AuthErrorKind> {
        match ask(&self.authenticator, token).await {
            Ok(token) => Ok(*token.unwrap().principal::<usize>().unwrap()),
            Err(error) => Err(error.kind()),
        }
    }

    fn answer_now(&self, subject: &str) -> Result<usize, AuthErrorKind> {
        block_on(self.answer(&self.token(subject)))
    }

    fn revoke(&self, subject: &str) {
        let issued_before = self.clock().now_seconds() - 1;
        self.revocation
            .revoke(&RevocationEntry {
                revoked: Revoked::Subject {
                    realm: Realm::new(TestIssuer::ISSUER).unwrap(),
                    subject: subject.to_owned(),
                    issued_before,
                },
                until: issued_before + 1_000,
            })
            .unwrap();
    }
}

/// Seconds of a clock.
trait Seconds {
    fn now_seconds(&self) -> i64;
}

impl Seconds for FixedClock {
    fn now_seconds(&self) -> i64 {
        countersign::Clock::now(self)
    }
}

#[test]
fn an_answer_is_used_for_its_time_and_not_for_another_subject() {
    let bed = Bed::new();
    assert_eq!(bed.answer_now("ada"), Ok(1));
    assert_eq!(bed.answer_now("bob"), Ok(2));
    bed.clock().advance(Duration::from_secs(4));
    assert_eq!(bed.answer_now("ada"), Ok(1));
    assert_eq!(bed.answer_now("bob"), Ok(2));
    bed.clock().advance(Duration::from_secs(1));
    assert_eq!(bed.answer_now("ada"), Ok(3));
    // A clock that goes back makes nothing younger.
    bed.clock().set(bed.clock().now_seconds() - 3);
    assert_eq!(bed.answer_now("ada"), Ok(4));
}

#[test]
fn a_revocation_of_the_subject_drops_what_is_kept() {
    let bed = Bed::new();
    assert_eq!(bed.answer_now("ada"), Ok(1));
    bed.revoke("ada");
    // A token that is younger than the revocation.
    assert_eq!(bed.answer_now("ada"), Ok(2));
    assert_eq!(bed.answer_now("ada"), Ok(2));
    // That of a single token or session does not.
    let token = bed
        .issuer
        .token()
        .subject("ada")
        .claim("jti", "another")
        .sign();
    let verified = bed.issuer.verifier().verify_now(&token).unwrap();
    bed.revocation.revoke_token(&verified).unwrap();
    assert_eq!(block_on(bed.answer(&token)), Err(AuthErrorKind::Revoked));
    assert_eq!(bed.answer_now("ada"), Ok(2));
}

#[test]
fn refusals_and_outages_are_not_kept() {
    let bed = Bed::new();
    let refusals: [(fn() -> PrincipalError, _); 3] = [
        (
            || PrincipalError::unauthorized("unknown"),
            AuthErrorKind::PrincipalRefused,
        ),
        (
            || PrincipalError::forbidden("locked"),
            AuthErrorKind::PrincipalForbidden,
        ),
        (
            || io::Error::other("away").into(),
            AuthErrorKind::PrincipalUnavailable,
        ),
    ];
    for (refusal, kind) in refusals {
        *bed.app.refusal.lock().unwrap() = Some(refusal);
        assert_eq!(bed.answer_now("ada"), Err(kind));
        *bed.app.refusal.lock().unwrap() = None;
        assert_eq!(bed.answer_now("ada"), Ok(bed.app.asked()));
        bed.revoke("ada");
    }
}

#[test]
fn a_token_without_a_subject_is_refused() {
    let bed = Bed::new();
    let verdict = block_on(bed.answer(&bed.issuer.token().without("sub").sign()));
    assert_eq!(verdict, Err(AuthErrorKind::PrincipalRefused));
    assert_eq!(bed.app.asked(), 0);
}

#[test]
fn subjects_of_two_issuers_are_two_subjects() {
    let issuer = TestIssuer::new();
    let verifier = |name: &str| {
        Verifier::builder(issuer.key())
            .issuer(name)
            .audience(TestIssuer::AUDIENCE)
            .clock(issuer.clock().clone())
            .build()
            .unwrap()
    };
    let names = ["https://a.test", "https://b.test"];
    let users = PrincipalResolver::of_subject(async |subject: TokenSubject| {
        Ok::<_, PrincipalError>(format!(
            "{} {}",
            subject.issuer().unwrap(),
            subject.subject()
        ))
    });
    let issuers = Issuers::new(names.map(verifier)).unwrap();
    let authenticator = Authenticator::new(issuers).principal(users);
    for _ in 0..2 {
        for name in names {
            let token = issuer.token().issuer(name).subject("ada").sign();
            let token = block_on(ask(&authenticator, &token)).unwrap().unwrap();
            assert_eq!(*token.principal::<String>().unwrap(), format!("{name} ada"));
        }
    }
}

/// Polls once, and checks that there is something to wait for.
async fn begin<F: Future + Unpin>(future: &mut F) {
    poll_fn(|cx| {
        assert!(std::pin::Pin::new(&mut *future).poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn requests_of_a_subject_share_one_question_and_its_answer() {
    let bed = Bed::new();
    let token = bed.token("ada");
    for refusal in [
        None,
        Some((|| PrincipalError::forbidden("locked")) as fn() -> PrincipalError),
    ] {
        let gate = Arc::new(Notify::new());
        *bed.app.gate.lock().unwrap() = Some(Arc::clone(&gate));
        *bed.app.refusal.lock().unwrap() = refusal;
        let before = bed.app.asked();
        let mut all: Vec<_> = (0..50).map(|_| Box::pin(bed.answer(&token))).collect();
        for one in &mut all {
            begin(one).await;
        }
        assert_eq!(bed.app.asked(), before + 1);
        gate.notify_waiters();
        *bed.app.gate.lock().unwrap() = None;
        for one in all {
            let expected = match refusal {
                None => Ok(before + 1),
                Some(_) => Err(AuthErrorKind::PrincipalForbidden),
            };
            assert_eq!(one.await, expected);
        }
        bed.revoke("ada");
    }
}

#[tokio::test]
async fn a_request_that_is_given_up_hands_its_question_on() {
    let bed = Bed::new();
    let token = bed.token("ada");
    let gate = Arc::new(Notify::new());
    *bed.app.gate.lock().unwrap() = Some(Arc::clone(&gate));
    let mut first = Box::pin(bed.answer(&token));
    let mut second = Box::pin(bed.answer(&token));
    begin(&mut first).await;
    begin(&mut second).await;
    drop(first);
    gate.notify_waiters();
    assert_eq!(second.await, Ok(1));

    // A question that nobody waits for any more is dropped, and the next request asks anew.
    bed.clock().advance(Duration::from_secs(5));
    let mut third = Box::pin(bed.answer(&token));
    begin(&mut third).await;
    drop(third);
    bed.clock().advance(Duration::from_secs(5));
    let mut fourth = pin!(bed.answer(&token));
    begin(&mut fourth).await;
    assert_eq!(bed.app.asked(), 3);
    gate.notify_waiters();
    assert_eq!(fourth.await, Ok(3));
}

#[tokio::test]
async fn what_a_question_has_is_free_once_nobody_waits_for_it() {
    let issuer = TestIssuer::new();
    let connection = Arc::new(());
    let own = Arc::clone(&connection);
    let users = PrincipalResolver::of_subject(move |_: TokenSubject| {
        let own = Arc::clone(&own);
        async move {
            std::future::pending::<()>().await;
            Ok(own)
        }
    });
    let authenticator = Authenticator::new(issuer.verifier()).principal(users);
    let text = issuer.token().subject("ada").sign();
    let mut waiting: Vec<_> = (0..3)
        .map(|_| Box::pin(authenticator.authenticate(Some(Credentials::new(&text)))))
        .collect();
    for one in &mut waiting {
        begin(one).await;
    }
    assert_eq!(Arc::strong_count(&connection), 3);
    waiting.pop();
    waiting.pop();
    assert_eq!(Arc::strong_count(&connection), 3);
    drop(waiting);
    assert_eq!(Arc::strong_count(&connection), 2);
}

#[tokio::test]
async fn what_is_being_asked_for_when_a_subject_is_revoked_is_for_earlier_requests_only() {
    let bed = Bed::new();
    let token = bed.token("ada");
    let gate = Arc::new(Notify::new());
    *bed.app.gate.lock().unwrap() = Some(Arc::clone(&gate));
    let mut before = Box::pin(bed.answer(&token));
    begin(&mut before).await;
    bed.revoke("ada");
    let mut after = Box::pin(bed.answer(&token));
    begin(&mut after).await;
    assert_eq!(bed.app.asked(), 2);
    gate.notify_waiters();
    *bed.app.gate.lock().unwrap() = None;
    assert_eq!(before.await, Ok(1));
    assert_eq!(after.await, Ok(2));
    assert_eq!(bed.answer(&token).await, Ok(2));
}

#[test]
fn a_panic_of_the_app_is_an_outage_and_stays_with_nobody() {
    let issuer = TestIssuer::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let users = PrincipalResolver::of_subject(move |_: TokenSubject| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        async move {
            assert!(number > 0, "a mistake of the app");
            Ok::<_, PrincipalError>(number)
        }
    });
    let authenticator = Authenticator::new(issuer.verifier()).principal(users);
    let token = issuer.token().subject("ada").sign();
    let refused = block_on(ask(&authenticator, &token)).unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::PrincipalUnavailable);
    let found: VerifiedToken = block_on(ask(&authenticator, &token)).unwrap().unwrap();
    assert_eq!(*found.principal::<usize>().unwrap(), 1);
}

#[test]
fn no_more_subjects_are_kept_than_there_is_room_for() {
    let issuer = TestIssuer::new();
    let kept = Arc::new(());
    let own = Arc::clone(&kept);
    let users = PrincipalResolver::of_subject(move |_| {
        let own = Arc::clone(&own);
        async { Ok::<_, PrincipalError>(own) }
    });
    let users = users.cache_capacity(100).unwrap();
    let authenticator = Authenticator::new(issuer.verifier()).principal(users);
    for number in 0..1_000 {
        let token = issuer.token().subject(&format!("user-{number}")).sign();
        block_on(ask(&authenticator, &token)).unwrap();
    }
    let count = Arc::strong_count(&kept);
    assert!((50..=150).contains(&count), "{count}");
}

#[test]
fn what_a_cache_cannot_do_is_refused_with_the_name_of_its_setting() {
    type Users = PrincipalResolver<()>;

    let by_subject = || Users::of_subject(async |_: TokenSubject| Ok(()));
    let by_token = || Users::new(async |_: VerifiedToken| Ok(()));
    let second = Duration::from_secs(1);
    let short = Duration::from_millis(999);
    for (setting, refused) in [
        ("`cache_for`", by_token().cache_for(second)),
        ("`cache_capacity`", by_token().cache_capacity(100)),
        ("`cache_for`", by_subject().cache_for(short)),
        ("`cache_for`", by_subject().cache_for(Duration::ZERO)),
        ("`cache_capacity`", by_subject().cache_capacity(0)),
    ] {
        let text = refused.unwrap_err().to_string();
        assert!(text.contains(setting), "{text}");
    }
    // The nearest that are good.
    for time in [second, Duration::MAX] {
        let users = by_subject().cache_for(time).unwrap();
        assert!(users.cache_capacity(1).is_ok());
    }
}
