//! A test that no key gets into a log, an error or a `Debug`, whatever becomes of it.

use std::sync::atomic::Ordering;

use countersign::{
    Authenticator, LogLevel, Policy, PrincipalError, VerifiedToken, adapter::Credentials,
    session::NewApiKey, testing::TestIssuer,
};
use futures_executor::block_on;

use crate::{NOW, builder, log, with_other_id, with_other_secret};

#[test]
fn no_key_is_in_a_log_an_error_or_a_debug() {
    log::listen();
    let mut shown = String::new();
    let mut texts = Vec::new();
    {
        let issuer = TestIssuer::new();
        let (builder, store, clock) = builder();
        shown += &format!("{builder:?}");
        let keys = builder.failures_per_minute(3).build().unwrap();
        let authenticator = Authenticator::new(issuer.verifier())
            .opaque_tokens(&keys)
            .unwrap()
            .log_refusals_at(LogLevel::Info)
            .principal(async |token: VerifiedToken| match token.subject() {
                Some("bob") => Err(PrincipalError::forbidden("locked")),
                _ => Ok(()),
            })
            .require(Policy::scope("orders:read"));
        shown += &format!("{authenticator:?} {keys:?}");

        let mut create = |subject: &str, new: NewApiKey| {
            shown += &format!("{new:?}");
            let (key, text) = block_on(keys.create(subject, &new)).unwrap();
            shown += &format!("{key:?} {text:?} {}", serde_json::to_string(&key).unwrap());
            texts.push(text.as_str().to_owned());
            (key, text.as_str().to_owned())
        };
        let read = || NewApiKey::new("CI").scopes(["orders:read"]);
        let (_, good) = create("ada", read());
        let (_, locked) = create("bob", read());
        let (_, weak) = create("ada", NewApiKey::new("weak"));
        let (_, short) = create("ada", read().expires_at(NOW + 10));
        let (ended, gone) = create("ada", read());
        assert!(block_on(keys.end(ended.id())).unwrap());
        clock.set(NOW + 10);

        let wrong = with_other_secret(&good);
        let unknown: Vec<_> = (0..5).map(|number| with_other_id(&good, number)).collect();
        let long = format!("{good}{}", "x".repeat(5_000));
        let typo = format!("{}!", &good[..57]);
        let spaced = format!("{good} {good}");
        let twice = format!("Bearer {good}");
        texts.extend([&wrong, &typo].map(String::clone));
        texts.extend(unknown.clone());

        let mut ask = |text: &str| {
            let verdict = block_on(authenticator.authenticate(Some(Credentials::new(text))));
            shown += &match verdict {
                Ok(token) => format!("{token:?}"),
                Err(error) => {
                    let challenge = error.challenge();
                    let source = std::error::Error::source(&error).map(ToString::to_string);
                    format!(
                        "{error:?} {error} {source:?} {challenge:?} {}",
                        challenge.problem_json()
                    )
                }
            };
        };
        for text in [
            &good, &locked, &weak, &short, &gone, &wrong, &long, &typo, &spaced, &twice,
        ] {
            ask(text);
        }
        unknown.iter().for_each(|text| ask(text));
        store.is_away.store(true, Ordering::Relaxed);
        ask(&good);
        store.is_away.store(false, Ordering::Relaxed);
        ask(&good);
        for text in [&good, &wrong, &typo] {
            let checked = block_on(keys.check(text));
            shown += &format!("{checked:?}");
        }
    }
    let log = log::take();
    for line in [
        "opaque tokens cannot be checked",
        "opaque tokens are checked again",
        "request refused",
    ] {
        assert!(log.contains(line), "{line} is not in {log}");
    }
    for text in &texts {
        // Not even half of a secret. The id alone is no secret.
        for part in [&text[20..36], &text[36..52], &text[..]] {
            assert!(!log.contains(part), "{log}");
            assert!(!shown.contains(part), "{shown}");
        }
    }
    assert!(!shown.contains("pepper of thirty-two"), "{shown}");
}
