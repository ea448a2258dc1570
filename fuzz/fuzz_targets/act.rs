//! The actor of a token whose signature is good. Input: the JSON of the claim `act`.

#![no_main]

use countersign::{AuthErrorKind, Issuer, Policy, SigningKey, claims::Actor};
use countersign_fuzz::{
    json::{self, Json},
    tokens::{GOOD, HEADER, ISSUER, Rules, SECRET, sign},
};
use libfuzzer_sys::{Corpus, fuzz_target};

thread_local! {
    static RULES: Rules = Rules::usual();
    static ISSUERS: [Issuer; 2] = [ISSUER, "https://other.test"].map(|name| {
        let key = SigningKey::hs256(SECRET).unwrap();
        Issuer::builder(name, key).audience("a").build().unwrap()
    });
}

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(act) = str::from_utf8(data) else {
        return Corpus::Reject;
    };
    // A member that follows would be one of the payload.
    let Some(own) = json::parse(act).filter(|_| data.len() <= 2_000) else {
        return Corpus::Reject;
    };
    let token = sign(HEADER, format!("{GOOD},\"act\":{act}}}").as_bytes());
    let Ok(token) = RULES.with(|rules| rules.verifier.verify_now(&token)) else {
        // What is no strict JSON inside of a payload: too deep, or with a name of the parser's.
        return Corpus::Keep;
    };
    let expected = links(&own);
    let actor = token.actor();
    let [direct, delegated] =
        [Policy::direct(), Policy::direct().not()].map(|policy| policy.check(&token).is_ok());
    assert!(!direct, "an actor that is present is never absent");
    assert_eq!(delegated, expected.is_some());
    let Some(expected) = expected else {
        assert_eq!(actor.unwrap_err().kind(), AuthErrorKind::InvalidClaim);
        return Corpus::Keep;
    };
    let actor = actor.unwrap().unwrap();
    assert_eq!(own_links(&actor), expected);
    let (name, issuer) = (actor.subject(), actor.issuer().unwrap());
    assert!(Policy::actor_of(issuer, name).check(&token).is_ok());
    let is_own = Policy::actor(name).check(&token).is_ok();
    assert_eq!(is_own, issuer == ISSUER);
    // What was read can be written, and reads as itself.
    ISSUERS.with(|all| {
        for other in all {
            let claims = serde_json::json!({"sub": "s"});
            let Ok(text) = other.issue_on_behalf(&claims, &actor) else {
                panic!("an actor that was read is not written");
            };
            let copy = other.verifier().verify_now(text.as_str()).unwrap();
            assert!(copy.actor().unwrap().unwrap() == actor);
        }
    });
    Corpus::Keep
});

type Link = (String, String, Option<String>);

fn own_links(actor: &Actor) -> Vec<Link> {
    let all = std::iter::once(actor).chain(actor.history());
    all.map(|one| {
        let issuer = one.issuer().unwrap().to_owned();
        (
            one.subject().to_owned(),
            issuer,
            one.client_id().map(str::to_owned),
        )
    })
    .collect()
}

/// Reads a chain: subject, issuer and client of each; `None` if it is not good.
fn links(act: &Json) -> Option<Vec<Link>> {
    let mut all = Vec::new();
    let mut next = Some(act);
    while let Some(link) = next {
        let Json::Object(_) = link else { return None };
        let text = |name| match link.get(name) {
            None => Some(None),
            Some(value) => value
                .text()
                .filter(|text| !text.is_empty())
                .map(|text| Some(text.to_owned())),
        };
        let issuer = text("iss")?.unwrap_or_else(|| ISSUER.to_owned());
        all.push((text("sub")??, issuer, text("client_id")?));
        next = link.get("act");
    }
    (all.len() <= 8).then_some(all)
}
