//! Tests of the bounds that a store in memory is built with.

use countersign::{ConfigError, proof::MemoryReplayStore};

#[test]
fn bounds_that_make_no_sense_are_refused_and_their_neighbours_are_not() {
    let build = |proofs, proofs_of_a_key| {
        let store = MemoryReplayStore::builder().proofs(proofs);
        store.proofs_of_a_key(proofs_of_a_key).build()
    };
    for (proofs, proofs_of_a_key) in [(0, 0), (0, 1), (1, 0)] {
        let refused = build(proofs, proofs_of_a_key).unwrap_err();
        assert!(
            matches!(refused, ConfigError::InvalidSetting(_)),
            "{refused}"
        );
        assert!(refused.to_string().contains("`proofs_of_a_key`"));
    }
    let refused = build(9, 10).unwrap_err();
    assert!(matches!(refused, ConfigError::Conflict(_)), "{refused}");
    for (proofs, proofs_of_a_key) in [(1, 1), (10, 10), (usize::MAX, 1)] {
        build(proofs, proofs_of_a_key).unwrap();
    }
    MemoryReplayStore::builder().build().unwrap();
    // The default quota is above so small a bound.
    MemoryReplayStore::builder()
        .proofs(999)
        .build()
        .unwrap_err();
}

#[test]
fn its_debug_text_has_numbers_only() {
    let store = MemoryReplayStore::new();
    crate::insert(&store, crate::key(7, 7), crate::NOW, crate::NOW);
    let text = format!("{store:?}");
    assert!(text.contains("proofs: 1"), "{text}");
    assert!(text.contains("100000"), "{text}");
    assert!(!text.contains(&crate::key(7, 7).to_string()), "{text}");
}
