//! The hostile corpus: requests that must be refused, and their nearest accepted twins.

mod case;
mod keys;
mod largest;
#[cfg(feature = "aws-lc-rs")]
pub mod mint;
mod served;

pub use self::{
    case::{Case, Expect, OWN_CHOICE},
    keys::TestKeys,
    served::{Setup, is_by_the_server},
};

/// Returns every case: those of the file, and the largest ones, which are built here.
#[must_use]
pub fn corpus(keys: &TestKeys) -> Vec<Case> {
    let mut cases: Vec<Case> = include_str!("../../data/hostile.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a case"))
        .collect();
    cases.extend(largest::largest(keys));
    cases
}
