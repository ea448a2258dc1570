//! Tests of the hostile corpus over a socket: no case is wrongly accepted or refused.

use std::{collections::BTreeMap, net::SocketAddr};

use countersign::{Clock, SystemClock};
use countersign_tests::{
    Answer, Request,
    hostile::{
        Case, Setup, TestKeys, corpus, is_by_the_server,
        mint::{Mint, Minted, Recipe},
    },
    server::Server,
    wire,
};

use crate::servers::{FRAMEWORKS, Folder, command, refused, start};

/// The number of cases that are sent: all but those for a part that is not built, and the one for
/// an endpoint that this server does not have.
const CASES: usize = 379;
/// The number of cases with a key with which the server does not start.
const KEY_REFUSED: usize = 20;
/// The number of times that a case is sent, if the clock moves on in the meantime.
const TRIES: usize = 20;

#[test]
fn every_case_is_answered_as_the_corpus_asks_on_both_frameworks() {
    let keys = TestKeys::load();
    let mint = Mint::new(&keys);
    let mut setups = BTreeMap::<Setup, Vec<Case>>::new();
    for case in corpus(&keys) {
        if !case.has_proof() && case.refresh().is_none() {
            setups.entry(case.setup()).or_default().push(case);
        }
    }
    assert_eq!(setups.values().map(Vec::len).sum::<usize>(), CASES);

    let mut objections = Vec::new();
    let mut key_refused = 0;
    let mut accepted = 0;
    let mut counts = BTreeMap::<Minted, usize>::new();
    for (setup, cases) in &setups {
        let folder = Folder::new();
        let files = FRAMEWORKS.map(|framework| setup.write(&keys, folder.path(), framework));
        if cases.iter().all(|case| case.authenticator(&keys).is_err()) {
            key_refused += cases.len();
            objections.extend(
                cases
                    .iter()
                    .filter_map(Case::objection_to_no_key)
                    .map(str::to_owned),
            );
            for file in files {
                let ended = refused(&mut command(&file));
                assert_eq!(
                    (ended.code, &*ended.stdout),
                    (Some(2), &[][..]),
                    "{setup:?}"
                );
                assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
            }
            continue;
        }
        let servers = files.map(|file| start(&file));
        for case in cases {
            let recipe = mint.recipe(case);
            *counts.entry(recipe.minted()).or_default() += 1;
            let (request, answers) = send(case, &recipe, servers.each_ref().map(Server::address));
            for (framework, answer) in FRAMEWORKS.iter().zip(&answers) {
                accepted += usize::from(answer.status == 200);
                if let Some(objection) = case.objection_to_server(&request, answer) {
                    objections.push(format!("{} on {framework}: {objection}", case.id));
                }
            }
            // Each server has its own limits on what it reads.
            let alike = |answer: &Answer| !is_by_the_server(&request, answer);
            let [axum, actix] = answers;
            if axum != actix && alike(&axum) && alike(&actix) {
                objections.push(format!("{}: {axum:?} on axum, {actix:?} on actix", case.id));
            }
        }
    }
    println!(
        "{CASES} cases: {counts:?}, {key_refused} with a key that is refused; {accepted} accepted"
    );
    assert!(objections.is_empty(), "{}", objections.join("\n"));
    assert_eq!(key_refused, KEY_REFUSED);
}

/// Sends the case as it is in the current second, and returns the request and the answers.
fn send(case: &Case, recipe: &Recipe, addresses: [SocketAddr; 2]) -> (Request, [Answer; 2]) {
    for _ in 0..TRIES {
        let now = SystemClock.now();
        let mut request = recipe.request(now);
        case.route(&mut request);
        let answers = addresses.map(|address| wire::send(address, &request));
        if SystemClock.now() == now {
            return (request, answers);
        }
    }
    panic!("{}: no answer within a second, {TRIES} times", case.id);
}
