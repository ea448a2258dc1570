//! The memory that a cached token takes, against the size of its text and its claims.
//!
//! `cargo bench -p countersign --features cache --bench cache_memory`

#[path = "harness/case.rs"]
mod case;
mod harness;

use countersign::{Algorithm, TokenCache};
use peak_alloc::PeakAlloc;

use crate::{
    case::{Case, Claims, token},
    harness::{Goal, Table},
};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const TOKENS: u32 = 10_000;

fn main() {
    let mut table = Table::new();
    for algorithm in [Algorithm::HS256, Algorithm::RS256] {
        let case = Case::new(algorithm);
        let tokens: Vec<String> = (0..TOKENS).map(|n| token(&case.key, n)).collect();
        let before = ALLOCATOR.current_usage();
        let kept: Vec<Claims> = tokens.iter().map(|token| case.decode(token)).collect();
        let claims = per_token(ALLOCATOR.current_usage() - before);
        drop(kept);
        let before = ALLOCATOR.current_usage();
        // A tenth more than there are tokens: the table has parts, which never fill evenly.
        let cache = TokenCache::builder().entries(11_000).bytes(64 << 20);
        let cache = cache.build().expect("good bounds");
        let verifier = case.verifier().cache(cache.clone()).build();
        let verifier = verifier.expect("complete settings");
        let mut payloads = 0;
        for token in &tokens {
            let token = verifier.verify_now(token).expect("a good token");
            payloads += token.payload().len();
            token.claims::<Claims>().expect("the claims");
        }
        assert_eq!(cache.len(), tokens.len());
        let taken = per_token(ALLOCATOR.current_usage() - before);
        let text = per_token(tokens.iter().map(String::len).sum());
        let payload = per_token(payloads);
        table.row(
            &format!("memory of a cached token, {}", algorithm.name()),
            Goal::AtMost(1.3, 1.3),
            taken / (text + payload + claims),
            "x",
            &format!(
                "{taken:.0} bytes: token {text:.0}, claims {payload:.0} as text and {claims:.0} typed"
            ),
        );
    }
    table.finish();
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn per_token(bytes: usize) -> f64 {
    bytes as f64 / f64::from(TOKENS)
}
