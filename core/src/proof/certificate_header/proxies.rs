//! The proxies that are trusted with a header, by their addresses.

use std::{net::IpAddr, str::FromStr};

use ipnet::IpNet;

use crate::error::ConfigError;

/// Addresses and networks. There is at least one, and none is everybody.
#[derive(Clone, Debug)]
pub(super) struct Proxies(Vec<IpNet>);

impl Proxies {
    pub(super) fn parse(
        from: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, ConfigError> {
        let networks: Result<Vec<_>, _> = from
            .into_iter()
            .map(|text| network(text.as_ref()))
            .collect();
        let networks = networks?;
        if networks.is_empty() {
            return Err(ConfigError::Missing(
                "the addresses of the proxies that may send client certificates in a header".into(),
            ));
        }
        Ok(Self(networks))
    }

    /// Returns whether a peer is one of them. An IPv4 address that a socket for IPv6 shows (`::ffff:10.0.0.1`) is that
    /// address.
    pub(super) fn contain(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|network| network.contains(&peer))
    }
}

fn network(text: &str) -> Result<IpNet, ConfigError> {
    let invalid = |reason: &str| ConfigError::InvalidSetting(format!("{text:?} {reason}"));
    if let Ok(address) = IpAddr::from_str(text) {
        if address.is_unspecified() {
            return Err(invalid("is the address of no proxy"));
        }
        return Ok(IpNet::from(address.to_canonical()));
    }
    let network = IpNet::from_str(text)
        .map_err(|_| invalid("is no address and no network, as in \"10.0.0.0/8\""))?;
    if network.prefix_len() == 0 {
        return Err(invalid(
            "is everybody: a client could send the certificate of another one",
        ));
    }
    if network != network.trunc() {
        return Err(invalid(&format!(
            "has bits behind the prefix; the network is \"{}\"",
            network.trunc()
        )));
    }
    // Peers are compared in their IPv4 form: such a network would have no member.
    if matches!(network.network(), IpAddr::V6(address) if address.to_ipv4_mapped().is_some()) {
        return Err(invalid("is a network of IPv4: write it as one"));
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_itself_and_a_network_all_of_its_members() {
        let proxies = Proxies::parse(["127.0.0.1", "10.0.0.0/8", "::1", "fd00::/8"]).unwrap();
        let is_in = |peer: &str| proxies.contain(peer.parse().unwrap());
        for peer in [
            "127.0.0.1",
            "10.0.0.0",
            "10.255.255.255",
            "::1",
            "fd12::7",
            "::ffff:10.1.2.3",
            "::ffff:127.0.0.1",
        ] {
            assert!(is_in(peer), "{peer}");
        }
        for peer in [
            "127.0.0.2",
            "11.0.0.0",
            "9.255.255.255",
            "::2",
            "fe80::1",
            "::ffff:11.0.0.1",
            "::10.0.0.1",
        ] {
            assert!(!is_in(peer), "{peer}");
        }
    }

    #[test]
    fn lists_that_trust_nobody_or_everybody_are_refused() {
        let nobody = Proxies::parse([""; 0]).unwrap_err();
        assert!(matches!(nobody, ConfigError::Missing(_)), "{nobody}");
        for text in [
            "",
            "localhost",
            "proxy.example",
            "127.0.0.1:80",
            "[::1]",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0/8",
            " 10.0.0.0/8",
            "10.0.0.1/8",
            "0.0.0.0",
            "::",
            "0.0.0.0/0",
            "::/0",
            "::ffff:10.0.0.0/104",
        ] {
            let error = Proxies::parse(["127.0.0.1", text]).unwrap_err();
            assert!(
                matches!(error, ConfigError::InvalidSetting(_)),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn the_error_says_what_the_network_would_be() {
        let error = Proxies::parse(["10.1.2.3/8"]).unwrap_err().to_string();
        assert!(error.contains(r#"the network is "10.0.0.0/8""#), "{error}");
        assert!(Proxies::parse(["10.0.0.0/8"]).is_ok());
    }
}
