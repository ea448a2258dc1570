//! Tests of sessions at two nodes against a simple oracle, whatever clients, thieves, clocks and
//! stores do.
//!
//! Proptest plays a scene: clients log in, refresh, change their password and log out concurrently,
//! at either node, with tokens that are their own, stolen or forged. At each operation of the
//! store, and each request for claims, the scene decides which client continues. Operations fail
//! before or after their effect, connections break, nodes crash. Each [node] has a clock of its
//! own, which leaps and can be an hour from the other one's, and a replica of the revocations,
//! which arrive when the scene lets them. The [oracle](family) models a session as the list of its
//! tokens. These rules are checked at every step:
//!
//! 1. One chain: a token has one successor, and only the newest one is ever exchanged.
//! 2. No false revocation: a session ends before its time only by a logout, or because the subject is
//!    gone, or because a client presented a token that was, when the store was first asked, neither
//!    the newest nor exchanged within the grace window.
//! 3. No missed reuse: such a token never gets an answer, and after it the session is over.
//! 4. No expiry beyond the absolute one, and no access token beyond the session.
//! 5. An outage changes nothing: each call that fails can be made again.
//! 6. A login starts a session if and only if all sessions were not ended between its beginning and its
//!    end, in the order in which the store did it: no clock decides.
//! 7. A node refuses every access token of a session that it has ended or knows has ended, and all
//!    access tokens while its list is older than the bound; it refuses none of a session that goes on.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod call;
mod family;
mod judge;
mod node;
mod scene;
mod stage;

use proptest::{collection::vec, prelude::*};

use crate::{
    call::{Answer, Call, Token},
    scene::{Act, Rules, Scene},
    stage::Fault,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn sessions_keep_their_rules(rules in rules(), acts in vec(act(), 1..120)) {
        let mut scene = Scene::new(rules);
        for act in acts {
            scene.play(act);
        }
        scene.finish();
    }
}

fn rules() -> impl Strategy<Value = Rules> {
    let grace = prop_oneof![4 => Just(10), 1 => Just(0), 1 => Just(1), 1 => Just(60)];
    let apart = prop_oneof![6 => Just(0), 4 => -5..6_i64, 3 => -3_600..3_601_i64];
    (grace, prop::bool::weighted(0.2), apart).prop_map(|(grace, bound, apart)| Rules {
        grace,
        bound,
        apart,
    })
}

fn act() -> impl Strategy<Value = Act> {
    let client = 0..Scene::CLIENTS;
    let node = 0..Scene::NODES;
    prop_oneof![
        8 => (client.clone(), node.clone(), call())
            .prop_map(|(client, node, call)| Act::Begin(client, node, call)),
        30 => (client.clone(), fault()).prop_map(|(client, fault)| Act::Go(client, fault)),
        1 => client.prop_map(Act::Break),
        4 => seconds().prop_map(|both| Act::Clock([both; Scene::NODES])),
        1 => (seconds(), seconds()).prop_map(|(one, other)| Act::Clock([one, other])),
        1 => prop::bool::weighted(0.3).prop_flat_map(move |crash| match crash {
            true => node.clone().prop_map(Act::Crash).boxed(),
            false => node.clone().prop_map(Act::Login).boxed(),
        }),
        1 => Just(Act::Sweep),
        4 => (0..Scene::NODES, message_count())
            .prop_map(|(node, count)| Act::Deliver(node, count)),
        2 => Just(Act::Verify),
    ]
}

fn message_count() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(usize::MAX), 1 => 0..3_usize]
}

fn call() -> impl Strategy<Value = Call> {
    let refresh = (token(), answer(), prop::bool::weighted(0.1), any::<bool>()).prop_map(
        |(token, answer, stranger, keeps)| Call::Refresh {
            token,
            answer,
            stranger,
            keeps,
        },
    );
    prop_oneof![
        30 => refresh,
        3 => any::<bool>().prop_map(|keeps| Call::LogIn { keeps }),
        3 => token().prop_map(Call::Logout),
        1 => Just(Call::LogoutEverywhere),
        1 => Just(Call::ChangePassword),
    ]
}

fn token() -> impl Strategy<Value = Token> {
    prop_oneof![
        12 => Just(Token::Own),
        6 => Just(Token::Newest),
        2 => (1..5_usize).prop_map(Token::Older),
        1 => Just(Token::Forged),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![20 => Just(Answer::Claims), 1 => Just(Answer::Gone), 3 => Just(Answer::Outage)]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![20 => Just(Fault::None), 1 => Just(Fault::Before), 2 => Just(Fault::After)]
}

fn seconds() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 1..15_i64, 3 => -15..0_i64, 2 => 20..60_i64, 1 => -500..500_i64]
}
