//! The payload of a token whose signature is good.

#![no_main]

use countersign_fuzz::{
    tokens::{Claims, GOOD, HEADER, Rules, sign},
    typed,
};
use libfuzzer_sys::{Corpus, fuzz_target};

thread_local! {
    static RULES: [Rules; 3] = [Rules::usual(), Rules::special(), Rules::tolerant()];
}

// The input is a payload; one that begins with a comma follows the members that make it good.
fuzz_target!(|data: &[u8]| -> Corpus {
    if data.len() > 2_000 {
        return Corpus::Reject;
    }
    let payload = match data {
        [b',' | b'}', ..] => [GOOD.as_bytes(), data].concat(),
        _ => data.to_vec(),
    };
    let token = sign(HEADER, &payload);
    RULES.with(|all| all.iter().for_each(|rules| check(rules, &token, &payload)));
    Corpus::Keep
});

fn check(rules: &Rules, token: &str, payload: &[u8]) {
    let verdict = rules.verifier.verify_now(token);
    let verdict = verdict.map_err(|error| error.kind());

    let explained = rules.verifier.explain(token).refusal();
    assert_eq!(explained, verdict.as_ref().err().copied(), "explained");
    for _ in 0..2 {
        let cached = rules.cached.verify_now(token).map_err(|error| error.kind());
        let claims =
            |verdict: &Result<_, _>| verdict.as_ref().map(Claims::of).map_err(|kind| *kind);
        assert_eq!(claims(&cached), claims(&verdict), "cached");
    }

    let expected = str::from_utf8(payload)
        .ok()
        .and_then(|text| rules.accept(text));
    assert_eq!(
        verdict.as_ref().ok().map(Claims::of),
        expected,
        "{verdict:?}"
    );
    if let Ok(verified) = &verdict {
        assert_eq!(verified.payload().as_bytes(), payload);
    }
    typed::compare(rules, token, &verdict);
}
