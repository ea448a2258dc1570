//! The address of a client, as far as the connection tells it.

use std::net::IpAddr;

use crate::request::RequestHead;

/// Finds the client at the other end of the connection, or says why it is not known: the other end is in a
/// private network, and the request was forwarded. A limit for a proxy would let one client lock all
/// others out.
///
/// Only the presence of a forwarding header counts, and only from a private network.
pub(super) fn peer(head: &dyn RequestHead) -> Result<IpAddr, &'static str> {
    let address = head.peer().ok_or(UNKNOWN)?.to_canonical();
    match is_private(address) && is_forwarded(head) {
        true => Err(PROXY),
        false => Ok(address),
    }
}

const PROXY: &str = "logins come through a proxy: set `LoginLimits::builder().address(..)`";
const UNKNOWN: &str = "the server does not tell the addresses of clients: axum does with \
                       `into_make_service_with_connect_info::<SocketAddr>()`; for others, set \
                       `LoginLimits::builder().address(..)`";

/// Checks for an address that is not routed on the internet.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let is_shared = matches!(v4.octets(), [100, 64..=127, ..]); // RFC 6598
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || is_shared
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local(),
    }
}

fn is_forwarded(head: &dyn RequestHead) -> bool {
    FORWARDING.iter().any(|name| {
        let mut found = false;
        head.visit_header(name, &mut |_| found = true);
        found
    })
}

/// RFC 7239 section 4, RFC 9110 section 7.6.3, and what proxies send without an RFC.
const FORWARDING: [&str; 5] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-real-ip",
];

#[cfg(test)]
mod tests {
    use super::*;

    struct Head(Option<IpAddr>, Option<&'static str>);

    impl RequestHead for Head {
        fn method(&self) -> &str {
            "POST"
        }

        fn authority(&self) -> Option<&str> {
            None
        }

        fn path(&self) -> &str {
            "/"
        }

        fn query(&self) -> Option<&str> {
            None
        }

        fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
            if self.1 == Some(name) {
                visit(b"203.0.113.9");
            }
        }

        fn peer(&self) -> Option<IpAddr> {
            self.0
        }
    }

    fn peer(address: &str, header: Option<&'static str>) -> Result<IpAddr, &'static str> {
        super::peer(&Head(address.parse().ok(), header))
    }

    #[test]
    fn a_forwarding_header_from_the_internet_changes_nothing() {
        for address in ["198.51.100.7", "2001:db8::7", "100.63.0.1", "172.32.0.1"] {
            let client = Ok(address.parse().unwrap());
            for header in FORWARDING {
                assert_eq!(peer(address, Some(header)), client, "{address} {header}");
            }
        }
    }

    #[test]
    fn one_from_a_private_network_tells_a_proxy_and_without_it_there_is_a_client() {
        for address in [
            "127.0.0.1",
            "10.0.0.7",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "::1",
            "fd00::1",
            "fe80::1",
        ] {
            let client = Ok(address.parse().unwrap());
            assert_eq!(
                peer(address, Some("x-forwarded-for")),
                Err(PROXY),
                "{address}"
            );
            assert_eq!(peer(address, None), client);
            assert_eq!(peer(address, Some("x-other")), client);
        }
        assert_eq!(peer("::ffff:10.0.0.7", Some("via")), Err(PROXY));
        assert_eq!(peer("no address", Some("via")), Err(UNKNOWN));
    }
}
