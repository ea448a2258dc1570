//! The people whose sessions go through an event, and what each is told.

use countersign::session::{SessionErrorKind, TokenPair, store::SessionStore};

use crate::{
    node::Node,
    table::{Row, row},
};

/// An event in which a store loses writes.
pub(crate) trait Event: Sized {
    type Store: SessionStore;

    /// The event, as the table has it.
    const NAME: &'static str;

    /// Starts the servers; `None` if they are not installed.
    async fn start() -> Option<(Self, Self::Store)>;
    /// Writes that come after this are lost.
    async fn cut(&mut self);
    /// Returns the store without them, which the operator has marked where the runbook says so.
    async fn after(&mut self) -> Self::Store;
}

/// Sessions for each row.
const EACH: usize = 10;

/// Makes the rows of an event; `None` where its servers are not installed.
pub(crate) async fn rows<E: Event>() -> Option<Vec<Row>> {
    let without = told::<E>(false).await?;
    let with = told::<E>(true).await?;
    let rows = CASES.iter().zip(without.into_iter().zip(with));
    Some(
        rows.map(|(case, (without, with))| row(E::NAME, case, without, with))
            .collect(),
    )
}

const CASES: [&str; 5] = [
    "not refreshed meanwhile",
    "refreshed, and that is lost",
    "refreshed, and that is lost; then a thief uses the token from before",
    "presents a token again that the store has seen exchanged",
    "logged out, and that is lost",
];

async fn told<E: Event>(has_choice: bool) -> Option<[&'static str; CASES.len()]> {
    let (mut event, store) = E::start().await?;
    // As a node that follows the log does.
    store.epoch().await.unwrap().unwrap();
    let before = Node::new(store, has_choice);
    before.at(-1_000);
    let mut sessions: [Vec<TokenPair>; CASES.len()] = Default::default();
    for (case, some) in sessions.iter_mut().enumerate() {
        for number in 0..EACH {
            some.push(before.login(&format!("{case} {number}")).await);
        }
    }
    let [idle, honest, copied, exchanged, left] = sessions;
    for pair in &exchanged {
        before.refresh(pair.refresh_token()).await.unwrap();
    }

    event.cut().await;
    before.at(-500);
    let lost = refreshed(&before, &honest).await;
    let lost_and_copied = refreshed(&before, &copied).await;
    for pair in &left {
        assert!(before.sessions.end(pair.session().id()).await.unwrap());
    }
    drop(before);

    let store = event.after().await;
    // As a node that follows the log does.
    store.epoch().await.unwrap().unwrap();
    let after = Node::new(store, has_choice);
    after.at(60);
    refreshed(&after, &copied).await;
    after.at(120);
    let told = [
        all_told(&after, &idle).await,
        all_told(&after, &lost).await,
        all_told(&after, &lost_and_copied).await,
        all_told(&after, &exchanged).await,
        all_told(&after, &left).await,
    ];

    // What the event has revived, the runbook ends.
    let again = after.login("later").await;
    after.at(121);
    let ended = after
        .sessions
        .end_everything_before(again.session().created_at());
    assert!(ended.await.unwrap() >= 2 * EACH as u64);
    for pair in left.iter().chain(&idle) {
        let refused = after.refresh(pair.refresh_token()).await.unwrap_err();
        assert_eq!(refused, SessionErrorKind::Unknown);
    }
    assert_eq!(after.present(&again).await, "goes on");
    Some(told)
}

async fn refreshed(node: &Node, pairs: &[TokenPair]) -> Vec<TokenPair> {
    let mut next = Vec::new();
    for pair in pairs {
        next.push(node.refresh(pair.refresh_token()).await.unwrap());
    }
    next
}

/// Returns what all of them are told.
async fn all_told(node: &Node, pairs: &[TokenPair]) -> &'static str {
    let first = node.present(&pairs[0]).await;
    for pair in &pairs[1..] {
        assert_eq!(node.present(pair).await, first);
    }
    first
}
