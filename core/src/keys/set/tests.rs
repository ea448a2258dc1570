use super::*;

#[test]
fn each_key_is_found_by_its_id_in_order() {
    let secret = "a secret of the tests, of 32 bytes or more";
    let ids = (0..50).flat_map(|n| {
        let id = match n % 5 {
            0 => None,
            1 => Some(String::new()),
            2 => Some(format!("{n}")),
            3 => Some(format!("a long one that ends alike {}", n / 10)),
            _ => Some("shared".to_owned()),
        };
        [id.clone(), id]
    });
    let keys = ids.map(|id| {
        let key = Key::hs256(secret).expect("a good secret");
        match id {
            Some(id) => key.with_id(id),
            None => key,
        }
    });
    let set = KeySet::new(keys);
    let found = |id: Option<&str>| set.with_id(id).collect::<Vec<_>>();
    for id in set.keys().iter().map(Key::id).chain([Some("another")]) {
        let all = set.keys().iter().enumerate();
        let expected: Vec<_> = all.filter(|(_, key)| key.id() == id).map(|n| n.0).collect();
        assert_eq!(found(id), expected, "{id:?}");
    }
}
