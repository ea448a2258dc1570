//! Tests of the keys that seal a ring: in base64, from the environment and from files.

use std::fs;

use countersign::{ConfigError, issue::SealingKeys};

const ONE: &str = "14YaDzf4RNGRsSWef680Mi2WzuUF4CGMTmm5SjXr1uQ=";
const OTHER: &str = "s2QNMaBdF0rOJ41rYIu-kTJoXrTqA9gUWW9fpKwAMZo";

#[test]
fn keys_are_read_with_white_space_between_them() {
    let ids =
        |text: &str| SealingKeys::from_base64(text).map(|keys| keys.ids().collect::<Vec<_>>());
    let [one, other] = [ONE, OTHER].map(|text| ids(text).unwrap().remove(0));
    assert_eq!((one.len(), one == other), (16, false));
    for text in [
        format!("{ONE} {OTHER}"),
        format!("{ONE}\n{OTHER}\n"),
        format!("\r\n\t{ONE}\r\n\r\n{OTHER}"),
    ] {
        assert_eq!(ids(&text).unwrap(), [&*one, &*other], "{text:?}");
    }
    assert_eq!(ids(&format!("{OTHER} {ONE}")).unwrap(), [other, one]);
}

#[test]
fn keys_that_are_none_are_refused_without_showing_them() {
    let short = "14YaDzf4RNGRsSWef680Mi2WzuUF4CGMTmm5SjXr1g==";
    let long = "14YaDzf4RNGRsSWef680Mi2WzuUF4CGMTmm5SjXr1uQA";
    let repeated = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
    type Expected = fn(&ConfigError) -> bool;
    let weak: Expected = |error| matches!(error, ConfigError::WeakKey(_));
    let invalid: Expected = |error| matches!(error, ConfigError::InvalidKey(_));
    let twice: Expected = |error| matches!(error, ConfigError::Conflict(_));
    let missing: Expected = |error| matches!(error, ConfigError::Missing(_));
    let again = format!("{ONE} {ONE}");
    let with_comma = format!("{ONE},{OTHER}");
    for (text, expected) in [
        ("", missing),
        (" \n", missing),
        (short, weak),
        (repeated, weak),
        (long, invalid),
        ("not base64!", invalid),
        (&with_comma, invalid),
        (&again, twice),
    ] {
        let refused = SealingKeys::from_base64(text).unwrap_err();
        assert!(expected(&refused), "{text}: {refused:?}");
        let told = refused.to_string();
        let shown = told
            .split_whitespace()
            .any(|word| word.len() > 8 && text.contains(word));
        assert!(!shown, "{told}");
    }
}

#[test]
fn keys_from_elsewhere_are_checked_too() {
    let key = |first: u8| std::array::from_fn(|index| first + index as u8);
    assert_eq!(SealingKeys::new([key(1), key(2)]).unwrap().ids().count(), 2);
    for bad in [vec![], vec![[7; 32]], vec![key(1), key(1)]] {
        SealingKeys::new(bad).unwrap_err();
    }
}

#[test]
fn no_environment_is_an_error_that_names_the_variable() {
    let refused = SealingKeys::from_env("COUNTERSIGN_NO_SUCH_VARIABLE").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "missing setting: COUNTERSIGN_NO_SUCH_VARIABLE is not set"
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sealing.key");
    SealingKeys::from_file(&path).unwrap_err();
    fs::write(&path, format!("{ONE}\n")).unwrap();
    for (mode, is_good) in [(0o600, true), (0o400, true), (0o604, false), (0o620, false)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let read = SealingKeys::from_file(&path);
        assert_eq!(read.is_ok(), is_good, "{mode:o}: {read:?}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "c2hvcnQ=").unwrap();
    let refused = SealingKeys::from_file(&path).unwrap_err().to_string();
    assert!(
        refused.contains("sealing.key: a sealing key has 32 bytes"),
        "{refused}"
    );
}

#[test]
fn a_derived_secret_is_of_its_purpose_and_of_the_first_key() {
    let [one, both, other] = [ONE.to_owned(), format!("{ONE} {OTHER}"), OTHER.to_owned()]
        .map(|text| SealingKeys::from_base64(text).unwrap());
    let secret = |keys: &SealingKeys, purpose| keys.derive_secret(purpose).as_ref().to_vec();
    assert_eq!(secret(&one, "csrf").len(), 32);
    assert_eq!(secret(&one, "csrf"), secret(&both, "csrf"));
    assert_ne!(secret(&one, "csrf"), secret(&one, "mail"));
    assert_ne!(secret(&one, "csrf"), secret(&other, "csrf"));
}
