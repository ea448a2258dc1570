//! What a bad token costs, by size and by kind, against a good one of its size.
//!
//! `cargo bench -p countersign --bench reject`
//!
//! A bad token may cost 1.5 good ones of its size, or what `jsonwebtoken` takes for a good HS256 token
//! of that size, whichever is more.
//!
//! Whoever has no token of the issuer can send what the first four rows of the table are about:
//! those are compared with the cheapest good token of the size, whose payload is one long text. The
//! tokens of the others are validly signed, and compared with a good one of the same shape.

#[path = "harness/case.rs"]
mod case;
mod harness;
#[path = "reject/keys.rs"]
mod keys;
#[path = "harness/shape.rs"]
mod shape;
#[path = "reject/site.rs"]
mod site;

use std::hint::black_box;

use countersign::Algorithm;
use serde::Deserialize;

use crate::{
    case::Case,
    harness::{Goal, Race, Table},
    keys::cheap,
    site::Site,
};

/// Up to the largest that a verifier can be told to read.
const SIZES: [usize; 8] = [
    64,
    541,
    2 << 10,
    4 << 10,
    8 << 10,
    16 << 10,
    32 << 10,
    64 << 10,
];
/// The most that a bad token may cost, in good ones of its size.
const LIMIT: f64 = 1.5;
/// The contender that is `jsonwebtoken`.
const THEIRS: &str = "jsonwebtoken";
/// There are many contenders, and each ratio is of two of them.
const ROUNDS: usize = 15;
/// The most nanoseconds of a refusal before any cryptography.
const CHEAP: Goal = Goal::AtMost(150.0, 100.0);

fn main() {
    let mut table = Table::new();
    let mut worst = Worst::default();
    for algorithm in [Algorithm::HS256, Algorithm::RS256] {
        let site = Site::new(algorithm);
        for size in SIZES {
            worst.race(&site, size);
        }
    }
    worst.print(&mut table);
    for algorithm in [Algorithm::HS256, Algorithm::RS256] {
        before_cryptography(&mut table, algorithm);
    }
    table.finish();
}

/// The dearest token of each class, over all sizes and algorithms.
#[derive(Default)]
struct Worst(Vec<(&'static str, f64, String)>);

impl Worst {
    fn race(&mut self, site: &Site, size: usize) {
        let tokens = site.tokens(size);
        let yardstick = site.yardstick(size);
        let mut race = Race::new().add(THEIRS, || {
            site.yardstick.decode_as::<Claims>(black_box(&yardstick))
        });
        for token in &tokens {
            let kind = site.kind(token);
            assert_eq!(kind, token.expected, "{} of {size} bytes", token.name);
            race = race.add(token.name, || site.kind(black_box(token)));
        }
        let outcome = race.run_rounds(ROUNDS);
        for token in tokens.iter().filter(|token| token.expected.is_some()) {
            let own = outcome.times_faster(token.twin, token.name);
            let theirs = outcome.times_faster(THEIRS, token.name);
            let ratio = (own / LIMIT).min(theirs);
            let scale = format!(
                "{}, {} of {size} bytes: {:.0} {}, {own:.2} good ones, {theirs:.2} of {THEIRS}",
                token.name,
                site.case.algorithm.name(),
                outcome.cost(token.name),
                outcome.unit()
            );
            if std::env::var_os("COUNTERSIGN_ALL_KINDS").is_some() {
                eprintln!("{ratio:6.2}x  {scale}");
            }
            match self.0.iter_mut().find(|(class, ..)| *class == token.class) {
                Some((_, worst, _)) if *worst >= ratio => {}
                Some(entry) => *entry = (token.class, ratio, scale),
                None => self.0.push((token.class, ratio, scale)),
            }
        }
    }

    fn print(&self, table: &mut Table) {
        for (class, ratio, scale) in &self.0 {
            let figure = format!("bad token / what one of its size may cost: {class}");
            table.row(&figure, Goal::AtMost(1.0, 0.8), *ratio, "x", scale);
        }
    }
}

/// The claims of the shortest good token.
#[derive(Deserialize)]
struct Claims {
    #[serde(rename = "iss")]
    _iss: String,
    #[serde(rename = "aud")]
    _aud: String,
    #[serde(rename = "exp")]
    _exp: u64,
}

/// Refusals that look at nothing but the token's form and header.
fn before_cryptography(table: &mut Table, algorithm: Algorithm) {
    let (verifier, tokens) = cheap(&Case::new(algorithm));
    let case = Case::new(Algorithm::HS256);
    let mut race = Race::new().yardstick(Case::DECODE, || case.decode(black_box(&case.token)));
    for (name, token) in &tokens {
        race = race.add(name, || verifier.verify_now(black_box(token)).is_err());
    }
    let outcome = race.run();
    for (name, token) in &tokens {
        let figure = format!("{name}, {} bytes, before any cryptography", token.len());
        let here = format!("{:.0} ns on this machine", outcome.cost_here(name));
        table.row(&figure, CHEAP, outcome.cost(name), " ns", &here);
    }
}
