//! The keys under which failures are counted: hashes of accounts and networks.

use std::{
    hash::{BuildHasher, RandomState},
    net::{IpAddr, Ipv6Addr},
};

use unicode_normalization::UnicodeNormalization;

/// Makes keys by SipHash under a random key: nobody outside can choose two that meet, and memory
/// contains no account in clear.
#[derive(Default)]
pub(super) struct Keys(RandomState);

impl Keys {
    /// Returns the key of an account. `account` is [`folded`].
    pub(super) fn account(&self, account: &str) -> u64 {
        self.0.hash_one(("account", account))
    }

    /// Returns the key of an account at a network. `account` is as the client spells it: two that are
    /// one when [`folded`] are two here.
    pub(super) fn account_at(&self, account: &str, network: IpAddr) -> u64 {
        self.0.hash_one(("account at", account, network))
    }

    pub(super) fn network(&self, network: IpAddr) -> u64 {
        self.0.hash_one(("network", network))
    }
}

/// Brings the spellings of an account together: case, width, accents, and anything that is no letter
/// or digit.
///
/// It is coarser than most databases, whose collations differ. Merging two accounts makes their limit
/// stricter; telling apart two spellings that the database takes for one would multiply it.
pub(super) fn folded(account: &str) -> String {
    let folded: String = account
        .nfkd()
        // By way of the upper case, `ß` meets `ss`, and both lower-case sigmas meet.
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .filter(|character| character.is_alphanumeric())
        .collect();
    if folded.is_empty() {
        account.trim().to_owned()
    } else {
        folded
    }
}

/// Returns the network that counts as one address: an IPv4 address, or the /64 of an IPv6 address, of which
/// every customer has at least one.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_an_account_have_one_key() {
        for spelling in [
            "ada@example.com",
            "ADA@Example.Com",
            "  ada@example.com\t",
            "\u{200b}ada@example.com\0",
            "ａｄａ＠example.com",
            "àdá@example.com",
            "a\u{301}da@example.com",
            "a.da@example.com",
        ] {
            assert_eq!(folded(spelling), "adaexamplecom", "{spelling:?}");
        }
        assert_eq!(folded("STRASSE"), folded("straße"));
        assert_eq!(folded("ΟΔΥΣΣΕΥΣ"), folded("οδυσσευς"));
        assert_eq!(folded("I"), folded("ı"));
    }

    #[test]
    fn other_accounts_have_other_keys() {
        let keys = Keys::default();
        for (one, other) in [
            ("ada", "adam"),
            ("ada@example.com", "ada@example.org"),
            ("用户一", "用户二"),
            ("😀", "😁"),
            ("1", "2"),
        ] {
            assert_ne!(keys.account(&folded(one)), keys.account(&folded(other)));
        }
        let network = IpAddr::from([192, 0, 2, 1]);
        assert_ne!(keys.account("ada"), keys.account_at("ada", network));
    }

    #[test]
    fn a_64_of_ipv6_is_one_network_and_an_address_of_ipv4_another() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("::ffff:192.0.2.1"), of("::ffff:192.0.2.2"));
    }
}
